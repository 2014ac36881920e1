"""Trading ends when it has lost too much."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mm.domain.units import PPM
from mm.risk.base import AlarmAction
from mm.risk.stop_loss import ACCOUNT, DRAWDOWN, OPEN, SESSION, StopLoss
from tests.builders.risk_views import make_exit, make_place, make_risk_view

RULE = StopLoss(
    session_atoms_max=100,
    account_atoms_max=200,
    open_atoms_max=50,
    drawdown_ppm_max=30_000,
    on_breach=AlarmAction.FLATTEN,
)

BREACHES = [
    ({"session_pnl_atoms": -100}, SESSION),
    ({"account_pnl_atoms": -200}, ACCOUNT),
    ({"open_pnl_atoms": -50}, OPEN),
    ({"session_peak_atoms": 70, "session_pnl_atoms": 40, "equity_start_atoms": 1_000}, DRAWDOWN),
]
NEARLY = [
    {"session_pnl_atoms": -99},
    {"account_pnl_atoms": -199},
    {"open_pnl_atoms": -49},
    {"session_peak_atoms": 70, "session_pnl_atoms": 41, "equity_start_atoms": 1_000},
]


@pytest.mark.parametrize(("changes", "code"), BREACHES)
def test_a_loss_that_reaches_its_limit_raises_the_alarm(changes: dict[str, object], code: str) -> None:
    """Each of the four limits has its code; the action is the configured one; the facts say how much."""
    view = make_risk_view(**changes)

    alarm = RULE.watch(view)

    assert alarm is not None
    assert (alarm.action, alarm.code) == (AlarmAction.FLATTEN, code)
    assert dict(alarm.facts) == {
        name: str(getattr(view, name))
        for name in (
            "session_pnl_atoms",
            "session_peak_atoms",
            "open_pnl_atoms",
            "account_pnl_atoms",
            "equity_start_atoms",
        )
    }


@pytest.mark.parametrize("changes", NEARLY)
def test_one_atom_less_is_no_breach(changes: dict[str, object]) -> None:
    """Just before its limit a loss neither raises an alarm nor refuses anything."""
    assert RULE.watch(make_risk_view(**changes)) is None
    assert RULE.admit(make_place(), make_risk_view(**changes)) is None


@pytest.mark.parametrize(("changes", "code"), BREACHES)
def test_while_it_lasts_only_what_reduces_is_placed(changes: dict[str, object], code: str) -> None:
    """The gate does not wait for the alarm to be carried out."""
    view = make_risk_view(**changes)

    refusal = RULE.admit(make_place(), view)

    assert refusal is not None
    assert refusal.code == code
    assert RULE.admit(make_exit(), view) is None


def test_without_a_known_equity_the_drawdown_is_not_judged() -> None:
    """A share of nothing is no measure; the absolute limits stay in force."""
    view = make_risk_view(session_peak_atoms=10**9, equity_start_atoms=0)

    assert RULE.watch(view) is None


@given(
    start=st.one_of(st.integers(1, 10**7), st.integers(1, 2**63 - 1)),
    limit_ppm=st.integers(1, PPM),
    pnl=st.integers(-(2**62), 2**62),
    off=st.integers(-2, 2),
)
@example(start=PPM + 1, limit_ppm=1, pnl=0, off=0)
def test_the_drawdown_is_the_share_of_the_equity_to_the_atom(
    start: int, limit_ppm: int, pnl: int, off: int
) -> None:
    """It is reached where fall / equity >= limit, and not an atom before or after."""
    fall = max(0, start * limit_ppm // PPM + off)
    rule = StopLoss(
        session_atoms_max=2**64,
        account_atoms_max=2**64,
        open_atoms_max=2**64,
        drawdown_ppm_max=limit_ppm,
        on_breach=AlarmAction.HALT,
    )

    alarm = rule.watch(
        make_risk_view(session_peak_atoms=pnl + fall, session_pnl_atoms=pnl, equity_start_atoms=start)
    )

    assert (alarm is not None) == (fall * PPM >= start * limit_ppm)


def test_the_action_is_the_configured_one() -> None:
    """HALT where HALT was asked for."""
    rule = StopLoss(
        session_atoms_max=1,
        account_atoms_max=1,
        open_atoms_max=1,
        drawdown_ppm_max=1,
        on_breach=AlarmAction.HALT,
    )

    alarm = rule.watch(make_risk_view(session_pnl_atoms=-1))

    assert alarm is not None
    assert alarm.action is AlarmAction.HALT
