"""`mm compile` from end to end: the same digests as the sources, and what is missing is said."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mm.errors import CompilationFailed, UsageError
from mm.native import build as build_module
from mm.native.build import SCRIPT, build, remove
from mm.native.sources import PACKAGE, cache_directory, compiled_files, digest
from tests.gate.core import ROOT

DIGESTS = ("digest", "decisions", "orders", "fills")


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nothing is made or removed where the user's own is.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_a_missing_tool_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra for one of Python's, a package of the system's for the compiler."""
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(UsageError, match="C compiler"):
        build(lambda _: None)
    monkeypatch.setattr(build_module, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match="mypyc"):
        build(lambda _: None)
    assert not cache_directory().exists()


def test_what_a_compiler_says_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last lines; nothing is left in the cache."""
    monkeypatch.setattr(build_module, "SCRIPT", script(tmp_path, "import sys", "sys.exit('line 7: no')"))
    with pytest.raises(CompilationFailed, match="line 7: no"):
        build(lambda _: None)
    assert not cache_directory().exists()


def test_what_is_under_way_is_told_when_it_begins_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A compiler's own lines are for whoever has to mend something."""
    lines = ("import sys", "print('gcc -c one.c')", "print(sys.argv[1] + 'compiling it once more')")
    monkeypatch.setattr(build_module, "SCRIPT", script(tmp_path, *lines))
    said: list[str] = []
    build(said.append)
    assert said[1:] == ["compiling it once more"]
    assert said[0].startswith("compiling ")


def test_what_is_there_is_not_made_again_and_can_be_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was made of other sources goes with the next that is made."""
    library = "mm/engine/decide.so"
    lines = (f"open({library!r}, 'w').close()", "__import__('os').mkdir('build')")
    monkeypatch.setattr(build_module, "SCRIPT", script(tmp_path, *lines))
    old = cache_directory() / ("0" * 16)
    old.mkdir(parents=True)
    said: list[str] = []
    folder = build(said.append)
    assert (folder, (folder / library).is_file()) == (cache_directory() / digest(), True)
    assert not old.exists()
    assert build(said.append) == folder
    assert "nothing to do" in said[-1]
    assert (remove(), remove()) == (1, 0)


def test_every_signal_is_compiled() -> None:
    """The very source that a daemon runs, but the class that users derive theirs from."""
    files = {path.name for path in (PACKAGE / "signals").glob("*.py")} - {"__init__.py", "base.py"}
    assert {f"signals/{name}" for name in files} <= set(compiled_files())


@pytest.mark.proof
def test_compiled_modules_do_what_the_sources_do(shared_data: Path, tmp_path: Path) -> None:
    """On a generated tape and on recordings: digest for digest."""
    assert "mypycify" in SCRIPT.read_text(encoding="utf-8")
    folder = build(print)
    assert folder.is_dir()
    recordings = sorted((shared_data / "binance_raw_2024-08-08").glob("*20240808.gz"))
    data = [word for path in recordings for word in ("--data", str(path))]
    words = ["bench", "replay", "--rows", "300000", "--turns", "1", "--no-peers", *data]
    assert told(words, tmp_path, wish="") == told(words, tmp_path, wish="0")
    assert signals_told(wish="") == signals_told(wish="0")
    quotes = "tests.builders.quote_sheet"
    assert sheet_told(quotes, wish="") == sheet_told(quotes, wish="0")
    assert quoting_told(tmp_path, wish="") == quoting_told(tmp_path, wish="0")


def script(folder: Path, *lines: str) -> Path:
    """Return a file that is run in place of the one that compiles."""
    path = folder / "script.py"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def told(words: list[str], folder: Path, *, wish: str) -> object:
    """Return the digests that a command tells."""
    figures = run_json(words, folder, wish=wish)
    return {name: [tape[key] for key in DIGESTS] for name, tape in figures["tapes"].items()}


def quoting_told(folder: Path, *, wish: str) -> object:
    """Return every figure, exact and simulated, of every contender of the bench of quoting."""
    words = ["bench", "quoting", "--gamma", "0.5", "--sims", "4", "--jobs", "2"]
    return run_json(words, folder, wish=wish)["strategies"]


def run_json(words: list[str], folder: Path, *, wish: str) -> Any:
    """Return what a command tells, by what it was asked to decide by."""
    figures = json.loads(run(["mm", *words, "--json"], folder, wish=wish).splitlines()[-1])
    assert figures["core"] == ("interpreted" if wish else "compiled")
    return figures


def signals_told(*, wish: str) -> object:
    """Return a digest by signal of all that it answered."""
    found = sheet_told("tests.builders.signal_sheet", wish=wish)
    assert len(found["signals"]) >= 12
    return found["signals"]


def sheet_told(module: str, *, wish: str) -> dict[str, Any]:
    """Return what a sheet tells, without what it was asked to decide by."""
    found: dict[str, Any] = json.loads(run([module], ROOT, wish=wish))
    assert (found.pop("core"), found.pop("file").endswith(".py")) == (
        ("interpreted", True) if wish else ("compiled", False)
    )
    return found


def run(words: list[str], folder: Path, *, wish: str) -> str:
    """Return what a module prints."""
    done = subprocess.run(
        [sys.executable, "-m", *words],
        env=os.environ | {"MM_COMPILED": wish},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    return done.stdout
