"""The two sockets: market data and the user stream. Connect on command, report every end, decode every frame.

Must never reconnect by itself. Invariants: frames of a connection that was given up are dropped; a stream
that was reported up is reported down once; a book that was handed out is taken back when its stream ends.
"""

from collections.abc import Callable, Coroutine
from typing import Any, Final

from mm.domain.commands import Connect, SyncBook
from mm.domain.events import Stream, StreamDown, StreamUp
from mm.domain.instrument import Instrument
from mm.venues.binance.link import Link
from mm.venues.binance.reports import TERMINATED, user_events
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

Background = Callable[[Coroutine[Any, Any, None]], None]


class _Socket:
    # One connection. `client` is ccxt's object of the attempt or connection that counts; frames and ends of
    # any other are of the past.
    __slots__ = ("client", "lost", "stream", "up")

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.client: Any = None
        self.up = False
        self.lost = ""  # why it ended before it was reported up


class _Symbol:
    # What is kept per instrument while its stream runs.
    __slots__ = ("book", "decoder")

    def __init__(self, instrument: Instrument) -> None:
        self.decoder = FrameDecoder(instrument)
        self.book = BookSync(instrument.symbol)


class Streams:
    """The market stream and the user stream of one account."""

    def __init__(self, link: Link, rest: Rest, exchange: Any, background: Background) -> None:
        """Dial through `exchange`; `background` runs the closing of what was dropped."""
        self._link = link
        self._rest = rest
        self._exchange = exchange
        self._background = background
        self._market = _Socket(Stream.MARKET)
        self._user = _Socket(Stream.USER)
        self._symbols: dict[str, _Symbol] = {}

    # ---- commands

    async def connect(self, command: Connect) -> None:
        """Dial and subscribe once; hands out that the stream is up, or down with the reason.

        A connection or an attempt that is under way is dropped without a word: who asked knows.
        """
        socket = self._market if command.stream is Stream.MARKET else self._user
        if socket.client is not None:
            self._lose_books(socket, "the stream is dialled anew")
            self._give_up(socket)
        dial = self._dial_market if socket is self._market else self._dial_user
        client = socket.client = self._exchange.client(self._address(socket))
        socket.lost = ""
        try:
            await self._rest.within_deadline(dial(client))
        except RequestFailure as failure:
            if client is socket.client:
                self._link.note(failure)
                self._end(socket, str(failure))
            return
        if client is socket.client and socket.lost:
            self._end(socket, socket.lost)
        elif client is socket.client:
            socket.up = True
            self._link.emit(StreamUp(ts_ns=self._link.now_ns(), stream=socket.stream))

    async def sync_book(self, command: SyncBook) -> None:
        """Fetch a snapshot and join it; hands out the book, its loss, or that no snapshot came."""
        instrument = self._link.instrument(command.symbol)
        known = self._symbol(instrument)
        known.book.begin()
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
            self._link.read_failed("SyncBook", command.symbol, failure)
            return
        now_ns = self._link.now_ns()
        if not self._market.up:
            known.book.failed()
            self._link.emit(known.book.lose(now_ns, "the market stream is down"))
            return
        for event in known.book.on_snapshot(now_ns, seq, bids, asks):
            self._link.emit(event)

    def close(self) -> None:
        """Give both sockets up without a word; the session that carries them is closed by the caller."""
        self._market.client = self._user.client = None
        self._market.up = self._user.up = False

    # ---- what the tap tells

    def on_text(self, client: Any, text: str) -> bool:
        """Decode a text of the market socket; False leaves it to ccxt. Raises if it cannot be decoded."""
        if client is not self._market.client:
            return False
        self._on_market_frame(client, market_frame(text))
        return True

    def on_frame(self, client: Any, frame: Any) -> bool:
        """Decode a frame of the user socket; False leaves it to ccxt. Raises if it cannot be decoded."""
        if client is self._user.client:
            return self._on_user_frame(client, frame)
        if client is self._market.client:
            raise ValueError("a market frame is no text")
        return True

    def on_lost(self, client: Any, reason: str) -> None:
        """A connection ended: report it, unless it is one of the past or its dialling will."""
        for socket in (self._market, self._user):
            if client is socket.client and socket.up:
                self._end(socket, reason)
            elif client is socket.client:
                socket.lost = reason

    # ---- dialling

    def _address(self, socket: _Socket) -> str:
        addresses = self._exchange.urls["api"]["ws"]
        market = str(addresses["spot"]) + "/0"
        return market if socket is self._market else str(addresses["ws-api"]["spot"])

    async def _dial_market(self, client: Any) -> None:
        instruments = self._link.all_instruments
        if not instruments:
            raise RequestFailure("no instrument was asked for", sent=False)
        for instrument in instruments:
            self._symbol(instrument)
        names = [instrument.venue_symbol.lower() for instrument in instruments]
        channels = [f"{name}@{channel}" for name in names for channel in _CHANNELS]
        message = {"method": "SUBSCRIBE", "params": channels, "id": _REQUEST_ID}
        await self._exchange.watch(client.url, _SUBSCRIBED, message, _SUBSCRIBED)

    async def _dial_user(self, client: Any) -> None:
        assert client is self._exchange.client(client.url)
        await self._exchange.authenticate({"type": "spot"})

    # ---- endings

    def _give_up(self, socket: _Socket) -> None:
        client, socket.client, socket.up = socket.client, None, False
        if self._exchange.clients.get(client.url) is client:
            del self._exchange.clients[client.url]
        self._background(client.close())

    def _end(self, socket: _Socket, reason: str) -> None:
        self._give_up(socket)
        self._link.emit(StreamDown(ts_ns=self._link.now_ns(), stream=socket.stream, reason=reason))
        self._lose_books(socket, reason)

    def _lose_books(self, socket: _Socket, reason: str) -> None:
        if socket is not self._market:
            return
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

    def _on_market_frame(self, client: Any, frame: MarketFrame) -> None:
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

    def _on_user_frame(self, client: Any, frame: Any) -> bool:
        event = frame.get("event", frame.get("data"))
        if event is None and "e" in frame:
            event = frame
        if event is None:
            return self._is_refused(client, frame)
        if event["e"] == TERMINATED:
            self._end(self._user, "the venue ended the user stream")
        else:
            for news in user_events(self._link, event):
                self._link.emit(news)
        return True

    def _is_refused(self, client: Any, frame: dict[str, Any]) -> bool:
        # ccxt stumbles over its own book-keeping where a subscription is refused, so its refusal ends here.
        error, result = frame.get("error"), frame.get("result")
        if isinstance(error, dict):
            failure = RequestFailure(str(error.get("msg")), code=int(error.get("code", 0)))
        elif isinstance(result, dict) and "subscriptionId" in result:
            return False
        else:
            failure = RequestFailure("the venue grants no subscription")
        client.reject(failure, str(frame.get("id")))
        return True
