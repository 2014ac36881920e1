"""Stopping and halting: cancel everything that is ours, and let the venue say that nothing is left.

Cancel = cancel what is live, list, cancel what still bears our mark, list again until the listing is clean.
A halt is latched: it survives a restart and needs an operator. Orders whose fate is unknown keep it open.
"""

from typing import Final

from mm.domain.commands import Place
from mm.domain.orders import UNCERTAIN, Order, OrderState
from mm.domain.units import NS_PER_S
from mm.engine import send
from mm.engine.session import Session, SessionState
from mm.engine.state import EngineState, SymbolState

CONFIRM_NS: Final = 10 * NS_PER_S
"""A halt that the venue has not confirmed after this is an alarm of its own."""

WAITS_SAID_AGAIN_NS: Final = 10 * NS_PER_S
"""A stop that waits says so this often: an unknown order may take a minute to be proven dead."""


def halt(state: EngineState, code: str, /, *, flatten: bool = False, **facts: object) -> None:
    """Latch trading off: no placement leaves any more, cancels go out, the latch is reported once.

    A halt on top of one that is not confirmed yet does not begin its time anew: the alarm has to come.
    """
    latched = bool(state.halt_code)
    if not latched:
        state.halt_code = code
        state.report("halt", "", **({"reason": code} | facts | {"reason": code}))
    if not latched or state.halt_confirmed or not state.halt_ns:
        _begin(state)
    _withdraw(state)
    for session in state.sessions:
        if session.state is not SessionState.COMPLETED:
            session.flatten = session.flatten or flatten
            session.ready = False
            state.touch(session)
            session.waits_said_ns = state.now_ns
            set_state(state, session, SessionState.HALTED, code)
    progress(state)


def on_broken_signal(state: EngineState, error: Exception) -> None:
    """Halt because a signal raised; they are told of the market during a halt too: one that holds stays."""
    if not state.halt_code:
        halt(state, "signal.failed", error=type(error).__name__, detail=str(error))


def stop(state: EngineState, session: Session, reason: str) -> None:
    """Begin the orderly end of a session; of one that is halted when the halt is lifted."""
    session.stopped = True
    if session.state not in (SessionState.STOPPING, SessionState.COMPLETED, SessionState.HALTED):
        state.touch(session)
        session.waits_said_ns = state.now_ns
        set_state(state, session, SessionState.STOPPING, reason)
        progress(state)


def hold(state: EngineState, session: Session, reason: str) -> None:
    """Let a session quote nothing until it is resumed: from now on, or from where a halt or a stop ends."""
    if session.state in (SessionState.PENDING, SessionState.ACTIVE):
        set_state(state, session, SessionState.PAUSED, reason)
        session.dirty = True
    elif not session.paused:
        session.paused = reason
        state.report("pause.noted", session.name, reason=reason)


def set_state(state: EngineState, session: Session, after: SessionState, reason: str) -> None:
    """Move a session to `after` and report it if that is news."""
    if session.state is after and session.reason == reason:
        return
    session.enter(after, reason)
    state.report("session.state", session.name, state=after, reason=reason)


def progress(state: EngineState) -> None:
    """Do what is next for every session that is to be without orders; called until all are confirmed."""
    for session in state.sessions:
        if session.state is SessionState.COMPLETED and state.orders.of_session(session.index):
            set_state(state, session, SessionState.STOPPING, "an order came back to life")
        if session.state is SessionState.STOPPING and _is_clean(state, session):
            set_state(state, session, SessionState.COMPLETED, "no order of ours is left")
    if not state.halt_code:
        return
    halted = [session for session in state.sessions if session.state is SessionState.HALTED]
    if state.halt_confirmed:
        if not _came_back(state, halted):
            return
        _begin(state)
        state.report("halt.reopened", "", orders=len(state.orders.live))
    # Every session is worked on, also when an earlier one is not clean yet.
    clean = [_is_clean(state, session) for session in halted]
    if all(clean):
        state.halt_confirmed = True
        state.report("halt.confirmed", "", took_ms=(state.now_ns - state.halt_ns) // 1_000_000)
    elif not state.halt_alarmed and state.now_ns - state.halt_ns > CONFIRM_NS:
        state.halt_alarmed = True
        state.report("halt.unconfirmed", "", orders=len(state.orders.live))


def clear(state: EngineState, session: Session) -> list[Order]:
    """Cancel what a session has live, as far as that can be done now; return what is live."""
    deadlines = state.setup.deadlines
    live = state.orders.of_session(session.index)
    for order in live:
        # An order without an answer may not have arrived yet: a cancel could overtake it. It is waited for.
        # An unknown one is cancelled less and less often: what it needs is to be found out about, and the
        # budget for that may not go into cancels that the venue has refused already.
        pause_ns = min(deadlines.query_max, deadlines.cancel_again << min(order.cancels, 10))
        overdue = order.state in UNCERTAIN and state.now_ns - order.cancelled_ns >= pause_ns
        if order.state is OrderState.WORKING or overdue:
            send.cancel(state, order)
    return live


def _is_clean(state: EngineState, session: Session) -> bool:
    # A session that stops is clean without its own orders; a halt leaves nothing that bears our mark.
    live = clear(state, session)
    symbol = state.symbols[session.setup.instrument.symbol]
    shown: SymbolState | Session = symbol if session.state is SessionState.HALTED else session
    arrived_ns = state.arrived_ns
    if not live and shown.clean_ns >= max(shown.touched_ns, arrived_ns):
        return True
    deadlines = state.setup.deadlines
    waits = live or state.now_ns < arrived_ns
    pause_ns = deadlines.query_max if waits else deadlines.cancel_again
    if live and state.now_ns - session.waits_said_ns >= WAITS_SAID_AGAIN_NS:
        session.waits_said_ns = state.now_ns
        unknown = sum(order.state in UNCERTAIN for order in live)
        state.report("stop.waits", session.name, orders=len(live), unknown=unknown)
    never_looked = symbol.orders_seen_ns < shown.touched_ns and not live
    if never_looked or state.now_ns - symbol.orders_seen_ns >= pause_ns:
        send.list_orders(state, session.setup.instrument.symbol)
    return False


def _withdraw(state: EngineState) -> None:
    # What another session decided earlier in this very step has not left yet, and does not any more.
    for place in [command for command in state.out if isinstance(command, Place) and not command.reduces]:
        state.out.remove(place)
        state.orders.withdraw(place.cid)


def _begin(state: EngineState) -> None:
    state.halt_ns = state.now_ns
    state.halt_confirmed = False
    state.halt_alarmed = False


def _came_back(state: EngineState, halted: list[Session]) -> bool:
    # Exits are sent after the confirmation; anything else that lives then was not to be there.
    indices = [session.index for session in halted]
    return any(order.session in indices and not order.reduces for order in state.orders.live.values())
