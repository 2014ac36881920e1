"""The venue's error codes with its exact texts, and the HTTP status that goes with each.

Clients map the texts, so they are data here and are not to be reworded. A refusal travels as
`mm.errors.VenueRefused`; nothing but this table knows which status a code has.
"""

from dataclasses import dataclass
from typing import Final

from mm.errors import VenueRefused
from mm.sim.orders import Refusal

HTTP_BAD_REQUEST: Final = 400
HTTP_BANNED: Final = 418


@dataclass(frozen=True)
class Fault:
    """One refusal of the venue. Fields: text may hold `{}` for what `refused` is given."""

    code: int
    text: str


TOO_MUCH_WEIGHT: Final = Fault(
    -1003,
    "Too much request weight used; current limit is {} request weight per 1 MINUTE. "
    "Please use WebSocket Streams for live updates to avoid polling the API.",
)
BANNED: Final = Fault(
    -1003,
    "Way too much request weight used; IP banned until {}. "
    "Please use WebSocket Streams for live updates to avoid bans.",
)
TOO_MANY_ORDERS: Final = Fault(-1015, "Too many new orders; current limit is {} orders per {}.")
NOT_SUPPORTED: Final = Fault(-1020, "This operation is not supported.")
OUTSIDE_WINDOW: Final = Fault(-1021, "Timestamp for this request is outside of the recvWindow.")
AHEAD_OF_TIME: Final = Fault(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
BAD_SIGNATURE: Final = Fault(-1022, "Signature for this request is not valid.")
ILLEGAL_CHARACTERS: Final = Fault(-1100, "Illegal characters found in parameter '{}'; legal range is '{}'.")
DUPLICATE_PARAMETER: Final = Fault(-1101, "Duplicate values for a parameter detected.")
MISSING: Final = Fault(-1102, "Mandatory parameter '{}' was not sent, was empty/null, or malformed.")
MISSING_EITHER: Final = Fault(-1102, "Param '{}' or '{}' must be sent, but both were empty/null!")
UNREAD: Final = Fault(-1104, "Not all sent parameters were read; read '{}' parameter(s) but was sent '{}'.")
EMPTY: Final = Fault(-1105, "Parameter '{}' was empty.")
NOT_REQUIRED: Final = Fault(-1106, "Parameter '{}' sent when not required.")
TOO_PRECISE: Final = Fault(-1111, "Parameter '{}' has too much precision.")
NO_DEPTH: Final = Fault(-1112, "No orders on book for symbol.")
BAD_TIME_IN_FORCE: Final = Fault(-1115, "Invalid timeInForce.")
BAD_ORDER_TYPE: Final = Fault(-1116, "Invalid orderType.")
BAD_SIDE: Final = Fault(-1117, "Invalid side.")
BAD_SYMBOL: Final = Fault(-1121, "Invalid symbol.")
BAD_VALUE: Final = Fault(-1130, "Data sent for parameter '{}' is not valid.")
WINDOW_TOO_LONG: Final = Fault(-1131, "recvWindow must be less than 60000")
BAD_JSON: Final = Fault(-1135, "Invalid JSON Request")
FILTER: Final = Fault(-1013, "Filter failure: {}")
DUPLICATE_ORDER: Final = Fault(-2010, "Duplicate order sent.")
WOULD_TAKE: Final = Fault(-2010, "Order would immediately match and take.")
NO_FUNDS: Final = Fault(-2010, "Account has insufficient balance for requested action.")
NO_QUOTE_QUANTITY: Final = Fault(-2010, "Quote order qty market orders are not support for this symbol.")
UNKNOWN_ORDER: Final = Fault(-2011, "Unknown order sent.")
NO_SUCH_ORDER: Final = Fault(-2013, "Order does not exist.")
BAD_KEY_FORMAT: Final = Fault(-2014, "API-key format invalid.")
BAD_KEY: Final = Fault(-2015, "Invalid API-key, IP, or permissions for action.")

_STATUS: Final = {-1003: 429, -1015: 429, -2014: 401, -2015: 401}

_BY_REFUSAL: Final = {
    Refusal.NO_LIQUIDITY: NO_DEPTH,
    Refusal.DUPLICATE: DUPLICATE_ORDER,
    Refusal.WOULD_TAKE: WOULD_TAKE,
    Refusal.INSUFFICIENT_BALANCE: NO_FUNDS,
    Refusal.UNKNOWN_ORDER: UNKNOWN_ORDER,
}


def refused(fault: Fault, *values: object) -> VenueRefused:
    """Return the exception for a fault, its text filled with `values`."""
    return VenueRefused(fault.text.format(*values), code=fault.code)


def refused_by(refusal: Refusal) -> VenueRefused:
    """Return the exception for what the world answered; a filter names itself."""
    fault = _BY_REFUSAL.get(refusal)
    return refused(FILTER, refusal.value) if fault is None else refused(fault)


def http_status(error: VenueRefused) -> int:
    """Return the HTTP status of a refusal (a ban is the only text that changes it)."""
    if error.code == BANNED.code and "IP banned" in str(error):
        return HTTP_BANNED
    return _STATUS.get(error.code, HTTP_BAD_REQUEST)
