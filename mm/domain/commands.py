"""Everything that the engine asks of the outside, as frozen structs. This is the only way out of the core.

Commands to the venue are fire and forget: their outcome comes back as events. `Report` goes to observers
alone. A command is written down before it is carried out.
"""

from enum import StrEnum
from typing import TypeAlias

import msgspec

from mm.domain.events import Stream
from mm.domain.sides import Side


class TimeInForce(StrEnum):
    """How long an order lives: until cancelled, or only for what it can take at once."""

    GTC = "gtc"
    IOC = "ioc"


class Command(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Root of all commands."""


class Place(Command, frozen=True, kw_only=True, gc=False):
    """Place an order. Fields: post_only: must rest; reduces: it only takes an open position back.

    `market_seq` and `market_age_ns` are the book that the decision was based on.
    """

    cid: str
    symbol: str
    side: Side
    price_ticks: int
    size_lots: int
    post_only: bool
    time_in_force: TimeInForce
    reduces: bool
    market_seq: int
    market_age_ns: int


class Cancel(Command, frozen=True, kw_only=True, gc=False):
    """Cancel an order by our id. Fields: foreign lives have a cid that this life did not make."""

    cid: str
    symbol: str


class Query(Command, frozen=True, kw_only=True, gc=False):
    """Ask the venue what became of an order, by our id."""

    cid: str
    symbol: str


class ListOrders(Command, frozen=True, kw_only=True, gc=False):
    """Ask for all open orders of the account on a symbol."""

    symbol: str


class ListFills(Command, frozen=True, kw_only=True, gc=False):
    """Ask for the account's fills on a symbol from a trade id (inclusive); -1 asks for the latest page."""

    symbol: str
    from_trade_id: int


class ListBalances(Command, frozen=True, kw_only=True, gc=False):
    """Ask for all balances."""


class Connect(Command, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Connect (again) a stream; a connection of that kind that is open is dropped first.

    Fields: venue: the name in the config of one whose markets are only watched, "" for the one traded on.
    """

    stream: Stream
    venue: str = ""


class SyncBook(Command, frozen=True, kw_only=True, gc=False):
    """Fetch a snapshot of the book and join it with the stream."""

    symbol: str


class MeasureClock(Command, frozen=True, kw_only=True, gc=False):
    """Measure the offset of the venue's clock."""


class Report(Command, frozen=True, kw_only=True, gc=False):
    """A fact for observers: denials, incidents, changes of state. Never sent to the venue.

    Fields: ts_ns: the core's time; code: stable dotted name ("order.denied", "halt", ...); session: its
    name, "" for the account; facts: key and value pairs.
    """

    ts_ns: int
    code: str
    session: str
    facts: tuple[tuple[str, str], ...]


VenueCommand: TypeAlias = (
    Place | Cancel | Query | ListOrders | ListFills | ListBalances | Connect | SyncBook | MeasureClock
)
AnyCommand: TypeAlias = VenueCommand | Report
"""The closed union that runtimes route and the journal encodes."""
