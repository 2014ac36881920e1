"""The hot calls of Binance spot, placing and cancelling, encoded and signed by ourselves.

What leaves is to the byte what ccxt's own `private` endpoints would send for the same parameters at the same
time, held to that by golden wire tests; only headers that say nothing about the order differ. A key that is
no HMAC secret (Ed25519, RSA) is left to ccxt to sign with. Must never send for an address that is not listed,
retry, or judge an answer otherwise than every other request of the account is judged.
"""

import hmac
import re
from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import quote, urlencode

import msgspec
from yarl import URL

from mm.errors import ForeignAddress
from mm.venues.edge.egress import Egress
from mm.venues.edge.errors import RequestFailure
from mm.venues.edge.hotline import HotLine, Sending
from mm.venues.edge.signing_tap import SigningTap

Method: TypeAlias = Literal["POST", "DELETE"]

_ORDER: Final = "order"
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.~-]+")
"""Values that stand in a query as they are."""


class HotCalls:
    """Sends orders of one account.

    Fields: may_place: asked before a placement is written, at once or when there is a connection for it.
    """

    def __init__(self, exchange: SigningTap, egress: Egress, *, base: str, timeout_ms: int) -> None:
        """Send to `base`, the address of the REST API, with the keys and the session of `exchange`."""
        self.may_place: Callable[[], bool] | None = None
        self._exchange = exchange
        self._egress = egress
        self._base = base
        self._line = HotLine(base, lambda: exchange.session, timeout_s=timeout_ms / 1000)
        key, secret = exchange.apiKey or "", exchange.secret or ""
        # A key with a line end in it would begin a header of its own.
        self._can_sign = bool(key and secret) and key.isascii() and key.isprintable()
        self._secret = b"" if "PRIVATE KEY" in secret else secret.encode()
        self._recv_window = exchange.options["recvWindow"]
        url = URL(base)
        self._host, self._port = url.raw_host or "", url.port or 0
        path = f"{url.raw_path.rstrip('/')}/{_ORDER}"
        headers = (
            f" HTTP/1.1\r\nHost: {url.host_port_subcomponent}\r\nX-MBX-APIKEY: {key}\r\nAccept: */*\r\n"
            f"Accept-Encoding: gzip, deflate\r\nUser-Agent: {exchange.userAgent}\r\n"
        )
        form = "Content-Type: application/x-www-form-urlencoded\r\n"
        self._post = f"POST {path}{headers}{form}Content-Length: "
        self._delete = f"DELETE {path}?"
        self._after_query = f"{headers}Content-Length: 0\r\n\r\n"

    def send(self, method: Method, params: dict[str, str]) -> Sending:
        """Sign and write a request about an order; returns at once.

        Raises: RequestFailure that was not sent, without a key; ForeignAddress.
        """
        if not self._can_sign:
            raise RequestFailure("the request could not be made", sent=False)
        self._egress.check_endpoint(self._host, self._port)
        if self._exchange.urls["api"]["private"] != self._base:
            raise ForeignAddress("the library was pointed elsewhere than orders go; nothing was sent")
        gate = self.may_place if method == "POST" else None
        return self._line.send(self.encoded(method, params), gate)

    def encoded(self, method: Method, params: dict[str, str]) -> bytes:
        """Return the bytes of a signed request: POST places, DELETE cancels."""
        query = self._signed(params) if self._secret else self._signed_by_ccxt(method, params)
        if method == "POST":
            return f"{self._post}{len(query)}\r\n\r\n{query}".encode()
        return f"{self._delete}{query}{self._after_query}".encode()

    async def answer(self, sending: Sending) -> dict[str, Any]:
        """Return the JSON object that a request brought; raises RequestFailure, errors of connecting."""
        status, reason, headers, body = await sending.answer()
        self._exchange.listener.on_answer({name.lower(): value for name, value in headers.items()})
        try:
            said = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            said = None
        self._exchange.handle_errors(status, reason, "", "", headers, "", said)
        if not isinstance(said, dict):
            raise RequestFailure("the answer is no JSON object")
        return said

    def close(self) -> None:
        """Close the kept connections."""
        self._line.close()

    def _signed(self, params: dict[str, str]) -> str:
        # In ccxt's order, so that both can be compared to the byte.
        if _PLAIN.fullmatch("".join(params.values())):
            about = "&".join([f"{name}={value}" for name, value in params.items()])
        else:
            about = urlencode(params, quote_via=quote)
        query = f"timestamp={self._exchange.nonce()}&{about}&recvWindow={self._recv_window}"
        return f"{query}&signature={hmac.digest(self._secret, query.encode(), 'sha256').hex()}"

    def _signed_by_ccxt(self, method: str, params: dict[str, str]) -> str:
        signed = self._exchange.sign(_ORDER, ["private"], method, params)
        query: str = signed["body"] if method == "POST" else signed["url"].partition("?")[2]
        return query
