"""Rules on the core: same events, same commands, byte for byte, in any process.

What depends on the process (addresses, hash seeds), on the outside, or on rounding is refused here by name;
what depends on imports is refused by the contracts in pyproject.toml. Floats: the *conversion* `float(x)` is
refused where money is, and allowed in `models/`, `quoting/`, `strategies/` and `signals/`, which may compute
in floats because what leaves them is integers; the annotation is allowed everywhere, a wrong one is the type
checker's business.
"""

import ast
from collections.abc import Iterator
from typing import Final

from tests.tidy.source import Finding, Source

FLOAT_ROOMS: Final = ("models", "quoting", "signals", "strategies")
"""Packages of the core that may convert to float."""

REPLACEMENTS: Final = {
    "id": "addresses differ between processes: use a sequence number or the thing's own id",
    "hash": "hashes of strings differ between processes: use a digest of the encoded value (hashlib)",
    "set": "the order of a set differs between processes: use a tuple, or a dict (dict.fromkeys keeps order)",
    "frozenset": "the order of a set differs between processes: use a tuple, or a dict",
    "print": "the core has no output: return the fact, the shell reports it",
    "open": "the core has no files: take the content as an argument, the shell reads it",
    "input": "the core has no input: take an event",
    "eval": "write the expression",
    "exec": "write the statements",
}
"""Names that the core may not use, each with what to use instead."""

SET_ORDER: Final = REPLACEMENTS["set"]
FLOAT: Final = "money is integers: keep ticks, lots or atoms (floats belong where prices are quoted)"
NO_WAIT: Final = "the core does not wait: return a command or set a timer, the answer is an event"
NO_GLOBAL: Final = "state lives in the engine's state, where the digest sees it"

ASYNC_NODES: Final = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
SET_OPERATORS: Final = (ast.BitAnd, ast.BitOr, ast.BitXor, ast.Sub)


def _is_view_of_dict(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("keys", "items")
        and not node.args
    )


def _refusal(node: ast.AST, *, floats_allowed: bool) -> str | None:
    if isinstance(node, ASYNC_NODES):
        return f"async: {NO_WAIT}"
    if isinstance(node, ast.Global):
        return f"global: {NO_GLOBAL}"
    if isinstance(node, ast.Set | ast.SetComp):
        return f"a set: {SET_ORDER}"
    if isinstance(node, ast.BinOp) and isinstance(node.op, SET_OPERATORS):
        if _is_view_of_dict(node.left) or _is_view_of_dict(node.right):
            return f"keys() combined make a set: {SET_ORDER}"
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float":
        return None if floats_allowed else f"float(): {FLOAT}"
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in REPLACEMENTS:
        return f"{node.id}: {REPLACEMENTS[node.id]}"
    return None


def core_is_pure(source: Source) -> Iterator[Finding]:
    """The core calls nothing whose answer depends on the process or on the outside."""
    if not source.is_core:
        return
    floats_allowed = source.parts[1] in FLOAT_ROOMS
    for node in ast.walk(source.tree):
        refusal = _refusal(node, floats_allowed=floats_allowed)
        if refusal is not None:
            yield source.finding(getattr(node, "lineno", 1), refusal)


RULES: Final = (core_is_pure,)
"""The rules on the core."""
