"""The exchange over TLS under the real names: a throw-away authority, and ccxt with nothing rewritten."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from cryptography import x509

from mm.exchange.server import serve
from mm.exchange.tls import HOSTS
from tests.builders.exchange import DEADLINE_S, ManualClock, make_settings, raw_client, running
from tests.builders.exchange_tls import redirected_ccxt, trusting_session
from tests.builders.pointing import Pointing

SYMBOL = "BTC/USDT"
POST_ONLY = {"postOnly": True, "selfTradePrevention": "EXPIRE_BOTH"}


async def _soon(awaitable: Any) -> Any:
    return await asyncio.wait_for(awaitable, DEADLINE_S)


async def test_ccxt_trades_under_the_real_names() -> None:
    """Markets, book, account, an order and its cancellation; three hosts and no other are looked up."""
    async with running(preset="demo", tls=True) as exchange, redirected_ccxt(exchange) as redirected:
        client = redirected.client
        await _soon(client.load_markets())
        book = await _soon(client.watch_order_book(SYMBOL))
        assert book["bids"][0][0] < book["asks"][0][0]
        await _soon(client.authenticate({"type": "spot"}))
        order = await _soon(client.create_order(SYMBOL, "limit", "buy", "0.01", "50000", POST_ONLY))
        assert [row["id"] for row in await _soon(client.fetch_open_orders(SYMBOL))] == [order["id"]]
        assert (await _soon(client.cancel_order(order["id"], SYMBOL)))["status"] == "canceled"
        assert list(exchange.floor.records.open()) == []
        assert redirected.resolver.seen == {
            ("api.binance.com", 443),
            ("stream.binance.com", 9443),
            ("ws-api.binance.com", 443),
        }


async def test_the_same_exchange_is_served_plainly_too() -> None:
    """One market, two ports; what they count is counted together."""
    async with running(ManualClock(), tls=True) as exchange, raw_client(exchange) as client:
        port = int(exchange.tls_url.rpartition(":")[2])
        assert exchange.url != exchange.tls_url.replace("https", "http")
        async with trusting_session(exchange, Pointing("127.0.0.1", port)) as session:
            await session.get("https://localhost/api/v3/ping")
            async with session.ws_connect("wss://stream.binance.com:9443/ws/1") as socket:
                await socket.send_str('{"method":"LIST_SUBSCRIPTIONS","id":1}')
                assert await socket.receive_str(timeout=DEADLINE_S) == '{"result":[],"id":1}'
        assert await client.send("GET", "/api/v3/ping") == {}
        assert exchange.floor.limits.weight.used == 2


async def test_nobody_trusts_it_who_was_not_told_to() -> None:
    """Neither the computer's own authorities nor a name that is not in the certificate."""
    async with running(tls=True) as exchange:
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await session.get(exchange.tls_url + "/api/v3/ping")
        port = int(exchange.tls_url.rpartition(":")[2])
        async with trusting_session(exchange, Pointing("127.0.0.1", port)) as session:
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await session.get("https://api.elsewhere.example/api/v3/ping")


async def test_the_authority_is_all_that_lies_on_the_disk() -> None:
    """No key; and nothing once the exchange is closed."""
    async with running(tls=True) as exchange:
        file = exchange.ca_pem_file
        assert file is not None
        assert [path.name for path in file.parent.iterdir()] == ["ca.pem"]
        assert b"PRIVATE" not in file.read_bytes()
        authority = x509.load_pem_x509_certificate(file.read_bytes())
        assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        host, port = exchange.tls_url.removeprefix("https://").split(":")
        text = await asyncio.to_thread(ssl.get_server_certificate, (host, int(port)))
        names = x509.load_pem_x509_certificate(text.encode()).extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
        assert tuple(names.value.get_values_for_type(x509.DNSName)) == HOSTS
        assert [str(address) for address in names.value.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    assert not file.parent.exists()
    assert (exchange.ca_pem_file, exchange.tls_url) == (None, "")


async def test_the_ready_file_names_the_authority(tmp_path: Path) -> None:
    """Only when it is served over TLS."""
    for tls in (True, False):
        ready, stop = tmp_path / f"{tls}.json", asyncio.Event()
        serving = asyncio.ensure_future(serve(make_settings(tls=tls), ready_file=ready, stop=stop))
        async with asyncio.timeout(DEADLINE_S):
            while not ready.exists():  # noqa: ASYNC110 # a file has no event to wait for
                await asyncio.sleep(0)
        content = msgspec.json.decode(ready.read_bytes())
        assert ("tls_url" in content, "ca_pem_file" in content) == (tls, tls)
        if tls:
            text = await asyncio.to_thread(Path(content["ca_pem_file"]).read_text)
            assert text.startswith("-----BEGIN CERTIFICATE-----")
        stop.set()
        await asyncio.wait_for(serving, DEADLINE_S)
