"""How a run went by the venue's truth: never by what the bot believes.

Pure functions over the answer of the local exchange's truth door. The worst case is judged after every single
event of the venue: position, plus everything that could still fill, against the limits.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

OPEN: Final = ("NEW", "PARTIALLY_FILLED")
"""Statuses in which an order can still fill."""


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


class Truth(msgspec.Struct, frozen=True):
    """What `GET /_mm/truth` answers, as far as it is judged. Fields: client: our account's name on the tape."""

    client: str
    counters: Counters
    balances_at_start: dict[str, Balance]
    balances: dict[str, Balance]
    orders: tuple[OrderTruth, ...]
    tape: tuple[TradeTruth, ...]


class Limits(NamedTuple):
    """What must have held. Fields: band_lots: of |inventory|; order_atoms: value of one order;

    open_orders: at once; tick_lot_atoms: value of a lot per tick.
    """

    band_lots: int
    order_atoms: int
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
        inventory += sign * (step.filled_lots - filled.get(number, 0))
        filled[number] = step.filled_lots
        left.pop(number, None)
        if step.status in OPEN:
            left[number] = sign * (order.size_lots - step.filled_lots)
        too_large = order.price_ticks * order.size_lots * limits.tick_lot_atoms > limits.order_atoms
        too_many = len(left) > limits.open_orders
        breaches += too_large or too_many or _beyond(inventory, left, limits.band_lots)
    return breaches


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
    for asset, balance in truth.balances.items():
        start = truth.balances_at_start[asset]
        change = balance.free_atoms + balance.locked_atoms - start.free_atoms - start.locked_atoms
        unexplained += abs(change - ledger_atoms.get(asset, 0))
    return unexplained


def _sign(order: OrderTruth) -> int:
    return 1 if order.side.lower() == "buy" else -1


def _last_steps(orders: Sequence[OrderTruth]) -> list[tuple[OrderTruth, Step]]:
    return [(order, order.history[-1]) for order in orders if order.history]


def _in_order(orders: Sequence[OrderTruth]) -> list[tuple[OrderTruth, Step]]:
    # By the venue's time; ties in order of the orders' own numbers, then of their steps.
    events = [(order, step) for order in orders for step in order.history]
    return sorted(events, key=lambda event: event[1].ts_ns)
