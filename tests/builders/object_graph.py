"""Walks everything that an object holds, for tests of what must not be there: keys, signers, private keys.

It follows objects, containers, bound methods and closures, not what they are written with: classes, modules
and the globals of functions are the program, which knows how to sign whether it has a key or not.
"""

import gc
from collections.abc import Iterator
from types import (
    BuiltinFunctionType,
    CodeType,
    FrameType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    ModuleType,
)
from typing import Any, Final

SECRET_NAMES: Final = ("apiKey", "secret", "api_key", "api_secret", "privateKey", "password", "token", "uid")
"""Attributes and keys under which libraries and adapters keep what signs."""

SIGNERS: Final = (
    *(
        f"mm.venues.binance.{name}"
        for name in ("venue", "trading", "listings", "user_stream", "hot", "account_facts")
    ),
    *(f"mm.venues.edge.{name}" for name in ("signing_tap", "hotline")),
)
"""Modules of what signs, or trades with what is signed."""

PROGRAM: Final = (
    type,
    ModuleType,
    CodeType,
    FrameType,
    BuiltinFunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
)
"""What belongs to the program and not to the object."""


def reachable(root: Any) -> Iterator[Any]:
    """Yield `root` and every object that it holds, directly or not, once each."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        found = waiting.pop()
        if id(found) in seen or isinstance(found, PROGRAM):
            continue
        seen.add(id(found))
        yield found
        waiting.extend(_held(found))


def secrets_in(root: Any) -> list[str]:
    """Return what `root` holds under a name of secrets that is not empty: "Class.name"."""
    found: list[str] = []
    for thing in reachable(root):
        rows = thing if isinstance(thing, dict) else _attributes(thing)
        found.extend(f"{type(thing).__name__}.{name}" for name in SECRET_NAMES if _is_secret(rows.get(name)))
    return found


def signers_in(root: Any) -> list[str]:
    """Return the names of the classes of everything in `root` that is made of a module that signs."""
    return sorted({type(thing).__name__ for thing in reachable(root) if type(thing).__module__ in SIGNERS})


def of_kinds(root: Any, *kinds: type) -> list[str]:
    """Return the names of the classes of everything in `root` that is of one of `kinds`."""
    return sorted({type(thing).__name__ for thing in reachable(root) if isinstance(thing, kinds)})


def _held(thing: Any) -> list[Any]:
    if isinstance(thing, FunctionType):
        return [thing.__defaults__, thing.__kwdefaults__, thing.__closure__, thing.__dict__]
    return gc.get_referents(thing)


def _is_secret(value: Any) -> bool:
    # Whether a key is required is said under the same names.
    return bool(value) and not isinstance(value, bool)


def _attributes(thing: Any) -> dict[str, Any]:
    slots = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
    rows = {name: getattr(thing, name) for name in SECRET_NAMES if name in slots and hasattr(thing, name)}
    return rows | dict(getattr(thing, "__dict__", {}))
