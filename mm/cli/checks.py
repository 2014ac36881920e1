"""What `mm doctor` looks at without asking a venue: one function per row, each measured against a limit.

A check reports; it repairs nothing and leaves nothing behind. One that crashes becomes a failed row.
"""

import ctypes
import errno
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from mm.errors import AlreadyRunning, MMError
from mm.observe.latch import way_out
from mm.store.lock import DirectoryLock, holder
from mm.store.paths import STATE_NAME
from mm.store.runstate import RunState
from mm.store.secrets import read_secret

if TYPE_CHECKING:
    from mm.settings.models import Settings

Status: TypeAlias = Literal["ok", "warn", "fail", "skip"]

PYTHON_TESTED: Final = ((3, 11), (3, 14))
CCXT_TESTED: Final = ((4, 5, 90), (4, 6))
SYNC_MS_WARN: Final = 20.0
SYNC_ROUNDS: Final = 15
WATCHDOG_MS_WARN: Final = 1_000.0
DISK_RATIO_FAIL, DISK_RATIO_WARN = 0.05, 0.20
DISK_BYTES_FAIL, DISK_BYTES_WARN = 200_000_000, 2_000_000_000
CLOCK_UNSYNCHRONISED: Final = 5
TIMEX_BYTES: Final = 512
BUILT_AFTER_S: Final = 1_760_000_000
"""A clock before this is wrong: mm did not exist yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One finding. Fields: what: was looked at; status; measured; limit: what is expected; fix: a command."""

    what: str
    status: Status
    measured: str
    limit: str = ""
    fix: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return the fields by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is looked at.

    Fields: data_dir: of the daemon; port: of the local exchange; config: a file, None without one; settings:
    what it says, None without one or if it is wrong; config_error: what is wrong then.
    """

    data_dir: Path
    port: int
    config: Path | None = None
    settings: "Settings | None" = None
    config_error: str = ""


Check: TypeAlias = Callable[[Subject], Row]


def python_version() -> Row:
    """The interpreter is of a version that mm is tested with."""
    low, high = PYTHON_TESTED
    fits = low <= sys.version_info[:2] <= high
    return Row(
        what="python",
        status="ok" if fits else "warn",
        measured=platform.python_version(),
        limit=f"{low[0]}.{low[1]} to {high[0]}.{high[1]}",
    )


def ccxt_version() -> Row:
    """The exchange library is of a version that mm is tested with."""
    found = importlib.metadata.version("ccxt")
    numbers = tuple(int(part) for part in found.split(".")[:3] if part.isdecimal())
    low, high = CCXT_TESTED
    return Row(
        what="ccxt",
        status="ok" if low <= numbers < high else "warn",
        measured=found,
        limit=f"{'.'.join(map(str, low))} to below {'.'.join(map(str, high))}",
        fix="pip install 'ccxt>=4.5.90,<4.6'",
    )


def byte_code() -> Row:
    """Python keeps compiled byte code; without it every start takes seconds longer."""
    spec = importlib.util.find_spec("ccxt")
    origin = spec.origin if spec is not None else None
    compiled = origin is not None and Path(importlib.util.cache_from_source(origin)).exists()
    if sys.dont_write_bytecode and not compiled:
        return Row(
            what="byte code",
            status="warn",
            measured="off: PYTHONDONTWRITEBYTECODE is set",
            limit="on",
            fix="unset PYTHONDONTWRITEBYTECODE; python -m compileall -q " + str(Path(origin or ".").parent),
        )
    return Row(
        what="byte code", status="ok", measured="compiled" if compiled else "at the next start", limit="on"
    )


def fast_loop() -> Row:
    """The faster event loop is there."""
    found = importlib.util.find_spec("uvloop") is not None
    return Row(
        what="uvloop",
        status="ok" if found else "warn",
        measured=importlib.metadata.version("uvloop") if found else "absent",
        limit="present",
        fix="" if found else "pip install uvloop",
    )


def clock() -> Row:
    """The system's clock is plausible, and kept in step by something where the system can tell."""
    now_s = time.time()
    if now_s < BUILT_AFTER_S:
        return Row(
            what="clock",
            status="fail",
            measured=time.ctime(now_s),
            limit="a date of today",
            fix="set the clock",
        )
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(TIMEX_BYTES))
    except (OSError, AttributeError):
        state = -1
    if state == CLOCK_UNSYNCHRONISED:
        return Row(
            what="clock",
            status="warn",
            measured="not synchronised, says the kernel",
            limit="synchronised",
            fix="run a time service, as systemd-timesyncd or chrony",
        )
    return Row(
        what="clock",
        status="ok",
        measured="synchronised" if state >= 0 else "plausible",
        limit="synchronised",
    )


