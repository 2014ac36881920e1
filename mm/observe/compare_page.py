"""Two runs on one HTML page, in the style of a report: no network, no script, every foreign text escaped.

First the words, then what both decided and earned beside each other, then both over time. Invariant: the two
runs have the same colours in every picture, and the errors stand beside the figures.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from string import Template
from typing import Final

from mm.analytics.session import STEP_NS, Analytics, Point
from mm.domain.units import NS_PER_S
from mm.observe.compare_acts import Act, Pairing
from mm.observe.compare_figures import FigureRow
from mm.observe.compare_words import NOUNS, Comparison, RunNamed, SessionPair, moment, words
from mm.observe.report_figures import Figures, Money
from mm.observe.report_page import FRAME_FILE, said
from mm.observe.report_pictures import short
from mm.observe.report_plot import Axes, Bars, Drawn, Line, plot
from mm.observe.report_story import SessionStory, clock, lasted

LISTED_MAX: Final = 20
"""Acts of a kind that the page lists where both differ, the first ones."""

BUCKETS: Final = 120
"""Stretches of time over which presence is told."""

X_TICKS: Final = 5
_STYLES: Final = ("c1", "c5")
_NAMES: Final = ("first", "second")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawable:
    """One session of both runs with what can be drawn of it, None where a run was not repeated.

    Fields: worst: what the worst ten minutes of each were, and the commands that play them again, in lines.
    """

    pair: SessionPair
    first: SessionStory | None
    second: SessionStory | None
    worst: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())


def page(made: Comparison, drawn: Sequence[Drawable]) -> str:
    """Return the page."""
    parts = [*_head(made), *(part for one in made.pairings for part in _acts(one))]
    for one in drawn:
        parts += _session(made, one)
    frame = Template(FRAME_FILE.read_text(encoding="utf-8"))
    title = f"mm compare {made.first.run_id} {made.second.run_id}"
    return frame.substitute(title=said(title), body="\n".join(parts))


def _head(made: Comparison) -> Iterator[str]:
    yield "<h1>mm compare</h1>"
    for style, name, run in zip(_STYLES, _NAMES, (made.first, made.second), strict=True):
        yield f'<p><b class="{style}">{name}</b>: {_named(run)}</p>'
    box = "box" if made.is_same else "box bad"
    told = "".join(f"<p>{said(line)}</p>" for line in words(made))
    yield f'<div class="{box}">{told}</div>'
    notes = [
        f"{name}: {note}"
        for name, run in zip(_NAMES, (made.first, made.second), strict=True)
        for note in (run.made, *run.notes)
    ]
    yield f'<div class="box">{"".join(f"<p>{said(note)}</p>" for note in notes if note)}</div>'


def _named(run: RunNamed) -> str:
    length = lasted((run.ended_ns - run.began_ns) / NS_PER_S)
    return (
        f'{said(run.run_id)}, {said(run.mode)}, <span class="soft">{moment(run.began_ns)[:19]} to'
        f" {clock(run.ended_ns)} UTC ({length}), <code>{said(run.directory)}</code></span>"
    )


def _acts(one: Pairing) -> Iterator[str]:
    if not one.differences:
        return
    rows = [("moved", f"{late.late_ns / 1e6:+,.3f} ms", late.first) for late in one.moved[:LISTED_MAX]]
    rows += [("missing", "", act) for act in one.missing[:LISTED_MAX]]
    rows += [("added", "", act) for act in one.added[:LISTED_MAX]]
    rows = sorted(rows, key=lambda row: row[2].ts_ns)[:LISTED_MAX]
    lines = ["<tr><th>what differs</th><th>time (UTC)</th><th></th><th>act</th></tr>"]
    lines += [_act(fate, late, act) for fate, late, act in rows]
    left = one.differences - len(rows)
    more = f'<p class="soft">and {left} more</p>' if left else ""
    yield f"<h3>{NOUNS[one.kind].capitalize()}: {one.differences} differ</h3>"
    yield f'<div class="scroll"><table>{"".join(lines)}</table></div>{more}'


def _act(fate: str, late: str, act: Act) -> str:
    late = late.replace("-", "&minus;")
    return (
        f"<tr><td>{fate}</td><td>{moment(act.ts_ns)}</td><td>{late}</td>"
        f'<td class="wide">{said(act.words)}</td></tr>'
    )


def _session(made: Comparison, one: Drawable) -> Iterator[str]:
    other = "" if one.pair.other_name == one.pair.name else f" and {said(one.pair.other_name)}"
    yield f"<h2>{said(one.pair.name)}{other}: {said(one.pair.symbol)}</h2>"
    yield _figures(one.pair.rows)
    over = [
        _Over(name, style, story, shift_ns)
        for name, style, story, shift_ns in zip(
            _NAMES, _STYLES, (one.first, one.second), (0, made.shift_ns), strict=True
        )
        if story is not None
    ]
    if over:
        yield from _pictures(over)
        yield "<h3>What the mid did after the fills</h3>"
        yield _markouts(over)
    yield from _worst(one.worst)


def _worst(worst: tuple[tuple[str, ...], tuple[str, ...]]) -> Iterator[str]:
    yield "<h3>Worst ten minutes</h3>"
    for name, style, (line, *commands) in zip(_NAMES, _STYLES, [one or ("-",) for one in worst], strict=True):
        told = "".join(f"<p><code>{said(command.strip())}</code></p>" for command in commands)
        yield f'<p><b class="{style}">{name}</b>: {said(line)}</p>{told}'


def _figures(rows: Sequence[FigureRow]) -> str:
    lines = ["<tr><th></th><th>first</th><th>second</th><th>difference</th><th></th></tr>"]
    for row in rows:
        if row.first is None and row.second is None:
            continue
        unit = f' <span class="soft">{said(row.unit)}</span>' if row.unit else ""
        apart = {True: '<b class="bad">apart</b>', False: '<span class="soft">chance</span>', None: ""}
        cells = (
            f"{said(row.name)}{unit}",
            _with_error(row.first, row.first_error),
            _with_error(row.second, row.second_error),
            _with_error(row.difference, row.difference_error),
            apart[row.is_apart],
        )
        lines.append(f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    note = (
        '<p class="soft">With one standard error each. A difference is apart where it is more than two of its'
        " own, both runs taken for independent.</p>"
    )
    return f'<div class="scroll"><table>{"".join(lines)}</table></div>{note}'


def _with_error(value: float | None, error: float | None) -> str:
    if value is None:
        return "-"
    beside = "" if error is None else f' <span class="soft">&plusmn; {error:,.3g}</span>'
    return f"{value:,.6g}".replace("-", "&minus;") + beside


@dataclass(frozen=True, slots=True)
class _Over:
    # One run over time, on the first's clock.
    name: str
    style: str
    story: SessionStory
    shift_ns: int

    @property
    def analytics(self) -> Analytics:
        return self.story.analytics

    def points(self) -> Iterator[tuple[int, Point]]:
        begun_ns = self.analytics.begun_ns - self.shift_ns
        for index, point in self.analytics.series.points:
            yield begun_ns + index * STEP_NS, point


def _pictures(runs: list[_Over]) -> Iterator[str]:
    times = [ts_ns for run in runs for ts_ns, _ in run.points()]
    if not times:
        yield '<p class="soft">Too short for pictures.</p>'
        return
    low, high = min(times), max(times)
    quote, base = runs[0].analytics.instrument.quote, runs[0].analytics.instrument.base
    for title, label, unit, lines in (
        ("Equity", "P&L after costs over time", quote, [_line(run, low, _equity(run)) for run in runs]),
        ("Inventory", "inventory over time", base, [_line(run, low, _held(run), step=True) for run in runs]),
        (
            "Own spread",
            "own best quotes apart, over time",
            "bps",
            [_line(run, low, _spread(run)) for run in runs],
        ),
        (
            "Presence",
            "share of the time with both sides quoted",
            "%",
            [_presence(run, low, high) for run in runs],
        ),
    ):
        axes = Axes(
            x_low=0.0,
            x_high=float(max(1, high - low)),
            x_ticks=_ticks(low, high),
            y_text=short,
            label=f"{label}, in {unit}",
            zero=title != "Own spread",
        )
        yield f"<h3>{title}, {said(unit)}</h3>{plot([line for line in lines if line.points], axes)}"


def _line(run: _Over, low: int, values: list[tuple[int, float]], *, step: bool = False) -> Line:
    points = [(float(ts_ns - low), value) for ts_ns, value in values]
    return Line(name=run.name, style=run.style, points=points, step=step)


def _ticks(low: int, high: int) -> list[tuple[float, str]]:
    places = [low + (high - low) * at // X_TICKS for at in range(X_TICKS + 1)]
    return [(float(place - low), clock(place)) for place in places]


def _equity(run: _Over) -> list[tuple[int, float]]:
    money = Money(run.analytics)
    return [(ts_ns, money.units(point.mark.equity_fine)) for ts_ns, point in run.points()]


def _held(run: _Over) -> list[tuple[int, float]]:
    instrument = run.analytics.instrument
    lot = instrument.lot_atoms / 10**instrument.base_scale
    return [(ts_ns, point.mark.inventory_lots * lot) for ts_ns, point in run.points()]


def _spread(run: _Over) -> list[tuple[int, float]]:
    return [
        (ts_ns, 2e4 * (point.ask_ticks - point.bid_ticks) / (point.ask_ticks + point.bid_ticks))
        for ts_ns, point in run.points()
        if point.bid_ticks and point.ask_ticks
    ]


def _presence(run: _Over, low: int, high: int) -> Line:
    width = max(1, -(-(high - low + 1) // BUCKETS))
    counts: dict[int, list[int]] = {}
    for ts_ns, point in run.points():
        seen = counts.setdefault((ts_ns - low) // width, [0, 0])
        seen[0] += bool(point.bid_ticks and point.ask_ticks)
        seen[1] += 1
    points = [(float(at * width), 100.0 * both / looks) for at, (both, looks) in sorted(counts.items())]
    return Line(name=run.name, style=run.style, points=points, step=True)


def _markouts(runs: Sequence[_Over]) -> str:
    drawn: list[Drawn] = []
    names: list[str] = []
    for place, run in enumerate(runs):
        curves = run.story.figures["markouts"]
        assert isinstance(curves, dict)
        rows = curves["every"]
        names = ["fill" if not row["horizon_s"] else f"{row['horizon_s']:g} s" for row in rows]
        known = [(at + 0.12 * place, row) for at, row in enumerate(rows) if row["mean_bps"] is not None]
        if known:
            drawn.append(Line(name="", style=run.style, points=[(x, row["mean_bps"]) for x, row in known]))
            bars = [(x, *_interval(row)) for x, row in known]
            drawn.append(Bars(name=f"{run.name}, {known[0][1]['fills']} fills", style=run.style, points=bars))
    axes = Axes(
        x_low=-0.4,
        x_high=max(1, len(names)) - 0.4,
        x_ticks=[(float(at), name) for at, name in enumerate(names)],
        y_text=short,
        label="markout in basis points by time after the fill",
        zero=True,
    )
    return plot(drawn, axes)


def _interval(row: Figures) -> tuple[float, float, float]:
    mean, low, high = (row[name] for name in ("mean_bps", "low_bps", "high_bps"))
    assert isinstance(mean, float)
    if not isinstance(low, float) or not isinstance(high, float):
        return mean, mean, mean
    return low, mean, high
