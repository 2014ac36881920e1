"""Every key of the config file, with what it says about itself: for the README and for tests.

Derived from the models alone. Invariant: a key without a description or without a word on when a change of it
takes effect does not exist (a test walks this list).
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mm.settings.models import FileSettings
from mm.strategies.base import About, described


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key.

    Fields: name: dotted, with NAME for a name of the user's; text: what it does; hot: "now", "next_quote" or
    "restart"; default: as text, "" when it has to be given, "off" when absent means off.
    """

    name: str
    text: str
    hot: str
    default: str


def settings_keys() -> tuple[Key, ...]:
    """Return all keys of the config file in the order of the models, without those of the strategies."""
    return tuple(_keys(FileSettings, ""))


def _keys(model: type[BaseModel], prefix: str) -> Iterator[Key]:
    for name, field in model.model_fields.items():
        inner = _table_in(field.annotation)
        if inner is None:
            yield _key(f"{prefix}{name}", field)
        else:
            is_named = get_origin(field.annotation) is dict
            yield from _keys(inner, f"{prefix}{name}.{'NAME.' if is_named else ''}")


def _key(name: str, field: FieldInfo) -> Key:
    extra = field.json_schema_extra
    hot = str(extra.get("hot", "")) if isinstance(extra, dict) else ""
    return Key(name=name, text=field.description or "", hot=hot, default=_default(field))


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return ""
    value = field.get_default(call_default_factory=True)
    if isinstance(value, Path):
        return f"./{value.relative_to(Path.cwd())}"
    return _text(value)


def _text(value: object) -> str:
    if value is None:
        return "off"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _table_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in get_args(annotation):
        found = _table_in(inner)
        if found is not None:
            return found
    return None


def strategy_keys(params: type[object]) -> tuple[Key, ...]:
    """Return the keys of `[pair.NAME.params]` for a strategy's `Params`, a dataclass."""
    notes = described(params)
    fields = dataclasses.fields(params) if dataclasses.is_dataclass(params) else ()
    return tuple(_strategy_key(field, notes.get(field.name, About(""))) for field in fields)


def _strategy_key(field: dataclasses.Field[object], note: About) -> Key:
    default = "" if field.default is dataclasses.MISSING else _text(field.default)
    return Key(name=field.name, text=note.text, hot=note.applies.value, default=default)
