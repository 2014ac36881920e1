"""Who may ask: the key, the signature and the time window of a signed request.

The secret never leaves this module's arguments; signatures are compared in constant time.
"""

import hashlib
import hmac
import re
from typing import Final

from mm.exchange.errors import (
    AHEAD_OF_TIME,
    BAD_KEY,
    BAD_KEY_FORMAT,
    BAD_SIGNATURE,
    MISSING,
    OUTSIDE_WINDOW,
    WINDOW_TOO_LONG,
    refused,
)

RECV_WINDOW_MS: Final = 5_000
"""How old a request may be when it does not say."""

RECV_WINDOW_MS_MAX: Final = 60_000
_AHEAD_MS_MAX: Final = 1_000
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{8,128}")
_WHOLE: Final = re.compile(r"[0-9]{1,20}")


def signature_of(secret: str, payload: str) -> str:
    """Return the HMAC-SHA256 of `payload` in hexadecimal."""
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def rest_payload(query: str, body: str) -> str:
    """Return what a REST request signs: query and body as sent, without the signature."""
    whole = query + body
    if whole.startswith("signature="):
        return ""
    position = whole.rfind("&signature=")
    return whole if position < 0 else whole[:position]


def socket_payload(params: dict[str, str]) -> str:
    """Return what a WebSocket request signs: every parameter but the signature, in the order of names."""
    return "&".join(f"{name}={params[name]}" for name in sorted(params) if name != "signature")


def check_key(api_key: str | None, known_key: str) -> None:
    """Raise VenueRefused unless the caller's key is the known one."""
    if api_key is None or not _KEY.fullmatch(api_key):
        raise refused(BAD_KEY_FORMAT)
    if not hmac.compare_digest(api_key.encode(), known_key.encode()):
        raise refused(BAD_KEY)


def check_signed(params: dict[str, str], payload: str, *, secret: str, now_ms: int) -> None:
    """Raise VenueRefused unless `params` carry a timely timestamp and the right signature of `payload`."""
    for name in ("signature", "timestamp"):
        if not params.get(name):
            raise refused(MISSING, name)
    _check_window(params, now_ms)
    expected, given = signature_of(secret, payload), params["signature"].lower()
    if not hmac.compare_digest(expected.encode(), given.encode()):
        raise refused(BAD_SIGNATURE)


def _check_window(params: dict[str, str], now_ms: int) -> None:
    window_text = params.get("recvWindow", str(RECV_WINDOW_MS))
    for name, text in (("timestamp", params["timestamp"]), ("recvWindow", window_text)):
        if not _WHOLE.fullmatch(text):
            raise refused(MISSING, name)
    timestamp_ms, window_ms = int(params["timestamp"]), int(window_text)
    if window_ms > RECV_WINDOW_MS_MAX:
        raise refused(WINDOW_TOO_LONG)
    if timestamp_ms >= now_ms + _AHEAD_MS_MAX:
        raise refused(AHEAD_OF_TIME)
    if now_ms - timestamp_ms > window_ms:
        raise refused(OUTSIDE_WINDOW)
