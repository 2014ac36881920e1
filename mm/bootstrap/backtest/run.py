"""A backtest from its job to its result: what tuning, workers, comparisons and the verb call.

No venue is reached, no key is read, no state of a data directory is changed, whatever the mode of the config:
all that may be written is the directory of the backtest itself. Invariant: equal jobs on equal files give
results that differ in nothing but how long they took and where they lie.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from mm.analytics.session import AVERSION
from mm.bootstrap.backtest.data import in_common_units, opened, unnamed
from mm.bootstrap.backtest.engine import (
    at_once,
    caps_of,
    config_digest,
    fresh_recipe,
    own_run,
    preparing,
    repeats,
)
from mm.bootstrap.backtest.fills import Fills, fills_of, require_orders
from mm.bootstrap.backtest.funding import EngineHoldings, SymbolFunding, funding_of
from mm.bootstrap.backtest.job import OFFSET_NS_MAX, BacktestJob
from mm.bootstrap.backtest.kernel import fast_loop
from mm.bootstrap.backtest.runs import BACKTESTS_NAME, LeftRun, begin_run, run_digest
from mm.bootstrap.recipe import Recipe, engine_from
from mm.domain.instrument import Instrument
from mm.domain.units import NS_PER_S
from mm.engine.engine import Engine
from mm.errors import RecordingEmpty, UsageError
from mm.observe.analyst import Analyst
from mm.observe.fill_causes import fills_by_cause
from mm.runtime.backtest import Backtest, Ran, Span
from mm.runtime.backtest_result import BacktestResult
from mm.runtime.backtest_steps import Steps
from mm.settings.loader import load_settings, settings_of
from mm.settings.models import Settings
from mm.store.fill_model import fill_model_words, said_of
from mm.store.recordings.plausible import left_out_of
from mm.store.recordings.remarks import remarks_of
from mm.store.recordings.source import Source
from mm.strategies.base import watches_of
from mm.venues.funded import FundedVenue, Tally
from mm.venues.paper import PaperVenue
from mm.venues.recorded import Recorded

__all__ = [
    "BacktestJob",
    "BacktestResult",
    "Prepared",
    "Progress",
    "backtests_of",
    "prepared",
    "run_job",
    "settings_for",
    "span_of",
]

EARLY_NS: Final = NS_PER_S
"""Data that begin so much later than was asked for are told of."""

Progress = Callable[[int, int, int], object]
"""Takes the time reached in the data, its end (both ns), and the rows so far."""


def run_job(
    job: BacktestJob,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> BacktestResult:
    """Run a backtest to the end of its data, in this process; goes to a worker process by its name.

    Args: progress: is told now and then; should_stop: asked as often; True ends it in order, and the result
    says that it is partial.
    Raises: UsageError, ConfigError, RecordingUnusable, RecordingDamaged, StateCorrupt (a journal, a place
    that cannot be written).
    """
    return prepared(job).run(progress, should_stop)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A backtest that has not begun.

    Fields: job; settings; recipe: what its engine is made of; fills: how they are made; span: what is
    played; same_as: "" or the id of the run whose decisions are asked for again; engine, venue, analyst,
    backtest: its parts; funding: of what is traded; funded: applies it, None if it never comes; calibration:
    of the fills; left: what it leaves, None for nothing; notes: for the result.
    """

    job: BacktestJob
    settings: Settings
    recipe: Recipe
    fills: Fills
    span: Span
    same_as: str
    engine: Engine
    venue: PaperVenue
    analyst: Analyst
    backtest: Backtest
    funding: tuple[SymbolFunding, ...]
    funded: FundedVenue | None
    calibration: str
    left: LeftRun | None
    notes: tuple[str, ...]

    @property
    def begins_ns(self) -> int:
        """Local time at which it begins."""
        return self.span.from_ns or self.backtest.source.first_ns

    @property
    def ends_ns(self) -> int:
        """Local time at which its data end."""
        return self.span.to_ns or self.backtest.source.last_ns

    def run(
        self, progress: Progress | None = None, should_stop: Callable[[], bool] | None = None
    ) -> BacktestResult:
        """Run it, once; see `run_job`."""
        end_ns = self.ends_ns
        tell = None if progress is None else lambda ts_ns, rows: progress(ts_ns, end_ns, rows)
        try:
            ran = self.backtest.run(self.span, progress=tell, should_stop=should_stop)
        finally:
            if self.left is not None:
                self.left.close()
        result = self._result(ran)
        if self.left is not None:
            self.left.leave(self.job, result)
        return result

    def _result(self, ran: Ran) -> BacktestResult:
        steps, state = self.backtest.steps, self.engine.state
        sessions = [self.analyst.figures(session.name) for session in state.sessions]
        told = (f"measuring broke off: {self.analyst.failure}",) if self.analyst.failure else ()
        return BacktestResult(
            rows=ran.rows,
            messages=ran.messages,
            decisions=steps.decisions,
            commands=steps.said.commands,
            fills=steps.fills,
            fills_by_cause=fills_by_cause(self.venue.fills_by_cause()),
            wall_s=round(ran.wall_s, 3),
            events_per_s=round(ran.rows / ran.wall_s) if ran.wall_s else 0.0,
            began_ns=ran.began_ns,
            ended_ns=ran.ended_ns,
            sessions=tuple(figures for figures in sessions if figures is not None),
            digest=steps.said.digest,
            data_digest=self.backtest.source.digest,
            config_digest=config_digest(self.recipe),
            fill_model=self.fills.words,
            calibration=self.calibration,
            kernel=self.backtest.loop.name,
            participation=_participation(self.analyst),
            funding={one.symbol: self._funded(one) for one in self.funding},
            partial=ran.partial,
            halted=state.halt_code,
            same_as=self.same_as,
            notes=(
                *self.notes,
                *filter(None, [one.note(self._tally(one)) for one in self.funding]),
                *_gap_notes(self.backtest.source, self.span),
                *_far_notes(self.backtest.source),
                *self._silent(),
                *told,
                *self._parted(ran),
            ),
            run_dir="" if self.left is None else str(self.left.directory),
        )

    def _tally(self, funding: SymbolFunding) -> Tally:
        tallies = {} if self.funded is None else self.funded.tallies
        return tallies.get(funding.symbol, Tally())

    def _funded(self, funding: SymbolFunding) -> dict[str, object]:
        instrument = self.engine.state.markets[funding.symbol].instrument
        return funding.fields(self._tally(funding), instrument)

    def _silent(self) -> Iterator[str]:
        # A session without an order has earned nothing, and its figures do not say why.
        steps = self.backtest.steps
        for session in self.engine.state.sessions:
            watched = self.analyst.sessions.get(session.name)
            if watched is not None and watched.analytics.turnover.places:
                continue
            instrument = session.setup.instrument
            symbols = (instrument.symbol, *(one.symbol for one in watches_of(session.setup.strategy)))
            bookless = [symbol for symbol in symbols if symbol in steps.recorded.waits_for]
            why = steps.reasons.get(session.name, session.reason)
            if bookless and not session.decisions:
                why = f"the data hold no whole book of {', '.join(bookless)} to begin with ({why})"
            elif session.decisions:
                had = self.fills.settings.balances
                held = (f"{had.get(asset, 0)} {asset}" for asset in (instrument.base, instrument.quote))
                codes = dict.fromkeys((why, *session.denied.values()))
                why = f"{', '.join(codes)}; the account began with {' and '.join(held)}"
            yield f"{session.name} never quoted: {why}"

    def _parted(self, ran: Ran) -> tuple[str, ...]:
        # What is asked for again is held against the record.
        if not self.same_as or ran.partial:
            return ()
        if run_digest(self.job.data[0]) == self.backtest.steps.said.digest:
            return ()
        return (f"not what the record of {self.same_as} says: it was cut off, or its market data are gone",)


