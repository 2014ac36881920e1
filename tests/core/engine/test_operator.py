"""What an operator asks for, and what of it applies in which state."""

import pytest

from mm.domain.events import Operation
from mm.domain.quotes import Quote
from mm.engine.estate import estate_of
from tests.builders.engine_ladder import SECOND_NS, Scripted
from tests.builders.engine_rig import MID, MS, Rig, make_session


def quoting(*names: str) -> Rig:
    """Return a bench with one acknowledged bid per session."""
    sessions = [
        make_session(Scripted(bids=(Quote(MID - 20 - number, 10),)), name=name)
        for number, name in enumerate(names)
    ]
    rig = Rig(*sessions)
    rig.activate()
    rig.place_all()
    return rig


def test_a_pause_takes_the_orders_off_and_a_resume_puts_them_back() -> None:
    """The state says who did it and why."""
    rig = quoting("main")
    rig.operate(Operation.PAUSE, reason="lunch")
    assert (rig.session().state, rig.session().reason) == ("paused", "lunch")
    assert len(rig.cancels()) == 1
    rig.canceled(rig.places()[0])
    rig.keep_alive(3 * SECOND_NS)
    assert len(rig.places()) == 1
    rig.operate(Operation.RESUME)
    assert rig.session().state == "active"
    assert len(rig.places()) == 2
    assert rig.reports("operator")[0] == {
        "operation": "pause",
        "reason": "lunch",
        "who": "tester",
        "session": "",
    }


def test_a_pause_without_a_reason_says_who_paused() -> None:
    """There is always a reason to show."""
    rig = quoting("main")
    rig.operate(Operation.PAUSE, reason="")
    assert rig.session().reason == "paused by the operator"
    rig.operate(Operation.STOP, reason="")
    assert rig.session().reason == "operator"


def test_a_request_for_one_session_leaves_the_others_alone() -> None:
    """Names select; nobody is no session."""
    rig = quoting("a", "b")
    rig.operate(Operation.PAUSE, session="a")
    rig.operate(Operation.PAUSE, session="nobody")
    assert (rig.session("a").state, rig.session("b").state) == ("paused", "active")


def test_a_pause_before_a_session_is_ready_keeps_it_from_quoting() -> None:
    """Whoever pauses during the start does not want to see orders a second later."""
    rig = Rig(make_session(Scripted(bids=(Quote(MID - 20, 10),))))
    rig.operate(Operation.PAUSE)
    rig.activate()
    rig.keep_alive(2 * SECOND_NS)
    assert (rig.session().state, rig.places()) == ("paused", [])
    rig.operate(Operation.RESUME)
    assert rig.session().state == "pending"
    rig.list_all()
    rig.advance(200 * MS)
    assert rig.session().state == "active"
    assert len(rig.places()) == 1


def test_what_does_not_apply_changes_nothing() -> None:
    """A resume of an active session, a second pause, an unhalt without a halt."""
    rig = quoting("main")
    rig.operate(Operation.RESUME)
    assert (rig.session().state, rig.session().reason) == ("active", "quoting")
    rig.operate(Operation.PAUSE, reason="first")
    rig.operate(Operation.PAUSE, reason="second")
    assert rig.session().reason == "first"
    rig.operate(Operation.UNHALT)
    assert rig.reports("unhalt") == []
    assert rig.reports("unhalt.refused") == []


def test_a_halt_is_lifted_only_after_the_venue_has_confirmed_it() -> None:
    """Then the sessions begin anew and quote again once everything was looked at."""
    rig = quoting("main")
    rig.operate(Operation.HALT, reason="")
    assert rig.reports("halt") == [{"reason": "operator", "session": ""}]
    rig.operate(Operation.UNHALT)
    assert len(rig.reports("unhalt.refused")) == 1
    rig.canceled(rig.places()[0])
    rig.advance(100 * MS)
    rig.list_orders()
    rig.advance(100 * MS)
    rig.operate(Operation.UNHALT)
    assert len(rig.reports("unhalt")) == 1
    assert rig.engine.state.halt_code == ""
    assert rig.session().state == "pending"
    rig.keep_alive(SECOND_NS)
    assert rig.session().state == "active"
    assert len(rig.places()) == 2


