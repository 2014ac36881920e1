"""The shell's part of a start, in the order that keeps money safe: each step named, logged with its evidence.

    1 lock      one process per directory, one per account             here; a refusal where it fails
    2 directory readable, private, with room to write                  here; a refusal
    3 scan      the journal that holds what the last life left         here; damage halts, ours is cancelled
    4 estate    made again from it                                     here; as 3
                what rests where no pair trades is taken off           `elsewhere`, or a refusal
    5 unknown   every order in it counts until the venue has spoken    `assemble`: the engine's first state
    6 epoch     the number of this life, on the disk                   `Start.begin_life`
    7 watchdog  is told who we are, before anything is sent            `trade`
    8-16        private stream, clock, listings, fills, proofs,        the engine, event by event
                ledger, limits, books, and "recovered" in the journal

After an orderly end step 4 makes less of it: what the account held and who was paused; that is compared and
kept, nothing else, and where it cannot be read it is said and not missed.

Before step 6 nothing is sent and nothing changed that another start would miss. Demo and paper take nothing
over but, on paper, what signals learnt: their venue forgets when the process ends, so what they held is no
more.

Invariant: a journal that is damaged is never written to, moved or passed over in silence.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from mm.bootstrap.assemble import Heritage
from mm.bootstrap.learnt import signals_before
from mm.bootstrap.recipe import fold_setup, read_recipe
from mm.bootstrap.watch import Watched
from mm.domain.estate import Estate, SignalEstate
from mm.engine.setup import EngineSetup
from mm.errors import ConfigError, JournalFailed, JournalForeign, MMError, StateCorrupt
from mm.observe.latch import QUARANTINED, STATE_LOST
from mm.runtime.recover import Recovered, estate_from
from mm.runtime.takeover import Judged, Taken, take_over
from mm.settings.models import Settings
from mm.store.journal.entries import RunHeader
from mm.store.journal.layout import RUNS_NAME, journal_directory, runs
from mm.store.lease import Account, AccountLease
from mm.store.lock import DirectoryLock
from mm.store.operator_notes import notes
from mm.store.paths import STATE_NAME, private_directory
from mm.store.runstate import RunState
from mm.venues.binance.cancel_only import CancelSettings

log = structlog.get_logger("mm")

CRASH_LOOP: Final = "crash.loop"
RESTORED: Final = "state.restored"
"""Codes of halts that a start itself latches."""

STOP_LOSS: Final = "stop_loss."
"""How the codes of halts begin that a loss caused."""

CRASH_WINDOW_NS: Final = 600 * 1_000_000_000
SPACE_FLOOR_BYTES: Final = 64_000_000
"""With less room than one segment of the journal nothing is begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartOptions:
    """What a start is told besides the config.

    Fields: account: that is traded for money, None where the venue ends with the process; rebuild: an
    operator gives up what a damaged journal held, and begins from what the venue shows; watched: how the
    account is watched from outside, None where there is nothing to watch; access: with which orders can be
    listed and cancelled that the engine does not look after, None where there is no account.
    """

    account: Account | None = None
    rebuild: bool = False
    watched: Watched | None = None
    access: CancelSettings | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """What is known when a life ends.

    Fields: latched: the halt that it began with, "" if none; broke: the core or its record did, so that it
    may not have heard of all its fills: the next life takes over what is known; closed: its journal was
    ended in good order.
    """

    latched: str
    broke: bool
    closed: bool


