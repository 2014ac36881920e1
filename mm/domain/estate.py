"""What one life of the daemon leaves to the next: positions, live orders, and which fills are in them.

Plain frozen data, written into the journal from time to time and made again from what it holds after that.
Invariant: an order that is not proven dead is in `orders`, and a fill that `positions` contain is known by
its trade id or lies below the symbol's `floor`.
"""

from typing import Self

import msgspec

from mm.domain.orders import OrderState, Trigger
from mm.domain.sides import Side


class PositionEstate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The position of one session, as in `mm.domain.position`, and its targets.

    Fields: session, symbol: names. index: of the session in that life, as its order ids say it. target_lots:
    holding at which the inventory is 0, -1 if it was never known. stock_taken: the holdings were counted, so
    that `start_lots` holds. peak_atoms: highest P&L. paused: an operator's reason, "" if none. memory: what
    its strategy remembered, as msgpack; empty for nothing, or for what cannot be written. The rest as there.
    """

    session: str
    symbol: str
    index: int
    target_lots: int
    stock_taken: bool
    peak_atoms: int
    paused: str
    start_lots: int = 0
    net_lots: int = 0
    bought_lots: int = 0
    sold_lots: int = 0
    fills: int = 0
    mid_half_ticks: int = 0
    cash_half: int = 0
    cost_half: int = 0
    turnover_half: int = 0
    spread_half: int = 0
    revaluation_half: int = 0
    fees_atoms: tuple[tuple[str, int], ...] = ()
    other_fees_quote_atoms: int = 0
    memory: bytes = b""


class OrderEstate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An order that was not proven dead. Fields: as in `mm.domain.orders.Order`; session: its name.

    `level` is a guess (0) for orders that are known from the journal's commands alone: these do not say it.
    """

    cid: str
    session: str
    symbol: str
    side: Side
    price_ticks: int
    size_lots: int
    level: int
    reduces: bool
    placed_ns: int
    state: OrderState
    cum_lots: int
    revealed_lots: int
    venue_order_id: str
    ends_as: Trigger | None = None
    accepted: bool = False


class SymbolEstate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Which fills of a symbol are in the positions.

    Fields: floor: every fill below this trade id is in them, or was nobody's; listings begin there. -1: no
    listing of fills was ever complete; then nothing was ever placed either. trades: those from the floor on
    that are in them too, by trade id and side.
    """

    symbol: str
    floor: int
    trades: tuple[tuple[int, Side], ...]


class SignalEstate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one signal knows.

    Fields: symbol: of its market; spec: what it estimates, as `spec_text` says it; ts_ns: when it last heard
    of that market. numbers: as the signal's `state` said them.
    """

    symbol: str
    spec: str
    ts_ns: int
    numbers: tuple[int | float, ...]


class Estate(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Everything that a life leaves.

    Fields: epoch, ts_ns: whose, and when. sequence: of its last order. equity_start_atoms: of the account at
    that life's first complete look, 0 if it had none. holdings: of each asset in atoms, as the ledger expects
    it to be at the venue; empty before it was ever known. retired: positions of sessions that the config does
    not have any more; nothing trades on them, nothing forgets them. signals: what they had learnt; of some
    of them it may be of a life before. placed: the account's placements of the minute before, as (ns, how
    many), oldest first. elsewhere: the last spans of epochs, first and last, oldest first, that were skipped
    from one life to the one that took it over: what bears one of them was a process elsewhere.
    """

    epoch: int
    ts_ns: int
    sequence: int
    equity_start_atoms: int
    positions: tuple[PositionEstate, ...]
    orders: tuple[OrderEstate, ...]
    symbols: tuple[SymbolEstate, ...]
    holdings: tuple[tuple[str, int], ...] = ()
    retired: tuple[PositionEstate, ...] = ()
    signals: tuple[SignalEstate, ...] = ()
    placed: tuple[tuple[int, int], ...] = ()
    elsewhere: tuple[tuple[int, int], ...] = ()

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        """Return this very estate: it is frozen all the way down."""
        return self
