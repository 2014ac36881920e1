"""The floor: the simulated world in the exchange's time, its records, and who is told what happens.

Everything that changes the world goes through here, so that facts reach the records and the streams once and
in order. Invariant: `now_ns` never goes back and every fact up to it has been published.
"""

from collections.abc import Callable
from typing import Final

from mm.domain.units import NS_PER_S
from mm.exchange.clock import Clock
from mm.exchange.limits import Limits
from mm.exchange.records import Records
from mm.exchange.settings import ExchangeSettings
from mm.sim.agents import Agents
from mm.sim.orders import CancelOrder, NewOrder, Order, Refusal
from mm.sim.presets import PRESETS
from mm.sim.reports import Fact, Held, OrderReport, Prevented, Trade
from mm.sim.world import CLIENT, World

_CATCH_UP_NS: Final = 10 * NS_PER_S
_MARKET_SIZE_MAX_LOTS: Final = 10_000_000


class Floor:
    """One running market with its memory."""

    def __init__(self, settings: ExchangeSettings, clock: Clock) -> None:
        """Open the market at the clock's time, with the client's funds and the makers' first orders."""
        self.settings = settings
        self.clock = clock
        self.instrument = settings.instrument()
        self.market_size_max_lots = _MARKET_SIZE_MAX_LOTS
        self.start_ns = self.now_ns = clock.now_ns()
        self.records = Records(orders_max=settings.orders_max, tape_max=settings.tape_max)
        self.limits = Limits(
            weight_per_minute=settings.weight_per_minute,
            orders_per_10s=settings.orders_per_10s,
            orders_per_day=settings.orders_per_day,
        )
        agents = Agents(
            preset=PRESETS[settings.preset],
            instrument=self.instrument,
            seed=settings.seed,
            start_ns=self.start_ns,
        )
        self.world = World(self.instrument, agents, market_size_max_lots=_MARKET_SIZE_MAX_LOTS)
        self.world.accounts.deposit(CLIENT, self.instrument.base, settings.client_base_atoms)
        self.world.accounts.deposit(CLIENT, self.instrument.quote, settings.client_quote_atoms)
        self.held_at_start: tuple[Held, ...] = self.world.held(CLIENT)
        self.listeners: list[Callable[[Fact], None]] = []
        self._client_ids = 0
        self.sync()

    def sync(self) -> None:
        """Let the market live up to the clock's time and publish what happened.

        After a long sleep of the computer it catches up in slices, one per call.
        """
        self.now_ns = max(self.now_ns, min(self.clock.now_ns(), self.now_ns + _CATCH_UP_NS))
        self.world.advance(self.now_ns)
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
