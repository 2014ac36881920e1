"""Markets that strategies watch beside their own: what they see there, and what makes them decide.

Invariant: sessions that watch nothing are never touched by a market that others watch.
"""

from collections.abc import Iterator

from mm.domain.events import Throttled
from mm.domain.view import Other
from mm.engine.market import Market
from mm.engine.session import Session, Watching
from mm.engine.state import EngineState
from mm.signals.base import SignalSpec


def needs_of_watchers(state: EngineState, market: Market) -> Iterator[SignalSpec]:
    """Yield the signals that those who watch a market want of it."""
    for index, at in market.watchers:
        yield from state.sessions[index].watching[at].watch.needs


def others(state: EngineState, session: Session) -> tuple[Other, ...]:
    """Return what a session's strategy sees of the markets that it watches."""
    return tuple([_seen(state, one) for one in session.watching])


def _seen(state: EngineState, watching: Watching) -> Other:
    market = watching.market
    inventory_lots = inventory_max_lots = 0
    for session in state.sessions:
        if session.market is market:
            inventory_lots += session.position.inventory_lots
            inventory_max_lots += session.band_lots
    return Other(
        watching.watch.symbol,
        market.instrument,
        market.bid_ticks,
        market.ask_ticks,
        market.mid_half_ticks,
        state.step_ns - market.heard_ns,
        tuple([signal.reading(state.now_ns) for signal in watching.readers]),
        inventory_lots,
        inventory_max_lots,
    )


def on_mid(state: EngineState, market: Market) -> None:
    """Make decisions due of those who watch a market whose mid moved by as much, as a share of the price, as
    their own has to.
    """
    mid = market.mid_half_ticks
    for index, at in market.watchers:
        session = state.sessions[index]
        known, own, threshold = session.decided_others[at], session.decided_mid, session.wake.move_half_ticks
        if not mid or not known or (threshold and abs(mid - known) * own >= threshold * known):
            session.dirty = True


def on_fill(state: EngineState, session: Session) -> None:
    """Make decisions due of those who watch the market on which a session has just been filled."""
    for index, _ in session.market.watchers:
        watcher = state.sessions[index]
        watcher.dirty = watcher.dirty or watcher.wake.on_own_fill


def on_throttled(state: EngineState, event: Throttled) -> None:
    """Ask a venue that is only watched for nothing before the time that it said."""
    feed = state.feeds.get(event.venue)
    if feed is not None:
        feed.held_until_ns = max(feed.held_until_ns, event.until_ns)
        facts = {"until_ns": event.until_ns, "banned": event.banned, "venue": event.venue}
        state.report("venue.throttled", "", **facts)


def wake(state: EngineState, market: Market) -> None:
    """Make decisions due of all who watch a market."""
    for index, _ in market.watchers:
        state.sessions[index].dirty = True
