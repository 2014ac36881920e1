"""People in the simulation: the operator, the account's owner, and somebody who runs a second process.

They act on the venue's truth and on the process like anybody from outside. After a fault that stops trading
an operator sees to it that it goes on, as often as it takes; so a run is not over with its first halt.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol

from mm.domain.commands import Place, TimeInForce
from mm.domain.events import ConfigApplied, Operation, OperatorAsked
from mm.domain.ids import OrderId
from mm.domain.sides import Side
from mm.engine.session import SessionState
from mm.engine.setup import NewSetup
from mm.runtime.simulate.faults import Luck
from mm.runtime.simulate.instruments import IDS
from mm.runtime.simulate.lives import Life
from mm.runtime.simulate.machine import Machine
from mm.runtime.simulate.plan import BAND_LOTS, DEADLINES
from mm.runtime.simulate.strangers import HOME_TICKS
from mm.runtime.simulate.truth import MANUAL
from mm.runtime.simulate.wire import Wire
from mm.sim.world import CLIENT
from mm.store.journal.entries import ConfigVersion

FENCED: Final = "fenced"
"""The halt of a process that saw orders of a later life."""

FAR_TICKS: Final = 900
PATIENCE_MS: Final = (2_000, 12_000)
"""So long an operator needs before he does something about what he is told."""

FEW_LOTS: Final = 5

HURRY_MS: Final = (300, 600)

LEASE_STEP: Final = 1_000
"""The numbers of a second process lie so far above ours: nobody gives one out twice."""


class Scene(Protocol):
    """What people act in."""

    now_ns: int
    wire: Wire
    luck: Luck
    machine: Machine

    @property
    def life(self) -> Life | None:
        """The process, None while there is none."""

    def after(self, delay_ns: int, act: Callable[[], None]) -> None:
        """Do something later."""

    def ask(self, event: OperatorAsked) -> bool:
        """Ask the process; return whether there is one."""

    def bring(self, version: ConfigVersion, event: ConfigApplied, new: NewSetup) -> bool:
        """Bring a config into force; return whether there is a process."""

    def replace_process(self) -> None:
        """End the process, however it is, and begin another."""

    def stop_process(self) -> None:
        """End the process in good order if the venue has shown nothing of ours, and begin another."""

    def truth_changed(self) -> None:
        """Look at what changed at the venue."""

    def money_moved(self, asset: str, atoms: int) -> None:
        """Take note of a deposit, or of a withdrawal (negative)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByHand:
    """An order that no engine of ours made.

    Fields: cid: "" for the next one of a person's; rests: it has to rest, else it takes what it can at once.
    """

    symbol: str
    side: Side
    price_ticks: int
    size_lots: int
    rests: bool
    cid: str = ""

    def place(self) -> Place:
        """Return it as the venue takes it."""
        return Place(
            cid=self.cid,
            symbol=self.symbol,
            side=self.side,
            price_ticks=self.price_ticks,
            size_lots=self.size_lots,
            post_only=self.rests,
            time_in_force=TimeInForce.GTC if self.rests else TimeInForce.IOC,
            reduces=False,
            market_seq=0,
            market_age_ns=0,
        )


