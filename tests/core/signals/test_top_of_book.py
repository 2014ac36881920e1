"""Imbalance and weighted mid: the known vectors, the mean over time, what is known when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.signals.imbalance import ImbalanceSpec, bid_share
from mm.signals.weighted_mid import WeightedMidSpec, weighted_offset

SECOND_NS = 1_000_000_000


@pytest.mark.parametrize(
    ("bid_atoms", "ask_atoms", "price"),
    [(20, 471, 14.3304073320), (25, 148, 14.3314450867), (31, 95, 14.3324603175)],
)
def test_the_weighted_mid_gives_the_known_vectors(bid_atoms: int, ask_atoms: int, price: float) -> None:
    """Bid 14.33, ask 14.34, ticks of a hundredth."""
    offset = weighted_offset(1433, bid_atoms, 1434, ask_atoms)

    assert (2867 + offset) / 200 == pytest.approx(price, abs=5e-11)


def test_the_share_of_the_bid_gives_the_known_vector() -> None:
    """Without any size the book is balanced."""
    assert bid_share(20, 471) == pytest.approx(0.0407331976, abs=5e-11)
    assert bid_share(0, 0) == 0.5
    assert weighted_offset(1, 0, 3, 0) == 0


@given(st.integers(1, 99), st.integers(1, 9), st.integers(0, 10**18), st.integers(0, 10**18))
def test_the_weighted_mid_is_within_the_spread_and_mirrored(
    bid: int, spread: int, bid_atoms: int, ask_atoms: int
) -> None:
    """Bid and ask exchanged turn it around."""
    offset = weighted_offset(bid, bid_atoms, bid + spread, ask_atoms)

    assert abs(offset) <= spread
    assert offset == -weighted_offset(bid, ask_atoms, bid + spread, bid_atoms)
    assert bid_share(bid_atoms, ask_atoms) + bid_share(ask_atoms, bid_atoms) == pytest.approx(1)


def test_signals_of_the_top_know_nothing_without_one() -> None:
    """At first, and when the book was lost."""
    for spec, value in ((ImbalanceSpec(), 0.75), (WeightedMidSpec(), 1.0)):
        signal = spec.start()
        before = signal.reading(0)
        signal.on_top(1, 10, 30, 12, 10)
        known = signal.reading(1)
        signal.on_lost(2)
        lost = signal.reading(2)

        assert (known.value, known.ready) == (value, True)
        assert before.waits_for == lost.waits_for == "a book with both sides"


def test_the_mean_over_time_weighs_each_top_as_long_as_it_stood() -> None:
    """A share of 1 for one half-life after 0 is a half, and a quarter one half-life later."""
    signal = ImbalanceSpec(half_life_ns=SECOND_NS).start()
    signal.on_top(0, 10, 0, 11, 5)
    signal.on_top(5 * SECOND_NS, 10, 5, 11, 0)
    signal.on_top(6 * SECOND_NS, 10, 0, 11, 5)

    assert signal.reading(6 * SECOND_NS).value == 0.5
    assert signal.reading(7 * SECOND_NS).value == 0.25


def test_a_half_life_below_nothing_is_our_own_fault() -> None:
    """A strategy that asks for it fails at once."""
    with pytest.raises(AssertionError):
        ImbalanceSpec(half_life_ns=-1)
