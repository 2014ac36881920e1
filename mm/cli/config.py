"""The verbs `mm config ...`: what is in force, what an edit would do, putting it in force, going back.

With a daemon the file is written, then the daemon is told; without one the file alone is changed, for the
next start. Invariant: a file is changed only to what was validated and planned, and a limit is loosened only
with `--confirm`; whatever is refused leaves the file as it was.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mm.cli.shapes import tables, text
from mm.cli.terminal import DataDir, Terminal, verb

if TYPE_CHECKING:
    from mm.cli.config_target import Edit, Target

app = typer.Typer(
    rich_markup_mode=None, no_args_is_help=True, help="See, change and take back the config of a run."
)

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="A config file; else that of the daemon, or of its last run."
    ),
]
HOURS = 2.0
"""Of the past that a plan tells of, unless it is said."""

Confirm = Annotated[bool, typer.Option("--confirm", help="A limit may get looser by this.")]


@app.callback()
def config() -> None:
    """See, change and take back the config of a run."""


@verb
def get(
    terminal: Terminal,
    *,
    key: Annotated[str, typer.Argument(metavar="[KEY]", help="A key or a table; all if absent.")] = "",
    file: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Show values, where each is from, and when a change of it applies."""
    from mm.cli.config_tables import values_table
    from mm.cli.config_target import find_target

    with find_target(file, data_dir) as target:
        answer = target.values(key)
    if not terminal.as_json:
        terminal.console.print(values_table(answer, with_off=terminal.verbose or bool(key)))
    terminal.result(answer)


@verb
def set_key(
    terminal: Terminal,
    *,
    key: Annotated[str, typer.Argument(metavar="KEY", help="As pair.btc.params.bid_spread_bps.")],
    value: Annotated[str, typer.Argument(metavar="VALUE", help="As in the file; off takes the key out.")],
    confirm: Confirm = False,
    file: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Change one key in the file, and put it in force."""
    from mm.cli.config_target import find_target

    with find_target(file, data_dir) as target:
        target.check_settable(key)
        edit = target.edit_with([(key, value)])
        _carry_out(terminal, target, edit, confirm=confirm, said=f"{key} = {value}", key=key)


@verb
def plan(
    terminal: Terminal,
    *,
    new: Annotated[
        Path | None,
        typer.Argument(metavar="[NEW.toml]", help="What would stand in the file; as it is now if absent."),
    ] = None,
    sets: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="As if this stood in the file.")
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option("--run", metavar="RUN", help="A recorded run in place of the daemon: where it ends."),
    ] = None,
    hours: Annotated[
        float | None,
        typer.Option(
            min=0, max=24 * 366, help="So much of the past is told too; 2 with NEW.toml or --run, else 0."
        ),
    ] = None,
    file: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Show what a config would do to the orders and limits of the daemon, or of a recorded run, and what the
    last hours would have had; nothing is sent.

    Examples: mm config plan; mm config plan new.toml --hours 6; mm config plan new.toml --run RUN
    """
    from mm.cli.config_plan import Asked, show_plan

    edits = tuple(_pair(one) for one in sets or ())
    told = hours if hours is not None else 0.0 if new is None and run is None else HOURS
    show_plan(terminal, Asked(new=new, edits=edits, run=run, hours=told, file=file, data_dir=data_dir))


@verb
def apply(
    terminal: Terminal, *, confirm: Confirm = False, file: ConfigFile = None, data_dir: DataDir = None
) -> None:
    """Put the file in force as it is now."""
    from mm.cli.config_target import find_target

    with find_target(file, data_dir) as target:
        target.need_daemon()
        _carry_out(terminal, target, target.edit_with([]), confirm=confirm, said="the file")


@verb
def rollback(
    terminal: Terminal,
    *,
    revision: Annotated[int, typer.Argument(min=1, help="A revision of `mm config history`.")],
    confirm: Confirm = False,
    file: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Write the text of a revision back to the file, comments included, and put it in force."""
    from mm.cli.config_target import find_target

    with find_target(file, data_dir) as target:
        edit = target.edit_to(target.history.text(revision))
        _carry_out(terminal, target, edit, confirm=confirm, said=f"revision {revision}")


@verb
def history(terminal: Terminal, *, file: ConfigFile = None, data_dir: DataDir = None) -> None:
    """Show what was in force: when, by whom, which keys."""
    from mm.cli.config_tables import revisions_table
    from mm.cli.config_target import find_target

    with find_target(file, data_dir) as target:
        answer = target.revisions()
    if not terminal.as_json:
        terminal.console.print(revisions_table(answer))
    terminal.result(answer)


@verb
def diff(
    terminal: Terminal,
    *,
    before: Annotated[int | None, typer.Argument(metavar="[A]", min=1, help="The newest if absent.")] = None,
    after: Annotated[int | None, typer.Argument(metavar="[B]", min=1, help="The file if absent.")] = None,
    file: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Show how two revisions differ, or a revision and the file."""
    from mm.cli.config_tables import difference
    from mm.cli.config_target import find_target

    with find_target(file, data_dir) as target:
        old_name, old = target.text_of(before)
        new_name, new = (f"revision {after}", target.history.text(after)) if after else target.text_in_file()
    lines = difference(old_name, old, new_name, new)
    if not terminal.as_json:
        print("\n".join(lines) if lines else f"{old_name} and {new_name} are the same")
    terminal.result({"ok": True, "from": old_name, "to": new_name, "lines": lines})


def _pair(text: str) -> tuple[str, str]:
    from mm.errors import UsageError

    key, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--set {key}: no '=' in it", hint="write --set risk.max_open_orders=10")
    return key.strip(), value.strip()


def _carry_out(
    terminal: Terminal, target: "Target", edit: "Edit", *, confirm: bool, said: str, key: str = ""
) -> None:
    from mm.cli.config_tables import plan_table, slowest

    answer = target.carry_out(edit, confirm=confirm)
    applies = slowest(answer, key)
    if not terminal.as_json and not terminal.quiet:
        when = "at the next start" if answer["running"] is False else applies
        told = f"{said}: {when or 'nothing changes'}"
        if answer["running"] is not False:
            told += f" (revision {text(answer, 'revision')})"
        print(told)
        if tables(answer, "changes"):
            terminal.console.print(plan_table(answer))
    terminal.result({**answer, "applies": applies})


for function, name in (
    (get, "get"),
    (set_key, "set"),
    (plan, "plan"),
    (apply, "apply"),
    (diff, "diff"),
    (history, "history"),
    (rollback, "rollback"),
):
    app.command(name)(function)
