"""Quoting one market of several: what is held of the others skews it too, and what happens without them."""

from math import exp, log1p, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from pydantic import TypeAdapter

from mm.domain.quotes import Quotes
from mm.domain.view import Other, Reading, View
from mm.errors import ConfigError
from mm.signals.volatility import VolatilitySpec
from mm.strategies.basket import Basket
from tests.builders.views import a_view, an_instrument, ladder_faults, mirrored, views

INSTRUMENT = an_instrument(tick="0.001")
MS = 1_000_000
MID = 1_000_000
"""In ticks; 1 bps is 100 ticks."""

ETH, SOL = "ETH/USDT", "SOL/USDT"
READY = Reading((2 * MID / 10_000) ** 2, True)
"""1 bps per square root of a second, of a mid at MID in half ticks."""


def params(**changes: object) -> Basket.Params:
    """Return parameters through the door that the config uses: known volatilities of 1 bps."""
    fields: dict[str, object] = {
        "order_amount_base": "0.01",
        "symbols": (ETH,),
        "correlations": (0.8,),
        "risk_factor": 0.01,
        "arrival_rate_per_s": 0.9,
        "fill_decay_per_bps": 0.3,
        "volatility_bps_per_sqrt_s": 1.0,
        "other_volatilities_bps_per_sqrt_s": (1.0,),
    }
    return TypeAdapter(Basket.Params).validate_python(fields | changes)


def made(**changes: object) -> Basket:
    """Return a strategy of those parameters."""
    return Basket(params(**changes), INSTRUMENT)


def measured(**changes: object) -> Basket:
    """Return one that measures the volatilities."""
    return made(volatility_bps_per_sqrt_s=None, other_volatilities_bps_per_sqrt_s=(), **changes)


def other(
    symbol: str = ETH, *, lots: int = 0, mid: int = 2 * MID, age_ms: int = 0, **fields: object
) -> Other:
    """Return a market like the own one that holds `lots`; an order there is 100 lots too."""
    seen = Other(symbol, INSTRUMENT, mid // 2 - 1, mid // 2 + 1, mid, age_ms * MS, (READY,), lots, 1_000)
    return replace(seen, **fields)


def seen(*others: Other, lots: int = 0, reading: Reading = READY) -> View[None]:
    """Return the own market at MID with `others`, which holds `lots`."""
    view = a_view(bid_ticks=MID - 1, ask_ticks=MID + 1, inventory_lots=lots, instrument=INSTRUMENT)
    return replace(view, others=others, readings=(reading,))


def distances(quotes: Quotes[None]) -> tuple[float, float]:
    """Return how far bid and ask are from MID, bps."""
    return (MID - quotes.bids[0].price_ticks) / 100, (quotes.asks[0].price_ticks - MID) / 100


def expected(
    held: tuple[float, float], *, correlation: float = 0.8, volatility: float = 1.0
) -> tuple[float, float]:
    """Return the formula of the paper for the first of two markets: a root of two rows is known in words.

    The root of a matrix X of two rows is (X + d) / t with d the root of its determinant and t that of its
    trace plus 2 d. Args: volatility: of the second market, that of the first is 1.
    """
    g, k, rate = 0.01, 0.3, 0.9
    weight = k * rate * exp(-(1 + k / g) * log1p(g / k))
    first, both, second = (weight * g / 2 * x for x in (1, correlation * volatility, volatility**2))
    root = sqrt(max(0.0, first * second - both**2))
    trace = sqrt(first + second + 2 * root)
    own, cross = (first + root) / trace / weight, both / trace / weight
    half, shift = log1p(g / k) / g + own / 2, own * held[0] + cross * held[1]
    return half + shift, half - shift


# ---- all markets are there


@pytest.mark.parametrize("held", [(0, 0), (3, 0), (0, 3), (3, 3), (3, -3), (-1, 2)])
def test_distances_are_those_of_the_matrix(held: tuple[int, int]) -> None:
    """Own and other inventory both skew, by the correlation; to half a tick."""
    bid, ask = expected(held)

    quotes = made().quotes(seen(other(lots=100 * held[1]), lots=100 * held[0]))

    assert distances(quotes) == pytest.approx((bid, ask), abs=0.006)
    assert quotes.reason == "quoting"


THREE: dict[str, object] = {"symbols": (ETH, SOL), "other_volatilities_bps_per_sqrt_s": (1.0, 1.0)}


@pytest.mark.parametrize(
    ("correlations", "held", "as_two"),
    [
        ((0.8, 0.0, 0.0), (3, 5), (1, 3)),
        ((0.0, 0.8, 0.0), (5, 3), (1, 3)),
        ((0.0, 0.0, 0.8), (5, 3), (1, 0)),
    ],
)
def test_three_markets_take_their_correlations_in_order(
    correlations: tuple[float, ...], held: tuple[int, int], as_two: tuple[int, int]
) -> None:
    """Own with each of the others, then those among themselves; what moves alone skews nothing."""
    strategy = made(**THREE | {"correlations": correlations})
    correlation = 0.8 if as_two[1] else 0.0

    quotes = strategy.quotes(seen(other(lots=100 * held[0]), other(SOL, lots=100 * held[1]), lots=100))

    assert distances(quotes) == pytest.approx(expected(as_two, correlation=correlation), abs=0.006)


def test_inventories_are_counted_by_their_value() -> None:
    """The same lots at half the price are half as much."""
    half = made().quotes(seen(other(lots=200, mid=MID)))
    same = made().quotes(seen(other(lots=100)))

    assert distances(half) == distances(same)


def test_a_market_on_another_grid_is_counted_by_its_value() -> None:
    """Ten times the lot and ten times the tick: a tenth of the lots, a tenth of the ticks."""
    coarse = an_instrument(tick="0.01", lot="0.001")
    seen_there = other(lots=10, mid=2 * MID // 10, instrument=coarse)

    assert distances(made().quotes(seen(seen_there))) == distances(made().quotes(seen(other(lots=100))))


def test_the_others_may_have_other_arrivals() -> None:
    """What is slower to get rid of skews more."""
    held = seen(other(lots=300))
    slow = made(other_arrival_rates_per_s=(0.01,), other_fill_decays_per_bps=(0.3,)).quotes(held)

    assert distances(slow)[0] > distances(made().quotes(held))[0]


def test_measured_volatilities_are_those_of_each_market() -> None:
    """In half ticks of its own, turned into bps of its own mid."""
    strategy = measured()
    fast = Reading(READY.value * 4, True)

    quotes = strategy.quotes(seen(other(lots=100, readings=(fast,))))

    assert distances(quotes) == pytest.approx(expected((0, 1), volatility=2.0), abs=0.006)
    assert strategy.needs == strategy.watches[0].needs == (VolatilitySpec(),)
    assert made().needs == made().watches[0].needs == ()


# ---- a market is not there


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        (other(lots=300, mid=0), "has no price"),
        (other(lots=300, age_ms=2_001), "is stale"),
        (other(lots=300, instrument=replace(INSTRUMENT, quote="EUR")), "is priced in EUR"),
        (other(lots=300, readings=(Reading(0.0, False, "3 of 20 samples"),)), "has no volatility yet"),
    ],
)
def test_without_one_the_market_is_quoted_alone_and_wider(missing: Other, said: str) -> None:
    """By the formula for one asset; what is held there counts as nothing."""
    quotes = measured(degraded_spread_factor=3.0).quotes(seen(missing, lots=100))
    bid, ask = expected((1, 0), correlation=0.0)
    half, shift = (bid + ask) / 2, (bid - ask) / 2

    assert distances(quotes) == pytest.approx((3 * half + shift, 3 * half - shift), abs=0.006)
    assert quotes.reason == f"quoting, alone and wider: {ETH} {said}"


