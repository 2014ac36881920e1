"""What `mm tune` prints for a person: the verdict first, then what changes, samples, luck and parameters."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from mm.cli.terminal import Terminal, printable

WRITTEN: Final = {
    "luck": "what is written is not distinguishable from luck",
    "loses": "what is written is not distinguishable from luck: doing nothing was better even in sample",
    "unknown": "what is written is not distinguishable from luck: there is too little to say",
}
"""What is said above that the best was written, by its verdict; nothing of one that holds."""

if TYPE_CHECKING:
    from mm.bootstrap.tune.tuning import Tuned, Written
    from mm.runtime.tune.judgement import Judgement


def tell(terminal: Terminal, found: "Tuned", changes: "Sequence[Written]") -> None:
    """Print a study's result."""
    judgement, best = found.judgement, found.tried[found.best]
    made = best.outcomes.rows[0][0].made
    print(f"study {printable(found.place.name)}: {found.trials} of {found.order.trials} trials", end="")
    print(f", {found.refused} refused by the config" if found.refused else "")
    print(f"fills: {printable(made)}; worst of {len(found.worlds)} worlds")
    print(f"\nverdict     {judgement.verdict.value.upper()}")
    for reason in judgement.reasons:
        print(f"  {printable(reason)}")
    print(f"\nbest        trial {best.number}")
    _changes(terminal, found, changes)
    _samples(judgement)
    if len(found.order.objectives) > 1:
        _front(terminal, found)
    _parameters(terminal, found)
    print(flush=True)


def _samples(judgement: "Judgement") -> None:
    print(
        f"in sample   {judgement.train:.4g} a day (certainty equivalent), P&L {judgement.train_net:.4g} on"
        f" {judgement.train_fills} fills, {judgement.intervals} minutes"
    )
    print(
        f"out of it   {judgement.test:.4g} a day, P&L {judgement.test_net:.4g} on {judgement.test_fills}"
        f" fills, {judgement.test_intervals} minutes; walking forward {judgement.walk_test:.4g} a day"
    )
    print(
        f"luck        deflated Sharpe ratio {_share(judgement.deflated)}, probability of overfitting"
        f" {judgement.overfitting_words}, rank correlation {_plain(judgement.ranks)}"
    )
    print(f"neighbours  {_plain(judgement.neighbours)} a day in sample on average")


def _changes(terminal: Terminal, found: "Tuned", changes: "Sequence[Written]") -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    old = {one.key: one.old for one in changes}
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in ("key", "config", "best"):
        table.add_column(title, justify="left" if title == "key" else "right", no_wrap=True)
    for key, text in found.point.items():
        best = text.strip('"')
        table.add_row(key, old.get(key, best), best)
    terminal.console.print(table)


def _front(terminal: Terminal, found: "Tuned") -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, title="no other trial is better in all")
    table.add_column("trial")
    for objective in found.order.objectives:
        table.add_column(f"{objective.value}, {objective.unit}", justify="right")
    for one in found.tried:
        if one.number in found.front:
            values = (one.outcomes.value(each, found.train) for each in found.order.objectives)
            table.add_row(str(one.number), *(f"{value:.4g}" for value in values))
    print()
    terminal.console.print(table)


def _parameters(terminal: Terminal, found: "Tuned") -> None:
    print("\nby parameter, near the best in all others (trials):")
    for one in found.sensitivities:
        importance = "" if one.importance is None else f", importance {one.importance:.2f}"
        groups = "  ".join(
            f"{group.low}: {_plain(group.score)} ({group.trials})" for group in one.groups if group.trials
        )
        print(f"  {one.key}{importance}")
        terminal.console.print(f"    {printable(groups)}", markup=False)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _plain(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
