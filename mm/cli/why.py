"""The verb `mm why`: what each quote comes from, gate by gate, of a running daemon or of a recorded run."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal, NamedTuple

import typer

from mm.cli.client import Client, known_dir
from mm.cli.recorded import by_id, place_of
from mm.cli.terminal import Terminal, duration_ns, verb
from mm.domain.units import NS_PER_S
from mm.errors import EXIT_CHECK_FAILED, NotRunning

if TYPE_CHECKING:
    from mm.store.journal.layout import RunPlace

Where = Annotated[
    Path | None,
    typer.Argument(
        metavar="[RUN|DATA_DIR|CONFIG]",
        help="A run's directory or its id, a data directory or a config; the only one under ./var if absent.",
    ),
]
Side = Annotated[
    Literal["bid", "ask"] | None, typer.Option("--side", help="One side of the ladder; both if absent.")
]
Pair = Annotated[str, typer.Option("--pair", metavar="NAME", help="As in [pair.NAME]; all if absent.")]
Level = Annotated[int | None, typer.Option("--level", min=0, metavar="N", help="One level; 0 is nearest.")]
At = Annotated[
    str,
    typer.Option(
        "--at",
        metavar="TIME",
        help="A past moment, from the journal: 08:30:05 or 2026-11-21T08:30:05 (UTC); -30s: before the end.",
    ),
]
Order = Annotated[str, typer.Option("--order", metavar="CID", help="The life of one order instead.")]


class Asked(NamedTuple):
    """What is asked about. Fields: pair: "" for all; side: "" for both; level: None for all."""

    pair: str
    side: str
    level: int | None


FAR_NS: Final = 2**63
"""The core counts no times from here on: the year 2262."""

_TIME: Final = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?")


@verb
def why(
    terminal: Terminal,
    *,
    where: Where = None,
    side: Side = None,
    pair: Pair = "",
    level: Level = None,
    at: At = "",
    order: Order = "",
) -> None:
    """Tell why each quote is as it is, or why there is none: every gate in order, now or at a past moment."""
    if order and (at or side or pair or level is not None):
        raise typer.BadParameter("--order tells a whole life: leave out --at, --side, --pair and --level")
    data_dir, run = _target(where)
    asked = Asked(pair, side or "", level)
    if order:
        _tell_order(terminal, data_dir, run, order)
    elif run is None and not at and _runs(data_dir):
        _tell_running(terminal, data_dir, asked)
    else:
        _tell_recorded(terminal, run or _newest(data_dir), asked, at)


def _target(where: Path | None) -> tuple[Path, Path | None]:
    # The data directory, and the run's where that is meant.
    from mm.store.journal.layout import JOURNAL_NAME

    if where is None:
        return known_dir(None), None
    where = by_id(where)
    if where.is_file():
        from mm.settings.loader import load_settings

        return load_settings(where).data_dir, None
    if (where / JOURNAL_NAME).is_dir():
        return where.absolute().parent.parent, where
    if not where.is_dir():
        raise NotRunning(f"{where}: there is no such run, data directory or config")
    return where, None


def _runs(data_dir: Path) -> bool:
    from mm.store.lock import holder

    return holder(data_dir) is not None


def _places(data_dir: Path) -> "list[RunPlace]":
    from mm.store.journal.layout import runs

    return runs(data_dir)


def _newest(data_dir: Path) -> Path:
    from mm.store.journal.layout import newest_of, no_run

    places = _places(data_dir)
    if not places:
        raise NotRunning(
            f"no daemon runs on {data_dir}, and it holds no recorded run",
            hint=f"{no_run(data_dir).hint}; or start one with `mm demo`",
        )
    return newest_of(places).directory


# ---- now


def _tell_running(terminal: Terminal, data_dir: Path, asked: Asked) -> None:
    from mm.cli.shapes import table, texts

    # One session at a time: the daemon goes on in between.
    with Client(data_dir) as client:
        answer = client.ask("why", session=asked.pair, side=asked.side, level=asked.level)
        explained = [table(answer, "explained")]
        for name in texts(answer, "sessions")[1:] if not asked.pair else []:
            answer = client.ask("why", session=name, side=asked.side, level=asked.level)
            explained.append(table(answer, "explained"))
    _show(terminal, {"source": "running", "explained": explained})


# ---- then


def _tell_recorded(terminal: Terminal, directory: Path, asked: Asked, at: str) -> None:
    import asyncio

    from mm.bootstrap.records.why import Question, span, why_then

    run, last_ns = span(directory)
    at_ns = moment_ns(at, began_ns=run.began_ns, last_ns=last_ns) if at else None
    question = Question(at_ns=at_ns, session=asked.pair, side=asked.side, level=asked.level)

    def progress(ts_ns: int, records: int) -> None:
        done = clock(ts_ns)
        terminal.say(f"computing again: {done} of {clock(at_ns or last_ns)}, {records} records")

    answer = asyncio.run(why_then(directory, question, progress))
    _show(terminal, answer)
    if not answer["agrees"]:
        raise typer.Exit(EXIT_CHECK_FAILED)


def moment_ns(text: str, *, began_ns: int, last_ns: int) -> int:
    """Return the moment that is meant within a run, nanoseconds since 1970.

    Raises: typer.BadParameter if it cannot be read; NotRunning if the run was not there then.
    """
    if text.startswith("-"):
        found_ns = last_ns - duration_ns(text[1:])
    else:
        found = _time_of_day(text, last_ns) or _full_time(text)
        found_ns = int((found - datetime.fromtimestamp(0, UTC)) / timedelta(microseconds=1)) * 1_000
    if not began_ns <= found_ns <= last_ns:
        if not 0 < found_ns < FAR_NS:
            raise typer.BadParameter(f"--at was {text[:40]!r}: no run was recorded then")
        raise NotRunning(
            f"{clock(found_ns)} is not in the record",
            hint=f"it goes from {clock(began_ns)} to {clock(last_ns)} UTC",
        )
    return found_ns


def _time_of_day(text: str, last_ns: int) -> datetime | None:
    # The latest such time of the run.
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    hour, minute, second = (int(part or 0) for part in match.group(1, 2, 3))
    last = datetime.fromtimestamp(last_ns / NS_PER_S, UTC)
    try:
        found = last.replace(
            hour=hour, minute=minute, second=second, microsecond=int((match[4] or "0").ljust(6, "0"))
        )
    except ValueError:
        raise typer.BadParameter(f"--at was {text[:40]!r}: there is no such time of day") from None
    return found if found <= last else found - timedelta(days=1)


def _full_time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"--at was {text[:40]!r}: write 08:30:05, 2026-11-21T08:30:05 (UTC) or -30s"
        ) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def clock(ts_ns: int) -> str:
    """Return a time for people, UTC, to the millisecond."""
    return f"{datetime.fromtimestamp(ts_ns / NS_PER_S, UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3]


# ---- one order


def _tell_order(terminal: Terminal, data_dir: Path, run: Path | None, cid: str) -> None:
    import asyncio

    from mm.bootstrap.records.why_order import order_life

    places = _places(data_dir) if run is None else [place_of(run)]

    def progress(ts_ns: int, records: int) -> None:
        terminal.say(f"computing again: {clock(ts_ns)}, {records} records")

    answer = asyncio.run(order_life(places, cid, progress))
    if not terminal.as_json:
        from mm.cli.why_tables import order_lines

        for line in order_lines(answer):
            terminal.console.print(line)
    terminal.result(answer)


def _show(terminal: Terminal, answer: dict[str, object]) -> None:
    if not terminal.as_json:
        from mm.cli.why_tables import why_lines

        for line in why_lines(answer, with_gates=not terminal.quiet):
            terminal.console.print(line)
    terminal.result(answer)
