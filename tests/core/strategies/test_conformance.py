"""What every strategy has to be. Finds its subjects by itself: each file in `mm/strategies/` but `base.py`.

A new strategy needs no change here. Its required parameters carry examples, from which it is started.
"""

import dataclasses
import typing
from decimal import Decimal

import annotated_types
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from mm.domain.quotes import Quotes
from mm.domain.view import Other, Reading, View
from mm.quoting.params import QuotingParams
from mm.signals.base import Signal, SignalSpec
from mm.strategies.base import Applies, Strategy, Wake, Watch, described, votes_of, watches_of
from tests.builders.any_params import NAMES, any_strategy, example_values, strategy_class
from tests.builders.any_params import started as started_on
from tests.builders.model_quotes import BAD_NUMBERS
from tests.builders.views import NOW_NS, a_view, an_instrument, ladder_faults, views

UNITS = ("_bps", "_ms", "_base", "_quote", "_ratio", "_per_s", "_per_bps", "_per_sqrt_s")
PLAIN_NUMBERS = (
    "order_levels",
    "risk_factor",
    "target_inventory_deviation",
    "intensity_orders_min",
    "order_amount_shape_factor",
    "inventory_range_multiplier",
    "source_weights",
    "min_sources",
    "weak_spread_factor",
    "beta",
    "correlations",
    "degraded_spread_factor",
    "micro_price_moves_min",
    "imbalance_buckets",
    "spread_buckets",
    "depth_orders_min",
    "spread_multiple",
    "candles",
)
"""Counts and pure numbers; every other number names its unit."""

BOUNDS = (annotated_types.BaseMetadata, annotated_types.GroupedMetadata)

INSTRUMENT = an_instrument(lot="0.00001")


def started(name: str) -> Strategy[object]:
    """The strategy with its example parameters."""
    return started_on(name, INSTRUMENT)


def ready(strategy: Strategy[object], view: View[None], value: float) -> View[object]:
    """The view with every signal ready, every watched market there, and the strategy's first memory."""
    return msgspec.structs.replace(
        typing.cast("View[object]", view),
        readings=tuple(Reading(value, True, "", (1.0, 0.05, 200.0)) for _ in strategy.needs),
        others=tuple(as_seen(watch, view, value) for watch in watches_of(strategy)),
        memory=strategy.initial_memory(),
    )


def as_seen(watch: Watch, view: View[None], value: float) -> Other:
    """A watched market that looks as our own does."""
    readings = tuple(Reading(value, True) for _ in watch.needs)
    bid, ask = view.bids[0].price_ticks, view.asks[0].price_ticks
    return Other(watch.symbol, view.instrument, bid, ask, bid + ask, 0, readings)


def is_number(hint: object) -> bool:
    """Whether a parameter is a number, or numbers, or may be one."""
    if typing.get_origin(hint) is typing.Annotated:
        hint = typing.get_args(hint)[0]
    parts = typing.get_args(hint)
    return any(map(is_number, parts)) if parts else hint in (int, float, Decimal)


def remembered(strategy: Strategy[object]) -> dict[str, object]:
    """Everything that an instance holds."""
    slots = [name for base in type(strategy).__mro__ for name in getattr(base, "__slots__", ())]
    return {name: getattr(strategy, name) for name in slots} | dict(getattr(strategy, "__dict__", {}))


def is_frozen(value: object) -> bool:
    """Whether nothing inside `value` can change: scalars, tuples, frozen structs and frozen dataclasses."""
    if value is None or isinstance(value, int | float | str | bytes | Decimal):
        return True
    if isinstance(value, tuple):
        return all(is_frozen(part) for part in value)
    if isinstance(value, msgspec.Struct):
        return value.__struct_config__.frozen and all(
            is_frozen(part) for part in msgspec.structs.astuple(value)
        )
    fields = dataclasses.fields(typing.cast("typing.Any", value))
    settings = getattr(value, "__dataclass_params__", None)
    return getattr(settings, "frozen", False) and all(is_frozen(getattr(value, f.name)) for f in fields)


