"""News about markets and streams: books kept right, marks moved, decisions made due."""

from collections.abc import Mapping
from typing import Final, assert_never

from mm.domain.book import Book, BookStatus
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
from mm.domain.units import NS_PER_MS, PPM
from mm.engine import watching
from mm.engine.halt import on_broken_signal
from mm.engine.market import Market
from mm.engine.state import EngineState, StreamState

STALLED: Final = "the process stood still"
FAR_OFF: Final = "its top lies far beyond its depth"
"""Why a book is lost."""

FAR_OFF_PPM: Final = 50_000
"""A stated best price this far beyond the other side of the depth, as a share of that, is not believed."""


def on_market_event(state: EngineState, event: MarketEvent) -> None:
    """Apply one event about a market; unknown symbols are ignored."""
    market = state.books.get(event.symbol)
    if market is None:
        return
    now, book = state.now_ns, market.book
    was_stale = now - market.heard_ns >= state.setup.deadlines.stale
    match event:
        case BookDelta():
            known_seq, depth_ns = book.seq, book.depth_ns
            book.apply_delta(now, event.seq, event.bids, event.asks)
            # What the book ignored as old tells nothing of the venue's clock; one that tells no time says 0.
            if book.seq != known_seq:
                market.stands = event.venue_ms == market.venue_ms and event.venue_ms > 0
                market.venue_ms = event.venue_ms
                if market.stands and depth_ns < market.heard_ns:
                    _fall_back(state, market, depth_ns)
        case TopOfBook():
            if is_far_off(book, event):
                lose(state, market, FAR_OFF)
                return
            book.apply_top(now, event.seq, event.bid, event.ask)
        case PublicTrade():
            _on_trade(state, market, event)
        case BookSnapshot():
            if not state.feeds[market.venue].up:
                # It was asked for on a connection that is gone: nothing would continue it.
                return
            book.apply_snapshot(now, event.seq, event.bids, event.asks)
            market.synced_ns = now
            state.timers.set(("stale", event.symbol), now + state.setup.deadlines.stale + 1)
        case BookLost():
            lose(state, market, event.reason)
            return
        case _:
            assert_never(event)
    # Trades and what the book ignored as old say nothing about how fresh the book is, and news of the best
    # prices nothing about levels that were not heard of for so long; a stream whose clock stands still brings
    # old news, however lively it is.
    if not market.stands and not book.lags(now, state.setup.deadlines.stale):
        market.heard_ns = book.updated_ns
    refresh(state, market)
    if was_stale and market.heard_ns == now:
        _wake(state, market)


def _fall_back(state: EngineState, market: Market, depth_ns: int) -> None:
    # What was heard of the top since then looked like news as long as the depth was thought to go on.
    market.heard_ns = depth_ns
    on_stale(state, market.instrument.symbol)


def is_far_off(book: Book, event: TopOfBook) -> bool:
    """Return whether a top lies so far beyond the depth that the book has to be fetched anew.

    The depth is a fraction of a second behind the top. A bid so far above its asks, or an ask so far below
    its bids, is a wrong price, or a market that nobody should quote in.
    """
    bid, ask = book.best_bid(_NOTHING), book.best_ask(_NOTHING)
    if not bid or not ask or book.status is not BookStatus.IN_SYNC or event.seq <= book.seq:
        return False
    above = (event.bid.price_ticks - ask) * PPM > ask * FAR_OFF_PPM
    return above or (event.ask.price_ticks > 0 and (bid - event.ask.price_ticks) * PPM > bid * FAR_OFF_PPM)


_NOTHING: Final[Mapping[int, int]] = {}


def on_stream_event(state: EngineState, event: StreamUp | StreamDown) -> None:
    """Apply the begin or end of a stream; of a venue that nobody watches nothing is believed."""
    if event.venue:
        if event.venue in state.feeds:
            _on_feed_event(state, event)
    elif isinstance(event, StreamUp):
        known = state.streams[event.stream]
        known.up, known.since_ns = True, state.now_ns
        if event.stream is Stream.USER:
            state.echo_due_ns = 0
        state.report("stream.up", "", stream=event.stream)
        for session in state.sessions:
            session.dirty = True
    else:
        state.report("stream.down", "", stream=event.stream, reason=event.reason)
        fall(state, event.stream, event.reason)


def _on_feed_event(state: EngineState, event: StreamUp | StreamDown) -> None:
    # Of a venue that is only watched: whoever watches hears of it by its books.
    venue, feed = event.venue, state.feeds[event.venue]
    if isinstance(event, StreamUp):
        feed.up, feed.since_ns = True, state.now_ns
        state.report("stream.up", "", stream=event.stream, venue=venue)
    else:
        state.report("stream.down", "", stream=event.stream, reason=event.reason, venue=venue)
        feed_falls(state, venue, event.reason)


