"""What changes an order in one request: cancel-replace, and shrinking it where it stands. Handlers.

A cancel-replace is a cancellation and a new order in one moment; each half succeeds or fails by itself, and
the answer says which. Parameters, filters and the count of orders are judged before either is tried.
"""

from typing import Any, Final

from mm.errors import VenueRefused
from mm.exchange import order_payloads
from mm.exchange.errors import (
    HTTP_BAD_REQUEST,
    HTTP_CONFLICT,
    NOT_REPLACED,
    PARTLY_REPLACED,
    Failure,
    amend_refused_by,
    refused_by,
)
from mm.exchange.floor import Floor
from mm.exchange.market_commands import LIMIT, SYMBOL, check_symbol
from mm.exchange.order_commands import cancelled, placed
from mm.exchange.order_params import (
    NEW_ID,
    ORDER_ID,
    ORIGINAL_ID,
    PLACE_PARAMS,
    RESTRICTION,
    find_order,
    new_order,
    rows_wanted,
    size_lots,
)
from mm.exchange.params import Kind, Param, whole
from mm.exchange.payloads import Payload
from mm.sim.orders import AmendOrder, NewOrder, Refusal
from mm.sim.world import CLIENT

_STOP: Final = "STOP_ON_FAILURE"
_CANCEL_ONLY: Final = "CANCEL_ONLY"
_CANCEL_ID, _CANCEL_NAME = "cancelOrderId", "cancelOrigClientOrderId"

REPLACE_PARAMS: Final = (
    *PLACE_PARAMS,
    Param("cancelReplaceMode", mandatory=True, choices=(_STOP, "ALLOW_FAILURE")),
    Param(_CANCEL_ID, Kind.WHOLE),
    Param(_CANCEL_NAME, Kind.CLIENT_ID),
    Param("cancelNewClientOrderId", Kind.CLIENT_ID),
    RESTRICTION,
    Param("orderRateLimitExceededMode", choices=("DO_NOTHING", _CANCEL_ONLY)),
)
"""Parameters of a cancel-replace."""

AMEND_PARAMS: Final = (
    SYMBOL,
    ORDER_ID,
    ORIGINAL_ID,
    NEW_ID,
    Param("newQty", Kind.DECIMAL, mandatory=True),
)
AMENDMENTS_PARAMS: Final = (
    SYMBOL,
    Param("orderId", Kind.WHOLE, mandatory=True),
    Param("fromExecutionId", Kind.WHOLE),
    LIMIT,
)


def cancel_replace(floor: Floor, values: dict[str, str]) -> Any:
    """Cancel an order and place another; answer the outcome of both, as a `Failure` unless both went well."""
    record = find_order(floor, values, by_id=_CANCEL_ID, by_name=_CANCEL_NAME)
    new = new_order(floor, values)
    refusal = floor.world.check_filters(new, floor.now_ns)
    if refusal is not None:
        raise refused_by(refusal)
    too_many = _charge(floor, values)
    body: Payload = {"cancelResult": "SUCCESS", "newOrderResult": "SUCCESS"}
    try:
        body["cancelResponse"] = cancelled(
            floor,
            record,
            cancel_id=values.get("cancelNewClientOrderId"),
            only=values.get("cancelRestrictions"),
        )
    except VenueRefused as error:
        floor.records.counters.cancels_rejected += 1
        body |= {"cancelResult": "FAILURE", "cancelResponse": _said(error)}
        if values["cancelReplaceMode"] == _STOP:
            body |= {"newOrderResult": "NOT_ATTEMPTED", "newOrderResponse": None}
            return Failure(NOT_REPLACED, HTTP_BAD_REQUEST, body)
    try:
        if too_many is not None:
            raise too_many
        body["newOrderResponse"] = _place(floor, values, new)
    except VenueRefused as error:
        floor.records.counters.orders_rejected += 1
        body |= {"newOrderResult": "FAILURE", "newOrderResponse": _said(error)}
    return _outcome(body)


def amend(floor: Floor, values: dict[str, str]) -> Any:
    """Make an open order smaller; it keeps its id at the venue and its place, and gets a new client id."""
    record = find_order(floor, values)
    if record is None:
        raise amend_refused_by(Refusal.UNKNOWN_ORDER)
    request = AmendOrder(
        owner=CLIENT,
        order_id=record.order.order_id,
        size_lots=size_lots(floor, "newQty", values["newQty"]),
        client_id=values.get("newClientOrderId") or floor.next_client_id(),
    )
    outcome = floor.amend(request)
    if isinstance(outcome, Refusal):
        raise amend_refused_by(outcome)
    return order_payloads.amended(floor.instrument, record.amendments[-1])


def amendments(floor: Floor, values: dict[str, str]) -> Any:
    """Answer how an order was amended, oldest first, from an execution id on (inclusive)."""
    check_symbol(floor, values)
    record = floor.records.orders.get(int(values["orderId"]))
    first_id = whole(values, "fromExecutionId", 0)
    found = [row for row in record.amendments if row.execution_id >= first_id] if record else []
    return [order_payloads.amendment_row(floor.instrument, row) for row in found[: rows_wanted(values)]]


# A caller that has used up its orders may still have the old one cancelled, if it says so.
def _charge(floor: Floor, values: dict[str, str]) -> VenueRefused | None:
    try:
        floor.limits.charge_order(floor.clock.now_ns())
    except VenueRefused as error:
        if values.get("orderRateLimitExceededMode") != _CANCEL_ONLY:
            raise
        return error
    return None


def _place(floor: Floor, values: dict[str, str], new: NewOrder) -> Payload:
    outcome = floor.place(new)
    if isinstance(outcome, Refusal):
        floor.report_rejected(new, outcome)
        raise refused_by(outcome)
    return placed(floor, values, outcome)


def _outcome(body: Payload) -> Payload | Failure:
    failed = [body[name] == "FAILURE" for name in ("cancelResult", "newOrderResult")]
    if all(failed):
        return Failure(NOT_REPLACED, HTTP_BAD_REQUEST, body)
    return Failure(PARTLY_REPLACED, HTTP_CONFLICT, body) if any(failed) else body


def _said(error: VenueRefused) -> Payload:
    return {"code": error.code, "msg": str(error)}
