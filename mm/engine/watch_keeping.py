"""Keeps the books of markets that are only watched: connected, in sync, no burden to those that are traded.

A market that is only watched never makes the stream of a traded one suspect: a quiet one is fetched anew, and
only where nothing of its own venue says anything the connection to that venue is made again. Runs by the same
timer as everything that time alone makes due.
"""

from typing import Final

from mm.domain.book import BookStatus
from mm.domain.commands import Connect, SyncBook
from mm.domain.events import Stream
from mm.domain.units import NS_PER_S
from mm.engine.market import Market
from mm.engine.market_events import feed_falls, lose
from mm.engine.state import EngineState, StreamState

CONNECT_PATIENCE_NS: Final = 10 * NS_PER_S
"""A connection attempt without an outcome is repeated after this."""


def keep_watched(state: EngineState) -> None:
    """Look after the books that somebody watches and nobody trades."""
    wanted = [market for market in state.watched.values() if market.watchers]
    for venue, feed in state.feeds.items():
        markets = [market for market in wanted if market.venue == venue]
        if venue and markets:
            _keep_feed(state, venue, feed, markets)
        if feed.up and state.now_ns >= feed.held_until_ns:
            for market in markets:
                _keep_book(state, market)


def sync_book(state: EngineState, market: Market) -> None:
    """Ask for a book that is not in sync if it is time and the budget of its venue allows."""
    if state.now_ns < market.sync_due_ns:
        return
    # What is asked of another venue is that one's weight: pauses that grow are all that bounds it here.
    if not market.venue and not state.budget.take(state.now_ns, state.setup.caps.weight_book):
        return
    market.sync_attempts += 1
    market.sync_asked_ns = state.now_ns
    market.sync_due_ns = state.now_ns + state.setup.deadlines.backoff_ns(market.sync_attempts + 2)
    state.emit(SyncBook(symbol=market.instrument.symbol))


def _keep_feed(state: EngineState, venue: str, feed: StreamState, markets: list[Market]) -> None:
    if feed.up:
        heard_ns = max(feed.since_ns, *[market.heard_ns for market in markets])
        if state.now_ns - heard_ns > state.setup.deadlines.reconnect:
            reason = f"no news of {venue}"
            state.report("stream.suspect", "", stream=Stream.MARKET, reason=reason, venue=venue)
            feed_falls(state, venue, reason)
    elif state.now_ns >= max(feed.due_ns, feed.held_until_ns):
        feed.due_ns = state.now_ns + CONNECT_PATIENCE_NS
        state.emit(Connect(stream=Stream.MARKET, venue=venue))


def _keep_book(state: EngineState, market: Market) -> None:
    deadlines, book = state.setup.deadlines, market.book
    if book.status is not BookStatus.IN_SYNC:
        sync_book(state, market)
    elif book.crossed_since_ns and state.now_ns - book.crossed_since_ns > deadlines.crossed:
        lose(state, market, "crossed")
    elif state.now_ns - max(market.heard_ns, market.synced_ns) > deadlines.reconnect:
        lose(state, market, "no news of it")
