"""Risk limits and rules for tests: wide limits that stop nothing in a healthy market, and their changes."""

from mm.domain.units import NS_PER_S
from mm.risk.base import Rule
from mm.risk.rules import RiskLimits, make_rules


def make_limits(**changes: object) -> RiskLimits:
    """Return limits that the view, the quotes and the orders of the builders keep, with `changes` applied."""
    fields: dict[str, object] = {
        "stale_ns_max": 2 * NS_PER_S,
        "collar_ppm": 50_000,
        "order_lots_max": 1_000,
        "order_atoms_max": 10**12,
        "exposure_atoms_max": 10**13,
        "open_orders_max": 20,
        "placements_minute_max": 240,
        "session_loss_atoms": 10**11,
        "account_loss_atoms": 2 * 10**11,
        "open_loss_atoms": 5 * 10**10,
        "drawdown_ppm_max": 30_000,
        "slippage_ppm_max": 1_500,
        "fills_minute_max": 600,
        "filled_atoms_minute_max": 10**12,
    }
    return RiskLimits(**(fields | changes))  # type: ignore[arg-type] # the caller names the fields


def make_test_rules(**changes: object) -> tuple[Rule, ...]:
    """Return every rule under `make_limits(**changes)`."""
    return make_rules(make_limits(**changes))
