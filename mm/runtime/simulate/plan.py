"""What is simulated: drawn from a seed, or stated. Everything that a run does follows from its plan."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random
from typing import Final

from mm.engine.setup import Deadlines
from mm.risk.base import AlarmAction
from mm.risk.rules import RiskLimits
from mm.runtime.simulate.drawn_limits import drawn_limits
from mm.runtime.simulate.faults import FOCUS_EVERY, Faults, draw
from mm.runtime.simulate.instruments import FIRST
from mm.runtime.simulate.ladder import Ladder
from mm.runtime.simulate.subject import Subject
from mm.strategies.pure_market_making import PureMarketMaking

START_NS: Final = 1_800_000_000_000_000_000
SECOND_NS: Final = 1_000_000_000
TICK_NS: Final = 100_000_000
BAND_LOTS: Final = 60
STALE_NS: Final = 1_500_000_000

DEADLINES: Final = Deadlines(
    answer=2 * SECOND_NS,
    echo=2 * SECOND_NS,
    stale=STALE_NS,
    reconnect=4 * SECOND_NS,
    venue_lag=2 * SECOND_NS,
    reconcile=8 * SECOND_NS,
    retry_max=4 * SECOND_NS,
)

LIMITS: Final = RiskLimits(
    stale_ns_max=STALE_NS,
    collar_ppm=100_000,
    order_lots_max=1_000,
    order_atoms_max=10**14,
    exposure_atoms_max=10**16,
    open_orders_max=40,
    placements_minute_max=100_000,
    session_loss_atoms=10**15,
    account_loss_atoms=10**15,
    open_loss_atoms=10**15,
    drawdown_ppm_max=1_000_000,
    slippage_ppm_max=20_000,
)
"""Limits that nothing reaches but the inventory band: what ends a run early hides what comes later."""

TIGHT: Final = replace(LIMITS, session_loss_atoms=400_000, on_breach=AlarmAction.FLATTEN)
"""As above, but some bad fills end trading and the position is left at any price within the bound."""

LADDER: Final = Ladder()
"""Two levels a side."""

FAR: Final = Ladder(levels=2, half_spread_ticks=45, step_ticks=4, size_lots=10, tolerance_ticks=40)
"""Orders that stand where hardly anything trades, and stay."""

FAR_SEED: Final = 11
"""Of as many seeds as there are between two of a focus, the one that always has it."""

CLASSIC: Final = PureMarketMaking.Params(
    bid_spread_bps=Decimal(3),
    ask_spread_bps=Decimal(3),
    order_amount_base=Decimal("0.01"),
    order_refresh_time_ms=1_000,
    order_levels=2,
    order_level_spread_bps=Decimal(3),
    max_order_age_ms=10_000,
    inventory_skew_enabled=True,
)
"""What a user would write: some runs are quoted by a strategy of the product."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is simulated.

    Fields: seed: everything random follows from it; faults; symbols, sessions: one or two of each; fault_ns,
    heal_ns, rest_ns: nanoseconds of each part; steps: of the engine under faults, 0: as many as fit into
    `fault_ns`, else that does not count; weight_per_minute: of the venue; orphans: orders of an earlier life;
    latched: the halt that survived a restart; strategy: of every session; crashes: how often the process dies
    besides what the faults do; limits: of every session; reruns: every life is repeated from its journal;
    verify_every: of the lives that did not end in good order so many have one journal verified;
    profile: the mix that the faults were drawn from; only: the kinds of it that are left, None: all;
    strength: percent of the intensities that were drawn; subject: whose bot it is, None: the simulation's
    own, made from the fields above. shrunk: the account holds so many times less than usual.
    """

    seed: int
    faults: Faults
    sessions: int = 1
    symbols: int = 1
    fault_ns: int = 60 * SECOND_NS
    heal_ns: int = 50 * SECOND_NS
    rest_ns: int = 40 * SECOND_NS
    steps: int = 0
    weight_per_minute: int = 6_000
    orphans: int = 0
    latched: str = ""
    strategy: object = LADDER
    crashes: int = 0
    limits: RiskLimits = LIMITS
    reruns: bool = False
    verify_every: int = 1
    profile: str = "all"
    only: tuple[str, ...] | None = None
    strength: int = 100
    subject: Subject | None = None
    shrunk: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run went.

    Fields: steps, places, fills, lives, crashes: counted; stream: hash of every command's bytes; digest: of
    the last engine at the end; reports: how often each code was reported; state: of the sessions before they
    were stopped; faults: how often each kind happened; rows: how often each row of the order table was fired;
    worst_ppm: of the exposure that was allowed, the largest share that was reached.
    """

    steps: int
    places: int
    fills: int
    stream: str
    digest: str
    reports: dict[str, int]
    state: str
    lives: int = 1
    crashes: int = 0
    faults: Mapping[str, int]
    rows: Mapping[str, int]
    worst_ppm: int = 0


def plan_of(seed: int, *, profile: str = "all", **changes: object) -> Plan:
    """Return the plan of a seed: faults, sessions and what an earlier life left are drawn from it.

    Args: changes: fields of the plan that are stated instead.
    """
    random = Random(f"{seed}/plan")
    sessions = random.choice((1, 1, 1, 2, 2))
    strategy: object = Ladder(
        levels=random.choice((1, 2, 3)),
        half_spread_ticks=random.choice((2, 3, 5)),
        size_lots=random.choice((5, 10, 25)),
        tolerance_ticks=random.choice((0, 1, 3)),
        age_ns_max=random.choice((0, 4, 15)) * SECOND_NS,
        life_ns_min=random.choice((0, 0, 500_000_000)),
    )
    if random.random() < 0.25:
        strategy = PureMarketMaking(CLASSIC, FIRST)
    plan = Plan(
        seed=seed,
        faults=draw(seed, profile),
        sessions=sessions,
        symbols=random.choice((1, sessions)),
        orphans=random.choice((0, 0, 2)),
        latched=random.choice(("", "", "", "", "", "an earlier life")),
        weight_per_minute=random.choice((6_000, 6_000, 2_500)),
        strategy=strategy,
        limits=random.choice((LIMITS, LIMITS, LIMITS, TIGHT)),
        reruns=seed % 8 == 0,
        verify_every=4,
        profile=profile,
    )
    if random.random() < 0.2 or seed % FOCUS_EVERY == FAR_SEED:
        # Far from where anything trades: its orders get old.
        plan = replace(plan, strategy=FAR)
    if "limits" not in changes:
        drawn = drawn_limits(seed, plan.limits)
        plan = replace(plan, limits=drawn.limits, shrunk=drawn.shrunk)
    return replace(plan, **changes)  # type: ignore[arg-type]  # whoever states fields knows their types
