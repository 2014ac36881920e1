"""Real recordings against the reference's tables: every printed figure, and an independent computation."""

import gzip
import json
from bisect import bisect_left
from dataclasses import replace
from functools import cache
from itertools import islice
from math import isclose
from pathlib import Path

import numpy as np
import pytest

from mm.analytics.fit_before import UNKNOWN, before_orders
from mm.analytics.fit_flow import next_moves, order_flow
from mm.analytics.fit_intensity import Band, band_fit
from mm.analytics.fit_touch import touch_costs, touch_markouts
from mm.analytics.lambda_curve import CurveOptions, lambda_curve
from mm.analytics.markets import Mids, Tape, market_facts
from mm.bootstrap.viability.tape import read_tape
from mm.bootstrap.viability.verdict import Wish, judge_files
from mm.observe.viability import Answer
from tests.builders.naive_lambda_curve import naive_curve

FOLDER = "binance_raw_2024-08-08"
PERP = "usdm_btcusdt_20240808.gz"

TABLE = (
    (0.02, 0.5514, 372, -0.875, 0.079, -0.957, 0.155),
    (0.10, 0.4996, 337, -0.855, 0.086, -0.875, 0.163),
    (0.25, 0.4076, 275, -0.802, 0.097, -0.827, 0.183),
    (0.50, 0.2757, 186, -0.717, 0.134, -0.836, 0.219),
    (1.0, 0.1141, 77, -0.665, 0.249, -0.736, 0.342),
    (1.5, 0.0563, 38, -0.851, 0.335, -0.776, 0.410),
    (2.0, 0.0415, 28, -0.720, 0.376, -0.541, 0.431),
    (3.0, 0.0193, 13, -0.932, 0.607, 0.107, 0.643),
    (4.0, 0.0133, 9, -0.362, 0.758, 0.909, 0.791),
    (6.0, 0.0104, 7, 1.221, 0.910, 2.904, 1.020),
)
"""Distance, rate, fills, markout and error at 1 s, at 5 s: the perpetual at R = 0.1 s."""

TABLE_EVERY_NS = 99_999_905
"""The refresh that the table was made with: 0.1 s added to seconds since 1970 in double precision is
0.09999990463 s, so that its grid is 0.3 ms early after five minutes. With it every printed digit is met."""

FACTS = (
    (PERP, 1.40, 0.008, 15.8, (-0.58, -0.42, -0.14), -0.19, 0.134, 0.380, 0.053, 0.19, 0.81),
    (
        "spot_btcusdt_20240808.gz",
        1.30,
        0.003,
        9.4,
        (-0.49, -0.47, -0.01),
        -0.72,
        0.052,
        0.333,
        0.084,
        0.13,
        0.84,
    ),
    (
        "spot_btcusdt_20240809.gz",
        1.19,
        0.001,
        12.8,
        (-0.69, -0.80, -1.01),
        -0.85,
        0.018,
        0.775,
        0.266,
        0.12,
        0.88,
    ),
    (
        "cm_btcusd_perp_20240808.gz",
        1.19,
        0.009,
        2.1,
        (-1.30, -1.29, -0.86),
        -1.70,
        0.154,
        0.517,
        0.092,
        0.17,
        0.80,
    ),
    (
        "cm_btcusd_perp_20240809.gz",
        1.42,
        0.009,
        3.7,
        (-0.64, -0.74, -0.79),
        0.13,
        0.120,
        0.705,
        0.118,
        0.15,
        0.82,
    ),
)

SIGNATURE_QUOTE = (8.1, 8.5, 8.6, 7.1, 7.4)
"""Of the perpetual, in units of quote."""


@cache
def tape_of(path: Path) -> tuple[Tape, Mids]:
    """Return a recording, read once."""
    tape = read_tape([path], lambda done: None).tape
    return tape, Mids(tape)


def test_the_curve_of_the_perpetual_is_the_reference_table(shared_data: Path) -> None:
    """Fills equal, rates to four digits, markouts and errors to 0.001, on the grid that it was made on."""
    tape, mids = tape_of(shared_data / FOLDER / PERP)
    curve = lambda_curve(tape, mids, CurveOptions(every_ns=TABLE_EVERY_NS))
    for point, (distance, rate, fills, one, one_error, five, five_error) in zip(
        curve.points, TABLE, strict=True
    ):
        assert (point.distance_bps, point.fills) == (distance, fills)
        assert point.rate_per_s == pytest.approx(rate, abs=5.1e-5)
        for found, mean, error in zip(point.markouts, (one, five), (one_error, five_error), strict=True):
            assert found.mean == pytest.approx(mean, abs=0.00051)
            assert found.se == pytest.approx(error, abs=0.00051)


