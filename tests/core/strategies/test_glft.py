"""GLFT: the closed form against published and computed numbers; the quotes by example and in general."""

from decimal import Decimal
from math import e, exp, sqrt

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mm.domain.instrument import Instrument
from mm.domain.quotes import Quotes
from mm.domain.view import Reading, View
from mm.errors import ConfigError
from mm.signals.volatility import VolatilitySpec
from mm.strategies.base import Wake
from mm.strategies.glft import Glft, Market, closed_form, edge
from tests.builders.views import (
    SECOND_NS,
    a_view,
    an_instrument,
    ladder_faults,
    mirrored,
    mirrored_quotes,
    views,
    with_reading,
)

Params = Glft.Params
Value = Decimal | int | float | None


def market(risk_factor: float, arrival_rate: float, decay: float, volatility: float) -> Market:
    """A market of unit lots without fee."""
    return Market(risk_factor=risk_factor, arrival_rate=arrival_rate, decay=decay, volatility=volatility)


FIG_1 = market(0.01, 0.9, 0.3, 0.3)
"""Figure 1 of arXiv 1105.3115."""


def stoikov(risk_factor: float) -> Market:
    """The market of Avellaneda and Stoikov's tables."""
    return market(risk_factor, 140.0, 1.5, 2.0)


# The closed form.


@pytest.mark.parametrize(
    ("given_market", "inventory", "bid"),
    [
        (FIG_1, 0, 3.3129151986),
        (FIG_1, 5, 3.6522443612),
        (FIG_1, 10, 3.9915735239),
        (FIG_1, -10, 2.6342568733),
        (market(0.01, 0.9, 0.3, 0.4), 0, 3.3242261707),
        (market(0.01, 0.2, 0.3, 1.0), 0, 3.5189242343),
        (market(0.01, 0.2, 0.3, 1.0), 10, 8.3177632736),
        (stoikov(0.1), 0, 0.6712438194),
        (stoikov(0.1), 5, 0.9298299000),
        (stoikov(0.1), 10, 1.1884159807),
        (stoikov(0.01), 0, 0.6725125976),
        (stoikov(0.5), 0, 0.6367033057),
        (stoikov(1.0), 0, 0.6032286707),
        (stoikov(1.0), 10, 2.4512896084),
    ],
)
def test_the_closed_form_gives_the_numbers_of_the_oracle(
    given_market: Market, inventory: int, bid: float
) -> None:
    """Bid distances to ten decimals; the ask at the opposite inventory is the same number."""
    distances = closed_form(given_market)

    assert distances.bid(inventory) == pytest.approx(bid, abs=6e-11)
    assert distances.ask(-inventory) == distances.bid(inventory)


@pytest.mark.parametrize(
    ("given_market", "slope"),
    [
        (stoikov(0.01), 0.016116651403),
        (stoikov(0.1), 0.051717216122),
        (stoikov(0.5), 0.122678321661),
        (stoikov(1.0), 0.184806093770),
        (FIG_1, 0.067865832531),
    ],
)
def test_the_skew_gives_the_numbers_of_the_oracle(given_market: Market, slope: float) -> None:
    """S, the shift per lot held."""
    assert closed_form(given_market).skew == pytest.approx(slope, abs=1e-12)


def test_a_published_tutorial_is_reproduced() -> None:
    """Half spread and skew of the GLFT tutorial of hftbacktest, in its ticks."""
    distances = closed_form(market(0.05, 2.986162360812285, 0.04235741115084049, 10.69))

    assert distances.half_spread == pytest.approx(20.47208533844371, rel=1e-14)
    assert distances.skew == pytest.approx(9.76326865029227, rel=1e-14)


def test_the_lot_size_rescales_risk_and_inventory() -> None:
    """With a lot of 0.25 units the bid at 0.75 units is that of three lots with a quarter of the aversion."""
    in_units = Market(risk_factor=0.1, arrival_rate=140, decay=1.5, volatility=2, lot=0.25)

    assert closed_form(in_units).bid(0.75) == pytest.approx(0.7505829294240154, abs=1e-15)
    assert closed_form(stoikov(0.025)).bid(3) == pytest.approx(0.7505829294240154, abs=1e-15)


@pytest.mark.parametrize(
    ("risk_factor", "distance"),
    [(0.1, 0.6453852113757116), (1e-4, 0.6666444454320494), (1e-8, 0.6666666644444444), (0.0, 1 / 1.5)],
)
def test_the_edge_is_exact_down_to_no_risk(risk_factor: float, distance: float) -> None:
    """c0 tends to 1 / k without loss of digits."""
    assert edge(risk_factor, 1.5) == pytest.approx(distance, rel=4e-16, abs=0)


