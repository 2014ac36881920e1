"""What the account may ask: place, test, cancel, query, list, balances, trades. Handlers of the table.

Texts become ticks and lots here, by the instrument; what the world refuses becomes the venue's error.
"""

from typing import Any, Final

from mm.domain.sides import Side
from mm.exchange import order_payloads, user_payloads
from mm.exchange.errors import (
    BAD_ORDER_TYPE,
    BAD_SIDE,
    BAD_TIME_IN_FORCE,
    FILTER,
    MISSING,
    MISSING_EITHER,
    NO_QUOTE_QUANTITY,
    NO_SUCH_ORDER,
    NOT_REQUIRED,
    TOO_PRECISE,
    UNKNOWN_ORDER,
    refused,
    refused_by,
)
from mm.exchange.floor import Floor
from mm.exchange.market_commands import SYMBOL, check_symbol
from mm.exchange.params import Kind, Param, whole
from mm.exchange.payloads import ms
from mm.exchange.records import OrderRecord
from mm.sim.orders import CancelOrder, NewOrder, OrderType, Refusal, StpMode, TimeInForce
from mm.sim.world import CLIENT

PLACE_PARAMS: Final = (
    SYMBOL,
    Param("side", mandatory=True, choices=tuple(side.name for side in Side), fault=BAD_SIDE),
    Param("type", mandatory=True, choices=tuple(OrderType), fault=BAD_ORDER_TYPE),
    Param("timeInForce", choices=tuple(TimeInForce), fault=BAD_TIME_IN_FORCE),
    Param("quantity", Kind.DECIMAL),
    Param("quoteOrderQty", Kind.DECIMAL),
    Param("price", Kind.DECIMAL),
    Param("newClientOrderId", Kind.CLIENT_ID),
    Param("newOrderRespType", choices=("ACK", "RESULT", "FULL")),
    Param("selfTradePreventionMode", choices=tuple(StpMode)),
)
"""Parameters of a new order."""

ORDER_ID: Final = Param("orderId", Kind.WHOLE)
ORIGINAL_ID: Final = Param("origClientOrderId", Kind.CLIENT_ID)
CANCEL_ID: Final = Param("newClientOrderId", Kind.CLIENT_ID)
FROM_ID: Final = Param("fromId", Kind.WHOLE)
START_TIME: Final = Param("startTime", Kind.WHOLE)
END_TIME: Final = Param("endTime", Kind.WHOLE)
OMIT_ZERO: Final = Param("omitZeroBalances", choices=("true", "false"))

_ROWS_DEFAULT, _ROWS_MAX = 500, 1_000
_FILTERS: Final = (
    Refusal.PRICE_FILTER,
    Refusal.LOT_SIZE,
    Refusal.MARKET_LOT_SIZE,
    Refusal.NOTIONAL,
    Refusal.MAX_NUM_ORDERS,
)


def place(floor: Floor, values: dict[str, str]) -> Any:
    """Place an order and answer as much about it as was asked for."""
    new = _new_order(floor, values)
    order = floor.place(new)
    if isinstance(order, Refusal):
        raise refused_by(order)
    record = floor.records.orders[order.order_id]
    default = "ACK" if order.order_type is OrderType.LIMIT_MAKER else "FULL"
    match values.get("newOrderRespType", default):
        case "ACK":
            return order_payloads.ack(floor.instrument, record.order)
        case "RESULT":
            return order_payloads.result(floor.instrument, record)
        case _:
            return order_payloads.full(floor.instrument, record)


def check_only(floor: Floor, values: dict[str, str]) -> Any:
    """Check an order's parameters and filters without placing it."""
    refusal = floor.world.check(_new_order(floor, values))
    if refusal in _FILTERS:
        raise refused_by(refusal)
    return {}


def cancel(floor: Floor, values: dict[str, str]) -> Any:
    """Cancel one open order."""
    record = _find(floor, values)
    if record is None:
        raise refused(UNKNOWN_ORDER)
    return _cancelled(floor, record, values.get("newClientOrderId"))


def cancel_all(floor: Floor, values: dict[str, str]) -> Any:
    """Cancel every open order of the account on the symbol."""
    check_symbol(floor, values)
    records = list(floor.records.open())
    if not records:
        raise refused(UNKNOWN_ORDER)
    return [_cancelled(floor, record, None) for record in records]


def query(floor: Floor, values: dict[str, str]) -> Any:
    """Answer where one order stands, open or not."""
    record = _find(floor, values)
    if record is None:
        raise refused(NO_SUCH_ORDER)
    return order_payloads.queried(floor.instrument, record)


def open_orders(floor: Floor, values: dict[str, str]) -> Any:
    """Answer every open order of the account."""
    check_symbol(floor, values)
    return [order_payloads.queried(floor.instrument, record) for record in floor.records.open()]


