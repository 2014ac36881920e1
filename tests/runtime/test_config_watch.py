"""Watching the file: edits are taken over once they rest; what is half written, wrong or looser is not."""

import os
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from mm.errors import ConfigError, TimedOut
from tests.builders.live_configs import TEXT, ConfiguredRun

WIDER = ("bid_spread_bps = 20", "bid_spread_bps = 30")
LOOSER = ("session_loss_quote = 100", "session_loss_quote = 200")

Logs = list[MutableMapping[str, Any]]


@pytest.fixture
def run(tmp_path: Path) -> ConfiguredRun:
    """Return a run about to begin."""
    return ConfiguredRun(tmp_path)


def told(logs: Logs) -> list[str]:
    """Return what was told about the config, without what every applied one tells."""
    names = [str(line["event"]) for line in logs]
    return [name for name in names if name.startswith("config.") and name != "config.plan"]


def looks(run: ConfiguredRun, times: int = 4) -> list[str]:
    """Look that often; return what was told."""
    with capture_logs() as logs:
        for _ in range(times):
            run.watch.look()
    return told(logs)


def test_an_edit_is_taken_over_when_it_stood_for_two_looks(run: ConfiguredRun) -> None:
    """Not by the first, and once."""

    def edit() -> None:
        assert looks(run) == []
        run.write(*WIDER)
        assert looks(run, 1) == []
        assert run.engine.state.revision == 1
        assert looks(run) == ["config.taken_over"]
        assert (run.engine.state.revision, looks(run)) == (2, [])

    run.at(3, edit)
    run.go()
    assert [dict(r.facts)["who"] for r in run.reports if r.code == "config.applied"] == ["file"]


def test_an_edit_that_is_still_moving_is_waited_for(run: ConfiguredRun) -> None:
    """Each look sees something else: nothing is taken over before it rests."""

    def edit() -> None:
        for spread in (21, 22, 23):
            run.path.write_text(TEXT.replace("bid_spread_bps = 20", f"bid_spread_bps = {spread}"))
            assert looks(run, 1) == []
        assert run.engine.state.revision == 1
        assert looks(run) == ["config.taken_over"]

    run.at(3, edit)
    run.go()
    assert "23" in str(run.config.running.pair["main"].params)


def test_what_loosens_waits_for_a_word_and_is_told_once(run: ConfiguredRun) -> None:
    """However often it is looked at; the same edit made again later is told again."""

    def edit() -> None:
        text = run.write(*LOOSER)
        assert looks(run, 9) == ["config.waits"]
        run.path.write_text(TEXT)
        assert looks(run) == ["config.unchanged"]
        run.path.write_text(text)
        with capture_logs() as logs:
            run.watch.look()
            run.watch.look()
        (line,) = [line for line in logs if line["event"] == "config.waits"]
        assert "mm.toml:23: it loosens risk.session_loss_quote" in line["error"]
        assert line["hint"] == "if that is meant: mm config apply --confirm"
        with capture_logs() as logs:
            run.watch.reload("SIGHUP")
        assert told(logs) == ["config.waits"]
        assert run.config.running.risk.session_loss_quote == 100
        run.apply(confirm=True)
        assert looks(run) == []
        assert run.config.running.risk.session_loss_quote == 200

    run.at(3, edit)
    run.go()


def test_a_reload_takes_over_at_once_and_says_when_there_is_nothing_to(run: ConfiguredRun) -> None:
    """Whoever asks for it is done writing."""

    def edit() -> None:
        with capture_logs() as logs:
            run.watch.reload("SIGHUP")
            run.write(*WIDER)
            run.watch.reload("SIGHUP")
        assert told(logs) == ["config.unchanged", "config.taken_over"]

    run.at(3, edit)
    run.go()
    assert [dict(r.facts)["who"] for r in run.reports if r.code == "config.applied"] == ["signal SIGHUP"]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", "mm.toml:1: empty: half written?"),
        (b"\n \n", "mm.toml:1: empty: half written?"),
        (TEXT[:-1].encode(), "mm.toml:23: the last line has no end: half written?"),
        (TEXT[: TEXT.index("[risk]")].encode(), "it ends where the config that runs goes on: half written?"),
        (TEXT.replace("[risk]", "[risk").encode(), "mm.toml:20: not valid TOML"),
        (b"\xff\xfe\n", "mm.toml:1: not UTF-8 text"),
        (b"x" * 256_001, "larger than 256000 bytes"),
    ],
)
def test_what_is_half_written_or_no_config_is_refused_once(
    run: ConfiguredRun, content: bytes, error: str
) -> None:
    """With its place; the old one runs on, and the whole edit is taken over when it is there."""

    def edit() -> None:
        run.path.write_bytes(content)
        with capture_logs() as logs:
            for _ in range(5):
                run.watch.look()
        assert told(logs) == ["config.refused"]
        assert error in logs[-1]["error"]
        assert logs[-1]["hint"]
        assert run.engine.state.revision == 1
        run.path.write_text(TEXT.replace(*WIDER))
        assert looks(run) == ["config.taken_over"]

    run.at(3, edit)
    run.go()


