"""Changes single keys in the text of a config: every other line stays as it is, comments included.

Invariant: what comes out parses to what went in with that one key changed, or an error is raised; it never
writes a form of its own over that of the file.
"""

import copy
import re
import tomllib
from typing import Final

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Item

from mm.errors import ConfigError
from mm.settings.lines import KeyPath, key_lines
from mm.settings.overlay import key_path

OFF: Final = "off"
"""What is written in place of a value to take a key out of the file: absent is off, or the default."""

Tree = dict[str, object]

_LINE: Final = re.compile(r"[^\n]*\n|[^\n]+")


def with_key(text: str, key: str, value: str) -> str:
    """Return `text`, a valid config, with the dotted `key` set to `value`; "off" takes it out.

    Args: value: as TOML; what is no TOML is taken as a text, so that quotes can be left out.
    Raises: ConfigError if there is no such form of a key, or the file is written in a form that cannot be
    changed line by line.
    """
    path = key_path(key, "config set")
    before = tomllib.loads(text)
    item = None if value.strip() == OFF else _item(value)
    wanted = copy.deepcopy(before)
    there = _put(wanted, path, None if item is None else item.unwrap())
    if item is None and not there:
        return text
    for made in _ways(text, path, item, is_there=there):
        if _tree(made) == wanted:
            return made
    raise ConfigError(
        f"{key}: cannot be changed without rewriting other lines of the file", hint="edit the file by hand"
    )


def _item(value: str) -> Item:
    try:
        return tomlkit.value(value.strip())
    except (TOMLKitError, ValueError):
        return tomlkit.string(value.strip())


def _put(tree: Tree, path: KeyPath, value: object) -> bool:
    # Returns whether the key was there. None takes it out.
    table = tree
    for name in path[:-1]:
        inner = table.setdefault(name, {}) if value is not None else table.get(name, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"{'.'.join(path)}: {name} is a value, not a table")
        table = inner
    there = path[-1] in table
    if value is None:
        table.pop(path[-1], None)
    else:
        table[path[-1]] = value
    return there


def _tree(text: str) -> Tree | None:
    try:
        return tomllib.loads(text)
    except ValueError:
        return None


def _ways(text: str, path: KeyPath, item: Item | None, *, is_there: bool) -> list[str]:
    # From the nicest to the plainest; the caller takes the first that says what it has to.
    if is_there:
        return [_replaced(text, path, item)]
    assert item is not None
    end = "\r\n" if "\r\n" in text else "\n"
    whole = text if not text or text.endswith("\n") else text + end
    line = f"{path[-1]} = {item.as_string()}{end}"
    lines = _LINE.findall(whole)
    made = ["".join([*lines[:at], line, *lines[at:]]) for at in _places(text, lines, path[:-1])]
    if path[:-1]:
        made.append(f"{whole}{end}[{'.'.join(path[:-1])}]{end}{line}")
    return made


def _replaced(text: str, path: KeyPath, item: Item | None) -> str:
    document = tomlkit.parse(text)
    table = document
    for name in path[:-1]:
        table = table[name]
    if item is None:
        del table[path[-1]]
    else:
        table[path[-1]] = item
    return tomlkit.dumps(document)


def _places(text: str, lines: list[str], table: KeyPath) -> list[int]:
    # How many lines are to come before a key of that table: up to its last one, or up to its header.
    found = key_lines(text)
    names = r"\s*\.\s*".join(rf"[\"']?{re.escape(name)}[\"']?" for name in table)
    header = found.get(table, 0)
    if table and not (header and re.match(rf"\s*\[\s*{names}\s*\]", lines[header - 1])):
        return []
    own = [
        line
        for path, line in found.items()
        if path[:-1] == table and not lines[line - 1].lstrip().startswith("[")
    ]
    return [max(own), header] if own else [header]
