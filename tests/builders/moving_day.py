"""A day of a market that moves, trades and bursts as recorded ones do, spread over so many rows."""

from array import array
from collections.abc import Iterator
from typing import Final

import numpy as np

from mm.bench.replay_market import START_NS, ReplayMarket
from mm.bench.replay_rig import SYMBOL, bench_instrument
from mm.domain.instrument import Instrument
from mm.domain.tape import Chunk
from mm.domain.units import NS_PER_MS
from mm.store.recordings.source import SourceGap

DAY_NS: Final = 86_400 * 10**9
ROWS_PER_S: Final = 1_640
"""Of the market at its own pace; it is slowed down so that its rows last for about a day."""


class MovingDay:
    """Implements `Source`. The rows are those of the replay bench, later ones further apart in time."""

    controls = False
    venue = "binance"
    gaps: tuple[SourceGap, ...] = ()

    def __init__(self, rows: int, *, seed: int = 1) -> None:
        """Say how many rows, about."""
        self.instruments: tuple[Instrument, ...] = (bench_instrument(),)
        self.symbols = (SYMBOL,)
        self.name = f"moving day {seed}"
        self.digest = f"{rows} {seed}"
        self.rows = rows
        self._seed = seed
        self._slower = max(1, DAY_NS * ROWS_PER_S // (rows * 10**9))
        self.first_ns = START_NS // DAY_NS * DAY_NS
        self.last_ns = self.first_ns + DAY_NS

    def chunks(self, from_ns: int = 0, to_ns: int = 0) -> Iterator[Chunk]:
        """Yield all rows; the times are not looked at."""
        for chunk in ReplayMarket(SYMBOL, seed=self._seed).chunks(self.rows):
            columns = chunk.columns
            ts_ns = self.first_ns + (np.asarray(columns.ts_ns) - START_NS) * self._slower
            venue_ms = np.where(np.asarray(columns.venue_ms) > 0, ts_ns // NS_PER_MS, 0)
            yield Chunk(
                chunk.symbols,
                columns._replace(ts_ns=array("q", ts_ns.tobytes()), venue_ms=array("q", venue_ms.tobytes())),
            )
