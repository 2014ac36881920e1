"""The simulated venue under generated requests: money is conserved, locks are backed, owners never meet."""

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from mm.domain.sides import Side
from mm.sim.accounts import FEES
from mm.sim.orders import AmendOrder, CancelOrder, NewOrder, Order, OrderType, StpMode, TimeInForce
from mm.sim.reports import Fact, LevelChange, OrderReport, TopChange, Trade
from mm.sim.world import CLIENT, World
from tests.builders.sim import START_NS, fund, make_pair, make_world

OWNERS = (CLIENT, "b", "c")

ORDERS = st.builds(
    NewOrder,
    owner=st.sampled_from(OWNERS),
    side=st.sampled_from(list(Side)),
    order_type=st.sampled_from(list(OrderType)),
    time_in_force=st.sampled_from(list(TimeInForce)),
    price_ticks=st.integers(5_999_996, 6_000_004),
    size_lots=st.one_of(st.integers(9, 40), st.integers(9, 40), st.integers(5, 400_000)),
    stp_mode=st.sampled_from(list(StpMode)),
)


@dataclass(frozen=True)
class Change:
    """What is done to one of the open orders, counted from the oldest.

    Fields: percent: its new size, 0 to cancel it; new: what is placed in its stead at once, or None.
    """

    place: int
    percent: int
    new: NewOrder | None


CHANGES = st.builds(Change, st.integers(0, 8), st.sampled_from([0, 0, 20, 70, 99, 100, 130]), ORDERS)
REQUESTS = st.lists(st.one_of(ORDERS, CHANGES), min_size=20, max_size=40)


class Watched:
    """A world with three funded owners, and what has to hold of it after every request."""

    def __init__(self, maker_fee: str) -> None:
        """Fund the owners; from here on no asset may grow or shrink."""
        self.world = make_world(instrument=make_pair(maker_fee=maker_fee))
        fund(self.world, *OWNERS, base=5, quote=200_000)
        self.totals = {asset: self.world.accounts.total(asset) for asset in ("BTC", "USDT")}
        self.levels: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
        self.traded: dict[int, int] = {}
        self.modes: dict[int, StpMode] = {}

    def open_orders(self) -> list[Order]:
        """Return everybody's open orders, oldest first."""
        orders = [order for owner in OWNERS for order in self.world.open_orders(owner)]
        return sorted(orders, key=lambda order: order.order_id)

    def request(self, request: NewOrder | Change, ts_ns: int) -> None:
        """Carry out one request; refusals are as good as anything."""
        if isinstance(request, NewOrder):
            self._place(request, ts_ns)
            return
        orders = self.open_orders()
        if request.place >= len(orders):
            return
        order = orders[request.place]
        if request.percent:
            size_lots = order.size_lots * request.percent // 100
            self.world.amend(
                AmendOrder(
                    owner=order.owner, order_id=order.order_id, size_lots=size_lots, client_id=f"a{ts_ns}"
                ),
                ts_ns,
            )
            return
        self.world.cancel(CancelOrder(owner=order.owner, order_id=order.order_id), ts_ns)
        if request.new is not None:
            self._place(request.new, ts_ns)

    def _place(self, new: NewOrder, ts_ns: int) -> None:
        if new.order_type is OrderType.LIMIT or new.time_in_force is TimeInForce.GTC:
            outcome = self.world.place(new, ts_ns)
            if isinstance(outcome, Order):
                self.modes[outcome.order_id] = new.stp_mode

    def check(self) -> None:
        """Money, facts and levels."""
        self._check_money()
        for fact in self.world.take_facts():
            self._check_fact(fact)
        for side in Side:
            resting: dict[int, int] = {}
            for order in self.open_orders():
                if order.side is side:
                    assert order.filled_lots + order.prevented_lots < order.size_lots
                    resting[order.price_ticks] = resting.get(order.price_ticks, 0) + order.left_lots
            told = {ticks: lots for ticks, lots in self.levels[side].items() if lots}
            assert dict(self.world.book.depth(side, 10**6)) == resting == told

    def _check_money(self) -> None:
        for asset, total in self.totals.items():
            assert self.world.accounts.total(asset) == total
            paying = Side.SELL if asset == "BTC" else Side.BUY
            for owner in OWNERS:
                held = self.world.accounts.balance(owner, asset)
                assert held.free >= 0
                orders = [order for order in self.world.open_orders(owner) if order.side is paying]
                assert held.locked == sum(order.reserved_atoms for order in orders)
                assert held.locked == sum(self._cost(order) for order in orders)

    def _cost(self, order: Order) -> int:
        pair = self.world.instrument
        if order.side is Side.SELL:
            return order.left_lots * pair.lot_atoms
        return pair.notional_atoms(order.price_ticks, order.left_lots)

    def _check_fact(self, fact: Fact) -> None:
        if isinstance(fact, LevelChange):
            self.levels[fact.side][fact.price_ticks] = fact.size_lots
        elif isinstance(fact, Trade):
            is_own = fact.maker_owner == fact.taker_owner
            assert not is_own or self.modes[fact.taker_order_id] is StpMode.NONE
        elif isinstance(fact, TopChange):
            assert not fact.bid_ticks or not fact.ask_ticks or fact.bid_ticks < fact.ask_ticks
        elif isinstance(fact, OrderReport):
            order_id = fact.order.order_id
            self.traded[order_id] = self.traded.get(order_id, 0) + (fact.match.size_lots if fact.match else 0)
            assert fact.order.filled_lots == self.traded[order_id]


@settings(max_examples=120)
@given(requests=REQUESTS, maker_fee=st.sampled_from(["0.0001", "0", "-0.00005"]))
def test_money_is_conserved_and_nobody_meets_itself(
    requests: list[NewOrder | Change], maker_fee: str
) -> None:
    """After every request: totals as at the start, locks as open orders cost, levels as they rest."""
    watched = Watched(maker_fee)
    for number, request in enumerate(requests):
        watched.request(request, START_NS + number)
        watched.check()


@settings(max_examples=5)
@given(seed=st.integers(0, 1_000), preset=st.sampled_from(["demo", "btc"]))
def test_money_is_conserved_while_the_traders_trade(seed: int, preset: str) -> None:
    """Every 100 ms of a living market: totals as at the start, no trader negative, none meets itself."""
    world: World = make_world(preset, seed=seed)
    totals = {asset: world.accounts.total(asset) for asset in ("BTC", "USDT")}
    for step in range(50):
        world.advance(START_NS + step * 100_000_000)
        assert {asset: world.accounts.total(asset) for asset in totals} == totals
        assert all(world.accounts.balance(FEES, asset).free >= 0 for asset in totals)
        for fact in world.take_facts():
            assert not isinstance(fact, Trade) or fact.maker_owner != fact.taker_owner
