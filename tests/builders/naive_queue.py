"""An observed market written the slow and obvious way: lists that are scanned for every step. A reference.

It repeats the rules, not the code: one list of everything that was ever stated or told, searched anew. Only
the formulas are the leaves' own, as their last digit decides; `naive_front` has those apart.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from mm.domain.book import Level
from mm.domain.sides import Side
from mm.sim.orders import Order, OrderType, StpMode, TimeInForce
from mm.sim.queue import QueueModel, front_after_decrease

NaiveFill = tuple[int, int, int, str]
"""Order id, price in ticks, lots, "maker" or "taker"."""

PRINT_WAITS_NS = 1_000_000_000
DECREASE_WAITS_NS = 200_000_000


@dataclass
class Told:
    """Atoms that one stream has told of. Fields: kind: "print" or "decrease"; left: not yet explained."""

    kind: str
    side: Side
    price_ticks: int
    left_atoms: int
    ts_ns: int

    def is_forgotten(self, ts_ns: int) -> bool:
        """Whether it is two spans of its waiting time ago, counted from the clock's zero."""
        span_ns = PRINT_WAITS_NS if self.kind == "print" else DECREASE_WAITS_NS
        return ts_ns // span_ns - self.ts_ns // span_ns >= 2


@dataclass
class Waiting:
    """A resting order."""

    order_id: int
    side: Side
    price_ticks: int
    left_lots: int
    front_atoms: int
    credit_atoms: int
    live_ns: int


@dataclass
class Row:
    """A displayed level."""

    side: Side
    price_ticks: int
    size_atoms: int
    taken_atoms: int = 0


def naive_front(model: QueueModel, front: int, before: int, fell: int, unit: int) -> float:
    """Return the front after a decrease, straight from the published formulas, in atoms, not rounded."""
    back = before - front
    if front == 0 or model is QueueModel.RISK_AVERSE:
        behind = 1.0
    elif model is QueueModel.POWER:
        behind = back**2 / (back**2 + front**2)
    elif model is QueueModel.POWER2:
        behind = back**2 / (back + front) ** 2
    elif model is QueueModel.POWER3:
        behind = 1 - (front / (front + back)) ** 3
    elif model is QueueModel.LOG:
        behind = math.log(1 + back / unit) / (math.log(1 + back / unit) + math.log(1 + front / unit))
    else:
        behind = math.log(1 + back / unit) / math.log(1 + (back + front) / unit)
    after = front - (1 - behind) * fell + min(back - behind * fell, 0)
    return max(0.0, min(after, float(before - fell)))


