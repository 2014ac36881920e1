"""The floor: a market in the exchange's time, its records, and who is told what happens.

Everything that changes the world goes through here, so that facts reach the records and the streams once and
in order. Which market lives on it (simulated traders, a recording) is behind `FloorMarket`. Invariant:
`now_ns` never goes back and every fact up to it has been published.
"""

from collections.abc import Callable
from typing import Any, Protocol

from mm.domain.instrument import Instrument
from mm.domain.units import SCALE_MIN
from mm.exchange.clock import Clock
from mm.exchange.displayed import Displayed
from mm.exchange.limits import Limits
from mm.exchange.records import Records
from mm.exchange.settings import ExchangeSettings
from mm.exchange.signing import keys_of
from mm.exchange.streams import PublicStreams
from mm.sim.orders import AmendOrder, CancelOrder, NewOrder, Order, Refusal
from mm.sim.reports import Fact, Held, OrderReport, Prevented, Trade
from mm.sim.world import CLIENT, World


class FloorMarket(Protocol):
    """A market that lives on a floor."""

    @property
    def clock(self) -> Clock:
        """The exchange's clock."""

    @property
    def line_clock(self) -> Clock:
        """The clock by which connections live and die."""

    @property
    def instrument(self) -> Instrument:
        """What is traded."""

    @property
    def world(self) -> World:
        """Where the client's orders are."""

    @property
    def displayed(self) -> Displayed:
        """What everybody sees."""

    @property
    def market_size_max_lots(self) -> int:
        """The largest MARKET order."""

    @property
    def time_scale(self) -> float:
        """Seconds of the exchange per second."""

    def advance(self, target_ns: int, publish: Callable[[], None]) -> int:
        """Let the market live up to `target_ns`, or a part of the way; return up to when it has.

        Calls `publish` wherever facts have to be out before more happens.
        """

    def on_fact(self, fact: Fact) -> None:
        """Hear a fact, before anybody else does."""

    def open_streams(self, now_ns: int) -> PublicStreams:
        """Return the public streams, fed by this market from now on; called once."""

    def about(self) -> dict[str, Any]:
        """Return what the truth door tells of it: `seed`, `preset`, `recording`."""

    def ahead_atoms(self, order_id: int) -> int | None:
        """Return what is estimated to stand before an open order, in base atoms; None: not estimated."""

    def held_ns(self) -> int:
        """Return how far ahead of the exchange's clock others may be, because it has stood still."""


class Floor:
    """One running market with its memory. Fields: skew_ns: how far off the clock that clients see is."""

    def __init__(self, settings: ExchangeSettings, market: FloorMarket) -> None:
        """Open the floor at the market's time, with the client's funds."""
        self.settings = settings
        self.market = market
        self.clock = market.clock
        self.instrument = market.instrument
        self.market_size_max_lots = market.market_size_max_lots
        self.world = market.world
        self.displayed = market.displayed
        self.start_ns = self.now_ns = self.clock.now_ns()
        self.keys = keys_of(
            api_key=settings.api_key,
            api_secret=settings.api_secret,
            ed25519_api_key=settings.ed25519_api_key,
            ed25519_public_key_pem=settings.ed25519_public_key_pem,
        )
        self.records = Records(orders_max=settings.orders_max, tape_max=settings.tape_max)
        self.limits = Limits(
            weight_per_minute=settings.weight_per_minute,
            orders_per_10s=settings.orders_per_10s,
            orders_per_day=settings.orders_per_day,
        )
        self._deposit(self.instrument.base, settings.client_base_atoms, self.instrument.base_scale)
        self._deposit(self.instrument.quote, settings.client_quote_atoms, self.instrument.quote_scale)
        self.held_at_start: tuple[Held, ...] = self.world.held(CLIENT)
        self.listeners: list[Callable[[Fact], None]] = [market.on_fact]
        self.skew_ns = 0
        self._client_ids = 0
        self.sync()

    def shown_ns(self) -> int:
        """Return the time that clients are told and judged by."""
        return self.clock.now_ns() + self.skew_ns

    def sync(self) -> None:
        """Let the market live up to the clock's time and publish what happened.

        A market that is far behind catches up in slices, one per call.
        """
        target_ns = max(self.now_ns, self.clock.now_ns())
        reached_ns = self.market.advance(target_ns, self.publish)
        self.now_ns = max(self.now_ns, reached_ns)
        self.publish()

    def place(self, new: NewOrder) -> Order | Refusal:
        """Place an order now; facts are published before this returns."""
        outcome = self.world.place(new, self.now_ns)
        self.publish()
        return outcome

    def cancel(self, request: CancelOrder) -> Order | Refusal:
        """Cancel an order now; facts are published before this returns."""
        outcome = self.world.cancel(request, self.now_ns)
        self.publish()
        return outcome

    def amend(self, request: AmendOrder) -> Order | Refusal:
        """Make an order smaller now; facts are published before this returns."""
        outcome = self.world.amend(request, self.now_ns)
        self.publish()
        return outcome

    def report_rejected(self, new: NewOrder, refusal: Refusal) -> None:
        """Report an order that was refused after another was cancelled for it."""
        self.world.report_rejected(new, refusal, self.now_ns)
        self.publish()

    def next_client_id(self) -> str:
        """Return an id for a request that brought none."""
        self._client_ids += 1
        return f"local-{self._client_ids}"

    def publish(self) -> None:
        """Hand every fact since the last call to the records, then to the listeners."""
        for fact in self.world.take_facts():
            if isinstance(fact, OrderReport):
                self.records.on_report(fact)
            elif isinstance(fact, Trade):
                self.records.on_trade(fact)
            elif isinstance(fact, Prevented):
                self.records.on_prevented(fact)
            for listener in self.listeners:
                listener(fact)

    def _deposit(self, asset: str, atoms: int, scale: int) -> None:
        # The settings count 10^-8; an asset of the market may be held in smaller atoms.
        self.world.accounts.deposit(CLIENT, asset, atoms * 10 ** (scale - SCALE_MIN))
