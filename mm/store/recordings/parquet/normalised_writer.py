"""Writes a source of one market as one normalised Parquet file, as `normalised_source` reads them.

Prices and sizes become the numbers of 64 bits that are nearest to them, which lead back to the same integers.
Must never replace a file. Invariant: the rows are those that were received, in their order; what was made
here (keyframes) is left out. Import this module late: it needs NumPy.
"""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from mm.domain.instrument import Instrument
from mm.domain.tape import DELTA, KEYFRAME, ORDER, ORDERS, SNAPSHOT
from mm.domain.units import NS_PER_MS, short_text
from mm.errors import RecordingUnusable
from mm.store.recordings.blocks import (
    EVENT_MS,
    FIRST,
    FRAME,
    KIND,
    LAST,
    PREVIOUS,
    PRICE,
    SEQ,
    SIDE,
    SIZE,
    TS_NS,
    TXN_MS,
    VENUE_MS,
    block_of,
    plain_block,
)
from mm.store.recordings.detailed import KEPT, KEPT_DELTA, KEPT_SNAPSHOT, MADE_HERE, MARK, MARK_SCALE
from mm.store.recordings.pair import VENUES
from mm.store.recordings.parquet.normalised_source import COLUMNS, KINDS
from mm.store.recordings.parquet.writer import totals_of
from mm.store.recordings.parquet_files import join_parquet, write_parquet
from mm.store.recordings.raw.records import Market
from mm.store.recordings.source import Source
from mm.store.recordings.totals import Totals

if TYPE_CHECKING:
    from mm.store.recordings.parquet_files import Integers

