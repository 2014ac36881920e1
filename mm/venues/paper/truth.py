"""What really happened on paper, for whoever judges the run: plain data that nothing else depends on.

The names are those of the exchange's truth door, so that one judge reads both. Integers throughout: ticks,
lots, atoms, nanoseconds.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PaperStep:
    """One event in the life of an order. Fields: status as on the wire ("PARTIALLY_FILLED")."""

    ts_ns: int
    status: str
    filled_lots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperOrder:
    """One order as the venue holds it. Fields: side "BUY" or "SELL"; time_in_force "GTC" or "IOC"."""

    order_id: int
    client_id: str
    side: str
    price_ticks: int
    size_lots: int
    time_in_force: str
    history: tuple[PaperStep, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperTrade:
    """One trade of ours with the owners of both sides."""

    trade_id: int
    ts_ns: int
    price_ticks: int
    size_lots: int
    maker_owner: str
    taker_owner: str


@dataclass(frozen=True, slots=True)
class PaperBalance:
    """What is held of an asset, atoms."""

    free_atoms: int
    locked_atoms: int


@dataclass(frozen=True, slots=True)
class PaperCounters:
    """Totals since the start; never bounded. Fields: first_fill_ns: None before the first."""

    orders_placed: int
    orders_cancelled: int
    fills: int
    self_trades: int
    first_fill_ns: int | None
    open_orders: int


@dataclass(frozen=True, slots=True)
class PaperSymbol:
    """What is traded. Fields: symbol: its unified name."""

    symbol: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperTruth:
    """One symbol. Fields: client: our account on the tape; balances: of the whole account, by asset."""

    client: str
    instrument: PaperSymbol
    counters: PaperCounters
    balances_at_start: dict[str, PaperBalance]
    balances: dict[str, PaperBalance]
    orders: tuple[PaperOrder, ...]
    tape: tuple[PaperTrade, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueEstimate:
    """Where an open order stands. Fields: ahead_atoms: estimated to trade before it, base atoms."""

    cid: str
    symbol: str
    side: str
    price_ticks: int
    size_lots: int
    filled_lots: int
    ahead_atoms: int
