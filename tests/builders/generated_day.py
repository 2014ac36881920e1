"""A day of a made-up market, in blocks: many rows, seeded, without an object of Python per row."""

from array import array
from collections.abc import Iterator
from typing import Final

import numpy as np

from mm.domain.book import Level
from mm.domain.instrument import Instrument
from mm.domain.tape import DELTA, KEYFRAME, TOP, TRADE, Chunk, Columns
from mm.store.recordings.source import SourceGap
from tests.builders.instruments import INSTRUMENT

DAY_NS: Final = 86_400 * 10**9
BEGINS_NS: Final = 1_767_225_600 * 10**9
"""2026-01-01, midnight UTC."""
SHAPE: Final = ((DELTA, 10), (TOP, 2), (TOP, 2), (TRADE, 1), (DELTA, 4), (TOP, 2))
"""Kinds of messages and their rows, again and again."""
ROWS: Final = sum(rows for _, rows in SHAPE)
MIDDLE: Final = 60_000
DEPTH: Final = 500


class GeneratedDay:
    """Implements `Source`. Rows are spread evenly over the day."""

    controls = False
    venue = "binance"
    gaps: tuple[SourceGap, ...] = ()

    def __init__(self, rows: int, *, chunk_rows: int = 500_000, seed: int = 1) -> None:
        """Say how many rows, about."""
        self.instruments: tuple[Instrument, ...] = (INSTRUMENT,)
        self.symbols = (INSTRUMENT.symbol,)
        self.name = f"generated day {seed}"
        self.digest = f"{rows} {chunk_rows} {seed}"
        self._seed = seed
        self._turns = max(1, chunk_rows // ROWS)
        self._chunks = max(1, rows // (self._turns * ROWS))
        self.rows = self._chunks * (self._turns * ROWS + 2 * DEPTH)
        self._step_ns = DAY_NS // (self._chunks * self._turns * len(SHAPE) + 1)
        self.first_ns = BEGINS_NS
        self.last_ns = BEGINS_NS + (self._chunks * self._turns * len(SHAPE) - 1) * self._step_ns

    def chunks(self, from_ns: int = 0, to_ns: int = 0) -> Iterator[Chunk]:
        """Yield all rows; the times are not looked at."""
        dice = np.random.default_rng(self._seed)
        for number in range(self._chunks):
            yield self._chunk(dice, number)

    def _chunk(self, dice: np.random.Generator, number: int) -> Chunk:
        turns, messages = self._turns, len(SHAPE)
        lengths = np.tile([rows for _, rows in SHAPE], turns)
        order = np.arange(number * turns * messages, (number + 1) * turns * messages, dtype=np.int64)
        of_row = np.repeat(order, lengths)
        kind = np.repeat(np.tile([kind for kind, _ in SHAPE], turns), lengths).astype(np.int64)
        ends = np.cumsum(lengths) - 1
        last = np.zeros(len(kind), dtype=np.int64)
        last[ends] = 1
        side = np.where(dice.random(len(kind)) < 0.5, 1, -1).astype(np.int64)
        is_top = kind == TOP
        side[is_top] = np.where(last[is_top] == 1, -1, 1)
        away = dice.integers(1, DEPTH, len(kind))
        away[is_top | (kind == TRADE)] = 1
        price = MIDDLE - side * away
        price[kind == TRADE] = MIDDLE + side[kind == TRADE]
        size = dice.integers(1, 10**9, len(kind))
        rows = [
            BEGINS_NS + of_row * self._step_ns,
            kind,
            np.zeros(len(kind), dtype=np.int64),
            side,
            price,
            size,
            10 + of_row,
            (BEGINS_NS + of_row * self._step_ns) // 10**6,
            last,
        ]
        first_ns = int(rows[0][0])
        columns = [
            np.concatenate(pair) for pair in zip(_keyframe(first_ns, 9 + int(of_row[0])), rows, strict=True)
        ]
        return Chunk(self.symbols, Columns(*columns))


def _keyframe(ts_ns: int, seq: int) -> list["array[int]"]:
    levels = [(1, Level(MIDDLE - away, 10**8)) for away in range(1, DEPTH + 1)]
    levels += [(-1, Level(MIDDLE + away, 10**8)) for away in range(1, DEPTH + 1)]
    rows = [
        (ts_ns, KEYFRAME, 0, side, level.price_ticks, level.size_atoms, seq, 0, int(place == len(levels) - 1))
        for place, (side, level) in enumerate(levels)
    ]
    return [array("q", column) for column in zip(*rows, strict=True)]
