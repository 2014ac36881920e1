"""What a parameter does is read off the trials that there are."""

import pytest

from mm.runtime.tune.sensitivity import GROUPS, neighbours, place_of, sensitivities
from mm.runtime.tune.space import Dimension
from tests.builders.tune_work import dimensions


def points() -> list[dict[str, str]]:
    """Return trials on a grid of three parameters, the last one fixed."""
    return [
        {
            "pair.btc.params.width": width,
            "pair.btc.params.levels": levels,
            "pair.btc.params.skew": "0.5",
            "pair.btc.params.kind": kind,
        }
        for width in ("0.1", "1.0", "10.0")
        for levels in ("1", "5", "9")
        for kind in ('"near"', '"far"')
    ]


def test_places_follow_the_range() -> None:
    """The ends are 0 and 1; the middle of a logarithmic range is its geometric mean; choices are apart."""
    width, levels, skew, kind = dimensions()
    assert [place_of(width, text) for text in ("0.1", "1.0", "10.0")] == pytest.approx([0, 0.5, 1])
    assert [place_of(levels, text) for text in ("1", "5", "9")] == [0, 0.5, 1]
    assert place_of(skew, "0.25") == 0.25
    assert [place_of(kind, text) for text in kind.choices] == [0, 1]
    assert place_of(Dimension(key="k", origin="o", choices=("1",)), "1") == 0


def test_a_parameter_that_decides_shows_and_one_that_does_not_is_flat() -> None:
    """Groups of one parameter differ by what it does; trials far from the best in others count little."""
    tried = points()
    scores = [float(point["pair.btc.params.levels"]) for point in tried]
    width, levels, skew, kind = sensitivities(
        dimensions(), tried, scores, 17, {"pair.btc.params.levels": 1.0}
    )

    by_levels = {group.low: group.score for group in levels.groups if group.trials}
    assert by_levels == pytest.approx({"1": 1.0, "5": 5.0, "9": 9.0})
    assert levels.importance == 1.0
    assert levels.best == "9"
    assert [group.low for group in kind.groups] == ['"near"', '"far"']
    assert all(group.score == pytest.approx(9, abs=0.8) for group in kind.groups)
    assert len(width.groups) == len(skew.groups) == GROUPS
    assert width.importance is None
    assert sum(group.trials for group in width.groups) == len(tried)
    assert [group.score for group in skew.groups if not group.trials] == [None] * (GROUPS - 1)
    assert width.groups[0].high == width.groups[1].low


def test_neighbours_are_the_nearest_in_all_parameters() -> None:
    """Nearest first, the best one itself left out."""
    tried = points()
    near = neighbours(dimensions(), tried, 0, count=2)
    assert [tried[at]["pair.btc.params.kind"] for at in near] == ['"near"', '"near"']
    assert 0 not in near
    assert neighbours(dimensions(), tried[:1], 0) == []
