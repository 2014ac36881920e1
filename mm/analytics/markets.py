"""A market as it was heard: best prices and prints in columns, and what kind of market that is.

Everything is a pure function of a `Tape`. Prices and sizes are integers of any one unit each (the reader
says which), the mid is held twice, so that it is whole. Invariant: a tape's times never go back, every best
bid is above 0 and below its ask; `refusal` says why a tape cannot be judged before anything is computed, and
what stands below it is for tapes that it lets pass.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from typing import Final, NamedTuple

from mm.domain.units import NS_PER_S

BPS: Final = 10_000
"""Basis points in one."""

SECONDS_MIN: Final = 30.0
"""A tape shorter than this says nothing."""

SAMPLE_NS: Final = NS_PER_S
"""Spacing of the samples of the mid that volatility is told by."""

SIGNATURE_NS: Final = (100_000_000, 500_000_000, NS_PER_S, 5 * NS_PER_S, 10 * NS_PER_S)
"""Spacings at which the volatility is told, so that bouncing shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tape:
    """What was heard of one market, each column in order of time.

    Fields:
        tick: the price step, in units of price; > 0.
        top_ns, bid, ask, bid_size, ask_size: best prices, by the receiver's clock.
        print_ns, price, size: trades, by the same clock. aggressor: 1 where the buyer took, -1 the seller.
        order: prints that follow each other with one number were one market order.
        skipped: best prices that were left out, because a side was empty or they crossed.
        top_venue: the venue's time of each best price, never falling, by the clock whose times `order` holds
            then; empty where the venue does not tell it.
    """

    tick: int
    top_ns: Sequence[int]
    bid: Sequence[int]
    ask: Sequence[int]
    bid_size: Sequence[int]
    ask_size: Sequence[int]
    print_ns: Sequence[int]
    price: Sequence[int]
    size: Sequence[int]
    aggressor: Sequence[int]
    order: Sequence[int]
    skipped: int = 0
    top_venue: Sequence[int] = ()

    @property
    def duration_s(self) -> float:
        """Seconds from the first best prices to the last."""
        return (self.top_ns[-1] - self.top_ns[0]) / NS_PER_S if self.top_ns else 0.0


SKIPPED_MAX: Final = 100
"""One in so many best prices may be left out; a tape with more is not of one market."""


def refusal(tape: Tape, *, seconds_min: float = SECONDS_MIN) -> str:
    """Return why nothing can be said of a tape, "" if something can."""
    if tape.skipped * SKIPPED_MAX > len(tape.top_ns) + tape.skipped:
        heard = len(tape.top_ns) + tape.skipped
        return f"{tape.skipped} of {heard} best prices are crossed or have an empty side"
    if not tape.top_ns:
        return "there are no best prices"
    if tape.duration_s < seconds_min:
        return f"it is {tape.duration_s:.1f} s long, expected at least {seconds_min:g} s"
    if not tape.price:
        return "there are no trades"
    if min(tape.aggressor) == max(tape.aggressor):
        side = "buy" if tape.aggressor[0] > 0 else "sell"
        return f"there are only {side} orders among {len(tape.price)} trades: one side of a market"
    if min(tape.bid) == max(tape.bid) and min(tape.ask) == max(tape.ask):
        return "the best prices never move"
    return ""


class Mids:
    """The mid over time. Fields: ts_ns: when it changed; twice: bid plus ask from then on."""

    __slots__ = ("ts_ns", "twice")

    def __init__(self, tape: Tape) -> None:
        """Take the changes of the mid out of a tape with best prices."""
        self.ts_ns: list[int] = []
        self.twice: list[int] = []
        last = 0
        for at, bid, ask in zip(tape.top_ns, tape.bid, tape.ask, strict=True):
            if bid + ask != last:
                last = bid + ask
                self.ts_ns.append(at)
                self.twice.append(last)

    def at(self, ts_ns: int) -> int:
        """Return twice the mid as of a time; the first one before it."""
        return self.twice[max(0, bisect_right(self.ts_ns, ts_ns) - 1)]

    def before(self, ts_ns: int) -> int:
        """Return twice the mid just before a time; the first one before it."""
        return self.twice[max(0, bisect_left(self.ts_ns, ts_ns) - 1)]


class Order(NamedTuple):
    """A market order: prints of one side at one time. Fields: first, last: their places, inclusive."""

    first: int
    last: int


def market_orders(tape: Tape) -> Iterator[Order]:
    """Yield the market orders of a tape."""
    first = 0
    for at in range(1, len(tape.order) + 1):
        is_next = at < len(tape.order) and (
            tape.order[at] == tape.order[first] and tape.aggressor[at] == tape.aggressor[first]
        )
        if not is_next:
            yield Order(first, at - 1)
            first = at


def depth_twice(tape: Tape, mid_twice: int, order: Order) -> int:
    """Return twice how far an order reached beyond the mid just before it; below 0 if not even there."""
    side = tape.aggressor[order.first]
    return max(side * (2 * tape.price[at] - mid_twice) for at in range(order.first, order.last + 1))


def volatility_bps(mids: Mids, tape: Tape, *, sample_ns: int = SAMPLE_NS) -> tuple[float, int]:
    """Return the volatility of the mid in basis points per square root of a second, and the number of samples
    that it comes from; 0 without any."""
    begin = tape.top_ns[0]
    count = (tape.top_ns[-1] - begin) // sample_ns
    if not count:
        return 0.0, 0
    total, last = 0.0, mids.twice[0]
    for step in range(1, count + 1):
        now = mids.at(begin + step * sample_ns)
        total += ((now - last) / last) ** 2
        last = now
    return sqrt(total * NS_PER_S / (count * sample_ns)) * BPS, count


def half_spread_bps(tape: Tape) -> float:
    """Return half the distance from bid to ask as it stood over time, in basis points of the mid."""
    total = 0.0
    for at in range(len(tape.top_ns) - 1):
        bid, ask = tape.bid[at], tape.ask[at]
        total += (tape.top_ns[at + 1] - tape.top_ns[at]) * (ask - bid) / (ask + bid)
    return total / (tape.top_ns[-1] - tape.top_ns[0]) * BPS


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketFacts:
    """What kind of market a tape is of.

    Fields:
        duration_s; tops, prints, orders: how many best prices, trades, market orders.
        mid: the first one, in units of price. tick_bps: the price step. half_spread_bps: as it stood.
        silence_s: longest time without news of the best prices. orders_per_s: both sides.
        volatility_bps: per square root of a second, at 1 s.
        signature_bps: the same at SIGNATURE_NS, 0 where the tape is too short.
    """

    duration_s: float
    tops: int
    prints: int
    orders: int
    mid: float
    tick_bps: float
    half_spread_bps: float
    silence_s: float
    orders_per_s: float
    volatility_bps: float
    signature_bps: tuple[float, ...]


def market_facts(tape: Tape, mids: Mids) -> MarketFacts:
    """Return the facts of a tape."""
    orders = sum(1 for _ in market_orders(tape))
    mid = mids.twice[0] / 2
    return MarketFacts(
        duration_s=tape.duration_s,
        tops=len(tape.top_ns),
        prints=len(tape.price),
        orders=orders,
        mid=mid,
        tick_bps=tape.tick / mid * BPS,
        half_spread_bps=half_spread_bps(tape),
        silence_s=max(after - before for before, after in pairwise(tape.top_ns)) / NS_PER_S,
        orders_per_s=orders / tape.duration_s,
        volatility_bps=volatility_bps(mids, tape)[0],
        signature_bps=tuple(volatility_bps(mids, tape, sample_ns=every)[0] for every in SIGNATURE_NS),
    )
