"""The judge of a run: it counts every breach by the venue's truth, and nothing that is none."""

from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.domain.sides import Side
from mm.exchange.agents_market import AgentsMarket
from mm.exchange.clock import WallClock
from mm.exchange.floor import Floor
from mm.exchange.requestlog import RequestLog
from mm.exchange.truth import truth as told_truth
from mm.observe.judge import (
    Balance,
    Counters,
    Limits,
    OrderTruth,
    Step,
    Symbol,
    TradeTruth,
    Truth,
    limit_breaches,
    pnl_residual,
    read_truth,
    self_trades,
)
from tests.builders.exchange import make_settings
from tests.builders.sim import accepted, limit

LIMITS = Limits(
    band_lots=100,
    order_lots=40,
    order_atoms=40 * 100 * 10,
    exposure_atoms=90 * 100 * 10,
    open_orders=3,
    tick_lot_atoms=10,
)
COUNTERS = Counters(
    orders_placed=0, orders_cancelled=0, fills=0, self_trades=0, first_fill_ns=None, open_orders=0
)


def make_order(
    number: int, side: str, size: int, *steps: tuple[int, str, int], **changes: object
) -> OrderTruth:
    """Return an order at 100 ticks; steps are (time, status, filled so far)."""
    fields: dict[str, object] = {"price_ticks": 100, "time_in_force": "GTC"} | changes
    history = tuple(Step(*step) for step in steps)
    return OrderTruth(order_id=number, side=side, size_lots=size, history=history, **fields)  # type: ignore[arg-type] # the caller names the fields


def make_truth(*orders: OrderTruth, **changes: object) -> Truth:
    """Return a truth with these orders, `changes` applied."""
    fields: dict[str, object] = {
        "client": "client",
        "instrument": Symbol("BTC/USDT"),
        "counters": COUNTERS,
        "balances_at_start": {},
        "balances": {},
        "orders": orders,
        "tape": (),
    }
    return Truth(**(fields | changes))  # type: ignore[arg-type] # the caller names the fields


class Case(NamedTuple):
    """A truth, the inventory at its end, and how many of its events broke a limit."""

    orders: tuple[OrderTruth, ...]
    inventory: int
    breaches: int


