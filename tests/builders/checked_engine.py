"""The engine under watch: whatever it sends is checked at the moment when it is sent."""

from collections.abc import Sequence

from mm.domain.book import BookStatus
from mm.domain.commands import AnyCommand, Place, Report
from mm.domain.events import AnyEvent, Throttled
from mm.engine.engine import Engine
from mm.engine.setup import EngineSetup


class CheckedEngine(Engine):
    """The engine; whatever it sends is checked at that moment.

    Fields: reports: told so far. wrong: what was sent and should not have been. unknown: most orders in doubt
    at one time.
    """

    def __init__(self, setup: EngineSetup) -> None:
        super().__init__(setup)
        self.reports: list[Report] = []
        self.wrong: list[str] = []
        self.unknown = 0
        self._held_until_ns = 0
        self._banned_until_ns = 0

    def step(self, event: AnyEvent) -> Sequence[AnyCommand]:
        """Step, and look at what is sent."""
        commands = super().step(event)
        state = self.state
        if isinstance(event, Throttled):
            self._held_until_ns = max(self._held_until_ns, event.until_ns)
            if event.banned:
                self._banned_until_ns = max(self._banned_until_ns, event.until_ns)
        for command in commands:
            if isinstance(command, Report):
                self.reports.append(command)
                continue
            if state.now_ns < self._banned_until_ns:
                self.wrong.append(f"{type(command).__name__} was sent in a ban")
            if isinstance(command, Place):
                if state.now_ns < self._held_until_ns:
                    self.wrong.append("an order was placed although the venue had asked to wait")
                if state.markets[command.symbol].book.status is not BookStatus.IN_SYNC:
                    self.wrong.append("an order was placed on a book that is not in sync")
                if command.market_age_ns > state.setup.deadlines.stale:
                    self.wrong.append("an order was placed on an old book")
                if not state.user_synced:
                    self.wrong.append("an order was placed while own orders could not be seen")
        self.unknown = max(self.unknown, len(state.orders.uncertain()))
        return commands

    def codes(self) -> list[str]:
        """Return the codes of all reports."""
        return [report.code for report in self.reports]
