"""Normalised Parquet files of one market as a source: numbers become integers exactly, or not at all.

Columns: COLUMNS below; a row per level, trade or side of the best prices, those of a message with one `msg`,
in the order of receipt. exchange, symbol, type, tick_size and lot_size stand in the file's own metadata. Must
never round a number that is off the grid: that is an error with file and row. Import this module late.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from functools import cached_property
from hashlib import sha256
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from mm.domain.instrument import Instrument
from mm.domain.tape import DELTA, SNAPSHOT, TOP, TRADE, Chunk
from mm.domain.units import NS_PER_MS
from mm.errors import RecordingDamaged, RecordingUnusable
from mm.store.recordings.block_weave import BlockWeaver
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
    new_block,
    take_marks,
)
from mm.store.recordings.detailed import MARK, MARK_SCALE, Detailed
from mm.store.recordings.facts import Facts
from mm.store.recordings.marks import Marks
from mm.store.recordings.noted import GapNotes
from mm.store.recordings.pair import VENUES, Recorded, instrument_of
from mm.store.recordings.parquet_files import ParquetFile
from mm.store.recordings.raw.records import Market
from mm.store.recordings.raw_source import file_digest
from mm.store.recordings.source import CHUNK_ROWS, Source, SourceGap, check_span

if TYPE_CHECKING:
    from mm.store.recordings.parquet_files import Integers, Numbers

KINDS: Final = {"snapshot": SNAPSHOT, "diff": DELTA, "bbo": TOP, "trade": TRADE, "mark": MARK}
"""What a file calls a row, and its kind in a tape."""

MARKETS: Final = {"spot": Market.SPOT, "usdm": Market.LINEAR, "coinm": Market.INVERSE}
"""What a file's metadata call a market, up to the first dash (`usdm-perp`)."""

COLUMNS: Final = (
    "ts_exchange_ns",
    "ts_txn_ns",
    "ts_local_ns",
    "kind",
    "side",
    "price",
    "qty",
    "seq",
    "seq_first",
    "seq_prev",
    "msg",
)
"""What every file has."""

_KIND_SQL: Final = " ".join(
    ["case kind", *(f"when '{name}' then {kind}" for name, kind in KINDS.items()), "else 0 end"]
)
_WINDOW: Final = {
    **{name: f"{name}::bigint" for name in COLUMNS if name not in ("kind", "price", "qty")},
    "kind": f"({_KIND_SQL})::bigint",
    "price": "price::double",
    "qty": "qty::double",
}
_BAD_SQL: Final = (
    "not coalesce(isfinite(price::double) and price::double >= 0 and price::double < 1e15"
    " and isfinite(qty::double) and (qty::double >= 0 or kind = 'mark') and qty::double < 1e15, false)"
)
"""What no row may be: the funding rate of a mark alone can be below zero."""

_ASIDE_SQL: Final = (
    "not coalesce(side in (-1, 1) or (side = 0 and kind not in ('trade', 'bbo')), false)"
    " or (price = 0 and qty > 0 and kind <> 'mark')"
)
"""Nor this: a side is 1 (bid, buyer) or -1; a message about the book without a level has 0, and no price."""

_FIRST_NS: Final = 10**18
_LAST_NS: Final = 4 * 10**18
"""Local times, 2001 to 2096: what lies outside is in another unit."""

_SIGNED: Final = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")
_INTEGERS: Final = (*_SIGNED, *(f"U{name}" for name in _SIGNED))

_AMOUNT_END: Final = 1e15
_EXACT_MAX: Final = float(2**52)
_GRID_ERROR: Final = 1e-4


