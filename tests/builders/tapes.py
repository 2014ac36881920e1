"""Tapes of made-up markets for what judges recorded ones."""

import random
from collections.abc import Sequence
from math import exp
from typing import NamedTuple

from mm.analytics.markets import Tape

START_NS = 1_700_000_000_000_000_000
S = 1_000_000_000
"""Nanoseconds in a second."""

TICK = 10


class Top(NamedTuple):
    """Best prices at a time in seconds, one lot each side unless said."""

    at_s: float
    bid: int
    ask: int
    bid_size: int = 100
    ask_size: int = 100


class Hit(NamedTuple):
    """A print at a time in seconds; `order` is its number, the time in milliseconds unless said."""

    at_s: float
    price: int
    side: int
    size: int = 100
    order: int | None = None


def tape_of(tops: Sequence[Top], hits: Sequence[Hit] = (), *, tick: int = TICK, skipped: int = 0) -> Tape:
    """Return a tape of exactly these."""
    return Tape(
        tick=tick,
        top_ns=[START_NS + round(top.at_s * S) for top in tops],
        bid=[top.bid for top in tops],
        ask=[top.ask for top in tops],
        bid_size=[top.bid_size for top in tops],
        ask_size=[top.ask_size for top in tops],
        print_ns=[START_NS + round(hit.at_s * S) for hit in hits],
        price=[hit.price for hit in hits],
        size=[hit.size for hit in hits],
        aggressor=[hit.side for hit in hits],
        order=[round(hit.at_s * 1000) if hit.order is None else hit.order for hit in hits],
        skipped=skipped,
    )


def calm(duration_s: float, hits: Sequence[Hit] = (), *, mid: int = 100_005) -> Tape:
    """Return a market whose mid stands still but for a flicker at the end; a spread of one tick."""
    bid = mid - TICK // 2
    tops = [Top(0, bid, bid + TICK), Top(duration_s, bid - TICK, bid)]
    return tape_of(tops, hits)


def random_tape(seed: int, *, seconds: int = 60, jump: int = 2) -> Tape:
    """Return a market that walks and trades at random, both sides, now and then deep into the book."""
    dice = random.Random(seed)
    tops, hits = [], []
    bid, now = 100_000, 0.0
    while now < seconds:
        now += dice.expovariate(20)
        if dice.random() < 0.6:
            bid += TICK * dice.randint(-jump, jump)
            tops.append(
                Top(now, bid, bid + TICK * dice.randint(1, 3), dice.randint(1, 900), dice.randint(1, 900))
            )
        else:
            side, depth = dice.choice((1, -1)), int(dice.expovariate(0.4))
            price = bid + TICK + depth * TICK if side > 0 else bid - depth * TICK
            hits.append(Hit(now, price, side, dice.randint(1, 50)))
    return tape_of(tops, hits)


def exponential_flow(seed: int, *, orders: int, rate: float, decay: float) -> Tape:
    """Return a still market in which `orders` market orders reach beyond the touch by the law A e^(-k d).

    Args: rate: A per second and side; decay: k per tick. The touch is half a tick from the mid.
    """
    dice = random.Random(seed)
    duration_s = orders * exp(decay / 2) / (2 * rate)
    times = sorted(dice.uniform(0, duration_s) for _ in range(orders))
    hits = []
    for number, at_s in enumerate(times):
        side, steps = dice.choice((1, -1)), int(dice.expovariate(decay))
        hits.append(Hit(at_s, 100_005 + side * (TICK // 2 + steps * TICK), side, order=number))
    return calm(duration_s, hits)
