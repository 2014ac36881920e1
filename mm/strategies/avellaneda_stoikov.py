"""Quoting of Avellaneda and Stoikov: around a reservation price that leaves the mid as inventory is held.

Unit of price: basis points (bps) of the mid. Unit of inventory q: one order amount. With the aversion g, the
volatility s per square root of a second, the decay of fills k, the maker fee f and t seconds to the end:

    reservation price   r = mid - q g s^2 t                        (29)
    width               g s^2 t + (2 / g) ln(1 + g / k) + 2 f      (30)

so that a risk_factor of g leans both quotes by g s^2 t bps with each order amount held (`votes` tells how
much that is now). What t is, `horizon`:

    frozen      always frozen_horizon_ms; off: the t at which these are the quotes of `glft`'s closed form
    session     to the end of the session: a time after the first quote, or a time of day
    infinite    the paper's own way without an end: the volatility cancels, the inventory limit decides

That is with fills that thin out exponentially. With `linear_demand_reach_bps` they thin out in a straight
line to none at that distance, and the quotes are those of Ho and Stoll (1981, `mm.models.ho_stoll`): they
lean half as much and are g s^2 t / 2 + reach + f wide.

Far from an end (29) and (30) are much too wide and lean too much: on the paper's own market they keep 96 % of
the utility at g = 0.1 and 45 % at 1, `glft` 99.9 % and 99.4 %. For what trades without an end take `glft`.

Source: Quantitative Finance 8(3), 2008, 217-224. Invariant: bids(q) are the mirror image of asks(-q), but for
the infinite horizon, which is not symmetric in the paper either; guards as in `mm.quoting.guards`.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from math import exp, inf, sqrt
from typing import Annotated, Final, NamedTuple

from annotated_types import Ge, Gt, Le, Lt

from mm.domain.instrument import Instrument
from mm.domain.quotes import Quotes
from mm.domain.units import ceil_div
from mm.domain.view import View
from mm.errors import ConfigError
from mm.models.avellaneda_stoikov import distances, frozen_horizon_s, infinite_horizon
from mm.models.glft import Distances, Market
from mm.models.glft_table import CAP_MAX, Table
from mm.models.ho_stoll import Demand
from mm.models.ho_stoll import distances as linear_distances
from mm.quoting.flow import DiffusionParams, Flow, FlowReader, VolatilityReader
from mm.quoting.guards import HALF_TICKS_PER_BPS, Guards, Ideal
from mm.quoting.hysteresis import falloff
from mm.quoting.session import NOT_STARTED, OVER, Moment, moment
from mm.quoting.sheet import Sheet, sheet_of_table
from mm.quoting.waiting import together
from mm.signals.base import SignalSpec
from mm.strategies.base import BPS_MAX, DAY_MS, About, Wake

SHEETS_KEPT: Final = 64

LINEAR_FALLOFF: Final = sqrt(8)
"""Over the reach: the exponential decay of whose fills the worth falls off alike about the best distance."""


class Horizon(StrEnum):
    """What the time to the end is; the head of this file says what each is."""

    FROZEN = "frozen"
    SESSION = "session"
    INFINITE = "infinite"


class _Aim(NamedTuple):
    # What the model wants, in bps of the mid.
    bid_bps: float
    ask_bps: float
    lean_bps: float
    decay_per_bps: float
    now: Moment


class AvellanedaStoikov:
    """Quotes around the reservation price; wants volatility and decay of fills, given or measured."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Params(DiffusionParams):
        """What can be set; None is off or, where the text says so, derived."""

        risk_factor: Annotated[
            float,
            Ge(0),
            Le(100),
            About("Aversion to risk per basis point and order amount held.", example="0.01"),
        ]
        horizon: Annotated[
            Horizon, About("frozen: time left never changes; session: to an end; infinite: of the paper.")
        ] = Horizon.FROZEN
        frozen_horizon_ms: Annotated[
            int | None,
            Gt(0),
            Le(365 * DAY_MS),
            About("Time left of the frozen horizon; off: that of the closed form of glft."),
        ] = None
        linear_demand_reach_bps: Annotated[
            float | None,
            Gt(0),
            Lt(BPS_MAX),
            About(
                "Distance at which a straight line of fills reaches none; off: they thin out exponentially."
            ),
        ] = None
        level_distances_ratio: Annotated[
            float | None,
            Gt(0),
            Le(100),
            About(
                "Distance from the first level to the second, as a share of the model's half width; off: 1."
            ),
        ] = None
        order_amount_shape_factor: Annotated[
            float,
            Ge(0),
            Le(10),
            About("Shrinks what adds to the inventory, by exp(-factor) at the inventory limit, less below."),
        ] = 0.0

        def __post_init__(self) -> None:
            """Refuse what contradicts itself; raises ValueError."""
            DiffusionParams.__post_init__(self)
            ends = self.session_length_ms is not None or self.session_close_ms is not None
            if ends != (self.horizon is Horizon.SESSION):
                raise ValueError(
                    f"horizon was {self.horizon.value}, expected session with session_length_ms or"
                    " session_close_ms, and another without"
                )
            if self.frozen_horizon_ms is not None and self.horizon is not Horizon.FROZEN:
                raise ValueError(f"frozen_horizon_ms is set, but horizon is {self.horizon.value}")
            if self.risk_factor == 0 and self.horizon is Horizon.INFINITE:
                raise ValueError("risk_factor was 0, expected more with the infinite horizon")
            if self.linear_demand_reach_bps is not None and self._needs_decay:
                raise ValueError(
                    f"linear_demand_reach_bps is set, but horizon is {self.horizon.value}"
                    f"{'' if self.horizon is Horizon.INFINITE else ' without frozen_horizon_ms'}: its quotes"
                    " follow from an exponential decay"
                )
            if self.level_distances_ratio is not None and self.order_level_spread_bps is not None:
                raise ValueError(
                    "level_distances_ratio and order_level_spread_bps are both set, expected one"
                )

        @property
        def is_derived(self) -> bool:
            """Whether the horizon follows from how many fills there are."""
            return self.horizon is Horizon.FROZEN and self.frozen_horizon_ms is None

        @property
        def _needs_decay(self) -> bool:
            return self.is_derived or self.horizon is Horizon.INFINITE

    __slots__ = ("_flow", "_guards", "_volatility", "needs", "params", "wake")

    def __init__(self, params: Params, instrument: Instrument) -> None:
        """Check what can be checked before anything is measured.

        Raises: ConfigError if sizes or spreads do not fit the instrument, or the quotes would leave the book.
        """
        self.params = params
        self.wake = Wake()
        self._guards = Guards(params, instrument)
        self._volatility = None
        needs: tuple[SignalSpec, ...] = ()
        if params.horizon is not Horizon.INFINITE:
            self._volatility = VolatilityReader(params)
            needs = self._volatility.needs
        self._flow: FlowReader | Flow
        if params.linear_demand_reach_bps is None:
            self._flow = FlowReader(
                params, least_bps=self._guards.least_bps, wants_rate=params.is_derived, place=len(needs)
            )
            needs += self._flow.needs
        else:
            self._flow = Flow(0.0, LINEAR_FALLOFF / params.linear_demand_reach_bps)
        self.needs: tuple[SignalSpec, ...] = (*needs, *self._guards.needs)
        self._require_sense()

    def initial_memory(self) -> int:
        """Return that no session has begun; later it is the session's end in nanoseconds."""
        return NOT_STARTED

    def quotes(self, view: View[int]) -> Quotes[int]:
        """Return the ladder; nothing before volatility and fills are known, no bid at the upper limit."""
        aim = self._aim(view)
        if isinstance(aim, str):
            return Quotes((), (), aim, view.memory)
        bps_ticks = view.mid_half_ticks / HALF_TICKS_PER_BPS
        half_bps = (aim.bid_bps + aim.ask_bps) / 2
        ideal = Ideal(
            view.mid_half_ticks,
            aim.bid_bps * bps_ticks,
            aim.ask_bps * bps_ticks,
            aim.decay_per_bps,
            self._share(view, 1),
            self._share(view, -1),
            OVER if aim.now.is_over else "",
            (self.params.level_distances_ratio or 0.0) * half_bps * bps_ticks,
        )
        bids, asks, reason = self._guards.ladder(view, ideal)
        return Quotes(bids, asks, reason, aim.now.end_ns)

    def votes(self, view: View[int]) -> tuple[tuple[str, str], ...]:
        """Return what the aversion to risk is in basis points now: lean per order amount, and width."""
        aim = self._aim(view)
        if isinstance(aim, str):
            return ()
        width = aim.bid_bps + aim.ask_bps
        return (
            ("lean", f"{aim.lean_bps:.4g} bps per order amount held"),
            ("width", f"{width:.4g} bps before the guards"),
            ("time left", "none" if aim.now.left_s == inf else f"{aim.now.left_s:.0f} s"),
        )

    def _aim(self, view: View[int]) -> _Aim | str:
        # What the model wants now, or what is waited for.
        params, guards = self.params, self._guards
        volatility = 0.0 if self._volatility is None else self._volatility.read(view)
        flow = self._flow if isinstance(self._flow, Flow) else self._flow.read(view)
        if isinstance(volatility, str) or isinstance(flow, str):
            return together(flow, volatility)
        now = moment(params, view.ts_ns, view.memory)
        # Where the limit is less than an order amount, orders are cut to it and it is the unit of inventory.
        unit_lots = max(1, min(guards.size_lots, view.inventory_max_lots))
        unit = unit_lots / guards.size_lots
        held = view.inventory_lots / unit_lots
        decay_per_bps = falloff(flow.decay_per_bps, params.risk_factor * unit)
        try:
            market = _market(params.risk_factor * unit, flow, volatility, guards.fee_bps)
            if params.horizon is Horizon.INFINITE:
                cap = min(CAP_MAX, max(1, ceil_div(view.inventory_max_lots, unit_lots)))
                sheet = _endless(market, cap)
                lean = sheet.bid(1.0) - sheet.bid(0.0)
                return _Aim(sheet.bid(held), sheet.ask(held), lean, decay_per_bps, now)
            found = _distances(market, params.linear_demand_reach_bps, self._left_s(market, now))
        except ValueError as error:
            return f"waits for quotes that can be computed: {error}"
        if self._is_absurd(found):
            return (
                f"waits for less risk: risk_factor {params.risk_factor:g} leans quotes by"
                f" {found.skew:.0f} bps per order amount held and sets them"
                f" {found.half_spread:.0f} bps from the mid"
            )
        return _Aim(found.bid(held), found.ask(held), found.skew, decay_per_bps, now)

    def _left_s(self, market: Market, now: Moment) -> float:
        if not self.params.is_derived:
            frozen_ms = self.params.frozen_horizon_ms
            return now.left_s if frozen_ms is None else frozen_ms / 1000
        # Without risk all horizons are alike.
        return frozen_horizon_s(market) if market.risk_factor > 0 and market.volatility > 0 else 0.0

    def _is_absurd(self, found: Distances) -> bool:
        bounded = self.params.max_spread_bps is not None
        return found.skew >= BPS_MAX or (found.half_spread >= BPS_MAX and not bounded)

    def _share(self, view: View[int], sign: int) -> float:
        # The factor of the sizes of one side: below 1 where it adds to the inventory.
        factor, held = self.params.order_amount_shape_factor, sign * view.inventory_lots
        return exp(-factor * held / view.inventory_max_lots) if factor and held > 0 else 1.0

    def _require_sense(self) -> None:
        # What is known to be absurd before anything is measured is a slip of the pen.
        params = self.params
        reach_bps, decay = params.linear_demand_reach_bps, params.fill_decay_per_bps
        volatility = params.volatility_bps_per_sqrt_s
        left_ms = params.frozen_horizon_ms or params.session_length_ms
        if reach_bps is None and decay is None:
            return
        known = left_ms is not None and volatility is not None
        market = _market(params.risk_factor, Flow(0.0, decay or 1.0), volatility or 0.0, self._guards.fee_bps)
        found = _distances(market, reach_bps, left_ms / 1000 if left_ms is not None and known else 0.0)
        if self._is_absurd(found):
            raise ConfigError(
                f"risk_factor was {params.risk_factor:g}: it leans quotes by {found.skew:.0f} bps per order"
                f" amount held and sets them {found.half_spread:.0f} bps from the mid, expected less than"
                f" {BPS_MAX}",
                hint="lower risk_factor or shorten the horizon, or raise fill_decay_per_bps or lower"
                " linear_demand_reach_bps",
            )


