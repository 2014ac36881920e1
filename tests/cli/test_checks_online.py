"""The rows of `mm doctor --online` on the venue and the account: what was measured, judged."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mm.bootstrap import doctor_online
from mm.bootstrap.doctor_online import ClockFacts, OnlineFacts, WatchedFacts
from mm.bootstrap.doctor_watched import Seen
from mm.cli import checks_online
from mm.cli.checks import Row
from mm.cli.checks_online import AFTER, BEFORE, judged
from mm.cli.checks_session import JUDGES
from mm.cli.main import carry_out
from mm.errors import EXIT_CHECK_FAILED, EXIT_OK, VenueUnreachable
from mm.settings.models import Settings
from mm.venues.binance.account_facts import Rights, Standing, Usage
from mm.venues.binance.public_facts import Top
from tests.builders.configs import SMALL, loaded
from tests.builders.online_facts import FACTS, FAILED, INSTRUMENT, LEFT_OUT


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A small config: orders of 0.01 BTC at 4 bps."""
    return loaded(tmp_path, SMALL)


def rows_of(facts: OnlineFacts, settings: Settings) -> dict[str, Row]:
    """Return the rows by name."""
    return {row.what: row for row in judged(facts, settings)}


def row_of(what: str, settings: Settings, **changes: Any) -> Row:
    """Return one row, with other facts."""
    return rows_of(replace(FACTS, **changes), settings)[what]


def test_where_all_is_well_every_row_is_green(settings: Settings) -> None:
    """Their names are those of the tables, in that order."""
    rows = list(judged(FACTS, settings))
    assert {row.status for row in rows} == {"ok"}
    names = [*dict(BEFORE), *(f"{name} btc" for name in dict(JUDGES)), *dict(AFTER)]
    assert [row.what for row in rows] == names


@pytest.mark.parametrize(
    ("offset_ms", "status"),
    [
        (0, "ok"),
        (500, "ok"),
        (-500, "ok"),
        (501, "warn"),
        (-1_000, "warn"),
        (1_001, "fail"),
        (-5_000, "fail"),
    ],
)
def test_the_offset_of_the_clock_is_judged_on_both_sides(
    settings: Settings, offset_ms: float, status: str
) -> None:
    """Half a second is still fit; the venue refuses requests a second ahead of it."""
    clock = ClockFacts(offset_ms=offset_ms, median_ms=1, worst_ms=1)
    assert row_of("clock offset", settings, clock=clock).status == status


def test_a_slow_venue_is_warned_of(settings: Settings) -> None:
    """It can be traded, by those who are nearer."""
    clock = ClockFacts(offset_ms=0, median_ms=800, worst_ms=900)
    assert row_of("venue", settings, clock=clock).status == "warn"


def test_a_venue_that_does_not_answer_is_a_failed_row(settings: Settings) -> None:
    """With its address; the offset is not measured."""
    facts = replace(FACTS, clock=FAILED, sessions=())
    rows = rows_of(facts, settings)
    assert rows["venue"].status == "fail"
    assert "127.0.0.1:8600: no answer in time" in rows["venue"].measured
    assert rows["venue"].fix == "start it: mm exchange"
    assert "network" in rows_of(replace(facts, local=False), settings)["venue"].fix
    assert rows["clock offset"].status == "skip"


@pytest.mark.parametrize(
    ("told", "status"), [("normal", "ok"), ("system_maintenance", "fail"), ("", "skip"), (FAILED, "fail")]
)
def test_the_venues_word_on_itself(settings: Settings, told: object, status: str) -> None:
    """Maintenance is no time to trade."""
    assert row_of("venue status", settings, status=told).status == status


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"withdraws": True}, "fail", "may withdraw"),
        ({"reads": False}, "fail", "may not read"),
        ({"trades": False}, "fail", "may not trade spot"),
        ({"bound": False}, "warn", "from any address"),
        ({"needless": ("margin",)}, "warn", "margin"),
        ({"withdraws": True, "bound": False}, "fail", "from any address"),
    ],
)
def test_the_rights_of_the_key(settings: Settings, changes: dict[str, Any], status: str, said: str) -> None:
    """A key that may withdraw is refused; one that works from anywhere is warned of."""
    assert isinstance(FACTS.rights, Rights)
    row = row_of("key rights", settings, rights=FACTS.rights._replace(**changes))
    assert row.status == status
    assert said in row.measured
    assert row.fix


def test_an_account_that_may_not_trade_fails(settings: Settings) -> None:
    """The venue's word."""
    assert row_of("account", settings, standing=Standing(trades=False, kind="")).status == "fail"


