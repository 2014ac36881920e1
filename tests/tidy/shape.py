"""Rules on the shape of a file: its size, its name, its docstrings, and what may not be left in it.

The limits are those of the house: a file of at most 500 lines, a function of at most 60.
"""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Final, TypeAlias

from tests.tidy.source import Finding, Source

FILE_LINES_MAX: Final = 500
FUNCTION_LINES_MAX: Final = 60
REASON_LENGTH_MIN: Final = 10
"""Characters after an ignore below which there is no reason worth the name."""

VAGUE_WORDS: Final = ("util", "utils", "helper", "helpers", "common", "manager", "managers", "misc", "stuff")
"""Words that say nothing about what a module holds."""

UNFINISHED: Final = re.compile(
    r"\b(?:TODO|FIXME|XXX|HACK)\b|\bfor now\b|\bNotImplementedError\b", re.IGNORECASE
)
IGNORE: Final = re.compile(r"#\s*(?:noqa|type:\s*ignore|pragma|fmt:|ruff:|mypy:)", re.IGNORECASE)
SAID_WHAT: Final = re.compile(
    r"#\s*(?:noqa:\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*|type:\s*ignore\[[\w\-, ]+\])(?P<reason>.*)"
)

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Rule: TypeAlias = Callable[[Source], Iterator[Finding]]


def file_is_short(source: Source) -> Iterator[Finding]:
    """A file has at most 500 lines."""
    count = len(source.text.splitlines())
    if count > FILE_LINES_MAX:
        message = f"the file has {count} lines, at most {FILE_LINES_MAX}: split it by noun"
        yield source.finding(FILE_LINES_MAX + 1, message)


def functions_are_short(source: Source) -> Iterator[Finding]:
    """A function has at most 60 lines, its docstring included, its decorators not."""
    for node in ast.walk(source.tree):
        if not isinstance(node, Function):
            continue
        count = (node.end_lineno or node.lineno) - node.lineno + 1
        if count > FUNCTION_LINES_MAX:
            message = (
                f"{node.name} has {count} lines, at most {FUNCTION_LINES_MAX}:"
                " keep the branches in it, move pure leaves out"
            )
            yield source.finding(node.lineno, message)


def names_say_something(source: Source) -> Iterator[Finding]:
    """No part of a module's path is made of a word that says nothing."""
    for part in PurePosixPath(source.path).with_suffix("").parts:
        vague = [word for word in part.split("_") if word in VAGUE_WORDS]
        if vague:
            yield source.finding(
                1, f"`{part}` says nothing ({vague[0]}): name the module after what it holds"
            )


def nothing_is_unfinished(source: Source) -> Iterator[Finding]:
    """The product holds no marker of work left undone."""
    if not source.is_product:
        return
    for number, line in enumerate(source.text.splitlines(), start=1):
        for match in UNFINISHED.finditer(line):
            message = f"`{match.group()}`: finish it, or open an issue and leave the words out"
            yield source.finding(number, message)


def _is_placeholder(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Pass):
        return True
    return isinstance(statement, ast.Expr) and getattr(statement.value, "value", None) is Ellipsis


def _is_declaration(node: Function, owner: ast.ClassDef | None) -> bool:
    decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
    bases = [ast.unparse(base) for base in owner.bases] if owner is not None else []
    return any("overload" in text or "abstractmethod" in text for text in decorators) or any(
        base.startswith(("Protocol", "typing.Protocol")) for base in bases
    )


def _functions(tree: ast.Module) -> Iterator[tuple[Function, ast.ClassDef | None]]:
    for parent in ast.walk(tree):
        for node in ast.iter_child_nodes(parent):
            if isinstance(node, Function):
                yield node, parent if isinstance(parent, ast.ClassDef) else None


def nothing_is_a_stub(source: Source) -> Iterator[Finding]:
    """A function of the product does something, or says in its docstring why it does nothing."""
    if not source.is_product:
        return
    for node, owner in _functions(source.tree):
        body = node.body[1:] if ast.get_docstring(node) is not None else node.body
        if (
            body
            and all(_is_placeholder(statement) for statement in body)
            and not _is_declaration(node, owner)
        ):
            message = f"{node.name} is a stub: write it; a function that does nothing has only a docstring"
            yield source.finding(node.lineno, message)


def module_has_docstring(source: Source) -> Iterator[Finding]:
    """Every module of the product opens with what it holds, must never do, and its invariant."""
    if source.is_product and ast.get_docstring(source.tree) is None:
        message = "no module docstring: say what it holds, what it must never do, its invariant"
        yield source.finding(1, message)


def _public(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, Function | ast.ClassDef]]:
    for node in body:
        if not isinstance(node, Function | ast.ClassDef) or node.name.startswith("_"):
            continue
        if any(ast.unparse(decorator).endswith((".setter", "overload")) for decorator in node.decorator_list):
            continue
        yield prefix + node.name, node
        if isinstance(node, ast.ClassDef):
            yield from _public(node.body, f"{prefix}{node.name}.")


def public_names_have_docstrings(source: Source) -> Iterator[Finding]:
    """Every public class, function and method of the product has a docstring."""
    if not source.is_product:
        return
    for name, node in _public(source.tree.body, ""):
        if ast.get_docstring(node) is None:
            message = f"{name} has no docstring: say what it is or returns, units, ranges, errors"
            yield source.finding(node.lineno, message)


def ignores_have_reasons(source: Source) -> Iterator[Finding]:
    """A comment that silences a check names the check and gives its reason on the same line."""
    # Most files hold none: taking a file apart into its comments is slow.
    if IGNORE.search(source.text) is None:
        return
    for line, comment in source.comments:
        if IGNORE.search(comment) is None:
            continue
        said = SAID_WHAT.search(comment)
        reason = said.group("reason").strip(" -#:") if said is not None else ""
        if len(reason) < REASON_LENGTH_MIN:
            message = f"`{comment}`: write `# noqa: CODE - reason` or `# type: ignore[code]  # reason`"
            yield source.finding(line, message)


RULES: Final = (
    file_is_short,
    functions_are_short,
    names_say_something,
    nothing_is_unfinished,
    nothing_is_a_stub,
    module_has_docstring,
    public_names_have_docstrings,
    ignores_have_reasons,
)
"""The rules on every file."""
