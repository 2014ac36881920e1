"""The way between the engine and the fake venue: delays, losses, and what an adapter promises the engine.

Commands go in, the venue's truth is asked when they arrive, what it says comes back as events, late, twice,
in another order or not at all, as the faults of the run have it. The market stream and the user stream keep
their order unless a fault says otherwise; answers to requests overtake them freely.
"""

from collections.abc import Callable
from random import Random
from typing import Any, Final, Protocol

from mm.domain.commands import (
    Cancel,
    Connect,
    ListBalances,
    ListFills,
    ListOrders,
    MeasureClock,
    Place,
    Query,
    SyncBook,
    VenueCommand,
)
from mm.domain.events import (
    AckMismatch,
    AnyEvent,
    BalanceChanged,
    BalancesListed,
    CancelRejected,
    CancelUnknown,
    ClockMeasured,
    FillsListed,
    ListedOrder,
    OrderAcked,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderNotFound,
    OrderRejected,
    OrderSeen,
    OrdersListed,
    PlaceUnknown,
    RateUsed,
    RequestFailed,
    Source,
    Stream,
    Throttled,
)
from tests.builders.engine_faults import MS, NONE, Faults
from tests.builders.engine_streams import Streams
from tests.builders.engine_truth import Answer, TrueFill, TrueOrder, Truth

SECOND_NS: Final = 1_000_000_000
REQUEST_LIFE_NS: Final = 4 * SECOND_NS
"""A request that takes longer than this never arrives: what the venue's window of receipt guarantees."""

PAGE: Final = 5
"""Fills per page."""

BUSY: Final = -1015
NO_SUCH: Final = -2011


class Clockwork(Protocol):
    """What the wire needs of the simulation around it."""

    now_ns: int

    def after(self, delay_ns: int, act: Callable[[], None]) -> None:
        """Do something later."""

    def deliver(self, kind: type[AnyEvent], **fields: Any) -> None:
        """Hand an event to the engine now."""

    def truth_changed(self) -> None:
        """Look at what changed at the venue."""


