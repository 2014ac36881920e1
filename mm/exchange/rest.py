"""The REST surface: from an HTTP request to a row of the command table and back, nothing else."""

from typing import Final
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from mm.errors import VenueRefused
from mm.exchange.commands import BY_ROUTE, Answer, Call, Command, answer_of, execute
from mm.exchange.errors import NOT_SUPPORTED
from mm.exchange.floor import Floor
from mm.exchange.params import unique
from mm.exchange.requestlog import Request, RequestLog, public_params
from mm.exchange.signing import rest_payload
from mm.exchange.truth import truth
from mm.exchange.userstream import UserStream

TRUTH_PATH: Final = "/_mm/truth"
"""Where the truth door is."""

_KEY_HEADER: Final = "X-MBX-APIKEY"


class RestSurface:
    """Answers everything that is not a WebSocket."""

    def __init__(self, floor: Floor, users: UserStream, log: RequestLog) -> None:
        """Serve the floor; reports go out through `users` before answers do."""
        self._floor = floor
        self._users = users
        self._log = log

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Answer one request."""
        if request.path == TRUTH_PATH and request.method == "GET":
            self._floor.sync()
            return _json(200, truth(self._floor, self._log, only=request.query.get("only", "")), {})
        command = BY_ROUTE.get((request.method, request.path))
        if command is None:
            return _json(404, {"code": NOT_SUPPORTED.code, "msg": NOT_SUPPORTED.text}, {})
        body = await request.text()
        answer = self._answer(command, request, body)
        await self._users.delivered()
        return _json(answer.status, answer.body, answer.headers)

    def _answer(self, command: Command, request: web.BaseRequest, body: str) -> Answer:
        query = request.raw_path.partition("?")[2]
        pairs = [*parse_qsl(query, keep_blank_values=True), *parse_qsl(body, keep_blank_values=True)]
        try:
            call = Call(
                params=unique(pairs),
                payload=rest_payload(query, body),
                api_key=request.headers.get(_KEY_HEADER),
            )
            answer = execute(self._floor, command, call)
        except VenueRefused as error:
            answer = answer_of(self._floor, error, self._floor.clock.now_ns())
        self._log.add(
            Request(
                ts_ns=self._floor.now_ns,
                surface="rest",
                method=command.method,
                path=command.path,
                params=public_params(dict(pairs)),
                status=answer.status,
                code=answer.code,
            )
        )
        return answer


def _json(status: int, body: object, headers: dict[str, str]) -> web.Response:
    return web.Response(
        status=status, body=msgspec.json.encode(body), content_type="application/json", headers=headers
    )
