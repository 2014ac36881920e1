"""A Hummingbot strategy file as a config of ours: the text of a file, and what became of each key.

Reads nothing and writes nothing itself. Invariant: the text loads, or there is an error that names the line
of their file; mode is paper; every key of theirs is in a row.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from mm.errors import ConfigError
from mm.settings import hummingbot_avellaneda, hummingbot_pure
from mm.settings.exposure import ladder_of
from mm.settings.hummingbot_sheet import Kind, Row, Sheet, quoted
from mm.settings.hummingbot_yaml import Node, Table, read_conf
from mm.settings.loader import settings_of
from mm.settings.models import RiskSettings
from mm.settings.starter import VENUES

PAPER: Final = "_paper_trade"
"""What the name of an exchange ends with there when nothing is traded."""

COLLAR_ROOM: Final = Decimal("1.5")
"""So much farther than the last order prices are still allowed: they are judged by a median of 30 s."""

COMMENT_AT: Final = 44
"""Column of the comments behind short values."""

_SYMBOL: Final = re.compile(r"([A-Za-z0-9]{1,20})-([A-Za-z0-9]{1,20})")
_ROOM: Final = "max_open_orders = 1_000\n"  # until it is known how many orders there are
_PARAM: Final = re.compile(r"pair\.\w+\.params\.?(\w*)")


class _Rules(NamedTuple):
    strategy: str
    defaults: Mapping[str, str | None]
    translate: Callable[[Sheet, str], None]


_RULES: Final[Mapping[str, _Rules]] = MappingProxyType(
    {
        "pure_market_making": _Rules(
            "pure_market_making", hummingbot_pure.DEFAULTS, hummingbot_pure.translate
        ),
        "avellaneda_market_making": _Rules(
            "avellaneda_stoikov", hummingbot_avellaneda.DEFAULTS, hummingbot_avellaneda.translate
        ),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What was made of a file.

    Fields: text: of the config; strategy, symbol: ours; rows: at least one per key of theirs.
    """

    text: str
    strategy: str
    symbol: str
    rows: tuple[Row, ...]

    def of(self, kind: Kind) -> list[Row]:
        """Return the rows of one kind."""
        return [row for row in self.rows if row.kind is kind]


def imported(text: str, file: str, out: Path) -> Imported:
    """Return the config that `text`, a Hummingbot file, comes to.

    Args: file: its name, for messages; out: where the config will stand.
    Raises: ConfigError if it is none that can be read, or what it says is no config here.
    """
    conf = read_conf(text, file)
    rules = _rules_of(conf, file)
    sheet = Sheet(conf, file, rules.defaults)
    sheet.placed("strategy", "pair.NAME.strategy", quoted(rules.strategy))
    if "template_version" in conf:
        sheet.idle("template_version", "of their file's form")
    venue = _venue(sheet)
    symbol = _symbol(sheet)
    rules.translate(sheet, venue)
    sheet.close()
    made = _text(sheet, file, rules.strategy, symbol)
    try:
        settings = settings_of(made + _ROOM, out, environ={})
    except ConfigError as error:
        raise _theirs(error, sheet) from None
    (params,) = (pair.params for pair in settings.pair.values())
    made += _risk(params)
    settings_of(made, out, environ={})
    return Imported(text=made, strategy=rules.strategy, symbol=symbol, rows=tuple(sheet.rows))


def _rules_of(conf: Table, file: str) -> _Rules:
    node = conf.get("strategy")
    if node is not None and isinstance(node.value, str) and node.value in _RULES:
        return _RULES[node.value]
    known = " and ".join(_RULES)
    controller = conf.get("controller_name")
    if controller is not None:
        raise ConfigError(
            f"{file}:{controller.line}: controller_name is of the second generation: its sizes are amounts of"
            " the quote asset, which become amounts of the base asset by a price that no file holds",
            hint=f"files of {known} are read; `mm init` writes a config to start from",
        )
    line = 1 if node is None else node.line
    raise ConfigError(f"{file}:{line}: strategy was {_said(node)}, expected {known}")


def _said(node: Node | None) -> str:
    return "missing" if node is None else repr(node.value)[:60]


def _venue(sheet: Sheet) -> str:
    theirs = sheet.text("exchange")
    venue = theirs.removesuffix(PAPER)
    if venue in VENUES:
        sheet.placed("exchange", "venue.main.id", quoted(venue))
    else:
        sheet.gap("exchange", f"venues here: {', '.join(VENUES)}; the config names the first of them")
    return venue


