"""Small markets with orders in them, for putting two fill simulators side by side.

Each is a book that changes every few seconds by one thing (a print with its decrease, a cancellation, an
addition, a move of the touch) and what is asked of a venue meanwhile. Must never look at anything but its
seed. Invariants: the same seed gives the same scenario; a book is never crossed nor locked with an own order,
and what happens lies further apart than any simulator waits for one stream to catch up with another.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from mm.domain.sides import BUY, SELL, Side
from mm.domain.tape import DELTA, SNAPSHOT, TRADE
from mm.domain.units import NS_PER_MS, NS_PER_S

START_NS: Final = 1_800_000_000_000_000_000
MIDDLE_TICKS: Final = 570_000
UNIT_LOTS: Final = 1_000
"""Displayed sizes and prints are multiples of it, an own order is one lot: whatever reaches it fills it, so
that it does not matter how a simulator rounds a queue.
"""

LATENCY_NS: Final = 10 * NS_PER_MS
STEPS: Final = 60
LEVELS: Final = 6
SIZE_MAX: Final = 40
PRINT_MAX: Final = 60
"""Of a level, and of a print, in units."""

DEEP: Final = 0.02
"""Part of the prints that may go through more than the best level."""

PART: Final = 3
"""The others are at most this part of the best level: 1 / PART."""

OWN: Final = 0.8
"""Part of the cancellations and additions that are at the own order's price."""

AWAY_TICKS: Final = (-3, -2, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 9)
"""How much better than the best displayed price an own order is; the last one would take."""

WEIGHTS: Final = (35, 32, 32, 1)
"""Of prints, cancellations, additions and moves of the touch."""

