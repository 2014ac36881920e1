"""The exact moments and certainty equivalents: the oracle's tables, references, and bad input."""

from dataclasses import replace
from itertools import product
from math import cosh, exp, log, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm.bench.quoting.exact import (
    FillLaw,
    Market,
    Moments,
    Numbers,
    Policy,
    StandardErrors,
    certainty_equivalent,
    moments,
    standard_errors,
)
from mm.models.glft import Distances
from tests.builders.model_markets import stoikov
from tests.builders.quoting_policies import (
    CAPS,
    LITERAL,
    closed,
    linear,
    paper_policy,
    paper_symmetric,
    symmetric,
)

FREE = 200
"""No inventory is larger after 200 steps."""


def figures(found: Moments) -> tuple[float, ...]:
    """The oracle's columns."""
    return found.mean, found.sd, found.sd_q, found.fills


TABLE = [
    (0.1, True, (64.892543, 6.543152, 2.926791, 96.963), (3.027331, 2.993973)),
    (0.1, False, (68.222759, 13.455753, 8.399444, 91.465), (5.426398, 2.999174)),
    (0.01, True, (68.399628, 8.960561, 5.212538, 102.206), (3.639258, 2.998246)),
    (0.01, False, (68.666120, 13.677465, 8.711662, 101.802), (5.626719, 2.998176)),
    (1.0, True, (31.454502, 4.837919, 1.641393, 56.059), (3.075561, 2.968012)),
    (1.0, False, (43.685290, 10.733212, 5.171370, 28.819), (3.921376, 3.022393)),
    (0.5, True, (48.568083, 5.898102, 1.955754, 78.138), (3.027378, 2.981681)),
    (0.5, False, (59.917872, 12.321305, 6.918380, 55.589), (4.608769, 3.005893)),
]
"""Aversion, whether the inventory strategy, (mean, sd, sd of inventory, fills), kurtoses."""

ERRORS = [
    ((0.2069, 0.1474, 0.0926, 0.0654), (0.0463, 0.0329, 0.0207, 0.0146)),
    ((0.4255, 0.4477, 0.2656, 0.1879), (0.0951, 0.1001, 0.0594, 0.0420)),
    ((0.2834, 0.2303, 0.1648, 0.1166), (0.0634, 0.0515, 0.0369, 0.0261)),
    ((0.4325, 0.4653, 0.2755, 0.1948), (0.0967, 0.1040, 0.0616, 0.0435)),
    ((0.1530, 0.1103, 0.0519, 0.0364), (0.0342, 0.0246, 0.0116, 0.0081)),
    ((0.3394, 0.2902, 0.1635, 0.1163), (0.0759, 0.0649, 0.0366, 0.0260)),
    ((0.1865, 0.1329, 0.0618, 0.0436), (0.0417, 0.0297, 0.0138, 0.0097)),
    ((0.3896, 0.3702, 0.2188, 0.1550), (0.0871, 0.0828, 0.0489, 0.0346)),
]
"""Standard errors of the same rows at 1 000 and 20 000 runs."""

PAPER = [
    ((65.0, 6.6, 0.08, 2.9), (0.52, 0.39, 0.86, -0.41)),
    ((68.4, 12.7, 0.26, 8.4), (0.42, -1.69, 0.98, 0.00)),
    ((68.6, 8.7, 0.12, 5.1), (0.71, -1.13, 0.73, -0.97)),
    ((68.8, 12.8, 0.09, 8.7), (0.31, -1.89, 0.33, -0.06)),
    ((31.4, 5.0, 0.02, 1.7), (-0.36, 1.47, 0.39, 1.61)),
    ((44.0, 11.0, 0.00, 5.1), (0.93, 0.92, 0.00, -0.61)),
]
"""What the paper printed of the first six rows, and how many standard errors that is from the exact."""


def paper_row(risk_factor: float, *, inventory: bool, cap: int = FREE) -> Policy:
    """One of the paper's two strategies."""
    return paper_policy(risk_factor, cap) if inventory else paper_symmetric(risk_factor, cap)


