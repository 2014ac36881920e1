"""Where an account's holdings went, asset by asset, to the atom.

holdings now = holdings when they were counted + own fills and their fees, by session and of no session +
what others moved + what rounding explained. The left side is the engine's ledger as the venue confirmed it,
the right side is summed up here. Invariant: the residue of every asset is 0. Bounded: one number per asset
and kind, of `ASSETS_MAX` assets at most.
"""

from collections.abc import Mapping
from typing import Final

ASSETS_MAX: Final = 5_000
"""Of so many assets flows are kept; a venue that names more is told nothing about the others."""


class Flows:
    """One account.

    Fields: opened: counted, atoms by asset, None before; traded: by own fills since then; external: by
    others; explained: by the venue's rounding; funding: received.
    """

    def __init__(self) -> None:
        """Start before anything was counted."""
        self.opened: dict[str, int] | None = None
        self.traded: dict[str, int] = {}
        self.external: dict[str, int] = {}
        self.explained: dict[str, int] = {}
        self.funding: dict[str, int] = {}

    def open(self, holdings: Mapping[str, int]) -> None:
        """Begin from what was counted."""
        self.opened = dict(holdings)

    def trade(self, movements: Mapping[str, int]) -> None:
        """Book an own fill with its fee, atoms by asset; before the count it is in the count."""
        if self.opened is not None:
            for asset, atoms in movements.items():
                _move(self.traded, asset, atoms)

    def move(self, asset: str, atoms: int) -> None:
        """Book what somebody else moved."""
        _move(self.external, asset, atoms)

    def explain(self, asset: str, atoms: int) -> None:
        """Book what rounding explained."""
        _move(self.explained, asset, atoms)

    def fund(self, asset: str, atoms: int) -> None:
        """Book funding that was received (> 0) or paid."""
        _move(self.funding, asset, atoms)

    def residue(self, holdings: Mapping[str, int]) -> dict[str, int]:
        """Return what is unexplained by asset, where that is not 0. Args: holdings: now."""
        if self.opened is None:
            return {}
        kinds = (self.opened, self.traded, self.external, self.explained, self.funding)
        left: dict[str, int] = {}
        for asset in dict.fromkeys([name for kind in (holdings, *kinds) for name in kind]):
            known = sum(kind.get(asset, 0) for kind in kinds)
            if holdings.get(asset, 0) != known:
                left[asset] = holdings.get(asset, 0) - known
        return left


def _move(kind: dict[str, int], asset: str, atoms: int) -> None:
    if asset in kind or len(kind) < ASSETS_MAX:
        kind[asset] = kind.get(asset, 0) + atoms
