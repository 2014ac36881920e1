"""The micro-price: the exact chain, the weighted mid, empty columns, and the laws."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.models.micro_price import Counts, bucket, weighted_mid

# Low and high imbalance at a one-tick spread: stay .7, switch .1 without a move; from high up .15, down .05,
# low mirrored; after a move up the next state is low with probability .8, mirrored after one down.
CHAIN = (
    (0, 0, 0, 700),
    (0, 0, 1, 100),
    (1, 0, 1, 700),
    (1, 0, 0, 100),
    (1, 1.0, 0, 120),
    (1, 1.0, 1, 30),
    (1, -1.0, 1, 40),
    (1, -1.0, 0, 10),
    (0, 1.0, 0, 40),
    (0, 1.0, 1, 10),
    (0, -1.0, 1, 120),
    (0, -1.0, 0, 30),
)


def exact_chain() -> Counts:
    """The oracle's chain, as counts."""
    counts = Counts(2, 1, (-1.0, 1.0))
    for state, move, after, times in CHAIN:
        counts.add(state, move, after, times)
    return counts


def test_the_exact_chain_gives_the_fractions_of_the_oracle() -> None:
    """G1 is a quarter, B as stated, the sum of six moves 2782577/12800000, its limit 5/23."""
    chain = exact_chain().chain()

    assert chain.first_move() == pytest.approx((-0.25, 0.25), abs=1e-15)
    assert chain.state_after_move()[0] == pytest.approx((17 / 40, 23 / 40), abs=1e-15)
    assert chain.state_after_move()[1] == pytest.approx((23 / 40, 17 / 40), abs=1e-15)
    assert chain.adjustments()[1] == pytest.approx(float(Fraction(2782577, 12800000)), abs=1e-15)
    assert chain.adjustments()[1] == pytest.approx(0.217388828125, abs=1e-15)
    assert chain.adjustments(60)[1] == pytest.approx(5 / 23, abs=1e-15)


def test_a_symmetric_chain_is_its_own_mirror() -> None:
    """Counted with its mirror image, nothing changes but the counts."""
    assert exact_chain().symmetrised().chain().adjustments() == pytest.approx(
        exact_chain().chain().adjustments(), abs=1e-15
    )


def test_a_simulated_chain_comes_near() -> None:
    """200 000 steps, seed 7: the adjustment within 0.01 of the exact one."""
    generator = np.random.default_rng(7)
    counts, state = Counts(2, 1, (-1.0, 1.0)), 0
    rows = [[entry for entry in CHAIN if entry[0] == at] for at in (0, 1)]
    bounds = [np.cumsum([entry[3] for entry in row]) / 1000 for row in rows]
    for draw in generator.random(200_000):
        _, move, after, _ = rows[state][int(np.searchsorted(bounds[state], draw, side="right"))]
        counts.add(state, move, after)
        state = after

    assert counts.symmetrised().chain().adjustments()[1] == pytest.approx(0.217388828125, abs=0.01)


@pytest.mark.parametrize(
    ("bid_size", "ask_size", "price"),
    [(20, 471, 14.3304073320), (25, 148, 14.3314450867), (31, 95, 14.3324603175)],
)
def test_the_weighted_mid_gives_the_vectors_of_the_oracle(
    bid_size: float, ask_size: float, price: float
) -> None:
    """Between 14.33 and 14.34, to ten decimals."""
    imbalance = bid_size / (bid_size + ask_size)

    assert weighted_mid(14.33, 14.34, imbalance) == pytest.approx(price, abs=6e-11)


def test_the_imbalance_falls_into_equal_buckets() -> None:
    """The whole book on one side is in the outermost one, an empty book in the middle."""
    assert [bucket(x, 10 - x, 5) for x in (0, 1.9, 2, 5, 9.9, 10)] == [0, 0, 1, 2, 4, 4]
    assert bucket(0, 0, 5) == 2


