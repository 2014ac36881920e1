"""What a config would do to a recorded run where its record ends, and what the last hours would have had.

The first is the engine's own answer: the run is repeated up to there, and the change is tried on a copy of
its engine, as the daemon itself does. The second is two backtests over the run's journal, of the config that
ran and of the new one, alike in everything else. Nothing is written or sent. Invariant: where the journal
does not reach as far as was asked for, the answer says how far it reaches.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mm.bootstrap.backtest.engine import head_of, refuse_backtest
from mm.bootstrap.backtest.run import BacktestJob, BacktestResult, run_job
from mm.bootstrap.recipe import Recipe, settings_from
from mm.bootstrap.reconfigure import preparation
from mm.bootstrap.records.replay_run import repetition
from mm.domain.events import AnyEvent, ConfigApplied, Operation, OperatorAsked
from mm.domain.units import NS_PER_S
from mm.engine.engine import Engine
from mm.errors import JournalForeign, NotRunning
from mm.observe.compare_figures import FigureRow, figure_rows
from mm.observe.report_story import lasted
from mm.runtime.reconfigure import LiveConfig
from mm.settings.change import changes, in_force
from mm.settings.loader import settings_of
from mm.settings.models import Settings
from mm.store.config_history import ConfigHistory
from mm.store.journal.entries import Cause, ConfigVersion, Kind, Missing, Record
from mm.store.journal.layout import JOURNAL_NAME, runs
from mm.store.journal.reader import read

Answer = dict[str, object]
Progress = Callable[[int, int], object]
"""Takes how much of how much is done."""

SHORT_NS: Final = 10 * NS_PER_S
"""Of less than this nothing is told: no strategy has warmed up by then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """What the last hours would have had.

    Fields: asked_ns: so much was asked for; from_ns, to_ns: what is told; reach: "" or, in words, why that is
    less; rows: figures of each session, by its name, old beside new; old, new: the backtests; notes: what
    a reader has to know.
    """

    asked_ns: int
    from_ns: int
    to_ns: int
    reach: str
    rows: dict[str, tuple[FigureRow, ...]]
    old: BacktestResult
    new: BacktestResult
    notes: tuple[str, ...] = ()


# ---- now: on the engine as the record leaves it


def plan_on_record(directory: Path, text: str) -> Answer:
    """Return what `text` in the config's file would do to the run in a directory, where its record ends.

    Where the run was told to stop, its record ends for this just before. The answer is as the daemon's
    (`mm.runtime.reconfigure.LiveConfig.plan`), with `at_ns`: the moment.
    Raises: ConfigError if the text would be refused; RecordingUnusable if the directory is a backtest's;
    JournalCorrupt, JournalForeign, StateCorrupt if the run cannot be repeated; NotRunning if nothing
    happened in it.
    """
    refuse_backtest(directory)
    header, recipe = head_of(directory)
    engine, rerun = asyncio.run(repetition(header))
    told = _UpToStop(directory, recipe)
    result = rerun.run(told, closed=False)
    if result.difference is not None:
        raise JournalForeign(
            f"{directory}: this version of mm does not repeat it: record {result.difference.seq} differs",
            hint="mm replay shows where; ask the daemon that runs instead",
        )
    if not engine.state.started_ns:
        raise NotRunning(f"{header.run_id}: it ended before anything happened: there is nothing to plan for")
    live = LiveConfig(told.running, _Stood(engine), ConfigHistory(told.running.data_dir), preparation(engine))
    return {"ok": True, **live.plan(text), "run": header.run_id, "at_ns": engine.state.now_ns}


class _UpToStop:
    # The records of a run up to the last request to stop all of it. Fields: running: the settings in force
    # where it ends.

    def __init__(self, directory: Path, recipe: Recipe) -> None:
        self._journal = directory / JOURNAL_NAME
        self._recipe = recipe
        self.running: Settings = settings_from(recipe)
        stops = [
            record.seq
            for record in read(self._journal, types=(OperatorAsked,), own_only=True)
            if _is_stop(record.entry)
        ]
        self._stop_seq = stops[-1] if stops else 0

    def __iter__(self) -> Iterator[Record]:
        version: ConfigVersion | None = None
        for record in read(self._journal):
            if record.seq == self._stop_seq:
                return
            entry = record.entry
            if isinstance(entry, Missing) and entry.cause is Cause.DROPPED:
                raise JournalForeign(
                    f"{self._journal.parent}: its market data are gone: it cannot be repeated",
                    hint="keep more with journal.market_days, or ask the daemon that runs",
                )
            if record.kind is Kind.CONFIG and isinstance(entry, ConfigVersion):
                version = entry
            elif isinstance(entry, ConfigApplied) and version is not None:
                new = settings_from(self._recipe, version.text)
                self.running = in_force(self.running, new, changes(self.running, new))
            yield record


def _is_stop(entry: object) -> bool:
    return isinstance(entry, OperatorAsked) and entry.operation is Operation.STOP and not entry.session


