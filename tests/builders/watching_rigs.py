"""Benches of sessions that watch other markets, and what their strategies were shown."""

from msgspec.structs import replace

from mm.domain.events import Stream, StreamUp
from mm.domain.quotes import Quote
from mm.domain.view import View
from mm.strategies.base import Wake, Watch
from tests.builders.engine_ladder import SECOND_NS, Scripted, TallySpec
from tests.builders.engine_rig import MID, MS, Rig, make_session
from tests.builders.instruments import INSTRUMENT, OTHER

OWN, SEEN = INSTRUMENT.symbol, OTHER.symbol
AWAY = replace(OTHER, symbol="away:CCC/BBB")
FAR = replace(OTHER, symbol="away:DDD/BBB")


def watcher(*symbols: str, needs: tuple[TallySpec, ...] = (), wake: Wake | None = None) -> Scripted:
    """Return a strategy that wants one bid and watches `symbols`; it wakes for moves of 2 half ticks."""
    return Scripted(
        bids=(Quote(MID - 20, 10),),
        watches=tuple(Watch(symbol, needs) for symbol in symbols),
        wake=wake or Wake(move_half_ticks=2, every_ns=60 * SECOND_NS),
    )


def watching(strategy: Scripted | None = None, *, show: bool = True) -> Rig:
    """Return a bench whose one session is active and watches CCC/BBB, which shows a book at MID."""
    rig = Rig(make_session(strategy or watcher(SEEN)), watched=(OTHER,))
    rig.activate()
    if show:
        rig.snapshot(symbol=SEEN)
    return rig


def abroad(*symbols: str) -> Rig:
    """Return a bench whose one session watches markets of the venue "away"; its stream is up."""
    names = symbols or (AWAY.symbol,)
    watched = tuple(one for one in (AWAY, FAR) if one.symbol in names)
    rig = Rig(make_session(watcher(*names)), watched=watched)
    rig.activate()
    rig.feed(StreamUp, stream=Stream.MARKET, venue="away")
    rig.advance(100 * MS)
    for name in names:
        rig.snapshot(symbol=name)
    return rig


def last_view(rig: Rig, name: str = "main") -> View[int]:
    """Return what the strategy was shown last."""
    return rig.script(name).views[-1]


def decisions(rig: Rig, name: str = "main") -> int:
    """Return how often the strategy was asked."""
    return len(rig.script(name).views)
