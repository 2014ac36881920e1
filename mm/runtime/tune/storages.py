"""Where studies are kept: a journal file of Optuna's, or rows of PostgreSQL; both held by one process.

Must never write into a file that is none of ours, show a password, or let two processes write one study.
Invariant: `Storage.require_held` passes only while this process has the study to itself.
"""

import contextlib
import fcntl
import json
import os
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from mm.errors import AlreadyRunning, ConfigError, StateCorrupt, VenueUnreachable

POSTGRES: Final = re.compile(r"postgresql(\+[a-z0-9]+)?://", re.ASCII)

OTHER: Final = "name another file (--storage) or another study (--name)"
"""What to do about a storage that cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a study is kept. Fields: name; storage: a file, or an address of PostgreSQL; shown: the same
    without secrets.
    """

    name: str
    storage: str

    @property
    def is_file(self) -> bool:
        """Whether it is a journal file."""
        return not POSTGRES.match(self.storage)

    @property
    def address(self) -> str:
        """The database's for SQLAlchemy, by psycopg where it names no driver."""
        return re.sub(r"^postgresql://", "postgresql+psycopg://", self.storage)

    @property
    def shown(self) -> str:
        """The storage as it may be told: without user and password."""
        # Up to the last @, since a password may hold others, slashes and question marks.
        return self.storage if self.is_file else re.sub(r"//.*@", "//", self.storage).partition("?")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """An open storage. Fields: rows: Optuna's; require_held: raises if the study is no longer ours alone."""

    rows: BaseStorage
    require_held: Callable[[], object] = bool


@contextlib.contextmanager
def opened(place: Place) -> Iterator[Storage]:
    """Open a storage, made if it is not there, and hold the study in it.

    Raises: AlreadyRunning if another process has it; ConfigError if it cannot be used; StateCorrupt if it is
    damaged; VenueUnreachable if a database went away while it was used: what is in it is whole.
    """
    if place.is_file:
        path = Path(place.storage)
        with _hold(path):
            _mend(path)
            try:
                yield Storage(rows=JournalStorage(JournalFileBackend(str(path), _Held(str(path)))))
            except (ValueError, KeyError, AttributeError) as error:
                raise StateCorrupt(
                    f"{path}: no journal of a study, or a damaged one: {error}",
                    hint=OTHER,
                ) from None
            except OSError as error:
                raise ConfigError(f"{path}: cannot be written: {error.strerror}") from None
        return
    with contextlib.closing(_database(place)) as database:
        try:
            with _hold_rows(database.rows, place) as require_held:
                yield Storage(rows=database.rows, require_held=require_held)
        except (SQLAlchemyError, StorageInternalError) as error:
            raise VenueUnreachable(
                f"{place.shown}: the database of the study failed: {_said(error.__cause__ or error, place)}",
                hint="give the same command again when it is there: what is finished is kept",
            ) from None


# ---- a journal file


class _Held(JournalFileOpenLock):
    # One process has the study already (`_hold`): each single line needs no lock of its own.

    def acquire(self) -> bool:
        """Say that it is held: it is."""
        return True

    def release(self) -> None:
        """Give up nothing: what is held is held until the study is closed."""


@contextlib.contextmanager
def _hold(path: Path) -> Iterator[None]:
    # The lock lies beside the file: it goes with the process, however that ends.
    try:
        lock = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be opened: {error.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise AlreadyRunning(f"{path}: another mm tune writes this study") from None
    try:
        yield
    finally:
        os.close(lock)


def _mend(path: Path) -> None:
    # A crash may have torn off the last line: nobody was told of it, and nothing could follow it.
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be opened: {error.strerror}") from None
    with os.fdopen(file, "rb+") as journal:
        content = journal.read()
        whole = content.rfind(b"\n") + 1
        for number, line in enumerate(content[:whole].splitlines(), start=1):
            if not _is_record(line):
                raise StateCorrupt(
                    f"{path}:{number}: no line of a study's journal; left as it is", hint=OTHER
                )
        if whole < len(content):
            if not content[whole:].startswith(b'{"op_code"'):
                raise StateCorrupt(f"{path}: no journal of a study; left as it is", hint=OTHER)
            journal.truncate(whole)


def _is_record(line: bytes) -> bool:
    # Optuna numbers its operations from 0 to 10; what it does not know it would pass over.
    try:
        record = json.loads(line)
    except ValueError:
        return False
    return isinstance(record, dict) and record.get("op_code") in range(11)


# ---- a database


class _Database:
    # Optuna's storage with the end that it has no name for.
    __slots__ = ("rows",)

    def __init__(self, rows: RDBStorage) -> None:
        self.rows = rows

    def close(self) -> None:
        self.rows.remove_session()
        self.rows.engine.dispose()


def _database(place: Place) -> _Database:
    if place.storage.count("@") > 1:
        # What follows the first one would be looked up as a host: a part of the password, told to strangers.
        raise ConfigError(
            f"{place.shown}: an address with more than one @",
            hint="write those of a password as %40, or leave it to PGPASSWORD or ~/.pgpass",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _Database(RDBStorage(place.address))
    except ImportError:
        raise ConfigError(
            "--storage postgresql:// needs a driver, which is not installed",
            hint="uv run --extra research --extra postgres mm tune ...",
        ) from None
    except Exception as error:  # noqa: BLE001 - each driver has errors of its own, with the address in them
        raise ConfigError(f"{place.shown}: cannot be used: {_said(error, place)}") from None


def _said(error: BaseException, place: Place) -> str:
    said = (str(error).splitlines() or [""])[0]
    for address in (place.storage, place.address):
        said = said.replace(address, place.shown)
    return f"{type(error).__name__}: {said[:200]}"


@contextlib.contextmanager
def _hold_rows(storage: RDBStorage, place: Place) -> Iterator[Callable[[], object]]:
    # PostgreSQL keeps such a lock as long as this connection is open, and drops it with it. A connection that
    # was cut fails where it is asked again; it is not opened anew, since that failure ends the search.
    key = int.from_bytes(sha256(f"mm tune {place.name}".encode()).digest()[:7], "big")
    with storage.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.execute(text("select pg_try_advisory_lock(:key)"), {"key": key}).scalar():
            raise AlreadyRunning(f"{place.shown}: another mm tune writes the study {place.name}")
        yield lambda: connection.execute(text("select 1")).scalar()
