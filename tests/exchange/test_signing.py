"""Keys, signatures and the time window, unit by unit; Ed25519 beside HMAC on a running exchange."""

from typing import Any
from urllib.parse import quote, urlencode

import ccxt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mm.errors import ConfigError, VenueRefused
from mm.exchange.signing import check_time, keys_of, rest_payload, socket_payload
from tests.builders.exchange import KEY, SECRET, ManualClock, ccxt_client, raw_client, running
from tests.builders.exchange_keys import (
    ED25519_KEY,
    PRIVATE_PEM,
    PUBLIC_PEM,
    PUBLIC_RAW,
    SECOND_KEY,
    ed25519_signature,
)

NOW_NS = 1_700_000_000_000_000_000
OTHER_PEM = (
    Ed448PrivateKey.from_private_bytes(bytes(57))
    .public_key()
    .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    .decode()
)


@pytest.mark.parametrize("public", [PUBLIC_PEM, PUBLIC_RAW])
def test_a_public_key_comes_as_pem_or_raw(public: str) -> None:
    """Either way it verifies, and nothing but what it signed."""
    keys = keys_of(api_key=KEY, api_secret=SECRET, ed25519_api_key=ED25519_KEY, ed25519_public_key_pem=public)
    key = keys.find(ED25519_KEY)
    assert key.may_log_on
    assert key.verifies("a=1", ed25519_signature("a=1"))
    assert not key.verifies("a=2", ed25519_signature("a=1"))
    assert not key.verifies("a=1", "00")
    assert not key.verifies("a=1", "no base64!")
    assert not keys.find(KEY).may_log_on


@pytest.mark.parametrize(
    ("name", "public", "text"),
    [
        (ED25519_KEY, "", "not readable"),
        (ED25519_KEY, "AAAA", "not readable"),
        (ED25519_KEY, "-----BEGIN PUBLIC KEY-----", "not readable"),
        (ED25519_KEY, OTHER_PEM, "expected Ed25519"),
        ("", PUBLIC_PEM, "expected 8 to 128"),
        ("with space", PUBLIC_PEM, "expected 8 to 128"),
        (KEY, PUBLIC_PEM, "two of one name"),
    ],
)
def test_a_second_key_that_cannot_be_used_is_a_config_error(name: str, public: str, text: str) -> None:
    """Before anything listens."""
    with pytest.raises(ConfigError, match=text):
        keys_of(api_key=KEY, api_secret=SECRET, ed25519_api_key=name, ed25519_public_key_pem=public)


def test_secrets_are_not_shown() -> None:
    """Neither in the key nor in a list of them."""
    keys = keys_of(api_key=KEY, api_secret=SECRET)
    assert SECRET not in repr(keys.find(KEY))


@pytest.mark.parametrize(
    ("query", "body", "payload"),
    [
        ("a=1&b=2&signature=x", "", "a=1&b=2"),
        ("a=1", "b=2&signature=x", "a=1b=2"),
        ("signature=x", "", ""),
        ("a=1", "", "a=1"),
        ("a=1&signature=x&b=2&signature=y", "", "a=1&signature=x&b=2"),
    ],
)
def test_a_rest_request_signs_what_it_sends_up_to_the_last_signature(
    query: str, body: str, payload: str
) -> None:
    """Query and body concatenated."""
    assert rest_payload(query, body) == payload


def test_a_socket_request_signs_its_parameters_in_the_order_of_names() -> None:
    """The signature itself is left out."""
    assert socket_payload({"b": "2", "signature": "x", "a": "1"}) == "a=1&b=2"


def _code(now_ns: int, **params: str) -> int:
    try:
        check_time(params, now_ns)
    except VenueRefused as error:
        return error.code
    return 0


@pytest.mark.parametrize(
    ("now_ns", "params", "code"),
    [
        (NOW_NS, {"timestamp": "1700000000000"}, 0),
        (NOW_NS, {"timestamp": "1700000000999"}, 0),
        (NOW_NS, {"timestamp": "1700000001000"}, -1021),
        (NOW_NS + 5_000_999_999, {"timestamp": "1700000000000"}, 0),
        (NOW_NS + 5_001_000_000, {"timestamp": "1700000000000"}, -1021),
        (NOW_NS, {"timestamp": "1700000000999999"}, 0),
        (NOW_NS, {"timestamp": "1700000001000000"}, -1021),
        (NOW_NS + 5_000_000_000, {"timestamp": "1700000000000000"}, 0),
        (NOW_NS + 5_000_001_000, {"timestamp": "1700000000000000"}, -1021),
        (NOW_NS + 6_346_000, {"timestamp": "1700000000000000", "recvWindow": "6.346"}, 0),
        (NOW_NS + 6_347_000, {"timestamp": "1700000000000000", "recvWindow": "6.346"}, -1021),
        (NOW_NS + 6_500_000, {"timestamp": "1700000000000000", "recvWindow": "6.5"}, 0),
        (NOW_NS + 60_000_000_000, {"timestamp": "1700000000000", "recvWindow": "60000"}, 0),
        (NOW_NS, {"timestamp": "1700000000000", "recvWindow": "60000.001"}, -1131),
        (NOW_NS, {"timestamp": "1700000000000", "recvWindow": "5000.0001"}, -1102),
        (NOW_NS, {"timestamp": "1700000000000", "recvWindow": "soon"}, -1102),
        (NOW_NS, {"timestamp": "1.5"}, -1102),
        (NOW_NS, {}, -1102),
    ],
)
def test_a_request_is_taken_within_its_window_alone(now_ns: int, params: dict[str, str], code: int) -> None:
    """Milliseconds or microseconds; the window to a thousandth of a millisecond, 60 s at most."""
    assert _code(now_ns, **params) == code


async def test_both_keys_are_of_the_one_account() -> None:
    """An order placed with one is seen and cancelled with the other; a wrong signature is refused."""
    async with running(ManualClock(), **SECOND_KEY) as exchange, raw_client(exchange) as client:
        await client.place(newClientOrderId="mine")

        async def ask(method: str, path: str, signer: Any = ed25519_signature, **params: Any) -> Any:
            text = urlencode({**params, "timestamp": client.now_ms()})
            signed = f"{text}&signature={quote(signer(text), safe='')}"
            return await client.send(method, path, signed, key=ED25519_KEY)

        (row,) = await ask("GET", "/api/v3/openOrders")
        assert row["clientOrderId"] == "mine"
        gone = await ask("DELETE", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="mine")
        assert gone["status"] == "CANCELED"
        forged = await ask("GET", "/api/v3/account", lambda text: ed25519_signature(text + "x"))
        assert forged["code"] == -1022
        assert await client.signed("GET", "/api/v3/openOrders") == []


async def test_ccxt_trades_with_an_ed25519_key() -> None:
    """The unmodified client signs with the private half; over REST and the WebSocket API."""
    async with running(**SECOND_KEY) as exchange, ccxt_client(exchange, secret=PRIVATE_PEM) as client:
        client.apiKey = ED25519_KEY
        await client.load_markets()
        order = await client.create_order("BTC/USDT", "limit", "buy", "0.001", "59000", {"postOnly": True})
        fields = {"newClientOrderId": "mine"}
        await client.create_order_ws("BTC/USDT", "LIMIT_MAKER", "sell", "0.001", "61000", fields)
        assert len(list(exchange.floor.records.open())) == 2
        await client.cancel_order(order["id"], "BTC/USDT")
        client.secret = SECRET
        client.apiKey = ED25519_KEY
        with pytest.raises(ccxt.AuthenticationError, match="-1022"):
            await client.fetch_balance()
