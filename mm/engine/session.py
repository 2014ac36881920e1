"""One session's own state in the engine: what it is doing, what it holds, what it said last."""

from collections import deque
from enum import StrEnum
from typing import Final, NamedTuple

from mm.domain.position import Position
from mm.domain.sides import Side
from mm.domain.view import LastFill
from mm.engine.burst import FillBurst
from mm.engine.market import Market
from mm.engine.setup import SessionSetup
from mm.risk.base import RiskView, Rule
from mm.signals.base import Signal
from mm.strategies.base import Watch

REJECTS_MAX: Final = 5
"""So many rejections within the window hold a session back: a venue that says no is not asked in a loop."""


class SessionState(StrEnum):
    """Where a session is in its life."""

    PENDING = "pending"
    ACTIVE = "active"
    PAUSED = "paused"
    STOPPING = "stopping"
    COMPLETED = "completed"
    HALTED = "halted"


class Watching(NamedTuple):
    """Another market that a session's strategy sees. Fields: watch: as it asked; readers: its signals."""

    watch: Watch
    market: Market
    readers: tuple[Signal, ...]


class Session:
    """State of one session.

    Fields:
        state, reason: where it is and why it does (not) quote, in one stable phrase.
        paused: why it quotes nothing until it is resumed, "" if nobody paused it: see `enter`.
        stopped: it was told to stop; it does not begin again in this life, whatever halts and lifts come.
        position: what own fills did; None-like (flat, start 0) until balances are known.
        target_lots: holding at which the inventory is 0; -1 until known.
        memory: what the strategy returned last. dirty: a decision is due. waits: the last one left an order
            alone that has to go, because the venue has to say something of it first.
        doubted: places in the strategy's needs whose doubt was told; each is told once.
        decisions: how often the strategy was asked. decided_ns, decided_mid: time and mid of the last
            decision; decided_others: mids of the markets that it watches. watching: those, in the order of
            the strategy's `watches`.
        due_ns: when time alone asks for the next; timer_ns: what its timer is set to, 0 = not set.
        denied: code of the last refusal per (side, level), so that each is reported once.
        held_until_ns: no placements before that (after repeated rejections).
        band_lots: hard inventory limit in force at the last decision; band_lots_seen_max: the widest so far.
        peak_atoms: highest P&L so far. exits: exit orders sent so far; flatten: an exit is wanted.
        clean_ns: when the last listing without an order of this session had been asked; touched_ns: when one
            was last placed or ended, or a stop began.
        stock_taken: the holdings were counted, in this life or the one taken over; stocked_ns: when in this;
            stock_floor: executions below this number were in them, 0 if that was not in this life.
        ready: it became active since the start or the last halt. burst: fills of the last minute.
        unjudged: ids of orders from before a change of limits that these have not let through (yet); judges:
            the rules that do.
    """

    def __init__(self, index: int, setup: SessionSetup, market: Market) -> None:
        """Start pending."""
        self.index = index
        self.setup = setup
        self.name = setup.name
        self.market = market
        self.state = SessionState.PENDING
        self.reason = "starting"
        self.paused = ""
        self.stopped = False
        self.position = Position(setup.instrument)
        self.target_lots = -1 if setup.target_lots is None else setup.target_lots
        self.memory = setup.strategy.initial_memory()
        self.dirty = False
        self.waits = False
        self.decisions = 0
        self.decided_ns = 0
        self.due_ns = 0
        self.timer_ns = 0
        self.decided_mid = 0
        self.decided_others: tuple[int, ...] = ()
        self.watching: tuple[Watching, ...] = ()
        self.denied: dict[tuple[Side, int], str] = {}
        self.rejected_ns: deque[int] = deque(maxlen=REJECTS_MAX)
        self.held_until_ns = 0
        self.peak_atoms = 0
        self.last_fill: dict[Side, LastFill] = {}
        self.burst = FillBurst()
        self.flatten = False
        # Filled anew before each decision; see `risk_view.py`.
        self.risk_view = RiskView.empty(setup.name, setup.instrument)
        self.band_lots = setup.band_lots_max
        self.band_lots_seen_max = 0
        self.stock_taken = False
        self.stocked_ns = 0
        self.stock_floor = 0
        self.clean_ns = 0
        self.touched_ns = 0
        self.ready = False
        self.exits = 0
        self.waits_said_ns = 0
        self.exits_refused = 0
        self.exit_due_ns = 0
        self.unjudged: list[str] = []
        self.judges: tuple[Rule, ...] = ()
        self._follow(setup)

    def enter(self, after: SessionState, reason: str) -> None:
        """Be in `after`. A pause outlasts halts, stops and the process: until it is to quote again."""
        self.state, self.reason = after, reason
        if after is SessionState.PAUSED:
            self.paused = reason
        elif after in (SessionState.PENDING, SessionState.ACTIVE):
            self.paused = ""

    def adopt(self, setup: SessionSetup) -> None:
        """Go on under another setup: position, orders and history stay.

        What the strategy remembers stays if it is still of the class and the kind of memory that it was.
        """
        before, after = self.setup.strategy, setup.strategy
        memory = after.initial_memory()
        if type(after) is not type(before) or type(memory) is not type(before.initial_memory()):
            self.memory = memory
        self.setup = setup
        self._follow(setup)

    def _follow(self, setup: SessionSetup) -> None:
        # Signals that are there already are kept with all they know.
        self.wake = setup.strategy.wake
        self.readers: tuple[Signal, ...] = tuple(self.market.signal(spec) for spec in setup.strategy.needs)
        self.doubted: tuple[int, ...] = ()
        # Only what a rule overrides is called: most rules judge, few shape, fewer watch.
        self.shapers = tuple(rule for rule in setup.rules if type(rule).shape is not Rule.shape)
        self.admitters = tuple(rule for rule in setup.rules if type(rule).admit is not Rule.admit)
        self.watchers = tuple(rule for rule in setup.rules if type(rule).watch is not Rule.watch)