@pytest.mark.parametrize(
    ("weight", "orders", "status"),
    [
        (100, (), "ok"),
        (3_000, (), "warn"),
        (5_400, (), "fail"),
        (0, (Usage("10 SECOND", 95, 100),), "fail"),
        (0, (Usage("1 DAY", 1, 0),), "fail"),
        (-1, LEFT_OUT, "skip"),
        (100, LEFT_OUT, "ok"),
        (100, FAILED, "fail"),
    ],
)
def test_the_headroom_of_the_limits(settings: Settings, weight: int, orders: object, status: str) -> None:
    """The fullest window counts."""
    assert row_of("rate limits", settings, weight=weight, orders=orders).status == status


@pytest.mark.parametrize("name", ["rights", "standing", "round_trip", "status"])
def test_what_was_left_out_is_a_skip_and_what_failed_a_fail(settings: Settings, name: str) -> None:
    """Each with its reason."""
    left_out: dict[str, Any] = {name: LEFT_OUT}
    failed: dict[str, Any] = {name: FAILED}
    rows = {row.measured: row for row in judged(replace(FACTS, **left_out), settings)}
    assert rows["paper mode has no key"].status == "skip"
    rows = {row.measured: row for row in judged(replace(FACTS, **failed), settings)}
    assert (rows["no answer in time"].status, rows["no answer in time"].fix) == ("fail", "try again")


def test_a_judgement_that_crashes_is_a_failed_row(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are made all the same."""

    def crash(*_: object) -> Row:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(checks_online, "BEFORE", (("odd", crash),))
    monkeypatch.setattr("mm.cli.checks_session.JUDGES", (("queer", crash),))
    rows = list(judged(FACTS, settings))
    assert [row.what for row in rows if row.status == "fail"] == ["odd", "queer btc"]
    assert len(rows) == 2 + len(AFTER)


def test_without_a_config_it_looks_at_an_exchange_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """No key, no network: a newcomer sees every row, and none of them failed."""
    assert carry_out(["doctor", "--online", "--json"]) == EXIT_OK
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    rows = {row["what"]: row for row in told["rows"]}
    assert told["ok"]
    online = [rows[name]["status"] for name in (*dict(BEFORE), *dict(AFTER))]
    assert sorted(set(online)) == ["ok", "skip"]
    assert rows["round trip"]["status"] == rows["sizes btc"]["status"] == "ok"
    assert rows["python"]["status"] in ("ok", "warn")
    assert not Path("var").exists()


def test_a_failed_row_ends_with_9(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Here the venue cannot even be tried."""

    def gone(_: Settings) -> OnlineFacts:
        raise VenueUnreachable("it did not come up", hint="look at it")

    monkeypatch.setattr(doctor_online, "examine_online", gone)
    assert carry_out(["doctor", "--online"]) == EXIT_CHECK_FAILED
    told = capsys.readouterr().out
    assert "it did not come up" in told
    assert "look at it" in told


def test_with_a_wrong_config_the_venue_is_not_asked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The row says why."""
    (folder / "mm.toml").write_text("mode = 3\n")
    assert carry_out(["doctor", "mm.toml", "--online", "--json"]) == EXIT_CHECK_FAILED
    rows = {row["what"]: row for row in json.loads(capsys.readouterr().out.splitlines()[-1])["rows"]}
    assert rows["venue"]["status"] == "skip"


def test_a_market_that_is_only_watched_has_a_row_of_its_own(settings: Settings) -> None:
    """Its best prices and how far away it is; one that is not there is a failed row with its hint."""
    seen = Seen(instrument=INSTRUMENT, top=Top(2_000_000, 2_000_100), trip_ms=12.3)
    watched = WatchedFacts(name="away:BTC/USDT", sessions=("btc", "eth"), seen=seen)

    row = row_of("watched away:BTC/USDT", settings, watched=(watched,))

    assert (row.status, row.limit) == ("ok", "shows prices for btc, eth")
    assert row.measured == "bid 20000, ask 20001 USDT; 12.3 ms away"
    slow = replace(watched, seen=replace(seen, trip_ms=900.0))
    assert row_of("watched away:BTC/USDT", settings, watched=(slow,)).status == "warn"
    gone = row_of("watched away:BTC/USDT", settings, watched=(replace(watched, seen=FAILED),))
    assert (gone.status, gone.measured, gone.fix) == ("fail", FAILED.reason, FAILED.hint)
