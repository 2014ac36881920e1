"""Parameters of `glft` for tests: two markets of the literature in basis points, orders of 100 lots."""

from decimal import Decimal

from mm.strategies.glft import Glft, Method

Params = Glft.Params
Value = Decimal | int | float | bool | str | None


def some_params(**changes: Value) -> Params:
    """Figure 1 in basis points, orders of 100 lots, a known volatility, the closed form; `changes` on top."""
    values: dict[str, Value] = {
        "method": Method.CLOSED_FORM,
        "risk_factor": 0.01,
        "order_amount_base": Decimal("0.01"),
        "arrival_rate_per_s": 0.9,
        "fill_decay_per_bps": 0.3,
        "volatility_bps_per_sqrt_s": 0.3,
    }
    return Params(**(values | changes))  # type: ignore[arg-type]  # the values are of mixed types


def stoikov(**changes: Value) -> Params:
    """The market of Avellaneda and Stoikov's tables in basis points, orders of 100 lots, the exact quotes."""
    values: dict[str, Value] = {
        "method": Method.ASYMPTOTIC,
        "risk_factor": 0.1,
        "arrival_rate_per_s": 140.0,
        "fill_decay_per_bps": 1.5,
        "volatility_bps_per_sqrt_s": 2.0,
    }
    return some_params(**(values | changes))
