"""The nine invariants of an honest fill model where single orders are followed, after every step."""

import hashlib
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from mm.domain.book import Level
from mm.domain.sides import BUY, SELL, Side
from mm.sim.fifo import OrderChange
from mm.sim.latency import ConstantLatency, Line
from mm.sim.orders import OrderType
from mm.sim.queue import QueueModel
from tests.builders.observed import Observed
from tests.builders.order_runs import LOT, OrderRun
from tests.builders.order_tapes import TRADE
from tests.builders.sim import START_NS

SEEDS = st.integers(0, 2**32)
PARTS = st.sampled_from([1_000_000, 300_000])


class Before:
    """How a run stood before a step."""

    def __init__(self, run: OrderRun) -> None:
        book = run.book
        self.fills = len(run.ear.fills)
        self.resting = list(book.orders)
        self.fronts = {order_id: book.ahead_atoms(order_id) for order_id in book.orders}
        self.left = {order_id: order.left_lots for order_id, order in book.orders.items()}


def steps_of(run: OrderRun, count: int) -> Iterator[Before]:
    """Carry out the steps of a run; yield how things stood before each."""
    before = Before(run)
    for _ in run.steps(count):
        yield before
        before = Before(run)


def displayed(run: OrderRun) -> list[list[Level]]:
    """Return everything that is displayed."""
    return [run.book.displayed(side, 99) for side in Side]


@given(seed=SEEDS, part=PARTS)
def test_1_prints_fill_no_more_than_their_part_in_the_order_of_price_and_time(seed: int, part: int) -> None:
    """All that a taker's prints fill of ours is at most their part; better prices and older orders first."""
    run = OrderRun(seed, participation_ppm=part)
    for before in steps_of(run, 120):
        prints = [row for row in run.told if row.kind == TRADE] if not run.did else []
        fills = [fill for fill in run.ear.fills[before.fills :] if fill[3] == "maker"]
        if not prints:
            continue
        for row in prints:
            mine = [fill for fill in fills if (fill[1] - row.price) * -row.side >= 0]
            worst = sum(other.lots for other in prints if (other.price - row.price) * -row.side >= 0)
            assert sum(fill[2] for fill in mine) * LOT * 1_000_000 <= worst * part or len(prints) > 1
        assert sum(lots for _, _, lots, _ in fills) * LOT <= sum(row.lots for row in prints)
        for order_id, _, lots, _ in fills:
            assert lots <= before.left[order_id]
            assert run.placed[order_id].side.sign == -prints[0].side
        if len(prints) == 1:
            sign = -prints[0].side
            ranks = [(-own * sign, before.resting.index(order_id)) for order_id, own, _, _ in fills]
            assert ranks == sorted(ranks)


@given(seed=SEEDS, part=PARTS)
def test_2_the_front_is_never_negative_and_never_grows(seed: int, part: int) -> None:
    """From the moment that an order rests, whatever comes."""
    run = OrderRun(seed, participation_ppm=part)
    for before in steps_of(run, 120):
        for order_id in run.book.orders:
            front = run.book.ahead_atoms(order_id)
            assert 0 <= front <= before.fronts.get(order_id, front)


@given(seed=SEEDS)
def test_3_own_orders_do_not_change_what_is_displayed(seed: int) -> None:
    """A second book that sees the same market and has no orders displays the same."""
    run, bare = OrderRun(seed), OrderRun(seed, own=False)
    shown = [[displayed(one) for _ in one.steps(120) if not one.did] for one in (run, bare)]
    assert shown[0] == shown[1]
    assert [run.book.top(side) for side in Side] == [(0, 0), (0, 0)]


@given(seed=SEEDS)
def test_4_only_orders_that_are_live_at_the_venue_fill(seed: int) -> None:
    """The market fills what rested before its moment; nothing fills by what is done with own orders."""
    run = OrderRun(seed)
    for before in steps_of(run, 120):
        fills = run.ear.fills[before.fills :]
        assert all(order_id in before.resting for order_id, _, _, _ in fills)
        assert not (run.did and fills)


