"""What outlasts an orderly end, and what a start does that finds a halt: the real start, on a fake venue."""

import shutil
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from mm.engine.external import MOVED
from mm.errors import EXIT_HALTED
from tests.builders.crashed_lives import Lives


@pytest.fixture
def lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lives:
    """Lives that begin with nothing and have leases of their own."""
    monkeypatch.setenv("MM_LEASE_DIR", str(tmp_path / "leases"))
    return Lives(tmp_path)


def test_a_clean_end_leaves_nothing_to_take_over(lives: Lives) -> None:
    """Sessions, P&L and limits begin anew, as after any stop."""
    lives.at(3, lambda: lives.venue.fill(next(iter(lives.venue.open)), 3))
    assert lives.live(5).state.sessions[0].position.fills == 1
    assert (lives.kept().estate_run, lives.kept().rest_run) == ("", lives.newest_run().run_id)
    bot = lives.live(5)
    assert "order.inherited" not in lives.codes()
    assert "balance.external" not in lives.codes()
    assert bot.state.sessions[0].position.fills == 0
    assert bot.runtime.history.placed > 0


def moved(lives: Lives) -> None:
    """Let somebody take a tenth of the base out of the account."""
    base, quote = lives.venue.held
    lives.venue.held = (base - base // 10, quote)


def test_a_pause_outlasts_a_clean_end(lives: Lives) -> None:
    """Who stops and starts again has not said that it may quote."""
    lives.at(5, lambda: moved(lives))
    bot = lives.live(60)
    assert bot.state.sessions[0].paused == MOVED
    for _ in range(2):
        bot = lives.live(20)
        assert bot.runtime.history.placed == 0
        assert bot.state.sessions[0].paused == MOVED
        assert "balance.external" not in lives.codes()


def test_money_that_was_moved_while_nothing_ran_is_told_before_anything_is_quoted(lives: Lives) -> None:
    """It would be bought back at once: the session's target is what was held at its first start."""
    lives.live(10)
    moved(lives)
    bot = lives.live(60)
    assert lives.facts("balance.external")["asset"] == "AAA"
    assert bot.runtime.history.placed == 0
    assert bot.state.sessions[0].paused == MOVED


def test_runs_that_a_person_cleared_away_are_not_missed(lives: Lives) -> None:
    """After a clean end they are history: the next start says that it cannot compare, and trades."""
    lives.live(10)
    shutil.rmtree(lives.newest_run().directory)
    with capture_logs() as told:
        bot = lives.live(10)
    assert [line["log_level"] for line in told if line["event"] == "rest.unreadable"] == ["warning"]
    assert bot.runtime.history.placed > 0


@pytest.mark.parametrize(
    ("code", "fills"), [("operator", 1), ("watchdog.silent", 1), ("stop_loss.session", 0)]
)
def test_what_was_lost_counts_on_after_a_start_that_found_a_halt(lives: Lives, code: str, fills: int) -> None:
    """It only cleans up, so it closes no account; whoever lifts a loss limit lets losses count anew."""
    lives.at(5, lambda: lives.venue.fill(next(iter(lives.venue.open)), 3))
    lives.crash(8)
    lives.kept().latch(code, "a test", 1)
    assert lives.live(20).exit_code == EXIT_HALTED
    lives.kept().clear_latch("seen", "tester")
    bot = lives.live(20)
    assert bot.state.sessions[0].position.fills == fills
    assert bot.runtime.history.placed > 0
    assert "balance.external" not in lives.codes()
