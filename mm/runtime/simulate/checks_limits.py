"""The limits of a session as its configuration states them, read off its rules; the checks hold them too."""

from dataclasses import dataclass
from typing import Final

from mm.engine.setup import SessionSetup
from mm.risk.exposure import Exposure
from mm.risk.fill_burst import FillBurst
from mm.risk.message_rate import MessageRate
from mm.risk.open_orders import OpenOrders
from mm.risk.order_size import OrderSize
from mm.risk.order_value import OrderValue
from mm.risk.price_collar import PriceCollar
from mm.risk.stop_loss import StopLoss

NO_LIMIT: Final = 1 << 62
"""Stands for a limit that no rule states."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the checks hold an engine to. Fields: as in `mm.risk.rules.RiskLimits`; no limit: `NO_LIMIT`.

    quotes_minute_max: of the placements of a minute, how many may be reached by one that does not reduce.
    """

    order_lots_max: int
    order_atoms_max: int
    exposure_atoms_max: int
    open_orders_max: int
    placements_minute_max: int
    quotes_minute_max: int
    collar_ppm: int
    session_loss_atoms: int
    account_loss_atoms: int
    open_loss_atoms: int
    drawdown_ppm_max: int
    fills_minute_max: int
    filled_atoms_minute_max: int


def limits_of(setup: SessionSetup) -> Limits:
    """Return the limits that the rules of a session were made with."""
    stated: dict[type, dict[str, int]] = {type(rule): vars(rule) for rule in setup.rules}

    def of(rule: type, name: str) -> int:
        return stated.get(rule, {}).get(name, NO_LIMIT)

    return Limits(
        order_lots_max=of(OrderSize, "_lots_max"),
        order_atoms_max=of(OrderValue, "_atoms_max"),
        exposure_atoms_max=of(Exposure, "_atoms_max"),
        open_orders_max=of(OpenOrders, "_orders_max"),
        placements_minute_max=of(MessageRate, "_minute_max"),
        quotes_minute_max=of(MessageRate, "_quotes_max"),
        collar_ppm=of(PriceCollar, "_collar_ppm"),
        session_loss_atoms=-stated.get(StopLoss, {}).get("_session_floor", -NO_LIMIT),
        account_loss_atoms=-stated.get(StopLoss, {}).get("_account_floor", -NO_LIMIT),
        open_loss_atoms=-stated.get(StopLoss, {}).get("_open_floor", -NO_LIMIT),
        drawdown_ppm_max=of(StopLoss, "_drawdown_ppm_max"),
        fills_minute_max=of(FillBurst, "_fills_max") or NO_LIMIT,
        filled_atoms_minute_max=of(FillBurst, "_filled_atoms_max") or NO_LIMIT,
    )
