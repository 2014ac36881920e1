"""Windows of a recording: in order, apart, and long enough."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.errors import ConfigError
from mm.runtime.tune.splits import WINDOW_NS_MIN, Cut, places, windows

S = 1_000_000_000


@given(
    st.integers(0, 10**18),
    st.integers(40 * 60, 100_000),
    st.integers(1, 6),
    st.floats(0.2, 0.8),
    st.integers(0, 60),
)
def test_windows_lie_in_order_and_a_gap_apart(
    first_ns: int, span_s: int, splits: int, ratio: float, gap_s: int
) -> None:
    """Train, test, train, test: inside the data, never nearer than the gap, the share of tests as told."""
    cut = Cut(splits=splits, test_ratio=ratio, embargo_ns=gap_s * S)
    try:
        found = windows(first_ns, first_ns + span_s * S, cut)
    except ConfigError:
        return
    assert [one.test for one in found] == [False, True] * splits
    assert [one.split for one in found] == [at // 2 for at in range(2 * splits)]
    assert found[0].from_ns == first_ns
    assert found[-1].to_ns <= first_ns + span_s * S - gap_s * S + S
    for one, following in pairwise(found):
        assert following.from_ns - one.to_ns >= gap_s * S
    for one in found:
        assert one.to_ns - one.from_ns >= WINDOW_NS_MIN - S
    share = found[1].seconds / (found[0].seconds + found[1].seconds)
    assert share == pytest.approx(ratio, abs=0.01)


def test_as_many_splits_as_fit_where_nobody_says() -> None:
    """Four in two hours, one in ten minutes."""
    assert len(places(windows(0, 7_200 * S, Cut()), test=True)) == 4
    assert places(windows(0, 650 * S, Cut(embargo_ns=10 * S)), test=False) == (0,)


def test_too_little_data_is_told_with_what_would_fit() -> None:
    """How long the windows would be, and how many splits there is room for."""
    with pytest.raises(ConfigError, match="600 s of data are too little") as told:
        windows(0, 600 * S, Cut(splits=3))
    assert "at most 1 split fits" in told.value.hint
    with pytest.raises(ConfigError, match="would last 0 s") as none:
        windows(0, 30 * S, Cut())
    assert none.value.hint.startswith("not even one split fits;")
