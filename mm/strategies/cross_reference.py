"""Quotes around the price of other markets, by vote of those that are to be believed.

Each source is another market (`sources`). It counts if its book is fresh, within max_own_deviation_bps of our
own and within max_deviation_bps of the median of all; the fair price is the weighted median or mean of those
who count. With `basis_window_ms` each source is translated by what it was worth here over that window
(`mm.quoting.basis`), so that a steady premium, another quote asset or another asset altogether will do.

What happens as sources fail:

    all count                         quotes of the width spread_bps
    at least min_sources count        wider by weak_spread_factor
    fewer, below_quorum = "reduce"    only the side that reduces the inventory, wider by the same factor
    fewer, below_quorum = "pull",     nothing
        or none at all

Width, sizes and levels pass the guards of `mm.quoting`. Invariant: nothing is quoted around a price that no
source stands for; with mirrored sources and inventory the ladder is mirrored to the tick.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, ClassVar, Final

import msgspec
from annotated_types import Ge, Gt, Le, Len, Lt

from mm.domain.instrument import Instrument
from mm.domain.quotes import Quote, Quotes
from mm.domain.units import NS_PER_MS, NS_PER_S, PPM_PER_BPS
from mm.domain.view import View
from mm.errors import ConfigError
from mm.quoting.basis import Basis, price, sampled
from mm.quoting.guards import HALF_TICKS_PER_BPS, Guards, Ideal
from mm.quoting.params import QuotingParams
from mm.quoting.quorum import Bounds, Source, Tally, Vote, tally
from mm.strategies.base import (
    BPS_MAX,
    DAY_MS,
    About,
    Applies,
    Bps,
    Wake,
    Watch,
    ppm_from_bps,
)

SOURCES_MAX: Final = 16

WAITS: Final = "waits for its basis"


class Memory(msgspec.Struct, frozen=True):
    """What is remembered of the sources. Fields: symbols: their names; bases: one each; both empty without
    basis_window_ms.
    """

    symbols: tuple[str, ...] = ()
    bases: tuple[Basis, ...] = ()


NOTHING: Final = Memory()


class BelowQuorum(StrEnum):
    """What is quoted when fewer sources count than have to."""

    REDUCE = "reduce"
    PULL = "pull"


class CrossReference:
    """Quotes around what other markets say."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Params(QuotingParams):
        """What can be set; None is off."""

        __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

        watched_key: ClassVar[str] = "sources"

        sources: Annotated[
            tuple[Annotated[str, Len(1, 80)], ...],
            Len(1, SOURCES_MAX),
            About(
                'Markets to quote around: "ETH/USDT" of this venue, "NAME:ETH/USDT" of [venue.NAME].',
                Applies.RESTART,
                example='["BTC/USDC"]',
            ),
        ]
        spread_bps: Annotated[
            Bps, Gt(0), Lt(2 * BPS_MAX), About("Width from bid to ask around their price.", example="10")
        ]
        source_weights: Annotated[
            tuple[Annotated[float, Gt(0), Le(1e6)], ...],
            Len(0, SOURCES_MAX),
            About("What each source counts in the vote, in their order; off: all the same."),
        ] = ()
        source_stale_ms: Annotated[
            tuple[Annotated[int, Ge(50), Le(60_000)], ...],
            Len(1, SOURCES_MAX),
            About("A source silent for longer does not count; one number for all, or one each."),
        ] = (1000,)
        vote: Annotated[Vote, About("The fair price: median or mean of the sources that count.")] = (
            Vote.MEDIAN
        )
        min_sources: Annotated[
            int,
            Ge(1),
            Le(SOURCES_MAX),
            About("With fewer sources than this, below_quorum says what is done."),
        ] = 1
        below_quorum: Annotated[
            BelowQuorum, About("reduce: only the side that reduces the inventory; pull: nothing.")
        ] = BelowQuorum.REDUCE
        weak_spread_factor: Annotated[
            float,
            Ge(1),
            Le(100),
            About("While a source does not count, the width is this many times as much."),
        ] = 2.0
        max_deviation_bps: Annotated[
            Bps, Gt(0), Lt(BPS_MAX), About("A source farther than this from the median does not count.")
        ] = Decimal(20)
        max_own_deviation_bps: Annotated[
            Bps, Gt(0), Lt(BPS_MAX), About("A source farther than this from the own mid does not count.")
        ] = Decimal(100)
        basis_window_ms: Annotated[
            int | None,
            Ge(6_000),
            Le(DAY_MS),
            About("Translates each source by what it was worth here over this time."),
        ] = None
        beta: Annotated[
            float,
            Ge(-10),
            Le(10),
            About("Own move per move of a source, as shares; other than 1 needs basis_window_ms."),
        ] = 1.0
        inventory_skew_bps: Annotated[
            Bps, Ge(0), Lt(BPS_MAX), About("Moves both quotes by this at the inventory limit, against it.")
        ] = Decimal(0)

        def __post_init__(self) -> None:
            """Refuse what contradicts itself; raises ValueError (the config loader adds file and line)."""
            QuotingParams.__post_init__(self)
            count = len(self.sources)
            if len(dict.fromkeys(self.sources)) < count:
                raise ValueError("sources names a market twice, expected each once")
            if len(self.source_weights) not in (0, count):
                raise ValueError(f"source_weights were {len(self.source_weights)}, expected none or {count}")
            if len(self.source_stale_ms) not in (1, count):
                raise ValueError(f"source_stale_ms were {len(self.source_stale_ms)}, expected 1 or {count}")
            if self.min_sources > count:
                raise ValueError(f"min_sources was {self.min_sources}, expected at most {count}, all of them")
            if self.beta != 1 and self.basis_window_ms is None:
                raise ValueError(f"beta was {self.beta} without basis_window_ms, expected 1")

    __slots__ = (
        "_ages_ns_max",
        "_apart_bps",
        "_guards",
        "_half_bps",
        "_own_apart_bps",
        "_skew_bps",
        "_weights",
        "_window_ns",
        "needs",
        "params",
        "wake",
        "watches",
    )

    def __init__(self, params: Params, instrument: Instrument) -> None:
        """Turn the parameters into numbers.

        Raises: ConfigError if a source is the market itself, a size is outside the venue's bounds, or a
            number is finer than the grid.
        """
        if instrument.symbol in params.sources:
            raise ConfigError(
                f"sources names {instrument.symbol}, the market that is quoted on",
                hint="name other markets: the own book is compared with them in any case",
            )
        self.params = params
        self._guards = Guards(params, instrument)
        self.needs = self._guards.needs
        self.watches = tuple(Watch(symbol) for symbol in params.sources)
        count = len(params.sources)
        self._weights = params.source_weights or (1.0,) * count
        stale_ms = params.source_stale_ms
        self._ages_ns_max = tuple(
            ms * NS_PER_MS for ms in (stale_ms * count if len(stale_ms) == 1 else stale_ms)
        )
        self._window_ns = (params.basis_window_ms or 0) * NS_PER_MS
        self._half_bps = ppm_from_bps("spread_bps", params.spread_bps) / PPM_PER_BPS / 2
        self._skew_bps = ppm_from_bps("inventory_skew_bps", params.inventory_skew_bps) / PPM_PER_BPS
        self._apart_bps = ppm_from_bps("max_deviation_bps", params.max_deviation_bps) / PPM_PER_BPS
        self._own_apart_bps = (
            ppm_from_bps("max_own_deviation_bps", params.max_own_deviation_bps) / PPM_PER_BPS
        )
        self.wake = Wake(every_ns=min(NS_PER_S, *self._ages_ns_max))

    def initial_memory(self) -> Memory:
        """Return nothing remembered of any source."""
        return NOTHING

    def quotes(self, view: View[Memory]) -> Quotes[Memory]:
        """Return the ladder around the price that the sources agree on."""
        memory = self._remembered(view)
        found = self._tally(view, memory)
        everybody, enough = found.counted == len(self.watches), found.counted >= self.params.min_sources
        if not found.counted or not (enough or self._may_reduce(view)):
            return Quotes((), (), f"waits for a quorum: {self._said(found)}", memory)
        factor = 1.0 if everybody else self.params.weak_spread_factor
        bids, asks, reason = self._guards.ladder(view, self._ideal(view, found.offset, factor))
        if everybody:
            return Quotes(bids, asks, reason, memory)
        if enough:
            return Quotes(bids, asks, f"{reason}, wider: {self._said(found)}", memory)
        held, instrument = view.inventory_lots, view.instrument
        bids, asks = _reducing(bids, -held, instrument), _reducing(asks, held, instrument)
        return Quotes(bids, asks, f"only reduces: {self._said(found)}", memory)

    def votes(self, view: View[Memory]) -> tuple[tuple[str, str], ...]:
        """Return what each source said and what became of it, and the price of those who count."""
        memory = self._remembered(view)
        found = self._tally(view, memory)
        bps = HALF_TICKS_PER_BPS / 2 / view.mid_half_ticks
        rows = []
        for at, (other, verdict) in enumerate(zip(view.others, found.verdicts, strict=True)):
            said = f"{verdict.offset * bps:+.2f} bps from the own mid" if verdict.offset else "at the own mid"
            if verdict.why:
                age_ms, most_ms = other.age_ns // NS_PER_MS, self._ages_ns_max[at] // NS_PER_MS
                said = f"rejected, {verdict.why} ({said}, {age_ms} ms old, at most {most_ms})"
            else:
                said = f"counts {self._weights[at]:g}: {said}, {verdict.apart * bps:+.2f} bps from the median"
            rows.append((other.symbol, said))
        fair = f"{found.offset * bps:+.2f} bps from the own mid, by {found.counted} of {len(rows)}"
        return (*rows, ("fair", fair if found.counted else "none"))

    def _remembered(self, view: View[Memory]) -> Memory:
        if not self._window_ns:
            return NOTHING
        symbols, known = self.params.sources, view.memory.bases
        if view.memory.symbols != symbols:
            known = (Basis(),) * len(symbols)
        bases = tuple(
            sampled(basis, (view.ts_ns, view.mid_half_ticks, other.mid_half_ticks), self._window_ns)
            if other.mid_half_ticks and other.age_ns <= age_ns_max
            else basis
            for basis, other, age_ns_max in zip(known, view.others, self._ages_ns_max, strict=True)
        )
        return Memory(symbols, bases)

    def _tally(self, view: View[Memory], memory: Memory) -> Tally:
        mid = view.mid_half_ticks
        per_bps = 2 * mid / HALF_TICKS_PER_BPS
        sources = [self._source(view, memory, at) for at in range(len(view.others))]
        bounds = Bounds(self._apart_bps * per_bps, self._own_apart_bps * per_bps)
        return tally(sources, mid, bounds, self.params.vote)

    def _source(self, view: View[Memory], memory: Memory, at: int) -> Source:
        other, why, said = view.others[at], "", 0.0
        if other.mid_half_ticks and not memory.bases:
            said = other.mid_in(view.instrument)
        elif other.mid_half_ticks and memory.bases[at].is_known:
            said = price(memory.bases[at], other.mid_half_ticks, self.params.beta)
        elif other.mid_half_ticks:
            why = WAITS
        return Source(said, self._weights[at], other.age_ns, self._ages_ns_max[at], why)

    def _may_reduce(self, view: View[Memory]) -> bool:
        return self.params.below_quorum is BelowQuorum.REDUCE and view.inventory_lots != 0

    def _ideal(self, view: View[Memory], offset: float, factor: float) -> Ideal:
        # The price is told as what it adds to one distance and takes off the other: exact, where the sum with
        # the mid would be rounded.
        bps_ticks = view.mid_half_ticks / HALF_TICKS_PER_BPS
        share = max(-1.0, min(1.0, view.inventory_lots / view.inventory_max_lots))
        half = self._half_bps * factor * bps_ticks
        lean = self._skew_bps * bps_ticks * share - offset / 2
        return Ideal(view.mid_half_ticks, half + lean, half - lean)

    def _said(self, found: Tally) -> str:
        total = len(self.watches)
        rejected = [
            f"{watch.symbol} {verdict.why}"
            for watch, verdict in zip(self.watches, found.verdicts, strict=True)
            if verdict.why
        ]
        return f"{found.counted} of {total} sources; {', '.join(rejected)}"


def _reducing(quotes: tuple[Quote, ...], held_lots: int, instrument: Instrument) -> tuple[Quote, ...]:
    # Down to flat and not beyond; what would be too small for the venue is left to a later, larger one.
    kept = []
    for quote in quotes:
        size = min(quote.size_lots, held_lots)
        if size >= instrument.size_min_lots_at(quote.price_ticks):
            kept.append(quote.but(size_lots=size))
            held_lots -= size
    return tuple(kept)
