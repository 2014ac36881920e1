"""Files of hftbacktest as a source: rows of one moment put together to messages, numbered here.

A row that clears says how far down the levels are gone; what lies beyond stays, as it does there. Files of
single orders are read by `npz_orders`. Must never guess a book that no snapshot began, nor one of single
orders and of levels at once. Invariant: a file that was made here gives back the rows it was made of.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from mm.domain.tape import DELTA, SNAPSHOT, TOP, TRADE
from mm.errors import ConfigError, RecordingUnusable
from mm.store.recordings.facts import Facts
from mm.store.recordings.foreign.base import (
    CLEARED,
    LOST,
    NUMBER_HERE,
    ForeignMessage,
    ForeignSeen,
    ForeignSource,
)
from mm.store.recordings.foreign.npz_form import (
    CANCEL_ORDER_EVENT,
    DEPTH_BBO_EVENT,
    DEPTH_CLEAR_EVENT,
    DEPTH_EVENT,
    DEPTH_SNAPSHOT_EVENT,
    FILL_EVENT,
    GONE_AGAIN_EVENT,
    LOST_HERE,
    ORDER_EVENTS,
    TRADE_EVENT,
    NpzDecoder,
    NpzFile,
    NpzRow,
    NpzScale,
    venue_ms_of,
)
from mm.store.recordings.foreign.npz_orders import OrderKeeper
from mm.store.recordings.raw.records import Market

_SCAN_UNIT: Final = 10**8
_FAR: Final = 2**62
"""A price beyond every price."""


class HftbacktestSource(ForeignSource):
    """Files of one market, in the order of their time; the first may be the snapshot to begin with."""

    def __init__(self, paths: Sequence[Path], facts: Facts) -> None:
        """Read the files to their end once. Raises: RecordingUnusable, RecordingDamaged, ConfigError."""
        self._files = [NpzFile(path) for path in paths]
        self._ours = [file.facts for file in self._files if file.facts is not None]
        if self._ours and len(self._ours) < len(self._files):
            raise RecordingUnusable(f"{paths[0]}: files made by mm and by others cannot follow each other")
        seen = self._scan()
        if self._ours:
            instrument = self._ours[0].instrument
            seen.market = Market(self._ours[0].market)
            if any(one.instrument != instrument for one in self._ours):
                raise RecordingUnusable(f"{paths[0]}: the files are of two instruments, or of two grids")
        else:
            if facts.base is None or facts.quote is None:
                raise ConfigError(
                    f"{paths[0]}: a file of hftbacktest names no symbol",
                    hint="name it: --base BTC --quote USDT",
                )
            instrument = seen.instrument(paths, facts)
        super().__init__(paths, seen, facts, instrument)
        if self._ours:
            self.doubts = ()

    def messages(self) -> Iterator[ForeignMessage]:
        """Yield what the files tell, in order."""
        one = self.instruments[0]
        prices = NpzScale(10**one.quote_scale, one.tick_atoms)
        early: list[ForeignMessage] = []
        keeper = OrderKeeper(fills_print=not self.seen.trades)
        for number, file in enumerate(self._files):
            rows = NpzDecoder(file, prices, NpzScale(10**one.base_scale, 1)).rows()
            told = keeper.messages(file, number, rows) if self.seen.orders else _Grouping(file).messages(rows)
            for message in told:
                if not message.ts_ns:
                    early.append(
                        message
                    )  # a snapshot to begin with bears no time: it takes that of what follows
                    continue
                for one_early in early:
                    yield one_early._replace(ts_ns=message.ts_ns)
                early.clear()
                yield message

    def _scan(self) -> ForeignSeen:
        seen = ForeignSeen()
        unit = NpzScale(_SCAN_UNIT, 1)
        before: tuple[Path, int] | None = None
        for file in self._files:
            is_first = True
            for row in NpzDecoder(file, unit, unit).rows():
                if is_first and before is not None and row.local_ns and row.local_ns < before[1]:
                    raise RecordingUnusable(
                        f"{file.path} begins before {before[0]} ends: files overlap or are out of order",
                        hint="name the files in the order of their time, the snapshot to begin with first",
                    )
                is_first = is_first and not row.local_ns
                _count(seen, row, file)
                before = (file.path, row.local_ns)
        if not seen.last_ns:
            raise RecordingUnusable(f"{self._files[0].path}: holds no row for the local side")
        if seen.fills and not seen.orders:
            raise RecordingUnusable(
                f"{self._files[0].path}: holds trades of single orders and no order: no book can be built"
            )
        if seen.changes and not seen.snapshots:
            raise RecordingUnusable(
                f"{self._files[0].path}: holds changes of the book and no snapshot: no book can be built",
                hint="name the file of the initial snapshot before it",
            )
        return seen


def _count(seen: ForeignSeen, row: NpzRow, file: NpzFile) -> None:
    seen.rows += 1
    place = str(file.path), row.number
    if row.local_ns:
        seen.first_ns = seen.first_ns or row.local_ns
        seen.last_ns = row.local_ns
    if row.kind in ORDER_EVENTS or (row.kind == GONE_AGAIN_EVENT and file.facts is not None):
        _count_order(seen, row, file)
        return
    if row.kind == DEPTH_CLEAR_EVENT:
        return
    seen.prices.add_atoms(row.price, place)
    if row.kind == TRADE_EVENT:
        seen.trades += 1
        seen.sizes.add_atoms(row.size, place)
        return
    seen.depths.add_atoms(row.size, place)
    if row.kind == DEPTH_SNAPSHOT_EVENT:
        seen.snapshots += 1
    elif row.kind == DEPTH_EVENT:
        seen.changes += 1
    elif row.kind == DEPTH_BBO_EVENT:
        seen.tops += 1
    else:
        raise RecordingUnusable(
            f"{file.path}: row {row.number}: of kind {row.kind}, expected 1 to 5 or 10 to 13"
        )
    if seen.orders or seen.fills:
        raise _mixed(row, file)


def _count_order(seen: ForeignSeen, row: NpzRow, file: NpzFile) -> None:
    place = str(file.path), row.number
    if seen.snapshots or seen.changes or seen.tops:
        raise _mixed(row, file)
    if row.kind == FILL_EVENT:
        seen.fills += 1
        seen.sizes.add_atoms(row.size, place)
        return
    seen.orders += 1
    if row.kind != CANCEL_ORDER_EVENT:
        seen.prices.add_atoms(row.price, place)
        seen.depths.add_atoms(row.size, place)


def _mixed(row: NpzRow, file: NpzFile) -> RecordingUnusable:
    return RecordingUnusable(
        f"{file.path}: row {row.number}: levels and single orders stand in one recording; which book is meant"
        " is not told",
        hint="name files of one of them: those of single orders (level 3) tell more",
    )


_WHOLE: Final = (DEPTH_CLEAR_EVENT, DEPTH_SNAPSHOT_EVENT)


class _Grouping:
    # Rows of one moment and one kind are one message; each trade is one by itself.
    def __init__(self, file: NpzFile) -> None:
        self._file = file
        self._facts = file.facts
        self._lost = iter(file.facts.lost if file.facts is not None else ())
        self._bid, self._ask = (0, 0), (0, 0)

    def messages(self, rows: Iterator[NpzRow]) -> Iterator[ForeignMessage]:
        pending: list[NpzRow] = []
        for row in rows:
            if pending and not self._belongs(row, pending[-1]):
                yield self._message(pending)
                pending = []
            pending.append(row)
        if pending:
            yield self._message(pending)

    @staticmethod
    def _belongs(row: NpzRow, last: NpzRow) -> bool:
        if TRADE_EVENT in {row.kind, last.kind}:
            return False
        same_kind = row.kind == last.kind or (row.kind in _WHOLE and last.kind in _WHOLE)
        return same_kind and row[3:5] == last[3:5] and (row.ival, row.fval) == (last.ival, last.fval)

    def _message(self, rows: list[NpzRow]) -> ForeignMessage:
        first = rows[0]
        bids = tuple((row.price, row.size) for row in rows if row.side > 0 and row.kind != DEPTH_CLEAR_EVENT)
        asks = tuple((row.price, row.size) for row in rows if row.side < 0 and row.kind != DEPTH_CLEAR_EVENT)
        made = ForeignMessage(
            first.local_ns, DELTA, bids, asks, self._number(first), venue_ms=venue_ms_of(first, self._facts)
        )
        if first.kind == TRADE_EVENT:
            return self._trade(made, first)
        if first.kind == DEPTH_BBO_EVENT:
            # One without both sides leaves the other as it was.
            self._bid, self._ask = (bids or (self._bid,))[-1], (asks or (self._ask,))[-1]
            return made._replace(kind=TOP, bids=(self._bid,), asks=(self._ask,))
        if first.kind not in _WHOLE:
            return made
        return self._whole(made, rows)

    def _trade(self, made: ForeignMessage, row: NpzRow) -> ForeignMessage:
        level = ((row.price, row.size),)
        # Who took is not told of all trades: at or above the ask told last it was a buyer.
        is_buy = row.side > 0 or (not row.side and 0 < self._ask[0] <= row.price)
        return made._replace(kind=TRADE, bids=level if is_buy else (), asks=() if is_buy else level)

    def _whole(self, made: ForeignMessage, rows: list[NpzRow]) -> ForeignMessage:
        if self._facts is not None:
            if rows[0].fval == LOST_HERE:
                return made._replace(kind=LOST, reason=next(self._lost, "lost"))
            return made._replace(kind=SNAPSHOT)
        clears = [row for row in rows if row.kind == DEPTH_CLEAR_EVENT]
        if not clears:
            return made._replace(
                kind=CLEARED
            )  # levels set beside those that are there; without a book, a book
        cut_bid = min((row.price if row.cut else 0 for row in clears if row.side >= 0), default=None)
        cut_ask = max(
            (row.price if row.cut and row.side else _FAR for row in clears if row.side <= 0),
            default=None,
        )
        return made._replace(kind=CLEARED, cut_bid_ticks=cut_bid, cut_ask_ticks=cut_ask)

    def _number(self, row: NpzRow) -> int:
        return row.ival if self._facts is not None else NUMBER_HERE
