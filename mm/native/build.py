"""Compiles the hot modules with mypyc, in a folder of its own, and puts the result in the user's cache.

The sources are copied first, so that nothing is written beside them. Speaks to nobody; needs mypyc, a C
compiler and the headers of Python. Invariant: a folder in the cache is whole, it appears in one step.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from mm.errors import CompilationFailed, UsageError
from mm.native.sources import PACKAGE, cache_directory, compiled_files, digest

SCRIPT: Final = """
import sys
from mypyc.build import mypycify
from setuptools import setup

modules = mypycify(sys.argv[2:], opt_level="3", debug_level="0", multi_file=True)
if sys.platform == "linux":
    for one in modules:
        one.extra_compile_args += ["-fno-semantic-interposition", "-fno-plt", "-fvisibility=hidden"]
        one.extra_link_args += ["-Wl,-Bsymbolic"]
setup(
    name="mm-compiled",
    script_args=["build_ext", "--inplace", "--parallel", sys.argv[1]],
    ext_modules=modules,
)
"""
"""What is run in the copy; words: processes at once, and the files.

The modules call each other alone: nobody may put himself between them, so calls are direct, and inlined where
that pays (a backtest takes a twelfth less time).
"""

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
        (copy / "compile.py").write_text(SCRIPT, encoding="utf-8")
        files = [f"mm/{path}" for path in compiled_files()]
        say(f"compiling {len(files)} modules, some minutes, once for these sources")
        _run([sys.executable, "compile.py", str(os.cpu_count() or 1), *files], copy)
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


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-TOLD_LINES:]
        raise CompilationFailed(
            "the sources could not be compiled:\n" + "\n".join(said),
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
