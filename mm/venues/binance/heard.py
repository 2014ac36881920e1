"""Binance spot for a recorder: the public adapter, whose every text is handed on before anything reads it.

Connections, subscriptions and snapshots are those of the adapter that trades; a frame that it cannot read is
recorded all the same. Must never change, hold back or drop a text. Invariant: a text is handed on once, with
the number of the attempt to connect that brought it. Imports ccxt: import this module late.
"""

from typing import Any, Protocol
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from mm.domain.commands import Connect, VenueCommand
from mm.venues.binance.public import BinancePublic
from mm.venues.binance.settings import BinancePublicSettings
from mm.venues.edge.egress import Egress
from mm.venues.edge.tap import PublicTap


class Ear(Protocol):
    """What hears."""

    def on_frame(self, connection: int, text: str) -> None:
        """A text of a market stream came. Args: connection: number of the attempt to connect, from 1."""
        ...

    def on_body(self, request: str, body: str) -> None:
        """An answer came. Args: request: path and query of what was asked; body: the text of the answer."""
        ...


class BinanceHeard(BinancePublic):
    """The public half of Binance spot, with an ear on it. Fields: connection: attempts to connect so far."""

    def __init__(self, settings: BinancePublicSettings, ear: Ear) -> None:
        """Construct without sending anything; raises ForeignAddress, ConfigError."""
        self._ear = ear
        self.connection = 0
        self._numbers: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
        super().__init__(settings)

    def make_tap(self, config: dict[str, Any], egress: Egress) -> PublicTap:
        """Return a client whose answers are heard too."""
        return _HeardTap(config, self, egress, self._ear)

    def submit(self, command: VenueCommand) -> None:
        """Send a command; see `mm.ports.Venue`."""
        if isinstance(command, Connect):
            self.connection += 1
        super().submit(command)

    def on_text(self, client: Any, text: str) -> bool:
        """Hand a text on, then let the adapter read it; see `TapListener`."""
        self._ear.on_frame(self._numbers.setdefault(client, self.connection), text)
        return super().on_text(client, text)


class _HeardTap(PublicTap):
    def __init__(self, config: dict[str, Any], listener: BinanceHeard, egress: Egress, ear: Ear) -> None:
        self._ear = ear
        super().__init__(config, listener=listener, egress=egress)

    def on_rest_response(self, *answer: Any) -> Any:
        parts = urlsplit(answer[2])
        self._ear.on_body(f"{parts.path}?{parts.query}" if parts.query else parts.path, answer[5])
        return super().on_rest_response(*answer)
