"""Compiles the hot modules with mypyc, in a folder of its own, and puts the result in the user's cache.

The sources are copied first, so that nothing is written beside them. Speaks to nobody; needs mypyc, a C
compiler and the headers of Python. Invariant: a folder in the cache is whole, it appears in one step.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from subprocess import PIPE, STDOUT
from typing import Final

from mm.errors import CompilationFailed, UsageError
from mm.native.sources import PACKAGE, cache_directory, compiled_files, digest
from mm.native.use import WISH_KEY

SCRIPT: Final = Path(__file__).with_name("make.py")
"""What is run in the copy; words: what begins a line for people, processes at once, and the files."""

MARK: Final = "mm: "

CONFIG: Final = '[tool.mypy]\nignore_missing_imports = true\nfollow_imports = "silent"\n'
"""Types are checked where mm is developed, not here: what mypyc needs of them it refuses without."""

TOLD_LINES: Final = 12
"""Of what a compiler said, the last so many are passed on."""


def build(say: Callable[[str], object]) -> Path:
    """Compile the sources as they are; return the folder. What was made of other sources is removed.

    Raises: UsageError if a tool is missing, CompilationFailed if a compiler refuses them.
    """
    folder = cache_directory() / digest()
    if folder.is_dir():
        say("nothing to do: these sources are compiled")
        return folder
    for tool in ("mypyc", "setuptools"):
        if find_spec(tool) is None:
            raise UsageError(
                f"this needs {tool}, which is not installed",
                hint="uv run --extra compile mm compile; or pip install 'mm[compile]'",
            )
    if shutil.which(os.environ.get("CC", "cc")) is None:
        raise UsageError("this needs a C compiler, and there is none", hint="install gcc or clang")
    with tempfile.TemporaryDirectory(prefix="mm-compile-") as made:
        copy = Path(made)
        shutil.copytree(PACKAGE, copy / "mm", ignore=shutil.ignore_patterns("__pycache__"))
        (copy / "pyproject.toml").write_text(CONFIG, encoding="utf-8")
        files = [f"mm/{path}" for path in compiled_files()]
        say(f"compiling {len(files)} modules, some minutes, once for these sources")
        _run([sys.executable, "-P", str(SCRIPT), MARK, str(os.cpu_count() or 1), *files], copy, say)
        _keep(copy, folder)
    remove(but=folder)
    return folder


def remove(*, but: Path | None = None) -> int:
    """Remove what was compiled. Args: but: a folder that stays. Returns: how many went."""
    cache = cache_directory()
    gone = [one for one in sorted(cache.iterdir()) if one != but] if cache.is_dir() else []
    for one in gone:
        shutil.rmtree(one)
    return len(gone)


def _run(command: list[str], folder: Path, say: Callable[[str], object]) -> None:
    # What it tells people is passed on at once, the rest is kept until it is known how it ended.
    environment = os.environ | {WISH_KEY: "0"}
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=PIPE, stderr=STDOUT, text=True, errors="replace"
    ) as running:
        assert running.stdout is not None
        told: deque[str] = deque(maxlen=TOLD_LINES)
        for line in running.stdout:
            if line.startswith(MARK):
                say(line.removeprefix(MARK).strip())
            elif line.strip():
                told.append(line.rstrip())
    if running.returncode:
        raise CompilationFailed(
            "the sources could not be compiled:\n" + "\n".join(told),
            hint="everything works without: mm runs its sources as they stand",
        )


def _keep(copy: Path, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    whole = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
    for file in copy.rglob("*.so"):
        place = file.relative_to(copy)
        if place.parts[0] != "build":
            (whole / place.parent).mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, whole / place)
    whole.replace(folder)
