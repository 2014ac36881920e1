"""A run's report as one HTML page: no network, no script; whatever a config or a venue says is escaped.

First the words, then how fills were made and whether the sample means anything, then tables and pictures.
Invariant: every text that is not of this file goes through `said`.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from html import escape
from pathlib import Path
from string import Template
from typing import Final

import mm
from mm.domain.units import NS_PER_S
from mm.observe.reason_words import reason_text
from mm.observe.report_figures import Figures
from mm.observe.report_pictures import pictures
from mm.observe.report_story import (
    REPLAY_NOTE,
    SessionStory,
    Story,
    clock,
    lasted,
    made_text,
    money,
    percent,
    sample_text,
    summary,
    warnings,
    worst_commands,
)

FRAME_FILE: Final = Path(mm.__file__).parent / "templates" / "report.html"

OPENING: Final = "<!doctype html>"
"""How each page begins."""

KINDS: Final = (
    ("by_side", "side"),
    ("by_level", "level of the ladder"),
    ("by_age", "age of the quote"),
    ("by_queue", "queue when it joined"),
)
TABLE_HORIZONS_S: Final = (0.0, 1.0, 5.0, 60.0)


def page(story: Story) -> str:
    """Return the page."""
    body = "\n".join([*_head(story), *(part for one in story.sessions for part in _session(story, one))])
    frame = Template(FRAME_FILE.read_text(encoding="utf-8"))
    return frame.substitute(title=said(f"mm report {story.run_id}"), body=body)


def said(text: object) -> str:
    """Return a text as it may stand in a page."""
    return escape("".join(sign if sign.isprintable() else "?" for sign in str(text)))


def _head(story: Story) -> Iterator[str]:
    began = datetime.fromtimestamp(story.began_ns // NS_PER_S, UTC)
    yield f"<h1>mm report: {said(story.run_id)}</h1>"
    yield (
        f'<p class="soft">{said(story.mode)} mode, {began:%Y-%m-%d %H:%M:%S} to {clock(story.ended_ns)} UTC'
        f" ({lasted((story.ended_ns - story.began_ns) / NS_PER_S)}), mm {said(story.code_version)},"
        f" config <code>{said(story.config_digest[:12])}</code>. All times are UTC.</p>"
    )
    told = "".join(f"<p>{said(line)}</p>" for line in warnings(story))
    if told:
        yield f'<div class="box bad">{told}</div>'
    notes = "".join(f"<p>{said(line)}</p>" for line in (made_text(story.made), *story.notes))
    yield f'<div class="box">{notes}</div>'


def _session(story: Story, session: SessionStory) -> Iterator[str]:
    told = session.figures
    yield (
        f"<h2>{said(session.name)}: {said(told['symbol'])}"
        f' <span class="soft">{said(session.strategy)}</span></h2>'
    )
    yield f'<div class="words">{"".join(f"<p>{said(line)}</p>" for line in summary(session))}</div>'
    yield f'<div class="box"><p>{said(sample_text(told))}</p></div>'
    yield _cards(told)
    drawn = pictures(session)
    yield from _part("Profit and loss", _pnl(told), drawn.equity)
    yield from _part("Market and fills", "", drawn.market)
    yield from _part("Inventory", _inventory(told), drawn.inventory)
    if session.analytics.identity.fills:
        yield from _part("What the mid did after the fills", MARKOUT_WORDS, drawn.markouts)
        yield from _part("Fills by kind", _kinds(told), "")
    yield from _part("Presence", _presence(told), "")
    yield from _part("Messages", _messages(told), "")
    yield from _part("Return and risk", _performance(story, told), "")


MARKOUT_WORDS: Final = (
    '<p class="soft">Markout: how far the mid was beyond the price of a fill, for the side that we were on;'
    " above 0 the fill was worth something, before its fee. The first point is the half-spread captured, the"
    " fall after it is what being chosen cost. Bars are 95 % intervals; fills of one second count as one.</p>"
)


def _part(title: str, before: str, after: str) -> Iterator[str]:
    yield f"<h3>{title}</h3>{before}{after}"


def _cards(told: Figures) -> str:
    pnl, edge, presence = _table(told, "pnl"), _table(told, "edge"), _table(told, "presence")
    quote = said(told["quote"])
    cards = [
        (f"net P&amp;L, {quote}", _signed(pnl["net_quote"]), ""),
        ("of what was traded", _bps(edge["pnl_bps"]), "bps"),
        (f"a fill after {edge['horizon_s']:g} s and its fee", _bps(edge["mean_bps"]), _within(edge)),
        ("fills", said(pnl["fills"]), f"worth {money(Decimal(str(pnl['turnover_quote'])))}"),
        ("both sides quoted", percent(presence["both_ratio"]), "of the time"),
        ("unexplained", "nothing" if pnl["residue_is_zero"] else '<span class="bad">SOMETHING</span>', ""),
    ]
    boxes = "".join(
        f"<div><dt>{name}</dt><dd>{value} <small>{beside}</small></dd></div>" for name, value, beside in cards
    )
    return f'<dl class="cards">{boxes}</dl>'


def _within(edge: Figures) -> str:
    if edge["low_bps"] is None:
        return "bps"
    return f"bps, 95 % {_bps(edge['low_bps'])} to {_bps(edge['high_bps'])}"


def _pnl(told: Figures) -> str:
    pnl = _table(told, "pnl")
    rows = pnl["horizons"]
    assert isinstance(rows, list)
    names = [f"{row['horizon_s']:g} s" for row in rows]
    spread = _signed(pnl["spread_quote"])
    lines = [_row("thin", f"in {said(told['quote'])}, by horizon", *names)]
    lines.append(_row("", "spread captured at fills", *[spread] * len(rows)))
    lines.append(
        _row("", "adverse selection within the horizon", *[_signed(_minus(r["adverse_quote"])) for r in rows])
    )
    lines.append(_row("", "inventory carried beyond it", *[_signed(r["carry_quote"]) for r in rows]))
    others = (
        ("left by an earlier life, revalued", "left_quote"),
        ("fees", "fees_quote"),
        ("rebates", "rebates_quote"),
        ("fees held in the base asset, revalued", "fee_drift_quote"),
        ("funding", "funding_quote"),
        ("rounding of these lines", "rounding_quote"),
    )
    for name, key in others:
        if Decimal(str(pnl[key])):
            lines.append(_row("", name, *[_signed(pnl[key])] * len(rows)))
    lines.append(_row("total", "net P&amp;L", *[_signed(pnl["net_quote"])] * len(rows)))
    note = (
        "Exact at every horizon: nothing is unexplained."
        if pnl["residue_is_zero"]
        else f"UNEXPLAINED: {said(pnl['residues'])}"
    )
    return f'<div class="scroll"><table>{"".join(lines)}</table></div><p class="soft">{note}</p>'


def _kinds(told: Figures) -> str:
    curves = _table(told, "markouts")
    every = curves["every"]
    assert isinstance(every, list)
    places = [at for at, row in enumerate(every) if row["horizon_s"] in TABLE_HORIZONS_S]
    heads = [
        "at the fill" if not every[at]["horizon_s"] else f"{every[at]['horizon_s']:g} s" for at in places
    ]
    lines = [
        "<tr><th>markout in bps &plusmn; standard error</th><th>fills</th>"
        + "".join(f"<th>{head}</th>" for head in heads)
        + "</tr>",
        _kind_row("all", every, places),
        _kind_row("all, weighted by value", every, places, weighted="money_"),
    ]
    for key, title in KINDS:
        kinds = _table(curves, key)
        lines.append(_row("group", title, "", *[""] * len(places)))
        lines += [_kind_row(name, curve, places) for name, curve in kinds.items() if isinstance(curve, list)]
    return f'<div class="scroll"><table>{"".join(lines)}</table></div>'


def _kind_row(name: str, curve: list[Figures], places: Sequence[int], weighted: str = "") -> str:
    cells = []
    for at in places:
        mean, error = curve[at][f"{weighted}mean_bps"], curve[at][f"{weighted}error_bps"]
        beside = "" if error is None else f"&plusmn; {_plain(error)}"
        if curve[at]["fills"] != curve[0]["fills"]:
            # Not all of them have come so far, or nobody saw the mid then.
            beside += f" ({curve[at]['fills']})"
        cells.append(f'{_bps(mean)} <span class="soft">{beside}</span>')
    return _row("", said(name), str(curve[0]["fills"]), *cells)


def _inventory(told: Figures) -> str:
    held, base = _table(told, "inventory"), said(told["base"])
    back = held["half_life_s"]
    rows = (
        (f"standard deviation, {base}", _plain(held["deviation_base"])),
        (f"mean of its size, {base}", _plain(held["mean_abs_base"])),
        (f"highest and lowest, {base}", f"{_plain(held['max_base'])} and {_plain(held['min_base'])}"),
        ("farthest, of its limit", percent(held["worst_of_limit_ratio"])),
        ("time at the limit", percent(held["at_limit_ratio"])),
        ("half-life", "-" if back is None else lasted(float(str(back)))),
    )
    return _pairs(rows)


def _presence(told: Figures) -> str:
    presence = _table(told, "presence")
    bands, programmes = presence["bands"], presence["programmes"]
    assert isinstance(bands, list)
    assert isinstance(programmes, list)
    meters = [
        ("bid", presence["bid_ratio"]),
        ("ask", presence["ask_ratio"]),
        ("both", presence["both_ratio"]),
    ]
    meters += [(f"both within {band['bps']} bps", band["both_ratio"]) for band in bands]
    drawn = "".join(
        f'<span>{name}</span><i><b style="width:{_width(ratio)}%"></b></i><span>{percent(ratio)}</span>'
        for name, ratio in meters
    )
    lines = ["<tr><th>programme</th><th>share</th><th>needed</th><th>rule</th></tr>"]
    for one in programmes:
        score = "" if one["score"] is None else f", score {_plain(one['score'])} a look"
        days = f", {one['days_qualified']} of {one['days']} days" if one["days"] else ""
        rule = f'<td class="wide soft">{said(one["rule"])} ({said(one["source"])}){score}{days}</td>'
        share, needed = _share(one["share_ratio"]), _share(one["needed_ratio"])
        lines.append(f"<tr><td>{said(one['name'])}</td><td>{share}</td><td>{needed}</td>{rule}</tr>")
    note = (
        f'<p class="soft">Programmes look every {presence["look_s"]:g} s ({presence["looks"]} looks); their'
        " rules change, these have the date they bear. Dollars are counted as the quote asset.</p>"
    )
    tables = f'<div class="scroll"><table>{"".join(lines)}</table></div>{note}{_absent(presence)}'
    return f'<div class="meter">{drawn}</div>{tables}'


def _absent(presence: Figures) -> str:
    rows = presence["absent"]
    assert isinstance(rows, list)
    if not rows:
        return ""
    lines = ["<tr><th>while a side was missing it said</th><th>share of the time</th><th>times</th></tr>"]
    lines += [
        f'<tr><td class="wide">{said(reason_text(row["reason"]))}</td><td>{percent(row["ratio"])}</td>'
        f"<td>{row['times']}</td></tr>"
        for row in rows
    ]
    return f'<div class="scroll"><table>{"".join(lines)}</table></div>'


def _messages(told: Figures) -> str:
    sent = _table(told, "messages")
    rows = (
        ("orders sent", str(sent["places"])),
        ("cancels", f"{sent['cancels']}, and {sent['cancels_excused']} for a disconnect or a halt"),
        ("messages per fill", _plain(sent["per_fill"])),
        ("filled of what was submitted", percent(sent["fill_ratio"])),
        ("fills per second that one quote stood", _plain(sent["fills_per_quote_s"])),
        ("order-to-trade ratio (RTS 9), number", _plain(sent["order_to_trade"])),
        ("order-to-trade ratio (RTS 9), volume", _plain(sent["volume_order_to_trade"])),
        ("own maker volume of the market's", _share(sent["market_share_ratio"])),
    )
    return _pairs(rows)


def _performance(story: Story, told: Figures) -> str:
    risk, quote = _table(told, "performance"), said(told["quote"])
    if risk["sharpe"] is None and risk["certain_quote_per_day"] is None:
        few = f"not told: {risk['intervals']} of {risk['intervals_needed']} minutes"
        sharpe = sortino = certain = few
    else:
        sharpe = f"{_plain(risk['sharpe'])} &plusmn; {_plain(risk['sharpe_error'])}"
        sortino, certain = _plain(risk["sortino"]), _plain(risk["certain_quote_per_day"])
    rows = (
        (f"Sharpe, a year of {risk['days_per_year']} days, {risk['interval_s']:g} s intervals", sharpe),
        ("Sortino, the same", sortino),
        (f"certainty equivalent of a day, {quote}, aversion {risk['aversion_per_quote']}", certain),
        (f"deepest fall from a peak, {quote}", money(Decimal(str(risk["max_drawdown_quote"])))),
        ("net P&amp;L over that", _plain(risk["return_over_drawdown"])),
    )
    return _pairs(rows) + _worst(story, told, risk["worst"])


def _worst(story: Story, told: Figures, worst: object) -> str:
    if not isinstance(worst, dict):
        return '<p class="soft">Shorter than a minute: there is no worst time to tell.</p>'
    quote = said(told["quote"])
    commands = "".join(f"<p><code>{said(one)}</code></p>" for one in worst_commands(story, told))
    if story.again:
        commands += f'<p class="soft">mm backtest {said(REPLAY_NOTE)}.</p>'
    began, ended = worst["begun_ms"] * 1_000_000, worst["ended_ms"] * 1_000_000
    parts = ", ".join(
        f"{name} {_signed(worst[key])}"
        for name, key in (("spread", "spread_quote"), ("inventory", "inventory_quote"))
    )
    return (
        f"<p>Worst {lasted((ended - began) / NS_PER_S)} in a row, from {clock(began)} to {clock(ended)}:"
        f" {_signed(worst['net_quote'])} {quote} ({parts}, costs {_signed(_minus(worst['costs_quote']))})"
        f" on {worst['fills']} fills, inventory {said(worst['inventory_base'])} {said(told['base'])} then."
        f"</p>{commands}"
    )


def _row(style: str, *cells: str) -> str:
    return f'<tr class="{style}">{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _pairs(rows: Sequence[tuple[str, str]]) -> str:
    return (
        f'<div class="scroll"><table>{"".join(_row("", name, value) for name, value in rows)}</table></div>'
    )


def _table(told: Figures, name: str) -> Figures:
    value = told[name]
    assert isinstance(value, dict)
    return value


def _minus(text: object) -> str:
    return str(-Decimal(str(text)))


def _signed(text: object) -> str:
    value = Decimal(str(text))
    style = "good" if value > 0 else "bad" if value < 0 else "soft"
    sign = "+" if value > 0 else "&minus;" if value < 0 else ""
    return f'<span class="{style}">{sign}{money(abs(value))}</span>'


def _bps(value: object) -> str:
    return "-" if not isinstance(value, int | float) else f"{value:+.2f}".replace("-", "&minus;")


def _plain(value: object) -> str:
    return "-" if not isinstance(value, int | float) else f"{value:,.4g}".replace("-", "&minus;")


def _width(value: object) -> str:
    return f"{100 * value:.1f}" if isinstance(value, int | float) else "0"


def _share(value: object) -> str:
    return "-" if not isinstance(value, int | float) else f"{100 * value:.3g} %"
