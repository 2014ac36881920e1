"""Where each key of a TOML text stands: its line, by a scan of the text beside the parser.

The text has been accepted by `tomllib` before; this scan only follows its structure and never judges it.
Invariant: every table and every key that the parser finds has a line (a property test compares the two).
"""

import re
import tomllib
from bisect import bisect_right
from typing import Final, TypeAlias

KeyPath: TypeAlias = tuple[str, ...]
"""The names from the root of the file to a key; an element of a list has its index as name."""

_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_BLANK: Final = re.compile(r"[ \t]*")
_BLANK_LINES: Final = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_BARE_VALUE: Final = re.compile(r"[^,\]}\n#]*")
_BASIC: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_LITERAL: Final = re.compile(r"'[^'\n]*'")
_LONG_BASIC: Final = re.compile(r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})', re.DOTALL)
_LONG_LITERAL: Final = re.compile(r"'''.*?'''(?:'{0,2})", re.DOTALL)


def key_lines(text: str) -> dict[KeyPath, int]:
    """Return the line (from 1) on which each table and key of `text`, valid TOML, first appears."""
    scan = _Scan(text.replace("\r\n", "\n"))
    scan.document()
    return scan.lines


class _Scan:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.newlines = [match.start() for match in re.finditer("\n", text)]
        self.lines: dict[KeyPath, int] = {}
        self.list_lengths: dict[KeyPath, int] = {}

    def document(self) -> None:
        table: KeyPath = ()
        while True:
            self.skip(_BLANK_LINES)
            if self.at >= len(self.text):
                return
            if self.text[self.at] == "[":
                table = self.header()
            else:
                self.assignment(table)

    def header(self) -> KeyPath:
        start = self.at
        is_list = self.text.startswith("[[", self.at)
        self.at += 2 if is_list else 1
        names = self.key()
        path: KeyPath = ()
        for name in names[:-1]:
            path = self.within((*path, name))
            self.note(path, start)
        path = (*path, names[-1])
        self.note(path, start)
        if is_list:
            self.list_lengths[path] = self.list_lengths.get(path, 0) + 1
        path = self.within(path)
        self.note(path, start)
        self.skip(_BLANK)
        self.at += 2 if is_list else 1
        return path

    def within(self, path: KeyPath) -> KeyPath:
        # A table below a list of tables belongs to the list's last element.
        length = self.list_lengths.get(path)
        return path if length is None else (*path, str(length - 1))

    def assignment(self, table: KeyPath) -> None:
        start = self.at
        path = table
        for name in self.key():
            path = (*path, name)
            self.note(path, start)
        self.skip(_BLANK)
        self.at += 1  # the equals sign
        self.value(path)

    def key(self) -> list[str]:
        names = []
        while True:
            self.skip(_BLANK)
            quote = self.text[self.at]
            if quote in "\"'":
                raw = self.take(_BASIC if quote == '"' else _LITERAL)
                names.append(str(tomllib.loads(f"x = {raw}")["x"]))
            else:
                names.append(self.take(_BARE_KEY))
            self.skip(_BLANK)
            if self.text[self.at] != ".":
                return names
            self.at += 1

    def value(self, path: KeyPath) -> None:
        self.skip(_BLANK)
        first = self.text[self.at]
        if first == "[":
            self.list_value(path)
        elif first == "{":
            self.table_value(path)
        elif first == '"':
            self.take(_LONG_BASIC if self.text.startswith('"""', self.at) else _BASIC)
        elif first == "'":
            self.take(_LONG_LITERAL if self.text.startswith("'''", self.at) else _LITERAL)
        else:
            self.take(_BARE_VALUE)

    def list_value(self, path: KeyPath) -> None:
        self.at += 1
        index = 0
        while True:
            self.skip(_BLANK_LINES)
            if self.text[self.at] == "]":
                break
            self.note((*path, str(index)), self.at)
            self.value((*path, str(index)))
            index += 1
            self.skip(_BLANK_LINES)
            if self.text[self.at] == ",":
                self.at += 1
        self.at += 1

    def table_value(self, path: KeyPath) -> None:
        self.at += 1
        while True:
            self.skip(_BLANK_LINES)
            if self.text[self.at] == "}":
                break
            self.assignment(path)
            self.skip(_BLANK_LINES)
            if self.text[self.at] == ",":
                self.at += 1
        self.at += 1

    def note(self, path: KeyPath, position: int) -> None:
        if path not in self.lines:
            self.lines[path] = bisect_right(self.newlines, position - 1) + 1

    def skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self.at)
        assert match is not None  # these patterns match the empty text too
        self.at = match.end()

    def take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        assert match is not None  # the parser accepted the text
        self.at = match.end()
        return match[0]
