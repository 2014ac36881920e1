"""Files that a command writes: refused at its begin where something else is there already, written whole."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from mm.cli.terminal import printable
from mm.errors import ConfigError


def check_target(path: Path, *, opening: str = "", what: str = "page") -> None:
    """Refuse a file that is there and not of the kind that is about to be written: a config or a recording
    that was named by mistake is not written over.

    Args: opening: how a file of the kind begins; "": as a page. what: how the kind is called.
    Raises: ConfigError.
    """
    from mm.observe.report_page import OPENING

    begins = (opening or OPENING).encode()
    try:
        if not path.parent.is_dir():
            raise ConfigError(f"{printable(path)}: cannot be written: there is no such folder")
        if path.is_dir():
            raise ConfigError(f"{printable(path)}: cannot be written: it is a folder")
        if path.is_file():
            with path.open("rb") as file:
                found = file.read(len(begins))
            if found not in (b"", begins):
                raise ConfigError(
                    f"{printable(path)}: is there already and no {what}, left as it is",
                    hint="name another file",
                )
    except OSError as error:
        raise ConfigError(f"{printable(path)}: cannot be written: {error.strerror}") from None


def write_page(path: Path, text: str) -> None:
    """Write a page, whole or not at all; raises ConfigError if it cannot be written."""
    write(path, lambda file: file.write(text))


def write(path: Path, fill: Callable[[TextIO], object]) -> None:
    """Write a file, whole or not at all; raises ConfigError if it cannot be written."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with draft.open("x", encoding="utf-8", newline="") as file:
            fill(file)
        draft.replace(path)
    except OSError as error:
        raise ConfigError(f"{printable(path)}: cannot be written: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)