def parts(errors: StandardErrors) -> tuple[float, ...]:
    """Of mean, deviation, mean inventory and its deviation."""
    return errors.mean, errors.sd, errors.mean_q, errors.sd_q


@pytest.mark.parametrize("row", range(len(TABLE)))
def test_the_papers_tables_have_these_exact_values(row: int) -> None:
    """Tables 1-3 of the paper: moments to 1e-6, and the paper's own print within 1.9 standard errors."""
    risk_factor, inventory, expected, kurtoses = TABLE[row]

    found = moments(LITERAL, paper_row(risk_factor, inventory=inventory))

    assert figures(found)[:3] == pytest.approx(expected[:3], abs=1e-6)
    assert found.fills == pytest.approx(expected[3], abs=5e-4)
    assert (found.kurtosis, found.kurtosis_q) == pytest.approx(kurtoses, abs=1e-6)
    assert found.mean_q == pytest.approx(0, abs=1e-9)
    for runs, errors in zip((1000, 20_000), ERRORS[row], strict=True):
        assert parts(standard_errors(found, runs)) == pytest.approx(errors, abs=6e-5)
    if row < len(PAPER):
        printed, distances = PAPER[row]
        exact = (found.mean, found.sd, found.mean_q, found.sd_q)
        units = parts(standard_errors(found, 1000))
        z = [(p - e) / unit for p, e, unit in zip(printed, exact, units, strict=True)]
        assert z == pytest.approx(distances, abs=6e-3)


def test_when_the_mid_moves_before_the_fills_only_the_deviation_changes() -> None:
    """6.530 in place of 6.543: the last fills are then held over no move, and the first move over nothing."""
    found = moments(LITERAL, paper_row(0.1, inventory=True))

    assert sqrt(found.sd**2 - (found.sd_q * LITERAL.move) ** 2) == pytest.approx(6.530, abs=6e-4)


def test_the_symmetric_strategy_at_a_spread_of_exactly_1_49() -> None:
    """As the paper prints it."""
    found = moments(LITERAL, symmetric(1.49, FREE))

    assert figures(found)[:3] == pytest.approx((68.23233, 13.45858, 8.40337), abs=6e-6)


@pytest.mark.parametrize(("inventory", "mean"), [(True, 57.17172), (False, 60.98476)])
def test_another_fill_law_is_another_market(*, inventory: bool, mean: float) -> None:
    """1 - exp(-rate * step) earns far less than the paper's literal probabilities."""
    market = replace(LITERAL, law=FillLaw.EXPONENTIAL)

    found = moments(market, paper_row(0.1, inventory=inventory))

    assert found.mean == pytest.approx(mean, abs=6e-6)


@pytest.mark.parametrize(("inventory", "mean"), [(True, 63.9923), (False, 68.2223)])
def test_in_ever_shorter_steps_the_mean_becomes_that_of_continuous_time(
    *, inventory: bool, mean: float
) -> None:
    """Extrapolated from 200, 400 and 800 steps of the law that has such a limit."""
    found = [
        moments(
            replace(LITERAL, step_s=1 / steps, steps=steps, law=FillLaw.EXPONENTIAL),
            paper_policy(0.1, 20, steps=steps, at=0.5) if inventory else paper_symmetric(0.1, 40),
        ).mean
        for steps in (200, 400, 800)
    ]

    assert (found[0] - 6 * found[1] + 8 * found[2]) / 3 == pytest.approx(mean, rel=1.5e-4)


