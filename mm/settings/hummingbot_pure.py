"""How a Hummingbot file of pure market making becomes parameters of `pure_market_making`.

One rule per group of keys. Each key of theirs is taken, said to have no effect, or said to have no equal.
Source of what the keys mean there: the comments of the file itself and its documentation.
"""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final, get_args

from mm.quoting.about import BPS_MAX, DAY_MS
from mm.quoting.reference import FOREIGN, PriceType
from mm.settings.hummingbot_sheet import PERCENT, SECONDS, Sheet, bps_of, quoted, target_share
from mm.settings.hummingbot_yaml import Node
from mm.settings.values import plain

DEFAULTS: Final[Mapping[str, str | None]] = MappingProxyType(
    {
        "minimum_spread": "-100",
        "max_order_age": "1800",
        "order_refresh_tolerance_pct": "0",
        "order_levels": "1",
        "order_level_spread": "1",
        "order_level_amount": "0",
        "inventory_target_base_pct": "50",
        "inventory_range_multiplier": "1",
        "filled_order_delay": "60",
        "hanging_orders_cancel_pct": "10",
        "bid_order_optimization_depth": "0",
        "ask_order_optimization_depth": "0",
        "price_ceiling": "-1",
        "price_floor": "-1",
        "price_ceiling_pct": "1",
        "price_floor_pct": "-1",
        "price_band_refresh_time": "86400",
        "price_source": "current_market",
        "price_type": "mid_price",
        "inventory_price": "1",
        "should_wait_order_cancel_confirmation": "true",
    }
)
"""What holds there where the file says nothing."""

LISTS: Final = (
    "bid_order_level_spreads",
    "ask_order_level_spreads",
    "bid_order_level_amounts",
    "ask_order_level_amounts",
)

POST_ONLY: Final = "every order is post-only here: none ever takes"
ONE_VENUE: Final = "its price cannot be watched here: the orders are laid around the own market's price"


def translate(sheet: Sheet, venue: str) -> None:
    """Fill `sheet` with the parameters. Args: venue: theirs that is traded on."""
    farthest = _levels(sheet)
    _times(sheet)
    _minimum_spread(sheet)
    _inventory(sheet)
    _hanging(sheet, farthest)
    if sheet.switch("order_optimization_enabled"):
        for side in ("bid", "ask"):
            sheet.same(f"{side}_order_optimization_depth", f"{side}_order_optimization_depth_base")
    else:
        for side in ("bid", "ask"):
            sheet.idle(f"{side}_order_optimization_depth", "order_optimization_enabled is off")
    sheet.switch("ping_pong_enabled")
    sheet.switch("add_transaction_costs")
    _bounds(sheet)
    _reference(sheet, venue)
    if sheet.flag("take_if_crossed"):
        sheet.gap("take_if_crossed", POST_ONLY)
    else:
        sheet.idle("take_if_crossed", "off")
    if sheet.flag("should_wait_order_cancel_confirmation"):
        sheet.idle(
            "should_wait_order_cancel_confirmation", "a level is always free before it is laid again here"
        )
    else:
        sheet.gap(
            "should_wait_order_cancel_confirmation",
            "a level is laid again once the venue has confirmed that its order is gone, always",
        )


def _levels(sheet: Sheet) -> Decimal:
    # Returns the distance of the farthest order.
    spreads = [sheet.bps("bid_spread", "bid_spread_bps"), sheet.bps("ask_spread", "ask_spread_bps")]
    sheet.same("order_amount", "order_amount_base")
    overridden = sheet.has("order_override")
    split = sheet.flag("split_order_levels_enabled") and not overridden
    stepped = ("order_levels", "order_level_spread", "order_level_amount")
    if overridden:
        spreads = _override(sheet)
    if overridden or split:
        why = "order_override takes the ladder's place" if overridden else "lists of levels take its place"
        for key in stepped:
            sheet.idle(key, why)
    if split:
        spreads = _split(sheet)
        sheet.placed("split_order_levels_enabled", "the lists being there", "")
    else:
        for key in LISTS:
            sheet.idle(
                key, "split_order_levels_enabled is off" if not overridden else "order_override is there"
            )
        sheet.idle("split_order_levels_enabled", "off" if not overridden else "order_override is there")
    if not overridden:
        sheet.idle("order_override", "empty")
    if overridden or split:
        return max(spreads)
    levels = int(sheet.same("order_levels", "order_levels"))
    if levels < 2:
        sheet.idle("order_level_spread", "one level")
        sheet.idle("order_level_amount", "one level")
        return max(spreads)
    step = sheet.bps("order_level_spread", "order_level_spread_bps")
    sheet.same("order_level_amount", "order_level_amount_base")
    return max(spreads) + (levels - 1) * step


