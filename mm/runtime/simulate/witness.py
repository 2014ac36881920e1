"""A stage with a witness: what a bot risked, lost and said through an incident, by the venue's truth.

It changes nothing of a run but its end: once all is at rest and has been for long, nobody waits any more. The
same seed gives the same commands with it and without. What it notes is plain numbers per session; words are
made of them elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mm.domain.commands import AnyCommand, Cancel, Place, Report, VenueCommand
from mm.domain.events import AnyEvent
from mm.domain.instrument import Instrument
from mm.domain.sides import BUY, SELL
from mm.domain.worth import base_value_atoms
from mm.engine.session import SessionState
from mm.risk.inventory_band import band_lots
from mm.runtime.simulate.checks_scene import Extremes
from mm.runtime.simulate.plan import SECOND_NS, START_NS, Plan
from mm.runtime.simulate.scenarios import Scenario, ScenarioResult, Stage, play
from mm.runtime.simulate.subject import Subject

MS: Final = 1_000_000
SLOT_NS: Final = SECOND_NS // 2
"""Exposure is kept as the largest of each such span."""

AFTERMATH_NS: Final = 30 * SECOND_NS
"""What comes so soon after the last fault is counted to the incident; later it is a day like any other."""

REST_NS: Final = 5 * SECOND_NS
"""Beyond a reconciliation, so long everything has to be at rest at the end."""

REPORTS_MAX: Final = 5_000
"""So many reports of a run are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """What one session risked.

    Fields: session: its name; instrument; worst_lots: the most that it would hold, long or short, had
    everything filled that could; worst_ppm: the largest share of the limit in force then; worst_quote_atoms:
    largest worth of it; slots: for each span from the run's start on, the largest exposure and the smallest
    limit, lots; loss_atoms: the largest fall of the P&L below what it was when the incident began;
    order_lots, order_quote_atoms: the largest order that was sent since, and the largest worth of one.
    """

    session: str
    instrument: Instrument
    worst_lots: int
    worst_ppm: int
    worst_quote_atoms: int
    slots: tuple[tuple[int, int], ...]
    loss_atoms: int
    order_lots: int
    order_quote_atoms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnessed:
    """A scenario that was played, and what was seen; times in milliseconds since the incident began.

    Fields: result; tracks: one per session; reports: with their times; before_ms: how long it was quoting
    before; healed_ms: when the last fault ended; stopped_ms: when it was stopped at the end; halted_ms: when
    it halted itself or was halted, None if never; halt_gone_ms, stop_gone_ms: when the venue had no order of
    ours left after that; last_cancel_ms: when the last cancel left between the two; counted_ms: up to
    when tracks, reports, places and fills are counted; lives: processes; missed: the faults are
    drawn, and none of them happened.
    """

    result: ScenarioResult
    tracks: tuple[Track, ...]
    reports: tuple[tuple[int, Report], ...]
    before_ms: int
    healed_ms: int
    stopped_ms: int | None
    halted_ms: int | None
    halt_gone_ms: int | None
    stop_gone_ms: int | None
    last_cancel_ms: int | None
    counted_ms: int
    places: int
    fills: int
    lives: int
    missed: bool


@dataclass(slots=True)
class _Book:
    # One session by the venue's truth.
    limits: Extremes
    base_atoms: int = 0
    quote_atoms: int = 0
    began_atoms: int | None = None
    low_atoms: int = 0
    worst_lots: int = 0
    worst_ppm: int = 0
    worst_quote_atoms: int = 0
    order_lots: int = 0
    order_quote_atoms: int = 0
    slots: list[tuple[int, int]] = field(default_factory=list)


