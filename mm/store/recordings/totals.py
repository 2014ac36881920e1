"""How much a recording holds, counted the same way wherever it is told, so that the numbers add up.

Must never count what was made here among what was received. Invariant: frames = messages - repeated + beside.
"""

from dataclasses import dataclass, fields

from mm.domain.tape import KEYFRAME, ORDER, ORDERS, OTHER
from mm.store.recordings.detailed import KEPT, MADE_HERE, MARK


@dataclass(slots=True, kw_only=True)
class Totals:
    """What was counted.

    Fields: messages: of the tape: snapshots, changes, best prices and trades; repeated: those of them that
    stand there a second time, behind the snapshot that they had to wait for; beside: received, and no part of
    the tape; keyframes: whole books that were made here; events: that are no rows, as a lost book; marks: of
    those beside it, mark prices of contracts; orders: of the changes of the book, those of single orders.
    """

    messages: int = 0
    repeated: int = 0
    beside: int = 0
    keyframes: int = 0
    events: int = 0
    marks: int = 0
    orders: int = 0

    @property
    def frames(self) -> int:
        """What was received of the market."""
        return self.messages - self.repeated + self.beside

    def count(self, kind: int, frame: int, messages: int = 1) -> None:
        """Count messages of a kind. Args: frame: of them, or MADE_HERE."""
        if kind == KEYFRAME:
            self.keyframes += messages
        elif kind == OTHER:
            self.events += messages
        elif kind == ORDER:
            self.orders += messages
        elif kind == ORDERS:
            pass  # stands beside a keyframe
        elif kind > KEPT:
            self.beside += messages
            self.marks += messages if kind == MARK else 0
        else:
            self.messages += messages
            self.repeated += messages if frame == MADE_HERE else 0

    def add(self, other: "Totals") -> None:
        """Add what was counted elsewhere."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))

    def as_dict(self) -> dict[str, int]:
        """Return it for JSON."""
        return {"frames": self.frames, **{one.name: getattr(self, one.name) for one in fields(self)}}

    @property
    def words(self) -> str:
        """All of it, for people."""
        orders = f" ({self.orders} of them of single orders)" if self.orders else ""
        repeated = f" ({self.repeated} of them repeated behind their snapshot)" if self.repeated else ""
        marks = f" ({self.marks} of them mark prices)" if self.marks else ""
        beside = f", {self.beside} beside it{marks}" if self.beside else ""
        events = f", {self.events} events that are no rows" if self.events else ""
        return (
            f"{self.frames} frames: {self.messages} messages of the tape{orders}{repeated}{beside};"
            f" and {self.keyframes} keyframes{events}"
        )
