"""A and k out of how deep market orders reach: on simulated flow, by hand, and what cannot be fitted."""

from math import exp, log
from statistics import fmean, stdev

import pytest

from mm.analytics.fit_intensity import Band, BandFit, Counts, band_fit, misfit_of
from mm.analytics.markets import Mids
from tests.builders.tapes import TICK, Hit, Top, calm, exponential_flow, tape_of

TICK_BPS = TICK / 100_005 * 1e4
WHOLE = Band(0.0, 15 * TICK_BPS)


def fitted(hits: list[Hit], band: Band = WHOLE, duration_s: float = 100.0) -> BandFit:
    """Return the fit of a still market with these prints."""
    tape = calm(duration_s, hits)
    return band_fit(tape, Mids(tape), band)


def buys(*steps: int) -> list[Hit]:
    """Market orders that reach so many ticks beyond the touch."""
    return [Hit(number + 1, 100_010 + step * TICK, 1) for number, step in enumerate(steps)]


def test_the_reference_vector_is_met() -> None:
    """Ten orders, censored at 15 ticks, in 100 s: k per tick, and A of both sides."""
    both = fitted(buys(0, 0, 0, 0, 1, 1, 2, 3, 5, 20)).both
    assert both is not None
    assert (both.orders, both.uncut) == (10, 9)
    assert both.decay_per_bps * TICK_BPS == pytest.approx(0.2876820724517809, rel=1e-12)
    assert both.rate_per_s == pytest.approx(0.057735026918962574, rel=1e-12)
    assert both.misfit == pytest.approx(0.75**2 - 0.4)  # four of ten went two ticks
    assert both.misfit_max == pytest.approx(0.4294, abs=1e-4)
    assert both.deviance is None


@pytest.mark.proof  # many samples
def test_on_simulated_flow_k_is_unbiased_and_known_to_four_percent() -> None:
    """A thousand market orders, many times over: bias within 1 %, deviation within 4 %; A as well."""
    rate, decay, orders, runs = 0.9, 0.3, 1_000, 150
    found = []
    for seed in range(runs):
        tape = exponential_flow(seed, orders=orders, rate=rate, decay=decay)
        both = band_fit(tape, Mids(tape), WHOLE).both
        assert both is not None
        found.append(both)
    decays = [fit.decay_per_bps * TICK_BPS for fit in found]
    rates = [fit.rate_per_s for fit in found]
    assert abs(fmean(decays) / decay - 1) < 0.01
    assert stdev(decays) / decay < 0.04
    assert abs(fmean(rates) / rate - 1) < 0.01
    # The error that each fit states of itself is that of all of them.
    assert fmean(fit.decay_error for fit in found) == pytest.approx(stdev(decays) / decay, rel=0.2)
    # What is exponential is found to be: the bound is that of a test at 5 %.
    assert sum(fit.misfit > fit.misfit_max for fit in found) <= 0.05 * runs
    deviances = [fit.deviance for fit in found if fit.deviance is not None]
    assert len(deviances) == runs
    assert fmean(deviances) == pytest.approx(1.0, abs=0.1)


def test_a_band_far_from_the_mid_counts_only_what_reached_it() -> None:
    """The law is the same everywhere, so A and k are; the errors are larger."""
    tape = exponential_flow(3, orders=20_000, rate=0.9, decay=0.3)
    near, far = (band_fit(tape, Mids(tape), Band(low * TICK_BPS, 20 * TICK_BPS)) for low in (0, 5))
    assert far.start_bps == pytest.approx(5.5 * TICK_BPS, rel=1e-4)
    assert near.both is not None
    assert far.both is not None
    assert far.sells + far.buys == far.both.orders == pytest.approx(20_000 * exp(-1.5), rel=0.05)
    assert far.both.decay_per_bps * TICK_BPS == pytest.approx(0.3, rel=0.05)
    assert far.both.rate_per_s == pytest.approx(0.9, rel=0.2)
    assert far.both.decay_error > near.both.decay_error
    assert far.both.rate_error > near.both.rate_error


def test_the_sides_are_fitted_by_themselves() -> None:
    """Sell orders reach bids; A of one side counts that side's orders alone."""
    sells = [Hit(20 + number, 100_000 - step * TICK, -1) for number, step in enumerate((0, 0, 1))]
    found = fitted([*buys(0, 1, 2, 3), *sells])
    assert (found.buys, found.sells) == (4, 3)
    assert found.bid is not None
    assert found.ask is not None
    assert found.both is not None
    assert found.bid.decay_per_bps * TICK_BPS == pytest.approx(log(4))  # p = 3 / 4
    assert found.ask.decay_per_bps * TICK_BPS == pytest.approx(log(10 / 6))  # p = 4 / 10
    assert found.bid.orders + found.ask.orders == found.both.orders


@pytest.mark.parametrize(
    "steps", [(), (0, 0, 0), (30, 40)], ids=["none", "all at the first tick", "none ends in the band"]
)
def test_what_has_no_decay_is_not_fitted(steps: tuple[int, ...]) -> None:
    """And a side without orders has no fit."""
    found = fitted([*buys(*steps), Hit(50, 100_005, -1)])
    assert found.ask is None
    assert found.bid is None
    assert found.both is None


def test_a_rate_beyond_all_bounds_is_none() -> None:
    """Far out, with a steep decay, A at the mid would overflow."""
    assert fitted(buys(*[2_000] * 400, 2_001), Band(2_000 * TICK_BPS, 2_010 * TICK_BPS)).ask is None


def test_flow_of_two_kinds_is_found_not_to_be_exponential() -> None:
    """Most orders stop at once, the others go far: distance and deviance say so."""
    found = fitted(buys(*[0] * 80, *range(1, 15)))
    assert found.both is not None
    assert found.both.misfit > found.both.misfit_max
    assert found.both.deviance is not None
    assert found.both.deviance > 3


def test_depths_count_from_the_mids_that_are_named() -> None:
    """Against those on arrival, orders whose book came first would have reached one tick less."""
    tops = [Top(0, 100_000, 100_010), Top(10, 100_010, 100_020), Top(99, 100_000, 100_010)]
    hits = [Hit(10 + number, 100_010 + step * TICK, 1) for number, step in enumerate((1, 1, 2, 3), start=1)]
    tape = tape_of(tops, hits)
    mids = Mids(tape)
    late, told = band_fit(tape, mids, WHOLE), band_fit(tape, mids, WHOLE, [200_010] * 4)
    assert late.ask is not None
    assert told.ask is not None
    # Steps 0, 0, 1, 2 and 1, 1, 2, 3: p = 4 / 7 and 4 / 11.
    assert late.ask.decay_per_tick == pytest.approx(-log(1 - 4 / 7))
    assert told.ask.decay_per_tick == pytest.approx(-log(1 - 4 / 11))
    assert told.ask.decay_per_bps == pytest.approx(told.ask.decay_per_tick / (TICK / 100_005 * 1e4))
    assert told.ask.most == 15


def test_the_misfit_of_counts_is_that_of_their_fit() -> None:
    """What has no fit has none."""
    steps = (0, 0, 0, 0, 1, 1, 2, 3, 5, 20)
    both = fitted(buys(*steps)).both
    assert both is not None
    assert misfit_of(Counts(steps, 15)) == both.misfit
    assert misfit_of(Counts((0, 0), 5)) is None
    assert misfit_of(Counts((5, 7), 5)) is None


def test_a_market_without_trades_has_no_fit() -> None:
    """And nothing is divided by 0."""
    found = fitted([])
    assert (found.buys, found.sells, found.both, found.bid, found.ask) == (0, 0, None, None, None)
