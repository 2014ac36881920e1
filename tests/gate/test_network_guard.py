"""The network guard refuses what leaves the machine, and fails the test that hides it."""

import asyncio
import socket
from pathlib import Path
from typing import Final

import pytest

from tests.gate.network_guard import is_local_address, is_local_lookup
from tests.gate.small_project import FAILED, run_gate

FOREIGN: Final = "192.0.2.1"
"""An address that is reserved for documents and belongs to nobody."""


@pytest.mark.parametrize("address", [("127.0.0.1", 1), ("127.9.9.9", 1), ("localhost", 1), None])
def test_loopback_addresses_are_local(address: object) -> None:
    """What stays on this machine is allowed."""
    assert is_local_address(socket.AF_INET, address)


@pytest.mark.parametrize("address", [(FOREIGN, 1), ("0.0.0.0", 1), ("", 1), ("example.com", 1), (b"x", 1), 7])
def test_other_addresses_are_not_local(address: object) -> None:
    """Another machine, every interface, a name and nonsense are refused."""
    assert not is_local_address(socket.AF_INET, address)


def test_six_and_unix_addresses() -> None:
    """IPv6 has a loopback too; a socket file is always local."""
    assert is_local_address(socket.AF_INET6, ("::1", 1, 0, 0))
    assert not is_local_address(socket.AF_INET6, ("::", 1, 0, 0))
    assert not is_local_address(socket.AF_INET6, ("fe80::1%eth0", 1, 0, 0))
    assert is_local_address(socket.AF_UNIX, "var/mm.sock")


@pytest.mark.parametrize("host", [None, "", b"localhost", "localhost", FOREIGN, "::1"])
def test_lookups_that_ask_nobody_are_local(host: object) -> None:
    """Addresses need no name server."""
    assert is_local_lookup(host)


@pytest.mark.parametrize("host", ["example.com", b"example.com", "localhost.example", 7])
def test_lookups_of_names_are_not_local(host: object) -> None:
    """A name is asked of a name server: that is the network."""
    assert not is_local_lookup(host)


WAYS_OUT: Final = (
    f"socket.create_connection(('{FOREIGN}', 9), timeout=1)",
    f"socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('{FOREIGN}', 9))",
    "socket.socket().bind(('0.0.0.0', 0))",
    "socket.getaddrinfo('example.com', 443)",
    f"await asyncio.open_connection('{FOREIGN}', 9)",
    "await asyncio.open_connection('example.com', 9)",
)
ATTEMPT: Final = '''

async def test_NUMBER() -> None:
    """A."""
    with contextlib.suppress(Exception):
        CALL
'''


def test_attempt_that_the_code_swallows_fails_the_test(tmp_path: Path) -> None:
    """Whatever the way out, it is refused, and the test fails although it caught the error."""
    attempts = [ATTEMPT.replace("NUMBER", str(at)).replace("CALL", call) for at, call in enumerate(WAYS_OUT)]
    text = "import asyncio\nimport contextlib\nimport socket\n" + "".join(attempts)

    run = run_gate(tmp_path, {"tests/test_attempt.py": text}, "-n0", "-W", "default", "tests/test_attempt.py")

    assert run.code == FAILED, run.output
    assert run.output.count("AssertionError: the test tried to leave this machine") == len(WAYS_OUT)


async def test_loopback_works() -> None:
    """A server and a client on 127.0.0.1 talk as usual."""
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()

    reader, writer = await asyncio.open_connection(host, port)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()

    assert answer == b""
