"""`mm drill`: a safety sheet as text, as JSON, as a page; exit codes; what cannot be used is refused."""

import json
from pathlib import Path

import pytest

from mm.cli.main import carry_out
from mm.errors import EXIT_CHECK_FAILED, EXIT_CONFIG, EXIT_OK, EXIT_USAGE
from mm.runtime.simulate.scenarios_incidents import SCENARIOS
from tests.builders.configs import SMALL
from tests.builders.planted_bugs_orders import BUGS

ONE = ("--scenario", "hummingbot_timeout_taken_for_failure", "--jobs", "1")


def test_the_sheet_is_told_and_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What happened, what the bot did, what it risked; the page beside it."""
    (folder / "mm.toml").write_text(SMALL)

    assert carry_out(["drill", "mm.toml", *ONE, "--html", "sheet.html"]) == EXIT_OK

    told = capsys.readouterr().out
    for word in (
        "a simulated market around 60000 USDT",
        "six stale buys filled",
        "is unknown",
        "1 of 1 passed",
    ):
        assert word in told
    assert "of its limit" in told
    assert (folder / "sheet.html").read_text().startswith("<!doctype html>")
    assert {path.name for path in folder.iterdir()} == {"mm.toml", "sheet.html"}


def test_json_is_one_object_with_everything(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a config that of `mm demo` is drilled."""
    assert carry_out(["drill", *ONE, "--json"]) == EXIT_OK

    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert answer["ok"] is True
    assert (answer["passed"], answer["failed"], answer["not_applicable"]) == (1, 0, 0)
    (case,) = answer["cases"]
    assert case["verdict"] == "passed"
    assert case["sessions"][0]["worst_exposure_ratio"] <= 1
    assert case["deeds"][0]["text"]


def test_a_bot_with_a_bug_ends_with_the_code_of_a_failed_check(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the sheet says what broke, even where only the sum is wanted."""
    (folder / "mm.toml").write_text(SMALL)
    next(bug for bug in BUGS if bug.name == "a timeout is taken for a failure").plant(monkeypatch)

    assert carry_out(["drill", "mm.toml", *ONE, "-q"]) == EXIT_CHECK_FAILED

    told = capsys.readouterr().out
    assert "0 of 1 passed" in told
    assert "failed" in told


def test_the_scenarios_are_listed_without_a_config(capsys: pytest.CaptureFixture[str]) -> None:
    """Each with what happened."""
    assert carry_out(["drill", "--list", "--json"]) == EXIT_OK

    told = capsys.readouterr().out
    assert "Knight" in json.loads(told.splitlines()[-1])["scenarios"][0]["story"]
    assert carry_out(["drill", "--list"]) == EXIT_OK
    assert len(capsys.readouterr().out.splitlines()) == len(SCENARIOS)


def test_what_cannot_be_drilled_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A config that is none, a scenario that is none, a price that is none, a page that cannot be written."""
    (folder / "mm.toml").write_text(SMALL)
    (folder / "bad.toml").write_text("mode = 7")

    assert carry_out(["drill", "bad.toml"]) == EXIT_CONFIG
    assert carry_out(["drill", "none.toml"]) == EXIT_CONFIG
    assert carry_out(["drill", "mm.toml", "--scenario", "none"]) == EXIT_USAGE
    assert carry_out(["drill", "mm.toml", *ONE, "--html", "no/such/folder.html"]) == EXIT_CONFIG
    for price in ("BTC/USDT", "BTC/USDT=x", "BTC/USDT=-1", "=5", "BTC/USDT=NaN"):
        assert carry_out(["drill", "mm.toml", "--price", price]) == EXIT_USAGE
    assert "is no scenario" in capsys.readouterr().err


def test_a_page_is_written_over_no_other_file_and_its_folder_is_looked_at_first(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A config named by mistake stays as it is, an older page is replaced, nothing is played in vain."""
    (folder / "mm.toml").write_text(SMALL)
    (folder / "sheet.html").write_text("<!doctype html>\nolder")
    (folder / "is").mkdir()

    for wrong in ("mm.toml", "no/such/folder.html", "is"):
        assert carry_out(["drill", "mm.toml", *ONE, "--html", wrong]) == EXIT_CONFIG
        assert not capsys.readouterr().out
    assert (folder / "mm.toml").read_text() == SMALL
    assert carry_out(["drill", "mm.toml", *ONE, "--html", "sheet.html"]) == EXIT_OK
    assert "older" not in (folder / "sheet.html").read_text()


@pytest.mark.parametrize(
    "more",
    [
        ("--price", "BTC/USDT=99999999999"),
        (
            "--set",
            "pair.btc.params.order_amount_base=1000000",
            "--set",
            "pair.btc.inventory.max_base=1000000",
        ),
    ],
)
def test_amounts_beyond_what_can_be_reckoned_with_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...]
) -> None:
    """In words, as a fault of the config."""
    (folder / "mm.toml").write_text(SMALL)

    assert carry_out(["drill", "mm.toml", *ONE, *more]) == EXIT_CONFIG
    assert "beyond what can be reckoned with" in capsys.readouterr().err
