"""Rules on tests: each states its behaviour, none sleeps, none replaces the world by a mock.

They hold for what pytest collects; builders under `tests/builders/` may poll a process they started.
"""

import ast
from collections.abc import Iterator
from typing import Final

from tests.tidy.source import Finding, Source

MOCKS: Final = ("mock", "unittest.mock", "pytest_mock")


def tests_state_behaviour(source: Source) -> Iterator[Finding]:
    """Every test has a docstring that states the behaviour."""
    if not source.is_test_module:
        return
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or not node.name.startswith("test_"):
            continue
        if ast.get_docstring(node) is None:
            yield source.finding(node.lineno, f"{node.name} has no docstring: state the behaviour")


def _imports(tree: ast.Module) -> Iterator[tuple[int, list[str]]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield node.lineno, [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.lineno, [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]


def tests_stand_alone(source: Source) -> Iterator[Finding]:
    """A test module imports neither a mock library nor another test module."""
    if source.parts[0] != "tests":
        return
    for line, modules in _imports(source.tree):
        if any(module in MOCKS for module in modules):
            yield source.finding(line, f"{modules[0]} mocks: write a fake, or enter through bootstrap")
        elif any(module.startswith("tests.") and ".test_" in module for module in modules):
            yield source.finding(line, f"{modules[0]} is a test module: share through tests/builders/")


def _sleeps(node: ast.Call) -> bool:
    called = ast.unparse(node.func)
    if called == "time.sleep":
        return True
    gives_way = bool(node.args) and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0
    return called == "asyncio.sleep" and not gives_way


def tests_do_not_sleep(source: Source) -> Iterator[Finding]:
    """A test waits for what it needs, with a deadline, and never for time to pass."""
    if not source.is_test_module:
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and _sleeps(node):
            message = "a sleep is slow and still too short some day: await the event, with a deadline"
            yield source.finding(node.lineno, message)


RULES: Final = (tests_state_behaviour, tests_stand_alone, tests_do_not_sleep)
"""The rules on tests."""
