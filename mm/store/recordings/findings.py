"""What can be wrong with a recording, and the checks that find it, message by message.

Must never repair, nor judge what a recording cannot know: a slow line looks like a clock until it goes back.
Invariant: each finding has its place and is counted, also when it is no longer listed.
"""

from collections import deque
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import msgspec

from mm.domain.book import Book, BookStatus, Level
from mm.domain.events import BookLost
from mm.domain.tape import DELTA, KEYFRAME, ORDER, ORDERS, OTHER, SNAPSHOT, TOP, TRADE
from mm.domain.units import NS_PER_MS, NS_PER_S
from mm.store.recordings.detailed import KEPT_TRADE
from mm.store.recordings.located import Located, Place
from mm.store.recordings.losses import Loss, Losses
from mm.store.recordings.mark_watch import MarkFault, MarkWatch
from mm.store.recordings.plausible import is_far
from mm.store.recordings.totals import Totals

LISTED_MAX: Final = 100
"""Findings of one kind that are listed with their place; all are counted."""

STEP_NS: Final = 250 * NS_PER_MS
"""A shift between the receiver's clock and the venue's that is told, if it lasts."""

SETTLE_S: Final = 5
"""Seconds before and behind a moment over which the fastest delivery is compared."""

VENUE_BACK_MS: Final = 1_000
"""How far the venue's times may go back from one message to a later one: its streams are not in step."""


