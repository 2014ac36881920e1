"""One run on one venue, from the lock on its data directory to its last word. The same for every mode.

SIGINT and SIGTERM end a run in order. SIGHUP reads the config anew, as service managers expect; only where it
says that the terminal is gone that the run was started from, nobody is left to watch it, and it ends.
"""

import asyncio
import contextlib
import gc
import signal
from collections.abc import Callable, Coroutine, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Final, TypeVar

import structlog

from mm.bootstrap.assemble import assemble
from mm.bootstrap.elsewhere import take_off_elsewhere
from mm.bootstrap.metering import Meter
from mm.bootstrap.reconfigure import begin_revision, preparation
from mm.bootstrap.recording import begin_recording
from mm.bootstrap.recovery import End, StartOptions, begin
from mm.bootstrap.terminal import TERMINAL
from mm.bootstrap.unfit import UnfitLadder
from mm.bootstrap.watch import Guard, latch_what_was_left
from mm.domain.units import NS_PER_S
from mm.errors import EXIT_HALTED, EXIT_OK, EXIT_ORDERS_MAY_REMAIN, JournalFailed
from mm.observe.latch import way_out
from mm.observe.report_log import log_report
from mm.observe.status import status
from mm.ports import Identified, Venue
from mm.runtime.config_watch import ConfigWatch
from mm.runtime.control import ControlServer
from mm.runtime.keeper import Keeper
from mm.runtime.live import Clock, LiveRuntime, Outcome
from mm.runtime.notify import Attendance
from mm.runtime.reconfigure import LiveConfig
from mm.runtime.recorder import JournalRecorder
from mm.runtime.resident import give_back_large_blocks
from mm.settings.models import Settings
from mm.settings.options import RunReport, Show
from mm.store.config_history import ConfigHistory
from mm.store.paths import made_control_socket

log = structlog.get_logger("mm")

SHOW_PAUSE_S: Final = 0.25
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
WATCH_PAUSE_S: Final = 1.0
FRESH: Final = StartOptions()

T = TypeVar("T")


class Bot:
    """A run that is over. Fields: configs: all that were in force; runtime; outcome; state: the last one."""

    def __init__(self, configs: Sequence[Settings], runtime: LiveRuntime, outcome: Outcome) -> None:
        """Keep what a report needs."""
        self.configs = tuple(configs)
        self.runtime = runtime
        self.outcome = outcome
        self.state = runtime.engine.state

    @property
    def exit_code(self) -> int:
        """What the process ends with."""
        if not self.outcome.clean:
            return EXIT_ORDERS_MAY_REMAIN
        return EXIT_HALTED if self.outcome.halted else EXIT_OK

    @property
    def quote(self) -> str:
        """The quote asset of the first session."""
        return self.state.sessions[0].setup.instrument.quote

    @property
    def pnl_quote(self) -> str:
        """P&L after fees of the sessions that share the first one's quote asset."""
        first = self.state.sessions[0].setup.instrument
        same = [s for s in self.state.sessions if s.setup.instrument.quote == first.quote]
        return first.quote_text(sum(session.position.net_quote_atoms for session in same))

    def report(self, run_s: float) -> RunReport:
        """Return how the run went by the bot's own books: for venues that have no truth door."""
        history = self.runtime.history
        fills, sent = history.fills_total, history.placed + history.cancels
        first_ns = history.first_fill_ns - self.runtime.began_ns
        return RunReport(
            orders_placed=history.placed,
            orders_cancelled=history.canceled,
            fills=fills,
            first_fill_s=round(first_ns / NS_PER_S, 3) if fills else None,
            self_trades=None,
            limit_breaches=None,
            # The venue's word counts; a core that broke did not hear it.
            open_orders_at_exit=0 if self.outcome.clean else len(self.state.orders.live),
            pnl_residual=sum(abs(session.position.residual_half) for session in self.state.sessions),
            messages_per_fill=round(sent / fills, 2) if fills else None,
            exit_reason=self.outcome.reason,
            pnl_quote=self.pnl_quote,
            quote=self.quote,
            run_s=round(run_s, 3),
            exit_code=self.exit_code,
        )


def in_loop(main: Callable[[], Coroutine[object, object, T]]) -> T:
    """Run `main` to its end in an event loop of its own, the fast one where it is installed.

    Raises: KeyboardInterrupt if a signal came while nothing was attending to it: what was begun is undone.
    """
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    with contextlib.suppress(ImportError):
        import uvloop  # noqa: PLC0415 - not on every system; the standard loop serves as well

        factory = uvloop.new_event_loop
    give_back_large_blocks()
    try:
        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(_ending(main))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


async def _ending(main: Callable[[], Coroutine[object, object, T]]) -> T:
    _unwind_on_signals()
    return await main()


def _unwind_on_signals() -> None:
    # Before and after the trading there is nothing to confirm, but a child process may have to be ended.
    task = asyncio.current_task()
    assert task is not None
    unwind = task.cancel
    _heed(lambda _: unwind(), lambda _: None)


def _heed(end: Callable[[str], object], reload: Callable[[str], object]) -> None:
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, end, number.name)
    hang_up = signal.SIGHUP
    loop.add_signal_handler(hang_up, lambda: (end if TERMINAL.is_lost() else reload)(hang_up.name))


