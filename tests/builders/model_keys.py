"""What a JSON value has more or less than the pydantic model that somebody else has made of it.

Models are looked into as deeply as they go: aliases are the names on the wire, lists and optional parts are
unwrapped, of alternatives the one that fits best is taken.
"""

from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel


class Difference(NamedTuple):
    """One name. Fields: path: from the root, with dots; is_extra: the value has it and the model does not."""

    path: str
    is_extra: bool


def differences(model: Any, value: Any, path: str = "") -> set[Difference]:
    """Return the names in which `value` and `model` differ; values themselves are the model's affair."""
    found = set()
    if isinstance(value, list):
        inner = _inner_of_list(model)
        for row in value:
            found |= differences(inner, row, path)
        return found
    options = [option for option in _models(model) if _takes(option, value)]
    if not isinstance(value, dict) or not options:
        return found
    return min((_compared(option, value, path) for option in options), key=len)


def _compared(model: type[BaseModel], value: dict[str, Any], path: str) -> set[Difference]:
    fields = {
        field.alias or name: field.annotation
        for name, field in model.model_fields.items()
        if name != "additional_properties"
    }
    found = {Difference(f"{path}{name}", is_extra=True) for name in value.keys() - fields.keys()}
    found |= {Difference(f"{path}{name}", is_extra=False) for name in fields.keys() - value.keys()}
    for name in fields.keys() & value.keys():
        found |= differences(fields[name], value[name], f"{path}{name}.")
    return found


# A model of alternatives is what its instance may be.
def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    origin = get_origin(annotation)
    if origin in (Union, UnionType, list, Annotated):
        for part in get_args(annotation):
            yield from _models(part)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if "actual_instance" in annotation.model_fields:
            yield from _models(annotation.model_fields["actual_instance"].annotation)
        else:
            yield annotation


def _inner_of_list(annotation: Any) -> Any:
    options = [part for part in get_args(annotation) if part is not NoneType]
    if get_origin(annotation) is list:
        return options[0]
    if get_origin(annotation) in (Union, UnionType, Annotated) and len(options) == 1:
        return _inner_of_list(options[0])
    return annotation


def _takes(model: type[BaseModel], value: Any) -> bool:
    try:
        model.model_validate(value)
    except ValueError:
        return False
    return True
