"""Asks a venue single questions, as a check of fitness does: one command, the event that answers it.

Not for trading: no engine is involved. The one order that it can place is far from the market, post-only, of
the smallest size, and gone again in the end or reported as possibly there. Whoever calls decides where that
is allowed.
"""

import asyncio
import contextlib
import time
from collections import deque
from dataclasses import dataclass
from typing import Final, TypeVar

from mm.domain.commands import Cancel, ListBalances, ListOrders, Place, Query, VenueCommand
from mm.domain.events import (
    AnyEvent,
    BalancesListed,
    CancelRejected,
    CancelUnknown,
    ListedOrder,
    OrderAcked,
    OrderCanceled,
    OrderNotFound,
    OrderRejected,
    OrderSeen,
    OrdersListed,
    PlaceUnknown,
    RateUsed,
    RequestFailed,
)
from mm.errors import OrdersMayRemain, VenueRefused, VenueUnknown
from mm.ports import Venue

ANSWER_S: Final = 8.0
"""How long an answer may take: longer than an adapter lets a request live."""

EVENTS_MAX: Final = 256

E = TypeVar("E", bound=AnyEvent)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTrip:
    """How long the steps of an order's life took, ms each."""

    placed_ms: float
    seen_ms: float
    cancelled_ms: float
    gone_ms: float


class Probe:
    """Talks to a venue that was started with this object as its sink.

    Fields: rate: what the venue said last of the weight and the orders used, None before.
    """

    def __init__(self, venue: Venue) -> None:
        """Keep the venue."""
        self.rate: RateUsed | None = None
        self._venue = venue
        self._events: deque[AnyEvent] = deque(maxlen=EVENTS_MAX)
        self._news = asyncio.Event()

    def __call__(self, event: AnyEvent) -> None:
        """Take an event."""
        if isinstance(event, RateUsed):
            self.rate = event
        self._events.append(event)
        self._news.set()

    async def orders(self, symbol: str) -> tuple[ListedOrder, ...]:
        """Return the open orders of the account; raises VenueUnknown."""
        return (await self._ask(ListOrders(symbol=symbol), OrdersListed)).orders

    async def balances(self) -> dict[str, int]:
        """Return what is free of each asset, in atoms; raises VenueUnknown."""
        listed = await self._ask(ListBalances(), BalancesListed)
        return {asset: free_atoms for asset, free_atoms, _ in listed.balances}

    async def round_trip(self, order: Place) -> RoundTrip:
        """Place `order`, ask for it, cancel it, see that it is gone; return how long each step took.

        Raises: VenueRefused if it was not taken; VenueUnknown if a step brought no answer, and it is gone
        nevertheless; OrdersMayRemain if it may still be there.
        """
        placed_ms = -1.0
        try:
            placed_ms = await self._timed(order, OrderAcked)
            seen_ms = await self._timed(Query(cid=order.cid, symbol=order.symbol), OrderSeen)
            cancelled_ms = await self._timed(Cancel(cid=order.cid, symbol=order.symbol), OrderCanceled)
        except BaseException as error:
            if placed_ms >= 0 or not isinstance(error, VenueRefused):
                await self._take_off(order)
            raise
        began = time.perf_counter()
        await self._see_gone(order)
        gone_ms = _ms_since(began)
        return RoundTrip(placed_ms=placed_ms, seen_ms=seen_ms, cancelled_ms=cancelled_ms, gone_ms=gone_ms)

    async def _timed(self, command: VenueCommand, kind: type[AnyEvent]) -> float:
        began = time.perf_counter()
        await self._ask(command, kind)
        return _ms_since(began)

    async def _see_gone(self, order: Place) -> None:
        if any(listed.cid == order.cid for listed in await self.orders(order.symbol)):
            raise OrdersMayRemain(f"the order {order.cid} is still listed", hint="cancel it by hand")

    async def _take_off(self, order: Place) -> None:
        # Whatever went wrong: the last word is the venue's list.
        with contextlib.suppress(VenueUnknown, VenueRefused):
            await self._ask(Cancel(cid=order.cid, symbol=order.symbol), OrderCanceled)
        try:
            await self._see_gone(order)
        except VenueUnknown:
            raise OrdersMayRemain(
                f"the order {order.cid} may still be there", hint="look at the venue, cancel it by hand"
            ) from None

    async def _ask(self, command: VenueCommand, kind: type[E]) -> E:
        self._events.clear()
        self._venue.submit(command)
        try:
            async with asyncio.timeout(ANSWER_S):
                while True:
                    while self._events:
                        event = self._events.popleft()
                        if isinstance(event, kind):
                            return event
                        _raise_if_failed(command, event)
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise VenueUnknown(f"{type(command).__name__}: no answer within {ANSWER_S:g} s") from None


def _raise_if_failed(command: VenueCommand, event: AnyEvent) -> None:
    name = type(command).__name__
    match event:
        case OrderRejected():
            raise VenueRefused(f"{name}: {event.reason}", code=event.code)
        case CancelRejected():
            raise VenueRefused(f"{name} was refused", code=event.code)
        case PlaceUnknown() | CancelUnknown():
            raise VenueUnknown(f"{name}: {event.cause}")
        case OrderNotFound():
            raise VenueUnknown(f"{name}: the venue does not know the order")
        case RequestFailed():
            raise VenueUnknown(f"{event.what}: {event.reason}")
        case _:
            return


def _ms_since(began: float) -> float:
    return round((time.perf_counter() - began) * 1_000, 2)
