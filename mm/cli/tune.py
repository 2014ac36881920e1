"""The verb `mm tune`: searches parameters on recordings, and says what the best is worth.

Exit code 130 if it was broken off: what was finished is kept and told, and the same command goes on.
"""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from mm.cli.backtest import EXIT_INTERRUPTED, Data, From, Funding, More, Reference, To, time_ns
from mm.cli.facts import with_facts
from mm.cli.progress import counting_bar
from mm.cli.report import Aversion
from mm.cli.targets import check_target
from mm.cli.terminal import Overrides, Terminal, duration_ns, printable, verb
from mm.errors import ConfigError, MMError, NotRunning, UsageError

if TYPE_CHECKING:
    from mm.bootstrap.tune.tuning import Order, Tuned, Tuning
    from mm.runtime.tune.score import Objective
    from mm.runtime.tune.splits import Cut
    from mm.store.recordings.facts import Facts

JSON_OPENING: Final = '{\n "study": '
"""How the JSON report of a study begins."""

ConfigPath = Annotated[Path, typer.Argument(metavar="CONFIG", help="The config file.")]
SpacePath = Annotated[Path, typer.Option("--space", metavar="FILE", help="TOML: keys and their ranges.")]
Trials = Annotated[int, typer.Option(min=1, max=1_000_000, help="Of the study, with those it has already.")]
Storage = Annotated[
    str, typer.Option(metavar="FILE|URL", help="Where the study is kept; postgresql://... or a file.")
]
Name = Annotated[str, typer.Option(metavar="NAME", help="Of the study; that of config and space if absent.")]
Jobs = Annotated[int, typer.Option(min=1, max=256, help="Processes on this machine.")]
Scheduler = Annotated[
    str, typer.Option(metavar="ADDRESS", help="Run on the workers of this Dask scheduler: tcp://HOST:PORT.")
]
Seed = Annotated[int, typer.Option(min=0, max=2**31, help="The same seed gives the same trials.")]
Batch = Annotated[
    int, typer.Option(min=1, max=1_000, help="Trials under way at once; more for more than 8 workers.")
]
Pair = Annotated[str | None, typer.Option(metavar="NAME", help="The session that is judged, [pair.NAME].")]
Objectives = Annotated[
    str, typer.Option(metavar="NAMES", help="One or several of certainty,drawdown,presence,messages.")
]
Queues = Annotated[
    str, typer.Option(metavar="A,B", help="Queue models; the worst counts. As risk_averse,power:3,log2.")
]
Latencies = Annotated[
    str,
    typer.Option(
        metavar="A,B", help="Latencies; the worst counts. As sampled:80,250,constant:5,5,measured:RUN."
    ),
]
Splits = Annotated[
    int, typer.Option(min=0, max=64, help="Parts of the data, each to train and to test; 0: up to 4, as fit.")
]
TestRatio = Annotated[float, typer.Option(min=0.05, max=0.9, help="Share of a split that is tested on.")]
Embargo = Annotated[
    int,
    typer.Option(parser=duration_ns, metavar="TIME", help="Between two windows; nothing is traded in it."),
]
Write = Annotated[bool, typer.Option("--write", help="Write the best parameters into the config.")]
Pick = Annotated[int | None, typer.Option(min=0, metavar="TRIAL", help="Judge this one, not the best.")]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="FILE.html", help="The page; beside the study if absent.")
]


@verb
@with_facts
def tune(
    terminal: Terminal,
    *,
    config: ConfigPath,
    space: SpacePath,
    more: More = None,
    data: Data,
    trials: Trials = 100,
    storage: Storage = "",
    name: Name = "",
    jobs: Jobs = 1,
    scheduler: Scheduler = "",
    seed: Seed = 7,
    batch: Batch = 8,
    pair: Pair = None,
    objective: Objectives = "certainty",
    queues: Queues = "",
    latencies: Latencies = "",
    splits: Splits = 0,
    test_ratio: TestRatio = 0.3,
    embargo: Embargo = "60s",  # type: ignore[assignment]  # parsed by typer, as what is given
    from_time: From = "",
    to_time: To = "",
    aversion: Aversion = 0.01,
    pick: Pick = None,
    funding: Funding = None,
    write: Write = False,
    reference: Reference = False,
    out: Out = None,
    overrides: Overrides = None,
    facts: "Facts",
) -> None:
    """Search a session's parameters on recordings and say what the best is worth; again, it goes on.

    Example: mm tune config/paper.toml --space space.toml --data var/data --trials 100 --jobs 2
    """
    order = _order_type()(
        config=config,
        space=space,
        data=(*data, *(more or ())),
        trials=trials,
        overrides=tuple(overrides or ()),
        pair=pair,
        objectives=_objectives(objective),
        queues=tuple(queues.split(",")),
        latencies=tuple(re.split(r",(?=[a-z]+:)", latencies)),
        cut=_cut(splits, test_ratio, embargo),
        from_ns=time_ns(from_time, "--from"),
        to_ns=time_ns(to_time, "--to"),
        aversion=aversion,
        seed=seed,
        lag=batch,
        name=name,
        storage=storage,
        reference=reference,
        pick=pick,
        funding=funding,
        facts=facts,
    )
    _finish(terminal, *_searched(terminal, order, jobs, scheduler, out=out), out=out, write=write)


