"""The report of a study as one HTML page: no network, no script; whatever a file says is escaped.

First the verdict, then what chose and what judged, then pictures and tables. Invariant: every text that is
not of this file goes through `said`.
"""

from collections.abc import Iterator, Sequence
from string import Template
from typing import Final

from mm.bootstrap.tune.tuning import Tuned, differences
from mm.observe.report_page import FRAME_FILE, said
from mm.observe.report_pictures import short
from mm.observe.report_plot import Axes, Dots, Line, plot
from mm.runtime.tune.judgement import Verdict
from mm.runtime.tune.score import Objective
from mm.runtime.tune.sensitivity import Sensitivity

ROWS_MAX: Final = 20
"""Trials that are listed, best first."""

TITLES: Final = {
    Verdict.HOLDS: "It holds on this data",
    Verdict.LUCK: "Not distinguishable from luck",
    Verdict.LOSES: "Doing nothing is better",
    Verdict.UNKNOWN: "Too little to say",
}


def page(found: Tuned) -> str:
    """Return the page."""
    parts = [*_head(found), *_best(found), *_samples(found), *_luck(found), *_parameters(found)]
    body = "\n".join([*parts, *_trials(found), *_how(found)])
    frame = Template(FRAME_FILE.read_text(encoding="utf-8"))
    return frame.substitute(title=said(f"mm tune {found.place.name}"), body=body)


def _head(found: Tuned) -> Iterator[str]:
    pair = found.settings.pair[found.pair]
    yield f"<h1>mm tune: {said(found.place.name)}</h1>"
    yield (
        f'<p class="soft">session {said(found.pair)}: {said(pair.symbol)}, {said(pair.strategy)};'
        f" {found.trials} of {found.order.trials} trials, {found.refused} of them refused by the config</p>"
    )
    verdict = found.judgement.verdict
    style = "box" if verdict is Verdict.HOLDS else "box bad"
    reasons = "".join(f"<p>{said(reason)}</p>" for reason in found.judgement.reasons)
    yield f'<div class="{style}"><p><b>{TITLES[verdict]}.</b></p>{reasons}</div>'
    if not found.complete:
        yield '<div class="box"><p>Partial: the search was broken off; the same command goes on.</p></div>'
    made = found.tried[found.best].outcomes.rows[0][0].made
    yield f'<div class="box"><p>How fills were made: {said(made)}. {_worlds(found)}</p></div>'


def _worlds(found: Tuned) -> str:
    if len(found.worlds) == 1:
        return ""
    names = "; ".join(
        f"{said(queue or 'queue of the config')}, {said(latency or 'latency of the config')}"
        for queue, latency in found.worlds
    )
    return f"The worst of {len(found.worlds)} worlds counts: {names}."


def _best(found: Tuned) -> Iterator[str]:
    best, judgement = found.tried[found.best], found.judgement
    quote = said(found.settings.pair[found.pair].symbol.partition("/")[2])
    cards = [
        (f"in sample, {quote} a day", _signed(judgement.train), "certainty equivalent"),
        (f"out of sample, {quote} a day", _signed(judgement.test), "certainty equivalent"),
        ("better than luck", _share(judgement.deflated), "deflated Sharpe ratio"),
        (
            "choices that failed",
            said(judgement.overfitting_words),
            "probability of overfitting",
        ),
        ("fills", str(judgement.train_fills + judgement.test_fills), "of the best, all windows"),
        ("trials", str(found.trials), ""),
    ]
    boxes = "".join(
        f"<div><dt>{name}</dt><dd>{value} <small>{beside}</small></dd></div>" for name, value, beside in cards
    )
    yield f'<dl class="cards">{boxes}</dl>'
    yield f"<h2>The best: trial {best.number}</h2>"
    changed = {one.key: one.old for one in differences(found)}
    lines = ["<tr><th>key</th><th>config</th><th>best</th></tr>"]
    for key, text in best.point.items():
        value = text.strip('"')
        lines.append(_row(f"<code>{said(key)}</code>", said(changed.get(key, value)), said(value)))
    yield _table(lines)


def _samples(found: Tuned) -> Iterator[str]:
    judgement = found.judgement
    yield "<h2>In sample and out of sample</h2>"
    dots = [
        (
            one.outcomes.value(Objective.CERTAINTY, found.train),
            one.outcomes.value(Objective.CERTAINTY, found.test),
            f"trial {one.number}",
        )
        for one in found.tried
    ]
    known = [dot for dot in dots if min(dot[0], dot[1]) > -1e17]
    best = dots[found.best]
    if known:
        yield '<p class="soft">Each trial: in sample to the right, out of sample upwards.</p>'
        yield plot(
            [
                Dots(name="trials", style="c6", points=known),
                Dots(name="the best", style="c5", points=[best]),
            ],
            _axes([dot[0] for dot in known], "certainty equivalent of a day out of sample by that in sample"),
        )
    lines = [
        "<tr><th>walking forward</th><th>chosen</th><th>in sample</th><th>after</th><th>median</th></tr>"
    ]
    for step in judgement.walk:
        cells = (_signed(step.train), _signed(step.test), _signed(step.median))
        lines.append(_row(f"split {step.split + 1}", f"trial {step.chosen}", *cells))
    lines.append(_row("mean", "", "", _signed(judgement.walk_test), "", style="total"))
    yield _table(lines)
    yield (
        '<p class="soft">In each split the trial is chosen that was best on all training windows up to then,'
        " and judged on the test window that follows. Median: of all trials there. Which points were tried at"
        " all was led by all training windows, later ones too.</p>"
    )


