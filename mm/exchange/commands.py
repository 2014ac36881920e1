"""The command table: one row per thing that can be asked, served alike over REST and the WebSocket API.

`execute` is the only way from a request to an answer: time, limits, key and signature, parameters, handler,
in that order, so that both surfaces always agree.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from mm.errors import VenueRefused
from mm.exchange import market_commands as market
from mm.exchange import order_commands as orders
from mm.exchange.errors import http_status
from mm.exchange.floor import Floor
from mm.exchange.market_commands import LIMIT, SYMBOL, SYMBOL_OPTIONAL, SYMBOLS
from mm.exchange.params import SECURITY, Param, read
from mm.exchange.payloads import ms
from mm.exchange.signing import check_key, check_signed

Handler = Callable[[Floor, dict[str, str]], Any]
"""What answers a command: the floor and the values that were read, to a JSON value."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """One row of the table.

    Fields:
        method, path: on REST. name: on the WebSocket API.
        weight: or, where it depends on the parameters, `weigh`.
        signed: whether it needs key and signature. is_order: whether it counts as a new order.
    """

    method: str
    path: str
    name: str
    handler: Handler
    weight: int = 1
    weigh: Callable[[dict[str, str]], int] | None = None
    params: tuple[Param, ...] = ()
    signed: bool = True
    is_order: bool = False


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request. Fields: params: as sent; payload: what its signature covers; api_key: None if not given."""

    params: dict[str, str]
    payload: str = ""
    api_key: str | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What goes back. Fields: body: a JSON value; code: the venue's error code, 0 if all went well."""

    status: int
    body: Any
    code: int = 0
    headers: dict[str, str] = field(default_factory=dict)


COMMANDS: Final = (
    Command(method="GET", path="/api/v3/ping", name="ping", handler=market.ping, signed=False),
    Command(method="GET", path="/api/v3/time", name="time", handler=market.server_time, signed=False),
    Command(
        method="GET",
        path="/api/v3/exchangeInfo",
        name="exchangeInfo",
        handler=market.exchange_info,
        weight=20,
        params=(SYMBOL_OPTIONAL, SYMBOLS),
        signed=False,
    ),
    Command(
        method="GET",
        path="/api/v3/depth",
        name="depth",
        handler=market.depth,
        weigh=market.depth_weight,
        params=(SYMBOL, LIMIT),
        signed=False,
    ),
    Command(
        method="GET",
        path="/api/v3/trades",
        name="trades.recent",
        handler=market.trades,
        weight=25,
        params=(SYMBOL, LIMIT),
        signed=False,
    ),
    Command(
        method="GET",
        path="/api/v3/ticker/bookTicker",
        name="ticker.book",
        handler=market.book_ticker,
        weight=2,
        params=(SYMBOL_OPTIONAL,),
        signed=False,
    ),
    Command(
        method="POST",
        path="/api/v3/order",
        name="order.place",
        handler=orders.place,
        params=orders.PLACE_PARAMS,
        is_order=True,
    ),
    Command(
        method="POST",
        path="/api/v3/order/test",
        name="order.test",
        handler=orders.check_only,
        params=orders.PLACE_PARAMS,
    ),
    Command(
        method="DELETE",
        path="/api/v3/order",
        name="order.cancel",
        handler=orders.cancel,
        params=(SYMBOL, orders.ORDER_ID, orders.ORIGINAL_ID, orders.CANCEL_ID),
    ),
    Command(
        method="GET",
        path="/api/v3/order",
        name="order.status",
        handler=orders.query,
        weight=4,
        params=(SYMBOL, orders.ORDER_ID, orders.ORIGINAL_ID),
    ),
    Command(
        method="GET",
        path="/api/v3/openOrders",
        name="openOrders.status",
        handler=orders.open_orders,
        weight=6,
        params=(SYMBOL_OPTIONAL,),
    ),
    Command(
        method="DELETE",
        path="/api/v3/openOrders",
        name="openOrders.cancelAll",
        handler=orders.cancel_all,
        params=(SYMBOL,),
    ),
    Command(
        method="GET",
        path="/api/v3/allOrders",
        name="allOrders",
        handler=orders.all_orders,
        weight=20,
        params=(SYMBOL, orders.ORDER_ID, LIMIT),
    ),
    Command(
        method="GET",
        path="/api/v3/account",
        name="account.status",
        handler=orders.account,
        weight=20,
        params=(orders.OMIT_ZERO,),
    ),
    Command(
        method="GET",
        path="/api/v3/myTrades",
        name="myTrades",
        handler=orders.my_trades,
        weight=20,
        params=(SYMBOL, orders.ORDER_ID, orders.START_TIME, orders.END_TIME, orders.FROM_ID, LIMIT),
    ),
)
"""Every command."""

BY_ROUTE: Final = {(command.method, command.path): command for command in COMMANDS}
BY_NAME: Final = {command.name: command for command in COMMANDS}


def execute(floor: Floor, command: Command, call: Call) -> Answer:
    """Carry out a request and return its answer; never raises for what a caller can do wrong."""
    floor.sync()
    now_ns = floor.clock.now_ns()
    try:
        body = _run(floor, command, call, now_ns)
    except VenueRefused as error:
        floor.records.counters.orders_rejected += command.is_order
        floor.records.counters.cancels_rejected += command.handler is orders.cancel
        return answer_of(floor, error, now_ns, with_orders=command.is_order)
    headers = floor.limits.headers(now_ns, with_orders=command.is_order)
    return Answer(status=200, body=body, headers=headers)


def answer_of(floor: Floor, error: VenueRefused, now_ns: int, *, with_orders: bool = False) -> Answer:
    """Return the answer that a refusal becomes."""
    status = http_status(error)
    headers = floor.limits.headers(now_ns, with_orders=with_orders)
    if status in (418, 429):
        headers["Retry-After"] = str(floor.limits.retry_after_s(now_ns))
    return Answer(
        status=status, body={"code": error.code, "msg": str(error)}, code=error.code, headers=headers
    )


def _run(floor: Floor, command: Command, call: Call, now_ns: int) -> Any:
    weight = command.weigh(call.params) if command.weigh else command.weight
    floor.limits.charge(weight, now_ns)
    if command.signed:
        check_key(call.api_key, floor.settings.api_key)
        check_signed(call.params, call.payload, secret=floor.settings.api_secret, now_ms=ms(now_ns))
    values = read(call.params, command.params, ignored=SECURITY if command.signed else ())
    if command.is_order:
        floor.limits.charge_order(now_ns)
    return command.handler(floor, values)
