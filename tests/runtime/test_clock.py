"""The trader's clock: anchored once, never back, at the pace of the venue."""

import time

import pytest

from mm.runtime.clock import AnchoredClock, Pace


def test_without_a_pace_it_tells_the_time_of_day() -> None:
    """Anchored to UTC at the start, at the wall's pace."""
    clock = AnchoredClock()

    assert clock.scale == 1.0
    assert abs(clock.now_ns() - time.time_ns()) < 1_000_000_000


@pytest.mark.parametrize("scale", [0.5, 1.0, 10.0, 1000.0])
def test_a_pace_is_kept_from_the_venue_s_time_on(scale: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time goes on from the venue's now, `scale` nanoseconds for each of the wall's."""
    wall = [5_000]
    monkeypatch.setattr(time, "monotonic_ns", lambda: wall[0])
    clock = AnchoredClock(Pace(now_ns=1_723_161_240_000_000_000, scale=scale))

    assert clock.now_ns() == 1_723_161_240_000_000_000
    wall[0] += 2_000_000_000
    assert clock.now_ns() == 1_723_161_240_000_000_000 + int(2_000_000_000 * scale)


def test_it_never_goes_back() -> None:
    """However often it is asked."""
    clock = AnchoredClock(Pace(now_ns=0, scale=0.1))
    seen = [clock.now_ns() for _ in range(1_000)]

    assert seen == sorted(seen)


def test_a_wall_clock_that_is_set_does_not_move_it() -> None:
    """It is read at the begin; what goes on is the counter beside it."""
    wall, counter = [1_000], [50]
    clock = AnchoredClock(wall_ns=lambda: wall[0], counter_ns=lambda: counter[0])

    assert clock.now_ns() == 1_000
    wall[0] -= 7_200_000_000_000
    counter[0] += 30
    assert clock.now_ns() == 1_030
    wall[0] += 9_000_000_000_000
    assert clock.now_ns() == 1_030


def test_a_pause_while_it_is_anchored_does_not_set_it_off() -> None:
    """A busy machine may take the processor away between the reading of one clock and of the other."""
    now_ns, pauses_ns = [50], iter((3_000_000, 0, 7_000, 0, 9_000_000, 0, 0, 0, 0))

    def counter_ns() -> int:
        now_ns[0] += next(pauses_ns)
        return now_ns[0]

    clock = AnchoredClock(wall_ns=lambda: 10**18 + now_ns[0], counter_ns=counter_ns)
    pauses_ns = iter((0,))
    assert clock.now_ns() == 10**18 + now_ns[0]
