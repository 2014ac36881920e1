"""Ghosts fill exactly as the book that paper and backtests trade on fills, in random markets."""

from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm.domain.events import BookDelta, BookSnapshot, PublicTrade, TopOfBook
from mm.domain.sides import BUY, Side
from mm.domain.units import PPM
from mm.observe.fill_model_ghosts import MOMENTS, Bounds, Candidate, Ghosts, OwnOrder
from mm.sim.observed import ObservedBook
from mm.sim.orders import OrderType
from mm.sim.queue import ESTIMATES, QueueModel
from tests.builders.observed import Ear
from tests.builders.random_market import LOT, RandomMarket
from tests.builders.sim import START_NS, make_order, make_pair

PAIR = msgspec.structs.replace(make_pair(), lot_atoms=LOT)
Event = BookSnapshot | BookDelta | TopOfBook | PublicTrade | int
"""What a market does; a number is the time of a loss."""


@dataclass
class Lived:
    """Own orders in a random market. Fields: filled: when each first filled; spans: of their lives."""

    model: QueueModel
    ts_ns: int = START_NS
    events: list[Event] = field(default_factory=list)
    filled: dict[int, int] = field(default_factory=dict)
    placed: dict[int, tuple[Side, int, int]] = field(default_factory=dict)
    spans: dict[int, list[int]] = field(default_factory=dict)
    part_ppm: int = PPM

    def __post_init__(self) -> None:
        """Open a book that believes nothing."""
        self.ear = Ear()
        self.book = ObservedBook(
            self.ear,
            instrument=PAIR,
            fund=lambda _: None,
            queue=self.model,
            participation_ppm=self.part_ppm,
        )
        self.seq, self.trade_id, self.told = 1, 0, 0

    def run(self, market: RandomMarket, count: int) -> "Lived":
        """Let so many things happen, and a last print that fills nobody."""
        self._snapshot(*market.opening(), 0)
        for kind, gap_ns, args in market.steps(count):
            self.ts_ns += gap_ns + 1
            if kind != "amend":
                getattr(self, f"_{kind}")(*args)
        self.ts_ns += 1
        self._trade(1, LOT, BUY)
        return self

    def orders(self) -> list[OwnOrder]:
        """Return the own orders, as exact as a record can tell of them."""
        return [
            OwnOrder(
                cid=str(number),
                symbol=PAIR.symbol,
                side=side,
                price_ticks=price_ticks,
                size_lots=lots,
                sent_ns=self.spans[number][0],
                live_ns=self.spans[number][0],
                ends_ns=(self.spans[number][1:] or [self.ts_ns])[0],
                ended_ns=(self.spans[number][1:] or [self.ts_ns])[0],
            )
            for number, (side, price_ticks, lots) in self.placed.items()
        ]

    def _see(self, event: Event) -> None:
        self.events.append(event)
        for order_id, *_ in self.ear.fills[self.told :]:
            self.told += 1
            self.filled.setdefault(order_id, self.ts_ns)

    def _snapshot(self, bids: Any, asks: Any, ahead: int) -> None:
        seq = self._number(ahead)
        self.book.on_snapshot(bids, asks, ts_ns=self.ts_ns, seq=seq)
        book = BookSnapshot(ts_ns=self.ts_ns, symbol=PAIR.symbol, seq=seq, bids=tuple(bids), asks=tuple(asks))
        self._see(book)

    def _depth(self, bids: Any, asks: Any, ahead: int) -> None:
        seq = self._number(ahead)
        self.book.on_depth(bids, asks, ts_ns=self.ts_ns, seq=seq)
        change = BookDelta(
            ts_ns=self.ts_ns, symbol=PAIR.symbol, seq=seq, venue_ms=0, bids=tuple(bids), asks=tuple(asks)
        )
        self._see(change)

    def _top(self, bid: Any, ask: Any, ahead: int) -> None:
        seq = self._number(ahead)
        self.book.on_top(bid, ask, ts_ns=self.ts_ns, seq=seq)
        self._see(TopOfBook(ts_ns=self.ts_ns, symbol=PAIR.symbol, seq=seq, bid=bid, ask=ask))

    def _trade(self, price_ticks: int, atoms: int, aggressor: Side) -> None:
        self.trade_id += 1
        self.book.on_trade(price_ticks, atoms, aggressor, self.ts_ns)
        made = PublicTrade(
            ts_ns=self.ts_ns,
            symbol=PAIR.symbol,
            trade_id=self.trade_id,
            price_ticks=price_ticks,
            size_atoms=atoms,
            aggressor=aggressor,
        )
        self._see(made)

    def _lost(self) -> None:
        self.book.lost()
        self._see(self.ts_ns)

    def _order(self, side: Side, price_ticks: int, lots: int, *_: object) -> None:
        if not self.book.is_open or self.book.would_take(side, price_ticks):
            return
        number = len(self.placed) + 1
        order = make_order(number, "us", side, price_ticks, lots, order_type=OrderType.LIMIT_MAKER)
        self.book.place(order, self.ts_ns)
        self.placed[number], self.spans[number] = (side, price_ticks, lots), [self.ts_ns]

    def _cancel(self, index: int) -> None:
        if index < len(self.book.orders):
            number = list(self.book.orders)[index]
            self.book.cancel(number, self.ts_ns)
            self.spans[number].append(self.ts_ns)

    def _number(self, ahead: int) -> int:
        number = max(1, self.seq + ahead)
        self.seq = max(self.seq, number)
        return number


@pytest.mark.parametrize("model", ESTIMATES)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**9), part_ppm=st.sampled_from([PPM, 400_000, 50_000]))
def test_every_trial_fills_when_the_book_filled_the_order(
    model: QueueModel, seed: int, part_ppm: int
) -> None:
    """To the nanosecond, whatever the market does, also where what is displayed goes through our orders, and
    whatever part of it and of the prints they may have.
    """
    lived = Lived(model, part_ppm=part_ppm).run(RandomMarket(seed), 120)
    bounds = Bounds(participation_ppm=part_ppm)
    ghosts = Ghosts(PAIR, lived.orders(), (Candidate(model),), displayed=False, bounds=bounds)
    for event in lived.events:
        if isinstance(event, int):
            ghosts.lost(event)
        else:
            ghosts.take(event)
    for cid, (row,) in ghosts.finish().items():
        assert len(row) == MOMENTS
        assert {trial.filled_ns for trial in row} == {lived.filled.get(int(cid), 0)}
