"""What the command line says about recordings that do not say it themselves: pair, tick, lot, filters.

Nothing is opened here. Invariant: every verb that reads recordings takes the same options for it.
"""

import inspect
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Concatenate, Final, ParamSpec, Protocol, cast

import typer

from mm.cli.terminal import Terminal
from mm.errors import UsageError

if TYPE_CHECKING:
    from mm.store.recordings.facts import Facts

P = ParamSpec("P")

Base = Annotated[str | None, typer.Option(metavar="ASSET", help="The pair's base, if it cannot be told.")]
Quote = Annotated[str | None, typer.Option(metavar="ASSET", help="The pair's quote.")]
Tick = Annotated[
    str | None, typer.Option(metavar="PRICE", help="The tick; what divides all prices if absent.")
]
Lot = Annotated[
    str | None, typer.Option(metavar="SIZE", help="The lot; what divides all sizes traded if absent.")
]
Info = Annotated[
    Path | None,
    typer.Option(
        "--info", metavar="FILE", exists=True, help="The venue's exchangeInfo of then: tick, lot, filters."
    ),
]

_OPTIONS: Final = {"base": Base, "quote": Quote, "tick": Tick, "lot": Lot, "info": Info}
_NAME: Final = "facts"


class _Called(Protocol):
    # A verb as `with_facts` calls it: with what typer read.
    def __call__(self, terminal: Terminal, **values: object) -> None: ...


def with_facts(
    function: Callable[Concatenate[Terminal, P], None],
) -> Callable[Concatenate[Terminal, P], None]:
    """Give a verb the options `--base --quote --tick --lot --info`, which it gets as one argument `facts`.

    Stands below `@verb`. A number that is none ends the verb with a usage error before it begins.
    """
    called = cast("_Called", function)

    def run(terminal: Terminal, **values: object) -> None:
        said = {name: values.pop(name) for name in _OPTIONS}
        called(terminal, **values, **{_NAME: facts_of(**said)})  # type: ignore[arg-type]  # as typer read them

    signature = inspect.signature(function)
    own = [parameter for name, parameter in signature.parameters.items() if name != _NAME]
    options = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=None)
        for name, annotation in _OPTIONS.items()
    ]
    run.__signature__ = signature.replace(parameters=[*own, *options])  # type: ignore[attr-defined]  # `verb` reads it
    run.__doc__ = function.__doc__
    return cast("Callable[Concatenate[Terminal, P], None]", run)


def facts_of(
    *,
    base: str | None = None,
    quote: str | None = None,
    tick: str | None = None,
    lot: str | None = None,
    info: Path | None = None,
) -> "Facts":
    """Return what the options say, as written; raises UsageError if tick or lot is no number above zero."""
    from mm.store.recordings.facts import Facts

    return Facts(
        base=base,
        quote=quote,
        tick_size=positive_number("--tick", tick),
        lot_size=positive_number("--lot", lot),
        exchange_info=info,
    )


def positive_number(option: str, text: str | None) -> Decimal | None:
    """Return the number that an option says, None if it says nothing; raises UsageError if it is none."""
    if text is None:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal(0)
    if not (number.is_finite() and number > 0):
        raise UsageError(f"{option} was {text[:40]!r}, expected a number above zero")
    return number
