"""The parameters of a strategy, checked against the strategy's own `Params`.

A `Params` is a frozen dataclass that knows nothing of the config; its annotations say what each field may be.
The check is strict: no text for a number, no 3.0 for a 3; decimals keep every digit. No strategy runs.
"""

import dataclasses
import functools
import json
import re
import types
import typing
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import TypeAlias

from pydantic import TypeAdapter, ValidationError

from mm.settings.lines import KeyPath
from mm.settings.problems import Problem, expected_words, unknown_key, wrong_value

Kinds: TypeAlias = frozenset[object]


def validated_params(
    params: type[object], table: Mapping[str, object], path: KeyPath
) -> tuple[object | None, list[Problem]]:
    """Return the instance of `params` that `table` describes, and what is wrong; one of the two is empty.

    Args: params: a dataclass type. table: as parsed from TOML, decimals as `Decimal`. path: of the table.
    """
    if not dataclasses.is_dataclass(params):
        return None, [Problem(path=path, message="the strategy's Params is no dataclass: nothing can be set")]
    hints = typing.get_type_hints(params)
    names = [field.name for field in dataclasses.fields(params) if field.init]
    found = [unknown_key((*path, key), value, names) for key, value in table.items() if key not in names]
    ready: dict[str, object] = {}
    for name in names:
        if name in table:
            ready[name] = _ready(table[name], hints[name], (*path, name), found)
    if found:
        return None, found
    try:
        return _adapter(params).validate_json(json.dumps(ready), strict=True), []
    except ValidationError as error:
        return None, _problems_of(error, table, path)


@functools.lru_cache(maxsize=64)
def _adapter(params: type[object]) -> TypeAdapter[object]:
    # Making one takes most of the time that a config of many sessions is read in, while the loop waits.
    return TypeAdapter(params)


def _ready(value: object, hint: object, path: KeyPath, found: list[Problem]) -> object:
    # The value as it goes through the door; what is no value of this field is noted in `found`.
    row, is_named = _row_of(hint)
    if row is not None and is_named and isinstance(value, dict):
        return {name: _ready_row(inner, row, (*path, name), found) for name, inner in value.items()}
    if row is not None and not is_named:
        return _ready_row(value, row, path, found)
    kinds = _kinds(hint)
    if isinstance(value, list):
        named = ((entry, (*path, str(index))) for index, entry in enumerate(value))
        wrong = [(entry, at) for entry, at in named if _is_misplaced_text(entry, kinds)]
    else:
        # Where a list belongs, that is what is told of a text.
        wrong = [(value, path)] if not kinds & {tuple, list} and _is_misplaced_text(value, kinds) else []
    found += [wrong_value(at, entry, "expected a number") for entry, at in wrong]
    return _jsonable(value, kinds)


def _ready_row(value: object, row: type[object], path: KeyPath, found: list[Problem]) -> object:
    if not isinstance(value, dict):
        found.append(wrong_value(path, value, "expected a table"))
        return value
    hints = typing.get_type_hints(row)
    found += [unknown_key((*path, key), inner, hints) for key, inner in value.items() if key not in hints]
    return {key: _ready(value[key], hints[key], (*path, key), found) for key in hints if key in value}


def _row_of(hint: object) -> tuple[type[object] | None, bool]:
    # The dataclass that a field is a table of, and whether of several by name; None for any other field.
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return hint, False
    parts = typing.get_args(hint)
    if typing.get_origin(hint) is dict:
        return _row_of(parts[1])[0], True
    return next((found for found in map(_row_of, parts) if found[0] is not None), (None, False))


def _kinds(hint: object) -> Kinds:
    # The plain types that a value of this field is made of.
    origin = typing.get_origin(hint)
    if origin is None:
        return frozenset([hint])
    if origin is typing.Literal:
        return frozenset([str])
    parts = typing.get_args(hint)
    if origin not in (typing.Union, types.UnionType):
        parts = parts[:1] if origin is typing.Annotated else (*parts, origin)
    return frozenset().union(*(_kinds(part) for part in parts if part is not Ellipsis))


def _is_misplaced_text(value: object, kinds: Kinds) -> bool:
    # The JSON door takes "3" for a decimal; a text is only right where texts are asked for.
    if isinstance(value, list):
        return any(_is_misplaced_text(entry, kinds) for entry in value)
    takes_text = any(isinstance(kind, type) and issubclass(kind, str | Enum) for kind in kinds)
    return isinstance(value, str) and not takes_text and bool(kinds & {Decimal, int, float})


def _jsonable(value: object, kinds: Kinds) -> object:
    # Decimals travel as text where the field is a decimal, so that no digit is lost on the way.
    if isinstance(value, list):
        return [_jsonable(entry, kinds) for entry in value]
    if isinstance(value, dict):
        return {key: _jsonable(entry, kinds) for key, entry in value.items()}
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return value
    if Decimal in kinds:
        return str(value)
    return value if isinstance(value, int) else float(value)


def _written(value: object, place: tuple[int | str, ...], otherwise: object) -> object:
    # What stands at that place in the file: on its way through the door a number may have become a text.
    for part in place:
        if isinstance(value, Mapping):
            value = value.get(str(part), otherwise)
        elif isinstance(value, list) and isinstance(part, int):
            value = value[part]
        else:
            return otherwise
    return value


def _problems_of(error: ValidationError, table: Mapping[str, object], path: KeyPath) -> list[Problem]:
    found = []
    entries = error.errors(include_url=False)
    for entry in entries:
        if entry["type"] == "too_short" and any(_is_below(other["loc"], entry["loc"]) for other in entries):
            # What is wrong with an entry has left the list without it.
            continue
        at = (*path, *(str(part) for part in entry["loc"]))
        if entry["type"] == "missing":
            hint = f"write {at[-1]} = ... in [{'.'.join(at[:-1])}]"
            found.append(Problem(path=at, message="missing", hint=hint))
        elif entry["type"] == "value_error":
            message = str(entry["ctx"]["error"])
            word = re.match(r"\w+", message)
            named = (word[0],) if word is not None and word[0] in table else ()
            found.append(Problem(path=(*path, *named), message=message))
        else:
            value = _written(table, entry["loc"], entry["input"])
            expected = expected_words(entry["type"], entry["msg"], entry.get("ctx", {}))
            found.append(wrong_value(at, value, expected, named=entry["type"] == "dict_type"))
    return found


def _is_below(place: tuple[int | str, ...], of: tuple[int | str, ...]) -> bool:
    return len(place) > len(of) and place[: len(of)] == of
