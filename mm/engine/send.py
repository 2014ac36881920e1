"""The only way in which orders leave: judged by every rule, counted, paid from the budget, then emitted.

A placement is exposure from the moment it is emitted. A refusal is reported once per level until it changes.
"""

from typing import Final

from mm.domain.commands import Cancel, ListBalances, ListFills, ListOrders, Place, Query, TimeInForce
from mm.domain.orders import Order, Trigger
from mm.domain.quotes import Quote
from mm.domain.sides import BUY, Side
from mm.engine.session import Session
from mm.engine.state import EngineState
from mm.risk.base import Refusal, RiskView

DENIED_MAX: Final = 256
"""Levels of a session whose last refusal is remembered; of more, one may be reported again."""

_CANCEL: Final = Trigger.CANCEL  # as a constant for the reason given in `sides.py`


def admit(session: Session, place: Place, view: RiskView) -> Refusal | None:
    """Return the first refusal of the session's rules, or None; whichever comes first, the answer is no."""
    for rule in session.admitters:
        refusal = rule.admit(place, view)
        if refusal is not None:
            return refusal
    return None


def place_quote(state: EngineState, session: Session, view: RiskView, side: Side, quote: Quote) -> bool:
    """Place a post-only order for `quote` if every rule and the budget allow; return whether it was sent."""
    place = _make(state, session, side, quote)
    return _send(state, session, view, place, quote.level)


def place_exit(state: EngineState, session: Session, view: RiskView, side: Side, quote: Quote) -> bool:
    """Place an order that takes at once and only reduces; the same gate as for any other."""
    place = _make(state, session, side, quote, reduces=True)
    return _send(state, session, view, place, -1)


def _make(state: EngineState, session: Session, side: Side, quote: Quote, *, reduces: bool = False) -> Place:
    market = session.market
    return Place(
        cid=state.next_cid(session.index, reduces=reduces),
        symbol=session.setup.instrument.symbol,
        side=side,
        price_ticks=quote.price_ticks,
        size_lots=quote.size_lots,
        post_only=not reduces,
        time_in_force=TimeInForce.IOC if reduces else TimeInForce.GTC,
        reduces=reduces,
        market_seq=market.book.seq,
        market_age_ns=state.step_ns - market.heard_ns,
    )


def _send(state: EngineState, session: Session, view: RiskView, place: Place, level: int) -> bool:
    refusal = admit(session, place, view)
    if refusal is None and not place.reduces:
        refusal = _blind(state)
    if refusal is None and not state.budget.take_place(state.now_ns):
        refusal = Refusal("budget")
    if state.trace is not None:
        state.trace.judged(place, level, view, refusal)
    if refusal is not None:
        _deny(state, session, place, level, refusal)
        return False
    session.denied.pop((place.side, level), None)
    order = Order(
        cid=place.cid,
        session=session.index,
        symbol=place.symbol,
        side=place.side,
        price_ticks=place.price_ticks,
        size_lots=place.size_lots,
        level=level,
        reduces=place.reduces,
        placed_ns=state.now_ns,
    )
    state.orders.add(order)
    state.touch(session)
    reserve(view, place)
    state.emit(place)
    return True


def _blind(state: EngineState) -> Refusal | None:
    # Requests go out and nothing comes back: more of them would only make more that nobody knows about.
    unknown = state.orders.uncertain_count
    if unknown < state.setup.deadlines.unknown_orders_max:
        return None
    return Refusal("unknown_orders", (("unknown", str(unknown)),))


def _deny(state: EngineState, session: Session, place: Place, level: int, refusal: Refusal) -> None:
    key = (place.side, level)
    if session.denied.get(key) == refusal.code:
        return
    session.denied[key] = refusal.code
    if len(session.denied) > DENIED_MAX:
        # A strategy may number its levels as it likes.
        del session.denied[next(iter(session.denied))]
    facts = {"rule": refusal.code, "side": place.side, "level": level}
    state.report("order.denied", session.name, **(facts | dict(refusal.facts) | facts))


