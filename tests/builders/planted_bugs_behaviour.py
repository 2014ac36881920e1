"""Planted mistakes about what has to happen: exits, pauses, recoveries that look, secrets kept."""

from dataclasses import replace
from typing import Any, Final

import pytest
from msgspec.structs import replace as replace_fields

from mm.domain.book import Book
from mm.domain.commands import VenueCommand
from mm.domain.estate import Estate
from mm.domain.events import RequestFailed
from mm.domain.ids import OrderId
from mm.domain.position import Position
from mm.domain.sides import BUY, Side
from mm.engine import account_events, exits, external, order_events, recovery, send, sweep
from mm.engine.estate import at_rest
from mm.engine.session import Session, SessionState
from mm.engine.state import EngineState
from mm.risk import slippage
from mm.runtime import takeover
from mm.runtime.simulate.faults import NONE
from mm.runtime.simulate.plan import TIGHT
from mm.runtime.simulate.wire import Wire
from tests.builders.planted_bugs import CRASHES, SECOND_NS, Bug

LIVES: Final = (("fault_ns", 40 * SECOND_NS), ("crashes", 3))
JUMPS: Final = replace(NONE, jump=0.05)


def _exits_never_leave(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sweep, "progress_exits", lambda _: None)


def _exits_say_at_once_that_they_are_done(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(exits, "_leaving_lots", lambda _: 0)


def _exits_reach_beyond_the_bound(patch: pytest.MonkeyPatch) -> None:
    real = exits._bound_ticks

    def bound_ticks(session: Session, side: Side) -> int:
        return real(session, side) * (108 if side is BUY else 92) // 100

    patch.setattr(exits, "_bound_ticks", bound_ticks)
    patch.setattr(slippage.Slippage, "admit", lambda *_: None)


def _money_from_outside_is_booked_silently(patch: pytest.MonkeyPatch) -> None:
    def book(state: EngineState, asset: str, atoms: int) -> None:
        state.ledger.others.pop(asset, 0)
        state.ledger.book(state.now_ns, asset, atoms)

    patch.setattr(external, "_book", book)


def _money_from_outside_pauses_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(external, "hold", lambda *_: None)


def _a_halt_forgets_that_a_session_was_paused(patch: pytest.MonkeyPatch) -> None:
    real = Session.enter

    def enter(session: Session, after: SessionState, reason: str) -> None:
        real(session, after, reason)
        if after is SessionState.HALTED:
            session.paused = ""

    patch.setattr(Session, "enter", enter)


def _an_orderly_end_forgets_that_a_session_was_paused(patch: pytest.MonkeyPatch) -> None:
    def forgets(estate: Estate) -> Estate:
        rest = at_rest(estate)
        return replace_fields(
            rest, positions=tuple(replace_fields(left, paused="") for left in rest.positions)
        )

    patch.setattr(takeover, "at_rest", forgets)


def _a_recovery_is_over_without_a_look(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(recovery, "_is_shown", lambda *_: True)


def _one_listing_is_enough_for_a_recovery(patch: pytest.MonkeyPatch) -> None:
    real = account_events._note_agreed

    def note_agreed(symbol: Any, event: Any, *rest: Any) -> None:
        real(symbol, event, *rest)
        symbol.agreed_ns = max(symbol.agreed_ns, event.asked_ns)

    patch.setattr(account_events, "_note_agreed", note_agreed)


class _Never:
    # Stands in for a field that is always 0.

    def __get__(self, book: object, of: type) -> int:
        return 0

    def __set__(self, book: object, value: int) -> None:
        return None


def _crossed_books_are_not_noticed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Book, "crossed_since_ns", _Never())


def _refusals_hold_nobody_back(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(order_events, "_hold_back", lambda *_: None)


def _a_failure_repeats_the_signed_request(patch: pytest.MonkeyPatch) -> None:
    def fail(self: Wire, command: VenueCommand) -> None:
        subject: str = getattr(command, "cid", getattr(command, "symbol", ""))
        reason = f"HTTP 500 on {subject}, key={self.secret.decode()}"
        what = type(command).__name__
        self.world.deliver(RequestFailed(ts_ns=0, what=what, subject=subject, reason=reason))

    patch.setattr(Wire, "_fail", fail)


def _fees_are_not_booked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Position, "pay_fee", lambda *_, **__: None)


def _a_recovery_cancels_what_may_be_there(patch: pytest.MonkeyPatch) -> None:
    real = recovery.begin

    def begin(state: EngineState) -> None:
        real(state)
        ids = state.setup.ids
        for symbol in state.symbols:
            send.cancel_listed(state, symbol, ids.encode(OrderId(ids.tag, 0, state.setup.epoch - 1, 1)))

    patch.setattr(recovery, "begin", begin)


BUGS: Final[tuple[Bug, ...]] = (
    Bug(
        name="exits never leave",
        plant=_exits_never_leave,
        faults=JUMPS,
        fields=(("limits", TIGHT),),
        found_as=("flatten",),
    ),
    Bug(
        name="exits say at once that they are done",
        plant=_exits_say_at_once_that_they_are_done,
        faults=JUMPS,
        fields=(("limits", TIGHT),),
        found_as=("flatten",),
    ),
    Bug(
        name="exits reach beyond the bound on slippage",
        plant=_exits_reach_beyond_the_bound,
        faults=JUMPS,
        fields=(("limits", TIGHT),),
        found_as=("slippage",),
    ),
    Bug(
        name="money from outside is booked silently",
        plant=_money_from_outside_is_booked_silently,
        faults=replace(NONE, deposit=0.03, withdrawal=0.03),
        found_as=("E1",),
    ),
    Bug(
        name="money from outside pauses nothing",
        plant=_money_from_outside_pauses_nothing,
        faults=replace(NONE, deposit=0.03, withdrawal=0.03),
        found_as=("E1",),
    ),
    Bug(
        name="a halt forgets that a session was paused",
        plant=_a_halt_forgets_that_a_session_was_paused,
        faults=replace(NONE, deposit=0.03, withdrawal=0.03, halt=0.1, unhalt=0.1),
        found_as=("E1",),
    ),
    Bug(
        name="an orderly end forgets that a session was paused",
        plant=_an_orderly_end_forgets_that_a_session_was_paused,
        faults=replace(NONE, pause=0.05, stop=0.05),
        found_as=("E1",),
    ),
    Bug(
        name="a recovery is over without a look",
        plant=_a_recovery_is_over_without_a_look,
        faults=replace(CRASHES, halt=0.1, report_lost=0.3),
        fields=LIVES,
        found_as=("recovery",),
    ),
    Bug(
        name="one listing is enough for a recovery",
        plant=_one_listing_is_enough_for_a_recovery,
        faults=CRASHES,
        fields=LIVES,
        found_as=("recovery",),
    ),
    Bug(
        name="crossed books are not noticed",
        plant=_crossed_books_are_not_noticed,
        faults=replace(NONE, book_wrong=0.1),
        found_as=("A3",),
    ),
    Bug(
        name="refusals hold nobody back",
        plant=_refusals_hold_nobody_back,
        faults=replace(NONE, reject=0.9),
        found_as=("B8",),
    ),
    Bug(
        name="a failure repeats the request that was signed",
        plant=_a_failure_repeats_the_signed_request,
        faults=replace(NONE, read_failed=0.3),
        found_as=("I15",),
    ),
    Bug(
        name="fees are not booked",
        plant=_fees_are_not_booked,
        found_as=("I4",),
    ),
    Bug(
        name="a recovery cancels what may be there",
        plant=_a_recovery_cancels_what_may_be_there,
        faults=replace(CRASHES, halt=0.1),
        fields=LIVES,
        found_as=("I20",),
    ),
)
"""Each of them."""
