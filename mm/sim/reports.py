"""What the world tells the outside: order reports, trades, book changes and balances, as they happen.

Frozen facts; an order inside a report is a copy of how it stood at that moment. Within one request the order
of facts is: reports and trades as they happen (the maker's report, the taker's, then the public trade, then
the level), the top of the book, the balances.
"""

from typing import TypeAlias

import msgspec

from mm.domain.sides import Side
from mm.sim.orders import Execution, Order, Refusal, StpMode


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """A fill as one of its two owners sees it. Fields: fee_atoms of fee_asset; negative is a rebate."""

    trade_id: int
    price_ticks: int
    size_lots: int
    is_maker: bool
    fee_atoms: int
    fee_asset: str


class Prevented(msgspec.Struct, frozen=True, kw_only=True):
    """A match prevented because both orders had one owner.

    Fields: mode: the taker's, which decided; match_lots: what would have traded; maker_lots, taker_lots: what
    expired of each order.
    """

    prevention_id: int
    owner: str
    mode: StpMode
    maker_order_id: int
    taker_order_id: int
    price_ticks: int
    match_lots: int
    maker_lots: int
    taker_lots: int
    ts_ns: int


class Replaced(msgspec.Struct, frozen=True, kw_only=True):
    """What an amended order was before. Fields: client_id: the id that it had; size_lots: its size."""

    client_id: str
    size_lots: int


class OrderReport(msgspec.Struct, frozen=True, kw_only=True):
    """One step in the life of an order of a watched owner.

    Fields:
        match: what traded; only with TRADE.
        prevented_lots: what expired of this order; prevented: in which match; only with TRADE_PREVENTION.
        replaced: what it was before; only with REPLACED.
        refusal: why; only with REJECTED.
        cancel_id: id of the request that cancelled; only with CANCELED.
    """

    execution: Execution
    order: Order
    ts_ns: int
    match: Match | None = None
    prevented_lots: int = 0
    prevented: Prevented | None = None
    replaced: Replaced | None = None
    refusal: Refusal | None = None
    cancel_id: str = ""


class Trade(msgspec.Struct, frozen=True, kw_only=True):
    """A public trade, with what only the venue knows: who stood on either side."""

    trade_id: int
    price_ticks: int
    size_lots: int
    ts_ns: int
    taker_side: Side
    maker_order_id: int
    taker_order_id: int
    maker_owner: str
    taker_owner: str


class LevelChange(msgspec.Struct, frozen=True, kw_only=True):
    """The lots resting at a price are now `size_lots` (0: the level is gone)."""

    update_id: int
    side: Side
    price_ticks: int
    size_lots: int


class TopChange(msgspec.Struct, frozen=True, kw_only=True):
    """The best bid or ask, or its size, changed. Fields: 0 where a side is empty."""

    update_id: int
    bid_ticks: int
    bid_lots: int
    ask_ticks: int
    ask_lots: int


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """One asset of an owner, in atoms."""

    asset: str
    free_atoms: int
    locked_atoms: int


class BalanceReport(msgspec.Struct, frozen=True, kw_only=True):
    """The assets of a watched owner that one request or match has touched, as they stand after it."""

    owner: str
    ts_ns: int
    held: tuple[Held, ...]


Fact: TypeAlias = OrderReport | Trade | Prevented | LevelChange | TopChange | BalanceReport
"""Everything that `World.take_facts` can return."""