def test_a_pause_outlasts_a_halt_and_a_stop() -> None:
    """No quote before a resume, in the next life neither: who lifts a halt need not know of the pause."""
    rig = quoting("a", "b")
    rig.operate(Operation.PAUSE, session="a", reason="lunch")
    rig.operate(Operation.HALT)
    for place in rig.places():
        rig.canceled(place)
    rig.advance(100 * MS)
    rig.list_orders()
    rig.advance(100 * MS)
    assert rig.session("a").state == "halted"
    assert [left.paused for left in estate_of(rig.engine.state).positions] == ["lunch", ""]
    rig.operate(Operation.UNHALT)
    rig.keep_alive(SECOND_NS)
    assert (rig.session("a").state, rig.session("a").reason) == ("paused", "lunch")
    assert rig.session("b").state == "active"
    assert len(rig.places()) == 3
    rig.operate(Operation.RESUME, session="a")
    rig.keep_alive(SECOND_NS)
    assert rig.session("a").state == "active"
    assert len(rig.places()) == 4
    rig.operate(Operation.PAUSE, session="b", reason="tea")
    rig.operate(Operation.STOP)
    assert [left.paused for left in estate_of(rig.engine.state).positions] == ["", "tea"]


def halted(*names: str, stopping: str = "") -> Rig:
    """Return a bench on which a halt is confirmed. Args: stopping: a session whose stop it meets."""
    rig = quoting(*names)
    if stopping:
        rig.operate(Operation.STOP, session=stopping)
    rig.operate(Operation.HALT)
    for place in rig.places():
        rig.canceled(place)
    rig.advance(100 * MS)
    rig.list_orders()
    rig.advance(100 * MS)
    assert rig.engine.state.halt_confirmed
    return rig


def test_a_pause_and_its_end_during_a_halt_hold_when_it_is_lifted() -> None:
    """Who says pause means it, whatever holds the session now; said twice, the first reason stays."""
    rig = halted("a", "b")
    rig.operate(Operation.PAUSE, reason="lunch")
    rig.operate(Operation.PAUSE, reason="tea")
    rig.operate(Operation.RESUME, session="b")
    rig.operate(Operation.RESUME, session="b")
    said = [{"reason": "lunch", "session": name} for name in ("a", "b")]
    assert (rig.reports("pause.noted"), rig.reports("pause.lifted")) == (said, [{"session": "b"}])
    digest = rig.engine.digest()
    rig.session("b").paused = "lunch"
    assert rig.engine.digest() != digest
    rig.session("b").paused = ""
    rig.operate(Operation.UNHALT)
    rig.keep_alive(SECOND_NS)
    assert [(rig.session(name).state, rig.session(name).reason) for name in "ab"] == [
        ("paused", "lunch"),
        ("active", "quoting"),
    ]


@pytest.mark.parametrize("is_before", [True, False])
def test_a_session_that_was_told_to_stop_does_not_begin_again_with_the_end_of_a_halt(is_before: bool) -> None:
    """Neither one whose stop was under way when the halt came, nor one that was told during it."""
    rig = halted("a", "b", stopping="a" if is_before else "")
    if not is_before:
        rig.operate(Operation.STOP, session="a")
    rig.operate(Operation.UNHALT)
    for _ in range(4):
        rig.keep_alive(SECOND_NS)
        rig.list_all()
    assert [rig.session(name).state for name in "ab"] == ["completed", "active"]
    assert len(rig.places()) == 3


def test_lifting_a_halt_leaves_sessions_that_were_done_alone_and_measures_losses_anew() -> None:
    """A peak from before the halt would end trading at once."""
    rig = quoting("a", "b")
    rig.fill(rig.places()[0], 10, 1)
    rig.operate(Operation.STOP, session="b")
    rig.canceled(rig.places()[1])
    rig.list_orders()
    rig.advance(100 * MS)
    assert rig.session("b").state == "completed"
    rig.operate(Operation.HALT)
    for place in rig.places()[2:]:
        rig.ack(place)
        rig.canceled(place)
    rig.advance(100 * MS)
    rig.list_orders()
    rig.advance(100 * MS)
    rig.session("a").peak_atoms = 10**15
    rig.operate(Operation.UNHALT)
    assert rig.session("b").state == "completed"
    assert rig.session("a").peak_atoms == rig.session("a").position.net_quote_atoms