class NormalisedSource:
    """Files of one market, in the order of their time. Implements `Source`. Fields: paths; market."""

    controls = False

    def __init__(self, paths: Sequence[Path], facts: Facts) -> None:
        """Look at what the files say of themselves. Raises: RecordingUnusable, ConfigError."""
        self.paths = tuple(paths)
        self._files = [_opened(path) for path in paths]
        told = [_told(file) for file in self._files]
        for path, one in zip(paths, told, strict=True):
            if one[:4] != told[0][:4]:
                raise RecordingUnusable(
                    f"{path}: is of {_words(one)}, after {_words(told[0])}",
                    hint="files of one market with one grid are expected",
                )
        symbol, market, tick, lot = told[0][:4]
        self.market = market
        self.venue = facts.venue or VENUES[market]
        price_max = max(one[4] for one in told)
        recorded = Recorded(str(paths[0]), symbol, market, tick, lot, price_max)
        self.instruments: tuple[Instrument, ...] = (instrument_of(recorded, facts),)
        self.symbols = (self.instruments[0].symbol,)
        self._notes = GapNotes(self.name)
        self.rows = sum(file.count for file in self._files)
        self.first_ns = int(str(self._files[0].value("min(ts_local_ns)")))
        self.last_ns = int(str(self._files[-1].value("max(ts_local_ns)")))

    @property
    def name(self) -> str:
        """What it is, for people."""
        return f"{', '.join(path.name for path in self.paths)} ({self.market.value})"

    @property
    def gaps(self) -> tuple[SourceGap, ...]:
        """Those of the rows that were read last."""
        return self._notes.gaps

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the files' bytes and of the instrument."""
        total = sha256(msgspec.json.encode(self.instruments[0]))
        for path in self.paths:
            total.update(bytes.fromhex(file_digest(path)))
        return total.hexdigest()

    def chunks(self, from_ns: int = 0, to_ns: int = 0) -> Iterator[Chunk]:
        """Yield the rows; see `Source.chunks`."""
        check_span(self, from_ns, to_ns)
        for detailed in self._notes.through(self._read(from_ns, to_ns, details=False)):
            yield detailed.chunk

    def detailed(self) -> Iterator[Detailed]:
        """Yield everything that the files hold, in order; see `Detailed`."""
        return self._read(0, 0, details=True)

    def marks(self) -> dict[str, Marks]:
        """Return the mark prices by symbol, where the files hold any. Raises: as `chunks`."""
        found = Marks()
        if any(file.value("count(*) filter (kind = 'mark')") for file in self._files):
            for block in self._blocks():
                take_marks(block, found)
        return {self.symbols[0]: found} if found else {}

    def _read(self, from_ns: int, to_ns: int, *, details: bool) -> Iterator[Detailed]:
        weaver = BlockWeaver(self.symbols[0], from_ns=from_ns, details=details)
        for block in self._blocks():
            if to_ns and block[TS_NS, -1] >= to_ns:
                yield from weaver.take(block[:, : int(np.searchsorted(block[TS_NS], to_ns))])
                break
            yield from weaver.take(block)
        yield from weaver.end()

    # Whole messages: what a window cuts off is put before the next one.
    def _blocks(self) -> Iterator["Integers"]:
        reading = _Reading(self.instruments[0])
        for file in self._files:
            rest = new_block(0)
            for begin, window in file.windows(CHUNK_ROWS, _WINDOW):
                block = np.concatenate((rest, reading.block(file, begin, window)), axis=1)
                whole = int(np.flatnonzero(block[LAST])[-1]) + 1 if block[LAST].any() else 0
                block, rest = block[:, :whole], block[:, whole:]
                if whole:
                    yield block
            if rest.shape[1]:
                rest[LAST, -1] = 1
                yield rest


