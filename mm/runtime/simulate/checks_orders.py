"""I14 and I17: every order within the venue's filters and the limits, and limits that change hold at once."""

from typing import Final

from mm.domain.commands import Place, TimeInForce, VenueCommand
from mm.domain.events import AnyEvent, ConfigApplied
from mm.domain.instrument import Instrument
from mm.domain.units import PPM
from mm.engine.setup import SessionSetup
from mm.runtime.simulate.checks_limits import Limits
from mm.runtime.simulate.checks_scene import SECOND_NS, Checker, Extremes, Scene

OLDER_NS: Final = 10 * SECOND_NS
"""Every price that the reference of a placement can be made of is at most so much older than its window."""


class OrderSanity(Checker):
    """I14. Every placement: a price and a size within the venue's filters and our own limits, a value above
    the smallest; quotes only post-only and resting, exits only immediate; a price within the collar around
    some true mid of the time that the reference is made of.
    """

    invariant = "I14"

    def __init__(self, scene: Scene) -> None:
        """Start without prices."""
        super().__init__(scene)
        span_ns = scene.setup.reference_window_ns + OLDER_NS
        self._mids = {symbol: Extremes(span_ns) for symbol in scene.truth.markets}

    def on_truth(self) -> None:
        """Note the true mids."""
        for symbol, seen in self._mids.items():
            seen.see(self.scene.now_ns, self.scene.mid_half_ticks(symbol))

    def on_command(self, command: VenueCommand) -> None:
        """Compare a placement."""
        if not isinstance(command, Place):
            return
        instrument = self.scene.session_setup(command.cid).instrument
        limits = self.scene.limits(self.scene.session(command.cid))
        if command.symbol != instrument.symbol:
            raise self.broken(f"an order on {command.symbol} by a session on {instrument.symbol}")
        self._judge_filters(command, instrument)
        self._judge_kind(command)
        self._judge_collar(command, limits)
        value = command.price_ticks * command.size_lots * instrument.tick_lot_atoms
        if not command.reduces and command.size_lots > limits.order_lots_max:
            raise self.broken(f"an order of {command.size_lots} lots, limit {limits.order_lots_max}")
        if not command.reduces and value > limits.order_atoms_max:
            raise self.broken(f"an order worth {value}, limit {limits.order_atoms_max}")

    def _judge_filters(self, place: Place, instrument: Instrument) -> None:
        if not instrument.price_min_ticks <= place.price_ticks <= instrument.price_max_ticks:
            raise self.broken(f"a price of {place.price_ticks} ticks")
        if not instrument.size_min_lots <= place.size_lots <= instrument.size_max_lots:
            raise self.broken(f"a size of {place.size_lots} lots")
        value = place.price_ticks * place.size_lots * instrument.tick_lot_atoms
        if value < instrument.notional_min_atoms and not place.reduces:
            raise self.broken(f"a value of {value} atoms")

    def _judge_kind(self, place: Place) -> None:
        kind = (place.post_only, place.time_in_force)
        wanted = (False, TimeInForce.IOC) if place.reduces else (True, TimeInForce.GTC)
        if kind != wanted:
            raise self.broken(f"a {'reducing' if place.reduces else 'quoting'} order was {kind}")

    def _judge_collar(self, place: Place, limits: Limits) -> None:
        mids = self._mids[place.symbol]
        if not mids.high:
            return
        low = mids.low * (PPM - limits.collar_ppm) // PPM
        high = mids.high * (PPM + limits.collar_ppm) // PPM + 1
        if not low <= 2 * place.price_ticks <= high:
            raise self.broken(f"a price of {place.price_ticks} outside {low // 2} to {high // 2}")


class ConfigInForce(Checker):
    """I17. After every step the engine runs on exactly the version that was last applied, whole; what was
    refused changed nothing; and once limits are tighter, every order at the venue that the new ones would not
    let through has been sent a cancel as soon as one could be.
    """

    invariant = "I17"
    hears = (ConfigApplied,)

    def __init__(self, scene: Scene) -> None:
        """Start with the version of the setup."""
        super().__init__(scene)
        self.revision = scene.setup.revision
        self._changed_ns = 0
        self._same: tuple[SessionSetup, ...] = ()

    def begin_life(self) -> None:
        """Start with the version of the new setup."""
        self.revision = self.scene.setup.revision
        self._changed_ns = 0

    def on_event(self, event: AnyEvent) -> None:
        """Follow the version."""
        if isinstance(event, ConfigApplied):
            self.revision = event.revision
            self._changed_ns = event.ts_ns

    def on_step(self) -> None:
        """Compare versions, then orders with limits."""
        scene, state = self.scene, self.scene.engine.state
        if state.revision != self.revision:
            raise self.broken(f"revision {state.revision} is in force, {self.revision} was applied")
        if state.setup.sessions is not self._same:
            if state.setup.sessions != scene.setup.sessions:
                raise self.broken("what is in force is not what was applied")
            self._same = state.setup.sessions
        for session, setup in zip(state.sessions, scene.setup.sessions, strict=False):
            if session.setup is not setup and session.setup != setup:
                raise self.broken(f"{session.name} runs on a setup that was not applied")
        free_ns = max(self._changed_ns, scene.wire.banned_until_ns)
        if self._changed_ns and scene.now_ns - free_ns > scene.kill_ns:
            self._judge_orders(scene.now_ns - scene.kill_ns)

    # An order of which nothing could be learned is asked about again before it is cancelled once more.
    def _judge_orders(self, before_ns: int) -> None:
        scene = self.scene
        for index, setup in enumerate(scene.setup.sessions):
            limits, tick_lot_atoms = scene.limits(index), setup.instrument.tick_lot_atoms
            for cid, order in scene.truth.live.items():
                if scene.session_of.get(cid) != index or cid in scene.lied_about:
                    continue
                value = order.price_ticks * order.left_lots * tick_lot_atoms
                over = order.left_lots > limits.order_lots_max or value > limits.order_atoms_max
                uncancelled = scene.cancelled.get(cid, 0) < self._changed_ns
                if over and uncancelled and scene.asks_again_ns(cid) < before_ns:
                    raise self.broken(
                        f"{cid[-6:]} is over the limits of revision {self.revision}, uncancelled"
                    )
