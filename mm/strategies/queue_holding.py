"""For markets whose tick is large: rests at the touch and keeps its place in the queue.

    fair = weighted mid + impulse_ratio * tick * (size of the last market order / mean size at the touch)
    bid  = fair - half_ratio * tick, at most the best bid
    ask  = fair + half_ratio * tick, at least the best ask

each to the nearest tick. Where the book is one tick wide nobody can quote better than the touch, and what an
order is worth there is its place in the queue. How much is ahead of an own order follows from the sizes that
its price shows: what is there when it comes, less in proportion as that falls (what leaves is ahead or behind
alike), nothing of what joins later. An order is moved only for more than its place is worth, in ticks:

    |ideal price - its price| > 0.5 + queue_value_ratio * (share of its queue that is behind it)

That is its hysteresis where order_refresh_tolerance_bps says nothing: what other models let an order stand
off, 0.3 / k, is less than a tick where the tick is as large as min_tick_ratio asks for.

It is no strategy for small ticks: there are better prices inside the book then, and queues are worth nothing.
With a tick of less than min_tick_ratio / k (k: how fast fills thin out, given, or measured by how far market
orders go behind the touch) it says so and quotes nothing. Costs, sizes and levels pass the guards of
`mm.quoting`; costs above half a tick take it off the touch.

Source: quant.md 2.8 and 10. Invariant: never inside the book but by max_spread_bps; with sides exchanged the
ladder is mirrored to the tick.
"""

from dataclasses import dataclass
from math import floor, inf
from typing import Annotated, Final

import msgspec
from annotated_types import Ge, Gt, Le, Lt

from mm.domain.book import Level
from mm.domain.instrument import Instrument
from mm.domain.quotes import Quote, Quotes
from mm.domain.sides import BUY, SELL, Side
from mm.domain.units import NS_PER_MS
from mm.domain.view import View
from mm.quoting.around import NO_FAIR_PRICE, LeanParams, bps_of, held_share, is_fair, ticks_per_bps
from mm.quoting.guards import Guards, Ideal
from mm.quoting.waiting import waits_for
from mm.signals.base import SignalSpec
from mm.signals.touch_depth import TouchDepthSpec
from mm.signals.trade_impulse import TradeImpulseSpec
from mm.signals.weighted_mid import WeightedMidSpec
from mm.strategies.base import BPS_MAX, About, Applies, Bps, Wake

LEVELS: Final = 5
"""Book levels in which an own order's price is looked for; the size at one farther away is not known."""

IMPULSE_MAX: Final = 100.0
"""Market orders of more mean touches than this push no farther."""


class Place(msgspec.Struct, frozen=True):
    """An own order's place in its queue, when it was last looked at.

    Fields: price_ticks: 0 = no order. ahead_atoms, size_atoms: before it, and in all, without own size.
    """

    price_ticks: int = 0
    ahead_atoms: int = 0
    size_atoms: int = 0


class Places(msgspec.Struct, frozen=True):
    """What is remembered: the places of the nearest order of each side."""

    bid: Place = Place()
    ask: Place = Place()


NOWHERE: Final = Place()


