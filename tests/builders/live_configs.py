"""Runs whose config changes while they run: the real engine and assembly, a fake venue, time that jumps."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from mm.bootstrap.assemble import assemble
from mm.bootstrap.reconfigure import begin_revision, preparation
from mm.domain.commands import Report
from mm.engine.engine import Engine
from mm.runtime.config_watch import ConfigWatch
from mm.runtime.live import LiveRuntime, Outcome
from mm.runtime.reconfigure import LiveConfig
from mm.settings.loader import load_settings
from mm.store.config_history import ConfigHistory
from mm.store.runstate import RunState
from tests.builders.fake_venue import FakeVenue
from tests.builders.virtual_time import VirtualClock, run_virtual

TEXT = """\
# a config of a test
mode = "live"

[venue.main]
key = "env:KEY"
secret = "env:SECRET"

[pair.main]
symbol = "AAA/BBB"

[pair.main.params]
bid_spread_bps = 20
ask_spread_bps = 20
order_amount_base = 1 # each
order_refresh_time_ms = 600_000

[pair.main.inventory]
max_base = 100

[risk]
max_notional_quote = 5_000
max_order_notional_quote = 500
session_loss_quote = 100
"""


class ConfiguredRun:
    """A run about to begin.

    Fields: path: of its file; data_dir; venue; reports; config, watch, engine, runtime: once it runs.
    """

    def __init__(self, folder: Path, text: str = TEXT, *, data_dir: Path | None = None) -> None:
        """Write the file."""
        self.path, self.data_dir = folder / "mm.toml", data_dir or folder / "data"
        self.path.write_text(text)
        self.venue = FakeVenue(VirtualClock())
        self.reports: list[Report] = []
        self.config: LiveConfig
        self.watch: ConfigWatch
        self.engine: Engine
        self.runtime: LiveRuntime
        self._planned: list[tuple[float, Callable[[], object]]] = []
        self._first: Callable[[], object] = lambda: None

    def _note(self, report: Report) -> None:
        self.reports.append(report)

    def at(self, seconds: float, call: Callable[[], object]) -> None:
        """Let `call` happen at a time; what it raises ends the run."""
        self._planned.append((seconds, call))

    def before(self, call: Callable[[], object]) -> None:
        """Let `call` happen before the run begins."""
        self._first = call

    def write(self, old: str, new: str) -> str:
        """Edit the file; return its text."""
        text = self.path.read_text()
        assert old in text
        self.path.write_text(text.replace(old, new, 1))
        return self.path.read_text()

    def apply(self, *, confirm: bool = False, digest: str = "") -> dict[str, object]:
        """Put the file in force."""
        return self.config.apply(who="tester", origin="cli", confirm=confirm, digest=digest)

    def go(self, duration_s: float = 5.0) -> Outcome:
        """Run it."""
        return run_virtual(lambda: self._run(duration_s))

    async def _run(self, duration_s: float) -> Outcome:
        settings = load_settings(self.path, [f"data_dir={self.data_dir}"], {})
        kept, history = RunState.open(self.data_dir), ConfigHistory(self.data_dir)
        self.engine = await assemble(settings, self.venue, kept, revision=begin_revision(settings, history))
        self.runtime = LiveRuntime(self.engine, self.venue, VirtualClock(), (self._note,))
        self.config = LiveConfig(settings, self.runtime, history, preparation(self.engine))
        self.watch = ConfigWatch(self.config)
        self._first()
        failed: list[BaseException] = []

        def guarded(call: Callable[[], object]) -> None:
            try:
                call()
            except BaseException as error:  # noqa: BLE001 - told to the test when the run is over
                failed.append(error)
                self.runtime.stop("failed")

        for seconds, call in self._planned:
            asyncio.get_running_loop().call_later(seconds, guarded, call)
        outcome = await self.runtime.run(round(duration_s * 1e9))
        if failed:
            raise failed[0]
        return outcome
