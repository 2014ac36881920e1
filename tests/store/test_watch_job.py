"""What a watchdog is told: whole or refused, and nowhere readable."""

import pytest

from mm.errors import ConfigError
from mm.store.watch_job import WatchJob
from tests.builders.watch_jobs import SECRET_OF_JOBS, make_job


def test_a_job_goes_over_the_pipe_as_one_line() -> None:
    """And comes out the same."""
    job = make_job()
    line = job.encode()
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert WatchJob.decode(line) == job


def test_a_job_shows_no_secret() -> None:
    """Neither printed nor in an error."""
    job = make_job()
    assert SECRET_OF_JOBS not in f"{job} {job!r}"
    with pytest.raises(ConfigError) as error:
        WatchJob.decode(job.encode().replace(b'"epoch"', b'"eboch"'))
    assert SECRET_OF_JOBS not in str(error.value)


@pytest.mark.parametrize("line", [b"", b"{}", b"nonsense", b"\xff\xfe", b"[1]"])
def test_what_is_no_job_is_refused(line: bytes) -> None:
    """Whoever starts it by hand is told who starts it."""
    with pytest.raises(ConfigError, match="the trader starts it"):
        WatchJob.decode(line)


def test_a_job_of_another_version_is_refused() -> None:
    """Half of an upgrade does not watch."""
    with pytest.raises(ConfigError, match="version 2"):
        WatchJob.decode(make_job(version=2).encode())
