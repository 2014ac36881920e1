"""The limits of one session, and the rules that hold them, in their order.

This file alone knows every rule; a new one gets its place here. `admit` and `watch` do not depend on the
order. `shape` does: each rule sees what the ones before it left over, and a rule that sums over a ladder
must not spend its room on quotes that a later rule drops. Invariant: every limit is an integer within its
bounds, and no exit that one limit allows is always refused by another.
"""

from dataclasses import dataclass
from typing import Final

from mm.domain.units import NS_PER_MS, PPM
from mm.errors import ConfigError
from mm.risk.base import AlarmAction, Rule
from mm.risk.book_health import BookHealth
from mm.risk.exposure import Exposure
from mm.risk.fill_burst import FillBurst
from mm.risk.funds import Funds
from mm.risk.inventory_band import InventoryBand
from mm.risk.message_rate import MessageRate
from mm.risk.open_orders import OpenOrders
from mm.risk.order_size import OrderSize
from mm.risk.order_value import OrderValue
from mm.risk.price_collar import PriceCollar
from mm.risk.self_trade import SelfTrade
from mm.risk.slippage import Slippage
from mm.risk.stop_loss import StopLoss

STOPPING: Final = (AlarmAction.HALT, AlarmAction.FLATTEN)
"""What a stop-loss may ask for: a loss that only pauses trading would go on when it resumes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskLimits:
    """Every limit of one session and of the account around it; > 0 throughout unless said otherwise.

    Fields:
        stale_ns_max: older books are not quoted on; crossed_ns_max: how long a crossed one is borne.
        collar_ppm: half width of the price collar, below 100 %.
        order_lots_max, order_atoms_max: size and value of one order.
        inventory_soft_ppm: share of the inventory band from which on quoting is one-sided, at most 100 %.
            (The band itself is in the view.)
        exposure_atoms_max: worst-case value of the account's positions.
        open_orders_max: live orders of the account on the symbol.
        placements_minute_max: placements per minute of the account; exit_reserve: how many of them only
            exits may use, 0 or more; one at least is left for quotes.
        session_loss_atoms, account_loss_atoms, open_loss_atoms: losses that end trading.
        drawdown_ppm_max: fall from the session's peak that ends trading, as a share of the equity at the
            start, at most 100 %.
        slippage_ppm_max: how much worse than the reference an exit may be priced, 0 to collar_ppm: outside
            the collar no exit would ever leave.
        on_breach: what a stop-loss asks for, HALT or FLATTEN.
        fills_minute_max, filled_atoms_minute_max: fills of the session within a minute, and what they may buy
            less what they sell, or the reverse; 0 = no such limit.
    Raises: ConfigError if a limit is out of its bounds or contradicts another one.
    """

    stale_ns_max: int
    collar_ppm: int
    order_lots_max: int
    order_atoms_max: int
    exposure_atoms_max: int
    open_orders_max: int
    placements_minute_max: int
    session_loss_atoms: int
    account_loss_atoms: int
    open_loss_atoms: int
    drawdown_ppm_max: int
    slippage_ppm_max: int
    exit_reserve: int = 4
    inventory_soft_ppm: int = 800_000
    crossed_ns_max: int = 200 * NS_PER_MS
    on_breach: AlarmAction = AlarmAction.HALT
    fills_minute_max: int = 0
    filled_atoms_minute_max: int = 0

    def __post_init__(self) -> None:
        """Check every limit against its bounds and against the others."""
        bounds = (
            ("stale_ns_max", 1, None),
            ("collar_ppm", 1, PPM - 1),
            ("order_lots_max", 1, None),
            ("order_atoms_max", 1, None),
            ("exposure_atoms_max", 1, None),
            ("open_orders_max", 1, None),
            ("placements_minute_max", 1, None),
            ("session_loss_atoms", 1, None),
            ("account_loss_atoms", 1, None),
            ("open_loss_atoms", 1, None),
            ("drawdown_ppm_max", 1, PPM),
            ("slippage_ppm_max", 0, self.collar_ppm),
            ("exit_reserve", 0, None),
            ("inventory_soft_ppm", 1, PPM),
            ("crossed_ns_max", 1, None),
            ("fills_minute_max", 0, None),
            ("filled_atoms_minute_max", 0, None),
        )
        for name, lowest, highest in bounds:
            value: int = getattr(self, name)
            if value < lowest or (highest is not None and value > highest):
                upper = "" if highest is None else f" and at most {highest}"
                raise ConfigError(f"{name} was {value}, expected at least {lowest}{upper}")
        if self.on_breach not in STOPPING:
            raise ConfigError(f"on_breach was {self.on_breach.value}, expected halt or flatten")


def make_rules(limits: RiskLimits) -> tuple[Rule, ...]:
    """Return every rule with its limits, in the order in which they shape."""
    return (
        # First whether there is a market at all: without one nothing is left to look at.
        BookHealth(stale_ns_max=limits.stale_ns_max, crossed_ns_max=limits.crossed_ns_max),
        # Then what is dropped for its price alone, so that no sum below counts it.
        PriceCollar(collar_ppm=limits.collar_ppm),
        SelfTrade(),
        # Then each quote's own size, so that no sum below is spent on what is cut anyway.
        OrderSize(lots_max=limits.order_lots_max),
        OrderValue(atoms_max=limits.order_atoms_max),
        # Then the sums over a ladder, nearest level first: this session's, the account's, the wallet's.
        InventoryBand(soft_ppm=limits.inventory_soft_ppm),
        Exposure(atoms_max=limits.exposure_atoms_max),
        Funds(),
        # Then the number of what is left.
        OpenOrders(orders_max=limits.open_orders_max),
        # The rest shapes nothing: it judges single placements, and what was filled and lost so far.
        MessageRate(minute_max=limits.placements_minute_max, exit_reserve=limits.exit_reserve),
        Slippage(slippage_ppm_max=limits.slippage_ppm_max),
        FillBurst(fills_max=limits.fills_minute_max, filled_atoms_max=limits.filled_atoms_minute_max),
        StopLoss(
            session_atoms_max=limits.session_loss_atoms,
            account_atoms_max=limits.account_loss_atoms,
            open_atoms_max=limits.open_loss_atoms,
            drawdown_ppm_max=limits.drawdown_ppm_max,
            on_breach=limits.on_breach,
        ),
    )
