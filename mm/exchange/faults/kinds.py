"""The catalogue of faults: every kind with what it does, what it may be aimed at and the fields it takes.

Data only. Times are seconds and milliseconds of the exchange's clock, as in the plan.
"""

from enum import Enum
from typing import Final

import msgspec

ANY: Final = "*"
"""The target that means everything which the kind can be aimed at."""

MARKET: Final = "market"
USER: Final = "user"
SURFACES: Final = (MARKET, USER)
"""The sockets: public streams, and the WebSocket API with the account's events."""

EVENTS: Final = {
    "depth": MARKET,
    "trade": MARKET,
    "aggTrade": MARKET,
    "bookTicker": MARKET,
    "kline": MARKET,
    "24hrTicker": MARKET,
    "24hrMiniTicker": MARKET,
    "avgPrice": MARKET,
    "executionReport": USER,
    "outboundAccountPosition": USER,
}
"""The events that frames carry, with the sockets that they come on; `depth` also means partial books."""

SESSION_METHODS: Final = (
    "session.logon",
    "session.status",
    "session.logout",
    "session.subscriptions",
    "userDataStream.subscribe",
    "userDataStream.subscribe.signature",
    "userDataStream.unsubscribe",
)
"""Requests of the WebSocket API that are not in the table of commands."""

SECONDS_MAX: Final = 86_400.0


class Group(Enum):
    """Where a fault happens."""

    REQUEST = "requests"
    FRAME = "frames"
    SOCKET = "sockets"
    MARKET = "the market"


