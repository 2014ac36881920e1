"""Resting at the touch: fair price, queue places, when an order moves, and which markets are refused."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from mm.domain.book import Level
from mm.domain.quotes import Quotes
from mm.domain.sides import BUY, SELL, Side
from mm.domain.view import OwnQuote, Reading, View
from mm.errors import ConfigError
from mm.signals.touch_depth import TouchDepthSpec
from mm.signals.trade_impulse import TradeImpulseSpec
from mm.signals.weighted_mid import WeightedMidSpec
from mm.strategies.queue_holding import LEVELS, Place, Places, QueueHolding
from tests.builders.model_quotes import (
    BAD_NUMBERS,
    INSTRUMENT,
    MID,
    bps,
    check,
    guard_fields,
    opposed,
    told,
)
from tests.builders.views import a_view, an_instrument, views

DOOR = TypeAdapter(QueueHolding.Params)

LARGE = 5.0
"""k * tick of a market whose tick is large."""


def made(instrument: Any = INSTRUMENT, **changes: Any) -> QueueHolding:
    """Return a strategy of one level of 100 lots."""
    return QueueHolding(DOOR.validate_python({"order_amount_base": "0.01"} | changes), instrument)


def book(
    weighted: float = 0.0,
    impulse: float = 0.0,
    *,
    bid: int = MID,
    width: int = 1,
    sizes: tuple[int, int] = (900, 900),
    memory: Places | None = None,
    own: tuple[OwnQuote, ...] = (),
    depth: float | Reading = LARGE,
    **fields: Any,
) -> View[Places]:
    """Return a market of `width` ticks; weighted: the weighted mid less the mid, half ticks."""
    view: Any = msgspec.structs.replace(
        a_view(bid_ticks=bid, ask_ticks=bid + width, instrument=INSTRUMENT),
        bids=(Level(bid, sizes[0]), Level(bid - 1, 5_000)),
        asks=(Level(bid + width, sizes[1]), Level(bid + width + 1, 5_000)),
        own=own,
        **fields,
    )
    last = depth if isinstance(depth, Reading) else Reading(depth, True)
    readings = (Reading(weighted, True), Reading(impulse, True), last)
    found: View[Places] = msgspec.structs.replace(view, readings=readings, memory=memory or Places())
    return found


def own(side: Side, price_ticks: int, level: int = 0) -> OwnQuote:
    """Return an own order."""
    return OwnQuote(side, level, price_ticks, 100, 0, certain=True)


def touches(quotes: Quotes[Places]) -> tuple[int, int]:
    """Return the first price of both sides, from MID."""
    return quotes.bids[0].price_ticks - MID, quotes.asks[0].price_ticks - MID


# ---- where it quotes


@pytest.mark.parametrize(
    ("weighted", "impulse", "expected"),
    [
        (0.0, 0.0, (0, 1)),
        (0.9, 0.0, (0, 1)),
        (-0.9, 0.0, (0, 1)),
        (0.9, 1.0, (0, 2)),
        (-0.9, -1.0, (-1, 1)),
        (0.9, 3.0, (0, 3)),
        (0.0, 1e9, (0, 51)),
    ],
)
def test_it_joins_the_touch_and_leaves_the_side_that_is_pushed_at(
    weighted: float, impulse: float, expected: tuple[int, int]
) -> None:
    """A fair price between bid and ask is quoted at both; one beyond them takes the nearer side back."""
    quotes = made().quotes(book(weighted, impulse))

    assert touches(quotes) == expected
    assert quotes.reason == "quoting"


def test_a_wider_book_is_not_improved() -> None:
    """Never better than the touch, however wide it is."""
    assert touches(made().quotes(book(width=4))) == (0, 4)


def test_costs_above_half_a_tick_take_it_off_the_touch() -> None:
    """The guards come last: a fee of 1 bps is ten ticks here."""
    instrument = an_instrument(maker_fee_ratio="0.0001")

    bid, ask = touches(made(instrument).quotes(book()))

    assert (bid, ask) == (-10, 11)


def test_the_inventory_pushes_the_fair_price() -> None:
    """At half of the limit by half of 2 bps, ten ticks: the bid goes back, the ask stays at the touch."""
    quotes = made(inventory_skew_bps="2").quotes(book(inventory_lots=500))

    assert touches(quotes) == (-10, 1)


def test_levels_behind_the_first_are_a_tick_apart() -> None:
    """Unless the parameters say more."""
    quotes = made(order_levels=3).quotes(book())

    assert [one.price_ticks - MID for one in quotes.bids] == [0, -1, -2]
    assert [one.price_ticks - MID for one in quotes.asks] == [1, 2, 3]


# ---- which markets


def test_a_tick_that_is_too_small_is_said_and_not_quoted() -> None:
    """Measured by how far market orders go behind the touch."""
    quotes = made().quotes(book(depth=0.12))

    assert (quotes.bids, quotes.asks) == ((), ())
    assert quotes.reason == "waits for a larger tick: it is 0.1 / fill decay, expected at least 0.6"


def test_the_fill_decay_may_be_given() -> None:
    """A tick is a tenth of a basis point here; then nothing is measured."""
    small, large = made(fill_decay_per_bps=5.0), made(fill_decay_per_bps=6.1)

    assert small.needs == large.needs == made(min_tick_ratio=0.0).needs
    assert small.quotes(book()).reason.startswith("waits for a larger tick: it is 0.5 / fill decay")
    assert large.quotes(book()).reason == "quoting"
    assert made(min_tick_ratio=0.0).quotes(book(depth=0.01)).reason == "quoting"


def test_what_it_needs_has_the_parameters_of_the_config() -> None:
    """And it looks four times in an impulse's life, at five levels."""
    strategy = made(impulse_life_ms=400, depth_orders_min=20)

    assert strategy.needs == (
        WeightedMidSpec(),
        TradeImpulseSpec(life_ns=400_000_000),
        TouchDepthSpec(orders_min=20),
    )
    assert (strategy.wake.every_ns, strategy.wake.book_levels) == (100_000_000, LEVELS)


