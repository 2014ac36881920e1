"""A whole bot on a local exchange with faults: real sockets, real adapter, engine, strategy and loop.

Everybody's time runs `SCALE` times as fast as the wall's, so that half a minute of market is a few seconds.
What the engine sends is watched while it happens; how the run went is judged by the exchange's truth.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec

from mm.bootstrap.assemble import session_setup, started
from mm.bootstrap.trade import Bot
from mm.bootstrap.verdict import judged
from mm.domain.ids import OrderIds
from mm.domain.instrument import Instrument
from mm.domain.orders import OrderState
from mm.domain.units import NS_PER_MS, NS_PER_S
from mm.engine.session import SessionState
from mm.engine.setup import Deadlines, EngineSetup
from mm.errors import VenueRefused, VenueUnreachable
from mm.exchange.agents_market import AgentsMarket
from mm.exchange.clock import WallClock
from mm.exchange.faults.injector import NOTHING
from mm.exchange.faults.plan import Plan
from mm.exchange.server import LocalExchange
from mm.observe.judge import read_truth
from mm.runtime.clock import AnchoredClock, Pace
from mm.runtime.live import LiveRuntime, Outcome
from mm.settings.models import Settings
from mm.settings.options import RunReport
from mm.settings.strategies import strategy_class
from mm.venues.binance import BinanceSettings, BinanceUrls
from mm.venues.binance.venue import BinanceAdapter
from tests.builders.checked_engine import CheckedEngine
from tests.builders.configs import loaded
from tests.builders.exchange import KEY, SECRET, make_settings

SCALE: Final = 10.0
PATIENCE_S: Final = 30.0
"""Seconds of the wall that a test waits for what has to come; reached only when it does not."""

PROOF_NS: Final = 10 * NS_PER_S
"""In place of the venue's minute: longer than a request lives here."""

DEADLINES: Final = Deadlines(
    answer=4 * NS_PER_S,
    echo=3 * NS_PER_S,
    stale=2 * NS_PER_S,
    reconnect=4 * NS_PER_S,
    query_max=2 * NS_PER_S,
    venue_lag=2 * NS_PER_S,
    reconcile=5 * NS_PER_S,
    clock=60 * NS_PER_S,
    crossed=1_000 * NS_PER_MS,
    retry_max=4 * NS_PER_S,
)

TEXT: Final = """\
mode = "live"

[venue.main]
key = "env:K"
secret = "env:S"

[pair.btc]
symbol = "BTC/USDT"

[pair.btc.params]
bid_spread_bps = 3
ask_spread_bps = 3
order_amount_base = 0.002
order_refresh_time_ms = 1_000
order_refresh_tolerance_bps = 0

[pair.btc.inventory]
max_base = 0.05

[risk]
max_notional_quote = 5_000
max_order_notional_quote = 500
session_loss_quote = 100
"""


class FastClock:
    """The exchange's clock: the wall's, so many times as fast."""

    def __init__(self, scale: float) -> None:
        self._wall = WallClock()
        self._began_ns = self._wall.now_ns()
        self._scale = scale

    def now_ns(self) -> int:
        """Return the time since the epoch in nanoseconds."""
        return self._began_ns + round((self._wall.now_ns() - self._began_ns) * self._scale)


