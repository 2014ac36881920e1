"""What a recording of one market is like: its span, its pace and bursts, its spread, its clocks, its gaps.

Reads a source once, whole. Must never judge: that is `mm data verify` and `mm viability`. Invariant: rates
are over local time, from the first message to the last.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from mm.domain.book import Book, Level
from mm.domain.events import BookLost
from mm.domain.instrument import Instrument
from mm.domain.tape import DELTA, KEYFRAME, ORDER, ORDERS, OTHER, SNAPSHOT, TOP, TRADE
from mm.domain.units import NS_PER_MS, NS_PER_S, short_text
from mm.store.recordings.detailed import KEPT, MARK_SCALE
from mm.store.recordings.grid import GridDoubt
from mm.store.recordings.located import Located, located
from mm.store.recordings.losses import Loss, Losses
from mm.store.recordings.mark_watch import MarkFault, MarkWatch
from mm.store.recordings.marks import FundingSeen
from mm.store.recordings.source import Source
from mm.store.recordings.totals import Totals

BURST_NS: Final = 100 * NS_PER_MS
"""Over how long the most messages are counted."""

LISTED_MAX: Final = 20
"""Gaps that are listed; all are counted."""

TELL_EVERY: Final = 4_096


@dataclass(slots=True, kw_only=True)
class Sheet:
    """What was found.

    Fields:
        first_ns, last_ns: local times. rows: of the tape, keyframes not among them; totals: of messages;
        counts: of those of the tape, by kind. doubts: of the grid, where few numbers make it.
        burst: most messages in 100 ms, burst_ns: their beginning. silence_ns: longest without a message,
        silent_ns: its beginning.
        traded_atoms: base atoms.
        spread_median_ticks: by time; spread_mean_ticks: by time; spread_one_ratio: share of the time at one
        tick; spread_max_ticks, spread_max_ns: the widest and when; 0 without a spread.
        lag_fastest_ns: local time less the venue's at the fastest delivery; lag_median_ns; None: not told.
        gap_count; gaps: place, local time and reason of the first ones.
        mark_silence_ns: longest time without a mark price, 0 if there are none; funding: times that passed,
        each with the last mark before it; faults: of the marks, place, local time and words of the first.
    """

    source: Source
    first_ns: int = 0
    last_ns: int = 0
    rows: int = 0
    totals: Totals = field(default_factory=Totals)
    counts: dict[str, int] = field(default_factory=dict)
    burst: int = 0
    burst_ns: int = 0
    silence_ns: int = 0
    silent_ns: int = 0
    traded_atoms: int = 0
    spread_median_ticks: int = 0
    spread_mean_ticks: float = 0.0
    spread_one_ratio: float = 0.0
    spread_max_ticks: int = 0
    spread_max_ns: int = 0
    lag_fastest_ns: int | None = None
    lag_median_ns: int | None = None
    gap_count: int = 0
    gaps: list[tuple[str, int, str]] = field(default_factory=list)
    mark_silence_ns: int = 0
    funding: list[FundingSeen] = field(default_factory=list)
    faults: list[tuple[str, int, str]] = field(default_factory=list)

    @property
    def instrument(self) -> Instrument:
        """Of its market."""
        return self.source.instruments[0]

    @property
    def messages(self) -> int:
        """Those of the tape."""
        return self.totals.messages

    @property
    def doubts(self) -> tuple[GridDoubt, ...]:
        """What the source tells of its grid."""
        return tuple(getattr(self.source, "doubts", ()))

    @property
    def duration_s(self) -> float:
        """From the first message to the last."""
        return (self.last_ns - self.first_ns) / NS_PER_S

    def per_s(self, count: int) -> float:
        """Return a count as a rate."""
        return count / self.duration_s if self.duration_s else 0.0

    def fields(self) -> dict[str, object]:
        """Return it for JSON."""
        one = self.instrument
        names = (
            "first_ns",
            "last_ns",
            "rows",
            "messages",
            "counts",
            "burst",
            "burst_ns",
            "silence_ns",
            "silent_ns",
            "spread_median_ticks",
            "spread_max_ticks",
            "spread_max_ns",
            "lag_fastest_ns",
            "lag_median_ns",
            "gap_count",
            "mark_silence_ns",
        )
        return {
            "name": self.source.name,
            "venue": self.source.venue,
            "symbol": one.symbol,
            "venue_symbol": one.venue_symbol,
            "tick_size": one.price_text(1),
            "lot_size": one.size_text(1),
            "digest": self.source.digest,
            "controls": self.source.controls,
            "duration_s": self.duration_s,
            "rows_per_s": self.per_s(self.rows),
            "messages_per_s": self.per_s(self.messages),
            "trades_per_min": 60 * self.per_s(self.counts.get("trades", 0)),
            "volume": short_text(self.traded_atoms, one.base_scale),
            "spread_mean_ticks": self.spread_mean_ticks,
            "spread_one_ratio": self.spread_one_ratio,
            **{name: getattr(self, name) for name in names},
            "totals": self.totals.as_dict(),
            "kept": self.totals.beside,
            "doubts": [msgspec.structs.asdict(doubt) for doubt in self.doubts],
            "marks": self.totals.marks,
            "funding_times": [
                {
                    "venue_ms": one.venue_ms,
                    "ts_ns": one.ts_ns,
                    "mark": short_text(one.mark.price, MARK_SCALE),
                    "rate": short_text(one.mark.rate, MARK_SCALE),
                    "stale_ms": one.stale_ms,
                }
                for one in self.funding
            ],
            "mark_faults": [
                {"place": place, "ts_ns": ts_ns, "reason": why} for place, ts_ns, why in self.faults
            ],
            "gaps": [{"place": place, "ts_ns": ts_ns, "reason": why} for place, ts_ns, why in self.gaps],
        }


_NAMES: Final = {SNAPSHOT: "snapshots", DELTA: "changes", TOP: "best prices", TRADE: "trades"}


def sheet_of(source: Source, progress: Callable[[int], object]) -> Sheet:
    """Read a source of one market and return what it is like.

    Args: progress: is told up to which local time it is read. Raises: what the source raises.
    """
    reading = _Reading(Sheet(source=source))
    for count, told in enumerate(located(source)):
        reading.take(told)
        if count % TELL_EVERY == 0:
            progress(told.rows[0][0])
    progress(source.last_ns)
    return reading.end()


class _Reading:
    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self._recent: deque[int] = deque()
        self._spreads: dict[int, int] = {}
        self._lags: dict[int, int] = {}
        self._spread, self._since_ns = 0, 0
        self._book = Book()
        self._losses = Losses()
        self._marks = MarkWatch()
        self._has_tops = False

    def take(self, told: Located) -> None:
        sheet, head = self._sheet, told.rows[0]
        ts_ns, kind = head[0], head[1]
        sheet.first_ns = sheet.first_ns or ts_ns
        if sheet.last_ns and ts_ns - sheet.last_ns > sheet.silence_ns:
            sheet.silence_ns, sheet.silent_ns = ts_ns - sheet.last_ns, sheet.last_ns
        sheet.last_ns = ts_ns
        sheet.totals.count(kind, told.frame)
        self._tell(self._losses.take(told))
        self._tell_marks(self._marks.take(told))
        if kind == OTHER:
            if isinstance(told.other, BookLost):
                self._book.lose()
                self._spread_now(told.other.ts_ns, 0)
            return
        if kind > KEPT or kind in (ORDER, ORDERS):
            return
        if kind in (SNAPSHOT, DELTA, KEYFRAME) and not self._has_tops:
            self._depth(told)
        if kind == KEYFRAME:
            return
        self._pace(ts_ns)
        sheet.rows += len(told.rows)
        name = _NAMES[kind]
        sheet.counts[name] = sheet.counts.get(name, 0) + 1
        if told.event_ms:
            lag_ms = (ts_ns - told.event_ms * NS_PER_MS) // NS_PER_MS
            self._lags[lag_ms] = self._lags.get(lag_ms, 0) + 1
            lag_ns = ts_ns - told.event_ms * NS_PER_MS
            sheet.lag_fastest_ns = min(
                lag_ns, lag_ns if sheet.lag_fastest_ns is None else sheet.lag_fastest_ns
            )
        if kind == TOP:
            self._has_tops = True
            bid, ask = head[4], told.rows[-1][4]
            self._spread_now(ts_ns, ask - bid if bid and ask else 0)
        elif kind == TRADE:
            sheet.traded_atoms += head[5]

    def end(self) -> Sheet:
        sheet = self._sheet
        self._spread_now(sheet.last_ns, 0)
        self._tell(self._losses.end(sheet.last_ns))
        self._tell_marks(self._marks.end(sheet.last_ns))
        sheet.funding = self._marks.funding
        sheet.mark_silence_ns = self._marks.silence_ns if self._marks.count else 0
        whole_ns = sum(self._spreads.values())
        if whole_ns:
            sheet.spread_mean_ticks = sum(ticks * ns for ticks, ns in self._spreads.items()) / whole_ns
            sheet.spread_one_ratio = self._spreads.get(1, 0) / whole_ns
            sheet.spread_median_ticks = _median(self._spreads)
        if self._lags:
            sheet.lag_median_ns = _median(self._lags) * NS_PER_MS
        return sheet

    def _tell(self, losses: Iterable[Loss]) -> None:
        for loss in losses:
            self._sheet.gap_count += 1
            if len(self._sheet.gaps) < LISTED_MAX:
                file, row = loss.place
                self._sheet.gaps.append((f"{file}: row {row}", loss.ts_ns, loss.words))

    def _tell_marks(self, faults: Iterable[MarkFault]) -> None:
        for one in faults:
            if len(self._sheet.faults) < LISTED_MAX:
                file, row = one.place
                self._sheet.faults.append((f"{file}: row {row}", one.ts_ns, one.words))

    def _pace(self, ts_ns: int) -> None:
        recent = self._recent
        recent.append(ts_ns)
        while recent[0] <= ts_ns - BURST_NS:
            recent.popleft()
        if len(recent) > self._sheet.burst:
            self._sheet.burst, self._sheet.burst_ns = len(recent), recent[0]

    # Of a recording without best prices the book tells them.
    def _depth(self, told: Located) -> None:
        rows, book = told.rows, self._book
        ts_ns, kind, _, _, _, _, seq, _, _ = rows[0]
        bids = [Level(row[4], row[5]) for row in rows if row[3] > 0]
        asks = [Level(row[4], row[5]) for row in rows if row[3] < 0]
        if kind == DELTA:
            book.apply_delta(ts_ns, seq, bids, asks)
        else:
            book.apply_snapshot(ts_ns, seq, bids, asks)
        if book.bid_ticks and book.ask_ticks:
            self._spread_now(ts_ns, book.ask_ticks - book.bid_ticks)

    def _spread_now(self, ts_ns: int, ticks: int) -> None:
        if self._spread > 0 and ts_ns > self._since_ns:
            self._spreads[self._spread] = self._spreads.get(self._spread, 0) + ts_ns - self._since_ns
        self._spread, self._since_ns = ticks, ts_ns
        if ticks > self._sheet.spread_max_ticks:
            self._sheet.spread_max_ticks, self._sheet.spread_max_ns = ticks, ts_ns


# By weight: the least value up to which at least half of it lies.
def _median(weights: dict[int, int]) -> int:
    half, so_far = sum(weights.values()) / 2, 0
    for value in sorted(weights):
        so_far += weights[value]
        if so_far >= half:
            return value
    raise AssertionError("a median was asked of nothing")
