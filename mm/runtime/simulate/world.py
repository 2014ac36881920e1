"""The simulated world: one engine, one venue, one clock, one seed that everything follows from.

Virtual time: the loop jumps to whatever is due next, the engine's timer or something on its way. A run has
three parts: faults, healing (all faults off; the bot must quote again or be halted for a stated reason), rest
(an orderly stop; the books must agree to the last lot). Every command is judged before it is carried out.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from hashlib import sha256
from heapq import heappop, heappush
from random import Random
from typing import Any, Final

import msgspec

from mm.domain.capabilities import Capabilities
from mm.domain.commands import Place, Report, TimeInForce
from mm.domain.events import Advanced, AnyEvent, Operation, OperatorAsked, Stream
from mm.domain.ids import OrderId
from mm.domain.instrument import Instrument
from mm.domain.sides import Side
from mm.engine.engine import Engine
from mm.engine.setup import Deadlines, EngineSetup, SessionSetup
from mm.risk.base import AlarmAction
from mm.risk.rules import RiskLimits, make_rules
from mm.strategies.pure_market_making import PureMarketMaking
from tests.builders.engine_checks import Broken, Checks
from tests.builders.engine_faults import NONE, Faults, draw
from tests.builders.engine_ladder import Ladder
from tests.builders.engine_rig import EPOCH, IDS, make_session
from tests.builders.engine_truth import Outside, Truth
from tests.builders.engine_wire import REQUEST_LIFE_NS, Wire
from tests.builders.instruments import INSTRUMENT, make_test_instrument

START_NS: Final = 1_800_000_000_000_000_000
SECOND_NS: Final = 1_000_000_000
TICK_NS: Final = 100_000_000
BAND_LOTS: Final = 60
OTHER: Final = make_test_instrument(symbol="CCC/BBB", venue_symbol="CCCBBB", base="CCC")
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

OPERATIONS: Final = (
    Operation.PAUSE,
    Operation.RESUME,
    Operation.RESUME,
    Operation.HALT,
    Operation.UNHALT,
)
"""What people ask for, as often as it is in here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is simulated.

    Fields: seed: everything random follows from it; faults; symbols, sessions: one or two of each; duration,
    heal, rest: nanoseconds of each part; caps: of the venue; orphans: orders of an earlier life; latched:
    the halt that survived a restart; strategy: of every session; crashes: how often the process dies and a
    new one takes over, knowing nothing but the targets and the latch; limits: of every session.
    """

    seed: int
    faults: Faults
    sessions: int = 1
    symbols: int = 1
    fault_ns: int = 60 * SECOND_NS
    heal_ns: int = 50 * SECOND_NS
    rest_ns: int = 40 * SECOND_NS
    weight_per_minute: int = 6_000
    orphans: int = 0
    latched: str = ""
    strategy: Any = LADDER
    crashes: int = 0
    limits: RiskLimits = LIMITS


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run went.

    Fields: steps, places, fills: counted; stream: hash of every command's bytes; digest: of the engine at the
    end; reports: how often each code was reported; state: of the sessions before they were stopped.
    """

    steps: int
    places: int
    fills: int
    stream: str
    digest: str
    reports: dict[str, int]
    state: str