def test_moves_that_never_happened_do_not_shift_the_others() -> None:
    """With larger moves to be told apart that nobody saw, the adjustments are the same."""
    wide = Counts(2, 1, (-2.0, -1.0, 1.0, 2.0))
    for state, move, after, times in CHAIN:
        wide.add(state, move, after, times)

    assert wide.symmetrised().chain().adjustments() == pytest.approx(exact_chain().chain().adjustments())


def test_states_that_were_never_seen_have_no_adjustment() -> None:
    """At a second spread nothing was counted; the first one is as it was."""
    wide = Counts(2, 2, (-1.0, 1.0))
    for state, move, after, times in CHAIN:
        wide.add(state, move, after, times)

    found = wide.symmetrised().chain().adjustments()

    assert found[:2] == pytest.approx(exact_chain().chain().adjustments())
    assert found[2:] == (0.0, 0.0)


def test_states_that_no_move_follows_have_no_adjustment() -> None:
    """A state that was only ever left for itself, and one from which only that is reached."""
    counts = Counts(3, 1, (-1.0, 1.0))
    counts.add(0, 0, 0, 5)
    counts.add(1, 0, 0, 5)
    counts.add(2, 1.0, 2, 1)
    counts.add(2, 0, 0, 1)

    chain = counts.chain()

    assert chain.first_move() == (0.0, 0.0, 0.5)
    assert chain.adjustments(3) == pytest.approx((0.0, 0.0, 0.5 * 1.75))


def test_the_mirror_of_a_state_keeps_its_spread() -> None:
    """Bids and asks exchanged."""
    counts = Counts(3, 2, (-1.0, 1.0))

    assert [counts.mirrored(state) for state in range(6)] == [2, 1, 0, 5, 4, 3]


transitions = st.tuples(
    st.integers(0, 5), st.sampled_from([-2.0, -1.0, 0.0, 1.0, 2.0]), st.integers(0, 5), st.integers(1, 9)
)


@given(st.lists(transitions, max_size=30))
def test_any_transitions_give_finite_adjustments_that_mirror(
    seen: list[tuple[int, float, int, int]],
) -> None:
    """And what a dense solver gives, where it has a solution."""
    counts = Counts(3, 2, (-2.0, -1.0, 1.0, 2.0))
    for state, move, after, times in seen:
        counts.add(state, move, after, times)
    both = counts.symmetrised()

    chain = both.chain()
    found = chain.adjustments()

    assert all(abs(value) < 1e9 for value in found)
    assert found == pytest.approx([-found[both.mirrored(state)] for state in range(6)], abs=1e-9)
    left = np.eye(6) - np.array(chain.stays)
    if np.linalg.cond(left) < 1e6:
        right = np.array(chain.sizes) @ np.array(chain.moves)
        assert chain.first_move() == pytest.approx(np.linalg.solve(left, right), abs=1e-9)


@pytest.mark.parametrize(
    ("buckets", "spreads", "moves", "message"),
    [
        (0, 1, (1.0, -1.0), "buckets and spreads were 0 and 1, expected at least 1 of each"),
        (2, 0, (1.0, -1.0), "buckets and spreads were 2 and 0"),
        (2, 1, (), "moves were"),
        (2, 1, (1.0,), "each with its opposite"),
        (2, 1, (0.0,), "without 0"),
        (2, 1, (float("inf"), float("-inf")), "expected finite ones"),
    ],
)
def test_counts_of_nothing_are_refused(
    buckets: int, spreads: int, moves: tuple[float, ...], message: str
) -> None:
    """No buckets, no spreads, no moves, or a move without its opposite."""
    with pytest.raises(ValueError, match=message):
        Counts(buckets, spreads, moves)


def test_a_move_that_is_not_told_apart_is_refused() -> None:
    """It has to be one of the sizes or none."""
    with pytest.raises(ValueError, match=r"move was 3.0, expected 0 or one of \(-1.0, 1.0\)"):
        Counts(2, 1, (-1.0, 1.0)).add(0, 3.0, 1)
