"""What all rules together have to keep, on generated markets, ladders and orders."""

import dataclasses
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from mm.domain.book import BookStatus
from mm.domain.commands import Place
from mm.domain.quotes import Quote, Quotes
from mm.domain.sides import Side
from mm.risk.base import AnyQuotes, RiskView, Rule
from tests.builders.instruments import INSTRUMENT
from tests.builders.risk_rules import make_test_rules
from tests.builders.risk_views import MID_TICKS, make_place, make_quotes, make_risk_view, narrows

RULES = make_test_rules(
    order_lots_max=40,
    order_atoms_max=10**4 * 35 * INSTRUMENT.tick_lot_atoms,
    exposure_atoms_max=10**4 * 120 * INSTRUMENT.tick_lot_atoms,
    collar_ppm=3_000,
    open_orders_max=7,
)
"""Limits so tight that generated ladders meet each of them."""

PRICES = st.integers(MID_TICKS - 40, MID_TICKS + 40)
VIEWS = st.builds(
    make_risk_view,
    reference_half_ticks=st.sampled_from([0, 2 * MID_TICKS - 21, 2 * MID_TICKS, 2 * MID_TICKS + 30]),
    book_status=st.sampled_from([BookStatus.IN_SYNC] * 4 + [BookStatus.OUT_OF_SYNC]),
    book_crossed_ns=st.sampled_from([0, 0, 0, 10**6, 10**9]),
    user_stream_up=st.sampled_from([True, True, True, False]),
    inventory_lots=st.integers(-130, 130),
    inventory_max_lots=st.integers(0, 120),
    net_lots=st.integers(-130, 130),
    buy_open_lots=st.integers(0, 60),
    sell_open_lots=st.integers(0, 60),
    open_orders=st.integers(0, 9),
    own_bid_max_ticks=st.one_of(st.just(0), PRICES),
    own_ask_min_ticks=st.one_of(st.just(0), PRICES),
    base_spendable_atoms=st.integers(-10, 150 * INSTRUMENT.lot_atoms),
    quote_spendable_atoms=st.integers(-10, 150 * MID_TICKS * INSTRUMENT.tick_lot_atoms),
    placed_minute=st.integers(0, 300),
    others_worst_atoms=st.integers(0, 150 * MID_TICKS * INSTRUMENT.tick_lot_atoms),
    session_pnl_atoms=st.sampled_from([0, 0, -(10**11)]),
)
PLACES = st.builds(
    make_place,
    side=st.sampled_from(Side),
    price_ticks=PRICES,
    size_lots=st.integers(1, 60),
    post_only=st.booleans(),
    reduces=st.booleans(),
)


@st.composite
def ladders(draw: st.DrawFn) -> AnyQuotes:
    """Ladders of up to five levels a side, mostly sane, sometimes meeting themselves."""
    middle = draw(st.integers(MID_TICKS - 10, MID_TICKS + 10))
    sides = []
    for sign in (-1, 1):
        price = middle + sign * draw(st.integers(-1, 8))
        levels = []
        for level in range(draw(st.integers(0, 5))):
            levels.append(Quote(price, draw(st.integers(1, 60)), level, 1, 2, 3))
            price += sign * draw(st.integers(0, 12))
        sides.append(tuple(levels))
    return Quotes(sides[0], sides[1], "quoting", ("memory",))


def shaped_by_all(quotes: AnyQuotes, view: RiskView) -> AnyQuotes:
    """Return what all rules leave of a ladder, in their order."""
    for rule in RULES:
        quotes = rule.shape(quotes, view)
    return quotes


def placements(quotes: AnyQuotes) -> Iterator[Place]:
    """The orders that a ladder asks for, nearest first, bids first."""
    for side, levels in ((Side.BUY, quotes.bids), (Side.SELL, quotes.asks)):
        for quote in levels:
            yield make_place(side=side, price_ticks=quote.price_ticks, size_lots=quote.size_lots)


def reserve(view: RiskView, place: Place) -> None:
    """Count an admitted placement, as whoever sends it has to."""
    view.open_orders += 1
    view.placed_minute += 1
    if place.side is Side.BUY:
        view.buy_open_lots += place.size_lots
        view.own_bid_max_ticks = max(view.own_bid_max_ticks, place.price_ticks)
        value = INSTRUMENT.notional_atoms(place.price_ticks, place.size_lots)
        view.quote_spendable_atoms -= value * (1_000_000 + INSTRUMENT.taker_fee_ppm) // 1_000_000
    else:
        view.sell_open_lots += place.size_lots
        low = view.own_ask_min_ticks
        view.own_ask_min_ticks = min(low, place.price_ticks) if low else place.price_ticks
        view.base_spendable_atoms -= place.size_lots * INSTRUMENT.lot_atoms