class Wire:
    """One account's connections.

    Fields: faults: in force now; in_transit: placements that may still arrive; banned_until_ns: as told to
    the engine; streams: the two sockets; life: which process of ours it belongs to; weight_used: what the
    venue counted of the last minute.
    """

    def __init__(self, world: Clockwork, truth: Truth, random: Random) -> None:
        """Connect `world`'s engine with `truth`."""
        self.world = world
        self.truth = truth
        self.random = random
        self.faults: Faults = NONE
        self.in_transit: dict[str, Place] = {}
        self.banned_until_ns = 0
        self.life = 0
        self.weight_used: Callable[[int], int] = lambda now_ns: 0
        self.streams = Streams(world, truth, random)

    def hits(self, chance: float) -> bool:
        """Return whether a fault of that probability happens now."""
        return chance > 0 and self.random.random() < chance

    def way(self) -> int:
        """Return the time that one way takes now."""
        return self.random.randint(1, max(2, self.faults.latency_ms)) * MS

    def submit(self, command: VenueCommand) -> None:
        """Send a command, as a runtime does."""
        if isinstance(command, Connect):
            self.streams.connect(command.stream)
            return
        if self._is_refused_by_rate(command):
            return
        match command:
            case Place():
                self._submit_place(command)
            case Cancel():
                self._submit_cancel(command)
            case Query():
                self._read(command, lambda: self._query(command))
            case ListOrders():
                asked_ns = self.world.now_ns
                self._read(command, lambda: self._list_orders(command.symbol, asked_ns))
            case ListFills():
                asked_ns = self.world.now_ns
                self._read(command, lambda: self._list_fills(command, asked_ns))
            case ListBalances():
                asked_ns = self.world.now_ns
                self._read(command, lambda: self._list_balances(asked_ns))
            case MeasureClock():
                self._read(command, lambda: self._answer(ClockMeasured, offset_ns=0, round_trip_ns=1))
            case SyncBook():
                self._later(self.way(), lambda: self.streams.sync(command.symbol))

    # ---- answers

    def _answer(self, kind: type[AnyEvent], **fields: Any) -> None:
        self._answer_in(self.way(), kind, **fields)

    def _answer_in(self, delay_ns: int, kind: type[AnyEvent], **fields: Any) -> None:
        self._later(delay_ns, lambda: self.world.deliver(kind, **fields))

    def _later(self, delay_ns: int, act: Callable[[], None]) -> None:
        # An answer comes to the process that asked or to nobody.
        life = self.life
        self.world.after(delay_ns, lambda: act() if life == self.life else None)

    def crash(self) -> None:
        """The process is gone: streams end, answers go nowhere, placements that had not arrived never do."""
        self.life += 1
        self.in_transit.clear()
        self.banned_until_ns = 0
        self.streams.crash()

    def _is_refused_by_rate(self, command: VenueCommand) -> bool:
        banned = self.hits(self.faults.ban)
        if not banned and not self.hits(self.faults.throttle):
            return False
        until_ns = self.world.now_ns + self.random.randint(200, self.faults.wait_ms) * MS
        delay_ns = self.way()

        def tell() -> None:
            if banned:
                self.banned_until_ns = max(self.banned_until_ns, until_ns)
            self.world.deliver(Throttled, until_ns=until_ns, banned=banned)
            match command:
                case Place():
                    self.world.deliver(OrderRejected, cid=command.cid, code=BUSY, reason="too many requests")
                case Cancel():
                    self.world.deliver(CancelUnknown, cid=command.cid, cause="too many requests")
                case _:
                    self._fail(command)

        self._later(delay_ns, tell)
        return True

    def _fail(self, command: VenueCommand) -> None:
        subject = getattr(command, "cid", getattr(command, "symbol", ""))
        self.world.deliver(
            RequestFailed, what=type(command).__name__, subject=subject, reason="simulated failure"
        )

    # ---- placements

    def _submit_place(self, place: Place) -> None:
        faults = self.faults
        if self.hits(faults.place_lost):
            if self.hits(0.5):
                self._answer_in(2 * self.way(), PlaceUnknown, cid=place.cid, cause="connection reset")
            return
        self.in_transit[place.cid] = place
        delay_ns = self.way()
        if self.hits(faults.place_slow):
            delay_ns = self.random.randint(500, REQUEST_LIFE_NS // MS) * MS
            self._answer_in(REQUEST_LIFE_NS // 4, PlaceUnknown, cid=place.cid, cause="timed out")
        self.world.after(delay_ns, lambda: self._place_arrives(place))

    def _place_arrives(self, place: Place) -> None:
        now_ns = self.world.now_ns
        if self.in_transit.pop(place.cid, None) is None:
            return
        if self.hits(self.faults.reject):
            self._answer(OrderRejected, cid=place.cid, code=-1013, reason="simulated filter")
            return
        answer = self.truth.place(now_ns, place)
        self.world.truth_changed()
        if answer.kind == "rejected":
            self._answer(
                OrderRejected,
                cid=place.cid,
                code=-2010,
                reason="refused",
                crossed=answer.crossed,
                funds=answer.funds,
            )
        elif answer.kind == "duplicate":
            self._answer(PlaceUnknown, cid=place.cid, cause="duplicate", duplicate=True)
        else:
            self._report_placed(answer)
            self._answer_placed(place, answer)

    def _report_placed(self, answer: Answer) -> None:
        order = answer.order
        assert order is not None
        self.streams.report(OrderAcked, **_acked(order), source=Source.STREAM)
        self.tell_fills()
        if answer.kind == "done" and order.left_lots:
            fields = {"cid": order.cid, "cum_lots": order.cum_lots, "prevented": False}
            self.streams.report(OrderExpired, **fields, source=Source.STREAM)

    def _answer_placed(self, place: Place, answer: Answer) -> None:
        faults, order = self.faults, answer.order
        assert order is not None
        if self.hits(faults.place_unanswered):
            return
        if self.hits(faults.place_unknown):
            self._answer_in(self.way() * 3, PlaceUnknown, cid=place.cid, cause="HTTP 504")
            return
        delay_ns = self.way()
        if self.hits(faults.place_late):
            delay_ns = self.random.randint(1_000, 8_000) * MS
        if self.hits(faults.mismatch):
            self._answer_in(delay_ns, AckMismatch, cid=place.cid, detail="simulated: selfTradePreventionMode")
        cum_lots = order.cum_lots

        def tell() -> None:
            self.world.deliver(OrderAcked, **_acked(order), source=Source.ANSWER)
            for fill in answer.fills:
                self.world.deliver(OrderFilled, **filled(fill, Source.ANSWER))
            if answer.kind == "done" and cum_lots < order.size_lots:
                fields = {"cid": order.cid, "cum_lots": cum_lots, "prevented": False}
                self.world.deliver(OrderExpired, **fields, source=Source.ANSWER)

        self._later(delay_ns, tell)

    def tell_fills(self) -> None:
        """Report what was filled since the last time on the user stream."""
        fills = self.truth.take_new_fills()
        for fill in fills:
            self.streams.report(OrderFilled, **filled(fill, Source.STREAM))
        if fills:
            for asset, atoms in self.truth.holdings.items():
                locked = self.truth.locked(asset)
                self.streams.report(
                    BalanceChanged, asset=asset, free_atoms=atoms - locked, locked_atoms=locked
                )

    # ---- cancels

    def _submit_cancel(self, command: Cancel) -> None:
        faults = self.faults
        if self.hits(faults.cancel_unsent):
            self._answer_in(MS, CancelUnknown, cid=command.cid, cause="not connected", sent=False)
        elif self.hits(faults.cancel_lost):
            if self.hits(0.5):
                self._answer_in(self.way() * 3, CancelUnknown, cid=command.cid, cause="timed out")
        else:
            self.world.after(self.way(), lambda: self._cancel_arrives(command))

    def _cancel_arrives(self, command: Cancel) -> None:
        faults = self.faults
        order = self.truth.cancel(self.world.now_ns, command.cid)
        self.world.truth_changed()
        stated = 0 if order is None or self.hits(faults.cancel_understated) else order.cum_lots
        if order is not None:
            fields = {"cid": order.cid, "cum_lots": stated}
            self.streams.report(OrderCanceled, **fields, source=Source.STREAM)
        if self.hits(faults.cancel_unanswered):
            return
        if self.hits(faults.cancel_unknown):
            self._answer_in(self.way() * 3, CancelUnknown, cid=command.cid, cause="HTTP 504")
        elif order is None or self.hits(faults.cancel_doubted):
            self._answer(CancelRejected, cid=command.cid, code=NO_SUCH)
        else:
            said = -1 if self.hits(faults.cancel_unsaid) else stated
            self._answer(OrderCanceled, cid=order.cid, cum_lots=said, source=Source.ANSWER)

    # ---- reads

    def _read(self, command: VenueCommand, ask: Callable[[], None]) -> None:
        if self.hits(self.faults.read_silent):
            return
        if self.hits(self.faults.read_failed):
            self._later(self.way(), lambda: self._fail(command))
            return
        self._later(self.way(), ask)
        self._answer(RateUsed, weight=self.weight_used(self.world.now_ns), orders=-1)

    def _query(self, command: Query) -> None:
        order = self.truth.orders.get(command.cid)
        lag_ns = self.faults.not_found_lag_ms * MS
        if order is None or (lag_ns and self.world.now_ns - order.opened_ns < self.random.randint(0, lag_ns)):
            self._answer(OrderNotFound, cid=command.cid)
            return
        self._answer(
            OrderSeen,
            cid=order.cid,
            venue_order_id=order.venue_order_id,
            open=order.is_open,
            cum_lots=order.cum_lots,
        )

    def _list_orders(self, symbol: str, asked_ns: int) -> None:
        lag_ns = self.faults.listing_lag_ms * MS
        at_ns = self.world.now_ns - (self.random.randint(0, lag_ns) if lag_ns else 0)
        rows = tuple(
            ListedOrder(
                order.cid,
                order.venue_order_id,
                order.side,
                order.price_ticks,
                order.size_lots,
                order.cum_lots if order.is_open else 0,
            )
            for order in self.truth.listed(symbol, at_ns)
        )
        self._answer(OrdersListed, symbol=symbol, asked_ns=asked_ns, orders=rows)

    def _list_fills(self, command: ListFills, asked_ns: int) -> None:
        known = [fill for fill in self.truth.fills if fill.symbol == command.symbol]
        visible = known[: len(known) - self._lagging(known)]
        rows = [fill for fill in visible if fill.trade_id >= command.from_trade_id]
        complete = len(rows) <= PAGE
        rows = rows[-PAGE:] if command.from_trade_id < 0 else rows[:PAGE]
        next_trade_id = rows[-1].trade_id + 1 if rows else max(0, command.from_trade_id)
        complete = complete or command.from_trade_id < 0

        def tell() -> None:
            for fill in rows:
                self.world.deliver(OrderFilled, **filled(fill, Source.QUERY))
            self.world.deliver(
                FillsListed,
                symbol=command.symbol,
                asked_ns=asked_ns,
                next_trade_id=next_trade_id,
                complete=complete,
            )

        self._later(self.way(), tell)

    def _lagging(self, known: list[TrueFill]) -> int:
        # How many of the newest fills the listing does not show yet.
        lag_ns = self.faults.fills_lag_ms * MS
        if not lag_ns:
            return 0
        oldest_ns = self.world.now_ns - self.random.randint(0, lag_ns)
        return sum(fill.filled_ns > oldest_ns for fill in known[-10:])

    def _list_balances(self, asked_ns: int) -> None:
        truth = self.truth
        rows = tuple(
            (asset, atoms - truth.locked(asset), truth.locked(asset))
            for asset, atoms in truth.holdings.items()
        )
        self._answer(BalancesListed, asked_ns=asked_ns, balances=rows)

    # ---- for the engine's stop: which stream a command needs is the adapter's business

    def drop(self, stream: Stream, *, silent: bool) -> None:
        """End a stream, with or without a word."""
        self.streams.drop(stream, silent=silent)


def _acked(order: TrueOrder) -> dict[str, Any]:
    return {
        "cid": order.cid,
        "venue_order_id": order.venue_order_id,
        "price_ticks": order.price_ticks,
        "size_lots": order.size_lots,
    }


def filled(fill: TrueFill, source: Source) -> dict[str, Any]:
    """Return the fields of the event of an execution."""
    return {
        "symbol": fill.symbol,
        "cid": fill.cid,
        "trade_id": fill.trade_id,
        "side": fill.side,
        "price_ticks": fill.price_ticks,
        "size_lots": fill.size_lots,
        "fee_atoms": fill.fee_atoms,
        "fee_asset": fill.symbol.split("/")[1],
        "maker": fill.maker,
        "source": source,
    }
