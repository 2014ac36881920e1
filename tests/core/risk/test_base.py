"""A rule that overrides nothing stops nothing."""

from mm.risk.base import AlarmAction, Rule
from tests.builders.risk_views import make_place, make_quotes, make_risk_view


def test_a_bare_rule_changes_refuses_and_raises_nothing() -> None:
    """The defaults are those of a rule that has no opinion."""
    rule, quotes, view = Rule(), make_quotes(), make_risk_view()

    assert rule.shape(quotes, view) is quotes
    assert rule.admit(make_place(), view) is None
    assert rule.watch(view) is None


def test_actions_are_listed_from_mild_to_grave() -> None:
    """Later ones contain earlier ones: whoever compares alarms relies on the order."""
    assert [action.value for action in AlarmAction] == ["pause", "reduce", "halt", "flatten"]
