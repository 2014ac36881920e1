"""The line that tells where a replay is, and when it is shown."""

import asyncio
import contextlib
import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mm.cli.recording import clock_text, position, tell_position
from mm.cli.terminal import Terminal
from tests.builders.recordings import ordinary
from tests.builders.replays import Played


class Screen(io.StringIO):
    """A terminal that keeps what is written."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def replay_of(folder: Path) -> Played:
    """A replay of a small recording, 3.2 s long, ten times as fast."""
    return Played([ordinary().save(folder / "tape")], speed=10.0)


def test_the_line_says_where_how_fast_and_what_it_waits_for(tmp_path: Path) -> None:
    """Before the start, on the way, at the end, after a damage."""
    replay = replay_of(tmp_path)
    assert position(replay.market).startswith(
        "BTCUSDT 0:00:00 of 0:00:03  0/64 frames  x10  waits for the first"
    )
    replay.clock.start()
    replay.play(5)
    assert position(replay.market).rstrip().endswith("2/64 frames  x10  no book")
    replay.play(195)
    assert position(replay.market).rstrip() == "BTCUSDT 0:00:02 of 0:00:03  41/64 frames  x10  book"
    replay.play(1_000)
    assert "64/64 frames  x10  ended" in position(replay.market)
    replay.market.damage = "gone"
    assert "damaged" in position(replay.market)


@pytest.mark.parametrize(
    ("duration_ns", "text"), [(0, "0:00:00"), (59_999_999_999, "0:00:59"), (7_265_000_000_000, "2:01:05")]
)
def test_durations_are_told_in_hours(duration_ns: int, text: str) -> None:
    """Whole seconds, rounded down."""
    assert clock_text(duration_ns) == text


@pytest.mark.parametrize(
    ("terminal", "screen", "is_shown"),
    [
        (Terminal(), Screen, True),
        (Terminal(quiet=True), Screen, False),
        (Terminal(as_json=True), Screen, False),
        (Terminal(), io.StringIO, False),
    ],
)
async def test_the_line_is_for_people_at_a_terminal(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    terminal: Terminal,
    screen: Callable[[], io.StringIO],
    is_shown: bool,
) -> None:
    """A damage is told wherever standard error goes, once."""
    replay, written = replay_of(tmp_path), screen()
    monkeypatch.setattr(sys, "stderr", written)
    monkeypatch.setattr("mm.cli.recording.PAUSE_S", 0.0)
    replay.market.damage = "the file is gone"
    telling = asyncio.ensure_future(tell_position(terminal, replay.market))
    for _ in range(5):
        await asyncio.sleep(0)
    telling.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await telling
    assert written.getvalue().count("error: the file is gone\n") == 1
    assert ("\rBTCUSDT" in written.getvalue()) is is_shown
