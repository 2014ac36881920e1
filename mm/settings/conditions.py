"""Conditions on a strategy's parameters as data: does it hold, and how is that said.

Each names the keys that it looks at, so that a test can draw them. Reads attributes and decides nothing.
Invariant: a condition that holds has words that are true of the parameters.
"""

from collections.abc import Iterable, Sized
from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class Condition(Protocol):
    """What may hold of parameters."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that it looks at."""
        ...

    def holds(self, params: object) -> bool:
        """Return whether it does."""
        ...

    def words(self, params: object) -> str:
        """Return it as words, where it holds; "" for what need not be said."""
        ...


@dataclass(frozen=True, slots=True)
class Is:
    """A key has a value: a switch that is off, a choice, a number."""

    key: str
    value: object

    @property
    def keys(self) -> tuple[str, ...]:
        """The one key."""
        return (self.key,)

    def holds(self, params: object) -> bool:
        """Return whether the key has that value."""
        return bool(getattr(params, self.key) == self.value)

    def words(self, params: object) -> str:
        """Return "KEY is VALUE"."""
        return f"{self.key} is {said(getattr(params, self.key))}"


@dataclass(frozen=True, slots=True)
class IsNot:
    """A key has another value."""

    key: str
    value: object

    @property
    def keys(self) -> tuple[str, ...]:
        """The one key."""
        return (self.key,)

    def holds(self, params: object) -> bool:
        """Return whether the key has another value than that."""
        return bool(getattr(params, self.key) != self.value)

    def words(self, params: object) -> str:
        """Return "KEY is VALUE", of the one that it has."""
        return f"{self.key} is {said(getattr(params, self.key))}"


@dataclass(frozen=True, slots=True)
class Below:
    """A number, or the number of a list's entries, is less than a bound."""

    key: str
    bound: int

    @property
    def keys(self) -> tuple[str, ...]:
        """The one key."""
        return (self.key,)

    def holds(self, params: object) -> bool:
        """Return whether it is."""
        return _count(getattr(params, self.key)) < self.bound

    def words(self, params: object) -> str:
        """Return the number, or how many entries there are."""
        value = getattr(params, self.key)
        return f"{self.key} has one entry" if isinstance(value, tuple) else f"{self.key} is {said(value)}"


@dataclass(frozen=True, slots=True)
class Given:
    """Keys that may be off are not, none of them."""

    given: tuple[str, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys."""
        return self.given

    def holds(self, params: object) -> bool:
        """Return whether each has a value."""
        return all(getattr(params, key) not in (None, ()) for key in self.given)

    def words(self, params: object) -> str:  # noqa: ARG002 - every condition is asked the same way
        """Return "KEY is given", or "A and B are given"."""
        return f"{' and '.join(self.given)} {'is' if len(self.given) == 1 else 'are'} given"


@dataclass(frozen=True, slots=True)
class Absent:
    """Keys that may be off are, all of them. Fields: silent: that need not be said."""

    absent: tuple[str, ...]
    silent: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys."""
        return self.absent

    def holds(self, params: object) -> bool:
        """Return whether none has a value."""
        return all(getattr(params, key) in (None, ()) for key in self.absent)

    def words(self, params: object) -> str:  # noqa: ARG002 - every condition is asked the same way
        """Return "KEY is not set", or "neither A nor B is set"."""
        if self.silent:
            return ""
        one = len(self.absent) == 1
        return f"{self.absent[0]} is not set" if one else f"neither {' nor '.join(self.absent)} is set"


@dataclass(frozen=True, slots=True)
class All:
    """Several conditions hold at once."""

    parts: tuple[Condition, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of all."""
        return tuple(dict.fromkeys(key for part in self.parts for key in part.keys))

    def holds(self, params: object) -> bool:
        """Return whether each does."""
        return all(part.holds(params) for part in self.parts)

    def words(self, params: object) -> str:
        """Return their words, joined."""
        return " and ".join(filter(None, dict.fromkeys(part.words(params) for part in self.parts)))


@dataclass(frozen=True, slots=True)
class EachHas:
    """Every table of a key that holds tables by name has a key of its own set; there is at least one."""

    key: str
    inner: str

    @property
    def keys(self) -> tuple[str, ...]:
        """The one key."""
        return (self.key,)

    def holds(self, params: object) -> bool:
        """Return whether each has."""
        tables = getattr(params, self.key) or {}
        values: Iterable[object] = [getattr(table, self.inner) for table in tables.values()]
        return bool(tables) and all(value is not None for value in values)

    def words(self, params: object) -> str:  # noqa: ARG002 - every condition is asked the same way
        """Return that each has one of its own."""
        return f"each of {self.key} has its own"


def said(value: object) -> str:
    """Return a value as a config has it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, Enum):
        return str(value.value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _count(value: object) -> int:
    if isinstance(value, int):
        return value
    assert isinstance(value, Sized)
    return len(value)
