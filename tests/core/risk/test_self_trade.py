"""No order of ours can meet another order of ours."""

import pytest

from mm.domain.commands import Place
from mm.domain.quotes import Quotes
from mm.risk.self_trade import LADDER, OWN_ASK, OWN_BID, SelfTrade
from tests.builders.risk_views import ladder, make_exit, make_place, make_quotes, make_risk_view, make_sell

RULE = SelfTrade()
VIEW = make_risk_view(own_bid_max_ticks=9_990, own_ask_min_ticks=10_010)


@pytest.mark.parametrize(
    "place",
    [make_place(price_ticks=10_009), make_sell(price_ticks=9_991)],
    ids=["a buy below the own ask", "a sell above the own bid"],
)
def test_prices_that_cannot_meet_pass(place: Place) -> None:
    """One tick before the own order of the other side is no meeting."""
    assert RULE.admit(place, VIEW) is None


@pytest.mark.parametrize(
    ("place", "code", "own_ticks"),
    [
        (make_place(price_ticks=10_010), OWN_ASK, 10_010),
        (make_place(price_ticks=10_011), OWN_ASK, 10_010),
        (make_sell(price_ticks=9_990), OWN_BID, 9_990),
        (make_exit(price_ticks=9_989), OWN_BID, 9_990),
    ],
)
def test_at_or_through_an_own_order_is_refused(place: Place, code: str, own_ticks: int) -> None:
    """Quotes and exits alike are refused at the price of an own order of the other side and beyond."""
    refusal = RULE.admit(place, VIEW)

    assert refusal is not None
    assert refusal.code == code
    assert refusal.facts == (("price_ticks", str(place.price_ticks)), ("own_ticks", str(own_ticks)))


def test_without_own_orders_every_price_passes() -> None:
    """0 stands for no own order on that side."""
    view = make_risk_view()

    assert RULE.admit(make_place(price_ticks=10**9), view) is None
    assert RULE.admit(make_sell(price_ticks=1), view) is None


def test_quotes_that_cannot_meet_stay_the_same_object() -> None:
    """A ladder inside the own orders is not touched, with and without own orders."""
    quotes = make_quotes()

    assert RULE.shape(quotes, VIEW) is quotes
    assert RULE.shape(quotes, make_risk_view()) is quotes


@pytest.mark.parametrize("side", ["bids", "asks"])
def test_one_sided_ladders_stay_the_same_object(side: str) -> None:
    """An empty side is no price of 0 that the other side could meet."""
    full = make_quotes()
    quotes = (
        Quotes(full.bids, (), "quoting", None) if side == "bids" else Quotes((), full.asks, "quoting", None)
    )

    assert RULE.shape(quotes, VIEW) is quotes


def test_quotes_at_or_through_own_orders_are_dropped() -> None:
    """Levels beyond the own orders stay, and so does the reason while each side still quotes."""
    quotes = Quotes(ladder(10_012, -1, 1, 1, 1, 1), ladder(10_020, 1, 1), "quoting", None)

    shaped = RULE.shape(quotes, VIEW)

    assert shaped == Quotes(quotes.bids[3:], quotes.asks, "quoting", None)


def test_a_quote_exactly_at_an_own_order_is_dropped() -> None:
    """The same price is a meeting."""
    quotes = Quotes(ladder(10_010, -1, 1, 1), ladder(10_020, 1, 1), "quoting", None)
    mirrored = Quotes(ladder(9_980, -1, 1), ladder(9_990, 1, 1, 1), "quoting", None)

    assert RULE.shape(quotes, VIEW).bids == quotes.bids[1:]
    assert RULE.shape(mirrored, VIEW).asks == mirrored.asks[1:]


@pytest.mark.parametrize(
    ("bid_ticks", "ask_ticks", "reason", "sides"),
    [(10_015, 10_020, OWN_ASK, (0, 1)), (9_980, 9_985, OWN_BID, (1, 0))],
)
def test_a_side_that_is_emptied_is_the_reason(
    bid_ticks: int, ask_ticks: int, reason: str, sides: tuple[int, int]
) -> None:
    """When the market has moved past an own order, that side waits until the order is gone."""
    quotes = Quotes(ladder(bid_ticks, -1, 1), ladder(ask_ticks, 1, 1), "quoting", None)

    shaped = RULE.shape(quotes, VIEW)

    assert (len(shaped.bids), len(shaped.asks)) == sides
    assert shaped.reason == reason


@pytest.mark.parametrize("ask_ticks", [9_999, 10_000])
def test_a_ladder_that_meets_itself_is_withheld(ask_ticks: int) -> None:
    """Neither side of a ladder whose bid is at or above its ask can be right."""
    bids = (*ladder(9_998, -1, 1), *ladder(10_000, -1, 1))
    quotes = Quotes(bids, (*ladder(10_005, 1, 1), *ladder(ask_ticks, 1, 1)), "quoting", "memory")

    assert RULE.shape(quotes, make_risk_view()) == Quotes((), (), LADDER, "memory")