class Start:
    """A start under way.

    Fields: kept: the state of the directory; recovered: what is taken over, None if nothing is; rest: what
    the last life left whose end was orderly, None if nobody knows or more was left; inherits: the venue may
    still have orders of an earlier life; is_quarantined: what was left cannot be read, and nobody has given
    it up; is_lost: the account was traded before, this directory knows of no life; given_up: what an operator
    gave up, in words; settled: what was dealt with before the engine was there, in words; signals: what they
    learnt before, whatever became of the rest; identity: tells which account the venue says it is, once it
    knows; has_begun: whether anything may have been sent.
    """

    def __init__(
        self,
        kept: RunState,
        options: StartOptions,
        lease: AccountLease | None,
        data_dir: Path,
        held: ExitStack,
    ) -> None:
        """For `begin`; use that."""
        self.identity: Callable[[], str] = str
        self.has_begun: Callable[[], bool] = bool
        self.kept = kept
        self.recovered: Recovered | None = None
        self.rest: Estate | None = None
        self.inherits = False
        self.is_quarantined = False
        self.is_lost = False
        self.given_up = ""
        self.settled = ""
        self.signals: tuple[SignalEstate, ...] = ()
        self._account = options.account
        self._lease = lease
        self._data_dir = data_dir
        self._held = held
        self._above = 0
        self._before = kept.life

    @property
    def heritage(self) -> Heritage:
        """What the engine takes over."""
        estate = self.recovered.estate if self.recovered is not None else self.rest
        return Heritage(
            begin_life=self.begin_life, estate=estate, inherits=self.inherits, signals=self.signals
        )

    def settle(self, estate: Estate, told: str) -> None:
        """Take over `estate` instead: the rest was dealt with. Args: told: how, in words."""
        if self.recovered is not None:
            self.recovered = replace(self.recovered, estate=estate)
        else:
            self.rest = estate
        self.settled = told

    def begin_life(self) -> int:
        """Step 6: count a new life and return its epoch, above every number that was ever in use here.

        Raises: AlreadyRunning if the venue's own name of the account is traded with another key.
        """
        self._take_identity()
        with _step(6, "epoch") as told:
            number = self._above + 1
            if self._lease is not None:
                number = self._lease.next_number(above=max(self.kept.epoch, self._above))
            epoch = self.kept.begin_life(at_least=number)
            if self._lease is not None:
                self._lease.note(epoch)
            told["epoch"] = epoch
        return epoch

    def _take_identity(self) -> None:
        # A second lease: one account may have many keys.
        identity = self.identity()
        if self._account is None or not identity:
            return
        same = Account(venue=self._account.venue, key_id=identity)
        with _step(1, "lock of the account itself"):
            self._held.enter_context(AccountLease(same, self._data_dir))

    def leave(self, run: str) -> None:
        """From here on the journal of `run` holds what a later life takes over; it is on the disk by now."""
        if self._account is not None and not self.is_quarantined:
            self.kept.leave_estate(run)

    def end_life(self, end: End, *, open_orders: int, reason: str) -> None:
        """Note how this life ended. Args: open_orders: that it leaves at the venue, -1 if it cannot tell."""
        # A life that begins halted judges nothing that was traded before; only a loss limit that is lifted
        # has had its say, and losses count anew.
        keeps_estate = end.broke or bool(end.latched and not end.latched.startswith(STOP_LOSS))
        with _on_the_way_out():
            self.kept.end_life(
                open_orders=open_orders, reason=reason, keeps_estate=keeps_estate, closed=end.closed
            )

    def end_unsent(self) -> None:
        """Note that a life that was counted sent nothing: all that was left before it still is, and no more.

        Without it the next start waited for orders of a life that placed none, and counted it for a crash.
        """
        life, before = self.kept.life, self._before
        if life is None or life == before or life.ended or self.has_begun():
            return
        left = 0 if before is None else before.open_orders if before.ended else -1
        with _on_the_way_out():
            self.kept.end_life(
                open_orders=left, reason="ended before it sent anything", keeps_estate=True, closed=False
            )


def begin(settings: Settings, options: StartOptions, held: ExitStack) -> Start:
    """Take steps 1 to 4; what has to be given back at the end is put into `held`.

    Raises: AlreadyRunning; StateCorrupt, JournalFailed if the directory cannot be used; ConfigError if there
    is nothing to rebuild. A journal that is damaged latches a halt instead: what is ours is still cancelled.
    """
    with _step(1, "lock"):
        held.enter_context(DirectoryLock(settings.data_dir))
        lease = None
        if options.account is not None:
            lease = held.enter_context(AccountLease(options.account, settings.data_dir))
    with _step(2, "directory") as told:
        is_stateless = not (settings.data_dir / STATE_NAME).exists()
        kept = RunState.open(settings.data_dir, account=options.account)
        told["free_bytes"] = _check_room(settings)
        start = Start(kept, options, lease, settings.data_dir, held)
        held.callback(start.end_unsent)
        start._above = max((place.epoch for place in runs(settings.data_dir)), default=0)
    if lease is not None and is_stateless and _has_past(settings.data_dir):
        # Whoever takes the state away takes halts, loss limits and positions with it.
        start.is_lost = True
        kept.latch(STATE_LOST, "runs are recorded here, and runstate.json is gone", time.time_ns())
    _judge_past(start, settings, lease)
    if options.account is not None:
        _take_over(start, settings, rebuild=options.rebuild)
    start.signals = signals_before(settings)
    return start


def _take_over(start: Start, settings: Settings, *, rebuild: bool) -> None:
    kept = start.kept
    start.inherits = bool(kept.estate_run) or start.is_lost
    if rebuild and not kept.estate_run:
        raise nothing_to_rebuild("the last life left nothing")
    taken = take_over(
        kept,
        lambda run: _read(settings, kept, run),
        Judged(latched=_code(kept), now_ns=time.time_ns(), rebuild=rebuild),
    )
    if not kept.estate_run:
        start.rest = taken.rest
        if taken.forgotten:
            log.warning("rest.unreadable", run=kept.rest_run, damage=taken.forgotten)
        return
    if taken.recovered is None:
        _say_damaged(start, taken)
        return
    if rebuild:
        raise nothing_to_rebuild(f"the journal of run {kept.estate_run} is whole")
    if _code(kept) == QUARANTINED:
        log.warning("journal.readable_again", run=kept.estate_run)
    start.recovered = taken.recovered
    _tell(taken.recovered)


