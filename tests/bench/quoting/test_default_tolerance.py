"""What the tolerance by the width costs, exactly, whatever the maker fee is: what the default rests on."""

import numpy as np
import pytest

from mm.bench.quoting.exact import Market, Policy
from mm.bench.quoting.exact_hysteresis import Chain, Tolerant
from mm.models import glft
from mm.quoting.hysteresis import by_width

RISK_FACTOR, CAP = 1.0, 12
"""An aversion for which a tolerance costs more than for any below."""


def line(fee: float) -> tuple[Policy, float]:
    """A ladder of the width and the lean that are best with a fee, and half that width."""
    half, skew, _ = glft.closed_form(
        glft.Market(risk_factor=RISK_FACTOR, arrival_rate=140.0, decay=1.5, volatility=2.0, fee=fee)
    )
    lots = np.arange(-CAP, CAP + 1, dtype=np.float64)
    bids, asks = half + skew * lots, half - skew * lots
    bids[-1] = asks[0] = np.nan
    return Policy(bids[None], asks[None]), half


def played(policy: Policy, fee: float, tolerance: float) -> tuple[float, float]:
    """Certainty equivalent and messages per fill."""
    market = Market(volatility=2.0, arrival_rate=140.0, decay=1.5, step_s=0.005, steps=200, fee=fee)
    chain = Chain(market, Tolerant(policy, tolerance))
    found, messages = chain.moments()
    return chain.certainty_equivalent(RISK_FACTOR), messages / found.fills


@pytest.mark.parametrize("fee", [0.0, 0.3, 0.667, 1.333])
def test_it_costs_less_than_two_and_a_half_percent_and_two_thirds_of_the_messages_go(fee: float) -> None:
    """Fees up to twice what the distance is in which fills thin out by e."""
    policy, half = line(fee)
    worth, messages = played(policy, fee, 0.0)
    kept, left = played(policy, fee, by_width(half, fee))

    assert kept > 0.975 * worth
    assert left < 0.4 * messages


@pytest.mark.proof  # the other choice, measured
def test_a_share_of_the_whole_width_would_cost_several_times_as_much_where_fees_are_high() -> None:
    """An order would stand where its fill does not pay the fee."""
    policy, half = line(1.333)
    worth, _ = played(policy, 1.333, 0.0)

    assert played(policy, 1.333, 0.3 * half)[0] < 0.85 * worth