class Field(msgspec.Struct, frozen=True):
    """One field of a fault.

    Fields: default: what holds if it is not given, None if it has to be; its type is the value's. low, high:
    bounds of a number. choices: of a text; none means any.
    """

    name: str
    default: int | float | str | bool | None
    low: float = 0
    high: float = SECONDS_MAX
    choices: tuple[str, ...] = ()
    is_whole: bool = True


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of fault.

    Fields: effect: in words. targets: what it may be aimed at; none means all of its group. lasts: it happens
    to everything as long as it holds, else once unless the plan says otherwise. bounded: needs a duration.
    stays: after it has happened it goes on to its end.
    """

    name: str
    group: Group
    effect: str
    fields: tuple[Field, ...] = ()
    targets: tuple[str, ...] = ()
    lasts: bool = False
    bounded: bool = False
    stays: bool = False


def _request(
    name: str,
    effect: str,
    *fields: Field,
    targets: tuple[str, ...] = (),
    lasts: bool = False,
    bounded: bool = False,
) -> Kind:
    return Kind(
        name=name,
        group=Group.REQUEST,
        effect=effect,
        fields=fields,
        targets=targets,
        lasts=lasts,
        bounded=bounded,
    )


def _frame(
    name: str,
    effect: str,
    *fields: Field,
    targets: tuple[str, ...] = (),
    lasts: bool = False,
    bounded: bool = False,
) -> Kind:
    return Kind(
        name=name,
        group=Group.FRAME,
        effect=effect,
        fields=fields,
        targets=targets,
        lasts=lasts,
        bounded=bounded,
    )


_DELAY: Final = Field("delay_ms", 1_000, 1, 600_000)
_EXECUTIONS: Final = ("", "NEW", "TRADE", "CANCELED", "REPLACED", "REJECTED", "EXPIRED", "TRADE_PREVENTION")
_EXECUTION: Final = Field("execution", "", choices=_EXECUTIONS)
_EVERY_S: Final = Field("every_s", 0.0, is_whole=False)
_PRICED: Final = ("order.place",)
_LOOKED_UP: Final = ("order.status", "openOrders.status", "allOrders", "myTrades")

_ROWS: Final = (
    _request("lost_ack", "processed; the connection is closed in order before the answer"),
    _request("slow", "processed after a delay", _DELAY),
    _request("slow_ack", "processed at once, answered after a delay", _DELAY),
    _request("missing_ack", "processed, never answered; the connection stays open"),
    _request("no_answer", "neither processed nor answered; the connection stays open"),
    _request("drop_before", "the connection breaks before it is processed"),
    _request("drop_after", "processed; the connection breaks before the answer"),
    _request(
        "garbled",
        "processed; the answer is a 200 that cannot be read",
        Field("form", "html", choices=("html", "truncated", "empty", "other")),
    ),
    _request("drip", "processed; the answer comes byte by byte", Field("bytes_per_s", 1, 1, 1_000_000)),
    _request(
        "error",
        "answered by this error",
        Field("status", 500, 400, 599),
        Field("code", -1_000, -99_999, 0),
        Field("text", "An unknown error occurred while processing the request."),
        Field("processed", False),
    ),
    _request("too_many", "429: refused for its weight", Field("retry_after_s", 5, 1)),
    _request("banned", "418 until the fault ends: every request of its target", lasts=True, bounded=True),
    _request("maintenance", "503 and a page of HTML in place of the answer", lasts=True, bounded=True),
    _request("bad_signature", "refused (-1022) as if its signature had the wrong length"),
    _request(
        "not_found",
        "orders younger than this are not found and not listed",
        Field("lag_s", 3.0, is_whole=False),
        targets=_LOOKED_UP,
        lasts=True,
    ),
    _request(
        "leaves_orders", "some are left open", Field("orders", 1, 1, 200), targets=("openOrders.cancelAll",)
    ),
    _request(
        "repriced",
        "placed so many ticks further from the market, and the answer says so",
        Field("ticks", 1, 1, 100_000),
        targets=_PRICED,
    ),
    _request(
        "tick_change",
        "the tick is so many times as large: prices off it are refused (-1013)",
        Field("times", 10, 2, 1_000_000),
        targets=_PRICED,
        lasts=True,
    ),
    _frame("lost", "not sent", _EXECUTION),
    _frame("duplicate", "sent twice", _EXECUTION),
    _frame("late", "sent after a delay; others overtake it", _DELAY, _EXECUTION),
    _frame(
        "reorder", "it and those after it, so many in all, are sent in reverse", Field("frames", 3, 2, 1_000)
    ),
    _frame("malformed", "cannot be read", Field("form", "cut", choices=("cut", "text", "shape"))),
    _frame(
        "out_of_sequence",
        "its numbers U and u are moved by so many",
        Field("shift", 5, -1_000_000, 1_000_000),
        targets=("depth",),
    ),
    _frame("frozen_time", "its times stand still from the first one on", lasts=True),
    _frame(
        "clog", "one stream after the other stalls, and all is delivered in the end", lasts=True, bounded=True
    ),
    Kind(
        name="black_hole",
        group=Group.SOCKET,
        effect="open sockets neither read nor send ever again; new ones neither while it lasts",
        targets=SURFACES,
        fields=(_EVERY_S,),
        stays=True,
    ),
    Kind(
        name="close",
        group=Group.SOCKET,
        effect="sockets are closed in order (1001)",
        targets=SURFACES,
        fields=(_EVERY_S,),
    ),
    Kind(
        name="abort",
        group=Group.SOCKET,
        effect="the connections of sockets are reset",
        targets=SURFACES,
        fields=(_EVERY_S,),
    ),
    Kind(
        name="terminate",
        group=Group.SOCKET,
        effect="the account's subscriptions end with eventStreamTerminated; the socket stays open",
        targets=(USER,),
        fields=(_EVERY_S,),
    ),
    Kind(
        name="server_down",
        group=Group.SOCKET,
        effect="every connection is reset, and every new one",
        targets=(ANY,),
        lasts=True,
        bounded=True,
    ),
    Kind(
        name="skew",
        group=Group.MARKET,
        effect="the clock that requests are judged by, and that answers tell, is off",
        fields=(Field("skew_ms", None, -86_400_000, 86_400_000),),
        targets=(ANY,),
        lasts=True,
    ),
    Kind(
        name="foreign_order",
        group=Group.MARKET,
        effect="an order of the account appears that its client has not placed",
        fields=(
            Field("side", "buy", choices=("buy", "sell")),
            Field("distance_ticks", 100_000, 1, 1_000_000_000),
            Field("size_lots", 1_000, 1, 1_000_000_000),
            Field("client_id", "web_foreign"),
            _EVERY_S,
        ),
        targets=(ANY,),
    ),
)

KINDS: Final = {kind.name: kind for kind in _ROWS}
"""Every kind by name."""
