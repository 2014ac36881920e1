"""A market of simulated traders: everybody's orders are known and match each other.

It lives by the clock that it is given and never by one of its own. Invariant: every trader acts at its own
moment, however the time is cut into calls.
"""

from collections.abc import Callable
from typing import Any, Final

from mm.domain.units import NS_PER_S
from mm.exchange.clock import Clock
from mm.exchange.displayed import MatchedMarket
from mm.exchange.settings import ExchangeSettings
from mm.exchange.streams import PublicStreams
from mm.sim.agents import Agents
from mm.sim.presets import PRESETS
from mm.sim.reports import Fact
from mm.sim.world import World

MARKET_SIZE_MAX_LOTS: Final = 10_000_000
"""Largest MARKET order."""

_CATCH_UP_NS: Final = 10 * NS_PER_S


class AgentsMarket:
    """Simulated traders on a matching book. Implements `FloorMarket`."""

    def __init__(self, settings: ExchangeSettings, clock: Clock) -> None:
        """Open the market at the clock's time; the makers' first orders come with the first `advance`."""
        self.clock = self.line_clock = clock
        self.time_scale = 1.0
        self.instrument = settings.instrument()
        self.market_size_max_lots = MARKET_SIZE_MAX_LOTS
        self._about = {"seed": settings.seed, "preset": settings.preset, "recording": None}
        self._now_ns = clock.now_ns()
        agents = Agents(
            preset=PRESETS[settings.preset],
            instrument=self.instrument,
            seed=settings.seed,
            start_ns=self._now_ns,
        )
        self.world = World(self.instrument, agents, market_size_max_lots=MARKET_SIZE_MAX_LOTS)
        self.displayed = MatchedMarket(self.instrument, self.world.book, rows_max=settings.tape_max)
        self._streams: PublicStreams | None = None

    def advance(self, target_ns: int, publish: Callable[[], None]) -> int:
        """Let the traders live up to `target_ns`; after a long sleep of the computer, a slice of it."""
        self._now_ns = min(target_ns, self._now_ns + _CATCH_UP_NS)
        self.world.advance(self._now_ns)
        publish()
        return self._now_ns

    def on_fact(self, fact: Fact) -> None:
        """Hear a fact of the world: what is displayed first, then the streams made of it."""
        self.displayed.on_fact(fact)
        if self._streams is not None:
            self._streams.on_fact(fact)

    def open_streams(self, now_ns: int) -> PublicStreams:
        """Return the public streams, fed from now on."""
        self._streams = PublicStreams(self.instrument, self.displayed, now_ns=now_ns)
        return self._streams

    def about(self) -> dict[str, Any]:
        """Return seed and preset."""
        return dict(self._about)

    def ahead_atoms(self, order_id: int) -> int | None:
        """Return None: queues are not estimated here, they are known."""
        del order_id
        return None

    def held_ns(self) -> int:
        """Return 0: the clock of simulated traders never stands still."""
        return 0
