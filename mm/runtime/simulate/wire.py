"""The way between engine and simulated venue: delays, losses, and what an adapter promises the engine.

Commands go in, the venue's truth is asked when they arrive, what it says comes back as events, late, twice,
in another order or not at all, as the faults of the run have it. The market stream and the user stream keep
their order unless a fault says otherwise; answers to requests overtake them freely.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final

import msgspec

from mm.domain.commands import Cancel, Connect, MeasureClock, Place, SyncBook, VenueCommand
from mm.domain.events import (
    AccessDenied,
    AckMismatch,
    AnyEvent,
    CancelRejected,
    CancelUnknown,
    ClockDoubted,
    ClockMeasured,
    OrderAcked,
    OrderCanceled,
    OrderExpired,
    OrderRejected,
    PlaceUnknown,
    RequestFailed,
    Source,
    Stream,
    Throttled,
)
from mm.runtime.simulate.faults import MS, Faults, Luck
from mm.runtime.simulate.news import NewsDesk, acked, filled
from mm.runtime.simulate.reads import Reads
from mm.runtime.simulate.streams import Clockwork, Streams
from mm.runtime.simulate.truth import Answer, TrueOrder, Truth

SECOND_NS: Final = 1_000_000_000
REQUEST_LIFE_NS: Final = 4 * SECOND_NS
"""A request that takes longer than this never arrives: what the venue's window of receipt guarantees."""

BUSY: Final = -1015
NO_SUCH: Final = -2011
CLOCK_CODE: Final = -1021
NO_ACCESS: Final = -2015


def secret_of(seed: int) -> bytes:
    """Return what the account of a seed signs with; it looks otherwise in every form that it could be written
    in.
    """
    return f"key/{sha256(f'{seed}/secret'.encode()).hexdigest()[:24]}+=".encode()


