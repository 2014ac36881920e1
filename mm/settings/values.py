"""The kinds of value that the config file knows, each with its bounds and the hint for a wrong one.

Numbers stay exact: a decimal in the file is a `Decimal` here, never a float. Text is never a number.
No message of this module contains a value that may be a secret. Invariant: what these types accept can be
converted to the core's integers without a surprise (finite, bounded, at most the stated number of decimals).
"""

import ipaddress
import re
from collections.abc import Callable
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from annotated_types import Ge, Gt, Le, MultipleOf
from pydantic import BeforeValidator, StringConstraints
from pydantic_core import PydanticCustomError

EXPONENT_MAX: Final = 30
"""Most digits before or after the point of any number; more is a slip of the keyboard or an attack."""

AMOUNT_MAX: Final = Decimal(10) ** 12
DAY_MS: Final = 86_400_000
NAME_LENGTH_MAX: Final = 32

_UNITS: Final[dict[str, dict[str, Decimal]]] = {
    "_bps": {"%": Decimal(100), "bps": Decimal(1), "bp": Decimal(1)},
    "_ratio": {"%": Decimal("0.01"), "bps": Decimal("0.0001"), "bp": Decimal("0.0001")},
    "_ms": {
        "ms": Decimal(1),
        "s": Decimal(1000),
        "sec": Decimal(1000),
        "m": Decimal(60_000),
        "min": Decimal(60_000),
        "h": Decimal(3_600_000),
        "d": Decimal(DAY_MS),
    },
}
_QUANTITY: Final = re.compile(r"\s*([+-]?\d[\d_]*(?:\.\d+)?)\s*(%|[A-Za-z]*)\s*", re.ASCII)


def unit_hint(key: str, text: str) -> str:
    """Return what to write in place of `text`, a number in quotes or with a unit, for the key `key`.

    Empty when `text` is no such thing. "0.25%" for a key in basis points gives "write bid_spread_bps = 25".
    """
    match = _QUANTITY.fullmatch(text[:64])
    if match is None:
        return ""
    number, unit = Decimal(match[1]), match[2]
    if not unit:
        return f"write {key} = {plain(number)} (no quotes)"
    for suffix, factors in _UNITS.items():
        factor = factors.get(unit.lower())
        if key.endswith(suffix) and factor is not None:
            return f"write {key} = {plain(number * factor)} (the unit is in the key's name)"
    return f"write a number without a unit: the unit is in the key's name, {key}"


