"""What must survive a restart and is not the venue's to tell: one small file, always whole.

It holds the number of lives, the tag and key of our order ids, the halt latch with its history, the first
holding of each session, how the last life ended, when lives began that did not end, which lives ended their
journal in good order, and which run's journal holds what a later life has to take over. Written to a
temporary file, synced, renamed, and the directory synced, so that a crash leaves the old or the new state. A
file that cannot be read is never replaced: trading does not start on it. Invariant: only the holder of the
directory's lock writes; an epoch is given out once.
"""

import contextlib
import hashlib
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

import msgspec

from mm.domain.ids import EPOCH_BITS, TAG_BITS
from mm.errors import StateCorrupt
from mm.store.lease import Account
from mm.store.paths import STATE_NAME, private_directory

HISTORY_MAX: Final = 200
"""Changes of the latch that are kept; older ones are dropped."""

RESERVE_NAME: Final = "runstate.reserve"
RESERVE_BYTES: Final = 262_144
"""Room kept for the latch alone: a disk that is full halts trading, and that has to be written down."""

FILE_BYTES_MAX: Final = 1_000_000
ID_KEY_BYTES: Final = 32
TEXT_LENGTH_MAX: Final = 500

CRASHES_KEPT: Final = 20
"""Beginnings of lives that did not end that are kept; older ones are dropped."""

CLOSED_KEPT: Final = 500
"""Lives that ended their journal in good order that are kept; of older ones it is not known any more."""

UNWRITABLE: Final = ("journal.failed",)
"""Halts that no journal can tell of: it took nothing more, and that was the cause."""


class Latch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Trading is off. Fields: code: stable name of the cause; reason: for people; since_ns: UTC."""

    code: str
    reason: str
    since_ns: int


class LatchChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One change of the latch. Fields: ts_ns: UTC; set: set or lifted; who: set or lifted it."""

    ts_ns: int
    set: bool
    code: str
    reason: str
    who: str


