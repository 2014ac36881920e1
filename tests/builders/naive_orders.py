"""Queues of single orders written the slow and obvious way: a list per price, own orders among the others.

It repeats the rules, not the code: nothing is summed or kept twice, a print walks the list from its front.
"""

from dataclasses import dataclass, field

from mm.domain.sides import Side

NaiveFill = tuple[int, int, int]
"""Own order's id, price in ticks, lots."""


@dataclass
class Entry:
    """Somebody in a queue. Fields: told: size as it was told last; left: less what printed since, in atoms;
    lots: left of an own order.
    """

    order_id: int
    is_own: bool
    told: int = 0
    left: int = 0
    lots: int = 0


@dataclass
class NaiveOrders:
    """Own orders among single orders of a market. Fields: queues: by side and price; fills: in order."""

    lot_atoms: int
    participation_ppm: int = 1_000_000
    queues: dict[tuple[Side, int], list[Entry]] = field(default_factory=dict)
    fills: list[NaiveFill] = field(default_factory=list)

    def change(self, order_id: int, side: Side, price: int, atoms: int) -> None:
        """See an order of the market as it stands."""
        queue = self.queues.setdefault((side, price), [])
        for entry in queue:
            if entry.order_id == order_id and not entry.is_own and 0 < atoms <= entry.told:
                entry.told = atoms
                entry.left = min(entry.left, atoms)
                return
        for other in self.queues.values():
            other[:] = [entry for entry in other if entry.is_own or entry.order_id != order_id]
        if atoms:
            queue.append(Entry(order_id, is_own=False, told=atoms, left=atoms))

    def print(self, side: Side, price: int, atoms: int) -> None:
        """Hand a print to the queues that it hits: own orders at better prices, then those at its price."""
        rest = atoms
        room = atoms * self.participation_ppm // 1_000_000 // self.lot_atoms
        prices = {ticks for its, ticks in self.queues if its is side and (ticks - price) * side.sign >= 0}
        for ticks in sorted(prices, reverse=side is Side.BUY):
            for entry in list(self.queues[side, ticks]):
                if entry.is_own:
                    lots = min(entry.lots, room, rest // self.lot_atoms)
                    if lots:
                        self.fills.append((entry.order_id, ticks, lots))
                    entry.lots -= lots
                    room -= lots
                    rest -= lots * self.lot_atoms
                elif ticks == price:
                    part = min(entry.left, rest)
                    entry.left -= part
                    rest -= part
        self._forget()

    def place(self, order_id: int, side: Side, price: int, lots: int) -> None:
        """Let an own order rest."""
        self.queues.setdefault((side, price), []).append(Entry(order_id, is_own=True, lots=lots))

    def cancel(self, order_id: int) -> None:
        """Take an own order out."""
        for queue in self.queues.values():
            queue[:] = [entry for entry in queue if not entry.is_own or entry.order_id != order_id]

    def amend(self, order_id: int, less_lots: int) -> None:
        """Make an own order smaller."""
        for queue in self.queues.values():
            for entry in queue:
                if entry.is_own and entry.order_id == order_id:
                    entry.lots -= less_lots

    def left(self, lots: dict[int, int]) -> None:
        """Take over what is left of own orders, by id, where something else than a print has filled them."""
        for queue in self.queues.values():
            for entry in queue:
                if entry.is_own:
                    entry.lots = lots[entry.order_id]
        self._forget()

    def fronts(self) -> dict[int, int]:
        """Return what is in front of each own order."""
        found: dict[int, int] = {}
        for queue in self.queues.values():
            ahead = 0
            for entry in queue:
                ahead += entry.left
                if entry.is_own:
                    found[entry.order_id] = ahead
        return found

    def _forget(self) -> None:
        for queue in self.queues.values():
            queue[:] = [entry for entry in queue if not entry.is_own or entry.lots]
