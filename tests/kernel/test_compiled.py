"""The loop is compiled where it can be, says so once, and does without where it cannot."""

import fcntl
import importlib
import inspect
import os
import subprocess
import sys
from array import array
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, cast

import pytest

from mm.kernel import compiled as module
from mm.kernel import slots
from mm.kernel.compiled import ENTER, ENTRIES, as_written, bound, compiled, source_digest
from mm.kernel.kernel import Kernel
from mm.kernel.plain import PlainKernel
from tests.builders.kernel_rig import Rig, quoter
from tests.builders.random_tape import RandomTape

if TYPE_CHECKING:
    from mm.kernel.compiled import _Dispatcher

SCRIPT = """
from mm.kernel.kernel import Kernel
from tests.builders.kernel_rig import Rig, quoter
from tests.builders.random_tape import RandomTape

rig = Rig(Kernel)
rig.run(RandomTape(5, width=60, wild=False).chunk(400), step_ns=10**8, on_due=quoter(5)[0])
print(rig.kernel.is_compiled, rig.digest())
"""


def digest_here(make: type[Kernel] | type[PlainKernel]) -> str:
    """Return what the script prints of a run with this kernel."""
    rig = Rig(make)
    rig.run(RandomTape(5, width=60, wild=False).chunk(400), step_ns=10**8, on_due=quoter(5)[0])
    return rig.digest()


def test_switched_off_it_runs_as_it_stands_with_the_same_digest() -> None:
    """In a process of its own with NUMBA_DISABLE_JIT=1."""
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=dict(os.environ) | {"NUMBA_DISABLE_JIT": "1"},
        check=True,
        capture_output=True,
        text=True,
    )
    assert run.stdout.split() == ["False", digest_here(Kernel)]
    assert digest_here(PlainKernel) == digest_here(Kernel)


def test_what_is_not_contiguous_is_refused_and_not_misread() -> None:
    """At an address every second integer is the one between."""
    made = compiled()
    assert made is not None
    whole: Any = made.view(bytearray(64 * 8))
    with pytest.raises(AssertionError):
        made.entries["best_key"](whole[::2], 0, 0)


def test_without_numba_it_runs_as_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is missing but speed."""

    def missing(name: str) -> ModuleType:
        raise ImportError(name)

    monkeypatch.setattr(module, "_MADE", [])
    monkeypatch.setattr(importlib, "import_module", missing)
    assert compiled() is None


def test_it_is_made_once_and_says_so_only_where_it_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in the cache is not announced; what was made is not made again."""
    assert compiled() is not None
    monkeypatch.setattr(module, "_MADE", [])
    said: list[str] = []
    second = compiled(said.append)
    assert (said, compiled(said.append)) == ([], second)

    monkeypatch.setattr(module, "_is_cached", lambda last: False)
    monkeypatch.setattr(module, "_MADE", [])
    compiled(said.append)
    assert said == [module.COMPILING]


def test_every_kind_of_column_is_told_as_the_type_that_was_compiled() -> None:
    """Another type of 64 bits would be looked up at every call; and nothing is copied for it."""
    made: Any = compiled()
    numpy = importlib.import_module("numpy")
    number = made.view(bytearray(8)).dtype.num
    for column in (array("q", [7, 8]), numpy.array([7, 8]), numpy.array([7, 8], dtype="longlong")):
        told = made.column(column)
        assert told.dtype.num == number
        column[1] = 9
        assert told.tolist() == [7, 9]


def test_of_processes_that_begin_together_one_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others wait for it: a lock is asked for where nothing is cached, and nowhere else."""
    asked: list[int] = []
    monkeypatch.setattr(fcntl, "flock", lambda _, how: asked.append(how))
    monkeypatch.setattr(module, "_MADE", [])
    compiled()
    assert asked == []
    monkeypatch.setattr(module, "_is_cached", lambda last: False)
    monkeypatch.setattr(module, "_MADE", [])
    compiled()
    assert asked == [fcntl.LOCK_EX]


@pytest.mark.proof
def test_two_processes_with_an_empty_cache_compile_once(tmp_path: Path) -> None:
    """One says so and takes its time, the other says nothing; both come to the same digest."""
    script = SCRIPT.replace(
        "rig = Rig", "from mm.kernel.compiled import compiled\ncompiled(print)\nrig = Rig"
    )
    env = dict(os.environ) | {"NUMBA_CACHE_DIR": str(tmp_path)}
    begun = [
        subprocess.Popen([sys.executable, "-c", script], env=env, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    told = [one.communicate(timeout=120)[0].strip().splitlines() for one in begun]
    assert sorted(len(lines) for lines in told) == [1, 2]
    assert {lines[-1] for lines in told} == {f"True {digest_here(Kernel)}"}


def test_where_the_leaves_are_machine_code_already_their_sources_are_compiled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of what mypyc made there is no Python left that Numba could read."""
    made = ModuleType(slots.__name__)
    monkeypatch.setattr(module, "LEAVES", (made,))
    (found,) = as_written.__wrapped__()
    assert found.__name__ == slots.__name__
    assert found is not slots
    assert inspect.getsource(found.find) == inspect.getsource(slots.find)
    monkeypatch.setattr(module, "LEAVES", (slots,))
    assert as_written.__wrapped__() == (slots,)


def test_every_leaf_calls_the_made_ones_and_bears_the_digest_of_all_sources() -> None:
    """Else a change in one file would leave what was compiled of another in force."""
    made: list[FunctionType] = []

    def keep(leaf: FunctionType) -> "_Dispatcher":
        made.append(leaf)
        return cast("_Dispatcher", leaf)

    entries = bound(as_written(), keep)
    assert {leaf.__qualname__.rpartition("_")[2] for leaf in made} == {source_digest()}
    by_name = {leaf.__name__: leaf for leaf in made}
    assert set(entries) == set(ENTRIES)
    for name, one in entries.items():
        made_one: object = one
        assert made_one is by_name[ENTER + name]
    for leaf in made:
        for name, other in by_name.items():
            assert leaf.__globals__.get(name, other) is other
    assert digest_here(Kernel)
