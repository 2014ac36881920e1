"""What the core's runtimes need of the outside: the venue. Adapters implement it, runtimes call it."""

from collections.abc import Callable
from typing import Protocol

from mm.domain.capabilities import Capabilities
from mm.domain.commands import VenueCommand
from mm.domain.events import AnyEvent
from mm.domain.instrument import Instrument


class Venue(Protocol):
    """One account at one venue: commands go in, events come out.

    An adapter never queues, sleeps, retries or decides: deadlines and retries belong to the engine. Each
    command that expects an outcome brings exactly one (several for listings), however the venue behaves.
    """

    @property
    def caps(self) -> Capabilities:
        """What the venue can do and limits."""
        ...

    async def instruments(self, symbols: tuple[str, ...]) -> tuple[Instrument, ...]:
        """Return the instruments of `symbols` (unified names), in that order.

        Raises: ConfigError if a symbol does not exist or does not trade; VenueUnreachable; VenueRefused.
        """
        ...

    async def start(self, sink: Callable[[AnyEvent], None]) -> None:
        """Begin: events go to `sink` (synchronous, never awaited) from now on. Streams connect on command."""
        ...

    def submit(self, command: VenueCommand) -> None:
        """Send a command; returns at once. The outcome comes to the sink."""
        ...

    async def close(self) -> None:
        """Close every connection. Pending outcomes may be lost; the engine has been stopped before."""
        ...
