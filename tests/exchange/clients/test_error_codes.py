"""Each documented error code is provoked through clients that nobody here wrote and seen as their errors.

-1003 and -1015 are in `test_limits`, -2021 and -2022 in the lifecycles. What no client sends (JSON that can
not be read, -1135) is left to the tests of the exchange itself.
"""

import re
import time
from typing import Any, NamedTuple

import pytest

from mm.domain.sides import Side
from tests.builders.client_ccxt import plain_ccxt, real_names_ccxt
from tests.builders.client_connector import connector
from tests.builders.client_keys import HMAC
from tests.builders.client_python_binance import python_binance
from tests.builders.client_sdk import sdk_rest, sdk_socket
from tests.builders.client_words import Client, Credentials, Open, refused
from tests.builders.exchange import KEY, SECRET, ManualClock, hit, rest, running

_CLIENTS = (plain_ccxt, python_binance, connector, sdk_rest)
_SYMBOL = {"symbol": "BTCUSDT"}
_MAKER = _SYMBOL | {"side": "BUY", "type": "LIMIT_MAKER", "quantity": "0.001", "price": "58000"}
_LIMIT = _MAKER | {"type": "LIMIT", "timeInForce": "GTC"}
_MARKET = _SYMBOL | {"side": "SELL", "type": "MARKET", "quantity": "0.001"}
_ORDER, _TRADES = "/api/v3/order", "/api/v3/myTrades"


class Provocation(NamedTuple):
    """A request and how it is refused. Fields: text: `{}` is any number."""

    code: int
    text: str
    method: str
    path: str
    params: dict[str, Any]
    signed: bool = True


def _placing(code: int, text: str, params: dict[str, Any]) -> Provocation:
    return Provocation(code, text, "POST", _ORDER, params)


def _asking(code: int, text: str, path: str, params: dict[str, Any], *, signed: bool = False) -> Provocation:
    return Provocation(code, text, "GET", path, params, signed)


_INFO, _DAY = "/api/v3/exchangeInfo", "/api/v3/ticker/24hr"
PROVOCATIONS = (
    _placing(-1013, "Filter failure: PRICE_FILTER", _LIMIT | {"price": "58000.001"}),
    _placing(-1013, "Filter failure: LOT_SIZE", _LIMIT | {"quantity": "0.000001"}),
    _placing(-1013, "Filter failure: NOTIONAL", _LIMIT | {"quantity": "0.00001"}),
    _placing(-1013, "Filter failure: PERCENT_PRICE_BY_SIDE", _LIMIT | {"price": "900000"}),
    _placing(-1013, "Filter failure: MARKET_LOT_SIZE", _MARKET | {"quantity": "101"}),
    _asking(-1020, "This operation is not supported.", "/api/v3/nothing", {}),
    _placing(
        -1100,
        "Illegal characters found in parameter 'newClientOrderId'; legal range is '^[a-zA-Z0-9-_]{1,36}$'.",
        _LIMIT | {"newClientOrderId": "no.dots"},
    ),
    _placing(
        -1102,
        "Mandatory parameter 'timeInForce' was not sent, was empty/null, or malformed.",
        _MAKER | {"type": "LIMIT"},
    ),
    Provocation(
        -1102,
        "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!",
        "DELETE",
        _ORDER,
        _SYMBOL,
    ),
    _placing(
        -1104,
        "Not all sent parameters were read; read '{}' parameter(s) but was sent '{}'.",
        _LIMIT | {"postOnly": "true"},
    ),
    _placing(-1106, "Parameter 'timeInForce' sent when not required.", _MAKER | {"timeInForce": "GTC"}),
    _placing(-1111, "Parameter 'quantity' has too much precision.", _LIMIT | {"quantity": "0.123456789"}),
    _placing(-1115, "Invalid timeInForce.", _LIMIT | {"timeInForce": "GTX"}),
    _placing(-1116, "Invalid orderType.", _LIMIT | {"type": "STOP"}),
    _placing(-1117, "Invalid side.", _LIMIT | {"side": "BOTH"}),
    _asking(-1120, "Invalid interval.", "/api/v3/klines", _SYMBOL | {"interval": "7m"}),
    _asking(-1121, "Invalid symbol.", "/api/v3/depth", {"symbol": "NOTHING"}),
    _asking(-1122, "Invalid symbolStatus.", _INFO, {"symbolStatus": "SLEEPING"}),
    Provocation(
        -1125, "This listenKey does not exist.", "PUT", "/api/v3/userDataStream", {"listenKey": "gone"}, False
    ),
    _asking(
        -1127,
        "More than 24 hours between startTime and endTime.",
        _TRADES,
        _SYMBOL | {"startTime": "1700000000000", "endTime": "1700100000000"},
        signed=True,
    ),
    _asking(
        -1128,
        "Combination of optional parameters invalid.",
        _TRADES,
        _SYMBOL | {"fromId": "1", "startTime": "1700000000000"},
        signed=True,
    ),
    _placing(
        -1130,
        "Data sent for parameter 'selfTradePreventionMode' is not valid.",
        _LIMIT | {"selfTradePreventionMode": "SOMETIMES"},
    ),
    _asking(-1139, "Invalid ticker type.", _DAY, _SYMBOL | {"type": "HUGE"}),
    Provocation(
        -1145,
        "Invalid cancelRestrictions",
        "DELETE",
        _ORDER,
        _SYMBOL | {"orderId": "1", "cancelRestrictions": "ONLY_ON_MONDAYS"},
    ),
    _placing(-2010, "Duplicate order sent.", _MAKER | {"newClientOrderId": "twice-1"}),
    _placing(-2010, "Order would immediately match and take.", _MAKER | {"price": "60000"}),
    _placing(-2010, "Account has insufficient balance for requested action.", _LIMIT | {"quantity": "8"}),
    _placing(
        -2010,
        "Quote order qty market orders are not support for this symbol.",
        _SYMBOL | {"side": "BUY", "type": "MARKET", "quoteOrderQty": "100"},
    ),
    Provocation(-2011, "Unknown order sent.", "DELETE", _ORDER, _SYMBOL | {"orderId": "999"}),
    _asking(-2013, "Order does not exist.", _ORDER, _SYMBOL | {"orderId": "999"}, signed=True),
    Provocation(
        -2038,
        "Order amend (quantity increase) is not supported.",
        "PUT",
        "/api/v3/order/amend/keepPriority",
        _SYMBOL | {"origClientOrderId": "twice-1", "newQty": "1"},
    ),
)

