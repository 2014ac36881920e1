"""The lives of orders as a journal tells them, for tables: by the one table of states, without deciding.

Memory is bounded: an order that ended gives way to its row once `ENDED_MAX` others ended after it, and is not
looked at again. Invariant: every order that was placed, or inherited, is told exactly once.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from mm.domain.commands import Place
from mm.domain.estate import OrderEstate
from mm.domain.events import (
    CancelRejected,
    CancelUnknown,
    OrderAcked,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderSeen,
    PlaceUnknown,
)
from mm.domain.orders import LIVE, TABLE, OrderState, Trigger
from mm.domain.sides import Side
from mm.store.projection.facts import RunFacts, utc_text

ENDED_MAX: Final = 5_000
"""Orders that ended and may still be changed by what the venue says late."""

Row = dict[str, object]


@dataclass(slots=True, kw_only=True)
class Life:
    """One order. Fields: as in the table `orders`."""

    cid: str
    session: str
    symbol: str
    side: Side
    price_ticks: int
    size_lots: int
    placed_ns: int
    post_only: bool = False
    reduces: bool = False
    inherited: bool = False
    time_in_force: str = ""
    state: OrderState = OrderState.SENT
    cum_lots: int = 0
    venue_order_id: str = ""
    reason: str = ""
    cancels: int = 0
    acked_ns: int | None = None
    ended_ns: int | None = None

    def fire(self, trigger: Trigger, ts_ns: int) -> None:
        """Go on as the table of states says; what it does not know changes nothing."""
        self.state = TABLE.get((self.state, trigger), self.state)
        if self.state in LIVE:
            self.ended_ns = None
        elif self.ended_ns is None:
            self.ended_ns = ts_ns

    def row(self, facts: RunFacts) -> Row:
        """Return the row of the table."""
        return {
            "run_id": facts.run_id,
            "cid": self.cid,
            "session": self.session,
            "symbol": self.symbol,
            "side": self.side.value,
            "price_ticks": self.price_ticks,
            "size_lots": self.size_lots,
            "cum_lots": self.cum_lots,
            "price": facts.price_text(self.symbol, self.price_ticks),
            "size": facts.size_text(self.symbol, self.size_lots),
            "cum": facts.size_text(self.symbol, self.cum_lots),
            "post_only": self.post_only,
            "reduces": self.reduces,
            "inherited": self.inherited,
            "time_in_force": self.time_in_force,
            "state": self.state.value,
            "venue_order_id": self.venue_order_id,
            "placed_utc": utc_text(self.placed_ns),
            "reason": self.reason,
            "placed_ns": self.placed_ns,
            "cancels": self.cancels,
            "acked_ns": self.acked_ns,
            "ended_ns": self.ended_ns,
        }


class OrderLives:
    """All orders of a run that may still change."""

    def __init__(self, facts: RunFacts) -> None:
        """Begin without an order."""
        self._facts = facts
        self._known: dict[str, Life] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()

    def place(self, place: Place, ts_ns: int) -> None:
        """Take in a placement."""
        self._known[place.cid] = Life(
            cid=place.cid,
            session=self._facts.session_of(place.cid),
            symbol=place.symbol,
            side=place.side,
            price_ticks=place.price_ticks,
            size_lots=place.size_lots,
            placed_ns=ts_ns,
            post_only=place.post_only,
            reduces=place.reduces,
            time_in_force=place.time_in_force.value,
        )

    def inherit(self, order: OrderEstate) -> None:
        """Take in an order that an earlier life left, unless it is known."""
        self._known.setdefault(
            order.cid,
            Life(
                cid=order.cid,
                session=order.session,
                symbol=order.symbol,
                side=order.side,
                price_ticks=order.price_ticks,
                size_lots=order.size_lots,
                placed_ns=order.placed_ns,
                reduces=order.reduces,
                inherited=True,
                state=order.state,
                cum_lots=order.cum_lots,
                venue_order_id=order.venue_order_id,
            ),
        )

    def session_of(self, cid: str) -> str:
        """Return the session of an order that is known, "" of any other."""
        life = self._known.get(cid)
        return "" if life is None else life.session

    def cancel(self, cid: str, ts_ns: int) -> None:
        """Take in that a cancellation was sent."""
        life = self._known.get(cid)
        if life is not None:
            life.cancels += 1
            life.fire(Trigger.CANCEL, ts_ns)

    def dead(self, cid: str, ts_ns: int) -> None:
        """Take in that an order was proven dead."""
        life = self._known.get(cid)
        if life is not None:
            self._fire(life, Trigger.PROVEN_DEAD, ts_ns)

    def take(self, event: object, ts_ns: int) -> None:
        """Take in an event; what is not about an order that is known changes nothing."""
        life = self._known.get(getattr(event, "cid", ""))
        if life is None:
            return
        match event:
            case OrderAcked():
                life.venue_order_id = life.venue_order_id or event.venue_order_id
                life.acked_ns = life.acked_ns or ts_ns
                self._fire(life, Trigger.ACK, ts_ns)
            case OrderRejected():
                life.reason = f"{event.code}: {event.reason}" if event.code else event.reason
                self._fire(life, Trigger.REJECT, ts_ns)
            case PlaceUnknown():
                self._fire(life, Trigger.LOST, ts_ns)
            case CancelRejected():
                self._fire(life, Trigger.CANCEL_REFUSED, ts_ns)
            case CancelUnknown():
                self._fire(life, Trigger.CANCEL_LOST if event.sent else Trigger.CANCEL_NOT_SENT, ts_ns)
            case OrderCanceled():
                self._end(life, Trigger.CANCELED, event.cum_lots, ts_ns)
            case OrderExpired():
                self._end(life, Trigger.EXPIRED, event.cum_lots, ts_ns)
            case OrderSeen():
                self._seen(life, event, ts_ns)
            case _:
                return

    def fill(self, event: OrderFilled, ts_ns: int) -> None:
        """Take in an execution that was not known before."""
        life = self._known.get(event.cid)
        if life is not None:
            life.cum_lots += event.size_lots
            whole = life.cum_lots >= life.size_lots
            self._fire(life, Trigger.FILL_ALL if whole else Trigger.FILL, ts_ns)

    def settled(self) -> list[Row]:
        """Return the rows of orders that ended long ago, and forget them."""
        rows = []
        while len(self._ended) > ENDED_MAX:
            cid, _ = self._ended.popitem(last=False)
            rows.append(self._known.pop(cid).row(self._facts))
        return rows

    def rest(self) -> list[Row]:
        """Return the rows of all that are left, in the order of their ids, and forget them."""
        lives, self._known, self._ended = self._known, {}, OrderedDict()
        return [lives[cid].row(self._facts) for cid in sorted(lives)]

    def _seen(self, life: Life, event: OrderSeen, ts_ns: int) -> None:
        life.venue_order_id = life.venue_order_id or event.venue_order_id
        if event.rejected:
            self._fire(life, Trigger.REJECT, ts_ns)
        elif event.open:
            self._fire(life, Trigger.SEEN_OPEN, ts_ns)
        else:
            self._end(life, Trigger.CANCELED, event.cum_lots, ts_ns)

    def _end(self, life: Life, trigger: Trigger, cum_lots: int, ts_ns: int) -> None:
        # An end that states more fills than are known, or does not say, is none yet: as the engine has it.
        hides_fills = cum_lots < 0 or cum_lots > life.cum_lots
        self._fire(life, Trigger.CANCEL_LOST if hides_fills and life.state in LIVE else trigger, ts_ns)

    def _fire(self, life: Life, trigger: Trigger, ts_ns: int) -> None:
        life.fire(trigger, ts_ns)
        if life.state in LIVE:
            self._ended.pop(life.cid, None)
        else:
            self._ended[life.cid] = None
