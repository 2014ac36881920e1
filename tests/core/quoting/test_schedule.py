"""Windows and paths: by example, and against what the calendar of the standard library says."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mm.quoting.schedule import WEEK, Path, Point, Weekday, Window, moment_text, weekday

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def at_ms(text: str) -> int:
    """Return a moment in milliseconds since 1970."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def window(start_h: float, end_h: float, *days: Weekday) -> Window:
    """Return a window of these hours."""
    return Window(start_ms=int(start_h * HOUR_MS), end_ms=int(end_h * HOUR_MS), days=days or WEEK)


MONDAY = "2026-03-02T"
"""A Monday."""


@given(st.integers(0, 40_000))
def test_days_of_the_week_are_those_of_the_calendar(day: int) -> None:
    """From 1970 on."""
    date = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)

    assert weekday(day) is WEEK[date.weekday()]


@pytest.mark.parametrize(
    ("time", "is_open"),
    [("07:59:59.999", False), ("08:00:00", True), ("15:59:59.999", True), ("16:00:00", False)],
)
def test_a_window_holds_from_its_start_to_before_its_end(time: str, is_open: bool) -> None:
    """To the millisecond."""
    assert window(8, 16).holds(at_ms(MONDAY + time)) is is_open


def test_a_window_passes_midnight() -> None:
    """It begins on its days and ends on the day after, whatever that is."""
    night = window(22, 6, Weekday.SUN)

    assert night.holds(at_ms(MONDAY + "05:59:00"))
    assert not night.holds(at_ms(MONDAY + "06:00:00"))
    assert not night.holds(at_ms(MONDAY + "23:00:00"))
    assert night.holds(at_ms("2026-03-01T22:00:00"))


def test_an_end_at_the_start_is_a_whole_day() -> None:
    """From 9 on Monday to 9 on Tuesday."""
    whole = window(9, 9, Weekday.MON)

    assert [whole.holds(at_ms(MONDAY + "09:00:00") + hour * HOUR_MS) for hour in (-1, 0, 23, 24)] == [
        False,
        True,
        True,
        False,
    ]


def test_the_next_opening_is_told() -> None:
    """Later today, tomorrow, or in a week; and as text."""
    early = window(8, 9, Weekday.MON)

    assert early.opens_ms(at_ms(MONDAY + "07:00:00")) == at_ms(MONDAY + "08:00:00")
    assert early.opens_ms(at_ms(MONDAY + "08:00:00")) == at_ms("2026-03-09T08:00:00")
    assert window(8, 9).opens_ms(at_ms(MONDAY + "12:00:00")) == at_ms("2026-03-03T08:00:00")
    assert moment_text(at_ms(MONDAY + "08:05:09.500")) == "Mon 08:05:09 UTC"


@given(
    st.integers(0, DAY_MS - 1),
    st.integers(1, DAY_MS),
    st.sets(st.sampled_from(Weekday), min_size=1),
    st.integers(0, 10**13),
)
def test_a_window_that_is_shut_is_open_at_its_next_opening_and_not_before(
    start: int, end: int, days: set[Weekday], moment: int
) -> None:
    """Whatever the window and the moment."""
    found = Window(start_ms=start, end_ms=end, days=tuple(sorted(days)))
    opens = found.opens_ms(moment)

    assert opens > moment
    assert opens - moment <= 7 * DAY_MS
    assert found.holds(opens)
    assume(not found.holds(moment))
    for share in (0.25, 0.5, 0.99):
        assert not found.holds(moment + int((opens - moment - 1) * share))


def test_without_points_nothing_is_wanted() -> None:
    """The inventory stays where its target is."""
    assert Path().at(10**18) == 0


def test_a_path_of_the_day_is_linear_and_goes_on_over_midnight() -> None:
    """From 6 h at 10 lots to 18 h at -2 lots, and back by 6 h of the next day."""
    path = Path((Point(6 * HOUR_MS, 10.0), Point(18 * HOUR_MS, -2.0)), repeats=True)
    day_ns = at_ms(MONDAY + "00:00:00") * 1_000_000

    found = [path.at(day_ns + hour * HOUR_MS * 1_000_000) for hour in (0, 6, 12, 18, 21, 24, 30)]

    assert found == [4.0, 10.0, 4.0, -2.0, 1.0, 4.0, 10.0]


def test_a_day_of_one_point_stands_still() -> None:
    """There is nowhere to go."""
    path = Path((Point(6 * HOUR_MS, 3.0),), repeats=True)

    assert {path.at(hour * HOUR_MS * 1_000_000) for hour in range(48)} == {3.0}


def test_a_twap_rests_before_and_after() -> None:
    """From 0 at 1 s to 8 lots at 5 s."""
    path = Path((Point(1000, 0.0), Point(5000, 8.0)))

    assert [path.at(ms * 1_000_000) for ms in (0, 1000, 2000, 3500, 5000, 10**9)] == [0, 0, 2, 5, 8, 8]


@given(
    st.lists(st.tuples(st.integers(0, DAY_MS - 1), st.integers(-(10**9), 10**9)), min_size=1, max_size=9),
    st.integers(0, 10**19),
)
def test_a_path_stays_within_its_points(points: list[tuple[int, int]], ts_ns: int) -> None:
    """At every moment, and with all lots negated it is negated."""
    rows = dict(sorted(points))
    path = Path(tuple(Point(at, float(lots)) for at, lots in rows.items()), repeats=True)
    mirror = Path(tuple(Point(at, -float(lots)) for at, lots in rows.items()), repeats=True)

    found = path.at(ts_ns)

    slack = 1e-6 * max(1, *map(abs, rows.values()))
    assert min(rows.values()) - slack <= found <= max(rows.values()) + slack
    assert mirror.at(ts_ns) == -found
