"""Codes that only trouble on the venue's side makes: put there by the door of faults, seen by clients.

Each is sent to a placement that has been carried out: what a client makes of it must never be taken for proof
that there is no order.
"""

from typing import Final

import msgspec
import pytest

from mm.exchange.errors import BUSY, DISCONNECTED, TIMED_OUT, UNEXPECTED_RESPONSE, UNKNOWN_ERROR, Fault
from mm.exchange.server import LocalExchange
from tests.builders.client_ccxt import plain_ccxt, real_names_ccxt
from tests.builders.client_connector import connector
from tests.builders.client_keys import HMAC
from tests.builders.client_python_binance import python_binance
from tests.builders.client_sdk import sdk_rest, sdk_socket
from tests.builders.client_words import Open, maker, refused
from tests.builders.exchange import raw_client, running

_FAULTS: Final = (
    (UNKNOWN_ERROR, 500),
    (DISCONNECTED, 503),
    (UNEXPECTED_RESPONSE, 500),
    (TIMED_OUT, 504),
    (BUSY, 503),
)
_CLIENTS = (plain_ccxt, real_names_ccxt, python_binance, connector, sdk_rest, sdk_socket)

# By the venue's own addresses ccxt knows which exchange it talks to; by others it knows one code less.
_CCXT = ("OperationFailed", "OperationFailed", "OperationFailed", "RequestTimeout")
_CCXT_CLASSES = {
    "plain_ccxt": (*_CCXT, "ExchangeError"),
    "real_names_ccxt": (*_CCXT, "OperationFailed"),
}


async def _plant(exchange: LocalExchange, fault: Fault, status: int) -> None:
    planted = {
        "kind": "error",
        "target": "order.place",
        "status": status,
        "code": fault.code,
        "text": fault.text,
        "processed": True,
    }
    async with raw_client(exchange) as client:
        await client.send("POST", "/_mm/faults", body=msgspec.json.encode(planted).decode(), key=None)
        assert client.status == 200


@pytest.mark.parametrize("opened", _CLIENTS, ids=lambda made: made.__name__)
async def test_a_client_sees_what_went_wrong_at_the_venue(opened: Open) -> None:
    """Code and text as far as the client keeps them; the order is there every time."""
    tls = opened is real_names_ccxt
    async with running(tls=tls) as exchange, opened(exchange, HMAC) as client:
        await client.symbol()
        kinds: list[str] = []
        for count, (fault, status) in enumerate(_FAULTS, start=1):
            await _plant(exchange, fault, status)
            answer = await refused(client, client.place(maker("BUY", "0.001", "58000.00")))
            if answer.code is not None:
                assert (answer.code, answer.text) == (fault.code, fault.text)
            assert answer.status in (None, status)
            kinds.append(answer.kind)
            assert len(exchange.floor.records.orders) == count
        assert tuple(kinds) == _CCXT_CLASSES.get(opened.__name__, tuple(kinds))
        assert len(await client.open_orders()) == len(_FAULTS)
