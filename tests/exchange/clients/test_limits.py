"""Every client runs into the limits of the exchange and is told so by its own errors.

The exchange's clock stands still a little ahead of the clients', so that no window ends in between.
"""

import time

import pytest

from tests.builders.client_ccxt import plain_ccxt, real_names_ccxt
from tests.builders.client_connector import connector
from tests.builders.client_keys import HMAC
from tests.builders.client_python_binance import python_binance
from tests.builders.client_scenarios import runs_into_limits
from tests.builders.client_sdk import sdk_rest, sdk_socket
from tests.builders.client_words import Open
from tests.builders.exchange import ManualClock, running

_AHEAD_NS = 3_000_000_000
_CLIENTS = (plain_ccxt, real_names_ccxt, python_binance, connector, sdk_rest, sdk_socket)


@pytest.mark.parametrize("opened", _CLIENTS, ids=lambda made: made.__name__)
async def test_a_client_runs_into_the_limits(opened: Open) -> None:
    """Headers, -1015, -1003 with 429, then with 418, and all is well after the ban."""
    clock = ManualClock(time.time_ns() + _AHEAD_NS)
    limits = {"weight_per_minute": 2_000, "orders_per_10s": 2, "tls": opened is real_names_ccxt}
    async with running(clock, **limits) as exchange, opened(exchange, HMAC) as client:
        await runs_into_limits(exchange, clock, client)
