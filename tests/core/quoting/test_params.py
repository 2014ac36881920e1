"""The parameters that model strategies share: defaults, and contradictions that are refused by name."""

from dataclasses import dataclass
from decimal import Decimal

import pytest
from pydantic import TypeAdapter, ValidationError

from mm.quoting.params import QuotingParams, Rounding, Spacing

Value = Decimal | int | float | bool | str | None


def some_params(**changes: Value) -> QuotingParams:
    """Parameters through the door that the config uses."""
    return TypeAdapter(QuotingParams).validate_python({"order_amount_base": Decimal("0.01")} | changes)


def test_nothing_but_the_size_has_to_be_given() -> None:
    """One level, nearest tick, no bounds, no tolerance of its own."""
    params = some_params()

    assert (params.order_levels, params.rounding) == (1, Rounding.NEAREST)
    assert (params.order_level_distances, params.order_level_amounts) == (Spacing.LINEAR, Spacing.LINEAR)
    assert params.order_refresh_tolerance_bps is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"min_spread_bps": Decimal(9), "max_spread_bps": Decimal(8)},
            "min_spread_bps was 9, expected at most max_spread_bps, 8",
        ),
        (
            {"order_refresh_time_ms": 9_000, "max_order_age_ms": 8_000},
            "order_refresh_time_ms was 9000, expected at most max_order_age_ms, 8000",
        ),
        ({"adverse_selection_measured": True}, "adverse_selection_bps is missing: before own fills"),
        (
            {"price_ceiling_quote": Decimal(5), "price_floor_quote": Decimal(5)},
            "price_floor_quote was 5, expected less than price_ceiling_quote, 5",
        ),
    ],
)
def test_parameters_that_contradict_each_other_are_refused(changes: dict[str, Value], message: str) -> None:
    """The message names both and opens with the key to change."""
    with pytest.raises(ValidationError, match=message):
        some_params(**changes)


def test_what_does_not_contradict_is_taken() -> None:
    """A floor below the ceiling, a measurement with a number to start from."""
    params = some_params(
        price_ceiling_quote=Decimal(6),
        price_floor_quote=Decimal(5),
        adverse_selection_measured=True,
        adverse_selection_bps=Decimal("0.5"),
    )

    assert params.adverse_selection_bps == Decimal("0.5")


@pytest.mark.parametrize("key", ["order_level_spread_ratio", "order_level_amount_ratio"])
def test_a_ratio_that_is_no_number_is_refused(key: str) -> None:
    """Not a number is not above 1."""
    with pytest.raises(ValidationError, match=key):
        some_params(**{key: float("nan")})


def test_a_strategys_parameters_inherit_them() -> None:
    """A frozen dataclass that adds a field knows all of them, and refuses what it does not know."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Params(QuotingParams):
        own: int = 3

    found = TypeAdapter(Params).validate_python({"order_amount_base": Decimal(1), "own": 4})

    assert (found.own, found.order_levels) == (4, 1)
    with pytest.raises(ValidationError, match="no_such_key"):
        TypeAdapter(Params).validate_python({"order_amount_base": Decimal(1), "no_such_key": 4})


def test_the_sizes_of_all_levels_are_stated_for_whoever_looks_at_what_is_at_stake() -> None:
    """The same on both sides, before they are rounded to the lot."""
    doubled = QuotingParams(
        order_amount_base=Decimal("0.01"), order_levels=3, order_level_amounts=Spacing.GEOMETRIC
    )

    assert doubled.sizes_base == ((Decimal("0.01"), Decimal("0.02"), Decimal("0.04")),) * 2
