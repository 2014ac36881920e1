"""B8: what the venue keeps refusing is not sent on and on."""

from collections import deque
from typing import Final

from mm.domain.commands import Place, VenueCommand
from mm.domain.events import AnyEvent, OrderRejected
from mm.runtime.simulate.checks_scene import SECOND_NS, Checker, Scene

REJECTS: Final = 5
WINDOW_NS: Final = 10 * SECOND_NS
"""So many refusals within so long hold a session back for as long again."""

SURE: Final = 2 * REJECTS - 1
"""Of so many in a row five came one after the other since the last time that it was held back, whenever that
was: whoever has heard of them within the window may not quote before it is over."""


class HeldBack(Checker):
    """B8. Every quote: its session has not been told of more refusals within ten seconds than it may be; what
    was on its way when it was held back is refused as well, and counts.
    """

    invariant = "B8"
    hears = (OrderRejected,)

    def __init__(self, scene: Scene) -> None:
        """Start without refusals."""
        super().__init__(scene)
        self._told_ns: dict[int, deque[int]] = {}

    def begin_life(self) -> None:
        """A new process has heard of none."""
        self._told_ns.clear()

    def on_event(self, event: AnyEvent) -> None:
        """Count a refusal of an order of this life."""
        if not isinstance(event, OrderRejected):
            return
        decoded = self.scene.ids.decode(event.cid)
        if decoded is not None and decoded.epoch == self.scene.setup.epoch and event.cid in self.scene.placed:
            told = self._told_ns.setdefault(decoded.session, deque(maxlen=SURE))
            told.append(event.ts_ns)

    def on_command(self, command: VenueCommand) -> None:
        """Judge a quote: an exit is no attempt to quote."""
        if not isinstance(command, Place) or command.reduces:
            return
        told = self._told_ns.get(self.scene.session(command.cid))
        if told is not None and len(told) == SURE and self.scene.now_ns - told[0] < WINDOW_NS:
            raise self.broken(f"a quote after {SURE} refusals within ten seconds")
