"""The venue's JSON of the private stream: order reports and balances.

Pure functions with exact key sets; nothing here decides anything.
"""

from collections.abc import Iterable
from typing import Final

from mm.domain.instrument import Instrument
from mm.exchange.payloads import NOTHING, Payload, fee, ms, price, size
from mm.sim.orders import Execution, Order, OrderStatus, OrderType, Refusal, TimeInForce
from mm.sim.reports import Held, OrderReport

NO_TRADE_GROUP: Final = -1
"""The group of accounts that may not trade with each other: this one is in none."""

_REJECT_REASONS: Final[dict[Refusal | None, str]] = {
    Refusal.INSUFFICIENT_BALANCE: "INSUFFICIENT_BALANCES",
    Refusal.WOULD_TAKE: "WOULD_MATCH_IMMEDIATELY",
}

# The words are those of the venue's binary schema; its JSON documents the field, not its values.
_EXPIRY_REASONS: Final = {
    TimeInForce.IOC: "UNFILLED_IOC_QUANTITY_EXPIRED",
    TimeInForce.FOK: "UNFILLED_FOK_ORDER_EXPIRED",
    TimeInForce.GTC: "INSUFFICIENT_LIQUIDITY",
}


def account_position(instrument: Instrument, held: Iterable[Held], ts_ns: int) -> Payload:
    """Return the user event that follows a change of balances."""
    return {
        "e": "outboundAccountPosition",
        "E": ms(ts_ns),
        "u": ms(ts_ns),
        "B": [
            {"a": asset, "f": free, "l": locked} for asset, free, locked in balance_texts(instrument, held)
        ],
    }


def stream_terminated(ts_ns: int) -> Payload:
    """Return the event that is the last of a subscription."""
    return {"e": "eventStreamTerminated", "E": ms(ts_ns)}


def execution_report(instrument: Instrument, report: OrderReport, execution_id: int) -> Payload:
    """Return the user event of one step of an order."""
    order, match = report.order, report.match
    client_id, original_id = _client_ids(report)
    last_lots = match.size_lots if match else 0
    last_ticks = match.price_ticks if match else 0
    payload = {
        "e": "executionReport",
        "E": ms(report.ts_ns),
        "s": instrument.venue_symbol,
        "c": client_id,
        "S": order.side.name,
        "o": order.order_type.value,
        "f": order.time_in_force.value,
        "q": size(instrument, order.size_lots),
        "p": price(instrument, order.price_ticks),
        "P": NOTHING,
        "F": NOTHING,
        "g": -1,
        "C": original_id,
        "x": report.execution.value,
        "X": order.status.value,
        "r": _REJECT_REASONS.get(report.refusal, "NONE"),
        "i": order.order_id,
        "l": size(instrument, last_lots),
        "z": size(instrument, order.filled_lots),
        "L": price(instrument, last_ticks),
        "n": fee(instrument, match) if match else "0",
        "N": match.fee_asset if match else None,
        "T": ms(report.ts_ns),
        "t": match.trade_id if match else -1,
        "I": execution_id,
        "w": order.is_open and order.order_type is not OrderType.MARKET,
        "m": match.is_maker if match else False,
        "M": match is not None,
        "O": ms(order.created_ns),
        "Z": instrument.quote_text(order.filled_atoms),
        "Y": instrument.quote_text(instrument.notional_atoms(last_ticks, last_lots)),
        "Q": NOTHING,
        "W": ms(order.created_ns),
        "V": order.stp_mode.value,
    }
    if report.execution is Execution.REJECTED:
        del payload["W"]
    return payload | _prevention(instrument, report) | expiry(order, "eR")


def expiry(order: Order, name: str) -> Payload:
    """Return why an order has expired, under `name`; nothing if it has not (a prevented match is no reason).

    A GTC order expires only as a MARKET order that finds nobody to trade with.
    """
    is_expired = order.status is OrderStatus.EXPIRED
    return {name: _EXPIRY_REASONS[order.time_in_force]} if is_expired else {}


# The id that the request brought, and the one that the order had before it, if that was another.
def _client_ids(report: OrderReport) -> tuple[str, str]:
    if report.execution is Execution.CANCELED:
        return report.cancel_id, report.order.client_id
    return report.order.client_id, report.replaced.client_id if report.replaced else ""


def _prevention(instrument: Instrument, report: OrderReport) -> Payload:
    found = report.prevented
    if found is None:
        return {}
    order, is_maker = report.order, report.order.order_id == found.maker_order_id
    value_atoms = instrument.notional_atoms(found.price_ticks, found.match_lots)
    return {
        "v": found.prevention_id,
        "A": size(instrument, order.prevented_lots),
        "B": size(instrument, report.prevented_lots),
        "u": NO_TRADE_GROUP,
        "U": found.taker_order_id if is_maker else found.maker_order_id,
        "Cs": instrument.venue_symbol,
        "pl": size(instrument, found.match_lots),
        "pL": price(instrument, found.price_ticks),
        "pY": instrument.quote_text(value_atoms),
    }


def balance_texts(instrument: Instrument, held: Iterable[Held]) -> list[tuple[str, str, str]]:
    """Return asset, free and locked of each balance, as texts with all decimals."""
    rows = []
    for row in held:
        text = instrument.base_text if row.asset == instrument.base else instrument.quote_text
        rows.append((row.asset, text(row.free_atoms), text(row.locked_atoms)))
    return rows
