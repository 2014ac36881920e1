"""The proof that an order is dead: what has to be shown, how it is asked for, what is written down of it.

Queries found nothing for longer than a request can live; listings of open orders and of fills, asked after
that, do not show it; and the balances, listed after the last query, are what they are without it. An order
that has lived needs a second listing: the venue knew it, and only its lists can say that it ended. One that
was filled in part is never buried: its end is the venue's to state.
"""

from typing import Final

from mm.domain.orders import Order, Trigger
from mm.engine import send
from mm.engine.order_events import after
from mm.engine.state import EngineState

LISTINGS_OF_LIVED: Final = 2
"""So many listings in a row must not show an order that has lived."""

_AGREE: Final = "agree"


def prove(state: EngineState, order: Order) -> None:
    """Bury an order that neither queries nor listings show if that is proof, else ask for what is missing."""
    deadlines = state.setup.deadlines
    if not _is_unlisted(state, order):
        if state.now_ns - state.symbols[order.symbol].orders_seen_ns >= deadlines.cancel_again:
            send.list_orders(state, order.symbol)
        return
    balances = _balances(state, order)
    seen_ns = state.balances_seen_ns
    if balances:
        _bury(state, order, balances)
    elif seen_ns < order.not_found_last_ns or state.now_ns - seen_ns >= deadlines.query_max:
        send.list_balances(state)


def _is_unlisted(state: EngineState, order: Order) -> bool:
    if not order.has_lived:
        return True
    lag_ns = state.setup.deadlines.venue_lag
    late = order.absent_orders_ns >= order.absent_since_ns + lag_ns
    return late and order.absent_listings >= LISTINGS_OF_LIVED


def _balances(state: EngineState, order: Order) -> str:
    # What the balances say, "" while that is open. A difference that is neither explained nor booked for that
    # long is somebody else's: it may not keep an order for ever that nothing else shows.
    ledger = state.ledger
    if not ledger.is_open:
        return "unknown"
    instrument = state.markets[order.symbol].instrument
    agreed_ns = min(ledger.agreed_ns.get(asset, 0) for asset in (instrument.base, instrument.quote))
    if agreed_ns >= order.not_found_last_ns:
        return _AGREE
    patience_ns = state.setup.caps.absence_proof_ns
    return "differ" if state.now_ns - order.absent_since_ns > patience_ns else ""


def _bury(state: EngineState, order: Order, balances: str) -> None:
    facts = {
        "cid": order.cid,
        "queries": order.not_found,
        "placed_ns": order.placed_ns,
        "not_found_first_ns": order.not_found_first_ns,
        "not_found_last_ns": order.not_found_last_ns,
        "orders_asked_ns": order.absent_orders_ns,
        "fills_asked_ns": order.absent_fills_ns,
        "balances_asked_ns": state.balances_seen_ns,
        "balances": balances,
        "had_lived": order.has_lived,
    }
    state.orders.fire(order, Trigger.PROVEN_DEAD, state.now_ns)
    state.report("order.dead", state.sessions[order.session].name, **facts)
    after(state, order, was_live=True)
