"""Quotes by the clock: windows, what holds outside of them, paths of the inventory, and any parameters."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from mm.errors import ConfigError
from mm.quoting.schedule import WEEK, Window
from mm.strategies.scheduled import Outside, Scheduled
from tests.builders.model_quotes import (
    INSTRUMENT,
    bps,
    check,
    guard_fields,
    offsets,
    opposed,
    seen,
    sizes,
    told,
)
from tests.builders.views import views

DOOR = TypeAdapter(Scheduled.Params)
HOUR_MS = 3_600_000
DAY = {"start_ms": 8 * HOUR_MS, "end_ms": 16 * HOUR_MS, "days": ("mon", "tue")}


def at(text: str) -> int:
    """Return a moment in nanoseconds since 1970."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000_000


MONDAY_7, MONDAY_8 = at("2026-03-02T07:00:00"), at("2026-03-02T08:00:00")


def made(**changes: Any) -> Scheduled:
    """Return a strategy of 10 bps, that is 50 ticks either way."""
    fields = {"order_amount_base": "0.01", "spread_bps": "10"} | changes
    return Scheduled(DOOR.validate_python(fields), INSTRUMENT)


# ---- windows


def test_without_windows_it_always_quotes() -> None:
    """At the width of the parameters."""
    quotes = made().quotes(seen())

    assert (offsets(quotes), quotes.reason) == (([50.0], [50.0]), "quoting")


def test_in_a_window_its_own_numbers_hold() -> None:
    """Width, lean and sizes; the first window that is open."""
    own = DAY | {"spread_bps": "20", "inventory_skew_bps": "4", "amount_ratio": 0.5}
    strategy = made(windows={"day": own, "all": {"start_ms": 0, "end_ms": 24 * HOUR_MS}})

    inside, outside = strategy.quotes(seen(500, ts_ns=MONDAY_8)), strategy.quotes(seen(500, ts_ns=MONDAY_7))

    assert (offsets(inside), sizes(inside)) == (([120.0], [80.0]), ([50], [50]))
    assert (offsets(outside), sizes(outside)) == (([50.0], [50.0]), ([100], [100]))


def test_outside_it_only_reduces_and_says_until_when() -> None:
    """Down to flat, not beyond."""
    strategy = made(windows={"day": DAY})

    long = strategy.quotes(seen(40, ts_ns=MONDAY_7))
    flat = strategy.quotes(seen(0, ts_ns=MONDAY_7))

    assert (long.bids, sizes(long)[1]) == ((), [40])
    assert long.reason == "only sells: outside until Mon 08:00:00 UTC"
    assert (flat.bids, flat.asks) == ((), ())
    assert flat.reason == "nothing: outside until Mon 08:00:00 UTC"
    assert strategy.quotes(seen(ts_ns=MONDAY_8)).reason == "quoting"


def test_outside_it_may_quote_nothing_at_all() -> None:
    """Whatever is held; the next window is that of next week."""
    strategy = made(windows={"day": DAY}, outside="nothing")

    quotes = strategy.quotes(seen(40, ts_ns=at("2026-03-04T12:00:00")))

    assert (quotes.bids, quotes.asks) == ((), ())
    assert quotes.reason == "waits: outside until Mon 08:00:00 UTC"


def test_the_largest_sizes_are_those_of_the_largest_window() -> None:
    """For whoever looks at what is at stake; windows may also be smaller than the rest."""
    small, large = DAY | {"amount_ratio": 0.5}, DAY | {"amount_ratio": 3.0}

    assert made().params.sizes_base == ((Decimal("0.01"),),) * 2
    assert made(windows={"a": small}).params.sizes_base == ((Decimal("0.01"),),) * 2
    assert made(windows={"a": small, "b": large}).params.sizes_base == ((Decimal("0.03"),),) * 2


# ---- paths


def test_a_path_of_the_day_is_what_the_quotes_lean_to() -> None:
    """Half of the limit wanted at 12 h: with nothing held they stand 2 of 4 bps higher."""
    strategy = made(path_ms=(0, 12 * HOUR_MS), path_base=("0", "0.05"), inventory_skew_bps="4")
    noon = at("2026-03-02T12:00:00")

    assert offsets(strategy.quotes(seen(0, ts_ns=noon))) == ([30.0], [70.0])
    assert offsets(strategy.quotes(seen(500, ts_ns=noon))) == ([50.0], [50.0])
    assert offsets(strategy.quotes(seen(500, ts_ns=noon - 12 * HOUR_MS * 10**6))) == ([70.0], [30.0])


def test_a_twap_leads_from_one_amount_to_another() -> None:
    """Sold off within an hour: half way there, half of it is wanted."""
    start = MONDAY_8 // 1_000_000
    strategy = made(
        twap_start_ms=start,
        twap_end_ms=start + HOUR_MS,
        twap_from_base="0.1",
        twap_to_base="0",
        inventory_skew_bps="4",
    )

    half_way = seen(1_000, ts_ns=MONDAY_8 + HOUR_MS * 500_000)

    assert offsets(strategy.quotes(seen(999, ts_ns=MONDAY_7)))[1] == [50.0]
    assert offsets(strategy.quotes(half_way)) == ([], [30.0])
    assert offsets(strategy.quotes(seen(0, ts_ns=MONDAY_8 + 2 * HOUR_MS * 10**6))) == ([50.0], [50.0])


def test_a_path_beyond_the_limit_ends_there() -> None:
    """The limit is that of the inventory: nothing is bought at it, whatever the path."""
    strategy = made(path_ms=(0,), path_base=("50",), inventory_skew_bps="4")

    assert offsets(strategy.quotes(seen(900))) == ([46.0], [54.0])
    assert strategy.quotes(seen(1_000)).reason == "only sells: inventory limit"


