"""Writes a market of a recording as a file that hftbacktest reads, and that gives back the same rows here.

The venue's times are shifted where they lie behind the local ones: no feed is faster than nothing. A row
whose order at the exchange is another than here is there twice, once for each side. Must never write over a
file. Needs NumPy: import this module late. Invariant: rows for the exchange are in the order of exch_ts,
those for the local side in the order of local_ts.
"""

import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
from numpy.lib import format as npy

from mm.domain.events import BookLost
from mm.domain.instrument import Instrument
from mm.domain.tape import DELTA, KEYFRAME, ORDER, OTHER, SNAPSHOT, TOP, TRADE, Chunk
from mm.domain.units import NS_PER_MS
from mm.errors import RecordingFailed, RecordingUnusable
from mm.store.recordings.foreign.npz_form import (
    BUY_EVENT,
    DATA_NAME,
    DEPTH_BBO_EVENT,
    DEPTH_CLEAR_EVENT,
    DEPTH_EVENT,
    DEPTH_SNAPSHOT_EVENT,
    EVENT_DTYPE,
    EXCH_EVENT,
    FACTS_NAME,
    LOCAL_EVENT,
    LOST_HERE,
    NO_TIME,
    SELL_EVENT,
    TRADE_EVENT,
    UNTIMED,
    NpzFacts,
    doubles_of,
)
from mm.store.recordings.foreign.npz_order_rows import OrderRows
from mm.store.recordings.orders import order_symbols_of
from mm.store.recordings.pair import VENUES
from mm.store.recordings.raw.records import Market
from mm.store.recordings.source import Source

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROWS_MAX: Final = 30_000_000
"""Rows of one file: they are sorted in memory, 64 bytes each and as much again."""

LATENCY_NS_MIN: Final = 1_000
"""The fastest delivery after the venue's times were shifted."""

_KINDS: Final = {DELTA: DEPTH_EVENT, TRADE: TRADE_EVENT, SNAPSHOT: DEPTH_SNAPSHOT_EVENT, TOP: DEPTH_BBO_EVENT}


@dataclass(frozen=True, slots=True, kw_only=True)
class NpzWritten:
    """What was written. Fields: rows; messages; exch_shift_ns: taken from the venue's times; left_out: events
    that the form cannot hold (streams, clocks); split_rows: that are there twice; orders: changes of single
    orders that are left out, where the levels alone are written.
    """

    rows: int
    messages: int
    exch_shift_ns: int
    left_out: int
    split_rows: int
    orders: int = 0


def write_hftbacktest(
    source: Source, path: Path, *, symbol: str = "", span: tuple[int, int] = (0, 0), levels: bool = False
) -> NpzWritten:
    """Write one market of a recording, by its single orders where they are told.

    Args: symbol: unified name, "": the only one; span: local times, from and to, as in `Source.chunks`;
    levels: the levels alone, whatever is told.
    Raises: RecordingUnusable if there are several markets, nothing, or more than ROWS_MAX rows, or levels
    among single orders; RecordingFailed if the file is there already or cannot be written.
    """
    if not symbol and len(source.symbols) != 1:
        raise RecordingUnusable(
            f"{source.name}: holds {', '.join(source.symbols)}", hint="name one: --symbol BTC/USDT"
        )
    market = source.symbols.index(symbol or source.symbols[0])
    if path.exists():
        raise RecordingFailed(f"{path}: is there already; nothing was written", hint="name another file")
    by_order = not levels and source.symbols[market] in order_symbols_of(source)
    made_of = source.instruments[market], market
    made: OrderRows | _Rows = OrderRows(*made_of) if by_order else _Rows(*made_of)
    for chunk in source.chunks(*span):
        made.take(chunk)
        if made.count > ROWS_MAX:
            raise RecordingUnusable(
                f"{source.name}: more than {ROWS_MAX} rows", hint="write it in parts: --from and --to"
            )
    if not made.count:
        raise RecordingUnusable(f"{source.name}: holds nothing of {source.symbols[market]}")
    rows, shift_ns = _timed(made.ended())
    ordered = _ordered(rows)
    kinds = {venue: kind for kind, venue in VENUES.items()}
    facts = NpzFacts(
        instrument=source.instruments[market],
        market=kinds.get(source.venue, Market.SPOT).value,
        exch_shift_ns=shift_ns,
        lost=tuple(made.lost),
    )
    _write(path, ordered, facts)
    return NpzWritten(
        rows=len(ordered),
        messages=made.messages,
        exch_shift_ns=shift_ns,
        left_out=made.left_out,
        split_rows=len(ordered) - len(rows),
        orders=made.orders,
    )


