"""How a Hummingbot file of Avellaneda market making becomes parameters of `avellaneda_stoikov`.

The two do not compute the same thing under the same names: theirs leans by q * gamma * sigma * tau, with q a
share of the whole inventory and sigma the deviation of the price between samples; ours, as the paper, by
q * gamma * sigma^2 * tau, with q in order amounts, in basis points. So their risk_factor has no number here.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from mm.quoting.about import DAY_MS
from mm.settings.hummingbot_sheet import PERCENT, SECONDS, Sheet, bps_of, target_share
from mm.settings.hummingbot_yaml import Node
from mm.settings.values import plain

DEFAULTS: Final[Mapping[str, str | None]] = MappingProxyType(
    {
        "risk_factor": "1",
        "order_amount_shape_factor": "0",
        "min_spread": "0",
        "max_order_age": "1800",
        "order_refresh_tolerance_pct": "0",
        "filled_order_delay": "60",
        "inventory_target_base_pct": "50",
        "volatility_buffer_size": "200",
        "trading_intensity_buffer_size": "200",
        "order_optimization_enabled": "true",
        "should_wait_order_cancel_confirmation": "true",
    }
)
"""What holds there where the file says nothing."""

RISK_FACTOR: Final = "0.01"
"""What is written in place of theirs: a light aversion, per basis point and order amount."""

MEAN_AGE: Final = Decimal("0.346574")
"""Half-life of a forgetting average whose samples are, on average, as old as those of a window of length 1:
log(2) / 2."""

_CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", re.ASCII)


def translate(sheet: Sheet, venue: str) -> None:  # noqa: ARG001 - every rule book is asked the same way
    """Fill `sheet` with the parameters. Args: venue: theirs that is traded on."""
    sheet.translated(
        "risk_factor",
        "risk_factor",
        RISK_FACTOR,
        "NOT converted, the same whatever it was: theirs goes with sigma and shares of inventory, ours with"
        " sigma^2 and order amounts",
    )
    sheet.same("order_amount", "order_amount_base")
    shape = sheet.number("order_amount_shape_factor")
    if shape:
        note = "theirs by the share of the inventory, ours by that of its limit"
        sheet.translated("order_amount_shape_factor", "order_amount_shape_factor", plain(shape), note)
    else:
        sheet.idle("order_amount_shape_factor", "off")
    _spreads(sheet)
    _times(sheet)
    _levels(sheet)
    _timeframe(sheet)
    _estimates(sheet)
    _without_equal(sheet)


def _spreads(sheet: Sheet) -> None:
    least = bps_of(100 * sheet.number("min_spread"))
    if least > 0:
        sheet.translated(
            "min_spread", "min_spread_bps", plain(least), f"{PERCENT}; width from bid to ask in both"
        )
    else:
        sheet.idle("min_spread", "off")
    tolerance = sheet.number("order_refresh_tolerance_pct")
    if tolerance > 0:
        note = f"{PERCENT}; per order, not per ladder"
        found = plain(bps_of(100 * tolerance))
        sheet.translated("order_refresh_tolerance_pct", "order_refresh_tolerance_bps", found, note)
    else:
        note = "none there either"
        if tolerance:
            note = "an order that stands where it should is not renewed here: it keeps its place in the queue"
        sheet.translated("order_refresh_tolerance_pct", "order_refresh_tolerance_bps", "0", note)


def _times(sheet: Sheet) -> None:
    refresh_ms = sheet.milliseconds("order_refresh_time", "order_refresh_time_ms")
    age_ms = int(sheet.number("max_order_age") * 1000)
    if age_ms > 0:
        longest = min(7 * DAY_MS, max(age_ms, refresh_ms))
        kept = "" if longest == age_ms else ", within the refresh time and a week"
        sheet.translated(
            "max_order_age", "max_order_age_ms", f"{longest}", f"{SECONDS}{kept}; per order, not per ladder"
        )
    else:
        sheet.idle("max_order_age", "off")


def _parts(sheet: Sheet, key: str) -> Mapping[str, Node]:
    # A mode with its own keys, or its name alone.
    value = sheet.node(key).value
    return value if isinstance(value, dict) else {}


def _part(sheet: Sheet, key: str, name: str) -> str:
    node = _parts(sheet, key).get(name)
    return node.value if node is not None and isinstance(node.value, str) else ""


def _levels(sheet: Sheet) -> None:
    key = "order_levels_mode"
    parts = _parts(sheet, key)
    if "order_levels" not in parts:
        sheet.idle(key, "one level")
        return
    levels = int(sheet.number_of(key, _part(sheet, key, "order_levels")))
    sheet.translated(key, "order_levels", f"{levels}")
    share = _part(sheet, key, "level_distances")
    ratio = sheet.number_of(key, share) / 100 if share else Decimal(0)
    if levels > 1 and ratio > 0:
        note = "percent of their optimal spread / 100 = share of our half width"
        sheet.translated(key, "level_distances_ratio", plain(ratio), note)


def _timeframe(sheet: Sheet) -> None:
    key = "execution_timeframe_mode"
    parts = _parts(sheet, key)
    if "end_time" in parts:
        clock = _CLOCK.fullmatch(_part(sheet, key, "end_time"))
        if clock is None:
            raise sheet.fault(key, "has no end_time that is a time of day", "as 10:00:00")
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        close_ms = 1000 * (seconds + 60 * (minutes + 60 * hours))
        sheet.translated(key, "horizon", '"frozen"', "the time left is derived from the market")
        sheet.gap(
            key,
            "theirs leans by the share of the day that is left, a session here by its seconds, thousands of"
            f' times as much: horizon = "session" with session_close_ms = {close_ms} (UTC) wants another'
            " risk_factor; hours are those of the strategy scheduled",
        )
    elif "end_datetime" in parts:
        sheet.gap(key, "a session here has a length or ends at a time of day, not at a date")
    else:
        sheet.translated(
            key,
            "horizon",
            '"frozen"',
            "their infinite keeps the time left at 1; ours is derived from the market",
        )


def _estimates(sheet: Sheet) -> None:
    half_life = int(sheet.number("volatility_buffer_size") * 1000 * MEAN_AGE)
    sheet.translated(
        "volatility_buffer_size",
        "volatility_half_life_ms",
        f"{max(1000, half_life)}",
        "samples of 1 s; a half-life with the same mean age x 0.347",
    )
    sheet.gap(
        "trading_intensity_buffer_size",
        "the decay of fills is fitted to market orders, not to seconds: intensity_orders_min, mm calibrate",
    )


def _without_equal(sheet: Sheet) -> None:
    target_share(sheet)
    if sheet.number("filled_order_delay") > 0:
        sheet.gap(
            "filled_order_delay", "this strategy leans after a fill instead; pure_market_making has a delay"
        )
    else:
        sheet.idle("filled_order_delay", "off")
    if sheet.flag("order_optimization_enabled"):
        sheet.gap("order_optimization_enabled", "the model's own distance is kept; pure_market_making has it")
    else:
        sheet.idle("order_optimization_enabled", "off")
    if sheet.flag("add_transaction_costs"):
        sheet.idle("add_transaction_costs", "the model here always counts the maker fee")
    else:
        sheet.gap("add_transaction_costs", "the model here always counts the maker fee")
    if "hanging_orders_cancel_pct" in _parts(sheet, "hanging_orders_mode"):
        sheet.gap("hanging_orders_mode", "no order of a model hangs; pure_market_making has it")
    else:
        sheet.idle("hanging_orders_mode", "off")
    if sheet.has("order_override"):
        sheet.gap("order_override", "named orders are of pure_market_making")
    else:
        sheet.idle("order_override", "empty")
    if sheet.flag("should_wait_order_cancel_confirmation"):
        sheet.idle(
            "should_wait_order_cancel_confirmation", "a level is always free before it is laid again here"
        )
    else:
        sheet.gap("should_wait_order_cancel_confirmation", "that is always waited for here")
