"""A plan of faults: a TOML file of `[[fault]]` tables, or one fault as JSON, read and judged whole.

Whatever is wrong is a `ConfigError` that names the file and line (or the table), the key, what was expected
and a near name; a plan with an error is not used at all. Nothing here does anything to anybody.
"""

import difflib
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from math import isfinite
from pathlib import Path
from typing import Final, NoReturn

import msgspec

from mm.domain.units import NS_PER_S
from mm.errors import ConfigError
from mm.exchange.commands import BY_NAME
from mm.exchange.faults.kinds import ANY, EVENTS, KINDS, SESSION_METHODS, SURFACES, Field, Group, Kind
from mm.settings.lines import KeyPath, key_lines

FAULTS_MAX: Final = 1_000
"""Faults of one plan."""

COUNT_MAX: Final = 1_000_000

_FILE_BYTES_MAX: Final = 1_000_000
_SHOWN_MAX: Final = 40
_SEED_MAX: Final = 2**63 - 1
_PLACE: Final = re.compile(r" \(at line (\d+), column \d+\)$")

_ALL: Final = (Field("after_s", 0.0, is_whole=False),)
_TRIGGERS: Final = (
    Field("duration_s", 0.0, is_whole=False),
    Field("nth", 0, 1, COUNT_MAX),
    Field("every", 0, 1, COUNT_MAX),
    Field("probability", 0.0, 0, 1, is_whole=False),
    Field("count", 0, 1, COUNT_MAX),
)
_COMMON: Final = {
    Group.REQUEST: (*_ALL, *_TRIGGERS),
    Group.FRAME: (*_ALL, *_TRIGGERS),
    Group.SOCKET: (*_ALL, Field("duration_s", 0.0, is_whole=False), Field("count", 0, 1, COUNT_MAX)),
    Group.MARKET: (*_ALL, Field("duration_s", 0.0, is_whole=False), Field("count", 0, 1, COUNT_MAX)),
}

EXAMPLE: Final = """\
seed = 7                     # of what is drawn by chance

[[fault]]
kind = "lost_ack"            # processed, but the answer never comes
target = "order.place"
nth = 3                      # the third one

[[fault]]
kind = "late"                # reports of fills come 0.8 s late, one in four
target = "executionReport"
execution = "TRADE"
probability = 0.25
delay_ms = 800

[[fault]]
kind = "banned"              # 418 from the 20th to the 25th second
after_s = 20
duration_s = 5
"""
"""A small plan, as the documentation shows it."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One fault of a plan.

    Fields: after_ns: when it begins, from the start of the exchange or from when it was asked for.
    duration_ns: how long it holds, 0 = for ever. nth, every: which of the matching requests or frames, 0 =
    not asked for. probability: of each, 0 = not asked for. count: how often at most, 0 = no limit.
    values: the kind's own fields, each there.
    """

    kind: Kind
    target: str
    after_ns: int
    duration_ns: int
    nth: int
    every: int
    probability: float
    count: int
    values: dict[str, int | float | str | bool]

    def number(self, name: str) -> int:
        """Return a field of the kind that is a whole number."""
        return int(self.values[name])

    def seconds_ns(self, name: str) -> int:
        """Return a field of the kind that is a time in seconds, as nanoseconds."""
        return round(float(self.values[name]) * NS_PER_S)

    def text(self, name: str) -> str:
        """Return a field of the kind that is a text."""
        return str(self.values[name])


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Faults in their order. Fields: seed: of what is drawn by chance."""

    seed: int = 0
    faults: tuple[Fault, ...] = ()


def read_plan(path: Path) -> Plan:
    """Return the plan of a file; raises ConfigError for anything that is wrong with it."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    if len(content) > _FILE_BYTES_MAX:
        raise ConfigError(f"{path}: has {len(content)} bytes, expected at most {_FILE_BYTES_MAX}")
    try:
        return plan_of(content.decode(), str(path))
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: byte {error.start} is no UTF-8 text") from None