def _numbers(sheet: Sheet, key: str) -> list[Decimal]:
    # A list, or a text with commas.
    value = sheet.node(key).value
    if isinstance(value, list):
        texts = [node.value if isinstance(node.value, str) else "" for node in value]
    else:
        texts = sheet.text(key).split(",")
    return [sheet.number_of(key, text) for text in texts if text.strip()]


def _split(sheet: Sheet) -> list[Decimal]:
    farthest = []
    for side in ("bid", "ask"):
        spreads_key, amounts_key = f"{side}_order_level_spreads", f"{side}_order_level_amounts"
        spreads = [bps_of(100 * number) for number in _numbers(sheet, spreads_key)]
        amounts = _numbers(sheet, amounts_key)
        count = min(len(spreads), len(amounts))
        if not count:
            raise sheet.fault(spreads_key, f"and {amounts_key} have no level in common")
        # Nearest first; theirs may stand in any order.
        pairs = sorted(zip(spreads, amounts, strict=False))
        cut = "" if len(spreads) == len(amounts) else f", the shorter list counts: {count}"
        for key, ours, index, note in (
            (spreads_key, f"{spreads_key}_bps", 0, f"{PERCENT}{cut}"),
            (amounts_key, f"{amounts_key}_base", 1, cut.lstrip(", ")),
        ):
            sheet.translated(key, ours, f"[{', '.join(plain(pair[index]) for pair in pairs)}]", note)
        farthest.append(pairs[-1][0])
    return farthest


def _override(sheet: Sheet) -> list[Decimal]:
    # `name: [buy, 0.5, 100]`: side, distance in percent, size.
    table = sheet.node("order_override").value
    rows, spreads = [], []
    for name, node in table.items() if isinstance(table, dict) else ():
        parts = node.value if isinstance(node.value, list) else []
        texts = [part.value if isinstance(part.value, str) else "" for part in parts]
        if len(texts) != 3 or texts[0] not in ("buy", "sell"):
            raise sheet.fault(
                "order_override", f"{name} was {_shown(node)}, expected [buy or sell, percent, size]"
            )
        spreads.append(bps_of(100 * sheet.number_of("order_override", texts[1])))
        amount = sheet.number_of("order_override", texts[2])
        numbers = f"spread_bps = {plain(spreads[-1])}, amount_base = {plain(amount)}"
        rows.append(f'{quoted(name)} = {{ side = "{texts[0]}", {numbers} }}')
    if not rows:
        raise sheet.fault("order_override", "was no table of orders", "as in `order_1: [buy, 0.5, 100]`")
    sheet.translated(
        "order_override", "order_override", f"{{ {', '.join(rows)} }}", f"{PERCENT} in each order"
    )
    return spreads


def _shown(node: Node) -> str:
    return repr(node.value)[:60] if isinstance(node.value, str) else "not that"


def _times(sheet: Sheet) -> None:
    refresh_ms = sheet.milliseconds("order_refresh_time", "order_refresh_time_ms")
    age_ms = int(sheet.number("max_order_age") * 1000)
    if age_ms <= 0:
        sheet.idle("max_order_age", "off")
    else:
        longest = min(7 * DAY_MS, max(age_ms, refresh_ms))
        note = SECONDS
        if longest != age_ms:
            note += ", a week at most" if longest < age_ms else ", but no less than the refresh time"
        sheet.translated(
            "max_order_age", "max_order_age_ms", f"{longest}", f"{note}; per order, not per ladder"
        )
    if sheet.number("filled_order_delay") > 0:
        delay_ms = min(DAY_MS, int(sheet.number("filled_order_delay") * 1000))
        note = f"{SECONDS}; per side, after partial fills too"
        sheet.translated("filled_order_delay", "filled_order_delay_ms", f"{delay_ms}", note)
    else:
        sheet.idle("filled_order_delay", "off")
    tolerance, ours = sheet.number("order_refresh_tolerance_pct"), "order_refresh_tolerance_bps"
    if tolerance > 0:
        note = f"{PERCENT}; per order, not per ladder"
        sheet.translated("order_refresh_tolerance_pct", ours, plain(bps_of(100 * tolerance)), note)
        return
    # Left out it would be a share of the spread here.
    note = "none there either"
    if tolerance:
        note = "an order that stands where it should is not renewed here: it keeps its place in the queue"
    sheet.translated("order_refresh_tolerance_pct", ours, "0", note)


