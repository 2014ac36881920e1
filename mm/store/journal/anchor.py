"""The digest of a run's own records up to one of them: a word that, kept elsewhere, proves they are there.

Who can write the files can also make a shorter journal whose chain fits; with an anchor kept out of reach
that is found. The market's records are not in it: they are dropped after days.
"""

import re
from pathlib import Path
from typing import Final, NamedTuple

from mm.errors import ConfigError
from mm.store.journal.ended import require_end
from mm.store.journal.entries import Family
from mm.store.journal.frames import END_BLOCK
from mm.store.journal.layout import segment_path, segments
from mm.store.journal.segment import SegmentReader

_ANCHOR: Final = re.compile(r"(\d{8}T\d{6}Z-\d{6,}):(\d{1,19}):([0-9a-f]{64})", re.ASCII)


class Anchor(NamedTuple):
    """The own records of a run up to number `seq`. Fields: digest: in hexadecimal, of the chain up to it."""

    run_id: str
    seq: int
    digest: str

    def text(self) -> str:
        """Return it as one word: RUN:SEQ:DIGEST."""
        return f"{self.run_id}:{self.seq}:{self.digest}"


def is_anchor(text: str) -> bool:
    """Return whether a text has the form of an anchor."""
    return _ANCHOR.fullmatch(text) is not None


def read_anchor(text: str) -> Anchor:
    """Return the anchor that a text says; raises ConfigError if it says none."""
    found = _ANCHOR.fullmatch(text)
    if found is None:
        raise ConfigError(f"the anchor was {text[:60]!r}, expected RUN:SEQ:DIGEST, as `mm audit --anchor`")
    return Anchor(found[1], int(found[2]), found[3])


def head(directory: Path, run_id: str) -> Anchor | None:
    """Return the anchor of the newest own record of a journal, None if it has no record.

    Raises: JournalCorrupt, JournalForeign, StateCorrupt where it is damaged on the way there, or cut off.
    """
    require_end(directory)
    for number in reversed(segments(directory, Family.OWN)):
        last_seq = _last_seq(directory, number)
        if last_seq is not None:
            digest = digest_at(directory, last_seq)
            return None if digest is None else Anchor(run_id, last_seq, digest)
    return None


def digest_at(directory: Path, seq: int) -> str | None:
    """Return the digest of a journal's own records up to number `seq`, None if there is no such own record.

    Raises: as `head`.
    """
    for number in reversed(segments(directory, Family.OWN)):
        reader = SegmentReader(segment_path(directory, Family.OWN, number), Family.OWN, number)
        try:
            if not reader.read_header() or reader.last_seq >= seq:
                continue
            while (found := reader.next() or reader.at_end(last=reader.ends == END_BLOCK)) is not None:
                if found.seq >= seq:
                    reader.settle()
                    return reader.hasher.hexdigest() if found.seq == seq else None
            return None
        finally:
            reader.close()
    return None


def _last_seq(directory: Path, number: int) -> int | None:
    # Of the own records in a segment, None if it holds none.
    last_seq = None
    reader = SegmentReader(segment_path(directory, Family.OWN, number), Family.OWN, number)
    try:
        while (found := reader.next() or reader.at_end(last=True)) is not None:
            last_seq = found.seq
    finally:
        reader.close()
    return last_seq
