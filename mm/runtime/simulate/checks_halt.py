"""I7 and I19: after a halt only cancels and exits leave, and a loss ends trading."""

from typing import Final

from mm.domain.commands import Place, Report, VenueCommand
from mm.domain.events import AnyEvent, OrderFilled
from mm.domain.sides import Side
from mm.runtime.simulate.checks_limits import NO_LIMIT
from mm.runtime.simulate.checks_scene import Checker, Extremes, Scene
from mm.runtime.simulate.looks import LOSSES

SLACK_HALF_TICKS: Final = 4
"""How far the engine's mid, without own orders, may lie from the outside one."""


class Halt(Checker):
    """I7. After a halt, whatever process it was made in: no placement but what reduces; a cancel for every
    order within the kill time, bans aside; a confirmation only when the venue has none of ours, and no way
    back before it. At rest: confirmed.
    """

    invariant = "I7"

    def __init__(self, scene: Scene) -> None:
        """Start as the setup says."""
        super().__init__(scene)
        self._confirmed = False
        self.latched = bool(scene.setup.latched)
        self._by_damage = False

    def begin_life(self) -> None:
        """A restart lifts no halt, unless a journal was damaged, which was all, and a person gave it up."""
        self._confirmed = False
        taken = self.scene.taken
        if taken.quarantined and not self.latched:
            self.latched = self._by_damage = True
        elif taken.given_up and self._by_damage:
            self.latched = self._by_damage = False
            self.scene.halted_ns = 0
        if self.latched:
            self.scene.halted_ns = self.scene.now_ns

    def on_command(self, command: VenueCommand) -> None:
        """Judge a placement."""
        if not isinstance(command, Place):
            return
        if self.latched and not command.reduces:
            raise self.broken("a placement left after the halt")
        if command.reduces and not self.latched:
            raise self.broken("an exit left although nothing was halted")

    def on_report(self, report: Report) -> None:
        """Follow halts, what is said of them, and their end."""
        scene = self.scene
        if report.code == "halt":
            self.latched, self._confirmed, self._by_damage = True, False, False
            scene.halted_ns = scene.now_ns
            scene.cancelled.clear()
        elif report.code == "halt.reopened":
            self._confirmed = False
        elif report.code == "halt.confirmed":
            self._confirmed = True
            left = [place for place in scene.own() if place.cid not in scene.lied_about]
            if left:
                raise self.broken(f"a halt was confirmed with {len(left)} own orders left")
        elif report.code == "unhalt":
            if not self._confirmed:
                raise self.broken("a halt was lifted that the venue had not confirmed")
            self.latched = False
            scene.halted_ns = 0

    def on_step(self) -> None:
        """Look for orders that nobody cancels."""
        scene = self.scene
        if not scene.halted_ns:
            return
        free_ns = max(scene.halted_ns, scene.wire.banned_until_ns)
        if scene.now_ns - free_ns > scene.kill_ns:
            for cid in scene.truth.live:
                known = cid in scene.placed and cid not in scene.lost
                if known and cid not in scene.cancelled and cid not in scene.lied_about:
                    raise self.broken("an order was not cancelled although nothing stood in the way")

    def at_rest(self) -> None:
        """The venue has confirmed every halt."""
        state = self.scene.engine.state
        if state.halt_code and not state.halt_confirmed:
            raise self.broken(f"halted for {state.halt_code} and never confirmed")
        if self.latched and not state.halt_code:
            raise self.broken("a halt was lifted and nobody was told")


class _Account:
    # Cash and position of one session by the executions that were told, quote atoms and lots.
    __slots__ = ("cash_atoms", "net_lots")

    def __init__(self) -> None:
        self.cash_atoms = 0
        self.net_lots = 0


