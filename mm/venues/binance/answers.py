"""Answers to our requests as events of the core. Pure: answer in, events out.

Must never take a garbled answer for a success: what is missing raises, and the caller reports the outcome as
unknown. An answer without the venue's order number is no ack.
"""

from collections.abc import Iterator
from typing import Any, Final

from mm.domain.commands import Place
from mm.domain.events import (
    AckMismatch,
    ListedOrder,
    OrderAcked,
    OrderCanceled,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderSeen,
    Source,
)
from mm.domain.instrument import Instrument
from mm.domain.sides import Side
from mm.domain.units import atoms_from_text, ceil_div
from mm.venues.binance.link import Link
from mm.venues.edge.encoding import Encoding, ack_mismatch
from mm.venues.edge.errors import RequestFailure

OPEN_STATUSES: Final = frozenset({"NEW", "PENDING_NEW", "PARTIALLY_FILLED", "PENDING_CANCEL"})
EXPIRED_STATUSES: Final = frozenset({"EXPIRED", "EXPIRED_IN_MATCH"})
PREVENTED: Final = "EXPIRED_IN_MATCH"

_SIDES: Final = {"BUY": Side.BUY, "SELL": Side.SELL}


class Garbled(ValueError):
    """An answer that does not hold what it must; its text names the part and is safe to keep."""


def text_of(row: Any, key: str) -> str:
    """Return a value of an answer as text; raises Garbled if it is not there."""
    value = row.get(key) if isinstance(row, dict) else None
    if value is None or value == "":
        raise Garbled(f"the answer holds no {key}")
    return str(value)


def failed_read(error: Exception) -> RequestFailure:
    """Return what went wrong with a read as a failure; a text that is not ours is not handed on."""
    if isinstance(error, RequestFailure):
        return error
    known = isinstance(error, Garbled)
    return RequestFailure(str(error) if known else "the answer holds a value that cannot be read")


def side_of(row: Any) -> Side:
    """Return the side of an order's row; raises Garbled."""
    text = text_of(row, "side")
    if text not in _SIDES:
        raise Garbled("the answer names an unknown side")
    return _SIDES[text]


def placed(
    link: Link, encoding: Encoding, command: Place, asked: dict[str, str], ack: dict[str, Any]
) -> Iterator[OrderEvent]:
    """Yield what the answer to a placement says: mismatch, ack, fills, and the end if it ended at once.

    Raises: Garbled if there is no proof that the order was accepted.
    """
    instrument = link.instrument(command.symbol)
    venue_order_id = text_of(ack, "orderId")
    now_ns, cid = link.now_ns(), command.cid
    link.ids.learn(venue_order_id, cid)
    wrong = ack_mismatch(encoding, asked, ack)
    price_ticks, size_lots = command.price_ticks, command.size_lots
    if wrong:
        yield AckMismatch(ts_ns=now_ns, cid=cid, detail=wrong)
        price_ticks = _price_ticks(instrument, ack.get("price"), price_ticks)
        size_lots = _size_lots(instrument, ack.get("origQty"), size_lots)
    yield OrderAcked(
        ts_ns=now_ns,
        cid=cid,
        venue_order_id=venue_order_id,
        price_ticks=price_ticks,
        size_lots=size_lots,
        source=Source.ANSWER,
    )
    filled_lots = 0
    for fill in ack.get("fills") or ():
        event = _taken(link, command, now_ns, fill)
        filled_lots += event.size_lots
        yield event
    status = ack.get("status")
    if status in EXPIRED_STATUSES:
        yield OrderExpired(
            ts_ns=now_ns, cid=cid, cum_lots=filled_lots, prevented=status == PREVENTED, source=Source.ANSWER
        )


def _taken(link: Link, command: Place, now_ns: int, fill: Any) -> OrderFilled:
    # What an answer reports as filled was taken: resting orders fill later.
    instrument = link.instrument(command.symbol)
    asset = text_of(fill, "commissionAsset")
    return OrderFilled(
        ts_ns=now_ns,
        symbol=command.symbol,
        cid=command.cid,
        trade_id=int(text_of(fill, "tradeId")),
        side=command.side,
        price_ticks=instrument.price_ticks(text_of(fill, "price")),
        size_lots=instrument.size_lots(text_of(fill, "qty")),
        fee_atoms=link.fee_atoms(asset, text_of(fill, "commission")),
        fee_asset=asset,
        maker=False,
        source=Source.ANSWER,
    )


