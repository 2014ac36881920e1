"""A generated market for the replay bench: rows as they come from a large venue, bursts among them.

Its shape is that of five minutes of a perpetual on BTC (344 s, 599 012 rows): rows per 100 ms are log-normal
around 83 with a deviation of 1.15 and a memory of 0.64 from one to the next, so that one window in a hundred
has 16 times as many as the median one; 74 of 100 rows are changes of depth, a message of them every 50 ms,
22 are best prices, most of them within microseconds of each other, 4 are prints; one change in two is within
6.6 basis points of the touch, one in ten beyond 96; the touch moves in one window of nine, there about five
times by about ten ticks. Must never look at anything but its seed. Invariant: the same seed gives the same
rows.
"""

from array import array
from collections.abc import Iterator
from math import exp
from random import Random
from typing import Final

from mm.domain.tape import DELTA, SNAPSHOT, TOP, TRADE, Chunk, Columns
from mm.domain.units import NS_PER_MS

START_NS: Final = 1_800_000_000_000_000_000
START_TICKS: Final = 570_000
WINDOW_NS: Final = 100 * NS_PER_MS
CHUNK_ROWS: Final = 500_000

ROWS_MEDIAN: Final = 83
ROWS_DEVIATION: Final = 1.15
ROWS_MAX: Final = 3_700
MEMORY: Final = 0.64
DEPTH_SHARE: Final = 0.74
TOP_SHARE: Final = 0.22
"""Of the rows of a window; what is left are prints."""

BUSY: Final = 1.22
"""Windows so many deviations above the median are those in which the touch moves: one in nine."""

MOVES: Final = 5
MOVE_TICKS_MAX: Final = 20
CLOSE_SHARE: Final = 0.7
"""Part of the messages that come within microseconds of the one before."""

DISTANCES_BPS: Final = (
    (0.0, 0.05),
    (0.1, 1.0),
    (0.25, 2.8),
    (0.5, 6.6),
    (0.75, 16.0),
    (0.9, 96.0),
    (0.99, 5_000.0),
    (1.0, 9_000.0),
)
"""How far from the touch changes of depth are: share of them, and up to where, basis points."""

GONE_SHARE: Final = 0.22
"""Of the changes that empty a level."""

POOL: Final = 1 << 16
"""So many distances and sizes are drawn once, and taken in stretches from then on."""

LEVELS: Final = 1_000
LOT_ATOMS: Final = 100_000


