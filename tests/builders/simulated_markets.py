"""The demo's market as events in virtual time: its traders and its book, without an exchange or a wire."""

from collections.abc import Iterator

from mm.domain.book import Level
from mm.domain.events import AnyEvent, BookDelta, BookSnapshot, PublicTrade, TopOfBook
from mm.domain.instrument import Instrument
from mm.domain.sides import BUY, SELL, Side
from mm.domain.units import NS_PER_MS, NS_PER_S
from mm.sim.agents import Agents
from mm.sim.presets import PRESETS
from mm.sim.reports import LevelChange, TopChange, Trade
from mm.sim.world import World
from tests.builders.exchange import make_settings

START_NS = 1_800_000_000 * NS_PER_S
DEPTH_LEVELS = 1_000


class SimulatedMarket:
    """One market of simulated traders. Fields: instrument: as the demo's exchange lists it."""

    def __init__(self, preset: str = "demo", *, seed: int = 7) -> None:
        """Open it; its makers come with the first event."""
        self.instrument: Instrument = make_settings(preset=preset, seed=seed).instrument()
        self._agents = Agents(
            preset=PRESETS[preset], instrument=self.instrument, seed=seed, start_ns=START_NS
        )
        self._world = World(self.instrument, self._agents, market_size_max_lots=10**9)

    def events(self) -> Iterator[AnyEvent]:
        """Yield prints, changes of the book and best prices as they happen, for ever."""
        while True:
            ts_ns = self._agents.next_ns
            self._world.advance(ts_ns)
            levels: dict[Side, dict[int, Level]] = {BUY: {}, SELL: {}}
            top: TopChange | None = None
            for fact in self._world.take_facts():
                if isinstance(fact, Trade):
                    yield self._trade(fact, ts_ns)
                elif isinstance(fact, LevelChange):
                    levels[fact.side][fact.price_ticks] = self._level(fact.price_ticks, fact.size_lots)
                elif isinstance(fact, TopChange):
                    top = fact
            if levels[BUY] or levels[SELL]:
                yield BookDelta(
                    ts_ns=ts_ns,
                    symbol=self.instrument.symbol,
                    seq=self._world.book.update_id,
                    venue_ms=ts_ns // NS_PER_MS,
                    bids=tuple(levels[BUY].values()),
                    asks=tuple(levels[SELL].values()),
                )
            if top is not None:
                yield self._top(top, ts_ns)

    def snapshot(self, ts_ns: int) -> BookSnapshot | None:
        """Return the book as of the last event, None before there is one."""
        book = self._world.book
        bids, asks = (
            tuple(self._level(*row) for row in book.depth(side, DEPTH_LEVELS)) for side in (BUY, SELL)
        )
        if not bids or not asks:
            return None
        symbol = self.instrument.symbol
        return BookSnapshot(ts_ns=ts_ns, symbol=symbol, seq=book.update_id, bids=bids, asks=asks)

    def _level(self, price_ticks: int, size_lots: int) -> Level:
        return Level(price_ticks, size_lots * self.instrument.lot_atoms)

    def _trade(self, fact: Trade, ts_ns: int) -> PublicTrade:
        return PublicTrade(
            ts_ns=ts_ns,
            symbol=self.instrument.symbol,
            trade_id=fact.trade_id,
            price_ticks=fact.price_ticks,
            size_atoms=fact.size_lots * self.instrument.lot_atoms,
            aggressor=fact.taker_side,
            venue_ms=ts_ns // NS_PER_MS,
        )

    def _top(self, fact: TopChange, ts_ns: int) -> TopOfBook:
        return TopOfBook(
            ts_ns=ts_ns,
            symbol=self.instrument.symbol,
            seq=fact.update_id,
            bid=self._level(fact.bid_ticks, fact.bid_lots),
            ask=self._level(fact.ask_ticks, fact.ask_lots),
        )
