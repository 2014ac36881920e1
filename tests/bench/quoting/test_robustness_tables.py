"""The reference's tables on ticks, rounding and requoting, by the rules that it made them with."""

from math import expm1, sqrt

import pytest

from mm.bench.quoting.exact import certainty_equivalent
from tests.builders.model_markets import stoikov
from tests.builders.quoting_policies import CAPS, LITERAL, closed
from tests.builders.requoting import Rounded, drawn, on_grid, refreshed

TICKS = (0.03, 0.08, 0.15, 0.30, 0.60, 1.00, 1.50, 2.25)
"""Times the decay."""

ROUNDING = {
    (0.1, Rounded.NEAREST): (100.00, 99.98, 99.90, 99.60, 98.40, 95.30, 89.23, 76.65),
    (0.1, Rounded.PASSIVE): (99.96, 99.83, 99.49, 98.36, 94.88, 88.46, 79.53, 66.68),
    (0.1, Rounded.AGGRESSIVE): (100.01, 99.97, 99.73, 98.48, 91.82, 70.64, 66.36, 2.65),
    (0.5, Rounded.NEAREST): (100.00, 99.97, 99.88, 99.51, 97.92, 94.01, 85.43, 69.69),
    (0.5, Rounded.PASSIVE): (99.91, 99.69, 99.18, 97.63, 92.98, 85.37, 75.45, 61.51),
    (0.5, Rounded.AGGRESSIVE): (100.06, 100.07, 99.85, 98.47, 90.47, 68.35, 57.86, None),
}
"""Certainty equivalent in percent of that without ticks; None: below nothing. They were drawn: where the
mid lies between two ticks decides the more, the wider those are.
"""

ERRORS = (0.03, 0.03, 0.03, 0.03, 0.2, 0.4, 0.7, 0.7)
"""How far the printed figures may lie from the exact ones, by tick."""

REFRESH = {2: (64.40, 156.3, 1.49), 4: (62.42, 89.0, 0.83), 8: (57.12, 47.6, 0.42), 16: (38.05, 25.6, 0.20)}
LATENCY = {1: 63.55, 2: 61.61, 4: 56.73, 8: 40.37}
THRESHOLD = {
    0.08: (65.18, 400.0, 3.86),
    0.15: (65.06, 303.7, 2.92),
    0.30: (64.35, 103.9, 0.99),
    0.45: (63.54, 63.5, 0.60),
    0.75: (60.95, 31.6, 0.29),
    1.20: (54.23, 17.3, 0.15),
}
"""Certainty equivalent, messages, messages per fill."""

PATHS = 40_000


@pytest.mark.parametrize(("risk_factor", "how"), ROUNDING, ids=lambda one: getattr(one, "value", str(one)))
def test_ticks_cost_what_the_reference_says(risk_factor: float, how: Rounded) -> None:
    """By exact recursion: to 0.03 % up to 0.3 / decay, then to the error of what was printed."""
    policy = closed(stoikov(risk_factor), CAPS[risk_factor])
    best = certainty_equivalent(LITERAL, policy, risk_factor)
    for tick, error, expected in zip(TICKS, ERRORS, ROUNDING[risk_factor, how], strict=True):
        found = 100 * on_grid(policy, tick / LITERAL.decay, how, risk_factor) / best
        if expected is None:
            assert found < 0
        else:
            assert found == pytest.approx(expected, abs=error), tick


@pytest.mark.proof  # tables over ages of quotes
@pytest.mark.parametrize("every", sorted(REFRESH))
def test_quotes_that_are_renewed_now_and_then_earn_what_the_reference_says(every: int) -> None:
    """By exact recursion: what was printed is of 40 000 sessions, whose error is exact too."""
    worth, messages, _ = REFRESH[every]
    policy = closed(stoikov(0.1), CAPS[0.1])
    found, twice = refreshed(policy, every, 0.1), refreshed(policy, every, 0.2)

    # The mean square of the utility is that of twice the aversion.
    error = sqrt(expm1(0.2 * (found.worth - twice.worth)) / PATHS) / 0.1
    assert found.worth == pytest.approx(worth, abs=4 * error)
    assert found.messages == pytest.approx(messages, abs=0.1)


def test_renewed_at_every_step_they_are_the_policy_itself() -> None:
    """The recursion's own check: two orders a step, and the worth of `exact`."""
    policy = closed(stoikov(0.5), CAPS[0.5])

    found = refreshed(policy, 1, 0.5)

    assert found.worth == pytest.approx(certainty_equivalent(LITERAL, policy, 0.5), rel=1e-12)
    assert found.messages == pytest.approx(400, abs=1e-6)


@pytest.mark.proof
@pytest.mark.parametrize("latency", sorted(LATENCY))
def test_late_quotes_earn_what_the_reference_says(latency: int) -> None:
    """Drawn as it was there, as many sessions: both samples have an error."""
    found = drawn(closed(stoikov(0.1), CAPS[0.1]), 0.1, PATHS, latency=latency)

    assert found.worth == pytest.approx(LATENCY[latency], abs=4 * sqrt(2) * found.error)


@pytest.mark.proof
@pytest.mark.parametrize("share", sorted(THRESHOLD))
def test_quotes_with_a_tolerance_earn_what_the_reference_says(share: float) -> None:
    """Drawn as it was there: worth, messages, and messages per fill."""
    worth, messages, per_fill = THRESHOLD[share]
    found = drawn(closed(stoikov(0.1), CAPS[0.1]), 0.1, PATHS, tolerance=share / LITERAL.decay)

    assert found.worth == pytest.approx(worth, abs=4 * sqrt(2) * found.error)
    assert found.messages == pytest.approx(messages, rel=0.01)
    assert found.messages / found.fills == pytest.approx(per_fill, abs=0.01)
