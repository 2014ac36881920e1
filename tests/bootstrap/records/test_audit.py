"""Who changed what, when, from where; and that nothing of it can be taken away unseen."""

import ast
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mm.bootstrap.records.audit import NEWS, Trail
from mm.bootstrap.records.audit_check import AuditCheck, Verdict
from mm.domain.events import Operation
from mm.errors import StateCorrupt
from mm.runtime.live import HALT_NOTE
from mm.store.config_history import ConfigHistory
from mm.store.journal.anchor import head
from mm.store.journal.entries import COMMAND, EVENT, NOTE, Entry, Family, Kind, OperatorNote
from mm.store.journal.layout import runs, segment_path
from mm.store.lock import DirectoryLock
from mm.store.operator_notes import latch_offline, lift_offline, notes_journal
from mm.store.paths import STATE_NAME
from mm.store.runstate import RunState
from tests.builders import recorded_runs as recorded
from tests.gate.core import ROOT


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data directory with one life, everything in its place."""
    recorded.lived(tmp_path / "data")
    assert not checked(tmp_path / "data").problems
    return tmp_path / "data"


def checked(data_dir: Path) -> Verdict:
    """What is found there."""
    return AuditCheck(data_dir).run()


def problems(data_dir: Path) -> str:
    """What does not fit, in words."""
    return "\n".join(problem.what for problem in checked(data_dir).problems)


def test_every_change_is_told_with_who_and_where(data_dir: Path) -> None:
    """In order: life, operators, configs with their difference, latches, balances."""
    facts = list(Trail(data_dir))
    assert [fact.what for fact in facts] == [
        "life.began",
        "life.started",
        "operator.pause",
        "config.handed_over",
        "config.in_force",
        "operator.halt",
        "latch.set",
        "operator.unhalt",
        "latch.lifted",
        "balance.external",
        "life.ended",
    ]
    told = {fact.what: fact for fact in facts}
    assert told["operator.pause"].who == recorded.WHO
    assert told["operator.pause"].detail == {"reason": "lunch"}
    assert told["life.started"].who == "uid 1000 pid 7 (start)"
    handed = told["config.handed_over"]
    assert (handed.who, handed.detail["changed"]) == (recorded.WHO, ["risk.session_loss_quote"])
    assert handed.detail["diff"] == ["-session_loss_quote = 50", "+session_loss_quote = 40"]
    assert told["config.in_force"].detail["revision"] == 2
    assert told["latch.set"].as_dict()["time_utc"] == "2026-01-02T03:04:05.022000Z"
    assert all(fact.run and (fact.seq or fact.what.startswith("life.")) for fact in facts)


def test_what_is_older_is_left_out(data_dir: Path) -> None:
    """By the time of its record."""
    facts = list(Trail(data_dir, since_ns=recorded.at(20)))
    assert [fact.what for fact in facts][:2] == ["config.in_force", "operator.halt"]


def test_what_is_done_while_nobody_runs_is_told_too(data_dir: Path) -> None:
    """With who and from where; the audit stays whole."""
    state = RunState.open(data_dir)
    latch_offline(data_dir, state, code="operator", reason="holiday", who="ann, uid 1 pid 2 (offline)")
    lift_offline(data_dir, state, reason="back", who="bob")
    last = list(Trail(data_dir))[-2:]
    assert [(fact.what, fact.who, fact.detail["reason"]) for fact in last] == [
        ("latch.set", "ann, uid 1 pid 2 (offline)", "holiday"),
        ("latch.lifted", "bob", "back"),
    ]
    verdict = checked(data_dir)
    assert (verdict.problems, verdict.changes) == ([], 4)


def test_a_life_that_begins_with_another_config_says_what_changed(data_dir: Path) -> None:
    """The file was edited while nobody ran."""
    later = recorded.header(2, text=recorded.TEXT, latched="operator", began_ns=recorded.at(10_000))
    recorded.write_run(
        data_dir, [(EVENT, recorded.asked(Operation.STOP, 1, reason="x"))], head=later, close=False
    )
    began = [fact for fact in Trail(data_dir) if fact.what == "life.began"][1]
    assert began.detail["diff"] == ["-session_loss_quote = 40", "+session_loss_quote = 50"]
    assert began.detail["latched"] == "operator"
    assert [fact.what for fact in Trail(data_dir)][-1] == "life.no_end"


def test_a_latch_that_no_journal_tells_of_is_listed_and_found(data_dir: Path) -> None:
    """Set behind everybody's back; told by a later life that began with it, it is none."""
    now_ns = recorded.at(5_000)
    RunState.open(data_dir).latch("drill", "by hand", now_ns, "somebody")
    last = list(Trail(data_dir))[-1]
    assert (last.what, last.who, last.detail["record"]) == ("latch.set", "somebody", "none")
    assert "a change of the latch that no journal tells of" in problems(data_dir)
    later = recorded.header(2, latched="drill", began_ns=recorded.at(10_000))
    recorded.write_run(data_dir, [(EVENT, recorded.asked(Operation.STOP, 1, reason="x"))], head=later)
    RunState.open(data_dir).begin_life()
    assert problems(data_dir) == ""


