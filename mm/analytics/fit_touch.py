"""What makers at the touch got, from their side: of every print, and of every market order against its mid.

    markout(h) = s * (mid(t + h) - price) / price,   s = 1 where the maker bought

`touch_markouts` takes every print by itself. `touch_costs` takes each market order once, at the price of its
first print, which is where the touch was, and against the mid that stood before it (`fit_before`):

    half-spread = s * (mid before - price) / price,   impact(h) = half-spread - markout(h)

A quote breaks even at the half-spread fee + impact(h), at the touch with a maker fee of markout(h). What ends
its horizon after the tape counts for nothing. Invariant: the impact is taken order by order, so its error is
that of the difference; the mid on arrival, often that after the order, is no mid before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mm.analytics.fit_before import UNKNOWN, Before
from mm.analytics.fit_mean import Mean, mean_of
from mm.analytics.markets import BPS, Mids, Order, Tape
from mm.domain.units import NS_PER_S

HORIZONS_NS: Final = (
    100_000_000,
    500_000_000,
    NS_PER_S,
    5 * NS_PER_S,
    30 * NS_PER_S,
    60 * NS_PER_S,
)
"""Horizons that markouts are usually told at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """Makers' results after one horizon, of every print, in basis points, clustered by second or horizon if
    that is longer.

    Fields: markout: each print counts once; weighted: each by its value.
    """

    horizon_ns: int
    markout: Mean
    weighted: Mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """The same of every market order whose mid before is known, for whoever was first at the touch.

    Fields: markout: each order counts once; weighted: each by the value traded at its first price;
    half_spread: what was quoted; impact: how far the mid went against the maker.
    """

    horizon_ns: int
    markout: Mean
    weighted: Mean
    half_spread: Mean
    impact: Mean


def touch_markouts(tape: Tape, mids: Mids, horizons_ns: Sequence[int] = HORIZONS_NS) -> tuple[Touch, ...]:
    """Return the results of prints at each horizon that the tape is long enough for."""
    return tuple(_touch(tape, mids, horizon) for horizon in _fitting(tape, horizons_ns))


def touch_costs(
    tape: Tape, mids: Mids, before: Before, horizons_ns: Sequence[int] = HORIZONS_NS
) -> tuple[Costs, ...]:
    """Return the results of market orders at each horizon that the tape is long enough for."""
    return tuple(_costs(tape, mids, before, horizon) for horizon in _fitting(tape, horizons_ns))


def _fitting(tape: Tape, horizons_ns: Sequence[int]) -> list[int]:
    if not tape.print_ns:
        return []
    return [horizon for horizon in horizons_ns if tape.print_ns[0] + horizon <= tape.top_ns[-1]]


def _touch(tape: Tape, mids: Mids, horizon_ns: int) -> Touch:
    end_ns = tape.top_ns[-1] - horizon_ns
    cluster_ns = max(NS_PER_S, horizon_ns)
    keys, markouts, weights = [], [], []
    for at_ns, price, size, aggressor in zip(
        tape.print_ns, tape.price, tape.size, tape.aggressor, strict=True
    ):
        if at_ns > end_ns:
            break
        keys.append(at_ns // cluster_ns)
        markouts.append(-aggressor * BPS / (2 * price) * (mids.at(at_ns + horizon_ns) - 2 * price))
        weights.append(1.0 * price * size)
    return Touch(
        horizon_ns=horizon_ns, markout=mean_of(markouts, keys), weighted=mean_of(markouts, keys, weights)
    )


def _costs(tape: Tape, mids: Mids, before: Before, horizon_ns: int) -> Costs:
    end_ns = tape.top_ns[-1] - horizon_ns
    cluster_ns = max(NS_PER_S, horizon_ns)
    keys, markouts, halves, impacts, weights = [], [], [], [], []
    for order, place in zip(before.orders, before.tops, strict=True):
        at_ns, price = tape.print_ns[order.first], tape.price[order.first]
        if at_ns > end_ns:
            break
        if place == UNKNOWN:
            continue
        stood, after = tape.bid[place] + tape.ask[place], mids.at(at_ns + horizon_ns)
        scale = -tape.aggressor[order.first] * BPS / (2 * price)
        keys.append(at_ns // cluster_ns)
        markouts.append(scale * (after - 2 * price))
        halves.append(scale * (stood - 2 * price))
        impacts.append(scale * (stood - after))
        weights.append(1.0 * price * _size_at_first(tape, order))
    return Costs(
        horizon_ns=horizon_ns,
        markout=mean_of(markouts, keys),
        weighted=mean_of(markouts, keys, weights),
        half_spread=mean_of(halves, keys),
        impact=mean_of(impacts, keys),
    )


def _size_at_first(tape: Tape, order: Order) -> int:
    places = range(order.first, order.last + 1)
    return sum(tape.size[at] for at in places if tape.price[at] == tape.price[order.first])
