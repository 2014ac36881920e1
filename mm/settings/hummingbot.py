"""Names that Hummingbot's users know, each with ours and how its number converts.

Only for the hint of an unknown key: nothing here is accepted as an alias. Its first strategy generation
counts in percent and seconds, ours in basis points and milliseconds, as the suffix of each key says. Whole
files are translated by `mm import hummingbot` (`hummingbot_import.py`).
"""

from decimal import Decimal
from typing import Final

from mm.settings.values import plain

_PERCENT_TO_BPS: Final = Decimal(100)
_SECONDS_TO_MS: Final = Decimal(1000)
_SAME: Final = Decimal(1)

_UNITS_THERE: Final = {
    _PERCENT_TO_BPS: " (Hummingbot: percent)",
    _SECONDS_TO_MS: " (Hummingbot: seconds)",
}

_PARAMETERS: Final[dict[str, tuple[str, Decimal]]] = {
    "bid_spread": ("bid_spread_bps", _PERCENT_TO_BPS),
    "ask_spread": ("ask_spread_bps", _PERCENT_TO_BPS),
    "minimum_spread": ("minimum_spread_bps", _PERCENT_TO_BPS),
    "order_refresh_time": ("order_refresh_time_ms", _SECONDS_TO_MS),
    "max_order_age": ("max_order_age_ms", _SECONDS_TO_MS),
    "order_refresh_tolerance_pct": ("order_refresh_tolerance_bps", _PERCENT_TO_BPS),
    "order_amount": ("order_amount_base", _SAME),
    "order_level_spread": ("order_level_spread_bps", _PERCENT_TO_BPS),
    "order_level_amount": ("order_level_amount_base", _SAME),
    "filled_order_delay": ("filled_order_delay_ms", _SECONDS_TO_MS),
    "price_ceiling": ("price_ceiling_quote", _SAME),
    "price_floor": ("price_floor_quote", _SAME),
    "hanging_orders_cancel_pct": ("hanging_orders_cancel_bps", _PERCENT_TO_BPS),
    "bid_order_optimization_depth": ("bid_order_optimization_depth_base", _SAME),
    "ask_order_optimization_depth": ("ask_order_optimization_depth_base", _SAME),
    "price_ceiling_pct": ("price_ceiling_bps", _PERCENT_TO_BPS),
    "price_floor_pct": ("price_floor_bps", _PERCENT_TO_BPS),
    "price_band_refresh_time": ("price_band_refresh_time_ms", _SECONDS_TO_MS),
    "inventory_price": ("inventory_price_quote", _SAME),
    "bid_order_level_spreads": ("bid_order_level_spreads_bps", _PERCENT_TO_BPS),
    "ask_order_level_spreads": ("ask_order_level_spreads_bps", _PERCENT_TO_BPS),
    "bid_order_level_amounts": ("bid_order_level_amounts_base", _SAME),
    "ask_order_level_amounts": ("ask_order_level_amounts_base", _SAME),
    "price_source_exchange": ("price_source_venue", _SAME),
    "price_source_market": ("price_source_symbol", _SAME),
}

_ELSEWHERE: Final[dict[str, str]] = {
    "exchange": "[venue.NAME] id",
    "connector": "[venue.NAME] id",
    "connector_name": "[venue.NAME] id",
    "market": "[pair.NAME] symbol",
    "trading_pair": "[pair.NAME] symbol",
    "inventory_target_base_pct": "[pair.NAME.inventory] target_base_ratio (0 to 1), or target_base",
    "kill_switch_rate": "[risk] session_loss_quote or max_drawdown_ratio",
    "kill_switch_enabled": "[risk] session_loss_quote or max_drawdown_ratio",
    "stop_loss": "[risk] open_loss_quote",
    "stop_loss_quote": "[risk] open_loss_quote",
    "daily_loss_quote": "[risk] session_loss_quote",
    "paper_trade_account_balance": "[demo] start_base and start_quote",
    "price_source": "price_source_symbol; without it prices are those of the own market",
    "price_source_custom_api": "price_source_symbol: prices are taken from markets only",
    "split_order_levels_enabled": "bid_order_level_spreads_bps and the like: a list that is there counts",
    "take_if_crossed": "nothing: every order is post-only, none ever takes",
    "should_wait_order_cancel_confirmation": "nothing: it is always waited for",
    "script": "[pair.NAME] strategy",
    "controller_name": "[pair.NAME] strategy",
}


def hummingbot_hint(key: str, value: object) -> str:
    """Return where the Hummingbot name `key` went, with `value` converted if it is a number; else ""."""
    known = _PARAMETERS.get(key)
    if known is None:
        place = _ELSEWHERE.get(key)
        return f"that is {place} here" if place else ""
    name, factor = known
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not Decimal(value).is_finite():
        return f"that is {name} here"
    if abs(Decimal(value).adjusted()) > 12:
        return f"that is {name} here"
    unit = _UNITS_THERE.get(factor, "")
    return f"write {name} = {plain(Decimal(value) * factor)}{unit}"
