"""Intensity from own fills: the fit against a naive one, accuracy on a known market, what counts."""

from math import exp, log, sqrt
from random import Random
from statistics import fmean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.domain.sides import Side
from mm.signals.own_intensity import BINS_MAX, NOTHING, OwnIntensity, OwnIntensitySpec, fitted, moments
from tests.builders.signal_market import SECOND_NS, START_NS, quote

MID = 200_000
HALF_TICKS_PER_BPS = MID / 10_000


def likelihood(exposure_s: list[float], fills: list[float], rate: float, decay: float) -> float:
    """Logarithm of the likelihood, without what does not depend on the parameters."""
    pairs = enumerate(zip(exposure_s, fills, strict=True))
    return sum(y * (log(rate) - decay * x) - time_s * rate * exp(-decay * x) for x, (time_s, y) in pairs)


tables = st.lists(st.tuples(st.floats(0.1, 100), st.integers(0, 20)), min_size=2, max_size=12)


@given(tables)
def test_no_neighbour_is_more_likely_than_the_fit(table: list[tuple[float, int]]) -> None:
    """Where there is a fit at all; both slopes of the likelihood are 0 there."""
    exposure_s, fills = [row[0] for row in table], [float(row[1]) for row in table]
    fit = fitted(exposure_s, fills, 0.0)
    if fit is NOTHING:
        return

    best = likelihood(exposure_s, fills, fit.rate, fit.decay)

    for rate in (0.99, 1.0, 1.01):
        for decay in (-0.01, 0.0, 0.01):
            assert likelihood(exposure_s, fills, fit.rate * rate, fit.decay + decay) <= best + 1e-9
    plain, first, _ = moments(exposure_s, fit.decay)
    assert fit.rate * plain == pytest.approx(sum(fills))
    assert fit.rate * first == pytest.approx(sum(x * y for x, y in enumerate(fills)), rel=1e-6, abs=1e-6)


def test_expected_fills_give_the_law_that_they_came_from() -> None:
    """And the error that the information says."""
    exposure_s = [10.0 * (1 + place % 3) for place in range(20)]
    fills = [time_s * 0.9 * exp(-0.15 * place) for place, time_s in enumerate(exposure_s)]

    fit = fitted(exposure_s, fills, 2.0)

    assert fit.rate == pytest.approx(0.9)
    assert fit.decay == pytest.approx(0.15)
    weights = [number * 1.0 for number in fills]
    mean = sum(x * w for x, w in enumerate(weights)) / sum(weights)
    information = sum(w * (x - mean) ** 2 for x, w in enumerate(weights))
    assert fit.error == pytest.approx(information**-0.5)


@pytest.mark.parametrize(
    ("exposure_s", "fills"),
    [
        ([0.0, 0.0], [0.0, 0.0]),
        ([1.0, 1.0], [0.0, 0.0]),
        ([0.0, 0.0], [1.0, 0.0]),
        ([0.0, 5.0, 0.0], [0.0, 2.0, 0.0]),
        ([5.0, 5.0], [3.0, 0.0]),
        ([5.0, 5.0], [0.0, 3.0]),
    ],
)
def test_what_cannot_be_fitted_is_nothing(exposure_s: list[float], fills: list[float]) -> None:
    """No quotes, no fills, one distance alone, fills at one end alone."""
    assert fitted(exposure_s, fills, 0.0) == NOTHING


