"""A safety sheet as one HTML page: no network, no script; whatever a config or a venue says is escaped.

Invariant: every text that is not of this file goes through `_said`. Numbers of the pictures are made here.
"""

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Final

import mm
from mm.observe.drill_words import line_text
from mm.observe.safety_sheet import (
    Case,
    Sheet,
    Track,
    account_ppm,
    at_text,
    cancelled_text,
    deeds_of,
    exposure_text,
    loss_text,
    money,
    setting_lines,
    share_text,
    summary_lines,
    verdict,
    warnings,
    worst_of,
    worth_text,
)

FRAME_FILE: Final = Path(mm.__file__).parent / "templates" / "safety_sheet.html"

SHOWN_MS: Final = 60_000
"""A strip shows so long after the incident began."""

WIDTH, HEIGHT, FOOT, HEAD = 900, 86, 14, 12

STYLE: Final = {"passed": "passed", "failed": "failed", "not applicable": "aside"}


def page(sheet: Sheet) -> str:
    """Return the page."""
    body = "\n".join([*_top(sheet), *_overview(sheet), *(_section(sheet, case) for case in sheet.cases)])
    return Template(FRAME_FILE.read_text(encoding="utf-8")).substitute(body=body)


def _said(text: object) -> str:
    # Control characters have no place in a page, and move no cursor where its source is looked at.
    return escape("".join(sign if sign.isprintable() else "?" for sign in str(text)))


def _top(sheet: Sheet) -> Iterator[str]:
    first, *rest = summary_lines(sheet)
    style = "failed" if sheet.failed else "passed" if sheet.is_good and sheet.complete else "aside"
    yield f'<p class="head {style}">{_said(first)}</p>'
    yield f'<ul class="plain">{"".join(f"<li>{_said(line)}</li>" for line in rest)}</ul>'
    remarks = "".join(f'<li class="warning">{_said(line)}</li>' for line in warnings(sheet))
    if remarks:
        yield f'<ul class="plain">{remarks}</ul>'
    lines = "".join(f"<li>{_said(line)}</li>" for line in setting_lines(sheet.setting))
    yield f'<ul class="plain setting">{lines}</ul>'


def _overview(sheet: Sheet) -> Iterator[str]:
    titles = (
        "incident",
        "verdict",
        "worst exposure",
        "of limit",
        "of account",
        "all cancelled",
        "fills",
        "loss",
    )
    cells = "".join(f"<th{_numeric(index)}>{title}</th>" for index, title in enumerate(titles))
    yield f"<table><thead><tr>{cells}</tr></thead><tbody>"
    for case in sheet.cases:
        yield _row(sheet, case)
    yield "</tbody></table>"


def _numeric(index: int) -> str:
    return ' class="number"' if index >= 2 else ""


def _row(sheet: Sheet, case: Case) -> str:
    track, word = worst_of(case), verdict(case)
    link = f'<a href="#{_said(case.name)}">{_said(case.title)}</a>'
    cells = [link, f'<span class="{STYLE[word]}">{word}</span>']
    if track is None:
        cells += ["-"] * 6
    else:
        cells += [
            _said(exposure_text(track)),
            share_text(track.worst_ppm),
            share_text(account_ppm(sheet, track)),
            _said(cancelled_text(case)),
            str(case.fills),
            _said(loss_text(case)),
        ]
    row = "".join(f"<td{_numeric(index)}>{cell}</td>" for index, cell in enumerate(cells))
    return f"<tr>{row}</tr>"


def _section(sheet: Sheet, case: Case) -> str:
    word = verdict(case)
    parts = [
        f'<section id="{_said(case.name)}"><header><h2>{_said(case.title)}',
        f' <code class="soft">{_said(case.name)}</code></h2>',
        f'<span class="{STYLE[word]}">{word}</span></header>',
        f"<p>{_said(case.story)}</p>",
    ]
    if case.not_applicable:
        return "".join(
            [*parts, f'<p class="soft">Not applicable: {_said(case.not_applicable)}</p></section>']
        )
    parts += [f'<p class="violation">{_said(text)}</p>' for text in case.violations]
    deeds = "".join(
        f'<li class="w{line.weight}"><span class="number">{at_text(line.at_ms)}</span>'
        f"<span>{_said(line_text(line))}</span></li>"
        for line in deeds_of(case)
    )
    parts.append(f'<ol class="deeds">{deeds}</ol>')
    for track in case.tracks:
        parts += [_facts(sheet, case, track), strip(case, track)]
    return "".join([*parts, "</section>"])