def test_far_from_its_path_only_the_way_back_is_quoted() -> None:
    """A hundred lots to either side of 200."""
    strategy = made(path_ms=(0,), path_base=("0.02",), path_band_base="0.01")

    near, above, below = (strategy.quotes(seen(held)) for held in (299, 300, 100))

    assert near.reason == "quoting"
    assert (above.bids, offsets(above)[1], above.reason) == ((), [50.0], "only sells: off its path")
    assert (offsets(below)[0], below.asks, below.reason) == ([50.0], (), "only buys: off its path")


def test_off_its_path_a_side_that_may_not_quote_says_why() -> None:
    """The way back from a path above the limit of the price band is shut too."""
    strategy = made(path_ms=(0,), path_base=("0.02",), path_band_base="0.01", price_ceiling_quote="1")

    quotes = strategy.quotes(seen(0))

    assert (quotes.bids, quotes.asks) == ((), ())
    assert quotes.reason == "nothing: ceiling; off its path"


# ---- what is refused


TWAP = {"twap_start_ms": 5, "twap_end_ms": 6, "twap_from_base": "0", "twap_to_base": "1"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"path_ms": (1, 2), "path_base": ("1",)}, "path_base were 1, expected 2"),
        ({"path_ms": (2, 2), "path_base": ("1", "2")}, "path_ms did not ascend"),
        ({"twap_start_ms": 5}, "expected all or none"),
        (TWAP | {"path_ms": (1,), "path_base": ("1",)}, "path_ms and twap_start_ms are both set"),
        (TWAP | {"twap_end_ms": 5}, "twap_end_ms was 5, expected more than twap_start_ms, 5"),
        ({"windows": {}}, "at least 1"),
        ({"windows": {"x": {"start_ms": 1, "end_ms": 0}}}, "greater than 0"),
        ({"windows": {"x": {"start_ms": 1, "end_ms": 9, "colour": 1}}}, "colour"),
        ({"windows": {"x": {"start_ms": 1, "end_ms": 9, "days": ()}}}, "at least 1"),
    ],
)
def test_parameters_that_contradict_each_other_are_refused(changes: dict[str, Any], message: str) -> None:
    """By name, before anything is quoted."""
    with pytest.raises(ValidationError, match=message):
        made(**changes)


@pytest.mark.parametrize("name", ["spread_bps", "inventory_skew_bps"])
def test_a_windows_number_is_no_finer_than_the_grid(name: str) -> None:
    """Through whatever door it comes."""
    fine: dict[str, Any] = {name: Decimal("0.001")}
    window = Window(start_ms=0, end_ms=1, **fine)
    params = Scheduled.Params(
        order_amount_base=Decimal("0.01"), spread_bps=Decimal(10), windows={"x": window}
    )

    with pytest.raises(ConfigError, match=f"{name} of a window was 0.001"):
        Scheduled(params, INSTRUMENT)


def test_an_amount_that_no_venue_knows_is_refused() -> None:
    """By name."""
    with pytest.raises(ConfigError, match="path_base: value was"):
        made(path_ms=(1,), path_base=("1e40",))


amounts = st.integers(-(10**6), 10**6).map(lambda lots: Decimal(lots) / 10_000)
windows = st.builds(
    Window,
    start_ms=st.integers(0, 86_399_999),
    end_ms=st.integers(1, 86_400_000),
    days=st.sets(st.sampled_from(WEEK), min_size=1).map(lambda days: tuple(sorted(days))),
    spread_bps=st.none() | bps,
    inventory_skew_bps=st.none() | bps,
    amount_ratio=st.floats(1e-6, 1000),
)


@given(st.data())
def test_any_parameters_and_any_moment_give_a_ladder_or_a_reason(data: st.DataObject) -> None:
    """And with everything mirrored, the path too, the mirrored one."""
    fields = data.draw(guard_fields()) | {
        "spread_bps": data.draw(bps),
        "inventory_skew_bps": data.draw(bps),
        "windows": data.draw(st.none() | st.dictionaries(st.sampled_from("abc"), windows, min_size=1)),
        "outside": data.draw(st.sampled_from(Outside)),
        "path_band_base": data.draw(st.none() | st.just(Decimal("0.01"))),
    }
    path: dict[str, Any] = {}
    kind = data.draw(st.sampled_from(("none", "day", "twap")))
    times = sorted(data.draw(st.sets(st.integers(0, 86_399_999), min_size=2, max_size=5)))
    lots = [data.draw(amounts) for _ in times]
    if kind == "day":
        path = {"path_ms": tuple(times), "path_base": tuple(lots)}
    elif kind == "twap":
        path = {
            "twap_start_ms": times[0],
            "twap_end_ms": times[1],
            "twap_from_base": lots[0],
            "twap_to_base": lots[1],
        }
    try:
        strategy = Scheduled(Scheduled.Params(**fields, **path), INSTRUMENT)
    except ConfigError:
        return
    negated: dict[str, Any] = {
        name: value if name.endswith("_ms") else tuple(-one for one in value) if kind == "day" else -value
        for name, value in path.items()
    }
    twin = Scheduled(Scheduled.Params(**fields, **negated), INSTRUMENT)
    view = told(strategy, data.draw(views(INSTRUMENT)), data)
    view = msgspec.structs.replace(view, ts_ns=data.draw(st.integers(0, 4 * 10**18)))

    check(strategy, view, twin, opposed(view))
