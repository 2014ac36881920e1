"""Replaces a file that belongs to a person: whole or not at all, with its mode, never over another's edit.

Invariant: whoever opens the path sees the old content or the new one, also after a crash.
"""

import contextlib
import os
import secrets
import stat
from pathlib import Path

from mm.errors import ConfigError


def replace_file(path: Path, content: bytes, *, expected: bytes) -> None:
    """Put `content` in place of `expected` in the file at `path`; where it is a link, in what it leads to.

    Raises: ConfigError if something else stands there by now, or it cannot be written; it is unchanged then.
    """
    target = path.resolve()
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        info = target.stat()
        _write(temporary, content, info)
        if target.read_bytes() != expected:
            raise ConfigError(
                f"{path}: was changed by somebody else just now", hint="look at it and try again"
            )
        os.replace(temporary, target)
        _sync_directory(target.parent)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def new_file(path: Path, content: bytes) -> None:
    """Make the file with `content`, readable by its owner alone; it is there whole or not at all.

    Raises: OSError if it cannot be made; one that is there is replaced.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    with contextlib.suppress(FileNotFoundError):
        temporary.unlink()
    _write(temporary, content, None)
    os.replace(temporary, path)
    _sync_directory(path.parent)


def _write(path: Path, content: bytes, like: os.stat_result | None) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        file.write(content)
        if like is not None:
            if (like.st_uid, like.st_gid) != (os.getuid(), os.getgid()):
                with contextlib.suppress(PermissionError):
                    os.fchown(file.fileno(), like.st_uid, like.st_gid)
            os.fchmod(file.fileno(), stat.S_IMODE(like.st_mode))
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
