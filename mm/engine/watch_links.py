"""Which session sees which market: markets that nobody trades, and the ties between them and the sessions.

A market that no session trades has a book, signals and nothing else: no order is listed, placed or counted
there. Made when the engine is, and again when its config changes.
"""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from mm.domain.instrument import Instrument
from mm.engine.market import Market
from mm.engine.session import Session, Watching
from mm.engine.setup import EngineSetup
from mm.strategies.base import watches_of


def watched_markets(setup: EngineSetup, traded: Mapping[str, Market]) -> dict[str, Market]:
    """Return a market for each instrument that is only watched. Args: traded: what sessions trade."""
    return {
        instrument.symbol: _market(setup, instrument)
        for instrument in setup.watched
        if instrument.symbol not in traded
    }


def unknown_markets(setup: EngineSetup, known: Mapping[str, Market]) -> dict[str, Market]:
    """Return a market for each watch of a name that is not `known`: the one that stands in for it, else one
    that never shows a price.

    A start refuses such a name; where a strategy is only tried out, it sees what it sees of a dead source.
    """
    stand_ins = dict(setup.stand_ins)
    return {
        watch.symbol: known.get(stand_ins.get(watch.symbol, ""))
        or _market(setup, replace(session.instrument, symbol=watch.symbol))
        for session in setup.sessions
        for watch in watches_of(session.strategy)
        if watch.symbol not in known
    }


def _market(setup: EngineSetup, instrument: Instrument) -> Market:
    return Market(instrument, own_in_book=False, reference_window_ns=setup.reference_window_ns)


def link(sessions: Sequence[Session], books: Mapping[str, Market]) -> None:
    """Let each session see what its strategy watches. Args: books: by symbol, of every watch."""
    for market in books.values():
        market.watchers = ()
    for session in sessions:
        seen = []
        for at, watch in enumerate(watches_of(session.setup.strategy)):
            market = books[watch.symbol]
            seen.append(Watching(watch, market, tuple(market.signal(spec) for spec in watch.needs)))
            market.watchers += ((session.index, at),)
        session.watching = tuple(seen)
        session.decided_others = (0,) * len(seen)