class Wire:
    """One account's connections.

    Fields: luck: what decides about faults; in_transit: placements that may still arrive; banned_until_ns: as
    told to the engine; streams: the two sockets; news: what tells of own orders; life: which process of ours
    asks; blackouts: how often the power failed; clock_wrong: signed requests are refused until the clock is
    measured; denied_until_ns, away_until_ns: for so long the key is refused, or the venue is not there.
    secret: what requests are signed with; nothing that is written or told may hold it.
    """

    def __init__(self, world: Clockwork, truth: Truth, luck: Luck, *, secret: bytes = b"") -> None:
        """Connect `world`'s engine with `truth`."""
        self.secret = secret
        self.world = world
        self.truth = truth
        self.luck = luck
        self.in_transit: dict[str, Place] = {}
        self.banned_until_ns = 0
        self.life = 0
        self.blackouts = 0
        self.clock_wrong = False
        self.denied_until_ns = 0
        self.away_until_ns = 0
        self.streams = Streams(world, truth, luck)
        self.news = NewsDesk(truth, luck, self.streams)
        self.reads = Reads(truth, luck, self.news.hidden)

    @property
    def faults(self) -> Faults:
        """What is in force now."""
        return self.luck.faults

    def way(self) -> int:
        """Return the time that one way takes now."""
        return self.luck.way(self.world.now_ns)

    def submit(self, command: VenueCommand) -> None:
        """Send a command, as a runtime does."""
        if isinstance(command, Connect):
            self.streams.connect(command.stream)
        elif self._is_turned_away(command) or self._is_refused_by_rate(command):
            return
        elif isinstance(command, Place):
            self._submit_place(command)
        elif isinstance(command, Cancel):
            self._submit_cancel(command)
        elif isinstance(command, MeasureClock):
            self.later(self.way(), self._measure)
        elif isinstance(command, SyncBook):
            self.streams.ask(command.symbol)
            self.later(self.way(), lambda: self.streams.sync(command.symbol))
        elif not self.luck.hits("read_silent"):
            if self.luck.hits("read_failed"):
                self.later(self.way(), lambda: self._fail(command))
            else:
                asked_ns = self.world.now_ns
                self.later(self.way(), lambda: self._read(command, asked_ns))
                self.answer(self.reads.rate_used(asked_ns))

    # ---- answers

    def answer(self, event: AnyEvent) -> None:
        """Answer the process that asked, one way from now."""
        self.answer_in(self.way(), event)

    def answer_in(self, delay_ns: int, event: AnyEvent) -> None:
        """Answer the process that asked."""
        self.later(delay_ns, lambda: self.world.deliver(event))

    def later(self, delay_ns: int, act: Callable[[], None]) -> None:
        """Do something later, unless the process that asked is gone then."""
        life = self.life
        self.world.after(delay_ns, lambda: act() if life == self.life else None)

    def _answer_all(self, delay_ns: int, events: Sequence[AnyEvent]) -> None:
        def tell() -> None:
            for event in events:
                self.world.deliver(event)

        self.later(delay_ns, tell)

    def _read(self, command: VenueCommand, asked_ns: int) -> None:
        self._answer_all(self.way(), self.reads.answer(command, now_ns=self.world.now_ns, asked_ns=asked_ns))

    def crash(self, *, machine: bool) -> None:
        """The process is gone: streams end, answers go nowhere; what left it may still arrive."""
        self.life += 1
        self.blackouts += machine
        for cid in list(self.in_transit):
            if machine or self.luck.random.random() < 0.5:
                del self.in_transit[cid]
        self.banned_until_ns = 0
        self.streams.crash()

    # ---- refusals of whole requests

    def _is_turned_away(self, command: VenueCommand) -> bool:
        now_ns = self.world.now_ns
        if now_ns < self.away_until_ns:
            self._turn_away(command, PlaceUnknown, "HTTP 503")
        elif now_ns < self.denied_until_ns and not isinstance(command, SyncBook):
            self._turn_away(command, AccessDenied, "the key was refused")
        elif self.clock_wrong and not isinstance(command, SyncBook | MeasureClock):
            self._turn_away(command, ClockDoubted, "timestamp outside the window")
        else:
            return False
        return True

    def _turn_away(self, command: VenueCommand, said: type[AnyEvent], reason: str) -> None:
        def tell() -> None:
            deliver = self.world.deliver
            if said is ClockDoubted:
                deliver(ClockDoubted(ts_ns=0))
            elif said is AccessDenied:
                deliver(AccessDenied(ts_ns=0, code=NO_ACCESS, reason=reason))
            if isinstance(command, Place):
                if said is PlaceUnknown:
                    deliver(PlaceUnknown(ts_ns=0, cid=command.cid, cause=reason))
                else:
                    code = CLOCK_CODE if said is ClockDoubted else NO_ACCESS
                    deliver(OrderRejected(ts_ns=0, cid=command.cid, code=code, reason=reason))
            elif isinstance(command, Cancel):
                deliver(CancelUnknown(ts_ns=0, cid=command.cid, cause=reason))
            else:
                self._fail(command)

        self.later(2 * self.way(), tell)

    def _is_refused_by_rate(self, command: VenueCommand) -> bool:
        luck = self.luck
        banned = luck.hits("ban")
        if not banned and not luck.hits("throttle"):
            return False
        until_ns = self.world.now_ns + luck.between(200, luck.faults.wait_ms)

        def tell() -> None:
            deliver = self.world.deliver
            if banned:
                self.banned_until_ns = max(self.banned_until_ns, until_ns)
            deliver(Throttled(ts_ns=0, until_ns=until_ns, banned=banned))
            match command:
                case Place():
                    reason = "too many requests"
                    deliver(OrderRejected(ts_ns=0, cid=command.cid, code=BUSY, reason=reason))
                case Cancel():
                    deliver(CancelUnknown(ts_ns=0, cid=command.cid, cause="too many requests"))
                case _:
                    self._fail(command)

        self.later(self.way(), tell)
        return True

    def _fail(self, command: VenueCommand) -> None:
        subject: str = getattr(command, "cid", getattr(command, "symbol", ""))
        what = type(command).__name__
        self.world.deliver(RequestFailed(ts_ns=0, what=what, subject=subject, reason="simulated failure"))

    def _measure(self) -> None:
        if self.luck.hits("read_failed"):
            self._fail(MeasureClock())
            return
        self.clock_wrong = False
        self.answer(ClockMeasured(ts_ns=0, offset_ns=0, round_trip_ns=1))

    # ---- placements

    def _submit_place(self, place: Place) -> None:
        luck, cid = self.luck, place.cid
        if luck.hits("place_lost"):
            if luck.random.random() < 0.5:
                cause = "connection reset"
                self.answer_in(2 * self.way(), PlaceUnknown(ts_ns=0, cid=cid, cause=cause))
            return
        self.in_transit[cid] = place
        delay_ns = min(self.way(), REQUEST_LIFE_NS)
        if luck.hits("place_slow"):
            delay_ns = luck.between(500, REQUEST_LIFE_NS // MS)
            self.answer_in(REQUEST_LIFE_NS // 4, PlaceUnknown(ts_ns=0, cid=cid, cause="timed out"))
        self.world.after(delay_ns, lambda: self._place_arrives(place))
        if luck.hits("place_twice"):
            self.world.after(delay_ns + luck.between(0, 50), lambda: self._place_arrives_again(cid))

    def _place_arrives(self, place: Place) -> None:
        if self.in_transit.pop(place.cid, None) is None:
            return
        if self.luck.hits("reject"):
            reason = "simulated filter"
            self.answer(OrderRejected(ts_ns=0, cid=place.cid, code=-1013, reason=reason))
            return
        answer = self.truth.place(self.world.now_ns, place)
        self.world.truth_changed()
        self.news.tell()
        if answer.kind == "rejected":
            refused = OrderRejected(
                ts_ns=0,
                cid=place.cid,
                code=-2010,
                reason=answer.refusal,
                crossed=answer.crossed,
                funds=answer.funds,
            )
            self.answer(refused)
        elif answer.kind == "duplicate":
            self.answer(PlaceUnknown(ts_ns=0, cid=place.cid, cause="duplicate", duplicate=True))
        else:
            self._answer_placed(place, answer)

    def _place_arrives_again(self, cid: str) -> None:
        # Two requests, one answer each: this one's may be the first to come.
        if cid in self.truth.orders:
            self.answer_in(MS, PlaceUnknown(ts_ns=0, cid=cid, cause="duplicate", duplicate=True))

    def _answer_placed(self, place: Place, answer: Answer) -> None:
        luck, order = self.luck, answer.order
        assert order is not None
        if place.cid in self.news.hidden or luck.hits("place_unanswered"):
            return
        if luck.hits("place_unknown"):
            self.answer_in(self.way() * 3, PlaceUnknown(ts_ns=0, cid=place.cid, cause="HTTP 504"))
            return
        delay_ns = luck.between(1_000, 8_000) if luck.hits("place_late") else self.way()
        if luck.hits("mismatch"):
            detail = "simulated: selfTradePreventionMode"
            self.answer_in(delay_ns, AckMismatch(ts_ns=0, cid=place.cid, detail=detail))
        told = self._told(order, answer)
        if luck.hits("wrong_ack"):
            first = told[0]
            assert isinstance(first, OrderAcked)
            told[0] = msgspec.structs.replace(first, price_ticks=first.price_ticks + 1)
        if luck.hits("reject_after_ack"):
            refused = OrderRejected(ts_ns=0, cid=place.cid, code=-1013, reason="simulated: after all not")
            self.answer_in(delay_ns + luck.between(1, 3_000), refused)
        self._answer_all(delay_ns, told)

    def _told(self, order: TrueOrder, answer: Answer) -> list[AnyEvent]:
        told: list[AnyEvent] = [acked(order, Source.ANSWER)]
        told.extend(filled(fill, Source.ANSWER) for fill in answer.fills)
        if answer.kind == "done" and order.left_lots > 0:
            expired = OrderExpired(
                ts_ns=0,
                cid=order.cid,
                cum_lots=order.cum_lots,
                prevented=order.prevented,
                source=Source.ANSWER,
            )
            told.append(expired)
        return told

    # ---- cancels

    def _submit_cancel(self, command: Cancel) -> None:
        luck, cid = self.luck, command.cid
        if luck.hits("cancel_unsent"):
            self.answer_in(MS, CancelUnknown(ts_ns=0, cid=cid, cause="not connected", sent=False))
        elif luck.hits("cancel_lost"):
            if luck.random.random() < 0.5:
                self.answer_in(self.way() * 3, CancelUnknown(ts_ns=0, cid=cid, cause="timed out"))
        else:
            self.world.after(self.way(), lambda: self._cancel_arrives(command))

    def _cancel_arrives(self, command: Cancel) -> None:
        luck, cid = self.luck, command.cid
        if cid in self.news.hidden or (cid in self.truth.live and luck.hits("gone_while_open")):
            if luck.random.random() < 0.5:
                self.answer(CancelRejected(ts_ns=0, cid=cid, code=NO_SUCH))
            return
        order = self.truth.cancel(self.world.now_ns, cid)
        stated = 0 if order is None or luck.hits("cancel_understated") else order.cum_lots
        self.world.truth_changed()
        self.news.tell(stated_lots={cid: stated})
        if luck.hits("cancel_unanswered"):
            return
        if luck.hits("cancel_unknown"):
            self.answer_in(self.way() * 3, CancelUnknown(ts_ns=0, cid=cid, cause="HTTP 504"))
        elif order is None or luck.hits("cancel_doubted"):
            self.answer(CancelRejected(ts_ns=0, cid=cid, code=NO_SUCH))
        else:
            said = -1 if luck.hits("cancel_unsaid") else stated
            self.answer(OrderCanceled(ts_ns=0, cid=cid, cum_lots=said, source=Source.ANSWER))

    # ---- what people and the venue do to the connections

    def drop(self, stream: Stream, *, silent: bool) -> bool:
        """End a stream, with or without a word; return whether it was up."""
        return self.streams.drop(stream, silent=silent)

    def go_away(self, for_ns: int) -> None:
        """The venue is not there for a while: sockets end, requests come back with 503."""
        self.away_until_ns = self.streams.away_until_ns = self.world.now_ns + for_ns
        for stream in Stream:
            self.streams.drop(stream, silent=False)

    def heal(self) -> None:
        """Everything that a fault left behind ends."""
        self.clock_wrong = False
        self.denied_until_ns = self.away_until_ns = self.streams.away_until_ns = 0
        self.luck.slow_until_ns = 0
