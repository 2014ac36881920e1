"""The projection's file: whole or not there, rebuilt where it is of another kind, never mixed."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateTable

from mm.errors import AlreadyRunning, StateCorrupt
from mm.store.projection.file import (
    ROWS_AT_ONCE,
    Draft,
    content_digest,
    is_current,
    open_projection,
    rows_of,
)
from mm.store.projection.schema import META, TABLES, VERSION


def count(number: int, run_id: str = "r") -> dict[str, object]:
    """A row of the table `counts`."""
    return {"run_id": run_id, "kind": "event", "type": f"T{number:06d}", "records": number}


def made(path: Path, rows: int, *, keep: bool = False, run_id: str = "r") -> Path:
    """Make a projection with so many counts."""
    with Draft(path, keep=keep) as draft:
        for number in range(rows):
            draft.add("counts", count(number, run_id))
        assert draft.counts()["counts"] >= rows
        draft.publish()
    return path


def test_a_published_draft_is_whole_and_alone(tmp_path: Path) -> None:
    """Write-ahead log, private, and no file beside it; more rows than are written at once."""
    path = made(tmp_path / "mm.sqlite", ROWS_AT_ONCE + 5)
    assert [one.name for one in tmp_path.iterdir()] == ["mm.sqlite"]
    assert path.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert len(list(rows_of(path, "counts"))) == ROWS_AT_ONCE + 5
    assert is_current(path)


def test_what_is_not_published_leaves_the_old_one(tmp_path: Path) -> None:
    """Whatever came in between."""
    path = made(tmp_path / "mm.sqlite", 3)
    before = path.read_bytes()
    with Draft(path, keep=True) as draft:
        draft.add("counts", count(9))
        assert draft.counts()["counts"] == 4
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["mm.sqlite"]


def test_equal_content_has_an_equal_digest(tmp_path: Path) -> None:
    """Whatever the order in which it came; other content has another."""
    one, two = made(tmp_path / "1", 5), tmp_path / "2"
    with Draft(two, keep=False) as draft:
        for number in reversed(range(5)):
            draft.add("counts", count(number))
        draft.publish()
    assert content_digest(one) == content_digest(two)
    assert content_digest(one) != content_digest(made(tmp_path / "3", 6))


def test_a_draft_goes_on_with_what_is_kept(tmp_path: Path) -> None:
    """A run can be taken out, what waits of it too."""
    path = made(tmp_path / "mm.sqlite", 3)
    with Draft(path, keep=True) as draft:
        draft.add("counts", count(1, "new"))
        draft.add("counts", count(1, "other"))
        draft.forget("new")
        draft.forget("r")
        draft.publish()
    assert [row["run_id"] for row in rows_of(path, "counts")] == ["other"]


def test_a_reader_keeps_what_it_opened(tmp_path: Path) -> None:
    """The file is exchanged under it, not changed; the next one sees the new."""
    path = made(tmp_path / "mm.sqlite", 3)
    with closing(sqlite3.connect(path)) as reader:
        assert reader.execute("SELECT count(*) FROM counts").fetchone() == (3,)
        made(path, 5)
        assert reader.execute("SELECT count(*) FROM counts").fetchone() == (3,)
    assert len(list(rows_of(path, "counts"))) == 5
    assert is_current(path)


def test_two_are_not_made_at_once(tmp_path: Path) -> None:
    """The second is refused, and the first is not disturbed."""
    path = tmp_path / "mm.sqlite"
    with Draft(path, keep=False) as first:
        with pytest.raises(AlreadyRunning):
            Draft(path, keep=False)
        first.add("counts", count(1))
        first.publish()
    assert len(list(rows_of(path, "counts"))) == 1


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    """A projection is made anew, never changed."""
    engine = open_projection(made(tmp_path / "mm.sqlite", 1))
    with pytest.raises(DBAPIError, match="readonly"), engine.connect() as connection:
        connection.execute(META.delete())
    engine.dispose()


def test_another_version_or_no_database_is_not_current(tmp_path: Path) -> None:
    """It is made anew then, not read."""
    path = tmp_path / "mm.sqlite"
    assert not is_current(path)
    path.write_bytes(b"something else" * 400)
    assert not is_current(path)
    path.unlink()
    made(path, 1)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE meta SET value = ?", (str(VERSION + 1),))
        connection.commit()
    assert not is_current(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM meta")
        connection.commit()
    assert not is_current(path)


def test_a_place_that_cannot_be_written_is_an_error_in_words(tmp_path: Path) -> None:
    """With what the system said."""
    with pytest.raises(StateCorrupt, match="cannot be made: No such file"):
        Draft(tmp_path / "nowhere" / "mm.sqlite", keep=False)
    with Draft(tmp_path / "x", keep=False) as draft:
        draft.add("counts", count(1))
        draft.add("counts", count(1))
        with pytest.raises(StateCorrupt, match="cannot be made"):
            draft.counts()


def test_the_same_tables_can_be_made_elsewhere() -> None:
    """PostgreSQL takes the schema as it is: 64-bit integers stay that."""
    for table in TABLES:
        text = str(CreateTable(table).compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call] # without types
        assert "BIGINT" in text or table is META
