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
