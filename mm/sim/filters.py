"""The symbol's filters: whether an order is acceptable before anybody looks at the book or at balances.

Pure checks in integers; a price or size off its grid never gets here (it has no integer form). The order of
the checks is fixed: price, distance from the mean price, size, market size, value, number of open orders.
"""

from typing import Final, NamedTuple

from mm.domain.instrument import Instrument
from mm.domain.sides import BUY
from mm.sim.average import Mean
from mm.sim.orders import NewOrder, Order, OrderType, Refusal

_MARKET: Final = OrderType.MARKET  # as a constant for the reason given in `sides.py`

AMENDS_MAX: Final = 10
"""How often one order may be amended."""

PERCENT: Final = 100
"""The unit of a `PriceBand`."""


class PriceBand(NamedTuple):
    """How far a price may be from the mean of the latest trades.

    Fields: highest and lowest price of a bid and of an ask, percent of the mean; minutes: of the mean.
    """

    bid_up_percent: int = 500
    bid_down_percent: int = 20
    ask_up_percent: int = 500
    ask_down_percent: int = 20
    minutes: int = 5


PRICE_BAND: Final = PriceBand()
"""The band of every simulated symbol."""


class Circumstances(NamedTuple):
    """What a filter judges an order by, beside the symbol.

    Fields:
        market_price_ticks: the price at which a MARKET order would trade first; 0: nothing to trade with. No
            other order is judged by it.
        mean: of the latest trades; None before the first.
        market_size_max_lots: largest MARKET order.
        open_orders: how many orders the owner has open on the symbol.
    """

    market_price_ticks: int
    market_size_max_lots: int
    open_orders: int
    mean: Mean | None = None


def filter_refusal(new: NewOrder, instrument: Instrument, now: Circumstances) -> Refusal | None:
    """Return the first filter that `new` fails, or None.

    A MARKET order has no price: it is valued at the mean, before the first trade at the best price.
    """
    is_market = new.order_type is _MARKET
    if not is_market:
        if not instrument.price_min_ticks <= new.price_ticks <= instrument.price_max_ticks:
            return Refusal.PRICE_FILTER
        if not _is_in_band(new, now.mean):
            return Refusal.PERCENT_PRICE_BY_SIDE
    if not instrument.size_min_lots <= new.size_lots <= instrument.size_max_lots:
        return Refusal.LOT_SIZE
    if is_market and new.size_lots > now.market_size_max_lots:
        return Refusal.MARKET_LOT_SIZE
    if is_market and not now.market_price_ticks:
        return Refusal.NO_LIQUIDITY
    if not _is_worth_enough(new, instrument, now):
        return Refusal.NOTIONAL
    if now.open_orders >= instrument.open_orders_max:
        return Refusal.MAX_NUM_ORDERS
    return None


def amend_refusal(order: Order, size_lots: int, instrument: Instrument) -> Refusal | None:
    """Return why an open order may not become `size_lots` large, or None: it may only shrink."""
    if order.amends >= AMENDS_MAX:
        return Refusal.MAX_NUM_ORDER_AMENDS
    if size_lots > order.size_lots:
        return Refusal.AMEND_INCREASES
    if size_lots == order.size_lots:
        return Refusal.AMEND_CHANGES_NOTHING
    if size_lots < instrument.size_min_lots:
        return Refusal.LOT_SIZE
    if order.price_ticks * size_lots * instrument.tick_lot_atoms < instrument.notional_min_atoms:
        return Refusal.NOTIONAL
    if size_lots <= order.size_lots - order.left_lots:
        return Refusal.AMEND_BELOW_DONE
    return None


def _is_in_band(new: NewOrder, mean: Mean | None) -> bool:
    if mean is None:
        return True
    up, down = PRICE_BAND.ask_up_percent, PRICE_BAND.ask_down_percent
    if new.side is BUY:
        up, down = PRICE_BAND.bid_up_percent, PRICE_BAND.bid_down_percent
    scaled = new.price_ticks * mean.atoms * PERCENT
    return mean.ticks_atoms * down <= scaled <= mean.ticks_atoms * up


# A fraction again: the mean is never divided.
def _is_worth_enough(new: NewOrder, instrument: Instrument, now: Circumstances) -> bool:
    ticks_atoms, atoms = new.price_ticks, 1
    if new.order_type is _MARKET:
        ticks_atoms = now.market_price_ticks
        if now.mean is not None:
            ticks_atoms, atoms = now.mean.ticks_atoms, now.mean.atoms
    value = ticks_atoms * new.size_lots * instrument.tick_lot_atoms
    return value >= instrument.notional_min_atoms * atoms