def market(seconds: float, seed: int = 5, *, spec: OwnIntensitySpec) -> OwnIntensity:
    """The signal after a market with A = 0.9 per second and k = 0.3 per tick, one quote per side."""
    random, signal = Random(seed), spec.start()
    signal.on_mid(START_NS, MID)
    for step in range(round(seconds * 10)):
        ts_ns = START_NS + step * SECOND_NS // 10
        places = [(side, random.randrange(1, 21)) for side in Side]
        own = tuple(quote(side, (MID - side.sign * distance * 2) // 2) for side, distance in places)
        signal.on_own_quotes(ts_ns, own)
        for side, distance in places:
            if random.random() < 0.09 * exp(-0.3 * distance):
                signal.on_own_fill(ts_ns + SECOND_NS // 20, side, MID // 2 - side.sign * distance, 1, MID)
    return signal


@pytest.mark.proof  # many samples
def test_a_known_market_is_measured_to_the_stated_error() -> None:
    """Within three of its standard errors; the bins are half ticks, the value is per basis point."""
    signal = market(6_000, spec=OwnIntensitySpec(half_life_ns=0))

    reading = signal.reading(START_NS + 6_000 * SECOND_NS)

    rate, error, fills = reading.more
    assert reading.ready
    assert reading.value == pytest.approx(0.15 * HALF_TICKS_PER_BPS, rel=3 * error)
    assert error < 0.06
    assert rate == pytest.approx(0.9, rel=0.15)
    assert fills > 900


TICK = 200
"""Half ticks of a market so fine that a distance is any number; k is per this many of them."""


def ten_minutes(seed: int, *, exposure_s: float) -> tuple[float, float]:
    """k and A after ten minutes: one quote at a time, as far as chance has it from half a tick to ten."""
    random, mid = Random(seed), 20_000_000
    span_ns = round(exposure_s * SECOND_NS)
    spec = OwnIntensitySpec(
        step_ppm=1, bins=110, half_life_ns=0, renew_ns=600 * SECOND_NS, fills_min=1, error_ppm_max=10**9
    )
    signal = spec.start()
    signal.on_mid(START_NS, mid)
    for step in range(round(600 / exposure_s)):
        ts_ns, side = START_NS + step * span_ns, random.choice((Side.BUY, Side.SELL))
        distance = random.uniform(0.5, 10.0)
        price = (mid - side.sign * round(distance * TICK)) // 2
        signal.on_own_quotes(ts_ns, (quote(side, price),))
        at_s = random.expovariate(rate := 0.9 * exp(-0.3 * distance))
        while at_s < exposure_s:
            signal.on_own_fill(ts_ns + round(at_s * SECOND_NS), side, price, 1, mid)
            at_s += random.expovariate(rate)
    signal.on_mid(START_NS + 600 * SECOND_NS, mid)
    reading = signal.reading(START_NS + 600 * SECOND_NS)
    # A bin is a millionth of the mid, a tenth of the tick.
    return reading.value / 10, reading.more[0]


def test_ten_minutes_of_own_fills_have_no_bias() -> None:
    """Over 100 runs: mean and deviation of k and A are those of the reference within four standard errors,
    in which a bias of ten per cent has no room.
    """
    found = [ten_minutes(seed, exposure_s=1.0) for seed in range(100)]

    for values, mean, deviation in zip(
        zip(*found, strict=True), (0.3010, 0.910), (0.0349, 0.124), strict=True
    ):
        assert 4 * deviation / sqrt(100) < 0.06 * mean
        assert fmean(values) == pytest.approx(mean, abs=4 * deviation / sqrt(100))
        assert stdev(values) == pytest.approx(deviation, abs=4 * deviation / sqrt(200))


@pytest.mark.proof
def test_own_fills_give_the_estimates_of_the_reference() -> None:
    """300 runs, a new distance every tenth of a second: within four standard errors of both samples."""
    found = [ten_minutes(seed, exposure_s=0.1) for seed in range(300)]

    for values, mean, deviation in zip(
        zip(*found, strict=True), (0.3010, 0.910), (0.0349, 0.124), strict=True
    ):
        assert fmean(values) == pytest.approx(mean, abs=4 * sqrt(2) * deviation / sqrt(300))
        assert stdev(values) == pytest.approx(deviation, abs=4 * sqrt(2) * deviation / sqrt(600))


def test_what_is_far_away_or_beyond_the_mid_counts_for_nothing() -> None:
    """Neither its time nor its fills; nor anything while there is no mid."""
    signal = OwnIntensitySpec(bins=4, half_life_ns=0).start()
    own = (quote(Side.BUY, 99), quote(Side.BUY, 90), quote(Side.SELL, 99))
    signal.on_own_quotes(START_NS, own)
    signal.on_own_fill(START_NS, Side.BUY, 99, 1, 0)
    signal.on_mid(START_NS + SECOND_NS, 200)
    signal.on_own_fill(START_NS + 3 * SECOND_NS, Side.BUY, 99, 1, 200)
    signal.on_own_fill(START_NS + 3 * SECOND_NS, Side.BUY, 90, 1, 200)
    signal.on_own_fill(START_NS + 3 * SECOND_NS, Side.SELL, 99, 1, 200)
    signal.on_lost(START_NS + 4 * SECOND_NS)
    signal.on_own_fill(START_NS + 9 * SECOND_NS, Side.BUY, 99, 1, 0)

    assert signal.state()[7:15] == (0, 0, 3.0, 0, 0, 0, 1.0, 0)


def test_bins_can_be_parts_of_the_price() -> None:
    """The nearest one of 0, 1, 2 ... basis points."""
    signal = OwnIntensitySpec(step_ppm=100, bins=3, half_life_ns=0).start()
    signal.on_mid(START_NS, MID)
    for bps in (0.0, 0.4, 0.6, 1.4, 2.4, 2.6):
        price = round(MID * (1 - bps / 10_000) / 2)
        signal.on_own_fill(START_NS + SECOND_NS, Side.BUY, price, 1, MID)

    assert signal.state()[10:13] == (2.0, 2.0, 1.0)


def test_it_says_what_it_waits_for() -> None:
    """Fills, a mid, fills that thin out, a smaller error."""
    spec = OwnIntensitySpec(fills_min=3, renew_ns=SECOND_NS, half_life_ns=0)
    signal = spec.start()
    assert signal.reading(START_NS).waits_for == "own fills (0 of 3), a mid"
    signal.on_mid(START_NS, 200)
    assert signal.reading(START_NS).waits_for == "own fills (0 of 3)"
    signal.on_own_quotes(START_NS, (quote(Side.BUY, 99), quote(Side.BUY, 98)))
    for _ in range(3):
        signal.on_own_fill(START_NS + SECOND_NS // 2, Side.BUY, 98, 1, 200)
    signal.on_own_fill(START_NS + SECOND_NS // 2, Side.BUY, 99, 1, 200)
    assert signal.reading(START_NS + SECOND_NS).waits_for == "own fills that thin out with distance"
    signal.on_mid(START_NS + 2 * SECOND_NS, 200)
    assert signal.reading(START_NS + 2 * SECOND_NS).waits_for == "own fills that thin out with distance"
    for _ in range(9):
        signal.on_own_fill(START_NS + 2 * SECOND_NS, Side.BUY, 99, 1, 200)
    signal.on_mid(START_NS + 3 * SECOND_NS, 201)
    waits_for = signal.reading(START_NS + 3 * SECOND_NS).waits_for
    assert waits_for.startswith("a fill decay known to 10 % (now ")
    assert waits_for.endswith(" %)")
    signal.on_lost(START_NS + 3 * SECOND_NS)
    assert signal.reading(START_NS + 3 * SECOND_NS).waits_for == "a mid"


def test_time_and_fills_fade_with_the_half_life() -> None:
    """Renewed every second, what is two half-lives old weighs a quarter."""
    spec = OwnIntensitySpec(half_life_ns=10 * SECOND_NS, renew_ns=SECOND_NS)
    signal = spec.start()
    signal.on_mid(START_NS, 200)
    signal.on_own_quotes(START_NS, (quote(Side.BUY, 99),))
    signal.on_own_fill(START_NS + SECOND_NS // 2, Side.BUY, 99, 1, 200)
    signal.on_own_quotes(START_NS + SECOND_NS // 2, ())
    for second in range(1, 22):
        signal.on_mid(START_NS + second * SECOND_NS, 200 + second % 2)

    faded = signal.state()
    assert faded[7 + 2] == pytest.approx(0.5 * 0.25, rel=0.1)
    assert faded[107 + 2] == pytest.approx(0.25, rel=0.1)


@pytest.mark.parametrize(
    "change",
    [
        {"step_ppm": -1},
        {"bins": 1},
        {"bins": BINS_MAX + 1},
        {"half_life_ns": -1},
        {"renew_ns": 0},
        {"fills_min": 0},
        {"error_ppm_max": 0},
        {"lag_ns": -1},
    ],
)
def test_a_spec_out_of_range_is_our_own_fault(change: dict[str, int]) -> None:
    """A strategy that asks for it fails at once."""
    with pytest.raises(AssertionError):
        OwnIntensitySpec(**change)
