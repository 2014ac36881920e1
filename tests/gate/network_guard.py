"""No test talks to anything but this machine, and none listens where another machine could knock.

An audit hook sees every connect, bind, datagram and name look-up of the interpreter, whoever makes it and by
whatever reference; it refuses those that leave the loopback interface. The attempt is noted as well, so a
test fails even where the code under test swallows the error. Not seen: child processes, and sockets opened
by C libraries on their own (uvloop): tests use asyncio's own loop.
"""

import contextlib
import ipaddress
import socket
import sys
from collections.abc import Iterator
from typing import Final

import pytest

ADDRESS_EVENTS: Final = ("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg")
LOOKUP_EVENTS: Final = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")

_attempts: list[str] = []
_installed: list[bool] = []


class NetworkRefused(RuntimeError):
    """A test tried to leave this machine. Not an OSError: the code under test would take it for an outage."""


def _as_ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host.partition("%")[0])
    return None


def is_local_address(family: int, address: object) -> bool:
    """Return whether a socket of `family` that uses `address` stays on this machine."""
    if family not in {socket.AF_INET, socket.AF_INET6}:
        return True
    if not isinstance(address, tuple) or not isinstance(address[0], str):
        return address is None
    ip = _as_ip(address[0])
    return address[0] == "localhost" or (ip is not None and ip.is_loopback)


def is_local_lookup(host: object) -> bool:
    """Return whether looking up `host` asks nobody: an address, `localhost`, or nothing at all."""
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if name is None or name in {"", "localhost"}:
        return True
    return isinstance(name, str) and _as_ip(name) is not None


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if event in ADDRESS_EVENTS:
        used = arguments[0]
        fine = not isinstance(used, socket.SocketType) or is_local_address(used.family, arguments[1])
        what = f"{event} to {arguments[1]}"
    elif event in LOOKUP_EVENTS:
        fine = is_local_lookup(arguments[0])
        what = f"{event} of {arguments[0]!r}"
    else:
        return
    if not fine:
        _attempts.append(what)
        raise NetworkRefused(f"{what} was refused: tests use 127.0.0.1 and no names")


def pytest_configure(config: pytest.Config) -> None:
    """Install the hook, once in the life of this process: an audit hook cannot be removed."""
    if not _installed:
        _installed.append(True)
        sys.addaudithook(_audit)


@pytest.fixture(autouse=True)
def network_guard() -> Iterator[None]:
    """Fail the test that tried to leave this machine, whether or not it noticed."""
    before = len(_attempts)
    yield
    tried = _attempts[before:]
    assert not tried, f"the test tried to leave this machine: {tried}"
