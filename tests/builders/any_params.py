"""Every strategy there is, with any parameters, drawn from what its fields say: types, bounds, examples.

A set begins with the examples and the defaults; some fields are drawn anew, inside their bounds, on scales
that people use and out to the bounds themselves. What contradicts itself, or does not fit the instrument, is
refused by the class as a config would be, and dropped. Nothing here knows a strategy.
"""

import importlib
import pkgutil
import tomllib
import types
import typing
from dataclasses import MISSING, fields, is_dataclass
from decimal import Decimal
from enum import Enum

import annotated_types as at
from hypothesis import assume
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

import mm.strategies
from mm.domain.instrument import Instrument
from mm.errors import ConfigError
from mm.strategies.base import Strategy, described

CHANGED_MAX = 8
"""So many fields of a set are drawn at most: the more, the more often they contradict each other."""

FAR = 10**6
"""Stands for a bound where there is none."""


class Kind(typing.Protocol):
    """The class of a strategy, as its caller sees it."""

    Params: type[object]

    def __call__(self, params: typing.Any, instrument: Instrument) -> Strategy[typing.Any]:
        """Return the strategy for one instrument."""
        ...


NAMES = sorted(
    member.name for member in pkgutil.iter_modules(mm.strategies.__path__) if member.name != "base"
)
"""Every strategy: each file in `mm/strategies/` but `base.py`."""


def strategy_class(name: str) -> Kind:
    """Return the one class with `quotes` in the file of this name."""
    module = importlib.import_module(f"mm.strategies.{name}")
    found = [
        member
        for member in vars(module).values()
        if isinstance(member, type) and member.__module__ == module.__name__ and hasattr(member, "quotes")
    ]
    assert len(found) == 1, f"{name} holds {len(found)} classes with quotes, expected one"
    return typing.cast("Kind", found[0])


def started(name: str, instrument: Instrument) -> Strategy[typing.Any]:
    """Return the strategy with its example parameters, through the door that the config uses."""
    kind = strategy_class(name)
    return kind(TypeAdapter(kind.Params).validate_python(example_values(kind.Params)), instrument)


def example_values(params: type[object]) -> dict[str, object]:
    """Return the values that the documentation gives as examples, as a config would."""
    return {
        name: tomllib.loads(f"x = {about.example}", parse_float=Decimal)["x"]
        for name, about in described(params).items()
        if about.example
    }


@st.composite
def any_strategy(
    draw: st.DrawFn, kind: Kind, instrument: Instrument, *, without: tuple[str, ...] = ()
) -> Strategy[typing.Any]:
    """Draw a strategy with any parameters that it takes. Args: without: fields that keep their defaults."""
    hints = typing.get_type_hints(kind.Params, include_extras=True)
    names = [field.name for field in fields(typing.cast("typing.Any", kind.Params))]
    free = [name for name in names if name not in without]
    values = example_values(kind.Params)
    for name in draw(st.lists(st.sampled_from(free), max_size=CHANGED_MAX, unique=True)):
        values[name] = draw(values_of(hints[name]))
    try:
        return kind(TypeAdapter(kind.Params).validate_python(values), instrument)
    except (ValidationError, ConfigError):
        assume(False)
        raise


def values_of(hint: object) -> st.SearchStrategy[typing.Any]:
    """Return the values that a field takes, as a config may state them."""
    notes: tuple[object, ...] = ()
    if typing.get_origin(hint) is typing.Annotated:
        hint, *rest = typing.get_args(hint)
        notes = tuple(rest)
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        inner = [part for part in parts if part is not type(None)]
        some = [values_of(typing.Annotated[(part, *notes)]) if notes else values_of(part) for part in inner]
        return st.none() | st.one_of(some)
    if origin is typing.Literal:
        return st.sampled_from(parts)
    if origin is tuple:
        low, high = _lengths(notes)
        return st.lists(values_of(parts[0]), min_size=low, max_size=min(high, low + 3)).map(tuple)
    if origin is dict:
        low, high = _lengths(notes)
        return st.dictionaries(st.sampled_from("abc"), values_of(parts[1]), min_size=low, max_size=2)
    return _single(typing.cast("type[object]", hint), notes)


def _single(hint: type[object], notes: tuple[object, ...]) -> st.SearchStrategy[typing.Any]:
    if hint is bool:
        return st.booleans()
    if hint is str:
        return st.sampled_from(("CCC/BBB", "DDD/BBB", "away:CCC/BBB"))
    if issubclass(hint, Enum):
        return st.sampled_from(list(hint))
    if is_dataclass(hint):
        return _tables(hint)
    low, high = _bounds(notes)
    if hint is int:
        whole_low, whole_high = round(low), round(high)
        near = min(whole_high, whole_low + 1_000)
        return st.integers(whole_low, near) | st.integers(whole_low, whole_high)
    if hint is float:
        usual_low, usual_high = max(low, -10.0), min(high, 10.0)
        return st.floats(min(usual_low, high), max(usual_high, low)) | st.floats(low, high)
    assert hint is Decimal, hint
    return st.builds(
        lambda hundredths, shift: Decimal(hundredths).scaleb(-shift),
        st.integers(round(100 * max(low, -FAR)), round(100 * min(high, FAR))) | st.integers(0, 1_000),
        st.sampled_from((2, 2, 2, 4)),
    )


def _tables(kind: type[object]) -> st.SearchStrategy[dict[str, typing.Any]]:
    hints = typing.get_type_hints(kind, include_extras=True)
    required: dict[str, st.SearchStrategy[typing.Any]] = {}
    free: dict[str, st.SearchStrategy[typing.Any]] = {}
    for field in fields(typing.cast("typing.Any", kind)):
        is_free = field.default is not MISSING or field.default_factory is not MISSING
        (free if is_free else required)[field.name] = values_of(hints[field.name])
    return st.fixed_dictionaries(required, optional=free)


def _bounds(notes: tuple[object, ...]) -> tuple[float, float]:
    low, high = float(-FAR), float(FAR)
    for note in _flat(notes):
        if isinstance(note, at.Ge):
            low = float(typing.cast("float", note.ge))
        elif isinstance(note, at.Gt):
            low = float(typing.cast("float", note.gt))
        elif isinstance(note, at.Le):
            high = float(typing.cast("float", note.le))
        elif isinstance(note, at.Lt):
            high = float(typing.cast("float", note.lt))
    return low, max(low, high)


def _lengths(notes: tuple[object, ...]) -> tuple[int, int]:
    low, high = 0, 3
    for note in _flat(notes):
        if isinstance(note, at.MinLen):
            low = note.min_length
        elif isinstance(note, at.MaxLen):
            high = note.max_length
    return low, max(low, high)


def _flat(notes: tuple[object, ...]) -> typing.Iterator[object]:
    for note in notes:
        if isinstance(note, at.GroupedMetadata):
            yield from note
        else:
            yield note
