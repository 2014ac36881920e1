"""The truth door: what really happened, with the owners of both sides, for whoever judges the client.

What is always there: the market, how fast its time runs, and what time it is.

Served on loopback only, never part of a real venue. Integers throughout: ticks, lots, atoms, nanoseconds.
Read only: looking changes nothing.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from msgspec import structs

from mm.exchange.floor import Floor
from mm.exchange.records import OrderRecord
from mm.exchange.requestlog import RequestLog
from mm.sim.reports import Held, Trade
from mm.sim.world import CLIENT

_NO_FAULTS: Final[Mapping[str, int]] = MappingProxyType({})


def truth(
    floor: Floor, log: RequestLog, *, only: str = "", faults: Mapping[str, int] = _NO_FAULTS
) -> dict[str, Any]:
    """Return the truth as one JSON object.

    Args: only: names of the parts that are wanted, separated by commas; all when empty. faults: how often
    each kind of fault has hit.
    """
    records, now_ns = floor.records, floor.clock.now_ns()
    parts: dict[str, Callable[[], Any]] = {
        "clock": lambda: _clock(floor, now_ns),
        "instrument": lambda: _instrument(floor),
        "counters": lambda: {**counters(floor, log), "faults": dict(faults)},
        "balances_at_start": lambda: _balances(floor.held_at_start),
        "balances": lambda: _balances(floor.world.held(CLIENT)),
        "open_orders": lambda: [_open_order(floor, record) for record in records.open()],
        "orders": lambda: [_order(record) for record in records.orders.values()],
        "prevented_matches": lambda: [structs.asdict(row) for row in records.prevented],
        "tape": lambda: [_trade(trade) for trade in records.tape],
        "requests": log.rows,
    }
    wanted = only.split(",") if only else list(parts)
    found = {name: parts[name]() for name in wanted if name in parts}
    return {
        **floor.market.about(),
        "time_scale": floor.market.time_scale,
        "start_ns": floor.start_ns,
        "now_ns": now_ns,
        "uptime_ns": now_ns - floor.start_ns,
        "client": CLIENT,
        **found,
    }


def _instrument(floor: Floor) -> dict[str, Any]:
    instrument = floor.instrument
    return {
        "symbol": instrument.symbol,
        "venue_symbol": instrument.venue_symbol,
        "base": instrument.base,
        "quote": instrument.quote,
        "tick_atoms": instrument.tick_atoms,
        "lot_atoms": instrument.lot_atoms,
        "tick_lot_atoms": instrument.tick_lot_atoms,
        "maker_fee_ppm": instrument.maker_fee_ppm,
        "taker_fee_ppm": instrument.taker_fee_ppm,
    }


def counters(floor: Floor, log: RequestLog) -> dict[str, int | None]:
    """Return the totals since the start; times are None until they exist."""
    found = floor.records.counters
    totals: dict[str, int | None] = dict(vars(found))
    totals["first_order_ns"] = found.first_order_ns or None
    totals["first_fill_ns"] = found.first_fill_ns or None
    totals["open_orders"] = sum(1 for _ in floor.records.open())
    totals["requests"] = log.count
    return totals


def _balances(held: tuple[Held, ...]) -> dict[str, dict[str, int]]:
    return {row.asset: {"free_atoms": row.free_atoms, "locked_atoms": row.locked_atoms} for row in held}


def _clock(floor: Floor, now_ns: int) -> dict[str, Any]:
    return {
        "now_ns": now_ns,
        "market_ns": floor.now_ns,
        "time_scale": floor.market.time_scale,
        "held_ns": floor.market.held_ns(),
    }


def _open_order(floor: Floor, record: OrderRecord) -> dict[str, Any]:
    return {**_order(record), "ahead_atoms": floor.market.ahead_atoms(record.order.order_id)}


def _order(record: OrderRecord) -> dict[str, Any]:
    order = record.order
    return {
        "order_id": order.order_id,
        "client_id": order.client_id,
        "side": order.side.value,
        "type": order.order_type.value,
        "time_in_force": order.time_in_force.value,
        "stp_mode": order.stp_mode.value,
        "price_ticks": order.price_ticks,
        "size_lots": order.size_lots,
        "filled_lots": order.filled_lots,
        "filled_atoms": order.filled_atoms,
        "status": order.status.value,
        "created_ns": order.created_ns,
        "updated_ns": order.updated_ns,
        "history": [
            {
                "ts_ns": step.ts_ns,
                "execution": step.execution.value,
                "status": step.order.status.value,
                "filled_lots": step.order.filled_lots,
                "trade_id": step.match.trade_id if step.match else None,
                "price_ticks": step.match.price_ticks if step.match else None,
                "size_lots": step.match.size_lots if step.match else None,
                "is_maker": step.match.is_maker if step.match else None,
                "fee_atoms": step.match.fee_atoms if step.match else None,
                "fee_asset": step.match.fee_asset if step.match else None,
            }
            for step in record.steps
        ],
    }


def _trade(trade: Trade) -> dict[str, Any]:
    return {
        "trade_id": trade.trade_id,
        "ts_ns": trade.ts_ns,
        "price_ticks": trade.price_ticks,
        "size_lots": trade.size_lots,
        "taker_side": trade.taker_side.value,
        "maker_owner": trade.maker_owner,
        "taker_owner": trade.taker_owner,
        "maker_order_id": trade.maker_order_id,
        "taker_order_id": trade.taker_order_id,
    }
