"""Leaving an open position after a halt that asked for it: takers, reducing only, bounded in slippage.

Exits begin when the venue has confirmed that no order of ours is left, so nothing can fill beside them. They
pass the same gate as every placement; they are repeated a bounded number of times, then an operator has to.
"""

from typing import Final

from mm.domain.quotes import Quote
from mm.domain.sides import Side
from mm.domain.units import NS_PER_S, PPM, ceil_div
from mm.engine import send
from mm.engine.risk_view import risk_view
from mm.engine.session import Session, SessionState
from mm.engine.state import EngineState

EXITS_MAX: Final = 10
EXIT_PAUSE_NS: Final = NS_PER_S


def progress_exits(state: EngineState) -> None:
    """Send the next exit of every halted session that has to leave its position."""
    for session in state.sessions:
        if session.state is SessionState.HALTED and session.flatten and state.halt_confirmed:
            _progress(state, session)


def _progress(state: EngineState, session: Session) -> None:
    if state.orders.of_session(session.index) or state.now_ns < session.exit_due_ns:
        return
    net_lots = session.position.net_lots
    instrument = session.setup.instrument
    reference = session.market.reference.half_ticks
    least = instrument.size_min_lots_at(max(1, reference // 2))
    if abs(net_lots) < least:
        _finish(state, session, "exit.done", net_lots)
    elif session.exits >= EXITS_MAX:
        _finish(state, session, "exit.incomplete", net_lots)
    elif reference:
        session.exits += 1
        session.exit_due_ns = state.now_ns + EXIT_PAUSE_NS
        side = Side.SELL if net_lots > 0 else Side.BUY
        quote = Quote(_bound_ticks(session, side), min(abs(net_lots), instrument.size_max_lots))
        send.place_exit(state, session, risk_view(state, session), side, quote)


def _finish(state: EngineState, session: Session, code: str, net_lots: int) -> None:
    session.flatten = False
    state.report(code, session.name, left_lots=net_lots, tries=session.exits)


def _bound_ticks(session: Session, side: Side) -> int:
    # The worst price that the slippage bound allows, rounded towards the reference.
    reference = session.market.reference.half_ticks
    slippage = session.setup.slippage_ppm
    if side is Side.SELL:
        return ceil_div(reference * (PPM - slippage), 2 * PPM)
    return reference * (PPM + slippage) // (2 * PPM)
