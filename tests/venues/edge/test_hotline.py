"""Tests of mm/venues/edge/hotline.py over real sockets: kept connections, and what ends on them."""

import asyncio
import gzip
import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import BaseConnector

from mm.errors import ForeignAddress
from mm.venues.edge.egress import Egress
from mm.venues.edge.errors import RequestFailure
from mm.venues.edge.hotline import KEPT_MAX, Answer, HotLine
from mm.venues.edge.rest import failure_of
from mm.venues.edge.session import IDLE_S, open_session
from tests.builders.heard import DEADLINE_S
from tests.builders.raw_server import ANSWER, RawServer

REQUEST = b"DELETE /x HTTP/1.1\r\nHost: h\r\n\r\n"


@asynccontextmanager
async def line_to(url: str, *, listed: str = "") -> AsyncIterator[HotLine]:
    """Open a line to `url` through a session that may reach `listed` alone."""
    session = open_session(Egress((listed or url,), loopback_only=True))
    line = HotLine(url, lambda: session, timeout_s=2.0)
    try:
        yield line
    finally:
        line.close()
        await session.close()


async def ask(line: HotLine) -> Answer:
    """Send one request and return its answer."""
    return await asyncio.wait_for(line.send(REQUEST).answer(), DEADLINE_S)


async def settle(line: HotLine) -> None:
    """Let the loop hear what the other side did to the idle connections."""
    for _ in range(1_000):
        if not any(c.protocol is not None and c.protocol.is_connected() for _, c in line._idle):
            return
        await asyncio.sleep(0)


async def test_requests_follow_each_other_on_one_connection() -> None:
    """The bytes are ours, the answer whole, the connection kept; nothing leaves twice."""
    async with RawServer() as server, line_to(server.url) as line:
        for _ in range(3):
            answer = await ask(line)
            assert (answer.status, answer.reason, answer.body) == (200, "OK", b'{"a":1}')
            assert answer.headers["x-a"] == "b"
        assert server.received == [REQUEST * 3]


async def test_requests_at_once_have_a_connection_each() -> None:
    """None waits for another; what is kept is bounded."""
    async with RawServer() as server, line_to(server.url) as line:
        await asyncio.gather(*(ask(line) for _ in range(KEPT_MAX + 4)))
        assert len(server.received) == KEPT_MAX + 4
        assert len(line._idle) == KEPT_MAX
        await asyncio.gather(*(ask(line) for _ in range(KEPT_MAX)))
        assert len(server.received) == KEPT_MAX + 4


async def test_a_request_on_a_kept_connection_is_written_before_anything_is_awaited() -> None:
    """`send` alone suffices."""
    async with RawServer() as server, line_to(server.url) as line:
        await ask(line)
        server.news.clear()
        sending = line.send(REQUEST)
        await asyncio.wait_for(server.news.wait(), DEADLINE_S)
        assert server.received == [REQUEST * 2]
        assert (await sending.answer()).body == b'{"a":1}'


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", b"abcde"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + ANSWER, b'{"a":1}'),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b"
            % (len(gzip.compress(b"abc", mtime=0)), gzip.compress(b"abc", mtime=0)),
            b"abc",
        ),
    ],
)
async def test_answers_of_every_form_are_read_to_their_end(raw: bytes, body: bytes) -> None:
    """And the connection serves the next request."""
    async with RawServer(raw, ANSWER) as server, line_to(server.url) as line:
        assert (await ask(line)).body == body
        assert (await ask(line)).body == b'{"a":1}'
        assert len(server.received) == 1


@pytest.mark.parametrize("status", [b"302 Found", b"307 Temporary Redirect", b"503 Unavailable"])
async def test_a_redirect_is_an_answer_and_is_not_followed(status: bytes) -> None:
    """A signed request would carry its signature elsewhere."""
    raw = b"HTTP/1.1 %b\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n" % status
    async with RawServer(raw) as server, line_to(server.url) as line:
        assert (await ask(line)).status == int(status[:3])
        assert server.received == [REQUEST]


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na",
        b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na",
        ANSWER + b"HTTP/1.1 408 Request Timeout\r\n\r\n",
    ],
)
async def test_a_connection_that_is_not_to_be_kept_is_not(raw: bytes) -> None:
    """The server said so, or said more than was asked."""
    async with RawServer(raw, ANSWER) as server, line_to(server.url) as line:
        await ask(line)
        assert (await ask(line)).body == b'{"a":1}'
        assert server.received == [REQUEST, REQUEST]


