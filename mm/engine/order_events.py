"""What the venue says about single orders: forward in the table, never back; fills whatever the state.

An end that states more fills than are known is not an end yet: the order stays exposure until the missing
fills are there.
"""

from typing import Final, assert_never

from mm.domain.events import (
    AckMismatch,
    CancelRejected,
    CancelUnknown,
    OrderAcked,
    OrderCanceled,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderNotFound,
    OrderRejected,
    OrderSeen,
    PlaceUnknown,
    Source,
)
from mm.domain.orders import Order, OrderState, Trigger
from mm.domain.units import NS_PER_S
from mm.engine import send
from mm.engine.fence import meets_alien, note_taken_off
from mm.engine.fills import on_fill
from mm.engine.halt import halt
from mm.engine.session import REJECTS_MAX, Session
from mm.engine.state import EngineState

_STREAM: Final = Source.STREAM  # as a constant for the reason given in `sides.py`

REJECT_WINDOW_NS = 10 * NS_PER_S
REJECT_HOLD_NS = 10 * NS_PER_S
NOT_FOUND_MIN = 3
"""Queries in a row that must find nothing before absence may be proven at all."""


def on_order_event(state: EngineState, event: OrderEvent) -> None:
    """Apply one event about an order."""
    if type(event) in _ECHOED:
        _note_echo(state, event)  # type: ignore[arg-type]  # the type says it
    if isinstance(event, OrderFilled):
        on_fill(state, event)
        return
    order = state.orders.get(event.cid)
    if order is None:
        # Of an earlier life, or foreign: listings deal with those.
        meets_alien(state, event.cid)
        return
    was_live = order.is_live
    # What comes most is asked for first: each pattern that is tried in vain costs.
    match event:
        case OrderAcked():
            _on_ack(state, order, event)
        case OrderCanceled():
            note_taken_off(state, order)
            end(state, order, Trigger.CANCELED, event.cum_lots)
        case AckMismatch():
            state.report("order.mismatch", _name(state, order), cid=order.cid, detail=event.detail)
            halt(state, "ack.mismatch", cid=order.cid)
        case OrderRejected():
            _on_reject(state, order, event)
        case PlaceUnknown():
            _on_place_unknown(state, order, event)
        case OrderExpired():
            _on_expired(state, order, event)
        case CancelRejected():
            _fire(state, order, Trigger.CANCEL_REFUSED)
        case CancelUnknown():
            _fire(state, order, Trigger.CANCEL_LOST if event.sent else Trigger.CANCEL_NOT_SENT)
        case OrderSeen():
            _on_seen(state, order, event)
        case OrderNotFound():
            _on_not_found(state, order)
        case _:
            assert_never(event)
    after(state, order, was_live=was_live)


_ECHOED: Final = dict.fromkeys((OrderAcked, OrderCanceled, OrderExpired, OrderFilled))
# What the user stream tells by itself as well.


def _note_echo(state: EngineState, event: OrderAcked | OrderCanceled | OrderExpired | OrderFilled) -> None:
    # A stream that says something lives. Orders that end within seconds never show by themselves that it
    # does not: the first acknowledgement that it should have brought as well sets it a deadline.
    if event.source is _STREAM:
        state.echo_due_ns = 0
    elif isinstance(event, OrderAcked) and not state.echo_due_ns:
        order = state.orders.get(event.cid)
        if order is not None and not order.echoed:
            state.echo_due_ns = state.now_ns + state.setup.deadlines.echo


def after(state: EngineState, order: Order, *, was_live: bool) -> None:
    """Do what an order's news ask for: a level became free or taken again, a listing became old."""
    if was_live is not order.is_live:
        session = state.sessions[order.session]
        state.touch(session)
        session.dirty = True


def end(state: EngineState, order: Order, trigger: Trigger, cum_lots: int) -> None:
    """End an order as the venue says, or wait for fills that it states and we do not have.

    An end that does not say what filled before may hide fills: the order is asked about first.
    """
    if order.is_live and cum_lots < 0:
        _fire(state, order, Trigger.CANCEL_LOST)
        send.query(state, order)
        return
    if cum_lots > order.cum_lots:
        _miss_fills(state, order, cum_lots)
        if order.is_live:
            order.ends_as = trigger
            trigger = Trigger.CANCEL_LOST
    _fire(state, order, trigger)


