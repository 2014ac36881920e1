"""The venue's JSON about the symbol: what may be done with it, and its filters.

What stands here is what the simulated venue really checks; where a feature is missing, its flag says so.
"""

from typing import Final

from mm.domain.instrument import Instrument
from mm.domain.units import text_from_atoms
from mm.exchange.payloads import NOTHING, Payload, price, size
from mm.sim.filters import AMENDS_MAX, PERCENT, PRICE_BAND
from mm.sim.orders import OrderType, StpMode

PERMISSIONS: Final = ("SPOT",)
"""What an account needs to trade the symbol."""

STATUS: Final = "TRADING"
"""The state of the symbol, always."""


def symbol_info(
    instrument: Instrument, market_size_max_lots: int, *, with_permission_sets: bool = True
) -> Payload:
    """Return the symbol's row of `exchangeInfo`."""
    return {
        "symbol": instrument.venue_symbol,
        "status": STATUS,
        "baseAsset": instrument.base,
        "baseAssetPrecision": instrument.base_scale,
        "quoteAsset": instrument.quote,
        "quotePrecision": instrument.quote_scale,
        "quoteAssetPrecision": instrument.quote_scale,
        "baseCommissionPrecision": instrument.base_scale,
        "quoteCommissionPrecision": instrument.quote_scale,
        "orderTypes": [kind.value for kind in OrderType],
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": False,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _filters(instrument, market_size_max_lots),
        "permissions": [],
        "permissionSets": [list(PERMISSIONS)] if with_permission_sets else [],
        "defaultSelfTradePreventionMode": StpMode.EXPIRE_MAKER.value,
        "allowedSelfTradePreventionModes": [mode.value for mode in StpMode],
    }


def _filters(instrument: Instrument, market_size_max_lots: int) -> list[Payload]:
    largest = instrument.notional_atoms(instrument.price_max_ticks, instrument.size_max_lots)
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": price(instrument, instrument.price_min_ticks),
            "maxPrice": price(instrument, instrument.price_max_ticks),
            "tickSize": price(instrument, 1),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": size(instrument, instrument.size_min_lots),
            "maxQty": size(instrument, instrument.size_max_lots),
            "stepSize": size(instrument, 1),
        },
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": NOTHING,
            "maxQty": size(instrument, market_size_max_lots),
            "stepSize": NOTHING,
        },
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": _ratio(PRICE_BAND.bid_up_percent),
            "bidMultiplierDown": _ratio(PRICE_BAND.bid_down_percent),
            "askMultiplierUp": _ratio(PRICE_BAND.ask_up_percent),
            "askMultiplierDown": _ratio(PRICE_BAND.ask_down_percent),
            "avgPriceMins": PRICE_BAND.minutes,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": instrument.quote_text(instrument.notional_min_atoms),
            "applyMinToMarket": True,
            "maxNotional": instrument.quote_text(largest),
            "applyMaxToMarket": False,
            "avgPriceMins": PRICE_BAND.minutes,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": instrument.open_orders_max},
        {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": AMENDS_MAX},
    ]


# The venue writes multipliers as short decimals: 5, 0.2.
def _ratio(percent: int) -> str:
    whole, hundredths = divmod(percent, PERCENT)
    return str(whole) if not hundredths else text_from_atoms(percent, 2).rstrip("0")