class World:
    """One run."""

    def __init__(self, plan: Plan) -> None:
        """Build everything; nothing happens before `run`."""
        self.plan = plan
        self.now_ns = START_NS
        self.random = Random(f"{plan.seed}/world")
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._order = 0
        self._hash = sha256()
        self._steps = 0
        instruments = (INSTRUMENT, OTHER)[: plan.symbols]
        self.truth = Truth(
            markets={i.symbol: Outside(instrument=i, bid_ticks=9_998, ask_ticks=10_002) for i in instruments},
            holdings={"BBB": 10**15, **{i.base: 10**12 for i in instruments}},
        )
        self.wire = Wire(self, self.truth, Random(f"{plan.seed}/wire"))
        self._instruments = instruments
        setup = self._setup(EPOCH, plan.latched, (None,) * plan.sessions)
        self.engine = Engine(setup)
        self.checks = Checks(setup, self.truth, self.wire, self.engine)
        self.wire.weight_used = self.checks.weight_used
        self.checks.bounds_exposure = not plan.faults.cancel_understated
        self._inherit(instruments[0])

    def _setup(self, epoch: int, latched: str, targets: tuple[int | None, ...]) -> EngineSetup:
        plan, instruments = self.plan, self._instruments
        sessions: tuple[SessionSetup, ...] = tuple(
            make_session(
                plan.strategy,
                name=f"s{index}",
                rules=make_rules(plan.limits),
                instrument=instruments[index % len(instruments)],
                band_lots_max=BAND_LOTS,
                slippage_ppm=10_000,
                target_lots=targets[index],
            )
            for index in range(plan.sessions)
        )
        return EngineSetup(
            ids=IDS,
            epoch=epoch,
            caps=Capabilities(
                orders_per_10s=100,
                weight_per_minute=plan.weight_per_minute,
                absence_proof_ns=3 * REQUEST_LIFE_NS,
            ),
            sessions=sessions,
            deadlines=DEADLINES,
            latched=latched,
            inherits=epoch > EPOCH or bool(plan.orphans),
        )

    def _crash(self) -> None:
        state = self.engine.state
        targets = tuple(None if one.target_lots < 0 else one.target_lots for one in state.sessions)
        setup = self._setup(state.setup.epoch + 1, state.halt_code, targets)
        self.engine = Engine(setup)
        self.wire.crash()
        self.checks.begin_life(setup, self.engine)
        self._step(Advanced(ts_ns=self.now_ns))

    def _inherit(self, instrument: Instrument) -> None:
        # Orders that an earlier life left, one of a stranger that may not be touched, one old fill.
        for number in range(self.plan.orphans + 1):
            cid = f"manual-{number}"
            if number:
                cid = IDS.encode(OrderId(IDS.tag, 0, EPOCH - 1, number))
            self.truth.place(
                self.now_ns - 60 * SECOND_NS,
                Place(
                    cid=cid,
                    symbol=instrument.symbol,
                    side=Side.BUY if number % 2 else Side.SELL,
                    price_ticks=9_998 - 3 * number if number % 2 else 10_020 if number else 10_900,
                    size_lots=7,
                    post_only=True,
                    time_in_force=TimeInForce.GTC,
                    reduces=False,
                    market_seq=0,
                    market_age_ns=0,
                ),
            )

    # ---- the clock

    def after(self, delay_ns: int, act: Callable[[], None]) -> None:
        """Do something later."""
        self._order += 1
        heappush(self._heap, (self.now_ns + max(0, delay_ns), self._order, act))

    def run(self) -> Outcome:
        """Run all three parts and return how it went; raises Broken."""
        plan = self.plan
        self._use(plan.faults)
        for index, symbol in enumerate(self.truth.markets):
            self.after(index * 7_000_000, lambda symbol=symbol: self._tick(symbol))  # type: ignore[misc]  # the default binds it now
        for _ in range(plan.crashes):
            self.after(self.random.randrange(plan.fault_ns), self._crash)
        self._step(Advanced(ts_ns=self.now_ns))
        self._until(START_NS + plan.fault_ns)
        self._use(NONE)
        self._lift()
        self._until(self.now_ns + plan.heal_ns)
        self.checks.is_alive(self.now_ns)
        state = ",".join(session.state for session in self.engine.state.sessions)
        self._operate(Operation.STOP)
        self._until(self.now_ns + plan.rest_ns)
        self.checks.at_rest()
        return Outcome(
            steps=self._steps,
            places=len(self.checks.placed),
            fills=len(self.truth.fills),
            stream=self._hash.hexdigest(),
            digest=self.engine.digest(),
            reports=self.checks.reports,
            state=state,
        )

    def _until(self, end_ns: int) -> None:
        while True:
            due_ns = self.engine.next_due_ns
            assert due_ns is not None
            first_ns = self._heap[0][0]
            if min(due_ns, first_ns) > end_ns:
                break
            if due_ns <= first_ns:
                self.now_ns = max(self.now_ns, due_ns)
                self._step(Advanced(ts_ns=self.now_ns))
            else:
                self.now_ns, _, act = heappop(self._heap)
                act()
        self.now_ns = end_ns

    def _use(self, faults: Faults) -> None:
        self.wire.faults = self.wire.streams.faults = faults

    # ---- the engine

    def deliver(self, kind: type[AnyEvent], **fields: Any) -> None:
        """Hand an event to the engine now."""
        self._step(kind(ts_ns=self.now_ns, **fields))

    def _step(self, event: AnyEvent) -> None:
        self._steps += 1
        self.checks.on_event(event)
        commands = self.engine.step(event)
        for command in commands:
            self._hash.update(msgspec.msgpack.encode(command))
            self.checks.on_command(self.now_ns, command)
            if not isinstance(command, Report):
                self.wire.submit(command)
        if commands:
            self.checks.on_truth()
        self.checks.on_step(self.now_ns)

    def truth_changed(self) -> None:
        """Look at what changed at the venue."""
        self.checks.on_truth()

    def _operate(self, operation: Operation, session: str = "") -> None:
        self.deliver(OperatorAsked, operation=operation, session=session, reason="simulated", who="world")

    # ---- the market and the people in it

    def _tick(self, symbol: str) -> None:
        random, outside = self.random, self.truth.markets[symbol]
        step = random.choice((-2, -1, -1, 0, 0, 0, 0, 1, 1, 2))
        middle = (outside.bid_ticks + outside.ask_ticks) // 2
        # It wanders, and comes home: prices stay where the grid of the test is.
        step += (middle < 9_900) - (middle > 10_100)
        spread = random.choice((2, 4, 4, 6))
        self.truth.move(self.now_ns, symbol, middle + step - spread // 2, middle + step + spread // 2)
        if random.random() < 0.25:
            aggressor = random.choice((Side.BUY, Side.SELL))
            price = self.truth.take(self.now_ns, symbol, aggressor, random.randint(1, 25), random)
            self.wire.streams.trade(symbol, price, aggressor)
        self.checks.on_truth()
        self.wire.tell_fills()
        self.wire.streams.publish(symbol)
        self._misfortune()
        self.after(TICK_NS + random.randint(-40, 60) * 1_000_000, lambda: self._tick(symbol))

    def _misfortune(self) -> None:
        wire, faults = self.wire, self.wire.faults
        for stream, down, silent in (
            (Stream.USER, faults.user_down, faults.user_silent),
            (Stream.MARKET, faults.market_down, faults.market_silent),
        ):
            if wire.hits(down):
                wire.streams.drop(stream, silent=False)
            elif wire.hits(silent):
                wire.streams.drop(stream, silent=True)
        if wire.hits(faults.operator):
            random = self.random
            session = f"s{random.randrange(self.plan.sessions)}" if random.random() < 0.5 else ""
            self._operate(random.choice(OPERATIONS), session)

    def _lift(self) -> None:
        # After the last fault an operator sets everything going again, as often as it takes.
        self._operate(Operation.RESUME)
        self._operate(Operation.UNHALT)
        state = self.engine.state
        self.after(
            20 * SECOND_NS,
            lambda: self._operate(Operation.UNHALT) if state.halt_code else None,
        )


def plan_of(seed: int, **changes: Any) -> Plan:
    """Return the plan of a seed: faults, sessions and what an earlier life left are drawn from it."""
    random = Random(f"{seed}/plan")
    sessions = random.choice((1, 1, 1, 2, 2))
    strategy: Any = Ladder(
        levels=random.choice((1, 2, 3)),
        half_spread_ticks=random.choice((2, 3, 5)),
        size_lots=random.choice((5, 10, 25)),
        tolerance_ticks=random.choice((0, 1, 3)),
        age_ns_max=random.choice((0, 4, 15)) * SECOND_NS,
        life_ns_min=random.choice((0, 0, 500_000_000)),
    )
    if random.random() < 0.25:
        strategy = PureMarketMaking(CLASSIC, INSTRUMENT)
    drawn: dict[str, Any] = {
        "seed": seed,
        "faults": draw(seed),
        "sessions": sessions,
        "symbols": random.choice((1, sessions)),
        "orphans": random.choice((0, 0, 2)),
        "latched": random.choice(("", "", "", "", "", "an earlier life")),
        "weight_per_minute": random.choice((6_000, 6_000, 2_500)),
        "strategy": strategy,
        "limits": random.choice((LIMITS, LIMITS, LIMITS, TIGHT)),
    }
    plan = Plan(**(drawn | changes))
    if random.random() < 0.3 and plan.sessions == plan.symbols:
        plan = replace(plan, crashes=random.choice((1, 2)))
    return plan


def simulate(plan: Plan) -> Outcome:
    """Run a plan; raises Broken, with the seed in its text, if an invariant does not hold."""
    world = World(plan)
    try:
        return world.run()
    except Broken as broken:
        at_s = (world.now_ns - START_NS) / SECOND_NS
        raise Broken(broken.invariant, f"{broken} (seed {plan.seed}, at {at_s:.3f} s)") from None