class _Rows:
    # The rows of one market, in the order of local time; `exch_ts` is the venue's time, NO_TIME without one.
    def __init__(self, instrument: Instrument, market: int) -> None:
        self.parts: list[NDArray[np.void]] = []
        self.lost: list[str] = []
        self.count = self.messages = self.left_out = self.orders = 0
        self._instrument = instrument
        self._market = market
        self._has_book = False
        # No level ever lay beyond these: what is cleared up to them is cleared whole.
        self._lowest = self._highest = 0

    def take(self, chunk: Chunk) -> None:
        columns = [np.asarray(column, dtype=np.int64) for column in chunk.columns]
        columns = self._without_orders(columns)
        kind, market, last = columns[1], columns[2], columns[8]
        whole = (kind == SNAPSHOT) | (kind == OTHER) | (kind == KEYFRAME)
        ends = np.flatnonzero(whole & (last == 1)) + 1
        at = 0
        for end in [*ends.tolist(), len(kind)]:
            # Up to here come plain messages, then one that replaces the book or is no row.
            begin = at + int(np.argmax(whole[at:end])) if whole[at:end].any() else end
            self._plain([column[at:begin] for column in columns])
            if begin < end:
                if kind[begin] == OTHER:
                    self._other(chunk, int(columns[6][begin]))
                elif market[begin] == self._market:
                    self._whole([column[begin:end] for column in columns])
            at = end

    def ended(self) -> "NDArray[np.void]":
        return np.concatenate(self.parts)

    # Levels are written; who made them is left out.
    def _without_orders(self, columns: "list[NDArray[np.int64]]") -> "list[NDArray[np.int64]]":
        is_order = columns[1] >= ORDER
        if not is_order.any():
            return columns
        mine = is_order & (columns[1] == ORDER) & (columns[2] == self._market)
        self.orders += int(columns[8][mine].sum())
        return [column[~is_order] for column in columns]

    def _plain(self, columns: "list[NDArray[np.int64]]") -> None:
        mine = columns[2] == self._market
        if mine.any():
            picked = [column[mine] for column in columns]
            events = np.zeros(len(picked[0]), dtype=np.uint64)
            for kind, event in _KINDS.items():
                events[picked[1] == kind] = event
            self._add(picked, events)

    def _whole(self, columns: "list[NDArray[np.int64]]") -> None:
        if columns[1][0] == KEYFRAME and self._has_book:
            return
        self._has_book = True
        self._clear(int(columns[0][0]), int(columns[6][0]), 0.0)
        levels = columns[3] != 0
        if levels.any():
            picked = [column[levels] for column in columns]
            self._add(picked, np.full(len(picked[0]), DEPTH_SNAPSHOT_EVENT, dtype=np.uint64))
        self.messages += not levels.any()

    def _other(self, chunk: Chunk, place: int) -> None:
        event = chunk.others[place]
        if isinstance(event, BookLost) and chunk.symbols.index(event.symbol) == self._market:
            self._has_book = False
            self.lost.append(event.reason)
            self.messages += 1
            self._clear(event.ts_ns, len(self.lost), LOST_HERE)
        else:
            self.left_out += 1

    def _clear(self, ts_ns: int, seq: int, mark: float) -> None:
        rows = np.zeros(2, dtype=EVENT_DTYPE)
        rows["ev"] = [DEPTH_CLEAR_EVENT | BUY_EVENT, DEPTH_CLEAR_EVENT | SELL_EVENT]
        rows["exch_ts"], rows["local_ts"] = NO_TIME, ts_ns
        rows["px"] = self._doubles(
            np.array([self._lowest, self._highest]) * self._instrument.tick_atoms,
            self._instrument.quote_scale,
        )
        rows["ival"], rows["fval"] = seq, mark or UNTIMED
        self._keep(rows)

    def _add(self, columns: "list[NDArray[np.int64]]", events: "NDArray[np.uint64]") -> None:
        ts_ns, _, _, side, price_ticks, size_atoms, seq, venue_ms, last = columns
        levels = side != 0
        if levels.any():
            lowest, highest = int(price_ticks[levels].min()), int(price_ticks[levels].max())
            self._lowest = min(self._lowest or lowest, lowest)
            self._highest = max(self._highest, highest)
        rows = np.zeros(len(ts_ns), dtype=EVENT_DTYPE)
        flags = np.where(side > 0, BUY_EVENT, np.where(side < 0, SELL_EVENT, 0)).astype(np.uint64)
        rows["ev"] = events | flags
        rows["exch_ts"] = np.where(venue_ms > 0, venue_ms * NS_PER_MS, NO_TIME)
        rows["local_ts"] = ts_ns
        rows["px"] = self._doubles(price_ticks * self._instrument.tick_atoms, self._instrument.quote_scale)
        rows["qty"] = self._doubles(size_atoms, self._instrument.base_scale)
        rows["ival"] = seq
        rows["fval"] = np.where(venue_ms > 0, 0.0, UNTIMED)
        self.messages += int(last.sum())
        self._keep(rows)

    def _doubles(self, atoms: "NDArray[np.int64]", scale: int) -> "NDArray[np.float64]":
        return doubles_of(atoms, scale, self._instrument.symbol)

    def _keep(self, rows: "NDArray[np.void]") -> None:
        rows["ev"] |= np.uint64(LOCAL_EVENT | EXCH_EVENT)
        self.parts.append(rows)
        self.count += len(rows)


