"""A market whose queues matter, with deep best levels, cancels in them and small prints at their price.

Own orders in it are filled by a known queue model, and told of as the journal of a run would tell.
"""

from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from mm.bootstrap.recipe import Recipe, recipe_text
from mm.domain.book import Level
from mm.domain.commands import AnyCommand, Cancel, Place, TimeInForce
from mm.domain.events import (
    AnyEvent,
    BookDelta,
    BookSnapshot,
    OrderAcked,
    OrderCanceled,
    OrderFilled,
    PublicTrade,
    Source,
)
from mm.domain.ids import OrderId
from mm.domain.sides import BUY, SELL, Side
from mm.sim.observed import ObservedBook
from mm.sim.orders import Order, OrderType, StpMode
from mm.sim.orders import TimeInForce as SimTimeInForce
from mm.sim.queue import QueueModel
from mm.store.config_history import text_digest
from mm.store.journal.entries import COMMAND, EVENT, OUTCOME, Entry, Kind, RunHeader
from mm.store.journal.journal import Journal
from mm.store.journal.layout import journal_directory, run_id
from tests.builders.fake_venue import CAPS
from tests.builders.instruments import INSTRUMENT
from tests.builders.journals import Hasty
from tests.builders.observed import Ear
from tests.builders.recorded_runs import BEGAN_NS, IDS

MS: Final = 1_000_000
LOT: Final = INSTRUMENT.lot_atoms
SYMBOL: Final = INSTRUMENT.symbol
PRICES: Final = {BUY: 9_999, SELL: 10_001}
TEXT: Final = """\
mode = "paper"
[venue.main]
[pair.main]
symbol = "AAA/BBB"
[pair.main.params]
bid_spread_bps = 2
ask_spread_bps = 2
order_amount_base = 0.02
order_refresh_time_ms = 1_000
"""

Entries = list[tuple[Kind, int, Entry]]


