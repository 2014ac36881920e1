"""A small project with this project's configuration and gates, to run them on what is planted there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

from tests.gate.core import ROOT

DONE: Final = 0
FAILED: Final = 1


class Run(NamedTuple):
    """How a run of the small project ended and what it printed."""

    code: int
    output: str


def run_gate(root: Path, files: dict[str, str], *arguments: str) -> Run:
    """Write the small project at `root` and run its gate."""
    root.mkdir(exist_ok=True)
    shutil.copy(ROOT / "pyproject.toml", root)
    shutil.copytree(ROOT / "tests" / "gate", root / "tests" / "gate", ignore=shutil.ignore_patterns("test_*"))
    for name in ("tests/conftest.py", "tests/__init__.py"):
        shutil.copy(ROOT / name, root / name)
    for name, text in {"mm/__init__.py": "", "mm/domain/__init__.py": "", **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    # What this run is told through its environment is not for the inner one; CI alone makes pytest tell each
    # failure twice at full length.
    told = ("CI", "BUILD_NUMBER")
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYTEST_") and name not in told
    }
    command = [sys.executable, "-m", "pytest", *arguments]
    done = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    return Run(done.returncode, done.stdout + done.stderr)
