"""Taking over what an earlier life left: its orders are taken off, its fills found, its ledger compared.

Until all of that is done nothing is quoted. Runs by time alone; each request is paced where it is sent. Must
never place an order. Invariant: it is reported once, with its evidence, and a life that takes over what this
one leaves has nothing more to do than to look.
"""

from typing import Final

from mm.domain.events import Stream
from mm.domain.orders import OrderState
from mm.domain.units import NS_PER_S, ceil_div
from mm.engine import send
from mm.engine.halt import clear
from mm.engine.legacy import Recovery
from mm.engine.session import SessionState
from mm.engine.state import EngineState

NO_BUDGET: Final = "; waits for the venue's budget of requests"
"""What holds it up after many starts within a minute."""


def begin(state: EngineState) -> None:
    """Say what was taken over; called once, when the time is known."""
    state.budget.begin(state.now_ns)
    for order in state.orders.live.values():
        # The clock may have been set since it was placed: what proves by its age that no request of it can
        # arrive any more counts from here, by one clock.
        order.placed_ns = state.now_ns
        facts = {"cid": order.cid, "side": order.side, "price_ticks": order.price_ticks}
        state.report(
            "order.inherited", state.sessions[order.session].name, **facts, left_lots=order.left_lots
        )
    for left in state.legacy.orders.values():
        listed = left.symbol in state.symbols
        facts = {"cid": left.cid, "symbol": left.symbol, "session": left.session, "reachable": listed}
        state.report("order.abandoned", "", **facts)


def progress(state: EngineState) -> None:
    """Do what is next."""
    recovery = state.recovery
    if recovery is None or recovery.done:
        return
    live = [session for session in state.sessions if session.state in _CLEARED and clear(state, session)]
    if live or any(cid in state.orders.live for cid in recovery.orders) or _has_retired(state):
        recovery.resolved_ns = 0
        return
    recovery.resolved_ns = recovery.resolved_ns or state.now_ns
    if _is_shown(state, recovery):
        recovery.done = True
        _say(state, recovery)


def why_not(state: EngineState) -> str:
    """Return what the taking over waits for, "" if it is over or there was nothing to take over."""
    recovery = state.recovery
    if recovery is None or recovery.done:
        return ""
    left = sum(cid in state.orders.live for cid in recovery.orders)
    left += sum(one.symbol in state.symbols for one in state.legacy.orders.values())
    waits = "" if state.budget.reads(state.now_ns) else NO_BUDGET
    if not left:
        return f"recovers: looks at what is there{waits}"
    return f"recovers: {left} orders of an earlier life{waits or _proof_waits(state, recovery)}"


def _proof_waits(state: EngineState, recovery: Recovery) -> str:
    # Nothing but time can prove that a request of a dead process never arrived: it is said how much is left.
    now_ns, proof_ns = state.now_ns, state.setup.caps.absence_proof_ns
    found = [state.orders.live.get(cid) for cid in recovery.orders]
    since_ns = [order.placed_ns for order in found if order is not None and order.not_found]
    left_ns = max((placed_ns + proof_ns - now_ns for placed_ns in since_ns), default=0)
    if left_ns <= 0:
        return ""
    return f"; waits for proof that {len(since_ns)} never arrived: {ceil_div(left_ns, NS_PER_S)} s"


_CLEARED = (SessionState.PENDING, SessionState.PAUSED)
# Sessions that stop or are halted clear their orders themselves.


def _has_retired(state: EngineState) -> bool:
    # Orders of nobody are forgotten once listings no longer show them and no request of theirs can be alive.
    waits = False
    for left in list(state.legacy.orders.values()):
        symbol = state.symbols.get(left.symbol)
        if symbol is None:
            continue
        old = state.now_ns - state.started_ns >= state.setup.caps.absence_proof_ns
        free_ns = symbol.orphan_free_ns
        if old and free_ns and symbol.orders_seen_ns >= max(free_ns, state.shown_ns(left.symbol)):
            del state.legacy.orders[left.cid]
            state.report("order.retired", "", cid=left.cid, listed_ns=symbol.orders_seen_ns)
        else:
            waits = True
            if state.now_ns - symbol.orders_seen_ns >= state.setup.deadlines.query_max:
                send.list_orders(state, left.symbol)
    return waits


def _is_shown(state: EngineState, recovery: Recovery) -> bool:
    # Open orders listed twice in agreement, then the fills from the floor on and the balances, then a ledger
    # that says the same; whatever is missing is asked for.
    if not state.user_synced:
        return False
    since_ns = max(recovery.resolved_ns, state.streams[Stream.USER].since_ns)
    shown = True
    for name, symbol in state.symbols.items():
        due_ns = max(since_ns, state.shown_ns(name), symbol.orphan_free_ns)
        if state.now_ns < due_ns or not symbol.orphan_free_ns or symbol.agreed_ns < due_ns:
            shown = False
            if state.now_ns - symbol.orders_seen_ns >= state.setup.deadlines.cancel_again:
                send.list_orders(state, name)
            if symbol.orders_seen_ns >= due_ns:
                send.list_orders(state, name)
        elif symbol.fills_seen_ns < symbol.agreed_ns:
            shown = False
            send.list_fills(state, name)
    return shown and _is_explained(state)


def _is_explained(state: EngineState) -> bool:
    ledger = state.ledger
    since_ns = max(symbol.agreed_ns for symbol in state.symbols.values())
    if state.balances_seen_ns < since_ns:
        send.list_balances(state)
        return False
    if not ledger.is_open:
        # Nobody counted the holdings in the earlier life: there is nothing to compare with.
        return True
    return all(
        ledger.agreed_ns.get(asset, 0) >= since_ns
        for market in state.markets.values()
        for asset in (market.instrument.base, market.instrument.quote)
    )


def _say(state: EngineState, recovery: Recovery) -> None:
    ended = [order.state for cid in recovery.orders if (order := state.orders.get(cid)) is not None]
    facts = {
        "epoch_before": state.legacy.epoch,
        "orders": len(recovery.orders),
        "cancelled": sum(one in (OrderState.CANCELED, OrderState.EXPIRED) for one in ended),
        "filled": ended.count(OrderState.FILLED),
        "dead": sum(one in (OrderState.DEAD, OrderState.REJECTED) for one in ended),
        "retired": recovery.retired,
        "fills": state.ledger.movements,
        "external": state.ledger.external_count,
        "took_ms": (state.now_ns - state.started_ns) // 1_000_000,
    }
    state.report("recovered", "", **facts)
