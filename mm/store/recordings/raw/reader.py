"""The records of one market out of one or several files, in order of time, lazily.

Files follow each other as given; the book goes on from one to the next. Invariant: every record that is
yielded belongs to one symbol of one market, and local time never goes back.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from mm.errors import RecordingDamaged, RecordingUnusable
from mm.store.recordings.raw.decode import record_of
from mm.store.recordings.raw.lines import lines
from mm.store.recordings.raw.records import DepthDiff, Market, Other, Record


class Entry(NamedTuple):
    """A record and the file that it stands in."""

    path: Path
    record: Record

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        return f"{self.path}: line {self.record.line}, byte {self.record.offset}"


class _Order:
    # What every record is held against: those before it.
    def __init__(self, *, takes_inverse: bool) -> None:
        self.takes_inverse = takes_inverse
        self.last: Entry | None = None
        self.symbol = ""
        self.market: Market | None = None
        self.depth_stream = ""

    def check(self, entry: Entry) -> None:
        record = entry.record
        if self.last is not None and record.local_ns < self.last.record.local_ns:
            self._refuse_order(entry, self.last)
        if record.symbol and record.symbol != self.symbol:
            if self.symbol:
                raise RecordingUnusable(
                    f"{entry.place}: {record.symbol} after {self.symbol}, expected one symbol",
                    hint="split the recording into one file per symbol",
                )
            self.symbol = record.symbol
        if record.market is not None and record.market is not self.market:
            self._refuse_market(entry, record.market)
            self.market = record.market
        self.last = entry

    def _refuse_order(self, entry: Entry, last: Entry) -> None:
        if entry.path == last.path:
            raise RecordingUnusable(
                f"{entry.place}: local time goes back by {last.record.local_ns - entry.record.local_ns} ns",
                hint="sort the recording by its first column",
            )
        raise RecordingUnusable(
            f"{entry.path} begins before {last.path} ends: files overlap or are out of order",
            hint="name the files of one symbol in the order of their time",
        )

    def _refuse_market(self, entry: Entry, market: Market) -> None:
        if market is Market.INVERSE and not self.takes_inverse:
            raise RecordingUnusable(
                f"{entry.place}: a COIN-M contract is settled in its base asset and counted in contracts: "
                "it cannot be served as a spot market",
                hint="use a recording of spot or of USD-M",
            )
        if self.market is not None:
            raise RecordingUnusable(
                f"{entry.place}: a {market.value} frame after {self.market.value} ones, expected one market",
                hint="split the recording into one file per market",
            )

    # Of several depth streams of one symbol the first one seen is the book; another would only repeat it.
    def repeats(self, record: Record) -> bool:
        if not isinstance(record, DepthDiff):
            return False
        self.depth_stream = self.depth_stream or record.stream
        return record.stream != self.depth_stream


def records(paths: Sequence[Path], *, takes_inverse: bool = False) -> Iterator[Entry]:
    """Yield what the files hold, in order.

    Args: takes_inverse: COIN-M contracts are let pass, for a reader that only looks at them.
    Raises: RecordingDamaged where a line or a file cannot be read; RecordingUnusable if a file is empty or no
    recording, if there are two symbols or markets, an inverse contract, or times that go back.
    """
    order = _Order(takes_inverse=takes_inverse)
    for path in paths:
        is_first = True
        for line in lines(path):
            try:
                record = record_of(line)
            except ValueError as error:
                if is_first:
                    raise RecordingUnusable(
                        f"{path}: not a recording: {error}",
                        hint="expected lines of a local time and a frame of Binance, plain or gzip",
                    ) from None
                raise RecordingDamaged.at(
                    path, line=line.number, offset=line.offset, reason=str(error)
                ) from None
            is_first = False
            entry = Entry(path, record)
            order.check(entry)
            if order.repeats(record):
                entry = Entry(path, _as_other(record))
            yield entry
        if is_first:
            raise RecordingUnusable(f"{path}: empty", hint="name a file that holds frames")


def _as_other(record: Record) -> Other:
    assert isinstance(record, DepthDiff)
    return Other(
        local_ns=record.local_ns,
        line=record.line,
        offset=record.offset,
        data=record.data,
        symbol=record.symbol,
        market=record.market,
        venue_ms=record.venue_ms,
        stream=record.stream,
    )
