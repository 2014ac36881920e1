"""News about markets and streams: books kept right, marks moved, decisions made due."""

from mm.domain.events import (
    BookDelta,
    BookLost,
    BookSnapshot,
    MarketEvent,
    PublicTrade,
    Stream,
    StreamDown,
    StreamUp,
    TopOfBook,
)
from mm.engine.market import Market
from mm.engine.state import EngineState
from mm.engine.sweep import backoff_ns


def on_market_event(state: EngineState, event: MarketEvent) -> None:
    """Apply one event about a market; unknown symbols are ignored."""
    market = state.markets.get(event.symbol)
    if market is None:
        return
    now, book = state.now_ns, market.book
    match event:
        case BookDelta():
            book.apply_delta(now, event.seq, event.bids, event.asks)
        case TopOfBook():
            book.apply_top(now, event.seq, event.bid, event.ask)
        case PublicTrade():
            for _, signal in market.signals:
                signal.on_trade(now, event.price_ticks, event.size_atoms, event.aggressor)
        case BookSnapshot():
            book.apply_snapshot(now, event.seq, event.bids, event.asks)
            state.symbols[event.symbol].sync_attempts = 0
            state.timers.set(("stale", event.symbol), now + state.setup.deadlines.stale + 1)
        case BookLost():
            _lose(state, market, event.reason)
            return
    market.heard_ns = now
    refresh(state, market)


def on_stream_event(state: EngineState, event: StreamUp | StreamDown) -> None:
    """Apply the begin or end of a stream."""
    known = state.streams[event.stream]
    if isinstance(event, StreamUp):
        known.up, known.attempts, known.since_ns = True, 0, state.now_ns
        state.report("stream.up", "", stream=event.stream)
    else:
        known.up = False
        known.due_ns = state.now_ns + (backoff_ns(state, known.attempts) if known.attempts else 0)
        known.attempts += 1
        state.report("stream.down", "", stream=event.stream, reason=event.reason)
        if event.stream is Stream.MARKET:
            for market in state.markets.values():
                _lose(state, market, "market stream down")
    for session in state.sessions:
        session.dirty = True


def refresh(state: EngineState, market: Market) -> None:
    """Bring a market's best prices up to date and make decisions due that its move asks for."""
    if not market.refresh(state.now_ns, state.orders.version, state.orders.live.values()):
        return
    mid = market.mid_half_ticks
    if mid and market.bid_ticks < market.ask_ticks:
        market.reference.sample(state.now_ns, mid)
    for session in state.sessions:
        if session.market is market:
            if mid:
                session.position.mark(mid)
            moved = abs(mid - session.decided_mid)
            threshold = session.setup.strategy.wake.move_half_ticks
            if not mid or not session.decided_mid or (threshold and moved >= threshold):
                session.dirty = True


def on_stale(state: EngineState, symbol: str) -> None:
    """Look whether a book has gone stale; if so, whoever quotes on it decides again."""
    market = state.markets[symbol]
    stale_ns = state.setup.deadlines.stale
    due_ns = market.heard_ns + stale_ns + 1
    if state.now_ns >= due_ns:
        state.timers.set(("stale", symbol), state.now_ns + stale_ns)
        for session in state.sessions:
            if session.market is market:
                session.dirty = True
    else:
        state.timers.set(("stale", symbol), due_ns)


def _lose(state: EngineState, market: Market, reason: str) -> None:
    name = market.instrument.symbol
    market.book.lose()
    state.symbols[name].sync_due_ns = min(state.symbols[name].sync_due_ns, state.now_ns)
    state.report("book.lost", "", symbol=name, reason=reason)
    refresh(state, market)
