"""Damage to the journal that the next start has to read, as no crash leaves it, and nobody may pass it over.

A crash leaves a prefix of the newest segment. So that nobody can take the damage for that, a bit flips before
the last whole frame of the newest segment; an older one is cut or vanishes; where there is one alone it is
cut before its first checkpoint ends, which was on the disk when the state file named it. Damage to what a
start does not read (what lies in older segments, the market's family) is not made: `mm journal verify` finds
that.
"""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final

from mm.runtime.simulate.disk import SimDisk
from mm.store.journal.entries import Family, Kind
from mm.store.journal.frames import FORMAT, PREAMBLE, Frame, parse
from mm.store.journal.layout import segment_path, segments

NEWER: Final = b"mmj-%04d" % (FORMAT + 1)
"""What a later version of the product would begin a segment with."""

assert len(NEWER) == len(PREAMBLE)


class SpoiltJournal:
    """The journal of one run, and what was done to it.

    Fields: what: in words, "" if nothing there could be damaged.
    """

    def __init__(self, disk: SimDisk, journal: Path, random: Random) -> None:
        """Damage the journal in the directory `journal`, in one way that fits what is there."""
        self.what = ""
        self._disk = disk
        self._random = random
        disk.settle()
        self._paths = [segment_path(journal, Family.OWN, number) for number in segments(journal, Family.OWN)]
        self._instead: dict[Path, bytes | None] = {}
        ways: list[Callable[[], str]] = [self._flip, self._cut, self._lose, self._renew]
        random.shuffle(ways)
        for way in ways if self._paths else ():
            self.what = way()
            if self.what:
                break

    @property
    def is_untouched(self) -> bool:
        """Whether nobody has written to what was damaged, or put something in its place."""
        return all(
            path.read_bytes() == content if content is not None else not path.exists()
            for path, content in self._instead.items()
        )

    def _change(self, path: Path, content: bytes | None) -> None:
        self._instead[path] = content
        self._disk.corrupt(path, content)

    def _flip(self) -> str:
        path = self._paths[-1]
        content = bytearray(path.read_bytes())
        starts = [at for at, _ in _frames(bytes(content))]
        if len(starts) < 2:
            return ""
        at = self._random.randrange(starts[-1])
        content[at] ^= 1 << self._random.randrange(8)
        self._change(path, bytes(content))
        return f"{path.name}: a bit of byte {at} flipped"

    def _cut(self) -> str:
        if len(self._paths) > 1:
            path = self._paths[self._random.randrange(len(self._paths) - 1)]
            end = len(path.read_bytes())
        else:
            path = self._paths[0]
            ends = [at + one.size for at, one in _frames(path.read_bytes()) if one.kind == Kind.CHECKPOINT]
            end = ends[0] if ends else 0
        if not end:
            return ""
        left = self._random.randrange(end)
        self._change(path, path.read_bytes()[:left])
        return f"{path.name}: cut to {left} bytes"

    def _lose(self) -> str:
        path = self._paths[self._random.randrange(max(1, len(self._paths) - 1))]
        self._change(path, None)
        return f"{path.name}: gone"

    def _renew(self) -> str:
        path = self._paths[self._random.randrange(len(self._paths))]
        content = path.read_bytes()
        if len(content) < len(PREAMBLE):
            return ""
        self._change(path, NEWER + content[len(NEWER) :])
        return f"{path.name}: of a newer format"


def _frames(content: bytes) -> list[tuple[int, Frame]]:
    found, at = [], len(PREAMBLE)
    while isinstance(one := parse(content, at), Frame):
        found.append((at, one))
        at += one.size
    return found
