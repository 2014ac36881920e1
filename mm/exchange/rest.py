"""The REST surface: from an HTTP request to a row of the command table and back, nothing else."""

from typing import Final
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from mm.errors import VenueRefused
from mm.exchange.command import Answer, Call, Command
from mm.exchange.commands import BY_ROUTE, answer_of, execute
from mm.exchange.errors import NOT_SUPPORTED
from mm.exchange.faults.callers import HttpCaller
from mm.exchange.faults.door import FAULTS_PATH, asked
from mm.exchange.faults.injector import Faults
from mm.exchange.faults.treatment import Treatment, treated
from mm.exchange.floor import Floor
from mm.exchange.params import unique
from mm.exchange.requestlog import Request, RequestLog, public_params
from mm.exchange.signing import rest_payload
from mm.exchange.truth import truth
from mm.exchange.userstream import UserStream

TRUTH_PATH: Final = "/_mm/truth"
"""Where the truth door is."""

DOORS: Final = (TRUTH_PATH, FAULTS_PATH)
"""What is for whoever runs the exchange, not for its clients."""

_KEY_HEADER: Final = "X-MBX-APIKEY"


class RestSurface:
    """Answers everything that is not a WebSocket."""

    def __init__(self, floor: Floor, users: UserStream, log: RequestLog, faults: Faults) -> None:
        """Serve the floor as the faults have it; reports go out through `users` before answers do."""
        self._floor = floor
        self._users = users
        self._log = log
        self._faults = faults

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        if request.path == TRUTH_PATH and request.method == "GET":
            self._floor.sync()
            only, hits = request.query.get("only", ""), self._faults.hits()
            return _json(200, truth(self._floor, self._log, only=only, faults=hits), {})
        if request.path == FAULTS_PATH:
            status, told = asked(self._faults, request.method, await request.text())
            return _json(status, told, {})
        command = BY_ROUTE.get((request.method, request.path))
        if command is None:
            return _json(404, {"code": NOT_SUPPORTED.code, "msg": NOT_SUPPORTED.text}, {})
        body = await request.text()
        treatment = self._faults.on_request(command.name)
        if treatment is not None:
            return await self._treat(treatment, command, request, body)
        answer = await self._carry_out(command, request, body)
        return _json(answer.status, answer.body, answer.headers)

    async def _treat(
        self, treatment: Treatment, command: Command, request: web.BaseRequest, body: str
    ) -> web.StreamResponse:
        def note(status: int, code: int) -> None:
            self._note(command, dict(_pairs(request, body)), status=status, code=code)

        caller = HttpCaller(request, self._faults, scale=self._floor.market.time_scale, note=note)
        altered = treatment.altered(command)
        answer = await treated(treatment, caller, lambda: self._carry_out(altered, request, body))
        return web.Response() if answer is None else await caller.respond(treatment, answer)

    async def _carry_out(self, command: Command, request: web.BaseRequest, body: str) -> Answer:
        answer = self._answer(command, request, body)
        await self._users.delivered()
        return answer

    def _answer(self, command: Command, request: web.BaseRequest, body: str) -> Answer:
        query = request.raw_path.partition("?")[2]
        pairs = _pairs(request, body)
        try:
            call = Call(
                params=unique(pairs),
                payload=rest_payload(query, body),
                api_key=request.headers.get(_KEY_HEADER),
            )
            answer = execute(self._floor, command, call)
        except VenueRefused as error:
            answer = answer_of(self._floor, error, self._floor.clock.now_ns())
        self._note(command, dict(pairs), status=answer.status, code=answer.code)
        return answer

    def _note(self, command: Command, params: dict[str, str], *, status: int, code: int) -> None:
        self._log.add(
            Request(
                ts_ns=self._floor.now_ns,
                surface="rest",
                method=command.method,
                path=command.path,
                params=public_params(params),
                status=status,
                code=code,
            )
        )


def _pairs(request: web.BaseRequest, body: str) -> list[tuple[str, str]]:
    query = request.raw_path.partition("?")[2]
    return [*parse_qsl(query, keep_blank_values=True), *parse_qsl(body, keep_blank_values=True)]


def _json(status: int, body: object, headers: dict[str, str]) -> web.Response:
    return web.Response(
        status=status, body=msgspec.json.encode(body), content_type="application/json", headers=headers
    )