def _searched(
    terminal: Terminal, order: "Order", jobs: int, scheduler: str, *, out: Path | None
) -> "tuple[Tuned, MMError | None]":
    # What broke is told after what there is: a partial report is worth more than none. Workers come first, so
    # that what cannot begin makes no study.
    from mm.bootstrap.jobs import workers
    from mm.bootstrap.tune.tuning import Tuning

    failure: MMError | KeyboardInterrupt | None = None
    tuning, wanted = Tuning(order), order.trials
    _check_files(tuning, out)
    for note in tuning.notes:
        terminal.say(printable(note))
    with workers(jobs, scheduler, terminal.say) as executor, tuning.study() as study:
        try:
            with counting_bar(terminal, "trials", wanted) as tell:
                tuning.search(study, executor, tell)
        except KeyboardInterrupt as asked:
            terminal.say("interrupted: what is finished is kept; the same command goes on")
            failure = asked
        except MMError as error:
            failure = error
        finally:
            executor.close()
        try:
            return tuning.tuned(study), failure if isinstance(failure, MMError) else None
        except NotRunning:
            if failure is not None:
                raise failure from None
            raise


def _finish(
    terminal: Terminal, found: "Tuned", failure: MMError | None, *, out: Path | None, write: bool
) -> None:
    from mm.bootstrap.tune.fields import fields
    from mm.bootstrap.tune.page import page
    from mm.bootstrap.tune.tuning import differences
    from mm.bootstrap.tune.tuning import write as write_down
    from mm.cli.tune_tables import WRITTEN, tell

    told = fields(found)
    files = _files(found, out)
    for path, text in zip(files, (page(found), json.dumps(told, indent=1, default=str)), strict=True):
        _put(path, text)
    changes = differences(found)
    if not terminal.as_json:
        tell(terminal, found, changes)
    written = write_down(found) if write and failure is None else ()
    verdict = found.judgement.verdict.value
    if written and verdict in WRITTEN:
        terminal.say(WRITTEN[verdict])
    if written:
        terminal.say(f"{found.settings.path}: {len(written)} keys written; comments kept")
    elif changes and not write:
        terminal.say("nothing is written without --write")
    for path in files:
        terminal.say(f"written: {printable(path)}")
    if failure is not None:
        raise failure
    brief = {key: value for key, value in told.items() if key != "all"}
    done = {"written": len(written), "written_verdict": verdict if written else None}
    terminal.result({"ok": found.complete, **done, "files": [str(path) for path in files], **brief})
    if not found.complete:
        raise typer.Exit(EXIT_INTERRUPTED)


def _files(found: "Tuned | Tuning", out: Path | None) -> tuple[Path, Path]:
    from mm.bootstrap.tune.tuning import report_path

    return out or report_path(found, ".html"), report_path(found, ".json")


def _check_files(tuning: "Tuning", out: Path | None) -> None:
    # The folder of a study that is to be made comes with it: nothing is there yet.
    page, fields = _files(tuning, out)
    if out is not None or page.parent.is_dir():
        check_target(page)
    if fields.parent.is_dir():
        check_target(fields, opening=JSON_OPENING, what="report of a study")


def _put(path: Path, text: str) -> None:
    from mm.store.textfile import new_file

    try:
        # Where the study is kept elsewhere nobody has made the folder of its reports.
        path.parent.mkdir(parents=True, exist_ok=True)
        new_file(path, text.encode())
    except OSError as error:
        raise ConfigError(f"{printable(path)}: cannot be written: {error.strerror}") from None


def _order_type() -> "type[Order]":
    from importlib.util import find_spec

    if find_spec("optuna") is None:
        raise ConfigError(
            "mm tune searches with Optuna, which is not installed", hint="uv run --extra research mm tune ..."
        )
    from mm.bootstrap.tune.tuning import Order

    return Order


def _objectives(text: str) -> "tuple[Objective, ...]":
    from mm.runtime.tune.score import Objective

    names = text.split(",")
    known = [one.value for one in Objective]
    wrong = [name for name in names if name not in known]
    if wrong or len(dict.fromkeys(names)) != len(names):
        said = f"{wrong[0][:40]!r} is none" if wrong else "one is there twice"
        raise UsageError(f"--objective {text[:80]}: {said}", hint=f"one or several of {', '.join(known)}")
    return tuple(Objective(name) for name in names)


def _cut(splits: int, test_ratio: float, embargo_ns: int) -> "Cut":
    from mm.runtime.tune.splits import Cut

    return Cut(splits=splits, test_ratio=test_ratio, embargo_ns=embargo_ns)
