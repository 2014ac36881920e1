"""Policies on whole ticks: the recursion against every path of a short session, a fine tick, bad input."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from math import exp, log, sqrt

import numpy as np
import pytest

from mm.bench.quoting import exact
from mm.bench.quoting.exact import Policy
from mm.bench.quoting.exact_ticks import Ticked, certainty_equivalent, moments
from tests.builders.model_markets import stoikov
from tests.builders.quoting_policies import LITERAL, closed, paper_policy

HOME = 10_000.0
TICK = 0.3
SHORT = replace(LITERAL, steps=3, impact=0.2)


def on_ticks(cap: int = 2) -> Ticked:
    """Whole ticks that differ by whether the mid that is shown is one, and by the inventory."""
    lots = np.arange(-cap, cap + 1.0)
    bids, asks = (2 * TICK + lots * TICK)[None], (3 * TICK - lots * TICK)[None]
    bids[0, -1] = asks[0, 0] = np.nan
    halfway = Policy(bids + TICK / 2, asks - TICK / 2)
    return Ticked(shown=(Policy(bids, asks), halfway), home=HOME, tick=TICK)


def probability(distance: float) -> float:
    """Of a fill in a step."""
    return 0.0 if np.isnan(distance) else min(1.0, 140 * exp(-1.5 * distance) * 0.005)


def paths(ticked: Ticked) -> Iterator[tuple[float, float, int, int]]:
    """Every path of a session: probability, wealth, inventory, fills."""
    for choices in product(product((0, 1), (0, 1), (-1, 1)), repeat=SHORT.steps):
        odds, cash, lots, fills, mid = 1.0, 0.0, 0, 0, HOME
        for sold, bought, up in choices:
            shown = round(2 * mid / TICK)
            policy = ticked.shown[shown % 2]
            bid = shown * TICK / 2 - float(policy.bids[0, lots + ticked.cap])
            ask = shown * TICK / 2 + float(policy.asks[0, lots + ticked.cap])
            p_bid, p_ask = probability(mid - bid), probability(ask - mid)
            odds *= (p_ask if sold else 1 - p_ask) * (p_bid if bought else 1 - p_bid) / 2
            if not odds:
                break
            cash += (ask if sold else 0.0) - (bid if bought else 0.0)
            lots, fills = lots + bought - sold, fills + bought + sold
            mid += (sold - bought) * SHORT.impact + up * SHORT.move
        if odds:
            yield odds, cash + lots * mid, lots, fills


def test_the_recursion_sums_over_every_path() -> None:
    """Of three steps with impact: probabilities, wealth, inventory and fills, one by one."""
    ticked = on_ticks()
    every = list(paths(ticked))
    total = sum(odds for odds, *_ in every)
    mean = sum(odds * wealth for odds, wealth, *_ in every)
    variance = sum(odds * (wealth - mean) ** 2 for odds, wealth, *_ in every)
    found = moments(SHORT, ticked)
    assert total == pytest.approx(1)
    assert found.mean == pytest.approx(mean, abs=1e-9)
    assert found.sd == pytest.approx(sqrt(variance), abs=1e-9)
    assert found.mean_q == pytest.approx(sum(odds * lots for odds, _, lots, _ in every), abs=1e-9)
    assert found.fills == pytest.approx(sum(odds * fills for odds, *_, fills in every), abs=1e-9)
    for g in (0.1, 1.0):
        worth = -log(sum(odds * exp(-g * wealth) for odds, wealth, *_ in every)) / g
        assert certainty_equivalent(SHORT, ticked, g) == pytest.approx(worth, abs=1e-9)


@pytest.mark.parametrize("policy", [closed(stoikov(0.5), 8), paper_policy(0.5, 8, steps=20)])
def test_without_a_tick_to_speak_of_the_figures_are_those_without_one(policy: Policy) -> None:
    """Of a policy for all times and of one with rows, with impact."""
    market = replace(LITERAL, steps=20, impact=0.1)
    fine = Ticked(shown=(policy, policy), home=HOME, tick=1e-6)
    found, expected = moments(market, fine), exact.moments(market, policy)
    assert (found.mean, found.sd, found.sd_q, found.fills) == pytest.approx(
        (expected.mean, expected.sd, expected.sd_q, expected.fills), abs=1e-4
    )
    worth = exact.certainty_equivalent(market, policy, 0.5)
    assert certainty_equivalent(market, fine, 0.5) == pytest.approx(worth, abs=1e-4)


def test_what_does_not_fit_is_refused() -> None:
    """Policies of two shapes, no tick, no aversion, too few rows."""
    one, other = closed(stoikov(0.1), 3), closed(stoikov(0.1), 4)
    with pytest.raises(ValueError, match="expected two alike"):
        Ticked(shown=(one, other), home=HOME, tick=0.1)
    with pytest.raises(ValueError, match="tick was 0, expected more than 0"):
        Ticked(shown=(one, one), home=HOME, tick=0)
    with pytest.raises(ValueError, match="risk_factor was nan, expected more than 0"):
        certainty_equivalent(SHORT, on_ticks(), float("nan"))
    rows = paper_policy(0.1, 3, steps=20)
    with pytest.raises(ValueError, match="the policy has 20 rows, expected 1 or 3"):
        moments(SHORT, Ticked(shown=(rows, rows), home=HOME, tick=0.1))
