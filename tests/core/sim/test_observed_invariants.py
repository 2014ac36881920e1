"""The nine invariants of an honest fill model, each after every step of random observed markets."""

import hashlib
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm.domain.book import Level
from mm.domain.sides import Side
from mm.sim.latency import ConstantLatency, Line
from mm.sim.observed import ObservedBook
from mm.sim.orders import CancelOrder, NewOrder, OrderType, Refusal, StpMode, TimeInForce
from mm.sim.queue import ESTIMATES, QueueModel
from mm.sim.world import CLIENT
from tests.builders.observed import LOT as PAIR_LOT
from tests.builders.observed import levels as pair_levels
from tests.builders.observed import make_observed_world
from tests.builders.observed_runs import ObservedRun
from tests.builders.random_market import LOT, RandomMarket, Step
from tests.builders.sim import START_NS, accepted, fund, limit, make_pair

SEEDS = st.integers(0, 2**32)
MODELS = st.sampled_from(ESTIMATES)
MARKET_KINDS = ("snapshot", "depth", "top", "trade", "lost")
CAUTION = (QueueModel.RISK_AVERSE, QueueModel.POWER3, QueueModel.POWER, QueueModel.POWER2)


class Before:
    """How a run stood before a step."""

    def __init__(self, run: ObservedRun) -> None:
        book = run.book
        self.fills = len(run.ear.fills)
        self.resting = list(book.orders)
        self.fronts = {order_id: book.ahead_atoms(order_id) for order_id in book.orders}
        self.left = {order_id: order.left_lots for order_id, order in book.orders.items()}


def steps_of(run: ObservedRun, seed: int, count: int) -> Iterator[tuple[Step, Before]]:
    """Carry out the steps of a market; yield each with how things stood before it."""
    market = RandomMarket(seed)
    run.open(*market.opening())
    for step in market.steps(count):
        before = Before(run)
        run.run(step)
        yield step, before


def displayed(book: ObservedBook) -> list[list[Level]]:
    """Return everything that is displayed."""
    return [book.displayed(side, 99) for side in Side]


@given(seed=SEEDS, model=MODELS)
def test_1_a_print_fills_no_more_than_itself_in_the_order_of_price_and_time(
    seed: int, model: QueueModel
) -> None:
    """Own fills of a print together are at most its size, at its price or through, best and oldest first."""
    run = ObservedRun(model)
    for (kind, _, args), before in steps_of(run, seed, 120):
        fills = run.ear.fills[before.fills :]
        if kind != "trade":
            continue
        price, size, aggressor = args
        assert sum(lots for _, _, lots, _ in fills) * LOT <= size
        sign = aggressor.opposite.sign
        ranks = [(-own * sign, before.resting.index(order_id)) for order_id, own, _, _ in fills]
        assert ranks == sorted(ranks)
        for order_id, own, lots, role in fills:
            assert ((own - price) * sign >= 0, role) == (True, "maker")
            assert run.placed[order_id].side is aggressor.opposite
            assert lots <= before.left[order_id]


@given(seed=SEEDS, model=MODELS)
def test_1_a_displayed_level_gives_no_more_than_it_ever_showed(seed: int, model: QueueModel) -> None:
    """All that own orders take from a price, as takers or crossed, is at most what was ever added there."""
    run = ObservedRun(model)
    shown: dict[tuple[Side, int], int] = {}
    added: dict[Side, int] = dict.fromkeys(Side, 0)
    given_lots: dict[Side, int] = dict.fromkeys(Side, 0)
    for (kind, _, _), before in steps_of(run, seed, 120):
        for side in Side:
            now = {(side, level.price_ticks): level.size_atoms for level in run.book.displayed(side, 99)}
            added[side] += sum(max(0, size - shown.get(key, 0)) for key, size in now.items())
            shown = {key: size for key, size in shown.items() if key[0] is not side} | now
        for order_id, _, lots, role in run.ear.fills[before.fills :]:
            if role == "taker" or kind != "trade":
                given_lots[run.placed[order_id].side.opposite] += lots
        assert all(given_lots[side] * LOT <= added[side] for side in Side)


@given(seed=SEEDS, model=MODELS)
def test_2_the_front_is_never_negative_and_never_grows(seed: int, model: QueueModel) -> None:
    """From the moment that an order rests, whatever comes."""
    run = ObservedRun(model)
    for _, before in steps_of(run, seed, 120):
        for order_id in run.book.orders:
            front = run.book.ahead_atoms(order_id)
            assert 0 <= front <= before.fronts.get(order_id, front)


