"""The bench's maker on NautilusTrader: run by the Python of its own environment, never imported by `mm`.

python nautilus_maker.py TAPE.npz JOB.json: reads the columns of a tape and prints one JSON object: rows per
second, orders and fills of a strategy in Python, at fixed decisions and on moves too. Each is played twice:
with single deltas, as the library's own loaders yield them, and with those of each message in one batch. The
objects of the rows are made before the clock starts.
"""

import json
import sys
import time
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.backtest.models import LatencyModel
from nautilus_trader.config import LoggingConfig, StrategyConfig
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.data import BookOrder, OrderBookDelta, OrderBookDeltas, TradeTick
from nautilus_trader.model.enums import (
    AccountType,
    AggressorSide,
    BookAction,
    BookType,
    OmsType,
    OrderSide,
    TimeInForce,
)
from nautilus_trader.model.identifiers import InstrumentId, Symbol, TradeId, Venue
from nautilus_trader.model.instruments import CurrencyPair
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

SNAPSHOT, DELTA, TOP, TRADE = 1, 2, 3, 4
VENUE = Venue("SIM")
LAST_IN_MESSAGE = 128  # RecordFlag.F_LAST


class MakerConfig(StrategyConfig, frozen=True):
    """Distances in ticks, sizes in the base asset."""

    instrument_id: InstrumentId
    away: int
    tolerance: int
    size: Decimal
    most: Decimal
    on_moves: bool


