"""What every check looks at: the venue's truth, what is on its way to it, and the engine under judgement.

The scene remembers what several checks need: who placed what, which orders could still fill, what was told.
It judges nothing. Invariant: nothing here is taken from the engine but the engine itself.
"""

from collections import deque
from collections.abc import Sequence
from typing import ClassVar, Final

from mm.domain.commands import Place, Query, Report, TimeInForce, VenueCommand
from mm.domain.events import AnyEvent, CancelUnknown, OrderEvent, PlaceUnknown, RequestFailed
from mm.domain.ids import OrderIds
from mm.domain.instrument import Instrument
from mm.domain.sides import BUY, SELL
from mm.domain.worth import base_value_atoms
from mm.engine.engine import Engine
from mm.engine.session import Session
from mm.engine.setup import EngineSetup, SessionSetup
from mm.runtime.simulate.checks_limits import Limits, limits_of
from mm.runtime.simulate.looks import Looks
from mm.runtime.simulate.truth import TrueFill, Truth
from mm.runtime.simulate.wire import Wire
from mm.runtime.takeover import Taken

SECOND_NS: Final = 1_000_000_000
MINUTE_NS: Final = 60 * SECOND_NS

RECENT_NS: Final = 60 * SECOND_NS
"""A record that is not on the disk when the power goes is of within this time."""

FLOW_NS: Final = 10 * SECOND_NS
"""An answer about balances that is counted by is no older than this."""

BIAS: Final = 1 << 80
"""Added to amounts that may be 0 where 0 stands for nothing."""


class Broken(AssertionError):
    """An invariant does not hold. Fields: invariant: its name."""

    def __init__(self, invariant: str, text: str) -> None:
        """Keep the name beside the text."""
        super().__init__(f"{invariant}: {text}")
        self.invariant = invariant


class Extremes:
    """The lowest and highest of what was seen within the last `span_ns`."""

    __slots__ = ("_gone", "_highs", "_lows", "_seen", "_span_ns")

    def __init__(self, span_ns: int) -> None:
        """Start without any."""
        self._span_ns = span_ns
        self._seen: deque[tuple[int, int]] = deque()
        # How many of those seen are gone; and by their number those that may become an extreme, best first.
        self._gone = 0
        self._lows: deque[tuple[int, int]] = deque()
        self._highs: deque[tuple[int, int]] = deque()

    def see(self, now_ns: int, value: int) -> None:
        """Take a value in, 0 aside; what is older than the span goes, but not the last one before it."""
        seen = self._seen
        if value and (not seen or seen[-1][1] != value):
            self._rank(self._gone + len(seen), value)
            seen.append((now_ns, value))
        while len(seen) > 1 and seen[1][0] <= now_ns - self._span_ns:
            seen.popleft()
            self._gone = gone = self._gone + 1
            if self._lows[0][0] < gone:
                self._lows.popleft()
            if self._highs[0][0] < gone:
                self._highs.popleft()

    def _rank(self, number: int, value: int) -> None:
        lows, highs = self._lows, self._highs
        while lows and lows[-1][1] >= value:
            lows.pop()
        lows.append((number, value))
        while highs and highs[-1][1] <= value:
            highs.pop()
        highs.append((number, value))

    @property
    def low(self) -> int:
        """The lowest, 0 if nothing was seen."""
        return self._lows[0][1] if self._lows else 0

    @property
    def high(self) -> int:
        """The highest, 0 if nothing was seen."""
        return self._highs[0][1] if self._highs else 0

    def values(self) -> Sequence[int]:
        """Return what was seen, oldest first."""
        return [value for _, value in self._seen]


