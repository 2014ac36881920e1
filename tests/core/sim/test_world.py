"""The simulated venue by example: refusals, money, reports in order, self-trade prevention."""

import pytest

from mm.domain.sides import Side
from mm.domain.units import NS_PER_S
from mm.sim.accounts import FEES, Balance
from mm.sim.orders import (
    AmendOrder,
    CancelOrder,
    Execution,
    NewOrder,
    Order,
    OrderStatus,
    OrderType,
    Refusal,
    StpMode,
    TimeInForce,
)
from mm.sim.reports import (
    BalanceReport,
    Fact,
    LevelChange,
    Match,
    OrderReport,
    Prevented,
    Replaced,
    TopChange,
    Trade,
)
from mm.sim.world import CLIENT, World
from tests.builders.sim import START_NS, accepted, fund, limit, make_world, market

BUY, SELL = Side.BUY, Side.SELL
PRICE = 6_000_000
LOT_VALUE = PRICE * 10
NOW = START_NS + 1


def _world() -> World:
    world = make_world()
    fund(world, CLIENT, "other")
    return world


def _place(world: World, new: NewOrder) -> list[Fact]:
    accepted(world.place(new, NOW))
    return world.take_facts()


def _reports(facts: list[Fact]) -> list[OrderReport]:
    return [fact for fact in facts if isinstance(fact, OrderReport)]


def _kinds(facts: list[Fact]) -> list[str]:
    return [
        f"{fact.execution}:{fact.order.client_id}" if isinstance(fact, OrderReport) else type(fact).__name__
        for fact in facts
    ]


def test_a_resting_order_locks_what_it_needs() -> None:
    """A buy locks its value, a sell its size; cancelling frees it."""
    world = _world()
    buy = accepted(world.place(limit(CLIENT, BUY, PRICE, 100), NOW))
    accepted(world.place(limit(CLIENT, SELL, PRICE + 1, 200), NOW))
    assert world.accounts.balance(CLIENT, "USDT").locked == 100 * LOT_VALUE == buy.reserved_atoms
    assert world.accounts.balance(CLIENT, "BTC").locked == 200 * 1_000
    accepted(world.cancel(CancelOrder(owner=CLIENT, order_id=buy.order_id), NOW))
    assert world.accounts.balance(CLIENT, "USDT") == Balance(free=1_000_000 * 10**8, locked=0)
    assert [order.side for order in world.open_orders(CLIENT)] == [SELL]
    assert world.open_orders("nobody") == ()


@pytest.mark.parametrize(
    ("new", "refusal"),
    [
        (limit(CLIENT, BUY, PRICE, 8), Refusal.NOTIONAL),
        (limit(CLIENT, BUY, PRICE - 9, 100, client_id="taken"), Refusal.DUPLICATE),
        (limit(CLIENT, BUY, PRICE + 5, 100, order_type=OrderType.LIMIT_MAKER), Refusal.WOULD_TAKE),
        (limit(CLIENT, SELL, PRICE + 9, 1_000_001), Refusal.INSUFFICIENT_BALANCE),
        (limit("poor", BUY, PRICE - 9, 100), Refusal.INSUFFICIENT_BALANCE),
        (market("poor", BUY, 100), Refusal.INSUFFICIENT_BALANCE),
        (market(CLIENT, SELL, 1_000_001), Refusal.MARKET_LOT_SIZE),
    ],
)
def test_a_refused_order_changes_nothing(new: NewOrder, refusal: Refusal) -> None:
    """No fact, no lock, no number used up."""
    world = _world()
    _place(world, limit(CLIENT, BUY, PRICE - 10, 100, client_id="taken"))
    _place(world, limit("other", SELL, PRICE + 5, 100))
    before = world.held(CLIENT)
    assert world.place(new, NOW) is refusal
    assert world.take_facts() == []
    assert world.held(CLIENT) == before
    assert accepted(world.place(limit(CLIENT, BUY, PRICE - 20, 100), NOW)).order_id == 3


def test_a_client_id_is_free_again_once_its_order_is_closed() -> None:
    """Only open orders block an id, and only those of the same owner."""
    world = _world()
    first = accepted(world.place(limit(CLIENT, BUY, PRICE, 100, client_id="x"), NOW))
    assert world.place(limit(CLIENT, BUY, PRICE, 100, client_id="x"), NOW) is Refusal.DUPLICATE
    accepted(world.place(limit("other", BUY, PRICE, 100, client_id="x"), NOW))
    accepted(world.cancel(CancelOrder(owner=CLIENT, order_id=first.order_id), NOW))
    accepted(world.place(limit(CLIENT, BUY, PRICE, 100, client_id="x"), NOW))