class Maker(Strategy):
    """Quote every 100 ms, and whenever the mid moves if it is asked to."""

    def __init__(self, config):
        """Begin without orders."""
        super().__init__(config)
        self.sent = self.filled = self.last = 0
        self.orders = {}
        self.held = Decimal(0)

    def on_start(self):
        """Subscribe, and set the timer."""
        self.instrument = self.cache.instrument(self.config.instrument_id)
        self.tick = self.instrument.price_increment.as_double()
        self.subscribe_order_book_deltas(self.config.instrument_id, BookType.L2_MBP)
        self.clock.set_timer("decide", pd.Timedelta(milliseconds=100), callback=self.on_timer)

    def on_timer(self, event):  # noqa: ARG002 - the library's signature
        """Decide."""
        self.decide()

    def on_order_book_deltas(self, deltas):
        """Decide if the mid has moved, at the end of a message: single deltas come one by one."""
        if self.config.on_moves and deltas.flags & LAST_IN_MESSAGE:
            book = self.cache.order_book(self.config.instrument_id)
            bid, ask = book.best_bid_price(), book.best_ask_price()
            mid = 0 if bid is None or ask is None else bid.raw + ask.raw
            if mid and mid != self.last:
                self.last = mid
                self.decide()

    def decide(self):
        """Bring the two orders in line with what is wanted."""
        book: OrderBook = self.cache.order_book(self.config.instrument_id)
        bid, ask = book.best_bid_price(), book.best_ask_price()
        if bid is None or ask is None or ask <= bid:
            return
        half = round(bid.as_double() / self.tick) + round(ask.as_double() / self.tick)
        wanted = {
            OrderSide.BUY: half // 2 - self.config.away,
            OrderSide.SELL: -(-half // 2) + self.config.away,
        }
        for side, ticks in wanted.items():
            known = self.orders.get(side)
            if known is not None and known[0].is_closed:
                known = self.orders.pop(side) and None
            sign = 1 if side == OrderSide.BUY else -1
            if known is None:
                if sign * self.held + self.config.size <= self.config.most:
                    order = self.order_factory.limit(
                        instrument_id=self.config.instrument_id,
                        order_side=side,
                        quantity=self.instrument.make_qty(self.config.size),
                        price=self.instrument.make_price(ticks * self.tick),
                        time_in_force=TimeInForce.GTC,
                        post_only=True,
                    )
                    self.submit_order(order)
                    self.orders[side] = (order, ticks)
                    self.sent += 1
            elif abs(known[1] - ticks) > self.config.tolerance and known[0].is_open:
                # Open it stays until the venue has answered: a cancel under way is not sent again.
                if known[0].is_pending_cancel:
                    continue
                self.cancel_order(known[0])
                self.sent += 1

    def on_order_filled(self, event):
        """Count."""
        self.filled += 1
        sign = 1 if event.order_side == OrderSide.BUY else -1
        self.held += sign * event.last_qty.as_decimal()


def instrument_of(job):
    """Return the bench's market as a currency pair."""
    digits, lots = (-Decimal(job[name]).as_tuple().exponent for name in ("tick", "lot"))
    return CurrencyPair(
        instrument_id=InstrumentId(Symbol("BTC/USDT"), VENUE),
        raw_symbol=Symbol("BTCUSDT"),
        base_currency=BTC,
        quote_currency=USDT,
        price_precision=digits,
        size_precision=lots,
        price_increment=Price(float(job["tick"]), digits),
        size_increment=Quantity(float(job["lot"]), lots),
        margin_init=Decimal(0),
        margin_maint=Decimal(0),
        maker_fee=Decimal(0),
        taker_fee=Decimal(0),
        ts_event=0,
        ts_init=0,
    )


class Levels:
    """What a book shows, so that a best price can say which levels before it are gone."""

    def __init__(self):
        """Begin empty."""
        self.sizes = {1: {}, -1: {}}
        self.stated = {1: 0, -1: 0}

    def changes(self, kind, side, price_ticks, size_atoms):
        """Return the rows that one row of the tape is: itself, and those that a best price removes."""
        shown = self.sizes[side]
        gone = []
        if kind == TOP and price_ticks != self.stated[side]:
            self.stated[side] = price_ticks
            gone = [ticks for ticks in shown if (ticks - price_ticks) * side > 0]
            gone += [-ticks for ticks in self.sizes[-side] if (ticks - price_ticks) * side <= 0]
        rows = []
        for ticks in gone:
            of = side if ticks > 0 else -side
            del self.sizes[of][abs(ticks)]
            rows.append((of, abs(ticks), 0))
        if size_atoms:
            shown[price_ticks] = size_atoms
        elif shown.pop(price_ticks, None) is None:
            return rows
        return [*rows, (side, price_ticks, size_atoms)]


def data_of(tape, job, instrument):
    """Return the tape as the library's objects: each message of the book as a batch of deltas."""
    names = ("ts_ns", "kind", "side", "price_ticks", "size_atoms", "seq", "last")
    columns = [tape[name].tolist() for name in names]
    found, waiting, tid, levels = [], [], 0, Levels()
    for ts_ns, kind, side, price_ticks, size_atoms, seq, last in zip(*columns, strict=True):
        if kind > TRADE or not side:
            continue
        if kind == TRADE:
            price, size = amounts(price_ticks, size_atoms, job, instrument)
            tid += 1
            aggressor = AggressorSide.BUYER if side > 0 else AggressorSide.SELLER
            found.append(TradeTick(instrument.id, price, size, aggressor, TradeId(str(tid)), ts_ns, ts_ns))
            continue
        waiting += levels.changes(kind, side, price_ticks, size_atoms)
        if last and waiting:
            deltas = []
            for number, (of, ticks, atoms) in enumerate(waiting, 1):
                price, size = amounts(ticks, atoms, job, instrument)
                order = BookOrder(OrderSide.BUY if of > 0 else OrderSide.SELL, price, size, 0)
                action = BookAction.UPDATE if atoms else BookAction.DELETE
                flags = LAST_IN_MESSAGE if number == len(waiting) else 0
                deltas.append(OrderBookDelta(instrument.id, action, order, flags, seq, ts_ns, ts_ns))
            found.append(OrderBookDeltas(instrument.id, deltas))
            waiting = []
    return found


def singles(data):
    """Return the same data with the deltas of each batch one by one, as `TardisCSVDataLoader` yields them."""
    found = []
    for one in data:
        found += one.deltas if isinstance(one, OrderBookDeltas) else [one]
    return found


def amounts(ticks, atoms, job, instrument):
    """Return a price and a size as the library has them."""
    price = Price(ticks * float(job["tick"]), instrument.price_precision)
    return price, Quantity(atoms / job["unit_atoms"], instrument.size_precision)


def timed(data, rows, job, *, on_moves):
    """Return how a run went."""
    instrument = instrument_of(job)
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(
        venue=VENUE,
        oms_type=OmsType.NETTING,
        account_type=AccountType.CASH,
        base_currency=None,
        # No more than its own sums of free and locked can tell apart.
        starting_balances=[Money(1_000, BTC), Money(10_000_000, USDT)],
        book_type=BookType.L2_MBP,
        latency_model=LatencyModel(base_latency_nanos=job["latency_ns"]),
    )
    engine.add_instrument(instrument)
    engine.add_data(data, sort=False)
    config = MakerConfig(
        instrument_id=instrument.id,
        away=job["away_ticks"],
        tolerance=job["tolerance_ticks"],
        size=Decimal(job["size"]),
        most=Decimal(job["most"]),
        on_moves=on_moves,
    )
    maker = Maker(config)
    engine.add_strategy(maker)
    began = time.perf_counter()
    engine.run()
    took = time.perf_counter() - began
    told = {
        "events_per_s": round(rows / took),
        "requests": maker.sent,
        "fills": maker.filled,
        "position": float(maker.held),
    }
    engine.dispose()
    return told


def main():
    """Run the tape in each way."""
    tape, job = np.load(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
    batched = data_of(tape, job, instrument_of(job))
    rows, told = len(tape["kind"]), {}
    for way, data in (("python", singles(batched)), ("batched", batched)):
        told[f"{way}_every_100ms"] = timed(data, rows, job, on_moves=False)
        told[f"{way}_on_moves"] = timed(data, rows, job, on_moves=True)
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