# Without a time of its own a message happened at the newest time that the venue had told by then.
def _timed(rows: "NDArray[np.void]") -> "tuple[NDArray[np.void], int]":
    exch, local = rows["exch_ts"], rows["local_ts"]
    told = exch != NO_TIME
    shift_ns = 0
    if told.any():
        shift_ns = max(0, int((exch[told] - local[told]).max()) + LATENCY_NS_MIN)
    newest = np.maximum.accumulate(np.where(told, exch - shift_ns, NO_TIME))
    rows["exch_ts"] = np.where(
        told, exch - shift_ns, np.where(newest == NO_TIME, local - LATENCY_NS_MIN, newest)
    )
    return rows, shift_ns


# Rows that overtake others on their way are there once for the exchange, in its order, and once for the local
# side; between two rows that overtake nothing, both orders begin and end together.
def _ordered(rows: "NDArray[np.void]") -> "NDArray[np.void]":
    exch = rows["exch_ts"]
    before = np.maximum.accumulate(exch)
    after = np.minimum.accumulate(exch[::-1])[::-1]
    in_order = (before == exch) & (after == exch)
    if in_order.all():
        return rows
    place = np.cumsum(in_order)
    late = np.flatnonzero(~in_order)
    there, here = rows[late], rows[late]
    there["ev"] &= np.uint64(~LOCAL_EVENT & 0xFFFFFFFF)
    here["ev"] &= np.uint64(~EXCH_EVENT & 0xFFFFFFFF)
    kept = np.flatnonzero(in_order)
    whole = np.concatenate((rows[kept], there, here))
    first = np.concatenate((place[kept], place[late], place[late]))
    second = np.repeat([0, 1, 2], [len(kept), len(late), len(late)])
    third = np.concatenate((kept, exch[late], late))
    fourth = np.concatenate((kept, late, late))
    result: NDArray[np.void] = whole[np.lexsort((fourth, third, second, first))]
    return result


def _write(path: Path, rows: "NDArray[np.void]", facts: NpzFacts) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with zipfile.ZipFile(draft, "x", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            with archive.open(DATA_NAME, "w", force_zip64=True) as file:
                npy.write_array(file, rows, version=(1, 0), allow_pickle=False)
            archive.writestr(FACTS_NAME, msgspec.json.encode(facts))
        with draft.open("rb") as written:
            os.fsync(written.fileno())
        os.link(draft, path)  # unlike a rename it never takes the place of another
    except FileExistsError:
        raise RecordingFailed(f"{path}: is there already; nothing was written") from None
    except OSError as error:
        raise RecordingFailed(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        draft.unlink(missing_ok=True)
