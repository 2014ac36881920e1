"""`mm bench replay`: how fast recordings go through the whole production path, on one core of this machine.

Three million generated rows (`replay_market.py`) and whatever recordings are given, by the engine with every
rule, the paper venue with queues and latencies, and the analytics; a strategy in Python is asked every 100 ms
and whenever the mid moves. Rows are in memory and the kernel is compiled before the clock starts. Must never
write anything. Other backtesters on the same rows are `replay_ratios.py`, their fills `agreement/`.
"""

import asyncio
import gc
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Final, NamedTuple

from mm.bench.agreement.beside import beside_hftbacktest
from mm.bench.quantiles import microseconds
from mm.bench.replay_clock import TimedKernel, kernel_alone_ns, shares
from mm.bench.replay_floor import strategy_alone
from mm.bench.replay_market import ReplayMarket
from mm.bench.replay_peers import BROKE
from mm.bench.replay_ratios import PeerJob, ratios
from mm.bench.replay_ratios import measured as peers_measured
from mm.bench.replay_rig import (
    LATENCY_MEAN_MS,
    SYMBOL,
    Replay,
    ReplayTape,
    bench_instrument,
    maker_of,
    replay_of,
)
from mm.domain.units import NS_PER_MS
from mm.kernel.compiled import compiled
from mm.kernel.kernel import Kernel
from mm.kernel.types import AnyKernel, KernelMarket
from mm.native.use import core
from mm.runtime.fast_forward import MakeKernel
from mm.store.recordings.opening import open_source

GENERATED: Final = "generated"

EVENTS_PER_S_MIN: Final = 1_000_000
EVENTS_PER_S_AIM: Final = 2_000_000
KERNEL_PER_S_AIM: Final = 10_000_000
"""What has to hold, and what is hoped for."""

