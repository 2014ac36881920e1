"""I5, I13, I18, I20: no orphans, quoting or held for a reason, one writer, a recovery that is done once."""

from typing import Final

from mm.domain.commands import Cancel, Place, Report, VenueCommand
from mm.domain.events import AnyEvent, OrdersListed
from mm.engine.recovery import NO_BUDGET
from mm.engine.session import Session, SessionState
from mm.risk.exposure import EXPOSURE
from mm.risk.open_orders import OWN
from mm.runtime.simulate.checks_scene import Checker, Scene

SPENT: Final = ("budget", "message_rate")
"""Reasons of a session whose messages of the minute are used up, by the venue's limit or by its config's: it
may be silent until they are not."""

STEADY: Final = (SessionState.ACTIVE, SessionState.HALTED, SessionState.PAUSED)


# Many starts within a minute use up what the venue allows; then the next one waits for that.
def _waits(session: Session) -> bool:
    return session.state is SessionState.PENDING and session.reason.endswith(NO_BUDGET)


# Everything else is on the way somewhere, and has to arrive.
def _is_steady(session: Session) -> bool:
    return session.state in STEADY or _waits(session)


class NoOrphans(Checker):
    """I5. Some time after the last fault nothing is live in the core that has ended at the venue; at rest
    both have none with our mark.
    """

    invariant = "I5"

    def when_healed(self) -> None:
        """Compare each order that the core holds."""
        scene, sessions = self.scene, self.scene.engine.state.sessions
        for order in scene.engine.state.orders.live.values():
            true = scene.truth.orders.get(order.cid)
            ended_ns = order.placed_ns - scene.ahead_ns if true is None else true.closed_ns or scene.now_ns
            late = scene.now_ns - ended_ns > self.scene.reconciled_ns
            if late and order.cid not in scene.wire.in_transit and not _waits(sessions[order.session]):
                raise self.broken(f"the core holds {order.cid[-6:]} for {order.state}; the venue does not")

    def at_rest(self) -> None:
        """Count both."""
        scene = self.scene
        ours = [cid for cid in scene.truth.live if scene.is_ours(cid)]
        live = scene.engine.state.orders.live
        if ours or live:
            raise self.broken(f"{len(ours)} open at the venue, {len(live)} in the core")


class Liveness(Checker):
    """I13. Some time after the last fault every session quotes at the venue, or is held for a reason that it
    states; after an orderly stop it is completed or halted.
    """

    invariant = "I13"

    def __init__(self, scene: Scene) -> None:
        """Start with nothing quoted."""
        super().__init__(scene)
        self._quoted_ns: dict[int, int] = {}
        self._spent: set[str] = set()
        self._moving_ns: dict[str, int] = {}
        self._active_ns: dict[str, int] = {}

    def begin_life(self) -> None:
        """What the process before quoted does not count."""
        self._quoted_ns.clear()
        self._spent.clear()
        sessions = self.scene.engine.state.sessions
        self._moving_ns = {one.name: self.scene.now_ns for one in sessions}

    def is_steady(self) -> bool:
        """Return whether every session is where it may stay: quoting, or held for a reason.

        One that has just begun to quote is not there before its first order is: it is on its way.
        """
        sessions = self.scene.engine.state.sessions
        return all(_is_steady(session) and not self._just_began(session) for session in sessions)

    def _just_began(self, session: Session) -> bool:
        began_ns = self._active_ns.get(session.name, 0)
        is_silent = self._quoted_ns.get(session.index, 0) < began_ns
        is_recent = self.scene.now_ns - began_ns <= self.scene.reconciled_ns
        return session.state is SessionState.ACTIVE and is_silent and is_recent

    def on_report(self, report: Report) -> None:
        """Whose messages were used up until now may be silent from now on as if it had just quoted."""
        if report.code == "session.state":
            if dict(report.facts)["state"] == SessionState.ACTIVE:
                self._active_ns[report.session] = self.scene.now_ns
            if dict(report.facts)["state"] in STEADY:
                self._moving_ns.pop(report.session, None)
            else:
                self._moving_ns.setdefault(report.session, self.scene.now_ns)
        if report.code != "session.reason":
            return
        if dict(report.facts)["reason"] in SPENT:
            self._spent.add(report.session)
        elif report.session in self._spent:
            self._spent.remove(report.session)
            sessions = self.scene.engine.state.sessions
            index = next(one.index for one in sessions if one.name == report.session)
            self._quoted_ns[index] = self.scene.now_ns

    def on_truth(self) -> None:
        """Note who has an order at the venue."""
        session_of, now_ns = self.scene.session_of, self.scene.now_ns
        for cid in self.scene.truth.live:
            if cid in session_of:
                self._quoted_ns[session_of[cid]] = now_ns

    def when_healed(self) -> None:
        """Judge each session."""
        state = self.scene.engine.state
        for session in state.sessions:
            silent_ns = self.scene.now_ns - self._quoted_ns.get(session.index, 0)
            stands = session.state is SessionState.ACTIVE and session.reason not in SPENT
            if stands and silent_ns > self.scene.reconciled_ns and not self._is_crowded_out(session):
                raise self.broken(f"{session.name} is active, quotes nothing: {session.reason}")
            if session.state is SessionState.HALTED and not state.halt_code:
                raise self.broken(f"{session.name} is halted without a reason")
            moving_ns = self.scene.now_ns - self._moving_ns.get(session.name, 0)
            if not _is_steady(session) and moving_ns > self.scene.reconciled_ns:
                raise self.broken(f"{session.name} is {session.state}: {session.reason}")

    # The cap on orders is the symbol's: where it is small, the sessions named first may fill it. That on the
    # worth of all positions is the account's.
    def _is_crowded_out(self, session: Session) -> bool:
        scene, sessions = self.scene, self.scene.engine.state.sessions
        if session.reason == EXPOSURE:
            return len(sessions) > 1
        # Theirs may just be replaced.
        lately_ns = scene.now_ns - scene.reconciled_ns
        return session.reason == OWN and any(
            one is not session
            and one.market is session.market
            and self._quoted_ns.get(one.index, 0) >= lately_ns
            for one in sessions
        )

    def at_rest(self) -> None:
        """Judge how each session ended."""
        for session in self.scene.engine.state.sessions:
            if session.state not in (SessionState.COMPLETED, SessionState.HALTED):
                raise self.broken(f"{session.name} is {session.state} after a stop: {session.reason}")


