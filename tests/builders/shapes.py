"""The shapes of a daemon's answers as `mm/cli/shapes.py` documents them, to hold real answers against.

Reads the notation of that docstring: NAME: {key, key: value, ...}, [value, ...], alternatives with `|`.
"""

import re
from collections.abc import Iterator
from typing import Final

import mm.cli.shapes

ANYTHING: Final = "anything"
"""Shape of a key without one."""

_TOKEN: Final = re.compile(r"\w+|[{}\[\]:,;|]")


class Shapes:
    """Every documented shape. Fields: names: in the order of the document."""

    def __init__(self, text: str) -> None:
        """Read `text`."""
        self._tokens: list[str] = _TOKEN.findall(text)
        self._at = 0
        self._found: dict[str, object] = {}
        while self._at < len(self._tokens):
            name = self._take()
            self._expect(":")
            self._found[name] = self._value()
            if self._peek() == ";":
                self._take()
        self.names = tuple(self._found)

    def differences(self, value: object, name: str) -> list[str]:
        """Return where `value` is not of the shape `name`."""
        return list(self._compare(value, self._found[name], name))

    def _compare(self, value: object, shape: object, place: str) -> Iterator[str]:
        if isinstance(shape, str):
            yield from self._compare_named(value, shape, place)
        elif isinstance(shape, dict):
            yield from self._compare_table(value, shape, place)
        elif isinstance(shape, tuple):
            if all(list(self._compare(value, one, place)) for one in shape):
                yield f"{place}: fits none of the alternatives"
        elif not isinstance(value, list):
            yield f"{place}: expected a list"
        else:
            yield from self._compare_list(value, shape, place)

    def _compare_named(self, value: object, shape: str, place: str) -> Iterator[str]:
        if shape.isupper():
            yield from self._compare(value, self._found[shape], place)
        elif shape == "null":
            if value is not None:
                yield f"{place}: expected null"
        elif shape != ANYTHING and isinstance(value, dict | list):
            yield f"{place}: expected a single value"

    def _compare_table(self, value: object, shape: dict[str, object], place: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{place}: expected a table"
        elif shape:
            if set(value) != set(shape):
                yield f"{place}: keys {sorted(set(value) ^ set(shape))} are in one of both only"
            for key in set(value) & set(shape):
                yield from self._compare(value[key], shape[key], f"{place}.{key}")

    def _compare_list(self, value: list[object], shape: object, place: str) -> Iterator[str]:
        assert isinstance(shape, list)
        if len(shape) == 1:
            for number, one in enumerate(value):
                yield from self._compare(one, shape[0], f"{place}[{number}]")
        elif len(value) != len(shape):
            yield f"{place}: expected {len(shape)} entries"

    def _value(self) -> object:
        found = [self._single()]
        while self._peek() == "|":
            self._take()
            found.append(self._single())
        return tuple(found) if len(found) > 1 else found[0]

    def _single(self) -> object:
        token = self._take()
        if token == "{":
            return self._table()
        if token == "[":
            return self._list()
        return token

    def _table(self) -> dict[str, object]:
        fields: dict[str, object] = {}
        while self._peek() != "}":
            name = self._take()
            fields[name] = ANYTHING
            if self._peek() == ":":
                self._take()
                fields[name] = self._value()
            if self._peek() == ",":
                self._take()
        self._take()
        return fields

    def _list(self) -> list[object]:
        entries: list[object] = []
        while self._peek() != "]":
            entries.append(self._value())
            if self._peek() == ",":
                self._take()
        self._take()
        return entries

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]

    def _expect(self, token: str) -> None:
        assert self._take() == token, f"expected {token} before {self._tokens[self._at : self._at + 5]}"


def documented() -> Shapes:
    """Return what the docstring of `mm.cli.shapes` says."""
    text = mm.cli.shapes.__doc__ or ""
    return Shapes(text[text.index("\nstatus:") :])
