"""A burst of fills pulls all quotes and stops trading until a person has looked."""

import pytest

from mm.risk.base import AlarmAction
from mm.risk.fill_burst import COUNT, VALUE, FillBurst
from tests.builders.risk_views import make_exit, make_place, make_risk_view

RULE = FillBurst(fills_max=10, filled_atoms_max=500)

BURSTS = [
    ({"fills_minute": 11}, COUNT),
    ({"filled_minute_atoms": 501}, VALUE),
    ({"filled_minute_atoms": -501}, VALUE),
    ({"fills_minute": 11, "filled_minute_atoms": 501}, COUNT),
]
ALLOWED = [{"fills_minute": 10}, {"filled_minute_atoms": 500}, {"filled_minute_atoms": -500}]


@pytest.mark.parametrize(("changes", "code"), BURSTS)
def test_what_exceeds_a_limit_halts(changes: dict[str, object], code: str) -> None:
    """Each limit has its code, the count comes first; bought and sold are alike; the facts say how much."""
    view = make_risk_view(**changes)

    alarm = RULE.watch(view)

    assert alarm is not None
    assert (alarm.action, alarm.code) == (AlarmAction.HALT, code)
    assert dict(alarm.facts) == {
        "fills_minute": str(view.fills_minute),
        "filled_minute_atoms": str(view.filled_minute_atoms),
    }


@pytest.mark.parametrize("changes", ALLOWED)
def test_what_reaches_a_limit_is_allowed(changes: dict[str, object]) -> None:
    """So many fills, and so much value, may be; one more may not."""
    assert RULE.watch(make_risk_view(**changes)) is None
    assert RULE.admit(make_place(), make_risk_view(**changes)) is None


@pytest.mark.parametrize(("changes", "code"), BURSTS)
def test_while_it_lasts_only_what_reduces_is_placed(changes: dict[str, object], code: str) -> None:
    """The gate does not wait for the alarm to be carried out."""
    view = make_risk_view(**changes)

    refusal = RULE.admit(make_place(), view)

    assert refusal is not None
    assert refusal.code == code
    assert RULE.admit(make_exit(), view) is None


@pytest.mark.parametrize("changes", [{"fills_minute": 10**9}, {"filled_minute_atoms": -(10**18)}])
def test_a_limit_of_0_is_none(changes: dict[str, object]) -> None:
    """Each of the two may be off."""
    rule = FillBurst(fills_max=0, filled_atoms_max=0)

    assert rule.watch(make_risk_view(**changes)) is None
    assert rule.admit(make_place(), make_risk_view(**changes)) is None
