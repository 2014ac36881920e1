"""What a person does about a halt, by its code: most are lifted, some first need the cause to go.

Words only; nothing here lifts anything.
"""

from typing import Final

QUARANTINED: Final = "journal.quarantined"
"""What an earlier life left cannot be read: lifting the halt would not make it so."""

STATE_LOST: Final = "state.lost"
"""Runs are recorded, and the file that knows of halts, losses and positions is gone."""

_LIFT: Final = "mm unhalt --reason '...'"

_FIRST: Final = {
    QUARANTINED: "mm journal verify; then restore the file, or mm run CONFIG --yes-live --rebuild-from-venue",
    STATE_LOST: f"restore runstate.json; or see what it knew with mm audit --verify, then {_LIFT}",
    "fenced": f"stop the other process that trades this account, then {_LIFT}",
    "orders.taken_off": f"find out who cancels our orders, then {_LIFT}",
}


def way_out(code: str) -> str:
    """Return the commands that end a halt of this code."""
    return _FIRST.get(code, _LIFT)