# What ccxt makes of each code: its own class, on which its users act.
CCXT_CLASSES = {
    -1013: {"InvalidOrder", "BadRequest"},
    -1021: {"InvalidNonce"},
    -1022: {"AuthenticationError"},
    -1100: {"BadRequest"},
    -1102: {"BadRequest"},
    -1104: {"BadRequest"},
    -1106: {"BadRequest"},
    -1111: {"BadRequest"},
    -1115: {"BadRequest"},
    -1116: {"BadRequest"},
    -1117: {"BadRequest"},
    -1120: {"BadRequest"},
    -1121: {"BadSymbol"},
    -1125: {"AuthenticationError"},
    -2010: {"InvalidOrder", "OrderImmediatelyFillable", "InsufficientFunds"},
    -2011: {"OrderNotFound"},
    -2013: {"OrderNotFound"},
    -2014: {"AuthenticationError"},
    -2015: {"AuthenticationError"},
}


async def _provoke(client: Client, provocation: Provocation) -> None:
    code, text, method, path, params, signed = provocation
    answer = await refused(client, client.send(method, path, params, signed=signed))
    assert answer.code == code, answer
    assert re.fullmatch(re.escape(text).replace(r"\{\}", r"\d+"), answer.text), answer
    if code in CCXT_CLASSES and type(client).__name__ == "CcxtClient":
        assert answer.kind in CCXT_CLASSES[code], answer


@pytest.mark.parametrize("opened", [*_CLIENTS, real_names_ccxt], ids=lambda made: made.__name__)
async def test_a_client_sees_every_refusal_of_a_request(opened: Open) -> None:
    """Code, exact text and, for ccxt, its class; nothing of it has changed the one order."""
    tls = opened is real_names_ccxt
    async with running(tls=tls, orders_per_10s=1_000) as exchange, opened(exchange, HMAC) as client:
        rest(exchange, Side.SELL, 6_000_000, 1_000)
        rest(exchange, Side.BUY, 5_700_000, 1_000)
        hit(exchange, Side.BUY, 10)
        await client.symbol()
        await client.send("POST", _ORDER, _MAKER | {"newClientOrderId": "twice-1"}, signed=True)
        for provocation in PROVOCATIONS:
            await _provoke(client, provocation)
        assert len(exchange.floor.records.orders) == 1


