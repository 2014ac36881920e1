"""Tapes of a market that is generated, with everything that goes wrong on a feed, from a seed.

The market is that of `paper_market`. Between its messages there are books that are lost and come back, whole
books that nobody asked for, messages that come twice or much too late, silences, tops far off and crossed.
"""

from random import Random
from typing import Final

import msgspec

from mm.domain.book import Level
from mm.domain.commands import Connect, SyncBook
from mm.domain.events import AnyEvent, BookDelta, BookLost, BookSnapshot, PublicTrade, Stream, TopOfBook
from mm.domain.instrument import Instrument
from mm.domain.sides import BUY, SELL
from mm.domain.tape import Chunk, TapeWriter
from tests.builders.paper_market import MS, PublicMarket

MISCHIEF: Final = 0.02
"""Of so many messages one is followed by something that goes wrong."""

KINDS: Final = ("lost", "whole", "again", "late", "silence", "far", "crossed", "standing", "burst")


class TapeMarket:
    """One generated market, message by message. Fields: symbol."""

    def __init__(
        self, instrument: Instrument, *, seed: int, start_ns: int, mischief: float = MISCHIEF
    ) -> None:
        """Begin with a whole book."""
        self.symbol = instrument.symbol
        self._market = PublicMarket(instrument, seed=seed, pace_ns=8 * MS)
        self._random = Random(f"{seed}/mischief")
        self._mischief = mischief
        self._market.now_ns = start_ns
        self._last: list[BookDelta | TopOfBook | PublicTrade] = []
        self._market.submit(Connect(stream=Stream.MARKET))
        self._market.submit(SyncBook(symbol=self.symbol))

    def events(self, until_ns: int) -> list[AnyEvent]:
        """Return what happens up to a time."""
        found: list[AnyEvent] = []
        while self._market.next_ns is not None and self._market.next_ns <= until_ns:
            for event in self._market.take():
                if isinstance(event, BookDelta | TopOfBook | PublicTrade | BookSnapshot):
                    found.append(event)
                    if not isinstance(event, BookSnapshot):
                        self._last = [*self._last[-30:], event]
                        if self._random.random() < self._mischief:
                            found.extend(self._wrong())
        return found

    def _wrong(self) -> list[AnyEvent]:
        market, dice, now_ns = self._market, self._random, self._market.now_ns
        kind, book = dice.choice(KINDS), self._market.book
        last = self._last[-1]
        match kind:
            case "lost":
                market.submit(SyncBook(symbol=self.symbol))
                return [BookLost(ts_ns=now_ns, symbol=self.symbol, reason="a gap")]
            case "whole":
                market.submit(SyncBook(symbol=self.symbol))
                return []
            case "again":
                return [last]
            case "late":
                return [msgspec.structs.replace(dice.choice(self._last), ts_ns=now_ns)]
            case "silence":
                market.rest(dice.choice((300, 2_500, 9_000)) * MS)
                return []
            case "standing":
                # Two changes of one time of the venue: what the second carries may be as old.
                bids, asks = book.take_changes()
                book.seq += 2
                told = BookDelta(
                    ts_ns=now_ns, symbol=self.symbol, seq=book.seq - 1, venue_ms=5, bids=bids, asks=asks
                )
                return [told, msgspec.structs.replace(told, seq=book.seq, bids=(), asks=())]
            case "burst":
                return market.prints(dice.choice((BUY, SELL)), 10**12)
            case _:
                return self._odd_top(kind)

    def _odd_top(self, kind: str) -> list[AnyEvent]:
        dice, book, now_ns = self._random, self._market.book, self._market.now_ns
        book.seq += 1
        bid, ask = book.best(BUY), book.best(SELL)
        if kind == "far":
            bid, ask = (2 * bid, 2 * ask) if dice.random() < 0.5 else (bid // 2, ask // 2)
        else:
            bid, ask = (ask, ask) if dice.random() < 0.5 else (bid + 2, ask - 2)
        top = TopOfBook(
            ts_ns=now_ns, symbol=self.symbol, seq=book.seq, bid=Level(bid, 7), ask=Level(ask, 9 * 10**9)
        )
        return [top] if dice.random() < 0.8 else [msgspec.structs.replace(top, ask=Level(0, 0))]


def generated_chunks(
    *instruments: Instrument,
    seed: int,
    seconds: float,
    start_ns: int,
    mischief: float = MISCHIEF,
    chunk_s: float = 7.0,
) -> list[Chunk]:
    """Return the tape of so many seconds of some markets that know nothing of each other, cut in chunks.

    Each market begins with its whole book, and has one as a keyframe every chunk.
    """
    markets = [
        TapeMarket(instrument, seed=seed + at, start_ns=start_ns, mischief=mischief)
        for at, instrument in enumerate(instruments)
    ]
    writer = TapeWriter(tuple(market.symbol for market in markets))
    chunks, at_ns, end_ns = [], start_ns, start_ns + round(seconds * 1e9)
    while at_ns < end_ns:
        at_ns += round(chunk_s * 1e9)
        found = [event for market in markets for event in market.events(min(at_ns, end_ns))]
        wholes = {event.symbol: event for event in found if isinstance(event, BookSnapshot)}
        for event in sorted(found, key=lambda one: one.ts_ns):
            writer.add(event)
            if wholes.get(getattr(event, "symbol", "")) is event:
                writer.add_keyframe(event)
        if len(writer):
            chunks.append(writer.take())
    return chunks
