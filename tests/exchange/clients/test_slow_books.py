"""The book of every client, kept from the slow differences: once a second instead of ten times."""

from functools import partial

import pytest

from tests.builders.client_ccxt import plain_ccxt, real_names_ccxt
from tests.builders.client_connector import connector
from tests.builders.client_keys import HMAC
from tests.builders.client_python_binance import python_binance
from tests.builders.client_scenarios import keeps_the_book
from tests.builders.client_sdk import sdk_rest
from tests.builders.client_words import Open
from tests.builders.exchange import running

_keeps = partial(keeps_the_book, every_ms=1_000)


@pytest.mark.parametrize(
    "opened",
    [
        plain_ccxt,
        pytest.param(real_names_ccxt, marks=pytest.mark.proof),
        pytest.param(python_binance, marks=pytest.mark.proof),
        pytest.param(connector, marks=pytest.mark.proof),
        pytest.param(sdk_rest, marks=pytest.mark.proof),
    ],
    ids=lambda made: made.__name__,
)
async def test_a_client_keeps_its_book_from_slow_differences(opened: Open) -> None:
    """At rest, level for level."""
    async with running(tls=opened is real_names_ccxt) as exchange, opened(exchange, HMAC) as client:
        await _keeps(exchange, client)