CASES = {
    "nothing": Case((), 0, 0),
    "a ladder inside all limits": Case(
        (
            make_order(1, "buy", 40, (1, "NEW", 0), (4, "CANCELED", 0)),
            make_order(2, "sell", 40, (2, "NEW", 0), (5, "FILLED", 40)),
        ),
        -40,
        0,
    ),
    "an order too large": Case((make_order(1, "buy", 41, (1, "NEW", 0), (2, "CANCELED", 0)),), 0, 2),
    "an order worth too much": Case(
        (make_order(1, "sell", 40, (1, "NEW", 0), (2, "CANCELED", 0), price_ticks=101),), 0, 2
    ),
    "one order too many": Case(
        (
            *(make_order(n, "buy", 1, (n, "NEW", 0), (9, "CANCELED", 0)) for n in (1, 2, 3)),
            make_order(4, "sell", 1, (4, "NEW", 0), (5, "CANCELED", 0)),
        ),
        0,
        1,
    ),
    "long beyond the band by what could fill": Case(
        (
            make_order(1, "buy", 35, (1, "NEW", 0), price_ticks=1),
            make_order(2, "buy", 35, (2, "NEW", 0), price_ticks=1),
            make_order(3, "buy", 31, (3, "NEW", 0), (4, "CANCELED", 0), price_ticks=1),
        ),
        0,
        1,
    ),
    "short beyond the band by what filled and could fill": Case(
        (
            make_order(1, "sell", 40, (1, "NEW", 0), (2, "FILLED", 40), price_ticks=1),
            make_order(2, "sell", 40, (3, "NEW", 0), (4, "PARTIALLY_FILLED", 30), price_ticks=1),
            make_order(3, "sell", 21, (5, "NEW", 0), (6, "CANCELED", 0), price_ticks=1),
        ),
        -70,
        1,
    ),
    "beyond the band already, but only brought back": Case(
        (make_order(1, "sell", 30, (1, "NEW", 0), (2, "PARTIALLY_FILLED", 10)),), 130, 0
    ),
    "beyond the band already, and adding to it": Case(
        (make_order(1, "buy", 1, (1, "NEW", 0), (2, "CANCELED", 0), price_ticks=1),), 130, 1
    ),
    "worth too much with all that could fill": Case(
        (
            make_order(1, "buy", 40, (1, "NEW", 0)),
            make_order(2, "buy", 40, (2, "NEW", 0)),
            make_order(3, "buy", 11, (3, "NEW", 0), (4, "CANCELED", 0)),
        ),
        0,
        1,
    ),
    "a position that is worth too much, only reduced": Case(
        (make_order(1, "sell", 40, (1, "NEW", 0), (2, "FILLED", 40)),), 55, 0
    ),
    "an exit larger than a quote may be": Case(
        (make_order(1, "sell", 80, (1, "NEW", 0), (1, "FILLED", 80), time_in_force="IOC"),), 0, 0
    ),
    "an exit past the end of the position": Case(
        (make_order(1, "sell", 81, (1, "NEW", 0), (1, "FILLED", 81), time_in_force="IOC"),), -1, 1
    ),
    "an order that the venue expired frees its room": Case(
        (
            make_order(1, "buy", 40, (1, "NEW", 0), (2, "EXPIRED_IN_MATCH", 0)),
            make_order(2, "buy", 40, (3, "NEW", 0), (4, "EXPIRED", 0)),
            make_order(3, "buy", 40, (5, "NEW", 0)),
        ),
        0,
        0,
    ),
    "at one moment, the earlier order comes first": Case(
        (
            make_order(1, "buy", 40, (1, "NEW", 0), (5, "CANCELED", 0)),
            make_order(2, "buy", 40, (2, "NEW", 0), (5, "CANCELED", 0)),
            make_order(3, "buy", 40, (5, "NEW", 0)),
        ),
        0,
        0,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_breaches_are_counted_after_every_event_of_the_venue(name: str) -> None:
    """Each kind of limit, right beyond it and right at it."""
    case = CASES[name]
    found = limit_breaches(make_truth(*case.orders), LIMITS, inventory_lots=case.inventory)
    assert found == case.breaches


def test_the_walk_is_anchored_at_the_end_because_the_past_is_bounded() -> None:
    """Fills of orders that the venue forgot are in the inventory from where the walk begins."""
    forgotten = make_order(1, "buy", 40, (1, "NEW", 0), (2, "FILLED", 40), price_ticks=1)
    kept = (
        make_order(2, "buy", 40, (3, "NEW", 0), (4, "FILLED", 40), price_ticks=1),
        make_order(3, "buy", 21, (5, "NEW", 0), (6, "CANCELED", 0), price_ticks=1),
    )
    whole = limit_breaches(make_truth(forgotten, *kept), LIMITS, inventory_lots=80)
    assert whole == limit_breaches(make_truth(*kept), LIMITS, inventory_lots=80) == 1


def _naive(truth: Truth, limits: Limits, inventory_lots: int) -> int:
    # Everything anew for each event, from the orders alone.
    events = [
        (step.ts_ns, place, index)
        for place, order in enumerate(truth.orders)
        for index, step in enumerate(order.history)
    ]
    events.sort()
    signs = [1 if order.side == "buy" else -1 for order in truth.orders]
    ended = [order.history[-1].filled_lots for order in truth.orders]
    start = inventory_lots - sum(sign * lots for sign, lots in zip(signs, ended, strict=True))
    return sum(_is_broken(truth, limits, start, events[: count + 1]) for count in range(len(events)))


def _is_broken(truth: Truth, limits: Limits, start: int, so_far: list[tuple[int, int, int]]) -> bool:
    known = {place: truth.orders[place].history[index] for _, place, index in so_far}
    inventory, bids, asks, count = start, 0, 0, 0
    for place, step in known.items():
        order = truth.orders[place]
        inventory += step.filled_lots if order.side == "buy" else -step.filled_lots
        if step.status in ("NEW", "PARTIALLY_FILLED"):
            count += 1
            left = order.size_lots - step.filled_lots
            bids, asks = (bids + left, asks) if order.side == "buy" else (bids, asks + left)
    _, place, index = so_far[-1]
    order = truth.orders[place]
    long, short = inventory + bids, -inventory + asks
    mine = long if order.side == "buy" else short
    checks = [
        bids > 0 and long > limits.band_lots,
        asks > 0 and short > limits.band_lots,
        index == 0 and mine > 0 and mine * order.price_ticks * limits.tick_lot_atoms > limits.exposure_atoms,
    ]
    if order.time_in_force == "IOC":
        checks.append(index == 0 and mine > 0)
    else:
        value = order.price_ticks * order.size_lots * limits.tick_lot_atoms
        checks += [
            count > limits.open_orders,
            order.size_lots > limits.order_lots,
            value > limits.order_atoms,
        ]
    return any(checks)


@st.composite
def _orders(draw: st.DrawFn) -> OrderTruth:
    size = draw(st.integers(1, 60))
    fills = sorted(draw(st.lists(st.integers(0, size), max_size=3)))
    times = sorted(draw(st.lists(st.integers(1, 30), min_size=len(fills) + 2, max_size=len(fills) + 2)))
    steps = [(times[0], "NEW", 0)]
    steps += [
        (ts, "FILLED" if filled == size else "PARTIALLY_FILLED", filled)
        for ts, filled in zip(times[1:], fills, strict=False)
    ]
    if steps[-1][1] != "FILLED" and draw(st.booleans()):
        steps.append((times[-1], draw(st.sampled_from(["CANCELED", "EXPIRED"])), steps[-1][2]))
    return make_order(
        0,
        draw(st.sampled_from(["buy", "sell"])),
        size,
        *steps,
        price_ticks=draw(st.integers(50, 150)),
        time_in_force=draw(st.sampled_from(["GTC", "GTC", "IOC"])),
    )


LIMITS_OF_ALL_KINDS = st.builds(
    Limits,
    band_lots=st.integers(0, 150),
    order_lots=st.integers(1, 70),
    order_atoms=st.integers(1, 70 * 150 * 10),
    exposure_atoms=st.integers(1, 200 * 150 * 10),
    open_orders=st.integers(1, 5),
    tick_lot_atoms=st.just(10),
)


@given(orders=st.lists(_orders(), max_size=6), limits=LIMITS_OF_ALL_KINDS, inventory=st.integers(-150, 150))
def test_the_walk_finds_what_a_naive_one_finds(
    orders: list[OrderTruth], limits: Limits, inventory: int
) -> None:
    """None missed, none twice: the same as looking at everything anew after each event."""
    numbered = [
        msgspec.structs.replace(order, order_id=number) for number, order in enumerate(orders, start=1)
    ]
    truth = make_truth(*numbered)
    assert limit_breaches(truth, limits, inventory_lots=inventory) == _naive(truth, limits, inventory)


def test_a_trade_with_ourselves_is_found_on_the_tape_and_in_the_count() -> None:
    """Either alone suffices; others trading with each other or us with others is none."""
    tape = (TradeTruth("a", "b"), TradeTruth("client", "b"), TradeTruth("a", "client"), TradeTruth("a", "a"))
    assert self_trades(make_truth(tape=tape)) == 0
    assert self_trades(make_truth(tape=(*tape, TradeTruth("client", "client")))) == 1
    counted = msgspec.structs.replace(COUNTERS, self_trades=2)
    assert self_trades(make_truth(tape=tape, counters=counted)) == 2


BEFORE = {"BTC": Balance(100, 0), "USDT": Balance(5_000, 0)}
AFTER = {"BTC": Balance(60, 50), "USDT": Balance(4_000, 3)}


@pytest.mark.parametrize(
    ("ledger", "residual_half", "found"),
    [
        ({"BTC": 10, "USDT": -997}, 0, 0),
        ({"BTC": 11, "USDT": -997}, 0, 1),
        ({"BTC": 9, "USDT": -995}, 0, 3),
        ({}, 0, 1_007),
        ({"BTC": 10, "USDT": -997}, -4, 4),
        ({"BTC": 10, "USDT": -997, "BNB": -6}, 0, 6),
    ],
)
def test_what_the_ledger_does_not_explain_is_counted(
    ledger: dict[str, int], residual_half: int, found: int
) -> None:
    """Per asset, never set off against each other, free and locked together; and the identity's residue."""
    truth = make_truth(balances_at_start=BEFORE, balances=AFTER)
    assert pnl_residual(truth, ledger, residual_half) == found


def test_a_holding_that_came_or_went_whole_is_not_overlooked() -> None:
    """An asset that is listed at one end only."""
    assert pnl_residual(make_truth(balances={"BNB": Balance(7, 0)}), {}, 0) == 7
    assert pnl_residual(make_truth(balances_at_start={"BNB": Balance(7, 1)}), {"BNB": -8}, 0) == 0


def test_the_answer_of_the_truth_door_is_read() -> None:
    """What the local exchange tells is what is judged: an order of the client, its steps, the balances."""
    floor = Floor(make_settings(), AgentsMarket(make_settings(), WallClock()))
    accepted(floor.place(limit("client", Side.BUY, 5_900_000, 100)))
    told = told_truth(floor, RequestLog(requests_max=10))
    truth = read_truth(msgspec.json.encode(told))
    assert truth.client == "client"
    assert truth.counters.orders_placed == truth.counters.open_orders == 1
    assert [(order.side.lower(), order.size_lots, order.time_in_force) for order in truth.orders] == [
        ("buy", 100, "GTC")
    ]
    assert truth.orders[0].history[0].status == "NEW"
    assert truth.balances["BTC"] == truth.balances_at_start["BTC"]
    assert truth.balances["USDT"].locked_atoms > 0
    wide = Limits(10**9, 10**9, 10**18, 10**18, 10, 10)
    assert limit_breaches(truth, wide, inventory_lots=0) == 0
    assert limit_breaches(truth, wide._replace(order_lots=99), inventory_lots=0) == 1


def test_what_is_no_truth_is_an_error() -> None:
    """An answer of something else is not judged as if all were well."""
    with pytest.raises(msgspec.DecodeError):
        read_truth(b"{}")
