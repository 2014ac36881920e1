"""Planted mistakes about the limits of the account: exposure, live orders, placements a minute, losses."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from mm.domain.order_table import OrderTable
from mm.domain.orders import OrderState
from mm.domain.position import Position
from mm.engine import budget, own, risk_view, state
from mm.engine.session import Session
from mm.engine.state import EngineState
from mm.risk import exposure, message_rate, open_orders, stop_loss
from mm.risk.base import RiskView, Rule
from mm.runtime.simulate.drawn_limits import POOR
from mm.runtime.simulate.faults import NONE
from mm.runtime.simulate.ladder import Ladder
from mm.runtime.simulate.plan import LIMITS
from tests.builders.planted_bugs import CRASHES, SECOND_NS, SLOW, Bug, Patch


def _is_off(rule: type[Rule]) -> Patch:
    def plant(patch: pytest.MonkeyPatch) -> None:
        for name in ("shape", "admit", "watch"):
            if name in vars(rule):
                patch.setattr(rule, name, getattr(Rule, name))

    return plant


def _others_are_not_summed(patch: pytest.MonkeyPatch) -> None:
    def worst_atoms(_: EngineState, session: Session) -> int:
        assert session.index >= 0
        return 0

    patch.setattr(risk_view, "worst_atoms", worst_atoms)


def _others_count_with_what_is_filled(patch: pytest.MonkeyPatch) -> None:
    def worst_atoms(state: EngineState, session: Session) -> int:
        assert state.sessions
        lots = abs(session.position.inventory_lots)
        return lots * session.market.mid_half_ticks * session.setup.instrument.tick_lot_atoms // 2

    patch.setattr(risk_view, "worst_atoms", worst_atoms)


def _only_acknowledged_orders_are_counted(patch: pytest.MonkeyPatch) -> None:
    def standing(orders: OrderTable, markets: Mapping[str, Any], session: Session) -> own.Standing:
        made = own.Standing(orders, markets, session)
        symbol = session.setup.instrument.symbol
        live = [one for one in orders.live.values() if one.symbol == symbol]
        made.open_orders = sum(one.state is OrderState.WORKING for one in live)
        return made

    patch.setattr(state, "Standing", standing)


def _the_minute_is_ten_seconds(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(budget.Budget, "placed_minute", lambda self, now_ns: self._orders.used(now_ns))


def _nothing_is_kept_for_exits(patch: pytest.MonkeyPatch) -> None:
    real = message_rate.MessageRate.admit

    def admit(self: message_rate.MessageRate, place: Any, view: RiskView) -> Any:
        patched = message_rate.MessageRate(minute_max=self._minute_max, exit_reserve=0)
        return real(patched, place, view)

    patch.setattr(message_rate.MessageRate, "admit", admit)


def _ends_nothing(code: str) -> Patch:
    def plant(patch: pytest.MonkeyPatch) -> None:
        real = stop_loss.StopLoss._breach

        def breach(self: stop_loss.StopLoss, view: RiskView) -> str | None:
            found = real(self, view)
            return None if found == code else found

        patch.setattr(stop_loss.StopLoss, "_breach", breach)

    return plant


def _what_is_open_cost_what_it_is_worth(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Position, "open_quote_atoms", 0)


def _the_peak_is_the_last_figure(patch: pytest.MonkeyPatch) -> None:
    real = risk_view._fill_pnl

    def fill_pnl(state: EngineState, session: Session, view: RiskView) -> None:
        session.peak_atoms = session.position.net_quote_atoms
        real(state, session, view)

    patch.setattr(risk_view, "_fill_pnl", fill_pnl)


def _a_restart_forgets_the_minute(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(budget.Budget, "recall", lambda *_: None)


def _a_start_believes_the_clock_of_before(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(budget.Budget, "begin", lambda *_: None)


def _what_has_no_price_is_worth_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(risk_view, "is_unpriced", lambda *_: False)


JUMPS: Final = replace(NONE, jump=0.05)
WIDE: Final = Ladder(levels=3, half_spread_ticks=2, step_ticks=2, size_lots=10, tolerance_ticks=0)
"""Asks for six orders, worth six hundred million."""

TWO: Final = (("sessions", 2), ("symbols", 2))

BUGS: Final[tuple[Bug, ...]] = (
    Bug(
        name="the worth of all positions is not limited",
        plant=_is_off(exposure.Exposure),
        fields=(("limits", replace(LIMITS, exposure_atoms_max=100_000_000)),),
        found_as=("R4",),
    ),
    Bug(
        name="each session has the limit of the account",
        plant=_others_are_not_summed,
        fields=(("limits", replace(LIMITS, exposure_atoms_max=400_000_000)), *TWO),
        found_as=("R4",),
    ),
    Bug(
        name="what other sessions have open is no risk of the account",
        plant=_others_count_with_what_is_filled,
        fields=(("limits", replace(LIMITS, exposure_atoms_max=400_000_000)), *TWO),
        found_as=("R4",),
    ),
    Bug(
        name="live orders are not limited",
        plant=_is_off(open_orders.OpenOrders),
        fields=(("limits", replace(LIMITS, open_orders_max=2)),),
        found_as=("R7",),
    ),
    Bug(
        name="only acknowledged orders are counted",
        plant=_only_acknowledged_orders_are_counted,
        faults=SLOW,
        fields=(("limits", replace(LIMITS, open_orders_max=3)), ("strategy", WIDE)),
        found_as=("R7",),
    ),
    Bug(
        name="placements are not limited",
        plant=_is_off(message_rate.MessageRate),
        fields=(("limits", replace(LIMITS, placements_minute_max=30)), ("fault_ns", 60 * SECOND_NS)),
        found_as=("R3",),
    ),
    Bug(
        name="a minute of placements is ten seconds",
        plant=_the_minute_is_ten_seconds,
        fields=(("limits", replace(LIMITS, placements_minute_max=30)), ("fault_ns", 60 * SECOND_NS)),
        found_as=("R3",),
    ),
    Bug(
        name="no placement is kept for exits",
        plant=_nothing_is_kept_for_exits,
        fields=(("limits", replace(LIMITS, placements_minute_max=30)), ("fault_ns", 60 * SECOND_NS)),
        found_as=("R3",),
    ),
    Bug(
        name="a restart forgets the placements of the minute",
        plant=_a_restart_forgets_the_minute,
        faults=CRASHES,
        fields=(("limits", replace(LIMITS, placements_minute_max=30)), ("fault_ns", 60 * SECOND_NS)),
        found_as=("R3",),
    ),
    Bug(
        name="a start believes the clock by which placements were sent",
        plant=_a_start_believes_the_clock_of_before,
        faults=replace(CRASHES, clock_jumps=0.05),
        fields=(("limits", replace(LIMITS, placements_minute_max=30)), ("fault_ns", 60 * SECOND_NS)),
        found_as=("R3",),
    ),
    Bug(
        name="a position without a price is worth nothing",
        plant=_what_has_no_price_is_worth_nothing,
        faults=replace(CRASHES, sync_failed=0.6),
        fields=(("limits", replace(LIMITS, exposure_atoms_max=350_000_000)), *TWO),
        found_as=("R4",),
    ),
    Bug(
        name="a loss on what is open ends nothing",
        plant=_ends_nothing(stop_loss.OPEN),
        faults=JUMPS,
        fields=(("limits", replace(LIMITS, open_loss_atoms=200_000)),),
        found_as=("I19",),
    ),
    Bug(
        name="what is open cost what it is worth",
        plant=_what_is_open_cost_what_it_is_worth,
        faults=JUMPS,
        fields=(("limits", replace(LIMITS, open_loss_atoms=200_000)),),
        found_as=("I19",),
    ),
    Bug(
        name="a fall from the peak ends nothing",
        plant=_ends_nothing(stop_loss.DRAWDOWN),
        faults=JUMPS,
        fields=(("limits", replace(LIMITS, drawdown_ppm_max=20)), ("shrunk", POOR)),
        found_as=("I19",),
    ),
    Bug(
        name="the peak is the last figure",
        plant=_the_peak_is_the_last_figure,
        faults=JUMPS,
        fields=(("limits", replace(LIMITS, drawdown_ppm_max=20)), ("shrunk", POOR)),
        found_as=("I19",),
    ),
)
"""Each of them."""
