"""What another market's price says here: both remembered over a window, then moved alike."""

from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.quoting.basis import SAMPLES, SAMPLES_MIN, Basis, price, sampled

WINDOW = 60_000
STEP = WINDOW // SAMPLES


def filled(rows: int, *, own: int = 2_000, other: int = 1_000) -> Basis:
    """Return a basis of that many samples of the same prices."""
    basis = Basis()
    for at in range(rows):
        basis = sampled(basis, (at * STEP, own, other), WINDOW)
    return basis


def test_a_steady_premium_is_taken_out() -> None:
    """Twice the price here: a move there is as large a share here."""
    basis = filled(SAMPLES)

    assert price(basis, 1_000, 1.0) == 2_000
    assert price(basis, 1_010, 1.0) == pytest.approx(2_020)


def test_beta_is_the_share_of_a_move_that_is_made_here() -> None:
    """Half of 1 % up, or the other way."""
    basis = filled(SAMPLES)

    assert price(basis, 1_010, 0.5) == pytest.approx(2_010)
    assert price(basis, 1_010, -1.0) == pytest.approx(1_980)


def test_it_is_known_from_a_third_of_the_window_on() -> None:
    """Fewer samples are no mean to speak of."""
    assert not filled(SAMPLES_MIN - 1).is_known
    assert filled(SAMPLES_MIN).is_known


def test_a_sample_that_comes_too_early_changes_nothing() -> None:
    """The very object: a decision a millisecond costs nothing."""
    basis = filled(3)

    assert sampled(basis, (2 * STEP + STEP - 1, 9_999, 9_999), WINDOW) is basis


def test_what_is_older_than_the_window_is_forgotten() -> None:
    """Also where no new sample is due: after a long gap nothing is left."""
    basis = filled(SAMPLES)
    later = sampled(basis, (10 * WINDOW, 3_000, 1_000), WINDOW)

    assert later == Basis(((10 * WINDOW, 3_000, 1_000),), 3_000, 1_000)
    assert not later.is_known


def test_what_leaves_the_window_between_two_samples_leaves_the_sums() -> None:
    """With a spacing that does not divide the time."""
    basis = Basis(((0, 5, 5), (STEP // 2 + WINDOW - 1, 7, 9)), 12, 14)

    assert sampled(basis, (WINDOW + STEP // 2, 1, 1), WINDOW) == Basis(
        ((STEP // 2 + WINDOW - 1, 7, 9),), 7, 9
    )


def test_samples_of_a_clock_that_was_ahead_are_dropped() -> None:
    """An earlier life's memory is handed on; its clock may have been another."""
    assert sampled(filled(30), (0, 8, 9), WINDOW) == Basis(((0, 8, 9),), 8, 9)


def test_it_comes_back_from_bytes_as_it_was() -> None:
    """Memory is handed on from life to life."""
    basis = filled(SAMPLES_MIN)

    assert msgspec.msgpack.decode(msgspec.msgpack.encode(basis), type=Basis) == basis


@given(
    st.lists(
        st.tuples(st.integers(0, 3 * STEP), st.integers(1, 10**9), st.integers(1, 10**9)),
        min_size=1,
        max_size=150,
    )
)
def test_the_sums_are_those_of_what_is_kept_and_that_is_bounded(rows: list[tuple[int, int, int]]) -> None:
    """Beside a list of all samples that are due, cut to the window."""
    basis, kept, now = Basis(), list[tuple[int, int, int]](), 0
    for pause, own, other in rows:
        now += pause
        kept = [row for row in kept if row[0] > now - WINDOW]
        if not kept or now - kept[-1][0] >= STEP:
            kept.append((now, own, other))
        basis = sampled(basis, (now, own, other), WINDOW)

    assert list(basis.rows) == kept
    assert (basis.own, basis.other) == (sum(row[1] for row in kept), sum(row[2] for row in kept))
    assert len(kept) <= SAMPLES
    mean = Fraction(basis.own, basis.other) * 12_345
    # Exact to the rounding of the own mean.
    assert price(basis, 12_345, 1.0) == pytest.approx(float(mean), rel=1e-12, abs=1e-12 * basis.own)
