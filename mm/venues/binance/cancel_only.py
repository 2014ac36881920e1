"""Two calls of Binance spot with the standard library alone: list the open orders, cancel one of them.

It has no way to place, change or replace an order, and no ccxt. Signs by itself: HMAC, Ed25519 or RSA, as the
secret is. Every request has a deadline and a fresh timestamp. Must never retry by itself, follow a redirect,
or reach an address that is not listed. Safe to use from several threads at once.
"""

import base64
import hmac
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlsplit

import msgspec

from mm.domain.units import NS_PER_MS
from mm.errors import ConfigError
from mm.venues.edge.egress import Egress
from mm.venues.edge.errors import CANCEL_REFUSED, CLOCK_OFF, RequestFailure
from mm.venues.edge.plain_http import PlainAnswer, PlainLine, PlainRequest, default_tls

DEADLINE_S: Final = 3.0
"""How long one request may take, all in all."""

KEPT_MAX: Final = 16
_OK: Final = 200

Sign = Callable[[str], str]


@dataclass(frozen=True, kw_only=True)
class CancelSettings:
    """What it is given.

    Fields: rest: address of the REST API, with its path. loopback_only: nothing leaves this machine.
    api_key, api_secret: of the account, or a key of its own. recv_window_ms: how old a request may be when
    the venue looks at it. tls: other trust than the usual authorities.
    """

    rest: str
    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    loopback_only: bool = False
    recv_window_ms: int = 5_000
    tls: ssl.SSLContext | None = field(default=None, repr=False)


class CancelOnly:
    """One account, of which orders can be listed and cancelled.

    Fields: offset_ns: the venue's clock minus ours, as last measured. sent_ns: when the last cancel had left,
    by the monotonic clock; cancels: how many have.
    """

    def __init__(self, settings: CancelSettings) -> None:
        """Construct without sending anything; raises ForeignAddress, ConfigError."""
        self.offset_ns = 0
        self.sent_ns = 0
        self.cancels = 0
        key = settings.api_key
        # A key with a line end in it would begin a header of its own.
        if not (key and key.isascii() and key.isprintable() and settings.api_secret):
            raise ConfigError("a key and its secret are needed to cancel orders, of printable characters")
        self._settings = settings
        self._egress = Egress((settings.rest,), loopback_only=settings.loopback_only)
        self._sign = _signer(settings.api_secret)
        parts = urlsplit(settings.rest)
        self._path = parts.path.rstrip("/")
        # Made once: the authorities take longer to read than an order to cancel.
        self._tls = settings.tls or (default_tls() if parts.scheme == "https" else None)
        self._idle: list[PlainLine] = []

    def open_orders(self, symbol: str) -> tuple[str, ...]:
        """Return the client ids of all open orders on a symbol, foreign ones too; raises RequestFailure."""
        rows = self._one(self._signed("GET", "openOrders", f"symbol={_quoted(symbol)}"))
        if not isinstance(rows, list):
            raise RequestFailure("the listing is no list")
        found = []
        for row in rows:
            cid = row.get("clientOrderId") if isinstance(row, dict) else None
            if not isinstance(cid, str):
                raise RequestFailure("the listing holds an order without an id")
            found.append(cid)
        return tuple(found)

    def cancel(self, orders: Sequence[tuple[str, str]]) -> list[RequestFailure]:
        """Cancel orders, each a symbol and our id, at once on one connection; return what failed.

        All leave before the first answer is read. One that the venue does not know of did not fail; one that
        failed may be open or not. Raises: ForeignAddress, then nothing was sent.
        """
        asked = [f"symbol={_quoted(symbol)}&origClientOrderId={_quoted(cid)}" for symbol, cid in orders]
        requests = [self._signed("DELETE", "order", query) for query in asked]
        failures = [found for found in self._answered(requests) if isinstance(found, RequestFailure)]
        failures = [failure for failure in failures if failure.code != CANCEL_REFUSED]
        self._heed_clock(failures)
        return failures

    def measure_clock(self) -> None:
        """Ask the venue for its time; raises RequestFailure."""
        before_ns = time.time_ns()
        said = self._one(PlainRequest("GET", f"{self._path}/time"))
        after_ns = time.time_ns()
        venue_ms = said.get("serverTime") if isinstance(said, dict) else None
        if not isinstance(venue_ms, int):
            raise RequestFailure("the venue did not tell its time")
        self.offset_ns = venue_ms * NS_PER_MS - (before_ns + after_ns) // 2

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()

    def _signed(self, method: str, name: str, asked: str) -> PlainRequest:
        timestamp_ms = (time.time_ns() + self.offset_ns) // NS_PER_MS
        query = f"{asked}&recvWindow={self._settings.recv_window_ms}&timestamp={timestamp_ms}"
        target = f"{self._path}/{name}?{query}&signature={self._sign(query)}"
        return PlainRequest(method, target, {"X-MBX-APIKEY": self._settings.api_key, "Content-Length": "0"})

    def _one(self, request: PlainRequest) -> Any:
        (found,) = self._answered([request])
        if isinstance(found, RequestFailure):
            self._heed_clock([found])
            raise found
        return found

    def _answered(self, requests: list[PlainRequest]) -> list[Any]:
        try:
            line = self._idle.pop()
        except IndexError:
            line = PlainLine(self._settings.rest, self._egress, tls=self._tls)
        before_ns = line.sent_ns
        answers = line.ask_all(requests, deadline_s=DEADLINE_S)
        if line.sent_ns != before_ns and requests[0].method == "DELETE":
            self.cancels += len(requests)
            self.sent_ns = max(self.sent_ns, line.sent_ns)
        if len(self._idle) < KEPT_MAX:
            self._idle.append(line)
        else:
            line.close()
        return [answer if isinstance(answer, RequestFailure) else _judged(answer) for answer in answers]

    def _heed_clock(self, failures: Sequence[RequestFailure]) -> None:
        # Whoever asks again asks with the right time.
        if any(failure.code == CLOCK_OFF for failure in failures):
            self.measure_clock()


