"""Tests of mm/sim/world.py: several symbols with one account, and a market that fills orders by itself."""

from mm.domain.book import Level
from mm.domain.sides import SELL, Side
from mm.sim.accounts import Accounts
from mm.sim.book import Book, BookListener
from mm.sim.observed import ObservedBook
from mm.sim.orders import NewOrder, Order, OrderType, Refusal
from mm.sim.reports import BalanceReport, OrderReport
from mm.sim.world import CLIENT, World
from tests.builders.instruments import INSTRUMENT, make_test_instrument

OTHER = make_test_instrument(symbol="CCC/BBB", venue_symbol="CCCBBB", base="CCC")


def bid(size_lots: int) -> NewOrder:
    """Return a bid of ours at 9 990."""
    return NewOrder(
        owner=CLIENT,
        side=Side.BUY,
        order_type=OrderType.LIMIT_MAKER,
        size_lots=size_lots,
        price_ticks=9_990,
    )


def test_worlds_that_share_accounts_share_the_money() -> None:
    """What one order locks the other cannot use; without it each world has its own."""
    accounts = Accounts()
    accounts.deposit(CLIENT, "BBB", INSTRUMENT.notional_atoms(9_990, 15))
    first, second = (
        World(instrument, market_size_max_lots=1, accounts=accounts) for instrument in (INSTRUMENT, OTHER)
    )
    assert isinstance(first.place(bid(10), 1), Order)
    assert second.place(bid(10), 2) is Refusal.INSUFFICIENT_BALANCE
    assert World(INSTRUMENT, market_size_max_lots=1).accounts is not accounts


def test_funds_are_reported_after_the_market_has_filled_by_itself() -> None:
    """Once, and only if something moved."""
    books: list[ObservedBook] = []

    def observed(listener: BookListener) -> Book:
        assert isinstance(listener, World)
        books.append(ObservedBook(listener, instrument=INSTRUMENT, fund=listener.fund))
        return books[0]

    world = World(INSTRUMENT, market_size_max_lots=1, make_book=observed)
    world.accounts.deposit(CLIENT, "BBB", 10**12)
    (book,) = books
    book.on_snapshot((Level(9_980, 10**9),), (Level(10_010, 10**9),), ts_ns=1)
    world.place(bid(10), 2)
    world.take_facts()
    book.on_trade(9_990, 4 * INSTRUMENT.lot_atoms, SELL, 3)
    world.report_state(3)
    world.report_state(4)
    facts = world.take_facts()
    assert [report.order.filled_lots for report in facts if isinstance(report, OrderReport)] == [4]
    (funds,) = [fact for fact in facts if isinstance(fact, BalanceReport)]
    assert {row.asset: row.locked_atoms for row in funds.held} == {
        "AAA": 0,
        "BBB": INSTRUMENT.notional_atoms(9_990, 6),
    }
