"""Tests of mm/venues/paper/settings.py: wrong values are refused before anything starts."""

from decimal import Decimal
from typing import Any

import pytest

from mm.errors import ConfigError
from mm.sim.latency import ConstantLatency, Delay
from mm.sim.orders import StpMode
from mm.sim.queue import QueueModel
from mm.venues.paper import PaperVenueSettings
from tests.builders.paper_bench import bench_settings


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"balances": {"AAA": Decimal(-1)}}, "paper balance of AAA was -1"),
        ({"balances": {"AAA": Decimal("NaN")}}, "paper balance of AAA was NaN"),
        ({"latency_mean_ms": -1}, "paper latency"),
        ({"latency_mean_ms": 20, "latency_p99_ms": 10}, "paper latency"),
        ({"latency_mean_ms": 1, "latency_p99_ms": 1_000}, "paper latency"),
        ({"maker_fee_ppm": 1_000_000}, "paper maker_fee_ppm was 1000000"),
        ({"taker_fee_ppm": -1_000_000}, "paper taker_fee_ppm was -1000000"),
        ({"queue": "hopeful"}, "paper queue was 'HOPEFUL', expected one of RISK_AVERSE"),
        ({"stp_mode": "SOMETIMES"}, "paper stp_mode was 'SOMETIMES'"),
        ({"stp_mode": "NONE"}, "paper stp_mode was NONE"),
        ({"participation_ppm": 0}, "paper participation_ppm was 0"),
        ({"participation_ppm": 1_000_001}, "paper participation_ppm was 1000001"),
    ],
)
def test_wrong_values_are_config_errors(changes: dict[str, Any], message: str) -> None:
    """Each with what was found and what was expected."""
    with pytest.raises(ConfigError, match=message):
        bench_settings(**changes)


def test_names_are_those_of_the_models() -> None:
    """The config writes them in lower case."""
    settings = bench_settings(queue="power3", stp_mode="EXPIRE_TAKER")
    assert settings.queue_model is QueueModel.POWER3
    assert settings.stp is StpMode.EXPIRE_TAKER


def test_there_is_no_place_for_a_key() -> None:
    """Nor for an address."""
    with pytest.raises(TypeError):
        PaperVenueSettings(balances={}, api_key="k")  # type: ignore[call-arg]  # that is the point


def test_the_latencies_follow_from_the_seed() -> None:
    """The same seed draws the same, another one others; a constant one never varies."""
    drawn = [
        [source.draw(0) for _ in range(5)]
        for source in (
            bench_settings(latency_p99_ms=40, seed=1).latency(),
            bench_settings(latency_p99_ms=40, seed=1).latency(),
            bench_settings(latency_p99_ms=40, seed=2).latency(),
        )
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len({delay.entry_ns for delay in drawn[0]}) == 5
    constant = bench_settings().latency()
    assert {constant.draw(ns) for ns in range(5)} == {(10_000_000, 10_000_000)}


def test_delays_may_come_from_elsewhere() -> None:
    """Then mean and percentile say nothing, and each use begins at the begin."""
    settings = bench_settings(delays=lambda: ConstantLatency(entry_ns=3, answer_ns=4))
    assert settings.latency().draw(0) == Delay(3, 4)
    assert settings.latency() is not settings.latency()
