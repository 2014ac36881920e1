"""The normalised recordings as chunks of a tape, for tests and measurements of what reads tapes.

Read by DuckDB in one statement; sizes in atoms of 10^-8, times never falling.
"""

import importlib
from functools import cache
from pathlib import Path
from typing import Protocol, cast

from mm.domain.tape import DELTA, SNAPSHOT, TOP, TRADE, Chunk, Column, Columns

NAMES = ("binance_spot_BTCUSDT", "binance_usdm_BTCUSDT", "binance_cm_BTCUSD_PERP")

_ROWS = f"""
    with facts as (
        select
            cast(max(case when decode(key) = 'tick_size' then decode(value) end) as double) as tick
        from parquet_kv_metadata(?)
    ),
    told as (
        select *, file_row_number as place,
            case kind when 'snapshot' then {SNAPSHOT} when 'diff' then {DELTA}
                when 'bbo' then {TOP} else {TRADE} end as code,
            row_number() over (partition by msg, kind order by file_row_number desc) as from_end
        from read_parquet(?, file_row_number = true) where kind <> 'mark'
    )
    select
        max(ts_local_ns) over (order by place) as ts_ns,
        code as kind, 0 as market, side,
        cast(round(price / (select tick from facts)) as bigint) as price_ticks,
        cast(round(qty * 1e8) as bigint) as size_atoms,
        seq, cast(coalesce(nullif(ts_txn_ns, 0), ts_exchange_ns) // 1000000 as bigint) as venue_ms,
        case when from_end = 1 then 1 else 0 end as last
    from told order by place
"""


class _DuckDb(Protocol):
    def execute(self, query: str, parameters: list[str]) -> "_DuckDb": ...

    def fetchnumpy(self) -> dict[str, object]: ...


class _Numpy(Protocol):
    int64: object

    def ascontiguousarray(self, column: object, *, dtype: object) -> Column: ...


def recording(shared_data: Path, name: str) -> Path:
    """Return the path of a recording. Args: shared_data: the folder of the fixture of that name."""
    return next((shared_data / "normalised").glob(f"{name}*.parquet"))


@cache
def chunk_of(path: Path) -> Chunk:
    """Return the whole recording as one chunk."""
    duckdb = importlib.import_module("duckdb")
    numpy = cast("_Numpy", importlib.import_module("numpy"))
    reader = cast("_DuckDb", duckdb.connect())
    rows = reader.execute(_ROWS, [str(path), str(path)]).fetchnumpy()
    columns = (numpy.ascontiguousarray(rows[name], dtype=numpy.int64) for name in Columns._fields)
    return Chunk(("BTC/USDT",), Columns(*columns))


def head(chunk: Chunk, rows: int) -> Chunk:
    """Return the first messages of a chunk, about so many rows."""
    lasts = chunk.columns.last[0 : rows + 10_000].tolist()
    end = rows + lasts[rows - 1 :].index(1)
    return Chunk(chunk.symbols, Columns(*(column[0:end] for column in chunk.columns)), chunk.others)
