"""A venue that says anything about any order at any time: false ends, false lives, doubts, forgotten orders.

It knows what the engine believes and picks what that is least prepared for: a state of the order table and a
word that contradicts it. Where a lie hides that an order is alive, no engine can hold its limits against it;
such ids are marked, and the checks that need the truth pass them over until it is out. Invariant: after
`confess` the venue's word and its truth are the same.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from mm.domain.commands import Place
from mm.domain.events import (
    AnyEvent,
    CancelRejected,
    CancelUnknown,
    OrderAcked,
    OrderCanceled,
    OrderExpired,
    OrderNotFound,
    OrderRejected,
    OrderSeen,
    PlaceUnknown,
    Source,
)
from mm.domain.order_table import OrderTable
from mm.domain.orders import TABLE, Order, OrderState, Trigger
from mm.runtime.simulate.checks_scene import Scene
from mm.runtime.simulate.coverage import Rows
from mm.runtime.simulate.faults import MS, NONE
from mm.runtime.simulate.strangers import TAKERS
from mm.runtime.simulate.streams import Clockwork
from mm.runtime.simulate.wire import Wire
from mm.sim.orders import NewOrder, OrderType, TimeInForce

RECENT: Final = 400
"""Placements that it still knows of."""

TRIES: Final = 8
"""So many pairs of state and word are drawn; the first that this run did not have is said, else the last."""

DISOWNED: Final = 0.3
"""The share of its lies that disown an order whose outcome is open."""

GIVEN_UP: Final = 0.7
"""The share of them that are about an order that the engine gave up, while there is one."""

GIVEN_UP_MAX: Final = 4
"""So many of those are remembered."""

HIDDEN_MS: Final = (4_000, 60_000)
"""For so long an order is hidden."""

DISOWNED_MS: Final = (50, 3_000)
"""For so long a disowned order is hidden."""

AGAIN_MS: Final = 300
"""After the age from which absence may be proven it says once more that there is no such order."""

Word = Callable[[Order], AnyEvent]


class Liar:
    """One venue's falsehoods. Fields: lied_about: ids whose life it hides from the engine."""

    def __init__(self, world: Clockwork, wire: Wire, rows: Rows, scene: Scene) -> None:
        """Say nothing before the first `tick`. Args: rows: of the order table that were fired in this run."""
        self.lied_about = scene.lied_about
        self._scene = scene
        self._world = world
        self._truth = wire.truth
        self._wire = wire
        self._luck = wire.luck
        self._rows = rows
        self._orders = scene.engine.state.orders
        self._given_up: list[str] = []
        self._proof_ns = scene.setup.caps.absence_proof_ns
        self._words: Sequence[tuple[Word, Trigger | None]] = (
            (self._acked, Trigger.ACK),
            (self._rejected, Trigger.REJECT),
            (self._seen_rejected, Trigger.REJECT),
            (_lost, Trigger.LOST),
            (_cancel_unsent, Trigger.CANCEL_NOT_SENT),
            (_cancel_lost, Trigger.CANCEL_LOST),
            (_cancel_refused, Trigger.CANCEL_REFUSED),
            (self._canceled, Trigger.CANCELED),
            (self._expired, Trigger.EXPIRED),
            (self._seen_open, Trigger.SEEN_OPEN),
            (self._seen_done, Trigger.CANCELED),
            (_not_found, None),
        )

    def tick(self, placed: Mapping[str, Place], orders: OrderTable) -> None:
        """Perhaps say something. Args: placed: of the life under way; orders: what its engine believes."""
        self._orders = orders
        self._come_clean(orders)
        if self._luck.chance("lie"):
            if self._luck.random.random() >= DISOWNED or not self._disown(orders):
                self._lie(placed, orders)
            self._take(orders)
        if self._luck.chance("hide"):
            self._hide(orders)

    def gave_up(self, cid: str) -> None:
        """Take note that the engine concluded that an order is dead."""
        self._given_up.append(cid)

    def confess(self) -> None:
        """Hide nothing any more."""
        for cid in list(self._wire.news.hidden):
            self._show(cid)

    # ---- hiding

    def _hide(self, orders: OrderTable) -> None:
        luck, hidden = self._luck, self._wire.news.hidden
        candidates = [order for cid, order in orders.live.items() if cid not in hidden]
        if not candidates:
            return
        # One that rests and nobody doubts, or an old one, as often as any: of these it is believed sooner.
        resting = [order for order in candidates if order.state is OrderState.WORKING]
        drawn = luck.random.random()
        if drawn < 0.5 and resting:
            order = resting[0]
        else:
            order = candidates[0 if drawn < 0.75 else int(luck.random.random() * len(candidates))]
        luck.count("hide")
        cid = order.cid
        hidden[cid] = []
        self.lied_about.add(cid)
        self._say_absent(cid)
        for_ns = luck.between(*HIDDEN_MS)
        placed_ns = order.placed_ns - self._scene.ahead_ns
        proven_ns = placed_ns + self._proof_ns + AGAIN_MS * MS - self._world.now_ns
        if 0 < proven_ns < for_ns:
            self._world.after(proven_ns, lambda: self._say_absent(cid))
        self._world.after(for_ns, lambda: self._show(cid))

    def _say_absent(self, cid: str) -> None:
        order = self._orders.live.get(cid)
        if order is None or cid not in self._wire.news.hidden:
            return
        for _ in range(3):
            self._world.deliver(_not_found(order))

    def _disown(self, orders: OrderTable) -> bool:
        # It is refused by word, perhaps, and lives; what comes of it is told later, and not in order.
        luck, hidden = self._luck, self._wire.news.hidden
        open_ends = [
            order
            for cid, order in orders.live.items()
            if not order.has_lived and cid not in hidden and self._is_alive(cid)
        ]
        if not open_ends:
            return False
        cid = open_ends[int(luck.random.random() * len(open_ends))].cid
        luck.count("lie")
        hidden[cid] = []
        self.lied_about.add(cid)
        if luck.random.random() < 0.5:
            self._world.deliver(OrderRejected(ts_ns=0, cid=cid, code=-2010, reason="simulated: a lie"))
        self._world.after(luck.between(*DISOWNED_MS), lambda: self._show(cid, ends=True))
        return True

    def _show(self, cid: str, *, ends: bool = False) -> None:
        # What was held back is told at once: a venue that comes back brings its reports along, in any order.
        # Whatever nobody holds for alive any more may have met its end meanwhile.
        hidden = self._wire.news.hidden
        if cid not in hidden:
            return
        given_up = cid not in self._orders.live
        if (ends or given_up) and cid in self._truth.live and self._luck.faults is not NONE:
            self._end(cid)
        held_back = hidden.pop(cid)
        if self._luck.random.random() < 0.5:
            held_back.reverse()
        for event in held_back:
            self._world.deliver(event)

    def _end(self, cid: str) -> None:
        drawn, order = self._luck.random.random(), self._truth.live[cid]
        if drawn < 0.25:
            self._wire.news.expiring[cid] = None
            self._truth.cancel(self._world.now_ns, cid)
        elif drawn < 0.75:
            self._take_of(cid, order.left_lots if drawn < 0.5 else max(1, order.left_lots // 2))
        self._world.truth_changed()
        self._wire.news.tell()

    def _come_clean(self, orders: OrderTable) -> None:
        # A lie is out when the order has ended and all of it is known: until then there may be another one in
        # its place, and only one of them could be expected.
        for cid in sorted(self.lied_about - self._wire.news.hidden.keys()):
            known, true = orders.get(cid), self._truth.orders.get(cid)
            gone = true is None and cid not in self._wire.in_transit
            done = (
                true is not None
                and not true.is_open
                and known is not None
                and not known.is_live
                and known.cum_lots == true.cum_lots
            )
            if gone or done:
                self.lied_about.discard(cid)

    # ---- saying

    def _lie(self, placed: Mapping[str, Place], orders: OrderTable) -> None:
        random = self._luck.random
        recent = list(placed)[-RECENT:]
        by_state: dict[OrderState, list[Order]] = {}
        for cid in recent:
            order = orders.get(cid)
            if order is not None:
                by_state.setdefault(order.state, []).append(order)
        if not by_state:
            return
        # States are drawn evenly, so that the rare ones come up as often as the common ones.
        states = [state for state in OrderState if state in by_state]
        given_up = [
            order
            for cid in self._given_up
            if (order := orders.get(cid)) is not None and order.state is OrderState.DEAD
        ]
        self._given_up = [order.cid for order in given_up[-GIVEN_UP_MAX:]]
        if given_up and random.random() < GIVEN_UP:
            by_state, states = {OrderState.DEAD: given_up}, [OrderState.DEAD]
        left = TRIES
        while True:
            some = by_state[states[int(random.random() * len(states))]]
            said_of = some[int(random.random() * len(some))]
            word, trigger = self._words[int(random.random() * len(self._words))]
            left -= 1
            if not left or self._is_new(said_of.state, trigger):
                break
        self._luck.count("lie")
        self._world.deliver(word(said_of))

    def _is_new(self, state: OrderState, trigger: Trigger | None) -> bool:
        return trigger is not None and (state, trigger) in TABLE and not self._rows.of(state, trigger)

    def _take(self, orders: OrderTable) -> None:
        # Somebody takes a little of an order that is held for gone, whatever stands before it.
        for cid in sorted(self.lied_about):
            true, known = self._truth.live.get(cid), orders.get(cid)
            if true is None or known is None or known.is_live:
                continue
            self._take_of(cid, 1)
            self._world.truth_changed()
            self._wire.news.tell()
            return

    def _take_of(self, cid: str, lots: int) -> None:
        # All that stands before it is taken as well.
        true = self._truth.live[cid]
        venue, side = self._truth.markets[true.symbol].venue, true.side.opposite
        new = NewOrder(
            owner=TAKERS,
            side=side,
            order_type=OrderType.LIMIT,
            size_lots=max(1, venue.lots_within(side, true.price_ticks) - true.left_lots + lots),
            price_ticks=true.price_ticks,
            time_in_force=TimeInForce.IOC,
        )
        venue.place(new, self._world.now_ns)
        self._truth.absorb(true.symbol)

    def _is_alive(self, cid: str) -> bool:
        return cid in self._truth.live or cid in self._wire.in_transit

    def _deny(self, order: Order) -> None:
        # It is about to be said that an order is gone. Half of the time the venue makes that true first.
        if order.cid in self._truth.live and self._luck.random.random() < 0.5:
            self._truth.cancel(self._world.now_ns, order.cid)
            self._world.truth_changed()
        if self._is_alive(order.cid):
            self.lied_about.add(order.cid)

    def _deny_fills(self, order: Order) -> None:
        # What was refused was never filled, it is about to be said: of one that was, that is a lie as well.
        self._deny(order)
        if self._cum_lots(order) > order.cum_lots:
            self.lied_about.add(order.cid)

    def _cum_lots(self, order: Order) -> int:
        true = self._truth.orders.get(order.cid)
        return 0 if true is None else true.cum_lots

    def _venue_id(self, order: Order) -> str:
        true = self._truth.orders.get(order.cid)
        if true is None:
            return "0" if self._luck.random.random() < 0.5 else ""
        return true.venue_order_id

    def _acked(self, order: Order) -> AnyEvent:
        return OrderAcked(
            ts_ns=0,
            cid=order.cid,
            venue_order_id=self._venue_id(order),
            price_ticks=order.price_ticks,
            size_lots=order.size_lots,
            source=Source.ANSWER,
        )

    def _rejected(self, order: Order) -> AnyEvent:
        self._deny_fills(order)
        return OrderRejected(ts_ns=0, cid=order.cid, code=-2010, reason="simulated: a lie")

    def _seen_rejected(self, order: Order) -> AnyEvent:
        # Of what is known to be filled it denies even that.
        self._deny(order)
        return OrderSeen(
            ts_ns=0,
            cid=order.cid,
            venue_order_id=self._venue_id(order),
            open=False,
            cum_lots=self._cum_lots(order) if order.left_lots else 0,
            rejected=True,
        )

    def _canceled(self, order: Order) -> AnyEvent:
        self._deny(order)
        cum_lots = self._cum_lots(order)
        return OrderCanceled(ts_ns=0, cid=order.cid, cum_lots=cum_lots, source=Source.ANSWER)

    def _expired(self, order: Order) -> AnyEvent:
        self._deny(order)
        cum_lots = self._cum_lots(order)
        return OrderExpired(ts_ns=0, cid=order.cid, cum_lots=cum_lots, prevented=False, source=Source.ANSWER)

    def _seen_open(self, order: Order) -> AnyEvent:
        return OrderSeen(
            ts_ns=0,
            cid=order.cid,
            venue_order_id=self._venue_id(order),
            open=True,
            cum_lots=self._cum_lots(order),
        )

    def _seen_done(self, order: Order) -> AnyEvent:
        self._deny(order)
        return OrderSeen(
            ts_ns=0,
            cid=order.cid,
            venue_order_id=self._venue_id(order),
            open=False,
            cum_lots=self._cum_lots(order),
        )


def _lost(order: Order) -> AnyEvent:
    return PlaceUnknown(ts_ns=0, cid=order.cid, cause="simulated: a lie")


def _cancel_unsent(order: Order) -> AnyEvent:
    return CancelUnknown(ts_ns=0, cid=order.cid, cause="simulated: a lie", sent=False)


def _cancel_lost(order: Order) -> AnyEvent:
    return CancelUnknown(ts_ns=0, cid=order.cid, cause="simulated: a lie")


def _cancel_refused(order: Order) -> AnyEvent:
    return CancelRejected(ts_ns=0, cid=order.cid, code=-2011)


def _not_found(order: Order) -> AnyEvent:
    return OrderNotFound(ts_ns=0, cid=order.cid)
