"""Finds the market's segments that may be dropped: sealed, and old by the file system's word.

Age is when a file was written last, not the time in its records: a run over an old recording is not old.
"""

from pathlib import Path

from mm.store.journal.disk import Disk
from mm.store.journal.entries import Cause, Family, Missing
from mm.store.journal.frames import END_BLOCK, END_FRAME_BYTES, Block, Frame, block_of, parse
from mm.store.journal.layout import segment_path, segments
from mm.store.journal.segment import SegmentReader


def last_block(path: Path) -> tuple[Frame, Block] | None:
    """Return the block with which a file ends, None if it ends with anything else. Raises: OSError."""
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, 2) - END_FRAME_BYTES))
        last = parse(file.read(), 0)
    block = block_of(last) if isinstance(last, Frame) else None
    return (last, block) if isinstance(last, Frame) and block is not None else None


def droppable(directory: Path, before_ns: int, disk: Disk) -> tuple[Missing, ...]:
    """Return what is to be said of each of the oldest market segments that were written before `before_ns`.

    Raises: OSError.
    """
    found = []
    for number in segments(directory, Family.MARKET):
        path = segment_path(directory, Family.MARKET, number)
        last = last_block(path) if disk.written_ns(path) < before_ns else None
        if last is None or last[1].ends == END_BLOCK:
            break
        segment = SegmentReader(path, Family.MARKET, number)
        segment.read_header()
        segment.close()
        if segment.header is None:
            break
        found.append(
            Missing(
                family=Family.MARKET,
                cause=Cause.DROPPED,
                segment=number,
                first_seq=segment.header.first_seq,
                last_seq=last[0].seq,
                end_digest=last[1].digest,
            )
        )
    return tuple(found)
