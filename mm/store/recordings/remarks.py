"""What a source has to say to whoever trades on it: few numbers make its grid, a day of it is not whole.

Must never judge: it is said, and a person decides. Invariant: a source that stands for others says what they
say.
"""

from mm.store.recordings.grid import GridDoubt
from mm.store.recordings.source import Source


def remarks_of(source: Source) -> tuple[str, ...]:
    """Return what a source has to say, a sentence each, with file and row where there is one."""
    told: tuple[str, ...] = tuple(getattr(source, "remarks", ()))
    doubts: tuple[GridDoubt, ...] = tuple(getattr(source, "doubts", ()))
    return (*(f"{one.file}: row {one.row}: {one.words}" for one in doubts), *told)