def settings_for(job: BacktestJob) -> Settings:
    """Return the settings of a job; raises ConfigError."""
    if job.text:
        return settings_of(job.text, job.config, job.overrides)
    return load_settings(job.config, job.overrides)


def backtests_of(job: BacktestJob) -> Path:
    """Return where backtests of a job's config lie, unless another place is named; raises ConfigError."""
    return settings_for(job).data_dir / BACKTESTS_NAME


def prepared(job: BacktestJob, say: Callable[[str], object] | None = None) -> Prepared:
    """Return a backtest ready to run: everything that a person can get wrong is told here.

    The directory that it leaves is made last. Args: say: is told of what takes long, a first compilation.
    Raises: as `run_job`.
    """
    settings = settings_for(job)
    job = replace(job, data=unnamed(job.data, settings))
    fills = fills_of(settings, job)
    own = own_run(job.data[0]) if len(job.data) == 1 else None
    asked = job.from_ns or job.to_ns or job.queue or job.latency or job.seed is not None or job.funding
    is_same = own is not None and not asked and repeats(own[1], settings)
    source = opened(job, settings)
    recorded = Recorded(
        in_common_units(source.instruments), caps=caps_of(own and own[1]), answers=not is_same
    )
    require_orders(source, settings, fills.settings.queue)
    venue = PaperVenue(recorded, fills.settings)
    if own is not None and is_same:
        recipe = own[1]
        at_once(venue.instruments(tuple(pair.symbol for pair in settings.pair.values())))
    else:
        recipe = fresh_recipe(settings, venue)
    engine = engine_from(recipe, settings)
    source = _wanted(source, engine, job, settings)
    recorded.waits_for &= set(source.symbols)
    span = span_of(job, source)
    analyst = Analyst(engine.state, aversion=job.aversion or AVERSION)
    left = None if job.out_dir is None else begin_run(job.out_dir, recipe, span.from_ns or source.first_ns)
    funding = () if is_same else funding_of(job.funding, source, _traded(engine), span)
    times = sorted(one for symbol in funding for one in symbol.times)
    funded = FundedVenue(venue, times, EngineHoldings(engine)) if times else None
    steps = Steps(engine, funded or venue, recorded, analyst=analyst, recorder=left)
    at_once(venue.start(steps.sink))
    steps.orders = venue.order_markets()
    if is_same:
        steps.prepare = preparing(engine, recipe, job.data[0])
    loop, note = fast_loop(steps, venue, reference=job.reference, say=say)
    known = fill_model_words(settings.data_dir)
    symbols = [pair.symbol for pair in settings.pair.values()]
    return Prepared(
        job=job,
        settings=settings,
        recipe=recipe,
        fills=fills,
        span=span,
        same_as=own[0].run_id if own is not None and is_same else "",
        engine=engine,
        venue=venue,
        analyst=analyst,
        backtest=Backtest(steps, source, loop),
        funding=funding,
        funded=funded,
        calibration=said_of(known, fills.settings.queue, fills.settings.queue_power, symbols),
        left=left,
        notes=(*_early_notes(job, source), *remarks_of(source), *note),
    )