def test_one_missing_of_three_is_enough_to_be_alone() -> None:
    """A part of the basket is no basket."""
    strategy = made(**THREE | {"correlations": (0.8, 0.5, 0.3)})
    quotes = strategy.quotes(seen(other(lots=300), other(SOL, mid=0)))

    assert quotes.reason == f"quoting, alone and wider: {SOL} has no price"
    assert distances(quotes)[0] == distances(quotes)[1]


def test_before_the_own_volatility_is_known_nothing_is_quoted() -> None:
    """It says what it waits for."""
    quotes = measured().quotes(seen(other(), reading=Reading(0.0, False, "3 of 20 samples")))

    assert (quotes.bids, quotes.asks, quotes.reason) == ((), (), "waits for 3 of 20 samples")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, 1e300])
@pytest.mark.parametrize("is_alone", [False, True])
def test_a_volatility_that_is_none_is_a_named_refusal(value: float, *, is_alone: bool) -> None:
    """Or one that no float holds quotes of; of the own market or of another one."""
    bad = Reading(value, True)
    there = other(mid=0) if is_alone else other()

    assert made_reason(seen(there, reading=bad)) == "waits for a volatility that leaves a quote"
    if not is_alone and value != 1e300:
        assert made_reason(seen(other(readings=(bad,)))) == "waits for a volatility that leaves a quote"


def made_reason(view: View[None]) -> str:
    """Return why a strategy that measures does (not) quote; far off quotes count as none."""
    quotes = measured().quotes(view)
    return "waits for a volatility that leaves a quote" if not (quotes.bids or quotes.asks) else quotes.reason


def test_each_market_says_what_it_holds_or_why_it_does_not_count() -> None:
    """In orders' worth."""
    strategy = made(**THREE | {"correlations": (0.8, 0.5, 0.3)})

    assert strategy.votes(seen(other(lots=-150), other(SOL, age_ms=9_000))) == (
        (ETH, "holds -1.50 orders' worth"),
        (SOL, "not there: is stale"),
    )


