"""The venue that is traded on, and others of which only markets are watched, as one.

What the others say bears their names: "NAME:ETH/USDT", and the name in what is about their connections. Must
never send anything to another venue than a subscription and a request for a book; what it says about itself
(budget, clock, access) is no fact about the account.
"""

from collections.abc import Callable, Mapping
from functools import partial

from msgspec.structs import replace

from mm.domain.capabilities import Capabilities
from mm.domain.commands import Connect, SyncBook, VenueCommand
from mm.domain.events import (
    AnyEvent,
    BookDelta,
    BookLost,
    BookSnapshot,
    PublicTrade,
    RequestFailed,
    Stream,
    StreamDown,
    StreamUp,
    Throttled,
    TopOfBook,
)
from mm.domain.instrument import Instrument
from mm.domain.watched import joined_name, split_name
from mm.errors import ConfigError, ProtocolViolation
from mm.ports import Identified, Venue, Watches


class JoinedVenue:
    """See `mm.ports.Venue` and `mm.ports.Watches`."""

    def __init__(self, traded: Venue, others: Mapping[str, Callable[[], Venue]]) -> None:
        """Trade on `traded`. Args: others: make the feeds of the others by name; one that is not watched is
        never made.
        """
        self._traded = traded
        self._makers = dict(others)
        self._feeds: dict[str, Venue] = {}

    @property
    def caps(self) -> Capabilities:
        """What the venue can do that is traded on."""
        return self._traded.caps

    @property
    def identity(self) -> str:
        """The account that is traded; see `mm.ports.Identified`."""
        return self._traded.identity if isinstance(self._traded, Identified) else ""

    async def instruments(self, symbols: tuple[str, ...]) -> tuple[Instrument, ...]:
        """Return what the venue returns that is traded on."""
        return await self._traded.instruments(symbols)

    async def watch(self, symbols: tuple[str, ...]) -> tuple[Instrument, ...]:
        """Return the instruments of `symbols`; see `mm.ports.Watches`."""
        found: dict[str, Instrument] = {}
        for venue in dict.fromkeys(split_name(name)[0] for name in symbols):
            names = [name for name in symbols if split_name(name)[0] == venue]
            feed = self._feed(venue)
            if not isinstance(feed, Watches):
                raise ConfigError(f"{', '.join(names)} cannot be watched beside what is traded here")
            shown = await feed.watch(tuple(split_name(name)[1] for name in names))
            for name, instrument in zip(names, shown, strict=True):
                found[name] = replace(instrument, symbol=name)
        return tuple(found[name] for name in symbols)

    async def start(self, sink: Callable[[AnyEvent], None]) -> None:
        """Begin: events go to `sink` from now on."""
        await self._traded.start(sink)
        for venue, feed in self._feeds.items():
            await feed.start(partial(_hand_on, venue, sink))

    def submit(self, command: VenueCommand) -> None:
        """Send a command to the venue that it is about; raises ProtocolViolation if that is not there."""
        if isinstance(command, Connect) and command.venue:
            self._named(command.venue).submit(Connect(stream=command.stream))
            return
        if isinstance(command, SyncBook):
            venue, symbol = split_name(command.symbol)
            if venue:
                self._named(venue).submit(SyncBook(symbol=symbol))
                return
        self._traded.submit(command)

    async def close(self) -> None:
        """Close every connection; pending outcomes may be lost."""
        try:
            await self._traded.close()
        finally:
            for feed in self._feeds.values():
                await feed.close()

    def _feed(self, venue: str) -> Venue:
        if not venue:
            return self._traded
        if venue not in self._feeds:
            if venue not in self._makers:
                raise ConfigError(f"there is no [venue.{venue}] to watch a market of")
            self._feeds[venue] = self._makers[venue]()
        return self._feeds[venue]

    def _named(self, venue: str) -> Venue:
        if venue not in self._feeds:
            raise ProtocolViolation(f"a command names the venue {venue!r}, of which nothing is watched")
        return self._feeds[venue]


def _hand_on(venue: str, sink: Callable[[AnyEvent], None], event: AnyEvent) -> None:
    match event:
        case BookSnapshot() | BookDelta() | TopOfBook() | PublicTrade() | BookLost():
            sink(replace(event, symbol=joined_name(venue, event.symbol)))
        case StreamUp(stream=Stream.MARKET) | StreamDown(stream=Stream.MARKET) | Throttled():
            sink(replace(event, venue=venue))
        case RequestFailed():
            sink(replace(event, subject=joined_name(venue, event.subject)))
        case _:
            pass
