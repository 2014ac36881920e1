"""The limits are checked against their bounds and each other; the rules come in their documented order."""

import dataclasses
import re

import pytest

from mm.errors import ConfigError
from mm.risk.base import AlarmAction
from mm.risk.rules import RiskLimits
from tests.builders.risk_rules import make_limits, make_test_rules


def test_the_rules_come_in_their_documented_order() -> None:
    """Order is meaning for shaping, so it is written down a second time here."""
    assert [type(rule).__name__ for rule in make_test_rules()] == [
        "BookHealth",
        "PriceCollar",
        "SelfTrade",
        "OrderSize",
        "OrderValue",
        "InventoryBand",
        "Exposure",
        "Funds",
        "OpenOrders",
        "MessageRate",
        "Slippage",
        "FillBurst",
        "StopLoss",
    ]


@pytest.mark.parametrize(
    ("name", "lowest", "highest"),
    [
        ("stale_ns_max", 1, None),
        ("crossed_ns_max", 1, None),
        ("collar_ppm", 1_500, 999_999),
        ("order_lots_max", 1, None),
        ("order_atoms_max", 1, None),
        ("exposure_atoms_max", 1, None),
        ("open_orders_max", 1, None),
        ("placements_minute_max", 1, None),
        ("exit_reserve", 0, None),
        ("session_loss_atoms", 1, None),
        ("account_loss_atoms", 1, None),
        ("open_loss_atoms", 1, None),
        ("drawdown_ppm_max", 1, 1_000_000),
        ("slippage_ppm_max", 0, 50_000),
        ("inventory_soft_ppm", 1, 1_000_000),
        ("fills_minute_max", 0, None),
        ("filled_atoms_minute_max", 0, None),
    ],
)
def test_every_limit_has_bounds_and_may_not_contradict_another(
    name: str, lowest: int, highest: int | None
) -> None:
    """The outermost values are accepted, one beyond is refused with what was found and expected."""
    make_limits(**{name: lowest})
    with pytest.raises(ConfigError, match=r"was -?\d+, expected at least \d+"):
        make_limits(**{name: lowest - 1})
    if highest is None:
        make_limits(**{name: 10**30})
    else:
        make_limits(**{name: highest})
        with pytest.raises(ConfigError, match=rf"{name} was {highest + 1}, .* and at most {highest}"):
            make_limits(**{name: highest + 1})


def test_a_collar_may_be_as_narrow_as_the_slippage_allows() -> None:
    """With exits at the reference itself the collar has its own bound alone."""
    assert make_limits(collar_ppm=1, slippage_ppm_max=0).collar_ppm == 1
    with pytest.raises(ConfigError, match="collar_ppm was 0, expected at least 1"):
        make_limits(collar_ppm=0, slippage_ppm_max=0)


def test_what_is_not_said_has_a_documented_default() -> None:
    """A crossed book is borne for 200 ms, quoting is one-sided from 80 % on, a breach halts."""
    limits = make_limits()

    assert (limits.crossed_ns_max, limits.inventory_soft_ppm, limits.exit_reserve) == (
        200_000_000,
        800_000,
        4,
    )
    assert limits.on_breach is AlarmAction.HALT


@pytest.mark.parametrize("action", [AlarmAction.HALT, AlarmAction.FLATTEN])
def test_a_stop_loss_may_halt_or_flatten(action: AlarmAction) -> None:
    """Both actions that end trading are accepted."""
    assert make_limits(on_breach=action).on_breach is action


@pytest.mark.parametrize("action", [AlarmAction.PAUSE, AlarmAction.REDUCE])
def test_a_stop_loss_may_not_go_on(action: AlarmAction) -> None:
    """A loss that only pauses would go on when trading resumes."""
    with pytest.raises(ConfigError, match=f"on_breach was {action.value}, expected halt or flatten"):
        make_limits(on_breach=action)


def test_every_limit_is_documented() -> None:
    """Each field is named in the docstring with its unit in the name."""
    text = RiskLimits.__doc__ or ""

    for field in dataclasses.fields(RiskLimits):
        assert re.search(rf"\b{field.name}\b", text), field.name
