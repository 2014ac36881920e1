"""A bot on markets that are played, recorded or simulated: the real engine over the paper venue, event time.

One market is traded, others may be watched. Nothing reads a clock: a minute of a market takes a second. What
happens is measured as in a live run.
"""

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mm.analytics.horizons import Fill
from mm.analytics.session import Analytics
from mm.bootstrap.assemble import assemble
from mm.bootstrap.run_paper import paper_settings
from mm.domain.capabilities import Capabilities
from mm.domain.commands import AnyCommand, Connect, MeasureClock, Report, SyncBook, VenueCommand
from mm.domain.events import Advanced, AnyEvent, BookSnapshot, ClockMeasured, Stream, StreamUp
from mm.domain.instrument import Instrument
from mm.domain.units import NS_PER_S
from mm.engine.engine import Engine
from mm.observe.analyst import Analyst
from mm.runtime.event_time import EventTime
from mm.settings.models import Settings
from mm.store.runstate import RunState
from mm.venues.paper import PaperVenue


class Played(Protocol):
    """A market that can be played."""

    @property
    def instrument(self) -> Instrument:
        """What is traded; the symbol is as it is seen: that of another venue's begins with its name."""
        ...

    def events(self) -> Iterator[AnyEvent]:
        """Yield what everybody hears of it, in the order of time, each when it is asked for."""
        ...

    def snapshot(self, ts_ns: int) -> BookSnapshot | None:
        """Return the book as of the last event, None before there is one."""
        ...


class PlayedFeed:
    """The public venue that shows them. Fields: answers: to be told after the step."""

    def __init__(self, *markets: Played) -> None:
        """Show `markets`; the name of another venue's begins with that venue's, as a watch of it does."""
        self.answers: list[Callable[[int], AnyEvent | None]] = []
        self._markets = {market.instrument.symbol: market for market in markets}

    @property
    def caps(self) -> Capabilities:
        """What a venue on the internet allows."""
        return Capabilities(orders_per_10s=100, weight_per_minute=6_000)

    async def instruments(self, symbols: tuple[str, ...]) -> tuple[Instrument, ...]:
        """Return the instruments of the markets."""
        return tuple(self._markets[symbol].instrument for symbol in symbols)

    async def watch(self, symbols: tuple[str, ...]) -> tuple[Instrument, ...]:
        """Return the instruments of the markets."""
        return await self.instruments(symbols)

    async def start(self, sink: Callable[[AnyEvent], None]) -> None:
        """Begin; whoever plays the markets tells their events."""

    async def close(self) -> None:
        """End."""

    def submit(self, command: VenueCommand) -> None:
        """Answer at once: streams are up, clocks agree, a book is what the frames told so far."""
        match command:
            case Connect(stream=Stream.MARKET, venue=venue):
                self.answers.append(lambda ts_ns: StreamUp(ts_ns=ts_ns, stream=Stream.MARKET, venue=venue))
            case MeasureClock():
                self.answers.append(lambda ts_ns: ClockMeasured(ts_ns=ts_ns, offset_ns=0, round_trip_ns=1))
            case SyncBook(symbol=symbol):
                self.answers.append(self._markets[symbol].snapshot)
            case _:
                raise AssertionError(f"{type(command).__name__} needs an account")

    def events(self) -> Iterator[AnyEvent]:
        """Yield the events of all markets in the order of their times."""
        return heapq.merge(*(one.events() for one in self._markets.values()), key=lambda event: event.ts_ns)


@dataclass
class PlayedBot:
    """One bot of one session. Fields: fills: its own, with what came after each; steps: taken;
    heard: is told of each.
    """

    feed: PlayedFeed
    venue: PaperVenue
    engine: Engine
    fills: list[Fill] = field(default_factory=list)
    steps: int = 0
    heard: Callable[[AnyEvent], object] | None = None

    def __post_init__(self) -> None:
        """Watch from the first step on."""
        self.analyst = Analyst(self.engine.state)
        self.time = EventTime(
            self.venue, next_timer_ns=lambda: self.engine.next_due_ns, computed=self._step, outside=self._step
        )

    def run(self, seconds: float) -> None:
        """Play the markets from their begin for so long, or to their end."""
        end_ns = 0
        for event in self.feed.events():
            if not end_ns:
                end_ns = event.ts_ns + round(seconds * NS_PER_S)
                self._hear(Advanced(ts_ns=event.ts_ns))
            if event.ts_ns > end_ns:
                break
            self._hear(event)
        self.fills += self.session.waiting.left()

    @property
    def session(self) -> Analytics:
        """What was measured of the one session."""
        (name,) = self.analyst.sessions
        found = self.analyst.analytics(name)
        assert found is not None
        return found

    @property
    def unexplained(self) -> dict[str, int]:
        """What of the session's and the account's books is unexplained; empty where nothing is."""
        (watched,) = self.analyst.sessions.values()
        return watched.residues() | self.analyst.residue_atoms()

    def _hear(self, event: AnyEvent) -> None:
        self.time.on_event(event)
        while self.feed.answers:
            answer = self.feed.answers.pop(0)(event.ts_ns)
            if answer is not None:
                self.time.on_event(answer)

    def _step(self, event: AnyEvent) -> None:
        commands: Sequence[AnyCommand] = self.engine.step(event)
        self.analyst.on_step(event, commands)
        if not self.steps:
            self.session.on_settled = self.fills.append
        self.steps += 1
        if self.heard is not None:
            self.heard(event)
        for command in commands:
            if not isinstance(command, Report):
                self.venue.submit(command)


async def played_bot(settings: Settings, *markets: Played) -> PlayedBot:
    """Return a bot with the settings of a paper run on these markets, before its first step."""
    feed = PlayedFeed(*markets)
    venue = PaperVenue(feed, paper_settings(settings))
    engine = await assemble(settings, venue, RunState.open(settings.data_dir))
    await venue.start(lambda _: None)
    return PlayedBot(feed, venue, engine)