@dataclass
class QueueMarket:
    """One market and what was done in it. Fields: entries: of a journal, in order."""

    seed: int = 1
    entries: Entries = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with both best levels."""
        self.random = Random(self.seed)
        self.sizes = dict.fromkeys((BUY, SELL), 60 * LOT)
        self.seq = self.trade_id = 1

    def events(self, count: int) -> list[AnyEvent]:
        """Return what the market does, an event every 20 ms on average."""
        ts_ns, made = BEGAN_NS, list[AnyEvent]()
        bids, asks = ((Level(PRICES[side], self.sizes[side]),) for side in (BUY, SELL))
        made.append(BookSnapshot(ts_ns=ts_ns, symbol=SYMBOL, seq=1, bids=bids, asks=asks))
        for _ in range(count):
            ts_ns += self.random.randrange(1, 40 * MS)
            side = self.random.choice((BUY, SELL))
            if self.random.random() < 0.3:
                made.append(self._print(ts_ns, side))
                ts_ns += 1_000
            else:
                comes = self.random.random() < (0.7 if self.sizes[side] < 60 * LOT else 0.3)
                by = self.random.randint(1, 12) * LOT
                self.sizes[side] = max(10 * LOT, self.sizes[side] + (by if comes else -by))
            made.append(self._delta(ts_ns, side))
        return made

    def _print(self, ts_ns: int, side: Side) -> PublicTrade:
        atoms = min(self.random.randint(1, 8) * LOT, self.sizes[side] - 5 * LOT)
        self.sizes[side] -= atoms
        self.trade_id += 1
        return PublicTrade(
            ts_ns=ts_ns,
            symbol=SYMBOL,
            trade_id=self.trade_id,
            price_ticks=PRICES[side],
            size_atoms=atoms,
            aggressor=side.opposite,
        )

    def _delta(self, ts_ns: int, side: Side) -> BookDelta:
        self.seq += 1
        level = (Level(PRICES[side], self.sizes[side]),)
        bids, asks = (level, ()) if side is BUY else ((), level)
        return BookDelta(ts_ns=ts_ns, symbol=SYMBOL, seq=self.seq, venue_ms=0, bids=bids, asks=asks)


_LIFE: Final = ((20, "rest"), (40, "ack"), (40, "cancel"), (60, "leave"), (80, "end"))
# What happens to an order so many milliseconds after it was sent, the last three a life later.


class Traded:
    """Own orders in such a market, filled by a known model. Fields: entries: what a journal would hold."""

    def __init__(
        self, queue: QueueModel, power: float | None, *, seed: int = 1, displayed: bool = False
    ) -> None:
        """Begin without an order. Args: displayed: the market shows our orders too, as a real one does."""
        self.entries: Entries = []
        self._displayed = displayed
        self._seq = 0
        self._shown = dict.fromkeys((BUY, SELL), 0)
        self._ear = Ear()
        self._book = ObservedBook(
            self._ear, instrument=INSTRUMENT, fund=lambda _: None, queue=queue, power=power
        )
        self._random = Random(f"{seed}/orders")
        self._places: dict[int, Place] = {}
        self._left: dict[int, int] = {}
        self._due: list[tuple[int, int, str, int]] = []
        self._told = self._sequence = self._steps = 0

    def live(self, count: int, *, seed: int = 1) -> "Traded":
        """Place an order a second and a half, each for some seconds, while the market goes on."""
        next_ns = BEGAN_NS + 100 * MS
        for event in QueueMarket(seed).events(count):
            while next_ns <= event.ts_ns:
                self._until(next_ns)
                self._send(next_ns)
                next_ns += self._random.randrange(500 * MS, 2_500 * MS)
            self._until(event.ts_ns)
            self._tell(event)
            self._see(event)
        return self

    def write(self, data_dir: Path) -> Path:
        """Write it as a run of a data directory; return the run's."""
        recipe = Recipe(
            path="mm.toml",
            text=TEXT,
            overrides=(),
            variables={},
            instruments=(INSTRUMENT,),
            caps=msgspec.structs.replace(CAPS, own_orders_in_book=self._displayed),
            tag=IDS.tag,
            key=IDS.key.hex(),
            epoch=1,
            latched="",
            inherits=False,
            revision=0,
            targets={"main": None},
        )
        head = RunHeader(
            run_id=run_id(BEGAN_NS, 1),
            epoch=1,
            code_version="0.1.0",
            began_ns=BEGAN_NS,
            config_digest=text_digest(TEXT),
            config_text=recipe_text(recipe),
        )
        directory = journal_directory(data_dir, head.run_id)
        journal = Journal.open(directory, head, disk=Hasty())
        for kind, ts_ns, entry in self.entries:
            journal.append(kind, ts_ns, entry)
        journal.close()
        return directory.parent

    # The market as the run hears it: with our own orders in it, where they are displayed.
    def _tell(self, event: AnyEvent) -> None:
        if not isinstance(event, BookSnapshot | BookDelta):
            self._note(EVENT, event.ts_ns, event)
            return
        for side, levels in ((BUY, event.bids), (SELL, event.asks)):
            for level in levels:
                self._shown[side] = level.size_atoms
        self._seq += 1
        bids, asks = (
            tuple(Level(price, atoms + self._own(side)) for price, atoms in levels)
            for side, levels in ((BUY, event.bids), (SELL, event.asks))
        )
        self._note(EVENT, event.ts_ns, msgspec.structs.replace(event, seq=self._seq, bids=bids, asks=asks))

    def _own(self, side: Side) -> int:
        if not self._displayed:
            return 0
        return sum(order.left_lots * LOT for order in self._book.orders.values() if order.side is side)

    def _show(self, ts_ns: int, side: Side) -> None:
        if self._displayed:
            level = (Level(PRICES[side], self._shown[side]),)
            bids, asks = (level, ()) if side is BUY else ((), level)
            self._tell(BookDelta(ts_ns=ts_ns, symbol=SYMBOL, seq=0, venue_ms=0, bids=bids, asks=asks))

    def _note(self, kind: Kind, ts_ns: int, entry: AnyEvent | AnyCommand) -> None:
        self.entries.append((kind, ts_ns, entry))

    def _send(self, ts_ns: int) -> None:
        side = self._random.choice((BUY, SELL))
        self._sequence += 1
        number = self._sequence
        place = Place(
            cid=IDS.encode(OrderId(IDS.tag, 0, 1, number)),
            symbol=SYMBOL,
            side=side,
            price_ticks=PRICES[side],
            size_lots=3,
            post_only=True,
            time_in_force=TimeInForce.GTC,
            reduces=False,
            market_seq=1,
            market_age_ns=0,
        )
        self._places[number] = place
        self._note(COMMAND, ts_ns, place)
        life_ns = self._random.randrange(1_000 * MS, 6_000 * MS)
        for delay_ms, what in _LIFE:
            self._steps += 1
            later_ns = 0 if what in ("rest", "ack") else life_ns
            self._due.append((ts_ns + delay_ms * MS + later_ns, self._steps, what, number))
        self._due.sort(reverse=True)

    def _until(self, ts_ns: int) -> None:
        while self._due and self._due[-1][0] <= ts_ns:
            due_ns, _, what, number = self._due.pop()
            getattr(self, f"_{what}")(due_ns, number)

    def _rest(self, ts_ns: int, number: int) -> None:
        place = self._places[number]
        order = Order(
            order_id=number,
            owner="us",
            client_id=place.cid,
            side=place.side,
            order_type=OrderType.LIMIT_MAKER,
            time_in_force=SimTimeInForce.GTC,
            stp_mode=StpMode.EXPIRE_MAKER,
            price_ticks=place.price_ticks,
            size_lots=place.size_lots,
            created_ns=ts_ns,
            updated_ns=ts_ns,
        )
        self._book.place(order, ts_ns)
        self._show(ts_ns, place.side)

    def _ack(self, ts_ns: int, number: int) -> None:
        place = self._places[number]
        acked = OrderAcked(
            ts_ns=ts_ns,
            cid=place.cid,
            venue_order_id=str(number),
            price_ticks=place.price_ticks,
            size_lots=place.size_lots,
            source=Source.STREAM,
        )
        self._note(OUTCOME, ts_ns, acked)

    def _cancel(self, ts_ns: int, number: int) -> None:
        if number in self._book.orders:
            self._note(COMMAND, ts_ns, Cancel(cid=self._places[number].cid, symbol=SYMBOL))

    def _leave(self, ts_ns: int, number: int) -> None:
        if number in self._book.orders:
            self._left[number] = self._book.cancel(number, ts_ns).filled_lots
            self._show(ts_ns, self._places[number].side)

    def _end(self, ts_ns: int, number: int) -> None:
        if number in self._left:
            cid, cum_lots = self._places[number].cid, self._left[number]
            canceled = OrderCanceled(ts_ns=ts_ns, cid=cid, cum_lots=cum_lots, source=Source.ANSWER)
            self._note(OUTCOME, ts_ns, canceled)

    def _see(self, event: AnyEvent) -> None:
        match event:
            case BookSnapshot():
                self._book.on_snapshot(event.bids, event.asks, ts_ns=event.ts_ns, seq=event.seq)
            case BookDelta():
                self._book.on_depth(event.bids, event.asks, ts_ns=event.ts_ns, seq=event.seq)
            case PublicTrade():
                self._book.on_trade(event.price_ticks, event.size_atoms, event.aggressor, event.ts_ns)
            case _:
                raise AssertionError(event)
        for order_id, price_ticks, lots, role in self._ear.fills[self._told :]:
            self._told += 1
            place = self._places[order_id]
            filled = OrderFilled(
                ts_ns=event.ts_ns,
                symbol=SYMBOL,
                cid=place.cid,
                trade_id=self._told,
                side=place.side,
                price_ticks=price_ticks,
                size_lots=lots,
                fee_atoms=0,
                fee_asset="BBB",
                maker=role == "maker",
                source=Source.STREAM,
            )
            self._note(OUTCOME, event.ts_ns, filled)
