"""The harness itself: what it says happens to a process does happen, or the zeros of a sweep mean nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.builders.crash_case import Case
from tests.builders.crash_hurt import Hurt, Kind, Operation, Place, place_of_path
from tests.builders.crash_shards import Record, Shard
from tests.builders.crash_sweep import points
from tests.builders.crash_tracer import TOY, tracer, tracer_works
from tests.gate.core import ROOT

PROGRAM: Final = """
import json, os, socket, sys
from tests.builders.crash_case import Case
from tests.builders.crash_hurt import Hurt
from tests.builders.crash_injector import Injector

told, hit, data = sys.argv[1:]
Injector(Hurt.from_json(told), -1, hit).install()
done = []

def attempt(name, call, *arguments):
    try:
        call(*arguments)
        done.append(name)
    except OSError as error:
        done.append(f"{name} {error.errno}")
    print(json.dumps(done), flush=True)

own = os.path.join(data, "own.mmj")
for number in range(3):
    file = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    attempt("write", os.write, file, b"x")
    attempt("sync", os.fdatasync, file)
    attempt("cut", os.ftruncate, file, 0)
    os.close(file)
    temporary = os.path.join(data, "runstate.tmp")
    def put():
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT), "wb") as kept:
            kept.write(b"state")
    attempt("state", put)
    attempt("rename", os.replace, temporary, os.path.join(data, "runstate.json"))
    attempt("unlink", os.unlink, own)
    near, far = socket.socketpair()
    with near, far, socket.create_server(("127.0.0.1", 0)) as server:
        attempt("wake", near.send, b"x")
        with socket.create_connection(server.getsockname()) as two:
            attempt("send", two.send, b"x")
