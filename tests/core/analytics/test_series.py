"""A bounded number of points, evenly spread, however long a run is."""

from mm.analytics.series import POINTS_MAX, Series


def test_points_thin_out_evenly() -> None:
    """Every second one goes when there are too many; the rest are at equal steps."""
    series: Series[int] = Series()
    most = 0
    for index in range(1, 5 * POINTS_MAX):
        if series.wants(index):
            series.add(index, -index)
        most = max(most, len(series.points))
    assert most == POINTS_MAX
    assert series.step == 8
    assert [index for index, _ in series.points] == list(range(8, 5 * POINTS_MAX, 8))
    assert all(point == -index for index, point in series.points)
