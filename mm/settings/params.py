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
            kinds = _kinds(hints[name])
            if _is_misplaced_text(table[name], kinds):
                found.append(wrong_value((*path, name), table[name], "expected a number"))
            else:
                ready[name] = _jsonable(table[name], kinds)
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


def _problems_of(error: ValidationError, table: Mapping[str, object], path: KeyPath) -> list[Problem]:
    found = []
    for entry in error.errors(include_url=False):
        at = (*path, *(str(part) for part in entry["loc"]))
        if entry["type"] == "missing":
            hint = f"write {at[-1]} = ... in [{'.'.join(path)}]"
            found.append(Problem(path=at, message="missing", hint=hint))
        elif entry["type"] == "value_error":
            message = str(entry["ctx"]["error"])
            word = re.match(r"\w+", message)
            named = (word[0],) if word is not None and word[0] in table else ()
            found.append(Problem(path=(*path, *named), message=message))
        else:
            value = table.get(str(entry["loc"][0])) if len(entry["loc"]) == 1 else entry["input"]
            expected = expected_words(entry["type"], entry["msg"], entry.get("ctx", {}))
            found.append(wrong_value(at, value, expected))
    return found
