"""Whether the audit is whole: every run's chain, every latch and every config against its record, no gap.

What is kept beside the journals (the state of the directory, the history of configs) says what has to be in
them, and they say what has to be there. Reads only; what does not fit is told in words, never mended.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mm.bootstrap.records.audit import latched_at_start
from mm.bootstrap.records.rebuild import Progress, after
from mm.bootstrap.records.run_facts import facts_of
from mm.domain.commands import Report
from mm.domain.events import ConfigApplied, Operation, OperatorAsked
from mm.errors import NotRunning, StateCorrupt
from mm.runtime.live import HALT_NOTE
from mm.store.config_history import ConfigHistory, text_digest
from mm.store.journal.anchor import Anchor, digest_at
from mm.store.journal.ended import has_ended
from mm.store.journal.entries import Cause, ConfigVersion, Family, OperatorNote, RunHeader
from mm.store.journal.layout import RunPlace, no_run, runs, segments
from mm.store.journal.reader import read
from mm.store.journal.verify import Report as Verified
from mm.store.journal.verify import verify
from mm.store.operator_notes import LATCH_SET, NAME, act_of, notes, notes_journal
from mm.store.paths import STATE_NAME
from mm.store.projection.facts import utc_text
from mm.store.runstate import HISTORY_MAX, UNWRITABLE, LatchChange, RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that does not fit. Fields: path, offset: where it lies, "" and -1 if it has no place."""

    what: str
    path: str = ""
    offset: int = -1
    hint: str = ""


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What was found.

    Fields: problems: none if the audit is whole; remarks: what is odd and has its reason; runs, records:
    checked; changes: latch changes that have their record.
    """

    problems: list[Problem] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    runs: int = 0
    records: int = 0
    configs: int = 0
    changes: int = 0
    anchors: int = 0


@dataclass(slots=True)
class _Change:
    # One change of the latch as a journal tells it.
    ts_ns: int
    is_set: bool
    code: str
    reason: str
    who: str
    place: str
    matched: bool = False


class AuditCheck:
    """One check of a data directory."""

    def __init__(self, data_dir: Path) -> None:
        """Look at nothing yet."""
        self.verdict = Verdict()
        self._data_dir = data_dir
        self._changes: list[_Change] = []
        self._begun: list[tuple[int, str]] = []
        self._digests: set[str] = set()
        self._history = ConfigHistory(data_dir)
        self._revisions = self._history.revisions()

    def run(self, anchors: Sequence[Anchor] = (), *, progress: Progress = lambda _: None) -> Verdict:
        """Check everything. Args: anchors: that have to be contained; progress: is told bytes read.

        Raises: StateCorrupt if there is no run, or the state of the directory cannot be read.
        """
        places = list(reversed(runs(self._data_dir)))
        if not places:
            raise no_run(self._data_dir)
        kept = RunState.open(self._data_dir) if (self._data_dir / STATE_NAME).exists() else None
        done = 0
        recorded: set[int] = set()
        for place in places:
            report = self._run(place, after(done, progress))
            if report is not None:
                done += sum(part.bytes for part in report.parts)
                recorded.add(place.epoch)
        self._notes()
        if kept is None:
            self._problem(f"{self._data_dir / STATE_NAME}: is gone, although runs are recorded")
        else:
            self._latches(kept)
            self._lives(kept, recorded)
        self._configs()
        for anchor in anchors:
            self._anchor(anchor, places)
        return self.verdict

    def _problem(self, what: str, *, path: str = "", offset: int = -1, hint: str = "") -> None:
        self.verdict.problems.append(Problem(what=what, path=path, offset=offset, hint=hint))

    def _run(self, place: RunPlace, progress: Progress) -> Verified | None:
        if not segments(place.journal, Family.OWN) and not has_ended(place.journal):
            self.verdict.remarks.append(f"run {place.run_id}: ended before anything was recorded")
            return None
        report = verify(place.journal, progress=progress)
        self.verdict.runs += 1
        self.verdict.records += report.records
        if not report.is_sound:
            self._problem(report.problem, path=report.path, offset=report.offset, hint=report.hint)
        elif report.torn_bytes:
            torn = f"run {place.run_id}: {report.torn_bytes} bytes at its end were torn off by a crash"
            self.verdict.remarks.append(torn)
        for missing in report.missing:
            if missing.cause is Cause.TORN and missing.last_seq >= missing.first_seq:
                gap = f"{missing.first_seq} to {missing.last_seq}"
                self.verdict.remarks.append(f"run {place.run_id}: records {gap} were torn off by a crash")
        if report.run is not None:
            self._begins(report.run)
            self._records(place)
        return report

    def _begins(self, header: RunHeader) -> None:
        latched = latched_at_start(header)
        if latched:
            self._begun.append((header.began_ns, latched))
        self._config(header.config_digest, facts_of(header).config_text, f"run {header.run_id}")

    def _records(self, place: RunPlace) -> None:
        asked = ("", "")
        handed: set[str] = set()
        reading = read(
            place.journal,
            types=(ConfigApplied, ConfigVersion, OperatorAsked, OperatorNote, Report),
            own_only=True,
        )
        try:
            for record in reading:
                entry, where = record.entry, f"run {place.run_id}, record {record.seq}"
                if isinstance(entry, OperatorAsked):
                    if entry.operation is Operation.UNHALT:
                        asked = (entry.reason, entry.who)
                elif isinstance(entry, Report):
                    self._report(entry, asked, where)
                elif isinstance(entry, OperatorNote):
                    self._broke(entry, record.ts_ns, where)
                elif isinstance(entry, ConfigVersion):
                    handed.add(entry.digest)
                    self._config(entry.digest, entry.text, where)
                elif isinstance(entry, ConfigApplied) and entry.digest not in handed:
                    self._problem(f"{where}: revision {entry.revision} came into force without its text")
        except StateCorrupt:
            # It was told when the run was verified.
            return

    def _report(self, report: Report, asked: tuple[str, str], where: str) -> None:
        if report.code == "halt":
            told = "; ".join(f"{key}={value}" for key, value in report.facts)
            code = dict(report.facts).get("reason", "")
            self._changes.append(_Change(report.ts_ns, True, code, told, "mm", where))
        elif report.code == "unhalt":
            self._changes.append(_Change(report.ts_ns, False, "", asked[0], asked[1], where))

    def _broke(self, note: OperatorNote, ts_ns: int, where: str) -> None:
        # A core that breaks cannot say so itself: the runtime does, in a note.
        if note.who == "mm" and note.text.startswith(HALT_NOTE):
            code, _, _ = note.text.removeprefix(HALT_NOTE).partition(":")
            self._changes.append(_Change(ts_ns, True, code, f"reason={code}", "mm", where))

    def _notes(self) -> None:
        directory = notes_journal(self._data_dir)
        if not segments(directory, Family.OWN):
            return
        report = verify(directory)
        if not report.is_sound:
            self._problem(report.problem, path=report.path, offset=report.offset, hint=report.hint)
            return
        self.verdict.records += report.records
        for record, entry in notes(self._data_dir):
            act = act_of(entry)
            if act is not None:
                is_set = act.act == LATCH_SET
                where = f"{NAME}, note {record.seq}"
                self._changes.append(_Change(record.ts_ns, is_set, act.code, act.reason, entry.who, where))

    def _latches(self, kept: RunState) -> None:
        for change in kept.history:
            if not self._has_record(change):
                what = "set" if change.set else "lifted"
                told = f"{what} {utc_text(change.ts_ns)} by {change.who}: {change.code}: {change.reason}"
                if change.set and change.code in UNWRITABLE:
                    self.verdict.remarks.append(f"a latch without a record, as its cause was: {told}")
                else:
                    self._problem(f"a change of the latch that no journal tells of: {told}")
            else:
                self.verdict.changes += 1
        self._unknown_to(kept)

    def _unknown_to(self, kept: RunState) -> None:
        # The other way round; what is older than the oldest change that is kept cannot be compared.
        oldest_ns = kept.history[0].ts_ns if len(kept.history) >= HISTORY_MAX else 0
        before: _Change | None = None
        for change in sorted(self._changes, key=lambda one: one.ts_ns):
            again = before is not None and change.is_set and before.is_set and change.code == before.code
            if not change.matched and change.ts_ns >= oldest_ns and not again:
                what = "set" if change.is_set else "lifted"
                self._problem(
                    f"{change.place}: the latch was {what} ({change.code or change.reason}),"
                    f" and {STATE_NAME} does not know of it",
                    hint="a crash between the two leaves this; else somebody edited the file",
                )
            before = change

    def _has_record(self, change: LatchChange) -> bool:
        for told in self._changes:
            if told.matched or told.is_set is not change.set or told.who[:500] != change.who:
                continue
            same_code = not told.code or told.code[:500] == change.code
            if same_code and told.reason[:500] == change.reason:
                told.matched = True
                return True
        # What a start latched, before its journal was there, is in the head of that journal.
        begun = (code for began_ns, code in self._begun if change.set and began_ns >= change.ts_ns)
        return change.code in begun

    def _lives(self, kept: RunState, recorded: set[int]) -> None:
        newest, life = max(recorded, default=0), kept.life
        if newest > kept.epoch:
            self._problem(f"life {newest} is recorded, and {STATE_NAME} knows of {kept.epoch} alone")
        if life is not None and life.epoch not in recorded and life.ended and life.open_orders == 0:
            self._problem(f"life {life.epoch} ended, and no run of it is recorded")

    def _config(self, digest: str, text: str, where: str) -> None:
        self.verdict.configs += 1
        self._digests.add(digest)
        if text and text_digest(text) != digest:
            self._problem(f"{where}: the text of the config is not that of its digest")
        if text and not any(one.digest == digest for one in self._revisions):
            self._problem(f"{where}: a config was in force that the history does not have")

    def _configs(self) -> None:
        for one in self._revisions:
            try:
                if text_digest(self._history.text(one.revision)) != one.digest:
                    self._problem(f"the text of revision {one.revision} of the config was changed")
            except (NotRunning, StateCorrupt) as error:
                self._problem(f"revision {one.revision} of the config: {error}")
            if one.digest not in self._digests:
                told = f"revision {one.revision} of the config was noted, and never in force"
                self.verdict.remarks.append(told)

    def _anchor(self, anchor: Anchor, places: Sequence[RunPlace]) -> None:
        place = next((place for place in places if place.run_id == anchor.run_id), None)
        self.verdict.anchors += 1
        try:
            found = None if place is None else digest_at(place.journal, anchor.seq)
        except StateCorrupt as error:
            self._problem(f"anchor {anchor.run_id}:{anchor.seq}: {error}")
            return
        if place is None:
            self._problem(f"anchor {anchor.run_id}:{anchor.seq}: the run is gone")
        elif found is None:
            self._problem(f"anchor {anchor.run_id}:{anchor.seq}: the record is gone: the journal was cut")
        elif found != anchor.digest:
            self._problem(f"anchor {anchor.run_id}:{anchor.seq}: another history lies there now")
