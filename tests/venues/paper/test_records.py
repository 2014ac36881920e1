"""Tests of mm/venues/paper/records.py: what is remembered, and for how long."""

import msgspec
import pytest

from mm.domain.sides import Side
from mm.sim.orders import Execution, Order, OrderStatus, OrderType, StpMode, TimeInForce
from mm.sim.reports import OrderReport, Trade
from mm.venues.paper import records as module
from mm.venues.paper.records import Records


def report(order_id: int, status: OrderStatus, *, cid: str = "") -> OrderReport:
    """Return a step of an order of 5 lots."""
    order = Order(
        order_id=order_id,
        owner="client",
        client_id=cid or f"c{order_id}",
        side=Side.SELL,
        order_type=OrderType.LIMIT_MAKER,
        time_in_force=TimeInForce.GTC,
        stp_mode=StpMode.EXPIRE_MAKER,
        price_ticks=100,
        size_lots=5,
        created_ns=1,
        updated_ns=1,
        status=status,
    )
    is_new = status is OrderStatus.NEW
    execution = Execution.NEW if is_new else Execution.CANCELED
    return OrderReport(execution=execution, order=order, ts_ns=order_id)


def test_an_order_is_told_with_its_steps() -> None:
    """By its client id, as it stood last."""
    records = Records()
    records.on_report(report(1, OrderStatus.NEW))
    records.on_report(report(1, OrderStatus.CANCELED))
    found = records.find("c1")
    assert found is not None
    assert found.status is OrderStatus.CANCELED
    (row,) = records.orders()
    assert (row.side, row.time_in_force) == ("SELL", "GTC")
    assert [(step.status, step.filled_lots) for step in row.history] == [("NEW", 0), ("CANCELED", 0)]
    assert records.find("c2") is None
    assert msgspec.to_builtins(records.counters(open_orders=0))["orders_cancelled"] == 1


def test_closed_orders_are_forgotten_oldest_first_and_open_ones_never(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The totals stay."""
    monkeypatch.setattr(module, "ORDERS_MAX", 2)
    records = Records()
    records.on_report(report(1, OrderStatus.NEW))
    for order_id in range(2, 6):
        records.on_report(report(order_id, OrderStatus.NEW, cid="same"))
        records.on_report(report(order_id, OrderStatus.CANCELED, cid="same"))
    assert [row.order_id for row in records.orders()] == [1, 4, 5]
    found = records.find("same")
    assert found is not None
    assert found.order_id == 5
    assert records.counters(open_orders=1).orders_placed == 5


def test_fills_are_forgotten_oldest_first_and_all_are_counted() -> None:
    """A paper run of weeks does not grow: reports and tape alike."""
    records = Records()
    for trade_id in range(module.FILLS_MAX + 10):
        records.on_trade(
            Trade(
                trade_id=trade_id,
                ts_ns=trade_id,
                price_ticks=100,
                size_lots=1,
                taker_side=Side.BUY,
                maker_owner="client",
                taker_owner="market",
                maker_order_id=1,
                taker_order_id=2,
            )
        )
    assert len(records.tape()) == module.FILLS_MAX
    assert records.tape()[0].trade_id == 10
    assert records.fills.maxlen == module.FILLS_MAX
