"""How much the order flow says about the mid: order-flow imbalance, and the imbalance of the best sizes.

The flow of a change of the best prices, after Cont, Kukanov and Stoikov (2014), is

    e = 1{bid >= bid'} q_b - 1{bid <= bid'} q_b' - 1{ask <= ask'} q_a + 1{ask >= ask'} q_a'

(a prime marks what stood before), summed over a second and held against the change of the mid in that second
and in the next. Invariant: what cannot be told (nothing moved, too few) is None, never 0.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt
from typing import Final, NamedTuple

from mm.analytics.markets import Mids, Tape
from mm.domain.units import NS_PER_S

DECILES: Final = 10


class Flow(NamedTuple):
    """What flow explains. Fields: explained: share of the mid's variance within a second (R squared).
    next_second: correlation with the change of the mid in the second after. Each None if it cannot be told.
    """

    explained: float | None
    next_second: float | None


class Decile(NamedTuple):
    """Best prices with an imbalance in one tenth of 0 to 1. Fields: n: how many; up: share of which the next
    move of the mid was up, None without any.
    """

    n: int
    up: float | None


def order_flow(tape: Tape, mids: Mids) -> Flow:
    """Return what the flow of each second says about the mid."""
    begin = tape.top_ns[0]
    seconds = (tape.top_ns[-1] - begin) // NS_PER_S
    flows = [0] * (seconds + 1)
    for at in range(1, len(tape.top_ns)):
        flows[(tape.top_ns[at] - begin) // NS_PER_S] += _flow(tape, at)
    marks = [mids.at(begin + second * NS_PER_S) for second in range(seconds + 1)]
    moves = [after - before for before, after in pairwise(marks)]
    same = _correlation(flows[:seconds], moves)
    return Flow(None if same is None else same * same, _correlation(flows[: max(0, seconds - 1)], moves[1:]))


def _flow(tape: Tape, at: int) -> int:
    bid, bid_before, ask, ask_before = tape.bid[at], tape.bid[at - 1], tape.ask[at], tape.ask[at - 1]
    flow = 0
    if bid >= bid_before:
        flow += tape.bid_size[at]
    if bid <= bid_before:
        flow -= tape.bid_size[at - 1]
    if ask <= ask_before:
        flow -= tape.ask_size[at]
    if ask >= ask_before:
        flow += tape.ask_size[at - 1]
    return flow


def _correlation(left: Sequence[int], right: Sequence[int]) -> float | None:
    count = len(left)
    if count < 2:
        return None
    # Whole numbers to the end: sums of large sizes lose nothing.
    left_sum, right_sum = sum(left), sum(right)
    covariance = count * sum(a * b for a, b in zip(left, right, strict=True)) - left_sum * right_sum
    left_variance = count * sum(a * a for a in left) - left_sum * left_sum
    right_variance = count * sum(b * b for b in right) - right_sum * right_sum
    if not left_variance or not right_variance:
        return None
    return covariance / (sqrt(left_variance) * sqrt(right_variance))


def next_moves(tape: Tape) -> tuple[Decile, ...]:
    """Return where the mid went next, by tenths of q_b / (q_b + q_a) at a spread of one tick."""
    counts, ups = [0] * DECILES, [0] * DECILES
    next_side = 0
    for at in range(len(tape.top_ns) - 1, -1, -1):
        bid_size, ask_size = tape.bid_size[at], tape.ask_size[at]
        if next_side and tape.ask[at] - tape.bid[at] == tape.tick:
            decile = min(DECILES - 1, DECILES * bid_size // (bid_size + ask_size))
            counts[decile] += 1
            ups[decile] += next_side > 0
        if at:
            change = tape.bid[at] + tape.ask[at] - tape.bid[at - 1] - tape.ask[at - 1]
            next_side = (change > 0) - (change < 0) or next_side
    return tuple(Decile(n, up / n if n else None) for n, up in zip(counts, ups, strict=True))