def test_only_the_owner_cancels_and_only_while_it_is_open() -> None:
    """Anything else is an unknown order."""
    world = _world()
    order = accepted(world.place(limit(CLIENT, BUY, PRICE, 100), NOW))
    assert world.cancel(CancelOrder(owner="other", order_id=order.order_id), NOW) is Refusal.UNKNOWN_ORDER
    accepted(world.cancel(CancelOrder(owner=CLIENT, order_id=order.order_id), NOW))
    assert world.cancel(CancelOrder(owner=CLIENT, order_id=order.order_id), NOW) is Refusal.UNKNOWN_ORDER


def test_money_moves_with_a_match_and_fees_are_paid_in_what_is_received() -> None:
    """The client makes (100 ppm of quote), the other takes (400 ppm of base); totals stay."""
    world = _world()
    total = world.accounts.total("BTC"), world.accounts.total("USDT")
    _place(world, limit(CLIENT, SELL, PRICE, 1_000))
    _place(world, limit("other", BUY, PRICE + 100, 600))
    value, base = 600 * LOT_VALUE, 600 * 1_000
    assert world.accounts.balance(CLIENT, "USDT").free == 10**14 + value - value // 10_000
    assert world.accounts.balance(CLIENT, "BTC") == Balance(free=10**9 - 10**6, locked=10**6 - base)
    assert world.accounts.balance("other", "USDT") == Balance(free=10**14 - value, locked=0)
    assert world.accounts.balance("other", "BTC").free == 10**9 + base - 240
    assert world.accounts.balance(FEES, "BTC").free == 240
    assert (world.accounts.total("BTC"), world.accounts.total("USDT")) == total


def test_a_buy_below_its_limit_gets_the_difference_back() -> None:
    """The client takes at 100 ticks better than its limit and rests with the remainder."""
    world = _world()
    _place(world, limit("other", SELL, PRICE, 500))
    order = accepted(world.place(limit(CLIENT, BUY, PRICE + 100, 800), NOW))
    rest = 300 * (PRICE + 100) * 10
    assert order.reserved_atoms == rest
    assert world.accounts.balance(CLIENT, "USDT") == Balance(
        free=10**14 - 500 * LOT_VALUE - rest, locked=rest
    )


def test_a_market_buy_pays_exactly_what_the_book_asks() -> None:
    """What it could not trade costs nothing."""
    world = _world()
    _place(world, limit("other", SELL, PRICE, 500))
    order = accepted(world.place(market(CLIENT, BUY, 800), NOW))
    assert (order.status, order.filled_lots) == (OrderStatus.EXPIRED, 500)
    assert world.accounts.balance(CLIENT, "USDT") == Balance(free=10**14 - 500 * LOT_VALUE, locked=0)


def test_a_market_sell_gets_its_remainder_back() -> None:
    """The base that did not trade is free again."""
    world = _world()
    _place(world, limit("other", BUY, PRICE, 500))
    accepted(world.place(market(CLIENT, SELL, 800), NOW))
    assert world.accounts.balance(CLIENT, "BTC") == Balance(free=10**9 - 500_000, locked=0)


def test_facts_of_a_taker_come_in_the_order_of_the_venue() -> None:
    """NEW first; per match report, trade, level; then what rests, the top, the balances."""
    world = _world()
    _place(world, limit("other", SELL, PRICE, 500))
    _place(world, limit("other", SELL, PRICE + 1, 500))
    facts = _place(world, limit(CLIENT, BUY, PRICE + 1, 1_200, client_id="c"))
    assert _kinds(facts) == [
        "NEW:c",
        "TRADE:c",
        "Trade",
        "LevelChange",
        "TRADE:c",
        "Trade",
        "LevelChange",
        "LevelChange",
        "TopChange",
        "BalanceReport",
    ]
    states = [(report.order.status, report.order.filled_lots) for report in _reports(facts)]
    assert states == [
        (OrderStatus.NEW, 0),
        (OrderStatus.PARTIALLY_FILLED, 500),
        (OrderStatus.PARTIALLY_FILLED, 1_000),
    ]


def test_facts_of_a_maker_carry_its_match() -> None:
    """The other's market order fills the client's quote: report before the public trade."""
    world = _world()
    _place(world, limit(CLIENT, BUY, PRICE, 500, client_id="m"))
    facts = _place(world, market("other", SELL, 500))
    assert _kinds(facts) == ["TRADE:m", "Trade", "LevelChange", "TopChange", "BalanceReport"]
    assert _reports(facts)[0].match == Match(
        trade_id=1,
        price_ticks=PRICE,
        size_lots=500,
        is_maker=True,
        fee_atoms=50,
        fee_asset="BTC",
    )
    assert facts[1] == Trade(
        trade_id=1,
        price_ticks=PRICE,
        size_lots=500,
        ts_ns=NOW,
        taker_side=SELL,
        maker_order_id=1,
        taker_order_id=2,
        maker_owner=CLIENT,
        taker_owner="other",
    )
    assert facts[2] == LevelChange(update_id=2, side=BUY, price_ticks=PRICE, size_lots=0)
    assert facts[3] == TopChange(update_id=2, bid_ticks=0, bid_lots=0, ask_ticks=0, ask_lots=0)
    report = facts[4]
    assert isinstance(report, BalanceReport)
    assert report.held == world.held(CLIENT)