def _miss_fills(state: EngineState, order: Order, stated_lots: int) -> None:
    if stated_lots <= order.revealed_lots:
        # Told before, and not found since.
        send.list_fills_again(state, order.symbol, 0)
        return
    order.revealed_lots = stated_lots
    facts = {"stated_lots": stated_lots, "known_lots": order.cum_lots}
    state.report("order.fills_missing", _name(state, order), cid=order.cid, **facts)
    send.list_fills(state, order.symbol)


def _fire(state: EngineState, order: Order, trigger: Trigger) -> bool:
    return state.orders.fire(order, trigger, state.now_ns)


def _name(state: EngineState, order: Order) -> str:
    return state.sessions[order.session].name


def _on_ack(state: EngineState, order: Order, event: OrderAcked) -> None:
    order.venue_order_id = event.venue_order_id
    order.echoed = order.echoed or event.source is _STREAM
    is_news = _fire(state, order, Trigger.ACK)
    if event.price_ticks != order.price_ticks or event.size_lots != order.size_lots:
        facts = f"asked {order.size_lots}@{order.price_ticks}, was {event.size_lots}@{event.price_ticks}"
        state.report("order.mismatch", _name(state, order), cid=order.cid, detail=facts)
        halt(state, "ack.mismatch", cid=order.cid)
    session = state.sessions[order.session]
    if is_news and (session.wake.on_acknowledged or session.waits or session.unjudged):
        # What is wanted may have changed while the answer was on its way.
        session.dirty = True


def _on_place_unknown(state: EngineState, order: Order, event: PlaceUnknown) -> None:
    trigger = Trigger.LOST
    if event.duplicate:
        # The venue holds an order of this id: it was accepted, and only the venue can say what became of it.
        order.accepted = True
        order.doubt_absence()
        if order.state in (OrderState.REJECTED, OrderState.DEAD):
            trigger = Trigger.ACK
    if _fire(state, order, trigger):
        state.report("order.unknown", _name(state, order), cid=order.cid, cause=event.cause)


_DOUBT: Final = {OrderState.WORKING: Trigger.REJECT, OrderState.CANCEL_SENT: Trigger.CANCEL_LOST}
"""What makes an order of this state uncertain; in all others it is so already, or over."""


def _on_reject(state: EngineState, order: Order, event: OrderRejected) -> None:
    session = state.sessions[order.session]
    if order.has_lived:
        # It lived: a refusal that comes now is late, doubled or wrong, and proves nothing but a doubt.
        _fire(state, order, _DOUBT.get(order.state, Trigger.LOST))
    else:
        _fire(state, order, Trigger.REJECT)
    facts = {"cid": order.cid, "venue_code": event.code, "detail": event.reason}
    state.report("order.rejected", session.name, side=order.side, level=order.level, **facts)
    _hold_back(state, session)


def _hold_back(state: EngineState, session: Session) -> None:
    rejected = session.rejected_ns
    rejected.append(state.now_ns)
    if len(rejected) == REJECTS_MAX and state.now_ns - rejected[0] <= REJECT_WINDOW_NS:
        session.held_until_ns = state.now_ns + REJECT_HOLD_NS
        rejected.clear()
        state.report("session.held", session.name, reason="repeated rejections", seconds=10)


def _on_expired(state: EngineState, order: Order, event: OrderExpired) -> None:
    if event.prevented:
        state.report("self_trade.prevented", _name(state, order), cid=order.cid)
    end(state, order, Trigger.EXPIRED, event.cum_lots)


def _on_seen(state: EngineState, order: Order, event: OrderSeen) -> None:
    order.venue_order_id = order.venue_order_id or event.venue_order_id
    if event.rejected and event.cum_lots <= 0:
        _fire(state, order, Trigger.REJECT)
    elif event.open:
        _fire(state, order, Trigger.SEEN_OPEN)
        state.sessions[order.session].dirty = True
        if event.cum_lots > order.cum_lots:
            _miss_fills(state, order, event.cum_lots)
    else:
        # What filled has lived, even if the venue calls it rejected in the same breath.
        note_taken_off(state, order)
        end(state, order, Trigger.CANCELED, event.cum_lots)


def _on_not_found(state: EngineState, order: Order) -> None:
    order.not_found += 1
    order.not_found_first_ns = order.not_found_first_ns or state.now_ns
    order.not_found_last_ns = state.now_ns
    old_enough = state.now_ns - order.placed_ns >= state.setup.caps.absence_proof_ns
    if order.is_live and old_enough and order.not_found >= NOT_FOUND_MIN and not order.absent_since_ns:
        order.absent_since_ns = state.now_ns
        send.list_orders(state, order.symbol)
        send.list_fills_again(state, order.symbol, state.now_ns)
        send.list_balances(state)
