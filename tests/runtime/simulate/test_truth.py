"""The venue's truth: the real simulated exchange, seen by one account; see `simulate/truth.py`."""

from random import Random
from typing import Any

import pytest

from mm.domain.commands import Place, TimeInForce
from mm.domain.sides import Side
from mm.runtime.simulate.instruments import FIRST, SECOND
from mm.runtime.simulate.strangers import Crowd, Strangers
from mm.runtime.simulate.truth import Truth
from mm.sim.orders import Execution
from mm.sim.world import CLIENT

SYMBOL = FIRST.symbol
HELD = {"AAA": 10**12, "BBB": 10**15}


def venue(seed: int = 1) -> tuple[Truth, Strangers]:
    """Return an account and a market around 10 000 that quotes."""
    truth = Truth((FIRST,), HELD)
    strangers = Strangers(truth, truth.markets[SYMBOL], Random(seed), Crowd())
    strangers.step(1)
    truth.take_news()
    return truth, strangers


def order(cid: str, side: Side, price_ticks: int, size_lots: int = 10, **changes: Any) -> Place:
    """Return a placement that has to rest."""
    fields: dict[str, Any] = {
        "cid": cid,
        "symbol": SYMBOL,
        "side": side,
        "price_ticks": price_ticks,
        "size_lots": size_lots,
        "post_only": True,
        "time_in_force": TimeInForce.GTC,
        "reduces": False,
        "market_seq": 0,
        "market_age_ns": 0,
    }
    return Place(**(fields | changes))


def taking(cid: str, side: Side, price_ticks: int, size_lots: int) -> Place:
    """Return a placement that takes at once."""
    return order(cid, side, price_ticks, size_lots, post_only=False, time_in_force=TimeInForce.IOC)


def test_an_order_that_has_to_rest_and_would_take_is_refused() -> None:
    """By the exchange itself, and that is said."""
    truth, _ = venue()
    answer = truth.place(2, order("a", Side.BUY, 10_050))
    assert (answer.kind, answer.crossed, answer.funds) == ("rejected", True, False)
    assert not truth.live


def test_an_order_beyond_the_funds_is_refused() -> None:
    """What is locked by others counts."""
    truth, _ = venue()
    truth.withdraw("AAA", HELD["AAA"] - 15 * FIRST.lot_atoms)
    assert truth.place(2, order("a", Side.SELL, 10_100)).kind == "open"
    answer = truth.place(3, order("b", Side.SELL, 10_101))
    assert (answer.kind, answer.funds) == ("rejected", True)


def test_an_id_is_taken_for_ever() -> None:
    """Also of an order that has ended."""
    truth, _ = venue()
    truth.place(2, order("a", Side.BUY, 9_950))
    truth.cancel(3, "a")
    assert truth.place(4, order("a", Side.BUY, 9_950)).kind == "duplicate"


def test_the_market_fills_in_parts_and_money_follows() -> None:
    """A taker that is smaller than the order leaves the rest on the book."""
    truth, strangers = venue()
    truth.place(2, order("a", Side.BUY, 9_999, 30))
    for step in range(3, 400):
        strangers.step(step)
    filled = truth.orders["a"]
    fills = [fill for fill in truth.fills if fill.cid == "a"]
    assert filled.cum_lots == sum(fill.size_lots for fill in fills) > 0
    assert truth.conserves()
    fees = sum(fill.fee_atoms for fill in fills)
    assert truth.holdings["AAA"] == HELD["AAA"] + filled.cum_lots * FIRST.lot_atoms - fees
    assert truth.beside["AAA"] == -fees
    assert {news.what for news in truth.take_news()} >= {Execution.NEW, Execution.TRADE}


def test_what_takes_at_once_leaves_nothing_on_the_book() -> None:
    """What it could not take expires."""
    truth, _ = venue()
    answer = truth.place(2, taking("a", Side.BUY, 10_100, 900))
    assert answer.kind == "done"
    assert answer.order is not None
    assert 0 < answer.order.cum_lots < 900
    assert not truth.live
    assert [news.what for news in truth.take_news()][-1] is Execution.EXPIRED


def test_own_orders_never_trade_with_each_other() -> None:
    """The one that rests is ended by the venue, and that is counted."""
    truth, _ = venue()
    truth.place(2, order("a", Side.BUY, 10_000))
    truth.place(3, taking("b", Side.SELL, 10_000, 10))
    assert truth.orders["a"].prevented
    assert not truth.orders["a"].is_open
    assert (truth.self_trades, truth.prevented) == (2, 1)


def test_what_a_person_does_is_no_self_trade_of_ours() -> None:
    """It ends our order all the same."""
    truth, _ = venue()
    truth.place(2, order("a", Side.BUY, 10_000))
    truth.place(3, taking("manual-1", Side.SELL, 10_000, 10))
    assert truth.orders["a"].prevented
    assert (truth.self_trades, truth.prevented) == (0, 1)


def test_an_overfill_moves_the_money_and_shows_in_the_order() -> None:
    """More was executed than was asked for, in the name of an order that has ended."""
    truth, _ = venue()
    truth.place(2, taking("a", Side.BUY, 10_100, 10))
    before = truth.holdings["AAA"]
    assert truth.overfill(3, "a", 4)
    assert truth.orders["a"].cum_lots == 14
    assert truth.holdings["AAA"] > before
    assert truth.conserves()


def test_deposits_and_withdrawals_are_kept_apart() -> None:
    """And never take more than is free."""
    truth, _ = venue()
    truth.deposit(CLIENT, "BBB", 500)
    taken = truth.withdraw("BBB", 10**18)
    assert taken == HELD["BBB"] + 500
    assert truth.holdings["BBB"] == 0
    assert truth.flows["BBB"] == truth.beside["BBB"] == -HELD["BBB"]
    assert truth.conserves()


def test_a_listing_of_the_past_shows_what_was_open_then() -> None:
    """To the nanosecond."""
    truth, _ = venue()
    truth.place(20, order("a", Side.BUY, 9_950))
    truth.place(30, order("b", Side.BUY, 9_949))
    truth.cancel(40, "a")
    assert [one.cid for one in truth.listed(SYMBOL, 19)] == []
    assert [one.cid for one in truth.listed(SYMBOL, 35)] == ["a", "b"]
    assert [one.cid for one in truth.listed(SYMBOL, 40)] == ["b"]


@pytest.mark.parametrize("seed", range(4))
def test_money_is_conserved_over_two_symbols_whatever_people_do(seed: int) -> None:
    """Strangers, own orders, a person, deposits and withdrawals, in any order."""
    truth = Truth((FIRST, SECOND), HELD | {"CCC": 10**12})
    random = Random(seed)
    markets = [Strangers(truth, market, random, Crowd()) for market in truth.markets.values()]
    for step in range(2, 600):
        markets[step % 2].step(step)
        symbol = (FIRST, SECOND)[step % 2].symbol
        side = random.choice((Side.BUY, Side.SELL))
        price = 10_000 - side.sign * random.randint(-2, 8)
        truth.place(step, order(f"o{step}", side, price, random.randint(1, 40), symbol=symbol))
        if random.random() < 0.2:
            truth.cancel(step, random.choice(list(truth.live) or [""]))
        if random.random() < 0.1:
            truth.withdraw("BBB", random.randint(1, 10**9))
    assert truth.conserves()
    assert len(truth.fills) > 20
    for asset, atoms in truth.holdings.items():
        held = truth.accounts.balance(CLIENT, asset)
        assert held.free + held.locked == atoms
