"""Who changed what, when, from where: told by the journals of all runs.

Complete by construction: the engine changes only by events, and an event is in the journal before the engine
hears of it; what is changed while nobody runs is noted in a journal of its own first. Reads only.
"""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from mm.bootstrap.recipe import read_recipe
from mm.bootstrap.recording import LIFE_BEGINS
from mm.bootstrap.records.run_facts import facts_of
from mm.domain.commands import Report
from mm.domain.events import ConfigApplied, Operation, OperatorAsked
from mm.errors import JournalForeign, StateCorrupt
from mm.store.config_history import ConfigHistory
from mm.store.journal.entries import ConfigVersion, Family, Missing, OperatorNote, Record, RunHeader
from mm.store.journal.layout import RunPlace, no_run, runs, segments
from mm.store.journal.reader import Reading, read
from mm.store.operator_notes import LATCH_LIFTED, LATCH_SET, NAME, act_of, notes
from mm.store.paths import STATE_NAME
from mm.store.projection.facts import utc_text
from mm.store.runstate import TEXT_LENGTH_MAX, RunState

NEWS: Final = frozenset(
    {
        "book.lost",
        "config.applied",
        "equity.start",
        "fill.earlier_life",
        "fill.foreign",
        "fill.late",
        "fill.malformed",
        "fill.post_only_taken",
        "fill.retired",
        "ledger.opened",
        "operator",
        "order.abandoned",
        "order.denied",
        "order.fills_missing",
        "order.mismatch",
        "order.orphan",
        "order.over_limit",
        "order.rejected",
        "order.retired",
        "order.undead",
        "order.unknown",
        "orders.foreign",
        "process.stalled",
        "quotes.unfit",
        "request.failed",
        "session.held",
        "session.reason",
        "session.stock",
        "signal.doubtful",
        "signal.outdated",
        "signal.restored",
        "signal.unfit",
        "stop.waits",
        "stream.down",
        "stream.suspect",
        "stream.up",
        "venue.clock",
        "venue.clock_doubted",
        "venue.throttled",
    }
)
"""Codes of reports that tell what the market, the venue and the orders did, or repeat an event that is listed
itself. Every other report is a change, or proof for one: a new code is listed until it stands here."""

TYPES: Final = (ConfigApplied, ConfigVersion, Missing, OperatorAsked, OperatorNote, Report)

