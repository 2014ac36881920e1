"""The trace of a decision: what it keeps, and that it keeps it as it was."""

import pytest

from mm.domain.events import Operation
from mm.domain.quotes import Quote
from mm.engine.trace import Chain, Trace
from mm.risk.base import Alarm, AlarmAction
from tests.builders.engine_ladder import Collapse, Ring, Scripted
from tests.builders.engine_rig import MID, Rig, make_session
from tests.builders.why_cases import quoting, traced, two_sided


def chain_of(rig: Rig) -> Chain:
    """Return the newest decision."""
    trace = rig.engine.state.trace
    assert trace is not None
    return trace.chains["main"]


def test_what_is_kept_does_not_change_when_the_engine_goes_on() -> None:
    """Orders, views and commands are as they were."""
    rig = quoting()
    kept = chain_of(rig)
    before = (kept.live, repr(kept.risk), kept.commands, kept.state, kept.said)
    rig.engine.state.trace = None
    rig.fill(rig.places()[0], 4, 1)
    rig.move(MID - 40, MID - 20)
    rig.operate(Operation.HALT)
    assert (kept.live, repr(kept.risk), kept.commands, kept.state, kept.said) == before


def test_a_decision_that_is_not_wanted_leaves_the_one_before() -> None:
    """What takes its place is up to whoever asks."""
    rig = quoting()
    kept = chain_of(rig)
    rig.engine.state.trace = trace = Trace(lambda chain: chain.ts_ns < rig.now_ns)
    trace.chains["main"] = kept
    rig.move(MID - 12, MID + 10)
    assert chain_of(rig) is kept


def test_placements_are_kept_with_what_they_were_judged_by() -> None:
    """The second is judged with the first."""
    rig = traced(make_session(two_sided(bids=(Quote(MID - 20, 10), Quote(MID - 30, 10, 1)))))
    rig.activate()
    asked = chain_of(rig).asked
    assert [one.view.buy_open_lots for one in asked] == [0, 10, 20]
    assert [one.refusal for one in asked] == [None, None, None]


def test_a_rule_that_fails_while_it_watches_or_judges_is_kept_as_the_error() -> None:
    """Also outside of a decision, where nobody has to hear of it."""
    rig = traced(make_session(two_sided(), rules=(Collapse(),)))
    rig.activate()
    assert chain_of(rig).error == "ArithmeticError: the rule is broken"
    trace = Trace()
    trace.failed(ValueError("while guarding"))
    assert trace.chains == {}


def test_an_exit_is_no_decision() -> None:
    """It is placed by what ends trading, not by a strategy."""
    ring = Ring()
    rig = traced(make_session(Scripted(bids=(Quote(MID - 20, 10),)), rules=(ring,)))
    rig.activate()
    rig.place_all()
    ring.alarm = Alarm(AlarmAction.FLATTEN, "ring.flatten")
    rig.fill(rig.places()[0], 10, 1)
    before = chain_of(rig)
    for _ in range(20):
        rig.list_all()
        rig.advance(100_000_000)
        rig.touch_book()
    assert any(place.reduces for place in rig.places())
    assert all(not one.place.reduces for one in before.asked)
    assert all(not one.place.reduces for one in chain_of(rig).asked)


def test_a_gate_outside_of_a_decision_is_a_fault_of_ours() -> None:
    """Nothing can be kept of it."""
    with pytest.raises(AssertionError, match="within a decision"):
        Trace().held(1)
