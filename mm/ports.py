"""What the core's runtimes need of the outside: the venue. Adapters implement it, runtimes call it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

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


@runtime_checkable
class Watches(Protocol):
    """A venue, or several behind one, that can also show markets without trading there."""

    async def watch(self, symbols: tuple[str, ...]) -> tuple[Instrument, ...]:
        """Return the instruments of `symbols`, of which only the market matters, in that order.

        Asked once, after those that are traded and before the start; their books, best prices and trades come
        with the stream of their venue. An instrument's symbol is as it was asked for: "NAME:ETH/USDT" is one
        of another venue. Raises: as `Venue.instruments`.
        """
        ...


@runtime_checkable
class Identified(Protocol):
    """A venue that knows by itself which account it trades, whatever key that is traded with."""

    @property
    def identity(self) -> str:
        """Where the account is and its number there; "" before instruments were asked for, or if the venue
        does not tell.
        """
        ...


@runtime_checkable
class SimulatedVenue(Venue, Protocol):
    """A venue whose orders live in this process, in event time: the same events give the same outcomes.

    Its market data come from outside, to the sink. Everything else it computes: nothing depends on when the
    loop gets round to it, only on the times that are stated. Whoever runs it calls `advance` with the time of
    everything that happens, in order, before it happens, and `witness` with every event from outside before
    the engine hears of it. Commands count as sent at the time of the last `advance`.
    """

    @property
    def next_due_ns(self) -> int | None:
        """When the next outcome is due, None when nothing is under way."""
        ...

    def advance(self, ts_ns: int) -> Sequence[AnyEvent]:
        """Let time pass up to and including `ts_ns`; return the outcomes due, each at its own time."""
        ...

    def queue_ahead(self) -> Mapping[str, int]:
        """Return how much is estimated to trade before each open order, base atoms by client order id."""
        ...

    def witness(self, event: AnyEvent) -> Sequence[AnyEvent]:
        """See an event from outside; return what it does to our orders, which the engine hears of first."""
        ...
