"""Commands that decide by machine code ask for it before anything of it is imported as a source."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mm.cli import bench_replay, machine_code
from mm.cli.machine_code import by_machine_code
from mm.cli.main import app
from mm.cli.terminal import Terminal
from mm.errors import EXIT_USAGE, CompilationFailed, UsageError
from mm.native import build as build_module
from mm.native.sources import cache_directory, digest
from tests.gate.core import ROOT


@pytest.fixture
def _made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As if something had been compiled of these sources, in which there is nothing.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("MM_COMPILED", raising=False)
    (cache_directory() / digest()).mkdir(parents=True)


@pytest.mark.usefixtures("_made")
@pytest.mark.parametrize(
    "words",
    [
        ("bench", "replay", "--rows", "10000", "--turns", "1", "--no-peers"),
        ("bench", "quoting", "--sims", "1", "--strategy", "avellaneda_stoikov"),
    ],
)
def test_a_bench_decides_by_what_was_compiled(words: tuple[str, ...], tmp_path: Path) -> None:
    """What is imported before it is asked for can no longer be replaced, and the command would not say so."""
    done = run(words, tmp_path)
    assert done.returncode == 0, done.stderr[-2_000:]
    assert json.loads(done.stdout.splitlines()[-1])["core"] == "compiled"


@pytest.mark.usefixtures("_made")
def test_a_backtest_decides_by_what_was_compiled(tmp_path: Path) -> None:
    """It says so before it looks for its data."""
    done = run(("backtest", str(ROOT / "config/demo.toml"), "--data", "none", "--tick", "0.1"), tmp_path)
    assert "deciding by compiled modules" in done.stderr
    assert "none" in done.stderr.splitlines()[1]


def test_a_bench_measures_the_sources_where_nothing_can_be_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says what is missing, and by what it decided."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("MM_COMPILED", raising=False)
    monkeypatch.setenv("CC", "no-such-compiler")
    done = run(("bench", "replay", "--rows", "10000", "--turns", "1", "--no-peers"), tmp_path)
    assert "not compiled: this needs a C compiler" in done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["core"] == "interpreted"


def test_a_bench_that_cannot_begin_compiles_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording that is not there, and a missing extra, are told at once and not after minutes."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("MM_COMPILED", raising=False)
    asked: list[bool] = []

    def by_machine_code(_: Terminal, *, make: bool) -> str:
        asked.append(make)
        raise UsageError("far enough")

    monkeypatch.setattr(bench_replay, "by_machine_code", by_machine_code)
    absent = CliRunner().invoke(app, ["bench", "replay", "--data", str(tmp_path / "none.parquet")])
    assert (absent.exit_code, asked) == (EXIT_USAGE, [])
    CliRunner().invoke(app, ["bench", "replay"])
    monkeypatch.setattr(bench_replay, "find_spec", lambda name: None if name == "numpy" else name)
    CliRunner().invoke(app, ["bench", "replay"])
    assert asked == [True, False]


def test_what_was_not_compiled_is_where_it_is_wished_and_only_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not by a command that does not ask, nor against the environment; a failure ends no command."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    # Nothing is to be found by this process, whatever it has imported so far.
    monkeypatch.setattr(machine_code, "use", lambda: "interpreted")
    made: list[Path] = []

    def build(say: object) -> Path:
        del say
        made.append(cache_directory() / digest())
        if len(made) == 1:
            raise CompilationFailed("line 7: no")
        made[-1].mkdir(parents=True)
        return made[-1]

    monkeypatch.setattr(build_module, "build", build)
    monkeypatch.setenv("MM_COMPILED", "0")
    by_machine_code(Terminal(), make=True)
    monkeypatch.delenv("MM_COMPILED")
    by_machine_code(Terminal())
    assert made == []
    assert by_machine_code(Terminal(), make=True) == "interpreted"
    assert "not compiled: line 7: no" in capsys.readouterr().err
    by_machine_code(Terminal(), make=True)
    by_machine_code(Terminal(), make=True)
    assert len(made) == 2


def run(words: tuple[str, ...], folder: Path) -> subprocess.CompletedProcess[str]:
    """Return how a command of mm ended."""
    return subprocess.run(
        [sys.executable, "-m", "mm", *words, "--json"],
        cwd=folder,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )
