"""What the account may do with its orders: place, test, cancel, query, list. Handlers of the table.

What the world refuses becomes the venue's error here.
"""

from typing import Any, Final

from mm.exchange import account_payloads, order_payloads
from mm.exchange.errors import NO_SUCH_ORDER, RESTRICTED, UNKNOWN_ORDER, refused, refused_by
from mm.exchange.floor import Floor
from mm.exchange.market_commands import LIMIT, SYMBOL, check_symbol
from mm.exchange.order_params import (
    END_TIME,
    NEW_ID,
    ORDER_ID,
    ORIGINAL_ID,
    PLACE_PARAMS,
    RESTRICTION,
    START_TIME,
    find_order,
    new_order,
    rows_wanted,
)
from mm.exchange.params import BOOLEAN, Param, is_true, whole
from mm.exchange.payloads import Payload
from mm.exchange.records import OrderRecord
from mm.exchange.time_range import time_range
from mm.sim.orders import CancelOrder, Order, OrderType, Refusal
from mm.sim.world import CLIENT

_COMPUTE_RATES: Final = "computeCommissionRates"
_TEST_WEIGHT, _TEST_WEIGHT_WITH_RATES = 1, 20

TEST_PARAMS: Final = (*PLACE_PARAMS, Param(_COMPUTE_RATES, choices=BOOLEAN))
CANCEL_PARAMS: Final = (SYMBOL, ORDER_ID, ORIGINAL_ID, NEW_ID, RESTRICTION)
QUERY_PARAMS: Final = (SYMBOL, ORDER_ID, ORIGINAL_ID)
LIST_PARAMS: Final = (SYMBOL, ORDER_ID, START_TIME, END_TIME, LIMIT)


def place(floor: Floor, values: dict[str, str]) -> Any:
    """Place an order and answer as much about it as was asked for."""
    order = floor.place(new_order(floor, values))
    if isinstance(order, Refusal):
        raise refused_by(order)
    return placed(floor, values, order)


def placed(floor: Floor, values: dict[str, str], order: Order) -> Payload:
    """Return the answer to a new order: ACK for LIMIT_MAKER, else FULL, unless it says otherwise."""
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
    refusal = floor.world.check_filters(new_order(floor, values), floor.now_ns)
    if refusal is not None:
        raise refused_by(refusal)
    return account_payloads.order_rates(floor.instrument) if is_true(values, _COMPUTE_RATES) else {}


def check_only_weight(params: dict[str, str]) -> int:
    """Return the weight of a test: more where fees are asked for."""
    return _TEST_WEIGHT_WITH_RATES if is_true(params, _COMPUTE_RATES) else _TEST_WEIGHT


def cancel(floor: Floor, values: dict[str, str]) -> Any:
    """Cancel one open order."""
    record = find_order(floor, values)
    return cancelled(
        floor, record, cancel_id=values.get("newClientOrderId"), only=values.get("cancelRestrictions")
    )


def cancel_all(floor: Floor, values: dict[str, str]) -> Any:
    """Cancel every open order of the account on the symbol."""
    check_symbol(floor, values)
    records = list(floor.records.open())
    if not records:
        raise refused(UNKNOWN_ORDER)
    return [cancelled(floor, record, cancel_id=None) for record in records]


def cancelled(
    floor: Floor, record: OrderRecord | None, *, cancel_id: str | None, only: str | None = None
) -> Payload:
    """Cancel an order and return the answer.

    Args: cancel_id: of the request, one is made if it brought none; only: the one state, as the parameter
        names it, in which it may be cancelled.
    Raises: VenueRefused (-2011).
    """
    if record is None:
        raise refused(UNKNOWN_ORDER)
    if only is not None and record.order.is_open and only != f"ONLY_{record.order.status.value}":
        raise refused(RESTRICTED)
    request = CancelOrder(
        owner=CLIENT, order_id=record.order.order_id, cancel_id=cancel_id or floor.next_client_id()
    )
    outcome = floor.cancel(request)
    if isinstance(outcome, Refusal):
        raise refused_by(outcome)
    return order_payloads.cancelled(floor.instrument, record)


def query(floor: Floor, values: dict[str, str]) -> Any:
    """Answer where one order stands, open or not."""
    record = find_order(floor, values)
    if record is None:
        raise refused(NO_SUCH_ORDER)
    return order_payloads.queried(floor.instrument, record)


def open_orders(floor: Floor, values: dict[str, str]) -> Any:
    """Answer every open order of the account."""
    check_symbol(floor, values)
    return [order_payloads.queried(floor.instrument, record) for record in floor.records.open()]


def all_orders(floor: Floor, values: dict[str, str]) -> Any:
    """Answer the account's orders, open or not: from `orderId` or `startTime` on, or the latest."""
    check_symbol(floor, values)
    times, limit = time_range(values), rows_wanted(values)
    first_id = whole(values, "orderId", 0)
    found = [
        record
        for record in floor.records.orders.values()
        if record.order.order_id >= first_id and times.holds(record.order.created_ns)
    ]
    chosen = found[:limit] if first_id or "startTime" in values else found[-limit:]
    return [order_payloads.queried(floor.instrument, record) for record in chosen]
