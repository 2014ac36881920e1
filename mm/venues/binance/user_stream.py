"""The user stream: what happens to the account's orders and balances, as the venue pushes it.

Must never reconnect by itself. Invariant: frames of a connection that was given up are dropped. The request
that subscribes is signed: this half belongs to the adapter of an account alone.
"""

from typing import Any

from mm.domain.events import Stream
from mm.venues.binance.line import Background, Line
from mm.venues.binance.link import Link
from mm.venues.binance.reports import TERMINATED, user_events
from mm.venues.edge.errors import RequestFailure
from mm.venues.edge.rest import Rest


class UserStream:
    """The socket of the account's own news."""

    def __init__(self, link: Link, rest: Rest, exchange: Any, background: Background) -> None:
        """Dial through `exchange`; `background` runs the closing of what was dropped."""
        self._link = link
        self._exchange = exchange
        self._line = Line(Stream.USER, link, rest, exchange, background=background)

    async def connect(self) -> None:
        """Dial and subscribe once; hands out that the stream is up, or down with the reason."""
        await self._line.connect(self)

    def close(self) -> None:
        """Give the socket up without a word; the session that carries it is closed by the caller."""
        self._line.close()

    # ---- what the tap tells

    def owns(self, client: Any) -> bool:
        """Return whether `client` is the connection that counts."""
        return client is self._line.client

    def on_frame(self, client: Any, frame: Any) -> bool:
        """Decode a frame of the socket; False leaves it to ccxt. Raises if it cannot be decoded."""
        event = frame.get("event", frame.get("data"))
        if event is None and "e" in frame:
            event = frame
        if event is None:
            return self._is_refused(client, frame)
        if event["e"] == TERMINATED:
            self._line.end(self, "the venue ended the user stream")
        else:
            for news in user_events(self._link, event):
                self._link.emit(news)
        return True

    def on_lost(self, client: Any, reason: str) -> None:
        """A connection ended: report it, unless it is one of the past or its dialling will."""
        self._line.on_lost(self, client, reason)

    # ---- what the line asks

    def address(self) -> str:
        """Return where to connect."""
        return str(self._exchange.urls["api"]["ws"]["ws-api"]["spot"])

    async def dial(self, client: Any) -> None:
        """Connect and subscribe, with a signature."""
        assert client is self._exchange.client(client.url)
        await self._exchange.authenticate({"type": "spot"})

    def fell(self, reason: str) -> None:
        """Nothing was handed out that could be taken back: the listings tell what was missed."""

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