class ReplayMarket:
    """A market that follows from a seed. Fields: symbol."""

    def __init__(self, symbol: str, *, seed: int = 1) -> None:
        """Begin at `START_NS`."""
        self.symbol = symbol
        self._dice = Random(f"{seed}/replay")
        self._distances = [self._distance() for _ in range(POOL)]
        self._sizes = [self._size(0.13, 2.2, GONE_SHARE) for _ in range(POOL)]
        self._bid, self._ask = START_TICKS, START_TICKS + 1
        self._bid_atoms, self._ask_atoms = self._size(2.7, 1.4), self._size(2.7, 1.4)
        self._seq = 1_000
        self._trade_id = 0
        self._activity = 0.0
        self._window_ns = START_NS
        self._columns: tuple[array[int], ...] = ()

    def chunks(self, rows: int) -> Iterator[Chunk]:
        """Yield so many rows or a few more, about `CHUNK_ROWS` at a time, beginning with a whole book."""
        done = 0
        self._columns = _empty()
        self._whole()
        while done < rows:
            due = min(CHUNK_ROWS, rows - done)
            while len(self._columns[0]) < due:
                self._window()
            done += len(self._columns[0])
            yield Chunk((self.symbol,), Columns(*self._columns))
            self._columns = _empty()

    # ---- what happens

    def _window(self) -> None:
        dice = self._dice
        self._activity = MEMORY * self._activity + (1 - MEMORY**2) ** 0.5 * dice.gauss(0.0, 1.0)
        rows = min(ROWS_MAX, max(4, round(ROWS_MEDIAN * exp(ROWS_DEVIATION * self._activity))))
        depth = round(rows * DEPTH_SHARE) // 2
        tops = max(1, round(rows * TOP_SHARE) // 2)
        prints = max(0, rows - 2 * depth - 2 * tops)
        moves = dice.randrange(1, 2 * MOVES) if self._activity > BUSY else 0
        acts = [TOP] * tops + [TRADE] * prints
        dice.shuffle(acts)
        moving = set(dice.sample(range(len(acts)), min(moves, len(acts))))
        middle = len(acts) // 2
        for at, ts_ns in enumerate(self._times(len(acts))):
            if at == middle:
                self._depth(ts_ns, depth)
            if at in moving:
                self._move(ts_ns)
            elif acts[at] == TRADE:
                self._print(ts_ns)
            else:
                self._resize(ts_ns)
        self._window_ns += WINDOW_NS
        self._depth(self._window_ns - 1, depth)

    def _times(self, count: int) -> list[int]:
        dice, times, at_ns = self._dice, [], 0
        apart = max(1, round(count * (1 - CLOSE_SHARE)))
        far = sorted(dice.randrange(WINDOW_NS - NS_PER_MS) for _ in range(apart))
        for place in range(count):
            at_ns = max(at_ns + dice.randrange(600, 30_000), far[place * len(far) // count])
            times.append(self._window_ns + min(at_ns, WINDOW_NS - 2))
        return times

    def _move(self, ts_ns: int) -> None:
        step = self._dice.randrange(1, MOVE_TICKS_MAX) * self._dice.choice((-1, 1))
        self._bid, self._ask = max(1_000, self._bid + step), max(1_001, self._ask + step)
        self._bid_atoms, self._ask_atoms = self._size(2.7, 1.4), self._size(2.7, 1.4)
        self._top(ts_ns)

    def _resize(self, ts_ns: int) -> None:
        if self._dice.random() < 0.5:
            self._bid_atoms = self._size(2.7, 1.4)
        else:
            self._ask_atoms = self._size(2.7, 1.4)
        self._top(ts_ns)

    def _print(self, ts_ns: int) -> None:
        atoms, sign = self._size(0.016, 2.0), self._dice.choice((-1, 1))
        if sign > 0:
            self._ask_atoms = max(LOT_ATOMS, self._ask_atoms - atoms)
        else:
            self._bid_atoms = max(LOT_ATOMS, self._bid_atoms - atoms)
        self._trade_id += 1
        price_ticks, venue_ms = self._ask if sign > 0 else self._bid, ts_ns // NS_PER_MS
        row = (ts_ns, TRADE, 0, sign, price_ticks, atoms, self._trade_id, venue_ms, 1)
        for column, value in zip(self._columns, row, strict=True):
            column.append(value)

    # ---- rows

    def _top(self, ts_ns: int) -> None:
        self._message((ts_ns, TOP, 0), [1, -1], [self._bid, self._ask], [self._bid_atoms, self._ask_atoms])

    def _depth(self, ts_ns: int, count: int) -> None:
        bids = max(1, count // 2)
        asks = max(1, count - bids)
        far, size = self._dice.randrange(POOL - count - 2), self._dice.randrange(POOL - count - 2)
        bid, ask = self._bid, self._ask
        prices = [bid, *[bid - away for away in self._distances[far : far + bids - 1]]]
        prices += [ask, *[ask + away for away in self._distances[far + bids : far + bids + asks - 1]]]
        sizes = [self._bid_atoms, *self._sizes[size : size + bids - 1]]
        sizes += [self._ask_atoms, *self._sizes[size + bids : size + bids + asks - 1]]
        self._message((ts_ns, DELTA, ts_ns // NS_PER_MS), [1] * bids + [-1] * asks, prices, sizes)

    def _whole(self) -> None:
        prices = [self._bid - away for away in range(LEVELS)] + [self._ask + away for away in range(LEVELS)]
        sizes = [max(LOT_ATOMS, self._sizes[away]) for away in range(2 * LEVELS)]
        sizes[0], sizes[LEVELS] = self._bid_atoms, self._ask_atoms
        self._message((self._window_ns, SNAPSHOT, 0), [1] * LEVELS + [-1] * LEVELS, prices, sizes)

    def _message(
        self, head: tuple[int, int, int], sides: list[int], prices: list[int], sizes: list[int]
    ) -> None:
        ts_ns, kind, venue_ms = head
        self._seq += 1
        count = len(sides)
        ts, kinds, markets, side, price, size, seq, venue, last = self._columns
        ts.extend([ts_ns] * count)
        kinds.extend([kind] * count)
        markets.extend([0] * count)
        side.extend(sides)
        price.extend(prices)
        size.extend(sizes)
        seq.extend([self._seq] * count)
        venue.extend([venue_ms] * count)
        last.extend([0] * (count - 1))
        last.append(1)

    # ---- what is drawn

    def _distance(self) -> int:
        share = self._dice.random()
        at = next(at for at, (upto, _) in enumerate(DISTANCES_BPS) if share <= upto)
        (low, near), (high, far) = DISTANCES_BPS[at - 1], DISTANCES_BPS[at]
        bps = near + (far - near) * (share - low) / (high - low)
        return max(1, round(bps * START_TICKS / 10_000))

    def _size(self, median: float, deviation: float, gone: float = 0.0) -> int:
        if self._dice.random() < gone:
            return 0
        lots = round(median * 1_000 * exp(deviation * self._dice.gauss(0.0, 1.0)))
        return min(10**6, max(1, lots)) * LOT_ATOMS


def _empty() -> "tuple[array[int], ...]":
    return tuple(array("q") for _ in Columns._fields)