# What the venue said, or how it refused: a value, because of requests that left together some may fail.
def _judged(answer: PlainAnswer) -> Any:
    try:
        said = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        said = None
    if answer.status == _OK and said is not None:
        return said
    code = said.get("code") if isinstance(said, dict) else 0
    text = said.get("msg") if isinstance(said, dict) else ""
    after = answer.headers.get("retry-after", "")
    return RequestFailure(
        str(text or "the answer is not what was asked for"),
        code=code if isinstance(code, int) else 0,
        status=answer.status,
        retry_after_s=int(after) if after.isascii() and after.isdigit() else 0,
    )


def _quoted(text: str) -> str:
    return quote(text, safe="")


def _signer(secret: str) -> Sign:
    # As the venue tells keys apart: a private key in PEM signs asymmetrically, anything else is shared.
    if "PRIVATE KEY" not in secret:
        shared = secret.encode()
        return lambda query: hmac.digest(shared, query.encode(), "sha256").hex()
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415 - 8 MB that most need not
    from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa  # noqa: PLC0415 - brought by the same

    try:
        private = serialization.load_pem_private_key(secret.encode(), password=None)
    except (ValueError, TypeError):
        raise ConfigError("the private key cannot be read: expected PEM without a password") from None
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return lambda query: _in_query(private.sign(query.encode()))
    if isinstance(private, rsa.RSAPrivateKey):
        return lambda query: _in_query(private.sign(query.encode(), padding.PKCS1v15(), hashes.SHA256()))
    raise ConfigError("the private key is of a kind that the venue does not take: Ed25519 or RSA")


def _in_query(signature: bytes) -> str:
    return quote(base64.b64encode(signature).decode(), safe="")