class QueueHolding:
    """Quotes the touch of a large-tick market and holds its queue position."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Params(LeanParams):
        """What can be set; None is off or, where the text says so, measured."""

        half_ratio: Annotated[
            float,
            Gt(0),
            Le(100),
            About("Distance of both quotes from the fair price, as a share of the tick."),
        ] = 0.49
        impulse_ratio: Annotated[
            float,
            Ge(0),
            Le(10),
            About(
                "What a market order as large as the mean touch moves the fair price, as a share of a tick."
            ),
        ] = 0.5
        impulse_life_ms: Annotated[
            int, Ge(10), Le(60_000), About("How long after a market order its push counts.", Applies.RESTART)
        ] = 1000
        queue_value_ratio: Annotated[
            float,
            Ge(0),
            Le(10),
            About("What the front of a queue is worth, as a share of a tick; its end is worth nothing."),
        ] = 0.5
        min_tick_ratio: Annotated[
            float,
            Ge(0),
            Le(100),
            About("With a tick below this many times 1 / fill decay nothing is quoted; 0: in any market."),
        ] = 0.6
        fill_decay_per_bps: Annotated[
            float | None,
            Ge(0.0001),
            Le(1e4),
            About("How fast fills thin out (k), for that alone; off: measured.", Applies.RESTART),
        ] = None
        depth_orders_min: Annotated[
            int,
            Ge(20),
            Lt(1000),
            About("Market orders before what is measured of them is used.", Applies.RESTART),
        ] = 50
        order_refresh_tolerance_bps: Annotated[
            Bps | None,
            Ge(0),
            Lt(BPS_MAX),
            About("An order this near its price stays as well; off: for what its place is worth alone."),
        ] = None

    __slots__ = ("_guards", "_skew_bps", "needs", "params", "wake")

    def __init__(self, params: Params, instrument: Instrument) -> None:
        """Turn the parameters into numbers.

        Raises: ConfigError if a size is outside the venue's bounds or a number is finer than the grid.
        """
        self.params = params
        self._guards = Guards(params, instrument)
        self._skew_bps = bps_of("inventory_skew_bps", params.inventory_skew_bps)
        self.needs: tuple[SignalSpec, ...] = (
            WeightedMidSpec(),
            TradeImpulseSpec(life_ns=params.impulse_life_ms * NS_PER_MS),
            *_depth(params),
            *self._guards.needs,
        )
        # Sizes and trades change while the mid stands still: time asks, four times in an impulse's life.
        every_ns = max(50, min(1000, params.impulse_life_ms // 4)) * NS_PER_MS
        self.wake = Wake(every_ns=every_ns, book_levels=LEVELS)

    def initial_memory(self) -> Places:
        """Return that no order is anywhere."""
        return Places()

    def quotes(self, view: View[Places]) -> Quotes[Places]:
        """Return the ladder; nothing before sizes, trades and the fill decay are known."""
        places = Places(
            _place(view, BUY, view.bids, view.memory.bid), _place(view, SELL, view.asks, view.memory.ask)
        )
        missing = waits_for(view.readings[: 2 + len(_depth(self.params))])
        if missing:
            return Quotes((), (), missing, places)
        too_small = self._too_small(view)
        if too_small:
            return Quotes((), (), too_small, places)
        impulse = max(-IMPULSE_MAX, min(IMPULSE_MAX, view.readings[1].value))
        shift = view.readings[0].value / 2 + self.params.impulse_ratio * impulse
        shift -= self._skew_bps * ticks_per_bps(view) * held_share(view)
        if not (is_fair(view.readings[1].value) and is_fair(shift)):
            return Quotes((), (), NO_FAIR_PRICE, places)
        touch = (view.asks[0].price_ticks - view.bids[0].price_ticks) / 2
        half = self.params.half_ratio
        bid, ask = max(touch, half - shift), max(touch, half + shift)
        bids, asks, reason = self._guards.ladder(view, self._ideal(view, bid, ask, touch))
        return Quotes(
            self._held(view, bids, places.bid, bid, -1),
            self._held(view, asks, places.ask, ask, 1),
            reason,
            places,
        )

    def _too_small(self, view: View[Places]) -> str:
        # Why the tick is too small, "" if it is not.
        least, decay = self.params.min_tick_ratio, self.params.fill_decay_per_bps
        if not least:
            return ""
        ratio = view.readings[2].value if decay is None else decay / ticks_per_bps(view)
        if ratio >= least:
            return ""
        return f"waits for a larger tick: it is {ratio:.1g} / fill decay, expected at least {least:g}"

    def _ideal(self, view: View[Places], bid: float, ask: float, touch: float) -> Ideal:
        # On ticks already, so that no guard rounds a side into the book; the touch is a tick from the mid's.
        # Its hysteresis is that of `_held`.
        return Ideal(
            view.mid_half_ticks,
            touch + _ticks(bid - touch),
            touch + _ticks(ask - touch),
            decay_per_bps=inf,
            step_ticks=1.0,
        )

    def _held(
        self, view: View[Places], quotes: tuple[Quote, ...], place: Place, ideal: float, sign: int
    ) -> tuple[Quote, ...]:
        # With the tolerance that lets the nearest order stay where it is, if moving gains less than it loses.
        if not (quotes and place.price_ticks):
            return quotes
        first, mid = quotes[0], view.mid_half_ticks / 2
        wanted, standing = sign * (first.price_ticks - mid), sign * (place.price_ticks - mid)
        # Where a guard moved the quote, that is what is wanted.
        aim = ideal if abs(ideal - wanted) <= 0.5 else wanted
        behind = 1 - place.ahead_atoms / place.size_atoms if place.size_atoms else 1.0
        if abs(aim - standing) > 0.5 + self.params.queue_value_ratio * behind:
            return quotes
        ticks = max(first.tolerance_ticks, abs(first.price_ticks - place.price_ticks))
        return (first.but(tolerance_ticks=ticks), *quotes[1:])


def _depth(params: QueueHolding.Params) -> tuple[SignalSpec, ...]:
    if not params.min_tick_ratio or params.fill_decay_per_bps is not None:
        return ()
    return (TouchDepthSpec(orders_min=params.depth_orders_min),)


def _ticks(distance: float) -> int:
    # To the nearest tick, outwards from the middle between two.
    return floor(distance + 0.5)


def _place(view: View[Places], side: Side, levels: tuple[Level, ...], before: Place) -> Place:
    # Where the nearest order of a side stands in its queue, one look later.
    prices = [own.price_ticks for own in view.own if own.side is side and own.level == 0]
    if len(prices) != 1:
        return NOWHERE
    price, last = prices[0], levels[-1].price_ticks
    size = next((level.size_atoms for level in levels if level.price_ticks == price), 0)
    is_hidden = not size and side.sign * (last - price) > 0
    if before.price_ticks != price:
        # Behind levels that are not seen nothing is known: it counts as the last one.
        return Place(price, max(1, size), max(1, size)) if is_hidden else Place(price, size, size)
    if is_hidden:
        return before
    if size >= before.size_atoms:
        return Place(price, before.ahead_atoms, size)
    return Place(price, before.ahead_atoms * size // before.size_atoms, size)
