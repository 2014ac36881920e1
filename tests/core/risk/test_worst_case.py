"""Limits hold whatever fills: random lives of an account, judged by enumerating every way they could go.

The world below places what the rules admit, fills, cancels and loses orders at random, and after each step
looks at every subset of the live orders filling. It shares no arithmetic with the rules.
"""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm.domain.order_table import OrderTable
from mm.domain.orders import Order, OrderState, Trigger
from mm.domain.sides import Side
from mm.risk.base import RiskView
from tests.builders.instruments import INSTRUMENT
from tests.builders.risk_rules import make_test_rules
from tests.builders.risk_views import MID_TICKS, make_place, make_risk_view

BAND = 20
EXPOSURE_LOTS = 26
HOLDING_LOTS = 30
LIVE_MAX = 7
SESSIONS = (0, 1)
UNIT = INSTRUMENT.tick_lot_atoms

RULES = make_test_rules(
    exposure_atoms_max=EXPOSURE_LOTS * MID_TICKS * UNIT,
    order_atoms_max=EXPOSURE_LOTS * MID_TICKS * UNIT,
    open_orders_max=LIVE_MAX,
    placements_minute_max=10**6,
)


class World:
    """One account with two sessions on one symbol: orders, holdings, inventories; no market moves."""

    def __init__(self) -> None:
        """Start flat, with money for a band and a half on each side."""
        self.table = OrderTable()
        self.inventory = dict.fromkeys(SESSIONS, 0)
        self.base_lots = HOLDING_LOTS
        self.quote_atoms = HOLDING_LOTS * MID_TICKS * UNIT
        self.admitted = 0

    def view(self, session: int) -> RiskView:
        """Return what the rules of a session see."""
        live = list(self.table.live.values())
        bids = [order.price_ticks for order in live if order.side is Side.BUY]
        asks = [order.price_ticks for order in live if order.side is Side.SELL]
        reserved = sum(o.price_ticks * o.left_lots * UNIT for o in live if o.side is Side.BUY)
        offered = sum(order.left_lots for order in live if order.side is Side.SELL)
        return make_risk_view(
            inventory_lots=self.inventory[session],
            inventory_max_lots=BAND,
            buy_open_lots=self.table.open_lots(session, Side.BUY),
            sell_open_lots=self.table.open_lots(session, Side.SELL),
            open_orders=len(live),
            own_bid_max_ticks=max(bids, default=0),
            own_ask_min_ticks=min(asks, default=0),
            base_spendable_atoms=(self.base_lots - offered) * INSTRUMENT.lot_atoms,
            quote_spendable_atoms=self.quote_atoms - reserved,
            others_worst_atoms=self.worst_lots(1 - session) * MID_TICKS * UNIT,
        )

    def worst_lots(self, session: int) -> int:
        """Return the largest position that a session can reach, lots."""
        buys = self.table.open_lots(session, Side.BUY)
        sells = self.table.open_lots(session, Side.SELL)
        inventory = self.inventory[session]
        return max(abs(inventory + buys), abs(inventory - sells))

    def place(self, session: int, side: Side, price_ticks: int, size_lots: int) -> None:
        """Place an order if every rule admits it."""
        view = self.view(session)
        place = make_place(side=side, price_ticks=price_ticks, size_lots=size_lots)
        if any(rule.admit(place, view) for rule in RULES):
            return
        self.admitted += 1
        self.table.add(
            Order(
                cid=str(self.admitted),
                session=session,
                symbol=INSTRUMENT.symbol,
                side=side,
                price_ticks=price_ticks,
                size_lots=size_lots,
                level=0,
                reduces=False,
                placed_ns=1,
            )
        )

    def fill(self, pick: int, size_lots: int) -> None:
        """Let a part of a live order fill at its price."""
        live = list(self.table.live.values())
        if not live:
            return
        order = live[pick % len(live)]
        size = min(size_lots, order.left_lots)
        self.table.fill(order, size, 2)
        self.inventory[order.session] += order.side.sign * size
        self.base_lots += order.side.sign * size
        self.quote_atoms -= order.side.sign * size * order.price_ticks * UNIT

    def tell(self, pick: int, trigger: Trigger) -> None:
        """Let the venue say something about a live order, or let it stay silent."""
        live = list(self.table.live.values())
        if live:
            self.table.fire(live[pick % len(live)], trigger, 3)

    def check(self) -> None:
        """Look at every way in which the live orders could fill."""
        live = list(self.table.live.values())
        assert len(live) <= LIVE_MAX
        for count in range(len(live) + 1):
            for filling in combinations(live, count):
                self.check_outcome(filling)
        buys = [order.price_ticks for order in live if order.side is Side.BUY]
        sells = [order.price_ticks for order in live if order.side is Side.SELL]
        assert not any(buy >= sell for buy in buys for sell in sells)

    def check_outcome(self, filling: tuple[Order, ...]) -> None:
        """Let exactly these orders fill and look at inventories, account and holdings."""
        inventory = dict(self.inventory)
        base_lots, quote_atoms = self.base_lots, self.quote_atoms
        for order in filling:
            size = order.side.sign * (order.size_lots - order.cum_lots)
            inventory[order.session] += size
            base_lots += size
            quote_atoms -= size * order.price_ticks * UNIT
        assert all(abs(lots) <= BAND for lots in inventory.values())
        assert sum(abs(lots) for lots in inventory.values()) <= EXPOSURE_LOTS
        # Buys are paid and sells delivered from what is held, not from what other fills might bring.
        if all(order.side is Side.BUY for order in filling):
            assert quote_atoms >= 0
        if all(order.side is Side.SELL for order in filling):
            assert base_lots >= 0