"""


def one_life(folder: Path, hurt: Hurt) -> tuple[int, list[str], bool]:
    """Run the program hurt; return how it ended, what it did, and whether the call came."""
    data, hit = folder / "data", folder / "hit"
    data.mkdir(exist_ok=True)
    hit.unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, hurt.as_json(), str(hit), str(data)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.stderr, done.stderr
    lines = done.stdout.splitlines()
    return done.returncode, json.loads(lines[-1]) if lines else [], hit.exists()


ROUND: Final = ["write", "sync", "cut", "state", "rename", "unlink", "wake", "send"]

CASES: Final = (
    (Operation.WRITE, Place.JOURNAL, "write"),
    (Operation.SYNC, Place.JOURNAL, "sync"),
    (Operation.TRUNCATE, Place.JOURNAL, "cut"),
    (Operation.WRITE, Place.RUNSTATE, "state"),
    (Operation.RENAME, Place.DISK, "rename"),
    (Operation.UNLINK, Place.JOURNAL, "unlink"),
    (Operation.SEND, Place.NET, "send"),
)


@pytest.mark.parametrize(("operation", "place", "name"), CASES)
def test_a_process_is_killed_before_the_call_does_anything(
    tmp_path: Path, operation: Operation, place: Place, name: str
) -> None:
    """The second call of its class: everything before it happened, nothing after it."""
    code, done, hit = one_life(tmp_path, Hurt(operation=operation, place=place, nth=2, kind=Kind.KILL))
    assert (code, hit) == (-9, True)
    assert done == [*ROUND, *ROUND[: ROUND.index(name)]]


def test_an_error_is_told_once_or_from_a_call_on(tmp_path: Path) -> None:
    """By its number, where the call would have been; a full disk stays full."""
    once = Hurt(operation=Operation.SYNC, place=Place.JOURNAL, nth=2, kind=Kind.EIO)
    code, done, hit = one_life(tmp_path, once)
    assert (code, hit, done.count("sync"), done.count("sync 5")) == (0, True, 2, 1)
    full = Hurt(operation=Operation.WRITE, place=Place.DISK, nth=2, kind=Kind.ENOSPC, lasting=True)
    code, done, hit = one_life(tmp_path, full)
    assert [one for one in done if one.startswith(("write", "state"))] == [
        "write",
        *("state 28", "write 28") * 2,
        "state 28",
    ]


def test_a_call_that_never_comes_hurts_nobody(tmp_path: Path) -> None:
    """The process ends as it would have, and says so."""
    hurt = Hurt(operation=Operation.WRITE, place=Place.JOURNAL, nth=4, kind=Kind.KILL)
    assert one_life(tmp_path, hurt) == (0, ROUND * 3, False)


def test_every_file_of_a_data_directory_has_a_class() -> None:
    """Also what nobody has thought of yet; nothing else has one."""
    assert place_of_path("/x/data/runs/1/journal/own/000001.mmj") is Place.JOURNAL
    assert place_of_path("/x/data/runstate.tmp") is Place.RUNSTATE
    assert place_of_path("/x/data/runstate.reserve") is Place.RESERVE
    assert place_of_path("/x/data") is Place.DATA
    assert place_of_path("/x/data/something-new") is Place.DATA
    assert place_of_path("pipe:[5]") is Place.OTHER
    assert place_of_path("/x/err") is Place.OTHER


def a_dry_run() -> Case:
    """Return a dry run that made a few calls of several classes."""
    dry = Case(scenario="halt", hurt=None)
    dry.calls[Operation.WRITE, Place.JOURNAL] = 5
    dry.calls[Operation.SYNC, Place.RUNSTATE] = 2
    dry.calls[Operation.RENAME, Place.LEASE] = 1
    dry.calls[Operation.SEND, Place.NET] = 3
    dry.calls[Operation.UNLINK, Place.CONTROL] = 1
    dry.calls[Operation.SEND, Place.OTHER] = 7
    return dry


@pytest.mark.parametrize(("kind", "count"), [(Kind.KILL, 12), (Kind.EIO, 12), (Kind.ENOSPC, 11)])
def test_every_call_of_every_class_is_a_point(kind: Kind, count: int) -> None:
    """None is left out, none is there twice; a full disk refuses nothing that only makes room."""
    found = points(a_dry_run(), kind)
    assert len({str(hurt) for hurt in found}) == len(found) == count
    assert {hurt.kind for hurt in found} == {kind}
    assert all(hurt.lasting == (hurt.place is Place.DISK) for hurt in found)
    sent = [hurt.nth for hurt in found if hurt.operation is Operation.SEND]
    assert sent == [1, 2, 3]


@pytest.mark.parametrize("of", [1, 2, 5])
def test_each_point_belongs_to_one_share(of: int) -> None:
    """Whatever the number of calls, which is another one in the next dry run."""
    shards = [Shard(index=index, of=of) for index in range(1, of + 1)]
    for hurt in points(a_dry_run(), Kind.EIO):
        assert sum(shard.takes(hurt) for shard in shards) == 1


def test_a_share_is_asked_for_by_the_environment() -> None:
    """All without it; what is no share is refused."""
    assert Shard.from_environ({}) == Shard()
    assert Shard.from_environ({"MM_SWEEP_SHARD": "2/3"}) == Shard(index=2, of=3)
    for bad in ("0/3", "4/3", "2"):
        with pytest.raises(ValueError, match="expected 1/n"):
            Shard.from_environ({"MM_SWEEP_SHARD": bad})


def test_only_what_went_well_is_not_done_again(tmp_path: Path) -> None:
    """A point that was not reached, or at which something was wrong, is due the next time."""
    one, two, three = points(a_dry_run(), Kind.EIO)[:3]
    environ = {"MM_SWEEP_RECORD": str(tmp_path / "record")}
    record = Record.from_environ(environ)
    record.note(Case(scenario="halt", hurt=one, reached=True))
    record.note(Case(scenario="halt", hurt=two))
    record.note(Case(scenario="halt", hurt=three, reached=True, faults=["lost fill"]))
    again = Record.from_environ(environ)
    assert [again.holds("halt", hurt) for hurt in (one, two, three)] == [True, False, False]
    assert not again.holds("stop", one)
    assert not Record.from_environ({}).holds("halt", one)


def test_the_tracer_does_what_it_is_told_or_is_not_used(tmp_path: Path) -> None:
    """A tracer that does not kill would make every sweep with it a false zero."""
    if not tracer_works():
        return
    hurt = Hurt(operation=Operation.WRITE, place=Place.ANY, nth=2, kind=Kind.EIO)
    command = [*tracer(hurt), sys.executable, "-S", "-c", TOY]
    done = subprocess.run(command, capture_output=True, check=False, env=os.environ)
    assert (done.returncode, done.stdout) == (1, b"x")
    with pytest.raises(ValueError, match="does not know what a call works on"):
        tracer(Hurt(operation=Operation.WRITE, place=Place.JOURNAL, nth=1, kind=Kind.KILL))
