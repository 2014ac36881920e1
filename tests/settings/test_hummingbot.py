"""Names from Hummingbot lead to ours, with the number converted."""

from dataclasses import fields
from decimal import Decimal

import pytest

from mm.settings import hummingbot
from mm.settings.hummingbot import hummingbot_hint
from mm.strategies.pure_market_making import PureMarketMaking


@pytest.mark.parametrize(
    ("key", "value", "hint"),
    [
        ("bid_spread", Decimal("0.25"), "write bid_spread_bps = 25 (Hummingbot: percent)"),
        ("order_refresh_time", 30, "write order_refresh_time_ms = 30000 (Hummingbot: seconds)"),
        ("order_amount", Decimal("0.010"), "write order_amount_base = 0.01"),
        ("bid_spread", "wide", "that is bid_spread_bps here"),
        ("bid_spread", True, "that is bid_spread_bps here"),
        ("bid_spread", Decimal("1e25"), "that is bid_spread_bps here"),
        ("trading_pair", "BTC-USDT", "that is [pair.NAME] symbol here"),
        ("nothing_known", 1, ""),
    ],
)
def test_the_hint_converts_what_it_can(key: str, value: object, hint: str) -> None:
    """Percent and seconds become basis points and milliseconds."""
    assert hummingbot_hint(key, value) == hint


def test_every_name_that_a_hint_gives_exists() -> None:
    """A hint never leads to a key that would be refused in turn."""
    ours = {field.name for field in fields(PureMarketMaking.Params)}

    assert {name for name, _ in hummingbot._PARAMETERS.values()} <= ours
