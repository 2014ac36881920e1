"""Asks a running daemon over its Unix socket: one JSON object per line, one answer.

Standard library only, so that `mm status` answers at once. Request: {"v": 1, "do": VERB, "session": "",
"reason": "", "who": "user@cli"}. Answer: {"ok": true, ...}, or {"ok": false, "error", "hint", "exit_code"}.
Invariant: a daemon that does not answer is an error with an exit code, never a hang.
"""

import getpass
import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

from mm.errors import (
    EXIT_UNEXPECTED,
    ConfigError,
    Halted,
    MMError,
    NotRunning,
    OrdersMayRemain,
    StateCorrupt,
    TimedOut,
    VenueUnreachable,
)
from mm.store.lock import holder
from mm.store.paths import STATE_NAME, control_socket

ANSWER_TIMEOUT_S: Final = 5.0
"""How long a daemon may take to answer; it reads its own memory and nothing else."""

ANSWER_BYTES_MAX: Final = 8_000_000

DEFAULT_ROOT: Final = Path("var")
"""Where data directories are looked for: the folder itself, and those directly in it."""

_KINDS: Final[tuple[type[MMError], ...]] = (
    NotRunning,
    ConfigError,
    TimedOut,
    Halted,
    VenueUnreachable,
    OrdersMayRemain,
)


def who() -> str:
    """Return who asks, for the audit: the user's name and the way."""
    try:
        return f"{getpass.getuser()}@cli"
    except (OSError, KeyError):
        return f"uid {os.getuid()}@cli"


class Client:
    """A connection to the daemon of one data directory."""

    def __init__(self, data_dir: Path) -> None:
        """Connect.

        Raises: NotRunning if nobody listens there; TimedOut; StateCorrupt if the socket belongs to another.
        """
        self.data_dir = data_dir
        path = control_socket(data_dir)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(ANSWER_TIMEOUT_S)
        try:
            if path.stat().st_uid not in (os.getuid(), 0):
                raise StateCorrupt(f"{path}: belongs to another user", hint="not asking a stranger")
            self._socket.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            self._socket.close()
            raise NotRunning(f"no daemon runs on {data_dir}", hint=_start_hint(data_dir)) from None
        except TimeoutError:
            self._socket.close()
            raise TimedOut(f"the daemon on {data_dir} does not take connections") from None
        except OSError as error:
            self._socket.close()
            raise NotRunning(f"{path}: cannot connect: {error.strerror}") from None
        except StateCorrupt:
            self._socket.close()
            raise
        self._lines = self._socket.makefile("rb")

    def ask(self, do: str, *, session: str = "", reason: str = "", **more: object) -> dict[str, object]:
        """Return the answer to one request. Args: more: what this verb takes besides.

        Raises: NotRunning if the daemon went away; TimedOut; the error that a refusal's exit code stands for.
        """
        request = {"v": 1, "do": do, "session": session, "reason": reason, "who": who(), **more}
        try:
            self._socket.sendall(json.dumps(request).encode() + b"\n")
            line = self._lines.readline(ANSWER_BYTES_MAX)
        except TimeoutError:
            raise TimedOut(
                f"the daemon on {self.data_dir} gave no answer in {ANSWER_TIMEOUT_S:g} s"
            ) from None
        except OSError as error:
            raise NotRunning(f"the daemon on {self.data_dir} went away: {error.strerror}") from None
        if not line.endswith(b"\n"):
            raise NotRunning(f"the daemon on {self.data_dir} went away")
        return _checked(line)

    def close(self) -> None:
        """Hang up."""
        self._lines.close()
        self._socket.close()

    def __enter__(self) -> Self:
        """Return the connection."""
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up."""
        self.close()


def _checked(line: bytes) -> dict[str, object]:
    try:
        answer = json.loads(line)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise refusal({"error": "the daemon's answer is no JSON object"})
    if answer.get("ok") is not True:
        raise refusal(answer)
    return answer


def refusal(answer: Mapping[str, object]) -> MMError:
    """Return the error that a refusing answer stands for."""
    code = answer.get("exit_code")
    message, hint = str(answer.get("error", "the daemon refused")), str(answer.get("hint", ""))
    kind = next((kind for kind in _KINDS if kind.exit_code == code), ConfigError)
    error = kind(message, hint=hint)
    error.exit_code = code if isinstance(code, int) else EXIT_UNEXPECTED
    return error


def _start_hint(data_dir: Path) -> str:
    return "start one with `mm demo` or `mm run CONFIG`" + (
        "" if data_dir.is_dir() else "; no such directory"
    )


def running_dir(named: Path | None) -> Path:
    """Return the data directory whose daemon is meant: the one named, or the only one that runs under ./var.

    Raises: NotRunning if none runs or several do.
    """
    if named is not None:
        return named
    running = [path for path in _candidates() if _runs(path)]
    if len(running) == 1:
        return running[0]
    if running:
        names = ", ".join(str(path) for path in running)
        raise NotRunning(
            f"{len(running)} daemons run under ./{DEFAULT_ROOT}: {names}", hint="say --data-dir DIR"
        )
    raise NotRunning(
        f"no daemon runs under ./{DEFAULT_ROOT}",
        hint="start one with `mm demo` or `mm run CONFIG`, or say --data-dir DIR",
    )


def known_dir(named: Path | None) -> Path:
    """Return the data directory that is meant, whether or not a daemon runs on it.

    One that runs is preferred to one that does not. Raises: NotRunning if there is none, or several.
    """
    if named is not None:
        return named
    candidates = [path for path in _candidates() if (path / STATE_NAME).exists()]
    chosen = [path for path in candidates if _runs(path)] or candidates
    if len(chosen) == 1:
        return chosen[0]
    if chosen:
        names = ", ".join(str(path) for path in chosen)
        raise NotRunning(f"{len(chosen)} data directories: {names}", hint="name the one that is meant")
    raise NotRunning(
        f"no data directory under ./{DEFAULT_ROOT}",
        hint="name the one that is meant, or start one with `mm demo` or `mm run CONFIG`",
    )


def _candidates() -> list[Path]:
    if not DEFAULT_ROOT.is_dir():
        return []
    return [DEFAULT_ROOT, *sorted(path for path in DEFAULT_ROOT.iterdir() if path.is_dir())]


def _runs(data_dir: Path) -> bool:
    try:
        return holder(data_dir) is not None
    except StateCorrupt:
        return False
