"""The door of faults, `/_mm/faults`: GET tells them and all kinds, POST adds one, DELETE clears them.

Never hit by a fault itself. What is wrong with a request is told as at the command line: what was found, what
was expected, a hint.
"""

from typing import Any, Final

import msgspec

from mm.errors import ConfigError
from mm.exchange.faults.injector import Faults
from mm.exchange.faults.kinds import KINDS
from mm.exchange.faults.plan import fault_of

FAULTS_PATH: Final = "/_mm/faults"
"""Where the door is."""

_OK, _BAD, _NO_METHOD = 200, 400, 405


def asked(faults: Faults, method: str, body: str) -> tuple[int, dict[str, Any]]:
    """Return status and body of the answer to a request at the door."""
    match method:
        case "GET":
            return _OK, {**faults.rows(), "kinds": catalogue()}
        case "DELETE":
            faults.clear()
            return _OK, faults.rows()
        case "POST":
            try:
                return _OK, faults.add(fault_of(_decoded(body)))
            except ConfigError as error:
                return _BAD, {"error": str(error), "hint": error.hint}
        case _:
            return _NO_METHOD, {"error": f"{method} is not served here", "hint": "GET, POST or DELETE"}


def catalogue() -> dict[str, Any]:
    """Return every kind with what it does and the fields that it takes of its own, with their defaults."""
    return {
        kind.name: {
            "happens_to": kind.group.value,
            "effect": kind.effect,
            "targets": list(kind.targets),
            "fields": {field.name: field.default for field in kind.fields},
            "needs_duration_s": kind.bounded,
        }
        for kind in KINDS.values()
    }


def _decoded(body: str) -> object:
    try:
        return msgspec.json.decode(body.encode())
    except msgspec.DecodeError as error:
        raise ConfigError(f"request: not valid JSON: {error}", hint='{"kind": "lost_ack"}') from None
