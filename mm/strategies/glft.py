"""Optimal quoting of a maker who fears inventory: Guéant, Lehalle and Fernandez-Tapia.

Unit of price: basis points (bps) of the mid. Unit of inventory q: one order amount. Buyers and sellers reach
a quote at distance d from the mid at the rate A * exp(-k * d) per second; the mid diffuses with volatility s
per square root of a second and drifts; each fill moves it against the maker; g is the aversion to risk. Three
ways to the quotes, `method`:

    asymptotic    exact for ever, inventory limit included: a table per whole q (`mm.models.glft_asymptotic`)
    finite        exact for a session with an end, limit included (`mm.models.glft_finite`)
    closed_form   bid = mid - (f + x/2 + c0 + S/2 + q S), ask = mid + (f + x/2 + c0 + S/2 - q S), with
                  c0 = ln(1 + g/k) / g and the fee f, impact x and skew S of `mm.models.glft`; knows no limit

The limit is the session's, in order amounts. Between two of them quotes are interpolated; the closed form
takes over beyond the largest table, and where a table cannot be computed. Tables are kept until a measured
number has moved by 1 % (a session's time left: 2 %).

Invariant: bids(q) are the mirror image of asks(-q) without drift; what is not known well enough is waited
for; guards as in `mm.quoting.guards`.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from math import inf
from typing import Annotated, Final, NamedTuple

from annotated_types import Ge, Gt, Le

from mm.domain.instrument import Instrument
from mm.domain.quotes import Quotes
from mm.domain.units import ceil_div
from mm.domain.view import View
from mm.errors import ConfigError
from mm.models.glft import Market, OutOfRange, closed_form, risk_factor_for
from mm.models.glft_asymptotic import asymptotic
from mm.models.glft_finite import finite
from mm.quoting.flow import BPS_PER_MID, DiffusionParams, Flow, FlowReader, VolatilityReader, stepped
from mm.quoting.guards import Guards
from mm.quoting.hysteresis import falloff
from mm.quoting.session import NOT_STARTED, moment
from mm.quoting.sheet import Sheet, ideal_of, sheet_of_line, sheet_of_table
from mm.quoting.waiting import together
from mm.signals.base import SignalSpec
from mm.strategies.base import BPS_MAX, DAY_MS, About, Wake

DEVIATION: Final = 3.0
"""Inventory's standard deviation in order amounts, where neither that nor an aversion is given."""

CAP_MAX: Final = 100
"""Largest table for ever, order amounts either way; a longer one is trusted for half of it (0.7 ms)."""

CAP_MAX_FINITE: Final = 20
"""Largest table for a session (3 ms, 13 ms with a drift): the time grows with its third power."""

TABLES_KEPT: Final = 256


class Method(StrEnum):
    """How the quotes are computed; the head of this file says what each is."""

    ASYMPTOTIC = "asymptotic"
    CLOSED_FORM = "closed_form"
    FINITE = "finite"


class _Case(NamedTuple):
    # All that the quotes of every inventory follow from. Prices in bps, inventory in order amounts.
    method: Method
    risk_factor: float | None
    deviation: float
    rate: float
    decay: float
    volatility: float
    fee: float
    drift: float
    impact: float
    cap: int
    left_s: float