def test_when_the_client_meets_itself_the_makers_report_comes_first() -> None:
    """Without prevention: maker, taker, public trade, and the trade has one owner on both sides."""
    world = _world()
    _place(world, limit(CLIENT, BUY, PRICE, 500, client_id="m"))
    facts = _place(world, limit(CLIENT, SELL, PRICE, 500, client_id="t", stp_mode=StpMode.NONE))
    assert _kinds(facts)[:4] == ["NEW:t", "TRADE:m", "TRADE:t", "Trade"]
    trade = facts[3]
    assert isinstance(trade, Trade)
    assert trade.maker_owner == trade.taker_owner == CLIENT


def test_orders_of_others_are_not_reported() -> None:
    """Only trades and the book are public."""
    world = _world()
    assert _kinds(_place(world, limit("other", BUY, PRICE, 500))) == ["LevelChange", "TopChange"]
    assert _kinds(_place(world, limit("other", BUY, PRICE - 1, 500))) == ["LevelChange"]


def test_a_cancellation_carries_the_id_of_its_request() -> None:
    """CANCELED, level, top, balances."""
    world = _world()
    order = accepted(world.place(limit(CLIENT, BUY, PRICE, 500, client_id="m"), NOW))
    world.take_facts()
    accepted(world.cancel(CancelOrder(owner=CLIENT, order_id=order.order_id, cancel_id="why"), NOW + 5))
    facts = world.take_facts()
    assert _kinds(facts) == ["LevelChange", "CANCELED:m", "TopChange", "BalanceReport"]
    report = _reports(facts)[0]
    assert (report.cancel_id, report.ts_ns, report.order.status) == ("why", NOW + 5, OrderStatus.CANCELED)


def test_what_cannot_trade_at_once_expires_with_a_report() -> None:
    """FOK that finds too little: NEW, then EXPIRED, nothing locked."""
    world = _world()
    _place(world, limit("other", SELL, PRICE, 100))
    facts = _place(world, limit(CLIENT, BUY, PRICE, 200, time_in_force=TimeInForce.FOK))
    assert [report.execution for report in _reports(facts)] == [Execution.NEW, Execution.EXPIRED]
    assert world.accounts.balance(CLIENT, "USDT").locked == 0


@pytest.mark.parametrize(
    ("mode", "executions", "lots"),
    [
        (StpMode.EXPIRE_TAKER, ["NEW:t", "TRADE_PREVENTION:t"], (0, 300)),
        (StpMode.EXPIRE_MAKER, ["NEW:t", "TRADE_PREVENTION:m"], (500, 0)),
        (StpMode.EXPIRE_BOTH, ["NEW:t", "TRADE_PREVENTION:m", "TRADE_PREVENTION:t"], (500, 300)),
        (StpMode.DECREMENT, ["NEW:t", "TRADE_PREVENTION:m", "TRADE_PREVENTION:t"], (300, 300)),
    ],
)
def test_a_prevented_match_is_reported_and_frees_what_expired(
    mode: StpMode, executions: list[str], lots: tuple[int, int]
) -> None:
    """Whoever expires is told; the record names both orders; locked is what is still open."""
    world = _world()
    _place(world, limit(CLIENT, BUY, PRICE, 500, client_id="m"))
    facts = _place(world, limit(CLIENT, SELL, PRICE, 300, client_id="t", stp_mode=mode))
    assert [kind for kind in _kinds(facts) if ":" in kind] == executions
    prevented = next(fact for fact in facts if isinstance(fact, Prevented))
    assert (prevented.maker_lots, prevented.taker_lots) == lots
    assert (prevented.maker_order_id, prevented.taker_order_id, prevented.owner) == (1, 2, CLIENT)
    assert (prevented.mode, prevented.match_lots) == (mode, 300)
    assert all(report.prevented == prevented for report in _reports(facts)[1:])
    assert not any(isinstance(fact, Trade) for fact in facts)
    open_orders = world.open_orders(CLIENT)
    locked = world.accounts.balance(CLIENT, "BTC").locked, world.accounts.balance(CLIENT, "USDT").locked
    assert sum(locked) == sum(order.reserved_atoms for order in open_orders)


