"""What is wrong with a config, in the words of its user: place, key, message, hint.

Turns what the models found into problems and problems into one `ConfigError`. It never shows a value that
could be a secret: nothing below `venue`, nothing of an unknown key, no long text. Invariant: every problem
names where the value came from (file and line, variable, flag).
"""

import difflib
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from pydantic import BaseModel, ValidationError

from mm.errors import ConfigError
from mm.settings.hummingbot import hummingbot_hint
from mm.settings.lines import KeyPath
from mm.settings.values import shape_hint, unit_hint

PROBLEMS_SHOWN: Final = 20
"""Problems that are listed; a file with more has one cause."""

SHOWN_LENGTH_MAX: Final = 32
"""Longest text that is echoed: API keys are longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong.

    Fields: path: of the key. message: what was found and expected. hint: what to do.
    """

    path: KeyPath
    message: str
    hint: str = ""


class Origins:
    """Where each key came from. Later layers overwrite earlier ones."""

    def __init__(self, file: str, lines: Mapping[KeyPath, int]) -> None:
        """Start with the file, as the user spelled its path, and the lines of its keys."""
        self.file = file
        self._of: dict[KeyPath, str] = {path: f"{file}:{line}" for path, line in lines.items()}

    def set(self, path: KeyPath, origin: str, value: object) -> None:
        """Note that `value` at `path`, with everything in it, came from `origin`."""
        for known in [known for known in self._of if known[: len(path)] == path]:
            del self._of[known]
        self._of[path] = origin
        for depth in range(1, len(path)):
            self._of.setdefault(path[:depth], origin)
        if isinstance(value, dict):
            for key, inner in value.items():
                self.set((*path, key), origin, inner)

    def exact(self, path: KeyPath) -> str:
        """Return where the key came from; "default" when nobody set it."""
        return self._of.get(path, "default")

    def nearest(self, path: KeyPath) -> str:
        """Return where the key came from, or the table that it belongs to, or else the file."""
        while path:
            if path in self._of:
                return self._of[path]
            path = path[:-1]
        return f"{self.file}:1"


def raise_problems(problems: Sequence[Problem], origins: Origins) -> None:
    """Raise one ConfigError that tells of all `problems`; return when there are none."""
    if not problems:
        return
    told = sorted({_line(found, origins): found.hint for found in problems}.items(), key=_in_file_order)
    if len(told) == 1:
        raise ConfigError(told[0][0], hint=told[0][1])
    shown = [f"{line}\n  hint: {hint}" if hint else line for line, hint in told[:PROBLEMS_SHOWN]]
    if len(told) > PROBLEMS_SHOWN:
        shown.append(f"and {len(told) - PROBLEMS_SHOWN} more")
    raise ConfigError("\n".join(shown))


def _line(found: Problem, origins: Origins) -> str:
    return f"{origins.nearest(found.path)}: {'.'.join(found.path)}: {found.message}"


def _in_file_order(entry: tuple[str, str]) -> tuple[str, int, str]:
    place = entry[0].split(": ", 1)[0]
    file, _, line = place.rpartition(":")
    return (file, int(line), entry[0]) if line.isdecimal() else (place, 0, entry[0])


def problems_of(error: ValidationError, root: type[BaseModel]) -> list[Problem]:
    """Return what a model of the config found, in the user's words."""
    found = []
    for entry in error.errors(include_url=False):
        path = tuple(str(part) for part in entry["loc"] if part != "[key]")
        context = entry.get("ctx", {})
        if entry["type"] == "extra_forbidden":
            found.append(unknown_key(path, entry["input"], known_keys(root, path[:-1])))
        elif entry["type"] == "missing":
            found.append(Problem(path=path, message="missing", hint=_missing_hint(path)))
        elif "text" in context:
            found.append(Problem(path=path, message=str(context["text"]), hint=str(context["hint"])))
        else:
            expected = expected_words(entry["type"], entry["msg"], context)
            found.append(wrong_value(path, entry["input"], expected, named=entry["type"] == "dict_type"))
    return found