@pytest.mark.parametrize("risk_factor", [1e-12, 1e-15, 1e-300, 5e-324])
def test_vanishing_risk_is_no_risk(risk_factor: float) -> None:
    """However small the aversion, nothing divides by zero and the distance is 1 / k."""
    assert closed_form(stoikov(risk_factor)).half_spread == pytest.approx(1 / 1.5, rel=1e-6)
    assert edge(risk_factor, 1.5) == pytest.approx(1 / 1.5, rel=1e-11)


def test_without_risk_nothing_leans() -> None:
    """At g = 0 both quotes stand 1 / k away whatever the inventory."""
    distances = closed_form(stoikov(0.0))

    assert (distances.bid(50), distances.ask(50)) == (1 / 1.5, 1 / 1.5)


@pytest.mark.parametrize(
    ("risk_factor", "eta"),
    [(0.1, 49.8503782633), (1e-4, 51.50140506003691), (1e-8, 51.50312159232485), (1e-14, 140 / e)],
)
def test_the_rate_at_the_optimum_is_exact_down_to_no_risk(risk_factor: float, eta: float) -> None:
    """eta = A (1 + g/k)^-(1 + k/g), read back from S = sqrt(alpha / eta) / k, tends to A / e."""
    slope = closed_form(stoikov(risk_factor)).skew

    assert 1.5 * risk_factor * 4 / 2 / (1.5 * slope) ** 2 == pytest.approx(eta, rel=3e-12)


@pytest.mark.parametrize("fee", [-0.1, 0.1, 0.3, 0.6])
def test_a_fee_is_the_same_market_shifted(fee: float) -> None:
    """Quotes with a fee are the fee plus the quotes at the rate A exp(-k f)."""
    with_fee = closed_form(Market(risk_factor=0.1, arrival_rate=140, decay=1.5, volatility=2, fee=fee))
    shifted = closed_form(market(0.1, 140 * exp(-1.5 * fee), 1.5, 2.0))

    assert with_fee.bid(3) == pytest.approx(fee + shifted.bid(3), rel=1e-15)
    assert with_fee.ask(3) == pytest.approx(fee + shifted.ask(3), rel=1e-15)


@pytest.mark.parametrize(
    ("fee", "bid"), [(0.1, 0.7737044123), (0.3, 0.9783735665), (0.6, 1.2868946764), (-0.1, 0.5697052147)]
)
def test_with_a_fee_the_closed_form_stays_near_the_exact_optimum(fee: float, bid: float) -> None:
    """Bids of the eigenvector solution at no inventory; the closed form is within 0.1 %."""
    distances = closed_form(Market(risk_factor=0.1, arrival_rate=140, decay=1.5, volatility=2, fee=fee))

    assert distances.bid(0) == pytest.approx(bid, rel=1.5e-3)


rates = st.floats(0.01, 100)


@given(rates, rates, rates, rates, st.floats(-20, 20))
def test_the_statics_have_the_signs_of_the_paper(g: float, a: float, k: float, s: float, q: float) -> None:
    """Spread rises with volatility and falls with rate and decay; a bid's move with volatility follows q."""
    base = closed_form(market(g, a, k, s))
    wilder = closed_form(market(g, a, k, s * 1.1))
    busier = closed_form(market(g, a * 1.1, k, s))
    steeper = closed_form(market(g, a, k * 1.1, s))

    assert wilder.half_spread > base.half_spread > busier.half_spread
    assert base.half_spread > steeper.half_spread
    assert base.ask(q) == base.bid(-q)
    if abs(2 * q + 1) > 1e-6:
        assert (wilder.bid(q) > base.bid(q)) == (2 * q + 1 > 0)


# The strategy.


def some_params(**changes: Value) -> Params:
    """Figure 1 in basis points, with orders of 100 lots and a known volatility; `changes` on top."""
    values: dict[str, Value] = {
        "risk_factor": 0.01,
        "order_amount_base": Decimal("0.01"),
        "arrival_rate_per_s": 0.9,
        "fill_decay_per_bps": 0.3,
        "volatility_bps_per_sqrt_s": 0.3,
    }
    return Params(**(values | changes))  # type: ignore[arg-type]  # the values are of mixed types


def calm(inventory_lots: int = 0, instrument: Instrument | None = None) -> View[None]:
    """A mid of 10 000 (a basis point is 100 ticks) in a book of one tick more than two."""
    return a_view(
        bid_ticks=999_999, ask_ticks=1_000_001, inventory_lots=inventory_lots, instrument=instrument
    )


