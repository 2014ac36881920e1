"""The wishful model: what it counts as filled, and how it is set against the honest fills."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.domain.sides import Side
from mm.sim.touch import TouchModel, TouchTotals


def model(bid_ticks: int = 100, ask_ticks: int = 102) -> TouchModel:
    """Return a model that sees a market of two ticks' spread."""
    touch = TouchModel()
    touch.on_best(bid_ticks, ask_ticks)
    return touch


def followed(touch: TouchModel, side: Side = Side.BUY, price_ticks: int = 100, lots: int = 5) -> str:
    """Follow one more order; return its key."""
    key = f"o{len(touch.orders())}"
    touch.placed(key, side, price_ticks=price_ticks, size_lots=lots)
    return key


def filled(touch: TouchModel) -> list[int]:
    """Return the lots filled of each order."""
    return [order.touch_lots for order in touch.orders()]


@pytest.mark.parametrize(("ask_ticks", "lots"), [(101, 0), (100, 5), (99, 5), (0, 0)])
def test_a_bid_is_filled_whole_when_the_ask_touches_or_crosses_it(ask_ticks: int, lots: int) -> None:
    """At its price is enough; an empty side touches nothing."""
    touch = model()
    followed(touch)
    touch.on_best(99, ask_ticks)
    touch.on_best(99, ask_ticks)
    assert filled(touch) == [lots]


def test_an_ask_is_filled_when_the_bid_comes() -> None:
    """The same the other way round."""
    touch = model()
    followed(touch, Side.SELL, 102)
    touch.on_best(101, 103)
    assert filled(touch) == [0]
    touch.on_best(102, 103)
    assert filled(touch) == [5]


@pytest.mark.parametrize(
    ("price_ticks", "aggressor", "lots"),
    [(100, Side.SELL, [5, 0]), (99, Side.SELL, [5, 0]), (101, Side.SELL, [0, 0]), (102, Side.BUY, [0, 5])],
)
def test_any_print_at_the_price_or_through_it_fills_whole(
    price_ticks: int, aggressor: Side, lots: list[int]
) -> None:
    """Whatever its size and whoever stands before."""
    touch = model()
    followed(touch)
    followed(touch, Side.SELL, 102)
    touch.on_trade(price_ticks, aggressor)
    assert filled(touch) == lots


def test_an_order_that_crosses_when_it_is_sent_is_filled_at_once() -> None:
    """No latency: the market of that moment counts."""
    touch = model()
    followed(touch, price_ticks=102)
    assert filled(touch) == [5]


def test_an_order_counts_no_longer_once_its_cancellation_is_sent() -> None:
    """What fills while the cancellation is under way is missed."""
    touch = model()
    key = followed(touch)
    touch.cancelled(key)
    touch.on_trade(99, Side.SELL)
    touch.honest(key, 2)
    assert touch.totals() == TouchTotals(honest_fills=1, honest_lots=2, missed_fills=1, missed_lots=2)


def test_an_amended_order_is_filled_by_its_new_size() -> None:
    """From the moment that it is sent."""
    touch = model()
    touch.amended(followed(touch), 3)
    touch.on_trade(100, Side.SELL)
    assert filled(touch) == [3]


def test_phantom_lots_are_those_that_the_honest_model_has_not() -> None:
    """Three orders: phantom whole, phantom in part, and none."""
    touch = model()
    followed(touch)
    part, whole = followed(touch, lots=4), followed(touch, lots=3)
    touch.on_trade(100, Side.SELL)
    touch.honest(part, 1)
    touch.honest(whole, 2)
    touch.honest(whole, 1)
    assert [order.phantom_lots for order in touch.orders()] == [5, 3, 0]
    assert touch.totals() == TouchTotals(
        touch_fills=3, touch_lots=12, honest_fills=2, honest_lots=4, phantom_fills=1, phantom_lots=8
    )


def test_an_ended_order_stays_in_the_totals_only() -> None:
    """Its row is returned; the key is free again."""
    touch = model()
    key = followed(touch)
    touch.on_trade(100, Side.SELL)
    before = touch.totals()
    row = touch.ended(key)
    assert (row.key, row.touch_lots, row.phantom_lots, row.missed_lots) == (key, 5, 5, 0)
    assert touch.orders() == ()
    assert touch.totals() == before
    assert followed(touch) == key


def test_unknown_and_known_keys() -> None:
    """A key is followed once; one that is not followed is an error."""
    touch = model()
    key = followed(touch)
    with pytest.raises(ValueError, match=f"order {key}: already followed"):
        touch.placed(key, Side.BUY, price_ticks=1, size_lots=1)
    for call in (touch.cancelled, touch.ended):
        with pytest.raises(KeyError):
            call("other")


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["best", "trade", "cancel", "honest", "end"]), st.integers(97, 103)),
        max_size=40,
    )
)
def test_the_totals_add_up(steps: list[tuple[str, int]]) -> None:
    """Touched lots less phantom ones are honest lots less missed ones, whatever happens."""
    touch = model()
    for number, (kind, price_ticks) in enumerate(steps):
        side = list(Side)[number % 2]
        touch.placed(f"k{number}", side, price_ticks=price_ticks, size_lots=1 + number % 4)
        keys = [order.key for order in touch.orders()]
        if kind == "best":
            touch.on_best(price_ticks - 1, price_ticks + 1)
        elif kind == "trade":
            touch.on_trade(price_ticks, side)
        elif kind == "cancel":
            touch.cancelled(keys[price_ticks % len(keys)])
        elif kind == "honest":
            touch.honest(keys[price_ticks % len(keys)], 1)
        else:
            touch.ended(keys[price_ticks % len(keys)])
        totals = touch.totals()
        assert totals.touch_lots - totals.phantom_lots == totals.honest_lots - totals.missed_lots
        assert totals.touch_fills - totals.phantom_fills == totals.honest_fills - totals.missed_fills
