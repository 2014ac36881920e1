"""Commands that decide by machine code ask for it before anything of it is imported as a source."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

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
