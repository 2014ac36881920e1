"""`mm tune` with its study in PostgreSQL, on a server of the tests: workers, searches and it get lost."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from mm.errors import EXIT_CONFIG, EXIT_OK, EXIT_UNREACHABLE, VenueUnreachable
from mm.runtime.tune.storages import Place
from mm.runtime.tune.study import TuneStudy
from tests.builders.processes import children, until
from tests.builders.tune_searches import running, search_command
from tests.builders.tune_work import dimensions

pytestmark = pytest.mark.proof

NEEDS_POSTGRES = "needs initdb, postgres and psycopg"
HOMES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin")
USER = "nobody"
TRIALS = 12
WAIT_S = 200.0

COUNT = """select count(*) from trial_user_attributes
join trials using (trial_id) join studies using (study_id)
where study_name = %s and key = 'mm.result'"""

CUT_LOCKS = "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'"


def program(name: str) -> str:
    """Return where a program of the server is, "" if it is not there; most systems keep it off the path."""
    homes = [str(path) for pattern in HOMES for path in sorted(Path("/").glob(pattern[1:]))]
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(homes)) or ""


class Server:
    """A server that listens on a socket in its own folder alone. Fields: address."""

    def __init__(self, folder: Path) -> None:
        """Make its folder; nothing runs yet."""
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        # It refuses to run as root.
        self._as: dict[str, Any] = {"user": USER, "cwd": "/"} if os.geteuid() == 0 else {}
        if self._as:
            shutil.chown(folder, USER)
        self.address = f"postgresql:///postgres?host={folder}&user=mm"
        words = [program("initdb"), "-D", str(folder / "rows"), "-U", "mm", "-A", "trust", "-E", "UTF8"]
        subprocess.run([*words, "--no-sync"], check=True, capture_output=True, timeout=60, **self._as)

    def start(self) -> None:
        """Begin, and wait until it answers."""
        words = [program("postgres"), "-D", str(self._folder / "rows"), "-k", str(self._folder), "-F"]
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [*words, "-c", "listen_addresses="], stdout=log, stderr=log, **self._as
            )
        until(self.answers)

    def stop(self) -> None:
        """End it, whoever is connected."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(60)
            self._process = None

    def answers(self) -> bool:
        """Return whether somebody can connect."""
        with contextlib.suppress(import_module("psycopg").OperationalError):
            self.asked("select 1")
            return True
        return False

    def asked(self, words: str, *values: object) -> int:
        """Return the one number that a query gives, 0 without any."""
        with import_module("psycopg").connect(self.address, autocommit=True) as connection:
            row = connection.execute(words, values).fetchone()
        return int(row[0]) if row else 0

    def results(self, study: str) -> int:
        """Return how many results a study has."""
        with contextlib.suppress(import_module("psycopg").errors.UndefinedTable):
            return self.asked(COUNT, study)
        return 0


@pytest.fixture
def server() -> Iterator[Server]:
    """A server, which is ended afterwards whatever happened."""
    if not (program("initdb") and program("postgres") and find_spec("psycopg")):
        pytest.skip(NEEDS_POSTGRES)
    # Not below pytest's folder, which nobody else may enter; the name of a socket has to be short as well.
    with tempfile.TemporaryDirectory(prefix="mm-pg-") as folder:
        made = Server(Path(folder))
        try:
            made.start()
            yield made
        finally:
            made.stop()


def ended(command: list[str], folder: Path) -> tuple[int, dict[str, Any]]:
    """Carry a command out; return its exit code and its JSON."""
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=WAIT_S, check=False)
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


def test_a_study_in_postgresql_survives_lost_workers_and_a_lost_search(
    server: Server, tmp_path: Path
) -> None:
    """A worker is killed, then the search; a second search is refused meanwhile. The same command ends it,
    with the best trial of a study in a file that nothing happened to.
    """
    command = search_command(tmp_path, TRIALS)
    code, whole = ended(command, tmp_path)
    assert code == EXIT_OK
    kept = [*command, "--storage", server.address, "--name", "lost"]
    with running(kept, tmp_path) as search:
        until(lambda: server.results("lost") >= 2 or search.poll() is not None, deadline_s=WAIT_S)
        assert search.poll() is None, search.communicate()
        # Behind what keeps track of them: the workers.
        os.kill(max(children(search.pid)), signal.SIGKILL)
        assert ended(kept, tmp_path)[0] == EXIT_CONFIG
        until(lambda: server.results("lost") >= 6 or search.poll() is not None, deadline_s=WAIT_S)
        assert search.poll() is None
        search.kill()
        search.wait(WAIT_S)
    before = server.results("lost")
    assert TRIALS > before >= 6
    code, told = ended(kept, tmp_path)
    assert code == EXIT_OK
    assert server.results("lost") == TRIALS
    assert told["best"] == whole["best"]
    assert server.address not in json.dumps(told)


def test_a_database_that_goes_away_is_told_and_the_study_goes_on_when_it_is_back(
    server: Server, tmp_path: Path
) -> None:
    """Exit 7 with what to do, and no result twice."""
    kept = [*search_command(tmp_path, TRIALS), "--storage", server.address, "--name", "down"]
    with running(kept, tmp_path) as search:
        until(lambda: server.results("down") >= 2 or search.poll() is not None, deadline_s=WAIT_S)
        server.stop()
        out, said = search.communicate(timeout=WAIT_S)
    assert search.returncode == EXIT_UNREACHABLE, said
    told = json.loads(out.splitlines()[-1])
    assert "the database of the study failed" in told["error"]
    assert "the same command again" in told["hint"]
    assert ended(kept, tmp_path)[0] == EXIT_CONFIG
    server.start()
    assert server.results("down") >= 2
    code, told = ended(kept, tmp_path)
    assert (code, told["trials"], server.results("down")) == (EXIT_OK, TRIALS, TRIALS)


def test_a_search_whose_hold_was_cut_writes_nothing_more(server: Server) -> None:
    """Another one may have taken the study over by then."""
    place = Place(name="cut", storage=server.address)
    study = TuneStudy(place, dimensions(), seed=3, lag=4)

    def overtaken() -> None:
        with study.open({}, [True]):
            study.ask(0)
            assert server.asked(CUT_LOCKS)
            other = TuneStudy(place, dimensions(), seed=3, lag=4)
            with other.open({}, [True]):
                other.ask(1)
            study.ask(2)

    with pytest.raises(VenueUnreachable):
        overtaken()
    with study.open({}, [True]):
        assert [one.number for one in study.trials()] == [0, 1]
