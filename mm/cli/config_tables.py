"""Tables for people: values, plans and revisions of a config, from a daemon's answers (`mm.cli.shapes`)."""

import difflib
from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mm.cli.shapes import Fields, table, tables, text
from mm.cli.terminal import printable

SLOWEST = ("restart", "next_quote", "now")
FATE_STYLES = {"kept": "dim", "moved": "cyan", "cancelled": "yellow", "new": "green", "pending": "dim"}


def slowest(answer: Fields, key: str = "") -> str | None:
    """Return when the last of an answer's changes applies: now, next_quote or restart; None without any.

    Args: key: only of that one, "" for all.
    """
    found = [row.get("applies") for row in tables(answer, "changes") if key in ("", row.get("key"))]
    return next((applies for applies in SLOWEST if applies in found), None)


def shown(value: object) -> str:
    """Return a value of the config as people write it."""
    if value is None:
        return "off"
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]"
    return str(value).lower() if isinstance(value, bool) else printable(value)


def values_table(answer: Fields, *, with_off: bool) -> RenderableType:
    """Return one line per key. Args: with_off: also what is off."""
    made = _grid("key", "value", "applies", "from")
    for row in tables(answer, "values"):
        if row.get("value") is None and not with_off:
            continue
        waiting = table(row, "after_restart")
        value = shown(row.get("value")) + (
            f" ({shown(waiting.get('value'))} after a restart)" if waiting else ""
        )
        style = "dim" if row.get("source") == "default" else ""
        made.add_row(text(row, "key"), Text(value), text(row, "applies"), text(row, "source"), style=style)
    return made


def plan_table(answer: Fields) -> RenderableType:
    """Return what changes, what becomes of the orders, and what is at stake before and after."""
    if not tables(answer, "changes"):
        return Text("nothing changes")
    return Group(*_parts(answer))


def _parts(answer: Fields) -> Iterator[RenderableType]:
    changes = _grid("key", "was", "will be", "applies", "from", "")
    for row in tables(answer, "changes"):
        note = Text("looser", style="yellow") if row.get("loosens") is True else Text("")
        changes.add_row(
            text(row, "key"),
            shown(row.get("old")),
            shown(row.get("new")),
            text(row, "applies"),
            text(row, "source"),
            note,
        )
    yield changes
    orders = tables(answer, "orders")
    if orders:
        counts = table(answer, "counts")
        yield Text("\norders: " + ", ".join(f"{text(counts, fate)} {fate}" for fate in FATE_STYLES))
        yield _orders(orders)
    if tables(answer, "sessions"):
        yield Text("")
        yield _stakes(tables(answer, "sessions"))
    if answer.get("halts"):
        yield Text(f"trading would halt: {text(answer, 'halts')}", style="bold red")


def _orders(orders: list[Fields]) -> RenderableType:
    made = _grid("session", "side", "level", "price", "size", "fate", "new price", "new size", "why")
    for row in orders:
        fate = text(row, "fate")
        made.add_row(
            text(row, "session"),
            text(row, "side"),
            text(row, "level"),
            text(row, "price"),
            text(row, "size_base"),
            Text(fate, style=FATE_STYLES.get(fate, "")),
            *(("", "") if fate == "kept" else (text(row, "new_price", ""), text(row, "new_size_base", ""))),
            text(row, "why", ""),
        )
    return made


def _stakes(rows: list[Fields]) -> RenderableType:
    made = _grid("session", "worst case", "of at most", "inventory at most")
    for row in rows:
        quote, base = text(row, "quote"), text(row, "base")
        made.add_row(
            text(row, "session"),
            f"{_to(row, 'worst_quote')} {quote}",
            f"{_to(row, 'max_notional_quote')} {quote}",
            f"{_to(row, 'inventory_max_base')} {base}",
        )
    return made


def _to(row: Fields, name: str) -> str:
    before, after = text(row, name), text(row, f"new_{name}")
    return before if before == after else f"{before} -> {after}"


def revisions_table(answer: Fields) -> RenderableType:
    """Return one line per revision, newest last."""
    if not tables(answer, "revisions"):
        return Text("nothing was in force yet")
    made = _grid("revision", "time (UTC)", "who", "by", "changed")
    for row in tables(answer, "revisions"):
        keys = row.get("changed")
        changed = ", ".join(printable(key) for key in keys) if isinstance(keys, list | tuple) else ""
        made.add_row(
            text(row, "revision"), text(row, "time"), text(row, "who"), text(row, "origin"), Text(changed)
        )
    return made


def difference(old_name: str, old: str, new_name: str, new: str) -> list[str]:
    """Return the lines of a unified difference; none if the texts are the same."""
    made = difflib.unified_diff(old.splitlines(), new.splitlines(), old_name, new_name, lineterm="")
    return [printable(line) for line in made]


def _grid(*columns: str) -> Table:
    made = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in columns:
        made.add_column(title, overflow="fold")
    return made