@pytest.mark.parametrize(
    ("risk_factor", "expected", "errors"),
    [
        (
            0.01,
            (68.42374, 9.15056, 3.91457, 102.4754),
            ((0.289, 0.236, 0.087), (0.0647, 0.0528, 0.0195)),
        ),
        (0.1, (67.72891, 7.17534, 2.19568, 103.7019), ((0.227, 0.164, 0.049), (0.0507, 0.0366, 0.0109))),
        (0.5, (65.98582, 6.12371, 1.41800, 111.3771), ((0.194, 0.137, 0.031), (0.0433, 0.0307, 0.0070))),
        (1.0, (63.91761, 5.61609, 1.14877, 119.0833), ((0.178, 0.126, 0.025), (0.0397, 0.0281, 0.0056))),
    ],
)
def test_the_closed_form_earns_what_the_engine_is_held_to(
    risk_factor: float, expected: tuple[float, ...], errors: tuple[tuple[float, ...], ...]
) -> None:
    """The end-to-end table: GLFT's closed form on the literal market, and its standard errors."""
    found = moments(LITERAL, closed(stoikov(risk_factor), CAPS[risk_factor]))

    assert figures(found) == pytest.approx(expected, rel=0, abs=6e-5)
    for runs, row in zip((1000, 20_000), errors, strict=True):
        calculated = standard_errors(found, runs)
        rounding = 6e-4 if runs == 1000 else 6e-5
        assert (calculated.mean, calculated.sd, calculated.sd_q) == pytest.approx(row, abs=rounding)


def test_against_symmetric_quotes_of_the_same_width() -> None:
    """At an aversion of 0.1 the closed form keeps .993 of the mean with .533 and .261 of the deviations; the
    paper's own strategy .951, .486 and .348."""
    even = moments(LITERAL, paper_symmetric(0.1, FREE))

    def ratios(found: Moments) -> tuple[float, float, float]:
        return found.mean / even.mean, found.sd / even.sd, found.sd_q / even.sd_q

    exact = ratios(moments(LITERAL, closed(stoikov(0.1), 40)))
    assert exact == pytest.approx((0.993, 0.533, 0.261), abs=6e-4)
    assert ratios(moments(LITERAL, paper_policy(0.1, FREE))) == pytest.approx((0.951, 0.486, 0.348), abs=6e-4)


# References of their own.


def walked(market: Market, policy: Policy, risk_factor: float) -> tuple[float, float, float, float]:
    """Mean and deviation of wealth, mean of squared inventory and certainty equivalent, over every path."""
    total = [0.0] * 4
    for path in product(product((0, 1), (0, 1), (-1, 1)), repeat=market.steps):
        odds, cash, mid, held = 1.0, 0.0, 0.0, 0
        for step, (sold, bought, move) in enumerate(path):
            bid, ask = (float(side[held + policy.cap]) for side in policy.row(step))
            up, down = chance(market, ask), chance(market, bid)
            odds *= (up if sold else 1 - up) * (down if bought else 1 - down) / 2
            if odds == 0:
                break
            cash += (mid + ask - market.fee if sold else 0) - (mid - bid + market.fee if bought else 0)
            held += bought - sold
            mid += market.impact * (sold - bought) + move * market.move
        if odds > 0:
            wealth = cash + held * mid
            for index, value in enumerate((wealth, wealth**2, held**2, exp(-risk_factor * wealth))):
                total[index] += odds * value
    return total[0], sqrt(total[1] - total[0] ** 2), total[2], -log(total[3]) / risk_factor


def chance(market: Market, distance: float) -> float:
    """Of a fill within a step."""
    if distance != distance:  # noqa: PLR0124 not a number: the side is off
        return 0.0
    rate = market.arrival_rate * exp(-market.decay * distance) * market.step_s
    return min(1.0, rate) if market.law is FillLaw.LITERAL else 1 - exp(-rate)


