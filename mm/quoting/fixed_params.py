"""The parameters of a ladder at fixed distances: what contradicts itself in them, which orders they ask for.

Every name bears its unit; None is off. Knows no instrument: whether a size fits a venue is asked elsewhere.
"""

from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, ClassVar, Final, Literal, TypeAlias

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen, MultipleOf

from mm.domain.sides import Side
from mm.domain.watched import joined_name
from mm.quoting.about import BPS_MAX, BPS_STEP, DAY_MS, About, Applies, Bps, at_most
from mm.quoting.reference import FOREIGN, PriceType

SLOTS_MAX: Final = 50
"""Most orders per side that do not hang."""

Spreads: TypeAlias = tuple[Annotated[Bps, Gt(0), Lt(BPS_MAX)], ...]
"""Distances, nearest first."""

Amounts: TypeAlias = tuple[Annotated[Decimal, Gt(0)], ...]
"""Sizes, nearest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderOverride:
    """One order of `order_override`: side, distance from the reference, size."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    side: Literal["buy", "sell"]
    spread_bps: Annotated[Bps, Gt(0), Lt(BPS_MAX)]
    amount_base: Annotated[Decimal, Gt(0)]


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedParams:
    """What can be set; None is off. Every change applies to the next quotes, another market to watch at a
    restart."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}
    watched_key: ClassVar[str] = "price_source_symbol"

    bid_spread_bps: Annotated[
        Bps, Gt(0), Lt(BPS_MAX), About("Distance of the nearest bid below the reference.", example="6")
    ]
    ask_spread_bps: Annotated[
        Bps, Gt(0), Lt(BPS_MAX), About("Distance of the nearest ask above the reference.", example="6")
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
    order_levels: Annotated[int, Ge(1), Le(SLOTS_MAX), About("Orders per side.")] = 1
    order_level_spread_bps: Annotated[
        Bps | None,
        Gt(0),
        Lt(BPS_MAX),
        About("Distance from one level to the next; needed with more than one level."),
    ] = None
    order_level_amount_base: Annotated[
        Decimal, About("Added to the size with each level outwards; may be negative.")
    ] = Decimal(0)
    bid_order_level_spreads_bps: Annotated[
        Spreads | None,
        MinLen(1),
        MaxLen(SLOTS_MAX),
        About("Distance of each bid, nearest first, in place of bid_spread_bps and of steps."),
    ] = None
    ask_order_level_spreads_bps: Annotated[
        Spreads | None,
        MinLen(1),
        MaxLen(SLOTS_MAX),
        About("Distance of each ask, nearest first, in place of ask_spread_bps and of steps."),
    ] = None
    bid_order_level_amounts_base: Annotated[
        Amounts | None,
        MinLen(1),
        MaxLen(SLOTS_MAX),
        About("Size of each bid, nearest first, in place of order_amount_base and of steps."),
    ] = None
    ask_order_level_amounts_base: Annotated[
        Amounts | None,
        MinLen(1),
        MaxLen(SLOTS_MAX),
        About("Size of each ask, nearest first, in place of order_amount_base and of steps."),
    ] = None
    order_override: Annotated[
        dict[str, OrderOverride] | None,
        MinLen(1),
        MaxLen(2 * SLOTS_MAX),
        About("Orders by name, each with side, spread_bps and amount_base, in place of the whole ladder."),
    ] = None
    order_refresh_tolerance_bps: Annotated[
        Bps | None,
        Ge(0),
        Lt(BPS_MAX),
        About(
            "An order this near its price stays; off: 0.3 of nearest spread less maker fee, 0.1 of it at"
            " least; 0: none."
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
        About("An order nearer to the reference than this is moved at once, whatever its age."),
    ] = None
    hanging_orders_enabled: Annotated[
        bool, About("When one order of a pair fills, the other one stays where it is.")
    ] = False
    hanging_orders_cancel_bps: Annotated[
        Bps,
        Gt(0),
        Le(BPS_MAX),
        About("An order that hangs is let go when it is farther from the reference than this."),
    ] = Decimal(1000)
    ping_pong_enabled: Annotated[
        bool, About("Leaves out as many of a side's nearest orders as the inventory holds fills of it.")
    ] = False
    order_optimization_enabled: Annotated[
        bool, About("Moves a side out to one tick better than the best price of others.")
    ] = False
    bid_order_optimization_depth_base: Annotated[
        Decimal, Ge(0), About("So much of the best bids of others is passed over for that.")
    ] = Decimal(0)
    ask_order_optimization_depth_base: Annotated[
        Decimal, Ge(0), About("So much of the best asks of others is passed over for that.")
    ] = Decimal(0)
    price_ceiling_quote: Annotated[
        Decimal | None, Gt(0), About("With the reference at or above this price nothing is bought.")
    ] = None
    price_floor_quote: Annotated[
        Decimal | None, Gt(0), About("With the reference at or below this price nothing is sold.")
    ] = None
    moving_price_band_enabled: Annotated[
        bool, About("Ceiling and floor around the reference, laid anew from time to time.")
    ] = False
    price_ceiling_bps: Annotated[
        Bps, Gt(-BPS_MAX), Lt(BPS_MAX), About("Upper end of the moving band, from its reference.")
    ] = Decimal(100)
    price_floor_bps: Annotated[
        Bps, Gt(-BPS_MAX), Lt(BPS_MAX), About("Lower end of the moving band, from its reference.")
    ] = Decimal(-100)
    price_band_refresh_time_ms: Annotated[
        int, Gt(0), Le(7 * DAY_MS), About("Age at which the moving band is laid anew.")
    ] = DAY_MS
    price_type: Annotated[
        PriceType, About("Which price is the reference; inventory_cost: the mid, but never at a loss.")
    ] = "mid_price"
    price_source_symbol: Annotated[
        str | None,
        MinLen(3),
        MaxLen(41),
        About("Takes the reference from this market, as ETH/USDT; off: from the own one.", Applies.RESTART),
    ] = None
    price_source_venue: Annotated[
        str | None,
        MinLen(1),
        MaxLen(32),
        About("Which [venue.NAME] that market is of; off: the own one.", Applies.RESTART),
    ] = None
    price_source_max_age_ms: Annotated[
        int, Gt(0), Le(DAY_MS), About("Nothing is quoted when that market has been silent for this long.")
    ] = 5_000
    price_source_max_deviation_bps: Annotated[
        Bps,
        Gt(0),
        Lt(BPS_MAX),
        About("Nothing is quoted while its price is farther than this from the own mid."),
    ] = Decimal(100)
    inventory_price_quote: Annotated[
        Decimal | None,
        Gt(0),
        About("With inventory_cost: what one unit of the first holding had cost."),
    ] = None
    add_transaction_costs: Annotated[
        bool, About("Widens each side by the maker fee; a rebate narrows nothing.")
    ] = False
    inventory_skew_enabled: Annotated[
        bool,
        About("Scales bids from 2 to 0 and asks from 0 to 2 as the inventory goes from -range to +range."),
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
        About("Shifts all prices against the inventory: by this much at the inventory limit, less below."),
    ] = None

    def __post_init__(self) -> None:
        """Refuse what contradicts itself; raises ValueError (the config loader adds file and line)."""
        _check_levels(self)
        _check_bounds(self)
        _check_reference(self)

    @property
    def sizes_base(self) -> tuple[tuple[Decimal, ...], tuple[Decimal, ...]]:
        """The sizes of all bids and of all asks, nearest first."""
        bids, asks = rungs_of(Side.BUY, self), rungs_of(Side.SELL, self)
        return tuple(rung[1] for rung in bids), tuple(rung[1] for rung in asks)

    @property
    def watched_names(self) -> tuple[str, ...]:
        """The other market whose price is the reference, as it is watched: "ETH/USDT" or "venue:ETH/USDT"."""
        if self.price_source_symbol is None:
            return ()
        return (joined_name(self.price_source_venue or "", self.price_source_symbol),)

    @property
    def nearest_bps(self) -> Decimal:
        """The distance of the first order of the ladder from the reference."""
        return min([*rungs_of(Side.BUY, self), *rungs_of(Side.SELL, self)])[0]

    @property
    def farthest_bps(self) -> Decimal:
        """The distance of the last order of the ladder from the reference."""
        return max([*rungs_of(Side.BUY, self), *rungs_of(Side.SELL, self)])[0]


def rungs_of(side: Side, params: FixedParams) -> list[tuple[Decimal, Decimal]]:
    """Return distance in bps and size in base of each order of a side, nearest first."""
    bids = side is Side.BUY
    if params.order_override is not None:
        word = "buy" if bids else "sell"
        chosen = [(o.spread_bps, name, o) for name, o in params.order_override.items() if o.side == word]
        return [(spread, order.amount_base) for spread, _, order in sorted(chosen, key=lambda one: one[:2])]
    spreads = params.bid_order_level_spreads_bps if bids else params.ask_order_level_spreads_bps
    amounts = params.bid_order_level_amounts_base if bids else params.ask_order_level_amounts_base
    count = len(spreads or amounts or range(params.order_levels))
    nearest, step = (params.bid_spread_bps if bids else params.ask_spread_bps), params.order_level_spread_bps
    return [
        (
            spreads[level] if spreads else nearest + level * (step or 0),
            amounts[level] if amounts else params.order_amount_base + level * params.order_level_amount_base,
        )
        for level in range(count)
    ]


def _check_levels(params: FixedParams) -> None:
    lists = (
        ("bid", params.bid_order_level_spreads_bps, params.bid_order_level_amounts_base),
        ("ask", params.ask_order_level_spreads_bps, params.ask_order_level_amounts_base),
    )
    for name, spreads, amounts in lists:
        if params.order_override is not None and (spreads or amounts):
            raise ValueError(
                f"order_override cannot stand beside lists of levels: take the {name}_order_ lists out"
            )
        if spreads is not None and any(far <= near for near, far in pairwise(spreads)):
            raise ValueError(f"{name}_order_level_spreads_bps was not ascending, expected the nearest first")
        if spreads and amounts and len(spreads) != len(amounts):
            raise ValueError(
                f"{name}_order_level_amounts_base has {len(amounts)} entries,"
                f" expected as many as {name}_order_level_spreads_bps, {len(spreads)}"
            )
        count = len(amounts) if amounts else params.order_levels
        is_stepped = params.order_override is None and spreads is None
        if is_stepped and count > 1 and params.order_level_spread_bps is None:
            of = (
                f"{name}_order_level_amounts_base has {count} entries"
                if amounts
                else f"order_levels is {count}"
            )
            raise ValueError(f"order_level_spread_bps is missing: {of}")
    bids = rungs_of(Side.BUY, params)
    if bids and bids[-1][0] >= BPS_MAX:
        raise ValueError(
            f"order_levels was {params.order_levels}: the last bid would be {bids[-1][0]} bps below"
            f" the mid, expected less than {BPS_MAX}"
        )


def _check_bounds(params: FixedParams) -> None:
    farthest = params.farthest_bps
    at_most("minimum_spread_bps", params.minimum_spread_bps, "the smaller spread", params.nearest_bps)
    at_most(
        "order_refresh_time_ms", params.order_refresh_time_ms, "max_order_age_ms", params.max_order_age_ms
    )
    ceiling, floor = params.price_ceiling_quote, params.price_floor_quote
    if ceiling is not None and floor is not None and floor >= ceiling:
        raise ValueError(f"price_floor_quote was {floor}, expected less than price_ceiling_quote, {ceiling}")
    if params.price_floor_bps >= params.price_ceiling_bps:
        raise ValueError(
            f"price_floor_bps was {params.price_floor_bps}, expected less than price_ceiling_bps,"
            f" {params.price_ceiling_bps}"
        )
    if params.hanging_orders_enabled and params.hanging_orders_cancel_bps <= farthest:
        raise ValueError(
            f"hanging_orders_cancel_bps was {params.hanging_orders_cancel_bps}, expected more than the"
            f" distance of the last order, {farthest}: it would be let go at once"
        )


def _check_reference(params: FixedParams) -> None:
    kind, symbol = params.price_type, params.price_source_symbol
    if params.inventory_price_quote is not None and kind != "inventory_cost":
        raise ValueError(
            'inventory_price_quote says what a holding had cost: write price_type = "inventory_cost"'
        )
    if symbol is None:
        if params.price_source_venue is not None:
            raise ValueError("price_source_venue names a venue: write price_source_symbol as well")
        return
    base, slash, quote = symbol.partition("/")
    if not (slash and base.isalnum() and quote.isalnum() and symbol.isascii() and symbol.isupper()):
        raise ValueError(f"price_source_symbol was {symbol!r}, expected BASE/QUOTE in capitals, as ETH/USDT")
    if kind not in FOREIGN:
        raise ValueError(
            f"price_type was {kind}, which only the own market has; beside price_source_symbol expected one"
            f" of {', '.join(FOREIGN)}"
        )
