"""A matching book written the slow and obvious way: one list, scanned for every step. A reference."""

from mm.domain.sides import Side
from mm.sim.orders import Order, OrderStatus, OrderType, StpMode, TimeInForce

Step = tuple[str, int, int, int, int]
"""What happened: kind, maker id, taker id, price in ticks, lots traded or lost by the taker."""


class NaiveBook:
    """Every resting order in one list, oldest first."""

    def __init__(self) -> None:
        """Start empty."""
        self.resting: list[Order] = []
        self.steps: list[Step] = []

    def place(self, taker: Order) -> None:
        """Match, then rest or expire."""
        if taker.time_in_force is TimeInForce.FOK and not self._fills_whole(taker):
            taker.status = OrderStatus.EXPIRED
            return
        while taker.is_open:
            maker = self._next_maker(taker, [])
            if maker is None:
                break
            self._meet(taker, maker)
        if not taker.is_open:
            return
        if taker.order_type is OrderType.MARKET or taker.time_in_force is not TimeInForce.GTC:
            taker.status = OrderStatus.EXPIRED
        else:
            self.resting.append(taker)

    def cancel(self, order_id: int) -> None:
        """Take an order out."""
        self.resting = [order for order in self.resting if order.order_id != order_id]

    def amend(self, order_id: int, size_lots: int) -> None:
        """Make an order smaller; its place in the list stays."""
        for order in self.resting:
            if order.order_id == order_id:
                order.size_lots = size_lots

    def levels(self, side: Side) -> list[tuple[int, int]]:
        """Return the levels of a side, best first."""
        lots: dict[int, int] = {}
        for order in self.resting:
            if order.side is side:
                lots[order.price_ticks] = lots.get(order.price_ticks, 0) + order.left_lots
        return sorted(lots.items(), reverse=side is Side.BUY)

    def _next_maker(self, taker: Order, without: list[int]) -> Order | None:
        found: Order | None = None
        for order in self.resting:
            if order.side is taker.side or order.order_id in without:
                continue
            if taker.order_type is not OrderType.MARKET:
                gap = order.price_ticks - taker.price_ticks
                if (gap > 0) if taker.side is Side.BUY else (gap < 0):
                    continue
            if found is None or (
                order.price_ticks < found.price_ticks
                if taker.side is Side.BUY
                else order.price_ticks > found.price_ticks
            ):
                found = order
        return found

    def _fills_whole(self, taker: Order) -> bool:
        lots, seen = 0, list[int]()
        while lots < taker.size_lots:
            maker = self._next_maker(taker, seen)
            if maker is None:
                return False
            seen.append(maker.order_id)
            if maker.owner == taker.owner and taker.stp_mode is not StpMode.NONE:
                if taker.stp_mode is not StpMode.EXPIRE_MAKER:
                    return False
                continue
            lots += maker.left_lots
        return True

    def _meet(self, taker: Order, maker: Order) -> None:
        if maker.owner == taker.owner and taker.stp_mode is not StpMode.NONE:
            self._prevent(taker, maker)
            return
        lots = min(taker.left_lots, maker.left_lots)
        self.steps.append(("fill", maker.order_id, taker.order_id, maker.price_ticks, lots))
        for order in (maker, taker):
            order.filled_lots += lots
            order.status = OrderStatus.PARTIALLY_FILLED if order.left_lots else OrderStatus.FILLED
        if not maker.left_lots:
            self.cancel(maker.order_id)

    def _prevent(self, taker: Order, maker: Order) -> None:
        both = min(taker.left_lots, maker.left_lots)
        taker_lots, maker_lots = {
            StpMode.EXPIRE_TAKER: (taker.left_lots, 0),
            StpMode.EXPIRE_MAKER: (0, maker.left_lots),
            StpMode.EXPIRE_BOTH: (taker.left_lots, maker.left_lots),
            StpMode.DECREMENT: (both, both),
        }[taker.stp_mode]
        self.steps.append(("stp", maker.order_id, taker.order_id, maker.price_ticks, taker_lots))
        for order, lots in ((maker, maker_lots), (taker, taker_lots)):
            order.prevented_lots += lots
            if not order.left_lots:
                order.status = OrderStatus.EXPIRED_IN_MATCH
        if not maker.is_open:
            self.cancel(maker.order_id)
