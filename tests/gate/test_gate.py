"""The gates themselves, shown on a small project that has this project's configuration and gates.

Each case is a real pytest run in a process of its own: what is tested is the wiring, not only the functions.
"""

from pathlib import Path
from typing import Final

import pytest

from tests.gate.small_project import DONE, FAILED, run_gate

THING: Final = '''"""A module of the core."""

from typing import Literal, assert_never


def sign(value: int) -> int:
    """Return the sign of a value that is not 0."""
    if value > 0:
        return 1
    return -1


def of(way: Literal["up", "down"]) -> int:
    """Return the sign of a way."""
    match way:
        case "up":
            return 1
        case "down":
            return -1
        case _:
            assert_never(way)
'''

BOTH_SIGNS: Final = '''"""Tests."""

import pytest

from mm.domain.thing import of, sign


def test_positive() -> None:
    """Positive."""
    assert sign(3) == of("up") == 1


@pytest.mark.parametrize("value", range(-40, 0))
def test_negative(value: int) -> None:
    """Negative."""
    assert sign(value) == of("down") == -1
'''

ONE_SIGN: Final = BOTH_SIGNS.replace("range(-40, 0)", "[]").replace("sign(value) == ", "")
SHELL: Final = BOTH_SIGNS.replace("assert", "import sys\n    assert sys.gettrace() is None\n    assert")
GOOD: Final = {"mm/domain/thing.py": THING, "tests/core/domain/test_thing.py": BOTH_SIGNS}


@pytest.mark.parametrize("processes", ["-n0", "-n2"])
def test_covered_core_passes(tmp_path: Path, processes: str) -> None:
    """Tests spread over processes add up; the arm that the type checker proves dead does not count."""
    run = run_gate(tmp_path, {**GOOD, "tests/test_shell.py": SHELL}, processes)

    assert run.code == DONE, run.output
    assert "core coverage: 100 %" in run.output


JUMP: Final = '''"""A module with a branch that its test never takes."""


def f(x: int) -> int:
    """F."""
    if x:
        x += 1
    return x
'''
JUMP_TEST: Final = '''"""T."""

from mm.domain.jump import f


def test_f() -> None:
    """F."""
    assert f(1) == 2
'''
ALONE: Final = "def f() -> int:\n    return 1\n"


@pytest.mark.parametrize("processes", ["-n0", "-n2"])
def test_what_the_cores_own_tests_miss_fails(tmp_path: Path, processes: str) -> None:
    """A line that only the shell's tests reach, a branch never taken, a module never imported: all named."""
    run = run_gate(
        tmp_path,
        {
            "mm/domain/thing.py": THING,
            "tests/core/domain/test_thing.py": BOTH_SIGNS.replace("sign(value) == ", ""),
            "tests/a/test_shell.py": SHELL,
            "mm/domain/jump.py": JUMP,
            "tests/core/domain/test_jump.py": JUMP_TEST,
            "mm/sim/alone.py": ALONE,
        },
        processes,
    )

    missed = {line.split()[0]: line.split("%")[1].strip() for line in run.output.splitlines() if "%" in line}
    assert run.code == FAILED, run.output
    assert "core coverage: FAILED" in run.output
    assert missed["mm/domain/thing.py"] == "10"
    assert missed["mm/domain/jump.py"] == "6->8"
    assert missed["mm/sim/alone.py"] == "2"


SEARCHED: Final = '''"""T."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from mm.domain.jump import f

SEEN = itertools.count()


@settings(max_examples=100, database=None, derandomize=True)
@given(st.integers())
def test_f(value: int) -> None:
    """Take the other branch in the last examples alone, whatever is drawn."""
    assert f(int(next(SEEN) < 90)) in {0, 2}
'''


def test_of_a_property_test_the_first_examples_are_measured(tmp_path: Path) -> None:
    """A branch that only a long search takes wants a test that names it; the next test is measured again."""
    files = {
        "mm/domain/jump.py": JUMP,
        "tests/core/domain/test_jump.py": SEARCHED,
        "mm/domain/thing.py": THING,
        "tests/core/domain/test_thing.py": BOTH_SIGNS,
    }
    run = run_gate(tmp_path, files, "-n0")

    missed = [line.split()[0] for line in run.output.splitlines() if line.startswith("mm/")]
    assert (run.code, missed) == (FAILED, ["mm/domain/jump.py"]), run.output


