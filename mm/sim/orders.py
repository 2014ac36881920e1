"""The nouns of the matching book: orders, fills, prevented matches and what may be asked of it.

Values of the enumerations are the words that spot venues use on the wire. Sizes are lots, prices ticks,
money atoms. Nothing here decides anything.
"""

from enum import StrEnum
from typing import Final

import msgspec

from mm.domain.sides import Side


class OrderType(StrEnum):
    """How an order meets the book: LIMIT may take and rest, LIMIT_MAKER only rests, MARKET only takes."""

    LIMIT = "LIMIT"
    LIMIT_MAKER = "LIMIT_MAKER"
    MARKET = "MARKET"


class TimeInForce(StrEnum):
    """What happens to a remainder: it rests (GTC), expires (IOC), or nothing trades unless all does (FOK)."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


class StpMode(StrEnum):
    """What happens when an order meets one of its own owner; the taker's mode decides.

    DECREMENT: both lose what would have traded; the smaller one ends by it, the larger goes on.
    """

    NONE = "NONE"
    EXPIRE_TAKER = "EXPIRE_TAKER"
    EXPIRE_MAKER = "EXPIRE_MAKER"
    EXPIRE_BOTH = "EXPIRE_BOTH"
    DECREMENT = "DECREMENT"


class OrderStatus(StrEnum):
    """Where an order stands; NEW and PARTIALLY_FILLED are open, the rest is final."""

    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    EXPIRED_IN_MATCH = "EXPIRED_IN_MATCH"
    REJECTED = "REJECTED"


_NEW: Final = OrderStatus.NEW
_PARTLY: Final = OrderStatus.PARTIALLY_FILLED
# As constants for the reason given in `sides.py`.


class Execution(StrEnum):
    """Why an order report is made."""

    NEW = "NEW"
    TRADE = "TRADE"
    CANCELED = "CANCELED"
    REPLACED = "REPLACED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    TRADE_PREVENTION = "TRADE_PREVENTION"


class Refusal(StrEnum):
    """Why a request was not carried out; nothing has changed.

    Those in `FILTERS` are filters of the symbol; their values are the venue's names for them.
    """

    PRICE_FILTER = "PRICE_FILTER"
    PERCENT_PRICE_BY_SIDE = "PERCENT_PRICE_BY_SIDE"
    LOT_SIZE = "LOT_SIZE"
    MARKET_LOT_SIZE = "MARKET_LOT_SIZE"
    NOTIONAL = "NOTIONAL"
    MAX_NUM_ORDERS = "MAX_NUM_ORDERS"
    MAX_NUM_ORDER_AMENDS = "MAX_NUM_ORDER_AMENDS"
    NO_LIQUIDITY = "NO_LIQUIDITY"
    DUPLICATE = "DUPLICATE"
    WOULD_TAKE = "WOULD_TAKE"
    INSUFFICIENT_BALANCE = "INSUFFICIENT_BALANCE"
    UNKNOWN_ORDER = "UNKNOWN_ORDER"
    AMEND_INCREASES = "AMEND_INCREASES"
    AMEND_CHANGES_NOTHING = "AMEND_CHANGES_NOTHING"
    AMEND_BELOW_DONE = "AMEND_BELOW_DONE"


FILTERS: Final = (
    Refusal.PRICE_FILTER,
    Refusal.PERCENT_PRICE_BY_SIDE,
    Refusal.LOT_SIZE,
    Refusal.MARKET_LOT_SIZE,
    Refusal.NOTIONAL,
    Refusal.MAX_NUM_ORDERS,
    Refusal.MAX_NUM_ORDER_AMENDS,
)
"""The refusals that are filters of the symbol."""


class NewOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A request to place an order.

    Fields: price_ticks: 0 for MARKET; size_lots > 0; client_id: the owner's own id, "" for none.
    """

    owner: str
    side: Side
    order_type: OrderType
    size_lots: int
    price_ticks: int = 0
    time_in_force: TimeInForce = TimeInForce.GTC
    stp_mode: StpMode = StpMode.EXPIRE_MAKER
    client_id: str = ""


class CancelOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A request to cancel. Fields: cancel_id: the request's own id, reported with the cancellation."""

    owner: str
    order_id: int
    cancel_id: str = ""


class AmendOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A request to shrink an open order where it stands in the queue.

    Fields: size_lots: the new size of the whole order, what it has traded included; client_id: its id from
    now on (may be the one that it has).
    """

    owner: str
    order_id: int
    size_lots: int
    client_id: str


class Order(msgspec.Struct, kw_only=True):
    """An order inside the book. Mutable: the book alone changes it.

    Fields:
        created_ns, updated_ns: when it was accepted and last changed.
        filled_lots, filled_atoms: how much has traded, in lots and in quote atoms.
        prevented_lots: how much expired because it would have met its own owner.
        amends: how often it was made smaller by its owner.
        reserved_atoms: what its owner has locked for it, of the asset that it pays with.
    """

    order_id: int
    owner: str
    client_id: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    stp_mode: StpMode
    price_ticks: int
    size_lots: int
    created_ns: int
    updated_ns: int
    status: OrderStatus = OrderStatus.NEW
    filled_lots: int = 0
    filled_atoms: int = 0
    prevented_lots: int = 0
    amends: int = 0
    reserved_atoms: int = 0

    @property
    def left_lots(self) -> int:
        """How many lots can still trade."""
        return self.size_lots - self.filled_lots - self.prevented_lots

    @property
    def is_open(self) -> bool:
        """Whether it can still trade."""
        return self.status is _NEW or self.status is _PARTLY


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """One match. Fields: maker, taker: the live orders, already counted; the price is the maker's."""

    trade_id: int
    maker: Order
    taker: Order
    price_ticks: int
    size_lots: int
    ts_ns: int


class Prevention(msgspec.Struct, frozen=True, kw_only=True):
    """A match that did not happen because both orders have one owner.

    Fields: match_lots: what would have traded; taker_lots, maker_lots: what expired of each, 0 where that
    order lost nothing. Both orders already count it.
    """

    prevention_id: int
    maker: Order
    taker: Order
    price_ticks: int
    match_lots: int
    taker_lots: int
    maker_lots: int
    ts_ns: int
