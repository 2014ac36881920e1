"""What a client may ask on a stream socket: subscriptions and how events are wrapped.

Every frame is answered, with the venue's code and text if it cannot be understood. Names of streams are
checked: one that does not exist is refused instead of staying silent for ever.
"""

import json
from collections.abc import Callable
from typing import Any, Final

import msgspec

from mm.exchange.connection import Connection
from mm.exchange.subscriptions import Streams

_COMBINED: Final = "combined"
_ID_LENGTH_MAX: Final = 36
_INT64_MAX: Final = 2**63 - 1

_UNKNOWN_PROPERTY: Final = 0
_BAD_TYPE: Final = 1
_BAD_REQUEST: Final = 2
_BAD_JSON: Final = 3
_TOO_MANY: Final = 4


class _RefusedError(Exception):
    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class StreamRequests:
    """Answers the frames of stream sockets."""

    def __init__(self, streams: Streams, *, streams_max: int) -> None:
        """Manage the subscriptions to `streams`, up to `streams_max` for each connection."""
        self._streams = streams
        self._streams_max = streams_max
        self._methods: dict[str, Callable[[Connection, list[Any]], object]] = {
            "SUBSCRIBE": self._subscribe,
            "UNSUBSCRIBE": self._unsubscribe,
            "LIST_SUBSCRIPTIONS": self._list,
            "SET_PROPERTY": self._set_property,
            "GET_PROPERTY": self._get_property,
        }

    def reply(self, connection: Connection, text: str) -> str:
        """Carry out one frame and return the answer to it."""
        number: object = None
        try:
            frame = _decoded(text)
            number = _number(frame)
            result = self._method(frame, text)(connection, _params(frame))
        except _RefusedError as error:
            body: dict[str, object] = {"error": {"code": error.code, "msg": str(error)}, "id": number}
        else:
            body = {"result": result, "id": number}
        return msgspec.json.encode(body).decode()

    def _method(self, frame: dict[str, Any], text: str) -> Callable[[Connection, list[Any]], object]:
        if "method" not in frame:
            raise _RefusedError(
                _BAD_REQUEST, f"Invalid request: missing field `method` at line 1 column {len(text)}"
            )
        method = frame["method"]
        found = self._methods.get(method) if isinstance(method, str) else None
        if found is None:
            known = ", ".join(f"`{name}`" for name in self._methods)
            column = text.find(json.dumps(method)) + len(json.dumps(method))
            raise _RefusedError(
                _BAD_REQUEST,
                f"Invalid request: unknown variant `{method}`, expected one of {known} "
                f"at line 1 column {column}",
            )
        return found

    def _subscribe(self, connection: Connection, params: list[Any]) -> None:
        self._check_names(params)
        known = set(self._streams.subscriptions(connection))
        if len(known | set(params)) > self._streams_max:
            raise _RefusedError(_TOO_MANY, "Too many subscriptions")
        for name in params:
            self._streams.subscribe(connection, name)

    def _unsubscribe(self, connection: Connection, params: list[Any]) -> None:
        self._check_names(params)
        for name in params:
            self._streams.unsubscribe(connection, name)

    def _check_names(self, names: list[Any]) -> None:
        if any(not isinstance(name, str) or not self._streams.accepts(name) for name in names):
            raise _RefusedError(_BAD_REQUEST, "Invalid request: invalid stream")

    def _list(self, connection: Connection, params: list[Any]) -> list[str]:
        _check_count(params, 0)
        return self._streams.subscriptions(connection)

    def _set_property(self, connection: Connection, params: list[Any]) -> None:
        _check_count(params, 2)
        _check_property(params)
        if len(params) == 1 or not isinstance(params[1], bool):
            raise _RefusedError(_BAD_TYPE, "Invalid value type: expected Boolean")
        connection.is_combined = params[1]

    def _get_property(self, connection: Connection, params: list[Any]) -> bool:
        _check_count(params, 1)
        _check_property(params)
        return connection.is_combined


def _decoded(text: str) -> dict[str, Any]:
    try:
        frame = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise _RefusedError(_BAD_JSON, f"Invalid JSON: expected value at {where}") from None
    return frame if isinstance(frame, dict) else {}


def _number(frame: dict[str, Any]) -> object:
    number = frame.get("id", False)
    if number is None or (type(number) is int and abs(number) <= _INT64_MAX):
        return number
    if isinstance(number, str) and len(number) <= _ID_LENGTH_MAX and number.isascii():
        return number
    raise _RefusedError(_BAD_REQUEST, "Invalid request: request ID must be an unsigned integer")


def _params(frame: dict[str, Any]) -> list[Any]:
    params = frame.get("params") or []
    if not isinstance(params, list):
        raise _RefusedError(_BAD_REQUEST, "Invalid request: invalid stream")
    return params


def _check_count(params: list[Any], most: int) -> None:
    if len(params) > most:
        raise _RefusedError(_BAD_REQUEST, "Invalid request: too many parameters")


def _check_property(params: list[Any]) -> None:
    if not params or not isinstance(params[0], str):
        raise _RefusedError(_BAD_REQUEST, "Invalid request: property name must be a string")
    if params[0] != _COMBINED:
        raise _RefusedError(_UNKNOWN_PROPERTY, "Unknown property")
