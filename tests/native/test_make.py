"""What `mm compile` runs: machine code by what a rehearsal came by, and without one where that cannot be."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from setuptools import Extension  # type: ignore[import-untyped]  # it has no types

from mm.native import make

HOT = "def most(numbers: list[int]) -> int:\n    return max(numbers)\n"


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Return the words for the compiler, by turn; nothing is compiled."""
    turns: list[list[str]] = []

    def keep(modules: Sequence[Extension], jobs: int) -> None:
        assert jobs == 2
        turns.append([word for one in modules for word in one.extra_compile_args])

    monkeypatch.setattr(make, "mypycify", lambda files, **_: [Extension("one", files)])
    monkeypatch.setattr(make, "_compile", keep)
    return turns


def rehearsal_ends(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """Let the rehearsal end with `code` at once; whatever else is run is run."""
    really = subprocess.run

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[Any]:
        if command[1:3] == ["-m", "mm"]:
            return subprocess.CompletedProcess(command, code, b"", b"")
        return really(command, check=False, **{name: options[name] for name in options if name != "check"})

    monkeypatch.setattr(subprocess, "run", run)


def kinds(turns: list[list[str]]) -> list[str]:
    """Return what each turn of the compiler was for."""
    known = {make.COUNTS[0]: "counts", make.USES[0]: "uses"}
    return ["".join(known.get(word, "") for word in words) for words in turns]


def test_what_a_rehearsal_counted_is_used(
    compiled: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Compiled twice: to count, and by what was counted; people are told of both."""
    rehearsal_ends(monkeypatch, 0)
    make.main("mm: ", 2, ["one.py"])
    assert kinds(compiled) == ["counts", "uses"]
    assert [line[:10] for line in capsys.readouterr().out.splitlines()] == ["mm: runnin", "mm: compil"]


def test_a_rehearsal_that_fails_costs_speed_alone(
    compiled: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What counts is not kept; why is told."""
    rehearsal_ends(monkeypatch, 9)
    make.main("mm: ", 2, ["one.py"])
    assert kinds(compiled) == ["counts", ""]
    assert "ended with 9: compiling without" in capsys.readouterr().out


def test_a_rehearsal_that_does_not_end_is_ended(
    compiled: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody waits for it for ever."""
    monkeypatch.setattr(make, "REHEARSAL", ("--version",))
    monkeypatch.setattr(make, "REHEARSAL_S_MAX", 0)
    make.main("mm: ", 2, ["one.py"])
    assert kinds(compiled) == ["counts", ""]
    assert "took longer than 0 s: compiling without" in capsys.readouterr().out


def test_another_compiler_is_not_asked_to_count(
    compiled: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each has its own words for it."""
    monkeypatch.setenv("CC", f"{sys.executable} -c print('clang')")
    make.main("mm: ", 2, ["one.py"])
    assert kinds(compiled) == [""]
    assert "not GCC: compiling without" in capsys.readouterr().out


@pytest.mark.proof
def test_a_folder_of_sources_becomes_machine_code_that_was_rehearsed(tmp_path: Path) -> None:
    """By the compiler of this machine, from end to end: the counts of the run are there when it is made."""
    package = tmp_path / "mm"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "hot.py").write_text(HOT)
    # Of a single module mypyc loses the headers.
    (package / "cold.py").touch()
    (package / "__main__.py").write_text(
        "from mm import hot\n"
        "assert hot.__file__.endswith('.so')\n"
        "raise SystemExit(hot.most([3, 1, 2]) != 3)\n"
    )
    words = [sys.executable, "-P", make.__file__, "mm: ", "2", "mm/cold.py", "mm/hot.py"]
    done = subprocess.run(words, cwd=tmp_path, env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    said = [line for line in done.stdout.splitlines() if line.startswith("mm: ")]
    assert said == [
        "mm: running it, to see which ways are taken",
        "mm: compiling it once more, for those ways",
    ]
    assert list(tmp_path.rglob("*.gcda"))
    assert subprocess.run([sys.executable, "-m", "mm"], cwd=tmp_path, check=False).returncode == 0
