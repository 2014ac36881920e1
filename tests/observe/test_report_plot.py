"""Pictures: round ticks, everything on the square, nothing to draw is said."""

import re
from itertools import pairwise

import pytest

from mm.observe.report_plot import SIZE, TITLES_MAX, Area, Axes, Bars, Dots, Drawn, Line, plot, round_ticks


def axes(**changes: object) -> Axes:
    """Return axes from 0 to 10."""
    fields: dict[str, object] = {
        "x_low": 0.0,
        "x_high": 10.0,
        "x_ticks": [(5.0, "five")],
        "y_text": lambda value: f"{value:g}",
        "label": "a <picture>",
    }
    return Axes(**(fields | changes))  # type: ignore[arg-type] # the caller names the fields


def numbers(made: str) -> list[float]:
    """Return every coordinate of a picture."""
    return [float(n) for path in re.findall(r' d="([^"]*)"', made) for n in re.findall(r"-?[\d.]+", path)]


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 1.0), (-3.0, 17.0), (59_900.5, 61_000.0), (-1e-9, 2e-9), (1e12, 3e12), (0.0, 0.3)]
)
def test_ticks_are_round_few_and_inside(low: float, high: float) -> None:
    """Between two and twelve, at equal steps."""
    ticks = round_ticks(low, high)
    assert 2 <= len(ticks) <= 12
    assert all(low - 1e-12 * abs(low) <= tick <= high * (1 + 1e-9) for tick in ticks)
    steps = [after - before for before, after in pairwise(ticks)]
    assert max(steps) == pytest.approx(min(steps), rel=1e-3)


def test_everything_lies_on_the_square() -> None:
    """Lines, areas, dots, intervals, a limit and the zero."""
    drawn: list[Drawn] = [
        Line(name="line", style="c1", points=[(0, 1), (5, -4), (10, 3)]),
        Line(name="", style="c2", points=[(0, 2), (10, 2)], step=True),
        Area(name="area", style="c3", points=[(0, 0, 1), (10, -1, 2)]),
        Dots(name="dots & all", style="c4", points=[(2, 2.5, "<here>")]),
        Bars(name="bars", style="c5", points=[(3, -5, 0, 6)]),
    ]
    made = plot(drawn, axes(levels=[(8.0, "limit")], zero=True))
    assert all(-0.05 <= n <= SIZE + 0.05 for n in numbers(made))
    assert "&lt;here&gt;" in made
    assert "dots &amp; all" in made
    assert 'aria-label="a &lt;picture&gt;"' in made
    assert "limit" in made
    assert made.count('class="line') == 2


def test_many_dots_are_one_path_without_titles() -> None:
    """The page stays light."""
    points = [(n / 100, float(n), "text") for n in range(TITLES_MAX + 1)]
    made = plot([Dots(name="d", style="c1", points=points)], axes())
    assert made.count("<title>") == 0
    assert made.count('class="dot') == 1


def test_a_flat_line_has_room_around_it() -> None:
    """Also at 0, and at a price."""
    for value in (0.0, 61_000.0):
        made = plot([Line(name="flat", style="c1", points=[(0, value), (10, value)])], axes())
        assert all(0 <= n <= SIZE for n in numbers(made))


def test_nothing_to_draw_is_said() -> None:
    """No empty frame."""
    assert "Nothing to draw" in plot([Line(name="none", style="c1", points=[])], axes())
