"""One active trader per account on this machine, whatever its data directory: a lock with a fencing number.

Two files in a private directory of the user, named by a digest of venue and key, never by the key: one is
locked while its holder lives, the other says who holds it and which numbers were given out. The number is
the epoch in every client order id: of two traders that do not see each other (two machines) the older one
learns by it that it is not alone. Invariant: a number that was noted is never given out again; a file that
cannot be read is never replaced.
"""

import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from mm.domain.ids import EPOCH_BITS
from mm.errors import AlreadyRunning, StateCorrupt
from mm.store.paths import private_directory
from mm.store.textfile import new_file

DIRECTORY_VARIABLE: Final = "MM_LEASE_DIR"
"""Names another directory for leases."""

FILE_BYTES_MAX: Final = 10_000
MINUTE_NS: Final = 60 * 1_000_000_000
BEGINNING: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""From when minutes are counted for numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Which account is traded. Fields: venue: its id; key_id: public part of the API key, never written."""

    venue: str
    key_id: str

    def digest(self, size: int, purpose: str) -> bytes:
        """Return `size` bytes (64 at most) that stand for the account; another purpose gives other ones."""
        content = f"{self.venue}\0{self.key_id}".encode()
        return hashlib.blake2b(content, digest_size=size, person=purpose.encode()).digest()


class Holder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who holds a lease, or did last. Fields: fencing: highest number given out; since: UTC, RFC 3339."""

    fencing: int
    pid: int
    data_dir: str
    since: str


class _Envelope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    holder: msgspec.Raw
    digest: str


class AccountLease:
    """The lease on an account, held from its making until `release` or the end of the process.

    Fields: before: who held it last, None if nobody did. Use as a context.
    """

    def __init__(
        self,
        account: Account,
        data_dir: Path,
        *,
        directory: Path | None = None,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """Take the lease. Args: directory: where leases lie, that of the user unless given.

        Raises: AlreadyRunning if another process holds it; StateCorrupt if what is there cannot be read.
        """
        folder = private_directory(directory or lease_directory(os.environ))
        name = account.digest(16, "mm.lease").hex()
        self.path = folder / f"{name}.json"
        self._data_dir = data_dir
        self._clock_ns = clock_ns
        self._file = _locked(folder / f"{name}.lock", self.path)
        try:
            self.before = _read(self.path)
            self._note(self.before.fencing if self.before is not None else 0)
        except BaseException:
            self.release()
            raise

    def next_number(self, *, above: int) -> int:
        """Return a number that is larger than `above` and all that were noted here.

        Minutes since 2026 are a lower bound: a directory that was lost or an older copy of it, and another
        machine that began earlier, stay below it.
        """
        minutes = (self._clock_ns() - round(BEGINNING.timestamp()) * 1_000_000_000) // MINUTE_NS
        # A clock that is set to another century must not use the numbers up.
        bound = minutes if minutes < 1 << (EPOCH_BITS - 1) else 0
        noted = self.before.fencing if self.before is not None else 0
        return max(noted + 1, above + 1, bound)

    def note(self, number: int) -> None:
        """Write down that a number was given out; it is on the disk then. Raises: StateCorrupt."""
        self._note(number)

    def release(self) -> None:
        """Give the lease up; may be called twice. What was noted stays."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        """Return the lease, held."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the lease up."""
        self.release()

    def _note(self, number: int) -> None:
        since = datetime.fromtimestamp(self._clock_ns() // 1_000_000_000, UTC)
        holder = Holder(
            fencing=number, pid=os.getpid(), data_dir=str(self._data_dir.absolute()), since=since.isoformat()
        )
        body = msgspec.json.encode(holder)
        content = msgspec.json.encode(_Envelope(holder=msgspec.Raw(body), digest=_digest(body)))
        try:
            new_file(self.path, content)
        except OSError as error:
            raise StateCorrupt(
                f"{self.path}: cannot be written: {error.strerror}",
                hint="free disk space, check the permissions",
            ) from None


def lease_directory(environ: Mapping[str, str]) -> Path:
    """Return where leases lie: `MM_LEASE_DIR`, or `mm/leases` below `XDG_STATE_HOME` or `~/.local/state`.

    Raises: StateCorrupt if none of these says anything.
    """
    if given := environ.get(DIRECTORY_VARIABLE):
        return Path(given).absolute()
    state = environ.get("XDG_STATE_HOME", "")
    if os.path.isabs(state):
        return Path(state) / "mm" / "leases"
    try:
        return Path.home() / ".local" / "state" / "mm" / "leases"
    except RuntimeError:
        raise StateCorrupt(
            "there is no home directory to keep the lease of the account in",
            hint=f"set {DIRECTORY_VARIABLE} to a directory that all traders on this machine share",
        ) from None


def _locked(path: Path, beside: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        file = os.open(path, flags, 0o600)
    except OSError as error:
        raise StateCorrupt(f"{path}: cannot be opened: {error.strerror}") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        holder = None
        with contextlib.suppress(StateCorrupt):
            holder = _read(beside)
        told = f": pid {holder.pid} on {holder.data_dir}, since {holder.since}" if holder else ""
        raise AlreadyRunning(
            f"the account is traded by another process{told}",
            hint="one process trades an account: stop that one with `mm stop`, or use another account's key",
        ) from None
    return file


def _read(path: Path) -> Holder | None:
    hint = (
        "make sure that nothing else trades this account, look at its open orders, then remove the file: "
        "numbers go on from the clock"
    )
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            content = os.read(file, FILE_BYTES_MAX + 1)
        finally:
            os.close(file)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateCorrupt(f"{path}: the lease cannot be read: {error.strerror}", hint=hint) from None
    try:
        envelope = msgspec.json.decode(content, type=_Envelope)
        if envelope.digest != _digest(bytes(envelope.holder)):
            raise StateCorrupt(f"{path}: the lease is damaged or edited: its digest does not fit", hint=hint)
        holder = msgspec.json.decode(envelope.holder, type=Holder)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise StateCorrupt(f"{path}: not a lease: {error}", hint=hint) from None
    if not 0 <= holder.fencing < 1 << EPOCH_BITS:
        raise StateCorrupt(f"{path}: the lease's number is impossible: {holder.fencing}", hint=hint)
    return holder


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
