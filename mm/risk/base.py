"""What a risk rule is, and all that it may look at.

A rule may do three things. `shape` narrows the desired quotes (smaller, fewer; never more, never nearer) and
returns the very same object when it changes nothing. `admit` judges one placement against the worst case:
everything that is not proven dead counts as if it filled. `watch` raises alarms. Cancels are never judged.
Rules are order-independent in `admit`; in `shape` their order is meaning (`rules.py`). They hold limits as
integers and nothing else; what they look at is in `RiskView`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Self, TypeAlias

from mm.domain.book import BookStatus
from mm.domain.commands import Place
from mm.domain.instrument import Instrument
from mm.domain.quotes import Quotes

AnyQuotes: TypeAlias = Quotes[object]
"""Quotes of any strategy: rules never look into the memory."""


class Refusal(NamedTuple):
    """Why a placement is denied. Fields: code: stable, one per rule and cause; facts: key and value pairs."""

    code: str
    facts: tuple[tuple[str, str], ...] = ()


class AlarmAction(StrEnum):
    """What has to happen; later ones contain earlier ones."""

    PAUSE = "pause"
    REDUCE = "reduce"
    HALT = "halt"
    FLATTEN = "flatten"

    @property
    def gravity(self) -> int:
        """Place in the order of gravity, from 0."""
        return tuple(AlarmAction).index(self)


class Alarm(NamedTuple):
    """A limit that is broken. PAUSE: no quotes while it lasts; REDUCE: only reducing quotes while it lasts;

    HALT: cancel everything, latch; FLATTEN: as HALT, after leaving the open position within the slippage
    bound.
    """

    action: AlarmAction
    code: str
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True, kw_only=True)
class RiskView:
    """What rules see: one session, and the account around it. The engine fills it before each decision and
    keeps it current while commands of that decision are admitted.

    Fields:
        ts_ns: the core's time. session: name. instrument: grid and filters.
        bid_ticks, ask_ticks, mid_half_ticks: book with own size taken out; 0 where a side is empty.
        reference_half_ticks: what prices are judged by (30 s median of the own mid), 0 while unknown.
        book_status, book_age_ns, book_crossed_ns: health; crossed: for how long, 0 if not.
        user_stream_up: whether own-order events are flowing.
        inventory_lots: signed, relative to the target. inventory_max_lots: hard band in force now.
        net_lots: what own fills moved, signed (exits may not take it past 0).
        buy_open_lots, sell_open_lots: of this session's orders not proven dead.
        open_orders: of the account on this symbol, not proven dead.
        own_bid_max_ticks, own_ask_min_ticks: of the account's orders on this symbol not proven dead; 0 none.
        base_spendable_atoms, quote_spendable_atoms: holdings less what own live orders reserve.
        placed_minute: placements in the last 60 s, account.
        others_worst_atoms: worst-case position value of the account's other sessions, quote atoms;
            others_unpriced: one of them has something at stake and no price yet: then it is more.
        session_pnl_atoms, session_peak_atoms, open_pnl_atoms: P&L of the session after fees, its peak, and
            of the open position; quote atoms.
        account_pnl_atoms: sum over sessions. equity_start_atoms: of the account at the start, > 0 if known.
        equity_atoms: of the account now, quote atoms.
        fills_minute, filled_minute_atoms: own fills of the session in the last minute, and what they bought
            less what they sold, quote atoms.
    """

    ts_ns: int
    session: str
    instrument: Instrument
    bid_ticks: int
    ask_ticks: int
    mid_half_ticks: int
    reference_half_ticks: int
    book_status: BookStatus
    book_age_ns: int
    book_crossed_ns: int
    user_stream_up: bool
    inventory_lots: int
    inventory_max_lots: int
    net_lots: int
    buy_open_lots: int
    sell_open_lots: int
    open_orders: int
    own_bid_max_ticks: int
    own_ask_min_ticks: int
    base_spendable_atoms: int
    quote_spendable_atoms: int
    placed_minute: int
    others_worst_atoms: int
    session_pnl_atoms: int
    session_peak_atoms: int
    open_pnl_atoms: int
    account_pnl_atoms: int
    equity_start_atoms: int
    equity_atoms: int
    fills_minute: int = 0
    filled_minute_atoms: int = 0
    others_unpriced: bool = False

    @classmethod
    def empty(cls, session: str, instrument: Instrument) -> Self:
        """Return a view of nothing: no book, no stream, no holdings."""
        return cls(
            ts_ns=0,
            session=session,
            instrument=instrument,
            bid_ticks=0,
            ask_ticks=0,
            mid_half_ticks=0,
            reference_half_ticks=0,
            book_status=BookStatus.EMPTY,
            book_age_ns=0,
            book_crossed_ns=0,
            user_stream_up=False,
            inventory_lots=0,
            inventory_max_lots=0,
            net_lots=0,
            buy_open_lots=0,
            sell_open_lots=0,
            open_orders=0,
            own_bid_max_ticks=0,
            own_ask_min_ticks=0,
            base_spendable_atoms=0,
            quote_spendable_atoms=0,
            placed_minute=0,
            others_worst_atoms=0,
            session_pnl_atoms=0,
            session_peak_atoms=0,
            open_pnl_atoms=0,
            account_pnl_atoms=0,
            equity_start_atoms=0,
            equity_atoms=0,
        )


class Rule:
    """One hard limit. Subclasses override what they need; the engine calls only what is overridden.

    A rule is its limits: two of one class with the same ones are equal.
    """

    def __eq__(self, other: object) -> bool:
        """Return whether `other` is a rule of the same class with the same limits."""
        return type(self) is type(other) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]  # compared, never looked up

    def shape(self, quotes: AnyQuotes, view: RiskView) -> AnyQuotes:  # noqa: ARG002 - looks at nothing
        """Return `quotes` narrowed, the same object if unchanged."""
        return quotes

    def admit(self, place: Place, view: RiskView) -> Refusal | None:  # noqa: ARG002 - looks at nothing
        """Return why `place` is denied, or None. The result may not depend on other rules."""
        return None

    def watch(self, view: RiskView) -> Alarm | None:  # noqa: ARG002 - looks at nothing
        """Return the alarm that holds now, or None."""
        return None
