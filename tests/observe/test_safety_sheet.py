"""The safety sheet: what is told of a drill, in words, as fields and as a page that stands by itself."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import msgspec

from mm.observe.drill_words import PHRASES, Deed, line_text, lines_of
from mm.observe.report_log import CRITICAL, DEBUG, INFO, WARNING
from mm.observe.safety_page import page
from mm.observe.safety_sheet import (
    Case,
    Market,
    Moments,
    Setting,
    Sheet,
    Track,
    cancelled_ms,
    cancelled_text,
    deeds_of,
    setting_lines,
    sheet_fields,
    summary_lines,
    verdict,
)
from tests.builders.views import an_instrument

ONE = an_instrument()
HOSTILE = "<script>alert(1)</script>\"'&\x1b[2J"


def a_track(**changes: object) -> Track:
    """Return a session that used half of its limit."""
    fields: dict[str, object] = {
        "session": "btc",
        "instrument": ONE,
        "worst_lots": 25,
        "worst_ppm": 500_000,
        "worst_quote_atoms": 25 * 10**8,
        "loss_atoms": 10**8,
        "order_lots": 5,
        "order_quote_atoms": 5 * 10**8,
        "slots": ((0, 50), (10, 50), (10, 50), (25, 50)),
    }
    return Track(**(fields | changes))  # type: ignore[arg-type]  # whoever changes fields knows their types


def a_case(**changes: object) -> Case:
    """Return an incident in which the bot was halted after a second."""
    moments = Moments(
        before_ms=1_000,
        slot_ms=500,
        healed_ms=5_000,
        counted_ms=35_000,
        stopped_ms=60_000,
        halted_ms=1_000,
        halt_gone_ms=1_080,
        stop_gone_ms=60_020,
        last_cancel_ms=1_040,
    )
    fields: dict[str, object] = {
        "name": "an_incident",
        "title": "An incident",
        "story": "It cost somebody money (2012).",
        "moments": moments,
        "deeds": (Deed(at_ms=1_000, code="halt", session="", facts=(("reason", "fenced"),)),),
        "tracks": (a_track(),),
        "places": 7,
        "fills": 3,
    }
    return Case(**(fields | changes))  # type: ignore[arg-type]  # whoever changes fields knows their types


def a_sheet(*cases: Case, config: str = "mm.toml", complete: bool = True) -> Sheet:
    """Return a sheet of these."""
    market = Market(
        instrument=ONE,
        home_ticks=1_000,
        depth_lots=50,
        roam_bps=100,
        moves_bps_s=3.5,
        equity_atoms=10**11,
        grid_from="a default: no venue was asked",
        price_from="as --price says",
    )
    setting = Setting(
        config=config,
        mode="demo",
        strategies={"btc": "pure_market_making"},
        markets=(market,),
        holdings={ONE.base: "1", ONE.quote: "60000"},
        holdings_from="the start balances of [demo]",
        limits=(("btc", ONE, 50),),
        seed=1,
    )
    return Sheet(setting=setting, cases=cases, complete=complete)


def test_a_sheet_is_good_if_all_that_was_played_passed() -> None:
    """One that failed spoils it, one that was not applicable does not, none at all is not enough."""
    aside = a_case(not_applicable="it takes 2 sessions, the config has 1", tracks=())
    failed = a_case(violations=("I1: session 0: 60 held, limit 50",))

    assert a_sheet(a_case(), aside).is_good
    assert not a_sheet(a_case(), failed).is_good
    assert not a_sheet(aside).is_good
    assert not a_sheet().is_good
    assert [verdict(case) for case in (a_case(), aside, failed)] == ["passed", "not applicable", "failed"]
    assert not aside.passed
    assert summary_lines(a_sheet(a_case(), aside, failed))[0] == "1 of 2 passed, 1 not applicable"
    assert "broken off" in summary_lines(a_sheet(a_case(), complete=False))[0]


def test_the_fields_hold_what_was_risked() -> None:
    """Exposure in the base asset, as a share of the limit and of the account; times; loss."""
    (case,) = msgspec.convert(sheet_fields(a_sheet(a_case()))["cases"], list[dict[str, Any]])

    (session,) = case["sessions"]
    assert case["verdict"] == "passed"
    assert case["all_cancelled_ms"] == 80
    assert (case["orders"], case["fills"]) == (7, 3)
    assert session["worst_exposure_base"] == ONE.size_text(25)
    assert session["worst_exposure_ratio"] == 0.5
    assert session["worst_account_ratio"] == 0.025
    assert session["loss_quote"] == ONE.quote_text(10**8)


def test_the_time_to_all_cancelled_is_that_of_the_halt_or_else_of_the_stop() -> None:
    """And it is said where it never came."""
    moments = Moments(before_ms=0, slot_ms=500, healed_ms=0, stopped_ms=100, stop_gone_ms=1_600)
    stopped, never = a_case(moments=moments), a_case(moments=Moments(before_ms=0, slot_ms=1, healed_ms=0))
    stuck = a_case(moments=Moments(before_ms=0, slot_ms=1, healed_ms=0, halted_ms=5))

    assert cancelled_text(a_case()) == "80 ms after the halt"
    assert (cancelled_text(stopped), cancelled_ms(stopped)) == ("1.5 s after the stop", 1_500)
    assert (cancelled_text(stuck), cancelled_ms(stuck)) == ("never after the halt", None)
    assert cancelled_text(never) == "-"
    assert "never after the halt" in summary_lines(a_sheet(a_case(), stuck))[-1]


def test_what_the_bot_did_is_told_in_order_each_thing_once() -> None:
    """With the moment at which nothing was left, and without what came after the incident."""
    facts = (("cid", "1"), ("cause", "timed out"))
    deeds = (
        *(Deed(at_ms=at, code="order.unknown", session="btc", facts=facts) for at in (3_000, 4_500)),
        Deed(at_ms=1_000, code="halt", session="", facts=(("reason", "fenced"),)),
        Deed(at_ms=36_000, code="halt", session="", facts=(("reason", "later"),)),
    )

    told = [(line.at_ms, line_text(line)) for line in deeds_of(a_case(deeds=deeds))]

    assert [at for at, _ in told] == [1_000, 1_080, 3_000, 5_000]
    assert told[0][1].startswith("halts: another process trades the account")
    assert told[1][1].endswith("the last cancel left at +1.0 s")
    assert told[2][1].endswith("(2 times, last at +4.5 s)")


def test_every_report_of_the_engine_has_words() -> None:
    """Those that tell nothing are known to; a new one is told with its facts."""
    from mm.observe.drill_words import QUIET

    assert set(CRITICAL + WARNING + INFO + DEBUG) == set(PHRASES) | QUIET
    (line,) = lines_of([Deed(at_ms=0, code="brand.new", session="", facts=(("a", "b"),))], [])
    assert line.text == "brand new: a b"
    facts = (("asset", ONE.base), ("atoms", "-8"), ("policy", "pause"))
    (moved,) = lines_of([Deed(at_ms=0, code="balance.external", session="", facts=facts)], [ONE])
    assert moved.text == f"{ONE.base} was moved by somebody else, by -0.00000008: policy pause"


def test_the_setting_says_what_market_it_was() -> None:
    """Price, how it moves, grid, fees, balances and where each is from."""
    told = " ".join(setting_lines(a_sheet().setting))

    for word in ("as --price says", "3.5 bps", "no venue was asked", "[demo]", "nothing here foretells"):
        assert word in told


def test_the_limit_on_bursts_of_fills_is_named_beside_that_of_the_inventory() -> None:
    """Where one is known."""
    setting = a_sheet().setting
    known = replace(setting, bursts={"btc": "600 fills or 2000 USDT one way"})

    assert "btc: inventory limit 0.005 BTC" in setting_lines(setting)
    assert (
        "btc: inventory limit 0.005 BTC; at most 600 fills or 2000 USDT one way within a minute"
        in setting_lines(known)
    )


class Balanced(HTMLParser):
    """Reads a page. Fields: open: elements that are not closed; seen: names of all."""

    def __init__(self) -> None:
        """Begin."""
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        """Note it."""
        self.seen.add(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        """Note it."""
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        """It has to be the one that was opened last."""
        assert self.open.pop() == tag


def test_the_page_stands_by_itself_and_shows_no_hostile_text_as_markup() -> None:
    """No script, nothing from a network, each element closed; names of a config are text."""
    hostile = a_case(
        violations=(HOSTILE,),
        tracks=(a_track(session=HOSTILE),),
        deeds=(Deed(at_ms=0, code=HOSTILE, session=HOSTILE, facts=((HOSTILE, HOSTILE),)),),
    )
    made = page(a_sheet(hostile, a_case(not_applicable=HOSTILE, tracks=()), config=HOSTILE))

    reader = Balanced()
    reader.feed(made)
    assert not reader.open
    assert "script" not in reader.seen
    assert "\x1b" not in made
    assert "&lt;script&gt;" in made
    assert not re.search(r"https?://|src=|url\(|@import", made)
    assert "$" not in made


def test_the_strip_shows_exposure_limit_and_marks() -> None:
    """A step for each change; alike spans are one."""
    made = page(a_sheet(a_case()))

    (area,) = re.findall(r'class="area" d="([^"]+)"', made)
    assert area.count("H") == 3
    for word in ("fault", "healed", "halt", "last cancel", f"limit {ONE.size_text(50)} {ONE.base}"):
        assert f">{word}</text>" in made
    assert "<svg" in page(a_sheet(a_case(tracks=(a_track(slots=()),))))
