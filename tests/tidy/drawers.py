"""The rule on drawers: a member of a drawer knows the drawer's `base.py` and none of its siblings.

A drawer is a package whose files are alternatives or items of a list: strategies, rules, signals, venues. A
new one is then one file, and a removed one breaks nothing. Only the drawer's list names its members: its
`__init__.py`, and `risk/rules.py`, because the order of rules is meaning. A venue that is a package may use
its own files, every venue `edge/`.
"""

import ast
from collections.abc import Iterator
from typing import Final

from tests.tidy.source import Finding, Source

DRAWERS: Final = {
    "signals": ("base", "decay", "mids"),
    "strategies": ("base",),
    "risk": ("base",),
    "venues": ("base", "edge"),
}
"""The drawers, each with what its members may import of it; of these each may import those before it."""

LISTS: Final = (("risk", "rules"),)
"""Files that name the members of their drawer, besides its `__init__.py`. No member imports them."""


def _imported(source: Source) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Every module that the file imports, with its line; `from a import b` counts as `a.b`."""
    package = source.parts[:-1]
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, tuple(alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = tuple(node.module.split(".")) if node.module else ()
            for alias in node.names:
                yield node.lineno, (*above, *module, alias.name)


def no_sibling_imports(source: Source) -> Iterator[Finding]:
    """A file in a drawer imports the drawer's base (venues also `edge/`), never a sibling."""
    if not source.is_product or len(source.parts) < 3 or source.parts[1] not in DRAWERS:
        return
    drawer, member = source.parts[1], source.parts[2].removesuffix(".py")
    shared = DRAWERS[drawer]
    if member == "__init__" or (drawer, member) in LISTS:
        return
    allowed = (*shared[: shared.index(member)], member) if member in shared else (*shared, member)
    for line, module in _imported(source):
        if module[:2] == ("mm", drawer) and (len(module) < 3 or module[2] not in allowed):
            sibling = module[2] if len(module) > 2 else "the drawer itself"
            homes = " or ".join(f"mm/{drawer}/{name}" for name in shared)
            message = f"{member} imports {sibling}: what both need belongs in {homes}, or a layer below"
            yield source.finding(line, message)


RULES: Final = (no_sibling_imports,)
"""The rules on drawers."""