class Scene:
    """What is judged.

    Fields: setup, engine: of the life under way; truth, wire: of the venue; now_ns. placed: every placement
    that this life answers for, by id; session_of: index of its session. cancelled: when a cancel was last
    sent, by id. in_vain: when the process was last told that a request about an order came to nothing, by id;
    nothing was told of it since. halted_ns: since when trading is latched off, 0 = not. lied_about: ids of
    which the venue told what no engine can see through. recorded: ids that stand in the journal, None where
    there is none. crashed: whether a process of this run died. bounds_exposure: whether the venue tells
    enough for any engine to hold its limits. start_holdings: of the account at the beginning, atoms by asset.
    inventory: of each session by the venue's truth. reached_ns: when the event that is being handled had
    reached the process, 0 if that is now. lost: ids of orders whose record went with the power: they are
    found at the venue, or nowhere. lost_bytes: of all records that did. recent: when and what was placed
    within `RECENT_NS`. forgotten: what of it no record on the disk knows, although it left. deceived: indices
    of sessions whose exposure no engine can bound now, because of what the venue said or filled. taken: what
    this life's start made of the journal before it. ahead_ns: how far the time of this life's engine is ahead
    of the venue's, which `now_ns` is. looks: which checks looked away, and how often.
    """

    def __init__(self, setup: EngineSetup, truth: Truth, wire: Wire, engine: Engine) -> None:
        """Begin to watch one run."""
        self.setup = setup
        self.ids: OrderIds = setup.ids
        self.truth = truth
        self.wire = wire
        self.engine = engine
        self.now_ns = 0
        self.placed: dict[str, Place] = {}
        self.session_of: dict[str, int] = {}
        self.cancelled: dict[str, int] = {}
        self.in_vain: dict[str, int] = {}
        self.halted_ns = 0
        self.lied_about: set[str] = set()
        self.recorded: set[bytes] | None = None
        self.crashed = False
        self.bounds_exposure = True
        self.start_holdings = dict(truth.holdings)
        self.inventory = Inventory(self)
        self.reports: dict[str, int] = {}
        self._limits: dict[int, tuple[SessionSetup, Limits]] = {}
        self.reached_ns = 0
        self.lost: set[str] = set()
        self.lost_bytes = 0
        self.recent: deque[tuple[int, str]] = deque()
        self.forgotten: set[str] = set()
        self.taken = Taken()
        self.ahead_ns = 0
        self.deceived: set[int] = set()
        self.looks = Looks()

    @property
    def kill_ns(self) -> int:
        """After a halt that nothing forbids to cancel, a cancel was sent for every open order within this
        time: one without an answer is waited for, and what is unknown then is asked about first.
        """
        deadlines = self.setup.deadlines
        return 2 * deadlines.answer + deadlines.venue_lag

    @property
    def reconciled_ns(self) -> int:
        """With no fault left, nothing stays different or silent for longer: a reconciliation and its way."""
        deadlines = self.setup.deadlines
        return deadlines.reconcile + deadlines.answer + deadlines.venue_lag

    @property
    def inherits(self) -> bool:
        """Whether this life took over what an earlier one left; what outlasts an orderly end is less."""
        return getattr(self.setup, "estate", None) is not None and self.taken.rest is None

    def begin_life(self, setup: EngineSetup, engine: Engine) -> None:
        """Go on with the next process. One that inherits nothing answers for nothing of before."""
        self.setup = setup
        self.engine = engine
        self.halted_ns = 0
        self.crashed = True
        self.cancelled.clear()
        self.in_vain.clear()
        if not self.inherits:
            self.placed.clear()
            self.session_of.clear()
        self.inventory.begin_life()

    def note(self, place: Place) -> None:
        """Take a placement in that is about to leave."""
        self.session_of[place.cid] = self.session(place.cid)
        self.placed[place.cid] = place
        self.recent.append((self.now_ns, place.cid))
        while self.recent[0][0] < self.now_ns - RECENT_NS:
            self.recent.popleft()

    def hear(self, event: AnyEvent) -> None:
        """Take in what is told of an order, or that asking about it failed."""
        if isinstance(event, CancelUnknown):
            self.in_vain[event.cid] = self.now_ns
        elif isinstance(event, RequestFailed):
            if event.what == Query.__name__:
                self.in_vain[event.subject] = self.now_ns
        elif isinstance(event, OrderEvent) and not isinstance(event, PlaceUnknown):
            self.in_vain.pop(event.cid, None)

    def asks_again_ns(self, cid: str) -> int:
        """Return by when the process asks about an order again that it asked about in vain, 0 if it did not.

        Before that nothing can be held against it: it does not know what became of the order.
        """
        asked_ns = self.in_vain.get(cid)
        return 0 if asked_ns is None else asked_ns + self.setup.deadlines.query_max

    def session(self, cid: str) -> int:
        """Return the index of the session that an id of ours is of."""
        known = self.session_of.get(cid)
        if known is not None:
            return known
        decoded = self.ids.decode(cid)
        assert decoded is not None, "an id that is not ours was sent"
        return decoded.session

    def session_setup(self, cid: str) -> SessionSetup:
        """Return the setup, as configured, of the session that an id of ours is of."""
        return self.setup.sessions[self.session(cid)]

    def limits(self, session: int) -> Limits:
        """Return the limits of a session, as configured."""
        setup = self.setup.sessions[session]
        known = self._limits.get(session)
        if known is None or known[0] is not setup:
            known = self._limits[session] = (setup, limits_of(setup))
        return known[1]

    def instrument(self, symbol: str) -> Instrument:
        """Return what is traded under that name."""
        return self.truth.markets[symbol].instrument

    def mid_half_ticks(self, symbol: str) -> int:
        """Return the sum of the best prices at the venue, own orders included; 0 where a side is empty."""
        venue = self.truth.markets[symbol].venue
        bid, ask = venue.best_ticks(BUY), venue.best_ticks(SELL)
        return bid + ask if bid is not None and ask is not None else 0

    def equity_atoms(self, quote: str) -> int:
        """Return what the account is worth in an asset by the venue's holdings and prices; what is traded
        against something else, or has no price now, does not count.
        """
        total = self.truth.holdings.get(quote, 0)
        for symbol, market in self.truth.markets.items():
            instrument = market.instrument
            if instrument.quote == quote:
                mid = self.mid_half_ticks(symbol)
                total += base_value_atoms(instrument, self.truth.holdings[instrument.base], mid)
        return total

    def may_fill(self) -> list[tuple[Place, int]]:
        """Return what this life placed and can still fill, resting or on its way, with the lots left."""
        placed = self.placed
        left = [(placed[cid], order.left_lots) for cid, order in self.truth.live.items() if cid in placed]
        left += [(place, place.size_lots) for cid, place in self.wire.in_transit.items() if cid in placed]
        return left

    def is_ours(self, cid: str) -> bool:
        """Return whether an id has our mark and is of this life or an earlier one, not of a later process."""
        decoded = self.ids.decode(cid)
        return decoded is not None and decoded.epoch <= self.setup.epoch

    def fills_of(self, session: int) -> tuple[list[TrueFill], list[TrueFill]]:
        """Return the venue's executions of a session since its count began, and those of orders that a life
        before that had left for filled: there the venue filled more than was asked, and whether that is in
        the count depends on when it did.
        """
        mine, beyond = list[TrueFill](), list[TrueFill]()
        for fill in self.truth.fills:
            if fill.cid in self.session_of:
                found = mine
            elif self.is_ours(fill.cid) and self.truth.orders[fill.cid].left_lots < 0:
                found = beyond
            else:
                continue
            if self.session(fill.cid) == session:
                found.append(fill)
        return mine, beyond

    def own(self) -> list[Place]:
        """Return all orders of ours that are not dead by the venue's truth, earlier lives included."""
        known = dict(self.wire.in_transit)
        for cid, order in self.truth.live.items():
            if self.is_ours(cid):
                known[cid] = self.placed.get(cid) or Place(
                    cid=cid,
                    symbol=order.symbol,
                    side=order.side,
                    price_ticks=order.price_ticks,
                    size_lots=order.size_lots,
                    post_only=True,
                    time_in_force=TimeInForce.GTC,
                    reduces=False,
                    market_seq=0,
                    market_age_ns=0,
                )
        return list(known.values())


