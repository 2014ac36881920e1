"""What a strategy of the user's may do with quotes, and what comes of it: JSON, by whichever core.

`python -m tests.builders.quote_sheet`; MM_COMPILED as for a command.
"""

import copy
import json
import pickle
import sys
from collections.abc import Callable

import msgspec

from mm.native.use import use


def outcome(doing: Callable[[], object]) -> str:
    """Return the name of what is raised, "" if nothing is."""
    try:
        doing()
    except (AttributeError, TypeError) as refused:
        return type(refused).__name__
    return ""


def sheet() -> dict[str, object]:
    """Return what came of each, and by which core."""
    core = use()
    from mm.domain import quotes
    from mm.domain.quotes import Quote, Quotes
    from mm.engine.estate import _read, _written

    kept = msgspec.defstruct("Kept", [("bids", tuple[Quote, ...], ())], frozen=True)
    one = Quotes((Quote(1, 2, 3, 4, 5, 6).but(level=7),), (), "quoting", (8, 9))
    match one:
        case Quotes((Quote(price_ticks, size_lots),), ()):
            apart = [price_ticks, size_lots]
        case _:
            apart = []
    copies = (copy.copy(one), copy.deepcopy(one), pickle.loads(pickle.dumps(one)))
    return {
        "core": core,
        "file": quotes.__file__,
        "said": repr(one),
        "apart": apart,
        "copied": [made == one for made in copies],
        "remembered": repr(_read(_written(kept(one.bids), kept()), kept())),
        "changed": outcome(lambda: setattr(one, "reason", "")),
        "looked_up": outcome(lambda: {one: 1}),
        "without_a_size": outcome(lambda: Quote(1)),  # type: ignore[call-arg]  # that is what is tried
    }


if __name__ == "__main__":
    json.dump(sheet(), sys.stdout)
