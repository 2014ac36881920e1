"""Pictures of a report: SVG drawn here, labels as HTML beside it, so that both are readable at any width.

No script and nothing fetched. A picture is drawn on a square of 1 000 by 1 000 that the page stretches to its
place; lines keep their width and dots stay round whatever that does. Invariant: every text is escaped, every
number is finite.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10
from typing import Final

SIZE: Final = 1_000
TICKS: Final = 5
TITLES_MAX: Final = 400
"""Dots with a text that shows when a pointer rests on them; more would make the page heavy."""

Point = tuple[float, float]
Text = Callable[[float], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line through points in order. Fields: name: in the legend; style: class of its colour; step: it
    jumps, as what is held does.
    """

    name: str
    style: str
    points: Sequence[Point]
    step: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """What lies between two lines. Fields: points: (x, low, high)."""

    name: str
    style: str
    points: Sequence[tuple[float, float, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dots:
    """Single points. Fields: points: (x, y, text that shows on it)."""

    name: str
    style: str
    points: Sequence[tuple[float, float, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Points with an interval. Fields: points: (x, low, middle, high)."""

    name: str
    style: str
    points: Sequence[tuple[float, float, float, float]]


Drawn = Line | Area | Dots | Bars


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """Fields: x_ticks: (place, text); y_text: of a value; label: what the picture shows, for who cannot see
    it; levels: horizontal lines (value, name), as of a limit; zero: the picture has to show 0.
    """

    x_low: float
    x_high: float
    x_ticks: Sequence[tuple[float, str]]
    y_text: Text
    label: str
    levels: Sequence[tuple[float, str]] = ()
    zero: bool = False


def plot(drawn: Sequence[Drawn], axes: Axes) -> str:
    """Return a picture with its legend and labels; a word in its place where there is nothing to draw."""
    values = [*_values(drawn)]
    if not values:
        return '<p class="soft">Nothing to draw.</p>'
    shown = [*values, *(value for value, _ in axes.levels)] + ([0.0] if axes.zero else [])
    frame = _Frame(axes, min(shown), max(shown))
    legend = "".join(f'<span class="{one.style}">{escape(one.name)}</span>' for one in drawn if one.name)
    parts = [
        f'<figure><figcaption class="legend">{legend}</figcaption><div class="plot">',
        f'<svg viewBox="0 0 {SIZE} {SIZE}" preserveAspectRatio="none" role="img"',
        f' aria-label="{escape(axes.label)}">',
        *frame.grid(),
        *(_draw(one, frame) for one in drawn),
        "</svg>",
        *frame.labels(),
        "</div></figure>",
    ]
    return "".join(parts)


class _Frame:
    # Where a value lies on the square.

    def __init__(self, axes: Axes, low: float, high: float) -> None:
        self.axes = axes
        if high - low < 1e-12 * max(1.0, abs(high)):
            pad = max(1e-9, abs(high) * 1e-3)
            low, high = low - pad, high + pad
        self.ticks = round_ticks(low, high)
        margin = 0.04 * (high - low)
        self.low, self.high = low - margin, high + margin

    def x(self, value: float) -> float:
        span = self.axes.x_high - self.axes.x_low or 1.0
        return round(SIZE * (value - self.axes.x_low) / span, 1)

    def y(self, value: float) -> float:
        return round(SIZE * (self.high - value) / (self.high - self.low), 1)

    def grid(self) -> Iterable[str]:
        for value in self.ticks:
            style = "axis" if value == 0 else "grid"
            yield f'<path class="{style}" d="M0 {self.y(value)}H{SIZE}"/>'
        for value, _ in self.axes.levels:
            yield f'<path class="level" d="M0 {self.y(value)}H{SIZE}"/>'

    def labels(self) -> Iterable[str]:
        for value in self.ticks:
            yield _label("y", f"top:{self.y(value) / 10:.1f}%", self.axes.y_text(value))
        for value, name in self.axes.levels:
            yield _label("z", f"top:{self.y(value) / 10:.1f}%", name)
        for place, text in self.axes.x_ticks:
            yield _label("x", f"left:{self.x(place) / 10:.1f}%", text)


def _label(kind: str, style: str, text: str) -> str:
    return f'<span class="{kind}" style="{style}">{escape(text)}</span>'


def round_ticks(low: float, high: float) -> list[float]:
    """Return round values between two, about `TICKS` of them; low < high."""
    rough = (high - low) / TICKS
    power = 10.0 ** floor(log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    first = -(-low // step)
    ticks: list[float] = []
    while first * step <= high + 1e-9 * step and len(ticks) < 3 * TICKS:
        ticks.append(round(first * step, 12) + 0.0)
        first += 1
    return ticks


def _values(drawn: Sequence[Drawn]) -> Iterable[float]:
    for one in drawn:
        for point in one.points:
            if isinstance(one, Dots):
                yield point[1]
            else:
                yield from point[1:]  # type: ignore[misc]  # all but the first are values


def _draw(one: Drawn, frame: _Frame) -> str:
    if isinstance(one, Line):
        return _path(one, frame)
    if isinstance(one, Area):
        return _area(one, frame)
    if isinstance(one, Dots):
        return "".join(_dots(one, frame))
    return "".join(_bars(one, frame))


def _path(line: Line, frame: _Frame) -> str:
    parts: list[str] = []
    before = None
    for x, y in line.points:
        at = (frame.x(x), frame.y(y))
        if before is None:
            parts.append(f"M{at[0]} {at[1]}")
        elif line.step:
            parts.append(f"H{at[0]}V{at[1]}")
        else:
            parts.append(f"L{at[0]} {at[1]}")
        before = at
    return f'<path class="line {line.style}" d="{"".join(parts)}"/>'


def _area(area: Area, frame: _Frame) -> str:
    above = [f"{frame.x(x)} {frame.y(high)}" for x, _, high in area.points]
    below = [f"{frame.x(x)} {frame.y(low)}" for x, low, _ in reversed(area.points)]
    return f'<path class="area {area.style}" d="M{"L".join([*above, *below])}Z"/>'


def _dots(dots: Dots, frame: _Frame) -> Iterable[str]:
    if len(dots.points) > TITLES_MAX:
        places = "".join(f"M{frame.x(x)} {frame.y(y)}h0" for x, y, _ in dots.points)
        yield f'<path class="dot {dots.style}" d="{places}"/>'
        return
    for x, y, text in dots.points:
        place = f'd="M{frame.x(x)} {frame.y(y)}h0"'
        yield f'<path class="dot {dots.style}" {place}><title>{escape(text)}</title></path>'


def _bars(bars: Bars, frame: _Frame) -> Iterable[str]:
    for x, low, middle, high in bars.points:
        at = frame.x(x)
        yield f'<path class="bar {bars.style}" d="M{at} {frame.y(low)}V{frame.y(high)}"/>'
        yield f'<path class="dot {bars.style}" d="M{at} {frame.y(middle)}h0"/>'