class _Reading:
    # Windows become blocks; what the one before ended with is remembered.
    def __init__(self, instrument: Instrument) -> None:
        self._tick = instrument.tick_atoms / 10**instrument.quote_scale
        self._atoms = float(10**instrument.base_scale)
        self._last_ns = 0
        self._frames = 0

    def block(self, file: ParquetFile, begin: int, window: "dict[str, Numbers]") -> "Integers":
        columns = {
            name: column.astype(np.int64) for name, column in window.items() if column.dtype.kind == "i"
        }
        block = new_block(len(columns["kind"]))
        block[TS_NS], block[KIND], block[SIDE] = columns["ts_local_ns"], columns["kind"], columns["side"]
        self._check(file, begin, block)
        is_mark = block[KIND] == MARK
        scale = 10.0**MARK_SCALE
        price = np.where(is_mark, window["price"] * scale, window["price"] / self._tick)
        size = np.where(is_mark, window["qty"] * scale, window["qty"] * self._atoms)
        block[PRICE] = _exact(file, begin, "price", price, window["price"])
        block[SIZE] = _exact(file, begin, "qty", size, window["qty"])
        event_ms, txn_ms = columns["ts_exchange_ns"] // NS_PER_MS, columns["ts_txn_ns"] // NS_PER_MS
        is_diff, is_trade = block[KIND] == DELTA, block[KIND] == TRADE
        block[SEQ], block[EVENT_MS], block[TXN_MS] = columns["seq"], event_ms, txn_ms
        block[VENUE_MS] = np.where(is_diff, event_ms, 0)
        block[VENUE_MS][is_trade] = np.where(txn_ms > 0, txn_ms, event_ms)[is_trade]
        block[FIRST] = np.where(is_diff, columns["seq_first"], -1)
        block[PREVIOUS] = np.where(is_diff, columns["seq_prev"], -1)
        # A file's numbers count from its own beginning; those of several go on.
        block[FRAME] = columns["msg"] + self._frames
        following = file.count > begin + len(is_diff)
        same = block[FRAME, 1:] == block[FRAME, :-1]
        block[LAST, :-1] = ~same
        block[LAST, -1] = 0 if following else 1
        if following:
            (after,) = file.window(begin + len(is_diff), begin + len(is_diff) + 1, {"msg": "msg::bigint"})[
                "msg"
            ]
            block[LAST, -1] = int(after) + self._frames != block[FRAME, -1]
        else:
            self._frames = int(block[FRAME, -1]) + 1
        self._check_messages(file, begin, block)
        return block

    def _check(self, file: ParquetFile, begin: int, block: "Integers") -> None:
        if not block[KIND].all():
            row = begin + int(np.argmin(block[KIND] != 0))
            raise RecordingUnusable(f"{file.path}: row {row}: its kind is none of {', '.join(KINDS)}")
        steps = np.diff(block[TS_NS], prepend=self._last_ns)
        if (steps < 0).any():
            row = int(np.argmax(steps < 0))
            raise RecordingUnusable(
                f"{file.path}: row {begin + row}: local time goes back by {-int(steps[row])} ns",
                hint="sort the rows by ts_local_ns; name files of one market in the order of time",
            )
        self._last_ns = int(block[TS_NS, -1])

    @staticmethod
    def _check_messages(file: ParquetFile, begin: int, block: "Integers") -> None:
        is_top = block[KIND] == TOP
        wrong = is_top & (block[SIDE] != np.where(block[LAST] != 0, -1, 1))
        if wrong.any():
            row = begin + int(np.argmax(wrong))
            raise RecordingUnusable(f"{file.path}: row {row}: a bbo message is not one bid and one ask")
        inside = np.concatenate(([False], block[LAST, :-1] == 0))
        torn = inside & np.concatenate(([False], (np.diff(block[TS_NS]) != 0) | (np.diff(block[KIND]) != 0)))
        if torn.any():
            row = begin + int(np.argmax(torn))
            raise RecordingUnusable(f"{file.path}: row {row}: the rows of one message differ in time or kind")


def _exact(file: ParquetFile, begin: int, name: str, scaled: "Numbers", told: "Numbers") -> "Integers":
    near = np.rint(scaled)
    with np.errstate(invalid="ignore"):
        good = (np.abs(scaled - near) <= _GRID_ERROR + np.abs(scaled) * 1e-15) & (np.abs(near) < _EXACT_MAX)
        good &= (near >= 0) | (name == "qty")
    if not good.all():
        row = int(np.argmin(good))
        raise RecordingUnusable(
            f"{file.path}: row {begin + row}: {name} was {float(told[row])!r}, which is off the file's grid",
            hint="the tick_size of its metadata is another one than that of its rows"
            if name == "price"
            else "",
        )
    return near.astype(np.int64)


