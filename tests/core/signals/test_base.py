"""What signals share: times that fade, the mid on a grid, the mid a moment ago, a spec as text."""

from dataclasses import dataclass
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.domain.sides import Side
from mm.signals.base import Signal, check_length, counted, known_to, left_text, spec_text
from mm.signals.decay import share_kept, time_weight_s
from mm.signals.mids import TRAIL_MAX, MidGrid, MidTrail
from mm.signals.volatility import VolatilitySpec

SECOND_NS = 1_000_000_000


class Silent(Signal):
    """A signal that overrides nothing."""


def test_hooks_that_are_not_overridden_do_nothing() -> None:
    """Neither does a restore: a signal that does not say how begins anew."""
    signal = Silent()

    signal.on_mid(1, 2)
    signal.on_lost(1)
    signal.on_top(1, 2, 3, 4, 5)
    signal.on_trade(1, 2, 3, Side.BUY)
    signal.on_own_fill(1, Side.BUY, 2, 3, 4)
    signal.on_own_quotes(1, ())
    signal.resume(1)
    signal.restore((1, 2))


def test_a_signal_that_says_nothing_is_never_ready_and_remembers_nothing() -> None:
    """It names itself."""
    assert Silent().reading(7).waits_for == "a reading of Silent, which has none at 7"
    assert not Silent().reading(7).ready
    assert Silent().state() == ()


def test_what_is_waited_for_is_counted_with_its_unit_and_what_is_left() -> None:
    """What, how far, how long yet."""
    assert counted("own fills", 2, 30) == "own fills (2 of 30)"
    assert counted("volatility", 7, 20, "13 s more", "samples") == "volatility (7 of 20 samples, 13 s more)"
    assert known_to(12, 0.31) == "a fill decay known to 12 % (now 31 %)"
    assert known_to(10, 0.1001) == "a fill decay known to 10 % (now 11 %)"
    assert known_to(10, 0.31, "about 2 min more") == "a fill decay known to 10 % (now 31 %, about 2 min more)"


@pytest.mark.parametrize(
    ("left_s", "exact", "about"),
    [
        (0, "0 s more", "about 0 s more"),
        (0.2, "1 s more", "about 10 s more"),
        (61, "61 s more", "about 70 s more"),
        (90, "90 s more", "about 90 s more"),
        (91, "2 min more", "about 2 min more"),
        (121, "3 min more", "about 3 min more"),
        (5400, "90 min more", "about 90 min more"),
        (5401, "2 h more", "about 2 h more"),
        (inf, "never at this rate", "never at this rate"),
    ],
)
def test_what_is_left_is_rounded_up_to_what_matters(left_s: float, exact: str, about: str) -> None:
    """Seconds up to ninety, minutes up to ninety; an estimate in tens of seconds."""
    assert (left_text(left_s * SECOND_NS), left_text(left_s * SECOND_NS, "about ")) == (exact, about)


def test_the_text_of_a_spec_names_its_file_and_all_its_parameters() -> None:
    """Another value is another text."""
    assert spec_text(VolatilitySpec()) == (
        "mm.signals.volatility.VolatilitySpec(sample_ns=1000000000, half_life_ns=60000000000, samples_min=20)"
    )


def test_what_is_kept_halves_with_each_half_life() -> None:
    """Without a half-life everything is kept."""
    assert [share_kept(age, 10) for age in (0, 10, 20, 35)] == [1, 0.5, 0.25, 2**-3.5]
    assert share_kept(10**18, 0) == 1
    assert share_kept(10**18, 1) == 0


def test_the_weight_of_a_time_is_the_sum_of_what_is_kept_of_its_instants() -> None:
    """In seconds; a time that is much longer than the half-life weighs 1.44 half-lives."""
    pieces = [share_kept(age, 5 * SECOND_NS) / 1000 for age in range(0, 20 * SECOND_NS, SECOND_NS // 1000)]

    assert time_weight_s(20 * SECOND_NS, 5 * SECOND_NS) == pytest.approx(sum(pieces), rel=1e-4)
    assert time_weight_s(20 * SECOND_NS, 0) == 20
    assert time_weight_s(10**18, SECOND_NS) == pytest.approx(1.442695)


@pytest.mark.parametrize(
    ("length", "group", "fits"), [(2, 0, True), (3, 0, False), (1, 0, False), (6, 2, True)]
)
def test_the_length_of_a_state_is_checked(length: int, group: int, fits: bool) -> None:
    """Two numbers, and groups behind them where there may be any."""
    if fits:
        check_length((0,) * length, 2, group)
    else:
        with pytest.raises(ValueError, match=f"a state of {length} numbers, expected 2"):
            check_length((0,) * length, 2, group)


def test_groups_that_are_not_whole_are_refused() -> None:
    """With what was expected."""
    with pytest.raises(ValueError, match=r"expected 2, and groups of 2 behind them"):
        check_length((0,) * 5, 2, 2)


def test_a_grid_begins_with_the_first_mid_and_sees_the_mid_that_stood() -> None:
    """A change at the time of a sample belongs to the next one."""
    grid = MidGrid(10)
    assert grid.ended(10**9) == 0
    grid.move(1_000, 7)
    assert [grid.ended(ts_ns) for ts_ns in (1_000, 1_009, 1_010, 1_035)] == [0, 0, 1, 3]
    grid.pass_on(3)
    grid.move(1_035, 9)
    assert grid.state() == (1_030, 7, 9)
    twin = MidGrid(10)
    twin.restore(grid.state())
    assert twin.ended(1_040) == grid.ended(1_040) == 1
    grid.forget()
    assert grid.state() == (0, 0, 0)


moves = st.lists(st.tuples(st.integers(0, 4), st.integers(1, 9)), max_size=30)


@given(moves, st.integers(0, 6), st.integers(0, 9))
def test_the_trail_knows_the_mid_of_a_moment_ago(
    steps: list[tuple[int, int]], lag_ns: int, after_ns: int
) -> None:
    """The last one that came not later than then; before the first one, the first."""
    trail, now_ns, path = MidTrail(lag_ns), 1_000, []
    for pause_ns, mid in steps:
        now_ns += pause_ns
        path.append((now_ns, mid))
        trail.move(now_ns, mid)
    now_ns += after_ns

    known = [mid for ts_ns, mid in path if ts_ns <= now_ns - lag_ns]
    expected = known[-1] if known else path[0][1] if path else 0

    twin = MidTrail(lag_ns)
    twin.restore(trail.state())
    assert trail.at(now_ns) == twin.at(now_ns) == expected
    assert trail.last_half_ticks == (path[-1][1] if path else 0)


def test_a_trail_is_bounded_and_forgets() -> None:
    """However wildly the mid moves within the lag."""
    trail = MidTrail(SECOND_NS)
    for ts_ns in range(10 * TRAIL_MAX):
        trail.move(ts_ns, 1 + ts_ns)
    assert len(trail.state()) == 2 * TRAIL_MAX
    trail.forget()
    assert trail.at(10) == trail.last_half_ticks == 0


@dataclass(frozen=True)
class Strange:
    """A spec from outside."""

    depth: int = 3

    def start(self) -> Signal:
        """Return a signal that overrides nothing."""
        return Silent()


def test_a_spec_from_outside_has_a_text_as_well() -> None:
    """With the module that it comes from."""
    assert spec_text(Strange()).endswith(".Strange(depth=3)")
