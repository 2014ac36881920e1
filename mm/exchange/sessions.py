"""The sessions of the WebSocket API: who has logged on, and to what of the account a socket has subscribed.

A socket may log on with a key that is able to (Ed25519); from then on its requests need neither key nor
signature. Subscriptions that were made as logged on end with the log-on.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from mm.exchange.command import Answer, Call, authorise
from mm.exchange.connection import Connection
from mm.exchange.errors import BAD_KEY_FORMAT, BAD_VALUE, NO_LOG_ON, refused
from mm.exchange.floor import Floor
from mm.exchange.params import SECURITY, Kind, Param, read
from mm.exchange.payloads import Payload, ms
from mm.exchange.signing import ApiKey
from mm.exchange.userstream import UserStream

_NUMBER: Final = Param("subscriptionId", Kind.WHOLE)
_WEIGHT: Final = 2


@dataclass(kw_only=True)
class _Session:
    connected_ns: int
    key: ApiKey | None = None
    authorized_ns: int = 0
    subscriptions: list[int] = field(default_factory=list)  # those made as logged on


class Sessions:
    """One session per socket, and the methods that are about it."""

    def __init__(self, floor: Floor, users: UserStream) -> None:
        """Start without any; `users` holds the subscriptions."""
        self._floor = floor
        self._users = users
        self._sessions: dict[Connection, _Session] = {}
        self._methods: dict[str, Callable[[Connection, Call], Payload | list[Payload]]] = {
            "session.logon": self._log_on,
            "session.status": self._status,
            "session.logout": self._log_out,
            "session.subscriptions": self._subscriptions,
            "userDataStream.subscribe": self._subscribe,
            "userDataStream.subscribe.signature": self._subscribe_signed,
            "userDataStream.unsubscribe": self._unsubscribe,
        }

    def open(self, connection: Connection) -> None:
        """Begin the session of a new socket."""
        self._sessions[connection] = _Session(connected_ns=self._floor.clock.now_ns())

    def drop(self, connection: Connection) -> None:
        """Forget a socket that has closed, and its subscriptions."""
        self._users.unsubscribe(connection, None)
        self._sessions.pop(connection, None)

    def key_of(self, connection: Connection) -> ApiKey | None:
        """Return the key with which a socket has logged on, or None."""
        return self._sessions[connection].key

    def answer(self, connection: Connection, method: str, call: Call) -> Answer | None:
        """Return the answer to a method about the session, None if it is none of those.

        Raises: VenueRefused.
        """
        handler = self._methods.get(method)
        if handler is None:
            return None
        self._floor.sync()
        self._floor.limits.charge(_WEIGHT, self._floor.clock.now_ns())
        return Answer(status=200, body=handler(connection, call))

    def _log_on(self, connection: Connection, call: Call) -> Payload:
        now_ns = self._floor.clock.now_ns()
        key = authorise(
            self._floor, Call(params=call.params, payload=call.payload, api_key=call.api_key), now_ns
        )
        read(call.params, (), ignored=SECURITY)
        if not key.may_log_on:
            raise refused(NO_LOG_ON)
        session = self._sessions[connection]
        session.key, session.authorized_ns = key, now_ns
        return self._state(connection)

    def _status(self, connection: Connection, call: Call) -> Payload:
        read(call.params, ())
        return self._state(connection)

    def _log_out(self, connection: Connection, call: Call) -> Payload:
        read(call.params, ())
        session = self._sessions[connection]
        session.key, session.authorized_ns = None, 0
        for number in session.subscriptions:
            self._users.end(connection, number)
        session.subscriptions.clear()
        return self._state(connection)

    def _subscriptions(self, connection: Connection, call: Call) -> list[Payload]:
        read(call.params, ())
        return [{"subscriptionId": number} for number in self._users.numbers(connection)]

    def _subscribe(self, connection: Connection, call: Call) -> Payload:
        read(call.params, ())
        session = self._sessions[connection]
        if session.key is None:
            raise refused(BAD_KEY_FORMAT)
        number = self._users.subscribe(connection)
        session.subscriptions.append(number)
        return {"subscriptionId": number}

    def _subscribe_signed(self, connection: Connection, call: Call) -> Payload:
        authorise(self._floor, call, self._floor.clock.now_ns())
        read(call.params, (), ignored=SECURITY)
        return {"subscriptionId": self._users.subscribe(connection)}

    def _unsubscribe(self, connection: Connection, call: Call) -> Payload:
        values = read(call.params, (_NUMBER,))
        number = int(values["subscriptionId"]) if "subscriptionId" in values else None
        if not self._users.end(connection, number):
            raise refused(BAD_VALUE, "subscriptionId")
        return {}

    def _state(self, connection: Connection) -> Payload:
        session = self._sessions[connection]
        return {
            "apiKey": session.key.name if session.key else None,
            "authorizedSince": ms(session.authorized_ns) if session.key else None,
            "connectedSince": ms(session.connected_ns),
            "returnRateLimits": True,
            "serverTime": ms(self._floor.clock.now_ns()),
            "userDataStream": bool(self._users.numbers(connection)),
        }
