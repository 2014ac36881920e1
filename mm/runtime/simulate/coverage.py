"""Which rows of the order table a simulation went through: (state, trigger) pairs that were fired.

The product pays nothing for it: a watched engine gets a table of orders that counts, in the place of its own
and with everything that is in it. Invariant: the counting table does nothing else that is different.
"""

from collections.abc import Iterable, Mapping
from typing import Self

from mm.domain.order_table import OrderTable
from mm.domain.orders import TABLE, Order, OrderState, Trigger
from mm.engine.engine import Engine
from mm.engine.state import EngineState

Row = tuple[OrderState, Trigger]


class Rows:
    """How often each row was fired; shared by all runs that are to be counted together."""

    def __init__(self) -> None:
        """Start with no row visited."""
        self._counts: dict[Row, int] = {}

    def count(self, state: OrderState, trigger: Trigger) -> None:
        """Count a row."""
        row = (state, trigger)
        self._counts[row] = self._counts.get(row, 0) + 1

    def of(self, state: OrderState, trigger: Trigger) -> int:
        """Return how often a row was fired."""
        return self._counts.get((state, trigger), 0)

    def add(self, named: Mapping[str, int]) -> None:
        """Add what another process counted, as `by_name` gives it."""
        for name, number in named.items():
            state, trigger = name.split("/")
            row = (OrderState(state), Trigger(trigger))
            self._counts[row] = self._counts.get(row, 0) + number

    @property
    def total(self) -> int:
        """The number of rows of the table."""
        return len(TABLE)

    @property
    def visited(self) -> int:
        """The number of rows that were fired at least once."""
        return sum(row in self._counts for row in TABLE)

    def missing(self) -> tuple[str, ...]:
        """Return the names of the rows that never were, in the order of the table."""
        return tuple(_name(row) for row in TABLE if row not in self._counts)

    def by_name(self) -> dict[str, int]:
        """Return how often each row was fired, rows of the table first and in its order."""
        return {_name(row): self._counts[row] for row in _in_order(self._counts)}


def _name(row: Row) -> str:
    return f"{row[0]}/{row[1]}"


def _in_order(rows: Iterable[Row]) -> list[Row]:
    places = {row: place for place, row in enumerate(TABLE)}
    return sorted(rows, key=lambda row: (places.get(row, len(places)), row))


class WatchedOrders(OrderTable):
    """A table of orders that counts the rows it fires."""

    rows: Rows

    @classmethod
    def over(cls, table: OrderTable, rows: Rows) -> Self:
        """Return one that goes on with everything that is in `table`, which must not be used any more."""
        made = cls()
        vars(made).update(vars(table))
        made.rows = rows
        return made

    def fire(self, order: Order, trigger: Trigger, ts_ns: int) -> bool:
        """Count and apply a trigger other than a fill."""
        self.rows.count(order.state, trigger)
        return super().fire(order, trigger, ts_ns)

    def fill(self, order: Order, size_lots: int, ts_ns: int) -> bool:
        """Count and apply an execution."""
        full = order.cum_lots + size_lots >= order.size_lots
        self.rows.count(order.state, Trigger.FILL_ALL if full else Trigger.FILL)
        return super().fill(order, size_lots, ts_ns)


def watch(engine: Engine, rows: Rows) -> None:
    """Count the rows that `engine` fires from now on."""
    watch_state(engine.state, rows)


def watch_state(state: EngineState, rows: Rows) -> None:
    """Count the rows that whoever drives `state` fires from now on."""
    state.orders = WatchedOrders.over(state.orders, rows)
