"""Latency: constant, measured and sampled, in bounds, and messages of one connection in order."""

from statistics import fmean, quantiles

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.sim.latency import (
    DELAY_MAX_NS,
    TAIL_MAX,
    ConstantLatency,
    Delay,
    LatencyRow,
    Line,
    MeasuredLatency,
    SampledLatency,
    Spread,
)
from mm.sim.prng import Prng

FIRST = LatencyRow(1670026844751525000, 1670026844759000000, 1670026844762122000)
SECOND = LatencyRow(1670026845754020000, 1670026845762000000, 1670026845770003000)
MS = 1_000_000


def sampled(mean_ms: int = 80, p99_ms: int = 250, *, seed: int = 1) -> SampledLatency:
    """Return delays of which entry and answer are distributed alike."""
    spread = Spread(mean_ms * MS, p99_ms * MS)
    return SampledLatency(entry=spread, answer=spread, prng=Prng(seed, "latency"))


def test_a_constant_delay_is_constant() -> None:
    """Every message takes the same."""
    latency = ConstantLatency(entry_ns=5, answer_ns=7)
    assert [latency.draw(ts_ns) for ts_ns in (0, 10**18)] == [Delay(5, 7)] * 2


@pytest.mark.parametrize("delay_ns", [-1, DELAY_MAX_NS + 1])
def test_a_delay_out_of_bounds_is_refused(delay_ns: int) -> None:
    """Negative or longer than a minute: the field is named."""
    with pytest.raises(ValueError, match="entry_ns was"):
        ConstantLatency(entry_ns=delay_ns, answer_ns=0)
    with pytest.raises(ValueError, match="answer_ns was"):
        ConstantLatency(entry_ns=0, answer_ns=delay_ns)


def test_measured_delays_are_those_of_the_rows_at_their_times() -> None:
    """At the request of a row its entry; before the first and after the last theirs."""
    latency = MeasuredLatency([FIRST, SECOND])
    assert latency.draw(FIRST.sent_ns) == Delay(7_475_000, 3_122_000)
    assert latency.draw(SECOND.sent_ns) == Delay(7_980_000, 8_003_000)
    assert latency.draw(0) == Delay(7_475_000, 3_122_000)
    assert latency.draw(2 * SECOND.sent_ns) == Delay(7_980_000, 8_003_000)
    assert MeasuredLatency([FIRST]).draw(SECOND.sent_ns).entry_ns == 7_475_000


def test_between_two_rows_a_delay_is_in_proportion_to_the_time() -> None:
    """At the midpoint of the requests the entry is halfway: 7 727 500 ns, where floats give one less."""
    middle_ns = (FIRST.sent_ns + SECOND.sent_ns) // 2
    entry_ns, answer_ns = MeasuredLatency([FIRST, SECOND]).draw(middle_ns)
    assert abs(entry_ns - 7_727_499) <= 1
    assert answer_ns == pytest.approx((3_122_000 + 8_003_000) / 2, abs=2_000)


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([], "at least one row"),
        ([LatencyRow(5, 5, 6)], r"row 0: \(5, 5, 6\): expected sent < effect < answered"),
        ([LatencyRow(5, 6, 6)], "expected sent < effect < answered"),
        ([LatencyRow(5, 0, 9)], "expected sent < effect < answered"),
        ([LatencyRow(0, DELAY_MAX_NS + 1, DELAY_MAX_NS + 2)], "row 0: entry was"),
        ([LatencyRow(0, 1, DELAY_MAX_NS + 2)], "row 0: answer was"),
        ([LatencyRow(1, 5, 9), LatencyRow(1, 6, 9)], "row 1: .* expected later times"),
        ([LatencyRow(1, 5, 9), LatencyRow(2, 5, 9)], "row 1: .* expected later times"),
    ],
)
def test_measured_rows_that_cannot_be_are_refused(rows: list[LatencyRow], text: str) -> None:
    """The row is named, with what was expected of it."""
    with pytest.raises(ValueError, match=text):
        MeasuredLatency(rows)


