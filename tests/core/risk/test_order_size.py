"""No single order larger than its limit, none that the venue's size filter refuses."""

import pytest

from mm.risk.order_size import TOO_LARGE, TOO_SMALL, OrderSize
from tests.builders.instruments import make_test_instrument
from tests.builders.risk_views import make_exit, make_place, make_quotes, make_risk_view

RULE = OrderSize(lots_max=100)


@pytest.mark.parametrize("size_lots", [1, 100])
def test_sizes_up_to_the_limit_pass(size_lots: int) -> None:
    """From the venue's smallest size to the limit every size is admitted."""
    assert RULE.admit(make_place(size_lots=size_lots), make_risk_view()) is None


def test_a_size_above_the_limit_is_refused() -> None:
    """One lot more is refused."""
    facts = (("size_lots", "101"), ("lots_max", "100"))

    assert RULE.admit(make_place(size_lots=101), make_risk_view()) == (TOO_LARGE, facts)


def test_an_exit_is_held_to_the_venues_largest_size_alone() -> None:
    """A position larger than one quote can be left at once; the venue's filter is no choice of ours."""
    assert RULE.admit(make_exit(size_lots=1_000_000), make_risk_view()) is None

    facts = (("size_lots", "1000001"), ("lots_max", "1000000"))
    assert RULE.admit(make_exit(size_lots=1_000_001), make_risk_view()) == (TOO_LARGE, facts)


def test_the_venues_largest_size_binds_when_it_is_smaller() -> None:
    """The limit in force is the smaller one, for orders and for quotes."""
    view = make_risk_view(instrument=make_test_instrument(size_max="0.05"))

    refusal = RULE.admit(make_place(size_lots=51), view)

    assert refusal == (TOO_LARGE, (("size_lots", "51"), ("lots_max", "50")))
    assert RULE.shape(make_quotes(bids=(60,), asks=()), view).bids[0].size_lots == 50


def test_a_size_below_the_venues_smallest_is_refused() -> None:
    """What the venue would reject is not sent."""
    view = make_risk_view(instrument=make_test_instrument(size_min="0.005"))

    assert RULE.admit(make_place(size_lots=5), view) is None
    assert RULE.admit(make_place(size_lots=4), view) == (TOO_SMALL, (("size_lots", "4"), ("lots_min", "5")))


def test_quotes_up_to_the_limit_stay_the_same_object() -> None:
    """A ladder of allowed sizes is not touched."""
    quotes = make_quotes(bids=(100, 1), asks=(100,))

    assert RULE.shape(quotes, make_risk_view()) is quotes


@pytest.mark.parametrize(("bids", "asks"), [((101, 5), (7,)), ((5,), (7, 300))])
def test_larger_quotes_are_cut(bids: tuple[int, ...], asks: tuple[int, ...]) -> None:
    """A quote that is too large shrinks to the limit; the others and the reason stay."""
    quotes = make_quotes(bids=bids, asks=asks)

    shaped = RULE.shape(quotes, make_risk_view())

    assert tuple(quote.size_lots for quote in shaped.bids) == tuple(min(size, 100) for size in bids)
    assert tuple(quote.size_lots for quote in shaped.asks) == tuple(min(size, 100) for size in asks)
    assert (shaped.reason, shaped.memory) == (quotes.reason, quotes.memory)