class LastLife(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the newest life went.

    Fields: epoch: its number; ended: whether it said goodbye; open_orders: that it left, -1 unknown; closed:
    whether its journal was ended in good order before that, None where an older mm did not say.
    """

    epoch: int
    began_ns: int
    ended: bool = False
    ended_ns: int = 0
    open_orders: int = -1
    reason: str = ""
    closed: bool | None = None


class _State(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: int
    tag: int
    id_key: str
    epoch: int = 0
    latch: Latch | None = None
    history: tuple[LatchChange, ...] = ()
    target_lots: dict[str, int] = {}
    life: LastLife | None = None
    crashed_ns: tuple[int, ...] = ()
    estate_run: str = ""
    rest_run: str = ""
    closed: tuple[int, ...] = ()


class _Envelope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    # The digest tells a file that was damaged or edited by hand from one that we wrote.
    state: msgspec.Raw
    digest: str


class RunState:
    """The state of a data directory. Every change is on the disk when its method returns."""

    def __init__(self, path: Path, state: _State, clock_ns: Callable[[], int]) -> None:
        """For `open`; use that."""
        self._path = path
        self._state = state
        self._clock_ns = clock_ns

    @classmethod
    def open(
        cls,
        data_dir: Path,
        *,
        account: Account | None = None,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> Self:
        """Read the state, or make a first one in a directory that has none.

        Args: account: from which the tag and key of a first state are derived, so that a directory that was
        lost leaves no order that the next one does not know for its own; random ones without it.
        Raises: StateCorrupt if there is a file that cannot be read as what it has to be.
        """
        path = private_directory(data_dir) / STATE_NAME
        content = _content(path)
        if content is not None:
            return cls(path, _decoded(content, path), clock_ns)
        tag, id_key = secrets.randbelow(1 << TAG_BITS), secrets.token_hex(ID_KEY_BYTES)
        if account is not None:
            tag = int.from_bytes(account.digest(TAG_BITS // 8, "mm.tag"), "big")
            id_key = account.digest(ID_KEY_BYTES, "mm.id_key").hex()
        state = _State(version=1, tag=tag, id_key=id_key)
        opened = cls(path, state, clock_ns)
        opened._write(state)
        return opened

    @classmethod
    def read(cls, data_dir: Path) -> Self | None:
        """Return the state of a directory, None if it has none: to be looked at, nothing is made or checked.

        Raises: StateCorrupt if there is a file that cannot be read as what it has to be.
        """
        path = data_dir / STATE_NAME
        content = _content(path)
        return None if content is None else cls(path, _decoded(content, path), time.time_ns)

    @property
    def tag(self) -> int:
        """The 16-bit tag of this deployment's order ids."""
        return self._state.tag

    @property
    def id_key(self) -> bytes:
        """The key of the checksum in this deployment's order ids."""
        return bytes.fromhex(self._state.id_key)

    @property
    def epoch(self) -> int:
        """The number of the newest life, 0 before the first."""
        return self._state.epoch

    @property
    def life(self) -> LastLife | None:
        """How the newest life went, None before the first."""
        return self._state.life

    @property
    def latched(self) -> Latch | None:
        """The halt that holds, None while trading is allowed."""
        return self._state.latch

    @property
    def history(self) -> tuple[LatchChange, ...]:
        """The newest changes of the latch, oldest first."""
        return self._state.history

    @property
    def crashed_ns(self) -> tuple[int, ...]:
        """When lives began that did not end (UTC), oldest first; those that an operator has seen are gone."""
        life = self._state.life
        newest = (life.began_ns,) if life is not None and not life.ended else ()
        return (*self._state.crashed_ns, *newest)

    @property
    def closed_lives(self) -> tuple[int, ...]:
        """The newest lives that ended their journal in good order, oldest first."""
        life = self._state.life
        is_closed = life is not None and life.ended and self._was_closed(life)
        return (*self._state.closed, life.epoch) if life is not None and is_closed else self._state.closed

    def _was_closed(self, life: LastLife) -> bool:
        if life.closed is not None:
            return life.closed
        # An older mm said no more than that the life ended: its journal did too, unless it had failed.
        changes = (change for change in self._state.history if change.ts_ns >= life.began_ns)
        return not any(change.code in UNWRITABLE for change in changes)

    @property
    def estate_run(self) -> str:
        """The run whose journal holds what a later life has to take over, "" if none does."""
        return self._state.estate_run

    @property
    def rest_run(self) -> str:
        """The run whose journal says what an orderly end left, "" if there was none or more was left."""
        return self._state.rest_run

    def begin_life(self, *, at_least: int = 0) -> int:
        """Count a new life and return its number, on the disk before it is used, with room for a latch.

        Args: at_least: it is not below this. Raises: StateCorrupt if the numbers are used up or the disk does
        not take it.
        """
        epoch = max(self._state.epoch + 1, at_least)
        if epoch >= 1 << EPOCH_BITS:
            raise StateCorrupt(
                f"{self._path}: all {1 << EPOCH_BITS} lives are used up", hint="use a new data_dir"
            )
        life = LastLife(epoch=epoch, began_ns=self._clock_ns())
        begun = msgspec.structs.replace(
            self._state,
            epoch=epoch,
            life=life,
            crashed_ns=self.crashed_ns[-CRASHES_KEPT:],
            closed=self.closed_lives[-CLOSED_KEPT:],
        )
        self._write(begun)
        try:
            _replace(self._path.with_name(RESERVE_NAME), secrets.token_bytes(RESERVE_BYTES))
        except OSError as error:
            raise _not_written(self._path, error) from None
        return epoch

    def leave_estate(self, run: str) -> None:
        """Note whose journal a later life takes over from; "" if there is nothing to take over any more."""
        if run != self._state.estate_run:
            self._write(msgspec.structs.replace(self._state, estate_run=run, rest_run=""))

    def end_life(
        self, *, open_orders: int, reason: str, keeps_estate: bool = False, closed: bool = True
    ) -> None:
        """Note how this life ended.

        Args: open_orders: that it leaves at the venue, -1 if it cannot tell; keeps_estate: what it took over
        is still to be taken over, although no order is left; closed: its journal has its end by now.
        """
        assert self._state.life is not None  # begin_life comes first
        life = msgspec.structs.replace(
            self._state.life,
            ended=True,
            ended_ns=self._clock_ns(),
            open_orders=open_orders,
            reason=reason[:TEXT_LENGTH_MAX],
            closed=closed,
        )
        is_over = open_orders == 0 and not keeps_estate
        left = self._state.estate_run
        ended = {"estate_run": "", "rest_run": left or self._state.rest_run} if is_over else {}
        self._write(msgspec.structs.replace(self._state, life=life, **ended))

    def latch(self, code: str, reason: str, ts_ns: int, who: str = "mm") -> None:
        """Switch trading off until an operator lifts it. The first cause stays; later ones go to the history.

        The same cause said again writes nothing.

        Raises: StateCorrupt if it cannot be written; it holds in memory all the same.
        """
        code, reason = code[:TEXT_LENGTH_MAX], reason[:TEXT_LENGTH_MAX]
        first = self._state.latch or Latch(code=code, reason=reason, since_ns=ts_ns)
        newest = self._state.history[-1] if self._state.history else None
        if self._state.latch and newest and newest.set and (newest.code, newest.reason) == (code, reason):
            return
        change = LatchChange(ts_ns=ts_ns, set=True, code=code, reason=reason, who=who[:TEXT_LENGTH_MAX])
        latched = msgspec.structs.replace(self._state, latch=first, history=self._with(change))
        try:
            self._write(latched)
        except StateCorrupt:
            with contextlib.suppress(OSError):
                self._path.with_name(RESERVE_NAME).unlink()
            self._write(latched)

    def clear_latch(self, reason: str, who: str) -> Latch | None:
        """Lift the halt and return what it was, None if there was none (then nothing is written)."""
        lifted = self._state.latch
        if lifted is None:
            return None
        change = LatchChange(
            ts_ns=self._clock_ns(),
            set=False,
            code=lifted.code,
            reason=reason[:TEXT_LENGTH_MAX],
            who=who[:TEXT_LENGTH_MAX],
        )
        before = self._state
        try:
            self._write(
                msgspec.structs.replace(before, latch=None, history=self._with(change), crashed_ns=())
            )
        except StateCorrupt:
            # A halt is lifted on the disk or not at all.
            self._state = before
            raise
        return lifted

    def target_lots(self, session: str) -> int | None:
        """Return the holding at which a session's inventory is 0, as noted at its first start; else None."""
        return self._state.target_lots.get(session)

    def set_target_lots(self, session: str, target_lots: int) -> None:
        """Note the holding at which a session's inventory is 0."""
        targets = {**self._state.target_lots, session: target_lots}
        self._write(msgspec.structs.replace(self._state, target_lots=targets))

    def _with(self, change: LatchChange) -> tuple[LatchChange, ...]:
        return (*self._state.history, change)[-HISTORY_MAX:]

    def _write(self, state: _State) -> None:
        self._state = state
        body = msgspec.json.encode(state)
        content = msgspec.json.encode(_Envelope(state=msgspec.Raw(body), digest=_digest(body)))
        try:
            _replace(self._path, content)
        except OSError as error:
            raise _not_written(self._path, error) from None


def _not_written(path: Path, error: OSError) -> StateCorrupt:
    return StateCorrupt(
        f"{path}: cannot be written: {error.strerror}", hint="free disk space, check the permissions"
    )


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _content(path: Path) -> bytes | None:
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            return os.read(file, FILE_BYTES_MAX + 1)
        finally:
            os.close(file)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateCorrupt(f"{path}: cannot be read: {error.strerror}") from None


def _decoded(content: bytes, path: Path) -> _State:
    hint = "restore it from a backup, or use a new data_dir and check the venue for open orders first"
    try:
        envelope = msgspec.json.decode(content, type=_Envelope, strict=True)
        if envelope.digest != _digest(bytes(envelope.state)):
            raise StateCorrupt(f"{path}: damaged or edited: its digest does not fit", hint=hint)
        state = msgspec.json.decode(envelope.state, type=_State, strict=True)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise StateCorrupt(f"{path}: not a state file: {error}", hint=hint) from None
    fits = state.version == 1 and 0 <= state.tag < 1 << TAG_BITS and 0 <= state.epoch < 1 << EPOCH_BITS
    if not fits or len(state.id_key) != 2 * ID_KEY_BYTES or state.id_key.strip("0123456789abcdef"):
        raise StateCorrupt(f"{path}: a value in it is impossible", hint=hint)
    return state


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_suffix(".tmp")
    with contextlib.suppress(FileNotFoundError):
        temporary.unlink()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
