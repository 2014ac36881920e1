"""Tests of mm/venues/binance/reports.py: what each event of the user stream says."""

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from mm.domain.events import (
    AnyEvent,
    BalanceChanged,
    OrderAcked,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    PlaceUnknown,
    Source,
)
from mm.domain.sides import Side
from mm.venues.binance.link import Link
from mm.venues.binance.reports import user_events
from mm.venues.binance.settings import BinanceSettings
from tests.builders.instruments import make_test_instrument
from tests.builders.venue_setup import START_NS, TickingClock, btc_usdt

REPORT: dict[str, Any] = {
    "e": "executionReport",
    "E": 1,
    "s": "BTCUSDT",
    "c": "ours",
    "S": "BUY",
    "o": "LIMIT_MAKER",
    "f": "GTC",
    "q": "2.00000000",
    "p": "100.00000000",
    "C": "",
    "x": "NEW",
    "X": "NEW",
    "r": "NONE",
    "i": 77,
    "l": "0.00000000",
    "z": "0.00000000",
    "L": "0.00000000",
    "n": "0",
    "N": None,
    "T": 1,
    "t": -1,
    "m": False,
    "V": "EXPIRE_MAKER",
}
TRADE = {
    "x": "TRADE",
    "X": "PARTIALLY_FILLED",
    "l": "0.50000000",
    "z": "0.50000000",
    "L": "99.50000000",
    "n": "0.00050000",
    "N": "BTC",
    "t": 9,
    "m": True,
}


@pytest.fixture
def link() -> Link:
    """What an adapter of BTC/USDT shares."""
    made = Link(BinanceSettings(clock=TickingClock()))
    made.know((btc_usdt(),))
    return made


def told(link: Link, **changes: Any) -> list[AnyEvent]:
    """Return the events of a report with these changes."""
    return list(user_events(link, REPORT | changes))


def test_a_new_order_is_an_ack(link: Link) -> None:
    """It comes by the stream, often before the answer."""
    assert told(link) == [
        OrderAcked(
            ts_ns=START_NS + 1_000,
            cid="ours",
            venue_order_id="77",
            price_ticks=10_000,
            size_lots=200_000,
            source=Source.STREAM,
        )
    ]
    assert link.ids.cid("77") == "ours"


def test_an_execution_is_a_fill_with_its_fee(link: Link) -> None:
    """Price and size are those of this execution, the fee in atoms of its asset."""
    (fill,) = told(link, **TRADE)
    assert isinstance(fill, OrderFilled)
    assert (fill.symbol, fill.cid, fill.trade_id, fill.side) == ("BTC/USDT", "ours", 9, Side.BUY)
    assert (fill.price_ticks, fill.size_lots) == (9_950, 50_000)
    assert (fill.fee_atoms, fill.fee_asset, fill.maker) == (50_000, "BTC", True)
    assert fill.source is Source.STREAM


@pytest.mark.parametrize(
    ("fee", "asset", "atoms"),
    [("0.00000001", "BNB", 1), ("0.123456789", "BNB", 12_345_679), ("-0.5", "USDT", -50_000_000)],
)
def test_fees_in_any_asset_are_exact_or_rounded_against_us(
    link: Link, fee: str, asset: str, atoms: int
) -> None:
    """A third asset is held in eight decimals; a rebate is negative."""
    (fill,) = told(link, **TRADE | {"n": fee, "N": asset})
    assert isinstance(fill, OrderFilled)
    assert (fill.fee_atoms, fill.fee_asset) == (atoms, asset)


def test_a_fill_without_a_fee_may_name_no_asset(link: Link) -> None:
    """Where nothing was taken, the quote asset stands in."""
    (fill,) = told(link, **TRADE | {"n": "0", "N": None})
    assert isinstance(fill, OrderFilled)
    assert (fill.fee_atoms, fill.fee_asset) == (0, "USDT")


