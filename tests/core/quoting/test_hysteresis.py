"""Default tolerances: by how fills thin out, and by the width where nobody knows."""

from math import exp, inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.quoting.about import BPS_MAX
from mm.quoting.hysteresis import by_falloff, by_width, falloff


def test_what_a_quote_is_worth_falls_off_with_its_fills_and_with_aversion() -> None:
    """Without aversion, and up to a ninth of the decay, with the fills alone."""
    assert falloff(0.3) == falloff(0.3, 0.03) == 0.3
    assert falloff(1.5, 1.0) == pytest.approx(0.9 * 2.5)
    assert falloff(1.5, 0.5) > falloff(1.5, 0.2) > 1.5


def test_a_known_decay_gives_a_third_of_its_length() -> None:
    """0.3 / k; never more than the price, nothing where infinity says so."""
    assert by_falloff(0.3) == 1.0
    assert by_falloff(1e-300) == BPS_MAX
    assert by_falloff(inf) == 0.0


@pytest.mark.parametrize(
    ("half", "costs", "expected"),
    [
        (2.0, 0.0, 0.6),
        (4.0, 2.0, 0.6),
        (12.0, 10.0, 1.2),
        (10.0, 10.0, 1.0),
        (5.0, 10.0, 0.5),
        (0.5, -0.5, 0.3),
        (0.5, -50.0, 0.5),
        (0.0, 0.0, 0.0),
        (0.0, -1.0, 0.0),
        (inf, 10.0, inf),
    ],
)
def test_a_width_gives_what_it_is_beyond_the_costs(half: float, costs: float, expected: float) -> None:
    """0.3 of it, a tenth of half the width at least; a rebate is no cost, and the mid is never crossed."""
    assert by_width(half, costs) == pytest.approx(expected)


@given(st.floats(0.01, 100), st.floats(0, 100))
def test_at_the_best_width_both_are_one(decay: float, costs: float) -> None:
    """Whoever gains most stands at costs + 1 / k: that width gives what the decay gives, or a tenth."""
    best = costs + 1 / decay

    def gain(distance: float) -> float:
        return (distance - costs) * exp(-decay * (distance - best))

    assert gain(best) >= max(gain(0.999 * best), gain(1.001 * best))
    assert by_width(best, costs) == pytest.approx(max(by_falloff(decay), 0.1 * best))


@given(st.floats(0, 1e6), st.floats(-1e4, 1e4))
def test_no_width_gives_a_tolerance_that_leads_beyond_the_mid(half: float, costs: float) -> None:
    """Nor one below 0."""
    assert 0 <= by_width(half, costs) <= half