class WitnessedStage(Stage):
    """A stage that notes exposure, P&L and reports. Fields: as their names in `Witnessed` and `Track`."""

    def __init__(self, plan: Plan, directory: Path) -> None:
        """Build the world."""
        self.reports: list[tuple[int, Report]] = []
        self.stopped_ns = self.halted_ns = self.halt_gone_ns = self.stop_gone_ns = self.last_cancel_ns = 0
        self._books: list[_Book] = []
        self.draws = False
        self.places = self.fills = 0
        self._failed = 0
        self._fills_seen = 0
        self._mids: dict[str, int] = {}
        super().__init__(plan, directory)

    # ---- moments

    def said(self, commands: Sequence[AnyCommand]) -> None:
        """Take note of what a step asks for."""
        super().said(commands)
        for command in commands:
            if isinstance(command, Report):
                self._note_report(command)

    def sent(self, command: VenueCommand) -> None:
        """Carry a command out."""
        if isinstance(command, Cancel) and self._leaving:
            self.last_cancel_ns = self.now_ns
        elif isinstance(command, Place) and self._is_counted and self._books:
            self.places += 1
            scene = self.checks.scene
            book = self._books[scene.session(command.cid)]
            worth = scene.instrument(command.symbol).notional_atoms(command.price_ticks, command.size_lots)
            book.order_lots = max(book.order_lots, command.size_lots)
            book.order_quote_atoms = max(book.order_quote_atoms, worth)
        super().sent(command)

    @property
    def _leaving(self) -> bool:
        # Between the first halt, or the stop, and the venue without an order of ours.
        if self.halted_ns:
            return not self.halt_gone_ns
        return bool(self.stopped_ns and not self.stop_gone_ns)

    def _note_report(self, report: Report) -> None:
        if not self._is_counted and not self._resting:
            return
        if report.code == "halt" and not self.halted_ns:
            self.halted_ns = self.now_ns
        if len(self.reports) < REPORTS_MAX:
            self.reports.append((self.now_ns, report))

    @property
    def _is_counted(self) -> bool:
        return self.began_ns <= self.now_ns <= START_NS + self.plan.fault_ns + AFTERMATH_NS

    def strike(self, **intensities: float) -> None:
        """Let these faults be in force from now on."""
        self.draws = self.draws or any(intensities.values())
        super().strike(**intensities)

    def _step(self, event: AnyEvent) -> None:
        super()._step(event)
        if self._resting and not self.stopped_ns:
            self.stopped_ns = self.now_ns
        life = self.life
        if life is not None and life.failure and life.setup.epoch != self._failed:
            # A process that breaks has no engine any more that would report it.
            self._failed = life.setup.epoch
            facts = (("reason", life.failure),)
            self._note_report(Report(ts_ns=self.now_ns, code="halt", session="", facts=facts))
        self.look()

    def _tick(self, symbol: str) -> None:
        super()._tick(symbol)
        self.look()

    def truth_changed(self) -> None:
        """Look at what changed at the venue."""
        super().truth_changed()
        self.look()

    def _until(self, end_ns: int, steps: int = 0) -> None:
        if not self._resting:
            super()._until(end_ns, steps)
            return
        while self.now_ns < end_ns and not self._has_rested:
            super()._until(min(end_ns, self.now_ns + SECOND_NS))

    @property
    def _has_rested(self) -> bool:
        # Longer than a pass over orders, fills and balances takes to come round: what is not known by now is
        # not going to be.
        rested_ns = self.engine.state.setup.deadlines.reconcile + REST_NS
        over = (SessionState.COMPLETED, SessionState.HALTED)
        is_over = all(session.state in over for session in self.engine.state.sessions)
        return bool(is_over and self.stop_gone_ns and self.now_ns - self.stop_gone_ns > rested_ns)

    # ---- looking

    def look(self) -> None:
        """Note what is so now."""
        scene = self.checks.scene
        if not self._books:
            self._books = [_Book(limits=Extremes(scene.kill_ns)) for _ in scene.setup.sessions]
        scene.now_ns = max(scene.now_ns, self.now_ns)
        for symbol in self.truth.markets:
            self._mids[symbol] = scene.mid_half_ticks(symbol) or self._mids.get(symbol, 0)
        self._take_fills()
        open_lots: dict[tuple[int, int], int] = {}
        for place, left in scene.may_fill():
            key = (scene.session_of[place.cid], place.side.sign)
            open_lots[key] = open_lots.get(key, 0) + left
        for index, book in enumerate(self._books):
            self._note(index, book, open_lots)
        if (self.halted_ns and not self.halt_gone_ns) or (self.stopped_ns and not self.stop_gone_ns):
            self._note_gone()

    def _note_gone(self) -> None:
        if self.checks.scene.own():
            return
        if self.halted_ns and not self.halt_gone_ns:
            self.halt_gone_ns = self.now_ns
        if self.stopped_ns and not self.stop_gone_ns:
            self.stop_gone_ns = self.now_ns

    def _take_fills(self) -> None:
        scene, fills = self.checks.scene, self.truth.fills
        for fill in fills[self._fills_seen :]:
            if fill.cid not in scene.session_of:
                continue
            self.fills += self._is_counted
            book, instrument = self._books[scene.session_of[fill.cid]], scene.instrument(fill.symbol)
            value = instrument.notional_atoms(fill.price_ticks, fill.size_lots)
            book.base_atoms += fill.side.sign * fill.size_lots * instrument.lot_atoms
            book.quote_atoms -= fill.side.sign * value
            if fill.fee_asset == instrument.quote:
                book.quote_atoms -= fill.fee_atoms
            elif fill.fee_asset == instrument.base:
                book.base_atoms -= fill.fee_atoms
        self._fills_seen = len(fills)

    def _note(self, index: int, book: _Book, open_lots: dict[tuple[int, int], int]) -> None:
        scene = self.checks.scene
        setup = scene.setup.sessions[index]
        instrument = setup.instrument
        mid = self._mids[instrument.symbol]
        if not mid:
            return
        held = scene.inventory.held(index)
        exposure = max(
            held + open_lots.get((index, BUY.sign), 0), open_lots.get((index, SELL.sign), 0) - held, abs(held)
        )
        limit = band_lots(
            setup.band_lots_max,
            setup.band_ratio_ppm,
            equity_atoms=self._equity_atoms(instrument.quote),
            mid_half_ticks=mid,
            instrument=instrument,
        )
        # Nobody can follow a limit that just became tighter before a cancel is through.
        book.limits.see(self.now_ns, limit)
        limit = max(book.limits.values(), default=limit)
        slot = (self.now_ns - START_NS) // SLOT_NS
        last = book.slots[-1] if book.slots else (0, limit)
        while len(book.slots) <= slot:
            book.slots.append((0 if len(book.slots) == slot else last[0], limit))
        before = book.slots[slot]
        book.slots[slot] = (max(before[0], exposure), min(before[1], limit))
        if self._is_counted:
            self._note_worst(book, exposure, limit, instrument, mid)

    def _note_worst(self, book: _Book, exposure: int, limit: int, instrument: Instrument, mid: int) -> None:
        book.worst_lots = max(book.worst_lots, exposure)
        if limit:
            book.worst_ppm = max(book.worst_ppm, exposure * 1_000_000 // limit)
        worth = base_value_atoms(instrument, exposure * instrument.lot_atoms, mid)
        book.worst_quote_atoms = max(book.worst_quote_atoms, worth)
        value = book.quote_atoms + base_value_atoms(instrument, book.base_atoms, mid)
        if book.began_atoms is None:
            book.began_atoms = value
        book.low_atoms = min(book.low_atoms, value - book.began_atoms)

    def _equity_atoms(self, quote: str) -> int:
        total = self.truth.holdings.get(quote, 0)
        for symbol, market in self.truth.markets.items():
            instrument = market.instrument
            if instrument.quote == quote:
                total += base_value_atoms(
                    instrument, self.truth.holdings[instrument.base], self._mids[symbol]
                )
        return total

    # ---- what came of it

    def since_ms(self, at_ns: int) -> int | None:
        """Return milliseconds since the incident began, None for a moment that never was (0)."""
        return (at_ns - self.began_ns) // MS if at_ns else None

    def tracks(self) -> tuple[Track, ...]:
        """Return what every session risked."""
        sessions = self.checks.scene.setup.sessions
        return tuple(
            Track(
                session=setup.name,
                instrument=setup.instrument,
                worst_lots=book.worst_lots,
                worst_ppm=book.worst_ppm,
                worst_quote_atoms=book.worst_quote_atoms,
                slots=tuple(book.slots),
                loss_atoms=-book.low_atoms,
                order_lots=book.order_lots,
                order_quote_atoms=book.order_quote_atoms,
            )
            for setup, book in zip(sessions, self._books, strict=True)
        )


def witness(scenario: Scenario, subject: Subject | None, seed: int = 1) -> Witnessed:
    """Play a scenario and return what was seen of it. Args: subject: None for the simulation's own bot."""
    stages: list[WitnessedStage] = []

    def stage_of(plan: Plan, directory: Path) -> Stage:
        stages.append(WitnessedStage(plan, directory))
        return stages[-1]

    result = play(scenario, subject, seed, stage_of=stage_of)
    (stage,) = stages
    return Witnessed(
        result=result,
        tracks=stage.tracks(),
        reports=tuple(((at_ns - stage.began_ns) // MS, report) for at_ns, report in stage.reports),
        before_ms=(stage.began_ns - START_NS) // MS,
        healed_ms=(START_NS + stage.plan.fault_ns - stage.began_ns) // MS,
        stopped_ms=stage.since_ms(stage.stopped_ns),
        halted_ms=stage.since_ms(stage.halted_ns),
        halt_gone_ms=stage.since_ms(stage.halt_gone_ns),
        stop_gone_ms=stage.since_ms(stage.stop_gone_ns),
        last_cancel_ms=stage.since_ms(stage.last_cancel_ns),
        counted_ms=(START_NS + stage.plan.fault_ns + AFTERMATH_NS - stage.began_ns) // MS,
        places=stage.places,
        fills=stage.fills,
        lives=stage.machine.starts,
        missed=stage.draws and not stage.luck.counts,
    )
