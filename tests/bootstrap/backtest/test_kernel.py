"""Which loop a backtest gets: the compiled one, the same as it stands, or the plain one; one result."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mm.bootstrap.backtest import kernel as backtest_kernel
from mm.bootstrap.backtest.kernel import SLOW
from mm.bootstrap.backtest.run import BacktestJob, run_job
from tests.builders.backtests import config, lived


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> BacktestJob:
    """A backtest of a minute on a generated market."""
    folder = tmp_path_factory.mktemp("life")
    path = config(folder)
    return BacktestJob(config=path, data=(lived(folder / "data", path, seconds=60),), seed=3)


def test_without_the_extra_it_is_slow_and_says_what_makes_it_fast(
    job: BacktestJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plain loop, with a note that names the command."""
    monkeypatch.setattr(backtest_kernel, "NEEDED", ("numpy", "no_such_module_of_mm"))
    result = run_job(job)
    assert (result.kernel, result.notes) == ("reference", (SLOW,))
    assert "uv run --extra research mm backtest" in SLOW


def test_every_loop_comes_to_the_same_result(job: BacktestJob) -> None:
    """Compiled, the same leaves as they stand, and the reference that was asked for."""
    code = (
        "import json, pickle, sys; from pathlib import Path; from mm.bootstrap.backtest.run import *;"
        "print(json.dumps(run_job(BacktestJob.from_dict(json.loads(sys.argv[1]))).as_dict()))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, json.dumps(job.as_dict())],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    compiled, reference = run_job(job), run_job(replace(job, reference=True))
    interpreted = json.loads(told.stdout)
    assert (compiled.kernel, reference.kernel, interpreted["kernel"]) == (
        "compiled",
        "reference",
        "interpreted",
    )
    assert compiled.digest == reference.digest == interpreted["digest"]
    assert compiled.sessions == reference.sessions
    assert list(json.loads(json.dumps(reference.as_dict()))["sessions"]) == interpreted["sessions"]


def test_the_data_of_a_run_do_the_same_by_every_loop(job: BacktestJob, tmp_path: Path) -> None:
    """A life that is decided again, and where nothing is left."""
    own = replace(job, seed=None)
    results = [run_job(one) for one in (own, replace(own, reference=True))]
    assert results[0].digest == results[1].digest
    assert results[0].same_as == results[1].same_as != ""
    assert list(tmp_path.iterdir()) == []
