"""Seeing that somebody else trades this account with our mark: the newer life wins, the older one halts.

An id of ours from a later life, or from this one with a number that it never gave out, can only come from
another process. Must never cancel such an order: it is not ours.
"""

from mm.domain.ids import OrderId
from mm.engine.halt import halt
from mm.engine.state import EngineState

FENCED = "fenced"
"""Why trading is latched off then."""


def is_alien(state: EngineState, order_id: OrderId) -> bool:
    """Return whether another process made this id."""
    epoch = state.setup.epoch
    return order_id.epoch > epoch or (order_id.epoch == epoch and order_id.sequence > state.sequence)


def fence(state: EngineState, order_id: OrderId, cid: str) -> None:
    """Halt because of an id that another process made; said once per halt."""
    if state.fenced and state.halt_code:
        return
    state.fenced = True
    facts = {"cid": cid, "epoch": order_id.epoch, "sequence": order_id.sequence}
    state.report("fenced", "", **facts, own_epoch=state.setup.epoch, own_sequence=state.sequence)
    halt(state, FENCED, cid=cid, epoch=order_id.epoch)


def meets_alien(state: EngineState, cid: str) -> bool:
    """Return whether `cid` is another process's id; if so, trading is halted."""
    order_id = state.setup.ids.decode(cid)
    if order_id is None or not is_alien(state, order_id):
        return False
    fence(state, order_id, cid)
    return True
