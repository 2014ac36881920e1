"""The verb `mm backtest`: a config over recorded markets, with the engine that trades.

Nothing is traded and no key is read, whatever the mode of the config. Exit code 130 if it was broken off:
what it found until then is told, marked partial.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Final

import typer

from mm.cli.facts import with_facts
from mm.cli.machine_code import by_machine_code
from mm.cli.progress import counting_bar
from mm.cli.terminal import NS_PER, Overrides, Terminal, duration_ns, verb
from mm.errors import UsageError

if TYPE_CHECKING:
    from mm.bootstrap.backtest.run import BacktestJob, BacktestResult
    from mm.store.recordings.facts import Facts

EXIT_INTERRUPTED: Final = 130
TELL_S: Final = 0.2

Config = Annotated[Path, typer.Argument(metavar="CONFIG", help="A config of any mode, as config/paper.toml.")]
More = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[FILES]...", help="More of --data, as a pattern of the shell gives them."),
]
Data = Annotated[
    list[Path],
    typer.Option(
        "--data",
        metavar="FILES",
        help="Recordings: files, a store of `mm data import`, a run's directory; NAME=FILE for [venue.NAME].",
    ),
]
From = Annotated[
    str, typer.Option("--from", metavar="TIME", help="As 2024-08-08T23:55, UTC, or 10m: from the begin.")
]
To = Annotated[str, typer.Option("--to", metavar="TIME", help="The same: not any more.")]
Queue = Annotated[
    str,
    typer.Option(
        metavar="MODEL",
        help="risk_averse, power:N, power2, power3, log, log2; l3 where order ids are; else [paper] queue.",
    ),
]
Latency = Annotated[
    str,
    typer.Option(
        metavar="MODEL",
        help="constant:ENTRY,ANSWER or sampled:MEAN,P99, milliseconds; measured:FILE.csv or measured:RUN (of"
        " its own orders); else [paper]'s.",
    ),
]
Seed = Annotated[int | None, typer.Option(min=0, max=2**63 - 1, help="Of sampled latencies.")]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Where its directory is made; DATA_DIR/backtests if absent."),
]
Funding = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Funding rates of a perpetual: CSV with ts_ms, rate; else by recorded marks."
    ),
]
Reference = Annotated[
    bool, typer.Option("--reference", help="Every message through Python: slow, the same result.")
]
EachDay = Annotated[bool, typer.Option("--each-day", help="A backtest for each day, UTC, of the data.")]
EachSymbol = Annotated[
    bool, typer.Option("--each-symbol", help="A backtest for each symbol, in the config's one session.")
]
Jobs = Annotated[int, typer.Option(min=1, max=256, help="Processes, with --each-day or --each-symbol.")]
Scheduler = Annotated[
    str, typer.Option(metavar="ADDRESS", help="Of a Dask scheduler, as tcp://10.0.0.1:8786, in their place.")
]


@verb
@with_facts
def backtest(
    terminal: Terminal,
    *,
    config: Config,
    more: More = None,
    data: Data,
    from_time: From = "",
    to_time: To = "",
    queue: Queue = "",
    latency: Latency = "",
    seed: Seed = None,
    funding: Funding = None,
    out: Out = None,
    reference: Reference = False,
    each_day: EachDay = False,
    each_symbol: EachSymbol = False,
    jobs: Jobs = 1,
    scheduler: Scheduler = "",
    overrides: Overrides = None,
    facts: "Facts",
) -> None:
    """Trade a config over recorded markets: same engine, rules and order states as live, honest fills.

    Example: mm backtest config/paper.toml --data btcusdt.gz --to 30m --queue power:2
    """
    by_machine_code(terminal, alone=jobs == 1 and not scheduler)
    from mm.bootstrap.backtest.run import BacktestJob, backtests_of
    from mm.logs import LogSettings, configure

    configure(LogSettings(level="debug" if terminal.verbose else "warning", color=terminal.color))
    job = BacktestJob(
        config=config,
        data=(*data, *(more or ())),
        overrides=tuple(overrides or ()),
        from_ns=time_ns(from_time, "--from"),
        to_ns=time_ns(to_time, "--to"),
        queue=queue,
        latency=latency,
        seed=seed,
        reference=reference,
        funding=funding,
        facts=facts,
    )
    job = replace(job, out_dir=out or backtests_of(job))
    if each_day or each_symbol:
        from mm.cli.backtest_many import run_parts

        if not run_parts(terminal, job, (each_day, each_symbol), (jobs, scheduler)):
            raise typer.Exit(EXIT_INTERRUPTED)
        return
    if jobs > 1 or scheduler:
        raise UsageError(
            "--jobs and --scheduler are for many backtests, and this is one",
            hint="add --each-day or --each-symbol",
        )
    result = _run(terminal, job)
    _tell(terminal, result)
    terminal.result({"ok": not result.partial, **result.as_dict()})
    if result.partial:
        raise typer.Exit(EXIT_INTERRUPTED)


def time_ns(text: str, option: str) -> int:
    """Return a time of `--from` or `--to`: nanoseconds since 1970, or from the data's begin for a duration;
    0 where none was given. Raises: UsageError.
    """
    if not text:
        return 0
    try:
        return duration_ns(text)
    except typer.BadParameter:
        pass
    if text.isascii() and text.isdigit() and len(text) == len(str(NS_PER["s"])) + 9:
        return int(text)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{option} was {text[:40]!r}, expected a time or a duration",
            hint="as 2024-08-08T23:55:00, which is UTC, or 10m from the recording's begin",
        ) from None
    since = (at if at.tzinfo else at.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    found = (since.days * 86_400 + since.seconds) * NS_PER["s"] + since.microseconds * 1_000
    if found < NS_PER["d"] * 366:
        raise UsageError(f"{option} was {text[:40]!r}, expected a time after 1971")
    return found


def _run(terminal: Terminal, job: "BacktestJob") -> "BacktestResult":
    from mm.bootstrap.backtest.run import prepared

    ready = prepared(job, terminal.say)
    began_ns, end_ns = ready.begins_ns, ready.ends_ns
    total_s = max(1, (end_ns - began_ns) // NS_PER["s"])
    with _asked_to_stop() as should_stop, counting_bar(terminal, "backtest", total_s) as bar:
        return ready.run(_teller(bar, began_ns), should_stop)


def _teller(bar: Callable[[int, str], object], began_ns: int) -> Callable[[int, int, int], object]:
    begun_s = told_s = monotonic()

    def tell(ts_ns: int, _end_ns: int, rows: int) -> None:
        nonlocal told_s
        now_s = monotonic()
        if now_s - told_s >= TELL_S:
            told_s = now_s
            at = datetime.fromtimestamp(ts_ns / NS_PER["s"], UTC)
            speed = rows / (now_s - begun_s)
            bar((ts_ns - began_ns) // NS_PER["s"], f"{at:%Y-%m-%d %H:%M:%S} {speed:,.0f} rows/s, seconds")

    return tell


@contextmanager
def _asked_to_stop() -> Iterator[Callable[[], bool]]:
    # The first signal ends it in order, so that what was found is told; the second one at once.
    asked: list[int] = []

    def ask(number: int, _frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell(terminal: Terminal, result: "BacktestResult") -> None:
    if terminal.as_json or terminal.quiet:
        return
    from mm.cli.backtest_sheet import sheet

    print("\n".join(sheet(result)), flush=True)
