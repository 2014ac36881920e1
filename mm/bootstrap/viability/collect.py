"""Listens to a market's public streams for a while and makes a tape of it. No key is read, nothing is sent.

Through the adapter that paper mode listens with; a local exchange is heard in its own time. Must never trade
or read an account. Invariant: it ends by itself, after the time asked for or when the streams stay away.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mm.bootstrap.door import pace_of
from mm.bootstrap.viability.heard import Heard, TapeWriter
from mm.domain.commands import Connect
from mm.domain.events import AnyEvent, PublicTrade, Stream, StreamDown, TopOfBook
from mm.domain.instrument import Instrument
from mm.domain.sides import Side
from mm.domain.units import NS_PER_MS, SCALE_MIN
from mm.errors import VenueUnreachable
from mm.runtime.clock import AnchoredClock
from mm.settings.values import host_is_loopback
from mm.store.recordings.raw.records import Market
from mm.venues.binance import BinanceMarketData, BinancePublicSettings, BinanceUrls

PAUSE_S: Final = 0.2
"""How often it is looked whether the time is over."""

RETRY_S: Final = 1.0
RETRIES: Final = 5
"""How often a stream that went is connected again, and how long is waited before."""

SAME_ORDER_NS: Final = NS_PER_MS
"""Prints of one side no farther apart were one market order, where the venue does not tell their time."""

Told = Callable[[float], object]
"""Told how many seconds of the market were heard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """What is to be heard. Fields: symbol: unified; url: of a venue in place of the real one; for_ns."""

    symbol: str
    for_ns: int
    url: str | None = None


async def listen(asked: Listening, told: Told) -> Heard:
    """Listen for the time asked for, of the market's own clock.

    Raises: ConfigError if there is no such symbol; VenueUnreachable; VenueRefused; ForeignAddress.
    """
    pace = await asyncio.to_thread(pace_of, asked.url)
    clock = AnchoredClock(pace)
    venue = BinanceMarketData(
        BinancePublicSettings(
            clock=clock,
            urls=BinanceUrls(rest=asked.url) if asked.url else None,
            loopback_only=asked.url is not None and host_is_loopback(asked.url),
        )
    )
    try:
        (instrument,) = await venue.instruments((asked.symbol,))
        ear = Ear(instrument)
        await venue.start(ear)
        end_ns = clock.now_ns() + asked.for_ns
        while (left_ns := end_ns - clock.now_ns()) > 0:
            if ear.is_down:
                if ear.tries > RETRIES:
                    raise VenueUnreachable(f"no market data of {asked.symbol}: {ear.reason}")
                if ear.tries:
                    await asyncio.sleep(RETRY_S)
                ear.dial()
                venue.submit(Connect(stream=Stream.MARKET))
            told((asked.for_ns - left_ns) / 1e9)
            await asyncio.sleep(min(PAUSE_S, left_ns / 1e9 / clock.scale))
    finally:
        await venue.close()
    return Heard(
        tape=ear.writer.tape(), name=asked.symbol, symbol=instrument.venue_symbol, market=Market.SPOT
    )


class Ear:
    """Takes the events of one market.

    Fields: writer: what was heard. is_down: the streams have to be connected; tries: how often that was
    tried since anything was heard; reason: why they went.
    """

    def __init__(self, instrument: Instrument) -> None:
        """Hear nothing yet."""
        self.writer = TapeWriter()
        self.is_down, self.tries, self.reason = True, 0, "nothing was heard"
        self._instrument = instrument
        # What one tick and one atom are in units of the tape.
        self._tick = instrument.tick_atoms, int(10 ** (instrument.quote_scale - SCALE_MIN))
        self._atoms = int(10 ** (instrument.base_scale - SCALE_MIN))
        self._order = 0
        self._last_ns, self._last_side = 0, Side.BUY

    def dial(self) -> None:
        """The streams are being connected."""
        self.is_down = False
        self.tries += 1

    def __call__(self, event: AnyEvent) -> None:
        """Take an event."""
        match event:
            case TopOfBook():
                self.tries = 1
                self.writer.top(
                    event.ts_ns,
                    (self._price(event.bid.price_ticks), self._size(event.bid.size_atoms)),
                    (self._price(event.ask.price_ticks), self._size(event.ask.size_atoms)),
                )
            case PublicTrade():
                self._trade(event)
            case StreamDown():
                self.is_down, self.reason = True, event.reason
            case _:
                return

    def _trade(self, event: PublicTrade) -> None:
        is_next = event.aggressor is self._last_side and event.ts_ns - self._last_ns <= SAME_ORDER_NS
        self._order = event.venue_ms or self._order + (not is_next)
        self._last_ns, self._last_side = event.ts_ns, event.aggressor
        size = self._size(event.size_atoms)
        if size:
            self.writer.trade(
                event.ts_ns,
                self._price(event.price_ticks),
                size,
                aggressor=1 if event.aggressor is Side.BUY else -1,
                order=self._order,
            )

    def _price(self, ticks: int) -> int:
        step, unit = self._tick
        return ticks * step // unit

    def _size(self, atoms: int) -> int:
        return atoms // self._atoms