class Glft:
    """Quotes the optimum for a maker who fears inventory; wants volatility and fills, given or measured."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Params(DiffusionParams):
        """What can be set; None is off or, where the text says so, derived."""

        risk_factor: Annotated[
            float | None,
            Ge(0),
            Le(100),
            About("Aversion to risk per basis point and order amount held; 0 leans against no inventory."),
        ] = None
        target_inventory_deviation: Annotated[
            float | None,
            Gt(0),
            Le(1000),
            About("Sets the aversion by how far the inventory may stray, in order amounts; both off: 3."),
        ] = None
        method: Annotated[
            Method, About("asymptotic: exact; closed_form: without limit; finite: exact for a session.")
        ] = Method.ASYMPTOTIC
        drift_bps_per_s: Annotated[
            float, Ge(-100), Le(100), About("Where the mid is expected to go; quotes go ahead of it.")
        ] = 0.0
        funding_ratio: Annotated[
            float, Ge(-0.1), Le(0.1), About("Funding that longs pay per period, as a share of the value.")
        ] = 0.0
        funding_period_ms: Annotated[int, Ge(60_000), Le(7 * DAY_MS), About("Length of that period.")] = (
            28_800_000
        )

        def __post_init__(self) -> None:
            """Refuse what contradicts itself; raises ValueError."""
            DiffusionParams.__post_init__(self)
            if self.risk_factor is not None and self.target_inventory_deviation is not None:
                raise ValueError(
                    "risk_factor and target_inventory_deviation are both set, expected one of them"
                )
            ends = self.session_length_ms is not None or self.session_close_ms is not None
            if ends != (self.method is Method.FINITE):
                raise ValueError(
                    f"method was {self.method.value}, expected finite with session_length_ms or"
                    " session_close_ms, and another without"
                )
            drifts = self.drift_bps_per_s != 0 or self.funding_ratio != 0
            if drifts and 0 in (self.risk_factor, self.volatility_bps_per_sqrt_s):
                raise ValueError(
                    "risk_factor and volatility_bps_per_sqrt_s have to be above 0 with a drift or funding:"
                    " without risk no inventory is too much"
                )
            if self.risk_factor is None and self.volatility_bps_per_sqrt_s == 0:
                raise ValueError(
                    "volatility_bps_per_sqrt_s was 0, expected more without risk_factor: nothing leans then"
                )

    __slots__ = ("_drift_bps_per_s", "_flow", "_guards", "_volatility", "needs", "params", "wake")

    def __init__(self, params: Params, instrument: Instrument) -> None:
        """Check what can be checked before anything is measured.

        Raises: ConfigError if sizes or spreads do not fit the instrument, or the quotes would leave the book.
        """
        self.params = params
        self.wake = Wake()
        self._guards = Guards(params, instrument)
        self._volatility = VolatilityReader(params)
        self._flow = FlowReader(params, least_bps=self._guards.least_bps, place=len(self._volatility.needs))
        self.needs: tuple[SignalSpec, ...] = (
            *self._volatility.needs,
            *self._flow.needs,
            *self._guards.needs,
        )
        funding = params.funding_ratio * BPS_PER_MID / (params.funding_period_ms / 1000)
        self._drift_bps_per_s = params.drift_bps_per_s - funding
        self._require_sense()

    def initial_memory(self) -> int:
        """Return that no session has begun; later it is the session's end in nanoseconds."""
        return NOT_STARTED

    def quotes(self, view: View[int]) -> Quotes[int]:
        """Return the ladder; nothing before volatility and fills are known, no bid at the upper limit."""
        volatility, flow = self._volatility.read(view), self._flow.read(view)
        if isinstance(volatility, str) or isinstance(flow, str):
            return Quotes((), (), together(flow, volatility), view.memory)
        now = moment(self.params, view.ts_ns, view.memory)
        guards = self._guards
        # Where the limit is less than an order amount, orders are cut to it and it is the unit of inventory.
        unit_lots = max(1, min(guards.size_lots, view.inventory_max_lots))
        found = _sheet(self._case(view, flow, volatility, unit_lots, now.left_s))
        if isinstance(found, str):
            return Quotes((), (), found, view.memory)
        sheet, risk_factor = found
        decay_per_bps = falloff(flow.decay_per_bps, risk_factor)
        ideal = ideal_of(sheet, view, unit_lots, decay_per_bps, is_over=now.is_over)
        bids, asks, reason = guards.ladder(view, ideal)
        return Quotes(bids, asks, reason, now.end_ns)

    def _case(self, view: View[int], flow: Flow, volatility: float, unit_lots: int, left_s: float) -> _Case:
        params, guards = self.params, self._guards
        impact, unit, cap = guards.adverse_bps(view), 1.0, 0
        if params.adverse_selection_measured:
            impact = stepped(impact)
        if unit_lots != guards.size_lots:
            unit = unit_lots / guards.size_lots
        if params.method is not Method.CLOSED_FORM:
            # At least one, so that there are quotes around flat; no more than make a difference to a table.
            cap = max(1, min(CAP_MAX + 1, ceil_div(view.inventory_max_lots, unit_lots)))
        return _Case(
            params.method,
            None if params.risk_factor is None else params.risk_factor * unit,
            (params.target_inventory_deviation or DEVIATION) / unit,
            flow.rate_per_s,
            flow.decay_per_bps,
            volatility,
            guards.fee_bps,
            self._drift_bps_per_s,
            impact,
            cap,
            stepped(left_s, 2) if left_s < inf else inf,
        )

    def _require_sense(self) -> None:
        # Quotes far outside of any book are a slip of the pen: better said now than never filled.
        params = self.params
        rate, decay = params.arrival_rate_per_s, params.fill_decay_per_bps
        if rate is None or decay is None:
            return
        deviation = params.target_inventory_deviation or DEVIATION
        flat = self._guards.fee_bps, 0.0, 0.0, 0, inf
        try:
            half, skew, _ = closed_form(
                _market(_Case(Method.CLOSED_FORM, params.risk_factor, deviation, rate, decay, 1.0, *flat))
            )
            margin = half - skew / 2
        except OutOfRange:
            margin, skew = inf, inf
        if max(margin, skew) >= BPS_MAX:
            raise ConfigError(
                f"fill_decay_per_bps was {decay} with arrival_rate_per_s {rate}: quotes would stand"
                f" {margin:.0f} bps from the mid and move {skew:.0f} bps with each fill at a volatility of 1,"
                f" expected less than {BPS_MAX}",
                hint="check fill_decay_per_bps and arrival_rate_per_s: 1 / fill_decay_per_bps bps from the"
                " mid there are 2.7 times fewer fills than at the mid",
            )


def _market(case: _Case) -> Market:
    # Raises: ValueError if the numbers are no market.
    market = Market(
        risk_factor=case.risk_factor or 0.0,
        arrival_rate=case.rate,
        decay=case.decay,
        volatility=case.volatility,
        fee=case.fee,
        drift=case.drift,
        impact=case.impact,
    )
    if case.risk_factor is None:
        return replace(market, risk_factor=risk_factor_for(case.deviation, market))
    return market


@lru_cache(maxsize=TABLES_KEPT)
def _sheet(case: _Case) -> tuple[Sheet, float] | str:
    # The quotes of every inventory and the aversion behind them, or why there are none. A pure function: what
    # is kept saves time alone.
    try:
        market = _market(case)
    except ValueError as error:
        return f"waits for a market that can be quoted: {error}"
    line, reason = None, ""
    try:
        line = closed_form(market)
    except OutOfRange as error:
        reason = f"waits for quotes that can be computed: {error}"
    largest = CAP_MAX_FINITE if case.method is Method.FINITE else CAP_MAX
    cap = min(case.cap, largest)
    reach = cap if case.cap <= largest else cap // 2
    try:
        if case.method is Method.ASYMPTOTIC:
            return sheet_of_table(asymptotic(market, cap), reach, line), market.risk_factor
        if case.method is Method.FINITE:
            return sheet_of_table(finite(market, cap, case.left_s), reach), market.risk_factor
    except OutOfRange as error:
        reason = f"waits for quotes that can be computed: {error}"
    return reason if line is None else (sheet_of_line(line), market.risk_factor)