def _minimum_spread(sheet: Sheet) -> None:
    least, key = sheet.number("minimum_spread"), "minimum_spread"
    if least <= -100:
        sheet.idle(key, "off")
    elif least < 0:
        sheet.gap(key, "post-only orders are not laid beyond the reference, so none is cancelled for it")
    else:
        sheet.bps(key, "minimum_spread_bps")


def _inventory(sheet: Sheet) -> None:
    if sheet.switch("inventory_skew_enabled"):
        target_share(sheet)
        sheet.same("inventory_range_multiplier", "inventory_range_multiplier")
    else:
        sheet.idle("inventory_target_base_pct", "inventory_skew_enabled is off")
        sheet.idle("inventory_range_multiplier", "inventory_skew_enabled is off")


def _hanging(sheet: Sheet, farthest: Decimal) -> None:
    if not sheet.switch("hanging_orders_enabled"):
        sheet.idle("hanging_orders_cancel_pct", "hanging_orders_enabled is off")
        return
    wanted = bps_of(100 * sheet.number("hanging_orders_cancel_pct"))
    found = min(Decimal(BPS_MAX), max(wanted, farthest + 1))
    note = (
        PERCENT
        if found == wanted
        else f"{PERCENT}, but farther than the last order and at most all of the price"
    )
    sheet.translated("hanging_orders_cancel_pct", "hanging_orders_cancel_bps", plain(found), note)


def _bounds(sheet: Sheet) -> None:
    for key in ("price_ceiling", "price_floor"):
        if sheet.number(key) > 0:
            sheet.same(key, f"{key}_quote")
        else:
            sheet.idle(key, "off")
    moving = sheet.switch("moving_price_band_enabled")
    for key in ("price_ceiling_pct", "price_floor_pct"):
        if moving:
            sheet.bps(key, f"{key.removesuffix('_pct')}_bps")
        else:
            sheet.idle(key, "moving_price_band_enabled is off")
    if moving:
        sheet.milliseconds("price_band_refresh_time", "price_band_refresh_time_ms")
    else:
        sheet.idle("price_band_refresh_time", "moving_price_band_enabled is off")


def _is_own_venue(sheet: Sheet, venue: str) -> bool:
    return sheet.text("price_source_exchange").removesuffix("_paper_trade") in ("", venue)


def _reference(sheet: Sheet, venue: str) -> None:
    source, kind = sheet.text("price_source"), sheet.text("price_type")
    away = source == "external_market"
    symbol = sheet.text("price_source_market").upper().replace("-", "/")
    is_own = away and symbol == sheet.text("market").upper().replace("-", "/")
    if is_own and _is_own_venue(sheet, venue):
        away = False
        for key in ("price_source", "price_source_exchange", "price_source_market"):
            sheet.idle(key, "the own market")
    elif away and _is_own_venue(sheet, venue):
        sheet.placed("price_source", "price_source_symbol being there", "")
        sheet.translated("price_source_market", "price_source_symbol", quoted(symbol))
        sheet.idle("price_source_exchange", "the venue that is traded on")
    else:
        away = False
        for key in ("price_source", "price_source_exchange", "price_source_market"):
            if source == "external_market":
                sheet.gap(key, ONE_VENUE)
            elif key == "price_source" and source != "current_market":
                sheet.gap(key, "prices are taken from markets only, not from an address")
            else:
                sheet.idle(key, "the own market")
    for key in ("price_source_custom_api", "custom_api_update_interval"):
        if source == "custom_api":
            sheet.gap(key, "prices are taken from markets only, not from an address")
        else:
            sheet.idle(key, "price_source is another")
    if kind not in get_args(PriceType) or (away and kind not in FOREIGN):
        kind = ""
        sheet.gap("price_type", "there is no such price of that market here: it is the mid")
    elif kind == "mid_price":
        sheet.idle("price_type", "the mid, as here")
    else:
        sheet.translated("price_type", "price_type", quoted(kind))
    if kind == "inventory_cost":
        sheet.same("inventory_price", "inventory_price_quote")
    else:
        sheet.idle("inventory_price", "price_type is not inventory_cost")
