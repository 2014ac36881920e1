"""The WebSocket API: requests of the command table as frames, and subscriptions to the account's events."""

from typing import Any, Final, NamedTuple

import msgspec

from mm.errors import VenueRefused
from mm.exchange.command import Answer, Call
from mm.exchange.commands import BY_NAME, answer_of, execute
from mm.exchange.connection import Connection
from mm.exchange.errors import BAD_JSON, BAD_VALUE, NOT_SUPPORTED, refused
from mm.exchange.faults.callers import SocketCaller
from mm.exchange.faults.injector import Faults
from mm.exchange.faults.treatment import Treatment, treated
from mm.exchange.floor import Floor
from mm.exchange.payloads import ms
from mm.exchange.requestlog import Request, RequestLog, public_params
from mm.exchange.sessions import Sessions
from mm.exchange.signing import socket_payload
from mm.exchange.userstream import UserStream

_RATE_LIMITS: Final = "returnRateLimits"
_MS_PER_S: Final = 1_000


class _Asked(NamedTuple):
    # A request. Values of parameters are texts, as they are signed.
    number: object
    method: str
    params: dict[str, str]


class SocketApi:
    """Answers the frames of `/ws-api/v3`."""

    def __init__(self, floor: Floor, users: UserStream, log: RequestLog, faults: Faults) -> None:
        """Serve the floor as the faults have it; `users` holds the subscriptions."""
        self._floor = floor
        self._sessions = Sessions(floor, users)
        self._log = log
        self._faults = faults

    async def on_frame(self, connection: Connection, text: str) -> None:
        """Answer one frame: reports that it causes are queued before the answer."""
        try:
            asked = _request(text)
        except VenueRefused as error:
            answer = answer_of(self._floor, error, self._floor.clock.now_ns())
            asked = _Asked(None, "", {})
            self._note(asked, answer.status, answer.code)
        else:
            treatment = self._faults.on_request(asked.method)
            if treatment is not None:
                await self._treat(treatment, connection, asked)
                return
            answer = self._carry_out(connection, asked, Treatment())
        connection.push(self._frame(asked, answer))

    def open(self, connection: Connection) -> None:
        """Take up a new connection; called before its first frame."""
        self._sessions.open(connection)

    def drop(self, connection: Connection) -> None:
        """Forget a connection, its session and its subscriptions."""
        self._sessions.drop(connection)

    async def _treat(self, treatment: Treatment, connection: Connection, asked: _Asked) -> None:
        async def carry_out() -> Answer:
            return self._carry_out(connection, asked, treatment)

        caller = SocketCaller(
            connection,
            self._faults,
            scale=self._floor.market.time_scale,
            note=lambda status, code: self._note(asked, status, code),
        )
        answer = await treated(treatment, caller, carry_out)
        if answer is not None:
            caller.respond(treatment, self._frame(asked, answer))

    def _carry_out(self, connection: Connection, asked: _Asked, treatment: Treatment) -> Answer:
        try:
            answer = self._answer(connection, asked, treatment)
        except VenueRefused as error:
            answer = answer_of(self._floor, error, self._floor.clock.now_ns())
        self._note(asked, answer.status, answer.code)
        return answer

    def _note(self, asked: _Asked, status: int, code: int) -> None:
        self._log.add(
            Request(
                ts_ns=self._floor.now_ns,
                surface="ws-api",
                method=asked.method,
                path="",
                params=public_params(asked.params),
                status=status,
                code=code,
            )
        )

    def _answer(self, connection: Connection, asked: _Asked, treatment: Treatment) -> Answer:
        params = asked.params
        call = Call(
            params={name: value for name, value in params.items() if name != _RATE_LIMITS},
            payload=socket_payload(params),
            api_key=params.get("apiKey"),
            session=self._sessions.key_of(connection),
        )
        command = BY_NAME.get(asked.method)
        if command is not None:
            return execute(self._floor, treatment.altered(command), call)
        answer = self._sessions.answer(connection, asked.method, call)
        if answer is None:
            raise refused(NOT_SUPPORTED)
        return answer

    def _frame(self, asked: _Asked, answer: Answer) -> str:
        frame: dict[str, Any] = {"id": asked.number, "status": answer.status}
        frame["error" if answer.code else "result"] = answer.body
        if "Retry-After" in answer.headers:
            frame["error"] = {**answer.body, "data": self._patience(answer)}
        if asked.params.get(_RATE_LIMITS) != "false":
            frame["rateLimits"] = self._floor.limits.counted_rows(self._floor.clock.now_ns())
        return msgspec.json.encode(frame).decode()

    # A socket has no headers: how long to wait stands in the answer, as a time.
    def _patience(self, answer: Answer) -> dict[str, int]:
        now_ms = ms(self._floor.clock.now_ns())
        return {
            "serverTime": now_ms,
            "retryAfter": now_ms + int(answer.headers["Retry-After"]) * _MS_PER_S,
        }


# Values are signed as text, so they become text before anything else: true and false in small letters.
def _request(text: str) -> _Asked:
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
        elif isinstance(value, list):
            texts[name] = msgspec.json.encode(value).decode()
        else:
            raise refused(BAD_VALUE, name)
    return _Asked(frame.get("id"), str(frame.get("method", "")), texts)