MODELS: Final = ("risk_averse", "power", "power3", "log2")
"""Queue models in which a front never gets negative elsewhere either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a market.

    Fields: kind: SNAPSHOT, DELTA or TRADE, or one of a single order (`order_scenarios`), with its id; side: 1
    bid or buyer, -1 ask or seller.
    """

    ts_ns: int
    kind: int
    side: int
    price_ticks: int
    size_lots: int
    order_id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnOrder:
    """A post-only order. Fields: sent_ns; cancel_ns: when its cancel is sent, 0: never."""

    side: int
    price_ticks: int
    size_lots: int
    sent_ns: int
    cancel_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A market and what is done in it. Fields: queue: name of the model; partial: an order may fill in parts
    (elsewhere; here it always may); end_ns: behind everything.
    """

    queue: str
    rows: tuple[Row, ...]
    orders: tuple[OwnOrder, ...]
    end_ns: int
    partial: bool = False


class DrawnMarket:
    """A market with one own order in it, to be filled with what happens: see the kinds that are made of it.

    Invariant: the order is drawn before anything happens, so that a market never stops exactly at it.
    """

    def __init__(self, dice: Random) -> None:
        """Begin empty. A kind draws `_own` and `_own_ticks`, the side and the price of the own order."""
        self._dice = dice
        self._ts_ns = START_NS
        self._rows: list[Row] = []
        self._own = BUY
        self._own_ticks = 0

    def _course(
        self, acts: Sequence[Callable[[], None]], weights: Sequence[int], steps: int, queue: str
    ) -> Scenario:
        # One of `acts` every few seconds, and an own order sent and perhaps cancelled around two of them.
        happens = []
        for _ in range(steps):
            self._ts_ns += 2 * NS_PER_S + self._dice.randrange(NS_PER_S)
            happens.append(self._ts_ns)
            self._dice.choices(acts, weights)[0]()
        sent_ns = self._near(happens[self._dice.randrange(8)])
        cancel_ns = self._near(happens[self._dice.randrange(9, steps)]) if self._dice.random() < 0.4 else 0
        order = OwnOrder(
            side=self._own.sign,
            price_ticks=self._own_ticks,
            size_lots=1,
            sent_ns=sent_ns,
            cancel_ns=cancel_ns,
        )
        end_ns = self._ts_ns + 5 * NS_PER_S
        return Scenario(queue=queue, rows=tuple(self._rows), orders=(order,), end_ns=end_ns)

    def _near(self, ts_ns: int) -> int:
        # Mostly so that the market changes while the request is under way; never within a change.
        if self._dice.random() < 0.8:
            return ts_ns - self._dice.choice((2, 4, 6, 8, 11, 13)) * NS_PER_MS - 137
        return ts_ns + NS_PER_S - 137


def scenarios(count: int, seed: int) -> Iterator[Scenario]:
    """Yield so many generated scenarios of one order each, the queue models in turn."""
    for number in range(count):
        yield _Market(Random(f"{seed}/{number}/scenario")).scenario(MODELS[number % len(MODELS)])


class _Market(DrawnMarket):
    # A book of levels.

    def __init__(self, dice: Random) -> None:
        super().__init__(dice)
        spread = dice.randrange(1, 6)
        self._books = {
            BUY: {MIDDLE_TICKS - away: self._size() for away in range(LEVELS)},
            SELL: {MIDDLE_TICKS + spread + away: self._size() for away in range(LEVELS)},
        }
        self._own = dice.choice((BUY, SELL))
        best = self._best(self._own)
        self._own_ticks = best + dice.choice(AWAY_TICKS) * self._own.sign
        self._rows = [
            row_of(START_NS, SNAPSHOT, side, price, size)
            for side, book in self._books.items()
            for price, size in book.items()
        ]

    def scenario(self, queue: str) -> Scenario:
        return self._course((self._print, self._cancel, self._add, self._move), WEIGHTS, STEPS, queue)

    # ---- what happens

    def _print(self) -> None:
        side = self._dice.choice((BUY, SELL))
        book = self._books[side]
        best = book[self._best(side)] // UNIT_LOTS
        most = PRINT_MAX if self._dice.random() < DEEP else max(1, best // PART)
        left = self._dice.randrange(1, most + 1) * UNIT_LOTS
        changed, ts_ns = [], self._ts_ns
        for price in sorted(book, reverse=side is BUY)[:-2]:
            took = min(left, book[price])
            if not took:
                break
            self._rows.append(row_of(ts_ns, TRADE, side.opposite, price, took))
            book[price] -= took
            left -= took
            changed.append((side, price))
            ts_ns += 1_000
        self._show(changed, NS_PER_MS)

    def _cancel(self) -> None:
        side = self._dice.choice((BUY, SELL))
        book = self._books[side]
        price = self._or_own(side, self._dice.choice(sorted(book)))
        units = book[price] // UNIT_LOTS
        if units > 1:
            book[price] -= self._dice.randrange(1, units) * UNIT_LOTS
        elif len(book) > 2:
            book[price] = 0
        self._show([(side, price)])

    def _add(self) -> None:
        side = self._dice.choice((BUY, SELL))
        price = self._or_own(side, self._best(side) - side.sign * self._dice.randrange(2 * LEVELS))
        book = self._books[side]
        book[price] = book.get(price, 0) + self._size()
        self._show([(side, price)])

    def _move(self) -> None:
        # The touch of one side comes closer, through whatever the other side shows there.
        side = self._dice.choice((BUY, SELL))
        other = self._books[side.opposite]
        price = self._best(side) + side.sign * self._dice.randrange(1, 9)
        if side is not self._own and price == self._own_ticks:
            price += side.sign
        gone = [ticks for ticks in other if (price - ticks) * side.sign >= 0]
        if len(other) - len(gone) < 2:
            return
        for ticks in gone:
            other[ticks] = 0
        self._books[side][price] = self._size()
        self._show([*((side.opposite, ticks) for ticks in gone), (side, price)])

    def _or_own(self, side: Side, price_ticks: int) -> int:
        # Mostly where the own order is, if something is displayed there: its queue is of interest.
        is_there = side is self._own and self._own_ticks in self._books[side]
        return self._own_ticks if is_there and self._dice.random() < OWN else price_ticks

    def _show(self, changed: Sequence[tuple[Side, int]], after_ns: int = 0) -> None:
        for side, price in changed:
            size = self._books[side][price]
            self._rows.append(row_of(self._ts_ns + after_ns, DELTA, side, price, size))
            if not size:
                del self._books[side][price]

    def _best(self, side: Side) -> int:
        book = self._books[side]
        return max(book) if side is BUY else min(book)

    def _size(self) -> int:
        return self._dice.randrange(1, SIZE_MAX) * UNIT_LOTS


def row_of(ts_ns: int, kind: int, side: Side, price_ticks: int, size_lots: int) -> Row:
    """Return a row."""
    return Row(ts_ns=ts_ns, kind=kind, side=side.sign, price_ticks=price_ticks, size_lots=size_lots)