def test_on_an_exact_grid_the_curve_differs_from_the_table_by_two_fills_at_most(shared_data: Path) -> None:
    """A tenth of a second is a tenth of a second here: the definition's own figures."""
    tape, mids = tape_of(shared_data / FOLDER / PERP)
    curve = lambda_curve(tape, mids, CurveOptions())
    assert (curve.refreshes, curve.duration_s) == (3373, 337.3)
    assert [point.fills for point in curve.points] == [373, 338, 277, 187, 77, 38, 28, 13, 9, 7]
    for point, row in zip(curve.points, TABLE, strict=True):
        assert abs(point.fills - row[2]) <= 2
        for found, mean in zip(point.markouts, (row[3], row[5]), strict=True):
            assert found.mean == pytest.approx(mean, abs=0.006)


def test_the_curve_is_that_of_an_independent_computation(shared_data: Path) -> None:
    """Print by print, on real data."""
    tape, mids = tape_of(shared_data / FOLDER / PERP)
    options = CurveOptions(distances_bps=(0.02, 0.5, 2.0))
    for point, naive in zip(
        lambda_curve(tape, mids, options).points, naive_curve(tape, options), strict=True
    ):
        assert (point.bids, point.asks) == (naive.bids, naive.asks)
        for found, mean, error in zip(point.markouts, naive.means, naive.errors, strict=True):
            assert isclose(found.mean, mean, rel_tol=1e-6)
            assert isclose(found.se, error, rel_tol=1e-6)


@pytest.mark.parametrize("row", FACTS, ids=[str(row[0]) for row in FACTS])
def test_the_facts_of_each_market_are_those_of_the_reference(
    shared_data: Path, row: tuple[object, ...]
) -> None:
    """To the digits that it prints; only the perpetual's half-spread is 0.0092 here, weighted by time."""
    name, volatility, half, orders, markouts, by_value, scale, explained, following, low, high = row
    tape, mids = tape_of(shared_data / FOLDER / str(name))
    facts = market_facts(tape, mids)
    assert facts.volatility_bps == pytest.approx(volatility, abs=0.0051)
    assert facts.half_spread_bps == pytest.approx(half, abs=0.0013)
    assert facts.orders_per_s == pytest.approx(orders, abs=0.051)
    touch = touch_markouts(tape, mids, (500_000_000, 1_000_000_000, 5_000_000_000))
    assert [one.markout.mean for one in touch] == pytest.approx(markouts, abs=0.0055)
    assert touch[1].weighted.mean == pytest.approx(by_value, abs=0.0055)
    flow = order_flow(tape, mids)
    assert flow.explained == pytest.approx(explained, abs=0.00051)
    assert flow.next_second == pytest.approx(following, abs=0.00051)
    ups = [decile.up for decile in next_moves(tape)]
    assert [ups[0], ups[-1]] == pytest.approx([low, high], abs=0.0065)
    whole = band_fit(tape, mids, Band(0.0, 1_000.0)).both
    assert whole is not None
    assert 1 / whole.decay_per_bps == pytest.approx(scale, abs=0.0011)


WHOLE = (
    ((PERP,), 0.008, True),
    (("spot_btcusdt_20240808.gz", "spot_btcusdt_20240809.gz"), 0.0008, False),
    (("cm_btcusd_perp_20240808.gz", "cm_btcusd_perp_20240809.gz"), 0.008, True),
)
"""A market's files, half its tick in basis points, and whether its best prices carry the venue's time."""