def test_a_halt_of_the_journal_needs_no_record_and_one_of_the_core_has_a_note(data_dir: Path) -> None:
    """The first could not be written, and that was its cause."""
    state = RunState.open(data_dir)
    state.latch("journal.failed", "reason=journal.failed", recorded.at(9_000))
    verdict = checked(data_dir)
    assert not verdict.problems
    assert any("journal.failed" in remark for remark in verdict.remarks)
    state.clear_latch("over", "x")
    assert "the latch" in problems(data_dir)

    other = data_dir.parent / "other"
    note = OperatorNote(who="mm", text=f"{HALT_NOTE}engine.failed: ZeroDivisionError: x")
    recorded.lived(other, [*recorded.usual()[:3], (NOTE, note)])
    RunState.open(other).latch("engine.failed", "reason=engine.failed", recorded.at(4))
    assert "latch" not in problems(other)


def _flip(data_dir: Path) -> None:
    path = segment_path(runs(data_dir)[0].journal, Family.OWN, 1)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _forget_state(data_dir: Path) -> None:
    (data_dir / STATE_NAME).unlink()


def _forget_history(data_dir: Path) -> None:
    (data_dir / "config" / "history.jsonl").unlink()


def _change_text(data_dir: Path) -> None:
    (data_dir / "config" / "0002.toml").write_text(recorded.TEXT)


def _lose_text(data_dir: Path) -> None:
    (data_dir / "config" / "0002.toml").unlink()


def _new_state(data_dir: Path) -> None:
    (data_dir / STATE_NAME).unlink()
    RunState.open(data_dir)


def _rename_run(data_dir: Path) -> None:
    directory = runs(data_dir)[0].directory
    directory.rename(directory.with_name("20260102T030405Z-000002"))


def _drop_run(data_dir: Path) -> None:
    later = recorded.header(2, began_ns=recorded.at(10_000))
    recorded.write_run(data_dir, recorded.usual()[2:8], head=later)
    shutil.rmtree(runs(data_dir)[1].directory)


def _cut_whole_frames(data_dir: Path) -> None:
    # As somebody would who knows the format: both families end before their last block.
    for family in Family:
        path = segment_path(runs(data_dir)[0].journal, family, 1)
        path.write_bytes(path.read_bytes()[:-61])


def _damage_notes(data_dir: Path) -> None:
    latch_offline(data_dir, RunState.open(data_dir), code="operator", reason="x", who="ann")
    path = segment_path(notes_journal(data_dir), Family.OWN, 1)
    content = bytearray(path.read_bytes())
    content[120] ^= 1
    path.write_bytes(content)


def _remove_notes(data_dir: Path) -> None:
    latch_offline(data_dir, RunState.open(data_dir), code="operator", reason="x", who="ann")
    shutil.rmtree(notes_journal(data_dir))


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (_flip, "byte "),
        (_forget_state, "is gone, although runs are recorded"),
        (_new_state, "life 1 is recorded, and runstate.json knows of 0 alone"),
        (_forget_history, "a config was in force that the history does not have"),
        (_change_text, "the text of revision 2 of the config was changed"),
        (_lose_text, "there is no revision 2"),
        (_rename_run, "this is the journal of run"),
        (_drop_run, "a change of the latch that no journal tells of"),
        (_cut_whole_frames, "ended in good order, and its journal has no end"),
        (_damage_notes, "byte "),
        (_remove_notes, "a change of the latch that no journal tells of"),
    ],
)
def test_what_was_taken_away_or_changed_is_found(
    data_dir: Path, harm: Callable[[Path], None], said: str
) -> None:
    """Each by what else tells of it."""
    harm(data_dir)
    assert said in problems(data_dir)


def test_a_halt_that_only_the_journal_knows_is_found(tmp_path: Path) -> None:
    """Somebody took the latch out of the state; said twice without a lifting between, it is one."""
    halts: list[tuple[Kind, Entry]] = [(COMMAND, recorded.report("halt", n, reason="drill")) for n in (3, 4)]
    recorded.lived(tmp_path, [*recorded.usual()[:2], *halts])
    assert "latch" not in problems(tmp_path)
    recorded.write_run(
        tmp_path,
        [(COMMAND, recorded.report("halt", 9, reason="x"))],
        head=recorded.header(2, began_ns=recorded.at(99)),
    )
    assert "runstate.json does not know of it" in problems(tmp_path)