# ---- parameters


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"symbols": (ETH, ETH)}, "symbols names a market twice"),
        ({"correlations": (0.8, 0.1)}, "correlations were 2, expected 1"),
        ({"other_arrival_rates_per_s": (1.0, 1.0)}, "other_arrival_rates_per_s were 2, expected none or 1"),
        ({"other_fill_decays_per_bps": (1.0, 1.0)}, "other_fill_decays_per_bps were 2, expected none or 1"),
        ({"other_volatilities_bps_per_sqrt_s": ()}, "other_volatilities_bps_per_sqrt_s were 0, expected 1"),
        ({"volatility_bps_per_sqrt_s": None}, "other_volatilities_bps_per_sqrt_s were 1, expected 0"),
        ({"volatility_sample_ms": 5_000, "volatility_half_life_ms": 1_000}, "volatility_sample_ms was 5000"),
        ({"min_spread_bps": "9", "max_spread_bps": "8"}, "min_spread_bps was 9"),
    ],
)
def test_parameters_that_contradict_each_other_are_refused(changes: dict[str, object], message: str) -> None:
    """By name, with what was expected."""
    with pytest.raises(ValueError, match=message):
        params(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"symbols": ("BTC/USDT",)}, "symbols names BTC/USDT, the market that is quoted on"),
        (
            {
                "symbols": (ETH, SOL),
                "correlations": (1.0, 1.0, -1.0),
                "other_volatilities_bps_per_sqrt_s": (1.0, 1.0),
            },
            "correlations were 1, 1, -1: .*contradict each other",
        ),
        (
            {"fill_decay_per_bps": 0.0001, "arrival_rate_per_s": 1e-6},
            "fill_decay_per_bps was 0.0001 .* quotes would stand",
        ),
        ({"fill_decay_per_bps": 1e4, "arrival_rate_per_s": 1e-300}, "fill_decay_per_bps was 10000"),
    ],
)
def test_what_does_not_fit_the_market_is_a_config_error(changes: dict[str, object], message: str) -> None:
    """With a hint where there is one."""
    dear = an_instrument(tick="0.001", maker_fee_ratio="0.01")
    with pytest.raises(ConfigError, match=message):
        Basket(params(**changes), dear)


# ---- properties


@given(st.data())
def test_every_market_and_every_parameter_gives_a_ladder_or_a_named_reason(data: st.DataObject) -> None:
    """Integers within the venue's bounds, nothing through the book, whatever is missing."""
    draw = data.draw
    fixed = draw(st.booleans())
    changes: dict[str, object] = {
        "symbols": (ETH, SOL),
        "correlations": draw(
            st.sampled_from(((0.8, 0.5, 0.3), (1.0, 1.0, 1.0), (-0.9, 0.0, 0.0), (0.0, 0.0, 0.0)))
        ),
        "risk_factor": draw(st.sampled_from((0, 1e-9, 0.01, 1, 100))),
        "arrival_rate_per_s": draw(st.sampled_from((1e-6, 0.9, 1e6))),
        "fill_decay_per_bps": draw(st.sampled_from((0.01, 0.3, 1e4))),
        "volatility_bps_per_sqrt_s": 1.0 if fixed else None,
        "other_volatilities_bps_per_sqrt_s": (0.0, draw(st.floats(0, 1e4))) if fixed else (),
        "order_levels": draw(st.sampled_from((1, 3))),
    }
    try:
        strategy = made(**changes)
    except ConfigError:
        return
    view = draw(views(INSTRUMENT))
    reading = st.builds(Reading, st.floats(), st.booleans(), st.just("samples"))
    others = tuple(
        other(
            symbol,
            lots=draw(st.integers(-(10**9), 10**9)),
            mid=draw(st.one_of(st.just(0), st.integers(1, 10**12))),
            age_ms=draw(st.sampled_from((0, 9_000))),
            readings=(draw(reading),),
        )
        for symbol in (ETH, SOL)
    )
    now = replace(view, others=others, readings=(draw(reading),))

    quotes = strategy.quotes(now)

    assert ladder_faults(quotes, now) == []
    assert quotes.reason


@given(st.data())
def test_with_all_inventories_negated_the_ladder_is_mirrored(data: st.DataObject) -> None:
    """To the tick, with one market missing too."""
    strategy = made(order_levels=2)
    lots, there = data.draw(st.integers(-900, 900)), data.draw(st.integers(-900, 900))
    age_ms = data.draw(st.sampled_from((0, 9_000)))
    view = replace(seen(other(lots=there, age_ms=age_ms)), inventory_lots=lots)
    twin = replace(mirrored(view), others=(other(lots=-there, age_ms=age_ms),))

    quotes, flipped = strategy.quotes(view), strategy.quotes(twin)

    mid = view.mid_half_ticks
    assert [one.but(price_ticks=mid - one.price_ticks) for one in flipped.asks] == list(quotes.bids)
    assert [one.but(price_ticks=mid - one.price_ticks) for one in flipped.bids] == list(quotes.asks)
