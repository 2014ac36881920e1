"""What earlier lives left that no session of this one goes on with, whose their orders were, and how far the
taking over is.

Invariant: nothing in here is forgotten without the venue's evidence; all of it goes on to the next life.
"""

from dataclasses import dataclass, field

from mm.domain.estate import OrderEstate, PositionEstate, SymbolEstate
from mm.domain.position import Position


@dataclass(slots=True, kw_only=True)
class Retired:
    """A position without a session. Fields: left: as it was; position: where it stands since, None if nobody
    in this life knows the instrument.
    """

    left: PositionEstate
    position: Position | None


@dataclass(slots=True, kw_only=True)
class Legacy:
    """What is left of earlier lives.

    Fields:
        epoch: of the life before, 0 = nothing was left. owners: (session's name, symbol) by index in that
            life.
        retired: positions by (session's name, symbol).
        orders: of retired sessions, not yet gone by the venue's word, by id.
        symbols: which fills are known of symbols that this life does not trade.
        elsewhere: epochs, first and last, that were skipped from a life to the one that took it over, this
            one included: whoever traded with one of them is a process elsewhere. Oldest first.
    """

    epoch: int = 0
    owners: dict[int, tuple[str, str]] = field(default_factory=dict)
    retired: dict[tuple[str, str], Retired] = field(default_factory=dict)
    orders: dict[str, OrderEstate] = field(default_factory=dict)
    symbols: tuple[SymbolEstate, ...] = ()
    elsewhere: tuple[tuple[int, int], ...] = ()

    def is_elsewhere(self, epoch: int) -> bool:
        """Return whether a life of that epoch is none that anything was taken over from."""
        return any(first <= epoch <= last for first, last in self.elsewhere)

    def owner(self, index: int, symbol: str) -> str:
        """Return the name of the session that had `index` and traded `symbol`, "" if that is not known."""
        name, traded = self.owners.get(index, ("", ""))
        if traded == symbol:
            return name
        return next((name for name, traded in self.owners.values() if traded == symbol), "")


@dataclass(slots=True, kw_only=True)
class Recovery:
    """How far a life is with what it took over.

    Fields: orders: ids of those it took over for its sessions. retired: how many it took over for nobody.
    resolved_ns: when the last of them was found to be gone, 0 = not yet. done: the venue has shown that all
    is known.
    """

    orders: tuple[str, ...]
    retired: int
    resolved_ns: int = 0
    done: bool = False
