"""What a strategy says while it waits: one sentence with all that is missing, and it is short.

Pure. Invariant: what is said begins with "waits for", has at most `SAID_MAX` characters, and is the same for
the same readings.
"""

from collections.abc import Iterable
from typing import Final

from mm.domain.view import Reading

WAITS: Final = "waits for "

SAID_MAX: Final = 160
"""Characters of a reason: what is longer is cut off at its end."""

MORE: Final = " ..."


def waits_for(readings: Iterable[Reading]) -> str:
    """Return what the readings that are not ready wait for, "" if all are ready."""
    return together(*(WAITS + reading.waits_for for reading in readings if not reading.ready))


def together(*said: object) -> str:
    """Return everything that is waited for in one sentence, "" for nothing.

    Args: said: texts that begin with "waits for"; what is no text waits for nothing.
    """
    missing = [one.removeprefix(WAITS) for one in said if isinstance(one, str)]
    if not missing:
        return ""
    whole = WAITS + ", ".join(dict.fromkeys(missing))
    return whole if len(whole) <= SAID_MAX else whole[: SAID_MAX - len(MORE)] + MORE
