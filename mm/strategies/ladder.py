"""A ladder around the mid: distances and sizes from level to level, and both against the inventory.

The first level stands half of spread_bps from the mid, with order_amount_base. From there outwards

    distances      order_level_distances    equal steps (arithmetic: order_level_spread_bps; linear up to
    sizes          order_level_amounts      last_spread_bps, last_amount_base), geometric, fibonacci or
                                            logarithmic (`mm.quoting.levels`)

Inventory skew by size: with x the inventory within its range, bids are scaled from 2 (short by the range)
over 1 (at the target) to 0 (long by it), asks by 2 less that. By price: inventory_skew_bps at the limit moves
all.

Source: quant.md 2.7. Invariant: with the inventory negated the ladder is mirrored to the tick and the lot.
"""

from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal
from typing import Annotated, Final

from annotated_types import Gt, Le, Lt, MultipleOf

from mm.domain.instrument import Instrument
from mm.domain.quotes import Quotes
from mm.domain.view import View
from mm.quoting.around import WidthParams, around, bps_of, held_share, ticks_per_bps
from mm.quoting.guards import Guards
from mm.quoting.levels import level_lots
from mm.quoting.params import Spacing, level_sizes
from mm.signals.base import SignalSpec
from mm.strategies.base import BPS_MAX, About, Bps, Wake

AMOUNT_STEP: Final = Decimal("1e-12")
"""Equal steps of a size are rounded up to this, so that the last level is the one that was asked for."""


class Ladder:
    """Quotes a ladder of fixed distances; needs no signal."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Params(WidthParams):
        """What can be set; None is off."""

        last_spread_bps: Annotated[
            Bps | None,
            Gt(0),
            Lt(2 * BPS_MAX),
            About("Linear distances: width of the last level, in place of order_level_spread_bps."),
        ] = None
        last_amount_base: Annotated[
            Decimal | None,
            Gt(0),
            About("Linear sizes: that of the last level, in place of order_level_amount_base."),
        ] = None
        inventory_skew_enabled: Annotated[
            bool,
            About("Scales bids from 2 to 0 and asks from 0 to 2 as the inventory goes through its range."),
        ] = False
        inventory_range_multiplier: Annotated[
            Decimal,
            Gt(0),
            Le(1000),
            MultipleOf(Decimal("0.01")),
            About("That range in total order sizes; at most the inventory limit."),
        ] = Decimal(1)

        def __post_init__(self) -> None:
            """Refuse what contradicts itself; raises ValueError (the config loader adds file and line)."""
            WidthParams.__post_init__(self)
            if self.last_spread_bps is not None and self.last_spread_bps <= self.spread_bps:
                raise ValueError(
                    f"last_spread_bps was {self.last_spread_bps}, expected more than spread_bps,"
                    f" {self.spread_bps}"
                )
            self._require_linear("last_spread_bps", self.last_spread_bps, self.order_level_distances)
            self._require_linear("last_amount_base", self.last_amount_base, self.order_level_amounts)
            if self.last_spread_bps is not None and self.order_level_spread_bps is not None:
                raise ValueError(
                    "last_spread_bps and order_level_spread_bps are both set, expected one of them"
                )
            if self.last_amount_base is not None and self.order_level_amount_base != 0:
                raise ValueError(
                    "last_amount_base and order_level_amount_base are both set, expected one of them"
                )

        @property
        def sizes_base(self) -> tuple[tuple[Decimal, ...], tuple[Decimal, ...]]:
            """Sizes of all bids and of all asks, nearest first, without the inventory's skew."""
            sizes = level_sizes(_with_step(self))
            return sizes, sizes

        def _require_linear(self, name: str, value: Decimal | None, spacing: Spacing) -> None:
            if value is None:
                return
            if self.order_levels < 2:
                raise ValueError(f"{name} was {value} with one level, expected order_levels of 2 or more")
            if spacing is not Spacing.LINEAR:
                raise ValueError(f"{name} was {value} with {spacing.value} levels, expected linear ones")

    __slots__ = ("_guards", "_half_bps", "_range_lots", "_skew_bps", "_step_bps", "needs", "params", "wake")

    def __init__(self, params: Params, instrument: Instrument) -> None:
        """Turn the parameters into numbers.

        Raises: ConfigError if a size is outside the venue's bounds or a number is finer than the grid.
        """
        self.params = params
        sized = _with_step(params)
        self._guards = Guards(sized, instrument)
        self._half_bps = bps_of("spread_bps", params.spread_bps) / 2
        self._step_bps = 0.0
        if params.last_spread_bps is not None:
            last_bps = bps_of("last_spread_bps", params.last_spread_bps) / 2
            self._step_bps = (last_bps - self._half_bps) / (params.order_levels - 1)
        self._skew_bps = bps_of("inventory_skew_bps", params.inventory_skew_bps)
        self._range_lots = 0.0
        if params.inventory_skew_enabled:
            total = sum(level_lots(sized, instrument))
            self._range_lots = total * float(params.inventory_range_multiplier)
        self.needs: tuple[SignalSpec, ...] = self._guards.needs
        self.wake = Wake()

    def initial_memory(self) -> None:
        """Return None: nothing is remembered."""

    def quotes(self, view: View[None]) -> Quotes[None]:
        """Return the ladder; a side is empty where limit, bands or inventory leave it nothing."""
        bps_ticks = ticks_per_bps(view)
        lean = self._skew_bps * bps_ticks * held_share(view)
        share = self._share(view)
        ideal = around(view, self._half_bps * bps_ticks, lean)._replace(
            bid_share=1.0 - share, ask_share=1.0 + share, step_ticks=self._step_bps * bps_ticks
        )
        bids, asks, reason = self._guards.ladder(view, ideal)
        return Quotes(bids, asks, reason, None)

    def _share(self, view: View[None]) -> float:
        # -1 at the short end of the range, 0 at the target, 1 at the long end.
        if not self._range_lots:
            return 0.0
        reach = min(self._range_lots, view.inventory_max_lots)
        return max(-1.0, min(1.0, view.inventory_lots / reach))


def _with_step(params: Ladder.Params) -> Ladder.Params:
    # Sizes up to a last one are equal steps there.
    if params.last_amount_base is None:
        return params
    whole = params.last_amount_base - params.order_amount_base
    step = (whole / (params.order_levels - 1)).quantize(AMOUNT_STEP, ROUND_CEILING)
    return replace(params, last_amount_base=None, order_level_amount_base=step)
