"""A Hummingbot strategy file as a config of ours: the text of a file, and what became of each key.

Reads nothing and writes nothing itself. Invariant: the text loads, or there is an error that names the line
of their file; mode is paper; every key of theirs is in a row.
"""

import difflib
import re
import textwrap
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
from mm.settings.hummingbot_yaml import Table, read_conf
from mm.settings.loader import settings_of
from mm.settings.models import RiskSettings
from mm.settings.starter import VENUES

PAPER: Final = "_paper_trade"
"""What the name of an exchange ends with there when nothing is traded."""

COLLAR_ROOM: Final = Decimal("1.5")
"""So much farther than the last order prices are still allowed: they are judged by a median of 30 s."""

COMMENT_WIDTH: Final = 108

COMMENT_AT: Final = 44
"""Column of the comments behind short values."""

_SYMBOL: Final = re.compile(r"([A-Za-z0-9]{1,20})-([A-Za-z0-9]{1,20})")
# Until it is known how many orders there are, and how far away.
_ROOM: Final = "max_open_orders = 1_000\nprice_collar_bps = 10_000\n"
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

    Fields: text: of the config; strategy, symbol, venue: ours; rows: at least one per key of theirs; warning:
    what has to be known before all else, "" if there is nothing: the exchange is another one.
    """

    text: str
    strategy: str
    symbol: str
    venue: str
    rows: tuple[Row, ...]
    warning: str = ""

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
    symbol = _symbol(sheet)
    warning = _venue(sheet, symbol)
    rules.translate(sheet, sheet.text("exchange").removesuffix(PAPER))
    sheet.close()
    made = _text(sheet, file, rules.strategy, symbol)
    if warning:
        told = textwrap.wrap(warning, COMMENT_WIDTH, initial_indent="# ", subsequent_indent="# ")
        made = "\n".join([*told, "#", made])
    try:
        settings = settings_of(made + _ROOM, out, environ={})
    except ConfigError as error:
        raise _theirs(error, sheet) from None
    (params,) = (pair.params for pair in settings.pair.values())
    made += _risk(params)
    settings_of(made, out, environ={})
    return Imported(
        text=made,
        strategy=rules.strategy,
        symbol=symbol,
        venue=VENUES[0],
        rows=tuple(sheet.rows),
        warning=warning,
    )


def _rules_of(conf: Table, file: str) -> _Rules:
    node = conf.get("strategy")
    if node is not None and isinstance(node.value, str) and node.value in _RULES:
        return _RULES[node.value]
    known = " or ".join(_RULES)
    controller = conf.get("controller_name")
    if controller is not None:
        raise ConfigError(
            f"{file}:{controller.line}: controller_name is of the second generation: its sizes are amounts of"
            " the quote asset, which become amounts of the base asset by a price that no file holds",
            hint=f"files of {known} are read; `mm init` writes a config to start from",
        )
    if node is None or node.value is None:
        raise ConfigError(
            f"{file}:{1 if node is None else node.line}: strategy is missing, expected {known}",
            hint=f"a strategy file says which one it is of, as in `strategy: {next(iter(_RULES))}`",
        )
    said = node.value[:60] if isinstance(node.value, str) else ""
    near = difflib.get_close_matches(said, _RULES, n=1, cutoff=0.8)
    hint = (
        f"did you mean {near[0]}?" if near else "no other strategy of theirs can be imported; see `mm init`"
    )
    told = repr(said) if said else "no single name"
    raise ConfigError(f"{file}:{node.line}: strategy was {told}, expected {known}", hint=hint)


def _venue(sheet: Sheet, symbol: str) -> str:
    # What has to be told of it, "" where it is one of ours.
    theirs, ours = sheet.text("exchange"), VENUES[0]
    venue = theirs.removesuffix(PAPER)
    if venue in VENUES:
        sheet.placed("exchange", "venue.main.id", quoted(venue))
        return ""
    sheet.gap("exchange", f"not supported: the config is for {ours} spot instead")
    named = f"exchange = {_printable(theirs)} is not supported" if theirs else "the file names no exchange"
    told = (
        f"ATTENTION: {named}. This config is for {ours}, spot: another market, with its own prices, fees and"
        f" smallest orders. Look whether {symbol} is traded there (`mm doctor --online`), and at each"
        " distance and size."
    )
    if "perpetual" in venue:
        told += " Spot has no leverage, and nothing can be sold that is not held."
    return told


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
            f"max_order_notional_quote = {risk.max_order_notional_quote}  # larger orders are cut to it",
            f"max_open_orders = {orders}",
            f"price_collar_bps = {collar}  # {why}",
            f"session_loss_quote = {risk.session_loss_quote}",
            f"open_loss_quote = {risk.open_loss_quote}",
        )
    )
