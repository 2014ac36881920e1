"""Own orders of a run put into the simulated queue once more, under every queue model at once.

The market is what the run itself heard; each order joins at its own price when it may have become live, and
leaves when it may have been cancelled. Both times are known only within bounds, so each order is tried at
several moments of them. Decides nothing, reads no file, knows no money. Invariants: a print is handed out
once in each trial; every trial sees the same displayed market; ghosts are never displayed.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Final, NamedTuple

from mm.domain.book import Level
from mm.domain.events import BookDelta, BookSnapshot, PublicTrade, TopOfBook
from mm.domain.instrument import Instrument
from mm.domain.sides import BUY, SELL, Side
from mm.domain.units import PPM
from mm.sim.feed import MarketFeed
from mm.sim.orders import Order, OrderType, StpMode, TimeInForce
from mm.sim.places import Decrease, Place, Places, Print, QueueSettings
from mm.sim.queue import CUSTOMARY_POWERS, QueueModel

MOMENTS: Final = 5
"""So many moments between the earliest and the latest possible are tried."""

NOT_FILLED: Final = 0
"""In place of the time of a fill."""


class Candidate(NamedTuple):
    """A queue model that is tried. Fields: power: its exponent, None if it has none."""

    queue: QueueModel
    power: float | None = None

    @property
    def name(self) -> str:
        """As in the config: small letters."""
        return self.queue.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnOrder:
    """One own order that rested, as the run's record tells of it.

    Fields: sent_ns, live_ns: it came to the book between; ends_ns, ended_ns: it left it between, by a cancel,
    its last fill or with the record; fills: when each was heard, and its lots.
    """

    cid: str
    symbol: str
    side: Side
    price_ticks: int
    size_lots: int
    sent_ns: int
    live_ns: int
    ends_ns: int
    ended_ns: int
    fills: tuple[tuple[int, int], ...] = ()

    @property
    def filled_ns(self) -> int:
        """When it first filled, `NOT_FILLED` if it did not."""
        return self.fills[0][0] if self.fills else NOT_FILLED

    @property
    def is_whole(self) -> bool:
        """Whether all of it filled: then nobody knows how long it would have stood."""
        return sum(lots for _, lots in self.fills) >= self.size_lots

    @property
    def begins_ns(self) -> int:
        """The middle of when it may have come to the book."""
        return (self.sent_ns + self.live_ns) // 2

    @property
    def life_ns(self) -> int:
        """How long it was observed: to its first fill, or to its end."""
        until = self.filled_ns or (self.ends_ns + self.ended_ns) // 2
        return max(1, until - self.begins_ns)


class Bounds(NamedTuple):
    """What bounds the trials. Fields: grace_ns: an order that filled is watched for so long beyond that;
    participation_ppm: as of `QueueSettings`.
    """

    grace_ns: int = 0
    participation_ppm: int = PPM


class Trial(NamedTuple):
    """One order under one candidate at one moment. Fields: begins_ns; filled_ns: `NOT_FILLED` if it did not
    fill in its life.
    """

    begins_ns: int
    filled_ns: int


@dataclass(slots=True, kw_only=True)
class _Ghost:
    # One order in one world.
    order: Order
    begins_ns: int
    filled_ns: int = NOT_FILLED
    is_placed: bool = True


class _World:
    # One candidate at one moment: its own queues over the market that all share.

    def __init__(self, settings: QueueSettings) -> None:
        self.queue = settings
        self.own = {BUY: Places(BUY, settings), SELL: Places(SELL, settings)}
        self.ghosts: dict[int, _Ghost] = {}
        # What ghosts took of displayed levels, by side and price: it is not there a second time.
        self.taken: dict[Side, dict[int, int]] = {BUY: {}, SELL: {}}

    def sees(self, side: Side, price_ticks: int, size_atoms: int) -> None:
        taken = self.taken[side]
        if price_ticks in taken:
            taken[price_ticks] = min(taken[price_ticks], size_atoms)


class _Everybody(Places):
    # The places of one side in all worlds, as the feed sees them.

    def __init__(self, side: Side, worlds: Sequence[_World], settings: QueueSettings) -> None:
        super().__init__(side, settings)
        self._all = [world.own[side] for world in worlds]
        self.prices: Counter[int] = Counter()

    def at(self, price_ticks: int) -> list[Place]:
        if not self.prices[price_ticks]:
            return []
        return next((found for places in self._all if (found := places.at(price_ticks))), [])

    def all(self) -> Iterator[Place]:
        for places in self._all:
            yield from places.all()

    def on_decrease(self, seen: Decrease) -> None:
        for places in self._all:
            places.on_decrease(seen)

    def count(self, price_ticks: int, by: int) -> None:
        self.prices[price_ticks] += by
        if not self.prices[price_ticks]:
            del self.prices[price_ticks]

    def is_reached(self, price_ticks: int, sign: int) -> bool:
        return any(sign * (known - price_ticks) >= 0 for known in self.prices)


class _Feed(MarketFeed):
    # The market as all worlds see it: what ghosts took of a level stays taken until it shows more. Fields:
    # takers: worlds in which that ever happened.
    __slots__ = ("takers",)

    def __init__(self, own: dict[Side, Places]) -> None:
        super().__init__(own)
        self.takers: list[_World] = []

    def snapshot(self, bids: Sequence[Level], asks: Sequence[Level], *, seq: int) -> None:
        super().snapshot(bids, asks, seq=seq)
        for world in self.takers:
            for side, taken in world.taken.items():
                shown = self.sides[side]
                world.taken[side] = {
                    price: min(atoms, shown.size_atoms(price))
                    for price, atoms in taken.items()
                    if shown.size_atoms(price)
                }

    def takes(self, world: _World) -> None:
        if world not in self.takers:
            self.takers.append(world)

    def _set(self, side: Side, price_ticks: int, size_atoms: int, ts_ns: int) -> None:
        super()._set(side, price_ticks, size_atoms, ts_ns)
        for world in self.takers:
            world.sees(side, price_ticks, size_atoms)


@dataclass(slots=True)
class _Own:
    # What of our own is displayed, where the venue displays it: base atoms by price.
    bids: Counter[int] = field(default_factory=Counter)
    asks: Counter[int] = field(default_factory=Counter)


class Ghosts:
    """The orders of one symbol under all candidates; feed it the market in order of time, then `finish`."""

    def __init__(
        self,
        instrument: Instrument,
        orders: Sequence[OwnOrder],
        candidates: Sequence[Candidate],
        *,
        displayed: bool,
        bounds: Bounds | None = None,
    ) -> None:
        """Begin before the market's first message.

        Args: displayed: the recorded market shows our own orders (live); they are taken out of it. bounds:
        those of `Bounds()` if absent.
        """
        bounds = bounds or Bounds()
        self._lot_atoms = instrument.lot_atoms
        self._orders = tuple(sorted(orders, key=lambda order: order.sent_ns))
        self._worlds: list[_World] = []
        self._moments = [(2 * at + 1) / (2 * MOMENTS) for at in range(MOMENTS)]
        base = QueueSettings(model=QueueModel.RISK_AVERSE, shape=1.0, lot_atoms=self._lot_atoms)
        for candidate in candidates:
            settings = QueueSettings(
                model=candidate.queue,
                shape=_shape(candidate, instrument),
                lot_atoms=self._lot_atoms,
                participation_ppm=bounds.participation_ppm,
            )
            self._worlds += [_World(settings) for _ in self._moments]
        self._own = {side: _Everybody(side, self._worlds, base) for side in (BUY, SELL)}
        self._feed = _Feed(dict(self._own))
        self._due: list[tuple[int, int, int, int]] = []
        self._last_trade_id = -1
        self._displayed = _Own() if displayed else None
        for index, order in enumerate(self._orders):
            self._plan(index, order, bounds.grace_ns)

    def take(self, event: BookSnapshot | BookDelta | TopOfBook | PublicTrade) -> None:
        """See the market go on."""
        ts_ns, feed = event.ts_ns, self._feed
        self._until(ts_ns)
        if isinstance(event, PublicTrade):
            self._print(event)
            return
        if isinstance(event, TopOfBook):
            bids, asks = self._others([event.bid], [event.ask])
            counted = feed.top(bids[0], asks[0], ts_ns=ts_ns, seq=event.seq)
        elif isinstance(event, BookDelta):
            bids, asks = self._others(event.bids, event.asks)
            counted = feed.depth(bids, asks, ts_ns=ts_ns, seq=event.seq)
        else:
            bids, asks = self._others(event.bids, event.asks)
            feed.snapshot(bids, asks, seq=event.seq)
            counted = True
        if counted:
            self._cross(ts_ns)

    def lost(self, ts_ns: int, *, anew: bool = False) -> None:
        """Stop believing what is displayed until the next whole book.

        Args: anew: the stream itself ended: whoever comes next may number prints in another way.
        """
        self._until(ts_ns)
        self._feed.is_believed = False
        if anew:
            self._last_trade_id = -1

    def finish(self) -> dict[str, tuple[tuple[Trial, ...], ...]]:
        """Return for each order, by id, the trials of each candidate in their order.

        A moment at which it could not have been placed (it would have taken, or no book was believed) is no
        trial.
        """
        found = {}
        for index, order in enumerate(self._orders):
            rows = []
            for at in range(0, len(self._worlds), MOMENTS):
                ghosts = [world.ghosts.get(index) for world in self._worlds[at : at + MOMENTS]]
                rows.append(tuple(Trial(ghost.begins_ns, ghost.filled_ns) for ghost in ghosts if ghost))
            found[order.cid] = tuple(rows)
        return found

    # ---- what is due: (time, kind, index of the order, index of the moment or lots)

    def _plan(self, index: int, order: OwnOrder, grace_ns: int) -> None:
        grace_ns = grace_ns if order.is_whole else 0
        for moment, share in enumerate(self._moments):
            begins = order.sent_ns + round(share * (order.live_ns - order.sent_ns))
            ends = order.ends_ns + round(share * (order.ended_ns - order.ends_ns))
            heappush(self._due, (begins, _PLACE, index, moment))
            heappush(self._due, (max(begins, ends) + grace_ns, _END, index, moment))
        if self._displayed is not None:
            left_lots = order.size_lots - sum(lots for _, lots in order.fills)
            heappush(self._due, (order.live_ns, _SHOW, index, order.size_lots))
            for ts_ns, lots in (*order.fills, (order.ended_ns, left_lots)):
                heappush(self._due, (ts_ns, _SHOW, index, -lots))

    def _until(self, ts_ns: int) -> None:
        while self._due and self._due[0][0] <= ts_ns:
            due_ns, kind, index, moment = heappop(self._due)
            if kind == _PLACE:
                self._place(index, moment, due_ns)
            elif kind == _END:
                self._end(index, moment)
            else:
                self._show(self._orders[index], moment)

    def _place(self, index: int, moment: int, ts_ns: int) -> None:
        order, feed = self._orders[index], self._feed
        shown, other = feed.sides[order.side], feed.sides[order.side.opposite].best_ticks
        if not feed.is_believed or (other and (other - order.price_ticks) * order.side.sign <= 0):
            return
        front, credit = shown.size_atoms(order.price_ticks), shown.shown.at(order.price_ticks, ts_ns)[0]
        for world in self._worlds[moment::MOMENTS]:
            ghost = _Ghost(order=_order(index, order, ts_ns), begins_ns=ts_ns)
            world.ghosts[index] = ghost
            world.own[order.side].add(
                Place(order=ghost.order, front_atoms=front, credit_atoms=credit, live_ns=ts_ns)
            )
            self._own[order.side].count(order.price_ticks, 1)

    def _end(self, index: int, moment: int) -> None:
        for world in self._worlds[moment::MOMENTS]:
            ghost = world.ghosts.get(index)
            if ghost is not None and ghost.is_placed:
                self._remove(world, ghost)

    def _remove(self, world: _World, ghost: _Ghost) -> None:
        ghost.is_placed = False
        world.own[ghost.order.side].remove(ghost.order)
        self._own[ghost.order.side].count(ghost.order.price_ticks, -1)

    # ---- fills

    def _print(self, event: PublicTrade) -> None:
        if event.trade_id <= self._last_trade_id or not event.size_atoms:
            return
        self._last_trade_id = event.trade_id
        side = event.aggressor.opposite
        seen = self._feed.print(side, event.price_ticks, event.size_atoms, event.ts_ns)
        if self._own[side].is_reached(event.price_ticks, side.sign):
            for world in self._worlds:
                self._hand_out(world, side, seen, event.ts_ns)

    def _hand_out(self, world: _World, side: Side, seen: Print, ts_ns: int) -> None:
        for place, lots in world.own[side].on_print(seen):
            self._fill(world, place.order, lots, ts_ns)

    # As the book that paper trades on: what is displayed strictly through a price fills it, unless the market
    # is displayed crossed in itself.
    def _cross(self, ts_ns: int) -> None:
        for side in (BUY, SELL):
            best = self._feed.sides[side.opposite].best_ticks
            if (
                not best
                or self._feed.is_crossed
                or not self._own[side].is_reached(best + side.sign, side.sign)
            ):
                continue
            for world in self._worlds:
                self._cross_in(world, side, ts_ns)

    def _cross_in(self, world: _World, side: Side, ts_ns: int) -> None:
        shown, taken = self._feed.sides[side.opposite], world.taken[side.opposite]
        for place in list(world.own[side].until(shown.best_ticks)):
            order = place.order
            for price_ticks, atoms in shown.offers():
                if (order.price_ticks - price_ticks) * side.sign <= 0 or not order.left_lots:
                    break
                lots = min(order.left_lots, world.queue.room_lots(atoms, taken.get(price_ticks, 0)))
                if lots > 0:
                    self._feed.takes(world)
                    taken[price_ticks] = taken.get(price_ticks, 0) + lots * self._lot_atoms
                    self._fill(world, order, lots, ts_ns)

    def _fill(self, world: _World, order: Order, lots: int, ts_ns: int) -> None:
        ghost = world.ghosts[order.order_id]
        ghost.filled_ns = ghost.filled_ns or ts_ns
        order.filled_lots += lots
        if not order.left_lots:
            self._remove(world, ghost)

    # ---- our own in the displayed market

    def _show(self, order: OwnOrder, lots: int) -> None:
        assert self._displayed is not None  # nothing is planned otherwise
        own = self._displayed.bids if order.side is BUY else self._displayed.asks
        own[order.price_ticks] += lots * self._lot_atoms

    def _others(
        self, bids: Sequence[Level], asks: Sequence[Level]
    ) -> tuple[Sequence[Level], Sequence[Level]]:
        if self._displayed is None:
            return bids, asks
        return _without(bids, self._displayed.bids), _without(asks, self._displayed.asks)


_END: Final = 0
_PLACE: Final = 1
_SHOW: Final = 2


def _without(levels: Sequence[Level], own: Counter[int]) -> list[Level]:
    return [Level(price, max(0, atoms - own[price])) for price, atoms in levels]


def _order(index: int, order: OwnOrder, ts_ns: int) -> Order:
    return Order(
        order_id=index,
        owner="",
        client_id=order.cid,
        side=order.side,
        order_type=OrderType.LIMIT_MAKER,
        time_in_force=TimeInForce.GTC,
        stp_mode=StpMode.NONE,
        price_ticks=order.price_ticks,
        size_lots=order.size_lots,
        created_ns=ts_ns,
        updated_ns=ts_ns,
    )


def _shape(candidate: Candidate, instrument: Instrument) -> float:
    if candidate.queue not in CUSTOMARY_POWERS:
        return 10.0**instrument.base_scale
    return CUSTOMARY_POWERS[candidate.queue] if candidate.power is None else candidate.power
