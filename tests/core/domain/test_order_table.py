"""The order table's sums equal a recomputation from its orders, whatever happens to them."""

import sys
from copy import deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm.domain import order_table as order_table_module
from mm.domain.order_table import OrderTable
from mm.domain.orders import LIVE, TABLE, Order, OrderState, Trigger
from mm.domain.sides import Side
from tests.builders.orders import make_order

SESSIONS = (0, 1, 2)
NEWS = [trigger.value for trigger in Trigger if trigger not in (Trigger.FILL, Trigger.FILL_ALL)]
STEPS = st.one_of(
    st.tuples(st.just("add"), st.sampled_from(SESSIONS), st.integers(1, 9)),
    st.tuples(st.just("fill"), st.integers(0, 30), st.integers(1, 6)),
    st.tuples(st.sampled_from(NEWS), st.integers(0, 30), st.just(0)),
)


def check(table: OrderTable, orders: list[Order]) -> None:
    """Compare what the table says with what its orders say one by one."""
    live = [order for order in orders if order.state in LIVE]
    # Revived orders are listed last, so only the set of ids is fixed.
    assert sorted(table.live) == sorted(order.cid for order in live)
    for session in SESSIONS:
        assert sorted(order.cid for order in table.of_session(session)) == sorted(
            order.cid for order in live if order.session == session
        )
        for side in Side:
            left = [order.left_lots for order in live if order.session == session and order.side is side]
            assert table.open_lots(session, side) == sum(left)
    uncertain = (OrderState.UNKNOWN, OrderState.UNKNOWN_CANCEL)
    assert sorted(order.cid for order in table.uncertain()) == sorted(
        order.cid for order in orders if order.state in uncertain
    )
    assert table.uncertain_count == len(table.uncertain())
    assert all(table.get(order.cid) is order for order in orders)


def apply(table: OrderTable, orders: list[Order], step: tuple[str, int, int]) -> None:
    """Do one step on the table."""
    what, first, second = step
    if what == "add":
        side = Side.BUY if len(orders) % 2 else Side.SELL
        orders.append(make_order(cid=str(len(orders)), session=first, side=side, size_lots=second))
        table.add(orders[-1])
        return
    if not orders:
        return
    order = orders[first % len(orders)]
    if what == "fill":
        overfilled = table.fill(order, second, 7)
        assert overfilled is (order.cum_lots > order.size_lots)
    elif (order.state, Trigger(what)) in TABLE:
        before = order.state
        assert table.fire(order, Trigger(what), 7) is (order.state is not before)


@settings(max_examples=80)
@given(st.lists(STEPS, max_size=40))
def test_sums_equal_a_recomputation_after_any_life(steps: list[tuple[str, int, int]]) -> None:
    """Live orders, their sizes per session and side, and what is uncertain, after each step."""
    table, orders = OrderTable(), list[Order]()
    for step in steps:
        open_before = {(s, side): table.open_lots(s, side) for s in SESSIONS for side in Side}
        version, changes = table.version, table.changes
        states = [(order.state, order.cum_lots) for order in orders]

        apply(table, orders, step)

        check(table, orders)
        same_sums = all(table.open_lots(*key) == lots for key, lots in open_before.items())
        assert same_sums or table.version > version
        assert states == [(order.state, order.cum_lots) for order in orders] or table.changes > changes


def test_a_new_order_is_exposure_at_once() -> None:
    """From the moment it is added the whole size counts on its side of its session."""
    table = OrderTable()

    table.add(make_order(size_lots=10))

    assert table.open_lots(0, Side.BUY) == 10
    assert table.open_lots(0, Side.SELL) == table.open_lots(1, Side.BUY) == 0


def test_an_id_is_added_once() -> None:
    """The same id twice is a bug of ours, also when the first order has ended."""
    table = OrderTable()
    table.add(make_order())
    with pytest.raises(AssertionError):
        table.add(make_order())

    table.fire(table.live["1"], Trigger.REJECT, 5)

    with pytest.raises(AssertionError):
        table.add(make_order())


def test_orders_are_listed_in_order_of_placement() -> None:
    """Whoever walks over live orders walks in the order in which they were sent."""
    table = OrderTable()
    for cid in ("b", "a", "c"):
        table.add(make_order(cid=cid))

    assert [order.cid for order in table.of_session(0)] == ["b", "a", "c"]


def test_an_unknown_id_is_none() -> None:
    """An order of another life is not invented."""
    assert OrderTable().get("1") is None


