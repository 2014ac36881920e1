"""Values from outside the file: `MM__A__B` variables and `--set a.b=c`, laid over what the file says.

The mode is not among them: what trades with money is written in the file, by a person. Invariant: an entry
that cannot be read stops the start; none is skipped.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from mm.errors import ConfigError
from mm.settings.lines import KeyPath

PREFIX: Final = "MM__"
_KEY: Final = re.compile(r"[a-z0-9-]+(?:_[a-z0-9-]+)*(?:\.[a-z0-9-]+(?:_[a-z0-9-]+)*)*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One value from outside. Fields: origin: what to call its place, "--set" or "env NAME"."""

    path: KeyPath
    value: object
    origin: str


def exact_number(text: str) -> Decimal:
    """Return the decimal that `text`, a TOML float, is; raises ValueError if it is beyond all bounds."""
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError("a number is beyond all bounds") from None


def entries(environ: Mapping[str, str], overrides: Sequence[str]) -> Iterator[Entry]:
    """Yield variables in the order of their names, then the `--set` texts in the order given.

    Raises: ConfigError if one has no form of a key and a value, or sets the mode.
    """
    for name in sorted(environ):
        if name.startswith(PREFIX):
            key = name.removeprefix(PREFIX).lower().replace("__", ".")
            yield _entry(key, environ[name], f"env {name}")
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals:
            raise ConfigError(f"--set {key}: no '=' in it", hint="write --set risk.max_open_orders=10")
        yield _entry(key.strip(), text.strip(), "--set")


def _entry(key: str, text: str, origin: str) -> Entry:
    return Entry(path=key_path(key, origin), value=_value(text), origin=origin)


def key_path(key: str, origin: str) -> KeyPath:
    """Return the names in a dotted key; raises ConfigError, which names `origin`, if it may not be set so."""
    if not _KEY.fullmatch(key):
        hint = "keys are lower case with dots: pair.btc.symbol"
        raise ConfigError(f"{origin}: {key!r} is no key", hint=hint)
    path = tuple(key.split("."))
    if path[0] == "mode":
        hint = 'edit the file: mode = "paper"'
        raise ConfigError(f"{origin}: mode: it is set in the file alone", hint=hint)
    return path


def _value(text: str) -> object:
    # TOML if it is TOML and one value, else the text itself: quotes would be lost in most shells anyway.
    try:
        parsed = tomllib.loads(f"value = {text}", parse_float=exact_number)
    except (ValueError, RecursionError):
        return text
    return parsed["value"] if len(parsed) == 1 else text


def lay_over(tree: dict[str, object], entry: Entry) -> None:
    """Set the value in `tree`, making tables on the way; raises ConfigError if a value stands in the way."""
    table = tree
    for depth, name in enumerate(entry.path[:-1], start=1):
        inner = table.setdefault(name, {})
        if not isinstance(inner, dict):
            above = ".".join(entry.path[:depth])
            raise ConfigError(f"{entry.origin}: {'.'.join(entry.path)}: {above} is a value, not a table")
        table = inner
    table[entry.path[-1]] = entry.value
