"""Leaving an open position after a halt that asked for it: takers, reducing only, bounded in slippage.

Exits begin when the venue has confirmed that no order of ours is left, so nothing can fill beside them. They
pass the same gate as every placement; they are sent a bounded number of times, then an operator has to. None
is sent before everything was listed: not after a start, not after the user stream fell or the process stood
still, because what there is to leave would be a guess.
"""

from typing import Final

from mm.domain.position import Position
from mm.domain.quotes import Quote
from mm.domain.sides import BUY, SELL, Side
from mm.domain.units import NS_PER_S, PPM, ceil_div
from mm.engine import send
from mm.engine.risk_view import risk_view
from mm.engine.session import Session, SessionState
from mm.engine.state import EngineState

EXITS_MAX: Final = 10
REFUSALS_MAX: Final = 300
"""Seconds for which an exit may be denied or wait (no fresh book, say) before an operator is called."""

EXIT_PAUSE_NS: Final = NS_PER_S


def progress_exits(state: EngineState) -> None:
    """Send the next exit of every halted session that has to leave its position."""
    for session in state.sessions:
        if session.state is SessionState.HALTED and session.flatten and state.halt_confirmed:
            if state.fenced:
                # The position is another process's to leave: two that do are one too many.
                _finish(state, session, "exit.incomplete", refused="fenced")
                continue
            try:
                _progress(state, session)
            except Exception as error:  # noqa: BLE001 - fail closed: a broken rule ends the exit, an operator has to
                _finish(state, session, "exit.failed", error=type(error).__name__, detail=str(error))


def _progress(state: EngineState, session: Session) -> None:
    reference = session.market.reference.half_ticks
    if not reference or state.orders.of_session(session.index) or state.now_ns < session.exit_due_ns:
        return
    lots = _leaving_lots(session.position)
    instrument = session.setup.instrument
    side = SELL if lots > 0 else BUY
    price_ticks = max(1, _bound_ticks(session, side))
    if abs(lots) < instrument.size_min_lots_at(price_ticks):
        _finish(state, session, "exit.done")
    elif session.exits >= EXITS_MAX or session.exits_refused >= REFUSALS_MAX:
        _finish(state, session, "exit.incomplete", refused=str(session.exits_refused))
    else:
        session.exit_due_ns = state.now_ns + EXIT_PAUSE_NS
        if not _is_known(state):
            session.exits_refused += 1
            return
        quote = Quote(price_ticks, min(abs(lots), instrument.size_max_lots))
        if send.place_exit(state, session, risk_view(state, session), side, quote):
            session.exits += 1
        else:
            session.exits_refused += 1


def _is_known(state: EngineState) -> bool:
    # What an earlier life held may have changed while nobody looked; so may everything after a silence.
    return state.user_synced and (state.recovery is None or state.recovery.done)


def _leaving_lots(position: Position) -> int:
    # What fills moved and what stands off the target, whichever is less: an exit takes neither past 0.
    net_lots, inventory_lots = position.net_lots, position.inventory_lots
    if net_lots > 0:
        return max(0, min(net_lots, inventory_lots))
    return min(0, max(net_lots, inventory_lots))


def _finish(state: EngineState, session: Session, code: str, **facts: str) -> None:
    session.flatten = False
    state.report(code, session.name, left_lots=session.position.net_lots, tries=session.exits, **facts)


def _bound_ticks(session: Session, side: Side) -> int:
    # The worst price that the slippage bound allows, rounded towards the reference.
    reference = session.market.reference.half_ticks
    slippage = session.setup.slippage_ppm
    if side is SELL:
        return ceil_div(reference * (PPM - slippage), 2 * PPM)
    return reference * (PPM + slippage) // (2 * PPM)
