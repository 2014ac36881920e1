"""Quantise: only narrows, never crosses the book or itself, sends nothing that a filter refuses."""

from decimal import Decimal

from hypothesis import assume, given
from hypothesis import strategies as st

from mm.domain.quotes import Quote, Quotes
from mm.engine.quantise import Touch, quantise
from tests.builders.instruments import make_test_instrument
from tests.builders.risk_views import ladder, narrows

INSTRUMENT = make_test_instrument(
    size_min=Decimal("0.002"),
    size_max=Decimal("0.05"),
    notional_min=Decimal("0.005"),
    price_max=Decimal(3),
)
"""Orders of 2 to 50 lots, worth at least 500 ticks x lots, at prices up to 300 ticks."""


@st.composite
def ladders(draw: st.DrawFn) -> tuple[Quote, ...]:
    """A side of up to four levels with prices and sizes on both sides of every filter."""
    count = draw(st.integers(0, 4))
    return tuple(
        Quote(draw(st.integers(-5, 400)), draw(st.integers(-3, 80)), level, draw(st.integers(0, 2)), 7, 3)
        for level in range(count)
    )


@given(ladders(), ladders(), st.integers(1, 350), st.integers(1, 350), st.booleans())
def test_whatever_is_wanted_what_is_left_may_be_sent(
    bids: tuple[Quote, ...], asks: tuple[Quote, ...], bid: int, ask: int, ordered: bool
) -> None:
    """Every quote left is inside the filters, post-only against the book, one of those wanted, narrowed."""
    assume(bid < ask)
    if ordered:
        bids = tuple(sorted(bids, key=lambda quote: -quote.price_ticks))
    quotes = Quotes(bids, asks, "test", None)
    wanted = quantise(quotes, INSTRUMENT, Touch(bid, ask))
    for quote in (*wanted.bids, *wanted.asks):
        assert INSTRUMENT.size_min_lots <= quote.size_lots <= INSTRUMENT.size_max_lots
        assert INSTRUMENT.price_min_ticks <= quote.price_ticks <= INSTRUMENT.price_max_ticks
        assert INSTRUMENT.notional_atoms(quote.price_ticks, quote.size_lots) >= INSTRUMENT.notional_min_atoms
    assert all(quote.price_ticks < ask for quote in wanted.bids)
    assert all(quote.price_ticks > bid for quote in wanted.asks)
    for side, kept, sign in ((bids, wanted.bids, 1), (asks, wanted.asks, -1)):
        by_level = {quote.level: quote for quote in side}
        for quote in kept:
            before = by_level[quote.level]
            assert sign * quote.price_ticks <= sign * before.price_ticks
            assert quote.size_lots <= before.size_lots
            assert (quote.tolerance_ticks, quote.age_ns_max, quote.life_ns_min) == (
                before.tolerance_ticks,
                before.age_ns_max,
                before.life_ns_min,
            )
    if wanted.bids and wanted.asks and (ordered or len(bids) == 1):
        assert max(q.price_ticks for q in wanted.bids) < min(q.price_ticks for q in wanted.asks)


def test_a_ladder_that_fits_is_passed_on_as_the_same_objects() -> None:
    """The common case costs nothing."""
    bids, asks = ladder(90, -1, 10, 10), ladder(110, 1, 10, 10)
    wanted = quantise(Quotes(bids, asks, "test", None), INSTRUMENT, Touch(99, 101))
    assert wanted.bids is bids
    assert wanted.asks is asks


def test_quotes_through_the_book_move_behind_it() -> None:
    """A bid at or above the best ask goes one tick below it, an ask at or below the best bid one above it."""
    quotes = Quotes((Quote(120, 10),), (Quote(80, 10),), "test", None)
    wanted = quantise(quotes, INSTRUMENT, Touch(99, 110))
    assert [q.price_ticks for q in wanted.bids] == [109]
    assert [q.price_ticks for q in wanted.asks] == [110]
    assert narrows(Quotes(quotes.bids, (), "test", None), Quotes(wanted.bids, (), "test", None))


def test_at_the_lowest_ask_there_is_no_bid_left() -> None:
    """Below an ask of one tick no price remains."""
    wanted = quantise(Quotes((Quote(5, 50),), (), "test", None), INSTRUMENT, Touch(1, 1))
    assert wanted.bids == ()


def test_an_order_of_exactly_the_least_value_is_kept_and_one_atom_less_is_not() -> None:
    """500 ticks x lots are enough, 499 are not."""
    for price, size, kept in ((100, 5, 1), (99, 5, 0), (250, 2, 1), (249, 2, 0)):
        quotes = Quotes((Quote(price, size),), (), "test", None)
        assert len(quantise(quotes, INSTRUMENT, Touch(price, price + 1)).bids) == kept
