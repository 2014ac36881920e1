"""Pure market making: a fixed ladder around the mid, leaned against the inventory.

Level i of a side stands at mid * (1 -/+ (spread + i * level_spread)), bids rounded down to the tick, asks up,
each level at least one tick behind the one before it, never through the book. Its size is
amount + i * level_amount, times a factor that falls from 2 to 0 as the inventory crosses its range.

The times hold per order: an order younger than `order_refresh_time_ms` is not moved for price or size; an
older one is replaced when the wanted price is more than the tolerance away; one older than
`max_order_age_ms` is renewed wherever it stands. Only `minimum_spread_bps` moves a young order.

All of it is integers: spreads in parts per million, prices in ticks, sizes in lots. Nothing is remembered
between two calls. Invariant: ask - bid >= 1 tick, and the asks are the mirror image of the bids.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, ClassVar, Final, NamedTuple, TypeAlias

from annotated_types import Ge, Gt, Le, Lt, MultipleOf

from mm.domain.instrument import Instrument
from mm.domain.quotes import Quote, Quotes
from mm.domain.sides import Side
from mm.domain.units import NS_PER_MS, PPM, atoms_from_decimal, ceil_div
from mm.domain.view import View
from mm.errors import ConfigError
from mm.signals.base import SignalSpec
from mm.strategies.base import (
    BPS_MAX,
    BPS_STEP,
    DAY_MS,
    About,
    Bps,
    Wake,
    at_most,
    lots_from_base,
    ppm_from_bps,
)

CLOCK_NS: Final = 1_000_000_000
"""The ladder is looked at least this often: users of order_refresh_time know a clock of one second."""

CLOCK_NS_MIN: Final = 100_000_000
"""... and at most this often for time alone, however short the refresh time is."""

QUOTING: Final = "quoting"


class _SideOf(NamedTuple):
    # One side as it follows from the parameters. A bid's key is its negated price, an ask's its price: on
    # both sides a larger key is farther from the market, so that one loop serves both.
    side: Side
    sign: int  # -1 for bids, +1 for asks
    levels: tuple[tuple[int, int, int], ...]  # level, negated price multiplier in ppm, lots
    key_max: int


# One look at the market: (numerator, shift, divisor, tolerance_ticks). The key of a level is
# ceil((numerator * multiplier + sign * shift) / divisor); numerator and divisor are in half ticks, shift is
# what the inventory takes off every price.
_Frame: TypeAlias = tuple[int, int, int, int]


class PureMarketMaking:
    """Quotes `order_levels` bids and asks at fixed distances from the mid. Needs no signal."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Params:
        """What can be set; None is off. Every change applies to the next quotes."""

        __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

        bid_spread_bps: Annotated[
            Bps, Gt(0), Lt(BPS_MAX), About("Distance of the nearest bid below the mid.", example="6")
        ]
        ask_spread_bps: Annotated[
            Bps, Gt(0), Lt(BPS_MAX), About("Distance of the nearest ask above the mid.", example="6")
        ]
        order_amount_base: Annotated[
            Decimal, Gt(0), About("Size of one order; rounded down to the lot.", example="0.01")
        ]
        order_refresh_time_ms: Annotated[
            int,
            Ge(0),
            Le(DAY_MS),
            About("Age from which an order may be cancelled and replaced at a new price.", example="15_000"),
        ]
        order_levels: Annotated[int, Ge(1), Le(50), About("Orders per side.")] = 1
        order_level_spread_bps: Annotated[
            Bps | None,
            Gt(0),
            Lt(BPS_MAX),
            About("Distance from one level to the next; needed with more than one level."),
        ] = None
        order_level_amount_base: Annotated[
            Decimal, About("Added to the size with each level outwards; may be negative.")
        ] = Decimal(0)
        order_refresh_tolerance_bps: Annotated[
            Bps | None,
            Ge(0),
            Lt(BPS_MAX),
            About(
                "An order this near its wanted price stays past the refresh time; off: any difference moves."
            ),
        ] = None
        max_order_age_ms: Annotated[
            int | None,
            Gt(0),
            Le(7 * DAY_MS),
            About("An order older than this is renewed even within the tolerance."),
        ] = None
        filled_order_delay_ms: Annotated[
            int | None,
            Gt(0),
            Le(DAY_MS),
            About("After a fill, whole or partial, no new size is put on that side for this long."),
        ] = None
        minimum_spread_bps: Annotated[
            Bps | None,
            Ge(0),
            Lt(BPS_MAX),
            About("An order nearer to the mid than this is moved at once, whatever its age."),
        ] = None
        price_ceiling_quote: Annotated[
            Decimal | None, Gt(0), About("With the mid at or above this price nothing is bought.")
        ] = None
        price_floor_quote: Annotated[
            Decimal | None, Gt(0), About("With the mid at or below this price nothing is sold.")
        ] = None
        add_transaction_costs: Annotated[
            bool, About("Widens each side by the maker fee; a rebate narrows nothing.")
        ] = False
        inventory_skew_enabled: Annotated[
            bool,
            About(
                "Scales bids from 2 to 0 and asks from 0 to 2 as the inventory goes from -range to +range."
            ),
        ] = False
        inventory_range_multiplier: Annotated[
            Decimal,
            MultipleOf(BPS_STEP),
            Gt(0),
            Le(1000),
            About("The range in total order sizes (both sides, all levels); at most the inventory limit."),
        ] = Decimal(1)
        inventory_price_skew_bps: Annotated[
            Bps | None,
            Ge(0),
            Lt(BPS_MAX),
            About(
                "Shifts all prices against the inventory: by this much at the inventory limit, less below."
            ),
        ] = None

        def __post_init__(self) -> None:
            """Refuse what contradicts itself; raises ValueError (the config loader adds file and line)."""
            if self.order_levels > 1 and self.order_level_spread_bps is None:
                raise ValueError(f"order_level_spread_bps is missing: order_levels is {self.order_levels}")
            nearest = min(self.bid_spread_bps, self.ask_spread_bps)
            farthest = self.bid_spread_bps + (self.order_levels - 1) * (self.order_level_spread_bps or 0)
            if farthest >= BPS_MAX:
                raise ValueError(
                    f"order_levels was {self.order_levels}: the last bid would be {farthest} bps below"
                    f" the mid, expected less than {BPS_MAX}"
                )
            at_most("minimum_spread_bps", self.minimum_spread_bps, "the smaller spread", nearest)
            at_most(
                "order_refresh_time_ms", self.order_refresh_time_ms, "max_order_age_ms", self.max_order_age_ms
            )
            ceiling, floor = self.price_ceiling_quote, self.price_floor_quote
            if ceiling is not None and floor is not None and floor >= ceiling:
                raise ValueError(
                    f"price_floor_quote was {floor}, expected less than price_ceiling_quote, {ceiling}"
                )

    __slots__ = (
        "_age_ns_max",
        "_asks",
        "_bids",
        "_ceiling_half_ticks",
        "_delay_ns",
        "_floor_half_ticks",
        "_life_ns_min",
        "_minimum_ppm",
        "_price_skew_ppm",
        "_range_lots",
        "_size_lots_max",
        "_size_lots_min",
        "_tolerance_ppm",
        "needs",
        "params",
        "wake",
    )

    def __init__(self, params: Params, instrument: Instrument) -> None:
        """Turn the parameters into integers for this instrument.

        Raises: ConfigError if a size is outside the venue's bounds or a number is finer than the grid.
        """
        self.params = params
        self.needs: tuple[SignalSpec, ...] = ()
        self.wake = _wake(params)
        self._bids = _side(Side.BUY, params, instrument)
        self._asks = _side(Side.SELL, params, instrument)
        self._size_lots_min = instrument.size_min_lots
        self._size_lots_max = instrument.size_max_lots
        self._range_lots = _range_lots(params, self._bids, self._asks)
        self._life_ns_min = params.order_refresh_time_ms * NS_PER_MS
        self._age_ns_max = (params.max_order_age_ms or 0) * NS_PER_MS
        self._delay_ns = (params.filled_order_delay_ms or 0) * NS_PER_MS
        self._tolerance_ppm = _ppm("order_refresh_tolerance_bps", params.order_refresh_tolerance_bps) or 0
        self._minimum_ppm = _ppm("minimum_spread_bps", params.minimum_spread_bps)
        self._price_skew_ppm = _ppm("inventory_price_skew_bps", params.inventory_price_skew_bps) or 0
        ceiling = _double_atoms("price_ceiling_quote", params.price_ceiling_quote, instrument)
        floor = _double_atoms("price_floor_quote", params.price_floor_quote, instrument)
        self._ceiling_half_ticks = None if ceiling is None else ceil_div(ceiling, instrument.tick_atoms)
        self._floor_half_ticks = None if floor is None else floor // instrument.tick_atoms

    def initial_memory(self) -> None:
        """Return None: nothing is remembered."""

    def quotes(self, view: View[None]) -> Quotes[None]:
        """Return the ladder; a side is empty beyond ceiling or floor, or where the skew leaves it no size."""
        mid = view.mid_half_ticks
        frame = self._frame(view)
        held_bids = held_asks = None
        reason = QUOTING
        if self._delay_ns:
            held_bids, held_asks = self._held(view, Side.BUY), self._held(view, Side.SELL)
            if held_bids is not None or held_asks is not None:
                reason = "waits after a fill"
        if self._ceiling_half_ticks is not None and mid >= self._ceiling_half_ticks:
            return Quotes((), self._ladder(view, frame, self._asks, held_asks), "only sells: ceiling", None)
        if self._floor_half_ticks is not None and mid <= self._floor_half_ticks:
            return Quotes(self._ladder(view, frame, self._bids, held_bids), (), "only buys: floor", None)
        bids = self._ladder(view, frame, self._bids, held_bids)
        asks = self._ladder(view, frame, self._asks, held_asks)
        if not (bids and asks) and reason is QUOTING:
            reason = (
                "only buys: no ask fits" if bids else "only sells: no bid fits" if asks else "nothing fits"
            )
        return Quotes(bids, asks, reason, None)

    def _frame(self, view: View[None]) -> _Frame:
        mid = view.mid_half_ticks
        tolerance_ticks = mid * self._tolerance_ppm // (2 * PPM)
        if not self._price_skew_ppm:
            return mid, 0, 2 * PPM, tolerance_ticks
        # Everything times the limit, so that the shift is a whole number and rounds with the price, once.
        limit = view.inventory_max_lots
        leaning = max(-limit, min(limit, view.inventory_lots))
        return mid * limit, -mid * self._price_skew_ppm * leaning, 2 * PPM * limit, tolerance_ticks

    def _held(self, view: View[None], side: Side) -> dict[int, int] | None:
        # Lots that may still stand at the venue per level, while no new size may be put on this side.
        fill = view.last_buy if side is Side.BUY else view.last_sell
        if fill is None or view.ts_ns >= fill.ts_ns + self._delay_ns:
            return None
        return {own.level: own.size_lots for own in view.own if own.side is side}

    def _ladder(
        self, view: View[None], frame: _Frame, side: _SideOf, held: dict[int, int] | None
    ) -> tuple[Quote, ...]:
        sign = side.sign
        numerator, shift, divisor, tolerance = frame
        shift *= sign
        # The last key taken. Post-only: asks begin above the best bid, bids below the best ask.
        key = (view.bids[0] if sign > 0 else view.asks[0]).price_ticks * sign
        nearest: int | None = None
        hurried: list[int] = []
        if self._minimum_ppm is not None:
            nearest = ceil_div(view.mid_half_ticks * (sign * PPM + self._minimum_ppm), 2 * PPM)
            own_side = side.side
            hurried = [
                own.level for own in view.own if own.side is own_side and own.price_ticks * sign < nearest
            ]
            key = max(key, nearest - 1)
        part, whole = self._share(view, sign)
        size_min, size_max, key_max = self._size_lots_min, self._size_lots_max, side.key_max
        age, life = self._age_ns_max, self._life_ns_min
        ladder = []
        for level, multiplier, lots in side.levels:
            wanted = -((numerator * multiplier - shift) // divisor)
            key = wanted if wanted > key else key + 1
            if key > key_max:
                break
            size = lots if part == whole else lots * part // whole
            if size < size_min:
                continue
            if held is not None:
                size = min(size, held.get(level, 0))
                if not size:
                    continue
            if size > size_max:  # noqa: PLR1730 - calling `min` costs ten times the comparison
                size = size_max
            if nearest is None:
                ladder.append(Quote(sign * key, size, level, tolerance, age, life))
            else:
                # An order that stays by the tolerance must not stand nearer than the minimum either.
                within = min(tolerance, key - nearest)
                ladder.append(Quote(sign * key, size, level, within, age, 0 if level in hurried else life))
        return tuple(ladder)

    def _share(self, view: View[None], sign: int) -> tuple[int, int]:
        # The size factor as a fraction: 2 at the far end of the range, 1 at the target, 0 at the near end.
        if not self._range_lots:
            return 1, 1
        whole = min(self._range_lots, view.inventory_max_lots)
        return max(0, min(2 * whole, whole + sign * view.inventory_lots)), whole


def _wake(params: PureMarketMaking.Params) -> Wake:
    # Only these parameters have anything to say between two looks at the clock; without them a move of the
    # mid would cost a decision and change nothing.
    life_ns = params.order_refresh_time_ms * NS_PER_MS
    watched = (params.minimum_spread_bps, params.price_ceiling_quote, params.price_floor_quote)
    moves = life_ns < CLOCK_NS or any(bound is not None for bound in watched)
    return Wake(move_half_ticks=1 if moves else 0, every_ns=min(CLOCK_NS, max(life_ns, CLOCK_NS_MIN)))


def _side(side: Side, params: PureMarketMaking.Params, instrument: Instrument) -> _SideOf:
    bids = side is Side.BUY
    name, spread = ("bid", params.bid_spread_bps) if bids else ("ask", params.ask_spread_bps)
    spread_ppm = ppm_from_bps(f"{name}_spread_bps", spread)
    step_ppm = ppm_from_bps("order_level_spread_bps", params.order_level_spread_bps or Decimal(0))
    fee_ppm = max(0, instrument.maker_fee_ppm) if params.add_transaction_costs else 0
    sign = -1 if bids else 1
    levels = []
    for level in range(params.order_levels):
        amount = params.order_amount_base + level * params.order_level_amount_base
        lots = lots_from_base(f"order_amount_base of level {level}", amount, instrument)
        # Negated, so that floor division rounds outwards: away from the market on both sides.
        levels.append((level, -(sign * PPM + spread_ppm + level * step_ppm + fee_ppm), lots))
    key_max = -instrument.price_min_ticks if bids else instrument.price_max_ticks
    return _SideOf(side, sign, tuple(levels), key_max)


def _ppm(name: str, value: Decimal | None) -> int | None:
    return None if value is None else ppm_from_bps(name, value)


def _range_lots(params: PureMarketMaking.Params, bids: _SideOf, asks: _SideOf) -> int:
    # 0 when there is no skew by size.
    if not params.inventory_skew_enabled:
        return 0
    total_lots = sum(lots for side in (bids, asks) for _, _, lots in side.levels)
    hundredths = atoms_from_decimal(params.inventory_range_multiplier, 2)
    return max(1, total_lots * hundredths // 100)


def _double_atoms(name: str, price_quote: Decimal | None, instrument: Instrument) -> int | None:
    # Twice the price in quote atoms: divided by a tick that is half ticks, the unit of the mid.
    if price_quote is None:
        return None
    try:
        return 2 * atoms_from_decimal(price_quote, instrument.quote_scale)
    except ValueError as error:
        raise ConfigError(f"{name}: {error}", hint=f"a price in {instrument.quote}") from None
