"""What does nothing is told, and what is told to do nothing does nothing."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from mm.settings.no_effect import TABLE, Row, without_effect
from mm.settings.strategies import builtin_strategies
from mm.strategies.base import described
from tests.builders.any_params import strategy_class
from tests.builders.effects import (
    LOOKS,
    STEPS_NS,
    differ,
    drawn_values,
    example,
    keys_of,
    made,
    params_in,
    small,
)

SLOW = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)
ROWS = [(name, row) for name, rows in TABLE.items() for row in rows]
IDS = [f"{name}-{row.keys[0]}" for name, row in ROWS]

SEARCH = settings(
    max_examples=5_000, suppress_health_check=SLOW, database=None, deadline=None, phases=(Phase.generate,)
)

THREE = ["CCC/BBB", "DDD/BBB", "EEE/BBB"]

PATH = {"path_ms": [0, 43_200_000], "path_base": [0, Decimal("0.05")], "inventory_skew_bps": 50}
TWAP = {
    "twap_start_ms": 1_700_000_000_000,
    "twap_end_ms": 1_900_000_000_000,
    "twap_from_base": 0,
    "twap_to_base": Decimal("0.05"),
    "inventory_skew_bps": 50,
}

BESIDE: dict[str, dict[str, Any]] = {
    "adverse_selection_measured": {"adverse_selection_bps": 3},
    "adverse_selection_horizon_ms": {"adverse_selection_bps": 3, "adverse_selection_measured": True},
    "basket volatility_bps_per_sqrt_s": {
        "volatility_bps_per_sqrt_s": 5.0,
        "other_volatilities_bps_per_sqrt_s": [5.0],
    },
    "other_volatilities_bps_per_sqrt_s": {
        "volatility_bps_per_sqrt_s": 5.0,
        "other_volatilities_bps_per_sqrt_s": [5.0],
    },
    **{
        f"{name} {key}": {switch: value, end: 60_000}
        for name, switch, value in (
            ("avellaneda_stoikov", "horizon", "session"),
            ("glft", "method", "finite"),
        )
        for key, end in (
            ("session_length_ms", "session_length_ms"),
            ("session_close_ms", "session_close_ms"),
            ("session_end", "session_length_ms"),
        )
    },
    "pure_market_making order_levels": {"order_level_spread_bps": 3},
    "pure_market_making order_level_spread_bps": {"order_levels": 3, "order_level_spread_bps": 3},
    "bid_order_optimization_depth_base": {"order_optimization_enabled": True},
    "ask_order_optimization_depth_base": {"order_optimization_enabled": True},
    "inventory_price_quote": {"price_type": "inventory_cost", "inventory_price_quote": 1_000_000},
    "path_ms": PATH,
    "path_base": PATH,
    **{key: TWAP for key in TWAP if key.startswith("twap")},
    "vote": {"sources": THREE},
    "min_sources": {"sources": THREE},
    "below_quorum": {"sources": THREE, "min_sources": 3},
    "beta": {"basis_window_ms": 6_000},
    "last_spread_bps": {"order_levels": 3},
    "last_amount_base": {"order_levels": 3},
    "cartea_jaimungal session_end": {"session_length_ms": 60_000},
    "terminal_penalty_bps": {"session_length_ms": 60_000},
}
"""What has to stand beside a parameter so that it can do something, where chance would take too long."""

OPTIONAL = [(name, key) for name in TABLE for key in keys_of(name) if key not in example(name)]


def switches(row: Row) -> list[str]:
    """The keys that a row looks at."""
    return list(dict.fromkeys(key for condition in row.unless for key in condition.keys))


def idle(name: str, params: object) -> dict[str, str]:
    """Keys without effect, with the reason."""
    return dict(without_effect(name, params))


def test_every_strategy_has_its_rows() -> None:
    """A new one has to say what depends on what; rows name keys that exist and that may be left out."""
    assert sorted(TABLE) == sorted(builtin_strategies())
    for name, row in ROWS:
        known = described(strategy_class(name).Params)
        for key in (*row.keys, *switches(row)):
            assert key in known, f"{name}: {key}"
        assert not set(row.keys) & set(example(name))


@pytest.mark.parametrize("name", TABLE)
@settings(max_examples=12, suppress_health_check=SLOW, deadline=None)
@given(data=st.data())
def test_what_is_said_to_do_nothing_does_nothing(name: str, data: st.DataObject) -> None:
    """Neither quotes nor signals nor moments of decision change with it, in any market drawn."""
    check_row(name, data.draw(st.sampled_from(TABLE[name])), data)


@pytest.mark.proof
@pytest.mark.parametrize(("name", "row"), ROWS, ids=IDS)
@settings(max_examples=60, suppress_health_check=SLOW, deadline=None)
@given(data=st.data())
def test_what_is_said_to_do_nothing_never_does_anything(name: str, row: Row, data: st.DataObject) -> None:
    """The same, many more times."""
    check_row(name, row, data)


def check_row(name: str, row: Row, data: st.DataObject) -> None:
    """Change each idle key of a row in drawn parameters, and see nothing change."""
    values = drawn_values(name, switches(row), data.draw)
    strategy = made(name, values)
    assert strategy is not None
    for key in row.keys:
        if key not in idle(name, params_in(strategy)):
            continue
        other = made(name, values | {key: data.draw(small(name, key))})
        if other is not None:
            assert differ(strategy, other, data.draw) == "", key


@pytest.mark.proof
@pytest.mark.parametrize(("name", "row"), ROWS, ids=IDS)
def test_every_row_can_hold(name: str, row: Row) -> None:
    """There are parameters for which it does, and its words say why."""

    @st.composite
    def held(draw: st.DrawFn) -> str:
        strategy = made(name, drawn_values(name, switches(row), draw))
        assert strategy is not None
        return idle(name, params_in(strategy)).get(row.keys[0], "")

    assert find(held(), bool, settings=SEARCH)


@pytest.mark.proof
@pytest.mark.parametrize(("name", "key"), OPTIONAL, ids=[f"{name}-{key}" for name, key in OPTIONAL])
def test_every_other_parameter_changes_something(name: str, key: str) -> None:
    """Where no row holds, there are parameters and a market in which it does: nothing is missing."""
    looked_at = [at for row in TABLE[name] if key in row.keys for at in switches(row)]
    beside = BESIDE.get(key, {}) | BESIDE.get(f"{name} {key}", {})

    @st.composite
    def told(draw: st.DrawFn) -> str:
        values = drawn_values(name, looked_at, draw, beside)
        one = made(name, values)
        other = made(name, values | {key: draw(small(name, key))})
        if one is None or other is None or key in idle(name, params_in(one)):
            return ""
        # Long enough for a basis: 20 looks within its window.
        steps_ns, looks = ((10**8,), 24) if key == "beta" else (STEPS_NS, LOOKS)
        return differ(one, other, draw, steps_ns=steps_ns, looks=looks)

    try:
        assert find(told(), bool, settings=SEARCH)
    except NoSuchExample:
        pytest.fail(f"{name}: {key} changed nothing")
