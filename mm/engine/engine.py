"""The engine: `step(event) -> commands`, one function for live, paper, backtest and replay.

Time arrives in events. Before an event at T is applied, every timer due at or before T is delivered with its
own due time. The engine never fails on what a venue says; a broken strategy or rule ends in a halt.
"""

from collections.abc import Sequence
from typing import Final

from mm.domain.commands import AnyCommand
from mm.domain.events import (
    AccessDenied,
    Advanced,
    AnyEvent,
    BalanceChanged,
    BalancesListed,
    BookDelta,
    BookLost,
    BookSnapshot,
    ClockDoubted,
    ClockMeasured,
    ConfigApplied,
    FillsListed,
    Operation,
    OperatorAsked,
    OrdersListed,
    PublicTrade,
    RateUsed,
    RequestFailed,
    StreamDown,
    StreamUp,
    Throttled,
    TopOfBook,
)
from mm.engine import market_events, recovery
from mm.engine.account_events import on_account_event
from mm.engine.decide import decide, on_timer
from mm.engine.estate import inherit
from mm.engine.glide import Glided, take_in
from mm.engine.learnt import recall
from mm.engine.operator import on_operator
from mm.engine.order_events import on_order_event
from mm.engine.reconfigure import reconfigure
from mm.engine.session import Session
from mm.engine.setup import EngineSetup, NewSetup
from mm.engine.state import EngineState
from mm.engine.sweep import sweep
from mm.engine.timers import TimerKey

EARLY_DIVISOR: Final = 4
"""A sweep may come earlier than it has to once so large a part of its pause has passed."""

_SWEEP: Final[TimerKey] = ("sweep", "")


class Engine:
    """The deterministic core. Fields: state: everything it knows; read it, never write it."""

    def __init__(self, setup: EngineSetup) -> None:
        """Build the engine; nothing happens before the first step."""
        self.state = EngineState(setup)
        if setup.estate is not None:
            inherit(self.state, setup.estate)
        self._by_name = {session.name: session for session in self.state.sessions}
        self._prepared: dict[int, NewSetup] = {}
        self._started = False

    @property
    def next_due_ns(self) -> int | None:
        """When the next timer is due, None before the first step."""
        return self.state.timers.next_due_ns

    def step(self, event: AnyEvent) -> Sequence[AnyCommand]:
        """Apply one event and return what has to be done, in order.

        Events must come in order of `ts_ns`; an earlier one is taken as happening now.
        """
        state = self.state
        out: list[AnyCommand] = []
        state.out = out
        state.step_ns = ts_ns = max(event.ts_ns, state.now_ns)
        if not self._started:
            self._start(ts_ns)
        elif ts_ns - state.now_ns > state.setup.deadlines.stall:
            market_events.on_stall(state, ts_ns)
        while (due := state.timers.pop_due(ts_ns)) is not None:
            state.now_ns = max(state.now_ns, due[0])
            self._on_timer(due[1])
            self._settle()
        state.now_ns = ts_ns
        self._apply(event)
        self._settle()
        state.commands += len(out)
        return out

    def glide(self, now_ns: int, markets: Sequence[Glided]) -> Sequence[AnyCommand]:
        """Take in what others have applied to the books by `now_ns`; return what has to be done, in order.

        Args: now_ns: time of the last message, before the next timer; markets: what was applied, see there.
        """
        state = self.state
        due_ns = state.timers.next_due_ns
        assert self._started
        assert not state.setup.caps.own_orders_in_book
        assert state.now_ns <= now_ns
        assert due_ns is None or now_ns < due_ns
        out: list[AnyCommand] = []
        state.out = out
        state.step_ns = state.now_ns = now_ns
        for glided in markets:
            take_in(state, glided)
        self._settle()
        state.commands += len(out)
        return out

    def prepare(self, revision: int, setup: NewSetup) -> None:
        """Keep what the event `ConfigApplied` of that revision is going to put in force; nothing happens."""
        self._prepared[revision] = setup

    def digest(self) -> str:
        """Return a hash of the whole state."""
        return self.state.digest()

    def _start(self, ts_ns: int) -> None:
        self._started = True
        state = self.state
        state.now_ns = state.started_ns = ts_ns
        state.timers.set(_SWEEP, ts_ns)
        recovery.begin(state)
        if state.signals_left:
            recall(state)
        for session in state.sessions:
            if session.paused:
                # Whoever starts a daemon again is told why it does not quote.
                state.report("session.state", session.name, state=session.state, reason=session.paused)
        if state.halt_code:
            on_operator(
                state,
                OperatorAsked(
                    ts_ns=ts_ns, operation=Operation.HALT, session="", reason=state.halt_code, who="latch"
                ),
            )

    def _on_timer(self, key: TimerKey) -> None:
        state = self.state
        kind, subject = key
        if kind == "sweep":
            self._sweep()
        elif kind == "decide":
            session = self._by_name[subject]
            on_timer(state, session)
            self._sweep_along(session)
        else:
            assert kind == "stale"
            market_events.on_stale(state, subject)

    def _sweep(self) -> None:
        state = self.state
        state.swept_ns = max(state.now_ns, state.step_ns)
        # After a pause of the process what was missed is done once, now: a burst would help nobody.
        state.timers.set(_SWEEP, max(state.now_ns + state.setup.deadlines.sweep, state.step_ns))
        sweep(state)

    # Where decisions come as often as sweeps do, the two fall together from the first time on: whoever drives
    # the engine is woken once for both, and the limits are looked at once.
    def _sweep_along(self, session: Session) -> None:
        state, pause_ns = self.state, self.state.setup.deadlines.sweep
        if session.wake.every_ns <= pause_ns and state.now_ns - state.swept_ns >= pause_ns // EARLY_DIVISOR:
            self._sweep()

    def _apply(self, event: AnyEvent) -> None:
        state, kind = self.state, type(event)
        # By look-ups of types: a pattern for each costs several microseconds for those that come last.
        if kind is _ADVANCED:
            pass
        elif kind in _MARKET:
            market_events.on_market_event(state, event)  # type: ignore[arg-type]  # the kind says it
        elif kind in _STREAM:
            market_events.on_stream_event(state, event)  # type: ignore[arg-type]  # the kind says it
        elif kind in _ACCOUNT:
            on_account_event(state, event)  # type: ignore[arg-type]  # the kind says it
        elif isinstance(event, OperatorAsked):
            on_operator(state, event)
        elif isinstance(event, ConfigApplied):
            reconfigure(state, event, self._prepared.pop(event.revision))
        else:
            on_order_event(state, event)  # type: ignore[arg-type]  # no other kinds are left

    def _settle(self) -> None:
        # Own orders may have changed the book without own size; then whoever has to decide does.
        state = self.state
        version = state.orders.version
        for market in state.markets.values():
            if market.is_outdated(state.now_ns, version):
                market_events.refresh(state, market)
        for session in state.sessions:
            if session.dirty:
                decide(state, session)


_ADVANCED: Final = Advanced
_MARKET: Final = dict.fromkeys((BookDelta, TopOfBook, BookSnapshot, BookLost, PublicTrade))
_STREAM: Final = dict.fromkeys((StreamUp, StreamDown))
_ACCOUNT: Final = dict.fromkeys(
    (
        OrdersListed,
        FillsListed,
        BalancesListed,
        BalanceChanged,
        RequestFailed,
        Throttled,
        RateUsed,
        ClockMeasured,
        ClockDoubted,
        AccessDenied,
    )
)
# Which events go where.


def session_named(engine: Engine, name: str) -> Session | None:
    """Return the session of that name, None if there is none."""
    return engine._by_name.get(name)