def test_a_ladder_within_all_limits_stays_the_same_object() -> None:
    """In a healthy market no rule touches a ladder that it has nothing against."""
    quotes = make_quotes()

    assert shaped_by_all(quotes, make_risk_view()) is quotes


@settings(max_examples=100)
@given(PLACES, VIEWS, st.permutations(RULES))
def test_verdicts_do_not_depend_on_the_order_of_the_rules(
    place: Place, view: RiskView, order: list[Rule]
) -> None:
    """Every rule says the same whichever rules were asked before it, and asking changes nothing."""
    before = dataclasses.replace(view)

    first = {type(rule): rule.admit(place, view) for rule in RULES}
    second = {type(rule): rule.admit(place, view) for rule in order}

    assert first == second
    assert view == before


@settings(max_examples=100)
@given(ladders(), VIEWS)
def test_each_rule_only_narrows(quotes: AnyQuotes, view: RiskView) -> None:
    """Fewer or smaller quotes of the same levels and prices, or the very same object; and never the view."""
    before = dataclasses.replace(view)

    for rule in RULES:
        shaped = rule.shape(quotes, view)

        assert narrows(quotes, shaped)
        assert (shaped == quotes) is (shaped is quotes)
        assert view == before


@settings(max_examples=100)
@given(ladders(), VIEWS)
def test_shaping_twice_changes_nothing_more(quotes: AnyQuotes, view: RiskView) -> None:
    """A rule is content with what it left over; so is the whole tuple."""
    for rule in RULES:
        once = rule.shape(quotes, view)
        assert rule.shape(once, view) is once
    once = shaped_by_all(quotes, view)
    assert shaped_by_all(once, view) is once


@settings(max_examples=100)
@given(ladders(), VIEWS)
def test_the_reason_changes_only_when_a_side_is_emptied(quotes: AnyQuotes, view: RiskView) -> None:
    """Whoever withholds a side says so; whoever only trims lets the strategy's reason stand."""
    for rule in RULES:
        shaped = rule.shape(quotes, view)
        emptied = (quotes.bids and not shaped.bids) or (quotes.asks and not shaped.asks)
        assert (shaped.reason in getattr(rule, "codes", ())) is bool(emptied)


@settings(max_examples=100)
@given(ladders(), VIEWS)
def test_what_shaping_leaves_is_admitted_when_nothing_is_live(quotes: AnyQuotes, view: RiskView) -> None:
    """Shaping is as strict as the gate behind it, so an engine does not ask for what it is then denied."""
    view.buy_open_lots = view.sell_open_lots = view.open_orders = view.placed_minute = 0
    view.own_bid_max_ticks = view.own_ask_min_ticks = view.book_crossed_ns = 0
    view.session_pnl_atoms = 0

    for place in placements(shaped_by_all(quotes, view)):
        refusals = [rule.admit(place, view) for rule in RULES]
        assert not any(refusals), refusals
        reserve(view, place)


@settings(max_examples=100)
@given(ladders(), VIEWS)
def test_a_shaped_ladder_keeps_the_sums(quotes: AnyQuotes, view: RiskView) -> None:
    """Naively summed, what is left keeps the band, the account's limit and every single order's limit."""
    shaped = shaped_by_all(quotes, view)
    unit = INSTRUMENT.tick_lot_atoms

    for sign, levels in ((1, shaped.bids), (-1, shaped.asks)):
        reached = sign * view.inventory_lots
        for quote in levels:
            reached += quote.size_lots
            assert reached <= view.inventory_max_lots
            worst = view.others_worst_atoms + reached * quote.price_ticks * unit
            assert reached <= 0 or worst <= 10**4 * 120 * unit
            assert quote.size_lots <= 40
            assert quote.price_ticks * quote.size_lots <= 10**4 * 35
            assert abs(2 * quote.price_ticks - view.reference_half_ticks) * 1_000_000 <= (
                view.reference_half_ticks * 3_000
            )
    assert len(shaped.bids) + len(shaped.asks) <= 7
