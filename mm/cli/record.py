"""The verb `mm record`: what a venue sends, into files, byte for byte. Without --account no key is read.

Nothing is decided here but what a person's options mean. The line that tells how it goes is for people at a
terminal.
"""

import re
import sys
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from mm.cli.terminal import NS_PER, Terminal, duration_ns, verb
from mm.errors import UsageError

if TYPE_CHECKING:
    from mm.bootstrap.record import RecordReport, RecordState
    from mm.runtime.record import RecordCounts
    from mm.runtime.record_account import OwnCounts

SYMBOL: Final = re.compile(r"[A-Z0-9]{1,20}/[A-Z0-9]{1,20}")
SYMBOLS_MAX: Final = 100
"""A connection carries 300 streams at most; three are needed for a symbol."""

BYTES_PER: Final = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
BYTES_MIN: Final = 100_000
SEGMENT_NS_MIN: Final = NS_PER["s"]


def byte_count(text: str) -> int:
    """Return the bytes of `500M`, `10G`, `1.5T`; for typer, so a wrong one is a usage error."""
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?)([KMGT]?)B?", text, re.ASCII | re.IGNORECASE)
    if found is None:
        raise typer.BadParameter(f"{text[:40]!r} is no size: write 500M or 10G")
    return int(Decimal(found[1]) * BYTES_PER[found[2].upper()])


Symbols = Annotated[
    list[str], typer.Option("--symbol", metavar="SYMBOL", help="As BTC/USDT; may be given several times.")
]
Into = Annotated[Path, typer.Option("--into", metavar="DIR", help="Where the files are written.")]
Venue = Annotated[str, typer.Option(metavar="NAME", help="What is recorded.")]
For = Annotated[
    int | None,
    typer.Option("--for", parser=duration_ns, metavar="TIME", help="How long, as 1h; until stopped."),
]
Url = Annotated[
    str | None, typer.Option(metavar="URL", help="A venue in place of the real one, as a local exchange.")
]
Rotate = Annotated[
    int, typer.Option(parser=duration_ns, metavar="TIME", help="A new file after so long, or 256 MiB.")
]
MaxBytes = Annotated[
    int | None,
    typer.Option(parser=byte_count, metavar="SIZE", help="End at this size of all files, as 10G."),
]
DropOldest = Annotated[
    bool, typer.Option("--drop-oldest", help="At --max-bytes remove the oldest files instead of ending.")
]
Keep = Annotated[
    int | None,
    typer.Option(parser=duration_ns, metavar="TIME", help="Remove files of this recording older than that."),
]
Free = Annotated[
    int, typer.Option(parser=byte_count, metavar="SIZE", help="End before less of the disk is free.")
]
Account = Annotated[
    Path | None,
    typer.Option(
        "--account",
        metavar="CONFIG",
        help="Hear the account of this live config too: its orders and balances. Nothing is traded.",
    ),
]


@verb
def record(
    terminal: Terminal,
    *,
    symbols: Symbols,
    into: Into,
    venue: Venue = "binance",
    for_ns: For = None,
    url: Url = None,
    account: Account = None,
    rotate: Rotate = "1h",  # type: ignore[assignment]  # typer parses a default as it parses an argument
    max_bytes: MaxBytes = None,
    drop_oldest: DropOldest = False,
    keep: Keep = None,
    free: Free = "500M",  # type: ignore[assignment]  # parsed by typer, as above
) -> None:
    """Record a market: mm record --symbol BTC/USDT --for 1h --into recordings"""
    from mm.bootstrap.record import RecordAsked, record_market
    from mm.logs import LogSettings, configure
    from mm.settings.loader import load_settings
    from mm.store.recordings.framed.writer import FramedLimits

    if drop_oldest and max_bytes is None:
        raise UsageError("--drop-oldest was given without --max-bytes: nothing says what is too much")
    if max_bytes is not None and max_bytes < BYTES_MIN:
        raise UsageError(f"--max-bytes was {max_bytes}, expected {BYTES_MIN} or more")
    if rotate < SEGMENT_NS_MIN:
        raise UsageError("--rotate was below 1s, expected more")
    if account is not None and url is not None:
        raise UsageError("--url was given beside --account, whose config names the venue's address")
    asked = RecordAsked(
        venue=venue,
        symbols=checked_symbols(symbols),
        into=into,
        for_ns=for_ns or 0,
        url=_checked_url(url),
        account=None if account is None else load_settings(account),
        limits=FramedLimits(
            segment_ns=rotate,
            max_bytes=max_bytes or 0,
            drops_oldest=drop_oldest,
            keep_ns=keep or 0,
            free_bytes_min=free,
        ),
    )
    configure(LogSettings(level="debug" if terminal.verbose else "warning", color=terminal.color))
    until = "until ctrl-c" if for_ns is None else f"for {for_ns / NS_PER['s']:g} s of the market's time"
    beside = "" if account is None else f" and the account of {account}"
    terminal.say(f"recording {', '.join(asked.symbols)} of {venue}{beside} into {into} {until}")
    line = StatusLine(terminal)
    try:
        report = record_market(asked, line.show)
    finally:
        line.end()
    if not terminal.as_json and not terminal.quiet:
        print(summary(report))
    terminal.result(report.as_dict())


