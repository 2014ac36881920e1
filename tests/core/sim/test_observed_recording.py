"""A real recorded market: small orders join the touch for its whole length, under several queue models."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mm.domain.sides import Side
from mm.sim.observed import ObservedBook
from mm.sim.orders import CancelOrder, OrderType, Refusal
from mm.sim.queue import QueueModel
from mm.sim.reports import OrderReport, Trade
from mm.sim.touch import TouchModel
from mm.sim.world import CLIENT, World
from tests.builders.observed import make_observed_world
from tests.builders.recorded_market import Frame, feed, recorded_frames
from tests.builders.sim import fund, limit, make_pair

RECORDING = Path("binance_raw_2024-08-08") / "spot_btcusdt_20240808.gz"
FRAMES_MAX = 15_000
STEP_NS = 100_000_000
LOTS = 100
MODELS = (QueueModel.RISK_AVERSE, QueueModel.POWER3, QueueModel.POWER, QueueModel.POWER2)


class Joiner:
    """Keeps one order of 0.001 BTC per side at the displayed best, looked at every 100 ms."""

    def __init__(self, model: QueueModel) -> None:
        self.world, self.book = make_observed_world(queue=model)
        fund(self.world, CLIENT)
        self.touch = TouchModel()
        self.fills: list[tuple[int, int, int, Side]] = []
        self.placed = 0
        self.filled_of_print = 0
        self._open: dict[Side, int] = {}
        self._step = 0

    def see(self, frame: Frame) -> None:
        """See a message; it fills first, then the orders are looked at when their time has come."""
        feed(self.book, frame)
        self._hear(frame)
        self._show(frame)
        if frame.ts_ns // STEP_NS > self._step:
            self._step = frame.ts_ns // STEP_NS
            for side in Side:
                self._join(side, frame.ts_ns)

    def _hear(self, frame: Frame) -> None:
        self.filled_of_print = 0
        self.world.report_state(frame.ts_ns)
        for fact in self.world.take_facts():
            if isinstance(fact, Trade):
                assert fact.maker_owner == CLIENT
                self.fills.append((fact.maker_order_id, fact.price_ticks, fact.size_lots, fact.taker_side))
                self.filled_of_print += fact.size_lots
            elif isinstance(fact, OrderReport) and fact.match is not None:
                self.touch.honest(str(fact.order.order_id), fact.match.size_lots)
                if not fact.order.is_open:
                    del self._open[fact.order.side]

    def _show(self, frame: Frame) -> None:
        if frame.kind == "trade":
            self.touch.on_trade(frame.args[0], frame.args[2])
        else:
            tops = [self.book.displayed_top(side) for side in Side]
            bid, ask = (top.price_ticks if top else 0 for top in tops)
            self.touch.on_best(bid, ask)

    def _join(self, side: Side, ts_ns: int) -> None:
        best = self.book.displayed_top(side)
        assert best is not None
        if side in self._open:
            order_id = self._open[side]
            if self.book.orders[order_id].price_ticks == best.price_ticks:
                return
            self.touch.cancelled(str(order_id))
            self.world.cancel(CancelOrder(owner=CLIENT, order_id=order_id), ts_ns)
            del self._open[side]
        new = limit(CLIENT, side, best.price_ticks, LOTS, order_type=OrderType.LIMIT_MAKER)
        order = self.world.place(new, ts_ns)
        if not isinstance(order, Refusal):
            self.placed += 1
            self._open[side] = order.order_id
            key = str(order.order_id)
            self.touch.placed(key, side, price_ticks=order.price_ticks, size_lots=LOTS)
        self.world.take_facts()


def _frames(shared_data: Path) -> Iterator[Frame]:
    for number, frame in enumerate(recorded_frames(shared_data / RECORDING, make_pair())):
        if number == FRAMES_MAX:
            return
        yield frame


@pytest.fixture(scope="module")
def joiners(shared_data: Path) -> dict[QueueModel, Joiner]:
    """The recording seen by one joiner per model; conservation is checked at every message."""
    made = {model: Joiner(model) for model in MODELS}
    for frame in _frames(shared_data):
        for joiner in made.values():
            joiner.see(frame)
            if frame.kind == "trade":
                assert joiner.filled_of_print * make_pair().lot_atoms <= frame.args[1]
    return made


@pytest.mark.proof  # six models over whole recordings
def test_a_cautious_model_fills_no_more_than_a_bold_one(joiners: dict[QueueModel, Joiner]) -> None:
    """Over the recording: risk averse <= power3 <= power <= power2, and all of them fill."""
    lots = [sum(fill[2] for fill in joiners[model].fills) for model in MODELS]
    assert lots == sorted(lots)
    assert lots[0] > 0
    assert all(joiner.placed > 50 for joiner in joiners.values())


def test_touching_fills_far_more_than_a_queue_does(joiners: dict[QueueModel, Joiner]) -> None:
    """Most of what the wishful model counts at the touch is phantom; what is missed is small beside it."""
    totals = joiners[QueueModel.RISK_AVERSE].touch.totals()
    assert totals.touch_lots > totals.honest_lots
    assert totals.phantom_lots > totals.missed_lots


def test_money_follows_the_fills_to_the_last_atom(joiners: dict[QueueModel, Joiner]) -> None:
    """The base moved by the fills and their fees alone; nothing stays locked without an order."""
    for joiner in joiners.values():
        world = joiner.world
        bought = sum(lots for _, _, lots, taker in joiner.fills if taker is Side.SELL)
        sold = sum(lots for _, _, lots, taker in joiner.fills if taker is Side.BUY)
        base, quote = world.held(CLIENT)
        fees = -(-100 * bought * 1_000 // 10**6)
        moved = base.free_atoms + base.locked_atoms - 10 * 10**8 - (bought - sold) * 1_000
        assert -len(joiner.fills) - fees <= moved <= -fees
        reserved = [order.reserved_atoms for order in world.open_orders(CLIENT)]
        assert base.locked_atoms + quote.locked_atoms == sum(reserved)


def test_the_book_shown_is_the_recorded_one(shared_data: Path) -> None:
    """After each top the displayed best is it; in between depth never makes the book cross."""
    world, book = make_observed_world()
    assert isinstance(world, World)
    assert isinstance(book, ObservedBook)
    for frame in _frames(shared_data):
        feed(book, frame)
        bid, ask = book.displayed_top(Side.BUY), book.displayed_top(Side.SELL)
        assert bid is not None
        assert ask is not None
        assert bid.price_ticks < ask.price_ticks
