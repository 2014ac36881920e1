"""The economy of messages, and order-to-trade ratios as RTS 9 counts them."""

from mm.analytics.turnover import Turnover


def test_ratios_count_what_the_rule_counts() -> None:
    """Four orders and two cancels for two fills: 6 / 2 - 1; a cancel for a disconnect is none."""
    told = Turnover()
    for size in (10, 10, 20, 10):
        told.place(size)
    told.cancel(10, excused=False)
    told.cancel(5, excused=False)
    told.cancel(10, excused=True)
    told.fill(20, maker=True)
    told.fill(5, maker=False)
    assert told.order_to_trade == 2.0
    assert told.volume_order_to_trade == 65 / 25 - 1
    assert told.fill_ratio == 25 / 50
    assert told.messages_per_fill == 7 / 2
    assert told.fills_per_quote_second(4 * 10**9) == 0.5
    assert (told.maker_fills, told.maker_lots) == (1, 20)
    told.market_atoms = 400
    assert told.market_share(10) == 0.5


def test_without_a_trade_there_is_no_ratio() -> None:
    """Not 0, which would look like the best there is."""
    told = Turnover()
    assert told.order_to_trade is None
    assert told.volume_order_to_trade is None
    assert told.messages_per_fill is None
    assert told.fill_ratio is None
    assert told.fills_per_quote_second(0) is None
    assert told.market_share(1) is None