class Trial:
    """A bot at an exchange. Fields: exchange, engine, runtime, http: for the doors of the exchange."""

    def __init__(
        self, exchange: LocalExchange, runtime: LiveRuntime, http: aiohttp.ClientSession, settings: Settings
    ) -> None:
        self.exchange, self.runtime, self._http, self._settings = exchange, runtime, http, settings
        self.engine: CheckedEngine = runtime.engine  # type: ignore[assignment]  # made by `trial` alone
        self._began_ns = exchange.floor.clock.now_ns()
        self._run = asyncio.ensure_future(runtime.run())

    def now_ns(self) -> int:
        """Return the exchange's time."""
        return self.exchange.floor.clock.now_ns()

    async def add(self, **fault: object) -> dict[str, Any]:
        """Add a fault at the door; return its row."""
        async with self._http.post(
            f"{self.exchange.url}/_mm/faults", data=msgspec.json.encode(fault)
        ) as answer:
            row: dict[str, Any] = msgspec.json.decode(await answer.read())
            assert answer.status == 200, row
            return row

    async def faults(self) -> dict[str, Any]:
        """Return what the door of faults tells."""
        async with self._http.get(f"{self.exchange.url}/_mm/faults") as answer:
            told: dict[str, Any] = msgspec.json.decode(await answer.read())
            return told

    async def truth(self) -> bytes:
        """Return what the truth door tells."""
        async with self._http.get(f"{self.exchange.url}/_mm/truth") as answer:
            return await answer.read()

    async def until(self, what: str, holds: Callable[[], bool], *, patience_s: float = PATIENCE_S) -> None:
        """Wait until something holds; fails with `what` if it does not in time, or if the bot ends."""
        loop = asyncio.get_running_loop()
        end = loop.time() + patience_s
        while not holds():
            if self._run.done():
                raise AssertionError(f"{what}: the bot has ended: {self._run.result()}")
            assert loop.time() < end, f"{what}: did not happen in time; {self.story()}"
            await asyncio.sleep(0.005)

    def story(self) -> str:
        """Return what the engine said last and where it stands, for a test that fails."""
        state = self.engine.state
        told = [
            f"{(r.ts_ns - self._began_ns) / 1e9:.2f} {r.code} {dict(r.facts)}" for r in self.engine.reports
        ]
        orders = [f"{o.cid[-4:]} {o.state} {o.cum_lots}/{o.size_lots}" for o in state.orders.live.values()]
        session = state.sessions[0]
        where = [
            f"{(state.now_ns - self._began_ns) / 1e9:.2f} {session.state} {session.reason}",
            f"synced {state.user_synced} book {session.market.book.status} orders {orders}",
            f"faults {self.exchange._faults.rows()}",
            f"ignored {dict(self.runtime._venue.ignored)}",  # type: ignore[attr-defined]  # an adapter
        ]
        return "\n".join([*told[-40:], *where])

    @property
    def is_quoting(self) -> bool:
        """Whether both sides are quoted, nothing is in doubt, and the venue sees the same orders."""
        state = self.engine.state
        if state.sessions[0].state is not SessionState.ACTIVE or not state.user_synced:
            return False
        live = state.orders.live.values()
        if {order.side.name for order in live if order.state is OrderState.WORKING} != {"BUY", "SELL"}:
            return False
        really = {record.order.client_id for record in self.exchange.floor.records.open()}
        return not state.orders.uncertain() and {order.cid for order in live} <= really

    async def passed(self, kinds: Collection[str]) -> None:
        """Wait until faults of these kinds have hit, and none of those that end holds any more."""

        def is_over() -> bool:
            told = self.exchange._faults.rows()
            endless = ("skew", "not_found")
            lasting = [row for row in told["active"] if row["ends_ns"] or row["kind"] not in endless]
            return set(kinds) <= set(told["hits"]) and not lasting

        await self.until(f"{', '.join(kinds)} passed", is_over)

    async def quotes(self, *, since_ns: int = 0, patience_s: float = PATIENCE_S) -> None:
        """Wait until it quotes with an order that was placed after `since_ns`."""

        def fresh() -> bool:
            orders = self.engine.state.orders.live.values()
            return self.is_quoting and max(order.placed_ns for order in orders) > since_ns

        await self.until("it quotes", fresh, patience_s=patience_s)

    async def end(self) -> Outcome:
        """Stop the bot in order; return how it ended."""
        self.runtime.stop("test")
        return await self.ended()

    async def ended(self) -> Outcome:
        """Wait until the bot has ended."""
        async with asyncio.timeout(PATIENCE_S):
            return await self._run

    async def verdict(self, outcome: Outcome) -> RunReport:
        """Return how the run went, by the exchange's truth."""
        bot = Bot([self._settings], self.runtime, outcome)
        return judged(bot, [read_truth(await self.truth())], began_ns=self._began_ns, run_s=1.0)

    async def abandon(self) -> None:
        """End the bot if it still runs."""
        if not self._run.done():
            self._run.cancel()
        await asyncio.gather(self._run, return_exceptions=True)


async def _instrument(venue: BinanceAdapter) -> Instrument:
    # A hundred milliseconds of a busy machine are a second here, and a clock measured across them is off.
    for _ in range(5):
        with suppress(VenueRefused, VenueUnreachable):
            (instrument,) = await venue.instruments(("BTC/USDT",))
            return instrument
    raise AssertionError("the machine is too busy to measure a clock")


@asynccontextmanager
async def trial(folder: Path, *, plan: Plan = NOTHING, seed: int = 7, **changes: Any) -> AsyncIterator[Trial]:
    """Start an exchange and a bot at it; `changes` of the exchange's settings applied."""
    settings = loaded(folder, TEXT, [f"data_dir={folder / 'data'}"])
    given = make_settings(**({"preset": "demo", "seed": seed, "pump_ms": 5} | changes))
    market = AgentsMarket(given, FastClock(SCALE))
    market.time_scale, market.line_clock = SCALE, WallClock()
    exchange = LocalExchange(given, market=market, plan=plan)
    await exchange.start()
    clock = AnchoredClock(Pace(now_ns=market.clock.now_ns(), scale=SCALE))
    venue = BinanceAdapter(
        BinanceSettings(
            clock=clock,
            api_key=KEY,
            api_secret=SECRET,
            urls=BinanceUrls(exchange.url),
            loopback_only=True,
            request_timeout_ms=300,
        )
    )
    instrument = await _instrument(venue)
    strategy = started(settings, "btc", instrument, strategy_class("pure_market_making", folder))
    engine = CheckedEngine(
        EngineSetup(
            ids=OrderIds(tag=7, key=b"tests"),
            epoch=1,
            caps=msgspec.structs.replace(venue.caps, absence_proof_ns=PROOF_NS),
            sessions=(session_setup(settings, "btc", instrument, strategy, target_lots=None),),
            deadlines=DEADLINES,
        )
    )
    async with aiohttp.ClientSession() as http:
        made = Trial(exchange, LiveRuntime(engine, venue, clock), http, settings)
        try:
            await made.quotes()
            yield made
        finally:
            await made.abandon()
            await exchange.close()
