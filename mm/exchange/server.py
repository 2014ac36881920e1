"""The local exchange as a server: one loopback port for REST, streams, the WebSocket API and the truth door.

`LocalExchange` is the object for tests and embedding, `serve` the whole life of a process. Time passes by a
task that wakes every few milliseconds; every request brings the market up to its own moment first.
"""

import asyncio
import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from aiohttp import web

from mm.errors import ConfigError
from mm.exchange.agents_market import AgentsMarket
from mm.exchange.clock import Clock, WallClock
from mm.exchange.faults.injector import NOTHING, Faults
from mm.exchange.faults.plan import Plan
from mm.exchange.floor import Floor, FloorMarket
from mm.exchange.requestlog import RequestLog
from mm.exchange.rest import DOORS, RestSurface
from mm.exchange.settings import ExchangeSettings
from mm.exchange.sockets import Sockets
from mm.exchange.subscriptions import Streams
from mm.exchange.tls import ThrowAwayTls
from mm.exchange.userstream import UserStream
from mm.exchange.wsapi import SocketApi


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What happens at an exchange. Fields: market: None for simulated traders; plan: of faults."""

    market: FloorMarket | None = None
    plan: Plan = NOTHING


EMPTY: Final = Scene()
"""Simulated traders, and nothing goes wrong."""


class LocalExchange:
    """A running exchange. `url` and `ws_url` are valid after `start`."""

    def __init__(
        self,
        settings: ExchangeSettings,
        clock: Clock | None = None,
        *,
        market: FloorMarket | None = None,
        plan: Plan = NOTHING,
    ) -> None:
        """Prepare the market; nothing listens yet.

        Args: clock: one that is moved by hand; the computer's if None. market: what lives on the floor;
        simulated traders by that clock if None. plan: what goes wrong, from now on.
        """
        self._settings = settings
        lives: FloorMarket = market or AgentsMarket(settings, clock or WallClock())
        self.floor = Floor(settings, lives)
        self._log = RequestLog(requests_max=settings.requests_max)
        self._streams: Streams = lives.open_streams(self.floor.now_ns)
        users = UserStream(self.floor)
        self._faults = Faults(self.floor, users, plan)
        self._rest = RestSurface(self.floor, users, self._log, self._faults)
        self._sockets = Sockets(
            self._streams,
            SocketApi(self.floor, users, self._log, self._faults),
            self._faults,
            clock=lives.line_clock,
            rules=settings.socket_rules(),
        )
        self._tls: ThrowAwayTls | None = None
        self._tls_port = 0
        self._runner: web.ServerRunner | None = None
        self._task: asyncio.Task[None] | None = None
        self._port = settings.port

    @property
    def url(self) -> str:
        """Where REST is, without a trailing slash."""
        return f"http://{self._settings.host}:{self._port}"

    @property
    def ws_url(self) -> str:
        """Where WebSockets are, without a trailing slash."""
        return f"ws://{self._settings.host}:{self._port}"

    @property
    def tls_url(self) -> str:
        """Where the same is served over TLS, without a trailing slash; empty if it is not."""
        return f"https://{self._settings.host}:{self._tls_port}" if self._tls else ""

    @property
    def ca_pem_file(self) -> Path | None:
        """What a client has to trust for `tls_url`; None without TLS."""
        return self._tls.ca_pem_file if self._tls else None

    async def start(self) -> str:
        """Listen and let time pass; return `url`. Raises ConfigError if the port is taken."""
        runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=1.0)
        await runner.setup()
        site = web.TCPSite(runner, self._settings.host, self._settings.port)
        try:
            await site.start()
        except OSError as error:
            await runner.cleanup()
            reason = "is already in use" if error.errno == errno.EADDRINUSE else f"refused: {error.strerror}"
            raise ConfigError(
                f"port {self._settings.port} on {self._settings.host} {reason}",
                hint="stop what listens there, or use --port 0 for any free port",
            ) from None
        self._runner = runner
        self._port = runner.addresses[0][1]
        if self._settings.tls:
            await self._start_tls(runner)
        self._task = asyncio.get_running_loop().create_task(self._live())
        return self.url

    async def close(self) -> None:
        """Close every connection and stop listening; harmless if it never started."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)  # what it raised is told by `failed`
            self._task = None
        self._faults.close()
        await self._sockets.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self._tls is not None:
            self._tls.close()
            self._tls = None

    def pump(self) -> None:
        """Bring the market up to the clock and send what is due; the task does it every `pump_ms`."""
        self.floor.sync()
        self._streams.on_time(self.floor.now_ns)
        self._sockets.on_time()
        self._faults.on_time()

    async def deserted(self, idle_s: float) -> None:
        """Wait until nobody has asked anything for `idle_s`; clients that trade ask all the time."""
        asked = -1
        while asked != self._log.count:
            asked = self._log.count
            await asyncio.sleep(idle_s)

    async def failed(self) -> None:
        """Wait for ever, unless the task that lets time pass fails: then raise what it raised."""
        assert self._task is not None
        await asyncio.shield(self._task)

    # The certificate has to be valid for the computer's time, whatever the exchange's is.
    async def _start_tls(self, runner: web.ServerRunner) -> None:
        self._tls = ThrowAwayTls(host=self._settings.host, now_ns=WallClock().now_ns())
        site = web.TCPSite(runner, self._settings.host, 0, ssl_context=self._tls.context)
        await site.start()
        self._tls_port = runner.addresses[1][1]

    async def _live(self) -> None:
        while True:
            self.pump()
            await asyncio.sleep(self._settings.pump_ms / 1_000)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if self._faults.refuses_connections and request.path not in DOORS:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._sockets.handle(request)
        return await self._rest.handle(request)


