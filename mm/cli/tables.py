"""Tables for people: status, orders, fills and P&L of a daemon, from its answers (`mm.cli.shapes`).

Everything shown went through `printable`: what a venue said moves no cursor. Missing fields show as "-".
"""

from decimal import Decimal

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mm.cli.shapes import Fields, age, clock_time, count, money, number, run_time, table, tables, text, texts
from mm.observe.latch import way_out

STATE_STYLES = {
    "active": "green",
    "pending": "cyan",
    "paused": "yellow",
    "stopping": "yellow",
    "halting": "bold red",
    "halted": "bold red",
    "completed": "dim",
}
SIDE_STYLES = {"buy": "green", "sell": "red"}


def state_text(fields: Fields) -> Text:
    """Return a state in its colour."""
    name = text(fields, "state")
    return Text(name, style=STATE_STYLES.get(name, ""))


def side_text(fields: Fields) -> Text:
    """Return a side in its colour."""
    name = text(fields, "side")
    return Text(name, style=SIDE_STYLES.get(name, ""))


def signed(fields: Fields, name: str) -> Text:
    """Return an amount of money, red below zero, green above."""
    value = number(fields, name)
    style = "" if not value else ("green" if value > 0 else "red")
    return Text(money(fields, name), style=style)


def _grid(*columns: tuple[str, str]) -> Table:
    made = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title, side in columns:
        made.add_column(title, justify="right" if side == "right" else "left", no_wrap=True)
    return made


def latch_text(status: Fields) -> Text | None:
    """Return what a halt says and how to lift it, None while there is none."""
    latch = table(status, "latch")
    if not latch:
        return None
    confirmed = latch.get("confirmed") is True
    state = "nothing of ours is left at the venue" if confirmed else "not yet confirmed by the venue"
    code = text(latch, "code")
    return Text(
        f"HALTED since {clock_time(latch, 'since_ms')}: {code} ({state}); lift it: {way_out(code)}",
        style="bold red",
    )


def recovery_text(status: Fields) -> Text | None:
    """Return what was taken over from a life that did not end, None if nothing was."""
    recovery = table(status, "recovery")
    if not recovery:
        return None
    taken = f"took over from life {text(recovery, 'epoch')}: {text(recovery, 'orders')} orders"
    if recovery.get("done") is True:
        return Text(f"{taken}, all known by the venue's word", style="dim")
    return Text(f"{taken}, {text(recovery, 'unresolved')} not yet known", style="yellow")


def watchdog_text(status: Fields) -> Text:
    """Return how the watchdog is: at work or why there is none; empty where a daemon does not tell."""
    told = table(status, "watchdog")
    if not told:
        return Text("")
    state, why = text(told, "state"), text(told, "why") if "why" in told else ""
    style = "" if state == "watching" else "dim" if why.startswith("paper") else "bold red"
    return Text(f"  watchdog {state}{f': {why}' if why else ''}", style=style)


def status_table(status: Fields) -> RenderableType:
    """Return the daemon and one line per session."""
    head = Text.assemble(
        f"mm {text(status, 'mode')}  ",
        state_text(status),
        f"  {text(status, 'reason')}  {text(status, 'venue')}  up {run_time(number(status, 'run_seconds'))}",
        watchdog_text(status),
    )
    sessions = _grid(
        ("session", ""),
        ("symbol", ""),
        ("state", ""),
        ("why", ""),
        ("mid", "right"),
        ("inventory", "right"),
        ("limit", "right"),
        ("P&L", "right"),
        ("open", "right"),
        ("unknown", "right"),
        ("fills", "right"),
        ("data", "right"),
    )
    for session in tables(status, "sessions"):
        sessions.add_row(
            text(session, "name"),
            text(session, "symbol"),
            state_text(session),
            text(session, "reason"),
            text(session, "mid"),
            text(session, "inventory_base"),
            text(session, "inventory_max_base"),
            signed(table(session, "pnl"), "total_quote"),
            text(session, "open_orders"),
            _alarming(session, "unknown_orders"),
            text(session, "fills"),
            age(number(session, "book_age_ms")),
        )
    said = [line for line in (latch_text(status), recovery_text(status)) if line is not None]
    parts = [_measured_table(tables(status, "sessions")), _watched_table(tables(status, "watched"))]
    below = [line for part in parts if part is not None for line in (Text(""), part)]
    return Group(head, *said, sessions, *below)


def _watched_table(watched: list[Fields]) -> Table | None:
    # Markets that are only watched.
    if not watched:
        return None
    made = _grid(("watched", ""), ("by", ""), ("book", ""), ("mid", "right"), ("data", "right"))
    for market in watched:
        state = text(market, "book_status") if market.get("connected") is True else "not connected"
        style = "" if state == "in_sync" else "yellow"
        made.add_row(
            text(market, "symbol"),
            ", ".join(texts(market, "sessions")),
            Text(state.replace("_", " "), style=style),
            text(market, "mid"),
            age(number(market, "book_age_ms")),
        )
    return made


def _measured_table(sessions: list[Fields]) -> Table | None:
    # What was measured since the start, of sessions that had a fill.
    known = [(session, table(session, "measured")) for session in sessions]
    known = [(session, told) for session, told in known if count(told, "markout_fills")]
    if not known:
        return None
    after = f"{text(known[0][1], 'markout_s').removesuffix('.0')} s"
    made = _grid(
        ("this run", ""),
        ("net", "right"),
        ("spread", "right"),
        (f"adverse {after}", "right"),
        ("carry", "right"),
        ("costs", "right"),
        (f"markout {after}, bps", "right"),
        ("fills", "right"),
        (f"both in {text(known[0][1], 'presence_bps')} bps", "right"),
        ("inventory half-life", "right"),
        ("unexplained", "right"),
    )
    for session, told in known:
        made.add_row(
            text(session, "name"),
            signed(told, "net_quote"),
            signed(told, "spread_quote"),
            _cost(told, "adverse_quote"),
            signed(told, "carry_quote"),
            _cost(told, "costs_quote"),
            _with_error(told),
            text(told, "markout_fills"),
            _percent(told, "presence_ratio"),
            _half_life(told),
            _alarming(told, "unexplained"),
        )
    return made