class SingleWriter(Checker):
    """I18. Every life has a number above all before, and its placements bear it. A process that is told of
    the orders of a later one places nothing from then on, whatever else it hears, until a person says so.
    """

    invariant = "I18"
    hears = (OrdersListed,)

    def __init__(self, scene: Scene) -> None:
        """Start with one process."""
        super().__init__(scene)
        self._epoch = scene.setup.epoch
        self._replaced = False

    def begin_life(self) -> None:
        """The next one has to be told apart by its ids."""
        epoch = self.scene.setup.epoch
        if epoch <= self._epoch:
            raise self.broken(f"a life of epoch {epoch} follows one of {self._epoch}")
        self._epoch = epoch
        self._replaced = False

    def on_event(self, event: AnyEvent) -> None:
        """Note whether it is told of a successor."""
        if isinstance(event, OrdersListed):
            self._replaced = self._replaced or any(self._is_later(entry.cid) for entry in event.orders)

    def _is_later(self, cid: str) -> bool:
        decoded = self.scene.ids.decode(cid)
        return decoded is not None and decoded.epoch > self._epoch

    def on_report(self, report: Report) -> None:
        """Follow what a person says."""
        if report.code == "unhalt":
            self._replaced = False

    def on_command(self, command: VenueCommand) -> None:
        """A placement bears the number of the life under way."""
        if isinstance(command, Place):
            decoded = self.scene.ids.decode(command.cid)
            if decoded is None or decoded.epoch != self._epoch:
                raise self.broken("a placement that does not bear the number of this life")
            if self._replaced:
                raise self.broken("a process that could know of its successor placed an order")


class RecoveredOnce(Checker):
    """I20. After a life that was recovered and placed nothing more, with nothing of ours left at the venue,
    the next recovery sends neither a placement nor a cancel before it is done. Where the power failed and
    took a part of the record, it may be done again; what a listing shows for open is cancelled.
    """

    invariant = "I20"
    hears = (OrdersListed,)

    def __init__(self, scene: Scene) -> None:
        """Start before the first recovery."""
        super().__init__(scene)
        self._recovered = False
        self._settled = False
        self._lost_bytes = 0
        self._shown: set[str] = set()
        self._engine = scene.engine

    def begin_life(self) -> None:
        """Note what the life before left."""
        scene = self.scene
        left = any(scene.is_ours(cid) for cid in scene.truth.live) or scene.wire.in_transit
        # Who takes nothing over has nothing to recover from; what was decided and written down may have been
        # sent, as far as anybody can know.
        idle = not self._engine.state.orders.live
        is_known = scene.lost_bytes == self._lost_bytes
        self._settled = scene.inherits and self._recovered and idle and is_known and not left
        self._lost_bytes = scene.lost_bytes
        self._shown.clear()
        self._recovered = False
        self._engine = scene.engine

    def on_event(self, event: AnyEvent) -> None:
        """Note what is told to be open: it may have ended since the venue looked."""
        if isinstance(event, OrdersListed):
            self._shown.update(entry.cid for entry in event.orders)

    def on_report(self, report: Report) -> None:
        """Note the end of a recovery."""
        if report.code == "recovered":
            self._recovered, self._settled = True, False

    def on_command(self, command: VenueCommand) -> None:
        """Judge what is sent meanwhile."""
        if isinstance(command, Place):
            self._recovered = False
        if not self._settled or not isinstance(command, Place | Cancel):
            return
        if self.scene.is_ours(command.cid) and command.cid not in self._shown:
            raise self.broken(f"a second recovery sent a {type(command).__name__}")