def all_orders(floor: Floor, values: dict[str, str]) -> Any:
    """Answer the account's orders, open or not: from `orderId` on, or the latest."""
    check_symbol(floor, values)
    limit = min(whole(values, "limit", _ROWS_DEFAULT), _ROWS_MAX)
    first_id = whole(values, "orderId", 0)
    found = [record for record in floor.records.orders.values() if record.order.order_id >= first_id]
    chosen = found[:limit] if first_id else found[-limit:]
    return [order_payloads.queried(floor.instrument, record) for record in chosen]


def account(floor: Floor, values: dict[str, str]) -> Any:
    """Answer the account and its balances."""
    held = floor.world.held(CLIENT)
    if values.get("omitZeroBalances") == "true":
        held = tuple(row for row in held if row.free_atoms or row.locked_atoms)
    return user_payloads.account(floor.instrument, held, floor.now_ns)


def my_trades(floor: Floor, values: dict[str, str]) -> Any:
    """Answer the account's fills, oldest first: from `fromId` on (inclusive), or the latest."""
    check_symbol(floor, values)
    limit = min(whole(values, "limit", _ROWS_DEFAULT), _ROWS_MAX)
    first_ms, last_ms = whole(values, "startTime", 0), whole(values, "endTime", 2**63)
    first_id, order_id = whole(values, "fromId", 0), whole(values, "orderId", 0)
    found = [
        fill
        for fill in floor.records.fills
        if first_ms <= ms(fill.report.ts_ns) <= last_ms
        and fill.match.trade_id >= first_id
        and order_id in (0, fill.report.order.order_id)
    ]
    chosen = found[:limit] if "fromId" in values or "startTime" in values else found[-limit:]
    return [order_payloads.my_trade(floor.instrument, fill) for fill in chosen]


def _new_order(floor: Floor, values: dict[str, str]) -> NewOrder:
    check_symbol(floor, values)
    order_type = OrderType(values["type"])
    _check_combination(order_type, values)
    return NewOrder(
        owner=CLIENT,
        side=Side[values["side"]],
        order_type=order_type,
        time_in_force=TimeInForce(values.get("timeInForce", TimeInForce.GTC)),
        stp_mode=StpMode(values.get("selfTradePreventionMode", StpMode.EXPIRE_MAKER)),
        price_ticks=_price_ticks(floor, values) if "price" in values else 0,
        size_lots=_size_lots(floor, values),
        client_id=values.get("newClientOrderId") or floor.next_client_id(),
    )


# Which parameters go with which type: LIMIT needs price and time in force, LIMIT_MAKER a price only, MARKET
# neither.
def _check_combination(order_type: OrderType, values: dict[str, str]) -> None:
    is_limit, is_market = order_type is OrderType.LIMIT, order_type is OrderType.MARKET
    if is_market and "quoteOrderQty" in values and "quantity" not in values:
        raise refused(NO_QUOTE_QUANTITY)
    for name, needed, allowed in (
        ("timeInForce", is_limit, is_limit),
        ("quantity", True, True),
        ("price", not is_market, not is_market),
        ("quoteOrderQty", False, False),
    ):
        if needed and name not in values:
            raise refused(MISSING, name)
        if name in values and not allowed:
            raise refused(NOT_REQUIRED, name)


def _price_ticks(floor: Floor, values: dict[str, str]) -> int:
    _check_precision("price", values["price"], floor.instrument.quote_scale)
    try:
        return floor.instrument.price_ticks(values["price"])
    except ValueError:
        raise refused(FILTER, Refusal.PRICE_FILTER.value) from None


def _size_lots(floor: Floor, values: dict[str, str]) -> int:
    _check_precision("quantity", values["quantity"], floor.instrument.base_scale)
    try:
        return floor.instrument.size_lots(values["quantity"])
    except ValueError:
        raise refused(FILTER, Refusal.LOT_SIZE.value) from None


def _check_precision(name: str, text: str, scale: int) -> None:
    if len(text.partition(".")[2].rstrip("0")) > scale:
        raise refused(TOO_PRECISE, name)


def _find(floor: Floor, values: dict[str, str]) -> OrderRecord | None:
    check_symbol(floor, values)
    if "orderId" not in values and "origClientOrderId" not in values:
        raise refused(MISSING_EITHER, "origClientOrderId", "orderId")
    order_id = int(values["orderId"]) if "orderId" in values else None
    return floor.records.find(order_id=order_id, client_id=values.get("origClientOrderId"))


def _cancelled(floor: Floor, record: OrderRecord, cancel_id: str | None) -> Any:
    request = CancelOrder(
        owner=CLIENT,
        order_id=record.order.order_id,
        cancel_id=cancel_id or floor.next_client_id(),
    )
    outcome = floor.cancel(request)
    if isinstance(outcome, Refusal):
        raise refused_by(outcome)
    return order_payloads.cancelled(floor.instrument, record)
