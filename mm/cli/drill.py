"""The verb `mm drill`: a config through the incidents that cost others money. Exit code 9 if one breaks it.

Offline; no key is read, nothing is sent, nothing of the data directory is changed.
"""

import os
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from mm.cli.progress import counting_bar
from mm.cli.targets import check_target, write_page
from mm.cli.terminal import Overrides, Terminal, verb
from mm.errors import EXIT_CHECK_FAILED

if TYPE_CHECKING:
    from mm.bootstrap.drill import Drill
    from mm.observe.safety_sheet import Case, Sheet
    from mm.runtime.simulate.scenarios import Scenario

JOBS_MAX: Final = 4

PRICE_MAX: Final = Decimal(10) ** 12

Config = Annotated[
    Path | None, typer.Argument(metavar="[CONFIG]", help="A config file; that of `mm demo` if absent.")
]
Names = Annotated[
    list[str] | None, typer.Option("--scenario", metavar="NAME", help="Only this one; may be repeated.")
]
List = Annotated[bool, typer.Option("--list", help="Tell the scenarios and play none.")]
Html = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Write the sheet as one HTML page.")
]
Prices = Annotated[
    list[str] | None,
    typer.Option("--price", metavar="SYMBOL=PRICE", help="Price of the simulated market of a symbol."),
]
Jobs = Annotated[
    int, typer.Option(min=0, max=64, help="Processes; 0: as many as there are cores, at most 4.")
]


@verb
def drill(
    terminal: Terminal,
    *,
    config: Config = None,
    scenario: Names = None,
    show_list: List = False,
    html: Html = None,
    price: Prices = None,
    jobs: Jobs = 0,
    overrides: Overrides = None,
) -> None:
    """Play known incidents against a config, in a simulation, and print a safety sheet."""
    from mm.bootstrap.drill import Asked, chosen, prepared
    from mm.observe.safety_page import page
    from mm.settings.loader import DEMO_FILE

    scenarios = chosen(scenario or ())
    if show_list:
        _tell_list(terminal, scenarios)
        return
    if html is not None:
        check_target(html)
    ready = prepared(Asked.of(config or DEMO_FILE, overrides or (), _prices(price or ())))
    sheet = _played(terminal, ready, scenarios, jobs=jobs or min(os.cpu_count() or 1, JOBS_MAX))
    if html is not None:
        write_page(html, page(sheet))
    _finish(terminal, sheet)


def _played(terminal: Terminal, ready: "Drill", scenarios: "tuple[Scenario, ...]", *, jobs: int) -> "Sheet":
    from mm.bootstrap.drill import played, sheet_of

    cases: list[Case] = []
    complete, failed = True, 0
    with counting_bar(terminal, "incidents", len(scenarios)) as tell:
        try:
            for case in played(ready, scenarios, jobs=min(jobs, len(scenarios))):
                cases.append(case)
                failed += bool(case.violations)
                tell(len(cases), f"incidents, {failed} failed")
        except KeyboardInterrupt:
            complete = False
    return sheet_of(ready, cases, complete=complete)


def _finish(terminal: Terminal, sheet: "Sheet") -> None:
    from mm.cli.drill_tables import sheet_lines
    from mm.observe.safety_sheet import sheet_fields

    if not terminal.as_json:
        for line in sheet_lines(sheet, with_cases=not terminal.quiet):
            terminal.console.print(line)
    terminal.result(sheet_fields(sheet))
    if not sheet.is_good or not sheet.complete:
        raise typer.Exit(EXIT_CHECK_FAILED)


def _prices(texts: list[str] | tuple[()]) -> dict[str, Decimal]:
    prices: dict[str, Decimal] = {}
    for text in texts:
        symbol, _, amount = text.partition("=")
        try:
            value = Decimal(amount)
        except InvalidOperation:
            value = Decimal(0)
        if not symbol or not value.is_finite() or not 0 < value <= PRICE_MAX:
            raise typer.BadParameter(f"--price was {text[:60]!r}, expected as BTC/USDT=60000")
        prices[symbol] = value
    return prices


def _tell_list(terminal: Terminal, scenarios: "tuple[Scenario, ...]") -> None:
    if not terminal.as_json:
        width = max(len(one.name) for one in scenarios)
        for one in scenarios:
            print(f"{one.name:<{width}}  {one.story}")
    fields = ("name", "title", "story")
    terminal.result({"scenarios": [{name: getattr(one, name) for name in fields} for one in scenarios]})
