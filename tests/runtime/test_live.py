"""The live loop with the real engine: order of things, time, and every way in which a run ends."""

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from mm.domain.commands import Cancel, Connect, ListOrders, Place, Report
from mm.domain.events import (
    Advanced,
    AnyEvent,
    Operation,
    OperatorAsked,
    OrderCanceled,
    OrderFilled,
    OrderRejected,
    Source,
)
from mm.domain.sides import Side
from mm.runtime.live import CANCELS_FIRST_S, STOP_PATIENCE_S
from mm.runtime.simulate.ladder import Ladder
from mm.store.heartbeat import HALT_NAME, Halt, Heartbeat, Word, ask_halt
from tests.builders.engine_rig import make_session
from tests.builders.fake_venue import FakeVenue
from tests.builders.live_runs import LiveRun, earlier_cid
from tests.builders.virtual_time import pass_time, run_virtual


@pytest.mark.parametrize("latency_s", [0.0, 0.003, 0.4])
def test_a_run_quotes_and_ends_clean_after_its_duration(latency_s: float) -> None:
    """Orders are placed, and none is left when the time is over, however fast the venue answers."""
    run = LiveRun(latency_s=latency_s)
    outcome = run.go(duration_s=20)
    assert (outcome.reason, outcome.clean, outcome.halted) == ("duration", True, False)
    assert len(run.venue.commands(Place)) >= 4
    assert not run.venue.open
    assert 20 <= run.ended_s < 22


def test_steps_never_nest_when_the_venue_answers_inside_submit() -> None:
    """The sink may be called from within `submit`: the engine is never entered twice (it asserts that)."""
    run = LiveRun(latency_s=0.0)
    assert run.go(duration_s=10).clean
    answered = [event for event in run.engine.events if not isinstance(event, Advanced)]
    assert len(answered) > 20
    assert run.runtime.failure == ""


def test_what_the_venue_answers_inside_submit_is_handled_in_order() -> None:
    """Events reach the engine in the order in which they came, none lost, none twice."""
    run = LiveRun()
    told: list[object] = []
    sink = run.runtime.sink

    def listening(event: object) -> None:
        told.append(event)
        sink(event)  # type: ignore[arg-type] # whatever the venue tells

    run.runtime.sink = listening  # type: ignore[method-assign] # looking on
    assert run.go(duration_s=5).clean
    assert run.engine.events == told


def test_reports_reach_observers_before_anything_of_the_same_step_is_sent() -> None:
    """In every step all reports come first: a halt is written down before its cancels leave."""
    trace: list[str] = []
    run = LiveRun(observers=(lambda report: trace.append("report"),))
    run.engine.trace = trace
    run.venue.on_submit = lambda command: trace.append("send")
    run.at(6, lambda: run.runtime.operate(Operation.HALT, reason="test"))
    run.at(8, lambda: run.runtime.stop("enough"))
    run.go()
    steps = " ".join(trace).split("step")
    assert any("report" in step and "send" in step for step in steps)
    assert all("send report" not in step for step in steps)


def test_the_timers_of_the_engine_are_kept_without_any_event() -> None:
    """A venue that never answers is still asked again, at the times that the engine set."""
    run = LiveRun()
    run.venue.deaf_to = (Connect,)
    due: list[int | None] = []

    def look(event: AnyEvent) -> bool:
        due.append(run.engine.next_due_ns)
        return False

    run.engine.breaks_at = look
    run.at(35, lambda: run.runtime.stop("enough"))
    run.go()
    assert len(run.venue.commands(Connect)) >= 6
    ticks = [
        (event.ts_ns, when)
        for event, when in zip(run.engine.events, due, strict=True)
        if isinstance(event, Advanced) and when is not None
    ]
    assert len(ticks) > 100
    assert all(0 <= told - when < 1_000_000 for told, when in ticks)


def test_time_never_goes_back_for_the_engine() -> None:
    """Events come in order of time."""
    run = LiveRun(latency_s=0.05)
    run.go(duration_s=5)
    assert all(before.ts_ns <= after.ts_ns for before, after in pairwise(run.engine.events))


def test_an_operator_stops_a_run() -> None:
    """A stop cancels, has it confirmed and ends with the operator's words."""
    run = LiveRun(latency_s=0.05)
    run.at(7, lambda: run.runtime.stop("enough"))
    outcome = run.go()
    assert (outcome.reason, outcome.clean) == ("enough", True)
    assert 7 <= run.ended_s < 9
    assert not run.venue.open