def test_sampled_delays_have_the_mean_and_the_tail_that_were_asked_for() -> None:
    """Of 20 000 draws the mean is within 3 %, the 99th percentile within 6 %, both directions alike."""
    latency = sampled()
    drawn = [latency.draw(0) for _ in range(20_000)]
    for delays in ([delay.entry_ns for delay in drawn], [delay.answer_ns for delay in drawn]):
        assert fmean(delays) == pytest.approx(80 * MS, rel=0.03)
        assert quantiles(delays, n=100)[98] == pytest.approx(250 * MS, rel=0.06)
        assert min(delays) > 0
        assert max(delays) <= TAIL_MAX * 250 * MS


def test_sampled_delays_are_the_same_for_the_same_seed() -> None:
    """Another seed gives others."""
    first, again, other = sampled(), sampled(), sampled(seed=2)
    drawn = [first.draw(0) for _ in range(5)]
    assert drawn == [again.draw(1) for _ in range(5)]
    assert drawn != [other.draw(0) for _ in range(5)]


def test_a_tail_equal_to_the_mean_is_a_constant() -> None:
    """No spread: the mean itself, 0 included."""
    assert sampled(80, 80).draw(0) == Delay(80 * MS, 80 * MS)
    assert sampled(0, 0).draw(0) == Delay(0, 0)


def test_a_long_tail_is_cut() -> None:
    """However far a draw falls out, it is at most ten times the 99th percentile."""

    class Extreme(Prng):
        def gauss(self) -> float:
            return 40.0

    spread = Spread(10 * MS, 100 * MS)
    latency = SampledLatency(entry=spread, answer=spread, prng=Extreme(1, "x"))
    assert latency.draw(0) == Delay(TAIL_MAX * 100 * MS, TAIL_MAX * 100 * MS)


@pytest.mark.parametrize(
    ("mean_ns", "p99_ns", "text"),
    [
        (100, 99, "entry mean_ns was 100, expected"),
        (-1, 99, "entry mean_ns was -1, expected"),
        (100, 1_600, "entry p99_ns was 1600, expected at most 14.9"),
        (0, 5, "entry p99_ns was 5, expected at most 14.9"),
        (1, DELAY_MAX_NS + 1, "entry p99_ns was"),
    ],
)
def test_a_distribution_that_does_not_exist_is_refused(mean_ns: int, p99_ns: int, text: str) -> None:
    """A log-normal distribution has its 99th percentile between one and about fifteen means."""
    with pytest.raises(ValueError, match=text):
        SampledLatency(entry=Spread(mean_ns, p99_ns), answer=Spread(1, 1), prng=Prng(1, "x"))


def test_messages_of_one_connection_do_not_overtake_each_other() -> None:
    """A slow message holds back those sent after it, and their answers."""

    class Falling:
        def draw(self, sent_ns: int) -> Delay:
            return Delay(100 - sent_ns, 100 - sent_ns)

    line = Line(Falling())
    assert [tuple(line.send(sent_ns)) for sent_ns in (0, 10, 60)] == [(100, 200), (100, 200), (100, 200)]


@given(sends=st.lists(st.integers(0, 10**9), min_size=1, max_size=30), seed=st.integers(0, 100))
def test_times_of_one_connection_never_go_back(sends: list[int], seed: int) -> None:
    """Whatever is drawn: effect not before sending, answer not before effect, both in order."""
    line = Line(sampled(seed=seed))
    times = [(sent_ns, line.send(sent_ns)) for sent_ns in sorted(sends)]
    assert all(sent_ns <= effect_ns <= answered_ns for sent_ns, (effect_ns, answered_ns) in times)
    for column in (0, 1):
        heard = [time[column] for _, time in times]
        assert heard == sorted(heard)
