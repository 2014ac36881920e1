"""I3, I4, I11 and unproven deaths: whether every execution is counted once, and nothing alive is given up."""

from collections.abc import Sequence

from mm.domain.orders import Order
from mm.domain.sides import Side
from mm.runtime.simulate.checks_scene import Checker, Scene
from mm.runtime.simulate.looks import FILL_COUNTS, SESSION_LEDGERS
from mm.runtime.simulate.truth import TrueFill


def _is_recounted(scene: Scene, index: int) -> bool:
    # Whether a session began to count anew after a process died: what it had counted is not known any more.
    return scene.crashed and (not scene.inherits or scene.inventory.is_recounted(index))


class FillsCountedOnce(Checker):
    """I3. At rest, per session: the inventory that the engine believes against what the holdings at the venue
    changed by, and the executions that it counted, their number and lots, against the venue's of its orders.
    """

    invariant = "I3"

    def at_rest(self) -> None:
        """Compare each session."""
        scene = self.scene
        for session in scene.engine.state.sessions:
            if not session.stock_taken:
                scene.looks.count(FILL_COUNTS, away=True)
                continue
            position, held = session.position, scene.inventory.held(session.index)
            if position.inventory_lots != held:
                raise self.broken(f"{session.name}: {position.inventory_lots}, the venue {held}")
            away = _is_recounted(scene, session.index)
            scene.looks.count(FILL_COUNTS, away=away)
            if away:
                continue
            mine, beyond = scene.fills_of(session.index)
            if not len(mine) <= position.fills <= len(mine) + len(beyond):
                raise self.broken(f"{session.name}: {position.fills} fills, the venue {len(mine)}")
            for side, counted in ((Side.BUY, position.bought_lots), (Side.SELL, position.sold_lots)):
                lots = sum(fill.size_lots for fill in mine if fill.side is side)
                more = sum(fill.size_lots for fill in beyond if fill.side is side)
                if not lots <= counted <= lots + more:
                    raise self.broken(f"{session.name}: {counted} lots of {side}, the venue {lots}")


class Ledger(Checker):
    """I4. At rest, in atoms and without a rest: the account's holdings against what it began with, all
    executions, fees and flows from outside; each session's ledger against its executions; and what the engine
    holds for its balances against the venue's.
    """

    invariant = "I4"

    def __init__(self, scene: Scene) -> None:
        """Start without flows from outside."""
        super().__init__(scene)
        self.flows: dict[str, int] = {}

    def at_rest(self) -> None:
        """Compare all three."""
        scene = self.scene
        expected = dict(scene.start_holdings)
        for fill in scene.truth.fills:
            self._add(expected, fill)
        for asset, atoms in self.flows.items():
            expected[asset] = expected.get(asset, 0) + atoms
        if expected != scene.truth.holdings or not scene.truth.conserves():
            raise self.broken(f"holdings are {scene.truth.holdings}, executions and flows give {expected}")
        self._judge_sessions()
        self._judge_balances()

    def _judge_sessions(self) -> None:
        scene = self.scene
        for session in scene.engine.state.sessions:
            away = not session.stock_taken or _is_recounted(scene, session.index)
            scene.looks.count(SESSION_LEDGERS, away=away)
            if away:
                continue
            ledger = {asset: atoms for asset, atoms in session.position.ledger_atoms().items() if atoms}
            mine, beyond = scene.fills_of(session.index)
            counts = [self._folded([*mine, *beyond[before:]]) for before in range(len(beyond) + 1)]
            folded = counts[-1]
            if ledger not in counts:
                raise self.broken(f"{session.name}: its ledger says {ledger}, its executions {folded}")

    def _folded(self, fills: Sequence[TrueFill]) -> dict[str, int]:
        folded: dict[str, int] = {}
        for fill in fills:
            self._add(folded, fill)
        return {asset: atoms for asset, atoms in folded.items() if atoms}

    def _judge_balances(self) -> None:
        state = self.scene.engine.state
        for asset, (free, locked) in state.balances.items():
            atoms = self.scene.truth.holdings.get(asset)
            if atoms is not None and free + locked != atoms:
                raise self.broken(f"the engine holds {free + locked} of {asset}, the venue {atoms}")

    def _add(self, ledger: dict[str, int], fill: TrueFill) -> None:
        instrument = self.scene.instrument(fill.symbol)
        value = fill.price_ticks * fill.size_lots * instrument.tick_lot_atoms
        changes = (
            (instrument.base, fill.side.sign * fill.size_lots * instrument.lot_atoms),
            (instrument.quote, -fill.side.sign * value),
            (fill.fee_asset, -fill.fee_atoms),
        )
        for asset, atoms in changes:
            ledger[asset] = ledger.get(asset, 0) + atoms


class OrdersOnlyFill(Checker):
    """I11. After every step: no filled size that the engine knows ever shrinks, and none exceeds the order's
    unless the venue itself filled more, which ends trading.
    """

    invariant = "I11"

    def __init__(self, scene: Scene) -> None:
        """Start without orders."""
        super().__init__(scene)
        self._filled: dict[str, int] = {}
        self._changes = -1

    def begin_life(self) -> None:
        """The orders of the new process are others."""
        self._filled.clear()
        self._changes = -1

    def on_step(self) -> None:
        """Compare each live order with itself, before and now."""
        orders = self.scene.engine.state.orders
        if orders.changes == self._changes:
            return
        self._changes = orders.changes
        filled = self._filled
        for order in orders.live.values():
            before = filled.get(order.cid, 0)
            if order.cum_lots < before:
                raise self.broken(f"filled {order.cum_lots} of {order.size_lots} after {before}")
            if order.cum_lots > order.size_lots:
                self._judge_overfill(order)
            filled[order.cid] = order.cum_lots

    def at_rest(self) -> None:
        """Compare what the venue filled of every order with what it is said to have filled."""
        orders = self.scene.engine.state.orders
        for cid, true in self.scene.truth.orders.items():
            known = orders.get(cid)
            if known is None:
                continue
            if known.cum_lots != true.cum_lots:
                raise self.broken(f"{cid[-6:]}: filled {known.cum_lots}, the venue {true.cum_lots}")
            self._judge_overfill(known)

    def _judge_overfill(self, order: Order) -> None:
        if order.cum_lots <= order.size_lots:
            return
        true = self.scene.truth.orders.get(order.cid)
        if true is None or true.cum_lots < order.cum_lots:
            raise self.broken(f"filled {order.cum_lots} of {order.size_lots}")
        if not self.scene.reports.get("halt"):
            raise self.broken(
                f"the venue filled {order.cum_lots} of {order.size_lots} and nothing was halted"
            )


class ProvenDeath(Checker):
    """Nothing is given up that is alive: after every step, each order of this life that rests at the venue or
    is on its way counts as live in the engine, unless the venue itself said what is not so, or the power went
    before its record was on the disk: then a listing finds it (I5).
    """

    invariant = "unproven death"

    def __init__(self, scene: Scene) -> None:
        """Start without a look."""
        super().__init__(scene)
        self._looked = (-1, -1)

    def on_truth(self) -> None:
        """What changed has to be looked at again."""
        self._looked = (-1, -1)

    def on_step(self) -> None:
        """Compare."""
        scene = self.scene
        orders = scene.engine.state.orders
        looked = (orders.changes, len(scene.wire.in_transit))
        if looked == self._looked:
            return
        self._looked = looked
        for place, _ in scene.may_fill():
            if place.cid not in orders.live and place.cid not in scene.lied_about | scene.lost:
                raise self.broken(f"{place.cid[-6:]} is alive and was given up")
