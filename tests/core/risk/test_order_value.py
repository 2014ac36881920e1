"""No single order worth more than its limit, none that the venue's value filter refuses."""

from mm.domain.quotes import Quotes
from mm.risk.order_value import TOO_LARGE, TOO_SMALL, OrderValue
from tests.builders.instruments import INSTRUMENT, make_test_instrument
from tests.builders.risk_views import ladder, make_exit, make_place, make_quotes, make_risk_view

UNIT = INSTRUMENT.tick_lot_atoms
RULE = OrderValue(atoms_max=10_000 * 20 * UNIT)
"""20 lots at a price of 10 000 ticks."""


def test_values_up_to_the_limit_pass() -> None:
    """Exactly the limit is admitted."""
    assert RULE.admit(make_place(price_ticks=10_000, size_lots=20), make_risk_view()) is None


def test_a_value_above_the_limit_is_refused() -> None:
    """One tick of price more at the same size is refused."""
    facts = (("value_atoms", str(10_001 * 20 * UNIT)), ("atoms_max", str(10_000 * 20 * UNIT)))

    refusal = RULE.admit(make_place(price_ticks=10_001, size_lots=20), make_risk_view())

    assert refusal == (TOO_LARGE, facts)


def test_an_exit_is_held_to_the_venues_smallest_value_alone() -> None:
    """A position worth more than one quote can be left at once; dust cannot be sold."""
    view = make_risk_view(instrument=make_test_instrument(notional_min=1))

    assert RULE.admit(make_exit(price_ticks=10_000, size_lots=5_000), view) is None
    refusal = RULE.admit(make_exit(price_ticks=10_000, size_lots=9), view)
    assert refusal is not None
    assert refusal.code == TOO_SMALL


def test_an_absurd_product_is_refused_and_does_not_overflow() -> None:
    """A value beyond 64 bits is a refusal like any other."""
    refusal = RULE.admit(make_place(price_ticks=10**15, size_lots=10**15), make_risk_view())

    assert refusal is not None
    assert refusal.code == TOO_LARGE


def test_a_value_below_the_venues_smallest_is_refused() -> None:
    """What the venue would reject is not sent."""
    view = make_risk_view(instrument=make_test_instrument(notional_min=1))

    assert RULE.admit(make_place(price_ticks=10_000, size_lots=10), view) is None
    refusal = RULE.admit(make_place(price_ticks=9_999, size_lots=10), view)
    assert refusal == (TOO_SMALL, (("value_atoms", "99990000"), ("atoms_min", "100000000")))


def test_quotes_up_to_the_limit_stay_the_same_object() -> None:
    """A ladder of allowed values is not touched."""
    quotes = make_quotes(bids=(20, 1), asks=(19,))

    assert RULE.shape(quotes, make_risk_view()) is quotes


def test_dearer_quotes_are_cut_to_whole_lots() -> None:
    """The largest size whose value is within the limit remains; what fits is untouched."""
    quotes = Quotes(ladder(10_001, -1, 20, 20), ladder(20_000, 1, 11, 1), "quoting", None)

    shaped = RULE.shape(quotes, make_risk_view())

    assert [quote.size_lots for quote in shaped.bids] == [19, 20]
    assert [quote.size_lots for quote in shaped.asks] == [10, 1]
    assert shaped.reason == "quoting"


def test_a_quote_of_which_no_lot_fits_is_dropped_and_named() -> None:
    """A side without a single affordable lot is empty, and the reason says by which rule."""
    quotes = Quotes(ladder(9_999, -1, 5), ladder(200_001, 1, 1), "quoting", None)

    assert RULE.shape(quotes, make_risk_view()) == Quotes(quotes.bids, (), TOO_LARGE, None)