@settings(max_examples=12, deadline=None)
@given(
    st.builds(
        Market,
        volatility=st.floats(0, 2),
        arrival_rate=st.floats(0.1, 20),
        decay=st.floats(0.2, 3),
        step_s=st.floats(0.01, 0.3),
        steps=st.just(3),
        fee=st.floats(-0.1, 0.3),
        impact=st.floats(0, 0.3),
        law=st.sampled_from(FillLaw),
    ),
    st.lists(st.floats(-0.5, 2) | st.just(float("nan")), min_size=30, max_size=30),
    st.floats(0.05, 2),
)
def test_both_recursions_agree_with_walking_every_path(
    market: Market, entries: list[float], risk_factor: float
) -> None:
    """Three steps of any policy with caps of two lots, with fees and jumps, under both fill laws."""
    bids, asks = np.array(entries[:15]).reshape(3, 5), np.array(entries[15:]).reshape(3, 5)
    bids[:, -1] = asks[:, 0] = np.nan
    policy = Policy(bids, asks)

    mean, sd, squared, worth = walked(market, policy, risk_factor)

    found = moments(market, policy)
    assert found.mean == pytest.approx(mean, abs=1e-12)
    assert found.sd == pytest.approx(sd, abs=1e-6)
    assert found.sd_q**2 + found.mean_q**2 == pytest.approx(squared, abs=1e-12)
    assert certainty_equivalent(market, policy, risk_factor) == pytest.approx(worth, abs=1e-12)


def test_a_simulation_lies_within_four_standard_errors() -> None:
    """20 000 sessions of the closed form, seed 3: mean, deviation, and those of the inventory."""
    generator, policy, runs = np.random.default_rng(3), closed(stoikov(0.1), 40), 20_000
    wealth, held = np.zeros(runs), np.zeros(runs, dtype=np.int64)
    bids, asks = policy.row(0)
    for _ in range(LITERAL.steps):
        bid, ask = bids[held + 40], asks[held + 40]
        sold = generator.random(runs) < LITERAL.fill_probabilities(ask)
        bought = generator.random(runs) < LITERAL.fill_probabilities(bid)
        wealth += np.where(sold, ask, 0.0) + np.where(bought, bid, 0.0)
        held += bought.astype(np.int64) - sold.astype(np.int64)
        wealth += held * LITERAL.move * np.where(generator.random(runs) < 0.5, 1, -1)

    exact = moments(LITERAL, policy)
    errors = standard_errors(exact, runs)

    assert wealth.mean() == pytest.approx(exact.mean, abs=4 * errors.mean)
    assert wealth.std() == pytest.approx(exact.sd, abs=4 * errors.sd)
    assert held.mean() == pytest.approx(exact.mean_q, abs=4 * errors.mean_q)
    assert held.std() == pytest.approx(exact.sd_q, abs=4 * errors.sd_q)


@pytest.mark.parametrize(("risk_factor", "clipped"), [(0.1, 0.034), (0.5, 5.07), (1.0, 10.35)])
def test_some_steps_fill_for_certain(risk_factor: float, clipped: float) -> None:
    """Steps in which a rate times the step is above 1, of 200, by a recursion of the odds alone."""
    policy = paper_policy(risk_factor, FREE)
    odds = {0: 1.0}
    expected = 0.0
    for step in range(200):
        bids, asks = policy.row(step)
        after: dict[int, float] = {}
        for held, odd in odds.items():
            up, down = chance(LITERAL, asks[held + FREE]), chance(LITERAL, bids[held + FREE])
            expected += odd if max(up, down) == 1 else 0.0
            for sold, bought in product((0, 1), (0, 1)):
                share = odd * (up if sold else 1 - up) * (down if bought else 1 - down)
                if share > 1e-30:
                    after[held + bought - sold] = after.get(held + bought - sold, 0.0) + share
        odds = after

    assert expected == pytest.approx(clipped, rel=0.02)


# Certainty equivalents.


def cosh_recursion(policy: Policy, risk_factor: float) -> float:
    """As the oracle states it, without logarithms, for a policy of one row on the literal market."""
    bids, asks = policy.row(0)
    cap = policy.cap
    weights = [1.0] * (2 * cap + 1)
    for _ in range(200):
        held = [cosh(risk_factor * (q - cap) * LITERAL.move) * w for q, w in enumerate(weights)]
        after = []
        for q, (bid, ask) in enumerate(zip(bids, asks, strict=True)):
            up, down = chance(LITERAL, ask), chance(LITERAL, bid)
            value = (1 - up) * (1 - down) * held[q]
            if up:
                value += up * (1 - down) * exp(-risk_factor * ask) * held[q - 1]
            if down:
                value += (1 - up) * down * exp(-risk_factor * bid) * held[q + 1]
            if up and down:
                value += up * down * exp(-risk_factor * (ask + bid)) * held[q]
            after.append(value)
        weights = after
    return -log(weights[cap]) / risk_factor


