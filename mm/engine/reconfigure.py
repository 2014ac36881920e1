"""A change of the config between two events: new setups take the place of the old ones, limits hold at once.

Position, orders, target, signals and what was said stay. An order that a new limit would not let through any
more is cancelled in this very step, however young it is; everything else follows from the decision that each
session takes in the same step. Invariant: what a session trades, and on what, never changes here.
"""

from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from typing import Final

from mm.domain.commands import Place, TimeInForce
from mm.domain.events import ConfigApplied
from mm.domain.instrument import Instrument
from mm.domain.orders import Order, OrderState
from mm.domain.sides import BUY
from mm.engine import send
from mm.engine.halt import halt
from mm.engine.market import Market
from mm.engine.risk_view import risk_view
from mm.engine.session import Session, SessionState
from mm.engine.setup import NewSetup, SessionSetup
from mm.engine.state import EngineState
from mm.engine.watch_links import link
from mm.engine.watching import needs_of_watchers
from mm.risk.base import Refusal, RiskView, Rule
from mm.signals.base import SignalSpec

JUDGED: Final = (SessionState.ACTIVE, SessionState.PAUSED)
"""States in which a session may have orders that nobody is taking away yet."""


def reconfigure(state: EngineState, event: ConfigApplied, new: NewSetup) -> None:
    """Put `new` in force; every session decides in this step."""
    before = state.setup
    on_external = before.on_external if new.on_external is None else new.on_external
    state.setup = replace(before, sessions=new.sessions, deadlines=new.deadlines, on_external=on_external)
    state.revision = event.revision
    state.report("config.applied", "", revision=event.revision, digest=event.digest, who=event.who)
    for session, setup in zip(state.sessions, new.sessions, strict=True):
        known = session.setup
        assert (setup.name, setup.instrument) == (known.name, known.instrument), "that takes a restart"
        session.adopt(setup)
        session.denied.clear()
        session.dirty = True
    link(state.sessions, state.books)
    for name, market in state.books.items():
        market.keep_signals([*_needs(state, market), *needs_of_watchers(state, market)])
        if state.timers.is_set(("stale", name)):
            state.timers.set(("stale", name), market.heard_ns + new.deadlines.stale + 1)
    for session, known in zip(state.sessions, before.sessions, strict=True):
        if session.state in JUDGED:
            _judge_all(state, session, known)


def _needs(state: EngineState, market: Market) -> Iterator[SignalSpec]:
    for session in state.sessions:
        if session.market is market:
            yield from session.setup.strategy.needs


def _judge_all(state: EngineState, session: Session, before: SessionSetup) -> None:
    # Only by what changed: an order is not taken away because a balance comes late or the minute's placements
    # are used up.
    session.judges = _changed(session, before)
    session.unjudged = [order.cid for order in state.own(session).live] if session.judges else []
    try:
        judge(state, session)
    except Exception as error:  # noqa: BLE001 - fail closed: a broken rule ends trading
        name, kind = session.name, type(error).__name__
        halt(state, "decision.failed", session=name, error=kind, detail=str(error))


def judge(state: EngineState, session: Session) -> None:
    """Cancel the orders from before a change that it does not let through, nearest first, each judged as if
    it were placed now on top of those that stay.

    One that the venue has yet to answer for is judged once it has: a cancel could overtake it. One that is to
    go is not forgotten before it is gone: its cancel may be held back, or refused.
    """
    orders = [order for order in state.own(session).live if order.cid in session.unjudged]
    if not any(order.state is OrderState.WORKING for order in orders):
        session.unjudged = [order.cid for order in orders]
        return
    orders.sort(key=lambda order: order.level)
    view = _without(risk_view(state, session), orders)
    left = []
    for order in orders:
        place = _placed_again(order)
        is_open = order.state is OrderState.WORKING
        refusal = _refusal(session.judges, place, view) if is_open else None
        if refusal is None:
            send.reserve(view, place)
            view.placed_minute = 0
        elif send.cancel(state, order):
            state.report("order.over_limit", session.name, cid=order.cid, rule=refusal.code)
        if refusal is not None or not is_open:
            left.append(order.cid)
    session.unjudged = left


def _changed(session: Session, before: SessionSetup) -> tuple[Rule, ...]:
    # The band is no rule's own: whoever judges by it sees it in the view. What orders are still to be judged
    # by since an earlier change, they are to be judged by as it is now.
    setup = session.setup
    if (setup.band_lots_max, setup.band_ratio_ppm) != (before.band_lots_max, before.band_ratio_ppm):
        return session.admitters
    due = [type(rule) for rule in session.judges] if session.unjudged else []
    return tuple(rule for rule in session.admitters if rule not in before.rules or type(rule) in due)


def _without(view: RiskView, orders: list[Order]) -> RiskView:
    # The view as it would be if none of these were there, and nothing had been placed lately.
    bare, instrument = copy(view), view.instrument
    bare.placed_minute = 0  # none of them is a placement of this minute
    bare.own_bid_max_ticks = bare.own_ask_min_ticks = 0
    for order in orders:
        bare.open_orders -= 1
        if order.side is BUY:
            bare.buy_open_lots -= order.left_lots
            bare.quote_spendable_atoms += _value_atoms(order, instrument)
        else:
            bare.sell_open_lots -= order.left_lots
            bare.base_spendable_atoms += order.left_lots * instrument.lot_atoms
    return bare


def _value_atoms(order: Order, instrument: Instrument) -> int:
    return order.price_ticks * order.left_lots * instrument.tick_lot_atoms


def _placed_again(order: Order) -> Place:
    return Place(
        cid=order.cid,
        symbol=order.symbol,
        side=order.side,
        price_ticks=order.price_ticks,
        size_lots=order.left_lots,
        post_only=not order.reduces,
        time_in_force=TimeInForce.GTC,
        reduces=order.reduces,
        market_seq=0,
        market_age_ns=0,
    )


def _refusal(judges: tuple[Rule, ...], place: Place, view: RiskView) -> Refusal | None:
    for rule in judges:
        refusal = rule.admit(place, view)
        if refusal is not None:
            return refusal
    return None