def test_a_liquidation_is_a_fill(link: Link) -> None:
    """Facts count, whatever brought them about."""
    assert isinstance(told(link, **TRADE | {"x": "CALCULATED", "X": "FILLED"})[0], OrderFilled)


def test_a_cancellation_names_the_order_and_not_the_request(link: Link) -> None:
    """The request's id stands in c, the order's in C."""
    (event,) = told(link, x="CANCELED", X="CANCELED", c="request", C="ours", z="0.50000000")
    assert event == OrderCanceled(ts_ns=START_NS + 1_000, cid="ours", cum_lots=50_000, source=Source.STREAM)


@pytest.mark.parametrize(
    ("execution", "status", "prevented"),
    [
        ("EXPIRED", "EXPIRED", False),
        ("EXPIRED", "EXPIRED_IN_MATCH", True),
        ("TRADE_PREVENTION", "EXPIRED_IN_MATCH", True),
        ("TRADE_PREVENTION", "EXPIRED", True),
        ("TRADE", "EXPIRED", False),
    ],
)
def test_an_order_that_the_venue_ended_has_expired(
    link: Link, execution: str, status: str, prevented: bool
) -> None:
    """Self-trade prevention is told apart: it is an incident."""
    (event,) = told(link, x=execution, X=status)
    assert event == OrderExpired(
        ts_ns=START_NS + 1_000, cid="ours", cum_lots=0, prevented=prevented, source=Source.STREAM
    )


@pytest.mark.parametrize(
    ("reason", "crossed", "funds"),
    [
        ("WOULD_MATCH_IMMEDIATELY", True, False),
        ("INSUFFICIENT_BALANCES", False, True),
        ("GTX_ORDER_REJECT", False, False),
    ],
)
def test_a_rejection_says_why(link: Link, reason: str, crossed: bool, funds: bool) -> None:
    """The reasons that the engine acts on are flags."""
    (event,) = told(link, x="REJECTED", X="REJECTED", r=reason)
    assert event == OrderRejected(
        ts_ns=START_NS + 1_000, cid="ours", code=-2010, reason=reason, crossed=crossed, funds=funds
    )


def test_a_rejected_duplicate_does_not_kill_the_order_that_lives(link: Link) -> None:
    """The id is in use: a first attempt got through."""
    (event,) = told(link, x="REJECTED", X="REJECTED", r="DUPLICATE_ORDER")
    assert isinstance(event, PlaceUnknown)
    assert event.duplicate


@pytest.mark.parametrize(
    "changes",
    [
        {"x": "TRADE", "X": "PARTIALLY_FILLED"},
        {"x": "TRADE", "X": "NEW"},
        {"x": "CANCELED", "X": "PENDING_CANCEL"},
        {"x": "TRADE_PREVENTION", "X": "NEW"},
        {"x": "REPLACED", "X": "NEW"},
        {"x": "TELEPORTED", "X": "NEW"},
        {"s": "ETHUSDT"},
        {"e": "balanceUpdate"},
        {"e": "listStatus"},
        {"e": "somethingNew"},
    ],
)
def test_what_says_nothing_to_us_is_counted_and_not_fatal(link: Link, changes: dict[str, Any]) -> None:
    """No event, no error, one more in the count."""
    assert told(link, **changes) == []
    assert link.ignored.total() == 1


@pytest.mark.parametrize("status", ["CANCELED", "NEW"])
def test_an_order_of_a_person_may_be_off_our_grid(link: Link, status: str) -> None:
    """It is rounded up in size and down in price; it must not end the stream."""
    (event,) = told(link, x=status, X=status, q="0.000012", p="100.019", z="0.000012")
    if isinstance(event, OrderAcked):
        assert (event.price_ticks, event.size_lots) == (10_001, 2)
    else:
        assert isinstance(event, OrderCanceled)
        assert event.cum_lots == 1