@pytest.mark.parametrize("risk_factor", [0.1, 0.5, 1.0])
def test_the_certainty_equivalent_is_that_of_the_plain_recursion(risk_factor: float) -> None:
    """Which has no logarithms and so no room for large values."""
    policy = closed(stoikov(risk_factor), CAPS[risk_factor])

    found = certainty_equivalent(LITERAL, policy, risk_factor)

    assert found == pytest.approx(cosh_recursion(policy, risk_factor), rel=1e-12)


def test_a_small_aversion_is_worth_the_mean_less_half_the_variance() -> None:
    """The certainty equivalent's own expansion."""
    policy, g = closed(stoikov(0.1), 40), 1e-4
    found = moments(LITERAL, policy)

    assert certainty_equivalent(LITERAL, policy, g) == pytest.approx(
        found.mean - g / 2 * found.sd**2, rel=1e-7
    )


def test_a_policy_that_is_off_earns_nothing() -> None:
    """No fills, no wealth, no deviation."""
    nothing = Policy(np.full((1, 5), np.nan), np.full((1, 5), np.nan))

    assert moments(LITERAL, nothing) == Moments(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    assert certainty_equivalent(LITERAL, nothing, 0.1) == 0


def test_a_fee_is_paid_per_fill() -> None:
    """The mean falls by the fee times the fills, nothing else changes."""
    policy = closed(stoikov(0.1), 40)
    plain, dear = moments(LITERAL, policy), moments(replace(LITERAL, fee=0.25), policy)

    assert dear.mean == pytest.approx(plain.mean - 0.25 * plain.fills)
    assert dear.sd_q == plain.sd_q


def test_absurd_distances_do_not_overflow() -> None:
    """A quote a thousand beyond the mid fills for certain."""
    policy = linear([Distances(-1000.0, 0.0)], 3)

    assert moments(LITERAL, policy).fills == pytest.approx(2 * 200)
    assert certainty_equivalent(LITERAL, policy, 1.0) == pytest.approx(-1000 * 400)


def arrays(*shape: int) -> Numbers:
    """Distances of 1, off at the caps."""
    found = np.ones(shape)
    found[..., -1] = np.nan
    return found


@pytest.mark.parametrize(
    ("bids", "asks", "message"),
    [
        (arrays(5), arrays(5), "shapes"),
        (arrays(1, 5), arrays(2, 5)[:, ::-1], "shapes"),
        (arrays(1, 4), arrays(1, 4)[:, ::-1], "odd number of inventories"),
        (np.ones((1, 5)), arrays(1, 5)[:, ::-1], "the bid at the upper cap or the ask at the lower one"),
        (arrays(1, 5), np.ones((1, 5)), "the bid at the upper cap or the ask at the lower one"),
    ],
)
def test_arrays_that_are_no_policy_are_refused(bids: Numbers, asks: Numbers, message: str) -> None:
    """Shapes that do not fit, no middle, or quotes that lead out of the inventories."""
    with pytest.raises(ValueError, match=message):
        Policy(bids, asks)


def test_a_policy_without_a_row_for_every_step_is_refused() -> None:
    """One for all, or one each."""
    policy = Policy(arrays(3, 5), arrays(3, 5)[:, ::-1])

    for call in (lambda: moments(LITERAL, policy), lambda: certainty_equivalent(LITERAL, policy, 0.1)):
        with pytest.raises(ValueError, match="the policy has 3 rows, expected 1 or 200"):
            call()


@pytest.mark.parametrize("risk_factor", [0.0, -1.0, float("nan")])
def test_an_aversion_that_is_none_is_refused(risk_factor: float) -> None:
    """Without aversion the certainty equivalent is the mean: ask `moments`."""
    with pytest.raises(ValueError, match="risk_factor was"):
        certainty_equivalent(LITERAL, closed(stoikov(0.1), 4), risk_factor)
