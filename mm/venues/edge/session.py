"""The HTTP and WebSocket session of a venue: it connects only where the egress list allows.

Must never follow a redirect with a signed request, repeat a request by itself, or use a proxy that nobody
configured. Invariant: every connection, whatever led to it, passes `GuardedConnector.connect`. Imports
aiohttp: import this module late.
"""

import socket
import ssl
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
import certifi
from aiohttp.abc import AbstractResolver, ResolveResult

from mm.venues.edge.egress import Egress

IDLE_S: Final = 30
"""Seconds that an idle connection is kept: a quoting bot pauses for less, servers wait for longer."""
CLOSE_S: Final = 0.5
"""Seconds that a closing stream waits for the other side."""


class GuardedResolver(AbstractResolver):
    """Looks names up and refuses those that lead where the egress list forbids."""

    def __init__(self, egress: Egress, inner: AbstractResolver) -> None:
        """Keep both; `inner` does the look-up."""
        self._egress = egress
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of `host`; raises ForeignAddress if one of them is not allowed."""
        results = await self._inner.resolve(host, port, family)
        self._egress.check_resolved(host, [result["host"] for result in results])
        return results

    async def close(self) -> None:
        """Close the inner resolver."""
        await self._inner.close()


class GuardedConnector(aiohttp.TCPConnector):
    """Opens connections to listed hosts alone: the last gate before anything leaves."""

    def __init__(
        self, egress: Egress, *, resolver: AbstractResolver | None, tls: ssl.SSLContext | bool
    ) -> None:
        """Take connections without a limit of their number: a request never waits for another."""
        guarded = GuardedResolver(egress, resolver or aiohttp.ThreadedResolver())
        super().__init__(ssl=tls, limit=0, keepalive_timeout=IDLE_S, resolver=guarded, use_dns_cache=True)
        self._egress = egress

    async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:
        """Connect for `req`; raises ForeignAddress if its host is not listed, however it came there."""
        self._egress.check_endpoint(req.url.host, req.url.port)
        return await super().connect(req, traces, timeout)


class GuardedSession:
    """What the connecting library uses as its session: the few methods it calls, made safe.

    Fields: connector: opens the connections, of requests that are written by ourselves too.
    """

    def __init__(self, connector: GuardedConnector) -> None:
        """Open a session on `connector`; closing the session closes it."""
        self.connector = connector
        self._session = aiohttp.ClientSession(connector=connector, trust_env=False)
        # A DELETE or GET whose connection broke would be sent again unasked; retries are the engine's.
        self._session._retry_connection = False

    @property
    def cookie_jar(self) -> aiohttp.abc.AbstractCookieJar:
        """The cookies of the session."""
        return self._session.cookie_jar

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers that go with every request."""
        return self._session.headers

    def get(self, url: Any, **options: Any) -> Any:
        """Send a GET that follows no redirect."""
        return self._session.get(url, allow_redirects=False, **options)

    def post(self, url: Any, **options: Any) -> Any:
        """Send a POST that follows no redirect."""
        return self._session.post(url, allow_redirects=False, **options)

    def put(self, url: Any, **options: Any) -> Any:
        """Send a PUT that follows no redirect."""
        return self._session.put(url, allow_redirects=False, **options)

    def delete(self, url: Any, **options: Any) -> Any:
        """Send a DELETE that follows no redirect."""
        return self._session.delete(url, allow_redirects=False, **options)

    def ws_connect(self, url: Any, **options: Any) -> Any:
        """Open a WebSocket; a redirect could lead to listed hosts only."""
        return self._session.ws_connect(url, timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_S), **options)

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()


def open_session(
    egress: Egress, *, resolver: AbstractResolver | None = None, tls: ssl.SSLContext | None = None
) -> GuardedSession:
    """Return a session for the running event loop.

    Args: resolver, tls: other than the system's, for exchanges that bear another's name.
    """
    context: ssl.SSLContext | bool = tls or True
    if tls is None and not egress.loopback_only:
        context = ssl.create_default_context(cafile=certifi.where())
    return GuardedSession(GuardedConnector(egress, resolver=resolver, tls=context))