def test_a_second_stop_changes_nothing() -> None:
    """Whoever presses twice gets the reason and the patience of the first time."""
    run = LiveRun()
    run.at(3, lambda: setattr(run.venue, "deaf_to", (Cancel, ListOrders)))
    run.at(4, lambda: run.runtime.stop("first"))
    run.at(60, lambda: run.runtime.stop("second"))
    assert run.go().reason == "first"
    assert run.ended_s == pytest.approx(4 + STOP_PATIENCE_S, abs=0.1)


def test_sessions_that_are_stopped_one_by_one_end_the_run() -> None:
    """When the last session is through there is nothing left to run for."""
    run = LiveRun(make_session(Ladder(), name="one"), make_session(Ladder(), name="two"))
    run.at(4, lambda: run.runtime.operate(Operation.STOP, session="one"))
    run.at(8, lambda: run.runtime.operate(Operation.STOP, session="two"))
    outcome = run.go()
    assert (outcome.reason, outcome.clean) == ("stopped", True)
    assert 8 <= run.ended_s < 10


def test_a_stop_that_the_venue_never_confirms_ends_after_the_patience() -> None:
    """It is not clean, and it says so: orders may remain."""
    run = LiveRun()
    run.at(5, lambda: setattr(run.venue, "deaf_to", (Cancel, ListOrders)))
    run.at(6, lambda: run.runtime.stop("enough"))
    outcome = run.go()
    assert (outcome.reason, outcome.clean) == ("enough", False)
    assert run.ended_s == pytest.approx(6 + STOP_PATIENCE_S, abs=0.1)
    assert run.venue.open


def test_a_halt_keeps_the_run_alive_until_it_is_stopped() -> None:
    """Halted is not ended: it waits for an operator, without a single placement."""
    run = LiveRun()
    placed: list[int] = []
    run.at(5, lambda: run.runtime.operate(Operation.HALT, reason="test"))
    run.at(6, lambda: placed.append(len(run.venue.commands(Place))))
    run.at(600, lambda: placed.append(len(run.venue.commands(Place))))
    run.at(600, lambda: run.runtime.stop("enough"))
    outcome = run.go()
    assert (outcome.reason, outcome.clean, outcome.halted) == ("halted: test", True, True)
    assert 600 <= run.ended_s < 602
    assert placed[0] == placed[1] > 0
    assert not run.venue.open
    assert "halt.confirmed" in run.codes()


def test_a_halt_that_is_lifted_quotes_again() -> None:
    """After the operator lifted it orders are placed again, and the run is not a halted one."""
    run = LiveRun(latency_s=0.02)
    placed: list[int] = []
    run.at(5, lambda: run.runtime.operate(Operation.HALT, reason="test"))
    run.at(30, lambda: placed.append(len(run.venue.commands(Place))))
    run.at(30, lambda: run.runtime.operate(Operation.UNHALT, reason="fine again"))
    outcome = run.go(duration_s=40)
    assert len(run.venue.commands(Place)) > placed[0]
    assert (outcome.reason, outcome.clean, outcome.halted) == ("duration", True, False)


def test_a_time_that_is_over_during_a_halt_ends_as_halted() -> None:
    """The halt weighs more than the duration."""
    run = LiveRun()
    run.at(5, lambda: run.runtime.operate(Operation.HALT, reason="test"))
    outcome = run.go(duration_s=10)
    assert (outcome.reason, outcome.clean, outcome.halted) == ("halted: test", True, True)


def _fill(run: LiveRun, *, trade_id: int = 0) -> OrderFilled:
    return run.venue.fill(next(iter(run.venue.open)), 1, trade_id=trade_id)


def test_the_history_counts_each_fill_once() -> None:
    """The stream, a listing and a repetition may all tell of one fill."""
    run = LiveRun()
    told: list[OrderFilled] = []
    run.at(5, lambda: told.append(_fill(run)))
    run.at(6, lambda: run.venue.tell(told[0]))
    run.at(7, lambda: told.append(_fill(run)))
    run.go(duration_s=10)
    history = run.runtime.history
    assert history.fills_total == 2 == len(history.fills)
    assert [row.trade_id for row in history.fills] == [event.trade_id for event in told]
    assert [row.session for row in history.fills] == ["main", "main"]
    assert history.first_fill_ns == told[0].ts_ns
    assert history.placed == len(run.venue.commands(Place))
    assert history.cancels == len(run.venue.commands(Cancel)) == history.canceled


