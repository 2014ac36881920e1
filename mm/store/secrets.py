"""Reads API keys from where the config points: a variable, or a file that only its owner can read.

A secret has no text form but `reveal()`: it is in no log, no error and no repr. Invariant: an error names the
reference, never a value.
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mm.errors import ConfigError

SECRET_BYTES_MAX: Final = 16_384
"""Largest secret; a private key in PEM fits."""


class Secret:
    """A secret value with the reference it was read from. Printing it shows the reference."""

    __slots__ = ("_value", "reference")

    def __init__(self, reference: str, value: str) -> None:
        """Keep both."""
        self.reference = reference
        self._value = value

    def reveal(self) -> str:
        """Return the value; for the signer and for the logs' redaction, for nobody else."""
        return self._value

    def __repr__(self) -> str:
        """Return where it came from."""
        return f"Secret({self.reference!r})"

    __str__ = __repr__

    def __reduce__(self) -> str:
        """Refuse to be pickled."""
        raise TypeError("a secret is not pickled")


def read_secret(reference: str, environ: Mapping[str, str] | None = None) -> Secret:
    """Return the secret that `env:NAME` or `file:PATH` names.

    Args: environ: variables; those of the process when absent.
    Raises: ConfigError if it is not there, empty, or a file that others can read or that is a link.
    """
    kind, _, place = reference.partition(":")
    if kind == "env" and place:
        value = (os.environ if environ is None else environ).get(place)
        if value is None:
            raise ConfigError(f"{reference}: the variable is not set", hint=f"export {place}=...")
    elif kind == "file" and place:
        value = _file_value(reference, Path(place).expanduser())
    else:
        raise ConfigError("a reference to a secret was not of the form env:NAME or file:PATH")
    value = value.strip()
    if not value:
        raise ConfigError(f"{reference}: empty")
    return Secret(reference, value)


def _file_value(reference: str, path: Path) -> str:
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        reason = "it is a link" if path.is_symlink() else error.strerror
        raise ConfigError(f"{reference}: cannot be read: {reason}") from None
    try:
        info = os.fstat(file)
        problem, hint = file_fault(info, path)
        if problem:
            raise ConfigError(f"{reference}: {problem}", hint=hint)
        content = os.read(file, SECRET_BYTES_MAX + 1)
    finally:
        os.close(file)
    if len(content) > SECRET_BYTES_MAX:
        raise ConfigError(f"{reference}: larger than {SECRET_BYTES_MAX} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise ConfigError(f"{reference}: not text") from None


def file_fault(info: os.stat_result, path: Path) -> tuple[str, str]:
    """Return what is wrong with a file that holds a secret, and what to do; two empty texts if nothing is.

    Args: info: of the file itself, links not followed.
    """
    if not stat.S_ISREG(info.st_mode):
        return "no regular file", "name the file itself, not a link or a device"
    if info.st_uid not in (os.getuid(), 0):
        return "belongs to another user", f"chown {os.getuid()} {path}"
    if stat.S_IMODE(info.st_mode) & 0o077:
        return f"others can read it (mode {stat.S_IMODE(info.st_mode):04o})", f"chmod 600 {path}"
    return "", ""
