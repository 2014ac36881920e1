"""The chain of the micro-price: its exact solution, a simulated market, states and looks."""

from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.signals.micro_price import (
    STATES_MAX,
    MicroPrice,
    MicroPriceSpec,
    adjustments,
    factored,
    mirrored,
    solved,
    state_of,
)

SECOND_NS = 1_000_000_000
START_NS = 1_800_000_000 * SECOND_NS
LIMIT = Fraction(2_782_577, 12_800_000)
"""G* of six moves in state 1 (more bid than ask) of the chain below, in moves of the mid."""


def test_the_chain_gives_the_exact_solution() -> None:
    """Stay 0.7, switch 0.1; from state 1 up 0.15, down 0.05; after a move the other way round with 0.8."""
    stays = [[0.7, 0.1], [0.1, 0.7]]
    leaves = [[0.15 * 0.2 + 0.05 * 0.8, 0.15 * 0.8 + 0.05 * 0.2], [0.13, 0.07]]
    moved = [-0.1, 0.1]

    assert solved(factored([[0.3, -0.1], [-0.1, 0.3]]), moved) == pytest.approx([-0.25, 0.25])
    found = adjustments(stays, leaves, moved)

    assert found == pytest.approx([-float(LIMIT), float(LIMIT)], abs=1e-14)


def walk(signal: MicroPrice, looks: int, seed: int = 4) -> int:
    """Let a signal see the chain above for so many looks, moves of 2 half ticks; return the time after it."""
    random, state, bid, now_ns = Random(seed), 1, 1_000, START_NS
    for _ in range(looks):
        signal.on_top(now_ns, bid, 9 if state else 1, bid + 1, 1 if state else 9)
        now_ns += signal_ns
        dice, toward = random.random(), 1 if state else -1
        if dice < 0.1:
            state = 1 - state
        elif dice < 0.3:
            move = toward if dice < 0.25 else -toward
            bid += move
            state = (0 if move > 0 else 1) if random.random() < 0.8 else (1 if move > 0 else 0)
    return now_ns


signal_ns = SECOND_NS // 4


def test_a_market_of_that_chain_is_learnt() -> None:
    """From 40 000 looks to 5 %; the value is in half ticks and of the state now."""
    signal = MicroPriceSpec(buckets=2, spreads=1, half_life_ns=0).start()
    end_ns = walk(signal, 40_000)
    values = []
    for place, atoms in enumerate((9, 1)):
        signal.on_top(end_ns + place, 1_000, atoms, 1_001, 10 - atoms)
        reading = signal.reading(end_ns + place)
        assert reading.ready
        assert reading.more[0] > 7_000
        values.append(reading.value)

    assert values[0] == pytest.approx(2 * float(LIMIT), rel=0.05)
    assert values[1] == pytest.approx(-values[0], rel=1e-9)


def test_states_without_an_end_and_states_never_seen_count_as_nothing() -> None:
    """Two states that lead to each other and to no move; one that leads there; one that was never seen."""
    stays = [[0.0, 4.0, 0.0, 0.0], [4.0, 2.0, 0.0, 0.0], [2.0, 0.0, 0.0, 0.0], [0.0] * 4]
    leaves = [[0.0] * 4, [0.0] * 4, [0.0, 0.0, 2.0, 0.0], [0.0] * 4]

    found = adjustments(stays, leaves, [0.0, 0.0, 2.0, 0.0])

    # Every second look at the third state is a move of 1 that comes back to it.
    assert found == pytest.approx([0.0, 0.0, sum(0.5 * 0.5**n for n in range(6)), 0.0])


matrices = st.integers(1, 6).flatmap(
    lambda size: st.lists(
        st.lists(st.floats(0, 1), min_size=size, max_size=size), min_size=size, max_size=size
    )
)


@given(matrices)
def test_a_solution_solves(shares: list[list[float]]) -> None:
    """For every chain that is left with a share of a tenth at least."""
    size = len(shares)
    rows = [[share / (sum(row) + 1e-9) * 0.9 for share in row] for row in shares]
    matrix = [[(1.0 if i == j else 0.0) - rows[i][j] for j in range(size)] for i in range(size)]
    column = [float(place + 1) for place in range(size)]

    found = solved(factored(matrix), column)

    for row, wanted in zip(matrix, column, strict=True):
        assert sum(a * x for a, x in zip(row, found, strict=True)) == pytest.approx(wanted)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 9), st.integers(2, 8), st.integers(1, 4))
