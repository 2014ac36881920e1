"""What has to survive a run is on the disk the moment it is reported."""

from pathlib import Path

from mm.domain.commands import Place, Report, VenueCommand
from mm.domain.events import Operation
from mm.runtime.keeper import Keeper
from mm.runtime.simulate.ladder import Ladder
from mm.store.runstate import RunState
from tests.builders.engine_rig import make_session
from tests.builders.live_runs import LiveRun
from tests.builders.virtual_time import START_NS


def _kept(folder: Path) -> tuple[LiveRun, RunState]:
    kept = RunState.open(folder)
    return LiveRun(make_session(Ladder(), target_lots=None), observers=(Keeper(kept),)), kept


def test_a_halt_is_on_the_disk_before_anything_is_sent_because_of_it(tmp_path: Path) -> None:
    """A process that dies between the two has the latch, and cancels at the next start."""
    run, _ = _kept(tmp_path)
    seen: list[str] = []

    def look(_: VenueCommand) -> None:
        if run.engine.state.halt_code:
            latch = RunState.open(tmp_path).latched
            seen.append(latch.code if latch is not None else "")

    run.venue.on_submit = look
    run.at(5, lambda: run.runtime.operate(Operation.HALT, reason="drill"))
    run.at(9, lambda: run.runtime.stop("enough"))
    run.go()
    assert seen
    assert set(seen) == {"drill"}
    latch = RunState.open(tmp_path).latched
    assert latch is not None
    assert START_NS + 5 * 10**9 <= latch.since_ns < START_NS + 6 * 10**9


def test_unhalt_clears_the_latch_with_who_and_why_before_anything_is_placed(tmp_path: Path) -> None:
    """The history has both changes; orders come only after the disk says so."""
    run, _ = _kept(tmp_path)
    latched: list[bool] = []

    def look(command: VenueCommand) -> None:
        if isinstance(command, Place):
            latched.append(RunState.open(tmp_path).latched is not None)

    run.venue.on_submit = look
    run.at(5, lambda: run.runtime.operate(Operation.HALT, reason="drill", who="ann"))
    run.at(9, lambda: run.runtime.operate(Operation.UNHALT, reason="all fine", who="bob"))
    run.go(duration_s=14)
    state = RunState.open(tmp_path)
    assert state.latched is None
    assert [(change.set, change.code, change.reason, change.who) for change in state.history][1:] == [
        (False, "drill", "all fine", "bob")
    ]
    assert len(latched) >= 8
    assert not any(latched)


def test_an_unhalt_that_is_refused_leaves_the_latch(tmp_path: Path) -> None:
    """Only what the engine lifted is lifted on the disk."""
    kept = RunState.open(tmp_path)
    keeper = Keeper(kept)
    keeper(_report("halt", reason="drill"))
    keeper(_report("operator", operation="unhalt", reason="please", who="ann"))
    keeper(_report("unhalt.refused", reason="not confirmed"))
    assert RunState.open(tmp_path).latched is not None


def test_the_halt_of_a_broken_core_is_latched(tmp_path: Path) -> None:
    """It is no business of the next start to try again."""
    run, _ = _kept(tmp_path)
    run.engine.breaks_at = lambda event: event.ts_ns >= START_NS + 3 * 10**9
    run.go()
    latch = RunState.open(tmp_path).latched
    assert latch is not None
    assert latch.code == "engine.failed"


def test_the_first_holding_is_kept_as_the_target(tmp_path: Path) -> None:
    """The next life is measured against it, whatever it holds then."""
    run, _ = _kept(tmp_path)
    run.go(duration_s=3)
    target = RunState.open(tmp_path).target_lots("main")
    assert target == run.engine.state.sessions[0].target_lots
    assert target is not None
    assert target > 0


def test_other_reports_write_nothing(tmp_path: Path) -> None:
    """The file is as it was, to the byte."""
    keeper = Keeper(RunState.open(tmp_path))
    before = [path.read_bytes() for path in sorted(tmp_path.iterdir())]
    for code in ("session.state", "order.denied", "stream.down", "halt.confirmed", "operator"):
        keeper(_report(code, reason="x", state="y", operation="pause", who="z"))
    assert [path.read_bytes() for path in sorted(tmp_path.iterdir())] == before


def _report(code: str, **facts: str) -> Report:
    return Report(ts_ns=START_NS, code=code, session="", facts=tuple(facts.items()))
