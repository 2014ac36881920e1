"""What guards a run from outside: the file HALT, the signal, the words, and what a status says about it."""

import asyncio
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from mm.bootstrap.trade import Bot, trade
from mm.bootstrap.watch import Access, Watched
from mm.cli.main import carry_out
from mm.domain.commands import Place
from mm.errors import WatchdogFailed
from mm.runtime.pulse import Pulse
from mm.settings.models import Settings
from mm.settings.options import Show
from mm.store import paths
from mm.store.heartbeat import HALT_NAME, Halt, Heartbeat, Phase, Word
from mm.store.runstate import RunState
from tests.builders.configs import SMALL, loaded
from tests.builders.fake_venue import FakeVenue
from tests.builders.virtual_time import VirtualClock, run_virtual

TEXT = (
    SMALL.replace("BTC/USDT", "AAA/BBB").replace("0.01\n", "1\n").replace("max_base = 0.1", "max_base = 100")
)


class Stage:
    """A run about to begin. Fields: data_dir; settings; venue; shown: every status that a view was given."""

    def __init__(self, folder: Path, text: str = TEXT) -> None:
        self.data_dir = folder / "data"
        self.settings: Settings = loaded(folder, text, [f"data_dir={self.data_dir}"])
        self.venue = FakeVenue(VirtualClock())
        self.shown: list[dict[str, object]] = []
        self._planned: list[tuple[float, Callable[[], object]]] = []

    def at(self, seconds: float, call: Callable[[], object]) -> None:
        """Let `call` happen at a time of the run."""
        self._planned.append((seconds, call))

    def go(self, duration_s: float) -> Bot:
        """Trade to the end."""
        show: Show = lambda told: self.shown.append(dict(told))  # noqa: E731 - its type is what counts

        async def run() -> Bot:
            for seconds, call in self._planned:
                asyncio.get_running_loop().call_later(seconds, call)
            clock, duration_ns = VirtualClock(), round(duration_s * 1e9)
            return await trade(self.settings, self.venue, clock, duration_ns=duration_ns, show=show)

        return run_virtual(run)

    def latch(self) -> str:
        """Return the code of the latch on the disk."""
        latched = RunState.open(self.data_dir).latched
        return latched.code if latched is not None else ""


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Return a run about to begin in a directory of its own."""
    return Stage(tmp_path)


def test_a_halt_file_latches_a_start_and_nothing_is_placed(stage: Stage) -> None:
    """With the reason in it; it stays until an operator lifts it."""
    RunState.open(stage.data_dir)
    (stage.data_dir / HALT_NAME).write_text("prices are odd\nby ann\n")
    bot = stage.go(duration_s=60)
    assert (bot.exit_code, bot.outcome.reason) == (6, "halted: prices are odd")
    assert not stage.venue.commands(Place)
    assert stage.latch() == "prices are odd"
    assert RunState.open(stage.data_dir).history[0].who == "ann"
    assert (stage.data_dir / HALT_NAME).exists()


def test_a_halt_file_or_a_signal_halts_a_run(stage: Stage) -> None:
    """Latched, its orders cancelled; what an operator lifts goes on, and the file with it."""
    seen: list[tuple[str, bool]] = []

    def look() -> None:
        seen.append((stage.latch(), bool(stage.venue.open)))

    def unhalt() -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.connect(str(paths.control_socket(stage.data_dir)))
            client.sendall(b'{"do": "unhalt", "reason": "fine"}\n')

    stage.at(3, look)
    stage.at(3, lambda: (stage.data_dir / HALT_NAME).write_text("odd\n"))
    stage.at(4, look)
    stage.at(5, unhalt)
    stage.at(20, look)
    stage.at(20, lambda: signal.raise_signal(signal.SIGUSR1))
    stage.at(21, look)
    bot = stage.go(duration_s=22)
    assert (bot.exit_code, bot.outcome.reason) == (6, "halted: halt.signal")
    assert seen == [("", True), ("odd", False), ("", True), ("halt.signal", False)]
    assert not (stage.data_dir / HALT_NAME).exists()


def test_the_words_of_a_run_say_where_it_is(stage: Stage) -> None:
    """Silence means trouble while it trades; after its clean end nothing does."""
    phases: list[Phase] = []
    stage.at(3, lambda: phases.append(Heartbeat.open(stage.data_dir).phase))
    stage.go(duration_s=5)
    phases.append(Heartbeat.open(stage.data_dir).phase)
    assert phases == [Phase.TRADING, Phase.ENDED]


@pytest.mark.parametrize(("mode", "why"), [("demo", "off in the config"), ("paper", "paper has no account")])
def test_a_status_says_why_there_is_no_watchdog(tmp_path: Path, mode: str, why: str) -> None:
    """Nobody is to believe in one that is not there."""
    stage = Stage(tmp_path, TEXT.replace('"demo"', f'"{mode}"'))
    stage.go(duration_s=2)
    assert stage.shown[-1]["watchdog"] == {"state": "none", "why": why}


def test_without_a_watchdog_that_starts_nothing_is_sent(stage: Stage) -> None:
    """The run is refused, and the directory is free again."""
    from mm.bootstrap.recovery import StartOptions
    from mm.store.lock import holder

    access = Access(
        rest="https://elsewhere.invalid/api/v3",
        loopback_only=True,
        api_key="a-key",
        api_secret="a-secret",
        recv_window_ms=5_000,
        patience_s=1.0,
    )
    assert "a-secret" not in repr(access)
    options = StartOptions(watched=Watched(pulse=Pulse.alone(), access=access))

    async def run() -> Bot:
        return await trade(
            stage.settings, stage.venue, VirtualClock(), duration_ns=10**9, show=None, options=options
        )

    with pytest.raises(WatchdogFailed, match="expected this machine"):
        run_virtual(run)
    assert not stage.venue.sent
    assert holder(stage.data_dir) is None


def test_a_halt_that_nobody_lived_to_write_down_latches_the_next_start(stage: Stage) -> None:
    """Trader and watchdog were killed at once, as everything in a container is: the words remember it."""
    RunState.open(stage.data_dir)
    Heartbeat.create(stage.data_dir).set_halt(Halt.SILENT)
    bot = stage.go(duration_s=60)
    assert (bot.exit_code, bot.outcome.reason) == (6, "halted: watchdog.silent")
    assert not stage.venue.commands(Place)
    assert stage.latch() == "watchdog.silent"


def test_a_halt_that_an_operator_lifted_since_does_not_come_back(stage: Stage) -> None:
    """Who lifts it takes it out of the words of that life too."""
    kept = RunState.open(stage.data_dir)
    beat = Heartbeat.create(stage.data_dir)
    beat.set_halt(Halt.SILENT)
    kept.latch("watchdog.silent", "", beat.words[Word.HALT_NS])
    assert carry_out(["unhalt", "--reason", "seen", "--data-dir", str(stage.data_dir)]) == 0
    assert stage.go(duration_s=5).exit_code == 0


def test_a_halt_after_a_lifted_one_latches_whatever_the_clock_says(stage: Stage) -> None:
    """It was set back in between: the time of the new one lies before that of the lifting."""
    kept = RunState.open(stage.data_dir)
    kept.latch("stop_loss.session", "lost", 1)
    kept.clear_latch("seen", "ann")
    beat = Heartbeat.create(stage.data_dir)
    beat.set_halt(Halt.SIGNAL)
    beat.words[Word.HALT_NS] = kept.history[-1].ts_ns - 5_400 * 10**9
    assert stage.go(duration_s=5).exit_code == 6
    assert not stage.venue.commands(Place)


def test_the_first_cause_of_a_latch_stays_when_the_words_say_another(stage: Stage) -> None:
    """Nothing is added to its history."""
    RunState.open(stage.data_dir).latch("stop_loss.session", "lost", 1)
    Heartbeat.create(stage.data_dir).set_halt(Halt.BROKEN)
    assert stage.go(duration_s=5).exit_code == 6
    assert {change.code for change in RunState.open(stage.data_dir).history} == {"stop_loss.session"}
