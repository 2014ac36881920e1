"""An unmodified ccxt client with its real addresses; each of them leads to a local exchange over TLS."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import ccxt.pro

from mm.exchange.server import LocalExchange
from tests.builders.exchange import KEY, SECRET
from tests.builders.pointing import Pointing


@dataclass(frozen=True)
class Redirected:
    """A client and what it asked for. Fields: client: ccxt; resolver: the names that it looked up."""

    client: Any
    resolver: Pointing


def trusting_session(exchange: LocalExchange, resolver: Pointing) -> aiohttp.ClientSession:
    """Return a session that finds every name by `resolver` and trusts the exchange's authority alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(exchange.ca_pem_file)
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=resolver, ssl=context))


@asynccontextmanager
async def redirected_ccxt(exchange: LocalExchange) -> AsyncIterator[Redirected]:
    """Open ccxt.pro's client of the venue as it comes, on a session of ours."""
    resolver = Pointing("127.0.0.1", int(exchange.tls_url.rpartition(":")[2]))
    async with trusting_session(exchange, resolver) as session:
        client = ccxt.pro.binance(
            {
                "apiKey": KEY,
                "secret": SECRET,
                "session": session,
                "enableRateLimit": False,
                "timeout": 5_000,
                "options": {
                    "fetchMarkets": {"types": ["spot"]},
                    "fetchMargins": False,
                    "fetchCurrencies": False,
                    "ws": {"cost": 0.01},
                },
            }
        )
        try:
            yield Redirected(client, resolver)
        finally:
            await client.close()
