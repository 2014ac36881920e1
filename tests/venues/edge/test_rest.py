"""Tests of mm/venues/edge/rest.py: every failure of the layers below becomes one redacted RequestFailure."""

import asyncio
from typing import Any

import aiohttp
import ccxt
import pytest

from mm.errors import ForeignAddress
from mm.venues.edge.errors import RequestFailure
from mm.venues.edge.rest import SLACK_S, Rest, failure_of

SIGNED = "binance POST https://api.binance.com/api/v3/order?signature=SECRETVALUE"


class Answering:
    """Stands in for ccxt's client: one endpoint that answers or raises what it is given."""

    def __init__(self, outcome: Any) -> None:
        self._outcome = outcome

    async def endpoint(self, params: dict[str, Any]) -> Any:
        """Answer."""
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


def rest(outcome: Any) -> Rest:
    """Return a Rest over one outcome."""
    return Rest(Answering(outcome), timeout_ms=100)


async def test_an_answer_of_the_expected_form_is_returned() -> None:
    """An object is an object, a list a list."""
    assert await rest({"a": 1}).ask_object("endpoint", {}) == {"a": 1}
    assert await rest([1]).ask_list("endpoint", {}) == [1]


@pytest.mark.parametrize("answer", [None, "", "<html>", [1], 7, b"x"])
async def test_another_form_is_no_answer(answer: Any) -> None:
    """A garbled success raises nothing in the layers below; here it does."""
    with pytest.raises(RequestFailure, match="no JSON object") as caught:
        await rest(answer).ask_object("endpoint", {})
    assert caught.value.sent
    with pytest.raises(RequestFailure, match="no JSON list"):
        await rest({"answer": answer}).ask_list("endpoint", {})


def caused(error: Exception, cause: BaseException) -> Exception:
    """Return `error` as it is raised from `cause`."""
    error.__cause__ = cause
    return error


KEY = aiohttp.client_reqrep.ConnectionKey("h", 1, False, True, None, None, None)


@pytest.mark.parametrize(
    "error",
    [
        caused(ccxt.ExchangeNotAvailable(SIGNED), aiohttp.ClientConnectorError(KEY, OSError(111, "refused"))),
        caused(
            ccxt.ExchangeNotAvailable(SIGNED), aiohttp.ClientConnectorDNSError(KEY, OSError(1, "no name"))
        ),
        caused(ccxt.RequestTimeout(SIGNED), aiohttp.ConnectionTimeoutError("connect")),
        ccxt.NetworkError(aiohttp.ClientConnectorError(KEY, OSError(111, "refused"))),
        ccxt.AuthenticationError('binance requires "apiKey" credential'),
        ForeignAddress("to 8.8.8.8"),
        ccxt.NetworkError(ForeignAddress("to 8.8.8.8")),
    ],
)
def test_what_provably_never_left_says_so(error: Exception) -> None:
    """No connection, no name, no key, no permission to go there: nothing was sent."""
    failure = failure_of(error)
    assert not failure.sent
    assert "SECRETVALUE" not in str(failure)


@pytest.mark.parametrize(
    "error",
    [
        caused(ccxt.ExchangeNotAvailable(SIGNED), aiohttp.ServerDisconnectedError()),
        caused(ccxt.RequestTimeout(SIGNED), TimeoutError()),
        caused(ccxt.RequestTimeout(SIGNED), aiohttp.SocketTimeoutError()),
        caused(ccxt.ExchangeError(SIGNED), aiohttp.ClientPayloadError()),
        ccxt.NetworkError(SIGNED),
        ccxt.ExchangeError(SIGNED),
        ccxt.DDoSProtection(SIGNED),
        TimeoutError(),
        UnicodeDecodeError("utf-8", b"x", 0, 1, SIGNED),
        KeyError(SIGNED),
        OSError(SIGNED),
    ],
)
def test_everything_else_may_have_been_sent(error: Exception) -> None:
    """And none of their texts comes through."""
    failure = failure_of(error)
    assert failure.sent
    assert "SECRETVALUE" not in str(failure) + repr(failure)


async def test_the_failure_does_not_drag_the_original_along() -> None:
    """A traceback would print the signed address."""
    with pytest.raises(RequestFailure) as caught:
        await rest(ccxt.NetworkError(SIGNED)).ask_object("endpoint", {})
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


async def test_a_failure_of_our_own_passes_as_it_is() -> None:
    """The code of the venue is not lost on the way."""
    failure = RequestFailure("x", code=-2010, status=400)
    with pytest.raises(RequestFailure) as caught:
        await rest(failure).ask_list("endpoint", {})
    assert caught.value is failure


async def test_a_request_that_hangs_ends_at_its_own_deadline() -> None:
    """Whatever the layers below wait for."""
    begin = asyncio.get_running_loop().time()
    with pytest.raises(RequestFailure, match="no answer in time"):
        await rest({}).within_deadline(asyncio.get_running_loop().create_future())
    assert asyncio.get_running_loop().time() - begin < 0.1 + SLACK_S + 5
