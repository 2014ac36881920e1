"""What is told of a tape: why nothing can be, the mid over time, market orders, volatility, spread."""

from itertools import pairwise
from math import isclose, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm.analytics.markets import (
    Mids,
    Tape,
    depth_twice,
    half_spread_bps,
    market_facts,
    market_orders,
    refusal,
    volatility_bps,
)
from tests.builders.tapes import START_NS, TICK, Hit, S, Top, calm, random_tape, tape_of

BOTH = [Hit(1, 100_010, 1), Hit(2, 100_000, -1)]


@pytest.mark.parametrize(
    ("tape", "reason"),
    [
        (calm(60, BOTH), ""),
        (tape_of([]), "there are no best prices"),
        (calm(29.9, BOTH), "it is 29.9 s long, expected at least 30 s"),
        (calm(60), "there are no trades"),
        (calm(60, BOTH[:1]), "there are only buy orders among 1 trades: one side of a market"),
        (calm(60, BOTH[1:]), "there are only sell orders among 1 trades: one side of a market"),
        (tape_of([Top(0, 10, 20), Top(60, 10, 20)], BOTH), "the best prices never move"),
        (
            tape_of([Top(0, 10, 20)] * 98, BOTH, skipped=2),
            "2 of 100 best prices are crossed or have an empty side",
        ),
    ],
)
def test_what_nothing_can_be_said_of_is_refused_with_the_reason(tape: Tape, reason: str) -> None:
    """Before anything is computed."""
    assert refusal(tape) == reason


def test_a_tape_may_be_asked_to_be_longer() -> None:
    """A long horizon needs more."""
    assert refusal(calm(60, BOTH), seconds_min=100).startswith("it is 60.0 s long, expected at least 100 s")
    assert tape_of([]).duration_s == 0.0


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), asked_s=st.lists(st.floats(-1, 30), min_size=1, max_size=20))
def test_the_mid_is_that_of_the_last_best_prices(seed: int, asked_s: list[float]) -> None:
    """As of a time, or just before it; the first one before any."""
    tape = random_tape(seed, seconds=20)
    mids = Mids(tape)
    for at_s in [*asked_s, (tape.top_ns[3] - START_NS) / S]:
        at_ns = START_NS + round(at_s * S)
        for found, heard in (
            (mids.at(at_ns), [i for i, top_ns in enumerate(tape.top_ns) if top_ns <= at_ns]),
            (mids.before(at_ns), [i for i, top_ns in enumerate(tape.top_ns) if top_ns < at_ns]),
        ):
            last = heard[-1] if heard else 0
            assert found == tape.bid[last] + tape.ask[last]


def test_prints_of_one_number_and_side_are_one_market_order() -> None:
    """Only while they follow each other."""
    hits = [
        Hit(1, 100_010, 1, order=7),
        Hit(1, 100_020, 1, order=7),
        Hit(1, 100_000, -1, order=7),
        Hit(2, 100_000, -1, order=8),
        Hit(2, 100_010, 1, order=9),
    ]
    tape = calm(60, hits)
    assert [tuple(order) for order in market_orders(tape)] == [(0, 1), (2, 2), (3, 3), (4, 4)]
    assert [depth_twice(tape, 200_010, order) for order in market_orders(tape)] == [30, 10, 10, 10]
    assert list(market_orders(calm(60))) == []


def test_the_depth_counts_from_the_mid_just_before_and_can_be_below_it() -> None:
    """A print that comes with the change it made is held against what stood before."""
    tops = [Top(0, 100_000, 100_010), Top(1, 100_020, 100_030), Top(2, 100_100, 100_110)]
    tape = tape_of(tops, [Hit(1, 100_010, 1), Hit(1.5, 100_010, 1)])
    mids = Mids(tape)
    depths = [
        depth_twice(tape, mids.before(tape.print_ns[order.first]), order) for order in market_orders(tape)
    ]
    assert depths == [TICK, 2 * 100_010 - 200_050]


def test_volatility_is_the_root_of_the_mean_square_of_sampled_moves() -> None:
    """Samples after the first best prices; what flickers within one does not count."""
    tops = [
        Top(0, 99_990, 100_010),
        Top(0.5, 90_000, 90_020),
        Top(0.9, 100_090, 100_110),
        Top(2.0, 99_990, 100_010),
        Top(3.5, 99_990, 100_010),
    ]
    tape = tape_of(tops)
    value, samples = volatility_bps(Mids(tape), tape)
    assert samples == 3
    assert isclose(value, sqrt((10**2 + (10 / 1.001) ** 2 + 0) / 3))
    assert volatility_bps(Mids(tape), tape, sample_ns=4 * S) == (0.0, 0)
    half_value, half_samples = volatility_bps(Mids(tape), tape, sample_ns=2 * S)
    assert (half_value, half_samples) == (0.0, 1)


def test_the_half_spread_is_weighted_by_the_time_it_stood() -> None:
    """In basis points of the mid."""
    tops = [Top(0, 99_990, 100_010), Top(3, 99_950, 100_050), Top(4, 99_990, 100_010)]
    assert isclose(half_spread_bps(tape_of(tops)), (3 * 1 + 1 * 5) / 4)


def test_the_facts_of_a_market_are_counted() -> None:
    """One of each."""
    tape = random_tape(5, seconds=60)
    facts = market_facts(tape, Mids(tape))
    assert (facts.tops, facts.prints) == (len(tape.top_ns), len(tape.price))
    assert facts.orders == len(list(market_orders(tape)))
    assert isclose(facts.orders_per_s * facts.duration_s, facts.orders)
    assert facts.mid == (tape.bid[0] + tape.ask[0]) / 2
    assert isclose(facts.tick_bps, TICK / facts.mid * 1e4)
    assert facts.signature_bps[2] == facts.volatility_bps > 0
    assert facts.half_spread_bps > 0
    assert facts.silence_s == max(b - a for a, b in pairwise(tape.top_ns)) / S