def plan_of(text: str, name: str) -> Plan:
    """Return the plan that a text holds; `name` is what messages call it. Raises ConfigError."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _PLACE.search(str(error))
        where = f"{name}:{found[1]}" if found else f"{name}:{text.count(chr(10)) + 1}"
        reason = _PLACE.sub("", str(error)).removesuffix(" (at end of document)")
        raise ConfigError(
            f"{where}: not valid TOML: {reason}", hint="a plan is a list of [[fault]]"
        ) from None
    except (ValueError, RecursionError):
        raise ConfigError(f"{name}: holds a number beyond all bounds, or is nested too deeply") from None
    lines = key_lines(text)
    reader = _Reader(lambda path: f"{name}:{_line(lines, path)}")
    return reader.plan(raw)


def fault_of(raw: object) -> Fault:
    """Return the fault that a decoded JSON object describes; raises ConfigError."""
    return _Reader(lambda _: "request").fault(raw, ())


def _line(lines: Mapping[KeyPath, int], path: KeyPath) -> int:
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


class _Reader:
    # Args: place: where a key stands, for messages.
    def __init__(self, place: Callable[[KeyPath], str]) -> None:
        self._place = place

    def plan(self, raw: dict[str, object]) -> Plan:
        for key in raw:
            if key not in ("seed", "fault"):
                self._fail((key,), "unknown key", _near(key, ("seed", "fault")))
        seed = raw.get("seed", 0)
        if type(seed) is not int or not 0 <= seed <= _SEED_MAX:
            self._fail(("seed",), f"was {_shown(seed)}, expected a whole number of 0 to {_SEED_MAX}")
        tables = raw.get("fault")
        if not isinstance(tables, list) or not 1 <= len(tables) <= FAULTS_MAX:
            self._fail(("fault",), f"expected 1 to {FAULTS_MAX} tables", "each fault is a table [[fault]]")
        faults = tuple(self.fault(table, ("fault", str(index))) for index, table in enumerate(tables))
        return Plan(seed=seed, faults=faults)

    def fault(self, raw: object, path: KeyPath) -> Fault:
        if not isinstance(raw, dict):
            self._fail(path, f"was {_shown(raw)}, expected a table", 'such as kind = "lost_ack"')
        if "kind" not in raw:
            self._fail(path, "kind is missing", f"one of {', '.join(KINDS)}")
        kind = KINDS.get(raw["kind"]) if isinstance(raw["kind"], str) else None
        if kind is None:
            message = f"was {_shown(raw['kind'])}, expected the name of a kind of fault"
            self._fail((*path, "kind"), message, _near(raw["kind"], KINDS))
        fields = (*_COMMON[kind.group], *kind.fields)
        for key in raw:
            if key not in ("kind", "target", *(field.name for field in fields)):
                names = ("target", *(field.name for field in fields))
                self._fail((*path, key), f"unknown key of a fault {kind.name}", _near(key, names))
        values = {field.name: self._value(raw, field, path) for field in fields}
        self._check(kind, raw, path)
        target = self._target(kind, raw.get("target", ANY), path)
        return _fault(kind, target, values)

    def _value(self, raw: Mapping[str, object], field: Field, path: KeyPath) -> int | float | str | bool:
        path = (*path, field.name)
        if field.name not in raw:
            if field.default is None:
                self._fail(path[:-1], f"{field.name} is missing, expected {_expected(field)}")
            return field.default
        found = raw[field.name]
        if isinstance(field.default, bool):
            is_right = isinstance(found, bool)
        elif isinstance(field.default, str):
            is_right = isinstance(found, str) and (not field.choices or found in field.choices)
        else:
            is_right = type(found) is int or (not field.is_whole and isinstance(found, float))
            is_right = is_right and isfinite(found) and field.low <= found <= field.high  # type: ignore[arg-type, operator]  # it is a number by now
        if not is_right:
            hint = _near(found, field.choices) if field.choices else ""
            self._fail(path, f"was {_shown(found)}, expected {_expected(field)}", hint)
        assert isinstance(found, int | float | str)
        return found

    def _check(self, kind: Kind, raw: Mapping[str, object], path: KeyPath) -> None:
        ways = [name for name in ("nth", "every", "probability") if name in raw]
        if len(ways) > 1:
            self._fail((*path, ways[1]), f"given beside {ways[0]}, expected one of nth, every, probability")
        if "nth" in ways and "count" in raw:
            self._fail((*path, "count"), "given beside nth, which names a single one")
        if kind.bounded and not raw.get("duration_s"):
            self._fail(path, f"duration_s is missing: {kind.name} lasts a time", "such as duration_s = 5")

    def _target(self, kind: Kind, target: object, path: KeyPath) -> str:
        known = _targets(kind)
        if not isinstance(target, str) or target not in known:
            message = f"was {_shown(target)}, expected what {kind.name} can be aimed at"
            self._fail((*path, "target"), message, _near(target, known))
        return target

    def _fail(self, path: KeyPath, message: str, hint: str = "") -> NoReturn:
        key = ".".join(path)
        raise ConfigError(f"{self._place(path)}: {key}{': ' if key else ''}{message}", hint=hint)


def _fault(kind: Kind, target: str, values: dict[str, int | float | str | bool]) -> Fault:
    own = {field.name for field in kind.fields}
    chosen = values.get("nth", 0) or values.get("every", 0) or values.get("probability", 0)
    count = int(values.get("count", 0))
    if "every_s" in own:
        count = count or (0 if values["every_s"] else 1)
    elif values.get("nth", 0) or not (count or chosen or values["duration_s"] or kind.lasts):
        count = 1
    return Fault(
        kind=kind,
        target=target,
        after_ns=round(float(values["after_s"]) * NS_PER_S),
        duration_ns=round(float(values["duration_s"]) * NS_PER_S),
        nth=int(values.get("nth", 0)),
        every=int(values.get("every", 0)),
        probability=float(values.get("probability", 0.0)),
        count=count,
        values={name: value for name, value in values.items() if name in own},
    )


def _targets(kind: Kind) -> tuple[str, ...]:
    if kind.targets:
        return (ANY, *(name for name in kind.targets if name != ANY))
    if kind.group is Group.REQUEST:
        return (ANY, *BY_NAME, *SESSION_METHODS)
    return (ANY, *SURFACES, *EVENTS)


def _expected(field: Field) -> str:
    if isinstance(field.default, bool):
        return "true or false"
    if field.choices:
        return "one of " + ", ".join(f'"{choice}"' for choice in field.choices)
    if isinstance(field.default, str):
        return "a text"
    if field.is_whole:
        return f"a whole number of {int(field.low)} to {int(field.high)}"
    return f"a number of {field.low:g} to {field.high:g}"


def _near(name: object, known: Iterable[str]) -> str:
    names = list(known)
    near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(map(repr, names))}"


def _shown(value: object) -> str:
    text = "true" if value is True else "false" if value is False else repr(value)
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}..."
