"""The command table: one row per thing that can be asked, served alike over REST and the WebSocket API.

`execute` is the only way from a request to an answer: time, limits, key and signature, parameters, handler,
in that order, so that both surfaces always agree.
"""

from typing import Any, Final

from mm.errors import VenueRefused
from mm.exchange import account_commands as account
from mm.exchange import market_commands as market
from mm.exchange import order_commands as orders
from mm.exchange import replace_commands as replace
from mm.exchange import trade_commands as traded
from mm.exchange.command import Answer, Call, Command, authorise
from mm.exchange.errors import HTTP_BANNED, HTTP_TOO_MANY, Failure, http_status
from mm.exchange.floor import Floor
from mm.exchange.market_commands import LIMIT, SYMBOL, SYMBOL_OPTIONAL, SYMBOLS
from mm.exchange.order_params import PLACE_PARAMS
from mm.exchange.params import SECURITY, read

COMMANDS: Final = (
    Command(method="GET", path="/api/v3/ping", name="ping", handler=market.ping, signed=False),
    Command(method="GET", path="/api/v3/time", name="time", handler=market.server_time, signed=False),
    Command(
        method="GET",
        path="/api/v3/exchangeInfo",
        name="exchangeInfo",
        handler=market.exchange_info,
        weight=20,
        params=market.INFO_PARAMS,
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
        handler=traded.trades,
        weight=25,
        params=traded.TRADES_PARAMS,
        signed=False,
    ),
    Command(
        method="GET",
        path="/api/v3/aggTrades",
        name="trades.aggregate",
        handler=traded.aggregates,
        weight=4,
        params=traded.AGGREGATE_PARAMS,
        signed=False,
    ),
    Command(
        method="GET",
        path="/api/v3/klines",
        name="klines",
        handler=traded.klines,
        weight=2,
        params=traded.KLINE_PARAMS,
        signed=False,
    ),
    Command(
        method="GET",
        path="/api/v3/uiKlines",
        name="uiKlines",
        handler=traded.klines,
        weight=2,
        params=traded.KLINE_PARAMS,
        signed=False,
    ),
    Command(
        method="GET",
        path="/api/v3/avgPrice",
        name="avgPrice",
        handler=traded.average_price,
        weight=2,
        params=(SYMBOL,),
        signed=False,
    ),
    Command(
        method="GET",
        path="/api/v3/ticker/24hr",
        name="ticker.24hr",
        handler=traded.day_ticker,
        weigh=traded.day_weight,
        params=traded.DAY_PARAMS,
        signed=False,
    ),
    Command(
        method="GET",
        path="/api/v3/ticker/price",
        name="ticker.price",
        handler=traded.price_ticker,
        weigh=market.ticker_weight,
        params=(SYMBOL_OPTIONAL, SYMBOLS),
        signed=False,
    ),
    Command(
        method="GET",
        path="/api/v3/ticker/bookTicker",
        name="ticker.book",
        handler=market.book_ticker,
        weigh=market.ticker_weight,
        params=(SYMBOL_OPTIONAL, SYMBOLS),
        signed=False,
    ),
    Command(
        method="POST",
        path="/api/v3/order",
        name="order.place",
        handler=orders.place,
        params=PLACE_PARAMS,
        is_order=True,
    ),
    Command(
        method="POST",
        path="/api/v3/order/test",
        name="order.test",
        handler=orders.check_only,
        weigh=orders.check_only_weight,
        params=orders.TEST_PARAMS,
    ),
    Command(
        method="DELETE",
        path="/api/v3/order",
        name="order.cancel",
        handler=orders.cancel,
        params=orders.CANCEL_PARAMS,
    ),
    Command(
        method="POST",
        path="/api/v3/order/cancelReplace",
        name="order.cancelReplace",
        handler=replace.cancel_replace,
        params=replace.REPLACE_PARAMS,
        is_order=True,
        charges_itself=True,
    ),
    Command(
        method="PUT",
        path="/api/v3/order/amend/keepPriority",
        name="order.amend.keepPriority",
        handler=replace.amend,
        weight=4,
        params=replace.AMEND_PARAMS,
    ),
    Command(
        method="GET",
        path="/api/v3/order/amendments",
        name="order.amendments",
        handler=replace.amendments,
        weight=4,
        params=replace.AMENDMENTS_PARAMS,
    ),
    Command(
        method="GET",
        path="/api/v3/order",
        name="order.status",
        handler=orders.query,
        weight=4,
        params=orders.QUERY_PARAMS,
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
        params=orders.LIST_PARAMS,
    ),
    Command(
        method="GET",
        path="/api/v3/account",
        name="account.status",
        handler=account.account,
        weight=20,
        params=account.ACCOUNT_PARAMS,
    ),
    Command(
        method="GET",
        path="/api/v3/account/commission",
        name="account.commission",
        handler=account.commission,
        weight=20,
        params=(SYMBOL,),
    ),
    Command(
        method="GET",
        path="/sapi/v1/account/apiRestrictions",
        name="",
        handler=account.restrictions,
    ),
    Command(
        method="GET",
        path="/sapi/v1/asset/tradeFee",
        name="",
        handler=account.trade_fee,
        params=(SYMBOL_OPTIONAL,),
    ),
    Command(
        method="GET",
        path="/api/v3/rateLimit/order",
        name="account.rateLimits.orders",
        handler=account.order_usage,
        weight=40,
    ),
    Command(
        method="GET",
        path="/api/v3/myTrades",
        name="myTrades",
        handler=account.my_trades,
        weigh=account.my_trades_weight,
        params=account.TRADES_PARAMS,
    ),
    Command(
        method="GET",
        path="/api/v3/myPreventedMatches",
        name="myPreventedMatches",
        handler=account.prevented_matches,
        weigh=account.prevented_weight,
        params=account.PREVENTED_PARAMS,
    ),
    Command(
        method="PUT",
        path="/api/v3/userDataStream",
        name="",
        handler=account.no_listen_key,
        weight=2,
        params=account.LISTEN_KEY_PARAMS,
        signed=False,
    ),
    Command(
        method="DELETE",
        path="/api/v3/userDataStream",
        name="",
        handler=account.no_listen_key,
        weight=2,
        params=account.LISTEN_KEY_PARAMS,
        signed=False,
    ),
)
"""Every command."""

