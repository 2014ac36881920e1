"""How a run went by the venue's truth: never by what the bot believes.

Pure functions over the answer of the local exchange's truth door. The worst case is judged after every single
event of the venue: position, plus everything that could still fill, against the limits.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

OPEN: Final = ("NEW", "PARTIALLY_FILLED")
"""Statuses in which an order can still fill."""

EXIT: Final = "IOC"
"""Time in force of exits: the limits of quotes are not theirs, but they may only reduce."""


class Step(msgspec.Struct, frozen=True):
    """One event in the life of an order, by the venue's clock."""

    ts_ns: int
    status: str
    filled_lots: int


class OrderTruth(msgspec.Struct, frozen=True):
    """One order of the client as the venue holds it."""

    order_id: int
    side: str
    price_ticks: int
    size_lots: int
    time_in_force: str
    history: tuple[Step, ...]


class TradeTruth(msgspec.Struct, frozen=True):
    """One trade of the tape with the owners of both sides."""

    maker_owner: str
    taker_owner: str


class Balance(msgspec.Struct, frozen=True):
    """What an asset's holding is, atoms."""

    free_atoms: int
    locked_atoms: int


class Counters(msgspec.Struct, frozen=True):
    """Totals since the exchange started."""

    orders_placed: int
    orders_cancelled: int
    fills: int
    self_trades: int
    first_fill_ns: int | None
    open_orders: int


class Symbol(msgspec.Struct, frozen=True):
    """What is traded. Fields: symbol: its unified name."""

    symbol: str


class Truth(msgspec.Struct, frozen=True):
    """What `GET /_mm/truth` answers, as far as it is judged. Fields: client: our account on the tape."""

    client: str
    instrument: Symbol
    counters: Counters
    balances_at_start: dict[str, Balance]
    balances: dict[str, Balance]
    orders: tuple[OrderTruth, ...]
    tape: tuple[TradeTruth, ...]


class Limits(NamedTuple):
    """What must have held. Fields: band_lots: of |inventory|; order_lots, order_atoms: size and value of one

    order; exposure_atoms: worst-case value of the position whenever an order is placed, at its price;
    open_orders: at once; tick_lot_atoms: value of a lot per tick.
    """

    band_lots: int
    order_lots: int
    order_atoms: int
    exposure_atoms: int
    open_orders: int
    tick_lot_atoms: int


def read_truth(answer: bytes) -> Truth:
    """Return the truth that the exchange answered; raises msgspec.DecodeError if it is none."""
    return msgspec.json.decode(answer, type=Truth)


def self_trades(truth: Truth) -> int:
    """Return how often the client traded with itself: by the venue's count and by its tape."""
    on_tape = sum(trade.maker_owner == truth.client == trade.taker_owner for trade in truth.tape)
    return max(on_tape, truth.counters.self_trades)


def limit_breaches(truth: Truth, limits: Limits, *, inventory_lots: int) -> int:
    """Return after how many venue events a limit did not hold in the worst case.

    Args: inventory_lots: at the end; the venue remembers a bounded past, so the walk is anchored there.
    """
    moved = sum(_sign(order) * step.filled_lots for order, step in _last_steps(truth.orders))
    inventory = inventory_lots - moved
    filled: dict[int, int] = {}
    # What could still fill, signed lots per order.
    left: dict[int, int] = {}
    breaches = 0
    for order, step in _in_order(truth.orders):
        sign, number = _sign(order), order.order_id
        is_new = number not in filled
        inventory += sign * (step.filled_lots - filled.get(number, 0))
        filled[number] = step.filled_lots
        left.pop(number, None)
        if step.status in OPEN:
            left[number] = sign * (order.size_lots - step.filled_lots)
        # Where the order may take the inventory on its own side. Later moves of the price are nobody's
        # decision: the value counts when an order is placed.
        worst = sign * inventory + sum(abs(lots) for lots in left.values() if sign * lots > 0)
        broken = _beyond(inventory, left, limits.band_lots)
        if is_new and worst > 0:
            broken |= worst * order.price_ticks * limits.tick_lot_atoms > limits.exposure_atoms
        if order.time_in_force == EXIT:
            broken |= is_new and worst > 0
        else:
            broken |= len(left) > limits.open_orders or _too_large(order, limits)
        breaches += broken
    return breaches


def _too_large(order: OrderTruth, limits: Limits) -> bool:
    value_atoms = order.price_ticks * order.size_lots * limits.tick_lot_atoms
    return order.size_lots > limits.order_lots or value_atoms > limits.order_atoms


def _beyond(inventory: int, left: Mapping[int, int], band: int) -> bool:
    buys = sum(lots for lots in left.values() if lots > 0)
    sells = sum(lots for lots in left.values() if lots < 0)
    # What already lies beyond the band may still be brought back: only adding to it breaks the limit.
    above = inventory + buys > max(band, inventory)
    below = inventory + sells < min(-band, inventory)
    return above or below


def pnl_residual(truth: Truth, ledger_atoms: Mapping[str, int], residual_half: int) -> int:
    """Return what the bot's ledger does not explain of the account's change, in atoms; 0 when all is.

    The identity's own residue counts as well.
    """
    unexplained = abs(residual_half)
    for asset in sorted({*truth.balances_at_start, *truth.balances, *ledger_atoms}):
        before, after = _held(truth.balances_at_start, asset), _held(truth.balances, asset)
        unexplained += abs(after - before - ledger_atoms.get(asset, 0))
    return unexplained


def _held(balances: Mapping[str, Balance], asset: str) -> int:
    balance = balances.get(asset)
    return balance.free_atoms + balance.locked_atoms if balance is not None else 0


def _sign(order: OrderTruth) -> int:
    return 1 if order.side.lower() == "buy" else -1


def _last_steps(orders: Sequence[OrderTruth]) -> list[tuple[OrderTruth, Step]]:
    return [(order, order.history[-1]) for order in orders if order.history]


def _in_order(orders: Sequence[OrderTruth]) -> list[tuple[OrderTruth, Step]]:
    # By the venue's time; ties in order of the orders' own numbers, then of their steps.
    events = [(order, step) for order in orders for step in order.history]
    return sorted(events, key=lambda event: event[1].ts_ns)
