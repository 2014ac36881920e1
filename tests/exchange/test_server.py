"""The server's life: starting, the ready file, a taken port, time that passes by itself, stopping."""

import asyncio
import stat
from collections.abc import Callable
from pathlib import Path

import aiohttp
import msgspec
import pytest

from mm.errors import ConfigError
from mm.exchange.clock import WallClock
from mm.exchange.server import LocalExchange, serve
from mm.exchange.settings import ExchangeSettings
from tests.builders.exchange import (
    DEADLINE_S,
    KEY,
    SECRET,
    ManualClock,
    make_settings,
    raw_client,
    running,
)
from tests.builders.sim import START_NS


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 # a file has no event to wait for
            await asyncio.sleep(0)


async def test_serve_writes_the_ready_file_once_it_serves_and_removes_it(tmp_path: Path) -> None:
    """Only its owner may read it; what it names answers."""
    ready, stop = tmp_path / "ready.json", asyncio.Event()
    serving = asyncio.ensure_future(serve(make_settings(), ready_file=ready, stop=stop))
    await _until(ready.exists)
    content = msgspec.json.decode(ready.read_bytes())
    assert stat.S_IMODE(ready.stat().st_mode) == 0o600
    assert (content["api_key"], content["api_secret"], content["time_scale"]) == (KEY, SECRET, 1)
    assert content["ws_url"] == content["url"].replace("http", "ws")
    async with (
        aiohttp.ClientSession() as session,
        session.get(content["url"] + "/api/v3/ping") as response,
    ):
        assert response.status == 200
    stop.set()
    await asyncio.wait_for(serving, DEADLINE_S)
    assert not ready.exists()
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(content["url"] + "/api/v3/ping")


async def test_a_ready_file_that_was_left_behind_is_replaced(tmp_path: Path) -> None:
    """Whatever its rights were, the new one is readable by its owner only."""
    ready, stop = tmp_path / "ready.json", asyncio.Event()
    draft = tmp_path / "ready.json.tmp"
    draft.write_text("{}")
    draft.chmod(0o666)
    serving = asyncio.ensure_future(serve(make_settings(), ready_file=ready, stop=stop))
    await _until(ready.exists)
    assert stat.S_IMODE(ready.stat().st_mode) == 0o600
    stop.set()
    await asyncio.wait_for(serving, DEADLINE_S)


async def test_serve_without_a_ready_file_stops_when_told() -> None:
    """Nothing but the stop event ends it."""
    stop = asyncio.Event()
    stop.set()
    await asyncio.wait_for(serve(make_settings(), ready_file=None, stop=stop), DEADLINE_S)


async def test_serve_ends_with_the_error_that_ends_its_market(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A market that stopped living is not served on."""

    def break_down(exchange: LocalExchange) -> None:
        raise RuntimeError("the market broke down")

    monkeypatch.setattr(LocalExchange, "pump", break_down)
    ready = tmp_path / "ready.json"
    with pytest.raises(RuntimeError, match="broke down"):
        await asyncio.wait_for(serve(make_settings(), ready_file=ready, stop=asyncio.Event()), DEADLINE_S)
    assert not ready.exists()


async def test_a_taken_port_is_a_clear_error() -> None:
    """It names the port and what to do; the one that runs goes on."""
    async with running() as exchange, raw_client(exchange) as client:
        port = int(exchange.url.rpartition(":")[2])
        second = LocalExchange(make_settings(port=port))
        with pytest.raises(ConfigError, match=f"port {port} on 127.0.0.1 is already in use") as caught:
            await second.start()
        assert "--port 0" in caught.value.hint
        await second.close()
        assert await client.send("GET", "/api/v3/ping") == {}


async def test_time_passes_by_itself() -> None:
    """Without any request the market lives on."""
    async with running(preset="demo") as exchange:
        start = exchange.floor.world.book.update_id
        await _until(lambda: exchange.floor.world.book.update_id > start)


async def test_closing_ends_open_sockets() -> None:
    """A client sees an orderly close."""
    async with (
        running() as exchange,
        raw_client(exchange) as client,
        client.session.ws_connect(exchange.ws_url + "/ws") as socket,
    ):
        await socket.send_str('{"method":"LIST_SUBSCRIPTIONS","id":1}')
        await socket.receive_str(timeout=DEADLINE_S)
        closing = asyncio.ensure_future(exchange.close())
        message = await socket.receive(timeout=DEADLINE_S)
        assert message.type is aiohttp.WSMsgType.CLOSE
        await asyncio.wait_for(closing, DEADLINE_S)


async def test_after_a_long_sleep_the_market_catches_up_in_slices() -> None:
    """An hour of suspension does not block the server for its whole length."""
    clock = ManualClock()
    async with running(clock, preset="demo") as exchange:
        clock.advance(ms=25_000)
        exchange.floor.sync()
        assert exchange.floor.now_ns == START_NS + 10 * 10**9
        exchange.floor.sync()
        exchange.floor.sync()
        assert exchange.floor.now_ns == clock.now_ns()


def test_the_wall_clock_tells_the_time_and_never_goes_back() -> None:
    """Nanoseconds since the epoch."""
    clock = WallClock()
    times = [clock.now_ns() for _ in range(100)]
    assert times == sorted(times)
    assert times[0] > START_NS


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"preset": "moon"}, "exchange preset was 'moon', expected one of demo, btc, empty"),
        ({"host": "0.0.0.0"}, "exchange host was '0.0.0.0', expected an IPv4 loopback address"),
        ({"host": "::1"}, "exchange host was '::1', expected an IPv4 loopback address"),
        ({"host": "example.org"}, "exchange host was 'example.org', expected an IPv4 loopback address"),
        ({"port": 65_536}, "exchange port was 65536, expected 0..65535"),
        ({"api_key": ""}, "exchange key pair was empty, expected a key and a secret"),
    ],
)
def test_wrong_settings_are_refused_before_anything_listens(changes: dict[str, object], text: str) -> None:
    """Each with what was found and what was expected."""
    with pytest.raises(ConfigError) as caught:
        make_settings(**changes)
    assert str(caught.value) == text


def test_settings_do_not_show_their_keys() -> None:
    """A log line with the settings gives nothing away."""
    text = repr(ExchangeSettings(seed=1, api_key=KEY, api_secret=SECRET))
    assert KEY not in text
    assert SECRET not in text


async def test_a_deserted_exchange_ends_by_itself_and_one_in_use_does_not(tmp_path: Path) -> None:
    """A demo that was killed leaves it running; it may not run for ever."""
    ready = tmp_path / "ready.json"
    serving = asyncio.ensure_future(
        serve(make_settings(), ready_file=ready, stop=asyncio.Event(), idle_s=0.05)
    )
    await asyncio.wait_for(serving, DEADLINE_S)
    assert not ready.exists()

    exchange = LocalExchange(make_settings())
    await exchange.start()
    try:
        watching = asyncio.ensure_future(exchange.deserted(0.2))
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        async with aiohttp.ClientSession() as session:
            while loop.time() - began_s < 0.5:
                await (await session.get(f"{exchange.url}/api/v3/time")).read()
            assert not watching.done()
        await asyncio.wait_for(watching, DEADLINE_S)
    finally:
        await exchange.close()
