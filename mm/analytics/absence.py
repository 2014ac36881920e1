"""Why a session did not stand on both sides: what it said of its quotes at that time, and for how long.

Knows no clock and no orders: it is told how long a side has been missing so far, and what is said. Invariant:
the times of all that was said add up to the time in which a side was missing. Bounded: `REASONS_MAX` texts;
the numbers in a text do not make it another one.
"""

import re
from dataclasses import dataclass
from typing import Final

REASONS_MAX: Final = 50
"""Texts that are kept apart."""

OTHERS: Final = "other reasons"
"""What stands for the texts beyond that."""

_NUMBER: Final = re.compile(r"[0-9]+")


@dataclass(slots=True, kw_only=True)
class Said:
    """One reason. Fields: text: as it was last said; times: how often it began; absent_ns: time in which it
    held and a side was missing.
    """

    text: str
    times: int = 0
    absent_ns: int = 0


class Absence:
    """One session's. What is told of it begins with the first reason."""

    def __init__(self) -> None:
        """Begin before anything was said."""
        self._said: dict[str, Said] = {}
        self._now: Said | None = None
        self._seen_ns = 0

    def say(self, reason: str, absent_ns: int) -> None:
        """Take in what is said from here on. Args: absent_ns: time in which a side was missing, so far."""
        self.pass_to(absent_ns)
        kind = _NUMBER.sub("#", reason)
        if kind not in self._said and len(self._said) >= REASONS_MAX:
            kind, reason = OTHERS, OTHERS
        said = self._said.setdefault(kind, Said(text=reason))
        said.text = reason
        if said is not self._now:
            said.times += 1
            self._now = said

    def pass_to(self, absent_ns: int) -> None:
        """Let time pass under what was said last. Args: as in `say`."""
        if self._now is not None:
            self._now.absent_ns += absent_ns - self._seen_ns
        self._seen_ns = absent_ns

    def told(self) -> list[Said]:
        """Return the reasons under which a side was missing, the longest first."""
        found = [said for said in self._said.values() if said.absent_ns]
        return sorted(found, key=lambda said: (-said.absent_ns, said.text))
