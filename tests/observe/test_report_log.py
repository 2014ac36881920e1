"""Every fact that the engine can tell is written at a level that somebody chose for it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

import mm.engine
import mm.observe.analyst
import mm.runtime
from mm.domain.commands import Report
from mm.observe import report_log
from mm.observe.report_log import CRITICAL, DEBUG, INFO, WARNING, log_report

LEVELS = {"critical": CRITICAL, "warning": WARNING, "info": INFO, "debug": DEBUG}


def _modules() -> list[ast.Module]:
    folders = (Path(package.__path__[0]) for package in (mm.engine, mm.runtime))
    paths = [path for folder in folders for path in sorted(folder.glob("*.py"))]
    return [ast.parse(path.read_text()) for path in (*paths, Path(mm.observe.analyst.__file__))]


def _calls(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else None
            if called == name or (isinstance(node.func, ast.Name) and node.func.id == name):
                yield node


def _texts(node: ast.AST) -> Iterator[str]:
    # A code is a constant, or a choice between two.
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
    else:
        raise AssertionError(f"line {getattr(node, 'lineno', 0)}: cannot tell which code is reported")


def _codes(tree: ast.Module) -> Iterator[str]:
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and function.name != "report":
            parameters = [argument.arg for argument in function.args.posonlyargs + function.args.args]
            for call in _calls(function, "report"):
                code = call.args[0]
                if isinstance(code, ast.Name) and code.id in parameters:
                    # It is handed through: whoever calls this function states it.
                    for caller in _calls(tree, function.name):
                        yield from _texts(caller.args[parameters.index(code.id)])
                else:
                    yield from _texts(code)
    for call in _calls(tree, "Report"):
        yield from (
            text
            for word in call.keywords
            if word.arg == "code" and isinstance(word.value, ast.Constant)
            for text in _texts(word.value)
        )


def emitted() -> set[str]:
    """Return every code that a report of the engine or of the runtime can have."""
    return {code for tree in _modules() for code in _codes(tree)}


def test_every_code_is_sorted_into_one_level_and_every_sorted_code_exists() -> None:
    """A new report has to be given a level; one that is gone leaves its place."""
    listed = [code for codes in LEVELS.values() for code in codes]
    assert sorted(listed) == sorted(emitted())


def test_the_lists_are_in_order() -> None:
    """Sorted, so that a code is found and stands once."""
    for codes in LEVELS.values():
        assert list(codes) == sorted(set(codes))


def test_codes_are_found_however_they_reach_the_report() -> None:
    """The search itself: a constant, a choice, a parameter; what it cannot follow is an error."""
    source = """
def one(state): state.report("a", "")
def two(state): state.report("b" if state else "c", "")
def three(state, code): state.report(code, "")
def four(state): three(state, "d")
"""
    assert set(_codes(ast.parse(source))) == {"a", "b", "c", "d"}
    with pytest.raises(AssertionError, match="cannot tell"):
        list(_codes(ast.parse("def one(state): state.report(state.code, '')")))


def _logged(code: str, in_session: str = "", /, **facts: str) -> list[dict[str, object]]:
    with capture_logs() as lines:
        # Loggers are bound when they are first used: this one takes the capturing processors.
        report_log.log = structlog.get_logger("mm")
        log_report(Report(ts_ns=1, code=code, session=in_session, facts=tuple(facts.items())))
    return [dict(line) for line in lines]


@pytest.mark.parametrize("level", LEVELS)
def test_a_report_is_written_at_its_level_with_its_facts(level: str) -> None:
    """One line, named by its code."""
    for code in LEVELS[level]:
        assert _logged(code, "btc", cid="7") == [
            {"event": code, "log_level": level, "session": "btc", "cid": "7"}
        ]


def test_a_code_that_nobody_sorted_is_a_warning() -> None:
    """It is rather seen than lost."""
    assert _logged("brand.new") == [{"event": "brand.new", "log_level": "warning"}]


def test_facts_that_are_called_like_a_part_of_the_line_do_not_replace_it() -> None:
    """The ladder's level is not the level of the line, and a rule may call its facts as it likes."""
    facts = {"event": "e", "level": "3", "session": "s", "ts": "t", "exc_info": "x"}
    (line,) = _logged("order.denied", "btc", **facts)
    assert (line["event"], line["session"]) == ("order.denied", "btc")
    assert {name: line[f"fact_{name}"] for name in facts} == facts