@pytest.mark.parametrize(
    "selection", [("tests/core/domain",), ("-k", "positive"), ("-m", "proof or not proof")]
)
def test_selection_is_not_judged(tmp_path: Path, selection: tuple[str, ...]) -> None:
    """A run of some tests says nothing about coverage, and is not slowed by it."""
    files = {**GOOD, "mm/domain/alone.py": ALONE}

    run = run_gate(tmp_path, files, "-n0", *selection)

    assert run.code == DONE, run.output
    assert "core coverage" not in run.output


def test_proof_tests_run_only_when_asked_for(tmp_path: Path) -> None:
    """The gate leaves the long tier out; `-m proof` runs it and nothing else, unjudged."""
    proof = '"""T."""\n\nimport pytest\n\n\n@pytest.mark.proof\ndef test_long() -> None:\n    """L."""\n'
    files = {**GOOD, "tests/core/test_long.py": proof}

    gate = run_gate(tmp_path / "gate", files, "-n0")
    long = run_gate(tmp_path / "long", files, "-n0", "-m", "proof")

    assert gate.code == DONE, gate.output
    assert "41 passed, 1 deselected" in gate.output
    assert long.code == DONE, long.output
    assert "1 passed, 41 deselected" in long.output


SKIP: Final = '''"""T."""

import pytest


def test_skips() -> None:
    """S."""
    pytest.skip("REASON")
'''

WHOLE_MODULE: Final = '"""T."""\n\nimport pytest\n\npytest.skip("not today", allow_module_level=True)\n'
EXPECTED: Final = (
    '"""T."""\n\nimport pytest\n\n\ndef test_x() -> None:\n    """X."""\n    pytest.xfail("known")\n'
)


@pytest.mark.parametrize("processes", ["-n0", "-n2"])
def test_unlisted_skip_fails(tmp_path: Path, processes: str) -> None:
    """A skip of a test, of a whole module, and an expected failure fail the run unless they are listed."""
    files = {
        "tests/test_skip.py": SKIP,
        "tests/test_module.py": WHOLE_MODULE,
        "tests/test_xfail.py": EXPECTED,
    }

    run = run_gate(tmp_path, files, processes, *files)

    assert run.code == FAILED, run.output
    assert "skips that are not allowed: FAILED" in run.output
    assert "tests/test_skip.py::test_skips: REASON" in run.output
    assert "tests/test_module.py: not today" in run.output
    assert "tests/test_xfail.py::test_x: known" in run.output


def test_listed_skip_passes(tmp_path: Path) -> None:
    """A test that needs the recordings is skipped where they are absent; the shared fixture does it."""
    uses = '"""T."""\n\n\ndef test_x(shared_data: object) -> None:\n    """X."""\n    raise AssertionError\n'

    run = run_gate(tmp_path, {"tests/test_x.py": uses}, "-n0", "tests")

    assert "1 skipped" in run.output
    assert "skips that are not allowed" not in run.output


def test_warning_is_an_error(tmp_path: Path) -> None:
    """A warning fails the test that raised it."""
    warns = '"""T."""\n\nimport warnings\n\n\ndef test_x() -> None:\n    """X."""\n    warnings.warn("old")\n'

    run = run_gate(tmp_path, {"tests/test_x.py": warns}, "-n0", "tests/test_x.py")

    assert run.code == FAILED, run.output
    assert "UserWarning: old" in run.output


NOTES_ITS_IMPORT: Final = '''"""T."""

import os
from pathlib import Path

with Path(os.environ["IMPORTS"], os.environ.get("PYTEST_XDIST_WORKER", "one")).open("a") as file:
    file.write(f"{Path(__file__).name} ")


def test_x() -> None:
    """X."""
'''


def test_processes_begin_to_collect_at_different_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that they share the work of a clean clone; the order of the tests is one, or xdist would refuse."""
    imports = tmp_path / "imports"
    imports.mkdir()
    monkeypatch.setenv("IMPORTS", str(imports))
    files = {f"tests/{name}/test_{name}.py": NOTES_ITS_IMPORT for name in ("a", "b", "core", "d")}

    run = run_gate(tmp_path / "project", files, "-n2", "-m", "not proof", "tests")

    assert "4 passed" in run.output, run.output
    collected = {path.name: path.read_text().split() for path in imports.iterdir()}
    assert collected["gw0"][0] != collected["gw1"][0]
    assert sorted(collected["gw0"]) == sorted(collected["gw1"])
