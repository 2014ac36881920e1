"""Why a running engine quotes as it does: asked of a run that lives, which goes on as if nobody had asked."""

from time import perf_counter

from mm.cli.shapes import table, tables, text
from mm.domain.commands import Report
from mm.domain.events import Operation
from mm.runtime.why import halt_facts, why_now
from tests.builders.engine_rig import make_session
from tests.builders.instruments import INSTRUMENT, OTHER
from tests.builders.live_runs import LiveRun

LOOP_S_MAX = 0.02
"""So long the loop may be held up by one question."""

TRIES = 5
"""The best of so many counts: the machine may be busy."""


def test_a_run_tells_what_it_decides_now_and_what_it_decided_last() -> None:
    """Asking changes nothing of the engine, and no command of the run."""
    run, twin = LiveRun(), LiveRun()
    answers: list[dict[str, object]] = []

    def ask() -> None:
        before = run.engine.digest()
        answers.append(why_now(run.runtime, run.engine.state.sessions[0], side="bid", level=0))
        assert run.engine.digest() == before

    run.at(1.5, ask)
    run.go(3)
    twin.go(3)
    (answer,) = answers
    (quote,) = tables(answer, "quotes")
    assert (quote["side"], quote["level"], quote["outcome"]) == ("bid", 0, "kept")
    assert text(table(answer, "last_decision"), "reason") == "quoting"
    assert answer["halt"] is None
    assert isinstance(answer["since_ms"], int)
    assert run.engine.digest() == twin.engine.digest()
    assert [repr(report) for report in run.reports] == [repr(report) for report in twin.reports]


def test_a_halt_is_told_with_what_was_said_of_it() -> None:
    """Its reason, and since when."""
    run = LiveRun()
    answers: list[dict[str, object]] = []
    run.at(1.5, lambda: run.runtime.operate(Operation.HALT, reason="drill", who="me"))
    run.at(2.0, lambda: answers.append(why_now(run.runtime, run.engine.state.sessions[0])))
    run.at(2.5, lambda: run.runtime.stop("end"))
    run.go(3)
    (answer,) = answers
    assert answer["state"] == "halted"
    assert text(table(answer, "halt"), "reason") == "drill"
    assert [text(one, "code") for one in tables(answer, "quotes")] == ["session.halted", "session.halted"]


def test_what_is_older_than_the_memory_of_a_run_is_not_told() -> None:
    """Nothing is made up."""
    run = LiveRun()
    answers: list[dict[str, object]] = []

    def ask() -> None:
        run.runtime.history.reports.clear()
        answers.append(why_now(run.runtime, run.engine.state.sessions[0]))

    run.at(0.0, lambda: answers.append(why_now(run.runtime, run.engine.state.sessions[0])))
    run.at(1.5, ask)
    run.go(3)
    assert [answer["since_ms"] for answer in answers] == [None, None]
    assert table(answers[0], "last_decision")["age_ms"] in (None, 0)
    assert halt_facts([]) is None
    assert halt_facts([Report(ts_ns=2_000_000, code="halt", session="", facts=(("reason", "x"),))]) == {
        "ts_ms": 2,
        "reason": "x",
    }


def test_a_question_holds_the_loop_up_for_a_moment_only() -> None:
    """Less than 20 ms with two sessions and deep books; the best of five tries."""
    run = LiveRun(make_session(name="one", instrument=INSTRUMENT), make_session(name="two", instrument=OTHER))
    took: list[float] = []

    def ask() -> None:
        began = perf_counter()
        why_now(run.runtime, run.engine.state.sessions[0])
        took.append(perf_counter() - began)

    for number in range(TRIES):
        run.at(1.5 + number / 10, ask)
    run.go(3)
    assert len(took) == TRIES
    assert min(took) < LOOP_S_MAX