def span_of(job: BacktestJob, source: Source) -> Span:
    """Return the span of a job in local time.

    Raises: UsageError if it ends before it begins; RecordingEmpty if nothing can lie in it.
    """
    first_ns, last_ns = source.first_ns, source.last_ns
    from_ns = job.from_ns + first_ns if 0 < job.from_ns < OFFSET_NS_MAX else job.from_ns
    to_ns = job.to_ns + first_ns if 0 < job.to_ns < OFFSET_NS_MAX else job.to_ns
    if to_ns and to_ns <= from_ns:
        raise UsageError(
            f"--from {_when(from_ns)} does not come before --to {_when(to_ns)}",
            hint="--from begins, --to ends: UTC, or durations from the recording's begin, as 10m",
        )
    if (to_ns and to_ns <= first_ns) or from_ns > last_ns:
        raise RecordingEmpty(
            f"{source.name}: nothing between {_when(from_ns or first_ns)} and {_when(to_ns or last_ns)}:"
            f" it is from {_when(first_ns)} to {_when(last_ns)}",
            hint="--from and --to are UTC, or durations from the recording's begin, as 10m",
        )
    return Span(from_ns=0 if from_ns <= first_ns else from_ns, to_ns=0 if to_ns > last_ns else to_ns)


def _wanted(source: Source, engine: Engine, job: BacktestJob, settings: Settings) -> Source:
    # What nobody trades or watches is not read.
    state = engine.state
    watched = [watch.symbol for session in state.sessions for watch in watches_of(session.setup.strategy)]
    named = dict.fromkeys((*state.markets, *watched))
    wanted = tuple(symbol for symbol in source.symbols if symbol in named)
    if source.controls or wanted == tuple(source.symbols):
        return source
    return opened(job, settings, wanted)