@pytest.mark.parametrize(
    "changes",
    [
        TRADE | {"l": "0.000001"},
        TRADE | {"L": "99.501"},
        TRADE | {"L": "0.00000000"},
        TRADE | {"m": None},
        TRADE | {"N": None},
        TRADE | {"t": "9"},
        TRADE | {"S": "HOLD"},
        {"i": None},
        {"q": "much"},
    ],
)
def test_a_report_that_cannot_be_read_raises(link: Link, changes: dict[str, Any]) -> None:
    """Its stream ends, and the listings tell what it said."""
    with pytest.raises(ValueError):
        told(link, **changes)


def test_balances_come_one_by_one(link: Link) -> None:
    """Free and locked, in atoms; an asset that we do not trade in eight decimals."""
    frame = {
        "e": "outboundAccountPosition",
        "B": [{"a": "BTC", "f": "1.5", "l": "0.25"}, {"a": "BNB", "f": "0.000000019", "l": "0"}],
    }
    assert list(user_events(link, frame)) == [
        BalanceChanged(ts_ns=START_NS + 1_000, asset="BTC", free_atoms=150_000_000, locked_atoms=25_000_000),
        BalanceChanged(ts_ns=START_NS + 1_000, asset="BNB", free_atoms=1, locked_atoms=0),
    ]


FIXTURES = {
    "execution_report_new": OrderAcked,
    "execution_report_new_price_match": OrderAcked,
    "execution_report_trade": OrderFilled,
    "execution_report_custom_client_id": OrderFilled,
    "execution_report_empty_client_id": OrderFilled,
    "execution_report_canceled": OrderCanceled,
    "execution_report_expired": OrderExpired,
    "execution_report_rejected": OrderRejected,
    "execution_report_trade_prevention": OrderExpired,
    "execution_report_binance_us": OrderFilled,
    "execution_report_calculated": OrderFilled,
    "execution_report_trade_l_zero_new": None,
    "execution_report_trade_l_zero_partial": None,
    "execution_report_trade_l_zero_canceled": OrderCanceled,
    "execution_report_trade_l_zero_expired": OrderExpired,
    "execution_report_pending_cancel": None,
    "execution_report_wrapped": OrderAcked,
    "account_position": BalanceChanged,
    "account_position_wrapped": BalanceChanged,
    "balance_update": None,
    "list_status_wrapped": None,
}


def test_recorded_and_documented_payloads_mean_what_they_say(shared_data: Path) -> None:
    """Every payload of an order's life that others collected is read as what it is."""
    frames = dict(_spot_payloads(shared_data / "exchange_fixtures_nautilus.tar.xz"))
    assert set(FIXTURES) <= set(frames)
    for name, kind in FIXTURES.items():
        link = Link(BinanceSettings(clock=TickingClock()))
        link.know(tuple(_small_grid(name) for name in ("BTCUSDT", "ETHUSDT", "BTCUSD", "ETHBTC")))
        events = list(user_events(link, frames[name]))
        assert [type(event) for event in events[:1]] == ([kind] if kind else []), name
        if kind is None:
            assert link.ignored.total() == 1, name


def _small_grid(venue_symbol: str) -> Any:
    quote = next(asset for asset in ("USDT", "USD", "BTC") if venue_symbol.endswith(asset))
    base = venue_symbol.removesuffix(quote)
    return make_test_instrument(
        symbol=f"{base}/{quote}",
        venue_symbol=venue_symbol,
        base=base,
        quote=quote,
        tick_size="0.00000010",
        lot_size="0.00001",
        size_min="0.00001",
    )


def _spot_payloads(archive: Path) -> Any:
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            name = Path(member.name)
            is_stream = name.parent.name == "ws_messages" and name.stem.startswith("ws_spot_")
            if "binance" not in name.parts or not (is_stream or name.parent.name == "user_data_json"):
                continue
            if "futures" in name.parts or name.suffix != ".json":
                continue
            file = tar.extractfile(member)
            assert file is not None
            frame = json.load(file)
            frame = frame.get("data", frame.get("event", frame))
            yield name.stem.removeprefix("ws_spot_"), frame