def test_it_waits_for_what_is_not_known() -> None:
    """Each of the three by its own words."""
    unknown = Reading(LARGE, False, "7 of 50 market orders")

    assert made().quotes(book(depth=unknown)).reason == "waits for 7 of 50 market orders"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300])
def test_what_is_no_price_is_waited_for(value: float) -> None:
    """A signal gone mad moves no order."""
    for weighted, impulse in ((value, 0.0), (0.0, value)):
        quotes = made().quotes(book(weighted, impulse))

        assert (quotes.bids, quotes.asks, quotes.reason) == ((), (), "waits for a fair price")


# ---- the queue


def test_a_new_order_is_the_last_of_its_queue() -> None:
    """All that is there is ahead of it; without an order there is no place."""
    memory = made().quotes(book(own=(own(BUY, MID),))).memory

    assert memory == Places(Place(MID, 900, 900), Place())


def test_what_leaves_is_ahead_or_behind_alike_and_what_joins_is_behind() -> None:
    """900 ahead; 300 join: 900 of 1200. Half of that leaves: 450 of 600."""
    strategy, orders, memory = made(), (own(BUY, MID),), Places()
    seen = []
    for size in (900, 1_200, 600, 900):
        memory = strategy.quotes(book(own=orders, sizes=(size, 900), memory=memory)).memory
        seen.append((memory.bid.ahead_atoms, memory.bid.size_atoms))

    assert seen == [(900, 900), (900, 1_200), (450, 600), (450, 900)]


def test_an_order_that_moved_begins_at_the_end() -> None:
    """Its place of before was at another price."""
    before = Places(Place(MID - 1, 10, 5_000))

    assert made().quotes(book(own=(own(BUY, MID),), memory=before)).memory.bid == Place(MID, 900, 900)


def test_an_order_at_a_price_that_nobody_else_has_is_its_front() -> None:
    """In front of the book, where none but it stands."""
    assert made().quotes(book(own=(own(SELL, MID - 1),))).memory.ask == Place(MID - 1, 0, 0)


def test_an_order_behind_what_is_seen_keeps_what_was_known_of_it() -> None:
    """A price out of sight: its place of before, or the last one."""
    far = (own(BUY, MID - 40), own(SELL, MID + 41))
    known = Places(Place(MID - 40, 3, 10))

    memory = made().quotes(book(own=far, memory=known)).memory

    assert memory == Places(Place(MID - 40, 3, 10), Place(MID + 41, 1, 1))


