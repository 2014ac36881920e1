"""The symbol's filters: whether an order is acceptable before anybody looks at the book or at balances.

Pure checks in integers; a price or size off its grid never gets here (it has no integer form). The order of
the checks is fixed: price, size, market size, value, number of open orders.
"""

import msgspec

from mm.domain.instrument import Instrument
from mm.sim.orders import NewOrder, OrderType, Refusal


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """What a filter judges an order by, beside the symbol.

    Fields:
        market_price_ticks: price at which a MARKET order is valued; 0 when there is nothing to trade with.
        market_size_max_lots: largest MARKET order.
        open_orders: how many orders the owner has open on the symbol.
    """

    market_price_ticks: int
    market_size_max_lots: int
    open_orders: int


def filter_refusal(new: NewOrder, instrument: Instrument, now: Circumstances) -> Refusal | None:
    """Return the first filter that `new` fails, or None."""
    is_market = new.order_type is OrderType.MARKET
    if not is_market and not instrument.price_min_ticks <= new.price_ticks <= instrument.price_max_ticks:
        return Refusal.PRICE_FILTER
    if not instrument.size_min_lots <= new.size_lots <= instrument.size_max_lots:
        return Refusal.LOT_SIZE
    if is_market and new.size_lots > now.market_size_max_lots:
        return Refusal.MARKET_LOT_SIZE
    if is_market and not now.market_price_ticks:
        return Refusal.NO_LIQUIDITY
    value_price_ticks = now.market_price_ticks if is_market else new.price_ticks
    if value_price_ticks * new.size_lots * instrument.tick_lot_atoms < instrument.notional_min_atoms:
        return Refusal.NOTIONAL
    if now.open_orders >= instrument.open_orders_max:
        return Refusal.MAX_NUM_ORDERS
    return None
