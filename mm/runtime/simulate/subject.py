"""Whose bot is simulated: sessions, their limits and the market around them. The simulation has its own.

`mm drill` brings a user's: sessions made from his config, and prices and holdings at which they would trade.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from mm.domain.capabilities import Capabilities
from mm.domain.instrument import Instrument
from mm.engine.setup import Deadlines, OnExternal, SessionSetup


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Everything of a bot that a run needs.

    Fields: sessions: as the config makes them, targets aside; caps, deadlines,
    reference_window_ns, on_external: as in the engine's setup;
    holdings: of the account at the beginning, atoms by asset; home_ticks: price around which the market of a
    symbol wanders; depth_lots: what strangers show on each level of it.
    """

    sessions: tuple[SessionSetup, ...]
    caps: Capabilities
    deadlines: Deadlines
    holdings: Mapping[str, int]
    home_ticks: Mapping[str, int]
    depth_lots: Mapping[str, int]
    reference_window_ns: int = 30_000_000_000
    on_external: OnExternal = OnExternal.PAUSE

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """What is traded, each once, in the order of the sessions."""
        return tuple({one.instrument.symbol: one.instrument for one in self.sessions}.values())
