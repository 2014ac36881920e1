"""`mm bench live` as a whole, as small as it goes: every figure is there, and sane. Nothing judges speed."""

import dataclasses

import pytest

from mm.bench.live import GOALS, Options, measure_live


@pytest.fixture(scope="module")
def options() -> Options:
    """The smallest bench that still measures everything."""
    return Options(events=100, rounds=1, seconds=0.1, frames=100)


async def test_every_figure_is_measured_in_one_run(options: Options) -> None:
    """Both loops traded, both books agreed, cancels came through the burst; the names are the agreed ones."""
    said: list[str] = []
    figures = await measure_live(options, said.append)
    for name in (
        *("decision_us_p50", "decision_us_p99", "p50_us", "p99_us", "ccxt_p50_us", "ccxt_p99_us"),
        *("ratio_p50", "frame_us_p50", "ccxt_frame_us_p50", "ratio_frame", "burst_cancel_ms_max"),
        *("cancel_us_p50", "requote_us_p50", "burst_frame_ms_max", "floor_us_p50"),
    ):
        assert figures[name] > 0, name
    assert figures["p50_us"] <= figures["p99_us"]
    assert figures["ratio_p50"] == pytest.approx(figures["p50_us"] / figures["ccxt_p50_us"], abs=0.001)
    assert figures["ratio_frame"] == pytest.approx(
        figures["frame_us_p50"] / figures["ccxt_frame_us_p50"], abs=0.001
    )
    assert 3 <= figures["orders"] <= 25
    assert 0 < figures["ccxt_orders"] <= 25
    assert figures["burst_frames"] == 1_248
    assert figures["burst_cancels"] >= 30
    assert said[0] == "decisions"
    assert len(said) == len(set(said)) == 4


def test_every_goal_is_a_figure_that_is_measured() -> None:
    """A goal nobody measures would always be met."""
    from mm.bench.burst import BurstFigures
    from mm.bench.decision import Figures
    from mm.bench.frames import FrameFigures
    from mm.bench.wire import WireFigures

    kinds = (Figures, FrameFigures, WireFigures, BurstFigures)
    names = {field.name for kind in kinds for field in dataclasses.fields(kind)}
    assert {goal.figure for goal in GOALS} <= names
    assert all(0 <= goal.reach < goal.must for goal in GOALS)
