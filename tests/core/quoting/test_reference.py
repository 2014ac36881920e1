"""Which price a ladder is laid around."""

from fractions import Fraction
from typing import get_args

import msgspec
import pytest

from mm.domain.book import Level
from mm.domain.view import LastFill, Other, View
from mm.quoting.reference import FOREIGN, OWN, PriceType, Reference, at_cost, foreign
from tests.builders.views import a_view, an_instrument


def view(**changes: object) -> View[None]:
    """A book of 100.00 to 100.04 with `changes`."""
    return msgspec.structs.replace(a_view(bid_ticks=10_000, ask_ticks=10_004), **changes)


def test_every_type_has_its_price() -> None:
    """Those that another market has are among them."""
    assert list(OWN) == list(get_args(PriceType))
    assert set(FOREIGN) < set(OWN)


@pytest.mark.parametrize(
    ("kind", "half_ticks"),
    [("mid_price", 20_004), ("best_bid", 20_000), ("best_ask", 20_008), ("inventory_cost", 20_004)],
)
def test_prices_of_the_book_are_exact(kind: str, half_ticks: int) -> None:
    """In half ticks."""
    assert OWN[kind](view()) == Reference(half_ticks)


@pytest.mark.parametrize(
    ("sizes", "price"),
    [((20, 471), "14.3304073320"), ((25, 148), "14.3314450867"), ((31, 95), "14.3324603175")],
)
def test_the_weighted_mid_leans_to_the_thinner_side(sizes: tuple[int, int], price: str) -> None:
    """The vectors of the literature: 14.33 to 14.34 with these sizes."""
    bids, asks = (Level(1_433, sizes[0]),), (Level(1_434, sizes[1]),)

    found = OWN["weighted_mid"](view(bids=bids, asks=asks))

    assert found is not None
    assert round(Fraction(found.numerator, 200 * found.divisor), 10) == Fraction(price)
    assert found.half_ticks == round(Fraction(found.numerator, found.divisor))


def test_the_last_trade_is_unknown_before_the_first() -> None:
    """There is no price then, and no guess."""
    assert OWN["last_price"](view()) is None
    assert OWN["last_price"](view(last_trade_ticks=9_999)) == Reference(19_998)


def test_the_last_own_trade_is_the_younger_one() -> None:
    """The mid before the first; the middle of two of the same instant."""
    older, newer = LastFill(5, 9_990, 1), LastFill(6, 10_010, 1)
    last = OWN["last_own_trade_price"]

    assert last(view()) == Reference(20_004)
    assert last(view(last_buy=older)) == last(view(last_buy=older, last_sell=None)) == Reference(19_980)
    assert last(view(last_sell=older)) == Reference(19_980)
    assert last(view(last_buy=older, last_sell=newer)) == Reference(20_020)
    assert last(view(last_buy=newer, last_sell=older)) == Reference(20_020)
    assert last(view(last_buy=older, last_sell=LastFill(5, 10_010, 1))) == Reference(20_000)


@pytest.mark.parametrize(
    ("kind", "quote"),
    [("mid_price", "50.25"), ("best_bid", "50"), ("best_ask", "50.5"), ("inventory_cost", "50.25")],
)
def test_the_price_of_another_market_is_converted_exactly(kind: str, quote: str) -> None:
    """From its ticks of 0.5 to ours of 0.01; none while it has none."""
    there, here = an_instrument(tick="0.5"), an_instrument()
    other = Other("ETH/USDT", there, 100, 101, 201, 0)

    found = foreign(kind, other, here)

    assert found is not None
    assert Fraction(found.numerator, found.divisor) == Fraction(quote) * 200
    assert foreign(kind, msgspec.structs.replace(other, mid_half_ticks=0), here) is None


def test_what_was_bought_is_not_offered_below_its_cost() -> None:
    """The mirror image for what was sold; a first holding has the cost that is stated."""
    mid = Reference(20_004)
    held = view(inventory_lots=5, entry_half_ticks=20_100)
    owed = view(inventory_lots=-5, entry_half_ticks=19_900)

    assert at_cost(mid, held, 0) == (mid, Reference(20_100))
    assert at_cost(mid, msgspec.structs.replace(held, entry_half_ticks=19_000), 0) == (mid, mid)
    assert at_cost(mid, owed, 0) == (Reference(19_900), mid)
    assert at_cost(mid, msgspec.structs.replace(owed, entry_half_ticks=21_000), 0) == (mid, mid)
    assert at_cost(mid, owed, 20_500) == (Reference(19_900), Reference(20_500))
    assert at_cost(mid, view(), 20_500) == (mid, Reference(20_500))
    assert at_cost(mid, view(), 0) == (mid, mid)
    assert at_cost(mid, view(inventory_lots=5), 0) == (mid, mid)
