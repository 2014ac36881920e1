"""A server in a thread that answers with whatever bytes a test gives it, for clients that block."""

import socket
import threading
import time
from typing import Final, Self

OK: Final = b'HTTP/1.1 200 OK\r\nContent-Length: 7\r\nX-A: b\r\n\r\n{"a":1}'
DRIP_S: Final = 0.05


class BlockingServer:
    """One answer per request, in order; the last one stays. None: silence.

    Fields: url; requests: as they came; connections: how many there were. closes: each ends after its answer.
    drips: answers leave byte by byte, a moment apart.
    """

    def __init__(self, *answers: bytes | None, closes: bool = False, drips: bool = False) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self._answers: list[bytes | None] = list(answers or (OK,))
        self._closes, self._drips = closes, drips
        self._stopping = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(0.02)
        self.port = self._server.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/api/v3"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self) -> Self:
        """Listen."""
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._stopping.set()
        for thread in list(self._threads):
            thread.join()
        self._server.close()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._server.accept()
            except TimeoutError:
                continue
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(0.02)
        content = b""
        with connection:
            while not self._stopping.is_set():
                try:
                    received = connection.recv(65_536)
                except TimeoutError:
                    continue
                except OSError:
                    return
                if not received:
                    return
                content += received
                while b"\r\n\r\n" in content:
                    head, _, content = content.partition(b"\r\n\r\n")
                    self.requests.append(head + b"\r\n\r\n")
                    answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
                    if not self._sent(connection, answer) or self._closes:
                        return

    def _sent(self, connection: socket.socket, answer: bytes | None) -> bool:
        pieces = [answer or b""] if not self._drips else [bytes([byte]) for byte in answer or b""]
        for piece in pieces:
            if self._stopping.is_set():
                return False
            try:
                connection.sendall(piece)
            except OSError:
                return False
            if self._drips:
                time.sleep(DRIP_S)
        return True
