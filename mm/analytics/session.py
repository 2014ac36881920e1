"""All that is measured of one session, fed as things happen. Beside the engine: it decides nothing.

Whoever feeds it calls in order of time: `on_top` when the best prices change, `on_fill` at the mid of the
fill, `on_quotes` when what stands at the venue changes. A time between two calls belongs to what was known
before. Bounded: sums, at most `WAITING_MAX` fills per horizon, at most `POINTS_MAX` points. No part of the
engine's state: no digest knows it.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from mm.analytics.absence import Absence
from mm.analytics.costs import Costs
from mm.analytics.horizons import HORIZONS_NS, Fill, Waiting
from mm.analytics.identity import Identity
from mm.analytics.inventory import Inventory
from mm.analytics.markouts import Markouts
from mm.analytics.performance import INTERVAL_NS, Mark, Performance
from mm.analytics.presence import SNAPSHOT_NS, Presence, Quoted
from mm.analytics.series import Series
from mm.analytics.turnover import Turnover
from mm.domain.instrument import Instrument
from mm.domain.tuples import named
from mm.domain.units import NS_PER_S

STEP_NS: Final = NS_PER_S
"""Between two points of the series."""

HOLE_NS: Final = 3_600 * NS_PER_S
"""Longer than this without a call, and what was between is no sample of anything."""

AVERSION: Final = 0.01
"""Risk aversion of the certainty equivalent per unit of the quote asset, unless another one is given."""

QUOTES_MAX: Final = 10_000
"""More than a venue lets stand: what is beyond is not counted as quoted."""


class Point(NamedTuple):
    """One moment of a run, as known then. Fields: mark; spread_ticks: of the market, 0 without one;
    bid_ticks, ask_ticks: nearest own quotes, 0 without one.
    """

    mark: Mark
    spread_ticks: int
    bid_ticks: int
    ask_ticks: int


class Analytics:
    """One session.

    Fields: identity, costs, markouts, presence, absence, inventory, turnover, performance, waiting, series:
    see there.
    now_ns: of the last call; mid_half_ticks: in force, 0 while there is none. on_settled: is told of each
    fill that has come to its last horizon, if anybody wants to hear.
    """

    def __init__(
        self,
        instrument: Instrument,
        ts_ns: int,
        *,
        left: tuple[int, int] = (0, 0),
        aversion: float = AVERSION,
        horizons_ns: tuple[int, ...] = HORIZONS_NS,
    ) -> None:
        """Begin to watch. Args: left: lots that an earlier life left, and at which mid in half ticks."""
        horizons, (left_lots, left_mid) = len(horizons_ns), left
        self.instrument = instrument
        self.begun_ns = self.now_ns = ts_ns
        self.mid_half_ticks = 0
        self.waiting = Waiting(horizons_ns)
        self.identity = Identity(horizons, left_lots=left_lots, left_mid_half_ticks=left_mid)
        self.costs = Costs(instrument)
        self.markouts = Markouts(self.costs, instrument.lot_atoms, horizons)
        self.presence = Presence(instrument, ts_ns)
        self.absence = Absence()
        self.inventory = Inventory(ts_ns)
        self.turnover = Turnover()
        per_quote_fine = 10**instrument.quote_scale * self.costs.per_atom
        self.performance = Performance(per_quote_fine, aversion)
        self.series: Series[Point] = Series()
        self.on_settled: Callable[[Fill], None] | None = None
        self._last = horizons - 1
        self._spread_ticks = 0
        self._step = 0
        self._sample_step = INTERVAL_NS // STEP_NS
        self._grid_ns = ts_ns
        self._fixed_fine = self._slope_fine = 0
        self._fix_equity()
        self.performance.sample(self.mark())
        self._due_ns = ts_ns + STEP_NS

    # ---- what happens

    def on_top(self, ts_ns: int, mid_half_ticks: int, spread_ticks: int) -> None:
        """Take in the best prices of others: their mid and spread, both 0 while there is none."""
        if ts_ns > self._due_ns:
            self.pass_time(ts_ns)
        self.mid_half_ticks = mid_half_ticks
        self._spread_ticks = spread_ticks
        presence = self.presence
        if not presence.low <= mid_half_ticks <= presence.high:
            presence.on_mid(ts_ns, mid_half_ticks)
        if mid_half_ticks:
            self.identity.mark(mid_half_ticks)
            self.performance.see(self._fixed_fine + self._slope_fine * mid_half_ticks)

    def on_fill(self, fill: Fill, fee_asset: str, fee_atoms: int, *, fee_value_atoms: int = 0) -> None:
        """Take in an own fill at the mid that it bears. Args: fee_value_atoms: as in `Costs.pay`."""
        self.pass_time(fill.ts_ns)
        mid = fill.mid_half_ticks
        if self.identity.mid_half_ticks != mid:
            self.identity.mark(mid)
        fill.fee_fine = self.costs.pay(fee_asset, fee_atoms, mid, value_atoms=fee_value_atoms)
        self.identity.fill(fill)
        self.markouts.fill(fill)
        self.turnover.fill(fill.size_lots, maker=fill.maker)
        for index, early, met in self.waiting.add(fill, mid):
            self._settle(index, early, met)
        self._fix_equity()
        self.performance.see(self._fixed_fine + self._slope_fine * mid)
        self._note_due()

    def on_quotes(self, ts_ns: int, bids: Quoted, asks: Quoted) -> None:
        """Take in what stands at the venue now: (price in ticks, lots) of each side, in any order."""
        if ts_ns > self._due_ns:
            self.pass_time(ts_ns)
        self.presence.on_quotes(ts_ns, self.mid_half_ticks, bids[:QUOTES_MAX], asks[:QUOTES_MAX])

    def on_reason(self, ts_ns: int, reason: str) -> None:
        """Take in what the session says of its quotes from now on."""
        self.pass_time(ts_ns)
        self.presence.pass_time(self.now_ns)
        self.absence.say(reason, self.presence.absent_ns)

    def on_inventory(self, ts_ns: int, lots: int, limit_lots: int) -> None:
        """Take in the inventory relative to the target, and its limit, 0 while there is none."""
        self.pass_time(ts_ns)
        self.inventory.hold(ts_ns, lots, limit_lots)

    def on_funding(self, ts_ns: int, quote_atoms: int) -> None:
        """Take in funding, received > 0."""
        self.pass_time(ts_ns)
        self.costs.fund(quote_atoms)
        self._fix_equity()
        self.performance.see(self.equity_fine)

    def pass_time(self, ts_ns: int) -> None:
        """Let time pass: what was due before `ts_ns` meets what is known now."""
        if ts_ns <= self.now_ns:
            return
        known = self.identity.mid_half_ticks
        if self.waiting.next_due_ns < ts_ns:
            for index, fill, met in self.waiting.due(ts_ns, known, seen=self.mid_half_ticks > 0):
                self._settle(index, fill, met)
        if ts_ns - self._grid_ns > HOLE_NS + STEP_NS:
            self._skip(ts_ns)
        while self._grid_ns + STEP_NS < ts_ns:
            self._grid_ns += STEP_NS
            self._on_step()
        self.now_ns = ts_ns
        self._note_due()

    # ---- what is known

    def settle(self, ts_ns: int) -> None:
        """Let time pass up to `ts_ns` everywhere, so that what is read is as of then."""
        self.pass_time(ts_ns)
        self.presence.pass_time(self.now_ns)
        self.absence.pass_to(self.presence.absent_ns)
        self.inventory.pass_time(self.now_ns)

    @property
    def equity_fine(self) -> int:
        """P&L of this run at the mid after all costs, fine units (`costs.py`)."""
        return self._fixed_fine + self._slope_fine * self.identity.mid_half_ticks

    @property
    def explained_fine(self) -> int:
        """The same from its parts: spread + inventory + left - fees + rebates - drift + funding."""
        identity, costs = self.identity, self.costs
        moved = identity.spread_half + identity.revaluation_half + identity.left_half
        paid = costs.fees_fine - costs.rebates_fine - costs.drift_fine(identity.mid_half_ticks)
        return moved * costs.per_half - paid + costs.funding_fine

    def residues(self) -> dict[str, int]:
        """Return what is unexplained, by name, where that is not 0: then the book-keeping is wrong."""
        found = {
            "identity_half": self.identity.residue_half(),
            "equity_fine": self.equity_fine - self.explained_fine,
        }
        return {name: value for name, value in found.items() if value}

    def mark(self) -> Mark:
        """Return where the session stands."""
        identity, costs = self.identity, self.costs
        drift_fine = costs.drift_fine(identity.mid_half_ticks)
        # In the order of its fields: naming them would cost several times as much.
        return named(
            Mark,
            (
                self._grid_ns,
                self.equity_fine,
                identity.spread_half,
                identity.revaluation_half + identity.left_half,
                costs.fees_fine - costs.rebates_fine - drift_fine - costs.funding_fine,
                identity.fills,
                self.inventory.lots,
                self.mid_half_ticks,
            ),
        )

    # ---- in between

    def _settle(self, index: int, fill: Fill, mid_half_ticks: int) -> None:
        self.identity.settle(index, fill, mid_half_ticks)
        self.markouts.settle(index, fill, mid_half_ticks)
        if index == self._last and self.on_settled is not None:
            self.on_settled(fill)

    def _fix_equity(self) -> None:
        # Between two fills equity is a straight line over the mid.
        identity, costs = self.identity, self.costs
        per_half = costs.per_half
        left = identity.left_lots * identity.left_mid_half_ticks
        self._fixed_fine = (identity.cash_half - left) * per_half + costs.equity_fixed_fine
        self._slope_fine = (identity.net_lots + identity.left_lots) * per_half + costs.equity_slope_fine

    def _on_step(self) -> None:
        self._step += 1
        step = self._step
        if self.series.wants(step):
            bid, ask = self.presence.best
            self.series.add(step, named(Point, (self.mark(), self._spread_ticks, bid, ask)))
        if step % (SNAPSHOT_NS // STEP_NS) == 0:
            self.presence.look(self._grid_ns, self.mid_half_ticks)
        if step == self._sample_step:
            self._sample_step += INTERVAL_NS // STEP_NS
            self.performance.sample(self.mark())

    def _skip(self, ts_ns: int) -> None:
        # Where nobody looked there is nothing to be told, and no loop over it.
        steps = (ts_ns - self._grid_ns) // STEP_NS - 1
        self._grid_ns += steps * STEP_NS
        self._step += steps
        self._sample_step = self._step + INTERVAL_NS // STEP_NS
        self.performance.restart(self.mark())

    def _note_due(self) -> None:
        self._due_ns = min(self._grid_ns + STEP_NS, self.waiting.next_due_ns)
