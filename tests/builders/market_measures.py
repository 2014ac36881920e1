"""Measures of a simulated market, taken from its facts: spread, market orders, reach, markout, volatility."""

from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import pairwise
from math import sqrt

from mm.domain.units import NS_PER_S
from mm.sim.agents import Agents
from mm.sim.reports import TopChange, Trade
from mm.sim.world import World

BPS = 10_000


@dataclass
class Recording:
    """What a market did. Fields: tops: (time, bid, ask) at every change; trades: every public trade."""

    start_ns: int
    end_ns: int
    tops: list[tuple[int, int, int]] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)

    def mid(self, ts_ns: int) -> float:
        """Return the mid at a time, in ticks."""
        _, bid, ask = self.tops[bisect_right(self.tops, (ts_ns, 2**62, 0)) - 1]
        return (bid + ask) / 2

    def market_orders(self) -> list[list[Trade]]:
        """Return the trades of each taker order, in order."""
        found: dict[int, list[Trade]] = {}
        for trade in self.trades:
            found.setdefault(trade.taker_order_id, []).append(trade)
        return list(found.values())

    def market_orders_per_s(self) -> float:
        """Return how many taker orders came in a second."""
        return len(self.market_orders()) * NS_PER_S / (self.end_ns - self.start_ns)

    def spread_bps(self, share: float) -> float:
        """Return the spread that is not exceeded for this share of the time, in basis points."""
        spans = sorted(
            ((ask - bid) / (ask + bid) * 2 * BPS, later - ts_ns)
            for (ts_ns, bid, ask), (later, _, _) in pairwise(self.tops)
        )
        left = share * sum(span for _, span in spans)
        for spread, span in spans:
            left -= span
            if left <= 0:
                return spread
        return spans[-1][0]

    def one_tick_share(self) -> float:
        """Return the share of time in which the spread is one tick."""
        total = narrow = 0
        for (ts_ns, bid, ask), (later, _, _) in pairwise(self.tops):
            total += later - ts_ns
            narrow += (later - ts_ns) * (ask - bid == 1)
        return narrow / total

    def reaches_bps(self) -> list[float]:
        """Return, sorted, how far from the mid before it each market order traded."""
        found = []
        for fills in self.market_orders():
            before = self.mid(fills[0].ts_ns - 1)
            found.append(fills[0].taker_side.sign * (fills[-1].price_ticks - before) / before * BPS)
        return sorted(found)

    def touch_markout_bps(self, after_ns: int = NS_PER_S) -> float:
        """Return what a maker at the best price has earned after a time, averaged over market orders."""
        found = []
        for fills in self.market_orders():
            first = fills[0]
            if first.ts_ns + after_ns < self.end_ns:
                later = self.mid(first.ts_ns + after_ns)
                found.append(first.taker_side.sign * (first.price_ticks - later) / later * BPS)
        return sum(found) / len(found)

    def sigma_bps(self) -> float:
        """Return the volatility of the mid over one second, in basis points."""
        mids = [self.mid(ts_ns) for ts_ns in range(self.start_ns, self.end_ns, NS_PER_S)]
        moves = [(later / earlier - 1) * BPS for earlier, later in pairwise(mids)]
        return sqrt(sum(move * move for move in moves) / len(moves))


def record(world: World, agents: Agents, *, start_ns: int, seconds: int) -> Recording:
    """Let a market live and return what it did; the makers' first orders are left out."""
    world.advance(start_ns)
    world.take_facts()
    recording = Recording(start_ns=start_ns + NS_PER_S, end_ns=start_ns + seconds * NS_PER_S)
    while agents.next_ns < recording.end_ns:
        now_ns = agents.next_ns
        world.advance(now_ns)
        for fact in world.take_facts():
            if isinstance(fact, TopChange) and fact.bid_ticks and fact.ask_ticks:
                recording.tops.append((now_ns, fact.bid_ticks, fact.ask_ticks))
            elif isinstance(fact, Trade) and now_ns >= recording.start_ns:
                recording.trades.append(fact)
    return recording
