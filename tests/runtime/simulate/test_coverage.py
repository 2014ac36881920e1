"""The rows of the order table that a simulation fires are counted, and counting changes nothing else."""

from dataclasses import replace

from mm.domain.order_table import OrderTable
from mm.domain.orders import TABLE, OrderState, Trigger
from mm.domain.sides import Side
from mm.runtime.simulate.coverage import Rows, WatchedOrders
from mm.runtime.simulate.plan import SECOND_NS
from mm.runtime.simulate.world import plan_of, simulate
from tests.builders.orders import make_order


def test_every_trigger_and_every_fill_is_counted_under_the_state_before() -> None:
    """A fill counts as one of everything if nothing is left to fill after it."""
    rows = Rows()
    table = WatchedOrders.over(OrderTable(), rows)
    order = make_order(size_lots=10)
    table.add(order)
    table.fire(order, Trigger.ACK, 1)
    table.fill(order, 4, 2)
    table.fill(order, 6, 3)
    assert rows.by_name() == {"sent/ack": 1, "working/fill": 1, "working/fill_all": 1}
    assert order.state is OrderState.FILLED


def test_a_watched_table_goes_on_with_all_that_was_there() -> None:
    """Orders, sums and known trades; afterwards it does what the other would."""
    table = OrderTable()
    table.add(make_order(size_lots=7))
    table.remember_trade("AAA/BBB", 3, Side.BUY, 0)
    watched = WatchedOrders.over(table, Rows())
    assert list(watched.live) == list(table.live)
    assert watched.open_lots(0, Side.BUY) == 7
    assert watched.knows_trade("AAA/BBB", 3, Side.BUY)


def test_what_was_never_fired_is_named_in_the_order_of_the_table() -> None:
    """All of it at first; what several processes counted is one sum."""
    rows = Rows()
    assert rows.missing() == tuple(f"{state}/{trigger}" for state, trigger in TABLE)
    assert (rows.visited, rows.total) == (0, len(TABLE))
    rows.add({"sent/ack": 2})
    rows.add({"sent/ack": 1, "sent/lost": 1})
    assert rows.by_name() == {"sent/ack": 3, "sent/lost": 1}
    assert rows.visited == 2
    assert "sent/ack" not in rows.missing()


def test_a_run_reports_the_rows_that_it_fired() -> None:
    """More than a calm life would, where the venue lies; and only rows of the table."""
    plan = plan_of(3, fault_ns=20 * SECOND_NS, heal_ns=25 * SECOND_NS, rest_ns=25 * SECOND_NS)
    outcome = simulate(replace(plan, faults=replace(plan.faults, lie=0.3, hide=0.01)))
    assert set(outcome.rows) <= {f"{state}/{trigger}" for state, trigger in TABLE}
    assert len(outcome.rows) > 15
