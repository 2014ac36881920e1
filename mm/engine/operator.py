"""What an operator asks for: pause, resume, stop, halt, unhalt."""

from typing import assert_never

from mm.domain.events import Operation, OperatorAsked
from mm.engine.fence import TAKEN_OFF
from mm.engine.halt import halt, hold, set_state, stop
from mm.engine.session import Session, SessionState
from mm.engine.state import EngineState


def on_operator(state: EngineState, event: OperatorAsked) -> None:
    """Carry out an operator's request; what does not apply to a session's state changes nothing."""
    state.report("operator", event.session, operation=event.operation, reason=event.reason, who=event.who)
    match event.operation:
        case Operation.HALT:
            halt(state, event.reason or "operator")
        case Operation.UNHALT:
            _unhalt(state)
        case Operation.PAUSE | Operation.RESUME | Operation.STOP:
            for session in state.sessions:
                if event.session in ("", session.name):
                    _one(state, session, event)
        case _:
            assert_never(event.operation)


def _one(state: EngineState, session: Session, event: OperatorAsked) -> None:
    if event.operation is Operation.STOP:
        stop(state, session, event.reason or "operator")
    elif event.operation is Operation.PAUSE:
        hold(state, session, event.reason or "paused by the operator")
    elif session.state is SessionState.PAUSED:
        # Paused before it ever quoted, it still has to become ready.
        after = SessionState.ACTIVE if session.ready else SessionState.PENDING
        set_state(state, session, after, "resumed by the operator")
        session.dirty = True
    elif session.paused:
        session.paused = ""
        state.report("pause.lifted", session.name)


def _unhalt(state: EngineState) -> None:
    if not state.halt_code:
        return
    if not state.halt_confirmed:
        state.report("unhalt.refused", "", reason="the venue has not confirmed that nothing is left")
        return
    if state.fenced or state.halt_code == TAKEN_OFF:
        # Somebody else traded the account: nothing is quoted before the venue shows that nobody does.
        for symbol in state.symbols.values():
            symbol.orphan_free_ns = 0
            symbol.orphan_seen_ns = state.now_ns
    state.halt_code = ""
    state.fenced = False
    state.sequence = max(state.sequence, state.sequence_used)
    state.report("unhalt", "")
    for session in state.sessions:
        if session.state is SessionState.HALTED:
            session.flatten = False
            session.exits = session.exits_refused = 0
            session.burst.clear()
            session.peak_atoms = session.position.net_quote_atoms
            if session.stopped:
                state.touch(session)
                session.waits_said_ns = state.now_ns
                set_state(state, session, SessionState.STOPPING, "stopped before the halt was lifted")
            elif session.paused:
                set_state(state, session, SessionState.PAUSED, session.paused)
            else:
                set_state(state, session, SessionState.PENDING, "starting again")