def _facts(sheet: Sheet, case: Case, track: Track) -> str:
    one = track.instrument
    facts = (
        ("worst exposure", f"{exposure_text(track)}, worth {worth_text(track)}"),
        (
            "of its limit / the account",
            f"{share_text(track.worst_ppm)} / {share_text(account_ppm(sheet, track))}",
        ),
        ("largest order sent", f"{one.size_text(track.order_lots)} {one.base}"),
        ("all cancelled", cancelled_text(case)),
        ("loss at worst", f"{money(track.loss_atoms, one)} {one.quote}"),
        ("orders, fills, processes", f"{case.places}, {case.fills}, {case.lives}"),
    )
    told = "".join(f"<div><dt>{name}</dt><dd>{_said(text)}</dd></div>" for name, text in facts)
    return f'<p class="soft">session {_said(track.session)}, {_said(one.symbol)}</p><dl>{told}</dl>'


def strip(case: Case, track: Track) -> str:
    """Return the picture of a session's exposure against its limit, with what happened when."""
    moments = case.moments
    span_ms = moments.before_ms + SHOWN_MS
    slots = track.slots[: span_ms // moments.slot_ms]
    top = max((max(slot) for slot in slots), default=0) or 1

    def across(at_ms: int) -> float:
        return round(WIDTH * (at_ms + moments.before_ms) / span_ms, 1)

    def up(lots: int) -> float:
        return round(HEIGHT - FOOT - (HEIGHT - FOOT - HEAD) * lots / top, 1)

    base = HEIGHT - FOOT
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        f' aria-label="exposure of {_said(track.session)} against its limit">',
        f'<rect class="fault" x="{across(0)}" y="{HEAD}" width="{across(moments.healed_ms) - across(0):.1f}"'
        f' height="{base - HEAD}"/>',
        f'<line class="axis" x1="0" x2="{WIDTH}" y1="{base}" y2="{base}"/>',
    ]
    step = WIDTH * moments.slot_ms / span_ms
    area: list[str] = [f"M0 {base}"]
    limit: list[str] = []
    for (lots, bound), first, after in _even(slots):
        left, right = round(first * step, 1), round(after * step, 1)
        area.append(f"L{left} {up(lots)}H{right}")
        limit.append(f"{'L' if limit else 'M'}{left} {up(bound)}H{right}")
    if slots:
        area.append(f"L{round(len(slots) * step, 1)} {base}Z")
        parts += [f'<path class="area" d="{"".join(area)}"/>', f'<path class="limit" d="{"".join(limit)}"/>']
    marks = [(0, "fault"), (moments.healed_ms, "healed")]
    marks += [
        (at, name)
        for at, name in ((moments.halted_ms, "halt"), (moments.last_cancel_ms, "last cancel"))
        if at
    ]
    parts += _marks([(across(at), name) for at, name in marks if at <= SHOWN_MS])
    if slots:
        words = f"limit {track.instrument.size_text(slots[-1][1])} {track.instrument.base}"
        parts.append(
            f'<text x="{WIDTH - 2}" y="{up(slots[-1][1]) - 3}" text-anchor="end">{_said(words)}</text>'
        )
    return "".join([*parts, "</svg>"])


def _even(slots: Sequence[tuple[int, int]]) -> Iterator[tuple[tuple[int, int], int, int]]:
    # Spans that are alike as one: what they show, the first and the one after the last.
    first = 0
    for index, slot in enumerate(slots):
        if index + 1 == len(slots) or slots[index + 1] != slot:
            yield slot, first, index + 1
            first = index + 1


def _marks(marks: list[tuple[float, str]]) -> Iterator[str]:
    # Names that would lie over each other share a line: the second goes to the foot.
    taken: list[float] = []
    for left, name in sorted(marks):
        low = any(abs(left - other) < 70 for other in taken)
        taken.append(left)
        y = HEIGHT - 3 if low else HEAD - 3
        yield f'<line class="mark" x1="{left}" x2="{left}" y1="{HEAD}" y2="{HEIGHT - FOOT}"/>'
        yield f'<text x="{left + 2}" y="{y}">{name}</text>'