async def test_a_connection_that_was_closed_while_idle_is_replaced() -> None:
    """Its end was heard before the request: provably nothing was sent on it."""
    async with RawServer(closes=True) as server, line_to(server.url) as line:
        await ask(line)
        await settle(line)
        await ask(line)
        assert server.received == [REQUEST, REQUEST]


async def test_a_request_that_meets_the_end_of_its_connection_may_have_been_sent() -> None:
    """The other side closed and we have not heard of it: the request is unknown and never repeated."""
    async with RawServer() as server, line_to(server.url) as line:
        await ask(line)
        server.writers[0].transport.abort()
        with pytest.raises(RequestFailure) as caught:
            await ask(line)  # the loop has not run since: the end is not heard yet
        assert caught.value.sent
        assert len(server.received) == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 2",
        b"what?\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
    ],
)
async def test_an_answer_that_is_cut_or_garbled_is_no_answer(raw: bytes) -> None:
    """Whatever it raises means "may have been sent", and its connection is not used again."""
    async with RawServer(raw, ANSWER, closes=True) as server, line_to(server.url) as line:
        with pytest.raises(Exception) as caught:
            await ask(line)
        error = caught.value
        failure = error if isinstance(error, RequestFailure) else failure_of(error)
        assert failure.sent
        assert line._idle == []
        assert not line._busy
        assert (await ask(line)).body == b'{"a":1}'


async def test_a_request_that_is_given_up_takes_its_connection_along() -> None:
    """A late answer must not be taken for that of the next request."""
    async with RawServer(b"", ANSWER) as server, line_to(server.url) as line:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(line.send(REQUEST).answer(), 0.05)
        assert line._idle == []
        assert not line._busy
        assert (await ask(line)).body == b'{"a":1}'
        assert server.received == [REQUEST, REQUEST]


async def test_a_connection_is_not_kept_for_longer_than_the_session_would() -> None:
    """After so long servers may have dropped it without a word."""
    async with RawServer() as server, line_to(server.url) as line:
        await ask(line)
        since, connection = line._idle.pop()
        line._idle.append((since - IDLE_S - 1, connection))
        await ask(line)
        assert server.received == [REQUEST, REQUEST]


async def test_what_cannot_be_connected_was_not_sent() -> None:
    """Refused, not listed, not within the time: three ways of not having left."""
    async with RawServer() as server:
        url = server.url
        async with line_to(url, listed="http://127.0.0.1:9") as line:
            with pytest.raises(ForeignAddress):
                await ask(line)
        assert server.received == []
    async with line_to(url) as line:
        with pytest.raises(aiohttp.ClientConnectorError) as refused:
            await ask(line)
        assert not failure_of(refused.value).sent
    async with RawServer() as server, line_to(server.url) as line:
        line._timeout = aiohttp.ClientTimeout(total=None, connect=1e-9)
        with pytest.raises(aiohttp.ConnectionTimeoutError) as late:
            await ask(line)
        assert not failure_of(late.value).sent


async def test_closing_ends_what_waits_and_what_is_idle() -> None:
    """An answer that was waited for fails as unknown."""
    async with RawServer(ANSWER, b"") as server, line_to(server.url) as line:
        await ask(line)
        waiting = asyncio.ensure_future(line.send(REQUEST).answer())
        await asyncio.sleep(0)
        line.close()
        with pytest.raises(RequestFailure) as caught:
            await asyncio.wait_for(waiting, DEADLINE_S)
        assert caught.value.sent


def test_what_is_used_of_the_http_library_is_there() -> None:
    """A new version that renames it fails here, not in trading."""
    assert list(inspect.signature(BaseConnector.connect).parameters) == ["self", "req", "traces", "timeout"]
    assert {"read_until_eof", "auto_decompress"} <= set(
        inspect.signature(ResponseHandler.set_response_params).parameters
    )
    assert isinstance(inspect.getattr_static(ResponseHandler, "should_close"), property)
    assert list(inspect.signature(ResponseHandler.is_connected).parameters) == ["self"]


async def test_a_gate_is_asked_in_the_moment_of_writing() -> None:
    """A request that waited for its connection does not leave once it may not; the connection is kept."""
    async with RawServer() as server, line_to(server.url) as line:
        open_gate = [True]
        sending = line.send(REQUEST, lambda: open_gate[0])
        open_gate[0] = False
        with pytest.raises(RequestFailure, match="never sent") as failure:
            await sending.answer()
        assert not failure.value.sent
        with pytest.raises(RequestFailure, match="never sent") as failure:
            line.send(REQUEST, lambda: open_gate[0])
        assert not failure.value.sent
        open_gate[0] = True
        assert (await line.send(REQUEST, lambda: open_gate[0]).answer()).status == 200
        assert server.received == [REQUEST]
