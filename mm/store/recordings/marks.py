"""Mark prices with their funding rates, as a series beside a recording, and the funding times in it.

The engine never hears of them: they say what a position of a perpetual contract pays. Must never make a mark
up. Invariant: a funding time counts once, however often it is announced, with the last mark that was told for
it before it came.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple, cast

from mm.domain.tape import rows
from mm.domain.units import NS_PER_MS, atoms_from_text
from mm.store.recordings.detailed import MARK_SCALE
from mm.store.recordings.raw.records import MarkUpdate
from mm.store.recordings.source import Source

STALE_MS: Final = 10_000
"""A mark that is older than this at its funding time is stale: venues tell one each second or three."""

LAG_ROWS: Final = 20_000
"""So many rows show how the receiver's clock stands to the venue's."""


class Marked(NamedTuple):
    """One mark. Fields: ts_ns: local time; event_ms: the venue's; price, rate: in 10^-8; next_ms: time of the
    next funding by the venue's clock, 0 if it is never.
    """

    ts_ns: int
    event_ms: int
    price: int
    rate: int
    next_ms: int


class FundingSeen(NamedTuple):
    """A funding time that marks announced. Fields: venue_ms: when it was, by the venue's clock; ts_ns: the
    same in local time; mark: the last one before it.
    """

    venue_ms: int
    ts_ns: int
    mark: Marked

    @property
    def stale_ms(self) -> int:
        """How long before the funding time the mark was told."""
        return self.venue_ms - self.mark.event_ms

    @property
    def is_stale(self) -> bool:
        """Whether that is so long that the price at the funding time is not known."""
        return self.stale_ms > STALE_MS


class Marks:
    """The marks of one market, in order of local time."""

    def __init__(self, marks: Iterable[Marked] = ()) -> None:
        """Begin with those."""
        self._columns = tuple(array("q") for _ in Marked._fields)
        for mark in marks:
            self.add(mark)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._columns[0])

    def __iter__(self) -> Iterator[Marked]:
        """Yield them in order."""
        return map(Marked._make, zip(*self._columns, strict=True))

    def add(self, mark: Marked) -> None:
        """Take in the next one."""
        for column, value in zip(self._columns, mark, strict=True):
            column.append(value)

    def before(self, venue_ms: int) -> Marked | None:
        """Return the last one up to a time of the venue's clock, None if there is none."""
        found = None
        for mark in self:
            if mark.event_ms <= venue_ms:
                found = mark
        return found

    def funding_times(self, last_ns: int) -> list[FundingSeen]:
        """Return the funding times up to the end of the data, in order. Args: last_ns: that, local time."""
        clock = FundingClock()
        found = [one for one in map(clock.take, self) if one is not None]
        last = clock.end(last_ns)
        return found if last is None else [*found, last]


class FundingClock:
    """Says of marks, one after the other, which funding times they pass."""

    def __init__(self) -> None:
        """Begin before any mark."""
        self._announced: Marked | None = None
        self._done_ms = 0

    def take(self, mark: Marked) -> FundingSeen | None:
        """Return the funding time that is over with a mark, None mostly.

        A venue that puts the next one off long before it comes is taken at its word; one that names the one
        behind it shortly before it comes has passed it.
        """
        told, passed = self._announced, None
        if told is not None:
            due_ms = told.next_ms
            if mark.event_ms > due_ms or (mark.next_ms > due_ms and mark.event_ms >= due_ms - STALE_MS):
                passed = self._pass(told)
        if mark.next_ms > self._done_ms and mark.event_ms <= mark.next_ms:
            self._announced = mark
        return passed

    def end(self, last_ns: int) -> FundingSeen | None:
        """Return the funding time that is over when the data end. Args: last_ns: that, local time."""
        told = self._announced
        if told is None or _local_ns(told.next_ms, told) > last_ns:
            return None
        return self._pass(told)

    def _pass(self, told: Marked) -> FundingSeen:
        self._announced, self._done_ms = None, told.next_ms
        return FundingSeen(told.next_ms, _local_ns(told.next_ms, told), told)


def mark_numbers(record: MarkUpdate) -> tuple[int, int]:
    """Return price and rate of a record in 10^-8; raises ValueError if one is too large for an integer."""
    return atoms_from_text(record.price, MARK_SCALE), atoms_from_text(record.rate, MARK_SCALE)


def marked_of(record: MarkUpdate) -> Marked:
    """Return what a record says; raises ValueError as `mark_numbers`."""
    return Marked(record.local_ns, record.venue_ms, *mark_numbers(record), record.next_ms)


def marks_of(source: Source) -> dict[str, Marks]:
    """Return the marks of a source by symbol; none of a form that cannot hold any."""
    tells = cast("Callable[[], Mapping[str, Marks]] | None", getattr(source, "marks", None))
    return {} if tells is None else dict(tells())


def venue_of(source: Source, symbol: str) -> str:
    """Return where a symbol of a source was recorded, as `Source.venue`."""
    tells = cast("Callable[[str], str] | None", getattr(source, "venue_of", None))
    return source.venue if tells is None else tells(symbol)


def lag_ns(source: Source, symbol: str) -> int:
    """Return local time less the venue's at the fastest of the first deliveries of a market; 0: not told."""
    market, fastest = source.symbols.index(symbol), None
    for chunk in source.chunks():
        for row in rows(chunk, 0, min(chunk.rows, LAG_ROWS)):
            if row[7] and row[2] == market:
                late_ns = row[0] - row[7] * NS_PER_MS
                fastest = late_ns if fastest is None else min(fastest, late_ns)
        break
    return fastest or 0


def _local_ns(venue_ms: int, told: Marked) -> int:
    return venue_ms * NS_PER_MS + told.ts_ns - told.event_ms * NS_PER_MS
