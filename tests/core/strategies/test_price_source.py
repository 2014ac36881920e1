"""The reference of pure market making taken from another market: its age, its distance, its name."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from mm.domain.quotes import Quotes
from mm.domain.view import Other
from mm.strategies.base import Watch
from mm.strategies.pure_market_making import Memory, PureMarketMaking
from tests.builders.pure_maker import ladder, quotes_of, some_params
from tests.builders.views import (
    a_view,
    an_instrument,
)

INSTRUMENT = an_instrument()


def watching(
    age_ns: int = 0, mid_half_ticks: int = 402, **changes: Decimal | int | str
) -> Quotes[Memory | None]:
    """The quotes around ETH/USDT at 200 to 202 ticks of 0.5, that is 100.00 to 101.00."""
    other = Other("other:ETH/USDT", an_instrument(tick="0.5"), 200, 202, mid_half_ticks, age_ns)
    view = msgspec.structs.replace(a_view(bid_ticks=9_990, ask_ticks=10_010), others=(other,))
    source: dict[str, Any] = {"price_source_symbol": "ETH/USDT", "price_source_venue": "other"}
    return quotes_of(view, **(source | changes))


def test_the_reference_may_be_that_of_another_market() -> None:
    """Distances are counted from its price in our ticks; the own book still bounds the orders."""
    assert ladder(watching().bids) == [
        (0, 10_009, 100),
        (1, 10_008, 100),
    ]  # 100.50 less 10 bps is above the ask
    assert ladder(watching().asks) == [(0, 10_061, 100), (1, 10_071, 100)]
    assert ladder(watching(price_type="best_bid").asks) == [(0, 10_010, 100), (1, 10_020, 100)]
    assert watching().reason == "quoting"


@pytest.mark.parametrize("seen", [{"age_ns": 5_000_000_001}, {"mid_half_ticks": 0}])
def test_nothing_is_quoted_on_another_market_that_is_silent_or_one_sided(seen: dict[str, int]) -> None:
    """The reason names what is waited for."""
    quotes = watching(**seen)

    assert (quotes.bids, quotes.asks, quotes.reason) == ((), (), "waits for other:ETH/USDT")
    assert watching(age_ns=5_000_000_000).reason == "quoting"
    unseen = quotes_of(a_view(), price_source_symbol="ETH/USDT")
    assert (unseen.bids, unseen.asks, unseen.reason) == ((), (), "waits for ETH/USDT")


@pytest.mark.parametrize(("allowed_bps", "seen"), [("50", "quoting"), ("49.9", "far")])
def test_nothing_is_quoted_while_the_other_price_is_far_from_the_own_mid(allowed_bps: str, seen: str) -> None:
    """50 bps off: one side would stand at the touch until the inventory limit is reached."""
    quotes = watching(price_source_max_deviation_bps=Decimal(allowed_bps))

    if seen == "quoting":
        assert quotes.reason == "quoting"
    else:
        far = f"waits: other:ETH/USDT is farther than {allowed_bps} bps from the own mid"
        assert (quotes.bids, quotes.asks, quotes.reason) == ((), (), far)


def test_another_asset_is_never_the_reference() -> None:
    """Its price is taken as it is: a mistake of the pen trades nothing (one of review)."""
    below = Other("ETH/BTC", an_instrument(tick="0.5"), 4, 6, 10, 0)
    view = msgspec.structs.replace(a_view(bid_ticks=9_990, ask_ticks=10_010), others=(below,))
    quotes = quotes_of(view, price_source_symbol="ETH/BTC")

    assert (quotes.bids, quotes.asks) == ((), ())


def test_it_says_which_market_it_watches() -> None:
    """On the venue that is traded on, or on another one."""
    own = PureMarketMaking(some_params(price_source_symbol="ETH/USDT"), INSTRUMENT)
    other = PureMarketMaking(some_params(price_source_symbol="ETH/USDT", price_source_venue="b"), INSTRUMENT)

    assert own.watches == (Watch(symbol="ETH/USDT"),)
    assert other.watches == (Watch(symbol="b:ETH/USDT"),)
    assert PureMarketMaking(some_params(), INSTRUMENT).watches == ()
