"""A list, a table, a text or a number in place of one another: one problem each, with a hint that fits."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from mm.settings.params import validated_params
from mm.settings.problems import Problem
from tests.builders.any_params import NAMES, example_values, strategy_class
from tests.builders.configs import SMALL, refused
from tests.builders.effects import hints_of, keys_of

PATH = ("pair", "btc", "params")
SHAPES: tuple[object, ...] = (
    *([1], [[1]], ["1"], ["x"], [True], [{"a": 1}], [[["2"]]], [1, "2"], []),
    *({"a": 1}, {"a": [1]}, {"a": "x"}, {}, "text", "1, 2", 3, Decimal("0.5"), True),
)
"""What people write where something else belongs."""


def problems(name: str) -> Iterator[tuple[str, object, list[Problem]]]:
    """Every parameter of a strategy with every shape, and what is wrong with it."""
    params = strategy_class(name).Params
    for key in keys_of(name):
        for shape in SHAPES:
            yield key, shape, validated_params(params, example_values(params) | {key: shape}, PATH)[1]


@pytest.mark.parametrize("name", NAMES)
def test_a_value_of_another_shape_is_one_problem(name: str) -> None:
    """At the value itself or at its key, and never a second one that follows from the first."""
    for key, shape, found in problems(name):
        assert len(found) <= 1, (key, shape, found)
        for problem in found:
            assert problem.path[:4] == (*PATH, key) or key in problem.message or problem.path == PATH


@pytest.mark.parametrize("name", NAMES)
def test_its_hint_is_about_what_was_expected(name: str) -> None:
    """No headers of tables for a number or a list, no single value where tables belong."""
    for key, shape, found in problems(name):
        for problem in found:
            takes_tables = "mm.quoting" in str(hints_of(name)[key]) and "dict" in str(hints_of(name)[key])
            assert ("headers" not in problem.hint) or takes_tables, (key, shape, problem)
            if "expected a list" in problem.message:
                assert problem.hint.startswith(f"write {key} = ["), (key, shape, problem)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "bid_order_level_spreads_bps = [[1]]",
            "mm.toml:11: pair.btc.params.bid_order_level_spreads_bps.0: was a list, expected a number\n"
            "hint: bid_order_level_spreads_bps is one list of single values, without lists in it",
        ),
        (
            'bid_order_level_spreads_bps = [1, "2bps"]',
            'mm.toml:11: pair.btc.params.bid_order_level_spreads_bps.1: was "2bps", expected a number\n'
            "hint: write 2 (the unit is in the key's name)",
        ),
        (
            "bid_order_level_spreads_bps = 5",
            "mm.toml:11: pair.btc.params.bid_order_level_spreads_bps: was 5, expected a list\n"
            "hint: write bid_order_level_spreads_bps = [5]",
        ),
        (
            'bid_order_level_spreads_bps = "5, 10"',
            'mm.toml:11: pair.btc.params.bid_order_level_spreads_bps: was "5, 10", expected a list\n'
            "hint: write bid_order_level_spreads_bps = [5, 10]",
        ),
        (
            "bid_order_level_spreads_bps = []",
            "mm.toml:11: pair.btc.params.bid_order_level_spreads_bps: was a list,"
            " expected at least one entry",
        ),
        (
            f"bid_order_level_spreads_bps = {list(range(1, 60))}",
            "mm.toml:11: pair.btc.params.bid_order_level_spreads_bps: was a list,"
            " expected at most 50 entries",
        ),
        (
            "order_levels = [3]",
            "mm.toml:11: pair.btc.params.order_levels: was a list, expected a whole number\n"
            "hint: write a single value, without brackets",
        ),
        (
            "order_levels = { a = 3 }",
            "mm.toml:11: pair.btc.params.order_levels: was a table, expected a whole number\n"
            "hint: write a single value: order_levels = ...",
        ),
        (
            "order_levels = nan",
            "mm.toml:11: pair.btc.params.order_levels: was nan, expected a finite number",
        ),
        (
            "max_order_age_ms = -inf",
            "mm.toml:11: pair.btc.params.max_order_age_ms: was -inf, expected a finite number",
        ),
        (
            "[[pair.btc.params.order_override]]\nspread_bps = 3",
            "mm.toml:11: pair.btc.params.order_override: was a list, expected a table\n"
            "hint: write [pair.btc.params.order_override.NAME] headers, one per entry",
        ),
        (
            "[[pair.btc.risk]]\nmax_open_orders = 3",
            "mm.toml:11: pair.btc.risk: was a list, expected a table\n"
            "hint: write [pair.btc.risk] once, in single brackets",
        ),
    ],
)
def test_the_hint_says_how_it_is_written(tmp_path: Path, line: str, told: str) -> None:
    """With the key's own name, and with the value where that is known."""
    text = SMALL.replace("order_refresh_time_ms = 2_000\n", f"order_refresh_time_ms = 2_000\n{line}\n")

    assert refused(tmp_path, text) == told