def test_a_cancellation_counts_when_the_venue_has_confirmed_it() -> None:
    """Sent is not cancelled; told twice is cancelled once."""
    run = LiveRun()
    run.at(5, lambda: setattr(run.venue, "deaf_to", (Cancel,)))
    run.at(6, lambda: run.runtime.operate(Operation.PAUSE))
    counted: list[tuple[int, int]] = []

    def count() -> None:
        counted.append((run.runtime.history.cancels, run.runtime.history.canceled))

    run.at(6.5, count)
    run.at(7, run.venue.hear_again)
    run.at(8, count)
    run.at(8.5, lambda: run.venue.tell(told[0]))
    told: list[OrderCanceled] = []
    sink = run.runtime.sink

    def listening(event: AnyEvent) -> None:
        if isinstance(event, OrderCanceled):
            told.append(event)
        sink(event)

    run.runtime.sink = listening  # type: ignore[method-assign] # looking on
    run.at(9, count)
    run.go(duration_s=10)
    assert counted == [(4, 0), (4, 4), (4, 4)]


def _strange_fill(run: LiveRun, cid: str, *, trade_id: int) -> OrderFilled:
    return OrderFilled(
        ts_ns=run.clock.now_ns(),
        symbol="AAA/BBB",
        cid=cid,
        trade_id=trade_id,
        side=Side.BUY,
        price_ticks=9_990,
        size_lots=1,
        fee_atoms=0,
        fee_asset="BBB",
        maker=True,
        source=Source.STREAM,
    )


def test_the_history_counts_fills_of_an_earlier_life_and_none_of_others() -> None:
    """What moves the inventory is in the history; what somebody else traded on the account is not."""
    run = LiveRun()
    run.at(5, lambda: run.venue.tell(_strange_fill(run, earlier_cid(3), trade_id=900)))
    run.at(6, lambda: run.venue.tell(_strange_fill(run, "by-hand", trade_id=901)))
    run.go(duration_s=10)
    assert run.engine.state.sessions[0].position.fills == 1
    assert [(row.trade_id, row.session) for row in run.runtime.history.fills] == [(900, "main")]


def test_the_venue_is_closed_once_whatever_happens() -> None:
    """Also when it cannot even start, or the run is cancelled."""
    run = LiveRun()
    run.go(duration_s=1)
    assert (run.venue.started, run.venue.closed) == (1, 1)

    class Unstartable(FakeVenue):
        async def start(self, sink: object) -> None:
            raise OSError("no file left")

    failing = LiveRun()
    failing.runtime._venue = failing.venue = Unstartable(failing.clock)
    with pytest.raises(OSError, match="no file left"):
        failing.go()
    assert failing.venue.closed == 1


