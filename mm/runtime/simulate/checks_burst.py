"""R5: after a burst of fills nothing is placed but what reduces, until a person has lifted the halt."""

from collections import deque
from typing import Final

from mm.domain.commands import Place, Report, VenueCommand
from mm.domain.events import AnyEvent, OrderFilled
from mm.domain.sides import Side
from mm.domain.units import NS_PER_S
from mm.runtime.simulate.checks_limits import NO_LIMIT
from mm.runtime.simulate.checks_scene import Checker, Scene

MINUTE_NS: Final = 60 * NS_PER_S


class Burst(Checker):
    """R5. Every placement that does not reduce: within the last minute fewer of the session's executions were
    told than its limit, and they moved less value. Executions are the venue's, each counted once, when it is
    first told; a halt that was lifted and a new life begin anew.
    """

    invariant = "R5"
    hears = (OrderFilled,)

    def __init__(self, scene: Scene) -> None:
        """Start with nothing filled."""
        super().__init__(scene)
        self._told: set[tuple[str, int, Side]] = set()
        self._begin()

    def begin_life(self) -> None:
        """Count what is told from now on."""
        self._begin()

    def on_event(self, event: AnyEvent) -> None:
        """Count an execution once, if it is one by the venue's truth."""
        if not self._limited or not isinstance(event, OrderFilled) or event.cid not in self.scene.placed:
            return
        key = (event.symbol, event.trade_id, event.side)
        if key in self._told:
            return
        self._told.add(key)
        value = event.price_ticks * event.size_lots * self.scene.instrument(event.symbol).tick_lot_atoms
        fills = self._fills.setdefault(self.scene.session_of[event.cid], deque())
        fills.append((self.scene.now_ns, event.side.sign * value))

    def on_report(self, report: Report) -> None:
        """Begin anew when a person has lifted the halt."""
        if report.code == "unhalt":
            self._fills.clear()

    def on_command(self, command: VenueCommand) -> None:
        """Compare with the limits."""
        if not self._limited or not isinstance(command, Place) or command.reduces:
            return
        scene = self.scene
        index = scene.session(command.cid)
        fills, limits = self._fills.get(index), scene.limits(index)
        while fills and fills[0][0] <= scene.now_ns - MINUTE_NS:
            fills.popleft()
        if fills and len(fills) > limits.fills_minute_max:
            raise self.broken(f"a placement after {len(fills)} fills, limit {limits.fills_minute_max}")
        moved = abs(sum(value for _, value in fills or ()))
        if moved > limits.filled_atoms_minute_max:
            raise self.broken(f"a placement after fills of {moved}, limit {limits.filled_atoms_minute_max}")

    def _begin(self) -> None:
        # When and for how much each session was filled, oldest first. Most runs have no such limit.
        self._fills: dict[int, deque[tuple[int, int]]] = {}
        limits = [self.scene.limits(index) for index in range(len(self.scene.setup.sessions))]
        stated = (min(one.fills_minute_max, one.filled_atoms_minute_max) for one in limits)
        self._limited = min(stated, default=NO_LIMIT) < NO_LIMIT
