"""Where own orders stand among single orders that are known by their ids: nothing is estimated.

An own order stands behind every order that was displayed at its price when it came, and before all that come
later. Cancellations, reductions and trades of those in front move it up by exactly what they were; one that
changes its price or becomes larger goes to the back. A print takes from the front of its queue at once; what
is told later of the orders that it hit takes nothing a second time. Must never move an own order back.
Invariants: as `mm.sim.places`; what is in front of an order is at most the sum of what is left of the orders
before it, and is that sum unless the whole book had to be told anew since it came.

A change that no print came before counts as a cancellation: a recording has to tell prints no later than what
they did to the orders (`mm.domain.tape`).
"""

from collections.abc import Sequence
from typing import NamedTuple

from mm.domain.sides import BUY, SELL, Side
from mm.domain.tape import Row
from mm.sim.orders import Order
from mm.sim.places import Place, Places, Print, QueueSettings


class OrderChange(NamedTuple):
    """An order of the market as it stands now. Fields: size_atoms: left of it, 0: it is gone."""

    order_id: int
    side: Side
    price_ticks: int
    size_atoms: int


def changes_of(message: Sequence[Row]) -> tuple[bool, list[OrderChange]]:
    """Return what a message of orders says: whether all orders before it are gone, and those that it names.

    Args: message: rows of `TapeKind.ORDER` or `TapeKind.ORDERS`.
    """
    named = [OrderChange(row[6], BUY if row[3] > 0 else SELL, row[4], row[5]) for row in message if row[3]]
    return not message[0][3], named


class _Queued:
    # One order of the market. Fields: told_atoms: as it was told last; left_atoms: less what printed since;
    # rank: grows with the place in time, across own orders too.
    __slots__ = ("left_atoms", "rank", "told_atoms")

    def __init__(self, atoms: int, rank: int) -> None:
        self.told_atoms = self.left_atoms = atoms
        self.rank = rank


class FifoPlaces(Places):
    """The places of one side among the orders of the market. Fields: as of `Places`."""

    __slots__ = ("_prices", "_queues", "_rank", "_ranks")

    def __init__(self, side: Side, settings: QueueSettings) -> None:
        """Start without orders."""
        super().__init__(side, settings)
        self._rank = 0
        # By price, then by id: in the order of the queue.
        self._queues: dict[int, dict[int, _Queued]] = {}
        self._prices: dict[int, int] = {}
        # Of own orders, by their ids.
        self._ranks: dict[int, int] = {}

    def add(self, place: Place) -> None:
        """Let an order rest behind all that is there; its estimates are replaced by what is known."""
        super().add(place)
        rank = self._ranks[place.order.order_id] = self._next_rank()
        place.front_atoms = self._before(place.order.price_ticks, rank)
        place.credit_atoms = 0

    def remove(self, order: Order) -> None:
        """Take an own order out."""
        super().remove(order)
        del self._ranks[order.order_id]

    def change(self, order_id: int, price_ticks: int, size_atoms: int) -> None:
        """See an order of the market as it stands now; one that is not known and has nothing is no news."""
        known_ticks = self._prices.get(order_id)
        if known_ticks is not None:
            queued = self._queues[known_ticks][order_id]
            if known_ticks == price_ticks and 0 < size_atoms <= queued.told_atoms:
                queued.told_atoms = size_atoms
                queued.left_atoms = min(queued.left_atoms, size_atoms)
                self._settle(price_ticks)
                return
            self._leave(order_id, known_ticks)
        if size_atoms:
            self._join(order_id, price_ticks, size_atoms)

    def replace(self, orders: Sequence[OrderChange]) -> None:
        """See all orders of the market anew, in the order of their queues.

        Own orders lose their places: each is behind all that is named now, with no more in front than before.
        """
        self._queues, self._prices = {}, {}
        for order_id, _, price_ticks, size_atoms in orders:
            self._join(order_id, price_ticks, size_atoms)
        for place in self.all():
            self._ranks[place.order.order_id] = self._next_rank()
        for price_ticks in [key * self._sign for key in self._keys]:
            self._settle(price_ticks)

    def on_print(self, seen: Print) -> list[tuple[Place, int]]:
        """Take a print from the queues; return who is filled by it and with how many lots, in order.

        Nothing of it was told before it came.
        """
        price_ticks, lot_atoms = seen.price_ticks, self._settings.lot_atoms
        fills = super().on_print(
            Print(
                price_ticks=price_ticks,
                size_atoms=seen.size_atoms,
                shown_atoms=0,
                unprinted_atoms=0,
                shown_ns=0,
            )
        )
        if self.at(price_ticks):
            left_atoms, own = seen.size_atoms, list[tuple[int, int]]()
            for place, lots in fills:
                if place.order.price_ticks == price_ticks:
                    own.append((self._ranks[place.order.order_id], lots * lot_atoms))
                else:
                    left_atoms -= lots * lot_atoms
            self._take(self._queues.get(price_ticks, {}), left_atoms, own)
        return fills

    # What of a print own orders have, each after those before it, the orders of the market have not.
    @staticmethod
    def _take(queue: dict[int, _Queued], left_atoms: int, own: Sequence[tuple[int, int]]) -> None:
        taken = 0
        for queued in queue.values():
            while taken < len(own) and own[taken][0] < queued.rank:
                left_atoms -= own[taken][1]
                taken += 1
            part = min(queued.left_atoms, left_atoms)
            queued.left_atoms -= part
            left_atoms -= part
            if not left_atoms:
                return

    def _join(self, order_id: int, price_ticks: int, size_atoms: int) -> None:
        self._prices[order_id] = price_ticks
        queue = self._queues.setdefault(price_ticks, {})
        queue[order_id] = _Queued(size_atoms, self._next_rank())

    def _leave(self, order_id: int, price_ticks: int) -> None:
        queue = self._queues[price_ticks]
        del queue[order_id], self._prices[order_id]
        if not queue:
            del self._queues[price_ticks]
        self._settle(price_ticks)

    def _settle(self, price_ticks: int) -> None:
        own = self.at(price_ticks)
        if own:
            self.version += 1
            for place in own:
                before = self._before(price_ticks, self._ranks[place.order.order_id])
                place.front_atoms = min(place.front_atoms, before)

    def _before(self, price_ticks: int, rank: int) -> int:
        total = 0
        for queued in self._queues.get(price_ticks, {}).values():
            if queued.rank > rank:
                break
            total += queued.left_atoms
        return total

    def _next_rank(self) -> int:
        self._rank += 1
        return self._rank
