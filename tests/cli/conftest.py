"""What every test of the command line needs: logs as they were, and a working directory of its own."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from mm import logs


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """Undo what a verb did to logging."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    logs.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in logs.CHATTY_LIBRARIES:
        logging.getLogger(name).setLevel(logging.NOTSET)
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, empty; no variable of mm is set."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MM_DATA_DIR", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    return tmp_path
