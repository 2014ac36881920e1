"""Reads the part of YAML that Hummingbot's strategy files are written in, and refuses all else by its line.

That part: keys with a text, a number, a switch or nothing; lists `[a, b]` or `- a`; tables by indentation;
comments; quotes. No anchors, tags, block texts or several documents: nothing of a file can do more than name
values. Invariant: every key is read once, with its line, or the file is refused.
"""

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from mm.errors import ConfigError

DEPTH_MAX: Final = 4
"""Deepest nesting of tables."""

Table: TypeAlias = "dict[str, Node]"

_KEY: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*|\"[^\"\\]*\"|'[^']*'|\d+)\s*:(?:\s+(.*)|)$")
_QUOTED: Final = re.compile(r"\"((?:[^\"\\]|\\[\"\\])*)\"|'((?:[^']|'')*)'")
_PIECE: Final = re.compile(r"\s*(\"(?:[^\"\\]|\\[\"\\])*\"|'(?:[^']|'')*'|[^,'\"\[\]{}]*?)\s*(,|$)")
_REFUSED: Final = "&*!|>%@`{?"
_NOTHING: Final = ("", "~", "null", "Null", "NULL")


@dataclass(frozen=True, slots=True)
class Node:
    """A value with its line, from 1.

    Fields: value: a text as it was written (without quotes), a list, a table, or None for nothing.
    """

    value: "str | list[Node] | Table | None"
    line: int


@dataclass(frozen=True, slots=True)
class _Line:
    indent: int
    text: str  # without indentation and comment
    number: int


def read_conf(text: str, file: str) -> Table:
    """Return the keys of `text` with their values. Args: file: its name, for messages.

    Raises: ConfigError with file and line.
    """
    return _Reader(text, file).document()


class _Reader:
    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.lines = [line for line in map(self.line, enumerate(text.splitlines(), 1)) if line is not None]
        self.at = 0

    def fault(self, number: int, message: str, hint: str = "") -> ConfigError:
        return ConfigError(f"{self.file}:{number}: {message}", hint=hint)

    def line(self, numbered: tuple[int, str]) -> _Line | None:
        number, whole = numbered
        text = _without_comment(whole)
        if not text.strip() or (number == 1 and text.strip() == "---"):
            return None
        body = text.lstrip(" ")
        if body[0] == "\t":
            raise self.fault(number, "a tab is no indentation here", "use spaces")
        return _Line(len(text) - len(body), body.rstrip(), number)

    def document(self) -> Table:
        if not self.lines:
            raise self.fault(1, "there is nothing in it")
        found = self.table(self.lines[0].indent, 1)
        if self.at < len(self.lines):
            raise self.fault(
                self.lines[self.at].number, "expected `key: value` at the indentation of the others"
            )
        return found

    def table(self, indent: int, depth: int) -> Table:
        found: Table = {}
        while self.at < len(self.lines) and self.lines[self.at].indent == indent:
            line = self.lines[self.at]
            match = _KEY.match(line.text)
            if match is None or depth > DEPTH_MAX:
                raise self.fault(line.number, "expected `key: value`")
            key = match[1][1:-1] if match[1][0] in "\"'" else match[1]
            if key in found:
                raise self.fault(line.number, f"{key} is there twice; first in line {found[key].line}")
            self.at += 1
            rest = (match[2] or "").strip()
            found[key] = self.value(rest, line.number) if rest else self.below(line, depth)
        return found

    def below(self, line: _Line, depth: int) -> Node:
        # What stands under a key without a value of its own; a list may stand at the key's own indentation.
        if self.at < len(self.lines):
            after = self.lines[self.at]
            if _is_item(after.text) and after.indent >= line.indent:
                return Node(self.items(after.indent), line.number)
            if after.indent > line.indent:
                return Node(self.table(after.indent, depth + 1), line.number)
        return Node(None, line.number)

    def items(self, indent: int) -> list[Node]:
        found = []
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if line.indent != indent or not _is_item(line.text):
                break
            item = line.text[1:].strip()
            if _KEY.match(item) or _is_item(item):
                raise self.fault(
                    line.number, "expected a single value: no list of tables or lists is read here"
                )
            found.append(self.value(item, line.number))
            self.at += 1
        return found

    def value(self, text: str, number: int) -> Node:
        if text.startswith("["):
            return Node(self.flow(text, number), number)
        return Node({} if text == "{}" else self.scalar(text, number), number)

    def flow(self, text: str, number: int) -> list[Node]:
        if not text.endswith("]"):
            raise self.fault(number, "expected a list on one line, as [1, 2]")
        inner, found, at = text[1:-1].strip(), [], 0
        while at < len(inner):
            piece = _PIECE.match(inner, at)
            if piece is None or not piece[1]:
                raise self.fault(number, "expected a list of single values, as [1, 2]")
            found.append(Node(self.scalar(piece[1], number), number))
            at = piece.end()
        return found

    def scalar(self, text: str, number: int) -> str | None:
        quoted = _QUOTED.fullmatch(text)
        if quoted is not None:
            if quoted[1] is not None:
                return re.sub(r"\\(.)", r"\1", quoted[1])
            return quoted[2].replace("''", "'")
        if text in _NOTHING:
            return None
        if text[0] in _REFUSED or text[0] in "\"'" or ": " in text or text.endswith(":"):
            raise self.fault(
                number, f"cannot be read: {text[:40]!r}", "only single values, lists and tables are"
            )
        return text


def _is_item(text: str) -> bool:
    return text == "-" or text.startswith("- ")


def _without_comment(line: str) -> str:
    # A '#' begins a comment at the start of a word, outside of quotes.
    quote, before = "", " "
    for place, letter in enumerate(line):
        if quote:
            if letter == quote and not (quote == '"' and before == "\\"):
                quote = ""
        elif letter in "\"'" and before in " :,[-'":
            # Behind a single quote it is the second one of a pair, which stands for one inside.
            quote = letter
        elif letter == "#" and before in " \t":
            return line[:place]
        before = letter
    return line