Say = Callable[[str], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOptions:
    """What is measured. Fields: rows: generated; seed: of them; turns: runs of each kind, of which the median
    counts; data: recordings, each a tape of its own; peers: whether other backtesters play the rows too.
    """

    rows: int = 3_000_000
    seed: int = 1
    turns: int = 3
    data: tuple[Path, ...] = ()
    peers: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayFigures:
    """One tape.

    Fields:
        rows, messages, seconds: of the tape. decisions, orders, requests (cancels too), fills, digest: of the
            run on moves as well; requests_fixed, fills_fixed: of that without.
        events_per_s: rows per second, decisions every 100 ms and on moves; events_per_s_fixed: without moves;
            events_per_cpu_s: the first per second of the processor, for machines that do other things too.
        kernel_events_per_s: rows per second of the kernel alone, where nobody decides; kernel_share: of the
            time with decisions, what passes inside its advance, by a stopwatch in a run that is not counted.
        floor_events_per_s: rows per second where the strategy is asked, on moves as well, and that is all
            (`replay_floor.py`).
        decision_us_p50, decision_us_p99: from where the kernel stops to where it goes on, if a strategy was
            asked in between: news told, decision, orders carried out, analytics; by that stopwatch as well.
        profile: shares of the time by part of the program, under a profiler; none of compiled modules.
    """

    rows: int
    messages: int
    seconds: float
    decisions: int
    orders: int
    requests: int
    fills: int
    requests_fixed: int
    fills_fixed: int
    digest: str
    events_per_s: int
    events_per_s_fixed: int
    events_per_cpu_s: int
    kernel_events_per_s: int
    floor_events_per_s: int
    kernel_share: float
    decision_us_p50: float
    decision_us_p99: float
    profile: dict[str, float]


def tapes(options: ReplayOptions, say: Say) -> Sequence[ReplayTape]:
    """Return the tapes of a measurement, in memory; raises what `open_source` raises."""
    say(f"generating {options.rows} rows")
    chunks = tuple(ReplayMarket(SYMBOL, seed=options.seed).chunks(options.rows))
    found = [ReplayTape(name=GENERATED, instrument=bench_instrument(), chunks=chunks)]
    for path in options.data:
        say(f"reading {path.name}")
        source = open_source([path])
        found.append(
            ReplayTape(
                name=path.name.partition(".")[0],
                instrument=source.instruments[0],
                chunks=tuple(source.chunks()),
            )
        )
    return found


def measure_replay(tape: ReplayTape, turns: int, say: Say) -> ReplayFigures:
    """Return the figures of a tape; takes some seconds for each million rows."""
    if compiled(say) is None:
        say("numba is switched off: the kernel runs as it stands")
    on_moves, fixed = [], []
    for turn in range(turns):
        say(f"{tape.name}: turn {turn + 1} of {turns}")
        on_moves.append(_timed(tape, on_moves=True))
        fixed.append(_timed(tape, on_moves=False))
    run, wall_s = on_moves[0].run, median(one.wall_s for one in on_moves)
    clock = _clocked(tape)
    lot_atoms = tape.instrument.lot_atoms
    alone_ns = median(kernel_alone_ns(tape.chunks, Kernel, lot_atoms) for _ in range(turns))
    floor_ns = median(strategy_alone(tape, Kernel, maker_of(tape)).ns for _ in range(turns))
    say(f"{tape.name}: where the time goes")
    steps = run.steps
    return ReplayFigures(
        rows=tape.rows,
        messages=run.loop.messages,
        seconds=round(tape.seconds, 1),
        decisions=steps.decisions,
        orders=run.orders,
        requests=run.requests,
        fills=steps.fills,
        requests_fixed=fixed[0].run.requests,
        fills_fixed=fixed[0].run.steps.fills,
        digest=steps.said.digest,
        events_per_s=round(tape.rows / wall_s),
        events_per_s_fixed=round(tape.rows / median(one.wall_s for one in fixed)),
        events_per_cpu_s=round(tape.rows / median(one.cpu_s for one in on_moves)),
        kernel_events_per_s=round(tape.rows * 1e9 / alone_ns),
        floor_events_per_s=round(tape.rows * 1e9 / floor_ns),
        kernel_share=round(clock.inside_ns / 1e9 / wall_s, 3),
        decision_us_p50=microseconds(clock.between_ns, 50),
        decision_us_p99=microseconds(clock.between_ns, 99),
        profile={} if core() == "compiled" else _profile(tape),
    )


class _Turn(NamedTuple):
    run: Replay
    wall_s: float
    cpu_s: float


def _timed(tape: ReplayTape, *, on_moves: bool) -> _Turn:
    run = _run_of(tape, Kernel, on_moves=on_moves)
    return _Turn(run, *_play(run, tape))


# A run of its own: a stopwatch takes a tenth of what it would be held against.
def _clocked(tape: ReplayTape) -> TimedKernel:
    made: list[TimedKernel] = []

    def make(markets: Sequence[KernelMarket]) -> AnyKernel:
        made.append(TimedKernel(Kernel(markets)))
        return made[-1]

    run = _run_of(tape, make)
    (clock,), steps = made, run.steps
    clock.decisions = lambda: steps.decisions
    _play(run, tape)
    return clock


# Returns the seconds that it took, by the wall and of the processor.
def _play(run: Replay, tape: ReplayTape) -> tuple[float, float]:
    # What lies around from before is not gone through again and again.
    gc.collect()
    gc.freeze()
    wall_s, cpu_s = perf_counter(), process_time()
    run.run(tape)
    wall_s, cpu_s = perf_counter() - wall_s, process_time() - cpu_s
    gc.unfreeze()
    return wall_s, cpu_s


def _run_of(tape: ReplayTape, make: MakeKernel, *, on_moves: bool = True) -> Replay:
    return asyncio.run(replay_of(tape, make, on_moves=on_moves))


def _profile(tape: ReplayTape) -> dict[str, float]:
    part = ReplayTape(name=tape.name, instrument=tape.instrument, chunks=tape.chunks[:1])
    run = _run_of(part, Kernel)
    return shares(partial(run.run, part))


def measured(options: ReplayOptions, say: Say) -> dict[str, object]:
    """Return every figure by name, those of the generated tape at the top; raises what `tapes` raises."""
    found: dict[str, dict[str, object]] = {}
    broke: list[str] = []
    for tape in tapes(options, say):
        figures = asdict(measure_replay(tape, options.turns, say))
        if options.peers:
            told = peers_measured(tape.chunks, peer_job(tape), say=say)
            figures |= {"peers": told, **ratios(figures, told)}
            broke += [f"{name}, {tape.name}: {told[name][BROKE]}" for name in told if BROKE in told[name]]
        found[tape.name] = figures
    missing = {"peers_broke": broke} if options.peers else {}
    beside = {"agreement": beside_hftbacktest(say=say)} if options.peers else {}
    return {**found[GENERATED], "tapes": found, **missing, **beside}


def peer_job(tape: ReplayTape) -> PeerJob:
    """Return what another backtester has to be told to play a tape with the bench's strategy."""
    maker, instrument = maker_of(tape, on_moves=True), tape.instrument
    return PeerJob(
        tick=instrument.price_text(1),
        lot=instrument.size_text(1),
        unit_atoms=10**instrument.base_scale,
        latency_ns=LATENCY_MEAN_MS * NS_PER_MS,
        away_ticks=maker.away_ticks,
        tolerance_ticks=maker.tolerance_ticks,
        size=instrument.size_text(maker.size_lots),
        most=instrument.size_text(maker.lots_max),
    )
