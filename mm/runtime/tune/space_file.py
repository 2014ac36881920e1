"""Reads a space from a TOML file and checks it against the config that it is for, before anything runs.

A range is `{low, high, log, step}`, or `{choices}`. Each end of each range has to be a value that the config
takes. Only what a strategy does is tuned: limits are set by a person, and the simulated market is no matter
of choice. Invariant: what is wrong is told with file and line.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Final

from mm.errors import ConfigError
from mm.runtime.tune.space import DIGITS, Dimension, Point, decimal_text, overrides_of
from mm.settings.lines import KeyPath, key_lines
from mm.settings.loader import read_text, settings_of
from mm.settings.overlay import exact_number, key_path

CHOICES_MAX: Final = 1_000
DIMENSIONS_MAX: Final = 64

_RANGE: Final = ("low", "high", "log", "step")


class SpaceFile:
    """A space and the config that it is for.

    Fields: path; text; dimensions: in the order of the file; config; overrides: of `--set`.
    """

    def __init__(self, path: Path, config: Path, overrides: Sequence[str] = ()) -> None:
        """Read and check; raises ConfigError that names file and line."""
        self.path, self.config, self.overrides = path, config, tuple(overrides)
        self.text = read_text(path)
        self._config_text = read_text(config)
        self._pairs = tuple(settings_of(self._config_text, config, overrides).pair)
        tree = self._parsed()
        lines = key_lines(self.text)
        found = [self._dimension(key, table, lines) for key, table in _leaves(tree, (), lines)]
        if not found:
            raise ConfigError(f"{path}: there is nothing to search in it", hint=EXAMPLE)
        if len(found) > DIMENSIONS_MAX:
            raise ConfigError(f"{path}: {len(found)} parameters, expected at most {DIMENSIONS_MAX}")
        doubled = [one for at, one in enumerate(found) if one.key in [other.key for other in found[:at]]]
        if doubled:
            raise ConfigError(f"{doubled[0].origin}: {doubled[0].key}: is there twice")
        self.dimensions = tuple(found)
        self.dimensions = tuple(self._typed(one) for one in found)

    def refusal(self, point: Point) -> str:
        """Return why the config does not take a point, "" if it does."""
        return self._refused(point)

    def fields(self) -> list[dict[str, object]]:
        """Return all dimensions ready for JSON."""
        return [one.fields() for one in self.dimensions]

    # ---- reading

    def _parsed(self) -> dict[str, object]:
        try:
            return tomllib.loads(self.text, parse_float=exact_number)
        except tomllib.TOMLDecodeError as error:
            said, _, place = str(error).rpartition(" (at ")
            line = place.removeprefix("line ").partition(",")[0]
            at = f":{line}" if line.isdecimal() else ""
            raise ConfigError(f"{self.path}{at}: not valid TOML: {said or error}", hint=EXAMPLE) from None
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{self.path}: {error}") from None

    def _dimension(self, names: KeyPath, table: object, lines: Mapping[KeyPath, int]) -> Dimension:
        key = ".".join(names)
        origin = f"{self.path}:{lines.get(names, 1)}"
        if not isinstance(table, dict):
            raise ConfigError(
                f"{origin}: {key}: expected a table of low and high, or of choices", hint=EXAMPLE
            )
        self._require_tunable(key_path(key, origin), origin)
        if "choices" in table:
            return Dimension(key=key, origin=origin, choices=_choices(table, f"{origin}: {key}"))
        return _range(table, key, origin)

    def _require_tunable(self, path: KeyPath, origin: str) -> None:
        key = ".".join(path)
        if len(path) > 3 and path[0] == "pair" and path[2] == "params":
            if path[1] not in self._pairs:
                names = ", ".join(self._pairs)
                raise ConfigError(f"{origin}: {key}: there is no [pair.{path[1]}]", hint=f"there is {names}")
            return
        why = "limits are set by a person" if "risk" in path or "inventory" in path else "it is not searched"
        raise ConfigError(
            f"{origin}: {key}: {why}: expected a parameter of a strategy", hint="as pair.NAME.params.KEY"
        )

    # ---- against the config

    def _typed(self, one: Dimension) -> Dimension:
        # How fine its values may be is for the config to say, like everything about them.
        if one.choices:
            for choice in one.choices:
                self._require(one, choice)
            return one
        ends = [decimal_text(one.low), decimal_text(one.high)]
        is_whole = all(end == end.to_integral_value() for end in (one.low, one.high, one.step or one.low))
        if is_whole:
            ends = [str(int(one.low)), str(int(one.high))]
        for end in ends:
            self._require(one, end)
        if one.step is not None:
            return replace(one, whole=is_whole)
        for decimals in (None, *range(DIGITS, 0, -1)):
            if not self._refusal_of(one, _between(one, DIGITS if decimals is None else decimals)):
                return replace(one, decimals=decimals)
        if is_whole:
            return replace(one, whole=True)
        raise ConfigError(f"{one.origin}: {one.key}: the config takes no value between low and high")

    def _require(self, one: Dimension, text: str) -> None:
        refused = self._refusal_of(one, text)
        if refused:
            said = refused.splitlines()[0].removeprefix("--set: ")
            raise ConfigError(f"{one.origin}: {said}", hint="the config takes no such value")

    def _refusal_of(self, one: Dimension, text: str) -> str:
        # By itself, and where that contradicts another parameter that is searched, together with those.
        first = self._refused({one.key: text})
        if not first:
            return ""
        for corner in (_low, _high):
            others = {other.key: corner(other) for other in self.dimensions}
            if not self._refused({**others, one.key: text}):
                return ""
        return first

    def _refused(self, point: Point) -> str:
        try:
            settings_of(self._config_text, self.config, (*self.overrides, *overrides_of(point)))
        except ConfigError as error:
            return str(error)
        return ""


EXAMPLE: Final = "write [pair.btc.params] and risk_factor = { low = 0.01, high = 1.0, log = true }"


def _leaves(
    tree: Mapping[str, object], above: KeyPath, lines: dict[KeyPath, int]
) -> Iterator[tuple[KeyPath, object]]:
    # A key in quotes may hold dots: "pair.btc.params.risk_factor" is the same as with tables.
    for name, value in tree.items():
        path = (*above, *name.split("."))
        lines.setdefault(path, lines.get((*above, name), 1))
        is_table = isinstance(value, dict) and value
        if isinstance(value, dict) and is_table and not _is_leaf(value):
            yield from _leaves(value, path, _shifted(lines, (*above, name), path))
        else:
            yield path, value


def _shifted(lines: dict[KeyPath, int], old: KeyPath, new: KeyPath) -> dict[KeyPath, int]:
    if old != new:
        moved = {(*new, *path[len(old) :]): line for path, line in lines.items() if path[: len(old)] == old}
        lines.update(moved)
    return lines


def _is_leaf(table: Mapping[str, object]) -> bool:
    return any(name in (*_RANGE, "choices") and not isinstance(table[name], dict) for name in table)


def _choices(table: Mapping[str, object], place: str) -> tuple[str, ...]:
    unknown = [name for name in table if name != "choices"]
    values = table["choices"]
    if unknown:
        raise ConfigError(f"{place}: {unknown[0]}: choices stand alone")
    if not isinstance(values, list) or not 1 <= len(values) <= CHOICES_MAX:
        raise ConfigError(f"{place}: choices: expected a list of 1 to {CHOICES_MAX} values")
    texts = tuple(_toml(value, place) for value in values)
    if len(dict.fromkeys(texts)) != len(texts):
        raise ConfigError(f"{place}: choices: one is there twice")
    return texts


def _toml(value: object, place: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal) and value.is_finite():
        return decimal_text(value)
    if isinstance(value, str) and value.isprintable() and not any(sign in value for sign in '"\\'):
        return f'"{value}"'
    raise ConfigError(f"{place}: choices: expected numbers, texts, true or false")


def _range(table: Mapping[str, object], key: str, origin: str) -> Dimension:
    place = f"{origin}: {key}"
    unknown = [name for name in table if name not in _RANGE]
    if unknown:
        raise ConfigError(f"{place}: {unknown[0]}: unknown, expected low, high, log, step or choices")
    low, high = _number(table, "low", place), _number(table, "high", place)
    step = _number(table, "step", place) if "step" in table else None
    log = table.get("log", False)
    if not isinstance(log, bool):
        raise ConfigError(f"{place}: log: expected true or false")
    if low >= high:
        raise ConfigError(f"{place}: low was {low}, expected less than high, {high}")
    if log and (low <= 0 or step is not None):
        reason = "low has to be above 0 with log" if low <= 0 else "log and step do not go together"
        raise ConfigError(f"{place}: {reason}")
    if step is not None and not 0 < step <= high - low:
        raise ConfigError(f"{place}: step was {step}, expected more than 0 and at most {high - low}")
    return Dimension(key=key, origin=origin, low=low, high=high, step=step, log=log)


def _number(table: Mapping[str, object], name: str, place: str) -> Decimal:
    value = table.get(name)
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not Decimal(value).is_finite():
        said = "is missing" if value is None else "expected a number"
        raise ConfigError(f"{place}: {name}: {said}", hint=EXAMPLE)
    return Decimal(value)


def _low(one: Dimension) -> str:
    return one.choices[0] if one.choices else _number_text(one, one.low)


def _high(one: Dimension) -> str:
    return one.choices[-1] if one.choices else _number_text(one, one.high)


def _number_text(one: Dimension, value: Decimal) -> str:
    whole = one.low == one.low.to_integral_value() and one.high == one.high.to_integral_value()
    return str(int(value)) if whole else decimal_text(value)


def _between(one: Dimension, decimals: int) -> str:
    # A value within the range that has just so many digits behind the point.
    unit = Decimal(1).scaleb(-decimals)
    value = round(one.low + (one.high - one.low) / 3, decimals)
    if value % (10 * unit) == 0:
        value += unit
    return decimal_text(min(value, one.high))
