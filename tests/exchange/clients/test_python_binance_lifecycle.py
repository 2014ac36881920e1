"""python-binance lives its whole life on the exchange."""

import pytest

from tests.builders.client_keys import BOTH, HMAC
from tests.builders.client_python_binance import python_binance
from tests.builders.client_scenarios import PUBLIC, SIGNED
from tests.builders.client_words import Credentials, Scenario
from tests.builders.exchange import running
from tests.builders.exchange_keys import SECOND_KEY


@pytest.mark.parametrize("credentials", BOTH, ids=str)
@pytest.mark.parametrize("scenario", SIGNED, ids=lambda made: made.__name__)
async def test_its_orders(scenario: Scenario, credentials: Credentials) -> None:
    """Every scenario that needs a key, with both kinds of signature."""
    async with running(**SECOND_KEY) as exchange, python_binance(exchange, credentials) as client:
        await scenario(exchange, client)


@pytest.mark.parametrize("scenario", PUBLIC, ids=lambda made: made.__name__)
async def test_market_data(scenario: Scenario) -> None:
    """Every scenario that needs no key."""
    async with running() as exchange, python_binance(exchange, HMAC) as client:
        await scenario(exchange, client)
