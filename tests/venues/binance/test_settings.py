"""Tests of mm/venues/binance/settings.py and of the package's front door."""

import subprocess
import sys

import pytest

from mm.errors import ConfigError, ForeignAddress
from mm.venues.binance import BinanceSettings, BinanceUrls, BinanceVenue
from tests.builders.venue_setup import KEY, SECRET, TickingClock


def settings(**changes: object) -> BinanceSettings:
    """Return settings with a key and these changes."""
    fields: dict[str, object] = {"clock": TickingClock(), "api_key": KEY, "api_secret": SECRET} | changes
    return BinanceSettings(**fields)  # type: ignore[arg-type] # the caller names the fields


def test_the_real_addresses_are_three_hosts() -> None:
    """Nothing else is ever contacted, unless the settings say so."""
    used = settings().addresses
    assert used.rest == "https://api.binance.com/api/v3"
    assert used.market == "wss://stream.binance.com:9443/ws"
    assert used.user == "wss://ws-api.binance.com:443/ws-api/v3"


@pytest.mark.parametrize(
    ("urls", "rest", "market", "user"),
    [
        (
            BinanceUrls("http://127.0.0.1:80/"),
            "http://127.0.0.1:80/api/v3",
            "ws://127.0.0.1:80/stream/ws",
            "ws://127.0.0.1:80/ws-api/v3",
        ),
        (
            BinanceUrls("https://a:1", ws="wss://b:2"),
            "https://a:1/api/v3",
            "wss://b:2/stream/ws",
            "wss://b:2/ws-api/v3",
        ),
        (
            BinanceUrls("https://a:1", ws_api="wss://c:3"),
            "https://a:1/api/v3",
            "wss://a:1/stream/ws",
            "wss://c:3/ws-api/v3",
        ),
    ],
)
def test_other_addresses_follow_from_their_bases(
    urls: BinanceUrls, rest: str, market: str, user: str
) -> None:
    """One base is enough for an exchange that serves everything on one port."""
    used = settings(urls=urls).addresses
    assert (used.rest, used.market, used.user) == (rest, market, user)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"api_secret": ""}, "only one of key and secret"),
        ({"recv_window_ms": 0}, "recv_window_ms was 0"),
        ({"recv_window_ms": 60_001}, "recv_window_ms was 60001"),
        ({"request_timeout_ms": 0}, "request_timeout_ms was 0"),
        ({"stp_mode": "NONE"}, "stp_mode was 'NONE'"),
    ],
)
def test_wrong_values_are_config_errors(changes: dict[str, object], message: str) -> None:
    """Nothing is started with them."""
    with pytest.raises(ConfigError, match=message):
        settings(**changes)


def test_keys_are_not_shown() -> None:
    """A printed setting ends up in a log."""
    shown = repr(settings())
    assert KEY not in shown
    assert SECRET not in shown


@pytest.mark.parametrize(
    "urls", [None, BinanceUrls("http://10.1.2.3:80"), BinanceUrls("http://venue.example")]
)
def test_a_demo_key_at_a_foreign_address_is_refused_before_anything_is_made(urls: BinanceUrls | None) -> None:
    """The error comes from the factory itself, the real addresses included."""
    with pytest.raises(ForeignAddress, match="nothing was sent") as caught:
        BinanceVenue(settings(urls=urls, loopback_only=True))
    assert caught.value.exit_code == 4
    assert caught.value.hint


def test_the_settings_do_not_bring_the_library() -> None:
    """Commands that only check a config are not to pay for ccxt; a refused demo neither."""
    code = (
        "import sys\n"
        "from mm.venues.binance import BinanceSettings, BinanceVenue\n"
        "from mm.errors import ForeignAddress\n"
        "try:\n"
        "    BinanceVenue(BinanceSettings(clock=None, loopback_only=True))\n"
        "except ForeignAddress:\n"
        "    print('ccxt' in sys.modules, 'aiohttp' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
