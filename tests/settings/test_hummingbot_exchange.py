"""What a Hummingbot file is of: another exchange, another strategy, its own market; told before all else."""

from pathlib import Path
from typing import Any

import pytest

from mm.errors import ConfigError
from mm.quoting.fixed_params import FixedParams
from mm.settings.cautions import cautions
from mm.settings.hummingbot_import import Imported, imported
from mm.settings.hummingbot_sheet import Kind
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


def translated(keys: dict[str, Any]) -> tuple[Imported, Settings]:
    """What a file with these keys, one per line, comes to."""
    text = "".join(f"{key}: {value}\n" for key, value in keys.items())
    found = imported(text, "conf.yml", Path("out.toml"))
    return found, settings_of(found.text, "out.toml", environ={})


@pytest.mark.parametrize(
    ("strategy", "hint"),
    [
        ("pure_market_makin", "did you mean pure_market_making?"),
        ("cross_exchange_market_making", "no other strategy of theirs can be imported; see `mm init`"),
        ("", "a strategy file says which one it is of, as in `strategy: pure_market_making`"),
    ],
)
def test_a_strategy_that_is_none_of_them_is_told_what_can_be_imported(strategy: str, hint: str) -> None:
    """By its name if that is nearly one of them."""
    with pytest.raises(ConfigError) as caught:
        translated(PURE | {"strategy": strategy})

    assert caught.value.hint == hint
    assert "expected pure_market_making or avellaneda_market_making" in str(caught.value)


@pytest.mark.parametrize(
    ("exchange", "said"),
    [
        (
            "kucoin",
            "ATTENTION: exchange = kucoin is not supported. This config is for binance, spot: another",
        ),
        ("", "ATTENTION: the file names no exchange. This config is for binance, spot: another market"),
        ("binance_perpetual", "ATTENTION: exchange = binance_perpetual is not supported."),
    ],
)
def test_another_exchange_is_told_before_all_else(exchange: str, said: str) -> None:
    """At the head of the file too: what was translated is for another market."""
    found, settled = translated(PURE | {"exchange": exchange})
    head = found.text.partition("# Made by")[0].replace("\n# ", " ").removeprefix("# ")

    assert found.warning.startswith(said)
    assert head.startswith(said)
    assert ("no leverage" in found.warning) == ("perpetual" in exchange)
    assert settled.venue["main"].id == found.venue == "binance"


@pytest.mark.parametrize("exchange", ["binance", "binance_paper_trade"])
def test_our_own_exchange_needs_no_word(exchange: str) -> None:
    """Nothing stands before the first line."""
    found, _ = translated(PURE | {"exchange": exchange})

    assert found.warning == ""
    assert found.venue == "binance"
    assert found.text.startswith("# Made by")


@pytest.mark.parametrize("there", ["binance", ""])
def test_the_own_market_as_price_source_is_no_other_market(there: str) -> None:
    """It needs no key here: prices are those of the own market."""
    changes = {
        "price_source": "external_market",
        "price_source_exchange": there,
        "price_source_market": "BTC-USDT",
        "price_type": "last_price",
    }

    found, settled = translated(PURE | changes)
    params = settled.pair["btc"].params

    assert isinstance(params, FixedParams)
    assert (params.price_source_symbol, params.price_type) == (None, "last_price")
    assert {row.key: row.note for row in found.of(Kind.NO_EFFECT)}["price_source_market"] == "the own market"


@pytest.mark.parametrize(
    "keys",
    [
        PURE,
        PURE | {"hanging_orders_enabled": "true", "order_levels": "3"},
        PURE
        | {
            "split_order_levels_enabled": "true",
            "bid_order_level_spreads": "1,2",
            "bid_order_level_amounts": "0.1,0.2",
            "ask_order_level_spreads": "1",
            "ask_order_level_amounts": "0.1",
        },
        AVELLANEDA,
        AVELLANEDA | {"execution_timeframe_mode": "\n  start_time: 08:00\n  end_time: 17:30"},
    ],
)
def test_nothing_that_is_written_is_without_effect(keys: dict[str, Any]) -> None:
    """What does nothing there, or here, is left out and told about."""
    _, settled = translated(keys)
    (name,) = settled.pair

    assert [line for line in cautions(settled, name) if "has no effect" in line] == []
