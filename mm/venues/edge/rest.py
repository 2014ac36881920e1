"""One request, one answer or one `RequestFailure`: nothing else comes out of here.

Must never retry, wait in a queue, or hand on an exception of the layers below: their texts hold signed
addresses. Invariant: each request ends within its deadline. Imports ccxt: import this module late.
"""

import asyncio
import socket
from typing import Any, Final

import aiohttp
import ccxt

from mm.errors import ForeignAddress
from mm.venues.edge.errors import RequestFailure

SLACK_S: Final = 0.25
"""Seconds after the session's own time limit at which our deadline ends a request that it let hang."""

_NEVER_SENT: Final = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
    socket.gaierror,
)
_REFUSED_BEFORE: Final = (ccxt.AuthenticationError, ccxt.ArgumentsRequired, ccxt.NotSupported)


class Rest:
    """Requests of one account."""

    def __init__(self, exchange: Any, *, timeout_ms: int) -> None:
        """Send through `exchange`, which gives up after `timeout_ms` by itself."""
        self._exchange = exchange
        self._deadline_s = timeout_ms / 1000 + SLACK_S

    async def ask_object(self, endpoint: str, params: dict[str, Any]) -> dict[str, Any]:
        """Return the JSON object that ccxt's `endpoint` answers; raises RequestFailure."""
        answer = await self._ask(endpoint, params)
        if not isinstance(answer, dict):
            raise RequestFailure("the answer is no JSON object")
        return answer

    async def ask_list(self, endpoint: str, params: dict[str, Any]) -> list[Any]:
        """Return the JSON list that ccxt's `endpoint` answers; raises RequestFailure."""
        answer = await self._ask(endpoint, params)
        if not isinstance(answer, list):
            raise RequestFailure("the answer is no JSON list")
        return answer

    async def _ask(self, endpoint: str, params: dict[str, Any]) -> Any:
        return await self.within_deadline(getattr(self._exchange, endpoint)(params))

    async def within_deadline(self, request: Any) -> Any:
        """Await `request`; raises RequestFailure, and nothing else, where it fails or takes too long."""
        try:
            async with asyncio.timeout(self._deadline_s):
                return await request
        except RequestFailure:
            raise
        except Exception as error:  # noqa: BLE001 - the texts of others end here, whatever they are
            failure = failure_of(error)
        raise failure


def failure_of(error: Exception) -> RequestFailure:
    """Return what an exception of the layers below says about the request: sent or not, in our words."""
    cause = error.__cause__
    if cause is None and error.args and isinstance(error.args[0], Exception):
        cause = error.args[0]  # so ccxt hands on why a socket could not be opened
    if isinstance(error, ForeignAddress) or isinstance(cause, ForeignAddress):
        return RequestFailure("the address is not allowed", sent=False)
    if isinstance(error, _REFUSED_BEFORE) and cause is None:
        return RequestFailure("the request could not be made", sent=False)
    if isinstance(error, _NEVER_SENT) or isinstance(cause, _NEVER_SENT):
        return RequestFailure("the venue cannot be reached", sent=False)
    if isinstance(error, TimeoutError | ccxt.RequestTimeout):
        return RequestFailure("no answer in time")
    if isinstance(error, ccxt.NetworkError):
        return RequestFailure("the connection ended before the answer")
    return RequestFailure(f"the answer cannot be read ({type(error).__name__})")
