"""The simulated venue over an observed market: money, reports and refusals are those of any venue."""

from mm.domain.sides import Side
from mm.sim.accounts import FEES
from mm.sim.observed import MARKET, ObservedBook
from mm.sim.orders import AmendOrder, CancelOrder, Execution, OrderType, Refusal, StpMode, TimeInForce
from mm.sim.reports import BalanceReport, LevelChange, OrderReport, Prevented, TopChange, Trade
from mm.sim.world import CLIENT, World
from tests.builders.observed import LOT, levels, make_observed_world
from tests.builders.sim import START_NS, accepted, fund, limit, market

BID, ASK = 6_000_000, 6_000_001


def opened() -> tuple[World, ObservedBook]:
    """Return a funded world in which 500 lots are bid and 400 asked, one tick apart."""
    world, book = make_observed_world()
    fund(world, CLIENT)
    book.on_snapshot(levels((BID, 500)), levels((ASK, 400)), ts_ns=START_NS)
    return world, book


def executions(world: World) -> list[Execution]:
    """Return the kinds of the order reports since the last look."""
    return [fact.execution for fact in world.take_facts() if isinstance(fact, OrderReport)]


def test_a_resting_order_is_filled_by_the_market_with_money_and_reports() -> None:
    """500 are in front; a sale of 800 fills 300 of 1000 lots as maker, with its fee, at once."""
    world, book = opened()
    order = accepted(world.place(limit(CLIENT, Side.BUY, BID, 1_000), START_NS + 1))
    world.take_facts()
    book.on_trade(BID, 800 * LOT, Side.SELL, START_NS + 2)
    world.report_state(START_NS + 2)
    report, trade, funds = world.take_facts()
    assert isinstance(report, OrderReport)
    assert report.match is not None
    assert (report.execution, report.order.filled_lots, report.match.is_maker) == (Execution.TRADE, 300, True)
    assert (report.match.fee_asset, report.match.fee_atoms) == ("BTC", 300 * LOT // 10_000)
    assert isinstance(trade, Trade)
    assert (trade.maker_owner, trade.taker_owner, trade.taker_side) == (CLIENT, MARKET, Side.SELL)
    assert (trade.maker_order_id, trade.taker_order_id) == (order.order_id, 0)
    assert isinstance(funds, BalanceReport)
    btc, usdt = funds.held
    value_atoms = world.instrument.notional_atoms(BID, 300)
    assert btc.free_atoms == 10 * 10**8 + 300 * LOT - report.match.fee_atoms
    assert usdt.locked_atoms == world.instrument.notional_atoms(BID, 700)
    assert usdt.free_atoms + usdt.locked_atoms == 10**6 * 10**8 - value_atoms
    assert world.open_orders(MARKET) == ()


def test_a_filled_order_is_closed_and_nothing_stays_locked() -> None:
    """Filled whole by a print through it: no open order, no locked funds, of the market neither."""
    world, book = opened()
    world.place(limit(CLIENT, Side.SELL, ASK, 100), START_NS + 1)
    book.on_trade(ASK + 5, 100 * LOT, Side.BUY, START_NS + 2)
    assert world.open_orders(CLIENT) == ()
    for owner in (CLIENT, MARKET):
        assert all(held.locked_atoms == 0 for held in world.held(owner))
    assert world.accounts.balance(MARKET, "BTC").free == 100 * LOT - 100 * LOT * 4 // 10_000
    assert world.accounts.balance(FEES, "USDT").free > 0


def test_the_market_gets_no_more_funds_than_it_needs_for_each_match() -> None:
    """What it has received before is used first: the totals grow by what it lacked, never more."""
    world, book = opened()
    before = {asset: world.accounts.total(asset) for asset in ("BTC", "USDT")}
    world.place(market(CLIENT, Side.BUY, 100), START_NS + 1)
    assert world.accounts.total("BTC") == before["BTC"] + 100 * LOT
    assert world.accounts.total("USDT") == before["USDT"]
    world.place(market(CLIENT, Side.SELL, 50), START_NS + 2)
    assert world.accounts.total("USDT") == before["USDT"]
    assert [book.trade_id, *(held.locked_atoms for held in world.held(MARKET))] == [2, 0, 0]


def test_a_market_order_pays_what_is_displayed_as_taker() -> None:
    """Bought at the ask with the taker's fee; what is displayed is all that it gets."""
    world, _ = opened()
    order = accepted(world.place(market(CLIENT, Side.BUY, 1_000), START_NS + 1))
    assert (order.filled_lots, order.reserved_atoms) == (400, 0)
    reports = [fact for fact in world.take_facts() if isinstance(fact, OrderReport)]
    assert [report.execution for report in reports] == [Execution.NEW, Execution.TRADE, Execution.EXPIRED]
    match = reports[1].match
    assert match is not None
    assert (match.is_maker, match.price_ticks, match.fee_atoms) == (False, ASK, 400 * LOT * 4 // 10_000)


def test_own_fills_are_the_only_trades_and_own_orders_display_nothing() -> None:
    """The market's prints and levels are told by whoever feeds them, not by the world."""
    world, book = opened()
    world.place(limit(CLIENT, Side.BUY, BID, 1_000), START_NS + 1)
    book.on_trade(BID, 100 * LOT, Side.SELL, START_NS + 2)
    book.on_depth(levels((BID, 5_000)), [], ts_ns=START_NS + 3)
    world.report_state(START_NS + 3)
    assert not any(isinstance(fact, Trade | LevelChange | TopChange) for fact in world.take_facts())


def test_a_crossing_own_order_is_prevented() -> None:
    """The sale meets our own bid first: the bid expires, the sale goes on to the displayed one."""
    world, book = opened()
    book.on_snapshot(levels((BID - 5, 500)), levels((ASK, 400)), ts_ns=START_NS)
    maker = accepted(world.place(limit(CLIENT, Side.BUY, BID, 1_000), START_NS + 1))
    world.take_facts()
    taker = accepted(
        world.place(limit(CLIENT, Side.SELL, BID - 5, 100, stp_mode=StpMode.EXPIRE_MAKER), START_NS + 2)
    )
    facts = world.take_facts()
    prevented = [fact for fact in facts if isinstance(fact, Prevented)]
    assert [(fact.maker_lots, fact.taker_lots) for fact in prevented] == [(1_000, 0)]
    assert (maker.is_open, taker.filled_lots) == (False, 100)
    assert {fact.maker_owner for fact in facts if isinstance(fact, Trade)} == {MARKET}
    assert all(held.locked_atoms == 0 for held in world.held(CLIENT))


def test_nothing_can_be_placed_while_the_market_is_not_known() -> None:
    """Before the first snapshot and from a loss to the next: NO_LIQUIDITY; cancelling goes on."""
    world, book = make_observed_world()
    fund(world, CLIENT)
    orders = [
        limit(CLIENT, Side.BUY, BID, 1_000),
        limit(CLIENT, Side.BUY, BID, 1_000, order_type=OrderType.LIMIT_MAKER),
        limit(CLIENT, Side.BUY, BID, 1_000, time_in_force=TimeInForce.IOC),
        market(CLIENT, Side.SELL, 1_000),
    ]
    assert [world.place(new, START_NS) for new in orders] == [Refusal.NO_LIQUIDITY] * 4
    book.on_snapshot(levels((BID, 500)), levels((ASK, 400)), ts_ns=START_NS)
    order = accepted(world.place(orders[0], START_NS + 1))
    book.lost()
    assert [world.place(new, START_NS + 2) for new in orders] == [Refusal.NO_LIQUIDITY] * 4
    assert world.cancel(CancelOrder(owner=CLIENT, order_id=order.order_id), START_NS + 3) is order


def test_a_post_only_order_that_would_take_at_its_time_is_refused() -> None:
    """By what is displayed then, whatever it was when the order was sent."""
    world, book = opened()
    new = limit(CLIENT, Side.BUY, ASK, 1_000, order_type=OrderType.LIMIT_MAKER)
    assert world.place(new, START_NS + 1) is Refusal.WOULD_TAKE
    book.on_top(*levels((ASK, 10), (ASK + 1, 10)), ts_ns=START_NS + 2)
    assert accepted(world.place(new, START_NS + 3)).is_open


def test_an_amended_order_frees_its_funds_and_stays_in_line() -> None:
    """From 1000 to 200 lots: the rest of the reservation is free, the front is what it was."""
    world, book = opened()
    order = accepted(world.place(limit(CLIENT, Side.BUY, BID, 1_000), START_NS + 1))
    world.take_facts()
    request = AmendOrder(owner=CLIENT, order_id=order.order_id, size_lots=200, client_id="")
    assert world.amend(request, START_NS + 2) is order
    assert executions(world) == [Execution.REPLACED]
    assert world.accounts.balance(CLIENT, "USDT").locked == world.instrument.notional_atoms(BID, 200)
    assert book.ahead_atoms(order.order_id) == 500 * LOT
    book.on_trade(BID, 900 * LOT, Side.SELL, START_NS + 3)
    assert (order.filled_lots, world.open_orders(CLIENT)) == (200, ())
