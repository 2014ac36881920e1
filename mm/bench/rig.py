"""What the measurements share: one instrument, the limits of every rule, the strategy, an engine of them.

Must never be softer than production: all rules are in, and their limits are finite. Prices are ticks of 0.01
and sizes lots of 0.00001; the venue's own throttles are set so high that they do not bind.
"""

from decimal import Decimal
from typing import TYPE_CHECKING, Final, cast

from mm.domain.capabilities import Capabilities
from mm.domain.ids import OrderIds
from mm.domain.instrument import Instrument, InstrumentSpec, make_instrument
from mm.domain.units import NS_PER_S
from mm.engine.engine import Engine
from mm.engine.setup import Deadlines, EngineSetup, SessionSetup
from mm.risk.rules import RiskLimits, make_rules
from mm.strategies.pure_market_making import PureMarketMaking

if TYPE_CHECKING:
    from mm.strategies.base import Strategy

SYMBOL: Final = "BTC/USDT"
VENUE_SYMBOL: Final = "BTCUSDT"
MID_TICKS: Final = 6_000_000

CAPS: Final = Capabilities(orders_per_10s=10**6, weight_per_minute=10**8)
"""A venue that does not throttle."""


def make_engine(
    params: PureMarketMaking.Params, instrument: Instrument, deadlines: Deadlines | None = None
) -> Engine:
    """Return an engine of one session with every rule, before its first step."""
    session = SessionSetup(
        name="bench",
        instrument=instrument,
        # The engine hands a strategy back what it returned, and never looks into it.
        strategy=cast("Strategy[object]", PureMarketMaking(params, instrument)),
        rules=make_rules(limits()),
        band_ratio_ppm=500_000,
    )
    return Engine(
        EngineSetup(
            ids=OrderIds(tag=1, key=b"bench"),
            epoch=1,
            caps=CAPS,
            sessions=(session,),
            deadlines=deadlines or Deadlines(),
        )
    )


def make_bench_instrument() -> Instrument:
    """Return BTC/USDT with a tick of 0.01 and a lot of 0.00001."""
    return make_instrument(
        InstrumentSpec(
            symbol=SYMBOL,
            venue_symbol=VENUE_SYMBOL,
            base="BTC",
            quote="USDT",
            tick_size=Decimal("0.01"),
            lot_size=Decimal("0.00001"),
            size_min=Decimal("0.00001"),
            notional_min=Decimal(5),
        )
    )


def limits() -> RiskLimits:
    """Return limits of every rule: finite, and so wide that none binds."""
    return RiskLimits(
        stale_ns_max=2 * NS_PER_S,
        collar_ppm=15_000,
        order_lots_max=10**6,
        order_atoms_max=10**12,
        exposure_atoms_max=10**14,
        open_orders_max=40,
        placements_minute_max=10**6,
        session_loss_atoms=10**13,
        account_loss_atoms=10**13,
        open_loss_atoms=10**13,
        drawdown_ppm_max=100_000,
        slippage_ppm_max=1_500,
    )
