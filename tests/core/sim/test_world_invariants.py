"""The simulated venue under generated requests: money is conserved, locks are backed, owners never meet."""

from hypothesis import given, settings
from hypothesis import strategies as st

from mm.domain.sides import Side
from mm.sim.accounts import FEES
from mm.sim.orders import CancelOrder, NewOrder, OrderType, StpMode, TimeInForce
from mm.sim.reports import LevelChange, OrderReport, TopChange, Trade
from mm.sim.world import CLIENT, World
from tests.builders.sim import START_NS, fund, make_pair, make_world

OWNERS = (CLIENT, "b", "c")
MODES = (StpMode.EXPIRE_TAKER, StpMode.EXPIRE_MAKER, StpMode.EXPIRE_BOTH)

ORDERS = st.builds(
    NewOrder,
    owner=st.sampled_from(OWNERS),
    side=st.sampled_from(list(Side)),
    order_type=st.sampled_from(list(OrderType)),
    time_in_force=st.sampled_from(list(TimeInForce)),
    price_ticks=st.integers(5_999_990, 6_000_010),
    size_lots=st.integers(5, 400_000),
    stp_mode=st.sampled_from(MODES),
)
REQUESTS = st.lists(st.one_of(ORDERS, st.integers(1, 40)), max_size=40)


def _valid(new: NewOrder) -> bool:
    return new.order_type is OrderType.LIMIT or new.time_in_force is TimeInForce.GTC


def _request(world: World, request: NewOrder | int, ts_ns: int) -> None:
    if isinstance(request, int):
        for owner in OWNERS:
            world.cancel(CancelOrder(owner=owner, order_id=request), ts_ns)
    elif _valid(request):
        world.place(request, ts_ns)


def _check_money(world: World, totals: dict[str, int]) -> None:
    for asset, total in totals.items():
        assert world.accounts.total(asset) == total
        for owner in OWNERS:
            held = world.accounts.balance(owner, asset)
            assert held.free >= 0
            paying = Side.SELL if asset == "BTC" else Side.BUY
            reserved = [order.reserved_atoms for order in world.open_orders(owner) if order.side is paying]
            assert held.locked == sum(reserved)


def _check_facts(world: World, levels: dict[Side, dict[int, int]], traded: dict[int, int]) -> None:
    for fact in world.take_facts():
        if isinstance(fact, LevelChange):
            levels[fact.side][fact.price_ticks] = fact.size_lots
        elif isinstance(fact, Trade):
            assert fact.maker_owner != fact.taker_owner
        elif isinstance(fact, TopChange):
            assert not fact.bid_ticks or not fact.ask_ticks or fact.bid_ticks < fact.ask_ticks
        elif isinstance(fact, OrderReport):
            order_id = fact.order.order_id
            traded[order_id] = traded.get(order_id, 0) + (fact.match.size_lots if fact.match else 0)
            assert fact.order.filled_lots == traded[order_id]
    for side in Side:
        rows = {ticks: lots for ticks, lots in levels[side].items() if lots}
        assert dict(world.book.depth(side, 10**6)) == rows


@settings(max_examples=60)
@given(requests=REQUESTS, maker_fee=st.sampled_from(["0.0001", "0", "-0.00005"]))
def test_money_is_conserved_and_nobody_meets_itself(requests: list[NewOrder | int], maker_fee: str) -> None:
    """After every request: totals as at the start, locks equal reservations, levels equal the facts."""
    world = make_world(instrument=make_pair(maker_fee=maker_fee))
    fund(world, *OWNERS, base=5, quote=200_000)
    totals = {asset: world.accounts.total(asset) for asset in ("BTC", "USDT")}
    levels: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
    traded: dict[int, int] = {}
    for number, request in enumerate(requests):
        _request(world, request, START_NS + number)
        _check_money(world, totals)
        _check_facts(world, levels, traded)


@settings(max_examples=5)
@given(seed=st.integers(0, 1_000), preset=st.sampled_from(["demo", "btc"]))
def test_money_is_conserved_while_the_traders_trade(seed: int, preset: str) -> None:
    """Every 100 ms of a living market: totals as at the start, no trader negative, none meets itself."""
    world = make_world(preset, seed=seed)
    totals = {asset: world.accounts.total(asset) for asset in ("BTC", "USDT")}
    for step in range(50):
        world.advance(START_NS + step * 100_000_000)
        assert {asset: world.accounts.total(asset) for asset in totals} == totals
        assert all(world.accounts.balance(FEES, asset).free >= 0 for asset in totals)
        for fact in world.take_facts():
            assert not isinstance(fact, Trade) or fact.maker_owner != fact.taker_owner
