"""The page of a report: readable alone, safe whatever a name holds, honest in its words."""

import re
from collections.abc import Callable
from dataclasses import replace
from decimal import ROUND_UP, Decimal, localcontext
from html.parser import HTMLParser
from random import Random

import pytest

from mm.analytics.flows import Flows
from mm.analytics.horizons import Fill
from mm.analytics.session import Analytics
from mm.domain.sides import Side
from mm.observe.report_figures import figures
from mm.observe.report_page import OPENING, page
from mm.observe.report_story import (
    Made,
    SessionStory,
    Story,
    lasted,
    made_text,
    money,
    percent,
    sample_text,
    story_fields,
    summary,
    warnings,
)
from mm.observe.report_tables import TABLES
from tests.builders.instruments import INSTRUMENT

S = 10**9
START = 1_700_000_000 * S


def session(
    fills: int, *, name: str = "main", edge: int = 4, minutes: int = 3, fee: int = 10
) -> SessionStory:
    """Return a session with so many fills, each `edge` ticks better than the mid."""
    dice, told = Random(5), Analytics(INSTRUMENT, START)
    kept: list[Fill] = []
    told.on_settled = kept.append
    mid, ts = 20_000, START
    told.on_quotes(START, [(9_990, 5)], [(10_010, 5)])
    for number in range(max(fills, 10)):
        ts = START + number * minutes * 60 * S // max(fills, 10)
        mid += dice.choice((-6, 0, 6))
        told.on_top(ts, mid, 4)
        if number < fills:
            side = dice.choice((Side.BUY, Side.SELL))
            fill = Fill(
                ts_ns=ts,
                side=side,
                price_ticks=mid // 2 - side.sign * edge,
                size_lots=5,
                mid_half_ticks=mid,
                level=number % 3,
                age_ns=number * S // 10,
                queue_atoms=number * 10**5,
            )
            told.on_fill(fill, "BBB", fee)
            told.on_inventory(ts, told.identity.net_lots, 60)
            told.turnover.place(10)
    told.settle(START + minutes * 60 * S)
    return SessionStory(
        name=name,
        strategy="glft",
        analytics=told,
        residues=told.residues(),
        fills=(*kept, *told.waiting.left()),
        fills_left_out=0,
    )


def story(*sessions: SessionStory, **changes: object) -> Story:
    """Return a report of sessions."""
    fields: dict[str, object] = {
        "run_id": "20231114T221320Z-000001",
        "mode": "demo",
        "made": Made(kind="demo", detail="preset demo, seed 7"),
        "code_version": "0.1",
        "config_digest": "ab" * 32,
        "began_ns": START,
        "ended_ns": START + 180 * S,
        "closed": True,
        "broke": "",
        "difference": "",
        "sessions": sessions,
        "account": Flows(),
        "account_residue": {},
        "why": "mm why /data/runs/20231114T221320Z-000001",
    }
    return Story(**(fields | changes))  # type: ignore[arg-type] # the caller names the fields


class Parsed(HTMLParser):
    """Checks that tags are closed in order. Fields: tags: seen; text: of the page; loose: what was not."""

    def __init__(self, made: str) -> None:
        """Read a page."""
        super().__init__()
        self.tags: list[str] = []
        self.text: list[str] = []
        self.loose: list[str] = []
        self.links: list[str] = []
        self._open: list[str] = []
        self.feed(made)
        self.loose += self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")]
        if tag not in ("meta", "path"):
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag that closes itself."""
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close a tag."""
        if tag == "path":
            return
        if not self._open or self._open.pop() != tag:
            self.loose.append(tag)

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text.append(data)


