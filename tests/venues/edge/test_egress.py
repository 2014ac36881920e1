"""Tests of mm/venues/edge/egress.py: what may be contacted, decided without asking anybody."""

import pytest

from mm.errors import ConfigError, ForeignAddress
from mm.venues.edge.egress import Egress, endpoint, is_loopback

LOCAL = "http://127.0.0.1:8080/api/v3"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::1%lo", True),
        ("10.0.0.1", False),
        ("0.0.0.0", False),
        ("8.8.8.8", False),
        ("localhost", False),
        ("127.0.0.1.evil.example", False),
        ("", False),
    ],
)
def test_only_addresses_of_this_machine_are_loopback(address: str, expected: bool) -> None:
    """A name is never loopback by itself: what it leads to decides."""
    assert is_loopback(address) is expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://api.binance.com/api/v3", ("api.binance.com", 443)),
        ("wss://stream.binance.com:9443/ws", ("stream.binance.com", 9443)),
        ("ws://127.0.0.1/x", ("127.0.0.1", 80)),
        ("http://[::1]:99", ("::1", 99)),
    ],
)
def test_an_address_has_a_host_and_a_port(url: str, expected: tuple[str, int]) -> None:
    """The port of the scheme stands in where none is written."""
    assert endpoint(url) == expected


@pytest.mark.parametrize("url", ["", "api.binance.com", "ftp://host", "http://", "http://host:port"])
def test_what_is_no_address_is_a_config_error(url: str) -> None:
    """The message shows what was given."""
    with pytest.raises(ConfigError, match="address was"):
        endpoint(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.binance.com",
        "http://192.168.0.1:80",
        "http://exchange.internal",
        "http://127.0.0.1.nip.io",
        "http://localhost.evil.example",
    ],
)
def test_a_demo_key_is_not_pointed_at_another_machine(url: str) -> None:
    """The error comes before anything is sent, a look-up of the name included."""
    with pytest.raises(ForeignAddress, match="nothing was sent"):
        Egress((LOCAL, url), loopback_only=True)


def test_localhost_is_allowed_and_what_it_leads_to_is_checked() -> None:
    """A hosts file can point the name anywhere."""
    egress = Egress(("http://localhost:8080",), loopback_only=True)
    egress.check_resolved("localhost", ["127.0.0.1", "::1"])
    with pytest.raises(ForeignAddress, match=r"10\.0\.0\.1"):
        egress.check_resolved("localhost", ["127.0.0.1", "10.0.0.1"])


def test_a_real_venue_may_resolve_to_anything_but_only_listed_hosts_are_reached() -> None:
    """The list holds host and port; a redirect elsewhere has no way out."""
    egress = Egress(("https://api.binance.com/api/v3",), loopback_only=False)
    egress.check_resolved("api.binance.com", ["1.2.3.4"])
    egress.check_url("https://api.binance.com/sapi")
    for url in ("https://api.binance.com:8443", "http://api.binance.com", "https://evil.example"):
        with pytest.raises(ForeignAddress, match="not listed"):
            egress.check_url(url)
