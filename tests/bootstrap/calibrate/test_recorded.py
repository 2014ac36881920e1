"""Real recordings: which bands of A and k are refused, which is named, and that the advice holds."""

from pathlib import Path

import pytest

from mm.analytics.fit_intensity import Band
from mm.analytics.markets import Tape
from mm.bootstrap.calibrate.estimates import Estimates, Question, estimates
from mm.bootstrap.calibrate.shape import LEVEL, PARTS
from mm.bootstrap.viability.tape import read_tape
from mm.domain.units import NS_PER_S

FOLDER = "binance_raw_2024-08-08"
MARKETS = {
    "spot": ("spot_btcusdt_20240808.gz", "spot_btcusdt_20240809.gz"),
    "usdm": ("usdm_btcusdt_20240808.gz",),
    "coinm": ("cm_btcusd_perp_20240808.gz", "cm_btcusd_perp_20240809.gz"),
}


def tape_of(shared_data: Path, market: str) -> Tape:
    """Return a recorded market."""
    return read_tape([shared_data / FOLDER / name for name in MARKETS[market]], lambda done: None).tape


def found_in(tape: Tape, low: float, high: float) -> Estimates:
    """Return what a band says."""
    return estimates(tape, Question(fee_bps=0.0, horizon_ns=NS_PER_S, band=Band(low, high)))


@pytest.mark.proof  # whole recordings
@pytest.mark.parametrize("market", ["spot", "usdm"])
def test_a_band_at_the_touch_is_refused_and_none_is_named_where_none_fits(
    shared_data: Path, market: str
) -> None:
    """Four of five orders end at the first tick: a narrower band is no better, and it is not said to be."""
    found = found_in(tape_of(shared_data, market), 0.0, 1.0)
    assert found.fit.both is not None
    assert found.fit.both.misfit > 0.5
    assert "do not thin out exponentially" in found.decay.doubt
    assert found.rate.doubt
    assert len(found.looked) == len(PARTS)
    assert all(one.refused for one in found.looked)
    said = " ".join(found.notes)
    assert "none of them " in said
    assert ("nearest is --band 0.5:1:" in said) is (found.looked[2].is_near)
    assert "holds better" not in said


def test_a_band_that_begins_farther_is_named_where_it_fits(shared_data: Path) -> None:
    """The contract settled in coins: nearer than a quarter of the band its flow is not exponential."""
    tape = tape_of(shared_data, "coinm")
    found = found_in(tape, 0.0, 1.0)
    assert "do not thin out exponentially" in found.decay.doubt
    named = [one for one in found.looked if not one.refused]
    assert named
    assert all(one.kind != "narrower" and one.band.low_bps >= 0.25 for one in named)
    followed = found_in(tape, *named[0].band)
    assert followed.decay.doubt == followed.rate.doubt == ""
    assert followed.shape is not None
    assert named[0].tested is not None
    assert followed.shape.misfit_max > named[0].tested.misfit_max
    assert LEVEL == 0.05


@pytest.mark.proof  # whole recordings
def test_impact_is_told_from_the_mid_before_the_order(shared_data: Path) -> None:
    """On arrival most of it had happened already, and of spot it was not known to a half."""
    for market, least in (("spot", 0.3), ("usdm", 0.15), ("coinm", 0.7)):
        found = found_in(tape_of(shared_data, market), 0.1, 1.0)
        assert found.adverse.value > least
        assert found.adverse.doubt == ""
