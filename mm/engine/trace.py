"""What a decision went through, written down while it is taken, for whoever asks why.

A decision tells its trace each gate as it passes it and never asks it anything: it is the same with and
without, and none is there while nobody asks. Invariant: nothing that is kept changes afterwards, whatever the
engine goes on to do.
"""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field
from typing import NamedTuple

from mm.domain.book import BookStatus
from mm.domain.commands import AnyCommand, Cancel, Place
from mm.domain.orders import Order, OrderState
from mm.domain.sides import Side
from mm.domain.view import View
from mm.engine.budget import Budget
from mm.engine.differ import Diff
from mm.engine.quantise import NOTHING, Touch, Wanted
from mm.engine.session import Session, SessionState
from mm.engine.setup import SessionSetup
from mm.risk.base import Alarm, AnyQuotes, Refusal, RiskView, Rule

Facts = tuple[tuple[str, str], ...]
"""Key and value pairs, as refusals and reports carry them."""


class LiveOrder(NamedTuple):
    """An order as it was before the decision. Fields: as of `Order`."""

    cid: str
    side: Side
    level: int
    state: OrderState
    price_ticks: int
    left_lots: int
    placed_ns: int


class Seen(NamedTuple):
    """The market as it was. Fields: as of `Market` and its book; 0 where a side is empty."""

    status: BookStatus
    seq: int
    bid_ticks: int
    ask_ticks: int
    mid_half_ticks: int
    heard_ns: int


class Shaped(NamedTuple):
    """What one gate made of the quotes. Fields: rule: None where an alarm left only what reduces."""

    rule: Rule | None
    before: AnyQuotes
    after: AnyQuotes


class Asked(NamedTuple):
    """A placement and its verdict. Fields: view: what it was judged by; refusal: None if it was sent;
    budget: what was spent, where that refused.
    """

    place: Place
    level: int
    view: RiskView
    refusal: Refusal | None
    budget: Facts


@dataclass(slots=True, kw_only=True)
class Chain:
    """One decision, gate by gate, as far as it came.

    Fields:
        ts_ns: the core's time. setup: of the session then, with its rules. state, reason: of the session
        before; said: its reason afterwards, ended: its state.
        market: what was seen. live: own orders, before the differ's changes if it came so far (compared),
        else at the end. risk: what the rules saw, None if they did not look. alarm: the gravest.
        view, wanted: what the strategy saw and wanted, None if it was not asked. error: what was raised.
        shaped: every gate that changed that, in order. touch, final: of the last narrowing.
        causes: of the differ, by id of the orders that have to go.
        held_ns: until when placements were held back, 0 if they were not. asked: the placements.
        commands: exactly what the decision sent.
    """

    ts_ns: int
    setup: SessionSetup
    state: SessionState
    reason: str
    market: Seen
    ended: SessionState = SessionState.PENDING
    said: str = ""
    live: tuple[LiveOrder, ...] = ()
    risk: RiskView | None = None
    alarm: Alarm | None = None
    error: str = ""
    view: View[object] | None = None
    wanted: AnyQuotes | None = None
    shaped: list[Shaped] = field(default_factory=list)
    touch: Touch | None = None
    final: Wanted = NOTHING
    compared: bool = False
    causes: dict[str, str] = field(default_factory=dict)
    held_ns: int = 0
    asked: list[Asked] = field(default_factory=list)
    commands: tuple[AnyCommand, ...] = ()

    @property
    def cancelled(self) -> tuple[str, ...]:
        """The ids of the orders that it cancelled."""
        return tuple(command.cid for command in self.commands if isinstance(command, Cancel))


class Trace:
    """Hears every gate of every decision, in order, and keeps the newest decision of each session.

    Fields: chains: by name of the session.
    """

    def __init__(self, keeps: Callable[[Chain], bool] = lambda _: True) -> None:
        """Keep every decision. Args: keeps: whether one that was just taken takes the place of the last."""
        self.chains: dict[str, Chain] = {}
        self._keeps = keeps
        self._chain: Chain | None = None
        self._out: list[AnyCommand] = []
        self._before = 0
        self._budget: Budget | None = None

    def begins(self, session: Session, now_ns: int, out: list[AnyCommand], budget: Budget) -> None:
        """Begin a chain."""
        market = session.market
        book = market.book
        self._chain = Chain(
            ts_ns=now_ns,
            setup=session.setup,
            state=session.state,
            reason=session.reason,
            market=Seen(
                book.status,
                book.seq,
                market.bid_ticks,
                market.ask_ticks,
                market.mid_half_ticks,
                market.heard_ns,
            ),
        )
        self._out, self._before, self._budget = out, len(out), budget

    def watched(self, view: RiskView, alarm: Alarm | None) -> None:
        """Keep what the rules saw and said."""
        chain = self._now()
        chain.risk, chain.alarm = copy(view), alarm

    def wanted(self, view: View[object], quotes: AnyQuotes) -> None:
        """Keep both."""
        chain = self._now()
        chain.view, chain.wanted = view, quotes

    def shaped(self, rule: Rule | None, before: AnyQuotes, after: AnyQuotes) -> None:
        """Keep the change."""
        self._now().shaped.append(Shaped(rule, before, after))

    def quantised(self, touch: Touch, wanted: Wanted) -> None:
        """Keep what may be sent."""
        chain = self._now()
        chain.touch, chain.final = touch, wanted

    def compared(self, live: list[Order], changes: Diff) -> None:
        """Keep own orders as they are before anything of this is sent, and which of them have to go."""
        chain = self._now()
        chain.live, chain.compared = tuple([_as_it_is(order) for order in live]), True
        chain.causes = {
            order.cid: cause for order, cause in zip(changes.cancels, changes.causes, strict=True)
        }

    def held(self, until_ns: int) -> None:
        """Keep until when."""
        self._now().held_ns = until_ns

    def judged(self, place: Place, level: int, view: RiskView, refusal: Refusal | None) -> None:
        """Keep a placement with all that it was judged by; an exit is no decision's."""
        chain, budget = self._chain, self._budget
        if chain is None or budget is None:
            return
        spent = budget.spent(chain.ts_ns) if refusal is not None and refusal.code == "budget" else ()
        chain.asked.append(Asked(place, level, copy(view), refusal, spent))

    def failed(self, error: Exception) -> None:
        """Keep what a strategy or a rule raised; outside of a decision it is no decision's."""
        if self._chain is not None:
            self._chain.error = f"{type(error).__name__}: {error}"

    def ends(self, session: Session, live: list[Order]) -> None:
        """Keep the chain if it is wanted. Args: live: own orders, if they were not told before."""
        chain = self._now()
        if not chain.compared:
            chain.live = tuple([_as_it_is(order) for order in live])
        chain.commands = tuple(self._out[self._before :])
        chain.said, chain.ended = session.reason, session.state
        self._chain = None
        if self._keeps(chain):
            self.chains[session.name] = chain

    def _now(self) -> Chain:
        assert self._chain is not None, "a gate is passed within a decision"
        return self._chain


def _as_it_is(order: Order) -> LiveOrder:
    return LiveOrder(
        order.cid,
        order.side,
        order.level,
        order.state,
        order.price_ticks,
        order.left_lots,
        order.placed_ns,
    )