def test_of_two_orders_of_a_level_nothing_is_known() -> None:
    """One of them is being cancelled; other levels do not count."""
    orders = (own(BUY, MID), own(BUY, MID - 1), own(SELL, MID + 1), own(SELL, MID + 2, 1))

    assert made().quotes(book(own=orders)).memory == Places(Place(), Place(MID + 1, 900, 900))


@pytest.mark.parametrize(
    ("impulse", "ahead", "stays"),
    [
        # The fair price is at the bid less a tenth, the ideal bid 0.59 below the best bid.
        (-1.2, 900, False),
        (-1.2, 600, True),
        # 1.04 below: more than even the front is worth.
        (-2.1, 0, False),
        (-1.9, 0, True),
    ],
)
def test_an_order_moves_only_for_more_than_its_place_is_worth(
    impulse: float, ahead: int, stays: bool
) -> None:
    """Half a tick, and up to half a tick more at the front of the queue."""
    memory = Places(Place(MID, ahead, 900))

    quotes = made().quotes(book(0.0, impulse, own=(own(BUY, MID),), memory=memory))

    (bid,) = quotes.bids
    assert bid.price_ticks == MID - 1
    assert bid.tolerance_ticks == (1 if stays else 0)


def test_an_order_that_the_market_left_behind_follows_it() -> None:
    """A tick better than it for sure is worth more than its place."""
    memory = Places(ask=Place(MID + 2, 2_500, 5_000))

    quotes = made().quotes(book(own=(own(SELL, MID + 2),), memory=memory))

    assert (quotes.asks[0].price_ticks, quotes.asks[0].tolerance_ticks) == (MID + 1, 0)


def test_what_a_guard_moved_is_judged_by_where_it_moved_it() -> None:
    """The fee takes the bid ten ticks off: an order at the touch does not stay for its place there."""
    instrument = an_instrument(maker_fee_ratio="0.0001")
    memory = Places(Place(MID, 0, 900))

    quotes = made(instrument).quotes(book(own=(own(BUY, MID),), memory=memory))

    assert (quotes.bids[0].price_ticks, quotes.bids[0].tolerance_ticks) == (MID - 10, 0)


@given(st.data())
def test_any_parameters_and_any_market_give_a_ladder_or_a_reason(data: st.DataObject) -> None:
    """Look after look; with everything mirrored the mirrored one, and what is remembered is mirrored too."""
    fields = data.draw(guard_fields()) | {
        "inventory_skew_bps": data.draw(bps),
        "half_ratio": data.draw(st.floats(1e-9, 100)),
        "impulse_ratio": data.draw(st.floats(0, 10)),
        "queue_value_ratio": data.draw(st.floats(0, 10)),
        "min_tick_ratio": data.draw(st.sampled_from((0.0, 0.6, 100.0))),
        "fill_decay_per_bps": data.draw(st.none() | st.floats(0.0001, 1e4)),
    }
    try:
        strategy = QueueHolding(QueueHolding.Params(**fields), INSTRUMENT)
    except ConfigError:
        return
    view = told(strategy, data.draw(views(INSTRUMENT)), data)
    opposite = opposed(view, -1, -1)
    for _ in range(2):
        memory = check(strategy, view, strategy, opposite).memory
        mirrored = strategy.quotes(opposite).memory
        mid = view.mid_half_ticks
        for place, image in ((memory.bid, mirrored.ask), (memory.ask, mirrored.bid)):
            assert (place.ahead_atoms, place.size_atoms) == (image.ahead_atoms, image.size_atoms)
            assert bool(place.price_ticks) == bool(image.price_ticks)
            assert place.price_ticks in (0, mid - image.price_ticks)
        view = msgspec.structs.replace(view, memory=memory)
        opposite = msgspec.structs.replace(opposite, memory=mirrored)


@pytest.mark.parametrize("value", BAD_NUMBERS)
def test_no_signal_breaks_it(value: float) -> None:
    """Whichever of the three says it."""
    for readings in ((value, 0.0, LARGE), (0.0, value, LARGE), (0.0, 0.0, value)):
        quotes = made().quotes(book(readings[0], readings[1], depth=readings[2]))
        assert quotes.reason
