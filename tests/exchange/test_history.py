"""Candles, aggregates and rolling windows, step by step and bounded, against a recount of the whole tape."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.domain.sides import Side
from mm.domain.units import NS_PER_MS, NS_PER_S
from mm.exchange.candles import Print, Series, merged, quiet
from mm.exchange.history import DAY_NS, History
from mm.exchange.intervals import INTERVALS, MINUTE, SECOND
from tests.builders.naive_history import aggregated, counted, grouped, start_of
from tests.builders.sim import START_NS


@st.composite
def tapes(draw: st.DrawFn) -> list[Print]:
    """Draw a tape: bursts of one taker, pauses from a millisecond to weeks, sizes off any lot."""
    side, same = st.sampled_from(Side), st.integers(0, 1)
    gaps = st.sampled_from((0, 0, 0, 1, 7, 400, 999, 1_000, 61_000, 3_600_000, 86_400_000, 20 * 86_400_000))
    steps = draw(
        st.lists(
            st.tuples(gaps, st.integers(1, 5), st.integers(1, 10**9), side, same),
            max_size=40,
        )
    )
    ts_ns, taker, tape = START_NS, 0, []
    for number, (gap_ms, price, size, taker_side, same_taker) in enumerate(steps, start=1):
        ts_ns += gap_ms * NS_PER_MS
        taker += 1 - same_taker
        tape.append(
            Print(
                trade_id=number * 3,
                price_ticks=price,
                size_atoms=size,
                ts_ns=ts_ns,
                taker_side=taker_side,
                taker_order_id=taker,
            )
        )
    return tape


def _history(tape: list[Print], *, rows_max: int = 1_000) -> History:
    history = History(rows_max=rows_max)
    for trade in tape:
        history.on_print(trade)
    return history


def _when(interval: str, number: int) -> datetime:
    return datetime.fromtimestamp(INTERVALS[interval].start_ns(number) // NS_PER_S, tz=UTC)


@given(tapes())
def test_every_candle_equals_a_recount_of_its_prints(tape: list[Print]) -> None:
    """All intervals, weeks and months included; only intervals in which something traded are kept."""
    history = _history(tape)
    for name, series in history.series.items():
        candles = series.since(0)
        expected = grouped(name, tape)
        assert [_when(name, candle.number) for candle in candles] == [start for start, _ in expected]
        assert candles == [
            counted(candle.number, rows) for candle, (_, rows) in zip(candles, expected, strict=True)
        ]
        whole = merged(candles)
        assert whole == (counted(candles[0].number, tape) if tape else None)


@given(tapes(), st.integers(0, 200_000))
def test_rolling_windows_equal_a_recount_of_their_span(tape: list[Print], later_s: int) -> None:
    """A day from a whole minute on, five minutes from a whole second on, and the price before the day."""
    history = _history(tape)
    now_ns = (tape[-1].ts_ns if tape else START_NS) + later_s * NS_PER_S
    window = history.window(now_ns)
    inside = [row for row in tape if row.ts_ns >= window.start_ns]
    before = [row for row in tape if row.ts_ns < window.start_ns]
    assert now_ns - DAY_NS - 60 * NS_PER_S < window.start_ns <= now_ns - DAY_NS
    assert window.candle == (counted(MINUTE.number(inside[0].ts_ns), inside) if inside else None)
    assert window.before_ticks == (before[-1].price_ticks if before else 0)
    recent = [row for row in tape if row.ts_ns // NS_PER_S >= now_ns // NS_PER_S - 300]
    average = history.average(now_ns)
    assert average == (counted(SECOND.number(recent[0].ts_ns), recent) if recent else None)


@given(tapes())
def test_aggregates_are_the_prints_of_one_taker_at_one_price_in_one_instant(tape: list[Print]) -> None:
    """Numbered from 1 without a gap; the last one is complete when its taker is done."""
    history = _history(tape)
    rows = history.aggregates.latest(1_000)
    assert [(row.first_id, row.last_id, row.price_ticks, row.size_atoms) for row in rows] == aggregated(tape)
    assert [row.aggregate_id for row in rows] == list(range(1, len(rows) + 1))
    assert history.complete(1) == rows[:-1]
    history.close_aggregate()
    assert history.complete(1) == rows
    assert history.complete(len(rows) + 1) == []


@given(tapes(), st.integers(-5, 40), st.integers(0, 40), st.integers(0, 30), st.booleans())
def test_quiet_candles_fill_every_gap(
    tape: list[Print], begin: int, length: int, limit: int, has_first: bool
) -> None:
    """Consecutive numbers, the close before them as every price, nothing before the first trade."""
    series = _history(tape).series["1d"]
    known = {candle.number: candle for candle in series.since(0)}
    oldest = min(known, default=0)
    first, last = oldest + begin, oldest + begin + length
    expected, close_ticks = [], 0
    for number in range(oldest, last + 1):
        candle = known.get(number) or quiet(number, close_ticks)
        close_ticks = candle.close_ticks
        expected.append(candle)
    if has_first:
        expected = [candle for candle in expected if candle.number >= first][:limit]
    else:
        expected = expected[max(0, len(expected) - limit) :]
    found = series.between(first if has_first else None, last, limit=limit)
    assert found == (expected if known else [])


def _print(number: int, ts_ns: int, price_ticks: int = 100) -> Print:
    return Print(trade_id=number, price_ticks=price_ticks, size_atoms=1, ts_ns=ts_ns, taker_side=Side.BUY)


def test_memory_is_bounded_and_the_latest_is_never_forgotten() -> None:
    """Prints, aggregates and candles: at least what was asked for, at most twice as much."""
    history = _history([_print(number, START_NS + number * NS_PER_S) for number in range(1, 51)], rows_max=10)
    for rows in (history.prints, history.aggregates):
        assert 10 <= len(rows.latest(1_000)) <= 20
    assert [row.trade_id for row in history.prints.latest(2)] == [49, 50]
    assert history.prints.latest(0) == []
    assert [row.aggregate_id for row in history.aggregates.since_number(49, 5)] == [49, 50]
    series = Series(SECOND, candles_max=10)
    for number in range(50):
        series.add(_print(number, 0), START_NS + number * NS_PER_S)
    candles = series.since(0)
    assert 10 <= len(candles) <= 20
    assert candles[-1].last_id == 49
    assert series.before(candles[0].number) is None


def test_rows_are_found_by_id_and_by_time() -> None:
    """From an id on; the first of a span that has a start, the last of one that has none."""
    rows = _history([_print(number, number * 10) for number in (2, 4, 6, 8)]).prints
    assert [row.trade_id for row in rows.since_number(3, 2)] == [4, 6]
    assert [row.trade_id for row in rows.between(40, None, 2)] == [4, 6]
    assert [row.trade_id for row in rows.between(None, 80, 2)] == [4, 6]
    assert [row.trade_id for row in rows.between(40, 60, 9)] == [4]
    assert [row.trade_id for row in rows.between(None, None, 3)] == [4, 6, 8]


def test_a_print_older_than_the_last_counts_in_the_latest_candle() -> None:
    """A recording may be a little out of order; no candle is opened twice."""
    history = _history([_print(1, 5 * NS_PER_S), _print(2, 4 * NS_PER_S), _print(3, 6 * NS_PER_S)])
    assert [(candle.number, candle.trades) for candle in history.series["1s"].since(0)] == [(5, 2), (6, 1)]


@pytest.mark.parametrize("name", list(INTERVALS))
@given(st.integers(0, 4_000_000_000))
def test_every_interval_begins_where_the_calendar_says(name: str, second: int) -> None:
    """Numbers are consecutive and each moment lies in exactly one candle."""
    interval, ts_ns = INTERVALS[name], second * NS_PER_S
    number = interval.number(ts_ns)
    assert _when(name, number) == start_of(name, ts_ns)
    assert interval.start_ns(number) <= ts_ns < interval.start_ns(number + 1)
    assert interval.number(interval.start_ns(number + 1)) == number + 1