def _market(risk_factor: float, flow: Flow, volatility: float, fee_bps: float) -> Market:
    # The rate matters to the derived horizon alone; a model without it takes any.
    return Market(
        risk_factor=risk_factor,
        arrival_rate=flow.rate_per_s or 1.0,
        decay=flow.decay_per_bps,
        volatility=volatility,
        fee=fee_bps,
    )


def _distances(market: Market, reach_bps: float | None, left_s: float) -> Distances:
    # Raises: ValueError if no floats hold them.
    if reach_bps is None:
        return distances(market, left_s)
    # Of the line only the place where it ends tells in the quotes: its slope may be anything.
    demand = Demand(
        risk_factor=market.risk_factor,
        volatility=market.volatility,
        rate=reach_bps,
        rate_slope=1.0,
        fee=market.fee,
    )
    return linear_distances(demand, left_s)


@lru_cache(maxsize=SHEETS_KEPT)
def _endless(market: Market, cap: int) -> Sheet:
    # A pure function: what is kept saves time alone. Raises: ValueError if no floats hold the quotes.
    pairs = [infinite_horizon(market, lots, cap) for lots in range(-cap, cap + 1)]
    bids, asks = tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs)
    return sheet_of_table(Table(cap, bids, asks, None, 0.0), cap)
