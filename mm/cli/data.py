"""The verbs `mm data ...`: recordings into a store, checked, described, and from one form into another.

Nothing is ever written over. Exit code 9 where a check finds something wrong.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from mm.cli.facts import with_facts
from mm.cli.progress import counting_bar
from mm.cli.terminal import NS_PER, Terminal, printable, verb
from mm.errors import EXIT_CHECK_FAILED

if TYPE_CHECKING:
    from mm.bootstrap.data import DataOrder, Imported, Progress
    from mm.bootstrap.data_sheet import Sheet
    from mm.store.recordings.facts import Facts
    from mm.store.recordings.framed.ends import TornEnd
    from mm.store.recordings.framed.own import OwnFacts
    from mm.store.recordings.grid import GridDoubt
    from mm.store.recordings.verify import Verified

app = typer.Typer(
    rich_markup_mode=None, no_args_is_help=True, help="Import, check, describe and convert recordings."
)

INVERSE_VENUE: Final = "binancecoinm"
"""Its sizes are contracts, settled in the base asset."""

CONTRACT_VENUES: Final = ("binanceusdm", INVERSE_VENUE)
"""Whose contracts are funded."""

STEPS: Final = 1_000
"""How finely a bar is drawn."""

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILES", help="Recordings in order of time: files, a store, a run's directory.", exists=True
    ),
]
Symbols = Annotated[
    list[str] | None,
    typer.Option("--symbol", metavar="SYMBOL", help="As BTC/USDT, may be given again; all if absent."),
]
Venue = Annotated[
    str | None, typer.Option(metavar="NAME", help="Where it was recorded, if the files do not tell.")
]


@app.callback()
def data() -> None:
    """Import, check, describe and convert recordings."""


@verb
@with_facts
def import_(
    terminal: Terminal,
    *,
    files: Files,
    into: Annotated[Path, typer.Option("--into", metavar="DIR", help="The store.")],
    symbol: Symbols = None,
    venue: Venue = None,
    facts: "Facts",
) -> None:
    """Put recordings into a store: Parquet by venue, symbol and day, with a manifest for each.

    The same again changes nothing; other content for the same time is refused.
    Example: mm data import spot_btcusdt_*.gz --into var/data
    """
    from mm.bootstrap.data import cut_off, import_recordings

    with _bar(terminal) as progress:
        made = import_recordings(_order(files, symbol, replace(facts, venue=venue)), into, progress)
    if not terminal.as_json and not terminal.quiet:
        for one in made:
            print("\n".join(_words_of_import(one)))
    torn = cut_off(files)
    for end in torn:
        terminal.say(printable(f"{end.file}: {end.words}"))
    markets = [_fields_of_import(one) for one in made]
    terminal.result({"ok": True, "store": str(into), "markets": markets, "torn": _fields_of_torn(torn)})


@verb
@with_facts
def verify(
    terminal: Terminal,
    *,
    files: Files,
    venue: Venue = None,
    facts: "Facts",
) -> None:
    """Check recordings whole: gaps, duplicates, crossed books, clocks, checksums, candles; exit 9 if any.

    Example: mm data verify var/data
    """
    from mm.store.recordings.verify import verify as verified

    said = replace(facts, venue=venue)
    with _bar(terminal) as progress:
        found = verified(files, said, lambda done, whole: progress("verifying", done, whole))
    if not terminal.as_json:
        _print_findings(terminal, found)
    terminal.result(
        {
            "ok": found.is_clean,
            "name": found.name,
            "messages": found.totals.messages,
            "totals": found.totals.as_dict(),
            "candles": found.candles,
            "candles_read": found.candles_read,
            "first_ns": found.first_ns,
            "last_ns": found.last_ns,
            "counts": dict(found.counts),
            "account": None if found.account is None else found.account.as_dict(),
            "findings": [
                {
                    "fault": one.fault.value,
                    "file": one.file,
                    "row": one.row,
                    "byte": one.byte if one.byte >= 0 else None,
                    "ts_ns": one.ts_ns,
                    "detail": one.detail,
                }
                for one in found.findings
            ],
        }
    )
    if not found.is_clean:
        raise typer.Exit(EXIT_CHECK_FAILED)


@verb
@with_facts
def info_(
    terminal: Terminal,
    *,
    files: Files,
    symbol: Symbols = None,
    venue: Venue = None,
    facts: "Facts",
) -> None:
    """Say what recordings hold: span, pace, bursts, spread, trades, clocks, gaps.

    Example: mm data info var/data
    """
    from mm.bootstrap.data import cut_off, open_markets
    from mm.bootstrap.data_sheet import sheet_of
    from mm.store.recordings.framed.own import own_facts

    sheets = []
    with _bar(terminal) as progress:
        for source in open_markets(_order(files, symbol, replace(facts, venue=venue)), progress):
            first_ns, whole_ns = source.first_ns, source.last_ns - source.first_ns

            def tell(ts_ns: int, *, first_ns: int = first_ns, whole_ns: int = whole_ns) -> None:
                progress("reading", ts_ns - first_ns, whole_ns)

            sheets.append(sheet_of(source, tell))
    account, torn = own_facts(files), cut_off(files)
    if not terminal.as_json:
        print("\n\n".join("\n".join(_words_of_sheet(sheet)) for sheet in sheets))
        if account is not None:
            print("\n" + "\n".join(_words_of_account(account)))
        for end in torn:
            print(f"torn      {printable(end.file)}: {printable(end.words)}")
    told = None if account is None else account.as_dict()
    markets = [sheet.fields() for sheet in sheets]
    terminal.result({"ok": True, "markets": markets, "account": told, "torn": _fields_of_torn(torn)})


@verb
@with_facts
def convert(
    terminal: Terminal,
    *,
    files: Files,
    to: Annotated[
        Literal["normalised", "hftbacktest", "hftbacktest-levels"],
        typer.Option(
            "--to",
            help="normalised (one Parquet file), hftbacktest (npz, single orders where they are known), or"
            " hftbacktest-levels: without them.",
        ),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help="A new file.")],
    symbol: Symbols = None,
    venue: Venue = None,
    facts: "Facts",
) -> None:
    """Write one market of recordings into a new file of another form; `mm data import` leads back.

    Example: mm data convert var/data/venue=binance --to normalised -o btc.parquet
    """
    from mm.bootstrap.data import ConvertTo
    from mm.bootstrap.data import convert as converted

    with _bar(terminal) as progress:
        made = converted(_order(files, symbol, replace(facts, venue=venue)), ConvertTo(to), out, progress)
    for name, count in made.left_out.items():
        terminal.say(f"left out: {count} of {printable(name)}, which {to} cannot hold")
    if not terminal.as_json and not terminal.quiet:
        frames = f"{made.frames} frames: " if made.frames else ""
        counted = f"{made.rows} rows, {frames}{made.messages} messages of the tape"
        print(f"{made.path}: {counted} of {printable(made.name)}")
    terminal.result(
        {
            "ok": True,
            "file": str(made.path),
            "rows": made.rows,
            "frames": made.frames,
            "messages": made.messages,
            "left_out": made.left_out,
        }
    )


app.command("import")(import_)
app.command("verify")(verify)
app.command("info")(info_)
app.command("convert")(convert)


def _order(files: Sequence[Path], symbols: Sequence[str] | None, facts: "Facts") -> "DataOrder":
    from mm.bootstrap.data import DataOrder

    return DataOrder(paths=tuple(files), symbols=tuple(symbols or ()), facts=facts)


@contextmanager
def _bar(terminal: Terminal) -> Iterator["Progress"]:
    with counting_bar(terminal, "reading", STEPS) as tell:
        yield lambda what, done, whole: tell(min(STEPS, STEPS * done // max(whole, 1)), what)


def _fields_of_import(one: "Imported") -> dict[str, object]:
    stored = one.stored
    return {
        "name": one.name,
        "venue": one.venue,
        "symbol": one.symbol,
        "import_id": stored.import_id,
        "rows": stored.rows,
        "messages": stored.totals.messages,
        "totals": stored.totals.as_dict(),
        "partitions": [str(path) for path in stored.directories],
        "already_there": [str(path) for path in stored.known],
        "left_out": one.left_out,
        "doubts": [_fields_of_doubt(doubt) for doubt in one.doubts],
    }


def _fields_of_torn(torn: Sequence["TornEnd"]) -> list[dict[str, object]]:
    return [
        {"file": end.file, "record": end.records, "ts_ns": end.ts_ns, "detail": end.words} for end in torn
    ]


def _words_of_import(one: "Imported") -> Iterator[str]:
    name = f"{one.venue} {one.symbol}"
    if len(one.stored.known) == len(one.stored.directories):
        yield f"{name}: is there already, nothing was written: {', '.join(map(str, one.stored.known))}"
    else:
        yield f"{name}: {one.stored.rows} rows, {one.stored.totals.words}"
        for path in one.stored.directories:
            yield f"  {path}{' (was there)' if path in one.stored.known else ''}"
    for doubt in one.doubts:
        yield f"  {_words_of_doubt(doubt)}"
    for stream, count in one.left_out.items():
        yield f"  {count} frames of {printable(stream)} are no rows: they are in the source alone"


def _fields_of_doubt(doubt: "GridDoubt") -> dict[str, object]:
    import msgspec

    return msgspec.structs.asdict(doubt)


def _words_of_doubt(doubt: "GridDoubt") -> str:
    return f"{printable(doubt.file)}: row {doubt.row}: {doubt.words}"


def _print_findings(terminal: Terminal, found: "Verified") -> None:
    for one in found.findings:
        when = f" {_utc(one.ts_ns)}" if one.ts_ns else ""
        place = f"{one.file}: row {one.row}" if one.row else one.file
        if one.byte >= 0:
            place = f"{one.file}: record {one.row}, byte {one.byte}"
        print(f"{one.fault.value}: {printable(place)}{when}: {printable(one.detail)}")
    for fault, count in found.counts.items():
        listed = sum(1 for one in found.findings if one.fault is fault)
        if count > listed:
            print(f"{fault.value}: {count - listed} more")
    if found.is_clean and not terminal.quiet:
        told = [found.totals.words] if found.totals.frames else []
        if found.candles:
            told.append(f"{found.candles} candles as its trades make them")
        elif found.candles_read:
            told.append(f"{found.candles_read} candles one after the other")
        print(f"{printable(found.name)}: clean, {', '.join(told or [found.totals.words])}")
    if found.account is not None and not terminal.quiet:
        print(f"account: {printable(found.account.words)}")


def _words_of_sheet(sheet: "Sheet") -> Iterator[str]:
    one, counts = sheet.instrument, sheet.counts
    name = printable(sheet.source.name)
    yield f"{sheet.source.venue} {one.symbol} ({one.venue_symbol}): {name}"
    yield f"span      {_utc(sheet.first_ns)} to {_utc(sheet.last_ns)}, {sheet.duration_s:.1f} s of local time"
    yield f"grid      tick {one.price_text(1)}, lot {one.size_text(1)}"
    pace = f"{sheet.per_s(sheet.messages):.1f} messages/s, {sheet.per_s(sheet.rows):.1f} rows/s"
    yield f"pace      {pace}: {', '.join(f'{count} {kind}' for kind, count in counts.items())}"
    for remark in getattr(sheet.source, "remarks", ()):
        yield f"note      {printable(remark)}"
    for doubt in sheet.doubts:
        yield f"grid      {_words_of_doubt(doubt)}"
    yield f"messages  {sheet.totals.words}"
    yield f"bursts    up to {sheet.burst} messages in 100 ms, at {_utc(sheet.burst_ns)}"
    silence_ms = sheet.silence_ns / NS_PER["ms"]
    yield f"silence   up to {silence_ms:.0f} ms, from {_utc(sheet.silent_ns)}"
    per_min = 60 * sheet.per_s(counts.get("trades", 0))
    unit = "contracts" if sheet.source.venue == INVERSE_VENUE else one.base
    yield f"trades    {per_min:.1f} a minute, {one.base_text(sheet.traded_atoms)} {unit}"
    if sheet.spread_max_ticks:
        yield (
            f"spread    median {sheet.spread_median_ticks} ticks, mean {sheet.spread_mean_ticks:.2f} by time,"
            f" one tick {sheet.spread_one_ratio:.1%} of it; widest {sheet.spread_max_ticks}"
            f" at {_utc(sheet.spread_max_ns)}"
        )
    if sheet.lag_fastest_ns is not None and sheet.lag_median_ns is not None:
        fastest, median = (lag / NS_PER["ms"] for lag in (sheet.lag_fastest_ns, sheet.lag_median_ns))
        wrong = ": before it was sent, a clock is wrong" if fastest < 0 else ""
        yield f"clocks    received {fastest:.1f} ms after sending at best, {median:.0f} ms mostly{wrong}"
    yield f"gaps      {sheet.gap_count or 'none'}"
    for place, ts_ns, reason in sheet.gaps:
        yield f"  {printable(place)} {_utc(ts_ns)}: {printable(reason)}"
    yield from _words_of_marks(sheet)
    beside = sheet.totals.beside - sheet.totals.marks
    if beside:
        yield f"beside    {beside} messages are no part of the tape: before its snapshot, or no trades"
    if sheet.source.venue == INVERSE_VENUE:
        yield "note      sizes are contracts, settled in the base asset: a backtest's P&L is not theirs"


def _words_of_account(account: "OwnFacts") -> Iterator[str]:
    yield f"account   {printable(account.words)}"
    for hole in account.holes:
        yield f"  {printable(hole.file)}: row {hole.row} {_utc(hole.from_ns)}: {printable(hole.words)}"


def _words_of_marks(sheet: "Sheet") -> Iterator[str]:
    if not sheet.totals.marks:
        if sheet.source.venue in CONTRACT_VENUES:
            yield "marks     none: what funding was paid is not known (mm backtest --funding FILE says it)"
        return
    silence_s = sheet.mark_silence_ns / NS_PER["s"]
    count = f"{len(sheet.funding) or 'no'} funding time{'' if len(sheet.funding) == 1 else 's'}"
    marks = f"{sheet.totals.marks} mark prices, up to {silence_s:.1f} s without one"
    yield f"marks     {marks}; {count}"
    for told in sheet.fields()["funding_times"]:  # type: ignore[attr-defined]  # a list of fields
        when = _utc(told["venue_ms"] * NS_PER["ms"])
        yield f"  {when} by the venue's clock: rate {told['rate']}, mark {told['mark']}"
    for place, ts_ns, reason in sheet.faults:
        yield f"  {printable(place)} {_utc(ts_ns)}: {printable(reason)}"


def _utc(ts_ns: int) -> str:
    moment = datetime.fromtimestamp(ts_ns // NS_PER["s"], tz=UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ts_ns % NS_PER['s'] // NS_PER['ms']:03}Z"
