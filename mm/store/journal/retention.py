"""Drops what is old of runs that have ended: their market events, by whole segments, never our own records.

A run that is being written drops its own with `Journal.drop_market`.
"""

from pathlib import Path

from mm.store.journal.disk import Disk
from mm.store.journal.entries import Family, Missing
from mm.store.journal.journal import Journal
from mm.store.journal.latest import joined
from mm.store.journal.layout import segment_path, segments


def drop_market(directory: Path, *, before_ns: int, disk: Disk | None = None) -> tuple[Missing, ...]:
    """Drop the market's segments of an ended run that were written last before `before_ns` (UTC).

    A run that was not closed is closed first; its last segment counts as new from then on.
    Returns what is gone; the journal says so itself from then on. Nothing is touched if nothing is old.
    Raises: JournalCorrupt, JournalForeign, StateCorrupt: nothing was dropped; JournalFailed.
    """
    disk = disk or Disk()
    present = segments(directory, Family.MARKET)
    if not present or disk.written_ns(segment_path(directory, Family.MARKET, present[0])) >= before_ns:
        return ()
    # Whoever goes on with it writes behind its end: what is damaged anywhere is left as it is.
    joined(directory)
    with Journal.resume(directory, disk=disk) as journal:
        return journal.drop_market(before_ns=before_ns)
