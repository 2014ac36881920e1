"""Puts a hurt into this process: the calls of the system that Python code makes are counted, one is hit.

Stands in for a tracer where none may run. What it must never do: live in the product; it wraps the calls from
the outside, in a process that a test started, before the product is called. Invariant: a call that is not hit
does exactly what it would have done, and each is written to the trace before it happens.
"""

import contextlib
import io
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import IO, Any, Final

from tests.builders.crash_hurt import Hurt, Kind, Operation, Place, place_of_path, place_of_socket

_WRITE: Final = os.write
_OPEN: Final = os.open
_CLOSE: Final = os.close
_READ_LINK: Final = os.readlink


class Injector:
    """Counts calls and hits one. Fields: hurt: None only traces."""

    def __init__(self, hurt: Hurt | None, trace: int, hit: str) -> None:
        """Keep what to do.

        Args: trace: a file descriptor that one line per call is written to, -1: none; hit: path of a file
        that is made when a call is hit.
        """
        self.hurt = hurt
        self._trace = trace
        self._hit = hit
        self._counted = 0
        self._has_room = False

    def install(self) -> None:
        """Wrap the calls of this process."""
        # The fast loop sends from C, where nothing of Python's can stand in its way.
        sys.modules["uvloop"] = None  # type: ignore[assignment]  # that is how an import is made to fail
        system: Any = os
        for name in ("write", "pwrite", "writev"):
            self._wrap_file(system, name, Operation.WRITE)
        for name in ("fsync", "fdatasync"):
            self._wrap_file(system, name, Operation.SYNC)
        self._wrap_file(system, "ftruncate", Operation.TRUNCATE)
        for name in ("replace", "rename", "link"):
            self._wrap_target(system, name, Operation.RENAME)
        for name in ("unlink", "remove"):
            self._wrap_path(system, name, Operation.UNLINK)
        self._wrap_fdopen(system)
        for name in ("send", "sendall", "sendmsg"):
            self._wrap_socket(name)

    def meet(self, operation: Operation, place: Place, what: str) -> None:
        """Count a call that is about to happen; raises OSError, or never returns, if it is hit."""
        if self._trace >= 0:
            _WRITE(self._trace, f"{operation} {place} {what}\n".encode())
        hurt = self.hurt
        if hurt is None:
            return
        # On a full disk, what is removed makes room: for the latch, which is small.
        self._has_room |= operation is Operation.UNLINK and place is Place.RESERVE
        if self._has_room and hurt.kind is Kind.ENOSPC and place is Place.RUNSTATE:
            return
        if not hurt.counts(operation, place):
            return
        self._counted += 1
        if not hurt.hits(self._counted):
            return
        _CLOSE(_OPEN(self._hit, os.O_WRONLY | os.O_CREAT, 0o600))
        if hurt.kind is Kind.KILL:
            os.kill(os.getpid(), signal.SIGKILL)
            signal.pause()
        raise OSError(hurt.kind.errno, os.strerror(hurt.kind.errno))

    def _wrap_file(self, module: Any, name: str, operation: Operation) -> None:
        call = getattr(module, name)

        def wrapped(file: Any, *arguments: Any) -> Any:
            path = path_of(file)
            self.meet(operation, place_of_path(path), path)
            return call(file, *arguments)

        setattr(module, name, wrapped)

    def _wrap_target(self, module: Any, name: str, operation: Operation) -> None:
        call = getattr(module, name)

        def wrapped(source: Any, target: Any, **options: Any) -> Any:
            self.meet(operation, place_of_path(str(target)), str(target))
            return call(source, target, **options)

        setattr(module, name, wrapped)

    def _wrap_path(self, module: Any, name: str, operation: Operation) -> None:
        call = getattr(module, name)

        def wrapped(path: Any, **options: Any) -> Any:
            self.meet(operation, place_of_path(str(path)), str(path))
            return call(path, **options)

        setattr(module, name, wrapped)

    def _wrap_fdopen(self, module: Any) -> None:
        call, injector = module.fdopen, self

        class Raw(io.FileIO):
            """A file whose writes are counted."""

            def write(self, content: Any) -> Any:
                path = path_of(self.fileno())
                injector.meet(Operation.WRITE, place_of_path(path), path)
                return super().write(content)

        def wrapped(file: int, mode: str = "r", buffering: int = -1, **options: Any) -> IO[Any]:
            if "b" not in mode or not set(mode) & set("wax+"):
                opened: IO[Any] = call(file, mode, buffering, **options)
                return opened
            raw = Raw(file, mode.replace("b", ""))
            return raw if buffering == 0 else io.BufferedWriter(raw)

        module.fdopen = wrapped

    def _wrap_socket(self, name: str) -> None:
        own: Any = socket.socket
        call: Callable[..., Any] = getattr(own, name)

        def wrapped(one: socket.socket, *arguments: Any) -> Any:
            self.meet(Operation.SEND, place_of_socket(one), "")
            return call(one, *arguments)

        setattr(own, name, wrapped)


def path_of(file: Any) -> str:
    """Return the path of an open file, "" if that cannot be told."""
    with contextlib.suppress(OSError, AttributeError):
        number = file if isinstance(file, int) else file.fileno()
        return _READ_LINK(f"/proc/self/fd/{number}")
    return ""