def quotes_of(view: View[None], **changes: Value) -> Quotes[None]:
    """The quotes of `some_params` with `changes`."""
    return Glft(some_params(**changes), view.instrument).quotes(view)


def test_quotes_stand_at_the_closed_forms_distances_to_the_nearest_tick() -> None:
    """Figure 1 at no inventory is 3.3129 bps on both sides; the lots are one order amount."""
    quotes = quotes_of(calm())

    assert [(q.level, q.price_ticks, q.size_lots) for q in quotes.bids] == [(0, 1_000_000 - 331, 100)]
    assert [(q.level, q.price_ticks, q.size_lots) for q in quotes.asks] == [(0, 1_000_000 + 331, 100)]
    assert quotes.reason == "quoting"


def test_each_order_amount_held_moves_both_quotes_by_the_skew() -> None:
    """Five orders held: bid 3.6522, ask 2.9736 bps away; half an order counts half."""
    five, half = quotes_of(calm(500)), quotes_of(calm(-50))

    assert (five.bids[0].price_ticks, five.asks[0].price_ticks) == (1_000_000 - 365, 1_000_000 + 297)
    assert (half.bids[0].price_ticks, half.asks[0].price_ticks) == (1_000_000 - 328, 1_000_000 + 335)


def test_the_maker_fee_is_part_of_the_formula() -> None:
    """A fee of 1 bps moves both quotes by itself and by the thinner flow behind it."""
    view = calm(instrument=an_instrument(maker_fee_ratio="0.0001"))
    exact = closed_form(
        Market(risk_factor=0.01, arrival_rate=0.9, decay=0.3, volatility=0.3, fee=1.0)
    ).half_spread

    quotes = quotes_of(view)

    assert quotes.asks[0].price_ticks == 1_000_000 + round(100 * exact)


def test_the_measured_volatility_is_used_once_it_is_known() -> None:
    """Before that nothing is quoted, and the reason says what is missing; a reading is half ticks^2 per s."""
    strategy = Glft(some_params(volatility_bps_per_sqrt_s=None), an_instrument())
    blind = strategy.quotes(with_reading(calm(), Reading(3_600.0, False, "7 of 20 volatility samples")))
    # 0.3 bps of a mid of 2 000 000 half ticks are 60 half ticks.
    seeing = strategy.quotes(with_reading(calm(), Reading(3_600.0, True)))

    assert (blind.bids, blind.asks) == ((), ())
    assert blind.reason == "waits for 7 of 20 volatility samples"
    assert (seeing.bids, seeing.asks) == (quotes_of(calm()).bids, quotes_of(calm()).asks)


