"""Hummingbot's files become configs of ours, and no key of theirs is dropped without a word."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm.errors import ConfigError
from mm.quoting.fixed_params import FixedParams, OrderOverride
from mm.settings import hummingbot_avellaneda, hummingbot_pure
from mm.settings.hummingbot_import import Imported, imported
from mm.settings.hummingbot_sheet import Kind
from mm.settings.hummingbot_yaml import read_conf
from mm.settings.loader import settings_of
from mm.settings.models import Settings

PURE: dict[str, Any] = {
    "strategy": "pure_market_making",
    "exchange": "binance_paper_trade",
    "market": "BTC-USDT",
    "bid_spread": "0.1",
    "ask_spread": "0.2",
    "order_amount": "0.01",
    "order_refresh_time": "30.0",
}
AVELLANEDA: dict[str, Any] = {
    "strategy": "avellaneda_market_making",
    "exchange": "binance",
    "market": "eth-usdt",
    "order_amount": "0.5",
    "order_refresh_time": "10",
}


def file_of(keys: dict[str, Any]) -> str:
    """A file with these keys, in this order, one per line."""
    return "".join(f"{key}: {value}\n" for key, value in keys.items())


def translated(keys: dict[str, Any]) -> tuple[Imported, Settings]:
    """What a file with these keys comes to."""
    found = imported(file_of(keys), "conf.yml", Path("out.toml"))
    return found, settings_of(found.text, "out.toml", environ={})


def pure(**changes: object) -> FixedParams:
    """The parameters of a file of pure market making with `changes`."""
    _, settled = translated(PURE | changes)
    (pair,) = settled.pair.values()
    assert isinstance(pair.params, FixedParams)
    return pair.params


def avellaneda(**changes: object) -> Any:
    """The parameters of a file of Avellaneda market making with `changes`."""
    _, settled = translated(AVELLANEDA | changes)
    return settled.pair["eth"].params


def told(kind: Kind, **changes: object) -> dict[str, str]:
    """What the rows of one kind say, by key of theirs."""
    found, _ = translated(PURE | changes)
    return {row.key: row.note for row in found.of(kind)}


def test_units_become_those_of_the_names() -> None:
    """Percent to basis points, seconds to milliseconds, BASE-QUOTE to BASE/QUOTE; what is off stays off."""
    found, settled = translated(PURE)
    params = settled.pair["btc"].params

    assert (settled.mode, settled.pair["btc"].symbol, settled.venue["main"].id) == (
        "paper",
        "BTC/USDT",
        "binance",
    )
    assert params == FixedParams(
        bid_spread_bps=Decimal(10),
        ask_spread_bps=Decimal(20),
        order_amount_base=Decimal("0.01"),
        order_refresh_time_ms=30_000,
        max_order_age_ms=1_800_000,
        filled_order_delay_ms=60_000,
        order_refresh_tolerance_bps=Decimal(0),
    )
    assert (found.strategy, found.symbol) == ("pure_market_making", "BTC/USDT")


@pytest.mark.parametrize(
    ("changes", "name", "value"),
    [
        ({"bid_spread": "0.00001"}, "bid_spread_bps", Decimal("0.01")),
        ({"bid_spread": "0.123456"}, "bid_spread_bps", Decimal("12.35")),
        ({"minimum_spread": "0.05"}, "minimum_spread_bps", Decimal(5)),
        ({"minimum_spread": "-100"}, "minimum_spread_bps", None),
        ({"minimum_spread": "-0.5"}, "minimum_spread_bps", None),
        ({"max_order_age": "-1"}, "max_order_age_ms", None),
        ({"max_order_age": "10"}, "max_order_age_ms", 30_000),
        ({"max_order_age": "1e9"}, "max_order_age_ms", 604_800_000),
        ({"filled_order_delay": "0"}, "filled_order_delay_ms", None),
        ({"filled_order_delay": "1.5"}, "filled_order_delay_ms", 1_500),
        ({"order_refresh_tolerance_pct": "0.02"}, "order_refresh_tolerance_bps", Decimal(2)),
        ({"order_refresh_tolerance_pct": "-1"}, "order_refresh_tolerance_bps", Decimal(0)),
        ({"order_levels": "3"}, "order_level_spread_bps", Decimal(100)),
        ({"order_levels": "3", "order_level_amount": "0.001"}, "order_level_amount_base", Decimal("0.001")),
        ({"ping_pong_enabled": "True"}, "ping_pong_enabled", True),
        ({"add_transaction_costs": "yes"}, "add_transaction_costs", True),
        (
            {"inventory_skew_enabled": "true", "inventory_range_multiplier": "2.5"},
            "inventory_range_multiplier",
            Decimal("2.5"),
        ),
        ({"hanging_orders_enabled": "true"}, "hanging_orders_cancel_bps", Decimal(1000)),
        (
            {"hanging_orders_enabled": "true", "hanging_orders_cancel_pct": "0.1"},
            "hanging_orders_cancel_bps",
            Decimal(21),
        ),
        (
            {"order_optimization_enabled": "true", "bid_order_optimization_depth": "3"},
            "bid_order_optimization_depth_base",
            Decimal(3),
        ),
        ({"price_ceiling": "70000"}, "price_ceiling_quote", Decimal(70000)),
        ({"price_floor": "-1"}, "price_floor_quote", None),
        ({"moving_price_band_enabled": "true", "price_floor_pct": "-2"}, "price_floor_bps", Decimal(-200)),
        (
            {"moving_price_band_enabled": "true", "price_band_refresh_time": "60"},
            "price_band_refresh_time_ms",
            60_000,
        ),
        ({"price_type": "best_bid"}, "price_type", "best_bid"),
        ({"price_type": "custom"}, "price_type", "mid_price"),
        (
            {"price_type": "inventory_cost", "inventory_price": "123.5"},
            "inventory_price_quote",
            Decimal("123.5"),
        ),
        (
            {
                "price_source": "external_market",
                "price_source_exchange": "binance",
                "price_source_market": "BTC-FDUSD",
            },
            "price_source_symbol",
            "BTC/FDUSD",
        ),
        (
            {
                "price_source": "external_market",
                "price_source_exchange": "kucoin",
                "price_source_market": "BTC-USDT",
            },
            "price_source_symbol",
            None,
        ),
        (
            {"price_source": "custom_api", "price_source_custom_api": "https://example.org/x"},
            "price_source_symbol",
            None,
        ),
    ],
)
def test_each_key_of_pure_market_making(changes: dict[str, str], name: str, value: object) -> None:
    """With its unit, or off."""
    assert getattr(pure(**changes), name) == value


def test_an_empty_override_beside_lists_is_known_and_empty() -> None:
    """Their template has it as null (one of review)."""
    lists = {
        "split_order_levels_enabled": "true",
        "bid_order_level_spreads": "1",
        "bid_order_level_amounts": "2",
        "ask_order_level_spreads": "1",
        "ask_order_level_amounts": "2",
    }
    found, _ = translated(PURE | lists | {"order_override": "null"})

    (row,) = [row for row in found.rows if row.key == "order_override"]
    assert row.note == "empty"


def test_lists_of_levels_are_cut_to_the_shorter_and_sorted() -> None:
    """As a text with commas or as a list; nearest first, as ours have to be."""
    params = pure(
        split_order_levels_enabled="true",
        bid_order_level_spreads="2,1,3",
        bid_order_level_amounts="20,10",
        ask_order_level_spreads="[0.5]",
        ask_order_level_amounts="7",
    )

    assert params.bid_order_level_spreads_bps == (Decimal(100), Decimal(200))
    assert params.bid_order_level_amounts_base == (Decimal(10), Decimal(20))
    assert params.ask_order_level_spreads_bps == (Decimal(50),)
    assert params.ask_order_level_amounts_base == (Decimal(7),)


def test_named_orders_keep_their_names() -> None:
    """`name: [side, percent, size]`."""
    params = pure(order_override="\n  first: [buy, 0.5, 100]\n  'the \"other\"': [sell, 1, 2.5]")

    assert params.order_override == {
        "first": OrderOverride(side="buy", spread_bps=Decimal(50), amount_base=Decimal(100)),
        'the "other"': OrderOverride(side="sell", spread_bps=Decimal(100), amount_base=Decimal("2.5")),
    }


def test_what_has_no_equal_is_told_with_the_reason() -> None:
    """In the rows and in the file."""
    changes = {
        "exchange": "kucoin",
        "take_if_crossed": "true",
        "should_wait_order_cancel_confirmation": "false",
        "minimum_spread": "-1",
        "order_refresh_tolerance_pct": "-1",
        "price_source": "custom_api",
        "price_type": "custom",
        "my_key": "1",
    }

    gaps, unknown = told(Kind.NO_EQUAL, **changes), told(Kind.UNKNOWN, **changes)
    found, _ = translated(PURE | changes)

    assert set(gaps) == set(changes) - {"my_key", "order_refresh_tolerance_pct"}
    assert list(unknown) == ["my_key"]
    assert all(f"# {key} = " in found.text for key in [*gaps, *unknown])
    assert "post-only" in gaps["take_if_crossed"]


def test_the_share_of_base_that_is_aimed_at_is_the_targets() -> None:
    """Percent of the value become a ratio; with the skew off there is none; beyond the whole is refused."""
    changes = {"inventory_skew_enabled": "true", "inventory_target_base_pct": "37.5"}
    found, settled = translated(PURE | changes)
    (pair,) = settled.pair.values()
    assert pair.inventory.target_base_ratio == Decimal("0.375")
    assert "target_base_ratio = 0.375" in found.text
    assert "inventory_target_base_pct = 37.5" in found.text
    assert told(Kind.TRANSLATED, **changes)["inventory_target_base_pct"].startswith("of what the account")
    _, settled = translated(PURE | {"inventory_skew_enabled": "true"})
    assert settled.pair["btc"].inventory.target_base_ratio == Decimal("0.5")
    _, settled = translated(PURE)
    assert settled.pair["btc"].inventory.target_base_ratio is None
    with pytest.raises(ConfigError, match="inventory_target_base_pct was 101, expected 0 to 100"):
        translated(PURE | changes | {"inventory_target_base_pct": "101"})


def test_limits_are_wide_enough_for_the_ladder_itself() -> None:
    """More orders than our default, and farther away than the default collar: neither is denied as such."""
    _, settled = translated(PURE | {"order_levels": "30", "order_level_spread": "0.5"})

    assert settled.risk.max_open_orders == 60
    assert settled.risk.price_collar_bps == 2_205
    _, settled = translated(PURE)
    assert (settled.risk.max_open_orders, settled.risk.price_collar_bps) == (40, Decimal(150))
    _, settled = translated(PURE | {"bid_spread": "4"})
    assert settled.risk.price_collar_bps == 600


@pytest.mark.parametrize(
    ("changes", "name", "value"),
    [
        ({}, "risk_factor", 0.01),
        ({}, "order_amount_base", Decimal("0.5")),
        ({}, "horizon", "frozen"),
        ({}, "volatility_half_life_ms", 69_314),
        ({"volatility_buffer_size": "1"}, "volatility_half_life_ms", 1_000),
        ({"min_spread": "0.1"}, "min_spread_bps", Decimal(10)),
        ({"min_spread": "0"}, "min_spread_bps", None),
        ({"order_amount_shape_factor": "0.5"}, "order_amount_shape_factor", 0.5),
        ({"order_refresh_tolerance_pct": "0.03"}, "order_refresh_tolerance_bps", Decimal(3)),
        ({"order_refresh_tolerance_pct": "-1"}, "order_refresh_tolerance_bps", Decimal(0)),
        ({"max_order_age": "0"}, "max_order_age_ms", None),
        ({"max_order_age": "5"}, "max_order_age_ms", 10_000),
        ({"order_levels_mode": "\n  order_levels: 3\n  level_distances: 40"}, "level_distances_ratio", 0.4),
        ({"order_levels_mode": "\n  order_levels: 3\n  level_distances: 0"}, "level_distances_ratio", None),
        ({"order_levels_mode": "\n  order_levels: 3"}, "order_levels", 3),
        ({"order_levels_mode": "single_order_level"}, "order_levels", 1),
        (
            {"execution_timeframe_mode": "\n  start_time: 08:00\n  end_time: 17:30"},
            "horizon",
            "frozen",
        ),
        ({"execution_timeframe_mode": "\n  start_datetime: x\n  end_datetime: y"}, "horizon", "frozen"),
    ],
)
def test_each_key_of_avellaneda(changes: dict[str, str], name: str, value: object) -> None:
    """Under the names of our model; what is not the same is not passed off as the same."""
    assert getattr(avellaneda(**changes), name) == value


def test_the_risk_factor_is_not_passed_off_as_the_same() -> None:
    """Theirs goes with sigma, ours with its square: the row and the file say so."""
    found, _ = translated(AVELLANEDA | {"risk_factor": "5"})
    (row,) = [row for row in found.rows if row.key == "risk_factor"]

    assert "NOT converted" in row.note
    assert "sigma^2" in row.note
    assert any("risk_factor = 5; NOT converted" in line for line in found.text.splitlines())


def test_what_a_model_has_no_equal_for_is_told() -> None:
    """With where to find it."""
    changes = {
        "order_optimization_enabled": "false",
        "hanging_orders_mode": "\n  hanging_orders_cancel_pct: 10",
        "order_override": "\n  a: [buy, 1, 1]",
        "filled_order_delay": "0",
        "add_transaction_costs": "true",
        "should_wait_order_cancel_confirmation": "false",
        "execution_timeframe_mode": "\n  start_datetime: x\n  end_datetime: y",
    }
    found, _ = translated(AVELLANEDA | changes)

    assert {row.key for row in found.of(Kind.NO_EQUAL)} == {
        "hanging_orders_mode",
        "order_override",
        "should_wait_order_cancel_confirmation",
        "execution_timeframe_mode",
    }


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (
            {"strategy": "cross_exchange_mining"},
            "conf.yml:1: strategy was 'cross_exchange_mining', expected pure",
        ),
        ({"market": "BTC-USDT"}, "conf.yml:1: strategy is missing, expected pure_market_making or avell"),
        ({"strategy": ""}, "conf.yml:1: strategy is missing, expected pure_market_making or avell"),
        ({"strategy": "[a]"}, "conf.yml:1: strategy was no single name, expected pure_market_making or av"),
        ({"controller_name": "pmm_simple"}, "conf.yml:1: controller_name is of the second generation"),
        (PURE | {"market": "BTCUSDT"}, "conf.yml:3: market was 'BTCUSDT', expected a pair as BTC-USDT"),
        (PURE | {"bid_spread": ""}, "conf.yml:4: bid_spread is missing, expected a number"),
        (PURE | {"bid_spread": "wide"}, "conf.yml:4: bid_spread was 'wide', expected a number"),
        (
            PURE | {"bid_spread": "[1]"},
            "conf.yml:4: bid_spread was a list or a table, expected a single value",
        ),
        (
            PURE | {"bid_spread": "200"},
            "conf.yml:4: bid_spread: what it comes to is refused here: was 20000,",
        ),
        (
            PURE | {"ping_pong_enabled": "maybe"},
            "conf.yml:8: ping_pong_enabled was 'maybe', expected true or false",
        ),
        (
            PURE | {"minimum_spread": "5"},
            "conf.yml:8: minimum_spread: what it comes to is refused here: minimum_",
        ),
        (
            PURE | {"split_order_levels_enabled": "true"},
            "conf.yml:1: bid_order_level_spreads and bid_order_level_",
        ),
        (PURE | {"order_override": "x"}, "conf.yml:8: order_override was no table of orders"),
        (
            PURE | {"order_override": "\n  a: [up, 1, 1]"},
            "conf.yml:8: order_override a was not that, expected [buy",
        ),
        (
            PURE | {"order_override": "\n  a: b"},
            "conf.yml:8: order_override a was 'b', expected [buy or sell,",
        ),
        (
            AVELLANEDA | {"execution_timeframe_mode": "\n  end_time: noon"},
            "conf.yml:6: execution_timeframe_mode has no",
        ),
        (
            AVELLANEDA | {"order_levels_mode": "\n  order_levels:"},
            "conf.yml:6: order_levels_mode was '', expected",
        ),
    ],
)
def test_what_cannot_be_translated_is_refused_by_its_line(keys: dict[str, Any], said: str) -> None:
    """Of their file, not of the one that would be written."""
    with pytest.raises(ConfigError) as caught:
        translated(keys)

    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("rules", [hummingbot_pure, hummingbot_avellaneda])
def test_their_defaults_are_keys_that_the_rules_take(rules: Any) -> None:
    """A file that states them all has no unknown key."""
    keys = (PURE if rules is hummingbot_pure else AVELLANEDA) | rules.DEFAULTS
    found, _ = translated(keys)

    assert found.of(Kind.UNKNOWN) == []
    assert {row.key for row in found.rows if row.line} == set(keys)


values = st.sampled_from(
    (
        "",
        "1",
        "0",
        "-1",
        "0.5",
        "150",
        "1e9",
        "true",
        "off",
        "[1, 2]",
        "[buy, 1, 1]",
        "x",
        "'#'",
        "external_market",
    )
)
keys = st.sampled_from(
    sorted(
        {
            *hummingbot_pure.DEFAULTS,
            *hummingbot_pure.LISTS,
            *PURE,
            *AVELLANEDA,
            "ping_pong_enabled",
            "new",
            "split_order_levels_enabled",
            "order_override",
            "hanging_orders_enabled",
            "price_source_market",
        }
    )
)


@settings(max_examples=60, deadline=None)
@given(start=st.sampled_from((PURE, AVELLANEDA)), changes=st.dictionaries(keys, values, max_size=8))
def test_any_file_is_translated_whole_or_refused(start: dict[str, Any], changes: dict[str, str]) -> None:
    """What is written loads, and every key of the file is in a row."""
    text = file_of(start | changes)
    found = outcome(text)
    if isinstance(found, str):
        assert found.startswith("conf.yml")
        return
    settled = settings_of(found.text, "out.toml", environ={})
    assert settled.mode == "paper"
    assert {row.key for row in found.rows if row.line} == set(read_conf(text, "conf.yml"))


def outcome(text: str) -> Imported | str:
    """What a file comes to, or why it is refused."""
    try:
        return imported(text, "conf.yml", Path("out.toml"))
    except ConfigError as error:
        return str(error)