class Loss(Checker):
    """I19. Every placement that does not reduce: the session's and the account's P&L by the venue's
    executions that were reported, marked at whichever true mid of the last seconds is best for us, lies above
    the limits. Kept apart from the engine's book-keeping. What an order did whose record went with the power
    is not known to the next life: once it was counted, losses are not judged any more. What such an order
    does afterwards counts where it is for us: the next life may have found it at the venue.
    """

    invariant = "I19"
    hears = (OrderFilled,)

    def __init__(self, scene: Scene) -> None:
        """Start with nothing lost."""
        super().__init__(scene)
        self._accounts: dict[int, _Account] = {}
        self._beside: dict[int, list[_Account]] = {}
        self._unsure: set[int] = set()
        self._told: set[tuple[str, int, Side]] = set()
        self._filled: set[str] = set()
        # No price that the engine may quote on is older: the limit of staleness and the way.
        span_ns = 2 * scene.setup.deadlines.stale
        self._mids = {symbol: Extremes(span_ns) for symbol in scene.truth.markets}
        self._follow()

    def begin_life(self) -> None:
        """Losses go on where the new life inherits them, else they begin anew."""
        if not self.scene.inherits:
            self._accounts.clear()
            self._beside.clear()
        self._unsure |= {self.scene.session_of.get(cid, 0) for cid in self._filled & self.scene.forgotten}
        self._follow()

    def on_event(self, event: AnyEvent) -> None:
        """Count an execution once, if it is one by the venue's truth."""
        if not isinstance(event, OrderFilled) or event.cid not in self.scene.placed:
            return
        key = (event.symbol, event.trade_id, event.side)
        if key in self._told:
            return
        self._told.add(key)
        instrument, session = self.scene.instrument(event.symbol), self.scene.session_of[event.cid]
        if event.cid in self.scene.forgotten:
            account = _Account()
            self._beside.setdefault(session, []).append(account)
        else:
            self._filled.add(event.cid)
            account = self._accounts.setdefault(session, _Account())
        account.net_lots += event.side.sign * event.size_lots
        value = event.price_ticks * event.size_lots * instrument.tick_lot_atoms
        account.cash_atoms -= event.side.sign * value
        if event.fee_asset == instrument.quote:
            account.cash_atoms -= event.fee_atoms

    def on_truth(self) -> None:
        """Note the true mids."""
        for symbol, seen in self._mids.items():
            seen.see(self.scene.now_ns, self.scene.mid_half_ticks(symbol))

    def on_command(self, command: VenueCommand) -> None:
        """Compare with the limits."""
        if not self._limited or not isinstance(command, Place) or command.reduces:
            return
        scene = self.scene
        index = scene.session(command.cid)
        limits, session = scene.limits(index), self._best_atoms(index)
        self.scene.looks.count(LOSSES, away=bool(self._unsure))
        if self._unsure:
            return
        if session <= -limits.session_loss_atoms:
            raise self.broken(f"a placement after a loss of {-session}, limit {limits.session_loss_atoms}")
        total = sum(self._best_atoms(index) for index in range(len(scene.setup.sessions)))
        if total <= -limits.account_loss_atoms:
            raise self.broken(f"a placement after a loss of {-total} on the account")

    def _best_atoms(self, session: int) -> int:
        instrument = self.scene.setup.sessions[session].instrument
        mids = self._mids[instrument.symbol]
        if not mids.high or not self.scene.mid_half_ticks(instrument.symbol):
            # Where a side is empty, the last mid was between what nobody else left.
            return 0

        def best_atoms(account: _Account) -> int:
            best = mids.high + SLACK_HALF_TICKS if account.net_lots > 0 else mids.low - SLACK_HALF_TICKS
            return account.cash_atoms + account.net_lots * best * instrument.tick_lot_atoms // 2

        account = self._accounts.get(session)
        sure = best_atoms(account) if account is not None else 0
        return sure + sum(max(0, best_atoms(one)) for one in self._beside.get(session, ()))

    def _follow(self) -> None:
        # Most runs have limits that nothing reaches.
        limits = [self.scene.limits(index) for index in range(len(self.scene.setup.sessions))]
        self._limited = any(min(one.session_loss_atoms, one.account_loss_atoms) < NO_LIMIT for one in limits)
