"""What every verb shares: the global flags, where output goes, durations.

The result of a verb goes to standard output, everything else to standard error. With `--json` standard output
ends with exactly one JSON object. Imports nothing heavy: `mm --help` has to be fast.
"""

import contextlib
import inspect
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Concatenate, Final, ParamSpec, Protocol, cast

import typer

if TYPE_CHECKING:
    from rich.console import Console

P = ParamSpec("P")

NS_PER: Final = {
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
}
DURATION_NS_MAX: Final = 366 * NS_PER["d"]

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """The global flags, and the ways out.

    Fields: as_json: `--json`; quiet: `-q`; verbose: `-v`; color: not `--no-color` nor `NO_COLOR`.
    """

    as_json: bool = False
    quiet: bool = False
    verbose: bool = False
    color: bool = True

    def say(self, text: str) -> None:
        """Tell a person something on standard error; nothing with `-q`."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)

    def result(self, content: Mapping[str, object]) -> None:
        """End standard output with one JSON object if `--json` was given."""
        if self.as_json:
            print(json.dumps(content, default=str), flush=True)

    @property
    def console(self) -> "Console":
        """Standard output for tables; imports rich."""
        from rich.console import Console

        # Elsewhere than on a terminal lines are not broken at the width of a screen that is not there.
        width = None if sys.stdout.isatty() else 200
        return Console(no_color=not self.color, highlight=False, width=width, soft_wrap=width is not None)


def lose_output(error: OSError) -> None:
    """Tell that standard output cannot be written to, and let what is left of it go nowhere."""
    with contextlib.suppress(OSError):
        print(f"error: the result cannot be written: {error.strerror}", file=sys.stderr, flush=True)
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def printable(text: object) -> str:
    """Return `text` on one line without control characters: what a venue said may move no cursor."""
    return _CONTROL.sub("?", str(text))


def duration_ns(text: str) -> int:
    """Return the nanoseconds of `30s`, `5m`, `500ms`, `1h30m`; for typer, so a wrong one is a usage error."""
    if re.fullmatch(r"\d+(?:\.\d+)?", text, re.ASCII):
        raise typer.BadParameter(f"{text!r} has no unit: write {text}s or {text}m")
    if not re.fullmatch(r"(?:\d{1,9}(?:\.\d{1,9})?(?:ms|s|m|h|d))+", text, re.ASCII):
        raise typer.BadParameter(f"{text[:40]!r} is no duration: write 30s, 5m, 500ms or 1h30m")
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", text)
    total = sum(int(Decimal(number) * NS_PER[unit]) for number, unit in parts)
    if not 0 < total <= DURATION_NS_MAX:
        raise typer.BadParameter(f"{text[:40]!r} was out of range: more than nothing, at most 366d")
    return total


Duration = Annotated[
    int | None,
    typer.Option(parser=duration_ns, metavar="TIME", help="How long, as 30s, 5m or 500ms; until stopped."),
]
"""The option `--duration`."""

Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set a key of the config, as risk.max_open_orders=10."),
]
"""The option `--set`, repeatable."""

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        envvar="MM_DATA_DIR",
        metavar="DIR",
        help="Directory of the daemon; the one that runs under ./var if there is only one.",
    ),
]
"""The option `--data-dir` of verbs that talk to a daemon."""

SessionName = Annotated[str, typer.Argument(metavar="[SESSION]", help="As in [pair.NAME]; all if absent.")]
"""The argument of verbs that may mean one session."""

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object as the last line of standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say less.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say more; tracebacks of our own errors.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colours; as the variable NO_COLOR.")]


def terminal_of(*, as_json: bool, quiet: bool, verbose: bool, no_color: bool) -> Terminal:
    """Return the terminal that the flags describe."""
    color = not no_color and not os.environ.get("NO_COLOR")
    return Terminal(as_json=as_json, quiet=quiet, verbose=verbose, color=color)


class _Called(Protocol):
    # A verb as `verb` calls it: with what typer read.
    def __call__(self, terminal: Terminal, **values: object) -> None: ...


def verb(function: Callable[Concatenate[Terminal, P], None]) -> Callable[P, None]:
    """Give a verb the global flags: they may stand before or after its name.

    The function takes a `Terminal` first; typer sees the rest of its parameters and the flags.
    """
    called = cast("_Called", function)

    def run(context: typer.Context, **values: object) -> None:
        flags = {name: bool(values.pop(name)) for name in ("as_json", "quiet", "verbose", "no_color")}
        before = context.obj if isinstance(context.obj, Terminal) else Terminal()
        after = terminal_of(**flags)
        terminal = Terminal(
            as_json=before.as_json or after.as_json,
            quiet=before.quiet or after.quiet,
            verbose=before.verbose or after.verbose,
            color=before.color and after.color,
        )
        called(terminal, **values)

    own = list(inspect.signature(function).parameters.values())[1:]
    context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    flags = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=False)
        for name, annotation in (
            ("as_json", AsJson),
            ("quiet", Quiet),
            ("verbose", Verbose),
            ("no_color", NoColor),
        )
    ]
    named = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    run.__signature__ = inspect.Signature([context, *named, *flags])  # type: ignore[attr-defined]  # typer reads it
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in (context, *named, *flags)}
    run.__doc__ = function.__doc__
    return cast("Callable[P, None]", run)
