"""The SQLite file of a projection: made beside the old one, put in its place by a rename when it is whole.

Whoever reads sees the old content or the new. Invariants: a file that is named `mm.sqlite` is whole; two that
are made at once do not mix, the second is refused.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec
from sqlalchemy import Connection, Engine, NullPool, create_engine, delete, event, func, insert, select
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import DBAPIError

from mm.errors import AlreadyRunning, StateCorrupt
from mm.store.projection.schema import FILLS, META, METADATA, OF_A_RUN, RUNS, TABLES, VERSION

FILE_NAME: Final = "mm.sqlite"
ROWS_AT_ONCE: Final = 2_000
"""Rows that wait to be written together."""

_SIDE_FILES: Final = ("-wal", "-shm", "-journal")

Row = dict[str, object]


def open_projection(path: Path, *, writable: bool = False) -> Engine:
    """Return an engine on a projection, to be disposed of; write-ahead log, synced at its checkpoints.

    Readers do not wait for each other. Args: writable: else the first change is an error.
    """
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA synchronous=NORMAL")
        if not writable:
            connection.execute("PRAGMA query_only=ON")

    return engine


def is_current(path: Path) -> bool:
    """Return whether there is a projection of this version that is not damaged."""
    if not path.is_file():
        return False
    try:
        with closing(sqlite3.connect(path)) as connection:
            (sound,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            (value,) = connection.execute("SELECT value FROM meta WHERE name = 'schema_version'").fetchone()
    except (sqlite3.Error, TypeError):
        return False
    return bool(sound == "ok" and value == str(VERSION))


def content_digest(path: Path) -> str:
    """Return a digest over all rows of all tables: equal content, equal digest, whatever the file's bytes."""
    engine = open_projection(path)
    digest = sha256()
    try:
        with engine.connect() as connection:
            for table in TABLES:
                digest.update(f"{table.name}\n".encode())
                for row in connection.execute(select(table).order_by(*table.primary_key.columns)):
                    digest.update(msgspec.json.encode(list(row)) + b"\n")
    finally:
        engine.dispose()
    return digest.hexdigest()


class Draft:
    """A projection that is being made. Use as a context: leaving it without `publish` leaves the old one."""

    def __init__(self, path: Path, *, keep: bool) -> None:
        """Begin beside the file at `path`.

        Args: keep: begin with what is in that file, which has to be current.
        Raises: AlreadyRunning if another one is being made there; StateCorrupt if it cannot be made.
        """
        self._path = path
        self._draft = path.with_name(f"{path.name}.new")
        self._waiting: dict[str, list[Row]] = {}
        self._count = 0
        try:
            self._lock = _locked(self._draft)
            try:
                os.ftruncate(self._lock, 0)
                self._clear_beside(self._draft)
                if keep:
                    with closing(sqlite3.connect(path)) as old, closing(sqlite3.connect(self._draft)) as new:
                        old.backup(new)
                self._engine = open_projection(self._draft, writable=True)
                self._connection: Connection = self._engine.connect()
                self._begin()
            except BaseException:
                os.close(self._lock)
                raise
        except (OSError, sqlite3.Error, DBAPIError) as error:
            raise _not_made(path, error) from None

    def _begin(self) -> None:
        # Until it is published nothing of it has to survive anything.
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-65536"):
            self._connection.exec_driver_sql(f"PRAGMA {pragma}")
        METADATA.create_all(self._connection)
        self._connection.execute(delete(META))
        self._connection.execute(insert(META), [{"name": "schema_version", "value": str(VERSION)}])

    def __enter__(self) -> Self:
        """Return the draft."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drop what was not published."""
        self._connection.close()
        self._engine.dispose()
        with suppress(OSError):
            if os.fstat(self._lock).st_ino == self._draft.stat().st_ino:
                self._draft.unlink()
                self._clear_beside(self._draft)
        os.close(self._lock)

    def sizes(self) -> dict[str, int]:
        """Return the runs that are in it, with the size of our own segments when they were read."""
        rows = self._connection.execute(select(RUNS.c.run_id, RUNS.c.own_bytes))
        return {row.run_id: row.own_bytes for row in rows}

    def forget(self, run_id: str) -> None:
        """Take out everything of a run."""
        self._waiting = {
            name: [row for row in rows if row["run_id"] != run_id] for name, rows in self._waiting.items()
        }
        for table in OF_A_RUN:
            self._connection.execute(delete(table).where(table.c.run_id == run_id))

    def add(self, table: str, row: Row) -> None:
        """Add a row. Raises: StateCorrupt if it cannot be written."""
        waiting = self._waiting.setdefault(table, [])
        waiting.append(row)
        if len(waiting) >= ROWS_AT_ONCE:
            self._write(table)

    def counts(self) -> dict[str, int]:
        """Return how many rows each table has."""
        self._write_all()
        return {
            table.name: self._connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in TABLES
            if table is not META
        }

    def publish(self) -> None:
        """Put it in the place of the old one, whole and on the disk. Raises: StateCorrupt."""
        try:
            self._write_all()
            self._connection.commit()
            self._connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            self._connection.close()
            self._engine.dispose()
            os.fsync(self._lock)
            # Only readers have them, and nothing is in them; beside the new file they would be wrong.
            self._clear_beside(self._path)
            os.replace(self._draft, self._path)
            directory = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        except (OSError, DBAPIError) as error:
            raise _not_made(self._path, error) from None

    def _write_all(self) -> None:
        for table in list(self._waiting):
            self._write(table)

    def _write(self, name: str) -> None:
        rows = self._waiting.pop(name, [])
        if not rows:
            return
        table = METADATA.tables[name]
        # A fill that a later run listed again is told once.
        statement = sqlite_insert(table).on_conflict_do_nothing() if table is FILLS else insert(table)
        try:
            self._connection.execute(statement, rows)
        except DBAPIError as error:
            raise _not_made(self._path, error) from None

    def _clear_beside(self, path: Path) -> None:
        for suffix in _SIDE_FILES:
            path.with_name(path.name + suffix).unlink(missing_ok=True)


def rows_of(path: Path, table: str) -> Iterator[Row]:
    """Yield the rows of a table in the order of its key."""
    engine = open_projection(path)
    try:
        with engine.connect() as connection:
            chosen = METADATA.tables[table]
            for row in connection.execute(select(chosen).order_by(*chosen.primary_key.columns)).mappings():
                yield dict(row)
    finally:
        engine.dispose()


def _locked(path: Path) -> int:
    # The draft's own file is the lock; it may have been published between its opening and its locking.
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and path.stat().st_ino == os.fstat(file).st_ino:
                return file
        except BlockingIOError:
            os.close(file)
            raise AlreadyRunning(f"{path}: another rebuild is under way", hint="wait for it") from None
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def _not_made(path: Path, error: Exception) -> StateCorrupt:
    said = error.strerror if isinstance(error, OSError) else str(getattr(error, "orig", None) or error)
    return StateCorrupt(f"{path}: cannot be made: {said}", hint="free disk space, check the permissions")
