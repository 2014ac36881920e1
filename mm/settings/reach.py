"""How far from the own mid the orders of a session stand, as far as its parameters say: per side and level.

Read from the names that strategies share: `bid_spread_bps` and its lists, `spread_bps`, `min_spread_bps`,
`max_spread_bps`, the levels, and what may bring a quote nearer: a lean against the inventory, the price of
another market. A strategy that places its orders otherwise is not judged. Offline arithmetic: it knows no
price. Invariant: what is said to be never within a distance is not, at any inventory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from mm.domain.sides import Side
from mm.quoting.around import LeanParams, WidthParams
from mm.quoting.fixed_params import FixedParams, rungs_of
from mm.quoting.levels import level_gaps
from mm.quoting.params import QuotingParams

ON_OWN_BOOK: Final = ("mid_price", "best_bid", "best_ask", "weighted_mid", "inventory_cost")
"""Kinds of reference of which no order is nearer to the own mid than its distance says."""

NOTHING: Final = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Distances of one side, or of both where they are alike.

    Fields: word: "bid", "ask" or "order". key: of the nearest distance, below params; level_key: of the
    others. distances_bps: per level, nearest first, with nothing held. nearer_bps: so much nearer an order
    may come by a lean; None: by any amount.
    """

    word: str
    key: tuple[str, ...]
    level_key: tuple[str, ...]
    distances_bps: tuple[Decimal, ...]
    nearer_bps: Decimal | None = NOTHING

    def never_within(self, bps: Decimal) -> bool:
        """Return whether no order of the side is ever this near to the mid."""
        return self.nearer_bps is not None and self.distances_bps[0] - self.nearer_bps > bps

    def beyond(self, bps: Decimal) -> int:
        """Return how many orders stand farther than this with nothing held."""
        return sum(distance > bps for distance in self.distances_bps)


def reaches_of(params: object) -> Iterator[Reach]:
    """Yield what the parameters say of each side, or of both; nothing where they do not say."""
    if isinstance(params, FixedParams):
        yield from _fixed(params)
    elif isinstance(params, QuotingParams):
        yield from _guarded(params)


def _fixed(params: FixedParams) -> Iterator[Reach]:
    is_own = params.price_source_symbol is None and params.price_type in ON_OWN_BOOK
    for side, word in ((Side.BUY, "bid"), (Side.SELL, "ask")):
        distances = tuple(spread for spread, _ in rungs_of(side, params))
        if not distances:
            continue
        listed = f"{word}_order_level_spreads_bps"
        if params.order_override is not None:
            nearest = step = "order_override"
        elif getattr(params, listed) is not None:
            nearest = step = listed
        else:
            nearest, step = f"{word}_spread_bps", "order_level_spread_bps"
        yield Reach(
            word=word,
            key=(nearest,),
            level_key=(step,),
            distances_bps=distances,
            nearer_bps=(params.inventory_price_skew_bps or NOTHING) if is_own else None,
        )


def _guarded(params: QuotingParams) -> Iterator[Reach]:
    least = params.min_spread_bps or NOTHING
    if isinstance(params, WidthParams):
        for key, width, skew in _widths(params):
            yield _levels(params, key, max(least, _narrowed(width, params)), skew)
        return
    spread = getattr(params, "spread_bps", None)
    if isinstance(spread, Decimal):
        # Around another market's price: how far that is from the own mid may be bounded.
        apart = getattr(params, "max_own_deviation_bps", None)
        skew = getattr(params, "inventory_skew_bps", NOTHING)
        nearer = apart + skew if isinstance(apart, Decimal) else None
        yield _levels(params, ("spread_bps",), max(least, _narrowed(spread, params)), nearer)
    elif least:
        # Of a model only the least width is known; how far it leans, it says itself.
        lean = params.inventory_skew_bps if isinstance(params, LeanParams) else None
        yield _levels(params, ("min_spread_bps",), least, lean)


def _widths(params: WidthParams) -> Iterator[tuple[tuple[str, ...], Decimal, Decimal]]:
    # Of the session, and of each window that has its own.
    yield ("spread_bps",), params.spread_bps, params.inventory_skew_bps
    windows = getattr(params, "windows", None) or {}
    for name, window in windows.items():
        if window.spread_bps is not None:
            skew = window.inventory_skew_bps
            skew = params.inventory_skew_bps if skew is None else skew
            yield ("windows", name, "spread_bps"), window.spread_bps, skew


def _narrowed(width: Decimal, params: QuotingParams) -> Decimal:
    return width if params.max_spread_bps is None else min(width, params.max_spread_bps)


def _levels(params: QuotingParams, key: tuple[str, ...], width: Decimal, nearer: Decimal | None) -> Reach:
    half = width / 2
    step, level_key = params.order_level_spread_bps, ("order_level_spread_bps",)
    last = getattr(params, "last_spread_bps", None)
    if isinstance(last, Decimal):
        step, level_key = (last / 2 - half) / (params.order_levels - 1), ("last_spread_bps",)
    elif step is None:
        step, level_key = half, ("order_levels",)
    distances = tuple(half + Decimal(gap) * step for gap in level_gaps(params))
    return Reach(word="order", key=key, level_key=level_key, distances_bps=distances, nearer_bps=nearer)
