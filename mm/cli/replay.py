"""The verb `mm replay`: a recorded run again, every command compared.

Exit code 9 on the first difference, and where the record is damaged or not all there: nothing is proven then.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mm.cli.recorded import run_places
from mm.cli.terminal import Terminal, verb
from mm.domain.units import NS_PER_S
from mm.errors import EXIT_CHECK_FAILED, JournalCorrupt, JournalForeign

if TYPE_CHECKING:
    from mm.runtime.rerun import RerunResult
    from mm.store.journal.entries import RunHeader
    from mm.store.journal.verify import Report

Run = Annotated[
    Path,
    typer.Argument(metavar="RUN", help="A run's directory or its id, or a data directory: its newest run."),
]


@verb
def replay(terminal: Terminal, *, run: Run) -> None:
    """Run a recorded run again, without a clock, and compare all that it did with the record; exit 9 on a
    difference or damage.

    Examples: mm replay var/demo; mm replay var/demo/runs/RUN_ID
    """
    import asyncio

    from mm.bootstrap.records.replay_run import repeat

    (place,) = run_places(run)
    try:
        report, result = asyncio.run(repeat(place.directory))
    except (JournalCorrupt, JournalForeign) as error:
        error.exit_code = EXIT_CHECK_FAILED
        raise
    if not terminal.as_json and not terminal.quiet:
        print(_words(report, result), flush=True)
    terminal.result(_fields(report, result))
    if result.difference is not None:
        raise typer.Exit(EXIT_CHECK_FAILED)


def _header(report: "Report") -> "RunHeader":
    assert report.run is not None  # what holds no run is not repeated
    return report.run


def _fields(report: "Report", result: "RerunResult") -> dict[str, object]:
    difference, header = result.difference, _header(report)
    return {
        "run": header.run_id,
        "events": result.events,
        "outcomes": result.outcomes,
        "commands": result.commands,
        "checkpoints": result.checkpoints,
        "run_s": round((result.last_ts_ns - header.began_ns) / NS_PER_S, 3),
        "closed": report.closed,
        "broke": result.broke or None,
        "differences": int(difference is not None),
        "difference": None
        if difference is None
        else {
            "number": difference.number,
            "seq": difference.seq,
            "ts_ns": difference.ts_ns,
            "recorded": difference.recorded,
            "computed": difference.computed,
        },
    }


def _words(report: "Report", result: "RerunResult") -> str:
    header = _header(report)
    lasted_s = (result.last_ts_ns - header.began_ns) / NS_PER_S
    lines = [
        f"run         {header.run_id}, {lasted_s:.1f} s",
        f"events      {result.events} from outside",
        f"outcomes    {result.outcomes} the same: answers of the paper venue, timers",
        f"commands    {result.commands} the same, to the byte",
        f"checkpoints {result.checkpoints} the same, to the byte",
    ]
    if not report.closed:
        lines.append("record      not closed in good order: repeated as far as it goes")
    if result.broke:
        lines.append(f"ended       in an error of the core: {result.broke}")
    difference = result.difference
    if difference is None:
        return "\n".join([*lines, "difference  none"])
    at = datetime.fromtimestamp(difference.ts_ns / NS_PER_S, UTC)
    return "\n".join(
        [
            *lines,
            f"difference  command {difference.number}, {at:%Y-%m-%d %H:%M:%S.%f}, record {difference.seq}",
            f"  recorded  {difference.recorded or 'nothing'}",
            f"  computed  {difference.computed or 'nothing'}",
        ]
    )
