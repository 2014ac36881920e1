"""Quotes of a fixed width around the micro-price: where the sizes at the top say that the mid is going.

    weighted    fair = ask * I + bid * (1 - I),    I = bid size / (bid size + ask size)
    learnt      fair = mid + G*(I, spread), what the market itself did after such a top
                (`mm.signals.micro_price`); it waits for micro_price_moves_min moves of the mid

The weighted mid moves with every size and needs to know nothing. The learnt one is a martingale by
construction: as little as this market's sizes are worth, so little it moves. Width, sizes, levels and costs
pass the guards of `mm.quoting`.

Source: Stoikov 2018. Invariant: with sides, sizes and inventory exchanged the ladder is mirrored to the tick.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from annotated_types import Ge, Le

from mm.domain.instrument import Instrument
from mm.domain.quotes import Quotes
from mm.domain.units import NS_PER_MS
from mm.domain.view import View
from mm.quoting.around import NO_FAIR_PRICE, WidthParams, around, bps_of, held_share, is_fair, ticks_per_bps
from mm.quoting.guards import Guards
from mm.quoting.waiting import waits_for
from mm.signals.base import SignalSpec
from mm.signals.micro_price import STATES_MAX, MicroPriceSpec
from mm.signals.weighted_mid import WeightedMidSpec
from mm.strategies.base import DAY_MS, About, Applies, Wake


class Fair(StrEnum):
    """Which micro-price it is; the head of this file says what each is."""

    WEIGHTED = "weighted"
    LEARNT = "learnt"


class MicroPrice:
    """Quotes around the micro-price; wants the sizes at the top, and what followed them."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Params(WidthParams):
        """What can be set; None is off."""

        fair: Annotated[
            Fair, About("learnt: from what followed such sizes here; weighted: by size.", Applies.RESTART)
        ] = Fair.LEARNT
        micro_price_sample_ms: Annotated[
            int, Ge(50), Le(60_000), About("Time between two looks at the sizes.", Applies.RESTART)
        ] = 250
        micro_price_half_life_ms: Annotated[
            int,
            Ge(60_000),
            Le(7 * DAY_MS),
            About("Age at which what was learnt counts half.", Applies.RESTART),
        ] = 3_600_000
        micro_price_moves_min: Annotated[
            int,
            Ge(20),
            Le(100_000),
            About("Moves of the mid before what was learnt is used.", Applies.RESTART),
        ] = 100
        imbalance_buckets: Annotated[
            int, Ge(2), Le(STATES_MAX), About("Parts of the imbalance that are told apart.", Applies.RESTART)
        ] = 10
        spread_buckets: Annotated[
            int,
            Ge(1),
            Le(STATES_MAX // 2),
            About(
                "Widths of the book in ticks that are told apart; wider ones count as it.", Applies.RESTART
            ),
        ] = 2

        def __post_init__(self) -> None:
            """Refuse what contradicts itself; raises ValueError (the config loader adds file and line)."""
            WidthParams.__post_init__(self)
            states = self.imbalance_buckets * self.spread_buckets
            if states > STATES_MAX:
                raise ValueError(
                    f"imbalance_buckets times spread_buckets was {states}, expected at most {STATES_MAX}"
                )

    __slots__ = ("_guards", "_half_bps", "_skew_bps", "needs", "params", "wake")

    def __init__(self, params: Params, instrument: Instrument) -> None:
        """Turn the parameters into numbers.

        Raises: ConfigError if a size is outside the venue's bounds or a number is finer than the grid.
        """
        self.params = params
        self._guards = Guards(params, instrument)
        self._half_bps = bps_of("spread_bps", params.spread_bps) / 2
        self._skew_bps = bps_of("inventory_skew_bps", params.inventory_skew_bps)
        self.needs: tuple[SignalSpec, ...] = (_signal(params), *self._guards.needs)
        # Sizes change while the mid stands still: time alone asks, as often as they are looked at.
        self.wake = Wake(every_ns=params.micro_price_sample_ms * NS_PER_MS)

    def initial_memory(self) -> None:
        """Return None: nothing is remembered."""

    def quotes(self, view: View[None]) -> Quotes[None]:
        """Return the ladder around the micro-price; nothing before that is known."""
        reading = view.readings[0]
        if not reading.ready:
            return Quotes((), (), waits_for([reading]), None)
        offset = reading.value / 2
        if not is_fair(offset):
            return Quotes((), (), NO_FAIR_PRICE, None)
        bps_ticks = ticks_per_bps(view)
        lean = self._skew_bps * bps_ticks * held_share(view)
        ideal = around(view, self._half_bps * bps_ticks, lean, offset)
        bids, asks, reason = self._guards.ladder(view, ideal)
        return Quotes(bids, asks, reason, None)


def _signal(params: MicroPrice.Params) -> SignalSpec:
    if params.fair is Fair.WEIGHTED:
        return WeightedMidSpec()
    return MicroPriceSpec(
        buckets=params.imbalance_buckets,
        spreads=params.spread_buckets,
        sample_ns=params.micro_price_sample_ms * NS_PER_MS,
        half_life_ns=params.micro_price_half_life_ms * NS_PER_MS,
        moves_min=params.micro_price_moves_min,
    )
