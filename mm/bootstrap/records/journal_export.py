"""The content of one run's journal as rows, one after the other: for other programs, and for people's eyes.

Streams: a journal of any size needs the memory of one record, and of the orders that may still change.
Amounts are integers as they are recorded, with decimal texts beside them. Nothing is written here.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from mm.bootstrap.records.run_facts import facts_of
from mm.domain.commands import Report
from mm.domain.units import short_text
from mm.errors import StateCorrupt
from mm.store.journal.entries import COMMAND, EVENT, OUTCOME, Kind, Record
from mm.store.journal.reader import Reading, read
from mm.store.projection.facts import RunFacts, utc_text
from mm.store.projection.fold import Fold
from mm.store.projection.schema import METADATA

PROGRESS_RECORDS: Final = 8_192

KINDS: Final = ("events", "commands", "fills", "orders", "reports", "all")
"""What can be exported; fills and orders are rows made of several records, the others are records."""

RECORD_COLUMNS: Final = (
    "seq",
    "time_utc",
    "kind",
    "type",
    "session",
    "symbol",
    "side",
    "cid",
    "price",
    "size",
    "content",
)
"""Columns of records where every row has to have the same: `content` is all of the record as JSON."""

_DERIVED: Final = ("fills", "orders")
_LEVELS: Final = ("bids", "asks")
_TEXTS: Final = {
    "price_ticks": "price",
    "size_lots": "size",
    "cum_lots": "cum",
    "size_atoms": "size",
}

Fields = dict[str, object]
Progress = Callable[[int], object]


def columns_of(kind: str) -> tuple[str, ...]:
    """Return the names of the columns of a kind of export where every row has the same ones."""
    return tuple(METADATA.tables[kind].columns.keys()) if kind in _DERIVED else RECORD_COLUMNS


def exported(journal: Path, kind: str, *, progress: Progress = lambda _: None) -> Iterator[Fields]:
    """Yield what the journal in a directory holds of one of `KINDS`, in its order.

    Records have their own fields besides seq, ts_ns, time_utc, kind and type. Args: progress: is told now and
    then how many bytes were read. Raises: StateCorrupt; JournalCorrupt, JournalForeign where it is damaged,
    after what came before.
    """
    kinds = {"events": (EVENT, OUTCOME), "commands": (COMMAND,), "reports": (COMMAND,)}.get(kind)
    types = (Report,) if kind == "reports" else None
    reading = read(journal, kinds=kinds, types=types)
    rows = _derived(reading, kind) if kind in _DERIVED else _records(reading, kind)
    for number, row in enumerate(rows):
        if number % PROGRESS_RECORDS == 0:
            progress(sum(part.bytes for part in reading.tallies))
        yield row
    if reading.run is None:
        raise StateCorrupt(f"{journal}: nothing whole was ever recorded there")


def flat(row: Fields) -> Fields:
    """Return a record's row with `RECORD_COLUMNS` alone."""
    told = {name: row.get(name, "") for name in RECORD_COLUMNS}
    return {**told, "content": msgspec.json.encode(row).decode()}


def _derived(reading: Reading, kind: str) -> Iterator[Fields]:
    fold: Fold | None = None
    for record in reading:
        if fold is None:
            assert reading.run is not None  # a record has a header before it
            fold = Fold(facts_of(reading.run))
        for table, row in fold.take(record):
            if table == kind:
                yield row
    if fold is not None:
        for table, row in fold.rest():
            if table == kind:
                yield row


def _records(reading: Reading, kind: str) -> Iterator[Fields]:
    facts: RunFacts | None = None
    for record in reading:
        if facts is None:
            assert reading.run is not None  # a record has a header before it
            facts = facts_of(reading.run)
        is_other = record.kind is Kind.MISSING or (kind == "commands" and isinstance(record.entry, Report))
        if kind == "all" or not is_other:
            yield _record(record, facts)


def _record(record: Record, facts: RunFacts) -> Fields:
    fields: Fields = msgspec.to_builtins(record.entry)
    fields.pop("ts_ns", None)
    name = fields.pop("type", type(record.entry).__name__)
    if "seq" in fields:
        # The venue's own number of a change of its book.
        fields["venue_seq"] = fields.pop("seq")
    cid = fields.get("cid")
    if isinstance(cid, str) and "session" not in fields:
        fields["session"] = facts.session_of(cid)
    if "symbol" not in fields and fields.get("session") in facts.sessions:
        fields["symbol"] = facts.symbols[facts.sessions.index(str(fields["session"]))]
    if isinstance(record.entry, Report):
        fields["facts"] = dict(record.entry.facts)
    symbol = fields.get("symbol")
    _put_texts(fields, str(symbol) if symbol else "", facts)
    head: Fields = {"seq": record.seq, "time_utc": utc_text(record.ts_ns), "ts_ns": record.ts_ns}
    return {**head, "kind": record.kind.name.lower(), "type": name, **fields}


def _put_texts(fields: Fields, symbol: str, facts: RunFacts) -> None:
    # Beside each integer that is an amount, its decimal text, as deep as they lie.
    symbol = str(fields.get("symbol") or symbol)
    for name in list(fields):
        value = fields[name]
        if name in _TEXTS and isinstance(value, int):
            fields[_TEXTS[name]] = _text(name, value, symbol, facts)
        elif name == "fee_atoms" and isinstance(value, int):
            fields["fee"] = facts.amount_text(str(fields.get("fee_asset", "")), value)
        elif name in ("free_atoms", "locked_atoms") and isinstance(value, int):
            fields[name.removesuffix("_atoms")] = facts.amount_text(str(fields.get("asset", "")), value)
        elif name in _LEVELS and isinstance(value, list | tuple):
            fields[f"{name}_text"] = [_level(level, symbol, facts) for level in value]
        elif name in ("bid", "ask") and isinstance(value, list | tuple):
            fields[f"{name}_text"] = _level(value, symbol, facts)
        elif name == "balances" and isinstance(value, list | tuple):
            fields["balances_text"] = [_balance(entry, facts) for entry in value]
        elif isinstance(value, list | tuple):
            for inner in value:
                if isinstance(inner, dict):
                    _put_texts(inner, symbol, facts)


def _text(name: str, value: int, symbol: str, facts: RunFacts) -> str | None:
    if name == "price_ticks":
        return facts.price_text(symbol, value)
    if name == "size_atoms":
        instrument = facts.instruments.get(symbol)
        return None if instrument is None else short_text(value, instrument.base_scale)
    # A size that the venue did not say.
    return None if value < 0 else facts.size_text(symbol, value)


def _level(level: object, symbol: str, facts: RunFacts) -> list[str | None]:
    price_ticks, size_atoms = level if isinstance(level, list | tuple) else (0, 0)
    return [
        _text("price_ticks", int(price_ticks), symbol, facts),
        _text("size_atoms", int(size_atoms), symbol, facts),
    ]


def _balance(entry: object, facts: RunFacts) -> list[str]:
    asset, free, locked = entry if isinstance(entry, list | tuple) else ("", 0, 0)
    return [str(asset), facts.amount_text(str(asset), int(free)), facts.amount_text(str(asset), int(locked))]


def csv_row(row: Mapping[str, object], columns: tuple[str, ...]) -> list[object]:
    """Return the values of a row in the order of the columns; what is unknown is empty."""
    return ["" if row[name] is None else row[name] for name in columns]