def test_a_late_fill_still_counts_and_an_overfill_is_told() -> None:
    """After its end an order takes fills without becoming exposure again; beyond its size it says so."""
    table, order = OrderTable(), make_order(size_lots=10)
    table.add(order)
    table.fire(order, Trigger.CANCELED, 5)

    assert not table.fill(order, 4, 6)
    assert (order.cum_lots, order.state, table.open_lots(0, Side.BUY)) == (4, OrderState.CANCELED, 0)
    assert not table.fill(order, 6, 7)
    assert table.fill(order, 1, 8)
    assert (order.cum_lots, order.state) == (11, OrderState.FILLED)


def test_the_fill_of_the_last_lot_ends_an_order() -> None:
    """One lot before it is still working; exactly its size is no overfill."""
    table, order = OrderTable(), make_order(size_lots=10)
    table.add(order)

    assert not table.fill(order, 9, 5)
    assert (order.state, list(table.live)) == (OrderState.WORKING, ["1"])
    assert not table.fill(order, 1, 6)
    assert (order.state, list(table.live)) == (OrderState.FILLED, [])


def test_a_death_that_was_wrong_makes_the_rest_exposure_again() -> None:
    """An order held for dead that shows itself counts with what is left of it."""
    table, order = OrderTable(), make_order(size_lots=10)
    table.add(order)
    table.fire(order, Trigger.PROVEN_DEAD, 5)
    assert (table.live, table.open_lots(0, Side.BUY)) == ({}, 0)

    table.fill(order, 4, 6)

    assert list(table.live) == ["1"]
    assert table.open_lots(0, Side.BUY) == 6


@pytest.mark.parametrize("size_lots", [0, -1])
def test_a_fill_of_nothing_is_a_bug(size_lots: int) -> None:
    """Fills have a size."""
    table, order = OrderTable(), make_order()
    table.add(order)

    with pytest.raises(AssertionError):
        table.fill(order, size_lots, 5)


def test_executions_are_known_by_symbol_and_trade_id() -> None:
    """The same number on another symbol is another execution."""
    table = OrderTable()

    table.remember_trade("AAA/BBB", 7, Side.BUY, 0)
    table.remember_trade("AAA/BBB", 7, Side.BUY, 0)

    assert table.knows_trade("AAA/BBB", 7, Side.BUY)
    assert not table.knows_trade("AAA/BBB", 8, Side.BUY)
    assert not table.knows_trade("CCC/BBB", 7, Side.BUY)
    assert not table.knows_trade("AAA/BBB", 7, Side.SELL)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest ended orders and executions are forgotten first, live orders never."""
    monkeypatch.setattr(order_table_module, "ENDED_MAX", 2)
    monkeypatch.setattr(order_table_module, "TRADES_MAX", 3)
    table = OrderTable()
    for cid in "abcde":
        table.add(make_order(cid=cid))
    for cid in "cab":
        table.fire(table.live[cid], Trigger.CANCELED, 5)
    for trade_id in range(5):
        table.remember_trade("AAA/BBB", trade_id, Side.BUY, 0)

    assert [cid for cid in "abcde" if table.get(cid)] == ["a", "b", "d", "e"]
    assert list(table.live) == ["d", "e"]
    assert [n for n in range(5) if table.knows_trade("AAA/BBB", n, Side.BUY)] == [2, 3, 4]


@pytest.mark.parametrize(
    ("mark", "known"), [(-1, [1, 2, 3, 4]), (2, [2, 3, 4]), (4, [3, 4])], ids=["unlisted", "listed", "all"]
)
def test_an_execution_is_forgotten_once_nobody_can_report_it_any_more(mark: int, known: list[int]) -> None:
    """Hours later, and only below the mark from which on listings of fills begin; of every symbol alike."""
    table, kept_ns = OrderTable(), order_table_module.TRADES_KEPT_NS
    for trade_id, ts_ns in ((1, 0), (2, 5), (3, 6)):
        table.remember_trade("AAA/BBB", trade_id, Side.BUY, ts_ns)
    table.mark_trades("AAA/BBB", mark)
    table.remember_trade("AAA/BBB", 4, Side.BUY, kept_ns + 6)

    assert [number for number in range(5) if table.knows_trade("AAA/BBB", number, Side.BUY)] == known


SYMBOL = "AAA/BBB"
TRADES = st.lists(st.tuples(st.integers(0, 30), st.sampled_from(Side)), max_size=40)


@given(trades=TRADES, marks=st.lists(st.integers(0, 30), min_size=40, max_size=40))
def test_the_trades_handed_on_are_those_from_the_highest_mark_on(
    trades: list[tuple[int, Side]], marks: list[int]
) -> None:
    """Whatever comes late below it is known all the same, and not handed on."""
    table, mark = OrderTable(), -1
    for trade, new_mark in zip(trades, marks, strict=False):
        table.remember_trade(SYMBOL, *trade, 0)
        table.mark_trades(SYMBOL, new_mark)
        mark = max(mark, new_mark)
    assert table.mark_of(SYMBOL) == mark
    assert table.recent_trades(SYMBOL) == tuple(sorted({trade for trade in trades if trade[0] >= mark}))
    assert all(table.knows_trade(SYMBOL, *trade) for trade in trades)
    assert table.mark_of("CCC/BBB") == -1
    assert table.recent_trades("CCC/BBB") == ()


def test_below_an_inherited_floor_every_trade_of_the_symbol_is_known() -> None:
    """From it on only those that are named; a copy knows the same and goes its own way."""
    table = OrderTable()
    table.inherit_floor(SYMBOL, 7)
    table.remember_trade(SYMBOL, 9, Side.BUY, 0)
    assert [number for number in range(5, 11) if table.knows_trade(SYMBOL, number, Side.BUY)] == [5, 6, 9]
    assert not table.knows_trade("CCC/BBB", 1, Side.BUY)
    assert (table.mark_of(SYMBOL), table.recent_trades(SYMBOL)) == (7, ((9, Side.BUY),))
    copied = deepcopy(table)
    copied.remember_trade(SYMBOL, 10, Side.BUY, 0)
    copied.mark_trades(SYMBOL, 10)
    assert (table.mark_of(SYMBOL), table.recent_trades(SYMBOL)) == (7, ((9, Side.BUY),))
    assert copied.knows_trade(SYMBOL, 6, Side.BUY)


def test_the_trades_handed_on_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than count one twice, the next life takes all that is older for known."""
    monkeypatch.setattr(order_table_module, "RECENT_MAX", 3)
    table = OrderTable()
    for number in range(10, 15):
        table.remember_trade(SYMBOL, number, Side.BUY, 0)
    assert [number for number, _ in table.recent_trades(SYMBOL)] == [12, 13, 14]
    assert table.mark_of(SYMBOL) == 12


