"""Quoting of Cartea and Jaimungal: a maker who minds the inventory as such, and not ending flat.

Unit of price: basis points (bps) of the mid. Unit of inventory q: one order amount. Maximised is what is
earned, less phi q^2 for each second, less alpha q^2 at the session's end: phi is `running_penalty_bps_per_s`,
alpha `terminal_penalty_bps`. Buyers and sellers reach a quote at distance d at the rate A * exp(-k * d) per
second; with the value h(q) of holding q,

    bid = mid - (f + 1/k + h(q) - h(q + 1)),    ask = mid + (f + 1/k + h(q) - h(q - 1))

No volatility is asked for: phi says what holding costs (phi = g s^2 / 2 gives the quotes of `glft` without
aversion). With a session's end the table is that of the time left, kept until it has shrunk by 2 %; without
one it is the table for ever, in which alpha does not matter. The inventory limit is part of both.

Source: Cartea, Jaimungal and Penalva, Algorithmic and High-Frequency Trading, chapter 10. Invariant: bids(q)
are the mirror image of asks(-q); guards as in `mm.quoting.guards`.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import inf
from typing import Annotated, Final, NamedTuple

from annotated_types import Ge, Le

from mm.domain.instrument import Instrument
from mm.domain.quotes import Quotes
from mm.domain.units import ceil_div
from mm.domain.view import View
from mm.models.cartea_jaimungal import Aims, distances, endless
from mm.quoting.flow import Flow, FlowParams, FlowReader, stepped
from mm.quoting.guards import Guards
from mm.quoting.session import NOT_STARTED, moment
from mm.quoting.sheet import Sheet, ideal_of, sheet_of_table
from mm.signals.base import SignalSpec
from mm.strategies.base import About, Wake

CAP_MAX: Final = 100
"""Largest table for ever, order amounts either way; a longer one is trusted for half of it."""

CAP_MAX_SESSION: Final = 20
"""Largest table for a session (3 ms): the time grows with its third power."""

TABLES_KEPT: Final = 256


class _Case(NamedTuple):
    # All that the quotes of every inventory follow from. Prices in bps, inventory in order amounts.
    rate: float
    decay: float
    running: float
    terminal: float
    fee: float
    cap: int
    left_s: float


class CarteaJaimungal:
    """Quotes the optimum of a maker who pays for inventory; wants the fills, given or measured."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Params(FlowParams):
        """What can be set; None is off or, where the text says so, derived."""

        running_penalty_bps_per_s: Annotated[
            float,
            Ge(0),
            Le(1e4),
            About(
                "What holding one order amount costs per second, two cost four times that.", example="0.001"
            ),
        ]
        terminal_penalty_bps: Annotated[
            float,
            Ge(0),
            Le(1e4),
            About("What one order amount left at the session's end costs, two cost four times that."),
        ] = 0.0

    __slots__ = ("_flow", "_guards", "needs", "params", "wake")

    def __init__(self, params: Params, instrument: Instrument) -> None:
        """Keep the parameters. Raises: ConfigError if sizes or spreads do not fit the instrument."""
        self.params = params
        self.wake = Wake()
        self._guards = Guards(params, instrument)
        self._flow = FlowReader(params, least_bps=self._guards.least_bps)
        self.needs: tuple[SignalSpec, ...] = (*self._flow.needs, *self._guards.needs)

    def initial_memory(self) -> int:
        """Return that no session has begun; later it is the session's end in nanoseconds."""
        return NOT_STARTED

    def quotes(self, view: View[int]) -> Quotes[int]:
        """Return the ladder; nothing before the fills are known, no bid at the upper limit."""
        flow = self._flow.read(view)
        if isinstance(flow, str):
            return Quotes((), (), flow, view.memory)
        now, guards = moment(self.params, view.ts_ns, view.memory), self._guards
        # Where the limit is less than an order amount, orders are cut to it and it is the unit of inventory.
        unit_lots = max(1, min(guards.size_lots, view.inventory_max_lots))
        sheet = _sheet(self._case(flow, view.inventory_max_lots, unit_lots, now.left_s))
        if isinstance(sheet, str):
            return Quotes((), (), sheet, view.memory)
        ideal = ideal_of(sheet, view, unit_lots, flow.decay_per_bps, is_over=now.is_over)
        bids, asks, reason = guards.ladder(view, ideal)
        return Quotes(bids, asks, reason, now.end_ns)

    def _case(self, flow: Flow, limit_lots: int, unit_lots: int, left_s: float) -> _Case:
        # A penalty per order amount squared and order amount is one per unit squared and unit.
        unit = unit_lots / self._guards.size_lots
        return _Case(
            flow.rate_per_s,
            flow.decay_per_bps,
            self.params.running_penalty_bps_per_s * unit,
            self.params.terminal_penalty_bps * unit,
            self._guards.fee_bps,
            max(1, min(CAP_MAX + 1, ceil_div(limit_lots, unit_lots))),
            stepped(left_s, 2) if left_s < inf else inf,
        )


@lru_cache(maxsize=TABLES_KEPT)
def _sheet(case: _Case) -> Sheet | str:
    # The quotes of every inventory, or why there are none. A pure function: what is kept saves time alone.
    try:
        aims = Aims(
            arrival_rate=case.rate,
            decay=case.decay,
            holding_penalty=case.running,
            closing_penalty=case.terminal,
            fee=case.fee,
        )
        largest = CAP_MAX if case.left_s == inf else CAP_MAX_SESSION
        cap = min(case.cap, largest)
        table = endless(aims, cap) if case.left_s == inf else distances(aims, cap, case.left_s)
    except ValueError as error:
        return f"waits for quotes that can be computed: {error}"
    return sheet_of_table(table, cap if case.cap <= largest else cap // 2)