def unknown_key(path: KeyPath, value: object, known: Iterable[str]) -> Problem:
    """Return the problem of a key that does not exist among `known` ones. The value is not shown."""
    name = path[-1]
    hint = hummingbot_hint(name, value)
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    if not hint and near:
        hint = f"did you mean '{near[0]}'?"
    return Problem(path=path, message="unknown key", hint=hint or _all_of(known))


def _all_of(known: Iterable[str]) -> str:
    names = sorted(known)
    return f"known here: {', '.join(names)}" if names else ""


def wrong_value(path: KeyPath, value: object, expected: str, *, named: bool = False) -> Problem:
    """Return the problem of a value that is not what was `expected`.

    A text with a unit in place of a number gets the number as hint, a list, table or single value in place of
    one of the others how to write that. Args: named: the table that is expected is one of tables by name.
    """
    hint = ""
    shown = shown_value(path, value)
    if path[0] == "venue":
        pass
    elif isinstance(value, str) and "number" in expected:
        # An entry of a list has its index as name: the unit is in the name of the list.
        key = next(part for part in reversed(path) if not part.isdecimal())
        hint = unit_hint(key, value)
        if path[-1] != key:
            hint = hint.replace(f"write {key} = ", "write ")
    else:
        hint = shape_hint(path, value, expected, named=named)
    return Problem(path=path, message=f"was {shown}, {expected}" if shown else expected, hint=hint)


def shown_value(path: KeyPath, value: object) -> str:
    """Return `value` as the user wrote it where it cannot be a secret, else ""."""
    if path[:1] == ("venue",):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= SHOWN_LENGTH_MAX and value.isprintable() else "a text"
    if isinstance(value, int):
        return str(value) if value.bit_length() <= 64 else "a huge number"
    if isinstance(value, Decimal):
        return str(value)[:40]
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    return ""


_EXPECTED: Final = {
    "int_type": "expected a whole number",
    "int_parsing_size": "expected a smaller whole number",
    "float_type": "expected a number",
    "decimal_type": "expected a number",
    "decimal_parsing": "expected a number",
    "bool_type": "expected true or false",
    "string_type": "expected a text in quotes",
    "model_type": "expected a table",
    "dict_type": "expected a table",
    "tuple_type": "expected a list",
    "dataclass_type": "expected a table",
    "finite_number": "expected a finite number",
}


_BOUNDS: Final = {
    "gt": "more than",
    "ge": "at least",
    "lt": "less than",
    "le": "at most",
    "multiple_of": "a multiple of",
}


_LENGTHS: Final = {"too_short": ("at least", "min_length"), "too_long": ("at most", "max_length")}


def expected_words(kind: str, message: str, context: Mapping[str, object]) -> str:
    """Return what was expected, from a model's error: its kind, its message and its context."""
    if kind == "is_instance_of" and context.get("class") == "Decimal":
        return "expected a number"
    if kind in _EXPECTED:
        return _EXPECTED[kind]
    for bound, phrase in _BOUNDS.items():
        if bound in context:
            text = str(context[bound]).removeprefix("Decimal('").removesuffix("')")
            return f"expected {phrase} {text}"
    if kind in _LENGTHS:
        word, key = _LENGTHS[kind]
        count = context.get(key, 1)
        return f"expected {word} {'one entry' if count == 1 else f'{count} entries'}"
    return message.replace("Input should be", "expected")


def _missing_hint(path: KeyPath) -> str:
    if path == ("mode",):
        return 'write mode = "paper" (or "demo"); "live" trades with money'
    if path == ("pair",):
        return 'write a table [pair.btc] with symbol = "BTC/USDT"'
    return f"write {path[-1]} = ... in [{'.'.join(path[:-1])}]"


def known_keys(root: type[BaseModel], path: KeyPath) -> tuple[str, ...]:
    """Return the keys that the table at `path` below the model `root` can have; none for a table of names."""
    model = root
    names = list(path)
    while names:
        field = model.model_fields.get(names.pop(0))
        inner = _model_in(field.annotation) if field is not None else None
        if field is None or inner is None:
            return ()
        if typing.get_origin(field.annotation) is dict:
            if not names:
                return ()
            names.pop(0)
        model = inner
    return tuple(model.model_fields)


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in typing.get_args(annotation):
        model = _model_in(inner)
        if model is not None:
            return model
    return None
