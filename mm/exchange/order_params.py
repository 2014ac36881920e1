"""The parameters of orders: what may be sent, and how texts become a new order in ticks and lots.

Shared by the commands that place, replace, cancel and query. What cannot be read is refused with the venue's
error; nothing here looks at the market.
"""

from typing import Final

from mm.domain.sides import Side
from mm.errors import VenueRefused
from mm.exchange.errors import (
    BAD_ORDER_TYPE,
    BAD_RESTRICTION,
    BAD_SIDE,
    BAD_TIME_IN_FORCE,
    FILTER,
    MISSING,
    MISSING_EITHER,
    NO_QUOTE_QUANTITY,
    NOT_REQUIRED,
    TOO_PRECISE,
    refused,
)
from mm.exchange.floor import Floor
from mm.exchange.market_commands import SYMBOL, check_symbol
from mm.exchange.params import Kind, Param, whole
from mm.exchange.records import OrderRecord
from mm.sim.orders import NewOrder, OrderType, Refusal, StpMode, TimeInForce
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
NEW_ID: Final = Param("newClientOrderId", Kind.CLIENT_ID)
RESTRICTION: Final = Param(
    "cancelRestrictions", choices=("ONLY_NEW", "ONLY_PARTIALLY_FILLED"), fault=BAD_RESTRICTION
)
START_TIME: Final = Param("startTime", Kind.WHOLE)
END_TIME: Final = Param("endTime", Kind.WHOLE)

_ROWS_DEFAULT, _ROWS_MAX = 500, 1_000


def rows_wanted(values: dict[str, str]) -> int:
    """Return how many rows a list may have: `limit`, within what the venue gives."""
    return max(1, min(whole(values, "limit", _ROWS_DEFAULT), _ROWS_MAX))


def new_order(floor: Floor, values: dict[str, str]) -> NewOrder:
    """Return the order that the parameters describe; raises VenueRefused if they describe none."""
    check_symbol(floor, values)
    order_type = OrderType(values["type"])
    _check_combination(order_type, values)
    return NewOrder(
        owner=CLIENT,
        side=Side[values["side"]],
        order_type=order_type,
        time_in_force=TimeInForce(values.get("timeInForce", TimeInForce.GTC)),
        stp_mode=StpMode(values.get("selfTradePreventionMode", StpMode.EXPIRE_MAKER)),
        price_ticks=_price_ticks(floor, values["price"]) if "price" in values else 0,
        size_lots=size_lots(floor, "quantity", values["quantity"]),
        client_id=values.get("newClientOrderId") or floor.next_client_id(),
    )


def size_lots(floor: Floor, name: str, text: str) -> int:
    """Return a size in lots; raises VenueRefused (-1111, -1013) if it is too precise or off the grid."""
    _check_precision(name, text, floor.instrument.base_scale)
    try:
        return floor.instrument.size_lots(text)
    except ValueError:
        raise _filtered(Refusal.LOT_SIZE) from None


def find_order(
    floor: Floor, values: dict[str, str], *, by_id: str = "orderId", by_name: str = "origClientOrderId"
) -> OrderRecord | None:
    """Return the order that the parameters name, by either id or both; None if there is none.

    Args: by_id, by_name: names of the parameters.
    Raises: VenueRefused (-1102) if neither was sent.
    """
    check_symbol(floor, values)
    if by_id not in values and by_name not in values:
        raise refused(MISSING_EITHER, by_name, by_id)
    order_id = int(values[by_id]) if by_id in values else None
    return floor.records.find(order_id=order_id, client_id=values.get(by_name))


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


def _price_ticks(floor: Floor, text: str) -> int:
    _check_precision("price", text, floor.instrument.quote_scale)
    try:
        return floor.instrument.price_ticks(text)
    except ValueError:
        raise _filtered(Refusal.PRICE_FILTER) from None


def _filtered(refusal: Refusal) -> VenueRefused:
    return refused(FILTER, refusal.value)


def _check_precision(name: str, text: str, scale: int) -> None:
    if len(text.partition(".")[2].rstrip("0")) > scale:
        raise refused(TOO_PRECISE, name)