@pytest.mark.parametrize("fills", [0, 1, 7, 400])
def test_a_page_stands_alone_and_is_whole(fills: int) -> None:
    """No script, nothing fetched, every tag closed; pictures only where there is something to draw."""
    made = page(story(session(fills), session(fills, name="second")))
    parsed = Parsed(made)
    assert made.startswith(OPENING)
    assert parsed.loose == []
    assert (parsed.links, "script" in parsed.tags) == ([], False)
    assert "http" not in made.replace("http-equiv", "")
    assert parsed.tags.count("svg") == (8 if fills else 6)
    assert re.search(r"\b(nan|inf)\b", made) is None
    text = " ".join(parsed.text)
    assert "Fills were made by simulated traders" in text
    assert ("Fills by kind" in text) is (fills > 0)


def test_names_cannot_bring_markup_in() -> None:
    """A session, a strategy, an error: all are texts."""
    evil = "<script>alert(1)</script>\x1b[2J"
    bad = replace(session(3, name=evil), strategy=evil)
    made = page(story(bad, run_id=evil, broke=evil, code_version=evil, mode=evil))
    assert "<script" not in made
    assert "\x1b" not in made
    assert Parsed(made).loose == []


def test_the_sample_says_what_it_is_worth() -> None:
    """None, too few, not distinguishable from nothing, evidence; all fills in one second are one."""
    few, many, none = session(50), session(400), session(0)
    assert "nothing can be said" in sample_text(none.figures)
    assert "too few to mean anything" in sample_text(few.figures)
    assert "is not chance" in sample_text(many.figures)
    flat = session(400, edge=0, fee=0)
    assert "cannot be told from nothing" in sample_text(flat.figures)
    told = Analytics(INSTRUMENT, START)
    told.on_top(START, 20_000, 4)
    for _ in range(300):
        fill = Fill(ts_ns=START, side=Side.BUY, price_ticks=9_990, size_lots=1, mid_half_ticks=20_000)
        told.on_fill(fill, "BBB", 0)
    told.settle(START + 5 * S)
    assert "are one observation" in sample_text(figures("one", told, {}))


def test_the_summary_tells_where_the_money_came_from() -> None:
    """Earned or lost, by what, and how near to the limit; without a fill that there was none."""
    earned, lost = " ".join(summary(session(60))), " ".join(summary(session(60, edge=-3)))
    assert "It earned" in earned
    assert "of spread" in earned
    assert "fees cost" in earned
    assert "It lost" in lost
    assert "of its limit" in lost
    assert "rebates brought" in " ".join(summary(session(60, fee=-10)))
    assert "there were no fees" in " ".join(summary(session(60, fee=0)))
    assert "No fill in" in " ".join(summary(session(0)))
    for atoms, words in (
        (5 * 10**8, ", and funding brought 5.00."),
        (-5 * 10**8, ", and funding cost 5.00."),
    ):
        funded = session(60)
        funded.analytics.on_funding(funded.analytics.now_ns, atoms)
        assert words in " ".join(summary(funded))


def test_what_was_said_while_a_side_was_missing_is_told_with_its_share() -> None:
    """The longest first, codes in words, nothing below a tenth of a percent; no markup from a strategy."""
    told = Analytics(INSTRUMENT, START)
    now_ns = START
    for seconds, reason in (
        (30, "starting"),
        (60, "book_health.crossed"),
        (9, "<b>loud</b>"),
        (0.05, "blink"),
    ):
        told.on_reason(now_ns, reason)
        now_ns += int(seconds * S)
    told.on_reason(now_ns, "quoting")
    told.on_quotes(now_ns, [(9_990, 5)], [(10_010, 5)])
    told.settle(now_ns + 1 * S)
    one = replace(session(0), analytics=told, residues={})
    assert "it said: book health, crossed (60.0 %); starting (30.0 %); <b>loud</b> (9.0 %)." in " ".join(
        summary(one)
    )
    made = page(story(one))
    assert "while a side was missing it said" in made
    assert "&lt;b&gt;loud" in made
    assert Parsed(made).loose == []
    assert "it said" not in " ".join(summary(session(0)))


