"""The last market order against the touch: by hand, its life, and a naive mean beside the kept one."""

from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.domain.sides import Side
from mm.signals.trade_impulse import TradeImpulse, TradeImpulseSpec, mean_size

SECOND_NS = 1_000_000_000
SPEC = TradeImpulseSpec()


def calm(size_atoms: int = 100) -> TradeImpulse:
    """Return the signal after twenty seconds of one touch, as of 20 s."""
    signal = SPEC.start()
    signal.on_top(0, 10, size_atoms, 11, size_atoms)
    signal.on_top(20 * SECOND_NS, 10, size_atoms, 11, size_atoms)
    return signal


def test_a_market_order_counts_in_mean_sizes_of_the_touch_with_its_sign() -> None:
    """50 of 100 bought is 0.5, sold is -0.5; more tells the mean."""
    signal = calm()
    signal.on_trade(20 * SECOND_NS, 11, 50, Side.BUY)
    bought = signal.reading(20 * SECOND_NS)
    signal.on_trade(20 * SECOND_NS + 1, 10, 50, Side.SELL)
    sold = signal.reading(20 * SECOND_NS + 1)

    assert bought.value == pytest.approx(0.5)
    assert sold.value == pytest.approx(-0.5)
    assert bought.more[0] == pytest.approx(100.0)


def test_prints_of_one_order_add_up() -> None:
    """By the venue's time where it tells one, else by ours, and by the aggressor."""
    signal = calm()
    for ts_ns, side, venue_ms in (
        (1, Side.BUY, 7),
        (2, Side.BUY, 7),
        (2, Side.SELL, 7),
        (3, Side.SELL, 0),
        (3, Side.SELL, 0),
        (3, Side.SELL, 0),
    ):
        signal.on_trade(20 * SECOND_NS + ts_ns, 11, 10, side, venue_ms)

    assert signal.reading(20 * SECOND_NS + 3).value == pytest.approx(-0.3)


def test_the_push_is_over_after_its_life() -> None:
    """To the nanosecond; before any trade there is none."""
    signal = calm()
    now_ns = 20 * SECOND_NS
    assert signal.reading(now_ns).value == 0
    signal.on_trade(now_ns, 11, 50, Side.BUY)

    assert signal.reading(now_ns + SECOND_NS - 1).value > 0
    assert signal.reading(now_ns + SECOND_NS).value == 0


def test_it_waits_until_the_touch_was_seen_long_enough() -> None:
    """Ten seconds; time without a book does not count."""
    signal = SPEC.start()
    assert signal.reading(0).waits_for == "sizes at the touch (0 s of 10 s)"
    signal.on_top(0, 10, 5, 11, 5)
    assert signal.reading(4 * SECOND_NS).waits_for == "sizes at the touch (4 s of 10 s)"
    signal.on_lost(4 * SECOND_NS)
    signal.on_lost(5 * SECOND_NS)
    assert signal.reading(90 * SECOND_NS).waits_for == "sizes at the touch (4 s of 10 s)"
    signal.on_top(100 * SECOND_NS, 10, 5, 11, 5)
    assert signal.reading(106 * SECOND_NS).ready


def test_a_touch_without_size_is_no_measure() -> None:
    """Nothing is divided by it."""
    signal = calm(0)

    assert not signal.reading(30 * SECOND_NS).ready
    assert mean_size(0.0, 0.0) == 0.0


@given(st.lists(st.tuples(st.integers(0, 40 * SECOND_NS), st.integers(1, 10**9)), min_size=2, max_size=12))
def test_the_mean_is_that_of_each_instant_forgotten_since(tops: list[tuple[int, int]]) -> None:
    """A naive integral over all tops says the same."""
    signal, now_ns, weight, weighted = SPEC.start(), 0, 0.0, 0.0
    rows: list[tuple[int, float]] = []
    for pause_ns, size in tops:
        now_ns += pause_ns
        signal.on_top(now_ns, 10, size, 11, 3 * size)
        rows.append((now_ns, 2.0 * size))
    now_ns += 15 * SECOND_NS
    for (begin_ns, mean), end_ns in zip(rows, [at for at, _ in rows[1:]] + [now_ns], strict=True):
        part = exp((end_ns - now_ns) / 60e9) - exp((begin_ns - now_ns) / 60e9)
        weight, weighted = weight + part, weighted + part * mean

    assert signal.reading(now_ns).more[0] == pytest.approx(weighted / weight, rel=1e-6)


def test_after_a_pause_only_the_mean_is_kept() -> None:
    """No order pushes across it, and no top is known."""
    signal = calm()
    signal.on_trade(20 * SECOND_NS, 11, 50, Side.BUY)
    other = SPEC.start()
    other.restore(signal.state())
    assert other.reading(20 * SECOND_NS) == signal.reading(20 * SECOND_NS)
    other.resume(21 * SECOND_NS)

    reading = other.reading(500 * SECOND_NS)

    assert (reading.ready, reading.value) == (True, 0.0)
    assert reading.more[0] == pytest.approx(100.0)
    with pytest.raises(ValueError, match="a state of 2 numbers"):
        SPEC.start().restore((1.0, 2.0))


@pytest.mark.parametrize("name", ["life_ns", "window_ns", "known_ns_min"])
def test_a_spec_out_of_range_is_a_mistake(name: str) -> None:
    """It is caught where it is made."""
    with pytest.raises(AssertionError):
        TradeImpulseSpec(**{name: 0})
