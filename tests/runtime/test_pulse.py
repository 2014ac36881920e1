"""The sign of life and the halt word, from the trader's side."""

import asyncio
import signal
import time
from pathlib import Path

import pytest

from mm.domain.commands import Report
from mm.errors import StateCorrupt
from mm.runtime.pulse import PAUSE_S, Pulse, halt_signal
from mm.store.heartbeat import HALT_NAME, HEARTBEAT_NAME, Halt, HaltAsked, Heartbeat, Phase, Word, ask_halt
from tests.builders.virtual_time import pass_time, run_virtual

UNHALT = Report(ts_ns=1, code="unhalt", session="", facts=())


@pytest.fixture
def pulse(tmp_path: Path) -> Pulse:
    """A pulse that shares its words."""
    made = Pulse.alone()
    made.share(Heartbeat.create(tmp_path), tmp_path)
    return made


def test_a_pulse_that_nobody_watches_forbids_nothing() -> None:
    """Until its own run forbids it."""
    pulse = Pulse.alone()
    assert pulse.may_place()
    assert not pulse.forbids
    assert pulse.look() is None
    pulse.forbid(Halt.BROKEN)
    assert not pulse.may_place()
    assert pulse.look() == HaltAsked("halt.broken", "watchdog")
    pulse.on_report(UNHALT)
    assert pulse.may_place()


def test_who_asked_before_it_was_shared_asks_the_shared_words_afterwards(tmp_path: Path) -> None:
    """The adapter is given the question before the words are made."""
    pulse = Pulse.alone()
    may_place = pulse.may_place
    pulse.share(Heartbeat.create(tmp_path), tmp_path)
    Heartbeat.open(tmp_path).set_halt(Halt.OPERATOR)
    assert not may_place()


def test_a_halt_is_told_once_until_it_is_lifted(pulse: Pulse, tmp_path: Path) -> None:
    """By the word alone its code is the reason; by the file what it says, and the word is set by it."""
    pulse.beat.set_halt(Halt.SILENT)
    assert pulse.look() == HaltAsked("watchdog.silent", "watchdog")
    assert pulse.look() is None
    pulse.on_report(UNHALT)
    assert pulse.look() is None
    ask_halt(tmp_path, "prices are odd", "ann@cli")
    assert pulse.look() == HaltAsked("prices are odd", "ann@cli")
    assert pulse.beat.halt is Halt.FILE
    pulse.on_report(Report(ts_ns=1, code="halt", session="", facts=()))
    assert not pulse.may_place()
    pulse.on_report(UNHALT)
    assert pulse.may_place()
    assert not (tmp_path / HALT_NAME).exists()


def test_a_file_that_cannot_be_removed_still_halts(pulse: Pulse, tmp_path: Path) -> None:
    """An unhalt that does not hold is an error, not a surprise at the next start."""
    (tmp_path / HALT_NAME).mkdir()
    assert pulse.look() is not None
    with pytest.raises(StateCorrupt):
        pulse.on_report(UNHALT)
    assert not pulse.may_place()


def test_the_loop_gives_signs_of_life_and_heeds_halts(pulse: Pulse) -> None:
    """Each within a twentieth of a second of its time."""
    heeded: list[int] = []
    beats: set[int] = set()

    def heed() -> None:
        beats.add(pulse.beat.words[Word.TRADER_BEAT_NS])
        heeded.append(1)

    async def attended() -> None:
        task = asyncio.ensure_future(pulse.attend(heed))
        await pass_time(100 * PAUSE_S)
        task.cancel()

    run_virtual(attended)
    assert 99 <= len(heeded) <= 102
    assert len(beats) == len(heeded)


def test_silence_means_trouble_only_while_it_trades(pulse: Pulse) -> None:
    """Also when trading ends by an error; the venue's word at the end is another matter."""
    phases: list[Phase] = []

    def trade() -> None:
        with pulse.trading():
            phases.append(pulse.beat.phase)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        trade()
    phases.append(pulse.beat.phase)
    pulse.ended()
    phases.append(pulse.beat.phase)
    assert phases == [Phase.TRADING, Phase.QUIET, Phase.ENDED]


def test_a_signal_halts_while_the_loop_is_busy(pulse: Pulse) -> None:
    """The handler needs no loop, only the next instruction; afterwards the signal is as it was before."""
    before = signal.getsignal(signal.SIGUSR1)
    with halt_signal(pulse.beat):
        signal.raise_signal(signal.SIGUSR1)
        end_s = time.monotonic() + 5
        while pulse.may_place():
            assert time.monotonic() < end_s
        assert pulse.beat.halt is Halt.SIGNAL
    assert signal.getsignal(signal.SIGUSR1) is before


def test_a_directory_that_is_gone_halts(pulse: Pulse, tmp_path: Path) -> None:
    """Deleted, moved away, or another one in its place: no verb would be heard, and nobody would inherit."""
    words = tmp_path / HEARTBEAT_NAME
    assert pulse.look() is None
    words.rename(tmp_path / "elsewhere")
    assert pulse.look() == HaltAsked("data_dir.gone", "watchdog")
    assert not pulse.may_place()
    (tmp_path / "elsewhere").rename(words)
    pulse.on_report(UNHALT)
    assert pulse.look() is None
    Heartbeat.create(tmp_path)
    assert pulse.look() == HaltAsked("data_dir.gone", "watchdog")


def test_a_disk_that_tells_nothing_is_no_directory_that_is_gone(pulse: Pulse, tmp_path: Path) -> None:
    """Whoever writes to it will notice."""
    words = tmp_path / HEARTBEAT_NAME
    words.unlink()
    words.symlink_to(HEARTBEAT_NAME)
    assert pulse.look() is None
