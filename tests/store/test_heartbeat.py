"""The shared words: seen by another process at once, private, whole, and cheap to read at every send."""

import os
import subprocess
import sys
import timeit
from pathlib import Path

import pytest

from mm.errors import NotRunning, StateCorrupt
from mm.store.heartbeat import (
    BYTES,
    HALT_NAME,
    HEARTBEAT_NAME,
    REASON_LENGTH_MAX,
    Halt,
    Heartbeat,
    LeftHalt,
    Phase,
    Watch,
    Word,
    ask_halt,
    halt_asked,
    left_halt,
    started_ticks,
    unask_halt,
)

CHECK_NS_MAX = 300
"""What reading the halt word may cost before a send."""


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data directory that is yet to be made."""
    return tmp_path / "data"


def test_a_new_life_begins_with_nothing_said(data_dir: Path) -> None:
    """Its own process, a first sign of life, no halt, no watchdog; readable by its owner alone."""
    beat = Heartbeat.create(data_dir)
    assert (beat.halt, beat.phase, beat.watch) == (Halt.NONE, Phase.QUIET, Watch.NONE)
    assert beat.words[Word.TRADER_PID] == os.getpid()
    assert beat.words[Word.TRADER_STARTED] == started_ticks(os.getpid())
    assert beat.words[Word.TRADER_BEAT_NS] > 0
    info = (data_dir / HEARTBEAT_NAME).stat()
    assert (info.st_mode & 0o777, info.st_size) == (0o600, BYTES)


def test_what_one_process_says_another_one_sees(data_dir: Path) -> None:
    """In both directions, without a write to any file."""
    beat = Heartbeat.create(data_dir)
    code = (
        "import sys; from pathlib import Path; from mm.store.heartbeat import Halt, Heartbeat, Word\n"
        f"beat = Heartbeat.open(Path({str(data_dir)!r}))\n"
        "beat.set_halt(Halt.OPERATOR)\n"
        "sys.exit(beat.words[Word.WATCHDOG_OPEN])"
    )
    beat.words[Word.WATCHDOG_OPEN] = 77
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 77
    assert beat.halt is Halt.OPERATOR


def test_the_first_cause_of_a_halt_stays_until_it_is_lifted(data_dir: Path) -> None:
    """With its time; afterwards another one may be said."""
    beat = Heartbeat.create(data_dir)
    beat.set_halt(Halt.SILENT)
    since_ns = beat.words[Word.HALT_NS]
    beat.set_halt(Halt.OPERATOR)
    assert (beat.halt, beat.words[Word.HALT_NS]) == (Halt.SILENT, since_ns)
    beat.clear_halt()
    beat.set_halt(Halt.OPERATOR)
    assert beat.halt is Halt.OPERATOR


def test_every_cause_has_a_name_and_only_a_death_is_no_halt_to_lift() -> None:
    """Names are stable: they stand in latches."""
    assert {cause.code for cause in Halt} == {
        "",
        "operator",
        "halt.signal",
        "halt.file",
        "watchdog.silent",
        "trader.died",
        "halt.broken",
        "data_dir.gone",
    }
    assert {cause for cause in Halt if not cause.latches} == {Halt.NONE, Halt.DIED}


def test_a_later_life_does_not_touch_the_words_of_an_earlier_one(data_dir: Path) -> None:
    """A watchdog that outlives its trader goes on with its own; whoever opens them now gets the new ones."""
    first = Heartbeat.create(data_dir)
    first.set_halt(Halt.DIED)
    Heartbeat.create(data_dir)
    assert first.halt is Halt.DIED
    opened = Heartbeat.open(data_dir)
    assert opened.halt is Halt.NONE
    opened.close()
    opened.close()


def test_a_word_is_eight_aligned_bytes(data_dir: Path) -> None:
    """That is why no half of a number is ever seen."""
    words = Heartbeat.create(data_dir).words
    assert (words.itemsize, words.format, words.nbytes) == (8, "Q", BYTES)
    assert max(Word) < len(words)


def test_reading_the_halt_word_costs_next_to_nothing() -> None:
    """It is read before every send."""
    beat = Heartbeat.private()
    rounds = 200_000
    cost_ns = (
        min(timeit.repeat("words[1]", globals={"words": beat.words}, number=rounds, repeat=5)) / rounds * 1e9
    )
    assert cost_ns < CHECK_NS_MAX


def test_words_that_are_not_there_are_told_as_such(data_dir: Path) -> None:
    """Nobody has run there."""
    with pytest.raises(NotRunning, match="not there"):
        Heartbeat.open(data_dir)


@pytest.mark.parametrize("content", [b"", b"\0" * 8, b"x" * BYTES, b"\0" * BYTES, b"\0" * 4096])
def test_a_file_that_is_no_such_words_is_refused(data_dir: Path, content: bytes) -> None:
    """Of another size, of another version, or anything else."""
    data_dir.mkdir(mode=0o700)
    (data_dir / HEARTBEAT_NAME).write_bytes(content)
    with pytest.raises(StateCorrupt):
        Heartbeat.open(data_dir)


def test_a_link_in_the_place_of_the_words_is_not_followed(data_dir: Path, tmp_path: Path) -> None:
    """Whoever can write into the directory still cannot have another file mapped."""
    data_dir.mkdir(mode=0o700)
    (tmp_path / "other").write_bytes(b"\0" * BYTES)
    (data_dir / HEARTBEAT_NAME).symlink_to(tmp_path / "other")
    with pytest.raises(StateCorrupt, match="cannot be opened"):
        Heartbeat.open(data_dir)


def test_words_that_cannot_be_made_are_an_error_before_anything_is_sent(data_dir: Path) -> None:
    """A directory is in the way."""
    data_dir.mkdir(mode=0o700)
    (data_dir / HEARTBEAT_NAME).mkdir()
    with pytest.raises(StateCorrupt, match="cannot be made"):
        Heartbeat.create(data_dir)


def test_when_a_process_started_names_it_for_ever() -> None:
    """The same each time; nothing of one that is not there."""
    assert started_ticks(os.getpid()) == started_ticks(os.getpid()) > 0
    assert started_ticks(2**22 + 7) == 0


def test_a_halt_file_says_why_and_who(data_dir: Path) -> None:
    """As `mm halt` writes it; it is gone when the halt is lifted, and lifting it again harms nobody."""
    data_dir.mkdir()
    assert halt_asked(data_dir) is None
    ask_halt(data_dir, "prices\nare odd", "ann@cli")
    assert halt_asked(data_dir) == ("prices are odd", "ann@cli")
    assert (data_dir / HALT_NAME).stat().st_mode & 0o777 == 0o600
    unask_halt(data_dir)
    unask_halt(data_dir)
    assert halt_asked(data_dir) is None


@pytest.mark.parametrize(
    ("content", "reason", "who"),
    [
        (b"", "the file HALT is there", "file"),
        (b"\n\n", "the file HALT is there", "file"),
        (b"fire\n", "fire", "file"),
        (b"fire\nby bob", "fire", "bob"),
        (b"\xff\x1b[2J", "\ufffd [2J", "file"),
        (b"x" * 9_000, "x" * REASON_LENGTH_MAX, "file"),
    ],
)
def test_whatever_a_halt_file_holds_it_halts(data_dir: Path, content: bytes, reason: str, who: str) -> None:
    """By `touch`, by `echo`, by an editor: one printable line of it is the reason."""
    data_dir.mkdir()
    (data_dir / HALT_NAME).write_bytes(content)
    assert halt_asked(data_dir) == (reason, who)


def test_a_halt_file_that_cannot_be_read_halts_too(data_dir: Path) -> None:
    """A directory, a link that leads nowhere."""
    data_dir.mkdir()
    (data_dir / HALT_NAME).symlink_to("nowhere")
    assert halt_asked(data_dir) is not None
    (data_dir / HALT_NAME).unlink()
    (data_dir / HALT_NAME).mkdir()
    assert halt_asked(data_dir) is not None
    with pytest.raises(StateCorrupt, match="cannot be removed"):
        unask_halt(data_dir)
    with pytest.raises(StateCorrupt, match="cannot be written"):
        ask_halt(data_dir, "fire", "ann")


def test_what_a_life_was_told_is_there_for_the_next_one(data_dir: Path) -> None:
    """Whether it lived to write it down or not; a death is for the next life to recover, and no halt."""
    assert left_halt(data_dir) is None
    beat = Heartbeat.create(data_dir)
    assert left_halt(data_dir) is None
    beat.set_halt(Halt.DIED)
    assert left_halt(data_dir) is None
    beat.clear_halt()
    beat.set_halt(Halt.SILENT)
    assert left_halt(data_dir) == LeftHalt("watchdog.silent", beat.words[Word.HALT_NS])


def test_words_that_say_what_nobody_knows_leave_no_halt(data_dir: Path) -> None:
    """Of a later version, say: a start does not end over them."""
    Heartbeat.create(data_dir).words[Word.HALT] = 99
    assert left_halt(data_dir) is None