async def trade(  # noqa: PLR0913 - what each mode hands on as it got it
    settings: Settings,
    venue: Venue,
    clock: Clock,
    *,
    duration_ns: int,
    show: Show | None,
    options: StartOptions = FRESH,
) -> Bot:
    """Trade as `settings` say until stopped, and return when the venue is clean or patience ends.

    A latched halt is not lifted: what is left of ours is cancelled and confirmed, then the run ends.
    Args: options: what the start is told besides; a venue that ends with the process asks for nothing.
    Raises: AlreadyRunning, StateCorrupt, ConfigError, VenueUnreachable, VenueRefused before anything is sent.
    """
    with ExitStack() as held:
        try:
            start = begin(settings, options, held)
            kept = start.kept
            latch_what_was_left(settings, kept)
            guard = held.enter_context(Guard(settings, options.watched))
            guard.latch_if_asked(kept)
            latched = kept.latched
            if latched is not None:
                hint = f"lift it with: {way_out(latched.code)}"
                log.critical("halt.latched", reason=latched.code, detail=latched.reason, hint=hint)
            history = ConfigHistory(settings.data_dir)
            revision = begin_revision(settings, history)
            if isinstance(venue, Identified):
                start.identity = lambda: venue.identity
            await take_off_elsewhere(start, settings, options.access, proof_ns=venue.caps.absence_proof_ns)
            engine = await assemble(settings, venue, kept, revision=revision, heritage=start.heritage)
            await guard.start(engine)
            unfit = UnfitLadder(settings)
            recorder = begin_recording(settings, engine, start, clock.now_ns())
            observers = (Keeper(kept), guard.pulse.on_report, log_report, unfit)
            runtime = LiveRuntime(engine, venue, clock, observers, recorder=recorder)
            start.has_begun = lambda: bool(runtime.began_ns)
            unfit.runtime, runtime.pulse = runtime, guard.pulse
            config = LiveConfig(settings, runtime, history, preparation(engine))
            meter = Meter(config, runtime, lambda: recorder.written_bytes)
            outcome = await _recorded(
                recorder,
                runtime,
                _attended(meter, runtime, show, guard, duration_ns=1 if latched else duration_ns),
            )
        except BaseException:
            await venue.close()
            raise
        end = End(
            latched=latched.code if latched else "", broke=bool(runtime.failure), closed=recorder.is_closed
        )
        start.end_life(end, open_orders=0 if outcome.clean else -1, reason=outcome.reason)
        if outcome.clean:
            guard.ended()
        if outcome.clean and not outcome.halted:
            unfit.raise_if_found()
        return Bot(config.seen, runtime, outcome)


async def _recorded(
    recorder: JournalRecorder, runtime: LiveRuntime, run: Coroutine[object, object, Outcome]
) -> Outcome:
    try:
        return await run
    finally:
        try:
            await recorder.close(is_sane=not runtime.failure)
        except JournalFailed as error:
            log.critical("journal.not_closed", error=str(error))


async def _attended(
    meter: Meter, runtime: LiveRuntime, show: Show | None, guard: Guard, *, duration_ns: int
) -> Outcome:
    # The run with everything that watches and steers it.
    config, facts = meter.config, meter.facts
    settings, watch = config.running, ConfigWatch(config)

    def look() -> dict[str, object]:
        state, now_ns = runtime.engine.state, runtime.now_ns()
        seen = status(state, runtime.history, facts, now_ns, analyst=runtime.analyst) | guard.status()
        # A core that broke does not know that it did.
        return seen | {"state": "halting", "reason": runtime.failure} if runtime.failure else seen

    control = ControlServer(made_control_socket(settings.data_dir), runtime, look, config, meter.text)
    await control.start()
    endpoint = meter.endpoint()
    if endpoint is not None:
        await endpoint.start()
    beside, reload = [asyncio.create_task(_watch(watch)), *guard.attend(runtime)], watch.reload
    if show is not None:
        beside.append(asyncio.create_task(_show(show, look)))
    service = Attendance.of(runtime, look)
    if service is not None:
        beside.append(asyncio.create_task(service.attend()))
        reload = partial(service.reload, watch.reload)
    _heed(runtime.insist, reload)
    # Nothing made so far is garbage: a full collection over it would only stall the loop.
    gc.freeze()
    try:
        with guard.pulse.trading():
            return await runtime.run(duration_ns)
    finally:
        gc.unfreeze()
        _unwind_on_signals()
        await control.close()
        if endpoint is not None:
            await endpoint.close()
        for task in beside:
            task.cancel()
        if service is not None:
            service.close()


async def _watch(watch: ConfigWatch) -> None:
    while True:
        await asyncio.sleep(WATCH_PAUSE_S)
        try:
            watch.look()
        except Exception as error:  # noqa: BLE001 - the top of its loop: an edit that breaks us leaves the old config
            log.error("config.failed", error=type(error).__name__, detail=str(error))


async def _show(show: Show, look: Callable[[], dict[str, object]]) -> None:
    while True:
        show(look())
        await asyncio.sleep(SHOW_PAUSE_S)
