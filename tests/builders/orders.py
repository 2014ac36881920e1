"""Orders for tests: a small buy that was just sent, and its changes."""

from mm.domain.orders import Order
from mm.domain.sides import Side
from tests.builders.instruments import INSTRUMENT


def make_order(**changes: object) -> Order:
    """Return a new order of 10 lots, with `changes` applied."""
    fields: dict[str, object] = {
        "cid": "1",
        "session": 0,
        "symbol": INSTRUMENT.symbol,
        "side": Side.BUY,
        "price_ticks": 10_000,
        "size_lots": 10,
        "level": 0,
        "reduces": False,
        "placed_ns": 1,
    }
    placed = fields | {name: value for name, value in changes.items() if name in fields}
    order = Order(**placed)  # type: ignore[arg-type] # the caller names the fields
    for name in changes.keys() - placed.keys():
        setattr(order, name, changes[name])
    order.left_lots = order.size_lots - order.cum_lots
    return order
