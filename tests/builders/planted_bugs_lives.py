"""Planted mistakes about the account and about one life after another: what is forgotten or comes late."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec
import pytest

from mm.domain.commands import AnyCommand
from mm.domain.estate import Estate
from mm.domain.events import OrderRejected, OrdersListed, PlaceUnknown
from mm.domain.order_table import OrderTable
from mm.domain.orders import Order, OrderState
from mm.domain.sides import Side
from mm.engine import account_events, engine, estate, fence, halt, operator, order_events, send
from mm.engine import state as state_module
from mm.engine.session import Session
from mm.engine.state import EngineState
from mm.runtime.simulate.faults import NONE
from mm.runtime.simulate.ladder import Ladder
from mm.runtime.simulate.machine import Machine
from mm.runtime.simulate.recording import SimRecorder
from tests.builders.planted_bugs import CRASHES, LOSSES, SECOND_NS, SLOW, Bug

LIVES: Final = (("fault_ns", 40 * SECOND_NS), ("crashes", 3))


def _a_restart_forgets_an_order(patch: pytest.MonkeyPatch) -> None:
    real = estate.inherit

    def inherit(state: EngineState, left: Estate) -> None:
        real(state, msgspec.structs.replace(left, orders=()))

    patch.setattr(engine, "inherit", inherit)


def _a_restart_forgets_a_position(patch: pytest.MonkeyPatch) -> None:
    real = estate.inherit

    def inherit(state: EngineState, left: Estate) -> None:
        positions = tuple(
            msgspec.structs.replace(
                one, net_lots=0, cash_half=0, cost_half=0, bought_lots=0, sold_lots=0, fills=0
            )
            for one in left.positions
        )
        real(state, msgspec.structs.replace(left, positions=positions))

    patch.setattr(engine, "inherit", inherit)


def _a_restart_counts_fills_anew(patch: pytest.MonkeyPatch) -> None:
    def know_trades(state: EngineState, left: Any, *_: Any) -> None:
        state.markets[left.symbol].next_trade_id = max(0, left.floor)

    patch.setattr(estate, "_know_trades", know_trades)


def _a_restart_lists_from_too_late(patch: pytest.MonkeyPatch) -> None:
    real = estate.inherit

    def inherit(state: EngineState, left: Estate) -> None:
        symbols = tuple(msgspec.structs.replace(one, floor=one.floor + 1_000) for one in left.symbols)
        real(state, msgspec.structs.replace(left, symbols=symbols))

    patch.setattr(engine, "inherit", inherit)


def _a_restart_lifts_the_halt(patch: pytest.MonkeyPatch) -> None:
    real = Machine._setup

    def setup(self: Machine, *args: Any, **named: Any) -> Any:
        return replace(real(self, *args, **named), latched="")

    patch.setattr(Machine, "_setup", setup)


def _a_restart_keeps_its_number(patch: pytest.MonkeyPatch) -> None:
    real = Machine.start

    def start(self: Machine, *args: Any) -> Any:
        if self.starts:
            self.kept.epoch -= 1
        return real(self, *args)

    patch.setattr(Machine, "start", start)


def _commands_are_written_after_they_left(patch: pytest.MonkeyPatch) -> None:
    real_commands, real_event = SimRecorder.on_commands, SimRecorder.on_event
    late: dict[int, list[tuple[int, Sequence[AnyCommand]]]] = {}

    def on_commands(self: SimRecorder, ts_ns: int, commands: Sequence[AnyCommand]) -> None:
        late.setdefault(id(self), []).append((ts_ns, commands))

    def on_event(self: SimRecorder, event: Any) -> None:
        for ts_ns, commands in late.pop(id(self), []):
            real_commands(self, ts_ns, commands)
        real_event(self, event)

    patch.setattr(SimRecorder, "on_commands", on_commands)
    patch.setattr(SimRecorder, "on_event", on_event)


def _a_halt_does_not_wait_for_orders_in_flight(patch: pytest.MonkeyPatch) -> None:
    real = halt._is_clean

    def is_clean(state: EngineState, session: Session) -> bool:
        known = [
            order for order in state.orders.of_session(session.index) if order.state is OrderState.WORKING
        ]
        clean = real(state, session)
        return clean or not known

    patch.setattr(halt, "_is_clean", is_clean)


def _a_halt_is_lifted_unconfirmed(patch: pytest.MonkeyPatch) -> None:
    real = operator._unhalt

    def unhalt(state: EngineState) -> None:
        state.halt_confirmed = True
        real(state)

    patch.setattr(operator, "_unhalt", unhalt)


def _a_duplicate_id_is_a_refusal(patch: pytest.MonkeyPatch) -> None:
    def on_place_unknown(state: EngineState, order: Order, event: PlaceUnknown) -> None:
        rejected = OrderRejected(ts_ns=state.now_ns, cid=order.cid, code=-2010, reason="duplicate")
        order_events._on_reject(state, order, rejected)

    real = order_events._on_place_unknown

    def either(state: EngineState, order: Order, event: PlaceUnknown) -> None:
        (on_place_unknown if event.duplicate else real)(state, order, event)

    patch.setattr(order_events, "_on_place_unknown", either)


def _trades_of_all_symbols_share_their_numbers(patch: pytest.MonkeyPatch) -> None:
    real_knows, real_remember = OrderTable.knows_trade, OrderTable.remember_trade

    def knows_trade(self: OrderTable, symbol: str, trade_id: int, side: Side) -> bool:
        return real_knows(self, "", trade_id, side)

    def remember_trade(self: OrderTable, symbol: str, trade_id: int, side: Side, ts_ns: int) -> None:
        real_remember(self, "", trade_id, side, ts_ns)

    patch.setattr(OrderTable, "knows_trade", knows_trade)
    patch.setattr(OrderTable, "remember_trade", remember_trade)


def _an_overfill_is_ignored(patch: pytest.MonkeyPatch) -> None:
    real = OrderTable.fill

    def fill(self: OrderTable, order: Order, size_lots: int, ts_ns: int) -> bool:
        real(self, order, size_lots, ts_ns)
        return False

    patch.setattr(OrderTable, "fill", fill)


def _orders_of_people_are_cancelled(patch: pytest.MonkeyPatch) -> None:
    real = account_events._on_orders_listed

    def on_orders_listed(state: EngineState, event: OrdersListed) -> None:
        real(state, event)
        for entry in event.orders:
            if state.setup.ids.decode(entry.cid) is None:
                send.cancel_listed(state, event.symbol, entry.cid)

    patch.setattr(account_events, "_on_orders_listed", on_orders_listed)


def _a_successor_is_not_noticed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(fence, "is_alien", lambda *_: False)
    patch.setattr(account_events, "is_alien", lambda *_: False)


def _numbers_come_from_the_process(patch: pytest.MonkeyPatch) -> None:
    count = [0]
    real = state_module.EngineState.next_cid

    def next_cid(self: EngineState, session: int, *, reduces: bool) -> str:
        count[0] += 1
        self.sequence += count[0] % 3
        return real(self, session, reduces=reduces)

    patch.setattr(state_module.EngineState, "next_cid", next_cid)


BUGS: Final[tuple[Bug, ...]] = (
    Bug(
        name="a restart forgets an order",
        plant=_a_restart_forgets_an_order,
        faults=SLOW,
        fields=LIVES,
        found_as=("unproven death", "I1", "I2", "I5"),
    ),
    Bug(
        name="a restart forgets a position",
        plant=_a_restart_forgets_a_position,
        faults=NONE,
        fields=LIVES,
        found_as=("I1", "I3", "I4"),
    ),
    Bug(
        name="a restart counts fills anew",
        plant=_a_restart_counts_fills_anew,
        fields=LIVES,
        found_as=("I1", "I3", "I11", "I4"),
    ),
    Bug(
        name="a restart lists fills from too late",
        plant=_a_restart_lists_from_too_late,
        faults=replace(NONE, report_lost=0.3),
        fields=LIVES,
        found_as=("I1", "I3", "I5", "I13"),
    ),
    Bug(
        name="a restart lifts the halt",
        plant=_a_restart_lifts_the_halt,
        faults=replace(CRASHES, halt=0.02),
        found_as=("I7",),
    ),
    Bug(
        name="a restart keeps its number",
        plant=_a_restart_keeps_its_number,
        faults=NONE,
        fields=LIVES,
        found_as=("I18",),
    ),
    Bug(
        name="commands are written down after they left",
        plant=_commands_are_written_after_they_left,
        found_as=("I6",),
    ),
    Bug(
        name="a halt does not wait for orders in flight",
        plant=_a_halt_does_not_wait_for_orders_in_flight,
        faults=replace(LOSSES, halt=0.02),
        found_as=("I7",),
    ),
    Bug(
        name="a halt is lifted before it is confirmed",
        plant=_a_halt_is_lifted_unconfirmed,
        faults=replace(SLOW, halt=0.02, unhalt=0.1),
        found_as=("I7",),
    ),
    Bug(
        name="a duplicate id is taken for a refusal",
        plant=_a_duplicate_id_is_a_refusal,
        faults=replace(NONE, place_twice=0.3, report_late=0.5),
        found_as=("unproven death", "I1", "one per level"),
    ),
    Bug(
        name="trades of all symbols share their numbers",
        plant=_trades_of_all_symbols_share_their_numbers,
        faults=replace(NONE, burst=0.1),
        fields=(
            ("sessions", 2),
            ("symbols", 2),
            ("strategy", Ladder(levels=3, half_spread_ticks=1, size_lots=4)),
        ),
        found_as=("I1", "I3", "I5", "I13", "I11"),
    ),
    Bug(
        name="an overfill is ignored",
        plant=_an_overfill_is_ignored,
        faults=replace(NONE, overfill=0.3),
        found_as=("I11",),
    ),
    Bug(
        name="orders of people are cancelled",
        plant=_orders_of_people_are_cancelled,
        found_as=("B24",),
    ),
    Bug(
        name="a successor is not noticed",
        plant=_a_successor_is_not_noticed,
        faults=replace(NONE, intruder=0.05),
        found_as=("I18", "B24"),
    ),
    Bug(
        name="numbers of orders come from the process",
        plant=_numbers_come_from_the_process,
        fields=(("reruns", True),),
        found_as=("I10",),
    ),
)
"""Each of them."""
