"""The thin subclass of ccxt's Binance client: ccxt carries, we see every frame and every answer.

Must never sign: what stands here asks for public things alone (`signing_tap.py` is the one with a key). Must
never let a frame be parsed twice, an error be judged by ccxt's classes, or a stream die unnoticed: a frame
that cannot be decoded ends its connection with a word to the listener. Invariant: every end of a connection
reaches `TapListener.on_lost`. Imports ccxt: import this module late.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final, Protocol

import ccxt.pro
from aiohttp import WSMsgType
from ccxt.async_support.base.ws.client import MSG_SIZE_OVERHEAD
from ccxt.base.errors import NetworkError, RequestTimeout

from mm.errors import ProtocolViolation
from mm.venues.edge.egress import Egress
from mm.venues.edge.errors import RequestFailure

AT_ONCE: Final = 16
"""Frames that are handled before timers, answers and writes have their turn: about a millisecond."""

_RETRY_AFTER: Final = "retry-after"


class TapListener(Protocol):
    """What the adapter wants to hear."""

    def on_text(self, client: Any, text: str) -> bool:
        """A text came on a socket; return False to let ccxt decode it. May raise on what it cannot decode."""
        ...

    def on_frame(self, client: Any, frame: Any) -> bool:
        """A decoded frame came; return False to let ccxt handle it. May raise on what it cannot decode."""
        ...

    def on_lost(self, client: Any, reason: str) -> None:
        """A connection ended or has to be given up."""
        ...

    def on_answer(self, headers: Mapping[str, str]) -> None:
        """An HTTP answer came; the names of the headers are in lower case."""
        ...


class UndecodableFrame(NetworkError):
    """A frame that is not what the venue's protocol allows; its connection is given up."""


class PublicTap(ccxt.pro.binance):
    """ccxt's Binance client with a tap in it, for what everybody may ask. It has no key and cannot sign.

    Fields: listener: hears frames, ends and answers.
    """

    listener: TapListener

    def __init__(self, config: dict[str, Any], *, listener: TapListener, egress: Egress) -> None:
        """Construct ccxt's client from `config`."""
        self.listener = listener
        self.logger = _silent_logger()  # ccxt's writes addresses, those of signed requests too
        self._egress = egress
        super().__init__(config)

    def sign(self, path: str, api: Any = "public", method: str = "GET", params: Any = None) -> Any:
        """Return a public request as it goes out.

        Raises: ProtocolViolation for anything else; ForeignAddress if its address is not listed.
        """
        section = api if isinstance(api, str) else api[0]
        if section != "public" or method != "GET":
            raise ProtocolViolation(f"{method} {path} of {section} was to be signed, and nothing signs here")
        base = self.urls["api"][section]
        self._egress.check_url(base)
        query = f"?{self.urlencode(params)}" if params else ""
        return {"url": f"{base}/{path}{query}", "method": method, "body": None, "headers": None}

    def sign_params(self, params: Any = None) -> Any:  # noqa: ARG002 - the signature is ccxt's
        """Refuse: raises ProtocolViolation."""
        raise ProtocolViolation("a WebSocket request was to be signed, and nothing signs here")

    def on_rest_response(self, *answer: Any) -> Any:
        """Pass the headers of this very answer on."""
        self.listener.on_answer(_lowered(answer[4]))
        return super().on_rest_response(*answer)

    def handle_errors(self, *answer: Any) -> None:
        """Raise RequestFailure with the venue's own code for every answer that is not a success."""
        status, reason, _, _, headers, _, response, *_ = answer
        said = response if isinstance(response, dict) else {}
        number, text = said.get("code"), said.get("msg")
        venue_code = number if isinstance(number, int) and isinstance(text, str) and number < 0 else 0
        if not venue_code and 200 <= status < 300:
            return
        raise RequestFailure(
            text if isinstance(text, str) else str(reason or "no reason given"),
            code=venue_code,
            status=status,
            retry_after_s=_seconds(_lowered(headers).get(_RETRY_AFTER, "")),
        )

    def ws_dial_delay(self, url: str) -> float:  # noqa: ARG002 - the signature is ccxt's
        """Return 0: when to dial again is the engine's decision."""
        return 0.0

    def client(self, url: str) -> Any:
        """Return the connection to `url`, guarded when it is new."""
        known = self.clients.get(url) if self.clients else None
        return known or _guarded(super().client(url), self.listener)

    def handle_message(self, client: Any, message: Any) -> None:
        """Offer a frame to the listener, then to ccxt."""
        if not self.listener.on_frame(client, message):
            super().handle_message(client, message)

    def on_error(self, client: Any, error: Any) -> None:
        """Report that a connection failed; forget it unless a newer one has its place."""
        self.listener.on_lost(client, _failure_text(error))
        if self.clients.get(client.url) is client:
            super().on_error(client, error)

    def on_close(self, client: Any, error: Any) -> None:
        """Report that a connection was closed; forget it unless a newer one has its place."""
        self.listener.on_lost(client, f"closed by the venue, code {error}")
        if self.clients.get(client.url) is client:
            super().on_close(client, error)


def _silent_logger() -> logging.Logger:
    logger = logging.getLogger("mm.venues.silent")
    logger.setLevel(logging.CRITICAL + 1)
    logger.propagate = False
    return logger


def _lowered(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _seconds(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


def _failure_text(error: Any) -> str:
    # Texts of connection errors hold addresses; their class says enough.
    if isinstance(error, UndecodableFrame):
        return str(error)
    if isinstance(error, RequestTimeout):
        return "no sign of life from the venue"
    cause = error.args[0] if isinstance(error, NetworkError) and error.args else error
    return f"connection failed: {type(cause).__name__ if isinstance(cause, Exception) else 'network error'}"


def _guarded(client: Any, listener: TapListener) -> Any:
    # Makes ccxt's connection object safe: no frame and no failing read can end it silently, and futures that
    # nobody awaits do not complain when they are rejected.
    handle, receive, future_of = client.handle_message, client.receive, client.future
    drain = client.receive_loop

    def handle_guarded(message: Any) -> None:
        try:
            if message.type is not WSMsgType.TEXT or not listener.on_text(client, message.data):
                handle(message)
        except Exception as error:  # noqa: BLE001 - whatever a frame provokes ends the connection, loudly
            client.on_error(UndecodableFrame(f"undecodable frame: {type(error).__name__}"))

    async def receive_guarded() -> Any:
        try:
            return await receive()
        except Exception as error:
            client.on_error(NetworkError(error))
            raise

    def future_quiet(message_hash: str) -> Any:
        future = future_of(message_hash)
        future.add_done_callback(_consume)
        return future

    def drain_some() -> None:
        # The library's loop hands out all that has come in before anything else may run; a burst would hold
        # a cancel up for as long as it takes. So it gets a few at a time, then others have their turn.
        taken = 0
        while taken < AT_ONCE and not client.closed() and client.buffer and len(client.buffer) > 1:
            buffer = client.buffer
            message, size = buffer.popleft()
            # What was taken past the queue is charged to the next message, as the library does it.
            following, following_size = buffer[0]
            buffer[0] = (following, following_size + size + MSG_SIZE_OVERHEAD)
            client.handle_message(message)
            taken += 1
        if taken == AT_ONCE:
            client.asyncio_loop.call_soon(client.receive_loop)
        else:
            drain()

    client.receive_loop = drain_some
    client.handle_message = handle_guarded
    client.receive = receive_guarded
    client.future = future_quiet
    return client


def _consume(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()
