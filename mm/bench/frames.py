"""What a depth frame of 20 + 20 levels costs: from its text to the best prices of the book, ours and ccxt's.

In one process, in turns of `CHUNK` frames of the same texts. Ours is decoded, checked for its place in the
sequence and applied as the adapter and the engine do it; ccxt's goes through its client's own handler. Both
books have to agree at the end of every turn, or nothing is returned.
"""

import gc
import time
from dataclasses import dataclass
from typing import Final

import msgspec

from mm.bench.market import FlippingMarket
from mm.bench.quantiles import microseconds, ratio
from mm.bench.rig import SYMBOL, make_bench_instrument
from mm.domain.book import Book
from mm.domain.events import BookDelta
from mm.domain.instrument import Instrument
from mm.venues.binance.plain import PlainClient
from mm.venues.edge.booksync import BookSync
from mm.venues.edge.frames import FrameDecoder, market_frame

CHUNK: Final = 50
_VENUE_MS: Final = 1_700_000_000_000
_NOWHERE: Final = "http://127.0.0.1:9"


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameFigures:
    """Microseconds a frame. Fields: frame_us_p50: ours; ccxt_frame_us_p50; ratio_frame; frames: measured."""

    frame_us_p50: float
    ccxt_frame_us_p50: float
    ratio_frame: float
    frames: int


class _Snapshot(msgspec.Struct):
    lastUpdateId: int  # noqa: N815 - the venue's name
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


class OwnBook:
    """Our way from a text to a book."""

    def __init__(self, snapshot: str, instrument: Instrument) -> None:
        """Begin with the book that `snapshot` tells."""
        self._decoder = FrameDecoder(instrument)
        self._sync = BookSync(SYMBOL)
        self._book = Book()
        told = msgspec.json.decode(snapshot, type=_Snapshot)
        bids, asks = self._decoder.levels(told.bids), self._decoder.levels(told.asks)
        self._sync.begin()
        self._sync.on_snapshot(0, told.lastUpdateId, bids, asks)
        self._book.apply_snapshot(0, told.lastUpdateId, bids, asks)

    def take(self, text: str) -> tuple[int, int, int]:
        """Apply a frame; return the number of the change and the best prices in ticks."""
        event = self._sync.on_diff(0, self._decoder.diff(market_frame(text)))
        assert type(event) is BookDelta
        book = self._book
        book.apply_delta(0, event.seq, event.bids, event.asks)
        return book.seq, book.bid_ticks, book.ask_ticks


async def measure_frames(frames: int = 4_000) -> FrameFigures:
    """Return what a frame costs over `frames` of them, at least 100."""
    market = FlippingMarket()
    snapshot, instrument = market.snapshot(), make_bench_instrument()
    own = OwnBook(snapshot, instrument)
    plain = PlainClient(_NOWHERE, SYMBOL, api_key="", api_secret="")
    plain.hold(snapshot)
    top, plain_top = (0, 0, 0), (0, 0.0, 0.0)
    ours: list[int] = []
    theirs: list[int] = []
    clock = time.perf_counter_ns
    gc.collect()
    gc.freeze()
    try:
        for _ in range(max(2, frames // CHUNK)):
            texts = [market.frame(_VENUE_MS) for _ in range(CHUNK)]
            for text in texts:
                began = clock()
                top = own.take(text)
                ours.append(clock() - began)
            for text in texts:
                began = clock()
                plain_top = plain.take(text)
                theirs.append(clock() - began)
            seq, bid, ask = plain_top
            assert top == (seq, round(bid * 100), round(ask * 100))
    finally:
        gc.unfreeze()
        await plain.close()
    own_us, plain_us = microseconds(ours, 50), microseconds(theirs, 50)
    return FrameFigures(
        frame_us_p50=own_us,
        ccxt_frame_us_p50=plain_us,
        ratio_frame=ratio(own_us, plain_us),
        frames=len(ours),
    )
