"""A service manager that listens on a real socket, as systemd does."""

import asyncio
import select
import socket
import time

DRAIN_S = 0.05
"""The system keeps about ten datagrams for who does not read: in virtual time that is soon full."""

DEADLINE_S = 60.0


class Supervisor:
    """A service manager that listens. Fields: address: for `NOTIFY_SOCKET`."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self._socket.setblocking(False)
        self._kept: list[dict[str, str]] = []

    def heard(self) -> list[dict[str, str]]:
        """Return every datagram since the last call, as its fields."""
        self._read()
        found, self._kept = self._kept, []
        return found

    def wait(self, name: str, count: int = 1) -> bool:
        """Wait in a thread of one's own until a field was heard so often; False if it does not come."""
        deadline = time.monotonic() + DEADLINE_S
        while sum(name in row for row in self._kept) < count:
            if time.monotonic() > deadline:
                return False
            select.select([self._socket], [], [], DRAIN_S)
            self._read()
        return True

    async def listen(self) -> None:
        """Read what comes until cancelled."""
        while True:
            self._read()
            await asyncio.sleep(DRAIN_S)

    def _read(self) -> None:
        while True:
            try:
                lines = self._socket.recv(4_096).decode().split("\n")
            except BlockingIOError:
                return
            self._kept.append(dict(line.split("=", 1) for line in lines))

    def names(self) -> list[str]:
        """Return the first name in each datagram."""
        return [next(iter(row)) for row in self.heard()]

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()
