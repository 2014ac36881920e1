"""The venue's JSON about the market: trades, best prices, the symbol and its filters.

Pure functions with exact key sets; nothing here decides anything.
"""

from mm.domain.instrument import Instrument
from mm.domain.sides import Side
from mm.exchange.payloads import NOTHING, Payload, ms, price, size
from mm.sim.orders import OrderType, StpMode
from mm.sim.reports import TopChange, Trade


def trade_event(instrument: Instrument, trade: Trade) -> Payload:
    """Return the public event of a trade."""
    buyer_is_maker = trade.taker_side is Side.SELL
    maker_id, taker_id = trade.maker_order_id, trade.taker_order_id
    return {
        "e": "trade",
        "E": ms(trade.ts_ns),
        "s": instrument.venue_symbol,
        "t": trade.trade_id,
        "p": price(instrument, trade.price_ticks),
        "q": size(instrument, trade.size_lots),
        "b": maker_id if buyer_is_maker else taker_id,
        "a": taker_id if buyer_is_maker else maker_id,
        "T": ms(trade.ts_ns),
        "m": buyer_is_maker,
        "M": True,
    }


def public_trade(instrument: Instrument, trade: Trade) -> Payload:
    """Return one row of the public trades."""
    value_atoms = instrument.notional_atoms(trade.price_ticks, trade.size_lots)
    return {
        "id": trade.trade_id,
        "price": price(instrument, trade.price_ticks),
        "qty": size(instrument, trade.size_lots),
        "quoteQty": instrument.quote_text(value_atoms),
        "time": ms(trade.ts_ns),
        "isBuyerMaker": trade.taker_side is Side.SELL,
        "isBestMatch": True,
    }


def book_ticker_event(instrument: Instrument, top: TopChange) -> Payload:
    """Return the public event of a changed best price or size."""
    return {
        "u": top.update_id,
        "s": instrument.venue_symbol,
        "b": price(instrument, top.bid_ticks),
        "B": size(instrument, top.bid_lots),
        "a": price(instrument, top.ask_ticks),
        "A": size(instrument, top.ask_lots),
    }


def symbol_info(instrument: Instrument, market_size_max_lots: int) -> Payload:
    """Return the symbol's row of `exchangeInfo`."""
    return {
        "symbol": instrument.venue_symbol,
        "status": "TRADING",
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
        "quoteOrderQtyMarketAllowed": False,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": False,
        "amendAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _filters(instrument, market_size_max_lots),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": StpMode.EXPIRE_MAKER.value,
        "allowedSelfTradePreventionModes": [mode.value for mode in StpMode],
    }


def _filters(instrument: Instrument, market_size_max_lots: int) -> list[Payload]:
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
            "filterType": "NOTIONAL",
            "minNotional": instrument.quote_text(instrument.notional_min_atoms),
            "applyMinToMarket": True,
            "avgPriceMins": 5,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": instrument.open_orders_max},
    ]
