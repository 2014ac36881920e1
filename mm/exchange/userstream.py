"""The private stream: order reports and balances of the account, to its signed subscriptions.

A request's reports are handed to the sockets before its answer is written (`delivered`), because a client may
see the report of a new order before the acknowledgement, never the other way round by our doing.
"""

import asyncio
from typing import Final

import msgspec

from mm.exchange import user_payloads
from mm.exchange.connection import Connection
from mm.exchange.floor import Floor
from mm.exchange.payloads import Payload
from mm.sim.reports import BalanceReport, Fact, OrderReport

_DELIVERY_S: Final = 0.05


class UserStream:
    """The subscriptions to the account's events."""

    def __init__(self, floor: Floor) -> None:
        """Follow the floor from now on."""
        self._floor = floor
        self._subscribers: dict[int, Connection] = {}
        self._next_id = 0
        floor.listeners.append(self.on_fact)

    def subscribe(self, connection: Connection) -> int:
        """Send the account's events to a connection; return the subscription's number."""
        number = self._next_id
        self._next_id += 1
        self._subscribers[number] = connection
        return number

    def unsubscribe(self, connection: Connection, number: int | None) -> bool:
        """Forget one subscription of a connection, or all; return whether there was one."""
        numbers = [own for own in self.numbers(connection) if number in (None, own)]
        for own in numbers:
            del self._subscribers[own]
        return bool(numbers)

    def end(self, connection: Connection, number: int | None) -> bool:
        """End one subscription of a connection, or all, and say so on it; return whether there was one."""
        numbers = [own for own in self.numbers(connection) if number in (None, own)]
        for own in numbers:
            connection.push(_frame(own, user_payloads.stream_terminated(self._floor.now_ns)))
            del self._subscribers[own]
        return bool(numbers)

    def numbers(self, connection: Connection) -> list[int]:
        """Return the numbers of a connection's subscriptions, oldest first."""
        return [own for own, subscriber in self._subscribers.items() if subscriber is connection]

    def on_fact(self, fact: Fact) -> None:
        """Send an order report or a change of balances."""
        instrument = self._floor.instrument
        if isinstance(fact, OrderReport):
            self._send(user_payloads.execution_report(instrument, fact, self._floor.records.execution_id))
        elif isinstance(fact, BalanceReport):
            self._send(user_payloads.account_position(instrument, fact.held, fact.ts_ns))

    async def delivered(self) -> None:
        """Wait until the subscribers' sockets have taken what was sent, but not for a stuck reader."""
        flushes = [asyncio.ensure_future(connection.flush()) for connection in self._subscribers.values()]
        if flushes:
            await asyncio.wait(flushes, timeout=_DELIVERY_S)

    def _send(self, event: Payload) -> None:
        for number, connection in self._subscribers.items():
            connection.push(_frame(number, event))


def _frame(number: int, event: Payload) -> str:
    return msgspec.json.encode({"subscriptionId": number, "event": event}).decode()
