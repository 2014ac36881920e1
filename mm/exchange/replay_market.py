"""A recorded market: its frames at their time, its book rebuilt, and the client's orders in its queues.

Frames are read as they come due, one ahead. Each is applied to what is displayed and to the client's orders
first; the fills that it brings are out before the frame itself. Must never show or fill what the recording
does not vouch for: without a book nothing can be placed, and a damage found on the way ends the streams.
Invariant: a frame comes at its local time plus the recording's shift, so none before the venue had made it.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from mm.domain.book import Level
from mm.domain.sides import Side
from mm.domain.units import NS_PER_MS
from mm.errors import ConfigError
from mm.exchange.candles import Print
from mm.exchange.clock import WallClock
from mm.exchange.replay import Replay
from mm.exchange.replay_clock import ReplayClock
from mm.exchange.replay_display import RecordedDisplay
from mm.exchange.replay_frames import frame_text
from mm.exchange.replay_streams import FAST, TOPS, TRADES, RecordedStreams
from mm.exchange.streams import PublicStreams
from mm.sim.observed import ObservedBook
from mm.sim.orders import Order
from mm.sim.reports import Fact
from mm.sim.world import World
from mm.store.recordings.raw.joiner import Joiner, Step
from mm.store.recordings.raw.reader import Entry, records
from mm.store.recordings.raw.records import BookTicker, DepthDiff, Other, Record, Row, Snapshot, TradePrint

FRAMES_MAX: Final = 2_000
"""Frames that are served in one go; after those, others get their turn."""

_TICK_NS: Final = 100 * NS_PER_MS


class RecordedMarket:
    """The market of a recording. Implements `FloorMarket`.

    Fields: served: frames so far. damage: why the recording cannot be read on, "" while it can.
    """

    def __init__(self, replay: Replay, *, rows_max: int, clock: ReplayClock | None = None) -> None:
        """Stand at the first frame; `rows_max` prints are remembered."""
        info = replay.info
        self._replay = replay
        self._first_ns = info.first_ns + info.shift_ns
        self._last_ns = info.last_ns + info.shift_ns
        self._clock = clock or ReplayClock(self._first_ns, speed=replay.speed)
        self.clock, self.line_clock = self._clock, WallClock()
        self.time_scale = replay.speed
        self.instrument = replay.instrument
        self.market_size_max_lots = max(1, self.instrument.size_max_lots // 10)
        self.displayed = RecordedDisplay(rows_max=rows_max)
        self.served = 0
        self.damage = ""
        self._joiner = Joiner()
        self._streams: RecordedStreams | None = None
        self._position_ns = self._first_ns
        self._entries: Iterator[Entry] = records(replay.files)
        self._next: Entry | None = None
        self._observed: ObservedBook
        self.world = self._make_world()
        self._read()

    def advance(self, target_ns: int, publish: Callable[[], None]) -> int:
        """Serve the frames that are due by `target_ns`, at most FRAMES_MAX of them."""
        if not self._clock.is_running:
            return target_ns
        for _ in range(FRAMES_MAX):
            if self._next is None:
                break
            due_ns = max(self._position_ns, self._next.record.local_ns + self._replay.info.shift_ns)
            if due_ns > target_ns:
                break
            self._pass_time(due_ns)
            self._serve(self._next.record, due_ns, publish)
            self._read()
        else:
            return self._position_ns
        self._pass_time(target_ns)
        return target_ns

    def on_fact(self, fact: Fact) -> None:
        """Hear a fact: what the client does here is not displayed."""

    def open_streams(self, now_ns: int) -> PublicStreams:
        """Return the public streams; the clock starts with the first who listens."""
        self._streams = RecordedStreams(
            self.instrument, self.displayed, now_ns=now_ns, on_listener=self._clock.start
        )
        return self._streams

    def about(self) -> dict[str, Any]:
        """Return what is replayed and how far it is."""
        info = self._replay.info
        return {
            "seed": None,
            "preset": None,
            "recording": {
                "files": list(info.files),
                "symbol": info.symbol,
                "market": info.market.value,
                "frames_served": self.served,
                "frames_total": info.frames,
                "first_ns": self._first_ns,
                "last_ns": self._last_ns,
                "position_ns": min(self._position_ns, self._last_ns),
                "behind_ns": self._behind_ns(),
                "started": self._clock.is_running,
                "ended": self.has_ended,
                "has_snapshot": info.has_snapshot,
                "has_book": self.displayed.has_book,
                "gaps": info.gap_count,
                "damage": self.damage or None,
            },
        }

    @property
    def has_ended(self) -> bool:
        """Whether the last frame has been served."""
        return self._next is None and not self.damage

    def ahead_atoms(self, order_id: int) -> int | None:
        """Return the estimate of what stands before a resting order, None if it does not rest."""
        return self._observed.ahead_atoms(order_id) if order_id in self._observed.orders else None

    def held_ns(self) -> int:
        """Return how far ahead a clock is that was set while this one stood still and runs as fast."""
        return int(self._clock.held_ns() * max(1.0, self.time_scale))

    def _make_world(self) -> World:
        world = World(
            self.instrument,
            market_size_max_lots=self.market_size_max_lots,
            make_book=lambda listener: ObservedBook(listener, instrument=self.instrument, fund=self._fund),
        )
        assert isinstance(world.book, ObservedBook)
        self._observed = world.book
        return world

    # The world is not there yet when its book is made.
    def _fund(self, order: Order) -> None:
        self.world.fund(order)

    def _read(self) -> None:
        try:
            self._next = next(self._entries, None)
        except ConfigError as error:
            self._give_up(str(error))

    # Verified before it was served: only a file that changes while it is read gets here.
    def _give_up(self, reason: str) -> None:
        self._next, self.damage = None, reason
        self.displayed.lose()
        self._observed.lost()
        if self._streams is not None:
            self._streams.end("the recording is damaged")

    # Streams with a pace see every moment of it, however fast the recording is played.
    def _pass_time(self, now_ns: int) -> None:
        if self._streams is not None and now_ns // _TICK_NS > self._position_ns // _TICK_NS:
            self._streams.on_time(now_ns - now_ns % _TICK_NS)
            self._streams.pass_slow(now_ns)
        self._position_ns = max(self._position_ns, now_ns)

    def _serve(self, record: Record, now_ns: int, publish: Callable[[], None]) -> None:
        try:
            kind = self._apply(record, now_ns)
        except ValueError as error:
            self._entries = iter(())
            self._give_up(f"a frame cannot be read: {error}")
            return
        self.served += 1
        self.world.report_state(now_ns)
        publish()
        if kind and self._streams is not None and not isinstance(record, Snapshot | Other):
            self._streams.pass_on(kind, frame_text(record, self.instrument, self._replay.info.market))

    # Returns the stream that carries the frame, "" if none does.
    def _apply(self, record: Record, now_ns: int) -> str:
        if not isinstance(record, TradePrint):
            self.displayed.history.close_aggregate()
        match record:
            case TradePrint():
                self._print(record, now_ns)
                return TRADES
            case BookTicker():
                bid, ask = self._levels([record.bid, record.ask])
                self.displayed.tell_top(bid, ask, seq=record.last)
                self._observed.on_top(bid, ask, ts_ns=now_ns, seq=record.last)
                return TOPS
            case DepthDiff():
                self._follow(self._joiner.on(record), now_ns)
                if self._streams is not None:
                    self._streams.slow.add(record)
                return FAST
            case Snapshot():
                self._follow(self._joiner.on(record), now_ns)
            case Other():
                pass
        return ""

    def _print(self, record: TradePrint, now_ns: int) -> None:
        (level,) = self._levels([(record.price, record.size)])
        aggressor = Side.SELL if record.buyer_is_maker else Side.BUY
        trade = Print(
            trade_id=record.trade_id,
            price_ticks=level.price_ticks,
            size_atoms=level.size_atoms,
            ts_ns=record.trade_ms * NS_PER_MS,
            taker_side=aggressor,
            taker_order_id=record.taker_order_id,
        )
        self.displayed.tell_print(trade)
        if level.size_atoms:
            self.world.average.add(level.price_ticks, level.size_atoms, now_ns)
            self._observed.on_trade(level.price_ticks, level.size_atoms, aggressor, now_ns)
        if self._streams is not None:
            self._streams.on_print(trade)

    def _follow(self, steps: Sequence[Step], now_ns: int) -> None:
        for step in steps:
            if not isinstance(step, Snapshot | DepthDiff):
                self.displayed.lose()
                self._observed.lost()
                continue
            bids, asks = self._levels(step.bids), self._levels(step.asks)
            if isinstance(step, Snapshot):
                self.displayed.replace(bids, asks, seq=step.last, ts_ns=now_ns)
                self._observed.on_snapshot(bids, asks, ts_ns=now_ns, seq=step.last)
            else:
                self.displayed.change(bids, asks, seq=step.last, ts_ns=now_ns)
                self._observed.on_depth(bids, asks, ts_ns=now_ns, seq=step.last)

    def _levels(self, rows: Sequence[Row]) -> list[Level]:
        price_ticks, size_atoms = self.instrument.price_ticks, self.instrument.size_atoms
        return [Level(price_ticks(price), size_atoms(size)) for price, size in rows]

    def _behind_ns(self) -> int:
        end_ns = min(self._clock.now_ns(), self._last_ns)
        return max(0, end_ns - self._position_ns) if self._next is not None else 0
