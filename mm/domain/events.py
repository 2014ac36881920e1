"""Everything that can happen to the engine, as frozen structs. This is the only way into the core.

Every event carries `ts_ns`, the core's time at which we learned of it (monotonic, anchored to UTC once).
Events about orders carry `cid`, our client order id. Prices are ticks, own sizes lots, market sizes base
atoms, money asset atoms. The codec of the journal is the msgpack form of these types (tagged by name).
"""

from enum import StrEnum
from typing import TypeAlias

import msgspec

from mm.domain.book import Level
from mm.domain.sides import Side


class Stream(StrEnum):
    """A connection that has to be alive before anything is quoted."""

    MARKET = "market"
    USER = "user"


class Source(StrEnum):
    """Where a fact about an order came from: the user stream, the answer to a request, or a query."""

    STREAM = "stream"
    ANSWER = "answer"
    QUERY = "query"


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Root of all events. Fields: ts_ns: local time at which it became known to us."""

    ts_ns: int


class Advanced(Event, frozen=True, kw_only=True, gc=False):
    """Time passed; nothing else happened. Due timers fire."""


class StreamUp(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A stream is connected and subscribed.

    Fields: venue: the name in the config of one whose markets are only watched, "" for the one traded on.
    """

    stream: Stream
    venue: str = ""


