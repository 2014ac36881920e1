"""The source files that the tidy rules read, and what a rule answers with.

A rule is a function from one `Source` to its `Finding`s. Rules never read the disk: a planted violation is
judged exactly as a real file.
"""

import ast
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from tests.gate.core import CORE_PACKAGES


class Finding(NamedTuple):
    """A violation: where it is, what was found and what to write instead."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(frozen=True)
class Source:
    """One Python file: its path from the root of the repository, with slashes, and its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree. Raises SyntaxError if the file is not Python."""
        return ast.parse(self.text, self.path)

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The path in parts: `("mm", "risk", "collar.py")`."""
        return PurePosixPath(self.path).parts

    @cached_property
    def comments(self) -> list[tuple[int, str]]:
        """Every comment with its line number, in order."""
        tokens = tokenize.generate_tokens(io.StringIO(self.text).readline)
        return [(token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT]

    @property
    def is_product(self) -> bool:
        """Whether the file is part of `mm`."""
        return self.parts[0] == "mm"

    @property
    def is_core(self) -> bool:
        """Whether the file is part of the core."""
        return self.is_product and self.parts[1] in CORE_PACKAGES

    @property
    def is_test_module(self) -> bool:
        """Whether pytest collects tests from the file."""
        return self.parts[0] == "tests" and self.parts[-1].startswith("test_")

    def finding(self, line: int, message: str) -> Finding:
        """Return a finding in this file."""
        return Finding(self.path, line, message)


def sources(root: Path) -> Iterator[Source]:
    """Yield every Python file under `mm/` and `tests/` of the repository at `root`, in order of path."""
    for top in ("mm", "tests"):
        for path in sorted((root / top).rglob("*.py")):
            yield Source(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8"))
