"""Planted mistakes about limits: of exposure, of single orders, of loss, of messages, of the config."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec
import pytest

from mm.domain.commands import Place
from mm.domain.events import ConfigApplied, OperatorAsked
from mm.domain.order_table import OrderTable
from mm.domain.position import Position
from mm.domain.quotes import Quote
from mm.domain.sides import Side
from mm.engine import budget, burst, decide, differ, engine, exits, operator, own, reconfigure, send
from mm.engine.session import Session
from mm.engine.setup import NewSetup, SessionSetup
from mm.engine.state import EngineState
from mm.engine.timers import Timers
from mm.risk import fill_burst, inventory_band, order_value, price_collar, slippage, stop_loss
from mm.risk.base import Refusal, RiskView
from mm.runtime.simulate.faults import NONE
from mm.runtime.simulate.ladder import Ladder
from mm.runtime.simulate.plan import LIMITS, TIGHT
from tests.builders.planted_bugs import SECOND_NS, SLOW, Bug


def _post_only_is_dropped(patch: pytest.MonkeyPatch) -> None:
    real = send._make

    def make(*args: Any, **named: Any) -> Place:
        return msgspec.structs.replace(real(*args, **named), post_only=False)

    patch.setattr(send, "_make", make)
    patch.setattr(slippage.Slippage, "admit", lambda *_: None)


def _exits_turn_the_position(patch: pytest.MonkeyPatch) -> None:
    real = exits._leaving_lots
    patch.setattr(exits, "_leaving_lots", lambda position: 2 * real(position))
    patch.setattr(slippage, "_judge_size", lambda *_: None)


def _the_band_is_two_lots_wide_of_itself(patch: pytest.MonkeyPatch) -> None:
    real = inventory_band.band_lots

    def band_lots(lots_max: int, *args: Any, **named: Any) -> int:
        return real(lots_max, *args, **named) + 2

    from mm.engine import risk_view

    patch.setattr(risk_view, "band_lots", band_lots)


def _sessions_do_not_see_each_other(patch: pytest.MonkeyPatch) -> None:
    def standing(orders: OrderTable, markets: Mapping[str, Any], session: Session) -> own.Standing:
        mine = OrderTable()
        for order in orders.of_session(session.index):
            mine.add(order)
        made = own.Standing(mine, markets, session)
        made.version = orders.version
        return made

    from mm.engine import state

    patch.setattr(state, "Standing", standing)


def _losses_end_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(stop_loss.StopLoss, "_breach", lambda *_: None)


def _a_burst_of_fills_ends_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(fill_burst.FillBurst, "_breach", lambda *_: None)


def _the_value_of_fills_is_not_summed(patch: pytest.MonkeyPatch) -> None:
    real = burst.FillBurst.add
    patch.setattr(burst.FillBurst, "add", lambda self, now_ns, _: real(self, now_ns, 0))


def _only_placements_are_counted(patch: pytest.MonkeyPatch) -> None:
    def take(self: budget.Budget, now_ns: int, weight: int) -> bool:
        return now_ns >= max(self.held_until_ns, self.banned_until_ns) and weight > 0

    def take_listing(self: budget.Budget, now_ns: int) -> bool:
        return now_ns >= self.banned_until_ns

    patch.setattr(budget.Budget, "take", take)
    patch.setattr(budget.Budget, "take_listing", take_listing)


def _a_throttle_is_not_heard(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(budget.Budget, "throttle", lambda *_, **__: None)


def _a_reload_loosens(patch: pytest.MonkeyPatch) -> None:
    real = Session.adopt

    def adopt(self: Session, setup: SessionSetup) -> None:
        real(self, replace(setup, band_lots_max=max(setup.band_lots_max, self.setup.band_lots_max)))

    patch.setattr(Session, "adopt", adopt)


def _a_reload_is_half_applied(patch: pytest.MonkeyPatch) -> None:
    def reconfigured(state: EngineState, event: ConfigApplied, new: NewSetup) -> None:
        state.revision = event.revision
        facts = {"revision": event.revision, "digest": event.digest, "who": event.who}
        state.report("config.applied", "", **facts)

    patch.setattr(engine, "reconfigure", reconfigured)


def _old_orders_outlive_a_new_limit(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reconfigure, "_judge_all", lambda *_: None)
    patch.setattr(decide, "judge", lambda *_: None)
    patch.setattr(decide, "diff", _keeps_what_is_there)


def _keeps_what_is_there(*args: Any, **named: Any) -> Any:
    found = differ.diff(*args, **named)
    found.cancels = []
    return found


def _an_operator_is_not_named(patch: pytest.MonkeyPatch) -> None:
    real = operator.on_operator

    def on_operator(state: EngineState, event: OperatorAsked) -> None:
        begun = len(state.out)
        real(state, event)
        del state.out[begun]

    patch.setattr(engine, "on_operator", on_operator)


def _timers_pile_up(patch: pytest.MonkeyPatch) -> None:
    real = Timers.set

    def set_(self: Timers, key: tuple[str, str], due_ns: int) -> None:
        real(self, (key[0], f"{key[1]}{self._numbers}") if key[0] == "stale" else key, due_ns + 10**12)
        real(self, key, due_ns)

    patch.setattr(Timers, "set", set_)


def _prices_are_ten_times_too_high(patch: pytest.MonkeyPatch) -> None:
    real = send._make

    def make(state: EngineState, session: Session, side: Side, quote: Quote, **named: Any) -> Place:
        if side is Side.SELL:
            quote = quote.but(price_ticks=quote.price_ticks * 2)
        return real(state, session, side, quote, **named)

    patch.setattr(send, "_make", make)
    patch.setattr(price_collar.PriceCollar, "admit", lambda *_: None)


def _the_value_of_an_order_is_not_judged(patch: pytest.MonkeyPatch) -> None:
    def admit(self: order_value.OrderValue, place: Place, view: RiskView) -> Refusal | None:
        return None

    patch.setattr(order_value.OrderValue, "admit", admit)
    patch.setattr(order_value.OrderValue, "shape", lambda _, quotes, view: quotes)


def _position_follows_the_balance(patch: pytest.MonkeyPatch) -> None:
    from mm.engine import account_events

    real = account_events.on_account_event

    def on_account_event(state: EngineState, event: Any) -> None:
        real(state, event)
        for session in state.sessions:
            instrument = session.setup.instrument
            held = sum(state.balances.get(instrument.base, (0, 0))) // instrument.lot_atoms
            if session.stock_taken and held:
                _set_inventory(session.position, held - session.target_lots)

    patch.setattr(engine, "on_account_event", on_account_event)


def _set_inventory(position: Position, lots: int) -> None:
    position.start_lots = lots - position.net_lots


BUGS: Final[tuple[Bug, ...]] = (
    Bug(name="post-only is dropped", plant=_post_only_is_dropped, found_as=("I14",)),
    Bug(
        name="exits turn the position around",
        plant=_exits_turn_the_position,
        faults=replace(NONE, jump=0.05),
        fields=(("limits", TIGHT),),
        found_as=("B36",),
    ),
    Bug(
        name="the band is two lots wider than it is",
        plant=_the_band_is_two_lots_wide_of_itself,
        fields=(("strategy", Ladder(levels=1, half_spread_ticks=1, size_lots=1_000, tolerance_ticks=0)),),
        found_as=("I1",),
    ),
    Bug(
        name="sessions on one symbol do not see each other",
        plant=_sessions_do_not_see_each_other,
        faults=replace(SLOW, jump=0.02),
        fields=(("sessions", 2), ("strategy", Ladder(half_spread_ticks=1, tolerance_ticks=4))),
        found_as=("I2",),
    ),
    Bug(
        name="a loss ends nothing",
        plant=_losses_end_nothing,
        faults=replace(NONE, jump=0.05),
        fields=(("limits", TIGHT),),
        found_as=("I19",),
    ),
    Bug(
        name="a burst of fills ends nothing",
        plant=_a_burst_of_fills_ends_nothing,
        faults=replace(NONE, jump=0.02),
        fields=(("limits", replace(LIMITS, fills_minute_max=4)),),
        found_as=("R5",),
    ),
    Bug(
        name="the value that fills move is not summed",
        plant=_the_value_of_fills_is_not_summed,
        faults=replace(NONE, jump=0.02),
        fields=(("limits", replace(LIMITS, filled_atoms_minute_max=25_000_000)),),
        found_as=("R5",),
    ),
    Bug(
        name="only placements are counted",
        plant=_only_placements_are_counted,
        faults=replace(NONE, place_unknown=0.5, read_failed=0.3),
        fields=(("weight_per_minute", 700), ("fault_ns", 60 * SECOND_NS)),
        found_as=("I9",),
    ),
    Bug(
        name="a ban is not heard of",
        plant=_a_throttle_is_not_heard,
        faults=replace(NONE, ban=0.02),
        found_as=("I9",),
    ),
    Bug(
        name="a reload loosens a limit silently",
        plant=_a_reload_loosens,
        faults=replace(NONE, reload_tighter=0.05),
        found_as=("I1", "I17"),
    ),
    Bug(
        name="a reload is applied by half",
        plant=_a_reload_is_half_applied,
        faults=replace(NONE, reload_tighter=0.05),
        found_as=("I17", "I1"),
    ),
    Bug(
        name="orders outlive a limit that is tighter",
        plant=_old_orders_outlive_a_new_limit,
        faults=replace(NONE, reload_tighter=0.05),
        fields=(("strategy", Ladder(levels=2, half_spread_ticks=40, size_lots=30)),),
        found_as=("I1", "I17"),
    ),
    Bug(
        name="an operator is not named",
        plant=_an_operator_is_not_named,
        faults=replace(NONE, operator=0.05),
        found_as=("I16",),
    ),
    Bug(
        name="timers pile up",
        plant=_timers_pile_up,
        fields=(("fault_ns", 60 * SECOND_NS),),
        found_as=("I12",),
    ),
    Bug(name="asks are twice the price", plant=_prices_are_ten_times_too_high, found_as=("I14",)),
    Bug(
        name="the value of an order is not judged",
        plant=_the_value_of_an_order_is_not_judged,
        fields=(("limits", replace(LIMITS, order_atoms_max=100_000_000)),),
        found_as=("I14",),
    ),
    Bug(
        name="a position follows the balance",
        plant=_position_follows_the_balance,
        faults=replace(NONE, deposit=0.03, withdrawal=0.03),
        found_as=("I1", "I3"),
    ),
)
"""Each of them."""
