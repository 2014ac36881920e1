"""What `mm doctor --online` measures of markets that are only watched: are they there, and what they cost.

Each is looked at where its data will come from: the venue that is traded on, or another one of the config,
whose feed is public in every mode. Must never read a key. A market that is not there leaves a `Missed`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from msgspec.structs import replace

from mm.bootstrap.public_feed import public_settings
from mm.domain.events import AnyEvent
from mm.domain.instrument import Instrument
from mm.domain.watched import split_name
from mm.errors import ConfigError
from mm.runtime.clock import AnchoredClock
from mm.settings.models import Settings
from mm.settings.watched import watched_by
from mm.venues.binance import BinanceMarketData

if TYPE_CHECKING:
    from mm.venues.binance.public_facts import PublicFacts, Top


class Shown(Protocol):
    """A venue that can be asked for markets: the adapters of the account and of public data."""

    @property
    def public_facts(self) -> "PublicFacts":
        """What everybody may know."""
        ...

    async def watch(self, symbols: tuple[str, ...]) -> tuple[Instrument, ...]:
        """As `mm.ports.Watches`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A market that is there. Fields: instrument: named as the config names it; trip_ms: of the request for
    its clock.
    """

    instrument: Instrument
    top: "Top"
    trip_ms: float


def names_of(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Return the sessions that watch each market that none trades, by its name."""
    return watched_by(settings.pair)


async def look(settings: Settings, name: str, traded: Shown) -> Seen:
    """Return what a watched market shows now. Args: traded: the venue that is traded on, started.

    Raises: ConfigError if there is no such venue or market; what the adapters raise.
    """
    venue, symbol = split_name(name)
    if not venue:
        return await _seen(traded, name, symbol)
    if venue not in settings.venue:
        raise ConfigError(f"there is no [venue.{venue}]", hint="write one, or leave the name of a venue out")
    feed = BinanceMarketData(public_settings(settings.paper, settings.venue[venue], AnchoredClock()))
    sink: Callable[[AnyEvent], None] = _nobody
    await feed.start(sink)
    try:
        return await _seen(feed, name, symbol)
    finally:
        await feed.close()


async def _seen(shown: Shown, name: str, symbol: str) -> Seen:
    (instrument,) = await shown.watch((symbol,))
    clock = await shown.public_facts.clock()
    top = await shown.public_facts.top(symbol)
    return Seen(instrument=replace(instrument, symbol=name), top=top, trip_ms=clock.round_trip_ns / 1e6)


def _nobody(event: AnyEvent) -> None:
    # Nothing is subscribed to: what a request brings on the side is of no interest.
    del event
