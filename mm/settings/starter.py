"""The files of a first project of one's own: a config, a strategy, a test of it, and what git leaves out.

The config is made of one template and of what the models and the strategies say about their keys, so the two
cannot drift: a key of the template that does not exist is an error. Pure but for reading the templates.
"""

import re
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import mm
from mm.errors import ConfigError
from mm.settings.catalogue import Key, settings_keys, strategy_keys
from mm.settings.strategies import builtin_strategies, strategy_class
from mm.strategies.base import described

VENUES: Final = ("binance",)
"""Venues that a config can name."""

TEMPLATES: Final = Path(mm.__file__).parent / "templates" / "init"
FILES: Final = ("mm.toml", "my_strategy.py", "test_my_strategy.py", ".gitignore")

SUITED: Final[Mapping[str, str]] = {
    "order_amount_base": "0.001",
    "bid_spread_bps": "15",
    "ask_spread_bps": "15",
    "order_levels": "2",
    "order_level_spread_bps": "5",
    "order_refresh_tolerance_bps": "2",
    "filled_order_delay_ms": "5_000",
    "inventory_skew_enabled": "true",
}
"""Parameters for a small account on a large pair whose maker fee is 10 bps; others have their default."""

_BARE: Final = ("true", "false", "off")
_WIDTH: Final = 110
_KEY: Final = re.compile(r"(\w+) = ")
_TABLE: Final = re.compile(r"\[([\w.]+)\]")
_SYMBOL: Final = re.compile(r"([A-Z0-9]{1,20})/([A-Z0-9]{1,20})")


def starter_files(*, venue: str, symbol: str, strategy: str) -> dict[str, str]:
    """Return the text of every file by its name.

    Raises: ConfigError if the venue or the strategy is none of ours, or the symbol is not written BASE/QUOTE.
    """
    if venue not in VENUES:
        raise ConfigError(f"venue was {venue[:40]!r}, expected one of {', '.join(VENUES)}")
    names = _SYMBOL.fullmatch(symbol)
    if names is None:
        raise ConfigError(
            f"symbol was {symbol[:40]!r}, expected BASE/QUOTE in capitals", hint="as in BTC/USDT"
        )
    if strategy not in builtin_strategies():
        raise ConfigError(
            f"strategy was {strategy[:40]!r}, expected one of {', '.join(builtin_strategies())}",
            hint="a strategy of your own is written beside the config, as my_strategy.py",
        )
    base, quote = names.groups()
    words = {
        "venue": venue,
        "symbol": symbol,
        "base": base,
        "quote": quote,
        "venue_symbol": base + quote,
        "strategy": strategy,
        "params": "\n".join(_params(strategy)),
    }
    made = {name: _filled(name, words) for name in FILES}
    made["mm.toml"] = "\n".join(_explained(made["mm.toml"], strategy)) + "\n"
    return made


def _filled(name: str, words: Mapping[str, str]) -> str:
    template = TEMPLATES / f"{name.removeprefix('.')}.template"
    text = template.read_text(encoding="utf-8")
    # Not `format`: other braces are the files' own.
    for word, value in words.items():
        text = text.replace(f"{{{word}}}", value)
    return text


def _params(strategy: str) -> Iterator[str]:
    # Every parameter: with a value where one is needed or suits, else as a comment with its default.
    params = strategy_class(strategy, TEMPLATES).params
    notes = described(params)
    for key in strategy_keys(params):
        value = SUITED.get(key.name) or (notes[key.name].example if not key.default else "")
        default = f'"{key.default}"' if _is_text(key.default) else key.default
        yield f"{key.name} = {value}" if value else f"# {key.name} = {default}"


def _is_text(default: str) -> bool:
    return default.replace("_", "").isalpha() and default not in _BARE


def _explained(text: str, strategy: str) -> Iterator[str]:
    # Puts what a key says about itself above it; the table that a line stands in is that of the last header.
    known = {key.name: key for key in settings_keys()}
    params = {key.name: key for key in strategy_keys(strategy_class(strategy, TEMPLATES).params)}
    table = ""
    for line in text.splitlines():
        header = _TABLE.fullmatch(line)
        if header is not None:
            table = re.sub(r"^(pair|venue)\.\w+", r"\1.NAME", header[1]) + "."
        named = _KEY.match(line.removeprefix("# ") if table == "pair.NAME.params." else line)
        if named is not None:
            key = params[named[1]] if table == "pair.NAME.params." else known[f"{table}{named[1]}"]
            yield from _comment(key)
        yield line


def _comment(key: Key) -> list[str]:
    said = f"{key.text.rstrip('.')} ({key.hot})"
    return textwrap.wrap(said, _WIDTH, initial_indent="# ", subsequent_indent="#   ")
