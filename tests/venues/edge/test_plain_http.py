"""HTTP by the standard library alone: kept connections, one deadline for all, no way to anywhere else."""

import asyncio
import socket
import ssl
import time
from pathlib import Path

import pytest

from mm.errors import ForeignAddress
from mm.exchange.server import LocalExchange
from mm.venues.edge import plain_http
from mm.venues.edge.egress import Egress
from mm.venues.edge.errors import RequestFailure
from mm.venues.edge.plain_http import PlainAnswer, PlainLine, PlainRequest, default_tls
from tests.builders.blocking_server import OK, BlockingServer
from tests.builders.exchange import running


def line_to(url: str, *, loopback_only: bool = True, tls: ssl.SSLContext | None = None) -> PlainLine:
    """Return a line to `url`, which is listed."""
    return PlainLine(url, Egress((url,), loopback_only=loopback_only), tls=tls)


def test_an_answer_is_read_whole_and_its_connection_kept() -> None:
    """Status, headers by their names, body; the next request goes the same way."""
    with BlockingServer() as server:
        line = line_to(server.url)
        for _ in range(3):
            answer = line.ask(PlainRequest("GET", "/x", {"X-B": "c"}), deadline_s=5)
            assert (answer.status, answer.headers["x-a"], answer.body) == (200, "b", b'{"a":1}')
        line.close()
        assert server.connections == 1
    assert server.requests[0].startswith(b"GET /x HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nX-B: c\r\n" in server.requests[0]


def test_requests_that_are_asked_together_leave_together() -> None:
    """Each with its own answer, in order, before the first answer is read."""
    answers = [OK.replace(b'"a":1', b'"a":%d' % number) for number in range(5)]
    with BlockingServer(*answers) as server:
        line = line_to(server.url)
        asked = [PlainRequest("DELETE", f"/{number}") for number in range(5)]
        found = line.ask_all(asked, deadline_s=5)
        line.close()
        assert server.connections == 1
    assert [answer.body for answer in found if isinstance(answer, PlainAnswer)] == [
        b'{"a":%d}' % number for number in range(5)
    ]
    assert [request.split()[1] for request in server.requests] == [b"/0", b"/1", b"/2", b"/3", b"/4"]


@pytest.mark.parametrize("last", [OK.replace(b"X-A: b", b"Connection: close"), b"HTTP/1.1 200 OK\r\nCont"])
def test_a_connection_that_ends_among_answers_keeps_those_that_came(last: bytes) -> None:
    """Those that did not are failures that may have arrived."""
    with BlockingServer(OK, last, None) as server:
        line = line_to(server.url)
        asked = [PlainRequest("DELETE", f"/{number}") for number in range(4)]
        found = line.ask_all(asked, deadline_s=0.5)
        line.close()
    came = [isinstance(answer, PlainAnswer) for answer in found]
    assert came == [True, last.endswith(b"}"), False, False]
    assert all(answer.sent for answer in found if isinstance(answer, RequestFailure))


def test_an_answer_in_pieces_without_a_length_is_read_too() -> None:
    """Chunked."""
    chunked = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n'
    with BlockingServer(chunked) as server:
        line = line_to(server.url)
        assert line.ask(PlainRequest("GET", "/", {}), deadline_s=5).body == b'{"a":1}'
        line.close()


def test_a_kept_connection_that_ended_is_replaced_once() -> None:
    """What may be sent twice is sent again; a new connection that ends is a failure."""
    with BlockingServer(closes=True) as server:
        line = line_to(server.url)
        for _ in range(3):
            assert line.ask(PlainRequest("GET", "/", {}), deadline_s=5).status == 200
        line.close()
        assert server.connections == 3
    with BlockingServer(None, closes=True) as mute:
        with pytest.raises(RequestFailure, match="no answer") as failure:
            line_to(mute.url).ask(PlainRequest("GET", "/", {}), deadline_s=5)
        assert failure.value.sent
        assert mute.connections == 1


@pytest.mark.parametrize("drips", [False, True])
def test_the_deadline_bounds_the_whole_request(drips: bool) -> None:
    """Silence, and an answer of which a byte comes now and then."""
    slow = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000 if drips else None
    with BlockingServer(slow, drips=drips) as server:
        began_s = time.monotonic()
        with pytest.raises(RequestFailure):
            line_to(server.url).ask(PlainRequest("GET", "/", {}), deadline_s=0.3)
        assert time.monotonic() - began_s < 2


def test_a_name_that_is_looked_up_for_ever_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's look-up knows no deadline; ours holds all the same."""
    done = time.monotonic() + 1

    def look_up(*_: object, **__: object) -> list[object]:
        while time.monotonic() < done:
            pass
        return []

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(RequestFailure, match="cannot connect") as failure:
        line_to("http://localhost:9").ask(PlainRequest("GET", "/", {}), deadline_s=0.2)
    assert not failure.value.sent


def test_a_redirect_is_an_answer_like_others() -> None:
    """A signed request goes nowhere else."""
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    with BlockingServer(moved) as server:
        line = line_to(server.url)
        assert line.ask(PlainRequest("GET", "/", {}), deadline_s=5).status == 302
        line.close()
        assert server.connections == 1


def test_nothing_leaves_for_an_address_that_is_not_listed() -> None:
    """Not even a connection is opened."""
    with BlockingServer() as server:
        line = PlainLine(server.url, Egress(("http://127.0.0.1:1",), loopback_only=True))
        with pytest.raises(ForeignAddress):
            line.ask(PlainRequest("GET", "/", {}), deadline_s=5)
        assert server.connections == 0


def test_a_name_that_leads_away_from_this_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a throw-away key: what the name leads to decides."""
    rows = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 9))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: rows)
    with pytest.raises(ForeignAddress, match=r"led to 192\.0\.2\.1"):
        line_to("http://localhost:9").ask(PlainRequest("GET", "/", {}), deadline_s=5)


def test_nobody_listening_is_told_as_never_sent() -> None:
    """And in time."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(RequestFailure, match="cannot connect") as failure:
        line_to(f"http://127.0.0.1:{port}").ask(PlainRequest("GET", "/", {}), deadline_s=5)
    assert not failure.value.sent


@pytest.mark.parametrize(
    "answer",
    [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nx", b"HTTP/1.1 abc\r\n\r\n"],
)
def test_an_answer_that_is_none_is_a_failure(answer: bytes) -> None:
    """Garbage, and one that is cut off."""
    with BlockingServer(answer, closes=True) as server, pytest.raises(RequestFailure, match="no answer"):
        line_to(server.url).ask(PlainRequest("GET", "/", {}), deadline_s=5)


def test_an_answer_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It fills no memory."""
    monkeypatch.setattr(plain_http, "BODY_BYTES_MAX", 100)
    endless = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000
    with BlockingServer(endless) as server, pytest.raises(RequestFailure, match="longer than 100"):
        line_to(server.url).ask(PlainRequest("GET", "/", {}), deadline_s=5)


async def test_certificates_are_checked() -> None:
    """An authority that is trusted will do; another one, or another name, will not."""
    async with running(tls=True) as exchange:
        trusted = ssl.create_default_context(cafile=exchange.ca_pem_file)
        url = exchange.tls_url.replace("127.0.0.1", "localhost")
        assert await asyncio.to_thread(_time_at, url, trusted) == 200
        with pytest.raises(RequestFailure, match="cannot connect"):
            await asyncio.to_thread(_time_at, url, default_tls())
        with pytest.raises(RequestFailure, match="cannot connect"):
            await asyncio.to_thread(_time_at, url, _of_another(exchange))


def _time_at(url: str, tls: ssl.SSLContext) -> int:
    line = line_to(url, tls=tls)
    try:
        return line.ask(PlainRequest("GET", "/api/v3/time", {}), deadline_s=5).status
    finally:
        line.close()


def _of_another(exchange: LocalExchange) -> ssl.SSLContext:
    # Trusts the authority, but the handshake asks for a name that the certificate is not good for.
    context = ssl.create_default_context(cafile=exchange.ca_pem_file)
    plain = context.wrap_socket

    def wrap(connection: socket.socket, *, server_hostname: str) -> ssl.SSLSocket:
        return plain(connection, server_hostname=f"not-{server_hostname}")

    context.wrap_socket = wrap  # type: ignore[method-assign,assignment] # the name is all that differs
    return context


def test_certificates_of_the_usual_authorities_are_trusted(tmp_path: Path) -> None:
    """With their names checked."""
    tls = default_tls()
    assert (tls.check_hostname, tls.verify_mode) == (True, ssl.CERT_REQUIRED)
