"""Reasons for people: what a session says of its quotes, and what ends trading, where that is a code."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "decision.failed": "the strategy failed",
        "fenced": "another process trades the account",
        "journal.failed": "the disk takes nothing more",
        "orders.taken_off": "somebody else keeps cancelling its orders",
        "rule.failed": "a rule failed",
        "simulated": "an operator asked",
        "simulated loss": "the connection ended",
        "venue.access_denied": "the venue refuses the key",
    }
)
"""What stands for a reason that is a code."""

_CODE: Final = re.compile(r"[a-z_]+(?:\.[a-z_]+)+")


def reason_text(reason: str) -> str:
    """Return a reason in words; one that is in words already as it is. A state may stand before it."""
    state, colon, code = reason.rpartition(": ")
    known = REASONS.get(code)
    if known is not None:
        return f"{state}{colon}{known}"
    return f"{state}{colon}{code_text(code)}" if _CODE.fullmatch(code) else reason


def code_text(code: str) -> str:
    """Return the code of a rule or an alarm in words."""
    return code.replace("_", " ").replace(".", ", ")
