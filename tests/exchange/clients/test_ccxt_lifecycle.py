"""ccxt.pro lives its whole life on the exchange: by plain addresses, and by Binance's own over TLS."""

import pytest

from tests.builders.client_ccxt import plain_ccxt, real_names_ccxt
from tests.builders.client_keys import BOTH, HMAC
from tests.builders.client_scenarios import PUBLIC, SIGNED
from tests.builders.client_words import Credentials, Scenario
from tests.builders.exchange import running
from tests.builders.exchange_keys import SECOND_KEY


@pytest.mark.parametrize("credentials", BOTH, ids=str)
@pytest.mark.parametrize("scenario", SIGNED, ids=lambda made: made.__name__)
async def test_by_plain_addresses(scenario: Scenario, credentials: Credentials) -> None:
    """Every scenario that needs a key, with both kinds of signature."""
    async with running(**SECOND_KEY) as exchange, plain_ccxt(exchange, credentials) as client:
        await scenario(exchange, client)


@pytest.mark.parametrize("scenario", PUBLIC, ids=lambda made: made.__name__)
async def test_market_data_by_plain_addresses(scenario: Scenario) -> None:
    """Every scenario that needs no key."""
    async with running() as exchange, plain_ccxt(exchange, HMAC) as client:
        await scenario(exchange, client)


@pytest.mark.parametrize("scenario", [*SIGNED, *PUBLIC], ids=lambda made: made.__name__)
async def test_by_the_real_names(scenario: Scenario) -> None:
    """Every scenario once more, with no address replaced: TLS, and a resolver that knows one machine."""
    async with running(tls=True) as exchange, real_names_ccxt(exchange, HMAC) as client:
        await scenario(exchange, client)
