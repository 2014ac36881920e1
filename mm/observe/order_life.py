"""What happened to one order, an entry at a time, in words: from its journal's records. Read only."""

from dataclasses import dataclass

from mm.domain.commands import AnyCommand, Cancel, Place, Query, Report
from mm.domain.events import (
    AckMismatch,
    AnyEvent,
    CancelRejected,
    CancelUnknown,
    OrderAcked,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderNotFound,
    OrderRejected,
    OrderSeen,
    OrdersListed,
    PlaceUnknown,
)
from mm.domain.instrument import Instrument
from mm.domain.sides import BUY


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One entry of an order's life. Fields: ts_ns: the core's time; what: a stable word; words: the facts."""

    ts_ns: int
    what: str
    words: str


def moment(ts_ns: int, entry: AnyEvent | AnyCommand, cid: str, instrument: Instrument) -> Moment | None:
    """Return what an entry of a journal says of the order of that id, None if nothing."""
    found = _said(entry, cid, instrument)
    return None if found is None else Moment(ts_ns=ts_ns, what=found[0], words=found[1])


def _said(entry: AnyEvent | AnyCommand, cid: str, instrument: Instrument) -> tuple[str, str] | None:
    if isinstance(entry, Report):
        facts = dict(entry.facts)
        if facts.pop("cid", "") != cid:
            return None
        return entry.code, ", ".join(f"{key} {value}" for key, value in facts.items())
    if isinstance(entry, OrdersListed):
        shown = [order for order in entry.orders if order.cid == cid]
        return ("listed", f"open, filled {_size(shown[0].cum_lots, instrument)}") if shown else None
    if getattr(entry, "cid", "") != cid:
        return None
    return _asked(entry, instrument) or _outcome(entry, instrument) or _told(entry, instrument)


def _asked(entry: AnyEvent | AnyCommand, instrument: Instrument) -> tuple[str, str] | None:
    match entry:
        case Place():
            side = "bid" if entry.side is BUY else "ask"
            kind = "post-only" if entry.post_only else "takes at once"
            kind += ", only reduces" if entry.reduces else ""
            size = _size(entry.size_lots, instrument)
            at = f"{side} at {instrument.price_text(entry.price_ticks)} for {size}"
            book = f"book {entry.market_seq}, {entry.market_age_ns // 1_000_000} ms old"
            return "placed", f"{at}, {kind}, on {book}"
        case Cancel():
            return "cancel sent", ""
        case Query():
            return "asked about", ""
        case _:
            return None


def _outcome(entry: AnyEvent | AnyCommand, instrument: Instrument) -> tuple[str, str] | None:
    match entry:
        case OrderAcked():
            return "acknowledged", f"as {entry.venue_order_id}, by {entry.source}"
        case OrderFilled():
            role = "maker" if entry.maker else "taker"
            at = f"{_size(entry.size_lots, instrument)} at {instrument.price_text(entry.price_ticks)}"
            return "filled", f"{at} as {role}, trade {entry.trade_id}, by {entry.source}"
        case OrderCanceled():
            return "cancelled", f"filled before: {_filled(entry.cum_lots, instrument)}, by {entry.source}"
        case OrderExpired():
            why = "self-trade prevented" if entry.prevented else "expired"
            return "expired", f"{why}, filled before: {_filled(entry.cum_lots, instrument)}"
        case OrderRejected():
            return "rejected", f"venue code {entry.code}: {entry.reason}"
        case _:
            return None


def _told(entry: AnyEvent | AnyCommand, instrument: Instrument) -> tuple[str, str] | None:
    match entry:
        case PlaceUnknown():
            return "placement unknown", entry.cause
        case CancelUnknown():
            return "cancel unknown", entry.cause
        case CancelRejected():
            return "cancel refused", f"venue code {entry.code}"
        case OrderSeen():
            state = "open" if entry.open else "not open"
            return "seen at the venue", f"{state}, filled {_filled(entry.cum_lots, instrument)}"
        case OrderNotFound():
            return "not found", "the venue does not show it"
        case AckMismatch():
            return "mismatch", entry.detail
        case _:
            return None


def _size(lots: int, instrument: Instrument) -> str:
    return f"{instrument.size_text(lots)} {instrument.base}"


def _filled(lots: int, instrument: Instrument) -> str:
    return "not told" if lots < 0 else _size(lots, instrument)