def _existing(path: Path) -> Path:
    return next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.is_dir())


def disk_space(subject: Subject) -> Row:
    """There is room for what a run writes."""
    usage = shutil.disk_usage(_existing(subject.data_dir))
    share = usage.free / usage.total
    status: Status = "ok"
    if usage.free < DISK_BYTES_FAIL or (share < DISK_RATIO_FAIL and usage.free < DISK_BYTES_WARN):
        status = "fail"
    elif share < DISK_RATIO_WARN and usage.free < DISK_BYTES_WARN:
        status = "warn"
    measured = f"{usage.free / 1e9:.1f} GB free, {share:.0%}"
    return Row(
        what="disk space", status=status, measured=measured, limit="2 GB or 20 %", fix="free some space"
    )


def sync_latency(subject: Subject) -> Row:
    """Writes reach the disk in good time: the halt latch and the journal wait for it."""
    taken = []
    with tempfile.TemporaryFile(dir=_existing(subject.data_dir)) as file:
        for _ in range(SYNC_ROUNDS):
            file.write(b"\0" * 4_096)
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - began) * 1_000)
    median = sorted(taken)[len(taken) // 2]
    status: Status = "ok" if median <= SYNC_MS_WARN else "warn"
    measured = f"{median:.2f} ms median, {max(taken):.2f} ms worst of {SYNC_ROUNDS}"
    return Row(what="fdatasync", status=status, measured=measured, limit=f"{SYNC_MS_WARN:g} ms")


def data_dir(subject: Subject) -> Row:
    """The data directory can be written to and no daemon holds it."""
    path = subject.data_dir
    if not path.exists():
        parent = _existing(path)
        fine = os.access(parent, os.W_OK)
        measured = f"{path}: to be made in {parent}"
        return Row(
            what="data_dir", status="ok" if fine else "fail", measured=measured, limit="writable, not in use"
        )
    if holder(path) is not None:
        return Row(
            what="data_dir",
            status="ok",
            measured=f"{path}: a daemon runs, pid {holder(path)}",
            limit="writable",
        )
    try:
        with DirectoryLock(path):
            measured = f"{path}: writable, not in use"
    except AlreadyRunning as error:
        measured = str(error)
    return Row(what="data_dir", status="ok", measured=measured, limit="writable, not in use")


def config_valid(subject: Subject) -> Row:
    """The config can be used."""
    if subject.config is None:
        return Row(what="config", status="skip", measured="none given", limit="valid", fix="mm doctor CONFIG")
    if subject.config_error:
        return Row(
            what="config", status="fail", measured=subject.config_error, limit="valid", fix="mm check CONFIG"
        )
    mode = subject.settings.mode if subject.settings is not None else ""
    return Row(what="config", status="ok", measured=f"{subject.config}: mode {mode}", limit="valid")


def secrets_private(subject: Subject) -> Row:
    """Keys are where the config points, in files that nobody else can read; their values are not shown."""
    settings = subject.settings
    venues = settings.venue.values() if settings is not None else ()
    named = [(venue.key, venue.secret, venue.watchdog_key, venue.watchdog_secret) for venue in venues]
    references = [reference for four in named for reference in four if reference]
    if settings is None or not references:
        return Row(
            what="secrets", status="skip", measured="the config names none", limit="readable by you alone"
        )
    for reference in references:
        try:
            read_secret(reference)
        except MMError as error:
            status: Status = "fail" if settings.mode == "live" else "warn"
            return Row(
                what="secrets",
                status=status,
                measured=str(error),
                limit="readable by you alone",
                fix=error.hint,
            )
    return Row(
        what="secrets", status="ok", measured=f"{len(references)} found", limit="readable by you alone"
    )


def watchdog(subject: Subject) -> Row:
    """The watchdog's process can start, at once, and is not switched off."""
    settings = subject.settings
    limit = f"starts within {WATCHDOG_MS_WARN:.0f} ms"
    if settings is not None and settings.mode == "paper":
        return Row(what="watchdog", status="skip", measured="paper has no account to watch", limit=limit)
    if settings is not None and not settings.watchdog.enabled:
        return Row(
            what="watchdog",
            status="warn",
            measured="off: a trader that hangs or dies leaves its orders",
            limit="on",
            fix="[watchdog] enabled = true",
        )
    began_s = time.monotonic()
    # It goes no farther than to what its parts need: without a job it ends.
    tried = subprocess.run(
        (sys.executable, "-c", "import mm.watchdog"), capture_output=True, timeout=30, check=False
    )
    took_ms = (time.monotonic() - began_s) * 1e3
    if tried.returncode:
        said = tried.stderr.decode(errors="replace").strip().splitlines()
        return Row(what="watchdog", status="fail", measured=said[-1] if said else "it ended", limit=limit)
    status: Status = "ok" if took_ms <= WATCHDOG_MS_WARN else "warn"
    return Row(
        what="watchdog",
        status=status,
        measured=f"starts in {took_ms:.0f} ms",
        limit=limit,
        fix="a busy machine? it has to act when the trader cannot",
    )


def port_free(subject: Subject) -> Row:
    """The port of the local exchange is free on this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", subject.port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return Row(
                what="port",
                status="warn",
                measured=f"127.0.0.1:{subject.port} in use: perhaps an exchange of yours",
                limit="free",
                fix="mm exchange --port 0",
            )
    return Row(what="port", status="ok", measured=f"127.0.0.1:{subject.port} free", limit="free")


def _state(subject: Subject) -> RunState | None:
    return RunState.open(subject.data_dir) if (subject.data_dir / STATE_NAME).exists() else None


def latch(subject: Subject) -> Row:
    """No halt is in force."""
    state = _state(subject)
    halt = state.latched if state is not None else None
    if halt is None:
        return Row(what="halt latch", status="ok", measured="not halted", limit="not halted")
    since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(halt.since_ns / 1e9))
    return Row(
        what="halt latch",
        status="fail",
        measured=f"halted since {since}: {halt.code}: {halt.reason}",
        limit="not halted",
        fix=way_out(halt.code),
    )


def last_run(subject: Subject) -> Row:
    """The last run ended with the venue's word that no order of ours is left."""
    state = _state(subject)
    life = state.life if state is not None else None
    limit = "no open orders left"
    if life is None:
        return Row(what="last run", status="skip", measured="none yet", limit=limit)
    if holder(subject.data_dir) is not None:
        return Row(what="last run", status="skip", measured=f"run {life.epoch} is going on", limit=limit)
    if life.ended and life.open_orders == 0:
        return Row(
            what="last run", status="ok", measured=f"run {life.epoch}: {life.reason}; none left", limit=limit
        )
    left = f"{life.open_orders} orders left" if life.open_orders > 0 else "orders may remain"
    how = life.reason if life.ended else "ended without a word"
    return Row(
        what="last run",
        status="warn",
        measured=f"run {life.epoch}: {how}; {left}",
        limit=limit,
        fix="look at the venue; the next start cancels what is ours",
    )


CHECKS: Final[tuple[tuple[str, Check], ...]] = (
    ("python", lambda _: python_version()),
    ("ccxt", lambda _: ccxt_version()),
    ("byte code", lambda _: byte_code()),
    ("uvloop", lambda _: fast_loop()),
    ("clock", lambda _: clock()),
    ("disk space", disk_space),
    ("fdatasync", sync_latency),
    ("data_dir", data_dir),
    ("config", config_valid),
    ("secrets", secrets_private),
    ("watchdog", watchdog),
    ("port", port_free),
    ("halt latch", latch),
    ("last run", last_run),
)
"""All checks, each with the name of its row, in the order in which they are shown."""


def examined(subject: Subject, checks: tuple[tuple[str, Check], ...] = CHECKS) -> list[Row]:
    """Return a row per check; one that crashes is a failed row."""
    rows = []
    for name, look in checks:
        try:
            rows.append(look(subject))
        except Exception as error:  # noqa: BLE001 - a check that crashes is a finding of its own
            hint = error.hint if isinstance(error, MMError) else ""
            rows.append(Row(what=name, status="fail", measured=f"{type(error).__name__}: {error}", fix=hint))
    return rows
