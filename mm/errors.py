"""Every exception class of mm, split by what the caller has to do next.

Refusals of the risk rules are data (`mm.risk.base.Refusal`), not exceptions. Each class carries the exit
code with which the command line ends when nobody handled it; the codes are documented and never change.
"""

from typing import Self

EXIT_OK = 0
EXIT_UNEXPECTED = 1
EXIT_USAGE = 2
EXIT_NOT_RUNNING = 3
EXIT_CONFIG = 4
EXIT_TIMEOUT = 5
EXIT_HALTED = 6
EXIT_UNREACHABLE = 7
EXIT_ORDERS_MAY_REMAIN = 8
EXIT_CHECK_FAILED = 9


class MMError(Exception):
    """Root of all errors of mm; never raised itself.

    Fields: hint: one sentence that tells the user what to do next; empty when there is nothing to do.
    """

    exit_code = EXIT_UNEXPECTED

    def __init__(self, message: str, *, hint: str = "") -> None:
        """Keep the message (what was found, what was expected) and the hint."""
        if type(self) is MMError:
            raise TypeError("MMError is abstract: raise one of its subclasses")
        super().__init__(message)
        self.hint = hint


class ConfigError(MMError):
    """The configuration cannot be used; nothing was started. The message opens with file and line."""

    exit_code = EXIT_CONFIG


class UsageError(MMError):
    """What stands on the command line makes no sense, or not together; nothing was begun."""

    exit_code = EXIT_USAGE


class ForeignAddress(ConfigError):
    """A throw-away demo key was pointed at an address that is not loopback; nothing was sent."""


class NotRunning(MMError):
    """No daemon answers on the control socket, or what was asked for does not exist."""

    exit_code = EXIT_NOT_RUNNING


class NotConfirmed(ConfigError):
    """A change of the configuration loosens a limit, and nobody confirmed that; nothing was changed."""


class AlreadyRunning(MMError):
    """Another process holds the data directory."""

    exit_code = EXIT_CONFIG


class TimedOut(MMError):
    """Something that was waited for did not happen in its time."""

    exit_code = EXIT_TIMEOUT


class Halted(MMError):
    """Trading is latched off and needs an operator (`mm unhalt --reason ...`)."""

    exit_code = EXIT_HALTED


class VenueUnreachable(MMError):
    """The venue could not be reached; nothing was sent."""

    exit_code = EXIT_UNREACHABLE


class VenueRefused(MMError):
    """The venue refused with proof: what was asked did not happen.

    Fields: code: the venue's own error code, 0 when it gave none.
    """

    exit_code = EXIT_UNREACHABLE

    def __init__(self, message: str, *, code: int = 0, hint: str = "") -> None:
        """Keep the venue's code beside the message."""
        super().__init__(message, hint=hint)
        self.code = code


class VenueUnknown(MMError):
    """The outcome is unknown: it may have happened. Reconcile; never retry blindly."""

    exit_code = EXIT_UNREACHABLE


class OrdersMayRemain(MMError):
    """The daemon ended without the venue's word that no order of ours is left."""

    exit_code = EXIT_ORDERS_MAY_REMAIN


class WatchdogFailed(MMError):
    """The watchdog cannot be started; nothing was sent: without it nothing is traded."""

    exit_code = EXIT_CONFIG


class WorkerFailed(MMError):
    """A process that worked for us broke or was lost, and did so again; what others finished is kept."""


class CompilationFailed(MMError):
    """A compiler refused our sources; everything works without it, at its usual pace."""


class ProtocolViolation(MMError):
    """We broke our own state machine: a bug of mm. The state is unchanged."""


class StateCorrupt(MMError):
    """A file of the data directory cannot be read as what it has to be; trading does not start on it."""

    exit_code = EXIT_CONFIG


class JournalCorrupt(StateCorrupt):
    """A journal is damaged where no crash damages one; nothing of it was skipped or changed.

    Fields: path: the file, "" for the journal as a whole; offset: the byte of the file, -1 if it has none.
    """

    def __init__(self, message: str, *, path: str = "", offset: int = -1, hint: str = "") -> None:
        """Keep the place beside the message."""
        super().__init__(message, hint=hint)
        self.path = path
        self.offset = offset


class JournalForeign(StateCorrupt):
    """A journal is whole, but in a form or with types of records that this version of mm does not read.

    Fields: path: the file, "" for the journal as a whole; offset: the byte of the file, -1 if it has none.
    """

    def __init__(self, message: str, *, path: str = "", offset: int = -1, hint: str = "") -> None:
        """Keep the place beside the message."""
        super().__init__(message, hint=hint)
        self.path = path
        self.offset = offset


class JournalFailed(MMError):
    """The journal takes nothing more (disk full, I/O error): what cannot be written down is not done.

    Cancels still go out.
    """

    exit_code = EXIT_CONFIG


class RecordingFailed(MMError):
    """A recording cannot go on (disk full, slow or failing); what was written before is whole."""

    exit_code = EXIT_CONFIG


class RecordingUnusable(ConfigError):
    """A recording is not one, or not one that can be replayed: empty, of two symbols, out of order."""


class RecordingEmpty(RecordingUnusable):
    """A recording holds nothing in the stretch of time that was asked for."""


class RecordingDamaged(ConfigError):
    """A recording cannot be read on from a place in it; what came before it was read well.

    Fields: path; line: from 1; offset: in bytes of the decompressed content.
    """

    def __init__(
        self, message: str, *, path: str = "", line: int = 0, offset: int = -1, hint: str = ""
    ) -> None:
        """Keep the message and where it is."""
        super().__init__(message, hint=hint)
        self.path = path
        self.line = line
        self.offset = offset

    @classmethod
    def at(cls, path: object, *, line: int, offset: int, reason: str, is_before: bool = False) -> Self:
        """Return the error of a place: the message opens with it. Args: is_before: it may lie before it."""
        cut = "" if is_before else ", or cut it off before that line"
        return cls(
            f"{path}: damaged at line {line}, byte {offset}: {reason}",
            path=str(path),
            line=line,
            offset=offset,
            hint=f"copy the file again{cut}; nothing was quoted on it",
        )
