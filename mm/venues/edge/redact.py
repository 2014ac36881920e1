"""Texts of others made fit to be kept: in events, the journal and logs.

Must never let through a signature, a key, or an address with its query. The result is one short line.
"""

import re
from typing import Final

TEXT_MAX: Final = 160
"""Characters of a reason; what is longer is cut."""

_RULES: Final = (
    (re.compile(r"[a-z]{2,6}://\S+", re.IGNORECASE), "[address]"),
    (
        re.compile(r"\b(signature|api_?key|x-mbx-apikey|secret|listenkey)\W{0,3}[=:]\s*\S+", re.IGNORECASE),
        "[secret]",
    ),
    (re.compile(r"[A-Za-z0-9+/=_-]{40,}"), "[long]"),
    (re.compile(r"[^\x20-\x7e]+|\s+"), " "),
)


def redacted(text: str) -> str:
    """Return `text` as one printable line of at most `TEXT_MAX` characters, without addresses and secrets."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text.strip()[:TEXT_MAX]
