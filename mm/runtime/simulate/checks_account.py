"""R3, R4, R7: how much the account's sessions together may risk, have open and send, by the venue's truth.

Each is judged when a placement leaves, as the limit is meant: what is there already may outlast a limit that
became tighter, but nothing is put on top of it. Invariant: what is counted is what rests at the venue or is
on its way there, never more than an engine has to count that takes nothing for dead without a proof.
"""

from collections import deque
from typing import Final

from mm.domain.commands import Place, VenueCommand
from mm.domain.sides import BUY, SELL
from mm.runtime.simulate.checks_limits import NO_LIMIT
from mm.runtime.simulate.checks_scene import MINUTE_NS, SECOND_NS, Checker, Extremes, Scene

OLDER_NS: Final = 10 * SECOND_NS
"""What a position is valued at is no older than the reference's window and this."""

SLACK_HALF_TICKS: Final = 4
"""How far the engine's mid, without own orders, may lie from the outside one."""


class AccountExposure(Checker):
    """R4. Every placement that could leave its session on its own side of zero: what the session would hold
    had everything on that side filled, at the placement's price, and the larger of what each other session
    could hold long or short, at the lowest true mid of the time that the reference is made of, are together
    worth no more than the limit. While somebody lies about a session nobody can bound that.
    """

    invariant = "R4"

    def __init__(self, scene: Scene) -> None:
        """Start without prices."""
        super().__init__(scene)
        span_ns = scene.setup.reference_window_ns + OLDER_NS
        self._mids = {symbol: Extremes(span_ns) for symbol in scene.truth.markets}
        self._doubtful = False
        self._follow()

    def begin_life(self) -> None:
        """Read the limits of the new setup."""
        self._follow()

    def on_truth(self) -> None:
        """Note the true mids, and whether anybody lies."""
        if self._limited and len(self.scene.setup.sessions) > 1:
            for symbol, seen in self._mids.items():
                seen.see(self.scene.now_ns, self.scene.mid_half_ticks(symbol))
        self._doubtful = self._doubtful or bool(self.scene.deceived)

    def on_command(self, command: VenueCommand) -> None:
        """Compare with the limit."""
        scene = self.scene
        if not isinstance(command, Place) or not scene.bounds_exposure:
            return
        index = scene.session(command.cid)
        limit = scene.limits(index).exposure_atoms_max
        if limit >= NO_LIMIT:
            return
        open_lots = self._open_lots()
        held = command.side.sign * scene.inventory.held(index)
        held += open_lots.get((index, command.side.sign), 0) + command.size_lots
        if held <= 0:
            return
        others = sum(
            self._others_atoms(other, open_lots)
            for other in range(len(scene.setup.sessions))
            if other != index
        )
        worst = others + held * command.price_ticks * scene.instrument(command.symbol).tick_lot_atoms
        # A lie of this very step is not in what was said of the sessions yet.
        lied = bool(scene.deceived or scene.lied_about)
        if worst <= limit:
            self._doubtful = lied
        elif not self._doubtful and not lied:
            raise self.broken(f"the account could hold {worst}, others {others}, limit {limit}")

    def _open_lots(self) -> dict[tuple[int, int], int]:
        sums: dict[tuple[int, int], int] = {}
        for place, left in self.scene.may_fill():
            key = (self.scene.session_of[place.cid], place.side.sign)
            sums[key] = sums.get(key, 0) + left
        return sums

    def _others_atoms(self, session: int, open_lots: dict[tuple[int, int], int]) -> int:
        held = self.scene.inventory.held(session)
        bought, sold = open_lots.get((session, BUY.sign), 0), open_lots.get((session, SELL.sign), 0)
        instrument = self.scene.setup.sessions[session].instrument
        price_half = max(0, self._mids[instrument.symbol].low - SLACK_HALF_TICKS)
        lots = max(abs(held + bought), abs(held - sold))
        return lots * price_half * instrument.tick_lot_atoms // 2

    def _follow(self) -> None:
        sessions = range(len(self.scene.setup.sessions))
        self._limited = any(self.scene.limits(index).exposure_atoms_max < NO_LIMIT for index in sessions)


class OrderCount(Checker):
    """R7. Every placement: with it no more orders of the account rest on the symbol, or are on their way,
    than the venue takes; and none but one that reduces goes beyond our own cap. Orders of which somebody said
    that they were gone do not count.
    """

    invariant = "R7"

    def on_command(self, command: VenueCommand) -> None:
        """Count."""
        if not isinstance(command, Place):
            return
        scene = self.scene
        own = scene.limits(scene.session(command.cid)).open_orders_max
        venues = scene.instrument(command.symbol).open_orders_max
        count = 1 + sum(
            place.symbol == command.symbol and place.cid not in scene.lied_about
            for place, _ in scene.may_fill()
        )
        if count > venues:
            raise self.broken(f"{count} orders on {command.symbol}, the venue takes {venues}")
        if count > own and not command.reduces:
            raise self.broken(f"{count} orders on {command.symbol}, limit {own}")


class PlacementRate(Checker):
    """R3. Every placement: with it no more of them were sent within the last minute, whatever session and
    life they are of, than the limit; of one that does not reduce, than the limit less what is kept for those
    that do. A life that inherits nothing, or not all because the power failed, begins anew.
    """

    invariant = "R3"

    def __init__(self, scene: Scene) -> None:
        """Start with none sent."""
        super().__init__(scene)
        self._placed_ns: deque[int] = deque()
        self._blackouts = scene.wire.blackouts

    def begin_life(self) -> None:
        """Go on with what the new process can know of."""
        blackouts = self.scene.wire.blackouts
        if not self.scene.inherits or blackouts != self._blackouts:
            self._placed_ns.clear()
        self._blackouts = blackouts

    def on_command(self, command: VenueCommand) -> None:
        """Count."""
        if not isinstance(command, Place):
            return
        now_ns, placed_ns = self.scene.now_ns, self._placed_ns
        placed_ns.append(now_ns)
        while placed_ns[0] <= now_ns - MINUTE_NS:
            placed_ns.popleft()
        limits = self.scene.limits(self.scene.session(command.cid))
        limit = limits.placements_minute_max if command.reduces else limits.quotes_minute_max
        if len(placed_ns) > limit:
            raise self.broken(f"{len(placed_ns)} placements within a minute, limit {limit}")