def test_the_signal_is_asked_for_only_when_the_volatility_is_not_given() -> None:
    """Half-life and sampling of the parameters reach the signal."""
    given_one = Glft(some_params(), an_instrument())
    measured = Glft(
        some_params(volatility_bps_per_sqrt_s=None, volatility_half_life_ms=30_000, volatility_sample_ms=500),
        an_instrument(),
    )

    assert given_one.needs == ()
    assert measured.needs == (VolatilitySpec(sample_ns=SECOND_NS // 2, half_life_ns=30 * SECOND_NS),)
    assert measured.wake == Wake()
    assert measured.initial_memory() is None  # type: ignore[func-returns-value]  # that it is None is the point


def test_the_width_stays_between_minimum_and_maximum() -> None:
    """min_spread_bps and max_spread_bps are widths from bid to ask; the skew stays."""
    wide = quotes_of(calm(500), min_spread_bps=Decimal(20))
    narrow = quotes_of(calm(500), max_spread_bps=Decimal(2))

    assert (wide.bids[0].price_ticks, wide.asks[0].price_ticks) == (1_000_000 - 1_034, 1_000_000 + 966)
    assert (narrow.bids[0].price_ticks, narrow.asks[0].price_ticks) == (1_000_000 - 134, 1_000_000 + 66)


def test_levels_are_half_a_width_apart_unless_told_otherwise() -> None:
    """order_level_spread_bps sets the distance between levels."""
    free = quotes_of(calm(), order_levels=3)
    told = quotes_of(calm(), order_levels=3, order_level_spread_bps=Decimal("1.5"))

    assert [1_000_000 - q.price_ticks for q in free.bids] == [331, 663, 994]
    assert [q.price_ticks - 1_000_000 for q in told.asks] == [331, 481, 631]
    assert [q.level for q in told.asks] == [0, 1, 2]


def test_the_tolerance_is_a_third_of_the_decay_length_unless_told_otherwise() -> None:
    """0.3 / k = 1 bps = 100 ticks; times are per order."""
    free = quotes_of(calm()).bids[0]
    told = quotes_of(
        calm(),
        order_refresh_tolerance_bps=Decimal("0.5"),
        order_refresh_time_ms=2_000,
        max_order_age_ms=60_000,
    ).asks[0]

    assert (free.tolerance_ticks, free.life_ns_min, free.age_ns_max) == (100, 0, 0)
    assert (told.tolerance_ticks, told.life_ns_min, told.age_ns_max) == (50, 2 * SECOND_NS, 60 * SECOND_NS)


def test_at_the_inventory_limit_one_side_is_off() -> None:
    """No bid at the upper limit, no ask at the lower one."""
    long, short = quotes_of(calm(1_000)), quotes_of(calm(-1_000))

    assert (long.bids, len(long.asks), long.reason) == ((), 1, "only sells: inventory limit")
    assert (len(short.bids), short.asks, short.reason) == (1, (), "only buys: inventory limit")


def test_a_quote_that_the_skew_takes_through_the_book_stops_before_it() -> None:
    """Far beyond its optimum the reducing side stands at the best price, the other side far away."""
    view = msgspec.structs.replace(calm(100_000), inventory_max_lots=10**6)

    quotes = quotes_of(view, order_levels=2)

    assert [q.price_ticks for q in quotes.asks] == [1_000_000, 1_000_001]
    assert quotes.bids[0].price_ticks == 1_000_000 - round(100 * closed_form(FIG_1).bid(1_000))


@pytest.mark.parametrize(("ask_ticks", "quoted"), [(1_011, (1_000, 1_001)), (1_010, (999, 1_001))])
def test_quotes_are_at_least_a_tick_apart_even_if_a_rebate_pays_for_less(
    ask_ticks: int, quoted: tuple[int, int]
) -> None:
    """A width of less than a tick is one tick, and symmetric; levels do not share a price."""
    earning = an_instrument(maker_fee_ratio="-0.005")

    quotes = quotes_of(a_view(bid_ticks=990, ask_ticks=ask_ticks, instrument=earning), order_levels=2)

    assert (quotes.bids[0].price_ticks, quotes.asks[0].price_ticks) == quoted
    assert quotes.bids[1].price_ticks < quotes.bids[0].price_ticks


def test_prices_too_large_for_floats_do_not_cross() -> None:
    """Where a float no longer tells ticks apart the bid still stands below the ask."""
    instrument = msgspec.structs.replace(an_instrument(maker_fee_ratio="-0.005"), price_max_ticks=2**62)
    view = a_view(bid_ticks=2**55, ask_ticks=2**55 + 44, instrument=instrument)

    assert ladder_faults(quotes_of(view, max_spread_bps=Decimal("0.01")), view) == []


def test_levels_outside_the_venues_prices_are_left_out() -> None:
    """A bid below the lowest price is not wanted; an ask above the highest neither."""
    instrument = msgspec.structs.replace(an_instrument(), price_min_ticks=999_500, price_max_ticks=1_000_300)

    quotes = quotes_of(calm(instrument=instrument), order_levels=2)

    assert [q.level for q in quotes.bids] == [0]
    assert quotes.asks == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"min_spread_bps": Decimal(9), "max_spread_bps": Decimal(8)},
            "min_spread_bps was 9, expected at most max_spread_bps, 8",
        ),
        (
            {"order_refresh_time_ms": 9_000, "max_order_age_ms": 8_000},
            "order_refresh_time_ms was 9000, expected at most max_order_age_ms, 8000",
        ),
        (
            {"volatility_sample_ms": 9_000, "volatility_half_life_ms": 8_000},
            "volatility_sample_ms was 9000, expected at most volatility_half_life_ms, 8000",
        ),
    ],
)
def test_parameters_that_contradict_each_other_are_refused(changes: dict[str, Value], message: str) -> None:
    """The message names both and opens with the key to change."""
    with pytest.raises(ValueError, match=message):
        some_params(**changes)


