"""Trade intensity: the vector, accuracy on simulated flow, what is one market order, what counts as time."""

from math import atanh, ceil, exp, inf, log, sqrt
from random import Random
from statistics import fmean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.domain.sides import Side
from mm.signals.intensity import (
    Intensity,
    IntensitySpec,
    decay_error,
    decay_per_step,
    depth_steps,
    geometric_share,
    misfit,
    misfit_most,
    orders_left_s,
    rate_at_mid,
)
from tests.builders.signal_market import SECOND_NS, START_NS, poisson_orders

MID = 200_001
"""Mid of a book of one tick; a tick is a tenth of a basis point."""

TICKS_PER_BPS = MID / 20_000


def spec(**changes: int) -> IntensitySpec:
    """All orders count alike, the mid is that of now."""
    return IntensitySpec(**({"half_life_ns": 0, "lag_ns": 0} | changes))


def order(signal: Intensity, ts_ns: int, side: Side, depth: int, venue_ms: int = 0) -> None:
    """Tell of a print so many half ticks beyond the mid."""
    signal.on_trade(ts_ns, (MID + side.sign * depth) // 2, 10, side, venue_ms)


def test_the_formulas_give_the_known_vector() -> None:
    """Ten orders in 100 s, censored at 15 steps."""
    steps = [min(j, 15) for j in (0, 0, 0, 0, 1, 1, 2, 3, 5, 20)]
    share = geometric_share(sum(j < 15 for j in steps), sum(steps))
    assert share == 0.25
    assert decay_per_step(share) == pytest.approx(0.2876820724517809, rel=1e-15)
    assert rate_at_mid(10, 200, decay_per_step(share) * 0.5) == pytest.approx(0.057735026918962574, rel=1e-15)


def test_the_signal_gives_the_known_vector() -> None:
    """From prints, half of them of buyers; the value is per basis point."""
    signal = spec(orders_min=10, error_ppm_max=1_000_000).start()
    signal.on_mid(START_NS, MID)
    for second, j in enumerate((0, 0, 0, 0, 1, 1, 2, 3, 5, 20)):
        order(signal, START_NS + second * SECOND_NS, Side.BUY if second % 2 else Side.SELL, 1 + 2 * j)

    reading = signal.reading(START_NS + 100 * SECOND_NS)

    assert reading.ready
    assert reading.value == pytest.approx(0.2876820724517809 * TICKS_PER_BPS, rel=1e-12)
    assert reading.more[0] == pytest.approx(0.057735026918962574, rel=1e-12)
    assert reading.more[1] == pytest.approx(decay_error(0.25, 9))
    assert reading.more[2] == pytest.approx(10)


@pytest.mark.proof  # many samples
def test_a_thousand_orders_know_the_decay_without_bias_to_four_per_cent() -> None:
    """Over 150 runs of about 1000 orders: bias of k below 1 %, deviation below 4 %; the error that is stated
    is the one that is found, and A is known as well.
    """
    decay, rate = 0.3, 0.9
    seconds = 1_000 / (2 * rate * exp(-decay / 2))
    values, rates, errors = [], [], []
    for seed in range(150):
        signal = spec().start()
        signal.on_mid(START_NS, MID)
        for ts_ns, side, depth in poisson_orders(seed, rate=rate, decay=decay, seconds=seconds):
            order(signal, ts_ns, side, depth)
        reading = signal.reading(START_NS + round(seconds * SECOND_NS))
        assert reading.ready
        values.append(reading.value / TICKS_PER_BPS)
        rates.append(reading.more[0])
        errors.append(reading.more[1])

    assert abs(fmean(values) / decay - 1) < 0.01
    assert stdev(values) / decay < 0.04
    assert fmean(errors) == pytest.approx(stdev(values) / decay, rel=0.2)
    assert abs(fmean(rates) / rate - 1) < 0.01
    assert stdev(rates) / rate < 0.05


@pytest.mark.proof
def test_ten_minutes_of_flow_give_the_estimates_of_the_reference() -> None:
    """400 runs of about 1 080 orders: mean and deviation of k and A, within four of their standard errors."""
    decays, rates = [], []
    for seed in range(400):
        signal = spec(orders_min=1, error_ppm_max=10**9).start()
        signal.on_mid(START_NS, MID)
        for ts_ns, side, depth in poisson_orders(seed, rate=0.9, decay=0.3, seconds=600):
            order(signal, ts_ns, side, depth)
        reading = signal.reading(START_NS + 600 * SECOND_NS)
        decays.append(reading.value / TICKS_PER_BPS)
        rates.append(reading.more[0])

    for found, mean, deviation in ((decays, 0.2997, 0.0103), (rates, 0.899, 0.030)):
        error = deviation / sqrt(400)
        # Two samples of the same size.
        assert fmean(found) == pytest.approx(mean, abs=4 * sqrt(2) * error)
        assert stdev(found) == pytest.approx(deviation, abs=4 * error)


def test_prints_of_one_time_and_side_are_one_order_of_the_deepest() -> None:
    """By the venue's time where it tells one, else by the local one; a shallower print changes nothing."""
    signal, whole = spec(orders_min=1).start(), spec(orders_min=1).start()
    for one in (signal, whole):
        one.on_mid(START_NS, MID)
    for late_ns, depth in enumerate((1, 5, 3, 9, 99)):
        order(signal, START_NS + late_ns, Side.BUY, depth, venue_ms=77)
    order(signal, START_NS + 9, Side.SELL, 3, venue_ms=77)
    order(signal, START_NS + 9, Side.SELL, 1, venue_ms=78)
    order(whole, START_NS, Side.BUY, 99)
    order(whole, START_NS + 9, Side.SELL, 3)
    order(whole, START_NS + 10, Side.SELL, 1)

    assert signal.state()[:4] == whole.state()[:4] == (3.0, 3.0, 2.0, 16.0)


def test_the_depth_is_measured_from_the_mid_before_the_order() -> None:
    """The book's news of what an order did may come before its print."""
    signal = spec(lag_ns=2_000_000, orders_min=1).start()
    signal.on_mid(START_NS, MID)
    signal.on_mid(START_NS + SECOND_NS, MID + 6)
    order(signal, START_NS + SECOND_NS + 1_000_000, Side.BUY, 5)
    order(signal, START_NS + SECOND_NS + 3_000_000, Side.BUY, 5)

    # The second one fell short of the mid that it came to.
    assert signal.state()[:4] == (1.0, 1.0, 1.0, 2.0)


def test_orders_without_a_mid_do_not_count_nor_does_time() -> None:
    """Before the first mid, and while the book is lost."""
    signal = spec(orders_min=1, error_ppm_max=10**9).start()
    order(signal, START_NS, Side.BUY, 1)
    signal.on_mid(START_NS + 10 * SECOND_NS, MID)
    for second, depth in enumerate((1, 1, 3)):
        order(signal, START_NS + (11 + second) * SECOND_NS, Side.BUY, depth)
    signal.on_lost(START_NS + 20 * SECOND_NS)
    order(signal, START_NS + 30 * SECOND_NS, Side.BUY, 1)
    assert signal.reading(START_NS + 40 * SECOND_NS).waits_for == "a mid"
    signal.on_mid(START_NS + 40 * SECOND_NS, MID)
    reading = signal.reading(START_NS + 50 * SECOND_NS)

    share = 3 / 4
    assert reading.value == pytest.approx(-log(1 - share) * TICKS_PER_BPS)
    assert reading.more[0] == pytest.approx(3 / (2 * 20) * exp(-log(1 - share) / 2))


@pytest.mark.parametrize(("sides", "orders"), [(0, 3), (1, 2), (-1, 1)])
def test_one_side_alone_can_be_asked_for(sides: int, orders: int) -> None:
    """Buy orders are those that reach asks; A is per side either way."""
    signal = spec(sides=sides, orders_min=1, error_ppm_max=10**9).start()
    signal.on_mid(START_NS, MID)
    for second, (side, depth) in enumerate(((Side.BUY, 3), (Side.SELL, 3), (Side.BUY, 1))):
        order(signal, START_NS + second * SECOND_NS, side, depth)

    reading = signal.reading(START_NS + 10 * SECOND_NS)

    share = orders / (orders + (2 if sides == 0 else 1))
    seconds = 20 if sides == 0 else 10
    assert reading.more[:3] == pytest.approx(
        (orders / seconds * exp(-log(1 - share) / 2), decay_error(share, orders), orders)
    )


def test_a_band_in_parts_of_the_price_counts_what_is_in_it() -> None:
    """From one basis point on in steps of half of one; nearer orders are none."""
    signal = spec(near_ppm=100, step_ppm=50, steps=4, orders_min=1, error_ppm_max=10**9).start()
    signal.on_mid(START_NS, MID)
    bps = MID / 10_000
    depths = [0.5, 1.1, 1.4, 1.6, 2.3, 9.0]
    for second, depth in enumerate(depths):
        order(signal, START_NS + second * SECOND_NS, Side.BUY, round(depth * bps))

    reading = signal.reading(START_NS + 100 * SECOND_NS)

    share = 4 / (4 + 0 + 0 + 1 + 2 + 4)
    # In whole ticks: half a basis point is five of them at this price, but for five millionths.
    assert reading.value == pytest.approx(-log(1 - share) / 0.5, rel=1e-5)
    assert reading.more[0] == pytest.approx(5 / 200 * exp(reading.value), rel=1e-5)


@pytest.mark.proof  # many samples
@pytest.mark.parametrize("spreads", [(40,), (30, 40, 50)])
def test_where_the_spread_is_wider_the_band_begins_at_its_edge(spreads: tuple[int, ...]) -> None:
    """Nobody trades within it. However it changes, k has no bias, and A is that at the mid, as far as the law
    goes on to there: over 100 runs.
    """
    decay, rate, values, rates = 0.05, 8.0, [], []
    for seed in range(100):
        signal = spec(near_ppm=5, step_ppm=10).start()
        signal.on_mid(START_NS, MID)
        for ts_ns, side, depth in poisson_orders(seed, rate=rate, decay=decay, seconds=300):
            half_spread = spreads[(ts_ns - START_NS) // (10 * SECOND_NS) % len(spreads)] + 1
            signal.on_top(ts_ns, (MID - half_spread) // 2, 1, (MID + half_spread) // 2, 1)
            if depth >= half_spread:
                order(signal, ts_ns, side, depth)
        reading = signal.reading(START_NS + 300 * SECOND_NS)
        assert reading.ready
        values.append(reading.value / TICKS_PER_BPS)
        rates.append(reading.more[0])

    assert abs(fmean(values) / decay - 1) < 0.01
    # A takes the mean of a spread that changes, which is a little less than the mean of what it does.
    assert fmean(rates) / rate == pytest.approx(1.0 if len(spreads) == 1 else 0.98, abs=0.02)


def test_the_spread_that_counts_is_the_one_before_the_order() -> None:
    """An order widens it by what it takes, and that may be heard before its print. A lost book has none."""
    signal, known = spec(lag_ns=2_000_000, orders_min=1).start(), []
    signal.on_mid(START_NS, MID)
    signal.on_top(START_NS, MID // 2, 1, MID // 2 + 3, 1)
    for late_ns in (1_000_000, 3_000_000):
        at = START_NS + SECOND_NS + 10 * late_ns
        signal.on_top(at, MID // 2, 1, MID // 2 + 9, 1)
        order(signal, at + late_ns, Side.BUY, 5)
        known.append(signal.state()[0])
        signal.on_top(at + late_ns, MID // 2, 1, MID // 2 + 3, 1)
    assert known == [1.0, 1.0]

    signal.on_lost(START_NS + 2 * SECOND_NS)
    signal.on_mid(START_NS + 3 * SECOND_NS, MID)
    order(signal, START_NS + 4 * SECOND_NS, Side.BUY, 1)
    assert signal.state()[0] == 2.0


def geometric_depths(random: Random, orders: int, decay: float) -> list[int]:
    """Steps of orders that thin out as the law says."""
    return [int(-log(1 - random.random()) / decay) for _ in range(orders)]


def told_of(steps: list[int], *, band: int = 15, **changes: int) -> Intensity:
    """The signal after orders of these steps, one a second."""
    signal = spec(steps=band, orders_min=1, error_ppm_max=10**9, **changes).start()
    signal.on_mid(START_NS, MID)
    for second, j in enumerate(steps):
        order(signal, START_NS + second * SECOND_NS, Side.BUY if second % 2 else Side.SELL, 1 + 2 * j)
    return signal


@given(st.lists(st.integers(0, 12), min_size=2, max_size=60), st.integers(1, 8))
def test_the_misfit_is_that_of_the_step_by_step_definition(steps: list[int], band: int) -> None:
    """Over all steps of the band the largest distance of the share that reached it from the law's."""
    reading = told_of(steps, band=band).reading(START_NS + 100 * SECOND_NS)
    uncensored, total = sum(j < band for j in steps), sum(min(j, band) for j in steps)
    if not uncensored or not total:
        return
    share = geometric_share(uncensored, total)
    reached = [sum(j >= step for j in steps) / len(steps) for step in range(1, band + 1)]
    distances = [abs(part - (1 - share) ** step) for step, part in enumerate(reached, start=1)]

    assert reading.more[3] == pytest.approx(max(distances), abs=1e-12)
    assert reading.more[4] == pytest.approx(misfit_most(len(steps)))
    assert bool(reading.doubt) is (reading.more[3] > reading.more[4])


def test_what_is_exponential_is_doubted_less_often_than_one_time_in_twenty() -> None:
    """Over 400 runs, in fine steps and in coarse ones, with few orders and with many."""
    random = Random(3)
    for orders, decay, band in ((100, 0.02, 400), (400, 0.02, 400), (150, 0.3, 15), (1_000, 0.1, 15)):
        doubted = 0
        for _ in range(400):
            tally = [0.0] * (band + 1)
            for j in geometric_depths(random, orders, decay):
                tally[min(j, band)] += 1
            total = sum(min(j, band) * number for j, number in enumerate(tally))
            share = geometric_share(orders - tally[-1], total)
            doubted += misfit(tally, share) > misfit_most(orders)
        # 20 are expected at most; 38 are four standard deviations more.
        assert doubted < 38


def test_flow_that_is_not_exponential_is_doubted_and_still_read() -> None:
    """Two kinds of orders, shallow and deep ones, as on real markets: the reading says so, and is ready."""
    random = Random(5)
    mixed = geometric_depths(random, 400, 1.5) + geometric_depths(random, 400, 0.05)
    random.shuffle(mixed)

    reading = told_of(mixed).reading(START_NS + 900 * SECOND_NS)

    assert reading.ready
    distance, most = reading.more[3:]
    assert distance > 2 * most
    assert reading.doubt == (
        f"market orders do not thin out exponentially there: distance {distance:.3f}, at most {most:.3f}"
    )
    assert told_of(geometric_depths(random, 800, 0.3)).reading(START_NS + 900 * SECOND_NS).doubt == ""


def test_the_misfit_is_of_the_orders_that_the_fit_is_of() -> None:
    """What is forgotten by the fit is forgotten by its misfit: mixed flow of long ago is doubted no more."""
    random = Random(7)
    mixed = geometric_depths(random, 300, 1.5) + geometric_depths(random, 300, 0.05)
    random.shuffle(mixed)
    steps = mixed + geometric_depths(random, 1_200, 0.3)

    forgets = told_of(steps, half_life_ns=100 * SECOND_NS).reading(START_NS + len(steps) * SECOND_NS)
    keeps = told_of(steps).reading(START_NS + len(steps) * SECOND_NS)

    assert (forgets.doubt, bool(keeps.doubt)) == ("", True)


def test_a_state_whose_depths_are_not_those_of_its_orders_is_refused() -> None:
    """As of a version that did not count them."""
    signal = told_of([0, 1, 2, 3])
    state = list(signal.state())
    state[14] += 1.0

    with pytest.raises(ValueError, match="a state with 5 orders by depth, expected 4"):
        spec().start().restore(state)


@pytest.mark.parametrize("told", [-2.0, 1.0, 4.0, float("nan"), float("inf")])
def test_a_state_that_says_too_much_about_mids_is_refused(told: float) -> None:
    """Pairs of time and mid, as many as there are."""
    signal = spec().start()
    signal.on_mid(START_NS, MID)
    state = list(signal.state())
    state[13] = told

    with pytest.raises(ValueError, match="numbers about mids, expected pairs that are there"):
        spec().start().restore(state)


def test_orders_are_forgotten_with_the_half_life_and_time_with_them() -> None:
    """A steady flow keeps its rate and decay; the number that counts is that of about three half-lives."""
    forgets = spec(half_life_ns=100 * SECOND_NS).start()
    forgets.on_mid(START_NS, MID)
    for second in range(2_000):
        depth = 1 + 2 * (0, 1, 0, 2, 0, 0, 5)[second % 7]
        order(forgets, START_NS + second * SECOND_NS, Side.BUY, depth)

    reading = forgets.reading(START_NS + 2_000 * SECOND_NS)

    share = 7 / (7 + 8)
    assert reading.value == pytest.approx(-log(1 - share) * TICKS_PER_BPS, rel=0.02)
    assert reading.more[0] == pytest.approx(0.5 * exp(-log(1 - share) / 2), rel=0.02)
    assert reading.more[2] == pytest.approx(2 * 100 / log(2), rel=0.01)
    assert reading.more[1] == pytest.approx(decay_error(share, 2 * 100 / log(2)), rel=0.02)


def test_it_says_what_it_waits_for() -> None:
    """Orders, a mid, orders of different depth, a smaller error."""
    signal = spec().start()
    signal.on_mid(START_NS, MID)
    said = []
    for second in range(200):
        order(signal, START_NS + second * SECOND_NS, Side.BUY, 1 if second < 120 else 41)
        said.append(signal.reading(START_NS + second * SECOND_NS))

    unknown = "a fill decay known to 10 % (now unknown)"
    assert said[8].waits_for == f"deep enough market orders (9 of 100), {unknown}"
    assert said[36].waits_for == f"deep enough market orders (37 of 100, about 70 s more), {unknown}"
    assert said[110].waits_for == "market orders of different depth"
    assert said[-1].ready
    shallow = spec().start()
    shallow.on_mid(START_NS, MID)
    for second in range(120):
        order(shallow, START_NS + second * SECOND_NS, Side.BUY, 3 if second % 2 else 1)
    error = decay_error(2 / 3, 120)
    assert shallow.reading(START_NS + 300 * SECOND_NS).ready is (error <= 0.1)
    strict = spec(error_ppm_max=10_000).start()
    strict.restore(shallow.state())
    waits_for = strict.reading(START_NS + 300 * SECOND_NS).waits_for
    left = -(-300 * ((error / 0.01) ** 2 - 1) // 3600)
    assert waits_for == f"a fill decay known to 1 % (now {ceil(error * 100)} %, about {left:.0f} h more)"


def test_it_says_all_that_it_waits_for_at_once() -> None:
    """Orders, a mid and a smaller error in one sentence; one estimate of the time, where it is read first."""
    signal = spec(sides=1).start()
    assert signal.reading(START_NS).waits_for == (
        "deep enough buy orders (0 of 100), a mid, a fill decay known to 10 % (now unknown)"
    )
    signal.on_mid(START_NS, MID)
    for second in range(1, 21):
        order(signal, START_NS + second * SECOND_NS, Side.BUY, 3 if second % 2 else 1)
        order(signal, START_NS + second * SECOND_NS, Side.SELL, 3)
    error = decay_error(2 / 3, 20)
    wanted = 20 * (error / 0.1) ** 2

    said = signal.reading(START_NS + 20 * SECOND_NS).waits_for
    assert 90 < wanted - 20 <= 120
    assert said == (
        f"a fill decay known to 10 % (now {ceil(100 * error)} %, about 2 min more),"
        " deep enough buy orders (20 of 100)"
    )


@given(st.floats(0.01, 100), st.floats(60, 100_000), st.floats(0.01, 0.98), st.floats(0.01, 0.98))
def test_the_time_left_is_that_of_a_steady_flow(rate: float, life_s: float, one: float, other: float) -> None:
    """What counts of it, step by step: all of it, or as much as is not forgotten."""
    most = 2 * rate * life_s
    have, wanted = sorted((one * most, other * most + 1e-6 * most))

    def passed_s(count: float) -> float:
        return 2 * life_s * atanh(count / most)

    found = orders_left_s(have, wanted, rate, life_s)
    assert found == pytest.approx(passed_s(wanted) - passed_s(have), rel=1e-6, abs=1e-6 * life_s)
    assert orders_left_s(have, wanted, rate, inf) == pytest.approx((wanted - have) / rate)
    assert orders_left_s(have, most, rate, life_s) == inf


def test_an_estimate_is_what_it_takes_and_a_flow_that_is_too_thin_is_told() -> None:
    """Two orders a second: forty of a hundred after 20 s; with a half-life of 8 s never over 46."""
    plain, forgets = spec().start(), spec(half_life_ns=8 * SECOND_NS).start()
    for signal in (plain, forgets):
        signal.on_mid(START_NS, MID)
        for half_second in range(1, 41):
            now_ns = START_NS + half_second * SECOND_NS // 2
            order(signal, now_ns, Side.BUY if half_second % 2 else Side.SELL, 1)

    now_ns = START_NS + 20 * SECOND_NS
    assert plain.reading(now_ns).waits_for.startswith(
        "deep enough market orders (40 of 100, about 30 s more), "
    )
    assert "never at this rate" in forgets.reading(now_ns).waits_for
    at_once = spec().start()
    at_once.on_mid(START_NS, MID)
    for number in range(12):
        order(at_once, START_NS, Side.BUY, 1, venue_ms=1 + number)
    assert at_once.reading(START_NS).waits_for.startswith("deep enough market orders (12 of 100), ")


def test_a_rate_at_the_mid_is_not_guessed_from_afar() -> None:
    """Where k times the distance of the band is beyond all reason, or no time has passed."""
    far = spec(near_ppm=1_000_000, step_ppm=1, orders_min=1, error_ppm_max=10**9).start()
    near = spec(orders_min=1, error_ppm_max=10**9).start()
    for signal, depth in ((far, MID + 2), (near, 3)):
        signal.on_mid(START_NS, MID)
        order(signal, START_NS, Side.BUY, depth)
        order(signal, START_NS + 1, Side.BUY, depth)
        order(signal, START_NS + 2, Side.BUY, depth - 2)
    assert far.reading(START_NS + SECOND_NS).waits_for == "market orders nearer to the mid, over some time"
    at_once = spec(orders_min=1, error_ppm_max=10**9).start()
    at_once.on_mid(START_NS, MID)
    order(at_once, START_NS, Side.BUY, 3)
    order(at_once, START_NS, Side.SELL, 1)
    assert at_once.reading(START_NS).waits_for == "market orders nearer to the mid, over some time"
    assert near.reading(START_NS + SECOND_NS).ready


@given(st.floats(0, 1e6), st.floats(0, 1e3), st.floats(0.1, 1e3), st.integers(1, 50))
def test_steps_are_whole_and_bounded(depth: float, near: float, step: float, steps: int) -> None:
    """Short of the band is -1, everything else from 0 to the last one."""
    found = depth_steps(depth, near, step, steps)

    assert -1 <= found <= steps
    assert (found == -1) is (depth < near)
    if 0 <= found < steps:
        assert near + found * step <= depth * (1 + 1e-9) + 1e-9


def test_the_error_is_that_of_a_maximum_likelihood_estimate() -> None:
    """For 1080 orders of k = 0.3 it is the bound that no estimate can beat."""
    assert decay_error(1 - exp(-0.3), 1_080) * 0.3 == pytest.approx(0.0091, abs=0.0001)
    assert sqrt(4) * decay_error(0.2, 400) == pytest.approx(decay_error(0.2, 100))


@pytest.mark.parametrize(
    "change",
    [
        {"near_ppm": -1},
        {"step_ppm": -1},
        {"steps": 0},
        {"sides": 2},
        {"half_life_ns": -1},
        {"orders_min": 0},
        {"error_ppm_max": 0},
        {"lag_ns": -1},
    ],
)
def test_a_spec_out_of_range_is_our_own_fault(change: dict[str, int]) -> None:
    """A strategy that asks for it fails at once."""
    with pytest.raises(AssertionError):
        IntensitySpec(**change)
