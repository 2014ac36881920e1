"""Rows of a tape with their details as one array of NumPy, a line per column: cut, put together, keyed.

For forms that are read in bulk. Must never look at single rows with Python. Invariant: a block begins and
ends with whole messages. Import this module late: it needs NumPy.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from mm.domain.book import LEVELS_MAX
from mm.domain.events import AnyEvent
from mm.domain.tape import DELTA, KEYFRAME, SNAPSHOT, Chunk, Columns
from mm.store.recordings.detailed import KEPT, MADE_HERE, MARK, Detailed, Details
from mm.store.recordings.marks import Marked, Marks

if TYPE_CHECKING:
    from mm.store.recordings.parquet_files import Integers

NAMES: Final = (*Columns._fields, *Details._fields)
"""The lines of a block."""

TS_NS, KIND, MARKET, SIDE, PRICE, SIZE, SEQ, VENUE_MS, LAST = range(9)
EVENT_MS, TXN_MS, FIRST, PREVIOUS, FRAME = range(9, 14)


def new_block(rows: int) -> "Integers":
    """Return a block of rows that say nothing."""
    block = np.zeros((len(NAMES), rows), dtype=np.int64)
    block[FIRST] = block[PREVIOUS] = -1
    block[FRAME] = MADE_HERE
    return block


def joined(symbols: tuple[str, ...], blocks: Sequence["Integers"], others: Sequence[AnyEvent]) -> Detailed:
    """Return blocks as one chunk."""
    whole = np.concatenate(blocks, axis=1) if len(blocks) != 1 else blocks[0]
    chunk = Chunk(symbols, Columns(*whole[:9]), tuple(others))
    return Detailed(chunk, Details(*whole[9:]))


def block_of(detailed: Detailed) -> "Integers":
    """Return a chunk as a block."""
    chunk, details = detailed
    return np.stack([np.asarray(column, dtype=np.int64) for column in (*chunk.columns, *details)])


def plain_block(chunk: Chunk, frames: int) -> "Integers":
    """Return a chunk that has no details as a block: its messages are its frames. Args: frames: before it."""
    block = new_block(chunk.rows)
    block[:9] = [np.asarray(column, dtype=np.int64) for column in chunk.columns]
    block[EVENT_MS] = block[VENUE_MS]
    sent = block[KIND] < KEYFRAME
    ends = (block[LAST] != 0) & sent
    number = np.cumsum(ends) - ends + frames
    block[FRAME] = np.where(sent, number, MADE_HERE)
    return block


def tape_rows(block: "Integers") -> "Integers":
    """Return the rows of the tape alone, without what is kept beside them."""
    return block[:, block[KIND] < KEPT] if (block[KIND] > KEPT).any() else block


def take_marks(block: "Integers", marks: Marks) -> None:
    """Add the mark prices in a block of one market to those before them."""
    found = block[:, block[KIND] == MARK]
    for values in zip(*found[[TS_NS, EVENT_MS, PRICE, SIZE, TXN_MS]].tolist(), strict=True):
        marks.add(Marked(*values))


class BlockDepth:
    """The depth of one market as blocks leave it. Fields: seq: of the last change, -1 without a book."""

    def __init__(self) -> None:
        """Begin without a book."""
        self.seq = -1
        self._levels: dict[int, tuple[Integers, Integers]] = {}
        self._since: list[Integers] = []

    def lose(self) -> None:
        """Forget the book."""
        self.seq = -1
        self._levels.clear()
        self._since.clear()

    def take(self, block: "Integers") -> None:
        """Take in the changes of a block, and no snapshot; without a book nothing happens."""
        changes = block[:, block[KIND] == DELTA]
        if self.seq >= 0 and changes.shape[1]:
            self._since.append(changes[[SIDE, PRICE, SIZE]])
            self.seq = int(changes[SEQ, -1])

    def replace(self, block: "Integers") -> None:
        """Put a whole book in place: the rows of one snapshot."""
        assert (block[KIND] == SNAPSHOT).all()
        self.lose()
        self.seq = int(block[SEQ, 0])
        self._since.append(block[[SIDE, PRICE, SIZE]])

    def keyframe(self, ts_ns: int) -> "Integers | None":
        """Return the rows of the book as it stands, best prices first, None without one."""
        if self.seq < 0:
            return None
        self._settle()
        sides = []
        for side in (1, -1):
            prices, sizes = self._levels[side]
            best = np.argsort(-side * prices)[:LEVELS_MAX]
            sides.append((side, prices[best], sizes[best]))
        rows = sum(len(prices) for _, prices, _ in sides)
        block = new_block(max(rows, 1))
        at = 0
        for side, prices, sizes in sides:
            block[SIDE, at : at + len(prices)] = side
            block[PRICE, at : at + len(prices)] = prices
            block[SIZE, at : at + len(prices)] = sizes
            at += len(prices)
        block[TS_NS], block[KIND], block[SEQ] = ts_ns, KEYFRAME, self.seq
        block[LAST, -1] = 1
        return block

    # The last word about each price holds; what it leaves at nothing is gone.
    def _settle(self) -> None:
        since = np.concatenate(self._since, axis=1) if self._since else new_block(0)[[SIDE, PRICE, SIZE]]
        self._since.clear()
        for side in (1, -1):
            new = since[1:, since[0] == side]
            prices, sizes = new[0], new[1]
            if side in self._levels:
                old_prices, old_sizes = self._levels[side]
                prices, sizes = np.concatenate((old_prices, prices)), np.concatenate((old_sizes, sizes))
            known, newest = np.unique(prices[::-1], return_index=True)
            amounts = sizes[::-1][newest]
            known, amounts = known[amounts > 0], amounts[amounts > 0]
            if len(known) > 2 * LEVELS_MAX:
                best = np.argsort(-side * known)[:LEVELS_MAX]
                known, amounts = known[best], amounts[best]
            self._levels[side] = known, amounts
