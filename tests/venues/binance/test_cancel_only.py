"""Two calls against the real local exchange: it lists, it cancels, and nothing else is in it."""

import base64
import inspect
from collections.abc import Iterator
from urllib.parse import parse_qsl, unquote
from urllib.request import Request, urlopen

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from mm.errors import ConfigError, ForeignAddress
from mm.venues.binance import cancel_only
from mm.venues.binance.cancel_only import CancelOnly, CancelSettings
from mm.venues.edge.errors import RequestFailure
from tests.builders.blocking_server import OK, BlockingServer
from tests.builders.exchange_keys import ED25519_KEY, PRIVATE_PEM, SECOND_KEY
from tests.builders.exchange_thread import Hosted, hosted
from tests.builders.watch_jobs import ours

SYMBOL = "BTCUSDT"


@pytest.fixture(scope="module")
def exchange() -> Iterator[Hosted]:
    """One exchange, with an Ed25519 key beside the other."""
    with hosted(preset="empty", **SECOND_KEY) as found:
        yield found


def client_of(url: str, key: str, secret: str) -> CancelOnly:
    """Return a client at `url`."""
    return CancelOnly(
        CancelSettings(rest=f"{url}/api/v3", api_key=key, api_secret=secret, loopback_only=True)
    )


@pytest.fixture
def client(exchange: Hosted) -> Iterator[CancelOnly]:
    """A client of the exchange."""
    made = client_of(exchange.url, exchange.key, exchange.secret)
    yield made
    made.close()


def fault(exchange: Hosted, kind: str, target: str, **fields: object) -> None:
    """Let something go wrong at the exchange."""
    body = msgspec.json.encode({"kind": kind, "target": target, **fields})
    with urlopen(Request(f"{exchange.url}/_mm/faults", data=body)) as answer:
        assert answer.status == 200


def test_open_orders_are_listed_and_cancelled(exchange: Hosted, client: CancelOnly) -> None:
    """Foreign ones are listed too; a cancel of what is gone says so; each that left is counted."""
    cids = [ours(n) for n in (11, 12)]
    for cid in (*cids, "by-hand"):
        exchange.leave(cid)
    assert sorted(client.open_orders(SYMBOL)) == sorted((*cids, "by-hand"))
    assert client.cancel([(SYMBOL, cid) for cid in cids]) == []
    assert client.open_orders(SYMBOL) == ("by-hand",)
    assert client.cancel([(SYMBOL, cid) for cid in (cids[0], "by-hand")]) == []
    assert client.open_orders(SYMBOL) == ()
    assert (client.cancels, client.sent_ns > 0) == (4, True)


def test_a_cancel_that_fails_is_told_and_those_beside_it_are_not(
    exchange: Hosted, client: CancelOnly
) -> None:
    """A symbol that there is not; the order beside it is gone."""
    exchange.leave(ours(31))
    (failure,) = client.cancel([("NOSUCH", ours(30)), (SYMBOL, ours(31))])
    assert failure.code == -1121
    assert client.open_orders(SYMBOL) == ()
    client.offset_ns = 7_200 * 10**9
    assert [failure.code for failure in client.cancel([(SYMBOL, ours(31))])] == [-1021]
    assert client.cancel([(SYMBOL, ours(31))]) == []


def test_an_ed25519_key_signs_as_the_venue_wants(exchange: Hosted) -> None:
    """The private half is read from its PEM."""
    client = client_of(exchange.url, ED25519_KEY, PRIVATE_PEM)
    exchange.leave(ours(21))
    assert client.open_orders(SYMBOL) == (ours(21),)
    assert client.cancel([(SYMBOL, ours(21))]) == []
    client.close()


def test_an_rsa_key_signs_as_the_venue_wants() -> None:
    """PKCS1 v1.5 over SHA-256, in base64, escaped."""
    private = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    with BlockingServer(
        OK.replace(b"Content-Length: 7", b"Content-Length: 2").replace(b'{"a":1}', b"[]")
    ) as server:
        client = CancelOnly(
            CancelSettings(rest=server.url, api_key="k" * 20, api_secret=pem, loopback_only=True)
        )
        assert client.open_orders(SYMBOL) == ()
        client.close()
    target = server.requests[0].split()[1].decode()
    query, _, signature = target.partition("?")[2].partition("&signature=")
    signed = base64.b64decode(unquote(signature))
    private.public_key().verify(signed, query.encode(), padding.PKCS1v15(), hashes.SHA256())
    assert set(dict(parse_qsl(query))) == {"symbol", "recvWindow", "timestamp"}


