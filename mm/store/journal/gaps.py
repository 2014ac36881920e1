"""What a journal itself says of records that are not in it, and whether it was closed in good order."""

from pathlib import Path

from mm.store.journal.entries import MISSING, Cause, Family, Missing
from mm.store.journal.family import FamilyReader
from mm.store.journal.frames import END_JOURNAL
from mm.store.journal.layout import segment_path, segments
from mm.store.journal.sealed import last_block


class Declared:
    """The MISSING records of a journal, read from its own family when they are first asked for.

    A journal that is being written gains such records: what is not found is looked for once more.
    """

    def __init__(self, directory: Path) -> None:
        """Nothing is read before it is asked for."""
        self._directory = directory
        self._known: tuple[Missing, ...] = ()

    def dropped_segment(self, segment: int) -> Missing | None:
        """Return what is said of a market segment that is not there, None if nothing. Raises: as reading."""
        for looked in (False, True):
            if looked:
                self._known = declared(self._directory)
            for missing in self._known:
                if (missing.cause, missing.segment) == (Cause.DROPPED, segment):
                    return missing
        return None

    def covering(self, first_seq: int, last_seq: int) -> list[Missing] | None:
        """Return what together explains that these records are not there, None if nothing does."""
        found = _covering(self._known, first_seq, last_seq)
        if found is None:
            self._known = declared(self._directory)
            found = _covering(self._known, first_seq, last_seq)
        return found


def declared(directory: Path) -> tuple[Missing, ...]:
    """Return the MISSING records of a journal in their order. Raises: as reading."""
    own = FamilyReader(directory, Family.OWN)
    found = []
    try:
        while (head := own.peek()) is not None:
            own.take()
            if head.kind == MISSING:
                entry = own.decode(head)
                assert isinstance(entry, Missing)  # the codec has one type for the kind
                found.append(entry)
    finally:
        own.close()
    return tuple(found)


def closed_at(directory: Path, family: Family = Family.OWN) -> int | None:
    """Return the number of the last record of a run that was closed in good order, None if it was not.

    Args: family: whose end says so; the market's is written first, once all of our own is on the disk.
    """
    present = segments(directory, family)
    last = last_block(segment_path(directory, family, present[-1])) if present else None
    return last[0].seq if last is not None and last[1].ends == END_JOURNAL else None


def has_end(directory: Path) -> bool:
    """Return whether the end of a run in good order was written, whatever was dropped behind it since.

    To drop old market data of a run that has ended, a segment is begun behind its end: whoever dies over that
    leaves one without an end of its own.
    """
    ends = [last_block(segment_path(directory, Family.OWN, one)) for one in segments(directory, Family.OWN)]
    return any(last is not None and last[1].ends == END_JOURNAL for last in ends)


def _covering(known: tuple[Missing, ...], first_seq: int, last_seq: int) -> list[Missing] | None:
    found = []
    for missing in sorted(known, key=lambda one: one.first_seq):
        if missing.first_seq <= first_seq <= missing.last_seq:
            found.append(missing)
            first_seq = missing.last_seq + 1
    return found if first_seq > last_seq else None
