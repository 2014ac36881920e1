"""No more placements per minute than allowed."""

from mm.risk.message_rate import MESSAGE_RATE, MessageRate
from tests.builders.risk_views import make_exit, make_place, make_risk_view

RULE = MessageRate(minute_max=10, exit_reserve=3)


def test_quotes_may_use_the_rate_less_the_reserve() -> None:
    """The seventh placement of the minute passes, the eighth is refused."""
    facts = (("placed_minute", "7"), ("minute_max", "7"))

    assert RULE.admit(make_place(), make_risk_view(placed_minute=6)) is None
    assert RULE.admit(make_place(), make_risk_view(placed_minute=7)) == (MESSAGE_RATE, facts)


def test_exits_may_use_the_reserve_and_no_more() -> None:
    """The tenth placement of the minute passes if it reduces, the eleventh is refused."""
    facts = (("placed_minute", "10"), ("minute_max", "10"))

    assert RULE.admit(make_exit(), make_risk_view(placed_minute=9)) is None
    assert RULE.admit(make_exit(), make_risk_view(placed_minute=10)) == (MESSAGE_RATE, facts)


def test_a_rate_smaller_than_the_reserve_still_lets_one_quote_pass() -> None:
    """A tiny rate slows quoting down; it does not silence it."""
    rule = MessageRate(minute_max=2, exit_reserve=4)

    assert rule.admit(make_place(), make_risk_view(placed_minute=0)) is None
    assert rule.admit(make_place(), make_risk_view(placed_minute=1)) is not None
    assert rule.admit(make_exit(), make_risk_view(placed_minute=1)) is None
