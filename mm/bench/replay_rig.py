"""What the replay bench runs: the engine with every rule, the paper venue, the analyst, and a loop over rows.

Must never leave out of production what costs time. Invariant: the same tape gives the same steps, whatever
kernel takes them.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Final, cast

from mm.bench.replay_maker import FIXED, WAKE, ReplayMaker
from mm.bench.rig import limits
from mm.domain.events import Advanced
from mm.domain.ids import OrderIds
from mm.domain.instrument import Instrument, InstrumentSpec, make_instrument
from mm.domain.tape import KEYFRAME, SNAPSHOT, Chunk
from mm.engine.engine import Engine
from mm.engine.setup import EngineSetup, SessionSetup
from mm.risk.rules import make_rules
from mm.runtime.backtest_loop import Loop, PlainLoop
from mm.runtime.backtest_steps import Steps
from mm.runtime.fast_forward import FastForward, MakeKernel
from mm.venues.paper import PaperVenue, PaperVenueSettings
from mm.venues.recorded import Recorded

if TYPE_CHECKING:
    from mm.strategies.base import Strategy

SYMBOL: Final = "BTC/USDT"

AWAY_PPM: Final = 50
TOLERANCE_PPM: Final = 20
"""Distance of the quotes from the mid, and how far it may move before they follow, of the price."""

SIZE_LOTS: Final = 10
SIZES_MAX: Final = 20
"""Lots of an order, unless the venue's least is more; orders of inventory at most."""

LATENCY_MEAN_MS: Final = 10
LATENCY_P99_MS: Final = 30

HOLDING: Final = Decimal(10**4)
"""Of both assets at the start: nothing is limited by it."""


def bench_instrument() -> Instrument:
    """Return the market of generated rows."""
    return make_instrument(
        InstrumentSpec(
            symbol=SYMBOL,
            venue_symbol="BTCUSDT",
            base="BTC",
            quote="USDT",
            tick_size=Decimal("0.1"),
            lot_size=Decimal("0.001"),
            size_min=Decimal("0.001"),
            notional_min=Decimal(5),
        )
    )


@dataclass(frozen=True, kw_only=True)
class ReplayTape:
    """Rows in memory, of one market, with a whole book in the first chunk."""

    name: str
    instrument: Instrument
    chunks: tuple[Chunk, ...]

    @cached_property
    def rows(self) -> int:
        """How many there are; those of keyframes, which nobody hears, are not counted."""
        kinds = (chunk.columns.kind.tolist() for chunk in self.chunks)
        return sum(len(one) - one.count(KEYFRAME) for one in kinds)

    @property
    def first_ns(self) -> int:
        """Local time of the first one."""
        return self.chunks[0].columns.ts_ns[0:1].tolist()[0]

    @property
    def seconds(self) -> float:
        """How long they took to come."""
        last = self.chunks[-1].columns.ts_ns
        return (last[len(last) - 1 : len(last)].tolist()[0] - self.first_ns) / 1e9


def maker_of(tape: ReplayTape, *, on_moves: bool = True) -> ReplayMaker:
    """Return the bench's strategy for a tape. Args: on_moves: False: it is asked every 100 ms alone."""
    columns = tape.chunks[0].columns
    kinds = columns.kind.tolist()
    at = min(kinds.index(kind) for kind in (SNAPSHOT, KEYFRAME) if kind in kinds)
    price_ticks = columns.price_ticks[at : at + 1].tolist()[0]
    size_lots = max(SIZE_LOTS, tape.instrument.size_min_lots_at(price_ticks))
    return ReplayMaker(
        away_ticks=max(1, price_ticks * AWAY_PPM // 10**6),
        tolerance_ticks=max(1, price_ticks * TOLERANCE_PPM // 10**6),
        size_lots=size_lots,
        lots_max=SIZES_MAX * size_lots,
        wake=WAKE if on_moves else FIXED,
    )


@dataclass(frozen=True, slots=True)
class Replay:
    """A run before its first row. Fields: steps: what happens in it; loop: what takes the rows to them;
    venue: its paper venue.
    """

    steps: Steps
    loop: Loop
    venue: PaperVenue

    @property
    def orders(self) -> int:
        """Orders that the venue took so far."""
        return sum(truth.counters.orders_placed for truth in self.venue.truths())

    @property
    def requests(self) -> int:
        """Orders and cancels that the venue took so far: what other backtesters count."""
        counted = [truth.counters for truth in self.venue.truths()]
        return self.orders + sum(one.orders_cancelled for one in counted)

    def run(self, tape: ReplayTape) -> None:
        """Play a tape from its first row to its last."""
        self.steps.on_event(Advanced(ts_ns=tape.first_ns))
        for chunk in tape.chunks:
            self.loop.take(chunk, _goes_on)


def _goes_on(ts_ns: int, rows: int) -> bool:
    return ts_ns > 0 and rows > 0


async def replay_of(tape: ReplayTape, kernel: MakeKernel | None, *, on_moves: bool = True) -> Replay:
    """Return a run of the bench's strategy. Args: kernel: None: the reference, message by message; on_moves:
    as of `maker_of`.
    """
    recorded = Recorded((tape.instrument,))
    venue = PaperVenue(recorded, _paper_settings(tape.instrument))
    (instrument,) = await venue.instruments((tape.instrument.symbol,))
    session = SessionSetup(
        name="bench",
        instrument=instrument,
        # The engine hands a strategy back what it returned, and never looks into it.
        strategy=cast("Strategy[object]", maker_of(tape, on_moves=on_moves)),
        rules=make_rules(replace(limits(), order_atoms_max=10**15, exposure_atoms_max=10**17)),
        band_ratio_ppm=500_000,
    )
    setup = EngineSetup(ids=OrderIds(tag=1, key=b"bench"), epoch=1, caps=venue.caps, sessions=(session,))
    steps = Steps(Engine(setup), venue, recorded)
    await venue.start(steps.sink)
    loop: Loop = PlainLoop(steps) if kernel is None else FastForward(steps, venue, kernel, name="kernel")
    return Replay(steps, loop, venue)


def _paper_settings(instrument: Instrument) -> PaperVenueSettings:
    return PaperVenueSettings(
        balances={instrument.base: HOLDING, instrument.quote: HOLDING * 1_000},
        latency_mean_ms=LATENCY_MEAN_MS,
        latency_p99_ms=LATENCY_P99_MS,
        maker_fee_ppm=0,
        taker_fee_ppm=0,
        compares=False,
    )
