"""Planted mistakes about single orders, their exposure and their fills."""

from dataclasses import replace
from typing import Any, Final

import pytest

from mm.domain import order_table, orders
from mm.domain.book import Book
from mm.domain.events import OrderFilled
from mm.domain.orders import Order, OrderState, Trigger
from mm.domain.sides import Side
from mm.engine import budget, decide, differ, fills, halt, order_events, risk_view, send, sweep
from mm.engine.session import Session, SessionState
from mm.engine.state import EngineState
from mm.risk import book_health
from mm.risk.base import RiskView
from mm.runtime.simulate.faults import NONE
from mm.runtime.simulate.ladder import Ladder
from tests.builders.planted_bugs import LIES, LOSSES, RACES, SLOW, Bug


def _timeout_is_failure(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(orders.TABLE, (OrderState.SENT, Trigger.LOST), OrderState.REJECTED)


def _late_fill_is_dropped(patch: pytest.MonkeyPatch) -> None:
    real = fills.on_fill

    def on_fill(state: EngineState, event: OrderFilled) -> None:
        order = state.orders.get(event.cid)
        if order is None or order.is_live:
            real(state, event)

    patch.setattr(order_events, "on_fill", on_fill)


def _racing_fill_is_dropped(patch: pytest.MonkeyPatch) -> None:
    real = fills.on_fill

    def on_fill(state: EngineState, event: OrderFilled) -> None:
        order = state.orders.get(event.cid)
        if order is None or order.state not in (OrderState.CANCEL_SENT, OrderState.UNKNOWN_CANCEL):
            real(state, event)

    patch.setattr(order_events, "on_fill", on_fill)


def _duplicate_counts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(order_table.OrderTable, "knows_trade", lambda *_: False)


def _only_working_is_exposure(patch: pytest.MonkeyPatch) -> None:
    def open_lots(self: order_table.OrderTable, session: int, side: Side) -> int:
        return sum(
            order.left_lots
            for order in self.live.values()
            if (order.session, order.side, order.state) == (session, side, OrderState.WORKING)
        )

    patch.setattr(order_table.OrderTable, "open_lots", open_lots)


def _book_is_always_fresh(patch: pytest.MonkeyPatch) -> None:
    real = risk_view.risk_view

    def fresh(state: EngineState, session: Session) -> RiskView:
        view = real(state, session)
        view.book_age_ns = 0
        return view

    patch.setattr(decide, "risk_view", fresh)


def _cancels_share_the_budget(patch: pytest.MonkeyPatch) -> None:
    def take_cancel(self: budget.Budget, now_ns: int) -> bool:
        return self.take(now_ns, 1)

    patch.setattr(budget.Budget, "take_cancel", take_cancel)


def _ban_is_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(budget.Budget, "take_cancel", lambda *_: True)


def _halt_does_not_list(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(halt, "_is_clean", lambda state, session: not halt.clear(state, session))


def _unknown_frees_its_level(patch: pytest.MonkeyPatch) -> None:
    real = differ.diff

    def diff(wanted: Any, ladders: differ.Ladders, now_ns: int) -> Any:
        live = (*ladders.buys.values(), *ladders.sells.values())
        known = [order for order in live if order.state is not OrderState.UNKNOWN]
        return real(wanted, differ.by_level(known), now_ns)

    patch.setattr(decide, "diff", diff)


def _refused_cancel_is_an_end(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(orders.TABLE, (OrderState.CANCEL_SENT, Trigger.CANCEL_REFUSED), OrderState.CANCELED)


def _cursor_follows_the_stream(patch: pytest.MonkeyPatch) -> None:
    real = fills.on_fill

    def on_fill(state: EngineState, event: OrderFilled) -> None:
        real(state, event)
        market = state.markets[event.symbol]
        market.next_trade_id = max(market.next_trade_id, event.trade_id + 1)

    patch.setattr(order_events, "on_fill", on_fill)
    # And nothing ever goes back from there.
    patch.setattr(send, "list_fills_again", lambda state, symbol, _: send.list_fills(state, symbol))


def _not_found_is_proof(patch: pytest.MonkeyPatch) -> None:
    def on_not_found(state: EngineState, order: Order) -> None:
        state.orders.fire(order, Trigger.PROVEN_DEAD, state.now_ns)

    patch.setattr(order_events, "_on_not_found", on_not_found)


def _ends_do_not_wait_for_fills(patch: pytest.MonkeyPatch) -> None:
    def end(state: EngineState, order: Order, trigger: Trigger, cum_lots: int) -> None:
        state.orders.fire(order, trigger, state.now_ns)

    patch.setattr(order_events, "end", end)


def _crossed_books_are_kept(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sweep, "lose", lambda *_: None)


def _tops_keep_a_book_alive(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Book, "lags", lambda *_: False)


def _a_life_starts_at_once(patch: pytest.MonkeyPatch) -> None:
    def activate(state: EngineState, session: Session) -> None:
        if session.market.mid_half_ticks and state.balances:
            sweep._take_stock(state, session)
            halt.set_state(state, session, SessionState.ACTIVE, "quoting starts")
            session.ready = session.dirty = True

    patch.setattr(sweep, "_activate", activate)
    patch.setattr(book_health.BookHealth, "admit", lambda *_: None)
    patch.setattr(book_health.BookHealth, "shape", lambda _, quotes, view: quotes)


def _silence_is_waited_for(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sweep, "_forget_silence", lambda *_: None)


BUGS: Final[tuple[Bug, ...]] = (
    Bug(
        name="a timeout is taken for a failure",
        plant=_timeout_is_failure,
        faults=LOSSES,
        found_as=("unproven death", "I1", "I2", "one per level"),
    ),
    Bug(
        name="a fill after the end of its order is dropped",
        plant=_late_fill_is_dropped,
        faults=LIES,
        # Or as what the engine makes of the difference then: money that was moved from outside.
        found_as=("I3", "E1"),
    ),
    Bug(
        name="a fill while its order is being cancelled is dropped",
        plant=_racing_fill_is_dropped,
        faults=RACES,
        found_as=("I1", "I3", "I5", "I13"),
    ),
    Bug(
        name="a fill that is reported twice counts twice",
        plant=_duplicate_counts,
        faults=replace(NONE, report_twice=0.5),
        found_as=("I1", "I3", "I11"),
    ),
    Bug(
        name="orders in flight are no exposure",
        plant=_only_working_is_exposure,
        faults=SLOW,
        found_as=("I1",),
    ),
    Bug(
        name="a stale book is quoted",
        plant=_book_is_always_fresh,
        faults=replace(NONE, market_silent=0.02),
        fields=(("strategy", Ladder(age_ns_max=500_000_000)),),
        found_as=("I8",),
    ),
    Bug(
        name="cancels wait for the common budget",
        plant=_cancels_share_the_budget,
        faults=replace(NONE, halt=0.02, throttle=0.05, wait_ms=30_000),
        found_as=("I7",),
    ),
    Bug(
        name="cancels are sent while banned",
        plant=_ban_is_ignored,
        faults=replace(NONE, ban=0.02),
        found_as=("I9",),
    ),
    Bug(
        name="a halt is confirmed without a listing",
        plant=_halt_does_not_list,
        fields=(("orphans", 2), ("latched", "an earlier life")),
        found_as=("I7",),
    ),
    Bug(
        name="the level of an unknown order is used again",
        plant=_unknown_frees_its_level,
        faults=LOSSES,
        found_as=("one per level",),
    ),
    Bug(
        name="a refused cancel is taken for an end",
        plant=_refused_cancel_is_an_end,
        faults=replace(SLOW, report_lost=0.2),
        found_as=("I1", "I3", "unproven death"),
    ),
    Bug(
        name="the place in the history follows the stream",
        plant=_cursor_follows_the_stream,
        faults=replace(NONE, report_lost=0.3),
        found_as=("I3", "I5", "I13"),
    ),
    Bug(
        name="not found is proof of death",
        plant=_not_found_is_proof,
        faults=replace(LOSSES, not_found_lag_ms=4_000),
        found_as=("unproven death", "one per level"),
    ),
    Bug(
        name="an end does not wait for the fills that it states",
        plant=_ends_do_not_wait_for_fills,
        faults=RACES,
        found_as=("I1", "I3"),
    ),
    Bug(
        name="a crossed book is kept for ever",
        plant=_crossed_books_are_kept,
        faults=replace(NONE, book_wrong=0.2),
        found_as=("A3",),
    ),
    Bug(
        name="news of the best prices keep a book alive",
        plant=_tops_keep_a_book_alive,
        faults=replace(NONE, depth_silent=0.02),
        found_as=("I8",),
    ),
    Bug(
        name="a life starts before it has looked around",
        plant=_a_life_starts_at_once,
        faults=replace(NONE, report_lost=0.3, jump=0.03, cancel_lost=0.9),
        fields=(("orphans", 2), ("strategy", Ladder(levels=3, half_spread_ticks=2, size_lots=20))),
        found_as=("I1", "I2", "I3"),
    ),
    Bug(
        name="a listing that is never answered is waited for",
        plant=_silence_is_waited_for,
        faults=replace(NONE, read_silent=0.5, user_down=0.02),
        found_as=("I13", "I5", "I3"),
    ),
)
"""Every planted mistake."""