def test_a_config_that_came_into_force_without_its_text_is_found(tmp_path: Path) -> None:
    """An event alone does not say what it brought."""
    entries = [entry for entry in recorded.usual() if type(entry[1]).__name__ != "ConfigVersion"]
    recorded.lived(tmp_path, entries)
    assert "revision 2 came into force without its text" in problems(tmp_path)


def test_a_revision_that_no_run_had_is_a_remark(data_dir: Path) -> None:
    """A start that failed after it was noted leaves that."""
    history = ConfigHistory(data_dir)
    history.note(history.revisions()[-1])
    number = history.keep("x = 1\n")
    newest = history.revisions()[-1]
    history.note(type(newest)(revision=number, time="", who="mm", origin="start", digest="0" * 64, path=""))
    verdict = checked(data_dir)
    assert any("never in force" in remark for remark in verdict.remarks)
    assert [problem.what for problem in verdict.problems] == [
        "the text of revision 3 of the config was changed"
    ]


def test_an_anchor_that_was_kept_is_checked(data_dir: Path) -> None:
    """It holds; a run that is gone, a record that is gone, another history do not."""
    place = runs(data_dir)[0]
    anchor = head(place.journal, place.run_id)
    assert anchor is not None

    def said(**changes: object) -> list[str]:
        found = AuditCheck(data_dir).run([anchor._replace(**changes)])  # type: ignore[arg-type] # its own fields
        return [problem.what.rpartition(": ")[2] for problem in found.problems]

    assert said() == []
    assert said(run_id="20260102T030405Z-000009") == ["the run is gone"]
    assert said(seq=anchor.seq + 1) == ["the journal was cut"]
    assert said(digest="0" * 64) == ["another history lies there now"]
    _flip(data_dir)
    assert len(AuditCheck(data_dir).run([anchor]).problems) > 1


def test_a_crash_is_no_problem_and_is_told(tmp_path: Path) -> None:
    """Its torn end; a life that goes on; a start that left nothing."""
    recorded.lived(tmp_path)
    later = recorded.header(2, text=recorded.TIGHTER, began_ns=recorded.at(10_000))
    directory = recorded.write_run(tmp_path, recorded.usual()[2:8], head=later, close=False)
    path = segment_path(directory, Family.OWN, 1)
    path.write_bytes(path.read_bytes()[:-7])
    RunState.open(tmp_path).begin_life()
    (tmp_path / "runs" / "20260102T030405Z-000003").mkdir()
    verdict = checked(tmp_path)
    assert not verdict.problems
    assert any("torn off by a crash" in remark for remark in verdict.remarks)
    assert any("before anything was recorded" in remark for remark in verdict.remarks)
    with DirectoryLock(tmp_path):
        assert not checked(tmp_path).problems


def test_a_life_that_ended_and_left_no_run_is_found(tmp_path: Path) -> None:
    """Its directory was removed."""
    recorded.lived(tmp_path)
    state = RunState.open(tmp_path)
    state.begin_life()
    state.end_life(open_orders=0, reason="stopped")
    assert "life 2 ended, and no run of it is recorded" in problems(tmp_path)


def test_a_directory_without_runs_is_an_error(tmp_path: Path) -> None:
    """Not an empty audit."""
    with pytest.raises(StateCorrupt, match="no run is recorded"):
        list(Trail(tmp_path))
    with pytest.raises(StateCorrupt, match="no run is recorded"):
        checked(tmp_path)


def test_damage_is_told_beside_what_can_be_read(data_dir: Path) -> None:
    """The listing goes on with the next run."""
    _flip(data_dir)
    trail = Trail(data_dir)
    assert next(iter(trail)).what == "life.began"
    assert [fact.what for fact in trail][-1] != ""
    assert trail.damaged


def reported() -> dict[str, str]:
    """Where in the core each code is reported."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "mm" / "engine").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if node.func.attr == "report" and isinstance(node.args[0], ast.Constant):
                found[str(node.args[0].value)] = path.name
    return found


def test_what_is_no_change_is_named_and_reported_somewhere() -> None:
    """A code that nothing reports any more has no place on the list; what tells of a change is not on it."""
    known = reported()
    assert sorted(NEWS - known.keys()) == []
    listed = known.keys() - NEWS
    assert {"halt", "unhalt", "session.state", "fenced", "balance.external", "order.dead"} <= listed
