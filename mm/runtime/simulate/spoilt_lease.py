"""The account's lease on the simulated machine: the product's own, on a real file that can be spoilt.

A process that finds a file it cannot read refuses to start, whoever repeats that; the file is left as it is
until a person takes it away, or it is there again. Invariant: no process begins over a spoilt lease.
"""

import os
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final

from mm.errors import StateCorrupt
from mm.runtime.simulate.checks import Broken
from mm.store.lease import Account, AccountLease

ACCOUNT: Final = Account(venue="simulated", key_id="simulated")


class Refused(Exception):
    """A process did not start: what it needs cannot be read. It said so, and did nothing."""


class SpoiltLease:
    """The lease and what is wrong with it.

    Fields: spoilt: what the file holds instead, in words, "" while it is right; refusals: starts that found
    it spoilt.
    """

    def __init__(self, data_dir: Path, random: Random, wall_ns: Callable[[], int]) -> None:
        """Begin before the first start. Args: data_dir: real, private; wall_ns: the machine's clock."""
        self.spoilt = ""
        self.refusals = 0
        self._data_dir = data_dir
        self._directory = data_dir / "leases"
        self._random = random
        self._wall_ns = wall_ns
        self._held: AccountLease | None = None
        self._path: Path | None = None
        self._before = b""
        self._instead: bytes | None = None

    def take(self) -> AccountLease:
        """Take the lease as a start does. Raises: Refused; Broken if it went on, or over, a spoilt file."""
        try:
            lease = AccountLease(ACCOUNT, self._data_dir, directory=self._directory, clock_ns=self._wall_ns)
        except StateCorrupt as error:
            if not self.spoilt:
                raise Broken("I18", f"a lease that is right was refused: {error}") from error
            self.refusals += 1
            self._look_untouched()
            raise Refused(str(error)) from error
        self._held, self._path = lease, lease.path
        if self.spoilt:
            self.release()
            raise Broken("I18", f"a process began although its lease cannot be read: {self.spoilt}")
        return lease

    def release(self) -> None:
        """The process that held it is gone."""
        if self._held is not None:
            self._held.release()
            self._held = None

    def spoil(self) -> bool:
        """Let something happen to the file; return whether there is one that was right."""
        path = self._path
        if path is None or self.spoilt or not path.is_file():
            return False
        self._before = path.read_bytes()
        name, self._instead = self._ways()[self._random.randrange(len(self._ways()))]
        path.unlink()
        if self._instead is None:
            path.mkdir()
        elif name == "a link":
            path.symlink_to(path.with_suffix(".elsewhere"))
            self._instead = None
        else:
            path.write_bytes(self._instead)
        self.spoilt = name
        return True

    def mend(self) -> None:
        """A person looks at the account and takes the file away, or puts back what was there."""
        path = self._path
        if path is None or not self.spoilt:
            return
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink()
        if self._random.random() < 0.5:
            path.touch(mode=0o600)
            path.write_bytes(self._before)
        self.spoilt = ""

    def _ways(self) -> tuple[tuple[str, bytes | None], ...]:
        before, random = self._before, self._random
        at = random.randrange(len(before))
        flipped = before[:at] + bytes((before[at] ^ 1 << random.randrange(8),)) + before[at + 1 :]
        return (
            ("a bit flipped", flipped),
            ("cut off", before[:at]),
            ("another program's", b'{"pid": 1, "host": "elsewhere"}\n'),
            ("zeros", bytes(len(before))),
            ("a directory", None),
            ("a link", b""),
        )

    def _look_untouched(self) -> None:
        assert self._path is not None
        if self._instead is not None and self._path.read_bytes() != self._instead:
            raise Broken("I18", "a lease that cannot be read was replaced")
        if self._instead is None and not (self._path.is_dir() or os.path.islink(self._path)):
            raise Broken("I18", "a lease that cannot be read was replaced")
