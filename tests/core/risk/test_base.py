"""A rule that overrides nothing stops nothing."""

import dataclasses

from mm.domain.book import BookStatus
from mm.risk.base import AlarmAction, RiskView, Rule
from tests.builders.instruments import INSTRUMENT
from tests.builders.risk_rules import make_test_rules
from tests.builders.risk_views import make_exit, make_place, make_quotes, make_risk_view


def test_a_bare_rule_changes_refuses_and_raises_nothing() -> None:
    """The defaults are those of a rule that has no opinion."""
    rule, quotes, view = Rule(), make_quotes(), make_risk_view()

    assert rule.shape(quotes, view) is quotes
    assert rule.admit(make_place(), view) is None
    assert rule.watch(view) is None


def test_actions_are_listed_from_mild_to_grave() -> None:
    """Later ones contain earlier ones: whoever compares alarms relies on the order."""
    assert [action.value for action in AlarmAction] == ["pause", "reduce", "halt", "flatten"]
    assert [action.gravity for action in AlarmAction] == [0, 1, 2, 3]


def test_a_view_of_nothing_lets_nothing_pass() -> None:
    """Before anything is known there is no book and no money: every placement is refused, nothing alarms."""
    view = RiskView.empty("main", INSTRUMENT)
    rules = make_test_rules()

    assert (view.session, view.instrument, view.book_status) == ("main", INSTRUMENT, BookStatus.EMPTY)
    assert any(rule.admit(make_place(), view) for rule in rules)
    assert any(rule.admit(make_exit(), view) for rule in rules)
    assert not any(rule.watch(view) for rule in rules)
    assert dataclasses.replace(view) == view