@pytest.mark.proof  # whole recordings
@pytest.mark.parametrize(("files", "half_tick_bps", "is_timed"), WHOLE, ids=["usdm", "spot", "coinm"])
def test_makers_at_the_touch_got_the_half_spread_that_was_quoted(
    shared_data: Path, files: tuple[str, ...], half_tick_bps: float, is_timed: bool
) -> None:
    """Never less than half a tick, and on the scale of what stood in the book."""
    tape = read_tape([shared_data / FOLDER / name for name in files], lambda done: None).tape
    mids, before = Mids(tape), before_orders(tape)
    assert before.by_venue is is_timed
    assert before.known >= 0.97 * len(before.orders)
    (found,) = touch_costs(tape, mids, before, (1_000_000_000,))
    assert found.half_spread.mean >= half_tick_bps
    # Spreads are wide when orders come: more than on average over time, by an order of magnitude at most.
    standing = market_facts(tape, mids).half_spread_bps
    assert standing < found.half_spread.mean < 10 * standing
    # So that what is needed is more than the fee, and known to a quarter of a basis point.
    told = judge_files([shared_data / FOLDER / name for name in files], Wish(), lambda done: None).told
    assert told.break_even is not None
    assert told.terms.maker_fee_bps < told.break_even.low_bps < told.break_even.bps
    assert told.touch_fee is not None
    assert told.touch_fee.low_bps < told.touch_fee.bps < told.touch_fee.high_bps < 0


@pytest.mark.parametrize("name", [PERP, "cm_btcusd_perp_20240808.gz"])
def test_the_half_spread_by_the_venues_clock_is_that_of_the_raw_frames(shared_data: Path, name: str) -> None:
    """Computed from the JSON itself, of the orders that took the best price, with no structure of ours."""
    told: list[tuple[int, float, float]] = []
    orders: dict[int, tuple[float, bool]] = {}
    with gzip.open(shared_data / FOLDER / name) as file:
        for line in file:
            frame = json.loads(line.partition(b" ")[2])
            data, stream = frame.get("data", {}), frame.get("stream", "")
            if stream.endswith("@bookTicker"):
                told.append((data["T"], float(data["b"]), float(data["a"])))
            elif stream.endswith("@trade") and data["X"] == "MARKET":
                orders.setdefault(data["T"], (float(data["p"]), data["m"]))
    times = [at for at, _, _ in told]
    found = []
    for at, (price, is_sell) in orders.items():
        _, bid, ask = told[max(0, bisect_left(times, at) - 1)]
        if price == (bid if is_sell else ask):
            found.append((ask - bid) / (ask + bid) * 1e4)
    tape, mids = tape_of(shared_data / FOLDER / name)
    (costs,) = touch_costs(tape, mids, before_orders(tape), (1,))
    assert len(found) == pytest.approx(costs.half_spread.n, rel=0.05)
    assert costs.half_spread.mean == pytest.approx(sum(found) / len(found), abs=0.002)


@pytest.mark.parametrize("files", [WHOLE[0][0], WHOLE[2][0]], ids=["usdm", "coinm"])
def test_what_an_order_hit_tells_the_mid_before_it_as_the_venues_clock_does(
    shared_data: Path, files: tuple[str, ...]
) -> None:
    """Where both can be had they agree for 24 of 25: spot has the one alone."""
    tape = read_tape([shared_data / FOLDER / name for name in files], lambda done: None).tape
    by_clock, by_price = before_orders(tape), before_orders(replace(tape, top_venue=()))
    both = [
        tape.bid[clock] + tape.ask[clock] == tape.bid[price] + tape.ask[price]
        for clock, price in zip(by_clock.tops, by_price.tops, strict=True)
        if UNKNOWN not in (clock, price)
    ]
    assert len(both) >= 0.94 * len(by_clock.orders)
    assert sum(both) >= 0.96 * len(both)


def test_the_signature_of_the_perpetual_is_that_of_the_reference(shared_data: Path) -> None:
    """Volatility at five spacings, in units of quote."""
    tape, mids = tape_of(shared_data / FOLDER / PERP)
    facts = market_facts(tape, mids)
    # Back at the first mid, while each move was taken relative to the mid before it: 0.7 % at most.
    found = [value * facts.mid / 1e4 / 1e8 for value in facts.signature_bps]
    assert found == pytest.approx(SIGNATURE_QUOTE, abs=0.06)


def test_two_venues_move_together_as_the_reference_says(shared_data: Path) -> None:
    """Returns over 100 ms of the perpetual and of spot, at once and one step apart, as they were received."""
    spot, perp = (tape_of(shared_data / FOLDER / name)[0] for name in ("spot_btcusdt_20240808.gz", PERP))
    grid = np.arange(max(spot.top_ns[0], perp.top_ns[0]), min(spot.top_ns[-1], perp.top_ns[-1]), 10**8)
    of_spot, of_perp = (
        np.diff(
            np.log((np.array(tape.bid) + np.array(tape.ask))[np.searchsorted(tape.top_ns, grid, "right") - 1])
        )
        for tape in (spot, perp)
    )

    def together(one: np.ndarray, other: np.ndarray) -> float:
        return float(np.corrcoef(one, other)[0, 1])

    # Where the grid begins is not told: it moves the third digit.
    assert together(of_spot, of_perp) == pytest.approx(0.727, abs=0.006)
    assert together(of_spot[:-1], of_perp[1:]) == pytest.approx(0.158, abs=0.006)
    assert together(of_perp[:-1], of_spot[1:]) == pytest.approx(0.100, abs=0.006)


