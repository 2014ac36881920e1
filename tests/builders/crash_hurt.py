"""What is done to a process at one of its calls of the system: one sentence that every injector understands.

A hurt names an operation, the class of what it works on, the number of the call and what happens there. Light
to import: the hurt process reads it before it imports anything else.
"""

import errno
import json
import socket
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final, Self


class Operation(StrEnum):
    """What a process asks of the kernel where a crash matters."""

    WRITE = "write"
    SYNC = "sync"
    RENAME = "rename"
    TRUNCATE = "truncate"
    UNLINK = "unlink"
    SEND = "send"


class Kind(StrEnum):
    """What happens: the process is killed before the call does anything, or the call fails."""

    KILL = "kill"
    EIO = "EIO"
    ENOSPC = "ENOSPC"

    @property
    def errno(self) -> int:
        """The number of the error."""
        return {Kind.EIO: errno.EIO, Kind.ENOSPC: errno.ENOSPC}[self]


class Place(StrEnum):
    """What a call works on.

    DATA: what has no class of its own in the data directory, and the directory itself. DISK: any file there.
    NET: a connection to the venue. ANY: whatever it is, which is all that a tracer knows.
    """

    JOURNAL = "journal"
    RUNSTATE = "runstate"
    RESERVE = "reserve"
    LEASE = "lease"
    LOCK = "lock"
    HISTORY = "history"
    HEARTBEAT = "heartbeat"
    CONTROL = "control"
    NET = "net"
    DATA = "data"
    DISK = "disk"
    OTHER = "other"
    ANY = "any"


NAMES: Final[tuple[tuple[str, Place], ...]] = (
    (".mmj", Place.JOURNAL),
    ("/journal/", Place.JOURNAL),
    ("runstate.reserve", Place.RESERVE),
    ("runstate.", Place.RUNSTATE),
    ("heartbeat", Place.HEARTBEAT),
    ("/config/", Place.HISTORY),
    ("history", Place.HISTORY),
    ("mm.sock", Place.CONTROL),
    ("/data/lock", Place.LOCK),
    ("/data", Place.DATA),
)
"""The place of a file by a part of its path; the first that is in it counts. The directory is called data."""

LEASES: Final = "/leases"
"""In the path of every lease."""

FILES: Final = frozenset(Place) - {Place.CONTROL, Place.NET, Place.OTHER, Place.DISK, Place.ANY}
"""Places that a full or broken disk hurts."""


def place_of_path(path: str) -> Place:
    """Return the class of a file by its path."""
    if LEASES in path:
        return Place.LEASE
    at = path.rfind("/data")
    for part, place in NAMES:
        if at >= 0 and part in path[at:]:
            return place
    return Place.OTHER


def place_of_socket(one: socket.socket) -> Place:
    """Return the class of a socket: the venue is reached over IPv4, the control socket has a path."""
    if one.family in (socket.AF_INET, socket.AF_INET6):
        return Place.NET
    # A loop wakes itself through a pair of sockets without a name.
    return Place.CONTROL if one.family == socket.AF_UNIX and one.getsockname() else Place.OTHER


@dataclass(frozen=True, kw_only=True)
class Hurt:
    """One fault of one process.

    Fields: operation, place: which calls are counted; DISK counts all files. nth: the call that is hit, from
    1. kind: what happens there. lasting: every later call of the same class fails as well.
    """

    operation: Operation
    place: Place
    nth: int
    kind: Kind
    lasting: bool = False

    def counts(self, operation: Operation, place: Place) -> bool:
        """Return whether a call belongs to those that are counted."""
        if operation is not self.operation or place is Place.OTHER:
            return False
        if self.place is Place.ANY:
            return True
        return place in FILES if self.place is Place.DISK else place is self.place

    def hits(self, number: int) -> bool:
        """Return whether the call of this number is hit."""
        return number == self.nth or (self.lasting and number > self.nth)

    def __str__(self) -> str:
        """Return it in words, as `kill at journal write 7`."""
        return f"{self.kind} at {self.place} {self.operation} {self.nth}{'+' if self.lasting else ''}"

    def as_json(self) -> str:
        """Return it as one line."""
        return json.dumps(asdict(self))

    @property
    def fails_the_disk(self) -> bool:
        """Whether it is an error of the disk, which the process hears of."""
        return self.kind is not Kind.KILL and self.place not in (Place.NET, Place.CONTROL)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return what `as_json` wrote."""
        told = json.loads(text)
        return cls(
            operation=Operation(told["operation"]),
            place=Place(told["place"]),
            nth=told["nth"],
            kind=Kind(told["kind"]),
            lasting=told["lasting"],
        )
