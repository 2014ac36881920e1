"""Reads normalised event files (Parquet) into a tape, through DuckDB of the research extra.

Columns: ts_local_ns, ts_exchange_ns, ts_txn_ns (0: not told), kind (bbo, trade and others), side (+1 bid or
buyer took, -1 ask or seller took), price, qty, msg (rows of one message are one frame). Symbol and market
stand in the file's own metadata. Must never run anything that a file says. Invariant: rows come in the order
of the file.
"""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol, cast

from mm.bootstrap.viability.heard import UNIT, Heard, TapeWriter
from mm.errors import ConfigError, RecordingUnusable
from mm.store.recordings.raw.records import Market

ROWS_AT_ONCE: Final = 50_000

MARKETS: Final = {"spot": Market.SPOT, "usdm": Market.LINEAR, "coinm": Market.INVERSE}
"""What a file's metadata call a market, up to the first dash (`usdm-perp`)."""

_ROWS: Final = """
    select ts_local_ns, coalesce(nullif(ts_txn_ns, 0), ts_exchange_ns), kind, side, price, qty, msg,
        ts_txn_ns
    from read_parquet(?, file_row_number = true)
    where kind in ('bbo', 'trade')
    order by file_row_number
"""
_FACTS: Final = "select decode(key), decode(value) from parquet_kv_metadata(?)"

Row = tuple[int, int, str, int, float, float, int, int]


class _Cursor(Protocol):
    # What is used of DuckDB; its own types are not there without the extra.
    def execute(self, query: str, parameters: Sequence[object]) -> "_Cursor": ...

    def fetchmany(self, size: int) -> list[Row]: ...

    def fetchall(self) -> list[tuple[str, str]]: ...


class _DuckDb(Protocol):
    Error: type[Exception]

    def connect(self) -> _Cursor: ...


def read_parquet(files: Sequence[Path]) -> Heard:
    """Read normalised files of one market, in order of time.

    Raises: ConfigError without the research extra; RecordingUnusable if a file is none, of another market
    than the first, or out of order.
    """
    try:
        duckdb = cast("_DuckDb", importlib.import_module("duckdb"))
    except ImportError:
        raise ConfigError(
            f"{files[0]}: Parquet is read with DuckDB, which is not installed",
            hint="uv run --extra research mm ...; raw recordings need nothing",
        ) from None
    reading = _Reading()
    for path in files:
        try:
            reading.read(duckdb.connect(), path)
        except duckdb.Error as error:
            raise RecordingUnusable(f"{path}: {str(error).splitlines()[0]}") from None
        except ValueError as error:
            raise RecordingUnusable(f"{path}: {error}") from None
    return Heard(
        tape=reading.writer.tape(),
        name=" ".join(path.name for path in files),
        symbol=reading.symbol,
        market=reading.market,
    )


class _Reading:
    def __init__(self) -> None:
        self.writer = TapeWriter()
        self.symbol, self.market = "", Market.SPOT
        self._last_ns = 0
        self._bid: tuple[int, Row] | None = None  # of which message, and the row

    def read(self, cursor: _Cursor, path: Path) -> None:
        facts = dict(cursor.execute(_FACTS, [str(path)]).fetchall())
        symbol, market = facts.get("symbol", "").upper(), _market(facts)
        if self.symbol and (symbol, market) != (self.symbol, self.market):
            raise ValueError(f"it is of {symbol} ({market.value}) after {self.symbol} ({self.market.value})")
        self.symbol, self.market = symbol, market
        found = cursor.execute(_ROWS, [str(path)])
        while rows := found.fetchmany(ROWS_AT_ONCE):
            for row in rows:
                self._take(row)

    def _take(self, row: Row) -> None:
        local_ns, venue_ns, kind, side, price, size, msg, txn_ns = row
        if local_ns < self._last_ns:
            raise ValueError(f"local time goes back by {self._last_ns - local_ns} ns")
        self._last_ns = local_ns
        if kind == "trade":
            self.writer.trade(local_ns, *_units(price, size), aggressor=side, order=venue_ns)
        elif side > 0:
            self._bid = (msg, row)
        elif self._bid is not None and self._bid[0] == msg:
            bid = self._bid[1]
            self.writer.top(local_ns, _units(bid[4], bid[5]), _units(price, size), venue=txn_ns)


def _units(price: float, size: float) -> tuple[int, int]:
    return round(price * UNIT), round(size * UNIT)


def _market(facts: dict[str, str]) -> Market:
    named = facts.get("type", "").lower().partition("-")[0]
    if named not in MARKETS:
        raise ValueError(f"its metadata name no market that is known: {named or 'none'}")
    return MARKETS[named]
