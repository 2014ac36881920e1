"""Seeing that somebody else trades this account with our mark: the newer life wins, the older one halts.

Three signs, one outcome: never two that place at once.

1. An id of ours from a later life, or from this one with a number that it never gave out, can only come from
   another process. We halt at once, and never cancel such an order: it is not ours.
2. A newer process sends no order before the venue shows none of an older life: it only cancels. So the older
   one may never see an id of it. What it does see is that its orders are taken off although it did not ask
   for that: five times in a row, each time one that was placed after the time before, and it halts. The same
   holds for a person who does that by hand.
3. The newer one waits and cancels for as long as orders of an older life keep coming, and says so once no
   request of a dead process can be on its way any more. It never gives up: the older one is to stop.
"""

from typing import Final

from mm.domain.ids import OrderId
from mm.domain.orders import Order
from mm.domain.units import NS_PER_S
from mm.engine.halt import halt
from mm.engine.state import TAKEN_OFF_MAX, EngineState

FENCED = "fenced"
"""Why trading is latched off then."""

TAKEN_OFF = "orders.taken_off"
"""Why trading is latched off if somebody else keeps cancelling our orders."""

ROUNDS_NS: Final = 60 * NS_PER_S
"""It has to happen within this time: once may be a person, or the venue before its maintenance."""

OLDER_SAID_AGAIN_NS: Final = 30 * NS_PER_S
"""That an older process runs is said again after this."""


def is_alien(state: EngineState, order_id: OrderId) -> bool:
    """Return whether another process made this id."""
    epoch = state.setup.epoch
    return order_id.epoch > epoch or (order_id.epoch == epoch and order_id.sequence > state.sequence)


def fence(state: EngineState, order_id: OrderId, cid: str) -> None:
    """Halt because of an id that another process made; said once per halt."""
    if order_id.epoch == state.setup.epoch:
        state.sequence_used = max(state.sequence_used, order_id.sequence)
    if state.fenced:
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


def note_taken_off(state: EngineState, order: Order) -> None:
    """Note that the venue says an order was cancelled, before that is applied; halt if nobody here asked for
    it too often.
    """
    rounds = state.taken_off_ns
    asked = bool(order.cancels) or order.reduces
    if asked or not order.is_live or order.placed_ns <= state.started_ns:
        return
    if rounds and (order.placed_ns < rounds[-1] or state.now_ns == rounds[-1]):
        return
    rounds.append(state.now_ns)
    if len(rounds) == TAKEN_OFF_MAX and state.now_ns - rounds[0] <= ROUNDS_NS and not state.halt_code:
        rounds.clear()
        halt(state, TAKEN_OFF, cid=order.cid, times=TAKEN_OFF_MAX, by="a newer process, or a person")


def note_orphan(state: EngineState, cid: str) -> None:
    """Take in that a listing shows an order of an earlier life that none showed before."""
    order_id = state.setup.ids.decode(cid)
    if order_id is None or state.now_ns - state.started_ns <= state.setup.caps.absence_proof_ns:
        return
    if not state.older_ns or state.now_ns - state.older_said_ns >= OLDER_SAID_AGAIN_NS:
        state.older_said_ns = state.now_ns
        facts = {"cid": cid, "epoch": order_id.epoch, "own_epoch": state.setup.epoch}
        state.report("fence.older_trades", "", **facts)
    state.older_ns = state.now_ns


def older_trades(state: EngineState) -> bool:
    """Return whether a process of an older life has placed an order within the last while."""
    return state.older_ns > 0 and state.now_ns - state.older_ns < OLDER_SAID_AGAIN_NS