def test_what_is_tried_on_a_tentative_table_leaves_the_table_as_it_was() -> None:
    """Orders of its own to place and to cancel; the history is the same one."""
    table = OrderTable()
    order = make_order(cid="a")
    table.add(order)
    table.fire(order, Trigger.ACK, 1)
    table.remember_trade(order.symbol, 7, order.side, 0)
    before = (table.version, table.changes, table.open_lots(order.session, order.side), order.state)
    tried = table.tentative()
    twin = tried.get("a")
    assert twin is not None
    assert twin is not order
    tried.fire(twin, Trigger.CANCEL, 2)
    tried.add(make_order(cid="b"))
    assert tried.knows_trade(order.symbol, 7, order.side)
    assert list(tried.live) == ["a", "b"]
    assert list(table.live) == ["a"]
    assert (table.version, table.changes, table.open_lots(order.session, order.side), order.state) == before


def test_an_order_that_never_left_is_taken_back_without_a_trace() -> None:
    """It was no exposure at any time; one that may have left cannot be taken back."""
    table = OrderTable()
    table.add(make_order(cid="1"))
    table.add(make_order(cid="2"))
    table.withdraw("1")
    assert (list(table.live), table.get("1"), table.open_lots(0, Side.BUY)) == (["2"], None, 10)
    table.fire(table.live["2"], Trigger.ACK, 1)
    with pytest.raises(AssertionError):
        table.withdraw("2")


def test_forgetting_the_oldest_costs_the_same_however_many_there_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Steps counted, not time: what is not in use any more is not walked over again for each new one."""
    monkeypatch.setattr(order_table_module, "TRADES_MAX", 2_000)
    monkeypatch.setattr(order_table_module, "ENDED_MAX", 2_000)
    table = OrderTable()
    walks = 0

    def walk(frame: object, event: str, argument: object) -> None:
        nonlocal walks
        walks += event == "c_call" and getattr(argument, "__name__", "") in ("next", "iter")

    sys.setprofile(walk)
    try:
        for number in range(6_000):
            table.remember_trade(SYMBOL, number, Side.BUY, number)
            order = make_order(cid=str(number))
            table.add(order)
            table.fire(order, Trigger.CANCELED, number)
    finally:
        sys.setprofile(None)
    assert walks == 0
    assert [number for number in (3_999, 4_000) if table.knows_trade(SYMBOL, number, Side.BUY)] == [4_000]
    assert [number for number in (3_999, 4_000) if table.get(str(number)) is not None] == [4_000]
