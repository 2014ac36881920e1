"""The market stream: books, best prices and trades of every instrument that was asked for. Nothing is signed.

Must never reconnect by itself. Invariants: frames of a connection that was given up are dropped; a book that
was handed out is taken back when its stream ends.
"""

from typing import Any, Final

from mm.domain.commands import SyncBook
from mm.domain.events import Stream
from mm.domain.instrument import Instrument
from mm.venues.binance.line import Background, Line
from mm.venues.binance.link import Link
from mm.venues.edge.booksync import BookSync
from mm.venues.edge.errors import RequestFailure
from mm.venues.edge.frames import FrameDecoder, MarketFrame, market_frame, whole
from mm.venues.edge.redact import redacted
from mm.venues.edge.rest import Rest

SNAPSHOT_LEVELS: Final = 1_000
"""Levels per side of a snapshot: the most that has the weight of 50."""

_CHANNELS: Final = ("depth@100ms", "bookTicker", "trade")
_SUBSCRIBED: Final = "subscribed"
_REQUEST_ID: Final = 1


class _Symbol:
    # What is kept per instrument while its stream runs. Fields: asked: how often its whole book was.
    __slots__ = ("asked", "book", "decoder")

    def __init__(self, instrument: Instrument) -> None:
        self.decoder = FrameDecoder(instrument)
        self.book = BookSync(instrument.symbol)
        self.asked = 0


class MarketStream:
    """The socket of market data and the books that follow from it."""

    def __init__(self, link: Link, rest: Rest, exchange: Any, background: Background) -> None:
        """Dial through `exchange`; `background` runs the closing of what was dropped."""
        self._link = link
        self._rest = rest
        self._exchange = exchange
        self._line = Line(Stream.MARKET, link, rest, exchange, background=background)
        self._symbols: dict[str, _Symbol] = {}

    # ---- commands

    async def connect(self) -> None:
        """Dial and subscribe once; hands out that the stream is up, or down with the reason."""
        await self._line.connect(self)

    async def sync_book(self, command: SyncBook) -> None:
        """Fetch a snapshot and join it; hands out the book, its loss, or that no snapshot came.

        Of several that are under way only the one that was asked for last is told of: an answer to an earlier
        one may have waited for a process that stood still, and would look new.
        """
        instrument = self._link.market(command.symbol)
        known = self._symbol(instrument)
        known.book.begin()
        known.asked = number = known.asked + 1
        asked = {"symbol": instrument.venue_symbol, "limit": SNAPSHOT_LEVELS}
        try:
            answer = await self._rest.ask_object("publicGetDepth", asked)
            seq = whole(answer.get("lastUpdateId"))
            bids, asks = (
                known.decoder.levels(answer.get("bids", 0)),
                known.decoder.levels(answer.get("asks", 0)),
            )
        except (RequestFailure, ValueError, TypeError, AttributeError) as error:
            known.book.failed()
            unreadable = RequestFailure("the snapshot cannot be read")
            failure = error if isinstance(error, RequestFailure) else unreadable
            if number == known.asked:
                self._link.read_failed("SyncBook", command.symbol, failure)
            return
        if number != known.asked:
            known.book.failed()
            return
        now_ns = self._link.now_ns()
        if not self._line.up:
            known.book.failed()
            self._link.emit(known.book.lose(now_ns, "the market stream is down"))
            return
        for event in known.book.on_snapshot(now_ns, seq, bids, asks):
            self._link.emit(event)

    def close(self) -> None:
        """Give the socket up without a word; the session that carries it is closed by the caller."""
        self._line.close()

    # ---- what the tap tells

    def on_text(self, client: Any, text: str) -> bool:
        """Decode a text of the socket; False leaves it to ccxt. Raises if it cannot be decoded."""
        if client is not self._line.client:
            return False
        self._on_frame(client, market_frame(text))
        return True

    def on_frame(self, client: Any) -> bool:
        """Refuse a frame that was no text: raises ValueError for the socket, drops those of the past."""
        if client is self._line.client:
            raise ValueError("a market frame is no text")
        return True

    def on_lost(self, client: Any, reason: str) -> None:
        """A connection ended: report it, unless it is one of the past or its dialling will."""
        self._line.on_lost(self, client, reason)

    # ---- what the line asks

    def address(self) -> str:
        """Return where to connect."""
        return str(self._exchange.urls["api"]["ws"]["spot"]) + "/0"

    async def dial(self, client: Any) -> None:
        """Connect and subscribe to all channels of all instruments; raises RequestFailure without any."""
        instruments = self._link.all_instruments
        if not instruments:
            raise RequestFailure("no instrument was asked for", sent=False)
        for instrument in instruments:
            self._symbol(instrument)
        names = [instrument.venue_symbol.lower() for instrument in instruments]
        channels = [f"{name}@{channel}" for name in names for channel in _CHANNELS]
        message = {"method": "SUBSCRIBE", "params": channels, "id": _REQUEST_ID}
        await self._exchange.watch(client.url, _SUBSCRIBED, message, _SUBSCRIBED)

    def fell(self, reason: str) -> None:
        """Take back every book that was handed out."""
        for known in self._symbols.values():
            was_in_sync = known.book.in_sync
            lost = known.book.lose(self._link.now_ns(), reason)
            if was_in_sync:
                self._link.emit(lost)

    # ---- frames

    def _symbol(self, instrument: Instrument) -> _Symbol:
        known = self._symbols.get(instrument.venue_symbol)
        if known is None:
            known = self._symbols[instrument.venue_symbol] = _Symbol(instrument)
        return known

    def _on_frame(self, client: Any, frame: MarketFrame) -> None:
        now_ns = self._link.now_ns()
        known = self._symbols.get(frame.symbol)
        kind = frame.kind
        if known is None:
            self._on_other_frame(client, frame)
        elif not kind:
            self._link.emit(known.decoder.top(frame, ts_ns=now_ns))
        elif kind == "trade":
            self._link.emit(known.decoder.trade(frame, ts_ns=now_ns))
        elif kind == "depthUpdate":
            event = known.book.on_diff(now_ns, known.decoder.diff(frame))
            if event is not None:
                self._link.emit(event)
        else:
            self._link.ignored[f"market event {redacted(kind)}"] += 1

    def _on_other_frame(self, client: Any, frame: MarketFrame) -> None:
        # The answer to the subscription, or news of a symbol that is not ours.
        if frame.error is not None:
            failure = RequestFailure(str(frame.error.get("msg")), code=int(frame.error.get("code", 0)))
            client.reject(failure, _SUBSCRIBED)
        elif frame.request_id == _REQUEST_ID:
            client.resolve(True, _SUBSCRIBED)
        else:
            self._link.ignored["frame of no symbol of ours"] += 1
