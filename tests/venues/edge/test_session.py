"""Tests of mm/venues/edge/session.py over real sockets: what leaves, and what does not."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from mm.errors import ForeignAddress
from mm.venues.edge.egress import Egress
from mm.venues.edge.session import GuardedSession, open_session
from tests.builders.pointing import Pointing
from tests.builders.scripted_binance import ScriptedBinance, lost, ok


@pytest.fixture
async def server() -> AsyncIterator[ScriptedBinance]:
    """A scripted venue."""
    running = await ScriptedBinance().start()
    yield running
    await running.close()


@pytest.fixture
async def session(server: ScriptedBinance) -> AsyncIterator[GuardedSession]:
    """A session that may reach the scripted venue alone."""
    opened = open_session(Egress((server.url,), loopback_only=True))
    yield opened
    await opened.close()


async def test_a_listed_host_is_reached_with_every_method(
    server: ScriptedBinance, session: GuardedSession
) -> None:
    """The four methods that the library uses go out."""
    for method in ("get", "post", "put", "delete"):
        server.then(f"{method.upper()} x", ok({"ok": 1}))
        async with getattr(session, method)(server.url + "/api/v3/x") as response:
            assert response.status == 200
    assert [asked.method for asked in server.asked] == ["GET", "POST", "PUT", "DELETE"]
    assert session.cookie_jar is not None
    assert len(session.headers) == 0


async def test_an_address_that_is_not_listed_is_not_reached(
    server: ScriptedBinance, session: GuardedSession
) -> None:
    """The other port of the same machine is another address."""
    other = await ScriptedBinance().start()
    try:
        with pytest.raises(ForeignAddress):
            await session.get(other.url + "/api/v3/time")
        with pytest.raises(ForeignAddress):
            await session.ws_connect(other.url + "/ws-api/v3")
        assert other.asked == []
        assert other.hosts == set()
    finally:
        await other.close()


def redirect_to(url: str, status: int) -> web.StreamResponse:
    """Return an answer that points elsewhere."""
    return web.Response(status=status, headers={"Location": url})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(
    server: ScriptedBinance, session: GuardedSession, status: int
) -> None:
    """A signed request would carry its signature elsewhere."""
    server.then("GET x", lambda _: redirect_to(server.url + "/api/v3/time", status))
    async with session.get(server.url + "/api/v3/x") as response:
        assert response.status == status
    assert [asked.route for asked in server.asked] == ["GET x"]


async def test_a_stream_is_not_redirected_to_a_host_that_is_not_listed(session: GuardedSession) -> None:
    """The handshake of a WebSocket follows redirects; the connector does not."""
    other = await ScriptedBinance().start()
    moved = web.ServerRunner(web.Server(_redirecting(other.url)))
    await moved.setup()
    site = web.TCPSite(moved, "127.0.0.1", 0)
    await site.start()
    port = moved.addresses[0][1]
    guarded = open_session(Egress((f"ws://127.0.0.1:{port}",), loopback_only=True))
    try:
        with pytest.raises(ForeignAddress):
            await guarded.ws_connect(f"ws://127.0.0.1:{port}/ws")
        assert other.hosts == set()
    finally:
        await guarded.close()
        await moved.cleanup()
        await other.close()


def _redirecting(url: str) -> "web.Handler":  # type: ignore[name-defined] # aiohttp does not export it
    async def handle(_: web.BaseRequest) -> web.StreamResponse:
        return redirect_to(url + "/ws", 307)

    return handle


@pytest.mark.parametrize("method", ["get", "delete"])
async def test_a_request_whose_kept_connection_breaks_is_not_sent_again(
    server: ScriptedBinance, session: GuardedSession, method: str
) -> None:
    """Repeating a cancellation unasked would hide what became of the first one."""
    server.then("GET warm", ok({}))
    server.then(f"{method.upper()} x", lost)
    async with session.get(server.url + "/api/v3/warm") as response:
        await response.read()
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await getattr(session, method)(server.url + "/api/v3/x")
    assert len(server.requests(f"{method.upper()} x")) == 1


async def test_a_name_that_leads_away_is_refused_at_the_connection(server: ScriptedBinance) -> None:
    """A hosts file that points localhost elsewhere does not help."""
    egress = Egress((f"http://localhost:{server.port}",), loopback_only=True)
    away = open_session(egress, resolver=Pointing("192.0.2.1", server.port))
    home = open_session(egress, resolver=Pointing("127.0.0.1", server.port))
    try:
        with pytest.raises(ForeignAddress):
            await away.get(f"http://localhost:{server.port}/api/v3/time")
        async with home.get(f"http://localhost:{server.port}/api/v3/time") as response:
            assert response.status == 200
    finally:
        await away.close()
        await home.close()


async def test_a_session_for_the_real_venue_checks_certificates(server: ScriptedBinance) -> None:
    """A server with another's name and no certificate of it is not talked to."""
    egress = Egress((f"https://api.binance.com:{server.port}",), loopback_only=False)
    session = open_session(egress, resolver=Pointing("127.0.0.1", server.port))
    try:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(f"https://api.binance.com:{server.port}/api/v3/time")
        assert server.asked == []
    finally:
        await session.close()
