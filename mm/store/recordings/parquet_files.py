"""Parquet files through DuckDB of the research extra: integers in and out, a window of rows at a time.

Must never run anything that a file says, nor make an object of Python per row. Invariants: rows come in the
order of the file; one thread, so that the same rows make the same bytes. Import this module late: it needs
NumPy.
"""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, cast

import numpy as np

from mm.errors import RecordingUnusable

if TYPE_CHECKING:
    import numpy.typing as npt

    Integers: TypeAlias = npt.NDArray[np.int64]
    """A column of integers."""

    Numbers: TypeAlias = npt.NDArray[np.float64]
    """A column of numbers."""

_SETTINGS: Final = ("set threads = 1", "set preserve_insertion_order = true", "set memory_limit = '700MB'")
_ROW_GROUP: Final = 122_880


class _Cursor(Protocol):
    # What is used of DuckDB.
    def execute(self, query: str, parameters: Sequence[object] = ...) -> "_Cursor": ...

    def register(self, name: str, rows: Mapping[str, "Integers"], /) -> object: ...

    def fetchall(self) -> list[tuple[object, ...]]: ...

    def fetchnumpy(self) -> dict[str, "Numbers"]: ...

    def close(self) -> None: ...


class _DuckDb(Protocol):
    Error: type[Exception]

    def connect(self) -> _Cursor: ...


class ParquetFile:
    """A file that is read. Fields: path; types: SQL type of each column by its name; count: rows in it."""

    def __init__(self, path: Path) -> None:
        """Look at the file's own facts. Raises: RecordingUnusable if it is no Parquet."""
        self.path = path
        self._duckdb = cast("_DuckDb", importlib.import_module("duckdb"))
        self._cursor = _connected(self._duckdb)
        described = self._ask("describe select * from read_parquet(?)")
        self.types = {str(row[0]): str(row[1]) for row in described}
        (counted,) = self._ask("select count(*) from read_parquet(?)")
        self.count = cast("int", counted[0])

    def facts(self) -> dict[str, str]:
        """Return the texts that the file says of itself, by their keys."""
        found = self._ask("select decode(key), decode(value) from parquet_kv_metadata(?)")
        return {str(key): str(value) for key, value in found}

    def value(self, expression: str) -> object:
        """Return one value over all rows, None without any. Args: expression: SQL, never of the file's."""
        ((value,),) = self._ask(f"select {expression} from read_parquet(?)")
        return value

    def first_row(self, condition: str, columns: Sequence[str]) -> tuple[int, tuple[object, ...]] | None:
        """Return the number of the first row that meets a condition and some of its values; None: none does.

        Args: condition, columns: SQL, never of the file's.
        """
        chosen = ", ".join(columns)
        found = self._ask(
            f"select file_row_number, {chosen} from read_parquet(?, file_row_number = true)"
            f" where {condition} order by file_row_number limit 1"
        )
        return None if not found else (cast("int", found[0][0]), tuple(found[0][1:]))

    def grouped(self, column: str, *expressions: str) -> dict[int, tuple[int, ...]]:
        """Return whole numbers for each value of a column. Args: SQL, never of the file's."""
        chosen = ", ".join(f"({one})::bigint" for one in expressions)
        found = self._ask(f"select {column}::bigint, {chosen} from read_parquet(?) group by 1 order by 1")
        return {cast("int", key): cast("tuple[int, ...]", tuple(values)) for key, *values in found}

    def window(self, begin: int, end: int, columns: Mapping[str, str]) -> dict[str, "Numbers"]:
        """Return the rows from `begin` up to `end` as arrays. Args: columns: name to SQL of each.

        Raises: RecordingUnusable, also for a row without a value.
        """
        chosen = ", ".join(f'{text} as "{name}"' for name, text in columns.items())
        query = (
            f"select {chosen} from read_parquet(?, file_row_number = true)"
            f" where file_row_number >= {int(begin)} and file_row_number < {int(end)}"
        )
        try:
            found = self._cursor.execute(query, [str(self.path)]).fetchnumpy()
        except self._duckdb.Error as error:
            raise RecordingUnusable(f"{self.path}: rows {begin} to {end}: {_line(error)}") from None
        for name, column in found.items():
            if isinstance(column, np.ma.MaskedArray) and column.mask.any():
                row = begin + int(np.argmax(column.mask))
                raise RecordingUnusable(f"{self.path}: row {row}: {name} has no value")
        return found

    def windows(self, rows: int, columns: Mapping[str, str]) -> Iterator[tuple[int, dict[str, "Numbers"]]]:
        """Yield the number of the first row and the arrays of each window. Args: rows: of a window."""
        for begin in range(0, self.count, rows):
            yield begin, self.window(begin, begin + rows, columns)

    def close(self) -> None:
        """Give the file up."""
        self._cursor.close()

    def _ask(self, query: str) -> list[tuple[object, ...]]:
        try:
            return self._cursor.execute(query, [str(self.path)]).fetchall()
        except self._duckdb.Error as error:
            raise RecordingUnusable(f"{self.path}: no Parquet that can be read: {_line(error)}") from None


def write_parquet(
    path: Path, rows: Mapping[str, "Integers"], types: Mapping[str, str], facts: Mapping[str, str]
) -> None:
    """Write a new file: zstd, the columns of `types` in that order.

    Args: rows: arrays of one length by name; types: SQL of each column, of the names in `rows`; facts: what
    the file says of itself. Raises: RecordingUnusable if it cannot be written.
    """
    chosen = ", ".join(f'{text} as "{name}"' for name, text in types.items())
    _copy(f"select {chosen} from rows", path, facts, rows)


def join_parquet(pieces: Sequence[Path], path: Path, facts: Mapping[str, str]) -> None:
    """Write the rows of several files into a new one, in their order. Raises: RecordingUnusable."""
    files = ", ".join(_quoted(str(piece)) for piece in pieces)
    _copy(f"select * from read_parquet([{files}])", path, facts, {})


def _copy(query: str, path: Path, facts: Mapping[str, str], rows: Mapping[str, "Integers"]) -> None:
    duckdb = cast("_DuckDb", importlib.import_module("duckdb"))
    cursor = _connected(duckdb)
    said = ", ".join(f"{_quoted(key)}: {_quoted(value)}" for key, value in facts.items())
    told = f", kv_metadata {{{said}}}" if said else ""
    try:
        if rows:
            cursor.register("rows", rows)
        cursor.execute(
            f"copy ({query}) to {_quoted(str(path))} (format parquet, compression zstd,"
            f" row_group_size {_ROW_GROUP}{told})"
        )
    except duckdb.Error as error:
        raise RecordingUnusable(f"{path}: cannot be written: {_line(error)}") from None
    finally:
        cursor.close()


def _connected(duckdb: _DuckDb) -> _Cursor:
    cursor = duckdb.connect()
    for setting in _SETTINGS:
        cursor.execute(setting)
    return cursor


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _line(error: Exception) -> str:
    return str(error).splitlines()[0]
