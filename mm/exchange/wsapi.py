"""The WebSocket API: requests of the command table as frames, and subscriptions to the account's events."""

from typing import Any, Final

import msgspec

from mm.errors import VenueRefused
from mm.exchange.commands import BY_NAME, Answer, Call, answer_of, execute
from mm.exchange.connection import Connection
from mm.exchange.errors import BAD_JSON, BAD_VALUE, NOT_SUPPORTED, refused
from mm.exchange.floor import Floor
from mm.exchange.params import SECURITY, Kind, Param, read
from mm.exchange.payloads import ms
from mm.exchange.requestlog import Request, RequestLog, public_params
from mm.exchange.signing import check_key, check_signed, socket_payload
from mm.exchange.userstream import UserStream

_SUBSCRIBE: Final = "userDataStream.subscribe.signature"
_UNSUBSCRIBE: Final = "userDataStream.unsubscribe"
_RATE_LIMITS: Final = "returnRateLimits"
_NUMBER: Final = Param("subscriptionId", Kind.WHOLE)
_SUBSCRIBE_WEIGHT: Final = 2


class SocketApi:
    """Answers the frames of `/ws-api/v3`."""

    def __init__(self, floor: Floor, users: UserStream, log: RequestLog) -> None:
        """Serve the floor; `users` holds the subscriptions."""
        self._floor = floor
        self._users = users
        self._log = log

    async def on_frame(self, connection: Connection, text: str) -> None:
        """Answer one frame: reports that it causes are queued before the answer."""
        number, method, params = None, "", dict[str, str]()
        try:
            number, method, params = _request(text)
            answer = self._answer(connection, method, params)
        except VenueRefused as error:
            answer = answer_of(self._floor, error, self._floor.clock.now_ns())
        self._log.add(
            Request(
                ts_ns=self._floor.now_ns,
                surface="ws-api",
                method=method,
                path="",
                params=public_params(params),
                status=answer.status,
                code=answer.code,
            )
        )
        connection.push(self._frame(number, answer, with_limits=params.get(_RATE_LIMITS) != "false"))

    def drop(self, connection: Connection) -> None:
        """Forget a connection and its subscriptions."""
        self._users.unsubscribe(connection, None)

    def _answer(self, connection: Connection, method: str, params: dict[str, str]) -> Answer:
        asked = {name: value for name, value in params.items() if name != _RATE_LIMITS}
        call = Call(params=asked, payload=socket_payload(params), api_key=params.get("apiKey"))
        command = BY_NAME.get(method)
        if command is not None:
            return execute(self._floor, command, call)
        if method == _SUBSCRIBE:
            return self._subscribe(connection, call)
        if method == _UNSUBSCRIBE:
            values = read(asked, (_NUMBER,))
            number = int(values["subscriptionId"]) if "subscriptionId" in values else None
            if self._users.unsubscribe(connection, number):
                return Answer(status=200, body={})
            raise refused(BAD_VALUE, "subscriptionId")
        raise refused(NOT_SUPPORTED)

    def _subscribe(self, connection: Connection, call: Call) -> Answer:
        self._floor.sync()
        now_ns = self._floor.clock.now_ns()
        self._floor.limits.charge(_SUBSCRIBE_WEIGHT, now_ns)
        check_key(call.api_key, self._floor.settings.api_key)
        check_signed(call.params, call.payload, secret=self._floor.settings.api_secret, now_ms=ms(now_ns))
        read(call.params, (), ignored=SECURITY)
        return Answer(status=200, body={"subscriptionId": self._users.subscribe(connection)})

    def _frame(self, number: object, answer: Answer, *, with_limits: bool) -> str:
        frame: dict[str, Any] = {"id": number, "status": answer.status}
        frame["error" if answer.code else "result"] = answer.body
        if with_limits:
            frame["rateLimits"] = self._floor.limits.counted_rows(self._floor.clock.now_ns())
        return msgspec.json.encode(frame).decode()


# Values are signed as text, so they become text before anything else: true and false in small letters.
def _request(text: str) -> tuple[object, str, dict[str, str]]:
    try:
        frame = msgspec.json.decode(text.encode())
    except msgspec.DecodeError:
        raise refused(BAD_JSON) from None
    params = frame.get("params", {}) if isinstance(frame, dict) else None
    if not isinstance(params, dict):
        raise refused(BAD_JSON)
    texts: dict[str, str] = {}
    for name, value in params.items():
        if isinstance(value, bool):
            texts[name] = "true" if value else "false"
        elif isinstance(value, (str, int, float)):
            texts[name] = str(value)
        else:
            raise refused(BAD_VALUE, name)
    return frame.get("id"), str(frame.get("method", "")), texts