def test_a_file_that_is_gone_or_unreadable_is_told_once_and_may_come_back(run: ConfiguredRun) -> None:
    """As editors do that write another file and swap the two; a folder in its place is none."""

    def edit() -> None:
        other = run.path.with_suffix(".swp")
        other.write_text(TEXT.replace(*WIDER))
        run.path.unlink()
        assert looks(run, 1) == []
        assert looks(run) == ["config.refused"]
        run.path.mkdir()
        assert looks(run) == ["config.refused"]
        run.path.rmdir()
        os.replace(other, run.path)
        assert looks(run) == ["config.taken_over"]

    run.at(3, edit)
    run.go()


def test_a_pipe_in_place_of_the_file_does_not_keep_the_run_waiting(run: ConfiguredRun) -> None:
    """To open one waits for whoever writes into it, and no order could be cancelled meanwhile."""

    def edit() -> None:
        run.path.unlink()
        os.mkfifo(run.path)
        with capture_logs() as logs:
            run.watch.look()
            run.watch.look()
        assert [(line["event"], line["hint"]) for line in logs] == [
            ("config.refused", "the old config runs on")
        ]
        assert "no regular file" in logs[0]["error"]
        with pytest.raises(ConfigError, match="no regular file"):
            run.apply()
        run.path.unlink()

    run.at(3, edit)
    run.go()


def test_a_refusal_says_that_the_old_config_runs_on_beside_its_own_hint(run: ConfiguredRun) -> None:
    """What to do, and that there is time for it."""

    def edit() -> None:
        run.path.unlink()
        with capture_logs() as logs:
            run.watch.reload("SIGHUP")
        assert logs[0]["hint"] == "config/demo.toml is a file to start from; the old config runs on"

    run.at(3, edit)
    run.go()


def test_a_limit_that_is_taken_out_of_the_file_is_told_with_the_file(run: ConfiguredRun) -> None:
    """It has no line any more."""

    def edit() -> None:
        run.write("[risk]\n", "[risk]\nopen_loss_quote = 90\n")
        assert looks(run) == ["config.taken_over"]
        run.write("open_loss_quote = 90\n", "")
        with capture_logs() as logs:
            run.watch.reload("SIGHUP")
        assert logs[0]["error"] == f"{run.path}: it loosens risk.open_loss_quote: nothing is changed"

    run.at(3, edit)
    run.go()


def test_wherever_an_edit_is_cut_off_nothing_gets_looser(run: ConfiguredRun) -> None:
    """Each cut is looked at as if it stood: what does not end with a whole line is refused as a whole."""

    def edit() -> None:
        whole = TEXT.replace("mode", "# edited\nmode", 1).replace(
            "max_notional_quote = 5_000", "max_notional_quote = 4_500"
        )
        before = run.config.running
        for length in range(0, len(whole), 3):
            run.path.write_text(whole[:length])
            looks(run, 2)
            running = run.config.running
            if not whole[:length].endswith("\n"):
                assert running is before
            before = running
            assert running.risk.max_notional_quote in (5_000, 4_500)
            assert running.risk.session_loss_quote == 100
            assert running.pair["main"].inventory.max_base == 100
        run.path.write_text(whole)
        looks(run)
        assert run.config.running.risk.max_notional_quote == 4_500

    run.at(3, edit)
    assert not run.go().halted


def test_what_somebody_is_about_to_apply_is_left_to_them_for_a_while(run: ConfiguredRun) -> None:
    """A command writes the file between its plan and its word; killed there, the edit is like any other."""
    text = TEXT.replace(*LOOSER)

    def plan() -> None:
        run.config.plan(text)
        run.path.write_text(text)
        assert looks(run) == []

    def look() -> None:
        assert looks(run) == ["config.waits"]

    run.at(3, plan)
    run.at(14, look)
    run.go(15)
    assert run.config.running.risk.session_loss_quote == 100


def test_before_the_run_has_begun_nothing_is_taken_over(run: ConfiguredRun) -> None:
    """The venue is not there yet; an edit is seen once it is."""

    def edit() -> None:
        run.write(*WIDER)
        run.watch.reload("SIGHUP")
        assert looks(run) == []
        with pytest.raises(TimedOut, match="has not begun"):
            run.apply()

    run.before(edit)
    run.at(3, lambda: looks(run))
    run.go()
    assert run.engine.state.revision == 2
