"""One run on one venue, from the lock on its data directory to its last word. The same for every mode."""

import asyncio
import contextlib
import gc
import signal
from collections.abc import Callable, Coroutine
from typing import Final, TypeVar

import structlog

from mm.bootstrap.assemble import assemble
from mm.bootstrap.unfit import UnfitLadder
from mm.domain.units import NS_PER_S
from mm.errors import EXIT_HALTED, EXIT_OK, EXIT_ORDERS_MAY_REMAIN, StateCorrupt
from mm.observe.report_log import log_report
from mm.observe.status import RunFacts, status
from mm.ports import Venue
from mm.runtime.control import ControlServer
from mm.runtime.keeper import Keeper
from mm.runtime.live import Clock, LiveRuntime, Outcome
from mm.settings.models import Settings
from mm.settings.options import RunReport, Show
from mm.store.lock import DirectoryLock
from mm.store.paths import made_control_socket
from mm.store.runstate import RunState

log = structlog.get_logger("mm")

SHOW_PAUSE_S: Final = 0.25
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

T = TypeVar("T")


class Bot:
    """A run that is over. Fields: settings, runtime, outcome; state: the engine's last."""

    def __init__(self, settings: Settings, runtime: LiveRuntime, outcome: Outcome) -> None:
        """Keep what a report needs."""
        self.settings = settings
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
    try:
        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(_ending(main))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


async def _ending(main: Callable[[], Coroutine[object, object, T]]) -> T:
    _unwind_on_signals()
    return await main()


def _heeded() -> list[signal.Signals]:
    # Whoever started us with `nohup` wants us to outlive the terminal.
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return [number for number in SIGNALS if not (ignored and number is signal.SIGHUP)]


def _unwind_on_signals() -> None:
    # Before and after the trading there is nothing to confirm, but a child process may have to be ended.
    task = asyncio.current_task()
    assert task is not None
    for number in _heeded():
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)


async def trade(
    settings: Settings, venue: Venue, clock: Clock, *, duration_ns: int, show: Show | None
) -> Bot:
    """Trade as `settings` say until stopped, and return when the venue is clean or patience ends.

    A latched halt is not lifted: what is left of ours is cancelled and confirmed, then the run ends.
    Raises: AlreadyRunning, StateCorrupt, ConfigError, VenueUnreachable, VenueRefused before anything is sent.
    """
    with DirectoryLock(settings.data_dir):
        kept = RunState.open(settings.data_dir)
        latched = kept.latched
        if latched is not None:
            log.critical("halt.latched", reason=latched.code, hint="lift it with: mm unhalt --reason '...'")
        try:
            engine = await assemble(settings, venue, kept)
            unfit = UnfitLadder(settings)
            runtime = LiveRuntime(engine, venue, clock, (Keeper(kept), log_report, unfit))
            unfit.runtime = runtime
            outcome = await _attended(settings, runtime, show, duration_ns=1 if latched else duration_ns)
        except BaseException:
            await venue.close()
            raise
        try:
            kept.end_life(open_orders=0 if outcome.clean else -1, reason=outcome.reason)
        except StateCorrupt as error:
            # How the run ended is told all the same: orders may remain, and that weighs more.
            log.critical("state.not_written", error=str(error))
        if outcome.clean and not outcome.halted:
            unfit.raise_if_found()
        return Bot(settings, runtime, outcome)


async def _attended(
    settings: Settings, runtime: LiveRuntime, show: Show | None, *, duration_ns: int
) -> Outcome:
    # The run with everything that watches and steers it.
    facts = RunFacts(
        mode=settings.mode,
        venue=next(iter(settings.venue.values())).id,
        strategies={name: pair.strategy for name, pair in settings.pair.items()},
        started_ns=runtime.now_ns(),
    )

    def look() -> dict[str, object]:
        seen = status(runtime.engine.state, runtime.history, facts, runtime.now_ns())
        # A core that broke does not know that it did.
        return seen | {"state": "halting", "reason": runtime.failure} if runtime.failure else seen

    control = ControlServer(made_control_socket(settings.data_dir), runtime, look)
    await control.start()
    showing = asyncio.create_task(_show(show, look)) if show is not None else None
    loop = asyncio.get_running_loop()
    for number in _heeded():
        loop.add_signal_handler(number, runtime.insist, number.name)
    # Nothing made so far is garbage: a full collection over it would only stall the loop.
    gc.freeze()
    try:
        return await runtime.run(duration_ns)
    finally:
        gc.unfreeze()
        _unwind_on_signals()
        await control.close()
        if showing is not None:
            showing.cancel()


async def _show(show: Show, look: Callable[[], dict[str, object]]) -> None:
    while True:
        show(look())
        await asyncio.sleep(SHOW_PAUSE_S)
