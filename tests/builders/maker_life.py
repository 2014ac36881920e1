"""A strategy on a whole engine, at a venue that answers at once: what its user would see, fill by fill.

The book is one deep level a side around `MID` (ticks); the band is 1 000 lots and no rule narrows anything.
"""

from typing import Any, Final

from msgspec.structs import replace

from mm.domain.commands import Place
from mm.domain.estate import Estate
from mm.domain.events import ListedOrder, OrderCanceled, Source
from mm.domain.instrument import Instrument
from mm.domain.orders import OrderState
from mm.domain.sides import Side
from mm.engine.estate import estate_of
from mm.strategies.base import Strategy
from tests.builders.engine_rig import EPOCH, MS, SECOND_NS, Rig, cid_of, make_session
from tests.builders.instruments import INSTRUMENT

ROUNDS_MAX: Final = 50


class MakerLife:
    """One session and what stands at the venue. Fields: rig: the bench beneath."""

    def __init__(
        self, strategy: Strategy[Any], *, instrument: Instrument = INSTRUMENT, estate: Estate | None = None
    ) -> None:
        """Start it, at a venue that still has the orders of `estate`, and let it lay its first ladder."""
        self.rig = Rig(make_session(strategy, instrument=instrument), estate=estate)
        self.rig.activate(orders=self._listed())
        self.trades = 0
        if estate is not None:
            self._recover(estate)
        self.settle()

    def _listed(self) -> tuple[ListedOrder, ...]:
        return tuple(
            ListedOrder(one.cid, "v", one.side, one.price_ticks, one.size_lots, one.cum_lots)
            for one in self.rig.engine.state.orders.live.values()
        )

    def _recover(self, estate: Estate) -> None:
        # The venue shows what there is, again and again, until the new life has seen enough of it.
        self.trades = estate.positions[0].fills
        held = dict(estate.holdings)
        base, quote = (held[name] for name in (INSTRUMENT.base, INSTRUMENT.quote))
        for _ in range(ROUNDS_MAX):
            self.settle()
            if not self.reason.startswith("recovers"):
                return
            self.rig.advance(600 * MS)
            self.rig.touch_book()
            self.rig.list_orders(orders=self._listed())
            self.rig.list_fills()
            self.rig.list_balances(base=base, quote=quote)
        raise AssertionError(f"does not recover: {self.reason}")

    def settle(self) -> None:
        """Answer everything that was sent, until nothing more is sent."""
        for _ in range(ROUNDS_MAX):
            self.rig.place_all()
            leaving = [
                order
                for order in self.rig.engine.state.orders.live.values()
                if order.state is OrderState.CANCEL_SENT
            ]
            for order in leaving:
                self.rig.feed(OrderCanceled, cid=order.cid, cum_lots=order.cum_lots, source=Source.ANSWER)
            if not leaving and all(
                self.rig.state_of(place) is not OrderState.SENT for place in self.rig.places()
            ):
                return
        raise AssertionError("orders are placed and cancelled without end")

    def wait(self, seconds: float) -> None:
        """Let time pass in half seconds, with news from the book that change nothing."""
        for _ in range(int(2 * seconds)):
            self.rig.keep_alive(SECOND_NS // 2)
            self.settle()

    def move(self, bid: int, ask: int) -> None:
        """Move the market."""
        self.rig.move(bid, ask)
        self.settle()

    def fill(self, side: Side, level: int, lots: int = 0) -> None:
        """Let the order of a level be filled, whole unless told otherwise."""
        place = self.place_of(side, level)
        self.trades += 1
        self.rig.fill(place, lots or self.rig.order(place).left_lots, self.trades)
        self.settle()

    def place_of(self, side: Side, level: int) -> Place:
        """Return the placement whose order stands on a level."""
        (found,) = [
            place
            for place in self.rig.places()
            if place.side is side and self.rig.order(place).is_live and self.rig.order(place).level == level
        ]
        return found

    def standing(self, side: Side) -> list[tuple[int, int, int]]:
        """Return level, price and what is left of every order of a side, nearest to the market first."""
        live = [order for order in self.rig.engine.state.orders.live.values() if order.side is side]
        sign = -1 if side is Side.BUY else 1
        live.sort(key=lambda order: (sign * order.price_ticks, order.level))
        return [(order.level, order.price_ticks, order.left_lots) for order in live]

    @property
    def bids(self) -> list[tuple[int, int]]:
        """Price and size of the bids, best first."""
        return [(price, lots) for _, price, lots in self.standing(Side.BUY)]

    @property
    def asks(self) -> list[tuple[int, int]]:
        """Price and size of the asks, best first."""
        return [(price, lots) for _, price, lots in self.standing(Side.SELL)]

    @property
    def reason(self) -> str:
        """Why it does (not) quote."""
        return self.rig.session().reason

    def estate(self) -> Estate:
        """Return what this life would leave if it ended now, as of the epoch before."""
        left = estate_of(self.rig.engine.state)
        orders = tuple(replace(one, cid=cid_of(place)) for place, one in enumerate(left.orders, 1))
        return replace(left, epoch=EPOCH - 1, orders=orders)
