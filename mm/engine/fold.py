"""What a life left, made again from its journal: a checkpoint, and every record about orders after it.

Drives the engine's own handling of orders, fills and listings on a state of its own; what that would send is
thrown away, and what was sent is taken from the record. There is no second machine of states. What the engine
did by time alone is in the record as a report. Must never raise on anything a journal can hold.

Differs from `estate_of` of the engine that wrote the journal in this alone: marks and the split of the P&L
between spread and revaluation (market events are not folded), the peak, what strategies remember, the level
and the exact instant of orders placed since the checkpoint, and in which live state an order is.
"""

from typing import Final

from mm.domain.commands import AnyCommand, Cancel, ListBalances, Place, Report
from mm.domain.estate import Estate
from mm.domain.events import (
    AckMismatch,
    AnyEvent,
    BalancesListed,
    CancelRejected,
    CancelUnknown,
    FillsListed,
    OrderAcked,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderNotFound,
    OrderRejected,
    OrderSeen,
    OrdersListed,
    PlaceUnknown,
)
from mm.domain.orders import Order, Trigger
from mm.engine.account_events import on_account_event
from mm.engine.estate import estate_of, go_on
from mm.engine.order_events import on_order_event
from mm.engine.session import Session, SessionState
from mm.engine.setup import EngineSetup
from mm.engine.state import EngineState

_STATES: Final = {state.value: state for state in SessionState}


class Fold:
    """One life, taken up from its journal record by record."""

    def __init__(self, setup: EngineSetup, checkpoint: Estate | None) -> None:
        """Begin at `checkpoint`, or at the beginning of the life if there is none.

        Args: setup: of the run whose journal is read; its `estate` is the one that it began with.
        """
        self._state = EngineState(setup)
        go_on(self._state, setup.estate, checkpoint)
        # A checkpoint of before the first step has no time.
        self._has_begun = checkpoint is not None and checkpoint.ts_ns > 0

    @property
    def state(self) -> EngineState:
        """What is driven: to be looked at, never written."""
        return self._state

    def on_event(self, event: AnyEvent) -> None:
        """Take in an event; those about markets, streams and the config change nothing."""
        state = self._state
        self._reach(event.ts_ns)
        match event:
            case OrdersListed() | FillsListed() | BalancesListed():
                on_account_event(state, event)
            case (
                OrderAcked()
                | AckMismatch()
                | OrderRejected()
                | PlaceUnknown()
                | OrderCanceled()
                | OrderExpired()
                | CancelRejected()
                | CancelUnknown()
                | OrderFilled()
                | OrderSeen()
                | OrderNotFound()
            ):
                on_order_event(state, event)
            case _:
                pass
        state.out.clear()

    def on_command(self, command: AnyCommand, ts_ns: int) -> None:
        """Take in a command that was sent at `ts_ns`."""
        state = self._state
        self._reach(ts_ns)
        match command:
            case Place():
                self._placed(command)
            case Cancel():
                self._fire(command.cid, Trigger.CANCEL)
            case ListBalances():
                state.note_balances_asked()
            case Report():
                self._reported(command.code, command.session, dict(command.facts))
            case _:
                pass
        state.out.clear()

    def estate(self) -> Estate:
        """Return what the life had left after the last record."""
        return estate_of(self._state)

    def _reach(self, ts_ns: int) -> None:
        state = self._state
        state.now_ns = state.step_ns = max(state.now_ns, ts_ns)
        if not self._has_begun:
            self._has_begun = True
            state.budget.begin(state.now_ns)

    def _placed(self, place: Place) -> None:
        state = self._state
        decoded = state.setup.ids.decode(place.cid)
        if decoded is None or place.symbol not in state.symbols or state.orders.get(place.cid) is not None:
            return
        if decoded.session >= len(state.sessions) or place.price_ticks <= 0 or place.size_lots <= 0:
            return
        if decoded.epoch == state.setup.epoch:
            state.sequence = max(state.sequence, decoded.sequence)
        state.budget.recall(((state.now_ns, 1),))
        state.orders.add(
            Order(
                cid=place.cid,
                session=decoded.session,
                symbol=place.symbol,
                side=place.side,
                price_ticks=place.price_ticks,
                size_lots=place.size_lots,
                level=-1 if place.reduces else 0,
                reduces=place.reduces,
                placed_ns=state.now_ns,
            )
        )

    def _fire(self, cid: str, trigger: Trigger) -> None:
        order = self._state.orders.live.get(cid)
        if order is not None:
            self._state.orders.fire(order, trigger, self._state.now_ns)

    def _reported(self, code: str, name: str, facts: dict[str, str]) -> None:
        # What the engine did by time alone, where no event tells of it.
        state = self._state
        session = next((one for one in state.sessions if one.name == name), None)
        if code == "order.dead":
            self._fire(facts.get("cid", ""), Trigger.PROVEN_DEAD)
        elif code == "order.retired":
            state.legacy.orders.pop(facts.get("cid", ""), None)
        elif code == "equity.start":
            state.equity_start_atoms = _integer(facts.get("atoms"), state.equity_start_atoms)
        elif code == "ledger.opened":
            state.ledger.open({asset: _integer(atoms, 0) for asset, atoms in facts.items()})
        elif code in ("balance.external", "ledger.explained"):
            state.ledger.book(state.now_ns, facts.get("asset", ""), _integer(facts.get("atoms"), 0))
        elif session is not None and code == "session.stock":
            _take_stock(session, facts, state.now_ns)
            state.count_in(session)
        elif session is not None and code in ("pause.noted", "pause.lifted"):
            session.paused = facts.get("reason", "")
        elif session is not None and code == "session.state":
            session.enter(_STATES.get(facts.get("state", ""), session.state), facts.get("reason", ""))


def _take_stock(session: Session, facts: dict[str, str], now_ns: int) -> None:
    session.stock_taken, session.stocked_ns = True, now_ns
    session.target_lots = _integer(facts.get("target_lots"), session.target_lots)
    session.position.start_lots = _integer(facts.get("start_lots"), session.position.start_lots)


def _integer(text: str | None, otherwise: int) -> int:
    try:
        return int(text or "")
    except ValueError:
        return otherwise