def on_stall(state: EngineState, ts_ns: int) -> None:
    """Take in that nothing was handled until `ts_ns` for longer than a process that runs ever takes.

    What comes in now may be as old as that, and looks new: every book is fetched again, and nothing new is
    placed before everything was listed again.
    """
    facts = {"gap_ms": (ts_ns - state.now_ns) // NS_PER_MS, "orders": len(state.orders.live)}
    state.report("process.stalled", "", **facts)
    if state.user_stream.up:
        state.user_stream.since_ns = ts_ns
    for market in state.books.values():
        if market.book.status is BookStatus.IN_SYNC:
            lose(state, market, STALLED)
    if state.orders.live:
        for session in state.sessions:
            session.dirty = True


def fall(state: EngineState, stream: Stream, reason: str) -> None:
    """Take a stream for down: nothing of it is believed any more, and it is connected again in a while."""
    if stream is Stream.MARKET:
        feed_falls(state, "", reason)
    else:
        _down(state, state.streams[stream])
    for session in state.sessions:
        session.dirty = True


def feed_falls(state: EngineState, venue: str, reason: str) -> None:
    """Take the market stream of a venue for down: its books are not believed any more."""
    _down(state, state.feeds[venue])
    for market in state.books.values():
        if market.venue == venue:
            lose(state, market, reason)


def _down(state: EngineState, known: StreamState) -> None:
    deadlines = state.setup.deadlines
    if known.up and state.now_ns - known.since_ns > deadlines.retry_max:
        known.attempts = 0
    known.up = False
    known.due_ns = state.now_ns + deadlines.backoff_ns(known.attempts)
    known.attempts += 1


def lose(state: EngineState, market: Market, reason: str) -> None:
    """Take a book for wrong: it is not quoted on, and fetched anew, later each time that this fails."""
    deadlines = state.setup.deadlines
    if market.book.status is BookStatus.IN_SYNC:
        if state.now_ns - market.synced_ns > deadlines.retry_max:
            market.sync_attempts = 0
        state.report("book.lost", "", symbol=market.instrument.symbol, reason=reason)
    # Counted from the last attempt: being told twice puts nothing off.
    market.sync_due_ns = market.sync_asked_ns + deadlines.backoff_ns(market.sync_attempts)
    market.book.lose()
    refresh(state, market)


def refresh(state: EngineState, market: Market) -> None:
    """Bring a market's best prices up to date and make decisions due that its move asks for."""
    try:
        if not market.refresh(state.now_ns, state.orders.version, state.orders.live.values()):
            return
    except Exception as error:  # noqa: BLE001 - fail closed: what a broken signal says cannot be quoted on
        on_broken_signal(state, error)
    on_mid(state, market, state.now_ns)


def on_mid(state: EngineState, market: Market, ts_ns: int) -> None:
    """Take in that a market's mid changed at `ts_ns`, and make decisions due that its move asks for."""
    mid = market.mid_half_ticks
    if mid:
        market.reference.sample(ts_ns, mid)
    for session in state.sessions:
        if session.market is market:
            if mid:
                session.position.mark(mid)
            moved = abs(mid - session.decided_mid)
            threshold = session.wake.move_half_ticks
            if not mid or not session.decided_mid or (threshold and moved >= threshold):
                session.dirty = True
    if market.watchers:
        watching.on_mid(state, market)


def on_stale(state: EngineState, symbol: str) -> None:
    """Look whether a book has gone stale; if so, whoever quotes on it decides again."""
    market = state.books[symbol]
    stale_ns = state.setup.deadlines.stale
    due_ns = market.heard_ns + stale_ns + 1
    if state.now_ns >= due_ns:
        state.timers.set(("stale", symbol), state.now_ns + stale_ns)
        _wake(state, market)
    else:
        state.timers.set(("stale", symbol), due_ns)


def _on_trade(state: EngineState, market: Market, event: PublicTrade) -> None:
    market.last_trade_ticks = event.price_ticks
    try:
        for on_trade in market.hooks.on_trade:
            on_trade(state.now_ns, event.price_ticks, event.size_atoms, event.aggressor, event.venue_ms)
    except Exception as error:  # noqa: BLE001 - fail closed: what a broken signal says cannot be quoted on
        on_broken_signal(state, error)


def _wake(state: EngineState, market: Market) -> None:
    for session in state.sessions:
        if session.market is market:
            session.dirty = True
    watching.wake(state, market)
