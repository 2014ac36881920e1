"""No more live orders than we want and the venue takes."""

import pytest

from mm.risk.open_orders import OWN, VENUE, OpenOrders
from tests.builders.instruments import make_test_instrument
from tests.builders.risk_views import make_exit, make_place, make_quotes, make_risk_view

RULE = OpenOrders(orders_max=6)
NARROW = make_test_instrument(open_orders_max=4)


def test_orders_below_the_cap_pass() -> None:
    """The last free place is given away."""
    assert RULE.admit(make_place(), make_risk_view(open_orders=5)) is None


def test_a_quote_beyond_our_own_cap_is_refused() -> None:
    """A placement that makes one order too many is refused."""
    facts = (("open_orders", "6"), ("orders_max", "6"))

    assert RULE.admit(make_place(), make_risk_view(open_orders=6)) == (OWN, facts)


def test_an_exit_passes_our_own_cap_and_not_the_venues() -> None:
    """Orders whose fate is unknown may not lock a position in; the venue would refuse anyway."""
    assert RULE.admit(make_exit(), make_risk_view(open_orders=199)) is None

    facts = (("open_orders", "200"), ("orders_max", "200"))
    assert RULE.admit(make_exit(), make_risk_view(open_orders=200)) == (VENUE, facts)


def test_the_venues_cap_binds_when_it_is_smaller() -> None:
    """A quote beyond the venue's cap is refused as such."""
    facts = (("open_orders", "4"), ("orders_max", "4"))

    refusal = RULE.admit(make_place(), make_risk_view(open_orders=4, instrument=NARROW))

    assert refusal == (VENUE, facts)


def test_a_ladder_within_the_cap_stays_the_same_object() -> None:
    """As many levels as orders are allowed, however they are shared."""
    for bids, asks in (((1, 1, 1), (1, 1, 1)), ((1,) * 6, ()), ((), (1,) * 6)):
        quotes = make_quotes(bids=bids, asks=asks)
        assert RULE.shape(quotes, make_risk_view(open_orders=6)) is quotes


@pytest.mark.parametrize(
    ("levels", "kept"),
    [
        ((5, 5), (3, 3)),
        ((1, 9), (1, 5)),
        ((9, 1), (5, 1)),
        ((4, 3), (3, 3)),
        ((0, 9), (0, 6)),
        ((9, 0), (6, 0)),
    ],
)
def test_the_outermost_levels_go_first(levels: tuple[int, int], kept: tuple[int, int]) -> None:
    """The places are shared evenly; what one side does not need the other one gets."""
    quotes = make_quotes(bids=(1,) * levels[0], asks=(1,) * levels[1])

    shaped = RULE.shape(quotes, make_risk_view())

    assert shaped.bids == quotes.bids[: kept[0]]
    assert shaped.asks == quotes.asks[: kept[1]]
    assert shaped.reason == "quoting"


def test_a_cap_of_one_quotes_one_side_and_says_why() -> None:
    """With a single place both sides cannot be quoted."""
    shaped = OpenOrders(orders_max=1).shape(make_quotes(), make_risk_view())

    assert (len(shaped.bids), len(shaped.asks)) == (0, 1)
    assert shaped.reason == OWN


def test_the_venues_cap_narrows_ladders_too() -> None:
    """The smaller of both caps counts levels."""
    shaped = RULE.shape(make_quotes(bids=(1,) * 3, asks=(1,) * 3), make_risk_view(instrument=NARROW))

    assert (len(shaped.bids), len(shaped.asks)) == (2, 2)