async def serve(
    settings: ExchangeSettings,
    *,
    ready_file: Path | None,
    stop: asyncio.Event,
    idle_s: float = 0.0,
    scene: Scene = EMPTY,
) -> None:
    """Run an exchange until `stop` is set.

    Args:
        ready_file: written once it serves, readable by its owner only, removed at the end.
        idle_s: it also ends when nobody has asked anything for so long; 0 = never.
        scene: what lives on its floor, and what goes wrong there.
    Raises: ConfigError if the port is taken or the ready file cannot be written; whatever ends the market by
        itself.
    """
    exchange = LocalExchange(settings, market=scene.market, plan=scene.plan)
    await exchange.start()
    stopping = asyncio.ensure_future(stop.wait())
    failing = asyncio.ensure_future(exchange.failed())
    waiting: list[asyncio.Future[Any]] = [stopping, failing]
    if idle_s:
        waiting.append(asyncio.ensure_future(exchange.deserted(idle_s)))
    try:
        if ready_file is not None:
            await asyncio.to_thread(_write_ready, ready_file, exchange, settings)
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if failing in done:
            failing.result()
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await exchange.close()
        if ready_file is not None:
            await asyncio.to_thread(ready_file.unlink, missing_ok=True)


def _write_ready(ready_file: Path, exchange: LocalExchange, settings: ExchangeSettings) -> None:
    content = {
        "url": exchange.url,
        "ws_url": exchange.ws_url,
        "pid": os.getpid(),
        "time_scale": exchange.floor.market.time_scale,
        "recording": exchange.floor.market.about()["recording"],
        "api_key": settings.api_key,
        "api_secret": settings.api_secret,
    }
    if exchange.ca_pem_file is not None:
        content |= {"tls_url": exchange.tls_url, "ca_pem_file": str(exchange.ca_pem_file)}
    draft = ready_file.with_name(ready_file.name + ".tmp")
    try:
        draft.unlink(missing_ok=True)  # the mode below holds for a new file only
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(content))
        draft.replace(ready_file)
    except OSError as error:
        raise ConfigError(
            f"{ready_file}: the ready file cannot be written: {error.strerror}",
            hint="name a file in a directory that is there and that you may write to",
        ) from None