def test_a_run_that_is_cancelled_closes_the_venue() -> None:
    """Nothing listens any more, and no timer of the run is left to fire."""
    run = LiveRun()

    async def cancelled() -> None:
        task = asyncio.ensure_future(run.run())
        await pass_time(3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        steps = len(run.engine.events)
        await pass_time(30)
        assert len(run.engine.events) == steps

    run_virtual(cancelled)
    assert run.venue.closed == 1


def test_every_report_is_in_the_history_and_at_the_observers() -> None:
    """Both see the same, in the same order."""
    run = LiveRun()
    run.go(duration_s=5)
    assert list(run.runtime.history.reports) == run.reports
    assert all(isinstance(report, Report) for report in run.reports)
    assert "session.state" in run.codes()


def _watched(run: LiveRun, folder: Path) -> Heartbeat:
    beat = Heartbeat.create(folder)
    run.runtime.pulse.share(beat, folder)
    return beat


def test_with_the_halt_word_set_nothing_is_placed_and_the_engine_hears_of_it(tmp_path: Path) -> None:
    """From the next send on, before anything looked: every placement is an order that provably never left."""
    run = LiveRun()
    beat = _watched(run, tmp_path)
    placed: list[int] = []

    def forbid() -> None:
        beat.set_halt(Halt.SILENT)
        placed.append(len(run.venue.commands(Place)))
        run.venue.fill(next(iter(run.venue.open)), 10)

    run.at(5, forbid)
    run.at(20, lambda: run.runtime.stop("enough"))
    outcome = run.go()
    assert (outcome.reason, outcome.clean, outcome.halted) == ("halted: watchdog.silent", True, True)
    assert len(run.venue.commands(Place)) == placed[0]
    asked = [event for event in run.engine.events if isinstance(event, OperatorAsked)]
    assert (asked[0].operation, asked[0].reason, asked[0].who) == (
        Operation.HALT,
        "watchdog.silent",
        "watchdog",
    )
    refused = [event for event in run.engine.events if isinstance(event, OrderRejected)]
    assert refused
    assert {(event.code, event.reason) for event in refused} == {(0, "never sent: the halt word is set")}
    assert not run.venue.open


def test_cancels_and_questions_leave_whatever_the_halt_word_says(tmp_path: Path) -> None:
    """Only placing is forbidden."""
    run = LiveRun()
    beat = _watched(run, tmp_path)
    run.at(5, lambda: beat.set_halt(Halt.OPERATOR))
    run.at(5.1, run.runtime.heed_halt)
    run.at(9, lambda: run.runtime.stop("enough"))
    assert run.go().clean
    assert len(run.venue.commands(Cancel)) >= 4
    assert run.codes().count("halt") == 1


def test_a_halt_by_the_file_is_lifted_with_it(tmp_path: Path) -> None:
    """The reason is the file's; afterwards it quotes again."""
    run = LiveRun()
    _watched(run, tmp_path)
    run.runtime._observers += (run.runtime.pulse.on_report,)
    placed: list[int] = []
    run.at(5, lambda: ask_halt(tmp_path, "prices are odd", "ann"))
    run.at(5.1, run.runtime.heed_halt)
    run.at(5.2, run.runtime.heed_halt)
    run.at(30, lambda: placed.append(len(run.venue.commands(Place))))
    run.at(30, lambda: run.runtime.operate(Operation.UNHALT, reason="fine again"))
    outcome = run.go(duration_s=40)
    assert (outcome.reason, outcome.clean, outcome.halted) == ("duration", True, False)
    assert len(run.venue.commands(Place)) > placed[0]
    halts = [report for report in run.reports if report.code == "halt"]
    assert [dict(report.facts)["reason"] for report in halts] == ["prices are odd"]
    assert not (tmp_path / HALT_NAME).exists()


def test_a_core_that_breaks_sets_the_halt_word_for_the_watchdog(tmp_path: Path) -> None:
    """It cancels by listing, and so does the watchdog: whoever still can."""
    run = LiveRun()
    beat = _watched(run, tmp_path)
    run.at(5, lambda: setattr(run.engine, "breaks_at", lambda _: True))
    assert run.go().reason == "halted: engine.failed"
    assert beat.halt is Halt.BROKEN


def test_the_cancels_of_a_core_that_breaks_wait_for_nobody_who_has_to_be_told() -> None:
    """Who is told writes it down, and may wait for a disk for seconds."""
    trace: list[str] = []
    run = LiveRun(latency_s=0.05, observers=(lambda report: trace.append(report.code),))
    run.venue.on_submit = lambda command: trace.append(type(command).__name__)
    run.at(5, trace.clear)
    run.at(5, lambda: setattr(run.engine, "breaks_at", lambda _: True))
    assert run.go().clean
    first, *others = [at for at, what in enumerate(trace) if what == "halt"]
    assert "Cancel" in trace[:first]
    assert "Cancel" not in trace[first:]
    assert not others


def test_a_run_that_ends_at_once_with_its_core_broken_is_told_all_the_same() -> None:
    """Who keeps the latch hears of it before the run is over, whatever ends it."""
    told: list[str] = []
    run = LiveRun(observers=(lambda report: told.append(report.code),))
    run.at(2, lambda: setattr(run.venue, "deaf_to", (Cancel, ListOrders)))
    run.at(3, lambda: run.runtime.insist("SIGINT"))
    run.at(6, lambda: setattr(run.engine, "breaks_at", lambda _: True))
    run.at(6.15, lambda: run.runtime.insist("SIGINT"))
    assert not run.go().clean
    assert run.ended_s < 6 + CANCELS_FIRST_S
    assert told.count("halt") == 1


def test_every_batch_of_steps_is_a_sign_of_life(tmp_path: Path) -> None:
    """A burst that keeps the loop from its timers is no silence."""
    run = LiveRun()
    beat = _watched(run, tmp_path)
    heard: list[int] = []
    for number in range(3):
        run.at(5 + number, lambda: heard.append(beat.words[Word.TRADER_BEAT_NS]))
    run.go(duration_s=10)
    assert 0 < heard[0] < heard[1] < heard[2]