class StreamDown(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A stream ended, failed to connect or is not to be trusted any more. Fields: venue: as in `StreamUp`."""

    stream: Stream
    reason: str
    venue: str = ""


class BookSnapshot(Event, frozen=True, kw_only=True, gc=False):
    """A whole book. Fields: seq: venue's number of the last change in it; levels best first."""

    symbol: str
    seq: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class BookDelta(Event, frozen=True, kw_only=True, gc=False):
    """Absolute sizes of changed levels, continuing the book without a gap (the adapter checked)."""

    symbol: str
    seq: int
    venue_ms: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class TopOfBook(Event, frozen=True, kw_only=True, gc=False):
    """Best bid and ask as the venue states them, numbered like the deltas."""

    symbol: str
    seq: int
    bid: Level
    ask: Level


class BookLost(Event, frozen=True, kw_only=True, gc=False):
    """The book can no longer be vouched for (gap, malformed frame, failed snapshot)."""

    symbol: str
    reason: str


class PublicTrade(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A trade on the public tape. Fields: aggressor: side of the taker; venue_ms: the venue's time of it, the
    same for all prints of one market order; 0 where it tells none.
    """

    symbol: str
    trade_id: int
    price_ticks: int
    size_atoms: int
    aggressor: Side
    venue_ms: int = 0


class OrderAcked(Event, frozen=True, kw_only=True, gc=False):
    """The venue accepted an order. Fields: as the venue states them; price and size are checked by us."""

    cid: str
    venue_order_id: str
    price_ticks: int
    size_lots: int
    source: Source


class AckMismatch(Event, frozen=True, kw_only=True, gc=False):
    """The venue acknowledged something else than was asked (type, self-trade mode, price, size)."""

    cid: str
    detail: str


class OrderRejected(Event, frozen=True, kw_only=True, gc=False):
    """The venue refused an order with proof, or it provably never left.

    Fields: code: venue's code, 0 when it never left; reason: redacted text; crossed: it was post-only and
    would have taken; funds: the balance did not suffice.
    """

    cid: str
    code: int
    reason: str
    crossed: bool = False
    funds: bool = False


class PlaceUnknown(Event, frozen=True, kw_only=True, gc=False):
    """The outcome of a placement is unknown. Fields: duplicate: the venue says that the id is in use."""

    cid: str
    cause: str
    duplicate: bool = False


class OrderCanceled(Event, frozen=True, kw_only=True, gc=False):
    """The venue confirms a cancellation. Fields: cum_lots: filled before, as it says (-1: not said)."""

    cid: str
    cum_lots: int
    source: Source


class OrderExpired(Event, frozen=True, kw_only=True, gc=False):
    """The venue ended an order by itself. Fields: prevented: by self-trade prevention, an incident."""

    cid: str
    cum_lots: int
    prevented: bool
    source: Source


class CancelRejected(Event, frozen=True, kw_only=True, gc=False):
    """The venue knows no such open order: filled, ended, or never there. No proof of absence of fills."""

    cid: str
    code: int


class CancelUnknown(Event, frozen=True, kw_only=True, gc=False):
    """The outcome of a cancellation is unknown. Fields: sent: False if it provably never left."""

    cid: str
    cause: str
    sent: bool = True


class OrderFilled(Event, frozen=True, kw_only=True, gc=False):
    """One execution of an own order.

    Fields: trade_id: the venue's, unique per symbol; fee_atoms: in fee_asset, negative for a rebate;
    maker: whether we were the resting side.
    """

    symbol: str
    cid: str
    trade_id: int
    side: Side
    price_ticks: int
    size_lots: int
    fee_atoms: int
    fee_asset: str
    maker: bool
    source: Source


class OrderSeen(Event, frozen=True, kw_only=True, gc=False):
    """Answer to a query by client id: the venue knows the order and says what became of it.

    Fields: open: still on the book; cum_lots: filled; rejected: the venue refused it and nothing filled.
    """

    cid: str
    venue_order_id: str
    open: bool
    cum_lots: int
    rejected: bool = False


class OrderNotFound(Event, frozen=True, kw_only=True, gc=False):
    """Answer to a query by client id: the venue does not know it (yet). Alone no proof of anything."""

    cid: str


class ListedOrder(msgspec.Struct, frozen=True, gc=False):
    """One open order of the account. Fields: cid: client id as the venue has it, ours or foreign."""

    cid: str
    venue_order_id: str
    side: Side
    price_ticks: int
    size_lots: int
    cum_lots: int


class OrdersListed(Event, frozen=True, kw_only=True, gc=False):
    """All open orders of the account on a symbol. Fields: asked_ns: local time when it was asked."""

    symbol: str
    asked_ns: int
    orders: tuple[ListedOrder, ...]


class FillsListed(Event, frozen=True, kw_only=True, gc=False):
    """The account's fills of a symbol from `from_trade_id` on; own ones were reported before this event.

    Fields: asked_ns: local time when it was asked; next_trade_id: where the next page starts; complete:
    no further page.
    """

    symbol: str
    asked_ns: int
    next_trade_id: int
    complete: bool


class BalancesListed(Event, frozen=True, kw_only=True, gc=False):
    """All balances that matter, whole. Fields: entries of (asset, free atoms, locked atoms)."""

    asked_ns: int
    balances: tuple[tuple[str, int, int], ...]


class BalanceChanged(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One asset's balance as pushed by the venue, in atoms.

    Fields: funding_atoms: received (> 0) or paid (< 0) at a funding time, 0: it is about none. A simulated
    venue settles that beside the balances, which only back orders: free_atoms does not hold it. session: on
    whose position it was paid, "" if it is about none.
    """

    asset: str
    free_atoms: int
    locked_atoms: int
    funding_atoms: int = 0
    session: str = ""


class RequestFailed(Event, frozen=True, kw_only=True, gc=False):
    """A request that reads (query, list, snapshot) brought no answer. Fields: what: the command's name."""

    what: str
    subject: str
    reason: str


class Throttled(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The venue limits us. Fields: until_ns: local time; banned: nothing at all may be sent before that.

    venue: as in `StreamUp`.
    """

    until_ns: int
    banned: bool
    venue: str = ""


class RateUsed(Event, frozen=True, kw_only=True, gc=False):
    """The venue's own count. Fields: weight: used of the minute, -1 unknown; orders: of 10 s, -1 unknown."""

    weight: int
    orders: int


class ClockMeasured(Event, frozen=True, kw_only=True, gc=False):
    """Offset of the venue's clock. Fields: offset_ns: venue minus local; round_trip_ns: of the request."""

    offset_ns: int
    round_trip_ns: int


class ClockDoubted(Event, frozen=True, kw_only=True, gc=False):
    """The venue refused a request for its time: what was measured of its clock does not hold any more."""


class AccessDenied(Event, frozen=True, kw_only=True, gc=False):
    """The venue refuses the key (revoked, expired, address not allowed): trading has to end."""

    code: int
    reason: str


class Operation(StrEnum):
    """What an operator can ask for."""

    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    HALT = "halt"
    UNHALT = "unhalt"


class OperatorAsked(Event, frozen=True, kw_only=True, gc=False):
    """An operator's request. Fields: session: its name, "" for all; who: where the request came from."""

    operation: Operation
    session: str
    reason: str
    who: str


class ConfigApplied(Event, frozen=True, kw_only=True, gc=False):
    """A change of the config takes effect. What it brings is handed to the engine before the event.

    Fields: revision: its number in the data directory, where its text is kept; digest: SHA-256 of that text,
    hex; who: asked for it.
    """

    revision: int
    digest: str
    who: str


MarketEvent: TypeAlias = BookSnapshot | BookDelta | TopOfBook | BookLost | PublicTrade
OrderEvent: TypeAlias = (
    OrderAcked
    | AckMismatch
    | OrderRejected
    | PlaceUnknown
    | OrderCanceled
    | OrderExpired
    | CancelRejected
    | CancelUnknown
    | OrderFilled
    | OrderSeen
    | OrderNotFound
)
AccountEvent: TypeAlias = (
    OrdersListed
    | FillsListed
    | BalancesListed
    | BalanceChanged
    | RequestFailed
    | Throttled
    | RateUsed
    | ClockMeasured
    | ClockDoubted
    | AccessDenied
)
AnyEvent: TypeAlias = (
    Advanced | StreamUp | StreamDown | MarketEvent | OrderEvent | AccountEvent | OperatorAsked | ConfigApplied
)
"""The closed union that the engine matches over and the journal encodes."""
