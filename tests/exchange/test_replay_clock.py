"""The clock of a replay."""

import pytest

from mm.exchange.replay_clock import ReplayClock
from tests.builders.replays import Counter

FIRST_NS = 1_723_161_255_000_000_000


def test_it_stands_still_until_it_is_started() -> None:
    """Whatever time it is elsewhere; how long it stood is told."""
    counter = Counter()
    clock = ReplayClock(FIRST_NS, speed=10, counter_ns=counter)
    counter.ns += 3_000_000_000
    assert (clock.now_ns(), clock.is_running, clock.held_ns()) == (FIRST_NS, False, 3_000_000_000)


@pytest.mark.parametrize("speed", [0.1, 1.0, 2.5, 1_000.0])
def test_it_runs_as_fast_as_it_is_told(speed: float) -> None:
    """From its start on; a second start changes nothing."""
    counter = Counter()
    clock = ReplayClock(FIRST_NS, speed=speed, counter_ns=counter)
    counter.ns += 7
    clock.start()
    counter.ns += 2_000_000_000
    clock.start()
    assert clock.now_ns() == FIRST_NS + int(2_000_000_000 * speed)
    assert clock.held_ns() == 7


def test_it_never_goes_back() -> None:
    """However small the steps and odd the speed."""
    counter = Counter()
    clock = ReplayClock(FIRST_NS, speed=0.1 + 1 / 3, counter_ns=counter)
    clock.start()
    seen = []
    for _ in range(1_000):
        counter.ns += 1
        seen.append(clock.now_ns())
    assert seen == sorted(seen)
