"""The rules on tests refuse what was planted."""

import pytest

from tests.tidy import manners
from tests.tidy.shape import Rule
from tests.tidy.source import Source

PLANTED = [
    (manners.tests_state_behaviour, "def test_a() -> None: x", "test_a has no docstring"),
    (manners.tests_state_behaviour, "class T:\n    async def test_a(self) -> None: x", "state the behaviour"),
    (manners.tests_stand_alone, "from unittest import mock", "write a fake"),
    (manners.tests_stand_alone, "from unittest.mock import patch", "write a fake"),
    (manners.tests_stand_alone, "import unittest.mock", "write a fake"),
    (manners.tests_stand_alone, "from tests.core.sim.test_book import f", "share through tests/builders/"),
    (manners.tests_stand_alone, "from tests.core.sim import test_book", "share through tests/builders/"),
    (manners.tests_do_not_sleep, "time.sleep(1)", "await the event"),
    (manners.tests_do_not_sleep, "async def f() -> None:\n    await asyncio.sleep(0.1)", "await the event"),
]

CLEAN = [
    (
        manners.tests_state_behaviour,
        "tests/test_a.py",
        "def test_a() -> None:\n    '''A holds.'''\ndef f(): x",
    ),
    (manners.tests_state_behaviour, "tests/builders/book.py", "def test_like() -> None: x"),
    (manners.tests_stand_alone, "tests/test_a.py", "from tests.builders.book import f\nimport unittest"),
    (manners.tests_stand_alone, "mm/a.py", "x = 1"),
    (manners.tests_do_not_sleep, "tests/test_a.py", "async def f() -> None:\n    await asyncio.sleep(0)"),
    (manners.tests_do_not_sleep, "tests/builders/process.py", "time.sleep(0.01)"),
]


@pytest.mark.parametrize(("rule", "text", "message"), PLANTED)
def test_planted_bad_manner_is_found(rule: Rule, text: str, message: str) -> None:
    """The rule finds what was planted and says what to do instead."""
    findings = [str(finding) for finding in rule(Source("tests/core/test_a.py", text))]

    assert len(findings) == 1
    assert message in findings[0]


@pytest.mark.parametrize(("rule", "path", "text"), CLEAN)
def test_good_manners_pass(rule: Rule, path: str, text: str) -> None:
    """The rule has nothing to say about the form that it asks for, nor about files that it is not for."""
    assert not list(rule(Source(path, text)))
