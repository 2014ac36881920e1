"""Who is subscribed to which stream: the interface that the sockets know, and the register behind it.

A text is made once and shared by all subscribers of its stream. Nothing here knows what the streams carry.
"""

from collections.abc import Iterable
from typing import Protocol

import msgspec

from mm.exchange.connection import Connection
from mm.exchange.payloads import Payload


class Streams(Protocol):
    """Streams that connections can subscribe to, whatever market feeds them."""

    def accepts(self, name: str) -> bool:
        """Return whether there is a stream of this name."""

    def subscribe(self, connection: Connection, name: str) -> None:
        """Send a stream that exists to a connection from now on; nothing happens if it already is."""

    def unsubscribe(self, connection: Connection, name: str) -> None:
        """Stop sending a stream; nothing happens if it was not subscribed."""

    def subscriptions(self, connection: Connection) -> list[str]:
        """Return what a connection is subscribed to."""

    def drop(self, connection: Connection) -> None:
        """Forget a connection."""

    def on_time(self, now_ns: int) -> None:
        """Send what is due by `now_ns`; the market has been brought up to that moment before."""


class Subscriptions:
    """The register of subscribers by stream."""

    def __init__(self, names: Iterable[str]) -> None:
        """Begin without subscribers; no other streams than `names` exist."""
        self._subscribers: dict[str, dict[Connection, None]] = {name: {} for name in names}

    def exists(self, name: str) -> bool:
        """Return whether there is a stream of this name."""
        return name in self._subscribers

    def is_wanted(self, name: str) -> bool:
        """Return whether anybody is subscribed to a stream."""
        return bool(self._subscribers[name])

    def subscribe(self, connection: Connection, name: str) -> None:
        """Add a subscriber of a stream that exists."""
        self._subscribers[name][connection] = None

    def unsubscribe(self, connection: Connection, name: str) -> None:
        """Take a subscriber out, if it is one."""
        self._subscribers.get(name, {}).pop(connection, None)

    def of(self, connection: Connection) -> list[str]:
        """Return what a connection is subscribed to."""
        return [name for name, connections in self._subscribers.items() if connection in connections]

    def drop(self, connection: Connection) -> None:
        """Forget a connection."""
        for connections in self._subscribers.values():
            connections.pop(connection, None)

    def send(self, name: str, event: Payload) -> None:
        """Encode an event and send it to the subscribers of a stream."""
        self.send_text(name, msgspec.json.encode(event).decode())

    def send_text(self, name: str, text: str) -> None:
        """Send an encoded event to the subscribers of a stream, wrapped for those that want it so."""
        for connection in self._subscribers[name]:
            connection.push(f'{{"stream":"{name}","data":{text}}}' if connection.is_combined else text)
