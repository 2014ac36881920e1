"""Ladders: each spacing by hand, both skews, and any parameters in any market."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from mm.errors import ConfigError
from mm.quoting.params import Spacing
from mm.strategies.ladder import Ladder
from tests.builders.model_quotes import (
    INSTRUMENT,
    bps,
    check,
    guard_fields,
    offsets,
    opposed,
    seen,
    sizes,
    told,
)
from tests.builders.views import views

DOOR = TypeAdapter(Ladder.Params)


def made(**changes: Any) -> Ladder:
    """Return a ladder of four levels of 100 lots that begins 10 ticks from the mid."""
    fields = {"order_amount_base": "0.01", "spread_bps": "2", "order_levels": 4}
    return Ladder(DOOR.validate_python(fields | changes), INSTRUMENT)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"order_level_spread_bps": "3"}, [10, 40, 70, 100]),
        ({"last_spread_bps": "14"}, [10, 30, 50, 70]),
        ({"last_spread_bps": "3"}, [10, 12, 13, 15]),
        ({}, [10, 20, 30, 40]),
        ({"order_level_distances": "geometric", "order_level_spread_bps": "1"}, [10, 20, 40, 80]),
        (
            {
                "order_level_distances": "geometric",
                "order_level_spread_bps": "1",
                "order_level_spread_ratio": 3.0,
            },
            [10, 20, 50, 140],
        ),
        ({"order_level_distances": "fibonacci", "order_level_spread_bps": "1"}, [10, 20, 30, 50]),
        ({"order_level_distances": "logarithmic", "order_level_spread_bps": "10"}, [10, 110, 181, 236]),
    ],
)
def test_distances_grow_as_they_are_told_to(changes: dict[str, Any], expected: list[int]) -> None:
    """On both sides alike, to the nearest tick."""
    assert offsets(made(**changes).quotes(seen())) == (expected, expected)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [100, 100, 100, 100]),
        ({"order_level_amount_base": "0.002"}, [100, 120, 140, 160]),
        ({"last_amount_base": "0.04"}, [100, 200, 300, 400]),
        ({"last_amount_base": "0.02"}, [100, 133, 166, 200]),
        ({"last_amount_base": "0.0001"}, [100, 67, 34, 1]),
        ({"order_level_amounts": "geometric"}, [100, 200, 400, 800]),
        ({"order_level_amounts": "geometric", "order_level_amount_ratio": 1.5}, [100, 150, 225, 337]),
        ({"order_level_amounts": "fibonacci"}, [100, 200, 300, 500]),
        ({"order_level_amounts": "logarithmic"}, [100, 158, 200, 232]),
    ],
)
def test_sizes_grow_as_they_are_told_to(changes: dict[str, Any], expected: list[int]) -> None:
    """The last one of equal steps is the one that was asked for, to the lot."""
    strategy = made(**changes)

    quotes = strategy.quotes(seen(inventory_max_lots=10_000))

    assert sizes(quotes) == (expected, expected)
    stated = [int(size * 10_000) for size in strategy.params.sizes_base[0]]
    assert stated == expected


@pytest.mark.parametrize(
    ("inventory", "bids", "asks"),
    [
        (0, [100, 100], [100, 100]),
        (100, [50, 50], [150, 150]),
        (-50, [125, 125], [75, 75]),
        (200, [], [200, 200]),
        (-900, [200, 200], []),
    ],
)
def test_sizes_lean_against_the_inventory(inventory: int, bids: list[int], asks: list[int]) -> None:
    """From 2 to 0 and from 0 to 2 through a range of one ladder, 200 lots."""
    quotes = made(order_levels=2, inventory_skew_enabled=True).quotes(seen(inventory))

    assert sizes(quotes) == (bids, asks)


def test_the_range_is_in_total_order_sizes_and_at_most_the_limit() -> None:
    """Twice the ladder is 400 lots; a limit of 50 lots is the range if that is less."""
    wide = made(order_levels=2, inventory_skew_enabled=True, inventory_range_multiplier="2")

    assert sizes(wide.quotes(seen(100))) == ([75, 75], [125, 125])
    assert sizes(wide.quotes(seen(25, inventory_max_lots=50))) == ([25], [75])


def test_prices_lean_against_the_inventory() -> None:
    """By 4 bps at the limit of 1000 lots: 20 ticks at half of it, all levels alike."""
    quotes = made(order_levels=2, inventory_skew_bps="4").quotes(seen(500))

    # The asks would be through the mid: they stop before the best bid.
    assert offsets(quotes) == ([30.0, 40.0], [0.0, 1.0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"last_spread_bps": "2"}, "last_spread_bps was 2, expected more than spread_bps, 2"),
        ({"last_spread_bps": "9", "order_levels": 1}, "last_spread_bps was 9 with one level"),
        (
            {"last_spread_bps": "9", "order_level_distances": "geometric"},
            "last_spread_bps was 9 with geometric levels",
        ),
        (
            {"last_spread_bps": "9", "order_level_spread_bps": "1"},
            "last_spread_bps and order_level_spread_bps are both set",
        ),
        ({"last_amount_base": "1", "order_levels": 1}, "last_amount_base was 1 with one level"),
        (
            {"last_amount_base": "1", "order_level_amounts": "fibonacci"},
            "last_amount_base was 1 with fibonacci levels",
        ),
        (
            {"last_amount_base": "1", "order_level_amount_base": "0.1"},
            "last_amount_base and order_level_amount_base are both set",
        ),
    ],
)
def test_parameters_that_contradict_each_other_are_refused(changes: dict[str, Any], message: str) -> None:
    """By name, before anything is quoted."""
    with pytest.raises(ValidationError, match=message):
        made(**changes)


def test_a_last_size_outside_of_the_venues_bounds_is_refused() -> None:
    """As each level's is."""
    with pytest.raises(ConfigError, match="order_amount_base of level 3 was"):
        made(last_amount_base=Decimal("0.00001"))


@given(st.data())
def test_any_parameters_and_any_market_give_a_ladder_or_a_reason(data: st.DataObject) -> None:
    """And with everything mirrored the mirrored one."""
    fields = data.draw(guard_fields()) | {
        "spread_bps": data.draw(bps),
        "inventory_skew_bps": data.draw(bps),
        "inventory_skew_enabled": data.draw(st.booleans()),
        "inventory_range_multiplier": data.draw(st.sampled_from(("0.01", "1", "1000"))),
    }
    fields["inventory_range_multiplier"] = Decimal(fields["inventory_range_multiplier"])
    if data.draw(st.booleans()) and fields["order_levels"] > 1:
        fields |= {
            "order_level_distances": Spacing.LINEAR,
            "order_level_amounts": Spacing.LINEAR,
            "order_level_spread_bps": None,
            "last_spread_bps": fields["spread_bps"] + data.draw(bps),
            "last_amount_base": Decimal(data.draw(st.integers(1, 500))) / 10_000,
        }
    try:
        strategy = Ladder(Ladder.Params(**fields), INSTRUMENT)
    except ConfigError:
        return
    view = told(strategy, data.draw(views(INSTRUMENT)), data)

    check(strategy, view, strategy, opposed(view))