class Fault(StrEnum):
    """A kind of finding; the names are in reports and never change."""

    DAMAGED = "damaged"
    TORN = "torn"
    CHECKSUM = "checksum"
    GAP = "gap"
    DUPLICATE = "duplicate"
    NO_SNAPSHOT = "no_snapshot"
    GRID = "grid"
    MANIFEST = "manifest"
    MISSING_TRADES = "missing_trades"
    DUPLICATE_TRADE = "duplicate_trade"
    PRICE = "price"
    CROSSED_BOOK = "crossed_book"
    LOCAL_TIME_BACK = "local_time_back"
    VENUE_TIME_BACK = "venue_time_back"
    CLOCK_STEP = "clock_step"
    CANDLE_HOLE = "candle_hole"
    CANDLE_DIFFERS = "candle_differs"
    MARK = "mark"
    FUNDING = "funding"
    ACCOUNT_HOLE = "account_hole"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something wrong.

    Fields: file, row: where; ts_ns: local time, 0: not known; detail: in words; byte: where the record begins
    that is the row of a file of `mm record`, -1 in others.
    """

    fault: Fault
    file: str
    row: int
    ts_ns: int
    detail: str
    byte: int = -1


class Findings:
    """What was found. Fields: listed: in order; counts: of all, by kind."""

    def __init__(self) -> None:
        """Begin with nothing found."""
        self.listed: list[Finding] = []
        self.counts: dict[Fault, int] = {}

    def add(self, fault: Fault, place: Place, ts_ns: int, detail: str) -> None:
        """Note a finding."""
        self.counts[fault] = self.counts.get(fault, 0) + 1
        if self.counts[fault] <= LISTED_MAX:
            file, row = place
            self.listed.append(Finding(fault=fault, file=file, row=row, ts_ns=ts_ns, detail=detail))


class MarketChecks:
    """The checks of one market. Fields: totals: of what was seen; marks: its mark prices."""

    def __init__(self, findings: Findings, *, counts_trades: bool) -> None:
        """Begin. Args: counts_trades: its trades are numbered without holes."""
        self.totals = Totals()
        self.marks = MarkWatch()
        self._losses = Losses()
        self._findings = findings
        self._counts_trades = counts_trades
        self._book = Book()
        self._clocks = _Clocks(findings)
        self._last_ns = 0
        self._trade_id = -1
        self._crossed: tuple[Place, int] | None = None
        self._near_ticks = 0

    def take(self, told: Located) -> None:
        """Look at a message."""
        rows, event_ms, frame, place, other, _ = told
        ts_ns, kind, _, _, price_ticks, _, seq, _, _ = rows[0]
        if ts_ns < self._last_ns:
            detail = f"local time goes back by {self._last_ns - ts_ns} ns"
            self._findings.add(Fault.LOCAL_TIME_BACK, place, ts_ns, detail)
        self._last_ns = max(ts_ns, self._last_ns)
        self.totals.count(kind, frame)
        self._tell(self._losses.take(told))
        self._tell_marks(self.marks.take(told))
        if kind in (ORDER, ORDERS):
            return
        if kind == OTHER:
            if isinstance(other, BookLost):
                self._end_crossing(other.ts_ns)
                self._book.lose()
            return
        if event_ms:
            self._clocks.take(ts_ns, event_ms, place)
        if kind in (TRADE, KEPT_TRADE):
            self._trade(seq, place, ts_ns)
            if kind == TRADE:
                self._price(price_ticks, place, ts_ns)
        elif kind == TOP:
            bid, ask = price_ticks, rows[-1][4]
            self._near_ticks = bid or ask or self._near_ticks
            if bid and ask and bid >= ask:
                detail = f"best bid {bid} at or above best ask {ask}, in ticks"
                self._findings.add(Fault.CROSSED_BOOK, place, ts_ns, detail)
        elif kind in (SNAPSHOT, KEYFRAME, DELTA):
            self._depth(told)

    def end(self) -> None:
        """The recording ends."""
        self._end_crossing(self._last_ns)
        self._clocks.end()
        self._tell(self._losses.end(self._last_ns))
        self._tell_marks(self.marks.end(self._last_ns))

    def _trade(self, trade_id: int, place: Place, ts_ns: int) -> None:
        if self._trade_id >= 0:
            if trade_id <= self._trade_id:
                detail = f"trade {trade_id} after trade {self._trade_id}"
                self._findings.add(Fault.DUPLICATE_TRADE, place, ts_ns, detail)
            elif self._counts_trades and trade_id > self._trade_id + 1:
                detail = f"trades {self._trade_id + 1} to {trade_id - 1} are missing"
                self._findings.add(Fault.MISSING_TRADES, place, ts_ns, detail)
        self._trade_id = max(trade_id, self._trade_id)

    # The book says what a price is like, and the trade before where there is none: either may be wrong.
    def _price(self, price_ticks: int, place: Place, ts_ns: int) -> None:
        book = self._book
        near_ticks = self._near_ticks
        if book.status is BookStatus.IN_SYNC and (book.bid_ticks or book.ask_ticks):
            near_ticks = book.bid_ticks or book.ask_ticks
        if price_ticks <= 0:
            self._findings.add(Fault.PRICE, place, ts_ns, "a trade at no price above 0")
        elif near_ticks and is_far(price_ticks, near_ticks):
            detail = f"a trade at {price_ticks} beside {near_ticks}, in ticks: far off"
            self._findings.add(Fault.PRICE, place, ts_ns, detail)
        else:
            self._near_ticks = price_ticks

    def _tell_marks(self, faults: Iterable[MarkFault]) -> None:
        for one in faults:
            fault = Fault.FUNDING if one.is_funding else Fault.MARK
            self._findings.add(fault, one.place, one.ts_ns, one.words)

    # Of a lost book it is told how long it was gone: where that ends.
    def _tell(self, losses: Iterable[Loss]) -> None:
        for loss in losses:
            expected, _, found = loss.reason.removeprefix("gap: expected change ").partition(", got ")
            is_numbered = expected.isdecimal() and found.isdecimal()
            is_twice = is_numbered and int(found) < int(expected)
            fault = Fault.NO_SNAPSHOT if loss.is_opening else Fault.DUPLICATE if is_twice else Fault.GAP
            self._findings.add(fault, loss.place, loss.ts_ns, loss.words)

    def _depth(self, told: Located) -> None:
        rows, book = told.rows, self._book
        ts_ns, kind, _, _, _, _, seq, _, _ = rows[0]
        bids = [Level(row[4], row[5]) for row in rows if row[3] > 0]
        asks = [Level(row[4], row[5]) for row in rows if row[3] < 0]
        if kind == DELTA:
            book.apply_delta(ts_ns, seq, bids, asks)
        elif kind == SNAPSHOT or book.status is not BookStatus.IN_SYNC:
            book.apply_snapshot(ts_ns, seq, bids, asks)
        if book.status is BookStatus.IN_SYNC and book.is_crossed:
            self._crossed = self._crossed or (told.place, ts_ns)
        else:
            self._end_crossing(ts_ns)

    def _end_crossing(self, ts_ns: int) -> None:
        if self._crossed is not None:
            (place, began_ns), self._crossed = self._crossed, None
            detail = f"the best bid was at or above the best ask for {(ts_ns - began_ns) / NS_PER_S:.3f} s"
            self._findings.add(Fault.CROSSED_BOOK, place, began_ns, detail)


class _Second:
    # The fastest delivery of one second of local time, and where the second begins.
    __slots__ = ("lag_ns", "place", "second", "ts_ns")

    def __init__(self, second: int, place: Place, ts_ns: int, lag_ns: int) -> None:
        self.second, self.place, self.ts_ns, self.lag_ns = second, place, ts_ns, lag_ns


class _Clocks:
    # Two clocks against each other: the fastest deliveries of a few seconds show how they stand, whatever
    # the line does; a shift of that which lasts is a step of one of them.
    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._seconds: deque[_Second] = deque(maxlen=2 * SETTLE_S)
        self._most_ms = 0
        self._venue_back = False
        self._quiet = 0

    def take(self, ts_ns: int, event_ms: int, place: Place) -> None:
        if event_ms < self._most_ms - VENUE_BACK_MS:
            if not self._venue_back:
                detail = f"the venue's time goes back by {self._most_ms - event_ms} ms"
                self._findings.add(Fault.VENUE_TIME_BACK, place, ts_ns, detail)
            self._venue_back = True
            self._most_ms = event_ms
        else:
            self._venue_back = False
        self._most_ms = max(event_ms, self._most_ms)
        second, lag_ns = ts_ns // NS_PER_S, ts_ns - event_ms * NS_PER_MS
        seconds = self._seconds
        if seconds and seconds[-1].second == second:
            seconds[-1].lag_ns = min(lag_ns, seconds[-1].lag_ns)
            return
        self._judge()
        seconds.append(_Second(second, place, ts_ns, lag_ns))

    def end(self) -> None:
        self._judge()

    # Looks at the middle of what is kept.
    def _judge(self) -> None:
        self._quiet -= 1
        if len(self._seconds) < 2 * SETTLE_S or self._quiet > 0:
            return
        seconds = list(self._seconds)
        before = min(one.lag_ns for one in seconds[:SETTLE_S])
        behind = min(one.lag_ns for one in seconds[SETTLE_S:])
        shift_ns = behind - before
        if abs(shift_ns) < STEP_NS:
            return
        # The first second that is nearer to what comes than to what was.
        at = next(one for one in seconds[1:] if abs(one.lag_ns - behind) < abs(one.lag_ns - before))
        which = "forward or the venue's back" if shift_ns > 0 else "back or the venue's forward"
        detail = f"the receiver's clock went {which} by {abs(shift_ns) / NS_PER_S:.3f} s, or the line lasted"
        if shift_ns < 0:
            detail = detail.removesuffix(", or the line lasted")
        self._findings.add(Fault.CLOCK_STEP, at.place, at.ts_ns, detail)
        self._quiet = 2 * SETTLE_S
