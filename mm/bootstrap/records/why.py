"""Why a recorded run quoted as it did: the run is computed again up to a moment, its last decision explained.

The decision itself is explained, as it was taken, with the gates that it passed then; all that the engine did
up to it is compared with the record on the way. Nothing is written.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final

from mm.bootstrap.records.replay_run import refuse_without_market, repetition
from mm.domain.commands import Report
from mm.domain.units import NS_PER_MS
from mm.engine.explain import explanation
from mm.engine.session import SessionState
from mm.engine.trace import Chain, Trace
from mm.errors import JournalForeign, NotRunning
from mm.observe.why import why
from mm.runtime.rerun import RerunResult
from mm.store.journal.ended import require_end
from mm.store.journal.entries import Cause, Family, Kind, Missing, Record, RunHeader
from mm.store.journal.family import FamilyReader
from mm.store.journal.layout import JOURNAL_NAME, no_run
from mm.store.journal.reader import read

PROGRESS_S: Final = 1.0
"""How often it is told how far the repetition is."""

LOOK_EVERY: Final = 1_000
"""Records between two looks at the clock."""

Progress = Callable[[int, int], None]
"""Told now and then: the core's time that is reached, and records so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked. Fields: at_ns: the moment, in the core's time, None for the end; session: its name, ""
    for all; side: "bid", "ask" or "" for both; level: of the ladder, None for all.
    """

    at_ns: int | None = None
    session: str = ""
    side: str = ""
    level: int | None = None


def span(directory: Path) -> tuple[RunHeader, int]:
    """Return what a run's journal says of itself, and the core's time of its last own record, 0 without one.

    Raises: StateCorrupt if there is no run; JournalCorrupt; JournalForeign.
    """
    # Any number is in the last segment or in one before it: what comes before that is not read.
    family = FamilyReader(directory / JOURNAL_NAME, Family.OWN, from_seq=2**63 - 1)
    last_ns = 0
    try:
        while (frame := family.peek()) is not None:
            last_ns = frame.ts_ns
            family.take()
        if family.run is None:
            raise no_run(directory)
        return family.run, last_ns
    finally:
        family.close()


async def why_then(directory: Path, question: Question, progress: Progress) -> dict[str, object]:
    """Return the last decision of each session at or before a moment, explained as it was taken.

    Raises: NotRunning if there is no such session, or none had decided by then; JournalForeign if records
    that it takes are not there; StateCorrupt, JournalCorrupt if the journal cannot be read; ConfigError, also
    (RecordingUnusable) if the run is a backtest.
    """
    at_ns = question.at_ns
    trace = Trace(lambda chain: at_ns is None or chain.ts_ns <= at_ns)
    records = Records(directory, until_ns=at_ns, progress=progress)
    began_s = monotonic()
    engine, rerun = await repetition(records.run)
    names = [session.name for session in engine.state.sessions]
    if question.session and question.session not in names:
        raise NotRunning(
            f"there is no session {question.session!r} in {records.run.run_id}",
            hint=f"sessions: {', '.join(names)}",
        )
    engine.state.trace = trace
    result = rerun.run(records, closed=False)
    took_s = monotonic() - began_s
    records.check()
    chosen = [trace.chains[name] for name in names if name in trace.chains]
    if question.session:
        chosen = [chain for chain in chosen if chain.setup.name == question.session]
    if not chosen:
        raise NotRunning("nothing had been decided by then", hint="the run began only then: ask for later")
    return {
        "source": "journal",
        "run": records.run.run_id,
        "at_ms": (at_ns if at_ns is not None else result.last_ts_ns) // NS_PER_MS,
        "records": records.count,
        "records_per_s": round(records.count / max(took_s, 1e-9)),
        "took_ms": round(took_s * 1_000, 1),
        **_agreement(result),
        "sessions": names,
        "explained": [_explained(chain, question, records) for chain in chosen],
    }


class Records:
    """The records of a run up to a moment; iterate once.

    Fields: run: what the journal says of itself; count: taken so far; missing: what was met that is not
    there, and would have been needed; states: what each session was last
    said to be; halt: what was said
    of the last one, None before it. Raises, at the start: StateCorrupt and its kin if there is no run;
    RecordingUnusable if it is a backtest's.
    """

    def __init__(self, directory: Path, *, until_ns: int | None, progress: Progress) -> None:
        """Begin to read. Args: until_ns: the moment; what decides it comes with the next event after it."""
        refuse_without_market(directory)
        self._journal = directory / JOURNAL_NAME
        reading = read(self._journal)
        self.count = 0
        self.missing: Missing | None = None
        self.states: dict[str, dict[str, object]] = {}
        self.halt: dict[str, object] | None = None
        self._until_ns = until_ns
        self._progress = progress
        self._records = iter(reading)
        self._first = next(self._records, None)
        if self._first is None or reading.run is None:
            raise no_run(directory)
        self.run: RunHeader = reading.run

    def __iter__(self) -> Iterator[Record]:
        """Yield what has to be repeated; the last event is the first one after the moment, with all of it."""
        assert self._first is not None
        beyond, told_s = False, monotonic()
        for record in self._all(self._first):
            if record.kind is Kind.EVENT:
                if beyond:
                    return
                beyond = self._until_ns is not None and record.ts_ns > self._until_ns
            elif record.kind is Kind.MISSING and isinstance(record.entry, Missing):
                self.missing = record.entry
                return
            self.count += 1
            if not beyond and isinstance(record.entry, Report):
                self._hear(record.entry)
            if self.count % LOOK_EVERY == 0 and monotonic() - told_s > PROGRESS_S:
                told_s = monotonic()
                self._progress(record.ts_ns, self.count)
            yield record

    def check(self) -> None:
        """Raise JournalForeign if records that are not there were needed for what was asked; JournalCorrupt
        if the end was asked for, and it was cut off.
        """
        if self._until_ns is None:
            require_end(self._journal)
        missing = self.missing
        if missing is None or (missing.cause is Cause.TORN and self._until_ns is None):
            return
        if missing.cause is Cause.DROPPED:
            raise JournalForeign(
                f"{self.run.run_id}: market data that were seen then are dropped (journal.market_days)",
                hint="what an order went through is still there: mm why --order CID",
            )
        raise JournalForeign(
            f"{self.run.run_id}: records {missing.first_seq} to {missing.last_seq} were torn off by a crash",
            hint="moments before that can be explained; without --at, the last of them is",
        )

    def _hear(self, report: Report) -> None:
        if report.code == "session.state":
            self.states[report.session] = {"ts_ms": report.ts_ns // NS_PER_MS, **dict(report.facts)}
        elif report.code == "halt":
            self.halt = {"ts_ms": report.ts_ns // NS_PER_MS, **dict(report.facts)}

    def _all(self, first: Record) -> Iterable[Record]:
        yield first
        yield from self._records


def _agreement(result: RerunResult) -> dict[str, object]:
    difference = result.difference
    return {
        "agrees": difference is None,
        "commands": result.commands,
        "difference": None
        if difference is None
        else {
            "ts_ms": difference.ts_ns // NS_PER_MS,
            "seq": difference.seq,
            "recorded": difference.recorded,
            "computed": difference.computed,
        },
    }


def _explained(chain: Chain, question: Question, records: Records) -> dict[str, object]:
    made = why(explanation(chain), side=question.side, level=question.level)
    # What came after it without a decision: an operator's stop, or a halt.
    state = records.states.get(chain.setup.name, {})
    later = state if state.get("state", chain.ended) != chain.ended else None
    halted = SessionState.HALTED in (chain.ended, state.get("state"))
    since_ms = None if later else state.get("ts_ms")
    return made | {"since_ms": since_ms, "later": later, "halt": records.halt if halted else None}