def test_states_are_numbered_by_spread_and_bucket(
    bid_atoms: int, ask_atoms: int, spread_ticks: int, buckets: int, spreads: int
) -> None:
    """Within bounds; the mirror image of the mirror image is the state."""
    state = state_of(bid_atoms, ask_atoms, spread_ticks, buckets, spreads)

    assert 0 <= state < buckets * spreads
    assert state // buckets == min(spread_ticks, spreads) - 1
    assert mirrored(mirrored(state, buckets), buckets) == state
    if bid_atoms and ask_atoms and bid_atoms * buckets % (bid_atoms + ask_atoms):
        assert mirrored(state, buckets) == state_of(ask_atoms, bid_atoms, spread_ticks, buckets, spreads)


def test_looks_that_were_passed_over_saw_the_top_that_stood() -> None:
    """Nine looks in silence are nine steps from a state to itself; each counts with its mirror image."""
    signal = MicroPriceSpec(buckets=2, spreads=1, sample_ns=SECOND_NS).start()
    signal.on_top(START_NS, 10, 9, 11, 1)
    signal.on_top(START_NS + SECOND_NS // 2, 10, 1, 11, 9)
    signal.on_top(START_NS + 10 * SECOND_NS, 12, 1, 13, 9)
    signal.on_top(START_NS + 11 * SECOND_NS, 12, 1, 13, 9)

    moved, stays, leaves = signal.state()[11:13], signal.state()[13:17], signal.state()[17:]
    assert stays == (9.0, 1.0, 1.0, 9.0)
    assert leaves == (1.0, 0.0, 0.0, 1.0)
    assert moved == (4.0, -4.0)


def test_several_tops_at_once_are_the_same_tops_one_by_one() -> None:
    """One that is gone before the next look, then one that is due, then one that stands."""
    tops = [
        (0, START_NS, 10, 9, 11, 1, 0),
        (0, START_NS + SECOND_NS // 2, 10, 1, 11, 9, 0),
        (0, START_NS + 10 * SECOND_NS, 12, 1, 13, 9, 0),
        (0, START_NS + 10 * SECOND_NS + 1, 12, 9, 13, 1, 0),
    ]
    spec = MicroPriceSpec(buckets=2, spreads=1, sample_ns=SECOND_NS)
    at_once, one_by_one = spec.start(), spec.start()
    at_once.on_tops(tops)
    for _, ts_ns, bid, bid_atoms, ask, ask_atoms, _ in tops:
        one_by_one.on_top(ts_ns, bid, bid_atoms, ask, ask_atoms)
    assert at_once.state() == one_by_one.state()


def test_it_says_what_it_waits_for() -> None:
    """Moves, an estimate, a book; all that is missing at once."""
    signal = MicroPriceSpec(buckets=2, spreads=1, half_life_ns=0, moves_min=3).start()
    assert signal.reading(START_NS).waits_for == "moves of the mid (0 of 3), a book with both sides"
    end_ns = walk(signal, 100)
    assert signal.reading(end_ns).waits_for == "a first estimate of what follows such sizes"
    signal.on_lost(end_ns)
    signal.on_top(end_ns + 60 * SECOND_NS, 10, 1, 11, 9)
    assert signal.reading(end_ns + 60 * SECOND_NS).ready
    signal.on_lost(end_ns + 61 * SECOND_NS)
    assert signal.reading(end_ns + 61 * SECOND_NS).waits_for == "a book with both sides"


def test_steps_fade_with_the_half_life() -> None:
    """At each renewal."""
    signal = MicroPriceSpec(
        buckets=2, spreads=1, sample_ns=SECOND_NS, renew_ns=SECOND_NS, half_life_ns=SECOND_NS, moves_min=1
    ).start()
    for second in range(60):
        signal.on_top(START_NS + second * SECOND_NS, 10 + second % 2, 9, 11 + second % 2, 1)

    assert signal.reading(START_NS + 60 * SECOND_NS).more[0] == pytest.approx(1, rel=0.01)


@pytest.mark.parametrize(
    "change",
    [
        {"buckets": 1},
        {"spreads": 0},
        {"buckets": STATES_MAX, "spreads": 2},
        {"sample_ns": 0},
        {"renew_ns": 1},
        {"half_life_ns": -1},
        {"moves_min": 0},
    ],
)
def test_a_spec_out_of_range_is_our_own_fault(change: dict[str, int]) -> None:
    """A strategy that asks for it fails at once."""
    with pytest.raises(AssertionError):
        MicroPriceSpec(**change)
