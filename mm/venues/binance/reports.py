"""Events of the user stream as events of the core. Pure: frame in, events out.

Must never invent a fill: only a report with an execution of a size and a trade id is one. A report of an
unknown kind is counted, never fatal; one of a known kind that cannot be read raises, and its stream ends.
"""

from collections.abc import Iterator
from typing import Any, Final

from mm.domain.events import (
    AccountEvent,
    BalanceChanged,
    OrderAcked,
    OrderCanceled,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    PlaceUnknown,
    Source,
)
from mm.domain.instrument import Instrument
from mm.domain.units import ceil_div
from mm.venues.binance.answers import (
    EXPIRED_STATUSES,
    OPEN_STATUSES,
    PREVENTED,
    price_floor_ticks,
    side_of,
)
from mm.venues.binance.link import Link
from mm.venues.edge.errors import ORDER_REFUSED
from mm.venues.edge.frames import whole
from mm.venues.edge.redact import redacted

TERMINATED: Final = "eventStreamTerminated"

_EXECUTED: Final = frozenset({"TRADE", "CALCULATED"})
_KNOWN: Final = frozenset({"NEW", "CANCELED", "EXPIRED", "TRADE_PREVENTION", "REPLACED", *_EXECUTED})
_FUNDS: Final = frozenset({"INSUFFICIENT_BALANCE", "INSUFFICIENT_BALANCES"})
_CROSSED: Final = "WOULD_MATCH_IMMEDIATELY"


def user_events(link: Link, frame: dict[str, Any]) -> Iterator[OrderEvent | AccountEvent]:
    """Yield what one event of the user stream says; counts it in `link.ignored` if that is nothing to us."""
    kind = str(frame.get("e"))
    if kind == "executionReport":
        instrument = link.instrument_of(str(frame["s"]))
        if instrument is None:
            link.ignored["order of another symbol"] += 1
        else:
            yield from _order_events(link, instrument, frame)
    elif kind == "outboundAccountPosition":
        yield from _balances(link, frame)
    else:
        link.ignored[f"user event {redacted(kind)}"] += 1


def _balances(link: Link, frame: dict[str, Any]) -> Iterator[BalanceChanged]:
    now_ns = link.now_ns()
    for row in frame["B"]:
        asset = str(row["a"])
        yield BalanceChanged(
            ts_ns=now_ns,
            asset=asset,
            free_atoms=link.balance_atoms(asset, row["f"]),
            locked_atoms=link.balance_atoms(asset, row["l"]),
        )


def _order_events(link: Link, instrument: Instrument, frame: dict[str, Any]) -> Iterator[OrderEvent]:
    # The report of a cancellation names the order in C and the request in c; all others have C empty.
    cid = str(frame.get("C") or frame["c"])
    execution, now_ns = str(frame["x"]), link.now_ns()
    link.ids.learn(str(whole(frame["i"])), cid)
    if execution in _EXECUTED and whole(frame["t"]) >= 0 and instrument.size_atoms(frame["l"]):
        yield _fill(link, instrument, cid, frame)
    elif execution == "REJECTED":
        yield _rejected(cid, now_ns, str(frame.get("r")))
    elif execution in _KNOWN:
        event = _state(instrument, cid, now_ns, frame)
        if event is None:
            link.ignored[f"report {execution} of an order that is {redacted(str(frame['X']))}"] += 1
        else:
            yield event
    else:
        link.ignored[f"execution type {redacted(execution)}"] += 1


def _fill(link: Link, instrument: Instrument, cid: str, frame: dict[str, Any]) -> OrderFilled:
    asset, maker = frame["N"], frame["m"]
    if asset is None and not link.fee_atoms(instrument.quote, frame["n"]):
        asset = instrument.quote  # no fee was taken, so none is named
    if not isinstance(asset, str) or not isinstance(maker, bool):
        raise ValueError("a report of a fill names no fee or no maker")
    price_ticks = instrument.price_ticks(frame["L"])
    if price_ticks <= 0:
        raise ValueError("a report of a fill names no price")
    return OrderFilled(
        ts_ns=link.now_ns(),
        symbol=instrument.symbol,
        cid=cid,
        trade_id=whole(frame["t"]),
        side=side_of({"side": frame["S"]}),
        price_ticks=price_ticks,
        size_lots=instrument.size_lots(frame["l"]),
        fee_atoms=link.fee_atoms(asset, frame["n"]),
        fee_asset=asset,
        maker=maker,
        source=Source.STREAM,
    )


def _rejected(cid: str, now_ns: int, reason: str) -> OrderEvent:
    if "DUPLICATE" in reason:
        return PlaceUnknown(ts_ns=now_ns, cid=cid, cause=redacted(reason), duplicate=True)
    return OrderRejected(
        ts_ns=now_ns,
        cid=cid,
        code=ORDER_REFUSED,
        reason=redacted(reason),
        crossed=reason == _CROSSED,
        funds=reason in _FUNDS,
    )


def _state(instrument: Instrument, cid: str, now_ns: int, frame: dict[str, Any]) -> OrderEvent | None:
    # The status decides, not the kind of the report: a cancellation may be pending, a prevention partial.
    status = frame["X"]
    # Orders that a person placed may be off our grid; they must not end the stream.
    cum_lots = instrument.size_atoms(frame["z"]) // instrument.lot_atoms
    if status == "CANCELED":
        return OrderCanceled(ts_ns=now_ns, cid=cid, cum_lots=cum_lots, source=Source.STREAM)
    if status in EXPIRED_STATUSES:
        prevented = status == PREVENTED or frame["x"] == "TRADE_PREVENTION"
        return OrderExpired(
            ts_ns=now_ns, cid=cid, cum_lots=cum_lots, prevented=prevented, source=Source.STREAM
        )
    if frame["x"] == "NEW" and status in OPEN_STATUSES:
        return OrderAcked(
            ts_ns=now_ns,
            cid=cid,
            venue_order_id=str(frame["i"]),
            price_ticks=price_floor_ticks(instrument, frame["p"]),
            size_lots=ceil_div(instrument.size_atoms(frame["q"]), instrument.lot_atoms),
            source=Source.STREAM,
        )
    return None