def cancelled(instrument: Instrument, cid: str, now_ns: int, answer: dict[str, Any]) -> OrderCanceled:
    """Return the confirmed cancellation; raises Garbled if the answer does not confirm this very one."""
    if text_of(answer, "origClientOrderId") != cid:
        raise Garbled("the answer is about another order")
    if text_of(answer, "status") != "CANCELED":
        raise Garbled("the answer does not say that the order was cancelled")
    cum_lots = instrument.size_lots(text_of(answer, "executedQty"))
    return OrderCanceled(ts_ns=now_ns, cid=cid, cum_lots=cum_lots, source=Source.ANSWER)


def seen(link: Link, instrument: Instrument, cid: str, answer: dict[str, Any]) -> OrderSeen:
    """Return where a queried order stands; raises Garbled if the answer is about another one."""
    if text_of(answer, "clientOrderId") != cid:
        raise Garbled("the answer is about another order")
    venue_order_id, status = text_of(answer, "orderId"), text_of(answer, "status")
    link.ids.learn(venue_order_id, cid)
    return OrderSeen(
        ts_ns=link.now_ns(),
        cid=cid,
        venue_order_id=venue_order_id,
        open=status in OPEN_STATUSES,
        cum_lots=instrument.size_lots(text_of(answer, "executedQty")),
        rejected=status == "REJECTED",
    )


def listed(link: Link, instrument: Instrument, row: Any) -> ListedOrder:
    """Return one open order; a foreign one may be off our grid and is rounded up in size, down in price."""
    venue_order_id, cid = text_of(row, "orderId"), text_of(row, "clientOrderId")
    link.ids.learn(venue_order_id, cid)
    size_atoms = instrument.size_atoms(text_of(row, "origQty"))
    filled_atoms = instrument.size_atoms(text_of(row, "executedQty"))
    return ListedOrder(
        cid=cid,
        venue_order_id=venue_order_id,
        side=side_of(row),
        price_ticks=price_floor_ticks(instrument, text_of(row, "price")),
        size_lots=ceil_div(size_atoms, instrument.lot_atoms),
        cum_lots=filled_atoms // instrument.lot_atoms,
    )


def price_floor_ticks(instrument: Instrument, text: str) -> int:
    """Return a price in ticks, rounded down where an order that is not ours is off the grid."""
    return atoms_from_text(text, instrument.quote_scale) // instrument.tick_atoms


def traded(link: Link, instrument: Instrument, cid: str, row: dict[str, Any]) -> OrderFilled:
    """Return one row of the account's trades as the fill that it was."""
    asset = text_of(row, "commissionAsset")
    return OrderFilled(
        ts_ns=link.now_ns(),
        symbol=instrument.symbol,
        cid=cid,
        trade_id=int(text_of(row, "id")),
        side=Side.BUY if _flag(row, "isBuyer") else Side.SELL,
        price_ticks=instrument.price_ticks(text_of(row, "price")),
        size_lots=instrument.size_lots(text_of(row, "qty")),
        fee_atoms=link.fee_atoms(asset, text_of(row, "commission")),
        fee_asset=asset,
        maker=_flag(row, "isMaker"),
        source=Source.QUERY,
    )


def _flag(row: dict[str, Any], key: str) -> bool:
    value = row.get(key)
    if not isinstance(value, bool):
        raise Garbled(f"the answer does not say {key}")
    return value


def _price_ticks(instrument: Instrument, text: object, otherwise: int) -> int:
    try:
        return instrument.price_ticks(str(text))
    except ValueError:
        return otherwise


def _size_lots(instrument: Instrument, text: object, otherwise: int) -> int:
    try:
        return instrument.size_lots(str(text))
    except ValueError:
        return otherwise