def test_there_is_something_to_check() -> None:
    """The listing finds the strategies that the issue asks for."""
    assert {"glft", "pure_market_making"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_class_is_named_after_its_file(name: str) -> None:
    """`pure_market_making` holds `PureMarketMaking`: the config's name leads to the class and back."""
    kind = strategy_class(name)

    assert getattr(kind, "__name__", "") == "".join(word.capitalize() for word in name.split("_"))


@pytest.mark.parametrize("name", NAMES)
def test_params_are_frozen_closed_and_keyword_only(name: str) -> None:
    """They cannot change under a running strategy, and an unknown key is an error."""
    params = strategy_class(name).Params

    assert dataclasses.is_dataclass(params)
    assert getattr(params, "__dataclass_params__").frozen  # noqa: B009 - the attribute is not in the stubs
    assert all(field.kw_only for field in dataclasses.fields(params))
    with pytest.raises(ValidationError, match="no_such_key"):
        TypeAdapter(params).validate_python({"no_such_key": 1})


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_says_what_it_is(name: str) -> None:
    """Text, time of effect, bounds for numbers, a unit in the name, and an example where one is required."""
    params = strategy_class(name).Params
    about = described(params)
    hints = typing.get_type_hints(params, include_extras=True)

    for field in dataclasses.fields(typing.cast("typing.Any", params)):
        said, metadata = about[field.name], hints[field.name].__metadata__
        bounds = [note for note in metadata if isinstance(note, BOUNDS)]
        assert said.text.endswith("."), field.name
        assert len(said.text) <= 110, field.name
        assert said.applies in Applies
        if is_number(hints[field.name]):
            assert field.name.endswith(UNITS) or field.name in PLAIN_NUMBERS, field.name
            assert bounds or field.name == "order_level_amount_base", field.name
        required = field.default is dataclasses.MISSING
        assert bool(said.example) == required, field.name


@pytest.mark.parametrize("name", NAMES)
def test_it_has_the_shape_of_a_strategy(name: str) -> None:
    """Needs are signal specs that start, wake is a `Wake`, the first memory is frozen."""
    strategy = started(name)

    assert isinstance(strategy.wake, Wake)
    assert strategy.wake.move_half_ticks or strategy.wake.every_ns
    assert isinstance(strategy.needs, tuple)
    for spec in strategy.needs:
        assert isinstance(spec, SignalSpec)
        assert isinstance(spec.start(), Signal)
        assert spec == dataclasses.replace(typing.cast("typing.Any", spec))
    assert is_frozen(strategy.initial_memory())


@pytest.mark.parametrize("name", NAMES)
def test_a_calm_market_is_quoted_on_both_sides(name: str) -> None:
    """With the example parameters, a known volatility and no inventory there is a bid and an ask."""
    strategy = started(name)
    view = ready(strategy, a_view(bid_ticks=99_999, ask_ticks=100_001, instrument=INSTRUMENT), 25.0)

    quotes = strategy.quotes(view)

    assert quotes.bids
    assert quotes.asks
    assert quotes.reason == "quoting"


OWN_HYSTERESIS = ("queue_holding",)
"""Those that say by themselves when an order moves; their own tests have how."""


@pytest.mark.parametrize("name", NAMES)
def test_a_tick_of_the_market_moves_no_order_unless_the_user_asks_for_that(name: str) -> None:
    """By default an order may stand off: whoever follows each tick burns the budget of messages. 0 is 0."""
    kind = strategy_class(name)
    view = a_view(bid_ticks=999_999, ask_ticks=1_000_001, instrument=INSTRUMENT)
    strict = TypeAdapter(kind.Params).validate_python(
        example_values(kind.Params) | {"order_refresh_tolerance_bps": 0}
    )
    # What is measured is a decay to some, and to others how far the mid moves.
    value = 0.25 if "fill_decay_per_bps" in described(kind.Params) and name not in OWN_HYSTERESIS else 2_500.0
    found = []
    for strategy in (started(name), kind(strict, INSTRUMENT)):
        quotes = strategy.quotes(ready(strategy, view, value))
        assert quotes.bids
        assert quotes.asks
        found.append({quote.tolerance_ticks for quote in (*quotes.bids, *quotes.asks)})

    assert min(found[0]) >= 1 or name in OWN_HYSTERESIS
    assert found[1] == {0}


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_quotes_are_a_pure_function_of_the_view(name: str, data: st.DataObject) -> None:
    """Equal views give equal quotes, from this instance or another; nothing is kept; memory is frozen."""
    strategy, twin = started(name), started(name)
    first = ready(strategy, data.draw(views(INSTRUMENT)), data.draw(st.floats(0, 1e6)))
    other = ready(strategy, data.draw(views(INSTRUMENT)), data.draw(st.floats(0, 1e6)))
    before = remembered(strategy)

    quotes = strategy.quotes(first)
    strategy.quotes(other)
    again = strategy.quotes(first)

    assert quotes == again == twin.quotes(first)
    assert remembered(strategy) == before
    assert is_frozen(quotes.memory)
    assert ladder_faults(typing.cast("Quotes[None]", quotes), typing.cast("View[None]", first)) == []
    assert quotes.reason


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_nothing_is_quoted_on_a_signal_that_is_not_ready(name: str, data: st.DataObject) -> None:
    """Whatever its value; and the reason says what is waited for, all of it at once."""
    strategy = started(name)
    if not strategy.needs:
        return
    # A variance that is no absurd volatility at any mid, not even at one tick: that would be waited for too.
    view = ready(strategy, data.draw(views(INSTRUMENT)), 2.0)
    some = data.draw(st.lists(st.booleans(), min_size=len(view.readings), max_size=len(view.readings)))
    missing = [f"sample {at}" for at, is_blind in enumerate(some) if is_blind]
    readings = tuple(
        Reading(data.draw(st.floats()), False, f"sample {at}") if is_blind else reading
        for at, (reading, is_blind) in enumerate(zip(view.readings, some, strict=True))
    )

    quotes = strategy.quotes(msgspec.structs.replace(view, readings=readings))

    if missing:
        assert (quotes.bids, quotes.asks) == ((), ())
        assert quotes.reason.startswith("waits for ")
        assert sorted(quotes.reason.removeprefix("waits for ").split(", ")) == missing


anything = st.floats() | st.sampled_from(BAD_NUMBERS) | st.floats(0, 1e4) | st.floats(0, 1e14)
said = st.builds(
    lambda value, more, is_ready: Reading(value, is_ready, "" if is_ready else "something", more),
    anything,
    st.just(()) | st.tuples(anything, anything, anything),
    st.booleans() | st.just(True),
)
"""Whatever a signal may say."""

instruments = st.sampled_from(("0", "0.001", "-0.0001")).map(
    lambda fee: an_instrument(lot="0.00001", maker_fee_ratio=fee)
)


@st.composite
def seen(draw: st.DrawFn, watch: Watch, view: View[None]) -> Other:
    """A watched market in any state: not there, silent, far away, beside our own."""
    bid = draw(st.sampled_from((0, view.bids[0].price_ticks)) | st.integers(1, 10**7))
    ask = bid + draw(st.integers(1, 40)) if bid else 0
    return Other(
        watch.symbol,
        view.instrument,
        bid,
        ask,
        bid + ask,
        draw(st.sampled_from((0, 10**9, 10**18))),
        tuple(draw(said) for _ in watch.needs),
        draw(st.integers(-1_000, 1_000)),
        draw(st.integers(0, 1_000)),
    )


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_any_parameters_in_any_market_give_a_ladder_or_a_reason(name: str, data: st.DataObject) -> None:
    """Whatever was measured, NaN and beyond all bounds included, and whatever comes next: what may be sent,
    or nothing and why; equal views give equal quotes; votes and memory can be written down.
    """
    instrument = data.draw(instruments)
    strategy = data.draw(any_strategy(strategy_class(name), instrument))
    memory, now_ns = strategy.initial_memory(), NOW_NS
    for _ in range(2):
        now_ns += data.draw(st.sampled_from((0, 1, 10**9, 10**14)) | st.integers(0, 10**17))
        plain = msgspec.structs.replace(data.draw(views(instrument)), ts_ns=now_ns)
        view = msgspec.structs.replace(
            typing.cast("View[object]", plain),
            readings=tuple(data.draw(said) for _ in strategy.needs),
            others=tuple(data.draw(seen(watch, plain)) for watch in watches_of(strategy)),
            memory=memory,
        )

        quotes = strategy.quotes(view)

        assert ladder_faults(typing.cast("Quotes[None]", quotes), plain) == []
        assert quotes.reason
        assert quotes == strategy.quotes(view)
        assert is_frozen(quotes.memory)
        assert all(isinstance(word, str) for pair in votes_of(strategy, view) for word in pair)
        memory = quotes.memory


@pytest.mark.parametrize("value", BAD_NUMBERS)
@pytest.mark.parametrize("name", NAMES)
def test_a_measurement_that_is_none_is_a_named_refusal_or_a_quote(name: str, value: float) -> None:
    """NaN, infinite, negative, zero (a market that stands still) and beyond all bounds, called ready."""
    strategy = started(name)
    view = a_view(bid_ticks=99_999, ask_ticks=100_001, instrument=INSTRUMENT)
    told = ready(strategy, view, value)

    quotes = strategy.quotes(told)

    assert ladder_faults(typing.cast("Quotes[None]", quotes), view) == []
    assert quotes.bids or quotes.asks or quotes.reason.startswith(("waits for", "nothing"))


@pytest.mark.parametrize("held", [-1, 0, 1])
@pytest.mark.parametrize("name", NAMES)
def test_a_limit_of_less_than_an_order_cuts_the_orders(name: str, held: int) -> None:
    """One lot either way: no order is larger than the room that is left, unless that is left to the rules."""
    strategy = started(name)
    view = a_view(bid_ticks=99_999, ask_ticks=100_001, instrument=INSTRUMENT, inventory_lots=held)
    told = msgspec.structs.replace(ready(strategy, view, 25.0), inventory_max_lots=1)

    quotes = strategy.quotes(told)

    assert ladder_faults(typing.cast("Quotes[None]", quotes), view) == []
    assert quotes.reason
    if issubclass(strategy_class(name).Params, QuotingParams):
        assert sum(quote.size_lots for quote in quotes.bids) <= 1 - held
        assert sum(quote.size_lots for quote in quotes.asks) <= 1 + held


@pytest.mark.parametrize(
    "name", [name for name in NAMES if "risk_factor" in described(strategy_class(name).Params)]
)
def test_without_aversion_the_quotes_do_not_lean(name: str) -> None:
    """At an aversion of 0 both sides stand alike, whatever is held far from the limit."""
    kind = strategy_class(name)
    table = {field: value for field, value in example_values(kind.Params).items() if field != "risk_factor"}
    strategy = kind(TypeAdapter(kind.Params).validate_python(table | {"risk_factor": 0}), INSTRUMENT)
    found = []
    for held in (0, 400):
        view = a_view(bid_ticks=99_000, ask_ticks=101_000, instrument=INSTRUMENT, inventory_lots=held)
        told = msgspec.structs.replace(ready(strategy, view, 0.25), inventory_max_lots=10**7)
        quotes = strategy.quotes(told)
        found.append((quotes.bids[0].price_ticks, quotes.asks[0].price_ticks))

    assert found[0] == found[1]
    assert sum(found[0]) == 200_000
