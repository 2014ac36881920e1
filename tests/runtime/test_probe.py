"""Single questions to a venue, and the one order that a check of fitness may place."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from mm.domain.commands import Cancel, ListBalances, ListOrders, Place, Query, TimeInForce
from mm.domain.events import (
    AnyEvent,
    CancelRejected,
    CancelUnknown,
    OrderNotFound,
    OrderRejected,
    PlaceUnknown,
    RateUsed,
    RequestFailed,
)
from mm.domain.sides import Side
from mm.errors import OrdersMayRemain, VenueRefused, VenueUnknown
from mm.runtime.probe import Probe
from tests.builders.fake_venue import FakeVenue
from tests.builders.instruments import make_test_instrument
from tests.builders.virtual_time import VirtualClock, run_virtual

T = TypeVar("T")
CID = "f" * 32
SYMBOL = make_test_instrument().symbol
ORDER = Place(
    cid=CID,
    symbol=SYMBOL,
    side=Side.BUY,
    price_ticks=100,
    size_lots=1,
    post_only=True,
    time_in_force=TimeInForce.GTC,
    reduces=False,
    market_seq=0,
    market_age_ns=0,
)


class Stage:
    """A venue and what asks it. Fields: venue; instead: an event in place of the answer to a command."""

    def __init__(self) -> None:
        self.venue = FakeVenue(VirtualClock(), latency_s=0.01)
        self.instead: dict[type, AnyEvent] = {}
        self.probe = Probe(self.venue)
        self.venue.on_submit = self._on_submit

    def _on_submit(self, command: object) -> None:
        event = self.instead.get(type(command))
        if event is not None:
            self.venue.later(lambda: self.venue.tell(event))

    def go(self, ask: Callable[[Probe], Awaitable[T]]) -> T:
        """Ask and return the answer."""

        async def run() -> T:
            await self.venue.start(self.probe)
            try:
                return await ask(self.probe)
            finally:
                await self.venue.close()

        return run_virtual(run)


def test_what_is_listed_is_returned() -> None:
    """Orders of a symbol, and what is free of each asset."""
    stage = Stage()
    stage.venue.leave("mine")
    assert [order.cid for order in stage.go(lambda probe: probe.orders(SYMBOL))] == ["mine"]
    free = Stage().go(lambda probe: probe.balances())
    assert sorted(free.values()) == [10**12, 10**16]


def test_what_the_venue_said_last_of_its_limits_is_kept() -> None:
    """It comes with any answer."""
    probe = Probe(FakeVenue(VirtualClock()))
    told = RateUsed(ts_ns=1, weight=5, orders=-1)
    probe(told)
    assert probe.rate == told


def test_an_order_is_placed_seen_cancelled_and_gone() -> None:
    """By the venue's list, which is asked last; each step has its time."""
    stage = Stage()
    trip = stage.go(lambda probe: probe.round_trip(ORDER))
    assert [type(command) for command in stage.venue.sent] == [Place, Query, Cancel, ListOrders]
    assert stage.venue.open == {}
    assert min(trip.placed_ms, trip.seen_ms, trip.cancelled_ms, trip.gone_ms) >= 0


def test_an_order_that_is_refused_is_not_looked_for() -> None:
    """The venue's word is a proof."""
    stage = Stage()
    stage.venue.deaf_to = (Place,)
    stage.instead = {Place: OrderRejected(ts_ns=1, cid=CID, code=-2010, reason="no funds")}
    with pytest.raises(VenueRefused, match="no funds"):
        stage.go(lambda probe: probe.round_trip(ORDER))
    assert [type(command) for command in stage.venue.sent] == [Place]


@pytest.mark.parametrize(
    ("command", "event"),
    [
        (Place, PlaceUnknown(ts_ns=1, cid=CID, cause="timeout")),
        (Query, OrderNotFound(ts_ns=1, cid=CID)),
        (Query, RequestFailed(ts_ns=1, what="Query", subject=CID, reason="timeout")),
    ],
)
def test_whatever_goes_wrong_the_order_is_taken_off(command: type, event: AnyEvent) -> None:
    """Cancelled, and the list is asked; then what went wrong is told."""
    stage = Stage()
    stage.venue.leave(CID)
    stage.venue.deaf_to = (command,)
    stage.instead = {command: event}
    with pytest.raises(VenueUnknown):
        stage.go(lambda probe: probe.round_trip(ORDER))
    assert [type(sent) for sent in stage.venue.sent][-2:] == [Cancel, ListOrders]
    assert stage.venue.open == {}


@pytest.mark.parametrize(
    "event",
    [CancelUnknown(ts_ns=1, cid=CID, cause="timeout"), CancelRejected(ts_ns=1, cid=CID, code=-2011)],
)
def test_an_order_that_stays_is_told_of(event: AnyEvent) -> None:
    """With its id, for whoever has to take it off by hand."""
    stage = Stage()
    stage.venue.deaf_to = (Cancel,)
    stage.instead = {Cancel: event}
    with pytest.raises(OrdersMayRemain, match=CID):
        stage.go(lambda probe: probe.round_trip(ORDER))


def test_an_order_whose_fate_nobody_tells_may_be_there() -> None:
    """Neither the cancel nor the list brought an answer."""
    stage = Stage()
    stage.venue.deaf_to = (Cancel, ListOrders)
    with pytest.raises(OrdersMayRemain, match="may still be there"):
        stage.go(lambda probe: probe.round_trip(ORDER))


def test_a_cancel_that_the_list_does_not_confirm_is_not_believed() -> None:
    """The venue's list has the last word."""
    stage = Stage()
    stage.venue.on_submit = lambda command: (
        stage.venue.leave(CID) if isinstance(command, ListOrders) else None
    )
    with pytest.raises(OrdersMayRemain, match="still listed"):
        stage.go(lambda probe: probe.round_trip(ORDER))


def test_silence_ends_in_time() -> None:
    """Each question has a deadline."""
    stage = Stage()
    stage.venue.deaf_to = (ListBalances,)
    with pytest.raises(VenueUnknown, match="no answer within 8 s"):
        stage.go(lambda probe: probe.balances())


def test_an_interrupted_round_trip_takes_its_order_off() -> None:
    """A ctrl-c comes while it waits."""
    stage = Stage()
    stage.venue.deaf_to = (Query,)

    async def interrupted(probe: Probe) -> None:
        task = asyncio.ensure_future(probe.round_trip(ORDER))
        asyncio.get_running_loop().call_later(1, task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task

    stage.go(interrupted)
    assert stage.venue.open == {}
