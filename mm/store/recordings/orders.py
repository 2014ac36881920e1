"""Single orders of recorded markets: in which queues they stand, and of which markets they are told.

Must never judge what it is told. Invariant: orders of one price are in the order of their queue.
"""

from collections.abc import Iterator, Sequence

from mm.domain.tape import OrderRow
from mm.store.recordings.source import Source


class OrderQueue:
    """The orders of one market. Fields: is_told: whether they were told whole once."""

    def __init__(self) -> None:
        """Begin without orders."""
        self.is_told = False
        self._orders: dict[int, OrderRow] = {}

    def __iter__(self) -> Iterator[OrderRow]:
        """Yield all orders; those of one price in the order of their queue."""
        return iter(self._orders.values())

    def take(self, orders: Sequence[OrderRow], *, is_whole: bool) -> None:
        """Take in orders as they stand now (size 0: gone). Args: is_whole: all before them are gone."""
        if is_whole:
            self.is_told = True
            self._orders.clear()
        for row in orders:
            _, price_ticks, size_atoms, order_id = row
            known = self._orders.get(order_id)
            if known is not None and (not size_atoms or price_ticks != known[1] or size_atoms > known[2]):
                # Whoever comes back is behind all others.
                del self._orders[order_id]
            if size_atoms:
                self._orders[order_id] = row


def order_symbols_of(source: Source) -> tuple[str, ...]:
    """Return the symbols of a source whose single orders it tells, each before what it does to the levels;
    most tell none.
    """
    told: tuple[str, ...] = getattr(source, "order_symbols", ())
    return told
