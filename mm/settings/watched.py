"""Which other markets the parameters of strategies name, before any strategy is started."""

from collections.abc import Mapping

from mm.settings.models import PairSettings


def watched_names(params: object) -> tuple[str, ...]:
    """Return the markets that a strategy's parameters name, as they name them; none where they name none."""
    named = getattr(params, "watched_names", None)
    if named is None:
        key = getattr(params, "watched_key", "")
        named = getattr(params, key) if key else ()
    return tuple(str(name) for name in named)


def watched_by(pairs: Mapping[str, PairSettings]) -> dict[str, tuple[str, ...]]:
    """Return the sessions that watch each market that none trades, by its name, in the config's order."""
    traded = {pair.symbol for pair in pairs.values()}
    found: dict[str, tuple[str, ...]] = {}
    for name, pair in pairs.items():
        for symbol in watched_names(pair.params):
            if symbol not in traded:
                found[symbol] = (*found.get(symbol, ()), name)
    return found
