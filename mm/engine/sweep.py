"""What is looked after by time alone: connections, books, open ends of orders, reconciliation, activation.

Runs on one timer. Each part does at most what its own pause allows, so running it more often changes nothing.
"""

from typing import Final

from mm.domain.book import BookStatus
from mm.domain.commands import Connect, MeasureClock
from mm.domain.events import Stream
from mm.domain.orders import UNCERTAIN, Order, OrderState, Trigger
from mm.domain.units import PPM
from mm.engine import external, recovery, send
from mm.engine.decide import guard
from mm.engine.exits import progress_exits
from mm.engine.fence import older_trades
from mm.engine.halt import clear, progress, set_state
from mm.engine.market_events import fall, lose
from mm.engine.proof import prove
from mm.engine.session import Session, SessionState
from mm.engine.state import EngineState, StreamState
from mm.engine.watch_keeping import CONNECT_PATIENCE_NS, keep_watched, sync_book

_USER: Final = Stream.USER
_MARKET: Final = Stream.MARKET
_IN_SYNC: Final = BookStatus.IN_SYNC
# As constants for the reason given in `sides.py`.

DEEP_EVERY: Final = 5
"""Every so many passes the fills are listed from as far back as the next life would: a listing may have
passed over one, and nothing else would ever ask for it again.
"""

OLDER: Final = "an older process still trades this account with our mark: stop it"
"""Why a session waits whose orders of earlier lives do not end."""

LISTING_PATIENCE_NS = 15_000_000_000
"""A listing without an outcome is asked again after this."""


def sweep(state: EngineState) -> None:
    """Look after everything that time alone can make due."""
    for stream, known in state.streams.items():
        _keep_connected(state, stream, known)
    for name in state.markets:
        _keep_book(state, name)
    if state.watched:
        keep_watched(state)
    if state.echo_due_ns and state.now_ns > state.echo_due_ns:
        suspect(state, Stream.USER, "orders are not echoed")
    for order in list(state.orders.live.values()):
        _keep_order(state, order)
    _reconcile(state)
    recovery.progress(state)
    external.progress(state)
    if state.now_ns >= state.clock_due_ns and state.budget.take(state.now_ns, 1):
        state.clock_due_ns = state.now_ns + state.setup.deadlines.clock
        state.emit(MeasureClock())
    for session in state.sessions:
        if session.state is SessionState.PENDING:
            _activate(state, session)
        elif session.state in (SessionState.ACTIVE, SessionState.PAUSED) and not _decides_now(state, session):
            guard(state, session)
    progress(state)
    progress_exits(state)


# One that is about to decide, at this very time, looks at the same limits itself.
def _decides_now(state: EngineState, session: Session) -> bool:
    return session.dirty or (session.timer_ns > 0 and session.due_ns <= state.now_ns)


def _keep_connected(state: EngineState, stream: Stream, known: StreamState) -> None:
    if not known.up and state.now_ns >= known.due_ns and state.now_ns >= state.budget.banned_until_ns:
        known.due_ns = state.now_ns + CONNECT_PATIENCE_NS
        state.emit(Connect(stream=stream))


def suspect(state: EngineState, stream: Stream, reason: str) -> None:
    """Treat a stream as down although its socket is open; it is connected again."""
    if state.streams[stream].up:
        state.report("stream.suspect", "", stream=stream, reason=reason)
        fall(state, stream, reason)


def _keep_book(state: EngineState, name: str) -> None:
    market = state.markets[name]
    if not state.streams[_MARKET].up:
        return
    deadlines, crossed_ns = state.setup.deadlines, market.book.crossed_since_ns
    in_sync = market.book.status is _IN_SYNC
    if in_sync and crossed_ns and state.now_ns - crossed_ns > deadlines.crossed:
        lose(state, market, "crossed")
    elif in_sync and market.book.lags(state.now_ns, deadlines.stale):
        # A snapshot would be as old again in a moment: it is the connection that does not carry the depth.
        suspect(state, Stream.MARKET, f"the depth of {name} is silent while its top moves")
    elif not in_sync:
        sync_book(state, market)
    elif state.now_ns - market.heard_ns > deadlines.reconnect:
        suspect(state, Stream.MARKET, f"no news of {name}")


def _keep_order(state: EngineState, order: Order) -> None:
    deadlines, now = state.setup.deadlines, state.now_ns
    if order.state is OrderState.SENT and now - order.placed_ns > deadlines.answer:
        state.orders.fire(order, Trigger.LOST, now)
        state.report("order.unknown", state.sessions[order.session].name, cid=order.cid, cause="no answer")
    elif order.state is OrderState.CANCEL_SENT and now - order.cancelled_ns > deadlines.answer:
        state.orders.fire(order, Trigger.CANCEL_LOST, now)
    elif order.state is OrderState.WORKING and not order.echoed and now - order.settled_ns > deadlines.echo:
        order.echoed = True
        suspect(state, Stream.USER, "an order was not echoed")
    if order.absent_in_orders and order.absent_in_fills and order.cum_lots == 0:
        prove(state, order)
    elif order.state in UNCERTAIN or (order.absent_since_ns and not order.absent_in_fills):
        # One that is held for working too: the listing that was asked for may have been under way before.
        _ask(state, order)