def test_what_a_reader_has_to_know_first_is_told_first() -> None:
    """Residues, a record that could not be repeated, errors, a torn end, money that others moved."""
    flows = Flows()
    flows.open({})
    flows.move("BBB", 5)
    bad = replace(session(3), residues={"cash_half": 1}, fills_left_out=9)
    told = story(
        bad,
        difference="record 7: Place",
        broke="ArithmeticError: x",
        closed=False,
        account=flows,
        account_residue={"BBB": -5},
    )
    said = " ".join(warnings(told))
    for words in (
        "does not add up",
        "could not be repeated",
        "ended in an error",
        "not closed",
        "Somebody else",
    ):
        assert words in said
    assert "9 fills are in the means" in said
    assert told.unexplained == 2
    assert 'class="box bad"' in page(told)
    assert "UNEXPLAINED" in page(told)
    assert story_fields(told)["unexplained"] == 2
    assert list(warnings(story(session(3)))) == []


def test_how_fills_were_made_is_said_for_every_mode() -> None:
    """On paper whether the market was real; live at which venue."""
    assert "real market data" in made_text(Made(kind="paper", detail="queue model log"))
    assert "served from this machine" in made_text(Made(kind="paper", detail="", local=True))
    assert "binance" in made_text(Made(kind="live", detail="binance"))
    assert "on this machine" in made_text(Made(kind="live", detail="binance", local=True))


@pytest.mark.parametrize(
    ("call", "given", "said"),
    [
        (lasted, 3.0, "3.0 s"),
        (lasted, 61.0, "61 s"),
        (lasted, 600.0, "10 min"),
        (lasted, 10_000.0, "2.8 h"),
        (lasted, 400_000.0, "4.6 days"),
        (percent, None, "-"),
        (percent, 0.5, "50.0 %"),
    ],
)
def test_numbers_are_told_for_people(call: Callable[[object], str], given: object, said: str) -> None:
    """No more digits than they mean."""
    assert call(given) == said


def test_money_has_as_many_digits_as_it_needs() -> None:
    """Two for what is large, enough for what is small."""
    amounts = ("0", "1234.567", "0.12345", "0.00012345")
    wanted = ["0.00", "1,234.57", "0.1234", "0.00012"]
    assert [money(Decimal(text)) for text in amounts] == wanted
    with localcontext(rounding=ROUND_UP):
        assert [money(Decimal(text)) for text in amounts] == wanted


def test_tables_have_a_value_for_each_column() -> None:
    """Of every session; what is unknown is empty."""
    told = story(session(40), session(0, name="idle"))
    for name, table in TABLES.items():
        rows = list(table.rows(told))
        assert rows, name
        assert {len(row) for row in rows} == {len(table.columns)}
    fills = list(TABLES["fills"].rows(told))
    assert len(fills) == 40
    assert None in fills[-1]
    times = [dict(zip(TABLES["fills"].columns, row, strict=True)) for row in fills]
    assert [row["ts_ns"] for row in times] == [fill.ts_ns for one in told.sessions for fill in one.fills]
    assert all(row["ts_ms"] == int(str(row["ts_ns"])) // 10**6 for row in times)


def test_figures_without_anything_are_null_not_zero() -> None:
    """A run that has just begun."""
    told = figures("new", Analytics(INSTRUMENT, START), {})
    edge, held = told["edge"], told["inventory"]
    assert isinstance(edge, dict)
    assert isinstance(held, dict)
    assert (edge["pnl_bps"], edge["mean_bps"], edge["is_meaningful"]) == (None, None, False)
    assert held["half_life_s"] is None
    short = Analytics(INSTRUMENT, START, horizons_ns=(2 * S,))
    assert figures("new", short, {})["edge"]["horizon_s"] == 0.0  # type: ignore[index] # it is a table


def test_a_long_run_tells_its_ratios() -> None:
    """From half an hour on; before that how much is missing."""
    long, short = page(story(session(400, minutes=45))), page(story(session(40)))
    assert "not told: 2 of 30 minutes" in short
    assert "not told" not in long
    assert re.search(r"mm why /data/runs/20231114T221320Z-000001 --at 2023-11-14T22:\d\d:\d\d", long)
