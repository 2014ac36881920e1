"""What happened to one order, in words, from whatever a journal holds."""

import pytest

from mm.domain.commands import AnyCommand, Cancel, ListBalances, Place, Query, Report
from mm.domain.events import (
    AckMismatch,
    Advanced,
    AnyEvent,
    CancelRejected,
    CancelUnknown,
    ListedOrder,
    OrderAcked,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderNotFound,
    OrderRejected,
    OrderSeen,
    OrdersListed,
    PlaceUnknown,
    Source,
)
from mm.domain.sides import Side
from mm.observe.order_life import moment
from tests.builders.instruments import INSTRUMENT
from tests.builders.risk_views import make_exit, make_place, make_sell

CID = "0" * 32
STREAM = Source.STREAM


def listed(cid: str) -> OrdersListed:
    """A listing of open orders that shows one."""
    order = ListedOrder(cid, "v", Side.BUY, 1, 2, 1)
    return OrdersListed(ts_ns=1, symbol="AAA/BBB", asked_ns=1, orders=(order,))


@pytest.mark.parametrize(
    ("entry", "what", "words"),
    [
        (make_place(cid=CID), "placed", "bid at 99.95 for 0.01 AAA, post-only, on book 1, 1 ms old"),
        (make_sell(cid=CID), "placed", "ask at 100.05 for 0.01 AAA, post-only, on book 1, 1 ms old"),
        (
            make_exit(cid=CID),
            "placed",
            "ask at 100 for 0.01 AAA, takes at once, only reduces, on book 1, 1 ms old",
        ),
        (Cancel(cid=CID, symbol="AAA/BBB"), "cancel sent", ""),
        (Query(cid=CID, symbol="AAA/BBB"), "asked about", ""),
        (
            OrderAcked(ts_ns=1, cid=CID, venue_order_id="7", price_ticks=1, size_lots=1, source=STREAM),
            "acknowledged",
            "as 7, by stream",
        ),
        (
            OrderFilled(
                ts_ns=1,
                symbol="AAA/BBB",
                cid=CID,
                trade_id=9,
                side=Side.BUY,
                price_ticks=9_995,
                size_lots=4,
                fee_atoms=0,
                fee_asset="BBB",
                maker=True,
                source=STREAM,
            ),
            "filled",
            "0.004 AAA at 99.95 as maker, trade 9, by stream",
        ),
        (
            OrderCanceled(ts_ns=1, cid=CID, cum_lots=-1, source=STREAM),
            "cancelled",
            "filled before: not told, by stream",
        ),
        (
            OrderExpired(ts_ns=1, cid=CID, cum_lots=3, prevented=True, source=STREAM),
            "expired",
            "self-trade prevented, filled before: 0.003 AAA",
        ),
        (
            OrderExpired(ts_ns=1, cid=CID, cum_lots=0, prevented=False, source=STREAM),
            "expired",
            "expired, filled before: 0 AAA",
        ),
        (OrderRejected(ts_ns=1, cid=CID, code=-2010, reason="no"), "rejected", "venue code -2010: no"),
        (PlaceUnknown(ts_ns=1, cid=CID, cause="timeout"), "placement unknown", "timeout"),
        (CancelUnknown(ts_ns=1, cid=CID, cause="timeout"), "cancel unknown", "timeout"),
        (CancelRejected(ts_ns=1, cid=CID, code=-2011), "cancel refused", "venue code -2011"),
        (
            OrderSeen(ts_ns=1, cid=CID, venue_order_id="7", open=True, cum_lots=0),
            "seen at the venue",
            "open, filled 0 AAA",
        ),
        (
            OrderSeen(ts_ns=1, cid=CID, venue_order_id="7", open=False, cum_lots=2),
            "seen at the venue",
            "not open, filled 0.002 AAA",
        ),
        (OrderNotFound(ts_ns=1, cid=CID), "not found", "the venue does not show it"),
        (AckMismatch(ts_ns=1, cid=CID, detail="other price"), "mismatch", "other price"),
        (listed(CID), "listed", "open, filled 0.001 AAA"),
        (
            Report(ts_ns=1, code="order.dead", session="main", facts=(("cid", CID), ("evidence", "both"))),
            "order.dead",
            "evidence both",
        ),
    ],
)
def test_every_entry_about_the_order_is_told(entry: AnyEvent | AnyCommand, what: str, words: str) -> None:
    """With its amounts in the assets' own units."""
    found = moment(5, entry, CID, INSTRUMENT)
    assert found is not None
    assert (found.ts_ns, found.what, found.words) == (5, what, words)


@pytest.mark.parametrize(
    "entry",
    [
        Advanced(ts_ns=1),
        ListBalances(),
        Cancel(cid="f" * 32, symbol="AAA/BBB"),
        listed("f" * 32),
        Report(ts_ns=1, code="order.dead", session="main", facts=(("cid", "f" * 32),)),
        Report(ts_ns=1, code="halt", session="", facts=()),
    ],
)
def test_what_is_about_something_else_is_not_told(entry: AnyEvent | AnyCommand) -> None:
    """Other orders, and what is about none."""
    assert moment(5, entry, CID, INSTRUMENT) is None
    assert not isinstance(entry, Place)
