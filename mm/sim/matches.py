"""What becomes of two orders that meet: they trade, or self-trade prevention takes from them.

Counts it in the orders and says what it was; where they rest is the book's affair.
"""

from mm.sim.orders import Fill, Order, OrderStatus, OrderType, Prevention, StpMode


def reaches(taker: Order, price_ticks: int) -> bool:
    """Return whether a taker may trade at a price of the other side."""
    if taker.order_type is OrderType.MARKET:
        return True
    return (price_ticks - taker.price_ticks) * taker.side.sign <= 0


def losses(mode: StpMode, taker_lots: int, maker_lots: int) -> tuple[int, int]:
    """Return how much taker and maker of one owner lose when they meet, by what is left and the taker's mode.

    NONE is like EXPIRE_TAKER: where this is asked, to trade with itself is no choice.
    """
    if mode is StpMode.EXPIRE_MAKER:
        return 0, maker_lots
    if mode is StpMode.EXPIRE_BOTH:
        return taker_lots, maker_lots
    if mode is StpMode.DECREMENT:
        return min(taker_lots, maker_lots), min(taker_lots, maker_lots)
    return taker_lots, 0


def trade(maker: Order, taker: Order, *, lots: int, trade_id: int, ts_ns: int) -> Fill:
    """Let two orders trade so many lots at the maker's price; return the fill."""
    for order in (maker, taker):
        order.filled_lots += lots
        order.updated_ns = ts_ns
        order.status = OrderStatus.PARTIALLY_FILLED if order.left_lots else OrderStatus.FILLED
    return Fill(
        trade_id=trade_id,
        maker=maker,
        taker=taker,
        price_ticks=maker.price_ticks,
        size_lots=lots,
        ts_ns=ts_ns,
    )


def prevent(maker: Order, taker: Order, *, prevention_id: int, ts_ns: int) -> Prevention:
    """Take from two orders of one owner what the taker's mode says; return what was prevented."""
    match_lots = min(taker.left_lots, maker.left_lots)
    taker_lots, maker_lots = losses(taker.stp_mode, taker.left_lots, maker.left_lots)
    for order, lots in ((maker, maker_lots), (taker, taker_lots)):
        if lots:
            order.prevented_lots += lots
            order.updated_ns = ts_ns
            if not order.left_lots:
                order.status = OrderStatus.EXPIRED_IN_MATCH
    return Prevention(
        prevention_id=prevention_id,
        maker=maker,
        taker=taker,
        price_ticks=maker.price_ticks,
        match_lots=match_lots,
        taker_lots=taker_lots,
        maker_lots=maker_lots,
        ts_ns=ts_ns,
    )
