"""Which modules are compiled, and the name of what is made of them.

What decides and what simulates, between the loop over rows (which Numba compiles) and the strategy (which
stays Python, the user's own as well). Invariant: the name changes with any source of mm, so that nothing that
was compiled from other sources is ever used.
"""

import hashlib
import os
import sys
import sysconfig
from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).parents[1]
"""The folder of `mm`."""

COMPILED: Final = (
    "analytics/*.py",
    "domain/book.py",
    "domain/order_table.py",
    "domain/orders.py",
    "domain/position.py",
    "domain/quotes.py",
    "domain/seen.py",
    "domain/tuples.py",
    "domain/worth.py",
    "engine/*.py",
    "kernel/array_book.py",
    "kernel/array_feed.py",
    "kernel/kernel.py",
    "kernel/memory.py",
    "kernel/messages.py",
    "kernel/slots.py",
    "kernel/venue_view.py",
    "observe/analyst.py",
    "observe/fill_model_ghosts.py",
    "quoting/guards.py",
    "quoting/hanging.py",
    "quoting/hysteresis.py",
    "quoting/levels.py",
    "risk/*.py",
    "runtime/backtest_loop.py",
    "runtime/backtest_steps.py",
    "runtime/event_time.py",
    "runtime/fast_forward.py",
    "signals/*.py",
    "sim/*.py",
    "venues/paper/*.py",
    "venues/recorded.py",
)
"""By their paths in the package."""

AS_THEY_ARE: Final = (
    "__init__.py",
    "analytics/fit_mean.py",
    "signals/base.py",
)
"""Of these: what says nothing, a table that mypyc loses, classes that strategies of users derive from."""

KEYWORDS: Final = "msgspec.Struct,"
"""In a module: classes with keywords (`frozen=True`), which mypyc drops. Such a module stays as it is."""


def compiled_files() -> list[str]:
    """Return the paths of the modules that are compiled, in the package, in order."""
    found = {path for pattern in COMPILED for path in PACKAGE.glob(pattern)}
    paths = sorted((str(path.relative_to(PACKAGE)), path) for path in found)
    return [
        name
        for name, path in paths
        if path.name not in AS_THEY_ARE
        and name not in AS_THEY_ARE
        and KEYWORDS not in path.read_text(encoding="utf-8")
    ]


def compiled_names() -> list[str]:
    """Return their names."""
    return ["mm." + path.removesuffix(".py").replace(os.sep, ".") for path in compiled_files()]


def digest() -> str:
    """Return the name of what is made: of every source, the interpreter and the machine."""
    found = hashlib.sha256(f"{sys.version} {sysconfig.get_platform()}".encode())
    for path in sorted(PACKAGE.rglob("*.py")):
        found.update(str(path.relative_to(PACKAGE)).encode() + b"\0")
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()[:16]


def cache_directory() -> Path:
    """Return where what was compiled is kept: a folder per name."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base else Path.home() / ".cache") / "mm" / "compiled"