def test_a_decremented_order_stays_open_with_less_locked() -> None:
    """500 to buy meet 300 of the same owner: 200 go on, and only they are paid for."""
    world = _world()
    _place(world, limit(CLIENT, BUY, PRICE, 500, client_id="m"))
    facts = _place(world, limit(CLIENT, SELL, PRICE, 300, client_id="t", stp_mode=StpMode.DECREMENT))
    maker, taker = _reports(facts)[1:]
    assert (maker.order.status, maker.order.left_lots, maker.prevented_lots) == (OrderStatus.NEW, 200, 300)
    assert (taker.order.status, taker.order.left_lots) == (OrderStatus.EXPIRED_IN_MATCH, 0)
    assert world.accounts.balance(CLIENT, "USDT").locked == 200 * LOT_VALUE
    assert world.accounts.balance(CLIENT, "BTC").locked == 0


def test_a_market_buy_that_is_decremented_pays_for_what_it_trades() -> None:
    """Its own ask takes 300 of it away, the other's gives the rest."""
    world = _world()
    _place(world, limit(CLIENT, SELL, PRICE, 300))
    _place(world, limit("other", SELL, PRICE + 1, 500))
    order = accepted(world.place(market(CLIENT, BUY, 400, stp_mode=StpMode.DECREMENT), NOW))
    assert (order.status, order.filled_lots, order.prevented_lots) == (OrderStatus.FILLED, 100, 300)
    assert world.accounts.balance(CLIENT, "USDT") == Balance(free=10**14 - 100 * (PRICE + 1) * 10, locked=0)
    assert world.accounts.balance(CLIENT, "BTC").locked == 0


def _amend(world: World, order_id: int, size_lots: int, client_id: str = "new") -> Order | Refusal:
    request = AmendOrder(owner=CLIENT, order_id=order_id, size_lots=size_lots, client_id=client_id)
    return world.amend(request, NOW + 5)


def test_an_amended_order_is_reported_with_what_it_was() -> None:
    """Smaller, under its new id, with less locked; level, report, top and balances."""
    world = _world()
    order = accepted(world.place(limit(CLIENT, BUY, PRICE, 500, client_id="old"), NOW))
    world.take_facts()
    assert accepted(_amend(world, order.order_id, 300)) is order
    facts = world.take_facts()
    assert _kinds(facts) == ["LevelChange", "REPLACED:new", "TopChange", "BalanceReport"]
    report = _reports(facts)[0]
    assert report.replaced == Replaced(client_id="old", size_lots=500)
    assert (report.order.size_lots, report.order.amends, report.ts_ns) == (300, 1, NOW + 5)
    assert world.accounts.balance(CLIENT, "USDT").locked == 300 * LOT_VALUE
    accepted(_amend(world, order.order_id, 200))


def test_an_amendment_is_refused_without_a_trace() -> None:
    """An order that is not open, an id that is taken, a size that is not smaller."""
    world = _world()
    _place(world, limit(CLIENT, BUY, PRICE, 500, client_id="old"))
    _place(world, limit(CLIENT, BUY, PRICE - 1, 500, client_id="taken"))
    for order_id, size_lots, client_id, refusal in (
        (9, 300, "new", Refusal.UNKNOWN_ORDER),
        (1, 300, "taken", Refusal.DUPLICATE),
        (1, 500, "new", Refusal.AMEND_CHANGES_NOTHING),
    ):
        assert _amend(world, order_id, size_lots, client_id) is refusal
    assert world.take_facts() == []


def test_a_price_far_from_the_trades_is_refused() -> None:
    """Anything goes before the first trade; then a fifth to five times the mean of five minutes."""
    world = _world()
    far = limit(CLIENT, BUY, PRICE // 10, 5_000)
    assert world.check(far, NOW) is None
    _place(world, limit("other", SELL, PRICE, 500))
    _place(world, market(CLIENT, BUY, 500))
    assert world.check(far, NOW) is Refusal.PERCENT_PRICE_BY_SIDE
    assert world.check_filters(far, NOW + 3600 * NS_PER_S) is Refusal.PERCENT_PRICE_BY_SIDE


def test_an_order_that_was_rejected_can_be_reported() -> None:
    """With an id of its own, the reason, and nothing locked."""
    world = _world()
    world.report_rejected(limit(CLIENT, BUY, PRICE, 500, client_id="r"), Refusal.WOULD_TAKE, NOW)
    report = _reports(world.take_facts())[0]
    assert (report.execution, report.order.status) == (Execution.REJECTED, OrderStatus.REJECTED)
    assert (report.order.order_id, report.refusal) == (1, Refusal.WOULD_TAKE)
    assert world.open_orders(CLIENT) == ()


def test_a_world_without_traders_stands_still() -> None:
    """Time passes and nothing happens."""
    world = _world()
    world.advance(START_NS + 10**15)
    assert world.take_facts() == []
    assert world.best_ticks(BUY) is None
    assert world.lots_within(SELL, 1) == 0
