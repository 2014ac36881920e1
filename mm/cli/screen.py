"""The live view of a run: one screen, drawn four times a second from the newest status.

`show` keeps a status and returns at once; drawing happens in a thread of its own, so that a slow terminal
holds up nothing. It never raises on what a status lacks: it shows "-". It decides and changes nothing.
"""

from decimal import Decimal
from types import TracebackType
from typing import Final, Self

from rich.box import ROUNDED
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from mm.cli.ladder import ladder
from mm.cli.shapes import Fields, age, clock_time, count, number, run_time, table, tables, text
from mm.cli.tables import side_text, signed, state_text
from mm.observe.latch import way_out

DRAWS_PER_S: Final = 4
STACKED_BELOW: Final = 70
"""Columns below which the panels stand under each other."""

STALE_MS: Final = 2_000
LEVELS_MIN: Final = 2
LEVELS_MAX: Final = 8
FIXED_LINES: Final = 12
"""Lines that everything but the ladder takes, its frame and mid included."""

STACKED_LINES: Final = 10
"""Lines that the second panel takes when it stands under the first; the fills make room for it."""

FILLS_SHOWN: Final = 4


class Screen:
    """The terminal while a run lives. Use as a context; give `show` to the run."""

    def __init__(self, console: Console, *, hint: str) -> None:
        """Keep the console. Args: hint: the last line, what the user can do."""
        self._console = console
        self._hint = hint
        self._status: Fields = {}
        self._live = Live(
            get_renderable=self._draw,
            console=console,
            screen=True,
            refresh_per_second=DRAWS_PER_S,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def show(self, status: Fields) -> None:
        """Keep the newest status; it must not be changed afterwards."""
        self._status = status

    def __enter__(self) -> Self:
        """Take the screen."""
        self._live.start(refresh=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the screen back as it was."""
        self._live.stop()

    def _draw(self) -> RenderableType:
        size = self._console.size
        return picture(self._status, width=size.width, height=size.height, hint=self._hint)


def picture(status: Fields, *, width: int, height: int, hint: str) -> RenderableType:
    """Return the whole screen for a terminal of this size."""
    sessions = tables(status, "sessions")
    first: Fields = sessions[0] if sessions else {}
    others = sessions[1:]
    stacked = width < STACKED_BELOW
    with_fills = not stacked or height >= FIXED_LINES + STACKED_LINES + 2 * LEVELS_MIN
    used = (
        FIXED_LINES + len(others) + (STACKED_LINES if stacked else 0) - (0 if with_fills else FILLS_SHOWN + 2)
    )
    levels = max(LEVELS_MIN, min(LEVELS_MAX, (height - used) // 2))
    book = Panel(ladder(first, levels), title="book", title_align="left", box=ROUNDED, padding=(0, 1))
    numbers = Panel(_numbers(first), title=_title(first), title_align="left", box=ROUNDED, padding=(0, 1))
    middle: RenderableType
    if stacked:
        middle = Group(book, numbers)
    else:
        grid = Table.grid(expand=True, padding=0)
        grid.add_column(width=40)
        grid.add_column(ratio=1)
        grid.add_row(book, _filled(numbers, 2 * levels + 3))
        middle = grid
    fills = Panel(_fills(first), title="last fills", title_align="left", box=ROUNDED, padding=(0, 1))
    lines = [_head(status), _why(status, first), middle, *(_other(session) for session in others)]
    return Group(*lines, *([fills] if with_fills else []), _foot(hint))


def _filled(panel: Panel, height: int) -> Panel:
    panel.height = height
    return panel


def _title(session: Fields) -> Text:
    return Text(f"{text(session, 'name')} {text(session, 'symbol')} {text(session, 'strategy')}")


def _head(status: Fields) -> Text:
    line = Text.assemble(
        ("mm ", "bold"),
        (text(status, "mode"), "bold magenta" if status.get("mode") == "live" else "bold cyan"),
        f"  {text(status, 'venue')}  up {run_time(number(status, 'run_seconds'))}",
    )
    return _cut(line)


def _why(status: Fields, session: Fields) -> Text:
    if not status:
        return Text("starting ...", style="cyan")
    latch = table(status, "latch")
    if latch:
        left = "no order left" if latch.get("confirmed") is True else "confirming"
        code = text(latch, "code")
        line = f"■ HALTED {code}, {left}; to lift: {way_out(code)}"
        return _cut(Text(line, style="bold red"))
    return _cut(
        Text.assemble(
            "● ",
            state_text(status),
            f"  {text(session, 'reason')}",
            (f"  placed {text(status, 'orders_placed')}", "dim"),
            (f"  cancelled {text(status, 'orders_cancelled')}", "dim"),
            (f"  fills {text(status, 'fills')}", "dim"),
        )
    )


def _cut(line: Text) -> Text:
    line.no_wrap = True
    line.overflow = "ellipsis"
    return line


def _numbers(session: Fields) -> RenderableType:
    pnl = table(session, "pnl")
    made = Table.grid(padding=(0, 1))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(justify="right", no_wrap=True)
    made.add_column(no_wrap=True)
    quote = text(session, "quote", "")
    made.add_row("P&L", signed(pnl, "total_quote"), quote)
    made.add_row("  spread", signed(pnl, "spread_quote"), "")
    made.add_row("  inventory", signed(pnl, "inventory_quote"), "")
    fees = number(pnl, "fees_quote")
    made.add_row("  fees", signed({"fees": fees if fees is None else str(0 - fees)}, "fees"), _residual(pnl))
    made.add_row("open orders", text(session, "open_orders"), _unknown(session))
    made.add_row("fills", text(session, "fills"), "")
    made.add_row("book age", *_freshness(session))
    return Group(_inventory(session), made)


def _residual(pnl: Fields) -> Text:
    return Text("unexplained!", style="bold red") if count(pnl, "residual") else Text("")


def _unknown(session: Fields) -> Text:
    unknown = count(session, "unknown_orders")
    return Text(f"{unknown} unknown", style="bold red") if unknown else Text("")


def _freshness(session: Fields) -> tuple[Text, Text]:
    value = number(session, "book_age_ms")
    stale = value is None or value > STALE_MS
    status = text(session, "book_status")
    if session.get("user_stream_ok") is False:
        status = f"{status}, own orders unseen"
    return Text(age(value), style="red" if stale else ""), Text(
        status, style="" if status == "in_sync" else "yellow"
    )


def _inventory(session: Fields) -> Text:
    # A bar from -limit to +limit with the middle marked; full means at the limit.
    held, limit = number(session, "inventory_base"), number(session, "inventory_max_base")
    half = 6
    share = held / limit if held is not None and limit else Decimal(0)
    cells = min(half, int(abs(share) * half + Decimal("0.5")))
    style = "red" if abs(share) > Decimal("0.8") else "green"
    left = "█" * cells if share < 0 else ""
    right = "█" * cells if share > 0 else ""
    base = text(session, "base", "")
    return _cut(
        Text.assemble(
            "[",
            (left.rjust(half, "·"), style if left else "dim"),
            "│",
            (right.ljust(half, "·"), style if right else "dim"),
            "] ",
            f"{text(session, 'inventory_base')} / {text(session, 'inventory_max_base')} {base}",
        )
    )


def _other(session: Fields) -> Text:
    return _cut(
        Text.assemble(
            f" {text(session, 'name')} {text(session, 'symbol')} ",
            state_text(session),
            f"  inv {text(session, 'inventory_base')}  P&L ",
            signed(table(session, "pnl"), "total_quote"),
            f"  open {text(session, 'open_orders')}  {text(session, 'reason')}",
        )
    )


def _fills(session: Fields) -> RenderableType:
    made = Table.grid(padding=(0, 2))
    for side in ("left", "left", "right", "right", "right"):
        made.add_column(justify="right" if side == "right" else "left", no_wrap=True)
    fills = tables(session, "last_fills")[-FILLS_SHOWN:]
    for fill in reversed(fills):
        made.add_row(
            clock_time(fill, "ts_ms"),
            side_text(fill),
            text(fill, "size_base"),
            text(fill, "price"),
            f"fee {text(fill, 'fee')} {text(fill, 'fee_asset', '')}",
        )
    for _ in range(FILLS_SHOWN - len(fills)):
        made.add_row("none yet" if not fills and _ == 0 else "", "", "", "", "")
    return made


def _foot(hint: str) -> Text:
    return _cut(Text(hint, style="dim"))