PICKS = st.integers(0, 20)
STEPS = st.one_of(
    # All at one price per side: the account's limit values each order at its own price.
    st.tuples(st.just("buy"), st.sampled_from(SESSIONS), st.integers(1, 14)),
    st.tuples(st.just("buy"), st.sampled_from(SESSIONS), st.integers(1, 14)),
    st.tuples(st.just("sell"), st.sampled_from(SESSIONS), st.integers(1, 14)),
    st.tuples(st.just("sell"), st.sampled_from(SESSIONS), st.integers(1, 14)),
    st.tuples(st.just("fill"), PICKS, st.integers(1, 14)),
    st.tuples(st.just("ack"), PICKS, st.just(0)),
    st.tuples(st.just("lost"), PICKS, st.just(0)),
    st.tuples(st.just("cancel"), PICKS, st.just(0)),
    st.tuples(st.just("cancel_lost"), PICKS, st.just(0)),
    st.tuples(st.just("canceled"), PICKS, st.just(0)),
)


@settings(max_examples=60)
@given(st.lists(STEPS, min_size=5, max_size=30))
def test_no_way_that_live_orders_can_fill_leaves_a_limit(steps: list[tuple[str, int, int]]) -> None:
    """After every step of a random life, all subsets of live orders filling keep every limit."""
    world = World()
    for what, first, second in steps:
        if what == "buy":
            world.place(first, Side.BUY, MID_TICKS, second)
        elif what == "sell":
            world.place(first, Side.SELL, MID_TICKS + 1, second)
        elif what == "fill":
            world.fill(first, second)
        else:
            world.tell(first, Trigger(what))

        world.check()


@pytest.mark.parametrize("state", [OrderState.UNKNOWN, OrderState.UNKNOWN_CANCEL, OrderState.CANCEL_SENT])
def test_an_order_whose_fate_is_unknown_keeps_its_room(state: OrderState) -> None:
    """What may still fill blocks the band until the venue proves that it cannot."""
    world = World()
    world.place(0, Side.BUY, MID_TICKS, BAND)
    triggers = {
        OrderState.UNKNOWN: (Trigger.LOST,),
        OrderState.CANCEL_SENT: (Trigger.CANCEL,),
        OrderState.UNKNOWN_CANCEL: (Trigger.CANCEL, Trigger.CANCEL_LOST),
    }
    for trigger in triggers[state]:
        world.tell(0, trigger)

    world.place(0, Side.BUY, MID_TICKS, 1)

    assert world.admitted == 1
    assert next(iter(world.table.live.values())).state is state

    world.tell(0, Trigger.CANCELED)
    world.place(0, Side.BUY, MID_TICKS, 1)
    assert world.admitted == 2
