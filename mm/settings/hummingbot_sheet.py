"""The sheet that a Hummingbot file is translated on: each of its keys ends up in exactly one kind of row.

Percent becomes basis points, seconds milliseconds. Invariant: a key of the file that no rule took is a row
too, so that nothing is dropped without a word.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from mm.errors import ConfigError
from mm.settings.hummingbot_yaml import Node, Table
from mm.settings.values import plain

HUNDREDTH: Final = Decimal("0.01")
PPM_STEP: Final = Decimal("0.000001")
PERCENT: Final = "percent x 100 = bps"
SECONDS: Final = "seconds x 1000 = ms"
THEIR_DEFAULT: Final = "their default"

_NUMBER: Final = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,2})?", re.ASCII)
_FLAGS: Final = {
    "true": True,
    "yes": True,
    "on": True,
    "y": True,
    "false": False,
    "no": False,
    "off": False,
    "n": False,
}


class Kind(StrEnum):
    """What became of a key: one of ours; nothing, for it has no effect there, no equal here, or no rule."""

    TRANSLATED = "translated"
    NO_EFFECT = "no_effect"
    NO_EQUAL = "no_equal"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One key.

    Fields: key, value: theirs; line: 0 for a default of theirs; ours, our_value: as TOML; note: unit, or why.
    """

    kind: Kind
    key: str
    value: str
    line: int
    ours: str = ""
    our_value: str = ""
    note: str = ""


