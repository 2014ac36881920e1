"""Where the daemon may be listened to: this machine alone, by the spelling of the address."""

from pathlib import Path

import pytest

from mm.settings.listen import PATH_BYTES_MAX, Listen, listen_of
from tests.builders.configs import SMALL, loaded, refused


def with_http(value: str) -> str:
    """Return a config that serves metrics there."""
    return f"{SMALL}\n[metrics]\nhttp = {value}\n"


def test_nothing_is_served_unless_somebody_says_where(tmp_path: Path) -> None:
    """The default, and what is empty."""
    assert loaded(tmp_path).metrics.http == ""
    assert loaded(tmp_path, with_http('""')).metrics.http == ""
    assert listen_of("") is None


@pytest.mark.parametrize(
    ("text", "listen"),
    [
        ("127.0.0.1:9464", Listen(None, "127.0.0.1", 9464)),
        ("127.8.9.10:1", Listen(None, "127.8.9.10", 1)),
        ("[::1]:65535", Listen(None, "::1", 65_535)),
        ("unix:/run/mm/metrics.sock", Listen(Path("/run/mm/metrics.sock"))),
    ],
)
def test_addresses_of_this_machine_are_taken(tmp_path: Path, text: str, listen: Listen) -> None:
    """Either family, any port, or a socket."""
    assert listen_of(loaded(tmp_path, with_http(f'"{text}"')).metrics.http) == listen


def test_a_socket_is_where_the_command_was_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As every other path of a config."""
    monkeypatch.chdir(tmp_path)
    http = loaded(tmp_path, with_http('"unix:var/m.sock"')).metrics.http
    assert listen_of(http) == Listen(tmp_path / "var" / "m.sock")


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "[::]", "10.0.0.1", "192.0.2.7", "[2001:db8::1]", "[::ffff:10.0.0.1]", "169.254.0.1"]
)
def test_what_others_can_reach_is_refused_by_name(tmp_path: Path, host: str) -> None:
    """With file and line, the address itself, and what to write."""
    told = refused(tmp_path, with_http(f'"{host}:9464"'))

    assert told.startswith(f"mm.toml:{SMALL.count(chr(10)) + 3}: metrics.http: ")
    assert f"{host.strip('[]')} can be reached from other machines" in told
    assert "write 127.0.0.1:9464" in told


@pytest.mark.parametrize("host", ["localhost", "example.invalid", "127.0.0.1.example", "1.2.3"])
def test_a_name_is_refused_because_it_may_lead_anywhere(tmp_path: Path, host: str) -> None:
    """Even the one that leads here on most machines; nobody is asked."""
    assert f"{host} is a name, expected a number" in refused(tmp_path, with_http(f'"{host}:9464"'))


@pytest.mark.parametrize(
    "value",
    [
        '"9464"',
        '":9464"',
        '"127.0.0.1"',
        '"127.0.0.1:0"',
        '"127.0.0.1:65536"',
        '"127.0.0.1:999999"',
        '"http://127.0.0.1:9464"',
        '"127.0.0.1:9464/metrics"',
        '"127.0.0.1:９４６４"',
        '"user@127.0.0.1:9464"',
        '" 127.0.0.1:9464"',
        '"[::1:9464"',
        '"::1:9464"',
        '"unix:"',
        '"unix:a\\u0000b"',
        '"unix:~nobody-of-that-name/x"',
        f'"unix:/{"x" * PATH_BYTES_MAX}"',
        "9464",
        "true",
        "[]",
    ],
)
def test_what_is_no_address_is_refused(tmp_path: Path, value: str) -> None:
    """Nothing is guessed."""
    assert "metrics.http" in refused(tmp_path, with_http(value))