def _symbol(sheet: Sheet) -> str:
    match = _SYMBOL.fullmatch(sheet.text("market"))
    if match is None:
        raise sheet.fault("market", f"was {sheet.text('market')[:40]!r}, expected a pair as BTC-USDT")
    symbol = f"{match[1].upper()}/{match[2].upper()}"
    sheet.placed("market", "pair.NAME.symbol", quoted(symbol))
    return symbol


def _theirs(error: ConfigError, sheet: Sheet) -> ConfigError:
    # The problem with the line of their key in place of that of a file which is not there yet.
    said = str(error).splitlines()[0]
    match = _PARAM.search(said)
    rows = [row for row in sheet.rows if match is not None and row.ours == match[1] and row.line]
    place = f"{sheet.file}:{rows[0].line}: {rows[0].key}" if rows else sheet.file
    reason = said[match.end() :].lstrip(": ") if match is not None else said
    return ConfigError(f"{place}: what it comes to is refused here: {reason}", hint=error.hint)


def _text(sheet: Sheet, file: str, strategy: str, symbol: str) -> str:
    base = symbol.partition("/")[0].lower()
    name = base if re.fullmatch(r"[a-z][a-z0-9]*", base) else "main"
    lines = [
        f"# Made by `mm import hummingbot` from {_printable(Path(file).name)}; behind a key what was there.",
        "# Units are in the names: _bps (0.01 %), _base, _quote, _ms, _ratio. Paper mode: nothing is traded.",
        "",
        'mode = "paper"',
        'data_dir = "./var/paper"',
        "",
        "[venue.main]",
        f'id = "{VENUES[0]}"  # exchange = {_printable(sheet.text("exchange"))}',
        "",
        f"[pair.{name}]",
        f'symbol = "{symbol}"  # market = {_printable(sheet.text("market"))}',
        'venue = "main"',
        f'strategy = "{strategy}"',
        "",
        f"[pair.{name}.params]",
        *(_param(key, *sheet.params[key]) for key in sheet.params),
        *_without(sheet),
        "",
        "# Limits that Hummingbot does not have. What they are worth to you only you know: look at each.",
        f"[pair.{name}.inventory]",
        *(_param(key, *sheet.holding[key]) for key in sheet.holding),
        "max_ratio = 0.10  # how far the holding may move, as a share of the equity",
        "",
        "[risk]",
    ]
    return "\n".join(lines) + "\n"


def _param(key: str, value: str, told: str) -> str:
    line = f"{key} = {value}"
    return (
        f"{line:<{COMMENT_AT}}  # {_printable(told)}"
        if len(line) <= COMMENT_AT
        else f"# {_printable(told)}\n{line}"
    )


def _without(sheet: Sheet) -> list[str]:
    lost = [row for row in sheet.rows if row.kind in (Kind.NO_EQUAL, Kind.UNKNOWN)]
    told = [f"# {_printable(f'{row.key} = {row.value}')}: {row.note}" for row in lost]
    return ["", "# What has no equal here:", *told] if told else []


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:200]


def _risk(params: object) -> str:
    # Our defaults, wide enough that the ladder as such is not denied.
    risk = RiskSettings()
    ladder = ladder_of(params)
    orders = max(risk.max_open_orders, ladder.orders if ladder is not None else 0)
    farthest = getattr(params, "farthest_bps", None)
    collar = risk.price_collar_bps
    why = "an order farther than this from the market's median price is denied"
    if isinstance(farthest, Decimal) and farthest * COLLAR_ROOM > collar:
        collar = min(Decimal(10_000), (farthest * COLLAR_ROOM).to_integral_value(ROUND_CEILING))
        why += "; wide enough for the last order"
    return "".join(
        f"{line}\n"
        for line in (
            f"max_notional_quote = {risk.max_notional_quote}  # the position, with all that could still fill",
            f"max_order_notional_quote = {risk.max_order_notional_quote}  # larger orders are denied",
            f"max_open_orders = {orders}",
            f"price_collar_bps = {collar}  # {why}",
            f"session_loss_quote = {risk.session_loss_quote}",
            f"open_loss_quote = {risk.open_loss_quote}",
        )
    )
