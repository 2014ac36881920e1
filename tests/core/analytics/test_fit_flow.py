"""Order-flow imbalance against the mid, and where the mid goes by the imbalance of the best sizes."""

from itertools import pairwise
from math import isclose

from mm.analytics.fit_flow import next_moves, order_flow
from mm.analytics.markets import Mids, Tape
from tests.builders.tapes import TICK, Top, random_tape, tape_of


def naive_flow(tape: Tape, at: int) -> int:
    """The definition, term by term."""
    is_bid_up, is_bid_down = tape.bid[at] >= tape.bid[at - 1], tape.bid[at] <= tape.bid[at - 1]
    is_ask_down, is_ask_up = tape.ask[at] <= tape.ask[at - 1], tape.ask[at] >= tape.ask[at - 1]
    return (
        is_bid_up * tape.bid_size[at]
        - is_bid_down * tape.bid_size[at - 1]
        - is_ask_down * tape.ask_size[at]
        + is_ask_up * tape.ask_size[at - 1]
    )


def correlation(left: list[float], right: list[float]) -> float:
    """Return it in floats."""
    left_mean, right_mean = sum(left) / len(left), sum(right) / len(right)
    covariance = sum((a - left_mean) * (b - right_mean) for a, b in zip(left, right, strict=True))
    spread = sum((a - left_mean) ** 2 for a in left) * sum((b - right_mean) ** 2 for b in right)
    return float(covariance / spread**0.5)


def test_flow_is_summed_by_second_and_held_against_the_mid() -> None:
    """In its own second and in the next."""
    tape = random_tape(11, seconds=40)
    seconds = (tape.top_ns[-1] - tape.top_ns[0]) // 10**9
    mids = Mids(tape)
    marks = [mids.at(tape.top_ns[0] + second * 10**9) for second in range(seconds + 1)]
    moves = [float(after - before) for before, after in pairwise(marks)]
    flows = [0.0] * seconds
    for at in range(1, len(tape.top_ns)):
        second = (tape.top_ns[at] - tape.top_ns[0]) // 10**9
        if second < seconds:
            flows[second] += naive_flow(tape, at)
    found = order_flow(tape, mids)
    assert found.explained is not None
    assert found.next_second is not None
    assert isclose(found.explained, correlation(flows, moves) ** 2, rel_tol=1e-9)
    assert isclose(found.next_second, correlation(flows[:-1], moves[1:]), rel_tol=1e-9)


def test_what_cannot_be_told_is_none() -> None:
    """Too short, or nothing moves."""
    short = tape_of([Top(0, 100, 110), Top(1.2, 110, 120)])
    assert tuple(order_flow(short, Mids(short))) == (None, None)
    still = tape_of([Top(second, 100, 110, second + 1) for second in range(9)])
    assert tuple(order_flow(still, Mids(still))) == (None, None)


def test_next_moves_are_counted_by_tenths_of_the_imbalance() -> None:
    """Only at a spread of one tick, and only where the mid moved afterwards."""
    tops = [
        Top(0, 100, 110, 95, 5),  # up next
        Top(1, 100, 110, 100, 0),  # all on the bid: the last tenth; up next
        Top(2, 110, 120, 1, 99),  # down next, after a look at a wider spread
        Top(3, 110, 130, 50, 50),  # two ticks wide: not counted, although the mid moved up to here
        Top(4, 100, 110, 50, 50),  # nothing follows
    ]
    found = next_moves(tape_of(tops, tick=TICK))
    assert [one.n for one in found] == [1, 0, 0, 0, 0, 0, 0, 0, 0, 2]
    assert found[9].up == 1.0
    assert found[0].up == 1.0  # the next move was to the wider spread, upwards
    assert found[4].up is None
