"""Reading the parameters of a request: every one has to be known, well formed and, if mandatory, there.

Values stay text, except whole numbers; what text means in ticks and lots is decided by the instrument. A
parameter that nobody reads is refused (-1104): a client that leaks its own names must not get through.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from mm.exchange.errors import (
    BAD_VALUE,
    DUPLICATE_PARAMETER,
    EMPTY,
    ILLEGAL_CHARACTERS,
    MISSING,
    UNREAD,
    Fault,
    refused,
)

BOOLEAN: Final = ("true", "false")
"""The choices of a yes-or-no parameter."""

SECURITY: Final = ("apiKey", "recvWindow", "signature", "timestamp")
"""Parameters of every signed request; checked by `signing`, never by a command."""


class Kind(Enum):
    """The form of a value; the pattern is the one that the venue names in its refusal."""

    TEXT = r"^.{1,200}$"
    WHOLE = r"^[0-9]{1,20}$"
    DECIMAL = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
    CLIENT_ID = r"^[a-zA-Z0-9-_]{1,36}$"
    SYMBOL = r"^[A-Z0-9-_.]{1,20}$"


_PATTERNS: Final = {kind: re.compile(kind.value) for kind in Kind}


@dataclass(frozen=True)
class Param:
    """One parameter of a command.

    Fields: choices: the values allowed, none meaning any of the kind; fault: the refusal of another value.
    """

    name: str
    kind: Kind = Kind.TEXT
    mandatory: bool = False
    choices: tuple[str, ...] = ()
    fault: Fault = BAD_VALUE


def unique(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the pairs as a mapping; raises VenueRefused (-1101) if a name comes twice."""
    params: dict[str, str] = {}
    for name, value in pairs:
        if name in params:
            raise refused(DUPLICATE_PARAMETER)
        params[name] = value
    return params


def read(
    params: dict[str, str], known: tuple[Param, ...], *, ignored: tuple[str, ...] = ()
) -> dict[str, str]:
    """Return the values of the known parameters that were sent.

    Args: ignored: names that were read elsewhere (`SECURITY`).
    Raises: VenueRefused -1104, -1102, -1105, -1100 or what a parameter names for a value out of its choices.
    """
    names = {param.name for param in known}
    unread = [name for name in params if name not in names and name not in ignored]
    if unread:
        raise refused(UNREAD, len(params) - len(unread), len(params))
    values: dict[str, str] = {}
    for param in known:
        text = params.get(param.name)
        if not text:
            if param.mandatory:
                raise refused(MISSING, param.name)
            if text is not None:
                raise refused(EMPTY, param.name)
            continue
        if not _PATTERNS[param.kind].fullmatch(text):
            raise refused(ILLEGAL_CHARACTERS, param.name, param.kind.value)
        if param.choices and text not in param.choices:
            raise refused(param.fault, param.name)
        values[param.name] = text
    return values


def is_true(values: dict[str, str], name: str) -> bool:
    """Return whether a yes-or-no parameter was sent as true."""
    return values.get(name) == "true"


def whole(values: dict[str, str], name: str, default: int) -> int:
    """Return a whole number, or `default` if it was not sent."""
    return int(values[name]) if name in values else default