def test_the_decay_depends_on_the_band(shared_data: Path) -> None:
    """Real flow is not exponential: near the touch the perpetual's 1/k is a fraction of that farther out."""
    tape, mids = tape_of(shared_data / FOLDER / PERP)
    tick = market_facts(tape, mids).tick_bps
    scales = []
    for low, high in ((0, 10), (10, 50), (50, 200)):
        both = band_fit(tape, mids, Band(low * tick, high * tick)).both
        assert both is not None
        scales.append(1 / both.decay_per_bps / tick)
    assert scales[0] < scales[1] / 3 < scales[2] / 3
    near = band_fit(tape, mids, Band(0, 10 * tick)).both
    assert near is not None
    assert near.misfit > near.misfit_max


@pytest.mark.parametrize(
    ("files", "fee_bps"),
    [
        ((PERP,), 2),
        pytest.param(("spot_btcusdt_20240808.gz", "spot_btcusdt_20240809.gz"), 10, marks=pytest.mark.proof),
        pytest.param(
            ("cm_btcusd_perp_20240808.gz", "cm_btcusd_perp_20240809.gz"), 2, marks=pytest.mark.proof
        ),
    ],
    ids=["usdm", "spot", "coinm"],
)
def test_no_recorded_market_can_be_made_with_an_ordinary_accounts_fee(
    shared_data: Path, files: tuple[str, ...], fee_bps: int
) -> None:
    """The verdict is no: each distance with fills enough loses, and the interval says so."""
    paths = [shared_data / FOLDER / name for name in files]
    judged = judge_files(paths, Wish(), lambda done: None)
    assert judged.told.terms.maker_fee_bps == fee_bps
    assert judged.told.terms.fee_is_assumed
    assert judged.told.verdict is Answer.NO
    assert judged.told.yes_from_bps is None
    for row in islice(judged.told.rows, 5):
        assert row.is_enough
        assert row.high_bps < 0
    bearable = judged.told.bearable
    assert bearable is not None
    assert bearable[0] < 0  # only a rebate would make it one


@pytest.mark.proof  # whole recordings, twice
@pytest.mark.parametrize(
    ("parquet", "raws", "fee_bps"),
    [
        ("binance_usdm_BTCUSDT_2024-08-08", (PERP,), 2),
        (
            "binance_spot_BTCUSDT_2024-08-08",
            ("spot_btcusdt_20240808.gz", "spot_btcusdt_20240809.gz"),
            10,
        ),
        (
            "binance_cm_BTCUSD_PERP_2024-08-08",
            ("cm_btcusd_perp_20240808.gz", "cm_btcusd_perp_20240809.gz"),
            2,
        ),
    ],
    ids=["usdm", "spot", "coinm"],
)
def test_normalised_files_are_read_as_the_raw_ones_and_judged_alike(
    shared_data: Path, parquet: str, raws: tuple[str, ...], fee_bps: int
) -> None:
    """Through DuckDB itself: the same market, the same facts and the same curve, and the verdict is no."""
    files = [shared_data / "normalised" / f"{parquet}.parquet"]
    normalised = read_tape(files, lambda done: None)
    raw = read_tape([shared_data / FOLDER / name for name in raws], lambda done: None)
    assert (normalised.symbol, normalised.market) == (raw.symbol, raw.market)
    of_file, of_frames = (Mids(one.tape) for one in (normalised, raw))
    assert market_facts(normalised.tape, of_file) == market_facts(raw.tape, of_frames)
    options = CurveOptions(distances_bps=(0.02, 0.5, 2.0))
    assert lambda_curve(normalised.tape, of_file, options) == lambda_curve(raw.tape, of_frames, options)
    assert before_orders(normalised.tape) == before_orders(raw.tape)

    judged = judge_files(files, Wish(), lambda done: None)

    assert judged.told.terms.maker_fee_bps == fee_bps
    assert judged.told.verdict is Answer.NO
    assert judged.told.yes_from_bps is None
