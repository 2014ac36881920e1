"""Two strategies that differ in one parameter, side by side: do they ask for the same, and quote the same?

Parameters are drawn inside the bounds of their fields, those that a row of the table looks at always among
them; markets are calm or not, with other markets and fills, three looks in a row. Knows no strategy.
"""

import functools
import typing
from collections.abc import Sequence

import msgspec
from hypothesis import assume
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from mm.domain.book import Level
from mm.domain.view import Other, Reading, View
from mm.errors import ConfigError
from mm.strategies.base import Strategy, described, watches_of
from tests.builders.any_params import example_values, strategy_class, values_of
from tests.builders.views import NOW_NS, an_instrument, views

INSTRUMENT = an_instrument(lot="0.00001", maker_fee_ratio="0.0001")
VIEWS = views(INSTRUMENT)
LOOKS = 3
DEPTH = 5
STEPS_NS = (10**8, 10**9, 10**10, 3 * 10**11)
CHANGED_MAX = 3

Values = dict[str, typing.Any]

T = typing.TypeVar("T")


class Draw(typing.Protocol):
    """What draws a value: of a composite strategy, or of `data()`."""

    def __call__(self, strategy: st.SearchStrategy[T], /) -> T:
        """Return a value."""
        ...


@functools.cache
def adapter(name: str) -> TypeAdapter[typing.Any]:
    """The door of the config for a strategy's parameters; making one takes milliseconds."""
    return TypeAdapter(strategy_class(name).Params)


@functools.cache
def hints_of(name: str) -> dict[str, object]:
    """The annotated types of a strategy's parameters."""
    return typing.get_type_hints(strategy_class(name).Params, include_extras=True)


@functools.cache
def keys_of(name: str) -> tuple[str, ...]:
    """The parameters of a strategy."""
    return tuple(described(strategy_class(name).Params))


def made(name: str, values: Values) -> Strategy[typing.Any] | None:
    """The strategy with these values; None where they are refused."""
    kind = strategy_class(name)
    try:
        return kind(adapter(name).validate_python(values), INSTRUMENT)
    except (ValidationError, ConfigError):
        return None


def params_in(strategy: Strategy[typing.Any]) -> object:
    """The parameters that a strategy was made with."""
    return typing.cast("typing.Any", strategy).params


def example(name: str) -> Values:
    """The required parameters of a strategy, as its documentation has them."""
    return example_values(strategy_class(name).Params)


@functools.cache
def _some(name: str) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(keys_of(name)), max_size=CHANGED_MAX, unique=True)


def drawn_values(name: str, forced: Sequence[str], draw: Draw, fixed: Values | None = None) -> Values:
    """The examples with `forced` keys and a few others drawn anew; dropped where they are refused.

    Args: fixed: values that stay.
    """
    values = example(name)
    for key in dict.fromkeys((*forced, *draw(_some(name)))):
        if draw(st.integers(0, 3)):
            values[key] = draw(small(name, key))
    values |= fixed or {}
    assume(made(name, values) is not None)
    return values


@functools.cache
def small(name: str, key: str) -> st.SearchStrategy[typing.Any]:
    """Values of a parameter, levels few: most of what depends on their number is between 1 and 4."""
    drawn = values_of(hints_of(name)[key])
    if key == "order_levels":
        return st.integers(1, 4)
    if key == "min_tick_ratio":
        return st.sampled_from((0.0, 0.6, 0.001)) | drawn
    return drawn


def differ(
    one: Strategy[typing.Any],
    other: Strategy[typing.Any],
    draw: Draw,
    *,
    steps_ns: Sequence[int] = STEPS_NS,
    looks: int = LOOKS,
) -> str:
    """How two strategies differ in what they ask for, or in some looks at a market; "" if in nothing."""
    for ask in ("needs", "wake"):
        if getattr(one, ask) != getattr(other, ask):
            return ask
    if watches_of(one) != watches_of(other):
        return "watches"
    memories = [one.initial_memory(), other.initial_memory()]
    if memories[0] != memories[1]:
        return "first memory"
    now_ns = NOW_NS
    for _ in range(looks):
        now_ns += draw(st.sampled_from(steps_ns))
        view = msgspec.structs.replace(_seen(one, draw), ts_ns=now_ns)
        both = [
            strategy.quotes(msgspec.structs.replace(view, memory=memory))
            for strategy, memory in zip((one, other), memories, strict=True)
        ]
        if both[0] != both[1]:
            return "quotes"
        memories = [quotes.memory for quotes in both]
    return ""


def _seen(strategy: Strategy[typing.Any], draw: Draw) -> View[typing.Any]:
    plain = draw(VIEWS)
    value = draw(st.sampled_from((0.0, 0.3, 1.0, 25.0, 400.0)))
    bid, ask = plain.bids[0].price_ticks, plain.asks[0].price_ticks
    levels = range(min(DEPTH, strategy.wake.book_levels))
    return msgspec.structs.replace(
        typing.cast("View[typing.Any]", plain),
        bids=tuple(Level(bid - 3 * level, 10**8) for level in levels if bid > 3 * level),
        asks=tuple(Level(ask + 3 * level, 10**8) for level in levels),
        inventory_lots=draw(st.sampled_from((0, 3, -700, plain.inventory_lots))),
        readings=tuple(Reading(value, True, "", (1.0, 0.05, 200.0, 0.2, 0.05)) for _ in strategy.needs),
        others=tuple(_other(watch.symbol, len(watch.needs), plain, draw) for watch in watches_of(strategy)),
    )


def _other(symbol: str, needs: int, plain: View[None], draw: Draw) -> Other:
    bid = max(1, plain.bids[0].price_ticks + draw(st.sampled_from((0, 1, -7, 400))))
    readings = tuple(Reading(25.0, True) for _ in range(needs))
    age_ns = draw(st.sampled_from((0, 10**8, 3 * 10**9)))
    held = draw(st.integers(-1_000, 1_000))
    return Other(symbol, plain.instrument, bid, bid + 2, 2 * bid + 2, age_ns, readings, held, 1_000)