def _traded(engine: Engine) -> dict[str, Instrument]:
    return {symbol: market.instrument for symbol, market in engine.state.markets.items()}


def _participation(analyst: Analyst) -> dict[str, float | None]:
    filled: dict[str, int] = {}
    traded: dict[str, int] = {}
    for watched in analyst.sessions.values():
        turnover, instrument = watched.analytics.turnover, watched.analytics.instrument
        symbol = instrument.symbol
        filled[symbol] = filled.get(symbol, 0) + turnover.filled_lots * instrument.lot_atoms
        traded[symbol] = max(traded.get(symbol, 0), turnover.market_atoms)
    return {
        symbol: float(f"{atoms / traded[symbol]:.6g}") if traded[symbol] else None
        for symbol, atoms in filled.items()
    }


def _early_notes(job: BacktestJob, source: Source) -> list[str]:
    # What begins later than it was asked to is not what was asked for; an offset cannot.
    if job.from_ns < OFFSET_NS_MAX or source.first_ns - job.from_ns < EARLY_NS:
        return []
    return [f"asked for from {_when(job.from_ns)} on: the data begin at {_when(source.first_ns)}"]


def _gap_notes(source: Source, span: Span) -> Sequence[str]:
    end_ns = span.to_ns or source.last_ns
    last_ns = source.last_ns
    gaps = [gap for gap in source.gaps if gap.end_ns(last_ns) >= span.from_ns and gap.from_ns < end_ns]
    if not gaps:
        return ()
    lost_ns, known_ns = 0, dict[str, int]()
    for gap in sorted(gaps, key=lambda one: one.from_ns):
        # One book may be lost again before it is there again.
        begun_ns = max(gap.from_ns, span.from_ns, known_ns.get(gap.symbol, 0))
        known_ns[gap.symbol] = max(begun_ns, min(gap.end_ns(last_ns), end_ns))
        lost_ns += known_ns[gap.symbol] - begun_ns
    lost_s = lost_ns / NS_PER_S
    count = "1 gap" if len(gaps) == 1 else f"{len(gaps)} gaps"
    return (f"{count} in the data, {lost_s:.1f} s: nothing is quoted until the next whole book",)


def _far_notes(source: Source) -> Sequence[str]:
    left = left_out_of(source)
    if left is None:
        return ()
    instrument = source.instruments[source.symbols.index(left.symbol)]
    price, near = instrument.price_text(left.price_ticks), instrument.price_text(left.near_ticks)
    count = "1 message" if left.messages == 1 else f"{left.messages} messages"
    return (
        f"{count} left out whose price cannot be, the first of {left.symbol} at {_when(left.first_ns)}:"
        f" {price} after {near}; `mm data verify` lists trades of that kind",
    )


def _when(ts_ns: int) -> str:
    return f"{datetime.fromtimestamp(ts_ns / NS_PER_S, UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
