"""One socket of the venue: connect on command, report every end. What its frames say is its children's.

Must never reconnect by itself. Invariants: frames of a connection that was given up are dropped; a stream
that was reported up is reported down once.
"""

from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from mm.domain.events import Stream, StreamDown, StreamUp
from mm.venues.binance.link import Link
from mm.venues.edge.errors import RequestFailure
from mm.venues.edge.rest import Rest

Background = Callable[[Coroutine[Any, Any, None]], None]
"""Runs work that nobody waits for."""


class Subscriber(Protocol):
    """What a line does beyond being up or down."""

    def address(self) -> str:
        """Return where to connect."""
        ...

    async def dial(self, client: Any) -> None:
        """Connect and subscribe; raises where that fails."""
        ...

    def fell(self, reason: str) -> None:
        """The line is down or dialled anew: what was handed out of it holds no more."""
        ...


class Line:
    """One connection and what is known of it.

    Fields: client: ccxt's object of the attempt or connection that counts, None without one; frames and ends
    of any other are of the past. up: it was reported up.
    """

    def __init__(
        self, stream: Stream, link: Link, rest: Rest, exchange: Any, *, background: Background
    ) -> None:
        """Dial through `exchange`; `background` runs the closing of what was dropped."""
        self.client: Any = None
        self.up = False
        self._stream = stream
        self._link = link
        self._rest = rest
        self._exchange = exchange
        self._background = background
        self._lost = ""  # why it ended before it was reported up

    async def connect(self, subscriber: Subscriber) -> None:
        """Dial and subscribe once; hands out that the stream is up, or down with the reason.

        A connection or an attempt that is under way is dropped without a word: who asked knows.
        """
        if self.client is not None:
            subscriber.fell("the stream is dialled anew")
            self._give_up()
        client = self.client = self._exchange.client(subscriber.address())
        self._lost = ""
        try:
            await self._rest.within_deadline(subscriber.dial(client))
        except RequestFailure as failure:
            if client is self.client:
                self._link.note(failure)
                self.end(subscriber, str(failure))
            return
        if client is self.client and self._lost:
            self.end(subscriber, self._lost)
        elif client is self.client:
            self.up = True
            self._link.emit(StreamUp(ts_ns=self._link.now_ns(), stream=self._stream))

    def on_lost(self, subscriber: Subscriber, client: Any, reason: str) -> None:
        """A connection ended: report it, unless it is one of the past or its dialling will."""
        if client is self.client and self.up:
            self.end(subscriber, reason)
        elif client is self.client:
            self._lost = reason

    def end(self, subscriber: Subscriber, reason: str) -> None:
        """Give the connection up and report that it is down."""
        self._give_up()
        self._link.emit(StreamDown(ts_ns=self._link.now_ns(), stream=self._stream, reason=reason))
        subscriber.fell(reason)

    def close(self) -> None:
        """Give it up without a word; the session that carries it is closed by the caller."""
        self.client = None
        self.up = False

    def _give_up(self) -> None:
        client, self.client, self.up = self.client, None, False
        if self._exchange.clients.get(client.url) is client:
            del self._exchange.clients[client.url]
        self._background(client.close())
