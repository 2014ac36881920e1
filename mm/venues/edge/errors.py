"""What a failed request means: never sent, refused with proof, or unknown. Judged by the venue's code.

Invariant: whatever is not on an explicit list is UNKNOWN, and an unknown order counts as live. The error
classes of the connecting library are not looked at beyond "did it leave": they put refusals and unknown
outcomes into one family.
"""

import re
from typing import Final, NamedTuple

from mm.domain.units import NS_PER_MS, NS_PER_S
from mm.venues.edge.redact import redacted

DUPLICATE_TEXT: Final = "Duplicate order sent."
CROSSED_TEXT: Final = "Order would immediately match and take."
FUNDS_TEXT: Final = "Account has insufficient balance for requested action."

ORDER_REFUSED: Final = -2010
CANCEL_REFUSED: Final = -2011
NO_SUCH_ORDER: Final = -2013
CLOCK_OFF: Final = -1021
TOO_MUCH_WEIGHT: Final = -1003
TOO_MANY_ORDERS: Final = -1015

PLACE_REFUSALS: Final[dict[int, str]] = {
    -1002: "not authorised",
    TOO_MUCH_WEIGHT: "too much request weight",
    -1008: "server overloaded, request dropped",
    -1013: "a filter of the symbol",
    -1014: "unsupported combination of order parameters",
    TOO_MANY_ORDERS: "too many orders",
    -1016: "service is shutting down",
    -1020: "operation not supported",
    CLOCK_OFF: "timestamp outside the window",
    -1022: "signature is wrong",
    -1100: "illegal characters",
    -1101: "too many parameters",
    -1102: "mandatory parameter missing",
    -1103: "unknown parameter",
    -1104: "parameter was not read",
    -1105: "parameter is empty",
    -1106: "parameter not wanted",
    -1108: "parameter overflows",
    -1111: "too many decimals",
    -1112: "no orders on the book of the symbol",
    -1114: "time in force not wanted",
    -1115: "time in force unknown",
    -1116: "order type unknown",
    -1117: "side unknown",
    -1118: "client order id is empty",
    -1121: "symbol unknown",
    -1128: "combination of optional parameters",
    -1130: "parameter is not valid",
    -1131: "receive window too long",
    ORDER_REFUSED: "order refused",
    -2014: "key is malformed",
    -2015: "key, address or permission refused",
    -2016: "symbol does not trade at this time",
}
"""Codes that prove that an order is not live. A duplicate id shares -2010 and is told apart by its text."""

DEFINITIVE_STATUSES: Final = frozenset({400, 401, 403, 404})
"""HTTP statuses that prove, without a venue code, that a request was turned away before it was looked at."""

LIMITING_STATUSES: Final = frozenset({418, 429})
ACCESS_CODES: Final = frozenset({-1002, -1022, -2014, -2015})
"""The key, its signature or its permissions are refused: trading has to end."""

BAN_DEFAULT_S: Final = 120
WEIGHT_DEFAULT_S: Final = 60
ORDERS_DEFAULT_S: Final = 10
"""Seconds to wait where the venue limits us and does not say for how long."""
WAIT_MAX_S: Final = 3 * 24 * 3600
"""The venue's longest ban; a longer wait is a misread text."""

_BANNED_UNTIL: Final = re.compile(r"banned until (\d{13})\b")


class RequestFailure(Exception):
    """A request without the answer that was asked for. Its text is redacted and safe to keep.

    Fields: reason: one line. code: the venue's, 0 when it gave none. status: of HTTP, 0 when no answer came.
    sent: False only if it provably never left. retry_after_s: what the venue asks to wait, 0 unknown.
    banned_until_ms: end of a ban by the venue's clock, 0 unknown.
    """

    def __init__(
        self, reason: str, *, code: int = 0, status: int = 0, sent: bool = True, retry_after_s: int = 0
    ) -> None:
        """Keep the facts; `reason` is redacted here, whoever wrote it."""
        banned = _BANNED_UNTIL.search(reason)
        self.banned_until_ms = int(banned.group(1)) if banned else 0
        self.reason = redacted(reason)
        self.code = code
        self.status = status
        self.sent = sent
        self.retry_after_s = retry_after_s
        super().__init__(f"{code or status}: {self.reason}" if code or status else self.reason)

    @property
    def number(self) -> int:
        """The venue's code, else the HTTP status, else 0."""
        return self.code or self.status


class PlaceVerdict(NamedTuple):
    """What a failed placement means.

    Fields: refused: provably not live, else unknown; duplicate: the id is in use, so a first attempt got
    through; crossed: post-only and would have taken; funds: the balance did not suffice.
    """

    refused: bool
    duplicate: bool = False
    crossed: bool = False
    funds: bool = False


def place_verdict(failure: RequestFailure) -> PlaceVerdict:
    """Return what `failure` proves about the order that was to be placed."""
    if not failure.sent:
        return PlaceVerdict(refused=True)
    if failure.code == ORDER_REFUSED:
        if DUPLICATE_TEXT in failure.reason:
            return PlaceVerdict(refused=False, duplicate=True)
        return PlaceVerdict(
            refused=True, crossed=CROSSED_TEXT in failure.reason, funds=FUNDS_TEXT in failure.reason
        )
    if failure.code in PLACE_REFUSALS or failure.status in LIMITING_STATUSES:
        return PlaceVerdict(refused=True)
    return PlaceVerdict(refused=not failure.code and failure.status in DEFINITIVE_STATUSES)


def is_access_denied(failure: RequestFailure) -> bool:
    """Return whether the venue refuses the key."""
    return failure.code in ACCESS_CODES or (failure.status == 401 and failure.sent)


class Wait(NamedTuple):
    """The venue limits us. Fields: until_ns: local time; banned: nothing may be sent before."""

    until_ns: int
    banned: bool


def asked_to_wait(failure: RequestFailure, *, now_ns: int, offset_ns: int) -> Wait | None:
    """Return how long the venue wants us to wait, None if it does not.

    Args: now_ns: local time. offset_ns: the venue's clock minus ours.
    """
    banned = failure.status == 418
    if not (banned or failure.status == 429 or failure.code in (TOO_MUCH_WEIGHT, TOO_MANY_ORDERS)):
        return None
    seconds = failure.retry_after_s
    if not seconds:
        by_orders = failure.code == TOO_MANY_ORDERS
        seconds = BAN_DEFAULT_S if banned else ORDERS_DEFAULT_S if by_orders else WEIGHT_DEFAULT_S
    until_ns = now_ns + seconds * NS_PER_S
    if failure.banned_until_ms:
        until_ns = max(until_ns, failure.banned_until_ms * NS_PER_MS - offset_ns)
    return Wait(min(until_ns, now_ns + WAIT_MAX_S * NS_PER_S), banned)
