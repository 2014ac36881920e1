"""What a run did so far, counted: by session, side and reason, since this process began.

Fed by the runtime with each step that the engine has taken; reads its state and must never change it. What
breaks here is told once and ends the counting, never the trading. Bounded: a strategy or rule that invents
names without end is counted as `other`. Invariant: no count ever falls.
"""

from collections.abc import Sequence
from typing import Final

import structlog

from mm.domain.commands import AnyCommand, Place, Report
from mm.domain.events import AnyEvent, ClockMeasured, OrderFilled, OrderRejected
from mm.domain.orders import Order
from mm.engine.state import EngineState

log = structlog.get_logger(__name__)

NAMES_MAX: Final = 1_000
"""So many combinations of names a count tells apart; the last name of any more is `other`."""

OTHER: Final = "other"

ASKED: Final = "asked"
"""Why an order was cancelled: we asked for it."""

BY_VENUE: Final = "venue"
"""Nobody here asked for it."""


class Counts:
    """Counts of one run.

    Fields: placed: by session and side; canceled: as the venue confirmed, by session and `ASKED` or
    `BY_VENUE`; rejected: by session and cause; denied: by session and rule; fills: by session, side and
    "maker" or "taker"; base_atoms, quote_atoms: filled, by session and side; prevented: by session;
    books_lost: by symbol; connected: by venue, "" for the one traded on, and stream. clock_offset_ns: of the
    venue's clock as last measured, None before. failure: "" or what broke: then nothing is counted any more.
    """

    def __init__(self, state: EngineState) -> None:
        """Begin at nothing. Args: state: of the engine whose steps are counted."""
        self.placed: dict[tuple[str, ...], int] = {}
        self.canceled: dict[tuple[str, ...], int] = {}
        self.rejected: dict[tuple[str, ...], int] = {}
        self.denied: dict[tuple[str, ...], int] = {}
        self.fills: dict[tuple[str, ...], int] = {}
        self.base_atoms: dict[tuple[str, ...], int] = {}
        self.quote_atoms: dict[tuple[str, ...], int] = {}
        self.prevented: dict[tuple[str, ...], int] = {}
        self.books_lost: dict[tuple[str, ...], int] = {}
        self.connected: dict[tuple[str, ...], int] = {}
        self.clock_offset_ns: int | None = None
        self.failure = ""
        self._state = state

    def on_step(
        self, event: AnyEvent, commands: Sequence[AnyCommand], *, fresh: bool, ended: Order | None
    ) -> None:
        """Take in a step. Args: fresh: the event is a fill that was not known; ended: the order that its
        confirmation of a cancel ended.
        """
        if self.failure:
            return
        try:
            self._take(event, commands, ended)
            if fresh and isinstance(event, OrderFilled):
                self._on_fill(event, commands)
        except Exception as error:  # noqa: BLE001 - counting may not end trading, whatever breaks in it
            self.failure = f"{type(error).__name__}: {error}"
            log.critical("counts.failed", error=type(error).__name__, detail=str(error))

    def _take(self, event: AnyEvent, commands: Sequence[AnyCommand], ended: Order | None) -> None:
        if ended is not None:
            _add(self.canceled, (self._name(ended), ASKED if ended.cancelled_ns else BY_VENUE))
        if isinstance(event, ClockMeasured):
            self.clock_offset_ns = event.offset_ns
        for command in commands:
            if isinstance(command, Report):
                self._on_report(event, command)
            elif isinstance(command, Place):
                order = self._state.orders.get(command.cid)
                if order is not None:
                    _add(self.placed, (self._name(order), command.side.value))

    def _on_report(self, event: AnyEvent, report: Report) -> None:
        match report.code:
            case "order.denied":
                _add(self.denied, (report.session, dict(report.facts).get("rule", OTHER)))
            case "order.rejected" if isinstance(event, OrderRejected):
                _add(self.rejected, (report.session, _cause(event)))
            case "self_trade.prevented":
                _add(self.prevented, (report.session,))
            case "book.lost":
                _add(self.books_lost, (dict(report.facts)["symbol"],))
            case "stream.up":
                facts = dict(report.facts)
                _add(self.connected, (facts.get("venue", ""), facts["stream"]))
            case _:
                return

    def _on_fill(self, event: OrderFilled, commands: Sequence[AnyCommand]) -> None:
        order = self._state.orders.get(event.cid)
        name = _earlier(commands) if order is None else self._name(order)
        if not name or event.size_lots <= 0 or event.price_ticks <= 0:
            return
        instrument, side = self._state.markets[event.symbol].instrument, event.side.value
        _add(self.fills, (name, side, "maker" if event.maker else "taker"))
        _add(self.base_atoms, (name, side), event.size_lots * instrument.lot_atoms)
        value_atoms = event.size_lots * event.price_ticks * instrument.tick_lot_atoms
        _add(self.quote_atoms, (name, side), value_atoms)

    def _name(self, order: Order) -> str:
        return self._state.sessions[order.session].name


def _earlier(commands: Sequence[AnyCommand]) -> str:
    # Whose fill it is where its order was an earlier life's; "" where it is nobody's.
    for command in commands:
        if isinstance(command, Report) and command.code == "fill.earlier_life":
            return command.session
    return ""


def _cause(event: OrderRejected) -> str:
    # What a venue writes is without bound; what it means is not.
    if event.crossed:
        return "crossed"
    if event.funds:
        return "funds"
    return OTHER if event.code else "unsent"


def _add(counts: dict[tuple[str, ...], int], names: tuple[str, ...], amount: int = 1) -> None:
    if names not in counts and len(counts) >= NAMES_MAX:
        names = (*names[:-1], OTHER)
    counts[names] = counts.get(names, 0) + amount