def checked_symbols(named: list[str]) -> tuple[str, ...]:
    """Return the symbols that were asked for; raises UsageError."""
    for symbol in named:
        if not SYMBOL.fullmatch(symbol):
            raise UsageError(f"--symbol was {symbol[:40]!r}, expected a pair", hint="write it as BTC/USDT")
    if len(set(named)) < len(named):
        raise UsageError("a --symbol was given twice")
    if len(named) > SYMBOLS_MAX:
        raise UsageError(f"{len(named)} symbols were given, one connection takes {SYMBOLS_MAX}")
    return tuple(named)


def _checked_url(url: str | None) -> str | None:
    from mm.settings.values import host_is_loopback

    if url is not None and not (url.startswith("https://") or host_is_loopback(url)):
        raise UsageError(f"--url was {url[:80]!r}, expected https:// or an address of this machine")
    return None if url is None else url.rstrip("/")


class StatusLine:
    """One line on standard error, written over again and again; silent elsewhere than on a terminal."""

    def __init__(self, terminal: Terminal) -> None:
        """Show nothing yet."""
        self._is_shown = sys.stderr.isatty() and not terminal.quiet and not terminal.as_json
        self._before: tuple[float, int] = (0.0, 0)

    def show(self, state: "RecordState") -> None:
        """Show how it goes."""
        if self._is_shown:
            text = status_text(state, self._before)
            self._before = (state.ran_s, state.counts.frames)
            with suppress(OSError):
                print(f"\r{text.ljust(110)}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Leave the line."""
        if self._is_shown:
            with suppress(OSError):
                print(file=sys.stderr, flush=True)


def status_text(state: "RecordState", before: tuple[float, int]) -> str:
    """Return the line. Args: before: seconds and frames when it was shown last."""
    counts, totals = state.counts, state.totals
    passed_s = state.ran_s - before[0]
    rate = (counts.frames - before[1]) / passed_s if passed_s > 0 else 0.0
    offset = "-" if counts.offset_ns is None else f"{counts.offset_ns / 1e6:+.1f} ms"
    where = f"{state.books} books" if state.is_up else "not connected"
    if state.account is not None:
        heard = f"{state.account.texts} texts" if state.account_is_up else "not connected"
        where = f"{where}  account {heard}"
    return (
        f"{state.ran_s:.0f} s  {where}  {counts.frames} frames ({rate:.0f}/s)  {totals.bytes / 1e6:.1f} MB"
        f" in {totals.files} files  {counts.gaps} gaps  clock {offset}"
    )


def clock_words(counts: "RecordCounts") -> str:
    """Return how the venue's clock stands to this one."""
    if counts.offset_ns is None:
        return "not measured"
    which = "ahead" if counts.offset_ns >= 0 else "behind"
    offset_ms, trip_ms = (value / NS_PER["ms"] for value in (abs(counts.offset_ns), counts.round_trip_ns))
    return f"the venue's clock is {offset_ms:.1f} ms {which}, measured with a round trip of {trip_ms:.1f} ms"


def account_words(counts: "OwnCounts") -> str:
    """Return what was heard of an account."""
    from mm.store.recordings.framed.own import kind_words

    lost = f", lost {counts.lost} times" if counts.lost else ""
    heard = f"{kind_words(counts.kinds)}; {counts.listings} listings"
    return f"{heard}; {counts.connections} connections{lost}"


def summary(report: "RecordReport") -> str:
    """Return how a recording went, for people."""
    told = report.as_dict()
    rows = (
        ("ended", f"{report.ended}, after {told['duration_s']} s of the market's time"),
        ("frames", f"{told['frames']} ({told['frames_per_s']}/s), {told['frame_bytes']} bytes as received"),
        ("books", f"{told['snapshots']} snapshots, {told['snapshots_refused']} that did not join"),
        ("gaps", f"{told['gaps']}, {told['connections']} connections"),
        ("clock", clock_words(report.counts)),
        *(() if report.account is None else (("account", account_words(report.account)),)),
        ("written", f"{told['bytes']} bytes in {told['files']} files, {told['segments_dropped']} dropped"),
        ("recording", f"{report.directory}/{report.recording}-*.mmr"),
    )
    return "\n".join(f"{name:<10} {value}" for name, value in rows)
