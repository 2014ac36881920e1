"""The verb `mm check`: what a config comes to, where each value is from, and what it puts at stake.

Offline: no venue is asked, no secret is read. Secrets show as where they would be read from.
"""

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mm.cli.terminal import Overrides, Terminal, verb

if TYPE_CHECKING:
    from mm.settings.models import Settings


@verb
def check(
    terminal: Terminal,
    *,
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="A config file, as config/demo.toml.")],
    overrides: Overrides = None,
) -> None:
    """Check a config; show each value and what it puts at stake."""
    from mm.settings.loader import load_settings

    settings = load_settings(config, overrides or ())
    values = resolved(settings)
    at_stake = {name: stakes(settings, name) for name in settings.pair}
    if not terminal.as_json:
        _print(terminal, values, at_stake)
    terminal.result(
        {
            "ok": True,
            "config": str(settings.path),
            "mode": settings.mode,
            "values": [{"key": key, "value": value, "source": source} for key, value, source in values],
            "sessions": at_stake,
        }
    )


def resolved(settings: "Settings") -> list[tuple[str, object, str]]:
    """Return every key with its value, ready for JSON, and where it came from; what is off has None."""
    from mm.settings.loader import leaves

    rows: list[tuple[str, object, str]] = []
    for path, value in leaves(settings):
        key = ".".join(path)
        rows.append((key, _ready(value), settings.sources.get(key, "default")))
    return rows


def _ready(value: object) -> object:
    # For JSON: a list stays one.
    if isinstance(value, tuple):
        return [_ready(entry) for entry in value]
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def stakes(settings: "Settings", pair: str) -> dict[str, object]:
    """Return the worst that the session `pair` can come to, as texts; None where the config does not say."""
    from mm.settings.cautions import cautions, least_value, significant
    from mm.settings.exposure import ladder_of

    risk, session = settings.risk_of(pair), settings.pair[pair]
    ladder = ladder_of(session.params)
    base, quote = session.symbol.split("/")
    band = session.inventory.max_base
    side = ladder.side_base_max if ladder is not None else None
    least = least_value(settings, pair)
    taken = None if ladder is None or least is None else significant(least / ladder.order_base_min)
    uncut = None if ladder is None else significant(risk.max_order_notional_quote / ladder.order_base_max)
    return {
        "symbol": session.symbol,
        "base": base,
        "quote": quote,
        "orders": ladder.orders if ladder is not None else None,
        "order_base_max": _plain(ladder.order_base_max if ladder is not None else None),
        "side_base_max": _plain(side),
        "inventory_max_base": _plain(band),
        "inventory_max_ratio": _plain(session.inventory.max_ratio),
        "position_max_quote": _plain(risk.max_notional_quote),
        "order_max_quote": _plain(risk.max_order_notional_quote),
        "order_min_quote": _plain(least),
        "order_min_is_assumed": settings.mode != "demo",
        "order_taken_from_price_quote": taken,
        "order_uncut_to_price_quote": uncut,
        "loss_max_quote": _plain(min(risk.session_loss_quote, risk.open_loss_quote)),
        "fills_per_minute_max": risk.max_fills_per_minute,
        "filled_max_quote_per_minute": _plain(risk.max_filled_quote_per_minute),
        "slippage_max_quote": _plain(risk.max_notional_quote * risk.max_slippage_bps / 10_000),
        "on_breach": risk.on_breach,
        "warnings": cautions(settings, pair),
    }


def _plain(value: Decimal | None) -> str | None:
    from mm.settings.values import plain

    return None if value is None else plain(value)


def _print(
    terminal: Terminal, values: list[tuple[str, object, str]], at_stake: dict[str, dict[str, object]]
) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from mm.cli.config_tables import shown

    made = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in ("key", "value", "from"):
        made.add_column(title, overflow="fold")
    for key, value, source in values:
        if value is None and not terminal.verbose:
            continue
        style = "dim" if source == "default" else ""
        bold = "bold" if not style else ""
        made.add_row(Text(key), Text(shown(value), style=bold), Text(source, style="dim"), style=style)
    console = terminal.console
    console.print(made)
    for name, stake in at_stake.items():
        console.print(Text.assemble("\n", (f"[pair.{name}]", "bold"), " at worst"))
        for line in stake_lines(stake):
            console.print(Text(f"  {line}"))
        for warning in stake["warnings"] if isinstance(stake["warnings"], list) else ():
            console.print(Text(f"  warning: {warning}", style="yellow"))


def stake_lines(stake: dict[str, object]) -> list[str]:
    """Return what a session puts at stake, a line each, for people."""
    base, quote = stake["base"], stake["quote"]
    orders = stake["orders"]
    lines = []
    if orders is not None:
        lines.append(
            f"ladder     {orders} orders, each up to {stake['order_base_max']} {base},"
            f" one side {stake['side_base_max']} {base} if it fills whole"
        )
    else:
        lines.append("ladder     the strategy's parameters do not say")
    band = stake["inventory_max_base"]
    lines += _price_line(stake)
    share = f"{stake['inventory_max_ratio']} of the equity"
    both = f"{band} {base}, and {share}, whichever is less"
    lines.append(f"inventory  {share if band is None else both}")
    lines.append(f"position   worth {stake['position_max_quote']} {quote}, all that could fill filled")
    lines.append(f"loss       {stake['loss_max_quote']} {quote}, then {stake['on_breach']}")
    burst = stake["filled_max_quote_per_minute"]
    worth = f", or {burst} {quote} one way," if burst is not None else ""
    lines.append(f"burst      {stake['fills_per_minute_max']} fills{worth} within a minute, then a halt")
    if stake["on_breach"] == "flatten":
        lines.append(f"exit       up to {stake['slippage_max_quote']} {quote} more for slippage")
    return lines


def _price_line(stake: dict[str, object]) -> list[str]:
    # Between which prices the orders go out as they are: no price is known, so none is guessed.
    taken, uncut = stake["order_taken_from_price_quote"], stake["order_uncut_to_price_quote"]
    quote = stake["quote"]
    if uncut is None:
        return []
    told = f"above {uncut} {quote} the largest order is cut, to {stake['order_max_quote']} {quote}"
    if taken is not None:
        assumed = " (assumed)" if stake["order_min_is_assumed"] else ""
        least = f"worth less than {stake['order_min_quote']} {quote}, the least that is taken{assumed}"
        told = f"below {taken} {quote} the smallest order is {least}; {told}"
    return [f"price      {told}"]