class _Stood:
    # A run that stands still where its record ended. Implements what `LiveConfig` plans with.
    failure = ""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def now_ns(self) -> int:
        return self.engine.state.now_ns

    def record_config(self, version: ConfigVersion) -> None:
        raise AssertionError(f"a plan records nothing, {version.digest} came")

    def sink(self, event: AnyEvent) -> None:
        raise AssertionError(f"a plan hands nothing over, {event!r} came")


# ---- before: over the market of the last hours


def last_hours(
    directory: Path, text: str, asked_ns: int, progress: Progress | None = None, *, path: Path | None = None
) -> Hours:
    """Return what the last hours of a run's market would have had, by its config and with `text` in its file.

    Args: asked_ns: how much of it; progress: is told how much of both is done; path: of the file that `text`
    is from, None for the run's own.
    Raises: ConfigError if the text is no config; JournalForeign if the journal holds too little of the
    market; what `run_job` raises.
    """
    header, recipe = head_of(directory)
    running = in_force_at_end(directory, recipe)
    new = settings_of(text, path or running.path, running.overrides)
    first_ns, last_ns = _heard(directory)
    from_ns = max(first_ns, last_ns - asked_ns)
    if last_ns - from_ns < SHORT_NS:
        raise JournalForeign(
            f"{header.run_id}: its journal holds {lasted((last_ns - first_ns) / NS_PER_S)} of the market:"
            " too little to say what the last hours would have had",
            hint="try again later, or name another run: --run RUN",
        )
    reach = ""
    if first_ns > last_ns - asked_ns:
        reach = (
            f"the journal reaches {lasted((last_ns - from_ns) / NS_PER_S)} back, not"
            f" {lasted(asked_ns / NS_PER_S)}: what follows is about that"
        )
    jobs = [_job(directory, one, (from_ns, last_ns + 1)) for one in (running, new)]
    results = []
    for number, job in enumerate(jobs):
        results.append(run_job(job, _told(progress, number, (from_ns, last_ns))))
    old, other = results
    names = {str(figures["session"]): figures for figures in other.sessions}
    rows = {
        str(figures["session"]): figure_rows(figures, names[str(figures["session"])])
        for figures in old.sessions
        if str(figures["session"]) in names
    }
    return Hours(
        asked_ns=asked_ns,
        from_ns=from_ns,
        to_ns=last_ns,
        reach=reach,
        rows=rows,
        old=old,
        new=other,
        notes=(*_notes(recipe, (old, other)), *(_earlier(directory) if reach else ())),
    )


def _notes(recipe: Recipe, both: tuple[BacktestResult, BacktestResult]) -> Iterator[str]:
    if recipe.caps.own_orders_in_book:
        yield "the market is as it was heard, with our own orders of then in it: both are told on that"
    yield from both[1].notes
    names = [{str(figures["session"]) for figures in one.sessions} for one in both]
    for which, alone in (("now", names[0] - names[1]), ("then", names[1] - names[0])):
        if alone:
            yield f"only {which}: {', '.join(sorted(alone))}"
    for which, one in (("as it is", both[0]), ("as it would be", both[1])):
        if one.halted:
            yield f"the config {which} would have halted: {one.halted}"


def _earlier(directory: Path) -> Iterator[str]:
    # Where the run began only a while ago, the one before it may reach farther.
    places = runs(directory.resolve().parent.parent)
    older = [place for place in places if place.run_id < directory.resolve().name and not place.is_empty]
    if older:
        yield f"run {older[0].run_id} came before it: --run {older[0].run_id} tells of its last hours"


def in_force_at_end(directory: Path, recipe: Recipe) -> Settings:
    """Return the settings that were in force where the record of a run ends."""
    running, version = settings_from(recipe), None
    for record in read(directory / JOURNAL_NAME, types=(ConfigVersion, ConfigApplied), own_only=True):
        if isinstance(record.entry, ConfigVersion):
            version = record.entry
        elif version is not None:
            new = settings_from(recipe, version.text)
            running = in_force(running, new, changes(running, new))
    return running


def _heard(directory: Path) -> tuple[int, int]:
    # From when, behind the last hole, to when the run was recorded; nothing but holes is decoded for it.
    first_ns = 0
    reading = read(directory / JOURNAL_NAME, kinds=(Kind.MISSING,))
    for record in reading:
        first_ns = record.ts_ns
    return first_ns or reading.first_ts_ns, reading.last_ts_ns


def _job(directory: Path, settings: Settings, span: tuple[int, int]) -> BacktestJob:
    return BacktestJob(
        config=settings.path,
        data=(directory,),
        text=settings.text,
        overrides=settings.overrides,
        from_ns=span[0],
        to_ns=span[1],
    )


def _told(
    progress: Progress | None, number: int, span: tuple[int, int]
) -> Callable[[int, int, int], object] | None:
    if progress is None:
        return None
    whole_ns = max(1, span[1] - span[0])
    return lambda ts_ns, _, __: progress(number * whole_ns + ts_ns - span[0], 2 * whole_ns)