def _opened(path: Path) -> ParquetFile:
    file = ParquetFile(path)
    absent = [name for name in COLUMNS if name not in file.types]
    if absent:
        raise RecordingUnusable(
            f"{path}: wrong columns: {', '.join(absent)} missing",
            hint=f"a normalised file has {', '.join(COLUMNS)}",
        )
    for name in COLUMNS:
        kinds, words = _expected(name)
        if not file.types[name].startswith(kinds):
            raise RecordingUnusable(f"{path}: column {name} is {file.types[name]}, expected {words}")
    if not file.count:
        raise RecordingUnusable(f"{path}: empty", hint="name a file that holds rows")
    return file


def _expected(column: str) -> tuple[tuple[str, ...], str]:
    if column == "kind":
        return ("VARCHAR", "ENUM"), "text"
    if column in ("price", "qty"):
        return (*_INTEGERS, "FLOAT", "DOUBLE", "DECIMAL", "HUGEINT"), "numbers"
    return _INTEGERS, "whole numbers"


def _told(file: ParquetFile) -> tuple[str, Market, str, str, str]:
    facts = file.facts()
    named = facts.get("type", "").lower().partition("-")[0]
    if named not in MARKETS:
        raise RecordingUnusable(f"{file.path}: its metadata name no market that is known: {named or 'none'}")
    grid = []
    for key in ("tick_size", "lot_size"):
        try:
            grid.append(f"{Decimal(facts.get(key, '')):f}")
        except InvalidOperation:
            raise RecordingUnusable(f"{file.path}: its metadata tell no {key}") from None
    _check_numbers(file)
    price_max = Decimal(str(file.value("max(price) filter (kind <> 'mark')") or 0))
    return facts.get("symbol", "").upper(), MARKETS[named], grid[0], grid[1], f"{price_max:f}"


# Before anything is made of the file: what is no number, or below zero where nothing can be.
def _check_numbers(file: ParquetFile) -> None:
    found = file.first_row(_BAD_SQL, ("price", "qty", "kind"))
    if found is not None:
        row, (price, size, kind) = found
        name, value = ("qty", size) if _is_amount(price) else ("price", price)
        expected = "a number" if kind == "mark" and name == "qty" else "a number of at least 0, below 1e15"
        reason = "has no value" if value is None else f"was {value}, expected {expected}"
        raise _damaged(file, row, f"{name} {reason}")
    found = file.first_row(_ASIDE_SQL, ("side", "price", "kind"))
    if found is not None:
        row, (side, price, kind) = found
        raise _damaged(file, row, f"a {kind} of side {side} at price {price}, expected 1 or -1 and a price")
    out = f"not coalesce(ts_local_ns between {_FIRST_NS} and {_LAST_NS}, false)"
    found = file.first_row(out, ("ts_local_ns",))
    if found is not None:
        row, (ts_ns,) = found
        raise _damaged(file, row, f"ts_local_ns was {ts_ns}, expected nanoseconds since 1970")


def _damaged(file: ParquetFile, row: int, reason: str) -> RecordingDamaged:
    return RecordingDamaged(
        f"{file.path}: row {row}: {reason}",
        path=str(file.path),
        line=row,
        hint="write the file again; nothing was imported of it",
    )


def _is_amount(value: object) -> bool:
    return isinstance(value, (int, float, Decimal)) and isfinite(value) and 0 <= value < _AMOUNT_END


def _words(told: tuple[str, Market, str, str, str]) -> str:
    return f"{told[0]} ({told[1].value}) with tick {told[2]} and lot {told[3]}"


def normalised_sources(paths: Sequence[Path], facts: Facts) -> list[Source]:
    """Return a source per market of several files. Raises: RecordingUnusable, ConfigError."""
    groups: dict[tuple[str, str], list[Path]] = {}
    for path in paths:
        facts_told = ParquetFile(path).facts()
        groups.setdefault((facts_told.get("symbol", ""), facts_told.get("type", "")), []).append(path)
    return [NormalisedSource(group, facts) for group in groups.values()]
