"""No price outside the collar around the reference."""

import pytest

from mm.domain.quotes import Quotes
from mm.risk.price_collar import NO_REFERENCE, OUTSIDE, PriceCollar
from tests.builders.risk_views import ladder, make_exit, make_place, make_quotes, make_risk_view

RULE = PriceCollar(collar_ppm=10_000)
VIEW = make_risk_view(reference_half_ticks=20_001)
LOWEST, HIGHEST = 9_901, 10_100
"""1 % around 10 000.5 ticks: from 9 900.5 to 10 100.5, whole ticks inside."""


@pytest.mark.parametrize("price_ticks", [LOWEST, 10_000, HIGHEST])
def test_prices_up_to_the_collar_pass(price_ticks: int) -> None:
    """The outermost prices inside the collar are admitted."""
    assert RULE.admit(make_place(price_ticks=price_ticks), VIEW) is None


@pytest.mark.parametrize("price_ticks", [1, LOWEST - 1, HIGHEST + 1, 10**15])
def test_prices_beyond_the_collar_are_refused(price_ticks: int) -> None:
    """One tick outside is refused, exits included."""
    for place in (make_place(price_ticks=price_ticks), make_exit(price_ticks=price_ticks)):
        refusal = RULE.admit(place, VIEW)

        assert refusal is not None
        assert refusal.code == OUTSIDE
        facts = (("price_ticks", str(price_ticks)), ("ticks_min", str(LOWEST)), ("ticks_max", str(HIGHEST)))
        assert refusal.facts == facts


@pytest.mark.parametrize("reference", [2, 3, 19_999, 20_000, 20_001, 12_345_678_901])
@pytest.mark.parametrize("collar_ppm", [1, 999, 10_000, 500_000])
def test_the_bounds_are_those_of_the_inequality(reference: int, collar_ppm: int) -> None:
    """A price passes if and only if |2 x price - reference| x 10^6 <= reference x collar."""
    rule, view = PriceCollar(collar_ppm=collar_ppm), make_risk_view(reference_half_ticks=reference)
    reach_ticks = reference * collar_ppm // 2_000_000
    near = [reference // 2 + sign * reach_ticks + off for sign in (-1, 1) for off in range(-3, 4)]

    for price_ticks in (price for price in near if price > 0):
        inside = abs(2 * price_ticks - reference) * 1_000_000 <= reference * collar_ppm
        assert (rule.admit(make_place(price_ticks=price_ticks), view) is None) is inside


def test_without_a_reference_nothing_is_placed_or_quoted() -> None:
    """A reference of 0 means that it is not known yet."""
    view, quotes = make_risk_view(reference_half_ticks=0), make_quotes()

    refusal = RULE.admit(make_place(), view)

    assert refusal is not None
    assert refusal.code == NO_REFERENCE
    assert RULE.shape(quotes, view) == Quotes((), (), NO_REFERENCE, quotes.memory)


def test_quotes_inside_stay_the_same_object() -> None:
    """A ladder inside the collar is not touched."""
    quotes = make_quotes()

    assert RULE.shape(quotes, VIEW) is quotes


def test_quotes_outside_are_dropped_and_the_others_stay() -> None:
    """The reason stays while each side still quotes."""
    quotes = Quotes(ladder(9_905, -5, 1, 2, 3), ladder(10_095, 5, 1, 2, 3), "quoting", None)

    shaped = RULE.shape(quotes, VIEW)

    assert shaped == Quotes(quotes.bids[:1], quotes.asks[:2], "quoting", None)


def test_quotes_at_the_very_bounds_stay_when_others_go() -> None:
    """Dropping is as exact as admitting."""
    quotes = Quotes(ladder(LOWEST, -1, 1, 1), ladder(HIGHEST, 1, 1, 1), "quoting", None)

    assert RULE.shape(quotes, VIEW) == Quotes(quotes.bids[:1], quotes.asks[:1], "quoting", None)


def test_a_side_that_is_emptied_is_the_reason() -> None:
    """Asks far above leave the bids alone, and the reason says that the collar took the asks."""
    quotes = Quotes(ladder(9_995, -5, 1), ladder(11_000, 5, 1, 2), "quoting", None)

    assert RULE.shape(quotes, VIEW) == Quotes(quotes.bids, (), OUTSIDE, None)