def _ask(state: EngineState, order: Order) -> None:
    deadlines = state.setup.deadlines
    pause_ns = min(deadlines.query_max, deadlines.query_first << min(order.attempts, 10))
    if state.now_ns - max(order.asked_ns, order.settled_ns) < pause_ns:
        return
    if order.absent_since_ns and not order.absent_in_orders:
        send.list_orders(state, order.symbol)
    if order.ends_as is not None or (order.absent_since_ns and not order.absent_in_fills):
        order.asked_ns = state.now_ns
        order.attempts += 1
        if order.ends_as is None:
            send.list_fills_again(state, order.symbol, order.absent_since_ns)
        elif state.symbols[order.symbol].fills_seen_ns > order.settled_ns:
            send.list_fills_again(state, order.symbol, order.settled_ns + 1)
        else:
            send.list_fills(state, order.symbol)
    else:
        send.query(state, order)


def _reconcile(state: EngineState) -> None:
    # After a (re)connection of the user stream at once, then at the usual pace.
    _forget_silence(state)
    if not state.streams[_USER].up:
        return
    due = state.now_ns >= state.reconcile_due_ns
    if due:
        state.reconcile_due_ns = state.now_ns + state.setup.deadlines.reconcile
        state.reconciled += 1
    since_ns = state.streams[_USER].since_ns
    for name, symbol in state.symbols.items():
        if due or symbol.orders_seen_ns < since_ns:
            send.list_orders(state, name)
        if due and state.reconciled % DEEP_EVERY == 0:
            # One under way is gone on with: begun again each time, on a small budget it would never end.
            send.list_fills_again(state, name, 0)
        elif due or symbol.fills_seen_ns < since_ns:
            send.list_fills(state, name)
    if due or state.balances_seen_ns < since_ns:
        send.list_balances(state)


def _forget_silence(state: EngineState) -> None:
    # An adapter owes an outcome for every listing; should one never come, it is asked again.
    oldest_ns = state.now_ns - LISTING_PATIENCE_NS
    for symbol in state.symbols.values():
        if symbol.orders_asked_ns and symbol.orders_asked_ns < oldest_ns:
            symbol.orders_asked_ns = 0
        if symbol.fills_asked_ns and symbol.fills_asked_ns < oldest_ns:
            symbol.fills_asked_ns = 0
    if state.balances_asked_ns and state.balances_asked_ns < oldest_ns:
        state.balances_asked_ns = 0


def _activate(state: EngineState, session: Session) -> None:
    # Ready when streams, listings and book are there and the venue shows no order of an earlier life. The
    # holdings must have been listed after that, so that what those orders did is in them; the fills too, so
    # that a report of one of them that comes late is known and not counted on top.
    instrument, market = session.setup.instrument, session.market
    symbol = state.symbols[instrument.symbol]
    # What rests unwanted is taken off whether or not there is a market to quote in.
    live = clear(state, session)
    if not state.user_synced or not state.streams[_MARKET].up or not market.mid_half_ticks:
        waits = "" if state.budget.reads(state.now_ns) else recovery.NO_BUDGET
        session.reason = f"waits for connections and a book{waits}"
        return
    waits = recovery.why_not(state)
    if waits:
        session.reason = OLDER if older_trades(state) else waits
        return
    since_ns = symbol.orphan_free_ns
    if live or not since_ns or since_ns < state.streams[_USER].since_ns:
        session.reason = OLDER if older_trades(state) else "clears orders of an earlier life"
        if state.now_ns - symbol.orders_seen_ns >= state.setup.deadlines.cancel_again:
            send.list_orders(state, instrument.symbol)
        return
    since_ns = max(since_ns, state.shown_ns(instrument.symbol), symbol.unbooked_ns)
    if not session.stock_taken:
        # What came from outside since they were listed would not be in what is counted.
        since_ns = max(since_ns, state.now_ns - state.setup.deadlines.reconcile)
    if min(symbol.orders_seen_ns, symbol.fills_seen_ns, state.balances_seen_ns) < since_ns:
        session.reason = "waits for balances and fills"
        if state.now_ns >= since_ns:
            _look(state, instrument.symbol, since_ns)
        return
    _take_stock(state, session)
    session.ready = True
    set_state(state, session, SessionState.ACTIVE, "quoting starts")
    session.dirty = True


def _target_lots(state: EngineState, session: Session, held_lots: int) -> int:
    # Of a session that has none yet: what is held, or a share of what base and quote are worth now.
    ratio_ppm, instrument = session.setup.target_ratio_ppm, session.setup.instrument
    if ratio_ppm is None:
        return held_lots
    lot_half = session.market.mid_half_ticks * instrument.tick_lot_atoms
    quote_atoms = sum(state.balances.get(instrument.quote, (0, 0)))
    return (held_lots * lot_half + 2 * quote_atoms) * ratio_ppm // (PPM * lot_half)


def _look(state: EngineState, name: str, since_ns: int) -> None:
    symbol = state.symbols[name]
    if symbol.orders_seen_ns < since_ns:
        send.list_orders(state, name)
    if symbol.fills_seen_ns < since_ns:
        send.list_fills(state, name)
    if state.balances_seen_ns < since_ns:
        send.list_balances(state)


def _take_stock(state: EngineState, session: Session) -> None:
    instrument = session.setup.instrument
    held_lots = sum(state.balances.get(instrument.base, (0, 0))) // instrument.lot_atoms
    if session.target_lots < 0:
        session.target_lots = _target_lots(state, session, held_lots)
        state.report("session.target", session.name, target_lots=session.target_lots)
    if not session.stock_taken:
        session.stock_taken = True
        session.stocked_ns = state.now_ns
        start_lots = held_lots - session.target_lots - session.position.net_lots
        session.position.start_lots = start_lots
        state.count_in(session)
        facts = {"held_lots": held_lots, "target_lots": session.target_lots, "start_lots": start_lots}
        state.report("session.stock", session.name, **facts)