_NAMES: Final = {"halt": LATCH_SET, "unhalt": LATCH_LIFTED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One change.

    Fields: what: dotted name, "operator.halt", "config.handed_over", "latch.set", "life.began", ...; who:
    asked for it, and from where, "" where nobody did; run, seq: of its record, 0 where it has none.
    """

    ts_ns: int
    what: str
    who: str
    run: str
    seq: int
    session: str = ""
    detail: dict[str, object] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """Return it for JSON."""
        at = {"ts_ns": self.ts_ns, "time_utc": utc_text(self.ts_ns), "what": self.what, "who": self.who}
        return {**at, "run": self.run, "seq": self.seq, "session": self.session, "detail": self.detail}


class Trail:
    """The facts of a data directory. Iterate once. Fields: damaged: what could not be read, in words."""

    def __init__(self, data_dir: Path, *, since_ns: int = 0) -> None:
        """Look at nothing yet. Args: since_ns: leaves out what is older, by the time of its record."""
        self.damaged: list[str] = []
        self._data_dir = data_dir
        self._since_ns = since_ns
        self._changed = {
            (one.digest, one.who): one.changed for one in ConfigHistory(data_dir).revisions() if one.changed
        }
        self._text = ""
        self._asked = ""
        self._told: list[tuple[bool, str]] = []

    def __iter__(self) -> Iterator[Fact]:
        """Yield the facts of one run after the other; what was done while nobody ran comes in its place.

        Raises: StateCorrupt if there is no run.
        """
        places = list(reversed(runs(self._data_dir)))
        if not places:
            raise no_run(self._data_dir)
        waiting = self._offline()
        for place in places:
            for fact in self._run(place):
                while waiting and waiting[0].ts_ns <= fact.ts_ns and fact.what == "life.began":
                    yield from self._new(waiting.pop(0))
                yield from self._new(fact)
        for fact in (*waiting, *self._untold()):
            yield from self._new(fact)

    def _untold(self) -> Iterator[Fact]:
        # Changes of the latch that are kept and that no journal told of: by a watchdog, before a start.
        if not (self._data_dir / STATE_NAME).exists():
            return
        for change in RunState.open(self._data_dir).history:
            told = (change.set, change.reason)
            if told in self._told:
                self._told.remove(told)
                continue
            what = LATCH_SET if change.set else LATCH_LIFTED
            detail: dict[str, object] = {"code": change.code, "reason": change.reason, "record": "none"}
            yield Fact(ts_ns=change.ts_ns, what=what, who=change.who, run="", seq=0, detail=detail)

    def _new(self, fact: Fact) -> Iterator[Fact]:
        if fact.ts_ns >= self._since_ns:
            yield fact

    def _offline(self) -> list[Fact]:
        found = []
        try:
            for record, entry in notes(self._data_dir):
                act = act_of(entry)
                here = Fact(ts_ns=record.ts_ns, what="note", who=entry.who, run=NAME, seq=record.seq)
                if act is None:
                    found.append(replace(here, detail={"text": entry.text}))
                else:
                    said = {"code": act.code, "reason": act.reason, "daemon": "none"}
                    found.append(replace(here, what=act.act, detail={**said}))
                    self._told.append((act.act == LATCH_SET, act.reason))
        except StateCorrupt as error:
            self.damaged.append(str(error))
        return found

    def _run(self, place: RunPlace) -> Iterator[Fact]:
        # A start that was cut off before its journal was there left nothing to read.
        if not segments(place.journal, Family.OWN):
            return
        reading = read(place.journal, types=TYPES, own_only=True)
        header: RunHeader | None = None
        records = iter(reading)
        try:
            first = next(records, None)
            header = reading.run
            if header is None:
                return
            yield self._began(header)
            for record in (first, *records) if first is not None else ():
                yield from self._facts(header, record)
        except StateCorrupt as error:
            self.damaged.append(str(error))
        if header is not None:
            yield _ended(header, reading)

    def _began(self, header: RunHeader) -> Fact:
        facts = facts_of(header)
        detail: dict[str, object] = {
            "epoch": header.epoch,
            "mode": facts.mode,
            "version": header.code_version,
            "config": header.config_digest,
            "revision": facts.revision,
        }
        latched = latched_at_start(header)
        if latched:
            detail["latched"] = latched
        changed = self._diff(facts.config_text)
        if changed:
            detail["diff"] = changed
        return Fact(ts_ns=header.began_ns, what="life.began", who="", run=header.run_id, seq=0, detail=detail)

    def _diff(self, text: str) -> list[str]:
        # Against the newest text before it, of this run or an earlier one.
        old, self._text = self._text, text
        if not old or old == text:
            return []
        lines = difflib.unified_diff(old.splitlines(), text.splitlines(), lineterm="", n=0)
        return [line for line in lines if not line.startswith(("---", "+++", "@@"))]

    def _facts(self, header: RunHeader, record: Record) -> Iterator[Fact]:
        entry = record.entry
        here = Fact(ts_ns=record.ts_ns, what="", who="", run=header.run_id, seq=record.seq)
        match entry:
            case OperatorAsked():
                what = f"operator.{Operation(entry.operation).value}"
                asked = {"reason": entry.reason}
                self._asked = entry.reason if entry.operation is Operation.UNHALT else self._asked
                yield replace(here, what=what, who=entry.who, session=entry.session, detail={**asked})
            case ConfigVersion():
                yield replace(here, what="config.handed_over", who=entry.who, detail=self._handed(entry))
            case ConfigApplied():
                said = {"config": entry.digest, "revision": entry.revision}
                yield replace(here, what="config.in_force", who=entry.who, detail={**said})
            case OperatorNote() if entry.text == LIFE_BEGINS:
                yield replace(here, what="life.started", who=entry.who)
            case OperatorNote():
                yield replace(here, what="note", who=entry.who, detail={"text": entry.text})
            case Missing():
                gone = {"family": entry.family.value, "cause": entry.cause.value, "bytes": entry.cut_bytes}
                span = {"first_seq": entry.first_seq, "last_seq": entry.last_seq}
                yield replace(here, what="records.missing", detail={**gone, **span})
            case Report() if entry.code not in NEWS:
                what = _NAMES.get(entry.code, entry.code)
                if what == LATCH_SET:
                    told = "; ".join(f"{key}={value}" for key, value in entry.facts)
                    self._told.append((True, told[:TEXT_LENGTH_MAX]))
                elif what == LATCH_LIFTED:
                    self._told.append((False, self._asked[:TEXT_LENGTH_MAX]))
                yield replace(here, what=what, session=entry.session, detail={**dict(entry.facts)})
            case _:
                return

    def _handed(self, entry: ConfigVersion) -> dict[str, object]:
        told: dict[str, object] = {"config": entry.digest, "diff": self._diff(entry.text)}
        changed = self._changed.get((entry.digest, entry.who))
        return {**told, "changed": list(changed)} if changed else told


def latched_at_start(header: RunHeader) -> str:
    """Return the code of the halt that a run began with, "" if it began with none."""
    try:
        return read_recipe(header.config_text).latched
    except JournalForeign:
        return ""


def _ended(header: RunHeader, reading: Reading) -> Fact:
    detail: dict[str, object] = {"records": reading.last_seq}
    if reading.torn_bytes:
        detail["torn_bytes"] = reading.torn_bytes
    what = "life.ended" if reading.closed else "life.no_end"
    return Fact(ts_ns=reading.last_ts_ns, what=what, who="", run=header.run_id, seq=0, detail=detail)
