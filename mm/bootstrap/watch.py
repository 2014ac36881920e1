"""What guards a life from outside: the shared words, the signal, the file HALT, and the watchdog's process.

Paper has no account at a venue: words, signal and file, but no watchdog. Invariant: where there is an
account, nothing is sent before the watchdog watches, unless the config switched it off.
"""

import asyncio
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final, Self

import structlog

from mm.domain.events import Operation
from mm.domain.units import NS_PER_MS
from mm.engine.engine import Engine
from mm.logs import add_secrets
from mm.runtime.live import LiveRuntime
from mm.runtime.pulse import Pulse, halt_signal
from mm.runtime.watch_process import WatchProcess
from mm.settings.models import Settings, VenueSettings
from mm.store.heartbeat import Heartbeat, Word, halt_asked, left_halt
from mm.store.runstate import RunState
from mm.store.secrets import read_secret
from mm.store.watch_job import WatchJob
from mm.venues.binance import BinanceSettings

log = structlog.get_logger("mm")

PATIENCE_S: Final = 600.0
"""How long a watchdog tries until the venue shows nothing of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How the watchdog reaches the account. Fields: as in `mm.store.watch_job.WatchJob`."""

    rest: str
    loopback_only: bool
    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    recv_window_ms: int
    patience_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What a run hands to its guard. Fields: pulse: the adapter reads it too; access: None: no watchdog."""

    pulse: Pulse
    access: Access | None = None


def watched(settings: Settings, venue: VenueSettings, given: BinanceSettings, pulse: Pulse) -> Watched:
    """Return how the account that `given` trades is watched; reads the watchdog's own key if it has one.

    Raises: ConfigError if that key is not there or cannot be read.
    """
    if not settings.watchdog.enabled:
        log.warning("watchdog.off", hint="a trader that hangs or dies leaves its orders: [watchdog] enabled")
        return Watched(pulse=pulse)
    key, secret = given.api_key, given.api_secret
    if venue.watchdog_key is not None and venue.watchdog_secret is not None and not given.loopback_only:
        key, secret = read_secret(venue.watchdog_key).reveal(), read_secret(venue.watchdog_secret).reveal()
        add_secrets((key, secret))
    access = Access(
        rest=given.addresses.rest,
        loopback_only=given.loopback_only,
        api_key=key,
        api_secret=secret,
        recv_window_ms=given.recv_window_ms,
        patience_s=PATIENCE_S,
    )
    return Watched(pulse=pulse, access=access)


def latch_what_was_left(settings: Settings, kept: RunState) -> None:
    """Latch a halt that an earlier life was told and neither it nor its watchdog lived to write down.

    To be called before the words of this life take the place of those; raises StateCorrupt.
    """
    left = left_halt(settings.data_dir)
    if left is not None and kept.latched is None:
        reason = "an earlier life was told to halt and did not live to write it down"
        log.critical("halt.left", code=left.code, hint=reason)
        kept.latch(left.code, reason, left.since_ns, "watchdog")


class Guard:
    """Guards one life. Fields: pulse: its sign of life."""

    def __init__(self, settings: Settings, watched: Watched | None) -> None:
        """Make the shared words of this life; the directory's lock is held. Raises: StateCorrupt."""
        self._settings = settings
        self._access = watched.access if watched is not None else None
        self.pulse = watched.pulse if watched is not None else Pulse.alone()
        self._beat = Heartbeat.create(settings.data_dir)
        self.pulse.share(self._beat, settings.data_dir)
        self._process: WatchProcess | None = None
        self._held = ExitStack()
        self._has_traded = False

    def __enter__(self) -> Self:
        """Let SIGUSR1 halt from here on."""
        self._held.enter_context(halt_signal(self._beat))
        return self

    def __exit__(self, *_: object) -> None:
        """Let the watchdog go; one that may still be needed is left to its work."""
        if not self._has_traded:
            self.pulse.ended()
        if self._process is not None:
            self._process.end()
        self._held.close()

    def latch_if_asked(self, kept: RunState) -> None:
        """Latch trading off if the file HALT is there; raises StateCorrupt."""
        asked = halt_asked(self._settings.data_dir)
        if asked is not None:
            kept.latch(asked.reason, asked.reason, time.time_ns(), asked.who)

    async def start(self, engine: Engine) -> None:
        """Start the watchdog, told whose orders it may cancel; raises WatchdogFailed."""
        access, setup = self._access, engine.state.setup
        if access is None:
            return
        symbols = tuple(dict.fromkeys(m.instrument.venue_symbol for m in engine.state.markets.values()))
        job = WatchJob(
            data_dir=str(self._settings.data_dir),
            pid=self._beat.words[Word.TRADER_PID],
            started_ticks=self._beat.words[Word.TRADER_STARTED],
            rest=access.rest,
            loopback_only=access.loopback_only,
            api_key=access.api_key,
            api_secret=access.api_secret,
            recv_window_ms=access.recv_window_ms,
            symbols=symbols,
            tag=setup.ids.tag,
            id_key=setup.ids.key.hex(),
            epoch=setup.epoch,
            silent_ms=self._settings.watchdog.silent_ms,
            patience_s=access.patience_s,
        )
        self._process = WatchProcess(job, self._beat)
        await self._process.start()
        log.info("watchdog.watches", pid=self._process.pid)

    def attend(self, runtime: LiveRuntime) -> list[asyncio.Task[None]]:
        """Begin to give signs of life and to look after the watchdog; return the tasks that do."""
        tasks = [asyncio.create_task(self.pulse.attend(runtime.heed_halt))]
        if self._process is not None:

            def gone(reason: str) -> None:
                runtime.operate(Operation.HALT, reason=reason, who="watchdog")

            tasks.append(asyncio.create_task(self._process.attend(gone)))
        self._has_traded = True
        return tasks

    def ended(self) -> None:
        """Say that the venue showed nothing of ours: nobody has to act on our end."""
        self.pulse.ended()

    def status(self) -> dict[str, object]:
        """Return what a status says about the watchdog."""
        if self._process is None:
            why = "paper has no account" if self._settings.mode == "paper" else "off in the config"
            return {"watchdog": {"state": "none", "why": why}}
        age_ns = time.monotonic_ns() - self._beat.words[Word.WATCHDOG_BEAT_NS]
        state = self._beat.watch.name.lower()
        return {
            "watchdog": {"state": state, "pid": self._process.pid, "beat_age_ms": age_ns // NS_PER_MS},
        }
