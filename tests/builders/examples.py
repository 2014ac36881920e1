"""One example of each type in a union of structs, generated from the types themselves.

A new event or command is covered from the moment that it joins its union.
"""

from typing import Any

import msgspec
from msgspec import inspect


def example_structs(union: object) -> list[Any]:
    """Return one struct per member of a union of tagged structs, in the order of the union."""
    info = inspect.type_info(union)
    assert isinstance(info, inspect.UnionType)
    return [_example(member, seed) for seed, member in enumerate(info.types, start=1)]


def tag_of(struct: type[msgspec.Struct]) -> str:
    """Return the tag under which a struct is written."""
    tag = struct.__struct_config__.tag
    assert isinstance(tag, str)
    return tag


# Numbers differ from field to field, so that a mixed-up pair of fields shows.
def _example(info: inspect.Type, seed: int) -> Any:
    match info:
        case inspect.StructType():
            return info.cls(
                **{
                    field.name: _example(field.type, 100 * seed + place)
                    for place, field in enumerate(info.fields)
                }
            )
        case inspect.NamedTupleType():
            return info.cls(
                *(_example(field.type, 100 * seed + place) for place, field in enumerate(info.fields))
            )
        case inspect.EnumType():
            members = list(info.cls)
            return members[seed % len(members)]
        case inspect.VarTupleType():
            return (_example(info.item_type, seed), _example(info.item_type, seed + 1))
        case inspect.TupleType():
            return tuple(_example(item, seed + place) for place, item in enumerate(info.item_types))
        case inspect.BoolType():
            return bool(seed % 2)
        case inspect.IntType():
            return seed - 3
        case inspect.StrType():
            return f"text {seed}"
        case _:
            raise NotImplementedError(f"no example of {info}")