def reserve(view: RiskView, place: Place) -> None:
    """Count a placement in `view`, so that the next one is judged with it."""
    instrument = view.instrument
    view.open_orders += 1
    view.placed_minute += 1
    if place.side is BUY:
        view.buy_open_lots += place.size_lots
        view.own_bid_max_ticks = max(view.own_bid_max_ticks, place.price_ticks)
        view.quote_spendable_atoms -= instrument.notional_atoms(place.price_ticks, place.size_lots)
    else:
        view.sell_open_lots += place.size_lots
        low = view.own_ask_min_ticks
        view.own_ask_min_ticks = min(low, place.price_ticks) if low else place.price_ticks
        view.base_spendable_atoms -= place.size_lots * instrument.lot_atoms


def cancel(state: EngineState, order: Order) -> bool:
    """Send a cancel; return False only while the venue has banned us."""
    if not state.budget.take_cancel(state.now_ns):
        return False
    order.cancelled_ns = state.now_ns
    order.cancels += 1
    state.orders.fire(order, _CANCEL, state.now_ns)
    state.emit(Cancel(cid=order.cid, symbol=order.symbol))
    return True


def cancel_listed(state: EngineState, symbol: str, cid: str) -> None:
    """Cancel an order of an earlier life, known from a listing only; not more often than `cancel_again`."""
    known = state.symbols[symbol].cancelled_ns
    pause_ns = state.setup.deadlines.cancel_again
    if cid in known and state.now_ns - known[cid] < pause_ns:
        return
    if state.budget.take_cancel(state.now_ns):
        known[cid] = state.now_ns
        state.emit(Cancel(cid=cid, symbol=symbol))


def query(state: EngineState, order: Order) -> None:
    """Ask the venue what became of an order, if the budget allows."""
    if state.budget.take(state.now_ns, state.setup.caps.weight_query):
        order.asked_ns = state.now_ns
        order.attempts += 1
        state.emit(Query(cid=order.cid, symbol=order.symbol))


def list_orders(state: EngineState, symbol: str) -> None:
    """Ask for all open orders of a symbol unless that is under way; part of the cancel path."""
    asked = state.symbols[symbol]
    if state.now_ns < state.reads_held_until_ns:
        return
    if not asked.orders_asked_ns and state.budget.take_listing(state.now_ns):
        asked.orders_asked_ns = state.now_ns
        state.emit(ListOrders(symbol=symbol))


def list_fills(state: EngineState, symbol: str) -> None:
    """Ask for own fills of a symbol since the last known one unless that is under way."""
    asked = state.symbols[symbol]
    if state.now_ns < state.reads_held_until_ns:
        return
    if not asked.fills_asked_ns and state.budget.take(state.now_ns, state.setup.caps.weight_fills):
        asked.fills_asked_ns = state.now_ns
        if not asked.fills_begun_ns:
            asked.fills_from = state.markets[symbol].next_trade_id
        state.emit(ListFills(symbol=symbol, from_trade_id=state.markets[symbol].next_trade_id))


def list_fills_again(state: EngineState, symbol: str, since_ns: int) -> None:
    """Ask for own fills from as far back as the next life would: a listing may have passed over one.

    Args: since_ns: one under way that goes so far back serves as well if it has begun then or later.
    """
    asked = state.symbols[symbol]
    market, cursors = state.markets[symbol], asked.cursors
    if cursors and not asked.fills_asked_ns:
        serves = asked.fills_begun_ns >= max(1, since_ns) and asked.fills_from <= cursors[0][1]
        if not serves:
            asked.fills_begun_ns = 0
            market.next_trade_id = min(market.next_trade_id, cursors[0][1])
    list_fills(state, symbol)


def list_balances(state: EngineState) -> None:
    """Ask for all balances unless that is under way."""
    if state.now_ns < state.reads_held_until_ns:
        return
    if not state.balances_asked_ns and state.budget.take(state.now_ns, state.setup.caps.weight_balances):
        state.balances_asked_ns = state.now_ns
        state.note_balances_asked()
        state.emit(ListBalances())
