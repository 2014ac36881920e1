"""What a recording is to those who replay it, whatever form it has; `opening` opens one.

Must never know a form. Invariant: a source can be read as often as asked for, and gives the same rows each
time.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Final, Protocol

from mm.domain.instrument import Instrument
from mm.domain.tape import Chunk
from mm.errors import ConfigError, RecordingUnusable
from mm.store.recordings.facts import Facts

CHUNK_ROWS: Final = 500_000
"""About so many rows are in memory together."""

KEYFRAME_NS: Final = 60 * 1_000_000_000
"""With the first message of each such stretch of local time the whole book is told before it."""


OPENING_NS: Final = 60 * 1_000_000_000
"""Longer than this no stream waits for the snapshot that it joins: a beginning without a book is a gap."""

UNJOINED: Final = "changes of the book, and no snapshot that they join"
"""Why there is no book in the beginning."""

DAYS_GONE: Final = "the store holds nothing of the days between this one and the one before it"
"""Why a book is lost behind days of an import that are not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceGap:
    """A stretch without a book that can be believed.

    Fields: symbol; from_ns: local time of the last change before it; to_ns: of the first one behind it, where
    the book is lost; until_ns: of the next whole book, 0: none comes before the data end, None: not known;
    place: file and row; reason: in words.
    """

    symbol: str
    from_ns: int
    to_ns: int
    place: str
    reason: str
    until_ns: int | None = None

    def end_ns(self, last_ns: int) -> int:
        """Return where it ends, as far as that is known. Args: last_ns: where the data end."""
        return self.to_ns if self.until_ns is None else self.until_ns or last_ns


class Source(Protocol):
    """A recording of one or several markets, as chunks of rows in the order of local time."""

    @property
    def name(self) -> str:
        """What it is, for people."""
        ...

    @property
    def venue(self) -> str:
        """Where it was recorded: binance, binanceusdm, binancecoinm, ...; "" if it does not tell."""
        ...

    @property
    def symbols(self) -> tuple[str, ...]:
        """Unified names of its markets, as `Chunk.symbols`."""
        ...

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """Of `symbols`, in that order: grid, and filters if they are known; without fees."""
        ...

    @property
    def first_ns(self) -> int:
        """Local time of the first message."""
        ...

    @property
    def last_ns(self) -> int:
        """Local time of the last message."""
        ...

    @property
    def rows(self) -> int:
        """About how many rows of the tape it has; 0 if that is not known before it is read."""
        ...

    @property
    def controls(self) -> bool:
        """Whether it is of a run that holds what its streams and clocks told, and when: then nothing that a
        venue answers (streams up, whole books, clock offsets) has to be made up.
        """
        ...

    @property
    def digest(self) -> str:
        """SHA-256 in hexadecimal of what it holds and of the grid that it is read on."""
        ...

    @property
    def gaps(self) -> tuple[SourceGap, ...]:
        """Gaps, in order; in the rows each is a lost book. Those that only reading can find are known of the
        rows that were read last.
        """
        ...

    def chunks(self, from_ns: int = 0, to_ns: int = 0) -> Iterator[Chunk]:
        """Yield the rows, about CHUNK_ROWS at a time, whole messages.

        Args: from_ns: local time; reading begins at the last keyframe at or before it, so that the book is
        there; earlier if there is none; 0: at the beginning. to_ns: first time that is not read any more; 0:
        to the end.
        Raises: RecordingDamaged, RecordingUnusable where it cannot be read on.
        """
        ...


def check_facts(name: str, instruments: Iterable[Instrument], facts: Facts) -> None:
    """Raise ConfigError where somebody says something else of a recording that says its pair and grid itself.

    Args: name: of the recording, for people.
    """
    for one in instruments:
        for asked, has in ((facts.tick_size, one.price_text(1)), (facts.lot_size, one.size_text(1))):
            if asked is not None and asked != Decimal(has):
                raise ConfigError(
                    f"{name}: {one.symbol} was recorded on a grid of {has}, not of {asked}",
                    hint="leave --tick and --lot out: the recording says them",
                )
        for asset, its in ((facts.base, one.base), (facts.quote, one.quote)):
            if asset is not None and asset.upper() != its:
                raise ConfigError(
                    f"{name}: was recorded as {one.symbol}, not with {asset}",
                    hint="leave --base and --quote out: the recording says them",
                )
    if facts.exchange_info is not None:
        raise ConfigError(
            f"{name}: says the venue's filters itself: {facts.exchange_info} would not count",
            hint="leave --info out, or import the raw files again with it",
        )


def check_span(source: Source, from_ns: int, to_ns: int) -> None:
    """Raise RecordingUnusable if a source has nothing between two local times; 0 stands for its own ends."""
    first_ns, last_ns = source.first_ns, source.last_ns
    if from_ns > last_ns or (to_ns and to_ns <= max(first_ns, from_ns)):
        raise RecordingUnusable(
            f"{source.name}: holds nothing from {from_ns or first_ns} to {to_ns or last_ns} ns",
            hint=f"it goes from {first_ns} to {last_ns} ns of local time",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What `open_source` is asked for. Fields: paths; symbols: unified names, empty: all; facts; progress: is
    told how many bytes of raw files are read, as they have to be before anything is known of them.
    """

    paths: tuple[Path, ...]
    symbols: tuple[str, ...] = ()
    facts: Facts = field(default_factory=Facts)
    progress: Callable[[int], object] | None = None
