"""A file of funding rates: CSV with a time, a rate, and where it says them a mark price, a symbol, a market.

Must never round a rate nor guess what a row means: that is an error with file and row. Invariant: the rows of
a symbol that are handed out are in order of time, and no funding time is among them twice.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from mm.domain.units import atoms_from_text
from mm.errors import RecordingUnusable, UsageError
from mm.sim.funding import MARK_SCALE, RATE_SCALE

TIMES: Final = ("ts_ms", "funding_time_ms", "calc_time", "fundingTime")
RATES: Final = ("rate", "funding_rate", "last_funding_rate", "fundingRate")
MARKS: Final = ("mark_price", "markPrice")
SYMBOL: Final = "symbol"
MARKET: Final = "market"
LINEAR: Final = "usdm"
"""What a file calls the market of the contracts that are settled in their quote asset."""

ROWS_MAX: Final = 1_000_000
SAME_MS: Final = 60_000
"""Times that are nearer than this are one funding time: venues tell it a few milliseconds late."""

_MS_MIN, _MS_MAX = 10**12, 10**14
_RATE_MAX: Final = 10**RATE_SCALE
_HINT: Final = f"expected columns ts_ms and rate (or {', '.join((*TIMES[1:], *RATES[1:]))}) and rows by time"


class FundingRow(NamedTuple):
    """One funding. Fields: venue_ms: when, by the venue's clock; rate: 10^-16; mark: 10^-8, 0: not told."""

    venue_ms: int
    rate: int
    mark: int


def read_funding(path: Path, symbols: Mapping[str, str]) -> dict[str, list[FundingRow]]:
    """Return the rows of a file by symbol. Args: symbols: the venue's by the unified one.

    Raises: RecordingUnusable with file and row; UsageError if it does not say which symbol it is of and there
    are several.
    """
    found: dict[str, list[FundingRow]] = {symbol: [] for symbol in symbols}
    owners = {venue_symbol: symbol for symbol, venue_symbol in symbols.items()}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            names = reader.fieldnames or ()
            time, rate = _column(path, names, TIMES), _column(path, names, RATES)
            mark = next((name for name in MARKS if name in names), "")
            if SYMBOL not in names and len(symbols) > 1:
                raise UsageError(
                    f"--funding {path}: does not say which symbol it is of: {', '.join(symbols)} are traded",
                    hint=f"give it a column {SYMBOL} with the venue's names: {', '.join(owners)}",
                )
            for number, row in enumerate(reader, start=2):
                if number > ROWS_MAX:
                    raise RecordingUnusable(f"{path}: more than {ROWS_MAX} rows")
                owner = owners.get(row[SYMBOL] or "") if SYMBOL in names else next(iter(symbols))
                if owner is not None and row.get(MARKET) in (None, "", LINEAR):
                    told = _row(path, number, (row[time], row[rate], row[mark] if mark else ""))
                    _add(path, number, found[owner], told)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise RecordingUnusable(f"{path}: cannot be read: {reason}") from None
    for symbol, rows in found.items():
        if not rows:
            raise RecordingUnusable(f"{path}: no row of funding of {symbols[symbol]}", hint=_HINT)
    return found


def _column(path: Path, names: Sequence[str], known: Sequence[str]) -> str:
    name = next((one for one in known if one in names), None)
    if name is None:
        raise RecordingUnusable(f"{path}: no column {known[0]}", hint=_HINT)
    return name


def _row(path: Path, number: int, cells: tuple[str | None, str | None, str | None]) -> FundingRow:
    time, rate, mark = ((cell or "").strip() for cell in cells)
    try:
        if not (time.isascii() and time.isdigit() and _MS_MIN <= int(time) < _MS_MAX):
            raise ValueError(f"the time was {time[:40]!r}, expected milliseconds since 1970")
        told = FundingRow(
            int(time), atoms_from_text(rate, RATE_SCALE), atoms_from_text(mark, MARK_SCALE) if mark else 0
        )
        if abs(told.rate) > _RATE_MAX or told.mark < 0:
            raise ValueError("expected a rate of at most 1 and a mark price of at least 0")
    except ValueError as error:
        raise RecordingUnusable(f"{path}: line {number}: {error}", hint=_HINT) from None
    return told


def _add(path: Path, number: int, rows: list[FundingRow], told: FundingRow) -> None:
    before = rows[-1] if rows else None
    if before is None or told.venue_ms >= before.venue_ms + SAME_MS:
        rows.append(told)
    elif told.venue_ms < before.venue_ms:
        raise RecordingUnusable(
            f"{path}: line {number}: {told.venue_ms} ms after {before.venue_ms} ms", hint="sort it by time"
        )
    elif told.rate != before.rate:
        raise RecordingUnusable(
            f"{path}: line {number}: the funding time {before.venue_ms} ms is there twice, with another rate"
        )
