"""Where own orders stand: per side, by price and time, with what is estimated to be in front of each.

It moves estimates and says what a print fills; it changes no order, knows no money and tells nobody. The
estimates follow the leaves of `queue.py`. Invariants: what is in front of an order never grows and is never
negative; of a print at most its own size is handed out, better prices first, then the earlier order, and
all own orders together get at most their stated part of it.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from mm.domain.sides import Side
from mm.domain.units import PPM
from mm.sim.orders import Order
from mm.sim.queue import QueueModel, filled_lots, front_after_decrease, front_after_print


class QueueSettings(NamedTuple):
    """How queues are estimated.

    Fields: shape: the model's parameter (`part_behind`); lot_atoms: one lot; participation_ppm: own fills of
    a print, or of a level that is displayed through our price, are at most this part of it, parts per
    million: who sees us trade more than that trades otherwise.
    """

    model: QueueModel
    shape: float
    lot_atoms: int
    participation_ppm: int = PPM

    def room_lots(self, size_atoms: int, taken_atoms: int = 0) -> int:
        """Return the whole lots that resting own orders may still have of a size that others share.

        Args: taken_atoms: what own orders had of it already.
        """
        return max(0, size_atoms * self.participation_ppm // PPM - taken_atoms) // self.lot_atoms


@dataclass(slots=True, kw_only=True, eq=False)
class Place:
    """The place of one resting order in the queue of its price.

    Fields:
        front_atoms: estimated to trade before it.
        credit_atoms: of the decreases displayed at its price whose print has not come, what is no longer in
            front: when that print comes it must not take it from the front again.
        live_ns: since when it rests.
    """

    order: Order
    front_atoms: int
    credit_atoms: int
    live_ns: int


class Print(NamedTuple):
    """A print as own orders meet it.

    Fields: size_atoms: all of it; shown_atoms, shown_ns: how much was already displayed as a decrease at its
    price when it came, of `unprinted_atoms` that were displayed without a print, the newest at `shown_ns`.
    """

    price_ticks: int
    size_atoms: int
    shown_atoms: int
    unprinted_atoms: int
    shown_ns: int


class Decrease(NamedTuple):
    """A fall of the displayed size at a price as own orders meet it.

    Fields: fell_atoms: the part of it that no print explains (0 where prints came first); unprinted_atoms:
    what was displayed without a print before it.
    """

    price_ticks: int
    before_atoms: int
    after_atoms: int
    fell_atoms: int
    unprinted_atoms: int


class Places:
    """The places of one side. Fields: version: grows whenever something here may have changed."""

    __slots__ = ("_by_price", "_keys", "_settings", "_sign", "version")

    def __init__(self, side: Side, settings: QueueSettings) -> None:
        """Start without orders."""
        self.version = 0
        self._sign = side.sign
        self._settings = settings
        self._keys: list[int] = []
        self._by_price: dict[int, list[Place]] = {}

    @property
    def best_ticks(self) -> int | None:
        """The best own price; None without orders."""
        return self._keys[-1] * self._sign if self._keys else None

    def add(self, place: Place) -> None:
        """Let an order rest behind those of its price."""
        self.version += 1
        price_ticks = place.order.price_ticks
        queue = self._by_price.get(price_ticks)
        if queue is None:
            queue = self._by_price[price_ticks] = []
            insort(self._keys, self._sign * price_ticks)
        queue.append(place)

    def remove(self, order: Order) -> None:
        """Take an order out."""
        self.version += 1
        queue = self._by_price[order.price_ticks]
        queue[:] = [place for place in queue if place.order is not order]
        if not queue:
            del self._by_price[order.price_ticks]
            del self._keys[bisect_left(self._keys, self._sign * order.price_ticks)]

    def at(self, price_ticks: int) -> list[Place]:
        """Return the places at one price, oldest first."""
        return self._by_price.get(price_ticks, [])

    def until(self, price_ticks: int) -> Iterator[Place]:
        """Yield the places at a price or better, best price first, then oldest. Not while they change."""
        limit = self._sign * price_ticks
        for key in reversed(self._keys):
            if key < limit:
                return
            yield from self._by_price[key * self._sign]

    def all(self) -> Iterator[Place]:
        """Yield every place, best price first, then oldest. Not while they change."""
        for key in reversed(self._keys):
            yield from self._by_price[key * self._sign]

    def on_snapshot(self, size_atoms: Callable[[int], int]) -> None:
        """See the whole market anew. Args: size_atoms: returns what is displayed at a price."""
        self.version += 1
        for place in self.all():
            place.front_atoms = min(place.front_atoms, size_atoms(place.order.price_ticks))
            place.credit_atoms = 0

    def on_decrease(self, seen: Decrease) -> None:
        """See the displayed size at a price fall."""
        self.version += 1
        model, shape = self._settings.model, self._settings.shape
        unprinted = seen.unprinted_atoms
        for place in self.at(seen.price_ticks):
            front = place.front_atoms
            if seen.fell_atoms:
                front = front_after_decrease(model, shape, front, seen.before_atoms, seen.fell_atoms)
            front = min(front, seen.after_atoms)
            place.credit_atoms = min(place.credit_atoms, unprinted) + place.front_atoms - front
            place.front_atoms = front

    def on_print(self, seen: Print) -> list[tuple[Place, int]]:
        """Take a print from the queues; return who is filled by it and with how many lots, in order."""
        self.version += 1
        fills: list[tuple[Place, int]] = []
        left_atoms, lot_atoms = seen.size_atoms, self._settings.lot_atoms
        room_lots = self._settings.room_lots(seen.size_atoms)
        for place in self.until(seen.price_ticks):
            reach_atoms = left_atoms - _already_shown(place, seen)
            wanted_lots = min(place.order.left_lots, room_lots)
            lots = filled_lots(reach_atoms, _in_the_way(place, seen), wanted_lots, lot_atoms)
            if place.order.price_ticks == seen.price_ticks:
                place.front_atoms = front_after_print(place.front_atoms, reach_atoms)
            if lots:
                fills.append((place, lots))
                left_atoms -= lots * lot_atoms
                room_lots -= lots
        return fills


def _in_the_way(place: Place, seen: Print) -> int:
    return place.front_atoms if place.order.price_ticks == seen.price_ticks else 0


# What was displayed before the order rested has happened before it, and what a displayed decrease has taken
# from the front is gone from it: neither may be taken again when the print comes after.
def _already_shown(place: Place, seen: Print) -> int:
    if not seen.shown_atoms:
        return 0
    if place.order.price_ticks != seen.price_ticks:
        return seen.shown_atoms if place.live_ns >= seen.shown_ns else 0
    credit = min(place.credit_atoms, seen.unprinted_atoms)
    share = -(-credit * seen.shown_atoms // seen.unprinted_atoms)
    place.credit_atoms = credit - share
    return share