def _luck(found: Tuned) -> Iterator[str]:
    judgement = found.judgement
    yield "<h2>Worth or luck</h2>"
    rows = (
        ("Sharpe ratio of a minute, in sample", _plain(judgement.sharpe)),
        (f"what the best of {found.trials} worthless trials would show", _plain(judgement.luck_sharpe)),
        ("deflated Sharpe ratio: probability of being better than that", _share(judgement.deflated)),
        ("probability of a Sharpe ratio above 0 out of sample", _share(judgement.test_probability)),
        ("probability of overfitting", said(judgement.overfitting_words)),
        ("correlation of the trials' order, in and out of sample", _plain(judgement.ranks)),
        ("the best one's place out of sample, 100 %: first", _share(judgement.test_rank)),
        ("mean of its neighbours in sample, a day", _signed(judgement.neighbours)),
    )
    yield _table([_row(name, value) for name, value in rows])
    yield (
        '<p class="soft">Bailey, Lopez de Prado: The Deflated Sharpe Ratio (2014); Bailey, Borwein, Lopez de'
        " Prado, Zhu: The Probability of Backtest Overfitting (2017), by combinatorially symmetric"
        " cross-validation over the windows.</p>"
    )


def _parameters(found: Tuned) -> Iterator[str]:
    yield "<h2>What each parameter does</h2>"
    objective = found.order.objectives[0]
    yield (
        f'<p class="soft">{said(objective.value)} in sample ({objective.unit}) by the value of one parameter,'
        " from trials near the best one in all others. Importance: how much it decides about being among the"
        " best tenth (PED-ANOVA), in parts of 1.</p>"
    )
    for one in found.sensitivities:
        importance = "" if one.importance is None else f", importance {one.importance:.2f}"
        yield f"<h3><code>{said(one.key)}</code>: {said(one.best.strip(chr(34)))}{importance}</h3>"
        yield _parameter(one)


def _parameter(one: Sensitivity) -> str:
    points = [(group.place, group.score) for group in one.groups if group.score is not None]
    ticks = [(group.place, group.low.strip('"')) for group in one.groups]
    axes = Axes(x_low=0.0, x_high=1.0, x_ticks=ticks, y_text=short, label=f"score by {one.key}")
    dots = [
        (group.place, group.score, f"{_span(group.low, group.high)}: {group.trials} trials")
        for group in one.groups
        if group.score is not None
    ]
    drawn = plot([Line(name="", style="c1", points=points), Dots(name="", style="c1", points=dots)], axes)
    counts = ", ".join(str(group.trials) for group in one.groups)
    return f'{drawn}<p class="soft">trials: {counts}</p>'


def _span(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"


def _trials(found: Tuned) -> Iterator[str]:
    objectives = list(dict.fromkeys((*found.order.objectives, Objective.CERTAINTY)))
    front = len(found.order.objectives) > 1
    first = objectives[0]
    sign = -1.0 if first.is_maximised else 1.0
    chosen = [one for one in found.tried if not front or one.number in found.front]
    ordered = sorted(chosen, key=lambda one: (sign * one.outcomes.value(first, found.train), one.number))
    title = "No other trial is better in everything" if front else "The best trials"
    yield f"<h2>{title}</h2>"
    heads = "".join(f"<th>{said(one.value)}, {one.unit}</th><th>out of sample</th>" for one in objectives)
    lines = [f"<tr><th>trial</th>{heads}<th>tried</th></tr>"]
    for one in ordered[:ROWS_MAX]:
        cells = []
        for objective in objectives:
            cells.append(_plain(one.outcomes.value(objective, found.train)))
            cells.append(_plain(one.outcomes.value(objective, found.test)))
        tried = ", ".join(f"{key.rpartition('.')[2]} {text}" for key, text in one.point.items())
        lines.append(
            f"<tr><td>{one.number}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}"
            f'<td class="wide soft">{said(tried)}</td></tr>'
        )
    yield _table(lines)


def _how(found: Tuned) -> Iterator[str]:
    order = found.order
    yield "<h2>How</h2>"
    train = sum(found.windows[at].seconds for at in found.train)
    test = sum(found.windows[at].seconds for at in found.test)
    rows = (
        ("study", f"{said(found.place.name)} in <code>{said(found.place.shown)}</code>"),
        ("data", said(", ".join(path.name for path in order.data))),
        (
            "windows",
            f"{len(found.test)} splits: {train / 60:.1f} min to choose by, {test / 60:.1f} to judge",
        ),
        ("gap between two windows", f"{order.cut.embargo_ns / 1e9:g} s"),
        ("seed of the search, trials under way", f"{order.seed}, {order.lag}"),
        ("aversion per unit of the quote asset", f"{order.aversion:g}"),
    )
    yield _table([_row(name, value) for name, value in rows])


def _axes(places: Sequence[float], label: str) -> Axes:
    low, high = min(places), max(places)
    pad = 0.04 * (high - low) or 1e-9
    ticks = [
        (low + part * (high - low) / 4, short(round(low + part * (high - low) / 4, 4))) for part in range(5)
    ]
    return Axes(
        x_low=low - pad,
        x_high=high + pad,
        x_ticks=ticks if high > low else [(low, short(low))],
        y_text=short,
        label=label,
        zero=True,
    )


def _table(lines: Sequence[str]) -> str:
    return f'<div class="scroll"><table>{"".join(lines)}</table></div>'


def _row(*cells: str, style: str = "") -> str:
    return f'<tr class="{style}">{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _plain(value: float | None) -> str:
    return "-" if value is None or abs(value) > 1e17 else f"{value:,.4g}".replace("-", "&minus;")


def _signed(value: float | None) -> str:
    if value is None or abs(value) > 1e17:
        return "-"
    style = "good" if value > 0 else "bad" if value < 0 else "soft"
    return f'<span class="{style}">{f"{value:+,.4g}".replace("-", "&minus;")}</span>'


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"
