"""A safety sheet for people: what happened, what the bot did, what it risked; then one table, then the sum.

Everything shown went through `printable`: what a config or a venue says moves no cursor.
"""

from collections.abc import Iterator
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from mm.cli.terminal import printable
from mm.observe.drill_words import line_text
from mm.observe.safety_sheet import (
    Case,
    Sheet,
    account_ppm,
    at_text,
    cancelled_text,
    deeds_of,
    exposure_text,
    loss_text,
    money,
    setting_lines,
    share_text,
    summary_lines,
    verdict,
    warnings,
    worst_of,
    worth_text,
)

STYLES: Final = {"passed": "green", "failed": "bold red", "not applicable": "dim"}
WEIGHTS: Final = ("dim", "", "bold")


def sheet_lines(sheet: Sheet, *, with_cases: bool) -> Iterator[RenderableType]:
    """Yield what is printed. Args: with_cases: each incident in detail as well; a failed one in any case."""
    for line in setting_lines(sheet.setting):
        yield Text(printable(line), style="dim")
    yield Text("")
    for case in sheet.cases:
        if with_cases or case.violations:
            yield from _case(sheet, case)
            yield Text("")
    yield _table(sheet)
    for index, line in enumerate(summary_lines(sheet)):
        good = sheet.is_good and sheet.complete
        yield Text(printable(line), style=("bold green" if good else "bold red") if not index else "")
    for line in warnings(sheet):
        yield Text(f"warning: {printable(line)}", style="yellow")


def _case(sheet: Sheet, case: Case) -> Iterator[Text]:
    word = verdict(case)
    yield Text.assemble((case.title, "bold"), f"  {case.name}  ", (word, STYLES[word]))
    yield Text(f"  {case.story}", style="italic")
    if case.not_applicable:
        yield Text(f"  not applicable: {printable(case.not_applicable)}", style="dim")
        return
    for line in deeds_of(case):
        yield Text(f"  {at_text(line.at_ms):>8}  {printable(line_text(line))}", style=WEIGHTS[line.weight])
    for track in case.tracks:
        one = track.instrument
        yield Text(
            f"  {printable(track.session)}: exposure at most {exposure_text(track)},"
            f" {share_text(track.worst_ppm)} of its limit, worth {worth_text(track)},"
            f" {share_text(account_ppm(sheet, track))} of the account; largest order"
            f" {one.size_text(track.order_lots)} {one.base}; loss at most"
            f" {money(track.loss_atoms, one)} {one.quote}"
        )
    counts = f"{case.places} orders, {case.fills} fills"
    lives = f", {case.lives} processes" if case.lives > 1 else ""
    yield Text(f"  all cancelled {cancelled_text(case)}; {counts}{lives}")
    for text in case.violations:
        yield Text(f"  {printable(text)}", style="bold red")


def _table(sheet: Sheet) -> Table:
    made = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    made.add_column("incident", no_wrap=True)
    made.add_column("verdict", no_wrap=True)
    for title in ("exposure", "of limit", "of account", "all cancelled", "fills", "loss"):
        made.add_column(title, justify="right")
    for case in sheet.cases:
        word, track = verdict(case), worst_of(case)
        cells = ["-"] * 6
        if track is not None:
            cells = [
                exposure_text(track),
                share_text(track.worst_ppm),
                share_text(account_ppm(sheet, track)),
                cancelled_text(case),
                str(case.fills),
                loss_text(case),
            ]
        made.add_row(Text(case.name), Text(word, style=STYLES[word]), *map(Text, cells))
    return made