class People:
    """All of them. Fields: attending: an operator looks after halts and pauses."""

    def __init__(self, scene: Scene, sessions: int) -> None:
        """Let them stand by."""
        self.attending = True
        self._scene = scene
        self._sessions = sessions
        self._number = 0
        self._called = False
        self._patience_ms = PATIENCE_MS
        self._lifted_in = 0

    # ---- the operator

    def operate(self, operation: Operation) -> bool:
        """Ask for something, of one session or of all."""
        random = self._scene.luck.random
        session = f"s{int(random.random() * self._sessions)}" if random.random() < 0.5 else ""
        return self.ask(operation, session)

    def ask(self, operation: Operation, session: str = "") -> bool:
        """Ask for this."""
        asked = OperatorAsked(
            ts_ns=self._scene.now_ns, operation=operation, session=session, reason="simulated", who="world"
        )
        return self._scene.ask(asked)

    def kill(self) -> bool:
        """Pull the switch: a halt, and then the process, whatever it is doing."""
        if not self.ask(Operation.HALT):
            return False
        self._scene.after(self._scene.luck.between(1, 3_000), self._scene.replace_process)
        return True

    def call(self) -> None:
        """Call an operator, because something stopped."""
        if self.attending and not self._called:
            self._called = True
            self._scene.after(self._scene.luck.between(*self._patience_ms), self._attend)

    def hurry(self) -> None:
        """From here on nobody does harm, and an operator is at hand."""
        self._patience_ms = HURRY_MS
        self._end_intruders()
        self._called = False
        self.call()

    def _attend(self) -> None:
        self._called = False
        if not self.attending:
            # Gone home since the call.
            return
        life = self._scene.life
        if life is None or life.failure:
            self.call()
            return
        state = life.engine.state
        states = [session.state for session in state.sessions]
        if self._scene.machine.taken.quarantined:
            # What is ours has to be gone first; then what the damaged journal held is given up.
            self._scene.machine.gives_up = life.is_settled
            self._scene.stop_process()
            self.call()
        elif state.halt_code and _is_fenced(life) and self._end_intruders():
            self._scene.stop_process()
            self.call()
        elif state.halt_code.startswith("stop_loss") and self._lifted_in != life.setup.epoch:
            # The first time it is lifted; what was lost stays lost to a session as long as its process runs.
            self._lifted_in = life.setup.epoch
            self.ask(Operation.UNHALT)
            self.call()
        elif state.halt_code.startswith("stop_loss"):
            self._scene.stop_process()
            self.call()
        elif state.halt_code:
            self.ask(Operation.UNHALT)
            self.call()
        elif SessionState.PAUSED in states:
            self.ask(Operation.RESUME)
        elif SessionState.STOPPING in states or SessionState.COMPLETED in states:
            # What was stopped goes on with the next process.
            self.ask(Operation.STOP)
            self.call()

    def reload(self, *, tighter: bool) -> bool:
        """Bring another config."""
        scene = self._scene
        before, draw = scene.machine.config, scene.luck.random.random
        if tighter:
            band = max(10, before.band_lots - 5 - int(draw() * 20))
            orders = max(min(4, before.limits.open_orders_max), before.limits.open_orders_max // 2)
        else:
            band = min(2 * BAND_LOTS, before.band_lots + 5 + int(draw() * 40))
            orders = scene.machine.plan.limits.open_orders_max
        limits = replace(before.limits, open_orders_max=orders)
        after = replace(before, revision=before.revision + 1, band_lots=band, limits=limits)
        scene.machine.config = after
        version = ConfigVersion(digest=after.digest, text=after.text, who="world")
        event = ConfigApplied(ts_ns=scene.now_ns, revision=after.revision, digest=after.digest, who="world")
        subject = scene.machine.plan.subject
        deadlines = DEADLINES if subject is None else subject.deadlines
        new = NewSetup(sessions=scene.machine.sessions(), deadlines=deadlines)
        return scene.bring(version, event, new)

    # ---- the account's owner

    def deposit(self) -> bool:
        """Bring money."""
        asset, atoms = self._some_money()
        self._scene.wire.truth.deposit(CLIENT, asset, atoms)
        self._scene.money_moved(asset, atoms)
        self._scene.wire.news.tell_balance(asset)
        return True

    def withdraw(self) -> bool:
        """Take money away."""
        asset, atoms = self._some_money()
        taken = self._scene.wire.truth.withdraw(asset, atoms)
        self._scene.money_moved(asset, -taken)
        self._scene.wire.news.tell_balance(asset)
        return bool(taken)

    def place_far(self, symbol: str) -> bool:
        """Place an order by hand that rests, and cancel it later."""
        draw = self._scene.luck.random.random
        side = Side.BUY if draw() < 0.5 else Side.SELL
        price = self._far_ticks(symbol, side)
        lots = max(1 + int(draw() * 20), self._least_lots(symbol, price))
        cid = self._by_hand(ByHand(symbol=symbol, side=side, price_ticks=price, size_lots=lots, rests=True))
        if cid in self._scene.wire.truth.live:
            self._scene.after(self._scene.luck.between(500, 20_000), lambda: self._cancel(cid))
        return True

    def cross(self, symbol: str) -> bool:
        """Take by hand where an order of the bot stands."""
        bots = [order for order in self._scene.wire.truth.open_orders(symbol) if self.is_bots(order.cid)]
        if not bots:
            return False
        met = bots[int(self._scene.luck.random.random() * len(bots))]
        side = met.side.opposite
        # All that stands before it is taken as well.
        lots = self._scene.wire.truth.markets[symbol].venue.lots_within(side, met.price_ticks)
        order = ByHand(symbol=symbol, side=side, price_ticks=met.price_ticks, size_lots=lots, rests=False)
        self._by_hand(order)
        return met.prevented

    def trade(self, symbol: str) -> bool:
        """Trade by hand."""
        draw = self._scene.luck.random.random
        truth = self._scene.wire.truth
        side = Side.BUY if draw() < 0.5 else Side.SELL
        best = truth.markets[symbol].venue.best_ticks(side.opposite)
        if best is None:
            return False
        before = len(truth.fills)
        price, lots = best + 5 * side.sign, max(1 + int(draw() * 10), self._least_lots(symbol, best))
        self._by_hand(ByHand(symbol=symbol, side=side, price_ticks=price, size_lots=lots, rests=False))
        return len(truth.fills) > before

    def is_bots(self, cid: str) -> bool:
        """Return whether an order has our mark."""
        return not cid.startswith(MANUAL)

    # ---- a second process

    def intrude(self, symbol: str) -> bool:
        """Place an order as a later life of ours would."""
        machine, draw = self._scene.machine, self._scene.luck.random.random
        self._number += 1
        cid = IDS.encode(OrderId(IDS.tag, 0, machine.kept.epoch + LEASE_STEP, self._number))
        side = Side.BUY if draw() < 0.5 else Side.SELL
        price = self._far_ticks(symbol, side)
        lots = max(3, self._least_lots(symbol, price))
        self._scene.wire.truth.intruders.add(cid)
        self._by_hand(
            ByHand(symbol=symbol, side=side, price_ticks=price, size_lots=lots, rests=True, cid=cid)
        )
        return cid in self._scene.wire.truth.live

    def _end_intruders(self) -> bool:
        # The other process is told to stop, and takes its orders away; our next one has a number above it.
        # Returns whether there was one.
        kept, newest = self._scene.machine.kept, 0
        for cid in list(self._scene.wire.truth.live):
            decoded = IDS.decode(cid)
            if decoded is not None and decoded.epoch > kept.epoch:
                newest = max(newest, decoded.epoch)
                self._cancel(cid)
        kept.epoch = max(kept.epoch, newest)
        return newest > 0

    # ---- how they do it

    def _far_ticks(self, symbol: str, side: Side) -> int:
        subject = self._scene.machine.plan.subject
        home = HOME_TICKS if subject is None else subject.home_ticks[symbol]
        return home - side.sign * (home * FAR_TICKS // HOME_TICKS)

    def _least_lots(self, symbol: str, price_ticks: int) -> int:
        # Smaller ones the venue would not take.
        instrument = self._scene.wire.truth.markets[symbol].instrument
        return 2 * instrument.size_min_lots_at(price_ticks) if instrument.notional_min_atoms else 1

    def _by_hand(self, order: ByHand) -> str:
        scene, cid = self._scene, order.cid
        if not cid:
            self._number += 1
            cid = f"{MANUAL}-{self._number}"
        scene.wire.truth.place(scene.now_ns, replace(order, cid=cid).place())
        scene.truth_changed()
        scene.wire.news.tell()
        return cid

    def _cancel(self, cid: str) -> None:
        scene = self._scene
        if scene.wire.truth.cancel(scene.now_ns, cid) is not None:
            scene.truth_changed()
            scene.wire.news.tell()

    def _some_money(self) -> tuple[str, int]:
        draw, truth = self._scene.luck.random.random, self._scene.wire.truth
        assets = list(truth.holdings)
        asset = assets[int(draw() * len(assets))]
        for market in truth.markets.values():
            if asset == market.instrument.base:
                # Little: what comes while nothing runs is inventory of the next process.
                return asset, 1 + int(draw() * FEW_LOTS * market.instrument.lot_atoms)
        return asset, 1 + int(draw() * truth.holdings[asset] // 1_000)


def _is_fenced(life: Life) -> bool:
    return any(session.reason == FENCED for session in life.engine.state.sessions)