_TYPES: Final = {Market.SPOT: "spot", Market.LINEAR: "usdm-perp", Market.INVERSE: "coinm-perp"}
_KIND_SQL: Final = " ".join(
    ["case kind", *(f"when {kind} then '{name}'" for name, kind in KINDS.items()), "end"]
)
_SQL: Final = {
    **{name: name for name in COLUMNS},
    "kind": _KIND_SQL,
    "side": "side::tinyint",
    "price": "price_atoms / price_scale::double",
    "qty": "qty_atoms / qty_scale::double",
    "msg": "msg::integer",
}
_NOT_HELD: Final = {ORDER: "changes of single orders beside the levels"}
_KEPT_AS: Final = {KEPT_DELTA: DELTA, KEPT_SNAPSHOT: SNAPSHOT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalised:
    """What was written. Fields: path; rows, frames: in it; totals: of what was read; left_out: what the
    form cannot hold, by kind.
    """

    path: Path
    rows: int
    frames: int
    totals: Totals
    left_out: dict[str, int]


def write_normalised(source: Source, path: Path, progress: Callable[[int], object]) -> Normalised:
    """Write a new file. Args: progress: is told up to which local time it is done.

    Raises: RecordingUnusable if the file is there, cannot be written, or the source holds several markets;
    what the source raises.
    """
    if path.exists():
        raise RecordingUnusable(f"{path}: is there already", hint="name a new file: nothing is written over")
    if len(source.symbols) != 1:
        raise RecordingUnusable(
            f"{source.name}: holds {', '.join(source.symbols)}", hint="convert one symbol at a time: --symbol"
        )
    writing = _Writing(source.instruments[0])
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
            pieces: list[Path] = []
            for block in _blocks(source, writing):
                pieces.append(Path(folder) / f"{len(pieces):06d}.parquet")
                writing.write(pieces[-1], block)
                progress(int(block[TS_NS, -1]))
            if not writing.rows:
                raise RecordingUnusable(f"{source.name}: holds nothing that a normalised file can hold")
            join_parquet(pieces, temporary, _facts(source))
        _put(temporary, path)
    except OSError as error:
        raise RecordingUnusable(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    return Normalised(
        path=path,
        rows=writing.rows,
        frames=writing.frames,
        totals=writing.totals,
        left_out=writing.left_out,
    )


# A file that came meanwhile is not replaced: a link is made or it fails.
def _put(temporary: Path, path: Path) -> None:
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise RecordingUnusable(f"{path}: is there already", hint="name a new file") from None


def _blocks(source: Source, writing: "_Writing") -> Iterator["Integers"]:
    tells, frames = getattr(source, "detailed", None), 0
    blocks: Iterator[Integers]
    if tells is not None:
        blocks = (block_of(detailed) for detailed in tells())
    else:
        blocks = (plain_block(chunk, 0) for chunk in source.chunks())
    for found in blocks:
        block = found if tells is not None else _numbered(found, frames)
        frames = max(frames, int(block[FRAME].max(initial=-1)) + 1)
        held = writing.held(block)
        if held.shape[1]:
            yield held


def _numbered(block: "Integers", frames: int) -> "Integers":
    block[FRAME, block[FRAME] != MADE_HERE] += frames
    return block


class _Writing:
    # Blocks become files; the last number of the book is remembered for sources that tell no others.
    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._previous = -1
        self.rows = self.frames = 0
        self.totals = Totals()
        self.left_out: dict[str, int] = {}

    def held(self, block: "Integers") -> "Integers":
        self.totals.add(totals_of(block[:, block[LAST] != 0]))
        kinds = block[KIND]
        for kept, kind in _KEPT_AS.items():
            kinds = np.where(kinds == kept, kind, kinds)
        is_held = np.isin(kinds, list(KINDS.values())) & (block[FRAME] != MADE_HERE)
        made_here = (block[KIND] == KEYFRAME) | (block[KIND] == ORDERS)
        for kind in np.unique(kinds[~is_held & ~made_here]).tolist():
            heads = (
                (kinds == kind) & ~is_held & np.concatenate(([True], block[FRAME, 1:] != block[FRAME, :-1]))
            )
            # Changes that are repeated behind their snapshot stand where they were received too.
            if kind not in KINDS.values():
                name = "not a trade" if kind > KEPT else _NOT_HELD.get(kind, "events that are no rows")
                self.left_out[name] = self.left_out.get(name, 0) + int(heads.sum())
        held = np.ascontiguousarray(block[:, is_held])
        held[KIND] = kinds[is_held]
        return held

    def write(self, path: Path, block: "Integers") -> None:
        one, kinds = self._instrument, block[KIND]
        is_mark, is_diff = kinds == MARK, kinds == DELTA
        first, previous = self._numbers(block)
        scale = 10**MARK_SCALE
        # A source without details tells the venue's time of a change or a trade, and no other.
        event_ms = np.where(block[EVENT_MS] > 0, block[EVENT_MS], block[VENUE_MS])
        columns = {
            "ts_exchange_ns": event_ms * NS_PER_MS,
            "ts_txn_ns": block[TXN_MS] * NS_PER_MS,
            "ts_local_ns": block[TS_NS],
            "kind": kinds,
            "side": block[SIDE],
            "price_atoms": np.where(is_mark, block[PRICE], block[PRICE] * one.tick_atoms),
            "price_scale": np.where(is_mark, scale, 10**one.quote_scale),
            "qty_atoms": block[SIZE],
            "qty_scale": np.where(is_mark, scale, 10**one.base_scale),
            "seq": block[SEQ],
            "seq_first": np.where(is_diff, first, block[SEQ]),
            "seq_prev": np.where(is_diff, previous, -1),
            "msg": block[FRAME],
        }
        write_parquet(path, columns, _SQL, {})
        self.rows += block.shape[1]
        self.frames += int((np.diff(block[FRAME], prepend=-1) != 0).sum())

    # Where a source does not tell which numbers a change holds, it begins behind the one before it.
    def _numbers(self, block: "Integers") -> tuple["Integers", "Integers"]:
        first, previous = block[FIRST], block[PREVIOUS]
        depth = np.flatnonzero((block[KIND] == DELTA) | (block[KIND] == SNAPSHOT))
        if not len(depth):
            return first, previous
        untold = (block[KIND] == DELTA) & (first < 0)
        if untold.any():
            seqs = block[SEQ, depth]
            new = np.concatenate(([True], np.diff(block[FRAME, depth]) != 0))
            ends = np.concatenate(([self._previous], seqs))[:-1]
            before = np.zeros(block.shape[1], dtype=np.int64)
            before[depth] = ends[np.flatnonzero(new)][np.cumsum(new) - 1]
            previous = np.where(untold, before, previous)
            first = np.where(untold, before + 1, first)
        self._previous = int(block[SEQ, depth[-1]])
        return first, previous


def _facts(source: Source) -> dict[str, str]:
    one = source.instruments[0]
    market = next((market for market, venue in VENUES.items() if venue == source.venue), Market.SPOT)
    return {
        "exchange": "binance" if source.venue in VENUES.values() else source.venue,
        "symbol": one.venue_symbol,
        "type": _TYPES[market],
        "tick_size": short_text(one.tick_atoms, one.quote_scale),
        "lot_size": short_text(one.lot_atoms, one.base_scale),
        "source": source.name,
    }
