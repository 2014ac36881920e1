"""The venue's error codes with its exact texts, and the HTTP status that goes with each.

Clients map the texts, so they are data here and are not to be reworded. A refusal travels as
`mm.errors.VenueRefused`; nothing but this table knows which status a code has.
"""

from dataclasses import dataclass
from typing import Any, Final

from mm.errors import VenueRefused
from mm.sim.orders import FILTERS, Refusal

HTTP_BAD_REQUEST: Final = 400
HTTP_CONFLICT: Final = 409
HTTP_BANNED: Final = 418
HTTP_TOO_MANY: Final = 429


@dataclass(frozen=True)
class Fault:
    """One refusal of the venue. Fields: text may hold `{}` for what `refused` is given."""

    code: int
    text: str


@dataclass(frozen=True)
class Failure:
    """An answer of which a part failed: a refusal that says what did happen. Fields: data: in the answer."""

    fault: Fault
    status: int
    data: dict[str, Any]


UNKNOWN_ERROR: Final = Fault(-1000, "An unknown error occurred while processing the request.")
DISCONNECTED: Final = Fault(-1001, "Internal error; unable to process your request. Please try again.")
UNEXPECTED_RESPONSE: Final = Fault(
    -1006, "An unexpected response was received from the message bus. Execution status unknown."
)
TIMED_OUT: Final = Fault(
    -1007, "Timeout waiting for response from backend server. Send status unknown; execution status unknown."
)
BUSY: Final = Fault(
    -1008, "Server is currently overloaded with other requests. Please try again in a few minutes."
)
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
BAD_INTERVAL: Final = Fault(-1120, "Invalid interval.")
BAD_SYMBOL: Final = Fault(-1121, "Invalid symbol.")
BAD_SYMBOL_STATUS: Final = Fault(-1122, "Invalid symbolStatus.")
BAD_LISTEN_KEY: Final = Fault(-1125, "This listenKey does not exist.")
TOO_LONG_AGO: Final = Fault(-1127, "More than {} hours between startTime and endTime.")
BAD_COMBINATION: Final = Fault(-1128, "Combination of optional parameters invalid.")
BAD_VALUE: Final = Fault(-1130, "Data sent for parameter '{}' is not valid.")
WINDOW_TOO_LONG: Final = Fault(-1131, "recvWindow must be less than 60000")
BAD_JSON: Final = Fault(-1135, "Invalid JSON Request")
BAD_TICKER_TYPE: Final = Fault(-1139, "Invalid ticker type.")
BAD_RESTRICTION: Final = Fault(-1145, "Invalid cancelRestrictions")
DUPLICATE_SYMBOLS: Final = Fault(-1151, "Symbol is present multiple times in the list.")
FILTER: Final = Fault(-1013, "Filter failure: {}")
DUPLICATE_ORDER: Final = Fault(-2010, "Duplicate order sent.")
WOULD_TAKE: Final = Fault(-2010, "Order would immediately match and take.")
NO_FUNDS: Final = Fault(-2010, "Account has insufficient balance for requested action.")
NO_QUOTE_QUANTITY: Final = Fault(-2010, "Quote order qty market orders are not support for this symbol.")
UNKNOWN_ORDER: Final = Fault(-2011, "Unknown order sent.")
RESTRICTED: Final = Fault(-2011, "Order was not canceled due to cancel restrictions.")
NO_SUCH_ORDER: Final = Fault(-2013, "Order does not exist.")
BAD_KEY_FORMAT: Final = Fault(-2014, "API-key format invalid.")
BAD_KEY: Final = Fault(-2015, "Invalid API-key, IP, or permissions for action.")
PARTLY_REPLACED: Final = Fault(-2021, "Order cancel-replace partially failed.")
NOT_REPLACED: Final = Fault(-2022, "Order cancel-replace failed.")
NOT_AMENDED: Final = Fault(-2038, "{}")
NO_LOG_ON: Final = Fault(-4056, "HMAC_SHA256 API key is not supported.")

_STATUS: Final = {
    -1000: 500,
    -1001: 503,
    -1003: HTTP_TOO_MANY,
    -1006: 500,
    -1007: 504,
    -1008: 503,
    -1015: HTTP_TOO_MANY,
    -2014: 401,
    -2015: 401,
}

_BY_REFUSAL: Final = {
    Refusal.NO_LIQUIDITY: NO_DEPTH,
    Refusal.DUPLICATE: DUPLICATE_ORDER,
    Refusal.WOULD_TAKE: WOULD_TAKE,
    Refusal.INSUFFICIENT_BALANCE: NO_FUNDS,
    Refusal.UNKNOWN_ORDER: UNKNOWN_ORDER,
}

# The texts of the first two and of the orders are the venue's; it documents none for a size that is already
# done, so that one is ours.
_BY_AMEND_REFUSAL: Final = {
    Refusal.AMEND_INCREASES: "Order amend (quantity increase) is not supported.",
    Refusal.AMEND_CHANGES_NOTHING: "The requested action would change no state; rejecting.",
    Refusal.AMEND_BELOW_DONE: "Order amend (quantity not above what is executed) is not supported.",
    Refusal.MAX_NUM_ORDER_AMENDS: FILTER.text.format(Refusal.MAX_NUM_ORDER_AMENDS.value),
    Refusal.DUPLICATE: DUPLICATE_ORDER.text,
    Refusal.UNKNOWN_ORDER: UNKNOWN_ORDER.text,
}


def refused(fault: Fault, *values: object) -> VenueRefused:
    """Return the exception for a fault, its text filled with `values`."""
    return VenueRefused(fault.text.format(*values), code=fault.code)


def refused_by(refusal: Refusal) -> VenueRefused:
    """Return the exception for what the world answered; a filter names itself."""
    return refused(FILTER, refusal.value) if refusal in FILTERS else refused(_BY_REFUSAL[refusal])


def amend_refused_by(refusal: Refusal) -> VenueRefused:
    """Return the exception for an amendment that the world refused: -2038, or the filter that it fails."""
    text = _BY_AMEND_REFUSAL.get(refusal)
    return refused_by(refusal) if text is None else refused(NOT_AMENDED, text)


def http_status(error: VenueRefused) -> int:
    """Return the HTTP status of a refusal (a ban is the only text that changes it)."""
    if error.code == BANNED.code and "IP banned" in str(error):
        return HTTP_BANNED
    return _STATUS.get(error.code, HTTP_BAD_REQUEST)
