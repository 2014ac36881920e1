"""Toxicity: the exact noise floor, buckets, one order of several prints."""

from math import comb, pi, sqrt
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.domain.sides import Side
from mm.signals.toxicity import ATOMS_MAX, BUCKETS_MAX, ToxicitySpec, expected_imbalance, noise_floor

START_NS = 1_800_000_000_000_000_000


@pytest.mark.parametrize(
    ("orders", "share", "expected"),
    [
        (10, 0.5, 0.246094),
        (50, 0.5, 0.112275),
        (200, 0.5, 0.056348),
        (50, 0.6, 0.209433),
        (50, 0.75, 0.500004),
    ],
)
def test_the_expected_imbalance_gives_the_known_values(orders: int, share: float, expected: float) -> None:
    """Exact, to the digits that are known."""
    assert expected_imbalance(orders, share) == pytest.approx(expected, abs=5e-7)


@given(st.integers(1, 300))
def test_the_floor_is_exact_for_even_numbers(half: int) -> None:
    """And near the square root law for large ones."""
    orders = 2 * half
    assert noise_floor(orders) == pytest.approx(comb(orders, half) / 4**half, rel=1e-9)
    assert noise_floor(orders) == pytest.approx(sqrt(2 / (pi * orders)), rel=0.3 / orders)


def test_fair_flow_is_not_toxic_and_one_sided_flow_is() -> None:
    """Of orders of one size: chance alone reads 0 within 3 standard errors, three quarters of buys 0.39."""
    found = []
    for share in (0.5, 0.75):
        random, signal = Random(6), ToxicitySpec(orders=50, buckets=200).start()
        for step in range(11_000):
            side = Side.BUY if random.random() < share else Side.SELL
            signal.on_trade(START_NS + step, 100, 7, side)
        found.append(signal.reading(START_NS))

    assert all(reading.ready for reading in found)
    assert found[0].value == pytest.approx(0, abs=3 * 0.085 / sqrt(200))
    assert found[0].more[1] == pytest.approx(0.112275, abs=1e-6)
    assert found[1].value == pytest.approx(0.500004 - 0.112275, abs=3 * 0.12 / sqrt(200))
    assert found[1].more[2] == 350


def test_an_order_that_does_not_fit_in_is_cut() -> None:
    """Buckets of 10: a buy of 25 fills two and a half, a sell of 5 the rest of the third."""
    signal = ToxicitySpec(bucket_atoms=10, buckets=3).start()
    signal.on_trade(START_NS, 100, 25, Side.BUY)
    assert signal.reading(START_NS).waits_for == "buckets of volume (2 of 3)"
    signal.on_trade(START_NS + 1, 100, 5, Side.SELL)

    reading = signal.reading(START_NS)

    # One order alone is one-sided by nature; two of one size are so half of the time.
    assert reading.more[0] == pytest.approx((1 + 1 + 0) / 3)
    assert reading.more[1] == pytest.approx((noise_floor(1) * 2 + noise_floor(2)) / 3)


def test_prints_of_one_time_and_side_are_one_order() -> None:
    """Its floor is that of one order, not of many."""
    parts, whole = (ToxicitySpec(bucket_atoms=40, buckets=1).start() for _ in range(2))
    for late_ns in range(30):
        parts.on_trade(START_NS + late_ns, 100, 1, Side.BUY, 5)
    whole.on_trade(START_NS, 100, 30, Side.BUY, 5)
    for signal in (parts, whole):
        signal.on_trade(START_NS + 99, 100, 10, Side.SELL, 6)

    assert parts.reading(START_NS) == whole.reading(START_NS)
    assert whole.reading(START_NS).more[1] == pytest.approx(noise_floor(1600 / 1000))
    assert parts.state()[8] == pytest.approx(whole.state()[8])


def test_a_bucket_is_so_many_orders_of_mean_size() -> None:
    """As it was when the bucket began; a print of nothing is nothing."""
    signal = ToxicitySpec(orders=4, buckets=1).start()
    signal.on_trade(START_NS, 100, 0, Side.BUY)
    for late_ns in range(9):
        signal.on_trade(START_NS + late_ns, 100, 10, Side.BUY if late_ns % 2 else Side.SELL)

    assert signal.reading(START_NS).more == (0.0, noise_floor(4), 40)


def test_a_trade_of_a_thousand_buckets_fills_those_that_are_kept() -> None:
    """And takes no longer."""
    signal = ToxicitySpec(bucket_atoms=1, buckets=5).start()
    signal.on_trade(START_NS, 100, 2**62, Side.BUY)

    assert signal.reading(START_NS).more[0] == 1


@pytest.mark.parametrize(
    "change",
    [
        {"orders": 1},
        {"bucket_atoms": -1},
        {"bucket_atoms": ATOMS_MAX + 1},
        {"buckets": 0},
        {"buckets": BUCKETS_MAX + 1},
    ],
)
def test_a_spec_out_of_range_is_our_own_fault(change: dict[str, int]) -> None:
    """A strategy that asks for it fails at once."""
    with pytest.raises(AssertionError):
        ToxicitySpec(**change)
