"""The numbers that make a simulated market: who trades, how often, how well informed.

Data only. Distances are basis points of the efficient price, sizes lots, times seconds (floats: these are
parameters of random draws, never money). What the presets come to is measured by the tests of `agents.py`.
"""

from typing import Final

import msgspec


class MakerCrowd(msgspec.Struct, frozen=True, kw_only=True):
    """Traders that keep limit orders on both sides of the efficient price.

    Fields:
        count: how many owners. levels: orders a side of each.
        first_bps, spacing_bps: the nearest order of the first owner, and how much further each next owner
            stands; step_bps: distance between the levels of one owner.
        tolerance_bps: how far an order may be off before it is replaced.
        wake_s: mean time between two looks at the market.
        lots_min, lots_max: size of one order.
        joins: where an order would cross the book: stand one tick before the other side, or wait.
    """

    count: int
    levels: int
    first_bps: float
    spacing_bps: float
    step_bps: float
    tolerance_bps: float
    wake_s: float
    lots_min: int
    lots_max: int
    joins: bool = False


class TakerCrowd(msgspec.Struct, frozen=True, kw_only=True):
    """Traders without information that send market orders, buys and sells alike.

    Fields:
        count: how many owners. gap_s_min, gap_s_max: time between two market orders, drawn uniformly.
        reach_bps_min, reach_bps_max: how far from the efficient price an order reaches; at least the best
            level is reached in any case. lots_min, lots_max: bounds of the size.
    """

    count: int
    gap_s_min: float
    gap_s_max: float
    reach_bps_min: float
    reach_bps_max: float
    lots_min: int
    lots_max: int


class News(msgspec.Struct, frozen=True, kw_only=True):
    """Jumps of the efficient price that a few traders see first.

    Fields:
        gap_s: mean time between two jumps. jump_bps: mean size of a jump.
        orders_max: most market orders that the informed send on one jump (as many as the jump is worth).
        bps_per_order: size of the jump per informed order.
        lead_s: how long before the jump they start. reaction_s: time within which the makers follow.
    """

    gap_s: float
    jump_bps: float
    orders_max: int
    bps_per_order: float
    lead_s: float
    reaction_s: float


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """A whole market.

    Fields: price_ticks: where it opens; sigma_bps: volatility of the efficient price between jumps, bps per
    square root of a second; fees are those of the instrument that is traded with it.
    """

    price_ticks: int
    sigma_bps: float
    crowds: tuple[MakerCrowd, ...]
    takers: TakerCrowd | None
    news: News | None
    maker_fee_ppm: int
    taker_fee_ppm: int


DEMO: Final = Preset(
    price_ticks=6_000_000,
    sigma_bps=0.5,
    crowds=(
        MakerCrowd(
            count=10,
            levels=3,
            first_bps=3.0,
            spacing_bps=0.35,
            step_bps=3.4,
            tolerance_bps=0.4,
            wake_s=0.5,
            lots_min=1_000,
            lots_max=8_000,
        ),
        MakerCrowd(
            count=4,
            levels=4,
            first_bps=15.0,
            spacing_bps=3.0,
            step_bps=12.0,
            tolerance_bps=4.0,
            wake_s=3.0,
            lots_min=10_000,
            lots_max=60_000,
        ),
    ),
    takers=TakerCrowd(
        count=12,
        gap_s_min=0.4,
        gap_s_max=1.6,
        reach_bps_min=3.0,
        reach_bps_max=8.0,
        lots_min=100,
        lots_max=100_000,
    ),
    news=News(gap_s=8.0, jump_bps=3.0, orders_max=1, bps_per_order=4.0, lead_s=0.1, reaction_s=0.2),
    maker_fee_ppm=50,
    taker_fee_ppm=400,
)
"""A market in which a careful maker earns: wide, deep, mostly uninformed."""

BTC: Final = Preset(
    price_ticks=6_000_000,
    sigma_bps=0.0,
    crowds=(
        MakerCrowd(
            count=6,
            levels=4,
            first_bps=0.0,
            spacing_bps=0.0,
            step_bps=0.25,
            tolerance_bps=0.0,
            wake_s=0.4,
            lots_min=5_000,
            lots_max=60_000,
            joins=True,
        ),
        MakerCrowd(
            count=4,
            levels=5,
            first_bps=1.5,
            spacing_bps=0.4,
            step_bps=2.5,
            tolerance_bps=0.6,
            wake_s=1.0,
            lots_min=20_000,
            lots_max=150_000,
        ),
    ),
    takers=TakerCrowd(
        count=20,
        gap_s_min=0.0,
        gap_s_max=0.5,
        reach_bps_min=0.0,
        reach_bps_max=0.0,
        lots_min=20,
        lots_max=6_000,
    ),
    news=News(gap_s=0.6, jump_bps=0.75, orders_max=8, bps_per_order=0.16, lead_s=0.02, reaction_s=0.02),
    maker_fee_ppm=100,
    taker_fee_ppm=200,
)
"""As tight and as toxic as a recording of the largest spot market: one tick wide, and the flow knows."""

EMPTY: Final = Preset(
    price_ticks=6_000_000,
    sigma_bps=0.0,
    crowds=(),
    takers=None,
    news=None,
    maker_fee_ppm=50,
    taker_fee_ppm=400,
)
"""Nobody trades: for tests that place every order themselves."""

PRESETS: Final[dict[str, Preset]] = {"demo": DEMO, "btc": BTC, "empty": EMPTY}
"""Every preset by its name."""