BY_ROUTE: Final = {(command.method, command.path): command for command in COMMANDS}
BY_NAME: Final = {command.name: command for command in COMMANDS if command.name}


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
    if isinstance(body, Failure):
        code, text = body.fault.code, body.fault.text
        told = {"code": code, "msg": text, "data": body.data}
        return Answer(status=body.status, body=told, code=code, headers=headers)
    return Answer(status=200, body=body, headers=headers)


def answer_of(floor: Floor, error: VenueRefused, now_ns: int, *, with_orders: bool = False) -> Answer:
    """Return the answer that a refusal becomes."""
    status = http_status(error)
    headers = floor.limits.headers(now_ns, with_orders=with_orders)
    if status in (HTTP_BANNED, HTTP_TOO_MANY):
        headers["Retry-After"] = str(floor.limits.retry_after_s(now_ns, error.code))
    return Answer(
        status=status, body={"code": error.code, "msg": str(error)}, code=error.code, headers=headers
    )


def _run(floor: Floor, command: Command, call: Call, now_ns: int) -> Any:
    weight = command.weigh(call.params) if command.weigh else command.weight
    floor.limits.charge(weight, now_ns)
    if command.signed:
        authorise(floor, call, now_ns)
    values = read(call.params, command.params, ignored=SECURITY if command.signed else ())
    if command.is_order and not command.charges_itself:
        floor.limits.charge_order(now_ns)
    return command.handler(floor, values)