def test_a_key_that_cannot_be_used_is_refused_before_anything_is_sent() -> None:
    """By what is wrong with it, never showing it."""
    unknown = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    begin = "-----BEGIN PRIVATE KEY-----"
    for secret, told in (
        (f"{begin}nonsense", "PEM without"),
        (unknown.decode(), "Ed25519 or RSA"),
        ("", "needed"),
    ):
        with pytest.raises(ConfigError, match=told) as error:
            client_of("http://127.0.0.1:9", "key", secret)
        assert "nonsense" not in str(error.value)
    for key in ("", "a\r\nX-Evil: b", "schlüssel"):
        with pytest.raises(ConfigError, match="printable"):
            client_of("http://127.0.0.1:9", key, "secret")


def test_a_throw_away_key_goes_nowhere_else() -> None:
    """Refused when it is made."""
    with pytest.raises(ForeignAddress):
        client_of("https://api.binance.com", "key", "secret")


def test_a_clock_that_is_off_is_measured_and_the_next_request_is_right(
    exchange: Hosted, client: CancelOnly
) -> None:
    """By hours; it does not ask again by itself."""
    client.offset_ns = 7_200 * 10**9
    with pytest.raises(RequestFailure) as failure:
        client.open_orders(SYMBOL)
    assert failure.value.code == -1021
    assert abs(client.offset_ns) < 10**9
    assert client.open_orders(SYMBOL) == ()


def test_what_the_venue_refuses_is_told_with_its_code(exchange: Hosted) -> None:
    """A wrong secret, a wrong key."""
    for key, secret, code in ((exchange.key, "wrong", -1022), ("x" * 64, exchange.secret, -2015)):
        client = client_of(exchange.url, key, secret)
        with pytest.raises(RequestFailure) as failure:
            client.open_orders(SYMBOL)
        assert failure.value.code == code
        assert "wrong" not in str(failure.value)
        client.close()


def test_a_limit_is_told_with_how_long_to_wait(exchange: Hosted, client: CancelOnly) -> None:
    """Also what no JSON comes with."""
    fault(exchange, "banned", "openOrders.status", duration_s=3_600)
    with pytest.raises(RequestFailure) as failure:
        client.open_orders(SYMBOL)
    assert (failure.value.status, failure.value.retry_after_s > 0) == (418, True)
    with urlopen(Request(f"{exchange.url}/_mm/faults", method="DELETE")) as answer:
        assert answer.status == 200
    assert client.open_orders(SYMBOL) == ()


@pytest.mark.parametrize(
    "body", [b"{}", b"[1]", b'[{"clientOrderId":7}]', b"<html>", b'{"code":"x","msg":5}']
)
def test_an_answer_that_is_not_what_was_asked_for_is_a_failure(body: bytes) -> None:
    """Nothing is ever taken for an empty listing but an empty listing."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    with BlockingServer(answer) as server:
        client = CancelOnly(
            CancelSettings(rest=server.url, api_key="key", api_secret="s", loopback_only=True)
        )
        with pytest.raises(RequestFailure):
            client.open_orders(SYMBOL)
        with pytest.raises(RequestFailure):
            client.measure_clock()
        client.close()


def test_there_is_no_other_call_in_it() -> None:
    """Nothing in the file could place, change or replace an order, and nobody hands it a path."""
    text = inspect.getsource(cancel_only)
    assert not any(word in text for word in ('"POST"', '"PUT"', "order/test", "cancelReplace", "newOrder"))
    public = {name for name in vars(CancelOnly) if not name.startswith("_")}
    assert public == {"open_orders", "cancel", "measure_clock", "close"}


def test_settings_show_no_secret() -> None:
    """Neither key nor secret."""
    shown = repr(CancelSettings(rest="http://127.0.0.1:9", api_key="a-key", api_secret="a-secret"))
    assert "a-key" not in shown
    assert "a-secret" not in shown