def _read(settings: Settings, kept: RunState, run: str) -> Recovered | None:
    with _step(3, "scan and estate", run=run) as told:
        began = time.monotonic()
        recovered = estate_from(journal_directory(settings.data_dir, run), partial(_setup_of, kept))
        told["ms"] = round((time.monotonic() - began) * 1_000, 1)
    return recovered


def _code(kept: RunState) -> str:
    return kept.latched.code if kept.latched is not None else ""


def _say_damaged(start: Start, taken: Taken) -> None:
    run = start.kept.estate_run
    if taken.given_up:
        start.given_up = f"what run {run} left was given up: {taken.given_up}"
        log.critical("journal.given_up", run=run, damage=taken.given_up)
        return
    start.is_quarantined = True
    log.critical(
        "journal.quarantined",
        run=run,
        damage=taken.quarantined,
        hint="everything of ours is cancelled; then: `mm journal verify`, restore the file from a backup, or "
        "give up what it held with `mm run CONFIG --yes-live --rebuild-from-venue`",
    )


def _judge_past(start: Start, settings: Settings, lease: AccountLease | None) -> None:
    kept, now_ns = start.kept, time.time_ns()
    limit = settings.recovery.max_crashes
    recent = [began_ns for began_ns in kept.crashed_ns if now_ns - began_ns <= CRASH_WINDOW_NS]
    if limit and len(recent) >= limit and kept.latched is None:
        kept.latch(CRASH_LOOP, f"{len(recent)} lives within 10 minutes did not end", now_ns)
    before = lease.before if lease is not None else None
    if before is None or before.fencing <= kept.epoch:
        return
    # What a directory that is not there any more left at the venue bears the same mark as what comes now.
    start.is_lost = start.is_lost or kept.life is None
    if before.data_dir != str(settings.data_dir.absolute()):
        log.warning("lease.elsewhere", data_dir=before.data_dir, number=before.fencing)
    elif start.is_lost:
        log.warning("state.lost", hint="orders of ours are cancelled; P&L and inventory begin anew")
    elif kept.latched is None:
        found = (
            f"this directory knows {kept.epoch} lives, the account's lease {before.fencing}: an older copy"
        )
        kept.latch(RESTORED, found, now_ns)


def _has_past(data_dir: Path) -> bool:
    return any(not place.is_empty for place in runs(data_dir)) or any(True for _ in notes(data_dir))


def _check_room(settings: Settings) -> int:
    private_directory(settings.data_dir / RUNS_NAME)
    try:
        room = os.statvfs(settings.data_dir)
    except OSError as error:
        raise StateCorrupt(f"{settings.data_dir}: cannot be looked at: {error.strerror}") from None
    free_bytes = room.f_bavail * room.f_frsize
    if free_bytes < SPACE_FLOOR_BYTES:
        raise JournalFailed(
            f"{settings.data_dir}: {free_bytes // 1_000_000} MB are free, expected at least"
            f" {SPACE_FLOOR_BYTES // 1_000_000}",
            hint="free disk space, or set data_dir to another disk; nothing was sent",
        )
    return free_bytes


def _setup_of(kept: RunState, header: RunHeader) -> EngineSetup:
    recipe = read_recipe(header.config_text)
    if (recipe.tag, bytes.fromhex(recipe.key)) != (kept.tag, kept.id_key):
        raise JournalForeign(
            f"run {header.run_id}: its orders bear another mark than those of this data directory",
            hint="it is of another account, or of a demo: restore the journal that was here",
        )
    return fold_setup(recipe)


def _tell(recovered: Recovered) -> None:
    left, evidence = recovered.estate, recovered.evidence
    log.info(
        "recovery.read",
        run=evidence.run_id,
        orders=len(left.orders),
        positions=len(left.positions) + len(left.retired),
        checkpoint=evidence.checkpoint_seq,
        records=evidence.records,
        torn_bytes=evidence.torn_bytes,
    )


def nothing_to_rebuild(why: str) -> ConfigError:
    """Return the error for a rebuild that was asked for without need. Args: why: there is none."""
    return ConfigError(
        f"--rebuild-from-venue was given, but {why}: nothing was started", hint="start without the option"
    )


@contextmanager
def _on_the_way_out() -> Iterator[None]:
    # How the run ended is told all the same: orders may remain, and that weighs more.
    try:
        yield
    except StateCorrupt as error:
        log.critical("state.not_written", error=str(error))


@contextmanager
def _step(number: int, name: str, **facts: object) -> Iterator[dict[str, object]]:
    try:
        yield facts
    except MMError as error:
        log.error("start.step_failed", number=number, step=name, error=str(error))
        raise
    log.debug("start.step", number=number, step=name, **facts)
