"""Latencies that were measured: from a file, or from the journal of a run, whose own orders tell them.

A run knows when an order left and when its answer came, not when it took effect in between: half of the time
is counted each way. Must never change what it reads. Invariant: rows are in the order of all three times.
"""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mm.bootstrap.backtest.engine import refuse_backtest
from mm.domain.commands import Place
from mm.domain.events import OrderAcked
from mm.errors import RecordingUnusable
from mm.sim.latency import LatencyRow
from mm.store.journal.layout import JOURNAL_NAME
from mm.store.journal.reader import read

COLUMNS: Final = ("sent_ns", "effect_ns", "answered_ns")
ROWS_MAX: Final = 5_000_000


def measured_rows(path: Path) -> tuple[LatencyRow, ...]:
    """Return what was measured, in order: of a file (columns sent_ns, effect_ns, answered_ns), or of the
    directory of a run.

    Raises: RecordingUnusable with file and row; JournalCorrupt, JournalForeign, StateCorrupt if a run has no
    journal that can be read.
    """
    return _of_run(path) if path.is_dir() else _of_file(path)


def _of_run(directory: Path) -> tuple[LatencyRow, ...]:
    refuse_backtest(directory)
    sent: dict[str, int] = {}
    found: list[LatencyRow] = []
    for record in read(directory / JOURNAL_NAME, types=(Place, OrderAcked), own_only=True):
        match record.entry:
            case Place(cid=cid):
                sent[cid] = record.ts_ns
            case OrderAcked(cid=cid, ts_ns=answered_ns) if cid in sent:
                sent_ns = sent.pop(cid)
                found.append(LatencyRow(sent_ns, (sent_ns + answered_ns) // 2, answered_ns))
            case _:
                pass
    rows = _in_turn(found)
    if not rows:
        raise RecordingUnusable(
            f"{directory}: no order of it was answered: it measured no latency",
            hint="name a run, live or on paper, that quoted",
        )
    return tuple(rows[:ROWS_MAX])


# On one connection nothing overtakes: of two that did, and of those sent at once, the slow one counts.
def _in_turn(found: list[LatencyRow]) -> list[LatencyRow]:
    rows = [LatencyRow(0, 0, 0)]
    for row in sorted(found, key=lambda one: (one.sent_ns, -one.answered_ns)):
        is_later = all(own > other for own, other in zip(row, rows[-1], strict=True))
        if is_later and row.effect_ns > row.sent_ns:
            rows.append(row)
    return rows[1:]


def _of_file(path: Path) -> tuple[LatencyRow, ...]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise RecordingUnusable(
                    f"{path}: no column {missing[0]}", hint=f"expected the columns {', '.join(COLUMNS)}"
                )
            rows = []
            for number, row in enumerate(reader, start=2):
                if number > ROWS_MAX:
                    raise RecordingUnusable(f"{path}: more than {ROWS_MAX} rows")
                rows.append(_measured(path, number, row))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise RecordingUnusable(f"{path}: cannot be read: {reason}") from None
    if not rows:
        raise RecordingUnusable(f"{path}: no row of measured latencies")
    return tuple(rows)


def _measured(path: Path, number: int, row: Mapping[str, str | None]) -> LatencyRow:
    try:
        return LatencyRow(*(int(row[name] or "") for name in COLUMNS))
    except ValueError:
        raise RecordingUnusable(
            f"{path}: line {number}: expected three whole numbers of nanoseconds",
            hint=f"columns: {', '.join(COLUMNS)}",
        ) from None