@given(seed=SEEDS, model=MODELS)
def test_3_own_orders_do_not_change_what_is_displayed(seed: int, model: QueueModel) -> None:
    """A second book that sees the same market and has no orders displays the same."""
    run, bare = ObservedRun(model), ObservedRun(model)
    bare.open(*RandomMarket(seed).opening())
    for (kind, gap_ns, args), _ in steps_of(run, seed, 120):
        bare.run((kind, gap_ns, args) if kind in MARKET_KINDS else ("cancel", gap_ns, (99,)))
        assert displayed(run.book) == displayed(bare.book)
        assert [run.book.top(side) for side in Side] == [(0, 0), (0, 0)]


@given(seed=SEEDS, model=MODELS)
def test_4_only_orders_that_are_live_at_the_venue_fill(seed: int, model: QueueModel) -> None:
    """The market fills what rested before its message; nothing fills after its cancellation took effect."""
    run = ObservedRun(model)
    for (kind, _, _), before in steps_of(run, seed, 120):
        for order_id, _, _, _ in run.ear.fills[before.fills :]:
            assert kind == "order" or order_id in before.resting
        assert kind in ("trade", "snapshot", "depth", "top", "order") or before.fills == len(run.ear.fills)


def test_4_an_order_is_live_from_its_effect_until_the_effect_of_its_cancellation() -> None:
    """Entry takes 5 ms: a print at 4 ms after sending misses it, one 4 ms after the cancellation fills it."""
    world, book = make_observed_world()
    fund(world, CLIENT)
    book.on_snapshot(pair_levels((6_000_000, 0)), pair_levels((6_000_001, 50)), ts_ns=START_NS)
    line, ms = Line(ConstantLatency(entry_ns=5_000_000, answer_ns=3_000_000)), 1_000_000
    new = limit(CLIENT, Side.BUY, 6_000_000, 1_000, order_type=OrderType.LIMIT_MAKER)
    assert line.send(START_NS).effect_ns == START_NS + 5 * ms
    book.on_trade(6_000_000, 900 * PAIR_LOT, Side.SELL, START_NS + 4 * ms)
    order = accepted(world.place(new, START_NS + 5 * ms))
    assert order.filled_lots == 0
    cancelled = line.send(START_NS + 10 * ms)
    assert cancelled == (START_NS + 15 * ms, START_NS + 18 * ms)
    book.on_trade(6_000_000, 300 * PAIR_LOT, Side.SELL, START_NS + 14 * ms)
    assert order.filled_lots == 300
    world.cancel(CancelOrder(owner=CLIENT, order_id=order.order_id), cancelled.effect_ns)
    book.on_trade(6_000_000, 300 * PAIR_LOT, Side.SELL, START_NS + 16 * ms)
    assert order.filled_lots == 300


@given(seed=SEEDS, model=MODELS)
def test_5_each_fill_counts_at_once(seed: int, model: QueueModel) -> None:
    """After every step each order has filled exactly what was told of it, and rests with the rest."""
    run = ObservedRun(model)
    for _ in steps_of(run, seed, 120):
        told = dict.fromkeys(run.placed, 0)
        for order_id, _, lots, _ in run.ear.fills:
            told[order_id] += lots
        assert told == {order_id: order.filled_lots for order_id, order in run.placed.items()}
        assert all(order.left_lots > 0 and order.is_open for order in run.book.orders.values())


def paths(seed: int, models: tuple[QueueModel, ...]) -> Iterator[list[tuple[int, int]]]:
    """Yield after every step (front, lots filled) of one bid of twenty lots, per model."""
    market = RandomMarket(seed)
    opening, runs = market.opening(), [ObservedRun(model) for model in models]
    bid = (Side.BUY, 99, 20, (OrderType.LIMIT, TimeInForce.GTC), StpMode.EXPIRE_MAKER)
    steps = [step for step in market.steps(120) if step[0] in MARKET_KINDS]
    for run in runs:
        run.open(*opening)
    for step in [("order", 0, bid), *steps]:
        for run in runs:
            run.run(step)
        resting = [1 in run.book.orders for run in runs]
        yield [
            (run.book.ahead_atoms(1) if rests else 0, run.placed[1].filled_lots)
            for run, rests in zip(runs, resting, strict=True)
        ]


