"""The gates of a decision, and the table that says what each rule looks at."""

from copy import copy
from dataclasses import fields

from mm.domain.quotes import Quote
from mm.domain.sides import BUY
from mm.engine.gates import LOOKS_AT, OF_ASKS, Verdict, rule_name
from mm.risk.base import AnyQuotes, RiskView, Rule
from tests.builders.engine_rig import MID
from tests.builders.risk_rules import make_test_rules
from tests.builders.why_cases import CASES, last, quoting, two_sided


class Copy(Rule):
    """Returns equal quotes as another object, which no rule may."""

    def shape(self, quotes: AnyQuotes, view: RiskView) -> AnyQuotes:
        """Return a copy."""
        return copy(quotes)


def test_the_table_knows_every_rule_and_nothing_else() -> None:
    """A new rule has to say what it compares with its limits."""
    assert set(LOOKS_AT) == {rule_name(rule) for rule in make_test_rules()}
    known = {field.name for field in fields(RiskView)}
    assert all(set(names) <= known for names in LOOKS_AT.values())


def test_the_other_side_of_a_reason_is_one_of_the_same_rule() -> None:
    """The code of the bids and the code of the asks."""
    codes = {code for rule in make_test_rules() for code in type(rule).codes}  # type: ignore[attr-defined]  # each rule names its codes
    assert {*OF_ASKS, *OF_ASKS.values()} <= codes


def test_a_rule_that_cuts_a_size_tells_before_and_after_with_its_limit() -> None:
    """And what passes is told as well."""
    made = last(quoting(two_sided(bids=(Quote(MID - 20, 80),)), rules=make_test_rules(order_lots_max=50)))
    changed = [gate for gate in made.gates if gate.name == "shape.order_size"]
    assert [(gate.verdict, gate.code, gate.side, gate.level) for gate in changed] == [
        (Verdict.CHANGED, "order_size", BUY, 0)
    ]
    assert (changed[0].before, changed[0].after) == (Quote(MID - 20, 80), Quote(MID - 20, 50))
    assert dict(changed[0].facts) == {"price_ticks": "9980", "size_lots": "80", "lots_max": "50"}


def test_a_refusal_carries_what_it_compared_and_the_limit() -> None:
    """The facts of the refusal and those of the rule, each once."""
    made = last(CASES["message rate"].make())
    (gate,) = [gate for gate in made.gates if gate.code == "message_rate"]
    assert dict(gate.facts)["placed_minute"] == "1"
    assert dict(gate.facts)["quotes_max"] == "1"


def test_a_budget_that_is_spent_says_how_much_of_what() -> None:
    """Orders and weight, used and allowed."""
    made = last(CASES["budget"].make())
    (gate,) = [gate for gate in made.gates if gate.code == "budget"]
    assert dict(gate.facts) | {"weight_minute": "", "weight_max": ""} == {
        "orders_10s": "1",
        "orders_max": "1",
        "weight_minute": "",
        "weight_max": "",
        "held_for_ns": "0",
        "banned_for_ns": "0",
    }


def test_a_rule_that_gives_equal_quotes_back_changed_nothing() -> None:
    """Another object is no change."""
    made = last(quoting(rules=(Copy(),)))
    (gate,) = [gate for gate in made.gates if gate.name.startswith("shape.")]
    assert (gate.name, gate.verdict) == ("shape.test_gates", Verdict.PASSED)
