"""The rule on the core refuses what was planted and names the replacement."""

import pytest

from tests.gate.core import CORE_PACKAGES
from tests.tidy.purity import core_is_pure
from tests.tidy.source import Source

PLANTED = [
    ("x = id(y)", "id: addresses differ between processes: use a sequence number"),
    ("x = hash(y)", "use a digest"),
    ("x = sorted(y, key=hash)", "use a digest"),
    ("x = set()", "use a tuple, or a dict"),
    ("def f(x: set[int]) -> None: y", "use a tuple, or a dict"),
    ("x = frozenset(y)", "use a tuple, or a dict"),
    ("x = {1, 2}", "a set: the order of a set differs"),
    ("x = {y for y in z}", "a set: the order of a set differs"),
    ("for x in {1, 2}: y", "a set: the order of a set differs"),
    ("for x in a.keys() & b.keys(): y", "keys() combined make a set"),
    ("for x in a - b.items(): y", "keys() combined make a set"),
    ("x = float(y)", "float(): money is integers"),
    ("print(1)", "return the fact, the shell reports it"),
    ("x = open(y)", "take the content as an argument"),
    ("x = input()", "take an event"),
    ("x = eval(y)", "write the expression"),
    ("async def f() -> None: y", "return a command or set a timer"),
    ("def f() -> None:\n    global x\n    x = 1", "state lives in the engine's state"),
]

CLEAN = [
    ("mm/strategies/glft.py", "x = float(y)"),
    ("mm/signals/ewma.py", "x = float(y)"),
    ("mm/exchange/server.py", "async def f() -> None:\n    print(set(), id(x), float(y))"),
    ("mm/errors.py", "x = {1}"),
    ("tests/core/engine/test_engine.py", "x = {float(y)}"),
    ("mm/engine/engine.py", "def f(ratio: float) -> int: return (1, 2)"),
    ("mm/engine/engine.py", "x = order.id\ny = book.open()\nz = a.keys()\nv = {1: 2}\nw = a - b"),
    ("mm/engine/engine.py", "x = isinstance(y, float)"),
]


@pytest.mark.parametrize(("text", "message"), PLANTED)
def test_planted_impurity_is_found(text: str, message: str) -> None:
    """The rule finds the impurity in a package of the core and names what to use instead."""
    findings = [str(finding) for finding in core_is_pure(Source("mm/engine/engine.py", text))]

    assert len(findings) == 1
    assert message in findings[0]


@pytest.mark.parametrize("package", CORE_PACKAGES)
def test_every_package_of_the_core_is_bound(package: str) -> None:
    """No package of the core is exempt, and neither are folders inside it."""
    for path in (f"mm/{package}/a.py", f"mm/{package}/inner/a.py"):
        assert list(core_is_pure(Source(path, "x = set()")))


@pytest.mark.parametrize(("path", "text"), CLEAN)
def test_pure_core_and_shell_pass(path: str, text: str) -> None:
    """Integers, dicts, tuples and annotations pass; the shell and the tests may do as they need."""
    assert not list(core_is_pure(Source(path, text)))
