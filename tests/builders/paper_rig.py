"""A paper bot in virtual time: the real engine over the paper venue over a public market that is generated.

Everything happens in the order of its time, merged by the runtime's own loop; nothing reads a clock. It keeps
every step, so that two runs can be compared to the byte.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import msgspec

from mm.domain.commands import AnyCommand, Cancel, Place, Report
from mm.domain.events import Advanced, AnyEvent, Operation, OperatorAsked, OrderFilled
from mm.domain.instrument import Instrument
from mm.engine.engine import Engine
from mm.engine.setup import EngineSetup
from mm.risk.rules import make_rules
from mm.runtime.event_time import EventTime
from mm.runtime.simulate.plan import LIMITS
from mm.store.journal.codec import encode
from mm.store.journal.entries import Entry, Kind, Record
from mm.strategies.pure_market_making import PureMarketMaking
from mm.venues.paper import PaperVenue, PaperVenueSettings
from tests.builders.engine_rig import EPOCH, IDS, START_NS, make_session
from tests.builders.instruments import INSTRUMENT
from tests.builders.paper_market import PublicMarket

SECOND_NS: Final = 1_000_000_000
BAND_LOTS: Final = 200

CLOSE: Final = PureMarketMaking.Params(
    bid_spread_bps=Decimal(2),
    ask_spread_bps=Decimal(2),
    order_amount_base=Decimal("0.02"),
    order_refresh_time_ms=1_000,
    order_levels=2,
    order_level_spread_bps=Decimal(3),
    max_order_age_ms=10_000,
    inventory_skew_enabled=True,
)
"""Two levels a side, close to the mid: they are traded with."""


def paper_settings(**changes: Any) -> PaperVenueSettings:
    """Return settings with a million of each asset of `INSTRUMENT`, 20 to 60 ms away, without fees."""
    fields: dict[str, Any] = {
        "balances": {"AAA": Decimal(1_000), "BBB": Decimal(1_000_000)},
        "latency_mean_ms": 20,
        "latency_p99_ms": 60,
        "maker_fee_ppm": 100,
        "taker_fee_ppm": 300,
    }
    return PaperVenueSettings(**(fields | changes))


@dataclass
class PaperRun:
    """One bot on paper.

    Fields: market: what it watches; venue, engine: its own. steps: every event that the engine heard;
    commands: everything it said; cancelled: every cancel with the time at which it was sent; records: all of
    that as a journal would hold it.
    """

    market: PublicMarket
    venue: PaperVenue
    engine: Engine
    steps: list[AnyEvent] = field(default_factory=list)
    commands: list[AnyCommand] = field(default_factory=list)
    cancelled: list[tuple[Cancel, int]] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    now_ns: int = START_NS

    def __post_init__(self) -> None:
        """Let time begin."""
        self.market.now_ns = START_NS
        self.time = EventTime(
            self.venue,
            next_timer_ns=self._timer,
            computed=lambda event: self._step(event, Kind.OUTCOME),
            outside=lambda event: self._step(event, Kind.EVENT),
        )
        self.time.on_event(Advanced(ts_ns=START_NS))

    def run(self, duration_ns: int) -> None:
        """Let time pass."""
        end_ns = self.now_ns + duration_ns
        while True:
            due = [ns for ns in (self.time.next_due_ns, self.market.next_ns) if ns is not None]
            if not due or min(due) > end_ns:
                break
            self.now_ns = max(self.now_ns, min(due))
            if self.market.next_ns == min(due):
                for event in self.market.take():
                    self.time.on_event(event)
            else:
                # What is asked for now is answered later than now.
                self.market.now_ns = max(self.market.now_ns, self.now_ns)
                self.time.advance(self.now_ns)
            self.market.now_ns = max(self.market.now_ns, self.now_ns)
        self.now_ns = end_ns
        self.market.now_ns = end_ns
        self.time.on_event(Advanced(ts_ns=end_ns))

    def operate(self, operation: Operation) -> None:
        """Ask as an operator."""
        asked = OperatorAsked(ts_ns=self.now_ns, operation=operation, session="", reason="test", who="tester")
        self.time.on_event(asked)

    def fills(self) -> list[OrderFilled]:
        """Return every fill that the engine heard of, once each."""
        by_id = {step.trade_id: step for step in self.steps if isinstance(step, OrderFilled)}
        return list(by_id.values())

    def places(self) -> list[Place]:
        """Return every placement."""
        return [command for command in self.commands if isinstance(command, Place)]

    def bytes(self) -> bytes:
        """Return everything that was heard and said, encoded."""
        return msgspec.msgpack.encode([self.steps, self.commands])

    def _timer(self) -> int | None:
        return self.engine.next_due_ns

    def _record(self, ts_ns: int, kind: Kind, entry: Entry) -> None:
        self.records.append(Record(len(self.records) + 1, ts_ns, kind, entry, encode(entry)))

    def _step(self, event: AnyEvent, kind: Kind) -> None:
        self.steps.append(event)
        self._record(event.ts_ns, kind, event)
        commands: Sequence[AnyCommand] = self.engine.step(event)
        self.commands.extend(commands)
        for command in commands:
            self._record(self.engine.state.now_ns, Kind.COMMAND, command)
        for command in commands:
            if isinstance(command, Cancel):
                self.cancelled.append((command, event.ts_ns))
            if not isinstance(command, Report):
                self.venue.submit(command)


async def paper_parts(
    *, seed: int = 1, strategy: Any = CLOSE, instrument: Instrument = INSTRUMENT, **changes: Any
) -> tuple[PublicMarket, PaperVenue, Engine]:
    """Return what a bot is made of, before anything has happened; `changes` are of the paper settings."""
    market = PublicMarket(instrument, seed=seed)
    venue = PaperVenue(market, paper_settings(**changes))
    (traded,) = await venue.instruments((instrument.symbol,))
    await venue.start(lambda _: None)
    session = make_session(
        PureMarketMaking(strategy, traded),
        rules=make_rules(LIMITS),
        instrument=traded,
        band_lots_max=BAND_LOTS,
        slippage_ppm=10_000,
    )
    setup = EngineSetup(ids=IDS, epoch=EPOCH, caps=venue.caps, sessions=(session,))
    return market, venue, Engine(setup)


async def paper_run(**changes: Any) -> PaperRun:
    """Return a bot that has not begun to quote. Args: as of `paper_parts`."""
    return PaperRun(*await paper_parts(**changes))
