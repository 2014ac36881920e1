"""Each rule on the shape of a file refuses what was planted, and lets the right form pass."""

import pytest

from tests.tidy import shape
from tests.tidy.source import Source

LONG_FUNCTION = "def f() -> None:\n" + "    x = 1\n" * 60

PLANTED = [
    (shape.file_is_short, "mm/a.py", "x = 1\n" * 501, "501 lines, at most 500"),
    (shape.file_is_short, "tests/test_a.py", "x = 1\n" * 501, "split it by noun"),
    (shape.functions_are_short, "mm/a.py", LONG_FUNCTION, "f has 61 lines, at most 60"),
    (shape.functions_are_short, "tests/a.py", f"async {LONG_FUNCTION}", "move pure leaves out"),
    (shape.names_say_something, "mm/sim/utils.py", "", "`utils` says nothing"),
    (shape.names_say_something, "mm/order_manager.py", "", "name the module after what it holds"),
    (shape.names_say_something, "mm/common/book.py", "", "`common` says nothing"),
    (shape.names_say_something, "tests/helpers.py", "", "`helpers` says nothing"),
    (shape.nothing_is_unfinished, "mm/a.py", "x = 1  # TODO: y", "`TODO`: finish it"),
    (shape.nothing_is_unfinished, "mm/a.py", "# fixme", "open an issue"),
    (shape.nothing_is_unfinished, "mm/a.py", '"""Good enough for now."""', "`for now`"),
    (shape.nothing_is_unfinished, "mm/a.py", "raise NotImplementedError", "`NotImplementedError`"),
    (shape.nothing_is_a_stub, "mm/a.py", "def f() -> None: ...", "f is a stub: write it"),
    (
        shape.nothing_is_a_stub,
        "mm/a.py",
        "class A:\n    def f(self):\n        '''D.'''\n        pass",
        "f is a stub",
    ),
    (shape.module_has_docstring, "mm/a.py", "x = 1", "what it holds, what it must never do"),
    (shape.public_names_have_docstrings, "mm/a.py", "def f(): return 1", "f has no docstring"),
    (shape.public_names_have_docstrings, "mm/a.py", "class A:\n    x = 1", "A has no docstring"),
    (
        shape.public_names_have_docstrings,
        "mm/a.py",
        "class A:\n    '''D.'''\n    def f(self): ...",
        "A.f has no",
    ),
    (shape.ignores_have_reasons, "mm/a.py", "import a  # noqa", "reason"),
    (shape.ignores_have_reasons, "mm/a.py", "import a  # noqa: F401", "`# noqa: CODE - reason`"),
    (shape.ignores_have_reasons, "mm/a.py", "x = f()  # type: ignore", "reason"),
    (shape.ignores_have_reasons, "tests/a.py", "x = f()  # type: ignore[attr-defined]", "reason"),
    (shape.ignores_have_reasons, "mm/a.py", "x = 1  # pragma: no cover", "reason"),
    (shape.ignores_have_reasons, "mm/a.py", "# mypy: ignore-errors", "reason"),
]

CLEAN = [
    (shape.file_is_short, "mm/a.py", "x = 1\n" * 500),
    (shape.functions_are_short, "mm/a.py", "@d\n" + LONG_FUNCTION.removesuffix("    x = 1\n")),
    (shape.names_say_something, "mm/engine/command_router.py", ""),
    (shape.nothing_is_unfinished, "mm/a.py", '"""The todolist of a toddler, for nowhere."""'),
    (shape.nothing_is_unfinished, "tests/a.py", "# TODO"),
    (shape.nothing_is_a_stub, "mm/a.py", "class A(Protocol[M]):\n    def f(self) -> None: ..."),
    (shape.nothing_is_a_stub, "mm/a.py", "def f() -> None:\n    '''Nothing to close.'''"),
    (shape.nothing_is_a_stub, "mm/a.py", "@overload\ndef f() -> None: ..."),
    (shape.nothing_is_a_stub, "tests/a.py", "def f() -> None: ..."),
    (shape.module_has_docstring, "mm/a.py", '"""Holds a."""'),
    (shape.module_has_docstring, "tests/a.py", "x = 1"),
    (
        shape.public_names_have_docstrings,
        "mm/a.py",
        "def _f(): return 1\nclass _A:\n    def f(self): return 1",
    ),
    (
        shape.public_names_have_docstrings,
        "mm/a.py",
        "class A:\n    '''D.'''\n    @x.setter\n    def x(self, y): z",
    ),
    (shape.ignores_have_reasons, "mm/a.py", "x = f()  # type: ignore[attr-defined]  # ccxt carries no types"),
    (shape.ignores_have_reasons, "mm/a.py", "import a  # noqa: F401, I001 - imported for its registration"),
    (shape.ignores_have_reasons, "mm/a.py", "x = '# noqa'"),
]


@pytest.mark.parametrize(("rule", "path", "text", "message"), PLANTED)
def test_planted_violation_is_found(rule: shape.Rule, path: str, text: str, message: str) -> None:
    """The rule finds the violation, says where it is and what to do instead."""
    findings = [str(finding) for finding in rule(Source(path, text))]

    assert len(findings) == 1
    assert findings[0].startswith(f"{path}:")
    assert message in findings[0]


@pytest.mark.parametrize(("rule", "path", "text"), CLEAN)
def test_right_form_passes(rule: shape.Rule, path: str, text: str) -> None:
    """The rule has nothing to say about the form that it asks for, nor about files that it is not for."""
    assert not list(rule(Source(path, text)))