def test_4_an_order_is_live_from_its_effect_until_the_effect_of_its_cancellation() -> None:
    """Entry takes 5 ms: who joins before it is in front, a print before the cancellation's effect fills."""
    market = Observed(QueueModel.L3)
    market.book.on_orders([OrderChange(1, BUY, 100, 0)], whole=True)
    market.snapshot([], [Level(102, 10**9)])
    line, ms = Line(ConstantLatency(entry_ns=5_000_000, answer_ns=3_000_000)), 1_000_000
    assert line.send(START_NS).effect_ns == START_NS + 5 * ms
    market.book.on_orders([OrderChange(2, BUY, 100, 3_000)], whole=False)
    own = market.bid(100, 4, order_type=OrderType.LIMIT_MAKER)
    market.book.on_orders([OrderChange(3, BUY, 100, 9_000)], whole=False)
    assert market.book.ahead_atoms(own.order_id) == 3_000
    cancelled = line.send(START_NS + 10 * ms)
    assert cancelled.effect_ns == START_NS + 15 * ms
    market.book.on_trade(100, 5_000, SELL, START_NS + 14 * ms)
    assert own.filled_lots == 2
    market.book.cancel(own.order_id, cancelled.effect_ns)
    market.book.on_trade(100, 5_000, SELL, START_NS + 16 * ms)
    assert own.filled_lots == 2


@given(seed=SEEDS)
def test_5_each_fill_counts_at_once(seed: int) -> None:
    """After every step each order has filled exactly what was told of it, and rests with the rest."""
    run = OrderRun(seed)
    for _ in run.steps(120):
        told = dict.fromkeys(run.placed, 0)
        for order_id, _, lots, _ in run.ear.fills:
            told[order_id] += lots
        assert told == {order_id: order.filled_lots for order_id, order in run.placed.items()}
        assert all(order.left_lots > 0 and order.is_open for order in run.book.orders.values())


@given(seed=SEEDS)
def test_6_the_risk_averse_front_is_never_shorter_and_never_fills_more(seed: int) -> None:
    """For one order on one path: what is known to be in front is at most the most cautious estimate of it."""
    runs = [OrderRun(seed, model=model, own=False) for model in (QueueModel.L3, QueueModel.RISK_AVERSE)]
    side = (BUY, SELL)[seed % 2]
    own = [run.place(side, run.market.best(side), 20) for run in runs]
    assert own[0] is not None
    assert own[1] is not None
    for _ in zip(*(run.steps(120) for run in runs), strict=True):
        assert own[0].filled_lots >= own[1].filled_lots
        if own[0].filled_lots == own[1].filled_lots and own[0].is_open:
            assert runs[0].book.ahead_atoms(1) <= runs[1].book.ahead_atoms(1)


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS)
def test_7_the_same_market_and_orders_give_the_same_fills(seed: int) -> None:
    """Everything that the book told and how it stands, hashed, twice."""
    digests = set()
    for _ in range(2):
        run, digest = OrderRun(seed), hashlib.sha256()
        for _ in run.steps(120):
            digest.update(repr((run.ear.fills, Before(run).fronts, displayed(run))).encode())
        digests.add(digest.hexdigest())
    assert len(digests) == 1


@given(seed=SEEDS)
def test_8_a_post_only_order_never_takes(seed: int) -> None:
    """Whatever it fills it fills as maker, at its own price."""
    run = OrderRun(seed)
    for _ in run.steps(120):
        pass
    assert all(
        (role, price) == ("maker", run.placed[order_id].price_ticks)
        for order_id, price, _, role in run.ear.fills
    )


@given(seed=SEEDS)
def test_9_quotes_alone_fill_only_when_they_are_strictly_through_the_price(seed: int) -> None:
    """In a moment without prints the opposite best is beyond the price of whatever filled."""
    run = OrderRun(seed)
    for before in steps_of(run, 120):
        if run.did or any(row.kind == TRADE for row in run.told):
            continue
        for order_id, own, _, _ in run.ear.fills[before.fills :]:
            side = run.placed[order_id].side
            best = run.book.displayed_top(side.opposite)
            assert best is not None
            assert (own - best.price_ticks) * side.sign > 0