def plain(number: Decimal) -> str:
    """Return a decimal as text without exponent and without trailing zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def unfit(value: object) -> str:
    """Return why `value`, as TOML gives it, can be no value of a config at all; "" if it can."""
    if isinstance(value, date | time):
        return "was a date or time, expected a number, a text, a switch or a table"
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return ""
    if isinstance(value, int):
        return "" if value.bit_length() <= 100 else f"expected at most {EXPONENT_MAX} digits"
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        return f"was {float(value)}, expected a finite number"
    if value.adjusted() > EXPONENT_MAX or exponent < -EXPONENT_MAX:
        return f"expected at most {EXPONENT_MAX} digits on either side of the point"
    return ""


def problem(code: str, message: str, hint: str = "") -> PydanticCustomError:
    """Return the error that a validator raises; braces in the texts are taken literally."""
    return PydanticCustomError(code, "{text}", {"text": message, "hint": hint})


def _number(value: object) -> object:
    # Wrong kinds are passed on: the strict decimal behind this refuses them. `unfit` has been asked before.
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return value
    return Decimal(value)


Number = Annotated[Decimal, BeforeValidator(_number)]
"""Any decimal."""

Amount = Annotated[Number, Gt(0), Le(AMOUNT_MAX)]
"""An amount of an asset, or of money: more than nothing."""

Holding = Annotated[Number, Ge(0), Le(AMOUNT_MAX)]
"""An amount of an asset that may be nothing."""

Bps = Annotated[Number, Gt(0), Le(Decimal(10_000)), MultipleOf(Decimal("0.01"))]
"""A distance of prices in basis points; 0.01 is the finest step."""

FeeBps = Annotated[Number, Ge(Decimal(-100)), Le(Decimal(1_000)), MultipleOf(Decimal("0.01"))]
"""A fee in basis points of the value; negative is a rebate."""

Ratio = Annotated[Number, Gt(0), Le(Decimal(1)), MultipleOf(Decimal("0.000001"))]
"""A share, more than 0 and at most 1, in steps of one part per million."""

Share = Annotated[Number, Ge(0), Le(Decimal(1)), MultipleOf(Decimal("0.000001"))]
"""A share that may be nothing."""

Count = Annotated[int, Ge(1), Le(100_000)]
"""How many; at least one."""

Milliseconds = Annotated[int, Ge(1), Le(7 * DAY_MS)]
"""A length of time; at most a week."""

LatencyMs = Annotated[int, Ge(1), Le(60_000)]
"""How long a message is under way; at most a minute."""

Seed = Annotated[int, Ge(0), Le(2**63 - 1)]
"""A seed of a simulated market."""


def _matching(pattern: str, message: str, hint: str) -> Callable[[object], object]:
    compiled = re.compile(pattern, re.ASCII)

    def check(value: object) -> object:
        if isinstance(value, str) and not compiled.fullmatch(value):
            raise problem("form", message, hint)
        return value

    return check


Name = Annotated[
    str,
    StringConstraints(max_length=NAME_LENGTH_MAX),
    BeforeValidator(
        _matching(
            r"[a-z][a-z0-9-]*(?:_[a-z0-9-]+)*",
            "expected a name of lower-case letters, digits, '-' and single '_'",
            "so that MM__... variables and --set can name it",
        )
    ),
]
"""The name of a table, as in `[pair.btc]`."""


def _symbol(value: object) -> object:
    if not isinstance(value, str) or re.fullmatch(r"[A-Z0-9]{1,20}/[A-Z0-9]{1,20}", value):
        return value
    loose = re.fullmatch(r"([A-Za-z0-9]{1,20})[-_/ ]([A-Za-z0-9]{1,20})", value)
    hint = f'write "{loose[1].upper()}/{loose[2].upper()}"' if loose else 'as in "BTC/USDT"'
    raise problem("symbol", "expected BASE/QUOTE in capitals", hint)


Symbol = Annotated[str, BeforeValidator(_symbol)]
"""A unified symbol of a spot market, `BTC/USDT`."""

SecretReference = Annotated[
    str,
    BeforeValidator(
        _matching(
            r"env:[A-Za-z_][A-Za-z0-9_]*|file:[^\x00-\x1f]+",
            "expected env:NAME or file:PATH (the value is not shown)",
            "a key never stands in the config: put it in a variable or in a file that only you can read",
        )
    ),
]
"""Where a key or secret is read from; never the key itself."""


def host_is_loopback(url: str) -> bool:
    """Return whether the host of `url` is this machine by its very spelling; no name is looked up."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _url(value: object) -> object:
    if not isinstance(value, str):
        return value
    expected = problem(
        "url", "expected an address like http://127.0.0.1:8600 (scheme, host, port; nothing more)"
    )
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise expected from None
    extra = parts.username or parts.password or parts.query or parts.fragment or parts.path not in ("", "/")
    if parts.scheme not in ("http", "https") or not parts.hostname or extra or port == 0:
        raise expected
    if re.search(r"[\x00-\x20\\]", value):
        raise expected
    if parts.scheme == "http" and not host_is_loopback(value):
        raise problem(
            "url", "http:// is only for this machine: signed requests do not travel in clear", "use https://"
        )
    return value.rstrip("/")


Url = Annotated[str, StringConstraints(max_length=300), BeforeValidator(_url)]
"""The address of a venue that takes the place of the real one."""


def _path(value: object) -> object:
    if not isinstance(value, str):
        raise problem("path", "expected a path as text")
    if not value or re.search(r"[\x00-\x1f]", value) or len(value) > 1000:
        raise problem("path", "expected a path of 1 to 1000 printable characters")
    try:
        return Path(value).expanduser().absolute()
    except RuntimeError:
        raise problem("path", "expected a path whose ~ can be resolved") from None


FilePath = Annotated[Path, BeforeValidator(_path)]
"""A path; relative ones start at the working directory of the command."""


def shape_hint(path: tuple[str, ...], value: object, expected: str, *, named: bool) -> str:
    """Return how to write what was `expected` in place of `value`, one of another shape; else "".

    Args: path: of the key. named: a table is expected that holds tables by name.
    """
    if "table" in expected:
        if not isinstance(value, list):
            return ""
        place = ".".join(path)
        if named:
            return f"write [{place}.NAME] headers, one per entry"
        return f"write [{place}] once, in single brackets"
    key = next((part for part in reversed(path) if not part.isdecimal()), "")
    if expected == "expected a list":
        inner = _as_entries(value)
        return f"write {key} = [{inner}]" if inner else f"write {key} = [..., ...]"
    if isinstance(value, list):
        if "entr" in expected:
            return ""
        if path[-1].isdecimal():
            return f"{key} is one list of single values, without lists in it"
        return "write a single value, without brackets"
    return f"write a single value: {key} = ..." if isinstance(value, dict) else ""


def _as_entries(value: object) -> str:
    # What stands between the brackets where a list was meant: "1, 2" for the text of that, 3 for a 3.
    if isinstance(value, str):
        parts = [part.strip() for part in value[:200].split(",")]
        if all(_QUANTITY.fullmatch(part) for part in parts):
            return ", ".join(parts)
        return ", ".join(f'"{part}"' for part in parts) if value.isprintable() and '"' not in value else ""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return ""
    return plain(Decimal(value))