@pytest.mark.parametrize(
    ("changes", "fee", "message"),
    [
        ({"order_amount_base": Decimal("0.00001")}, "0", "order_amount_base was 0.00001 BTC"),
        ({"min_spread_bps": Decimal("0.001")}, "0", "min_spread_bps was 0.001, expected .* 2 decimals"),
        ({"fill_decay_per_bps": 0.0001, "risk_factor": 0.0}, "0", "fill_decay_per_bps was 0.0001 with arri"),
        ({"arrival_rate_per_s": 1e-12}, "0", "fill_decay_per_bps was 0.3 with arrival_rate_per_s 1e-12"),
        ({"fill_decay_per_bps": 1e4}, "0.001", "move inf bps with each fill"),
        ({"fill_decay_per_bps": 1e4}, "-0.001", "move inf bps with each fill"),
    ],
)
def test_parameters_that_make_no_sense_on_the_instrument_are_refused(
    changes: dict[str, Value], fee: str, message: str
) -> None:
    """Absurd distances are an error that shows them in basis points, before anything is quoted."""
    params = some_params(**changes)

    with pytest.raises(ConfigError, match=message) as caught:
        Glft(params, an_instrument(maker_fee_ratio=fee))

    assert caught.value.hint


def hundredths(low: int, high: int) -> st.SearchStrategy[Decimal]:
    """Decimals with two places, bounds in hundredths."""
    return st.integers(low, high).map(lambda value: Decimal(value) / 100)


all_params = st.builds(
    Params,
    risk_factor=st.just(0.0) | st.floats(0, 1),
    order_amount_base=st.integers(1, 5_000).map(lambda lots: Decimal(lots) / 10_000),
    arrival_rate_per_s=st.floats(0.01, 100),
    fill_decay_per_bps=st.floats(0.01, 10),
    min_spread_bps=st.none() | hundredths(0, 1_000),
    max_spread_bps=st.none() | hundredths(1_000, 100_000),
    order_levels=st.integers(1, 5),
    order_level_spread_bps=st.none() | hundredths(1, 5_000),
    order_refresh_tolerance_bps=st.none() | hundredths(0, 5_000),
)
readings = st.floats(0, 1e6, allow_subnormal=False).map(lambda value: Reading(value, True))
unbounded = msgspec.structs.replace(an_instrument(), price_min_ticks=-(10**12), price_max_ticks=10**12)


def starts(params: Params, instrument: Instrument) -> Glft:
    """The strategy, if its quotes are not absurd; the case is dropped otherwise."""
    try:
        return Glft(params, instrument)
    except ConfigError:
        assume(False)
        raise


@given(all_params, views(an_instrument()), readings)
def test_every_ladder_may_be_sent(params: Params, view: View[None], reading: Reading) -> None:
    """Never crossed, sizes positive, levels unique, prices monotone; equal views give equal quotes."""
    strategy, seen = starts(params, view.instrument), with_reading(view, reading)

    quotes = strategy.quotes(seen)

    assert ladder_faults(quotes, seen) == []
    assert quotes == strategy.quotes(seen) == Glft(params, view.instrument).quotes(seen)


@given(all_params, views(unbounded), readings)
def test_the_sides_mirror_each_other(params: Params, view: View[None], reading: Reading) -> None:
    """With prices and inventory mirrored the quotes are mirrored, to the tick."""
    strategy, seen = starts(params, unbounded), with_reading(view, reading)

    quotes, reflected = strategy.quotes(seen), strategy.quotes(mirrored(seen))

    expected = mirrored_quotes(quotes, view.mid_half_ticks)
    assert (reflected.bids, reflected.asks) == (expected.bids, expected.asks)


@given(all_params, views(unbounded), readings, st.integers(0, 10_000))
def test_more_inventory_never_quotes_higher(
    params: Params, view: View[None], reading: Reading, more: int
) -> None:
    """Prices on both sides only fall as the inventory grows."""
    strategy, seen = starts(params, unbounded), with_reading(view, reading)
    fuller = msgspec.structs.replace(seen, inventory_lots=seen.inventory_lots + more)

    before, after = strategy.quotes(seen), strategy.quotes(fuller)

    for lower, upper in ((after.bids, before.bids), (after.asks, before.asks)):
        assert all(low.price_ticks <= high.price_ticks for low, high in zip(lower, upper, strict=False))


@given(all_params, views(unbounded), st.floats(0, 1e6))
def test_a_wilder_market_never_quotes_narrower(params: Params, view: View[None], variance: float) -> None:
    """The width from bid to ask rises with the volatility, but for the rounding to ticks."""
    strategy, limit = starts(params, unbounded), view.inventory_max_lots
    assume(abs(view.inventory_lots) < limit)
    flat = msgspec.structs.replace(view, inventory_lots=0)

    calm_one = strategy.quotes(with_reading(flat, Reading(variance, True)))
    wild_one = strategy.quotes(with_reading(flat, Reading(2 * variance + sqrt(variance), True)))

    widths = [quotes.asks[0].price_ticks - quotes.bids[0].price_ticks for quotes in (calm_one, wild_one)]
    assert widths[0] <= widths[1]