class Inventory:
    """What each session holds beside its target, by the venue's own executions of its orders."""

    def __init__(self, scene: Scene) -> None:
        """Start before any stock was taken."""
        self._scene = scene
        self._seen = 0
        self._moved: dict[int, int] = {}
        self._begun: dict[int, tuple[int, int]] = {}
        self._recounted: dict[int, None] = {}
        self._flows: dict[str, Extremes] = {}

    def begin_life(self) -> None:
        """Go on where that is inherited, else count anew."""
        if not self._scene.inherits:
            self._moved.clear()
            self._begun.clear()

    def refresh(self) -> None:
        """Take in what happened at the venue since the last time, and who took stock since."""
        scene = self._scene
        fills = scene.truth.fills
        for fill in fills[self._seen :]:
            # Also what was left over of an earlier life, and is filled against the venue's own word.
            if fill.cid in scene.session_of or scene.is_ours(fill.cid):
                session = scene.session(fill.cid)
                self._moved[session] = self._moved.get(session, 0) + fill.side.sign * fill.size_lots
        self._seen = len(fills)
        for one in scene.engine.state.sessions:
            if not one.stock_taken and self._begun.pop(one.index, None) is not None:
                # What it had counted went with the power: it begins anew, from what is held then.
                self._moved.pop(one.index, None)
                self._recounted[one.index] = None
        if len(self._begun) == len(scene.setup.sessions):
            return
        for asset, atoms in scene.truth.beside.items():
            self._flows.setdefault(asset, Extremes(FLOW_NS)).see(scene.now_ns, atoms + BIAS)
        for one in scene.engine.state.sessions:
            if one.stock_taken and one.index not in self._begun:
                self._begin(one)

    @property
    def begun(self) -> int:
        """How many sessions have taken stock."""
        return len(self._begun)

    def is_recounted(self, session: int) -> bool:
        """Return whether a session took stock again, because what it had counted was lost."""
        return session in self._recounted

    def held(self, session: int) -> int:
        """Return the inventory of a session, lots: the change of the holdings since it took stock, whatever
        came from outside taken off; where two sessions share a symbol, what its own orders moved since.
        """
        self.refresh()
        begun, moved = self._begun.get(session), self._moved.get(session, 0)
        if begun is None:
            return moved
        if self._shares(session):
            return moved - begun[0] + begun[1]
        instrument = self._scene.setup.sessions[session].instrument
        return (self._own_atoms(instrument) - begun[0]) // instrument.lot_atoms + begun[1]

    def _begin(self, session: Session) -> None:
        # What was held then less the target. Something may have come from outside while the answer that the
        # engine counted by was on its way: then both counts are right, and the engine's is taken.
        instrument, truth = session.setup.instrument, self._scene.truth
        if self._shares(session.index):
            self._begun[session.index] = (self._moved.get(session.index, 0), session.position.inventory_lots)
            return
        own = self._own_atoms(instrument)
        counts = [
            (own + flow - BIAS) // instrument.lot_atoms - session.target_lots
            for flow in self._flows[instrument.base].values()
        ]
        start = truth.holdings[instrument.base] // instrument.lot_atoms - session.target_lots
        believed = session.position.inventory_lots
        self._begun[session.index] = (own, believed if believed in counts else start)

    def _own_atoms(self, instrument: Instrument) -> int:
        truth = self._scene.truth
        return truth.holdings[instrument.base] - truth.beside[instrument.base]

    def _shares(self, session: int) -> bool:
        sessions = self._scene.setup.sessions
        return sum(one.instrument is sessions[session].instrument for one in sessions) > 1


class Checker:
    """One invariant. Subclasses override the moments at which they look; only those are called."""

    invariant: ClassVar[str]
    hears: ClassVar[tuple[type[AnyEvent], ...]] = ()
    """The kinds of events that `on_event` is told of; empty: all."""

    def __init__(self, scene: Scene) -> None:
        """Judge what `scene` shows."""
        self.scene = scene

    def broken(self, text: str) -> Broken:
        """Return the verdict."""
        return Broken(self.invariant, text)

    def begin_life(self) -> None:
        """Forget what the process before this one did."""

    def on_event(self, event: AnyEvent) -> None:
        """Look at what is about to reach the engine."""

    def on_command(self, command: VenueCommand) -> None:
        """Judge a command before it is carried out."""

    def on_report(self, report: Report) -> None:
        """Look at what the engine tells observers."""

    def on_truth(self) -> None:
        """Judge after the venue's truth changed or commands left."""

    def on_step(self) -> None:
        """Judge after a step of the engine and all that it caused at once."""

    def when_healed(self) -> None:
        """Judge some time after the last fault."""

    def at_rest(self) -> None:
        """Judge after everything was stopped in order and came to rest."""