@dataclass
class NaiveQueue:
    """Own orders in an observed market. Fields: fills: in order."""

    lot_atoms: int
    shape: float
    model: QueueModel = QueueModel.RISK_AVERSE
    participation_ppm: int = 1_000_000
    rows: list[Row] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    tops: list[tuple[int, int, int]] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    fills: list[NaiveFill] = field(default_factory=list)
    believed: bool = False
    seq: int = 0

    # --- the market

    def snapshot(self, bids: Sequence[Level], asks: Sequence[Level], seq: int) -> None:
        """Replace the book."""
        if self.believed and seq < self.seq:
            return
        old = self.rows
        self.rows = []
        for side, levels in ((Side.BUY, bids), (Side.SELL, asks)):
            for price, size in levels:
                taken = sum(row.taken_atoms for row in old if (row.side, row.price_ticks) == (side, price))
                if size:
                    self.rows.append(Row(side, price, size, min(taken, size)))
        self.told, self.tops = [], []
        for order in self.waiting:
            order.front_atoms = min(order.front_atoms, self.size(order.side, order.price_ticks))
            order.credit_atoms = 0
        self.believed, self.seq = True, seq
        self.cross()

    def depth(self, bids: Sequence[Level], asks: Sequence[Level], seq: int, ts_ns: int) -> None:
        """Apply what no newer top contradicts."""
        if not self.believed or seq <= self.seq:
            return
        for side, levels in ((Side.BUY, bids), (Side.SELL, asks)):
            for price, size in levels:
                if not any(self._contradicts(top, side, price) for top in self.tops if top[0] > seq):
                    self.set(side, price, size, ts_ns)
        self.seq = seq
        self.cross()

    def top(self, bid: Level, ask: Level, seq: int, ts_ns: int) -> None:
        """Apply a top."""
        if not self.believed or seq <= max([self.seq, *(top[0] for top in self.tops)]):
            return
        for side, level in ((Side.BUY, bid), (Side.SELL, ask)):
            for row in self.best_first(side):
                if not level.price_ticks or (row.price_ticks - level.price_ticks) * side.sign > 0:
                    self.set(side, row.price_ticks, 0, ts_ns)
            if level.price_ticks:
                self.set(side, level.price_ticks, level.size_atoms, ts_ns)
        self.tops.append((seq, bid.price_ticks, ask.price_ticks))
        self.cross()

    def print(self, price: int, size: int, aggressor: Side, ts_ns: int) -> None:
        """Hand a print out: better prices first, then the earlier order."""
        side = aggressor.opposite
        rows = self._told("decrease", side, price, ts_ns)
        unprinted = sum(told.left_atoms for told in rows)
        newest = max((told.ts_ns for told in rows), default=0)
        shown = self._explain("decrease", side, price, size, ts_ns)
        if size > shown:
            self.told.append(Told("print", side, price, size - shown, ts_ns))
        left, room = size, size * self.participation_ppm // 1_000_000 // self.lot_atoms
        orders = [order for order in self.waiting if order.side is side]
        for order in sorted(orders, key=lambda order: -order.price_ticks * side.sign):
            if (order.price_ticks - price) * side.sign < 0:
                continue
            if order.price_ticks == price:
                credit = min(order.credit_atoms, unprinted)
                old = math.ceil(credit * shown / unprinted) if shown else 0
                if shown:
                    order.credit_atoms = credit - old
                over = left - old - order.front_atoms
                order.front_atoms = max(0, order.front_atoms - max(0, left - old))
            else:
                over = left - (shown if shown and order.live_ns >= newest else 0)
            lots = min(order.left_lots, max(0, over) // self.lot_atoms, room)
            left, room = left - lots * self.lot_atoms, room - lots
            self._fill(order, lots)

    # --- own orders

    def place(self, taker: Order, ts_ns: int) -> None:
        """Take, then rest or expire."""
        steps, left = self._steps(taker)
        traded = sum(lots for row, lots, _ in steps if row is not None)
        if taker.time_in_force is TimeInForce.FOK and traded != taker.size_lots:
            return
        for row, lots, met in steps:
            if row is not None:
                row.taken_atoms += lots * self.lot_atoms
                self.fills.append((taker.order_id, row.price_ticks, lots, "taker"))
            if met is not None:
                met.left_lots -= lots
                if not met.left_lots:
                    self.waiting.remove(met)
        if left and taker.order_type is not OrderType.MARKET and taker.time_in_force is TimeInForce.GTC:
            side, price = taker.side, taker.price_ticks
            unprinted = sum(told.left_atoms for told in self._told("decrease", side, price, ts_ns))
            front = self.size(side, price)
            self.waiting.append(Waiting(taker.order_id, side, price, left, front, unprinted, ts_ns))

    def cancel(self, order_id: int) -> None:
        """Take an order out."""
        self.waiting = [order for order in self.waiting if order.order_id != order_id]

    def amend(self, order_id: int, less_lots: int) -> None:
        """Shrink an order."""
        for order in self.waiting:
            if order.order_id == order_id:
                order.left_lots -= less_lots

    # --- the parts

    def size(self, side: Side, price: int) -> int:
        """Return what is displayed at a price."""
        return sum(row.size_atoms for row in self.rows if (row.side, row.price_ticks) == (side, price))

    def best_first(self, side: Side) -> list[Row]:
        """Return the displayed levels of a side."""
        rows = [row for row in self.rows if row.side is side]
        return sorted(rows, key=lambda row: -row.price_ticks * side.sign)

    def set(self, side: Side, price: int, size: int, ts_ns: int) -> None:
        """Display a size; let what fell without a print count for those who wait there."""
        before, unprinted = self.size(side, price), 0
        taken = sum(row.taken_atoms for row in self.rows if (row.side, row.price_ticks) == (side, price))
        self.rows = [row for row in self.rows if (row.side, row.price_ticks) != (side, price)]
        if size:
            self.rows.append(Row(side, price, size, min(taken, size)))
        if size >= before:
            return
        unprinted = sum(told.left_atoms for told in self._told("decrease", side, price, ts_ns))
        fell = before - size
        fell -= self._explain("print", side, price, fell, ts_ns)
        excess = sum(told.left_atoms for told in self._told("print", side, price, ts_ns)) - size
        self._explain("print", side, price, max(0, excess), ts_ns)
        if fell:
            self.told.append(Told("decrease", side, price, fell, ts_ns))
        for order in self.waiting:
            if (order.side, order.price_ticks) == (side, price):
                front = order.front_atoms
                if fell:
                    front = front_after_decrease(self.model, self.shape, front, before, fell)
                front = min(front, size)
                order.credit_atoms = min(order.credit_atoms, unprinted) + order.front_atoms - front
                order.front_atoms = front

    def cross(self) -> None:
        """Fill what the opposite side is displayed strictly through."""
        bids, asks = self.best_first(Side.BUY), self.best_first(Side.SELL)
        if bids and asks and bids[0].price_ticks >= asks[0].price_ticks:
            return
        for side in Side:
            orders = [order for order in self.waiting if order.side is side]
            for order in sorted(orders, key=lambda order: -order.price_ticks * side.sign):
                for row in self.best_first(side.opposite):
                    share = row.size_atoms * self.participation_ppm // 1_000_000
                    lots = min(order.left_lots, max(0, share - row.taken_atoms) // self.lot_atoms)
                    if lots and (order.price_ticks - row.price_ticks) * side.sign > 0:
                        row.taken_atoms += lots * self.lot_atoms
                        self._fill(order, lots)

    # What a taker does: (level, lots, own order that is met and loses lots), and what is left of it.
    def _steps(self, taker: Order) -> tuple[list[tuple[Row | None, int, Waiting | None]], int]:
        steps: list[tuple[Row | None, int, Waiting | None]] = []
        left, side = taker.size_lots, taker.side.opposite
        for price in self._prices(taker):
            row = next((row for row in self.best_first(side) if row.price_ticks == price), None)
            offered = (row.size_atoms - row.taken_atoms) // self.lot_atoms if row else 0
            traded = 0
            for order in [one for one in self.waiting if (one.side, one.price_ticks) == (side, price)]:
                ahead = min(left, max(0, min(offered, order.front_atoms // self.lot_atoms) - traded))
                if ahead:
                    steps.append((row, ahead, None))
                    traded, left = traded + ahead, left - ahead
                if left:
                    taker_lots, maker_lots = _lost(taker.stp_mode, left, order.left_lots)
                    steps.append((None, maker_lots, order))
                    left -= taker_lots
            rest = min(left, offered - traded)
            if rest:
                steps.append((row, rest, None))
                left -= rest
        return steps, left

    def _prices(self, taker: Order) -> list[int]:
        side = taker.side.opposite
        prices = [one.price_ticks for one in self.waiting if one.side is side]
        if self.believed:
            prices += [row.price_ticks for row in self.rows if row.side is side]
        if taker.order_type is not OrderType.MARKET:
            prices = [price for price in prices if (price - taker.price_ticks) * taker.side.sign <= 0]
        return sorted(dict.fromkeys(prices), reverse=side is Side.BUY)

    def _fill(self, order: Waiting, lots: int) -> None:
        if lots:
            self.fills.append((order.order_id, order.price_ticks, lots, "maker"))
            order.left_lots -= lots
            if not order.left_lots:
                self.waiting.remove(order)

    def _told(self, kind: str, side: Side, price: int, ts_ns: int) -> list[Told]:
        return [
            told
            for told in self.told
            if (told.kind, told.side, told.price_ticks) == (kind, side, price)
            and told.left_atoms
            and not told.is_forgotten(ts_ns)
        ]

    def _explain(self, kind: str, side: Side, price: int, atoms: int, ts_ns: int) -> int:
        found = 0
        for told in self._told(kind, side, price, ts_ns):
            part = min(told.left_atoms, atoms - found)
            told.left_atoms -= part
            found += part
        return found

    def _contradicts(self, top: tuple[int, int, int], side: Side, price: int) -> bool:
        best = top[1] if side is Side.BUY else top[2]
        return not best or (price - best) * side.sign >= 0


def _lost(mode: StpMode, taker_lots: int, maker_lots: int) -> tuple[int, int]:
    if mode is StpMode.DECREMENT:
        taker_lots = maker_lots = min(taker_lots, maker_lots)
    taker_stays = mode is StpMode.EXPIRE_MAKER
    maker_stays = mode in (StpMode.EXPIRE_TAKER, StpMode.NONE)
    return 0 if taker_stays else taker_lots, 0 if maker_stays else maker_lots