@given(seed=SEEDS)
def test_6_the_risk_averse_front_is_the_longest_and_fills_the_least(seed: int) -> None:
    """On one path, for one order: no other model has more in front of it or has filled fewer lots."""
    for (front, filled), *others in paths(seed, ESTIMATES):
        for other_front, other_filled in others:
            assert filled <= other_filled
            assert front >= other_front or filled < other_filled


def test_6_over_many_paths_the_models_fill_in_the_order_of_their_caution() -> None:
    """Risk averse, power3, power, power2: each fills at least what the one before does, in sum."""
    totals = [0, 0, 0, 0]
    for seed in range(60):
        *_, last = paths(seed, CAUTION)
        totals = [total + filled for total, (_, filled) in zip(totals, last, strict=True)]
    assert totals == sorted(totals)
    assert 0 < totals[0] < totals[-1]


@settings(max_examples=15)
@given(seed=SEEDS)
def test_7_the_same_market_and_orders_give_the_same_bytes(seed: int) -> None:
    """Everything that a world over the book tells, encoded and hashed, twice."""
    digests = [_digest(seed), _digest(seed)]
    assert digests[0] == digests[1]


def _digest(seed: int) -> str:
    pair = msgspec.structs.replace(make_pair(), lot_atoms=LOT, notional_min_atoms=0)
    world, book = make_observed_world(pair)
    fund(world, CLIENT)
    market, now_ns = RandomMarket(seed), START_NS
    book.on_snapshot(*market.opening(), ts_ns=now_ns)
    digest = hashlib.sha256()
    for kind, gap_ns, args in market.steps(80):
        now_ns += gap_ns
        if kind == "order":
            side, price, lots, (order_type, time_in_force), mode = args
            new = NewOrder(
                owner=CLIENT,
                side=side,
                order_type=order_type,
                time_in_force=time_in_force,
                price_ticks=0 if order_type is OrderType.MARKET else price,
                size_lots=lots,
                stp_mode=mode,
            )
            outcome = world.place(new, now_ns)
            assert not isinstance(outcome, Refusal) or outcome in (Refusal.WOULD_TAKE, Refusal.NO_LIQUIDITY)
        elif kind == "trade":
            price, size, aggressor = args
            book.on_trade(price, size, aggressor, now_ns)
        elif kind in ("depth", "snapshot"):
            getattr(book, f"on_{kind}")(*args[:2], ts_ns=now_ns)
        world.report_state(now_ns)
        digest.update(msgspec.json.encode(world.take_facts()))
    return digest.hexdigest()


@given(seed=SEEDS, model=MODELS)
def test_8_a_post_only_order_never_takes(seed: int, model: QueueModel) -> None:
    """Judged at the moment that it takes effect: whatever it fills it fills as maker, at its own price."""
    run = ObservedRun(model)
    for _ in steps_of(run, seed, 120):
        pass
    for order_id, price, _, role in run.ear.fills:
        order = run.placed[order_id]
        if order.order_type is OrderType.LIMIT_MAKER:
            assert (role, price) == ("maker", order.price_ticks)


@given(seed=SEEDS, model=MODELS)
def test_9_quotes_alone_fill_only_when_they_are_strictly_through_the_price(
    seed: int, model: QueueModel
) -> None:
    """After a snapshot, depth or top that filled something the opposite best is beyond the order's price."""
    run = ObservedRun(model)
    for (kind, _, _), before in steps_of(run, seed, 120):
        fills = run.ear.fills[before.fills :]
        if kind not in ("snapshot", "depth", "top"):
            continue
        for order_id, own, _, role in fills:
            side = run.placed[order_id].side
            best = run.book.displayed_top(side.opposite)
            assert best is not None
            assert ((own - best.price_ticks) * side.sign > 0, role) == (True, "maker")


@pytest.mark.parametrize("kind", MARKET_KINDS)
def test_the_markets_of_these_tests_have_everything(kind: str) -> None:
    """What the properties are about happens: every kind of step, fills as maker and taker, by quotes too."""
    causes: dict[tuple[str, str], int] = {}
    kinds: dict[str, int] = {}
    for seed in range(40):
        run = ObservedRun(QueueModel.POWER)
        for (name, _, _), before in steps_of(run, seed, 120):
            kinds[name] = kinds.get(name, 0) + 1
            for *_, role in run.ear.fills[before.fills :]:
                causes[name, role] = causes.get((name, role), 0) + 1
    assert kinds[kind] > 20
    assert causes["trade", "maker"] > 50
    assert causes["order", "taker"] > 50
    assert causes["depth", "maker"] + causes["top", "maker"] > 5