@pytest.mark.parametrize("opened", _CLIENTS, ids=lambda made: made.__name__)
@pytest.mark.parametrize(
    ("key", "secret", "code", "text"),
    [
        ("short", SECRET, -2014, "API-key format invalid."),
        ("a-key-that-nobody-has", SECRET, -2015, "Invalid API-key, IP, or permissions for action."),
        (KEY, "another-secret", -1022, "Signature for this request is not valid."),
    ],
)
async def test_a_client_is_refused_with_wrong_credentials(
    opened: Open, key: str, secret: str, code: int, text: str
) -> None:
    """Malformed, unknown, and right but wrongly signed."""
    who = Credentials(key=key, secret=secret)
    async with running() as exchange, opened(exchange, who) as client:
        await _provoke(client, Provocation(code, text, "GET", "/api/v3/account", {}))


@pytest.mark.parametrize("opened", _CLIENTS, ids=lambda made: made.__name__)
async def test_a_client_with_a_wrong_clock_is_refused(opened: Open) -> None:
    """Too old, and too far ahead; and a window that is too wide, where the client lets one be named."""
    clock = ManualClock(time.time_ns())
    async with running(clock) as exchange, opened(exchange, HMAC) as client:
        await client.symbol()
        for minutes, text in (
            (30, "Timestamp for this request is outside of the recvWindow."),
            (-60, "Timestamp for this request was 1000ms ahead of the server's time."),
        ):
            clock.advance(ms=minutes * 60_000)
            await _provoke(client, Provocation(-1021, text, "GET", "/api/v3/account", {}))


@pytest.mark.parametrize("opened", [plain_ccxt, connector, sdk_rest], ids=lambda made: made.__name__)
async def test_a_client_may_not_name_too_wide_a_window(opened: Open) -> None:
    """-1131; python-binance overrides what it is given by a setting of its own."""
    async with running() as exchange, opened(exchange, HMAC) as client:
        wide = Provocation(
            -1131, "recvWindow must be less than {}", "GET", "/api/v3/account", {"recvWindow": "60001"}
        )
        await _provoke(client, wide)


@pytest.mark.parametrize("opened", [connector, sdk_rest], ids=lambda made: made.__name__)
async def test_a_client_may_not_say_a_thing_twice_nor_leave_it_empty(opened: Open) -> None:
    """-1101 and -1105 by the clients that let the caller write a query of his own."""
    async with running() as exchange, opened(exchange, HMAC) as client:
        for code, text, path in (
            (-1101, "Duplicate values for a parameter detected.", "/api/v3/depth?symbol=BTCUSDT"),
            (-1105, "Parameter 'limit' was empty.", "/api/v3/depth?limit="),
        ):
            await _provoke(client, _asking(code, text, path, _SYMBOL))


@pytest.mark.parametrize("opened", _CLIENTS, ids=lambda made: made.__name__)
async def test_a_client_finds_nobody_to_trade_with(opened: Open) -> None:
    """A MARKET order where the other side is empty."""
    async with running() as exchange, opened(exchange, HMAC) as client:
        await _provoke(client, _placing(-1112, "No orders on book for symbol.", _MARKET))


async def test_the_websocket_api_refuses_in_the_same_words() -> None:
    """python-binance over its socket: the table, an unsigned private request, and logging on with HMAC."""
    async with running(orders_per_10s=1_000) as exchange, python_binance(exchange, HMAC) as client:
        rest(exchange, Side.SELL, 6_000_000, 1_000)
        hit(exchange, Side.BUY, 10)
        await client.send("POST", _ORDER, _MAKER | {"newClientOrderId": "twice-1"}, signed=True)
        placing = [row for row in PROVOCATIONS if (row.method, row.path) == ("POST", _ORDER)]
        for code, text, *_, params, _ in placing:
            answer = await refused(client, client.send_by_socket("order.place", params, signed=True))
            assert answer.code == code, answer
            assert re.fullmatch(re.escape(text).replace(r"\{\}", r"\d+"), answer.text), answer
        answer = await refused(client, client.send_by_socket("order.place", _LIMIT, signed=False))
        assert (answer.code, answer.text) == (-2014, "API-key format invalid.")
        answer = await refused(client, client.send_by_socket("session.logon", {}, signed=True))
        assert (answer.code, answer.text) == (-4056, "HMAC_SHA256 API key is not supported.")
        answer = await refused(client, client.send_by_socket("order.nothing", {}, signed=False))
        assert (answer.code, answer.text) == (-1020, "This operation is not supported.")


async def test_the_sdk_sees_refusals_of_the_websocket_api() -> None:
    """As an error in the answer, which is all that it makes of it."""
    async with running() as exchange, sdk_socket(exchange, HMAC) as client:
        rest(exchange, Side.SELL, 6_000_000, 1_000)
        for code, text, *_, params, _ in PROVOCATIONS[:3]:
            answer = await refused(client, client.ask("order.place", params, signed=True))
            assert (answer.code, answer.text) == (code, text)
