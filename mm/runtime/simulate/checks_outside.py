"""E1: money that somebody else moved is told of, to the last atom; a pause lasts until a person ends it."""

from mm.domain.commands import Place, Report, VenueCommand
from mm.domain.estate import SymbolEstate
from mm.domain.events import AnyEvent, Operation, OperatorAsked
from mm.engine.setup import OnExternal
from mm.runtime.simulate.checks_scene import Checker, Scene

TELLS = ("balance.external", "ledger.explained")
"""Reports of what the ledger took in beside own executions."""


class Outside(Checker):
    """E1. At rest, in a life that counted the holdings itself before anything of its own had filled: what it
    told of, summed up by asset, is what the venue's holdings moved since then beside its own executions. And
    no session that a person paused quotes on, nor, where the setup says so, one that trades such an asset,
    until a person lets it.
    """

    invariant = "E1"
    hears = (OperatorAsked,)

    def __init__(self, scene: Scene) -> None:
        """Start before the holdings are counted."""
        super().__init__(scene)
        self._counted: dict[str, int] = {}
        self._told: dict[str, int] = {}
        self._paused: dict[str, None] = {}
        self._filled = 0

    def begin_life(self) -> None:
        """What a life took over from one that was killed is not counted again: it may have been telling.
        After an orderly end what that one had known is held against the venue at once, and pauses last.
        """
        rest = self.scene.taken.rest
        self._filled = len(self.scene.truth.fills)
        self._counted = {} if rest is None else dict(rest.holdings)
        self._told.clear()
        if rest is None:
            self._paused.clear()

    def on_report(self, report: Report) -> None:
        """Take the count, and what is told of."""
        if report.code == "ledger.opened" and not self._own_changes():
            self._counted = {asset: int(atoms) for asset, atoms in report.facts}
        elif report.code in TELLS:
            facts = dict(report.facts)
            asset = facts["asset"]
            self._told[asset] = self._told.get(asset, 0) + int(facts["atoms"])
            if report.code == TELLS[0] and self.scene.setup.on_external is OnExternal.PAUSE:
                self._judge_paused(asset)

    def _judge_paused(self, asset: str) -> None:
        for session in self.scene.engine.state.sessions:
            instrument = session.setup.instrument
            if asset not in (instrument.base, instrument.quote):
                continue
            if not session.paused:
                raise self.broken(f"{session.name} is {session.state} after {asset} was moved from outside")
            self._paused[session.name] = None

    def on_event(self, event: AnyEvent) -> None:
        """A person pauses a session, or lets it go on, or all of them; that a halt is lifted does not."""
        if isinstance(event, OperatorAsked) and event.operation is Operation.PAUSE:
            names = [session.name for session in self.scene.setup.sessions]
            self._paused.update(dict.fromkeys(name for name in names if event.session in ("", name)))
        elif isinstance(event, OperatorAsked) and event.operation is Operation.RESUME:
            if event.session:
                self._paused.pop(event.session, None)
            else:
                self._paused.clear()

    def on_command(self, command: VenueCommand) -> None:
        """Judge a quote."""
        if not self._paused or not isinstance(command, Place) or command.reduces:
            return
        name = self.scene.session_setup(command.cid).name
        if name in self._paused:
            raise self.broken(f"{name} quotes although it was paused and nobody let it go on")

    def at_rest(self) -> None:
        """Compare what was told with what happened."""
        if not self._counted:
            return
        changes = self._own_changes()
        for asset, atoms in self.scene.truth.holdings.items():
            moved = atoms - self._counted.get(asset, 0) - changes.get(asset, 0)
            if moved != self._told.get(asset, 0):
                told = self._told.get(asset, 0)
                raise self.broken(f"{moved} of {asset} were moved from outside, {told} were told of")

    def _own_changes(self) -> dict[str, int]:
        # What the venue's executions of our orders moved: since this life began, of whichever life the order
        # was; after an orderly end all that were not known by then, as a venue that lies may fill an order
        # that has ended. What another process trades with our mark is not ours.
        scene, changes = self.scene, dict[str, int]()
        rest = scene.taken.rest
        known = {one.symbol: one for one in rest.symbols} if rest is not None else {}
        for fill in scene.truth.fills[self._filled if rest is None else 0 :]:
            if scene.ids.decode(fill.cid) is None or fill.cid in scene.truth.intruders:
                continue
            before = known.get(fill.symbol)
            if before is not None and _holds(before, fill.trade_id):
                continue
            instrument, sign = scene.instrument(fill.symbol), fill.side.sign
            value = fill.price_ticks * fill.size_lots * instrument.tick_lot_atoms
            for asset, atoms in (
                (instrument.base, sign * fill.size_lots * instrument.lot_atoms),
                (instrument.quote, -sign * value),
                (fill.fee_asset, -fill.fee_atoms),
            ):
                changes[asset] = changes.get(asset, 0) + atoms
        return changes


def _holds(known: SymbolEstate, trade_id: int) -> bool:
    return trade_id < known.floor or any(trade_id == number for number, _ in known.trades)
