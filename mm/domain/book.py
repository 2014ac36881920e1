"""The order book of one symbol in integers, and whether it may be believed.

Prices are ticks, sizes are base atoms (real books hold sizes off the lot). The sequence check against the
venue's numbering happens in the venue's adapter, which reports either a whole snapshot, a delta that
continues it, or the loss of both. The book never quotes from itself what it cannot vouch for: `status`.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple, Self

LEVELS_MAX: Final = 5_000
"""Levels kept per side where a side holds more than twice as many after a message: the farthest are dropped
then, so that a book cannot grow without bound, and few messages pay for it.
"""

NEAR_LEVELS: Final = 64
"""Keys of a side that are kept in order with every change."""

NOWHERE: Final = -(2**63)
"""A key below every price."""

FAR_MAX: Final = 512
"""Keys of a side that may wait to be put in order."""


class Level(NamedTuple):
    """One price level: price in ticks, displayed size in base atoms (0 in a delta removes the level)."""

    price_ticks: int
    size_atoms: int


class BookStatus(StrEnum):
    """Whether the book can be quoted on."""

    EMPTY = "empty"
    IN_SYNC = "in_sync"
    OUT_OF_SYNC = "out_of_sync"


IN_SYNC: Final = BookStatus.IN_SYNC
"""The member as a plain constant, for the reason given in `sides.py`: every event asks for it."""


class _Ladder:
    # One side. Keys are sorted so that the best price is last: a change near the touch moves few elements.
    # A bid's key is its price, an ask's key is its negated price. While there is room, a level that went
    # keeps its key, with the size 0: near the touch it comes back, and then nothing has to move; and keys far
    # from the touch wait in `far`, in no order, until somebody has to look that deep. Where there is no room,
    # everything is put in order, and sizes are set one by one until a quarter of the room is free again.
    # Invariants: a price has a size if and only if its key is in one of the two; all keys in `far` are below
    # `near`; the best key is not below it while `far` holds any, and its size is above 0.

    __slots__ = ("far", "holds_gone", "keys", "near", "sign", "sizes")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.keys: list[int] = []
        self.sizes: dict[int, int] = {}
        self.holds_gone = False
        self.far: list[int] = []
        self.near = NOWHERE

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        # Integers throughout: element by element it would take a hundred times as long.
        made = type(self)(self.sign)
        made.keys, made.sizes, made.holds_gone = list(self.keys), dict(self.sizes), self.holds_gone
        made.far, made.near = list(self.far), self.near
        return made

    def replace(self, levels: Iterable[tuple[int, int]]) -> None:
        self.sizes = {price: size for price, size in levels if size}
        self.keys = [self.sign * price for price in self.sizes]
        self.far.clear()
        self.holds_gone = False
        self._sort()
        self._prune()

    def apply(self, levels: Sequence[Level]) -> None:
        room = 2 * LEVELS_MAX - len(levels)
        if self.holds_gone and len(self.sizes) > room:
            self.replace(self.sizes.items())
        if len(self.sizes) <= (room if self.holds_gone else room - LEVELS_MAX // 2):
            self._apply_at_once(levels)
            return
        for price_ticks, size_atoms in levels:
            self._set(price_ticks, size_atoms)
        self._prune()

    def cut(self, top: Level) -> None:
        key, keys, sizes = self.sign * top.price_ticks, self.keys, self.sizes
        if self.far and key < self.near:
            self._sort()
        while keys and keys[-1] > key:
            del sizes[self.sign * keys.pop()]
        self.apply((top,))

    # There is room for what goes, and for what is far.
    def _apply_at_once(self, levels: Sequence[Level]) -> None:
        keys, sizes, sign, near, far = self.keys, self.sizes, self.sign, self.near, self.far
        self.holds_gone = True
        for price, size in levels:
            if price not in sizes:
                if not size:
                    continue
                key = sign * price
                if key >= near:
                    insort(keys, key)
                else:
                    far.append(key)
            sizes[price] = size
        while keys and not sizes[sign * keys[-1]]:
            del sizes[sign * keys.pop()]
        if far and (len(far) > FAR_MAX or not keys or keys[-1] < near):
            self._sort()

    def _sort(self) -> None:
        self.keys.extend(self.far)
        self.keys.sort()
        self.far.clear()
        keys, sizes = self.keys, self.sizes
        while keys and not sizes[self.sign * keys[-1]]:
            del sizes[self.sign * keys.pop()]
        self.near = keys[-NEAR_LEVELS] if len(keys) >= NEAR_LEVELS else NOWHERE

    def _set(self, price_ticks: int, size_atoms: int) -> None:
        if size_atoms:
            known = price_ticks in self.sizes
            self.sizes[price_ticks] = size_atoms
            if not known:
                insort(self.keys, self.sign * price_ticks)
        elif self.sizes.pop(price_ticks, None) is not None:
            del self.keys[bisect_left(self.keys, self.sign * price_ticks)]

    def _prune(self) -> None:
        # Nothing is gone, nothing far.
        if len(self.keys) > 2 * LEVELS_MAX:
            for key in self.keys[:-LEVELS_MAX]:
                del self.sizes[self.sign * key]
            del self.keys[:-LEVELS_MAX]

    def best(self, own_atoms: Mapping[int, int]) -> int:
        keys, sign = self.keys, self.sign
        if keys and sign * keys[-1] not in own_atoms:
            return sign * keys[-1]
        for price in self._prices():
            if self.sizes[price] > own_atoms.get(price, 0):
                return price
        return 0

    def top(self, count: int, own_atoms: Mapping[int, int]) -> tuple[Level, ...]:
        sizes, sign = self.sizes, self.sign
        if count == 1 and self.keys:
            price = sign * self.keys[-1]
            if price not in own_atoms:
                return (Level(price, sizes[price]),)
        levels = []
        for price in self._prices():
            size = sizes[price] - own_atoms.get(price, 0)
            if size > 0:
                levels.append(Level(price, size))
                if len(levels) == count:
                    break
        return tuple(levels)

    # Best first; whoever goes beyond what is near makes the far keys be put in their places.
    def _prices(self) -> Iterator[int]:
        sign, place = self.sign, 0
        while True:
            place += 1
            if self.far and (place > len(self.keys) or self.keys[-place] < self.near):
                self._sort()
            if place > len(self.keys):
                return
            yield sign * self.keys[-place]


class Book:
    """Bids and asks of one symbol.

    Its fields are properties, since another kind of book keeps them elsewhere (`mm.kernel.array_book`).
    """

    __slots__ = ("_asks", "_bids", "_crossed_since_ns", "_depth_ns", "_seq", "_status", "_top", "_updated_ns")

    def __init__(self) -> None:
        """Start empty."""
        self._bids = _Ladder(1)
        self._asks = _Ladder(-1)
        # The newest top-of-book message: (its number, bid, ask). Deltas older than it may not bring back
        # what it said is gone.
        self._top: tuple[int, Level, Level] | None = None
        self._depth_ns = 0
        self._status = BookStatus.EMPTY
        self._seq = 0
        self._updated_ns = 0
        self._crossed_since_ns = 0

    @property
    def status(self) -> BookStatus:
        """Whether the book can be quoted on."""
        return self._status

    @status.setter
    def status(self, status: BookStatus) -> None:
        self._status = status

    @property
    def seq(self) -> int:
        """The venue's number of the last change applied."""
        return self._seq

    @property
    def updated_ns(self) -> int:
        """Local time of the last message about this book."""
        return self._updated_ns

    @property
    def depth_ns(self) -> int:
        """Local time of the last message that was not a top."""
        return self._depth_ns

    @property
    def crossed_since_ns(self) -> int:
        """Local time since which bid >= ask, or 0 while the book is not crossed."""
        return self._crossed_since_ns

    @property
    def bid_ticks(self) -> int:
        """The best bid, 0 when that side is empty."""
        keys = self._bids.keys
        return keys[-1] if keys else 0

    @property
    def ask_ticks(self) -> int:
        """The best ask, 0 when that side is empty."""
        keys = self._asks.keys
        return -keys[-1] if keys else 0

    @property
    def mid_half_ticks(self) -> int:
        """Best bid plus best ask, that is the mid in half ticks; 0 while a side is empty."""
        bids, asks = self._bids.keys, self._asks.keys
        return bids[-1] - asks[-1] if bids and asks else 0

    @property
    def is_crossed(self) -> bool:
        """Whether the best bid is at or above the best ask."""
        bids, asks = self._bids.keys, self._asks.keys
        return bool(bids and asks) and bids[-1] >= -asks[-1]

    def apply_snapshot(self, ts_ns: int, seq: int, bids: Sequence[Level], asks: Sequence[Level]) -> None:
        """Replace the whole book; it is in sync from now on. One older than a book in sync is ignored."""
        if self._status is IN_SYNC and seq < self._seq:
            return
        self._bids.replace(bids)
        self._asks.replace(asks)
        self._top = None
        self._depth_ns = ts_ns
        self._status = IN_SYNC
        self._touch(ts_ns, seq)

    def apply_delta(self, ts_ns: int, seq: int, bids: Sequence[Level], asks: Sequence[Level]) -> None:
        """Apply absolute sizes per level; a book that is not in sync or is newer ignores the delta."""
        if self._status is not IN_SYNC or seq <= self._seq:
            return
        self._bids.apply(bids)
        self._asks.apply(asks)
        if self._top is not None:
            top_seq, bid, ask = self._top
            if seq < top_seq:
                _cut(self._bids, bid)
                _cut(self._asks, ask)
            else:
                self._top = None
        self._depth_ns = ts_ns
        self._touch(ts_ns, seq)

    def apply_top(self, ts_ns: int, seq: int, bid: Level, ask: Level) -> None:
        """Apply a top-of-book message: levels better than the stated top are gone, the stated ones hold.

        A message older than the book or than the newest top (same numbering) is ignored.
        """
        if self._status is not IN_SYNC or seq <= self._seq:
            return
        if self._top is not None and seq <= self._top[0]:
            return
        self._top = (seq, bid, ask)
        _cut(self._bids, bid)
        _cut(self._asks, ask)
        # The book's own number stays: deltas must still apply from where they left off.
        self._touch(ts_ns, self._seq)

    def lags(self, ts_ns: int, patience_ns: int) -> bool:
        """Return whether the depth has been silent for longer than `patience_ns` while the top moved on."""
        return self._top is not None and ts_ns - self._depth_ns > patience_ns

    def lose(self) -> None:
        """Forget that the book is right; its levels stay visible for people, never for quoting."""
        self.status = BookStatus.OUT_OF_SYNC

    def best_bid(self, own_atoms: Mapping[int, int]) -> int:
        """Return the best bid with own sizes (price ticks -> base atoms) taken out; 0 if there is none."""
        return self._bids.best(own_atoms)

    def best_ask(self, own_atoms: Mapping[int, int]) -> int:
        """Return the best ask with own sizes (price ticks -> base atoms) taken out; 0 if there is none."""
        return self._asks.best(own_atoms)

    def bids(self, count: int, own_atoms: Mapping[int, int]) -> tuple[Level, ...]:
        """Return the best `count` bids with own sizes (price ticks -> base atoms) taken out."""
        return self._bids.top(count, own_atoms)

    def asks(self, count: int, own_atoms: Mapping[int, int]) -> tuple[Level, ...]:
        """Return the best `count` asks with own sizes (price ticks -> base atoms) taken out."""
        return self._asks.top(count, own_atoms)

    def bid_atoms(self, price_ticks: int) -> int:
        """Return what is displayed to buy at a price, base atoms, own size included."""
        return self._bids.sizes.get(price_ticks, 0)

    def ask_atoms(self, price_ticks: int) -> int:
        """Return what is displayed to sell at a price, base atoms, own size included."""
        return self._asks.sizes.get(price_ticks, 0)

    def _touch(self, ts_ns: int, seq: int) -> None:
        self._seq = seq
        self._updated_ns = ts_ns
        if not self.is_crossed:
            self._crossed_since_ns = 0
        elif not self._crossed_since_ns:
            self._crossed_since_ns = ts_ns


def _cut(ladder: _Ladder, top: Level) -> None:
    if top.price_ticks:
        ladder.cut(top)
    else:
        # A venue states an empty side as a price of 0: no price is better than none.
        ladder.replace(())