def _with_error(told: Fields, mean: str = "markout_bps", error: str = "markout_error_bps") -> str:
    value, width = number(told, mean), number(told, error)
    if value is None:
        return "-"
    return f"{value:+.2f}" if width is None else f"{value:+.2f} \u00b1 {width:.2f}"


def _percent(told: Fields, name: str) -> str:
    value = number(told, name)
    return "-" if value is None else f"{100 * value:.1f} %"


def _half_life(told: Fields) -> str:
    value = number(told, "inventory_half_life_s")
    return "-" if value is None else age(1000 * value)


def _alarming(fields: Fields, name: str) -> Text:
    return Text(text(fields, name), style="bold red" if count(fields, name) else "")


def orders_table(answer: Fields) -> RenderableType:
    """Return every order that is not proven dead, as the daemon sorts them."""
    orders = tables(answer, "orders")
    if not orders:
        return Text("no open orders")
    made = _grid(
        ("session", ""),
        ("symbol", ""),
        ("side", ""),
        ("level", "right"),
        ("price", "right"),
        ("size", "right"),
        ("filled", "right"),
        ("queue ahead", "right"),
        ("state", ""),
        ("age", "right"),
        ("client id", ""),
    )
    for order in orders:
        made.add_row(
            text(order, "session"),
            text(order, "symbol"),
            side_text(order),
            text(order, "level"),
            text(order, "price"),
            text(order, "size_base"),
            text(order, "filled_base"),
            text(order, "ahead_base"),
            text(order, "state"),
            age(number(order, "age_ms")),
            text(order, "cid"),
        )
    return made


def fills_table(answer: Fields) -> RenderableType:
    """Return the newest fills, newest last."""
    fills = tables(answer, "fills")
    if not fills:
        return Text("no fills yet")
    made = _grid(
        ("time (UTC)", ""),
        ("session", ""),
        ("symbol", ""),
        ("side", ""),
        ("price", "right"),
        ("size", "right"),
        ("fee", "right"),
        ("", ""),
        ("as", ""),
        ("trade", "right"),
    )
    for fill in fills:
        made.add_row(
            clock_time(fill, "ts_ms"),
            text(fill, "session"),
            text(fill, "symbol"),
            side_text(fill),
            text(fill, "price"),
            text(fill, "size_base"),
            text(fill, "fee"),
            text(fill, "fee_asset"),
            "maker" if fill.get("maker") is True else "taker",
            text(fill, "trade_id"),
        )
    return made


def pnl_table(answer: Fields) -> RenderableType:
    """Return the P&L of each session, split into what it is made of: spread + inventory - fees = total."""
    made = _grid(
        ("session", ""),
        ("asset", ""),
        ("total", "right"),
        ("spread", "right"),
        ("inventory", "right"),
        ("fees", "right"),
        ("open", "right"),
        ("peak", "right"),
        ("turnover", "right"),
        ("fills", "right"),
        ("unexplained", "right"),
    )
    for pnl in tables(answer, "sessions"):
        made.add_row(
            text(pnl, "session"),
            text(pnl, "quote"),
            signed(pnl, "total_quote"),
            signed(pnl, "spread_quote"),
            signed(pnl, "inventory_quote"),
            _cost(pnl, "fees_quote"),
            signed(pnl, "open_quote"),
            signed(pnl, "peak_quote"),
            text(pnl, "turnover_quote"),
            text(pnl, "fills"),
            _alarming(pnl, "residual"),
        )
    horizons = _horizons_table(tables(answer, "sessions"))
    return made if horizons is None else Group(made, Text(""), horizons)


def _horizons_table(sessions: list[Fields]) -> Table | None:
    # The identity of this run at each horizon, and what a fill was worth there.
    rows = []
    for session in sessions:
        told = table(session, "figures")
        explained = table(told, "pnl")
        curve = tables(table(told, "markouts"), "every")[1:]
        if count(explained, "fills"):
            rows += [
                (session, explained, *both)
                for both in zip(tables(explained, "horizons"), curve, strict=False)
            ]
    if not rows:
        return None
    made = _grid(
        ("this run", ""),
        ("horizon", "right"),
        ("spread", "right"),
        ("adverse", "right"),
        ("carry", "right"),
        ("fees", "right"),
        ("rebates", "right"),
        ("funding", "right"),
        ("net", "right"),
        ("markout, bps", "right"),
        ("fills", "right"),
    )
    for session, explained, row, markout in rows:
        made.add_row(
            text(session, "session"),
            f"{text(row, 'horizon_s')} s",
            signed(explained, "spread_quote"),
            _cost(row, "adverse_quote"),
            signed(row, "carry_quote"),
            signed(explained, "fees_quote"),
            signed(explained, "rebates_quote"),
            signed(explained, "funding_quote"),
            signed(explained, "net_quote"),
            _with_error(markout, "mean_bps", "error_bps"),
            text(markout, "fills"),
        )
    return made


def _cost(fields: Fields, name: str) -> Text:
    # Fees are stated as what was paid; a rebate is negative.
    value = number(fields, name)
    return signed({name: str(-value if value else Decimal(0))}, name) if value is not None else Text("-")
