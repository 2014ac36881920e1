"""binance-sdk-spot lives its whole life on the exchange: by REST, and by the WebSocket API alone."""

import pytest

from tests.builders.client_keys import BOTH, HMAC
from tests.builders.client_scenarios import PUBLIC, SIGNED
from tests.builders.client_sdk import sdk_rest, sdk_socket
from tests.builders.client_words import Credentials, Scenario
from tests.builders.exchange import running
from tests.builders.exchange_keys import SECOND_KEY


@pytest.mark.parametrize("credentials", BOTH, ids=str)
@pytest.mark.parametrize("scenario", SIGNED, ids=lambda made: made.__name__)
async def test_by_rest(scenario: Scenario, credentials: Credentials) -> None:
    """Every scenario that needs a key, with both kinds of signature."""
    async with running(**SECOND_KEY) as exchange, sdk_rest(exchange, credentials) as client:
        await scenario(exchange, client)


@pytest.mark.parametrize("credentials", BOTH, ids=str)
@pytest.mark.parametrize("scenario", SIGNED, ids=lambda made: made.__name__)
async def test_by_the_websocket_api(scenario: Scenario, credentials: Credentials) -> None:
    """The same over one socket; with the key that is able to, logged on instead of signed."""
    async with running(**SECOND_KEY) as exchange, sdk_socket(exchange, credentials) as client:
        await scenario(exchange, client)


@pytest.mark.parametrize("scenario", PUBLIC, ids=lambda made: made.__name__)
async def test_market_data(scenario: Scenario) -> None:
    """Every scenario that needs no key, by REST and streams."""
    async with running() as exchange, sdk_rest(exchange, HMAC) as client:
        await scenario(exchange, client)


async def test_market_data_by_the_websocket_api() -> None:
    """What can be asked there as well."""
    (reads, *_) = PUBLIC
    async with running() as exchange, sdk_socket(exchange, HMAC) as client:
        await reads(exchange, client)
