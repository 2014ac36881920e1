"""The command line's entry: the table of verbs, and how every error ends.

An error of ours is told in two lines, without a traceback, and ends with its exit code; an unexpected one
ends with 1. Importing this imports no library heavier than the parser of the command line.
"""

import contextlib
import json
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Final, NoReturn

import typer

from mm import __version__
from mm.cli import (
    audit,
    backtest,
    bench,
    calibrate,
    check,
    compare,
    config,
    data,
    doctor,
    drill,
    exchange,
    export,
    import_hummingbot,
    init,
    journal,
    machine_code,
    operate,
    record,
    replay,
    report,
    runs,
    service,
    simulate,
    tune,
    viability,
    watch,
    why,
)
from mm.cli.terminal import AsJson, NoColor, Quiet, Verbose, terminal_of
from mm.errors import EXIT_OK, EXIT_UNEXPECTED, EXIT_USAGE, MMError

EPILOG: Final = (
    "Exit codes: 0 ok, 1 unexpected, 2 usage, 3 not running, 4 config, 5 timeout, 6 halted,"
    " 7 venue unreachable, 8 orders may remain open, 9 a check failed."
)

EXIT_INTERRUPTED: Final = 130
"""A signal came while nothing was traded, as shells count it: what was begun is undone, or marked partial."""

app: Final = typer.Typer(
    name="mm",
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _say_version(wanted: bool) -> None:
    if wanted:
        print(f"mm {__version__}")
        raise typer.Exit(EXIT_OK)


@app.callback()
def root(
    context: typer.Context,
    *,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    no_color: NoColor = False,
    version: Annotated[  # noqa: ARG001 - its callback has ended the command
        bool,
        typer.Option("--version", callback=_say_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """mm: a market maker for one account. Start with: mm demo"""
    context.obj = terminal_of(as_json=as_json, quiet=quiet, verbose=verbose, no_color=no_color)


for function, name in (
    (runs.demo, "demo"),
    (init.init, "init"),
    (runs.run, "run"),
    (check.check, "check"),
    (exchange.exchange, "exchange"),
    (record.record, "record"),
    (backtest.backtest, "backtest"),
    (replay.replay, "replay"),
    (report.report, "report"),
    (compare.compare, "compare"),
    (simulate.simulate, "simulate"),
    (drill.drill, "drill"),
    (viability.viability, "viability"),
    (calibrate.calibrate, "calibrate"),
    (tune.tune, "tune"),
    (machine_code.compile_, "compile"),
    (audit.audit, "audit"),
    (watch.status, "status"),
    (watch.orders, "orders"),
    (watch.fills, "fills"),
    (watch.pnl, "pnl"),
    (watch.metrics, "metrics"),
    (why.why, "why"),
    (export.export, "export"),
    (operate.stop, "stop"),
    (operate.pause, "pause"),
    (operate.resume, "resume"),
    (operate.halt, "halt"),
    (operate.unhalt, "unhalt"),
    (doctor.doctor, "doctor"),
):
    app.command(name)(function)
app.add_typer(config.app, name="config")
app.add_typer(data.app, name="data")
app.add_typer(import_hummingbot.app, name="import")
app.add_typer(journal.app, name="journal")
app.add_typer(service.app, name="service")
app.add_typer(bench.app, name="bench")


def carry_out(arguments: Sequence[str]) -> int:
    """Carry out a command line and return its exit code; whatever goes wrong has been told."""
    try:
        app(args=list(arguments), prog_name="mm", standalone_mode=True)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else EXIT_UNEXPECTED
        _tell_how_the_parser_ended(ended.__context__, code, arguments)
        return code
    except MMError as error:
        _tell(str(error), error.hint, error.exit_code, arguments)
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the last place where an error can be told
        from mm.logs import redact

        if _asked(arguments, "-v", "--verbose"):
            print(redact(traceback.format_exc()), file=sys.stderr)
        said = redact(f"unexpected {type(error).__name__}: {error}")
        _tell(said, "run it again with -v for a traceback", EXIT_UNEXPECTED, arguments)
        return EXIT_UNEXPECTED
    return EXIT_OK


def _asked(arguments: Sequence[str], *flags: str) -> bool:
    return any(argument in flags for argument in arguments)


def _tell_how_the_parser_ended(cause: object, exit_code: int, arguments: Sequence[str]) -> None:
    # The parser has told a wrong command line to people, and a signal to nobody; a verb that ends itself so
    # has told what it found until then.
    if exit_code == EXIT_INTERRUPTED and _was_interrupted(cause):
        _tell("interrupted", "", exit_code, arguments)
    elif exit_code == EXIT_USAGE:
        say = getattr(cause, "format_message", lambda: "wrong command line")
        _print_json(say(), "see mm -h", exit_code, arguments)


def _was_interrupted(cause: object) -> bool:
    # The parser turns the signal into an exit of its own.
    found = cause if isinstance(cause, BaseException) else None
    return not isinstance(found, typer.Exit) or isinstance(found.__context__, KeyboardInterrupt)


def _tell(message: str, hint: str, exit_code: int, arguments: Sequence[str]) -> None:
    # Nobody can be told where the pipe is closed or the disk is full; the exit code still says it.
    with contextlib.suppress(OSError):
        print(f"error: {message}", file=sys.stderr)
        if hint:
            print(f"hint: {hint}", file=sys.stderr)
    _print_json(message, hint, exit_code, arguments)


def _print_json(message: str, hint: str, exit_code: int, arguments: Sequence[str]) -> None:
    if _asked(arguments, "--json"):
        content = {"ok": False, "error": message, "hint": hint, "exit_code": exit_code}
        with contextlib.suppress(OSError):
            print(json.dumps(content), flush=True)


def _open_standard_streams() -> None:
    # Closed by whoever started us: what is opened next would get their numbers, and be written to as them.
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))
            assert getattr(sys, name).fileno() == number


def main() -> NoReturn:
    """The console script `mm`."""
    _open_standard_streams()
    sys.exit(carry_out(sys.argv[1:]))
