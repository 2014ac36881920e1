"""Who may ask: the keys of the account, the signature and the time window of a signed request.

The one account has one HMAC key and may have an Ed25519 key beside it; both have the same rights, but only
the second may log on to a WebSocket session, as at the venue. Secrets never leave this module's objects;
signatures are compared in constant time.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from mm.domain.units import NS_PER_MS
from mm.errors import ConfigError
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
_AHEAD_US_MAX: Final = 1_000_000
_US_PER_MS: Final = 1_000
_NS_PER_US: Final = 1_000
_MICROSECONDS_FROM: Final = 10**15
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{8,128}")
_WHOLE: Final = re.compile(r"[0-9]{1,20}")
_WINDOW: Final = re.compile(r"([0-9]{1,20})(?:\.([0-9]{1,3}))?")


class ApiKey(Protocol):
    """One key of the account. Fields: name: what the caller sends; may_log_on: to a WebSocket session."""

    @property
    def name(self) -> str:
        """The key as the caller sends it."""

    @property
    def may_log_on(self) -> bool:
        """Whether a WebSocket session may be opened with it."""

    def verifies(self, payload: str, signature: str) -> bool:
        """Return whether `signature` is this key's of `payload`."""


@dataclass(frozen=True)
class HmacKey:
    """A key whose secret both sides know; signatures are hexadecimal, of either case."""

    name: str
    secret: str = field(repr=False)
    may_log_on: bool = False

    def verifies(self, payload: str, signature: str) -> bool:
        """Return whether `signature` is this key's of `payload`."""
        expected = signature_of(self.secret, payload)
        return hmac.compare_digest(expected.encode(), signature.lower().encode())


@dataclass(frozen=True)
class Ed25519Key:
    """A key of which this side knows the public half alone; signatures are base64."""

    name: str
    public: Ed25519PublicKey
    may_log_on: bool = True

    def verifies(self, payload: str, signature: str) -> bool:
        """Return whether `signature` is this key's of `payload`."""
        try:
            self.public.verify(base64.b64decode(signature, validate=True), payload.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


class Keys:
    """The keys of the one account."""

    def __init__(self, keys: Iterable[ApiKey]) -> None:
        """Accept these keys. Raises ConfigError if two have one name."""
        self._keys = tuple(keys)
        names = [key.name for key in self._keys]
        if len(names) != len(dict.fromkeys(names)):
            raise ConfigError("exchange keys were two of one name, expected each to have its own")

    def find(self, name: str | None) -> ApiKey:
        """Return the key that a caller sent; raises VenueRefused (-2014, -2015) if it is none of these."""
        if name is None or not _KEY.fullmatch(name):
            raise refused(BAD_KEY_FORMAT)
        found = [key for key in self._keys if hmac.compare_digest(name.encode(), key.name.encode())]
        if not found:
            raise refused(BAD_KEY)
        return found[0]


def keys_of(
    *, api_key: str, api_secret: str, ed25519_api_key: str = "", ed25519_public_key_pem: str = ""
) -> Keys:
    """Return the account's keys; the second pair is optional. Raises ConfigError if it is not usable."""
    keys: list[ApiKey] = [HmacKey(api_key, api_secret)]
    if ed25519_api_key or ed25519_public_key_pem:
        keys.append(Ed25519Key(ed25519_api_key, public_key_of(ed25519_public_key_pem)))
        if not _KEY.fullmatch(ed25519_api_key):
            raise ConfigError(
                f"exchange Ed25519 key was {ed25519_api_key!r}, expected 8 to 128 letters, digits, - or _",
                hint="a public key needs the name that the caller sends with it",
            )
    return Keys(keys)


def public_key_of(text: str) -> Ed25519PublicKey:
    """Return the public key from PEM, or from its 32 raw bytes in base64. Raises ConfigError."""
    try:
        if "BEGIN" in text:
            key = load_pem_public_key(text.encode())
        else:
            key = Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))
    except (ValueError, binascii.Error) as error:
        raise ConfigError(
            f"exchange Ed25519 public key was not readable: {error}",
            hint="give the PEM text, or the 32 raw bytes in base64",
        ) from None
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigError(f"exchange Ed25519 public key was a {type(key).__name__}, expected Ed25519")
    return key


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


def check_signed(
    params: dict[str, str], payload: str, *, key: ApiKey, now_ns: int, ahead_ns: int = 0
) -> None:
    """Raise VenueRefused unless `params` carry a timely timestamp and the right signature of `payload`.

    Args: ahead_ns: see `check_time`.
    """
    if not params.get("signature"):
        raise refused(MISSING, "signature")
    check_time(params, now_ns, ahead_ns=ahead_ns)
    if not key.verifies(payload, params["signature"]):
        raise refused(BAD_SIGNATURE)


def check_time(params: dict[str, str], now_ns: int, *, ahead_ns: int = 0) -> None:
    """Raise VenueRefused unless `params` carry a timestamp (ms or us) within the window that they name.

    Args: ahead_ns: how much further ahead a caller may be, because the venue's clock has stood still.
    """
    text = params.get("timestamp", "")
    if not _WHOLE.fullmatch(text):
        raise refused(MISSING, "timestamp")
    window = _WINDOW.fullmatch(params.get("recvWindow", str(RECV_WINDOW_MS)))
    if window is None:
        raise refused(MISSING, "recvWindow")
    window_us = int(window[1]) * _US_PER_MS + int((window[2] or "").ljust(3, "0"))
    if window_us > RECV_WINDOW_MS_MAX * _US_PER_MS:
        raise refused(WINDOW_TOO_LONG)
    # A caller that counts milliseconds is judged by the clock in milliseconds.
    timestamp_us, now_us = int(text), now_ns // _NS_PER_US
    if timestamp_us < _MICROSECONDS_FROM:
        timestamp_us, now_us = timestamp_us * _US_PER_MS, now_ns // NS_PER_MS * _US_PER_MS
    if timestamp_us >= now_us + _AHEAD_US_MAX + ahead_ns // _NS_PER_US:
        raise refused(AHEAD_OF_TIME)
    if now_us - timestamp_us > window_us:
        raise refused(OUTSIDE_WINDOW)