class Sheet:
    """Their keys, and what becomes of them.

    Fields: rows: so far; params, holding: TOML value and where it is from, by our key, of the strategy's
    parameters and of the session's inventory.
    """

    def __init__(self, conf: Table, file: str, defaults: Mapping[str, str | None]) -> None:
        """Begin. Args: file: for messages; defaults: what holds there for a key that the file lacks."""
        self.file = file
        self.rows: list[Row] = []
        self.params: dict[str, tuple[str, str]] = {}
        self.holding: dict[str, tuple[str, str]] = {}
        self._conf = conf
        self._defaults = defaults

    # ---- reading

    def node(self, key: str) -> Node:
        """Return what stands at `key`, or their default in line 0."""
        return self._conf.get(key) or Node(self._defaults.get(key), 0)

    def has(self, key: str) -> bool:
        """Return whether there is a value at `key`, of the file or by default."""
        return self.node(key).value not in (None, "", {}, [])

    def fault(self, key: str, message: str, hint: str = "") -> ConfigError:
        """Return the error about the value of `key`."""
        return ConfigError(f"{self.file}:{self.node(key).line or 1}: {key} {message}", hint=hint)

    def text(self, key: str) -> str:
        """Return a text, "" if there is none; raises ConfigError for a list or a table."""
        value = self.node(key).value
        if isinstance(value, list) or (isinstance(value, dict) and value):
            raise self.fault(key, "was a list or a table, expected a single value")
        return value if isinstance(value, str) else ""

    def number(self, key: str) -> Decimal:
        """Return a number; raises ConfigError if there is none."""
        text = self.text(key)
        if not text:
            raise self.fault(key, "is missing, expected a number", "Hummingbot asks for it at the start")
        return self.number_of(key, text)

    def number_of(self, key: str, text: str) -> Decimal:
        """Return the number that `text`, a part of the value of `key`, is; raises ConfigError."""
        if not _NUMBER.fullmatch(text.strip()) or len(text) > 40:
            raise self.fault(key, f"was {text[:40]!r}, expected a number")
        return Decimal(text.strip())

    def flag(self, key: str) -> bool:
        """Return a switch, false if it is not there; raises ConfigError."""
        text = self.text(key)
        found = _FLAGS.get(text.lower()) if text else False
        if found is None:
            raise self.fault(key, f"was {text[:40]!r}, expected true or false")
        return found

    # ---- writing

    def translated(self, key: str, ours: str, toml: str, note: str = "") -> None:
        """Note that `key` became our parameter `ours` with the value `toml`."""
        node = self.node(key)
        told = f"{key} = {shown(node)}" if node.line else f"{key} = {shown(node)}, {THEIR_DEFAULT}"
        if note and note not in (PERCENT, SECONDS):
            told += f"; {note}"
        self.params[ours] = (toml, told)
        self.placed(key, ours, toml, note if node.line else f"{note}; {THEIR_DEFAULT}".lstrip("; "))

    def placed(self, key: str, ours: str, toml: str, note: str = "") -> None:
        """Note that `key` became `ours`, which is no parameter of the strategy."""
        self._row(Kind.TRANSLATED, key, ours=ours, our_value=toml, note=note)

    def inventory(self, key: str, ours: str, toml: str, note: str) -> None:
        """Note that `key` became `ours` of the session's inventory with the value `toml`."""
        self.holding[ours] = (toml, f"{key} = {shown(self.node(key))}; {note}")
        self.placed(key, f"pair.NAME.inventory.{ours}", toml, note)

    def idle(self, key: str, why: str) -> None:
        """Note that `key` has no effect there, so that it needs none here."""
        self._row(Kind.NO_EFFECT, key, note=why)

    def gap(self, key: str, why: str) -> None:
        """Note that `key` has no equal here."""
        self._row(Kind.NO_EQUAL, key, note=why)

    def _row(self, kind: Kind, key: str, *, note: str, ours: str = "", our_value: str = "") -> None:
        node = self.node(key)
        if node.line or kind is Kind.TRANSLATED:
            made = Row(
                kind=kind,
                key=key,
                value=shown(node),
                line=node.line,
                ours=ours,
                our_value=our_value,
                note=note,
            )
            self.rows.append(made)

    def bps(self, key: str, ours: str) -> Decimal:
        """Translate percent into basis points, to the hundredth; return them."""
        exact = self.number(key) * 100
        rounded = bps_of(exact)
        note = PERCENT if rounded == exact else f"{PERCENT}, rounded to 0.01 bps"
        self.translated(key, ours, plain(rounded), note)
        return rounded

    def milliseconds(self, key: str, ours: str) -> int:
        """Translate seconds into whole milliseconds; return them."""
        found = int(self.number(key) * 1000)
        self.translated(key, ours, f"{found}", SECONDS)
        return found

    def same(self, key: str, ours: str) -> Decimal:
        """Take a number over as it is; return it."""
        found = self.number(key)
        self.translated(key, ours, plain(found))
        return found

    def switch(self, key: str) -> bool:
        """Take a switch over under its own name if it is on; return it."""
        is_on = self.flag(key)
        if is_on:
            self.translated(key, key, "true")
        else:
            self.idle(key, "off")
        return is_on

    def close(self) -> None:
        """Note the keys of the file that nobody took."""
        taken = [row.key for row in self.rows]
        for key in self._conf:
            if key not in taken:
                self._row(Kind.UNKNOWN, key, note="not a key that is known of this strategy")
        self.rows.sort(key=lambda row: (row.line == 0, row.line))


def target_share(sheet: Sheet) -> None:
    """Translate the share of base that is aimed at; raises ConfigError if it is none."""
    key, percent = "inventory_target_base_pct", sheet.number("inventory_target_base_pct")
    if not 0 <= percent <= 100:
        raise sheet.fault(key, f"was {plain(percent)}, expected 0 to 100")
    exact = (percent / 100).quantize(PPM_STEP)
    sheet.inventory(key, "target_base_ratio", plain(exact), "of what the account is worth at the first start")


def bps_of(exact: Decimal) -> Decimal:
    """Return basis points rounded to the hundredth, away from nothing: a distance stays one."""
    rounded = exact.quantize(HUNDREDTH)
    return rounded if rounded or not exact else HUNDREDTH.copy_sign(exact)


def quoted(text: str) -> str:
    """Return a text as TOML, whatever is in it."""
    return json.dumps(text)


def shown(node: Node) -> str:
    """Return a value as people write it on one line."""
    value = node.value
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]"
    return f"{{{', '.join(f'{key}: {shown(inner)}' for key, inner in value.items())}}}"
