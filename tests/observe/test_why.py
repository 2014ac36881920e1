"""An explanation in words: one sentence that names the gate, the number that mattered and its limit."""

import json
import re

import pytest

from mm.cli.shapes import tables, text, texts
from mm.domain.quotes import Quote
from mm.engine.explain import explanation
from mm.engine.gates import Gate, Verdict
from mm.observe.why import sentence, why
from mm.observe.why_words import CAUSES, PASSES, phrase, told
from mm.strategies.base import Wake
from tests.builders.engine_ladder import Scripted
from tests.builders.engine_rig import MID, make_session
from tests.builders.instruments import INSTRUMENT
from tests.builders.risk_rules import make_test_rules
from tests.builders.why_cases import CASES, Case, fate, last, quoting, traced, twice, two_sided


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_sentence_names_the_reason(case: Case) -> None:
    """With its number and its limit, for every gate; nothing in it is missing."""
    made = last(case.make())
    said = sentence(fate(made, case.side, case.level), made.setup.instrument)
    assert case.says in said
    assert "?" not in said
    assert "{" not in said


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_every_gate_says_something_without_a_gap(case: Case) -> None:
    """Whoever reads the chain never meets a number that is not there; and all of it is JSON."""
    answer = why(last(case.make()))
    said = [text(gate, "words") for gate in tables(answer, "gates")]
    assert not [words for words in said if "?" in words or "{" in words]
    assert json.loads(json.dumps(answer)) == answer


def test_every_code_of_every_rule_has_its_phrase() -> None:
    """A new rule, or a new code of one, has to be put into words."""
    codes = [code for rule in make_test_rules() for code in type(rule).codes]  # type: ignore[attr-defined]  # each rule names its codes
    assert not [code for code in codes if code not in CAUSES]


def test_what_has_no_phrase_is_told_as_it_is() -> None:
    """A rule from outside: its code and its facts."""
    gate = Gate(name="admit", verdict=Verdict.STOPPED, code="my_rule.no_way", facts=(("limit", "7"),))
    assert phrase(gate, INSTRUMENT) == "my rule.no way, limit 7"


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("price_ticks", "12345", "123.45"),
        ("mid_half_ticks", "24691", "123.455"),
        ("mid_half_ticks", "0", "none"),
        ("off_by_ticks", "1", "1 tick"),
        ("size_lots", "-12", "-0.012 AAA"),
        ("lots_max", "12", "0.012 AAA"),
        ("base_spendable_atoms", "150000000", "1.5 AAA"),
        ("atoms_max", "150000000", "1.5 BBB"),
        ("session_floor", "-100000000", "-1 BBB"),
        ("age_ns", "-1", "never"),
        ("age_ns", "250000000", "250 ms"),
        ("age_ns", "3200000000", "3.2 s"),
        ("age_ns", "300000000000", "5 min"),
        ("collar_ppm", "15000", "1.5 %"),
        ("count", "7", "7"),
        ("status", "in_sync", "in sync"),
        ("missing", "", ""),
    ],
)
def test_each_number_is_told_in_its_unit(key: str, value: str, words: str) -> None:
    """The unit is in the key."""
    assert told(key, {key: value}, INSTRUMENT) == words


def test_a_fact_that_is_not_there_is_a_question_mark() -> None:
    """Not an error: an explanation never fails."""
    assert told("gone_ns", {}, INSTRUMENT) == "?"


def test_phrases_name_facts_by_keys_alone() -> None:
    """No format that could fail."""
    for template in (*CAUSES.values(), *PASSES.values()):
        assert "{" not in re.sub(r"\{[a-z_0-9]+\}", "", template)


def test_one_side_and_one_level_can_be_asked_about() -> None:
    """Gates that concern all stay."""
    strategy = two_sided(bids=(Quote(MID - 20, 10), Quote(MID - 30, 10, 1)))
    made = last(quoting(strategy))
    answer = why(made, side="bid", level=1)
    quotes, gates = tables(answer, "quotes"), tables(answer, "gates")
    assert [(one["side"], one["level"], one["outcome"]) for one in quotes] == [("bid", 1, "kept")]
    assert {(gate["side"], gate["level"]) for gate in gates} == {(None, None), ("bid", 1)}
    assert len(tables(why(made, side="ask"), "quotes")) == 1


def test_a_quote_carries_its_order_and_what_is_wanted() -> None:
    """For machines: texts as the venue wants them, ages in milliseconds."""
    (quote,) = tables(why(last(CASES["too far"].make()), side="bid"), "quotes")
    assert quote["outcome"] == "moved"
    assert (quote["price"], quote["size_base"], quote["order_state"]) == ("99.8", "0.01", "working")
    assert quote["wanted"] == ["99.79", "0.01"]
    assert quote["age_ms"] == 1_000
    (empty,) = tables(why(last(CASES["exposure"].make()), side="bid"), "quotes")
    assert (empty["cid"], empty["price"], empty["age_ms"]) == ("", None, None)


def test_what_was_sent_is_told_and_when_it_decides_again() -> None:
    """Placements and cancels of the decision, and the wake of the strategy."""
    made = last(CASES["too far"].make())
    answer = why(made)
    assert texts(answer, "commands") == [f"cancel {fate(made).cid}"]
    assert (
        answer["next"]
        == "decides again when the mid moves by 0.5 ticks, or after 1.0 s, or after an own fill"
    )
    placed = texts(why(last(CASES["halved"].make())), "commands")
    assert [one.rsplit(" ", 1)[0] for one in placed] == ["place bid 99.8 0.005", "place ask 100.2 0.005"]


def test_a_strategy_that_nothing_wakes_is_woken_by_orders_alone() -> None:
    """And a move is told in ticks."""
    rig = traced(make_session(Scripted(wake=Wake(move_half_ticks=0, every_ns=0, on_own_fill=False))))
    rig.activate()
    assert why(last(rig))["next"] == "decides again when an order's state changes"
    rig = traced(make_session(Scripted(wake=Wake(move_half_ticks=4, every_ns=0, on_own_fill=False))))
    rig.activate()
    assert why(last(rig))["next"] == "decides again when the mid moves by 2 ticks"


def test_a_second_order_on_a_level_and_an_unwanted_waiting_one_are_told_apart() -> None:
    """Each in its own sentence."""
    made = last(twice())
    said = [sentence(one, INSTRUMENT) for one in made.fates if one.level == 0]
    assert any("another order holds its level" in one for one in said)
    chain = CASES["stale"].make()
    waits = sentence(fate(last(chain)), INSTRUMENT)
    assert "left alone" in waits
    assert "nothing is wanted there: book health" in waits
    trace = chain.engine.state.trace
    assert trace is not None
    assert explanation(trace.chains["main"]).setup.name == "main"
