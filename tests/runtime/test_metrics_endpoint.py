"""The endpoint of the metrics: what it serves, and what it does with everything else."""

import asyncio
import os
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from mm.observe.exposition import CONTENT_TYPE
from mm.runtime import metrics_endpoint
from mm.runtime.metrics_endpoint import CONNECTIONS_MAX, HEAD_BYTES_MAX, MetricsEndpoint
from mm.settings.listen import Listen

DEADLINE_S = 60.0
HERE = Listen(None, "127.0.0.1", 0)
GOOD = b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:9464\r\n\r\n"


class Served:
    """An endpoint that runs. Fields: endpoint; texts: how often the text was made."""

    def __init__(self, listen: Listen = HERE) -> None:
        self.texts = 0
        self.endpoint = MetricsEndpoint(listen, self.text)
        self.listen = listen

    def text(self) -> str:
        """Make the text."""
        self.texts += 1
        return f"mm_x {self.texts}\n# EOF\n"

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect as a client does."""
        if self.listen.path is not None:
            return await asyncio.open_unix_connection(str(self.listen.path))
        return await asyncio.open_connection("127.0.0.1", self.endpoint.port)

    async def ask(self, content: bytes, *, hang_up: bool = False) -> bytes:
        """Send this, and return all that comes until the other side hangs up."""
        async with asyncio.timeout(DEADLINE_S):
            reader, writer = await self.connect()
            with suppress(ConnectionError):
                writer.write(content)
                await writer.drain()
                if hang_up:
                    writer.write_eof()
            try:
                return await reader.read()
            except ConnectionError:
                return b""
            finally:
                writer.close()

    async def works(self) -> bool:
        """Return whether a good request is answered."""
        return (await self.ask(GOOD)).startswith(b"HTTP/1.1 200 OK\r\n")


@asynccontextmanager
async def served(listen: Listen = HERE) -> AsyncIterator[Served]:
    """Serve until the context is left."""
    made = Served(listen)
    assert await made.endpoint.start()
    try:
        yield made
    finally:
        await made.endpoint.close()


async def test_the_metrics_are_served_with_their_length_and_the_connection_ends() -> None:
    """What a scraper needs, and no more."""
    async with served() as made:
        head, _, body = (await made.ask(GOOD)).partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        assert lines[0] == "HTTP/1.1 200 OK"
        assert f"Content-Type: {CONTENT_TYPE}" in lines
        assert f"Content-Length: {len(body)}" in lines
        assert "Connection: close" in lines
        assert body == b"mm_x 1\n# EOF\n"
        assert (await made.ask(GOOD + GOOD)).count(b"HTTP/1.1") == 1
        assert made.endpoint.port > 0
    assert made.endpoint.port == 0


async def test_the_text_is_made_at_most_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many ask: what they cost is bounded."""
    async with served() as made:
        for _ in range(5):
            assert await made.works()
        assert made.texts == 1
        monkeypatch.setattr(metrics_endpoint, "FRESH_S", 0.0)
        assert await made.works()
        assert made.texts == 2


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"GET /metrics?x=1 HTTP/1.0\r\n\r\n", b"200"),
        (b"GET /metrics HTTP/1.1\r\nhost:localhost\r\n\r\n", b"200"),
        (b"GET /metrics HTTP/1.1\r\nHost: [::1]:9464\r\n\r\n", b"200"),
        (b"GET / HTTP/1.1\r\n\r\n", b"404"),
        (b"GET /metrics/../status HTTP/1.1\r\n\r\n", b"404"),
        (b"GET //metrics HTTP/1.1\r\n\r\n", b"404"),
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", b"405"),
        (b"HEAD /metrics HTTP/1.1\r\n\r\n", b"405"),
        (b"get /metrics HTTP/1.1\r\n\r\n", b"405"),
        (b"CONNECT 192.0.2.1:443 HTTP/1.1\r\n\r\n", b"405"),
        (b"GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n", b"403"),
        (b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1.evil.example:9464\r\n\r\n", b"403"),
        (b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n", b"403"),
        (b"GET /metrics HTTP/1.1\r\nHost: 10.0.0.1:9464\r\n\r\n", b"403"),
        (b"GET /metrics HTTP/1.1\r\nHost:\r\n\r\n", b"403"),
        (b"GET /metrics HTTP/1.1\r\nHost: :9464\r\n\r\n", b"403"),
        (b"GET /metrics HTTP/1.1\r\nHost: \xff\xfe\r\n\r\n", b"403"),
        (b"GET /metrics\r\n\r\n", b"400"),
        (b"GET /metrics HTTP/2.0\r\n\r\n", b"400"),
        (b"GET /met rics HTTP/1.1\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"400"),
        (b"\r\n\r\n", b"400"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"400"),
        (b"GET /metrics HTTP/1.1\r\nX: " + b"y" * HEAD_BYTES_MAX + b"\r\n\r\n", b"431"),
    ],
)
async def test_each_request_gets_the_answer_that_it_deserves(content: bytes, status: bytes) -> None:
    """One answer, whole; what was made of the client's own words is in none of them."""
    async with served() as made:
        answer = await made.ask(content)
        # Where more was sent than was read, the system may cut the answer off.
        assert answer.split(b" ")[1:2] in ([status], [])
        assert answer or status in (b"431", b"405", b"400")
        assert b"evil" not in answer
        assert await made.works()


async def test_a_method_that_is_refused_names_the_one_that_is_not() -> None:
    """As the standard wants it."""
    async with served() as made:
        assert b"\r\nAllow: GET\r\n" in await made.ask(b"PUT /metrics HTTP/1.1\r\n\r\n")


CHUNKS = st.one_of(
    st.binary(max_size=200),
    st.sampled_from(
        [b"GET ", b"/metrics", b" HTTP/1.1", b"\r\n", b"\r\n\r\n", b"\n\n", b"Host: ", b"127.0.0.1", b"\x00"]
    ),
    st.integers(1, 3).map(lambda times: b"A" * times * HEAD_BYTES_MAX),
)


def test_no_bytes_disturb_the_daemon() -> None:
    """Whatever is sent in whatever pieces: an answer or none, and the next request is answered."""

    @given(st.lists(st.lists(CHUNKS, max_size=8).map(b"".join), min_size=1, max_size=6))
    def check(contents: list[bytes]) -> None:
        async def send() -> None:
            async with served() as made:
                for content in contents:
                    answer = await made.ask(content, hang_up=True)
                    assert answer == b"" or answer.startswith(b"HTTP/1.1 ")
                assert await made.works()

        asyncio.run(send())

    check()


async def test_who_is_slow_is_hung_up_on_and_nobody_waits_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a request, or none: the loop goes on, others are answered, and then it is over."""
    monkeypatch.setattr(metrics_endpoint, "PATIENCE_S", 0.2)
    async with served() as made:
        slow = [await made.connect() for _ in range(CONNECTIONS_MAX - 1)]
        for _, writer in slow:
            writer.write(b"GET /metr")
        assert await made.works()
        async with asyncio.timeout(DEADLINE_S):
            for reader, writer in slow:
                assert await reader.read() == b""
                writer.close()
        assert await made.works()


async def test_one_connection_too_many_is_closed_unheard() -> None:
    """Those that are open are served; later ones are as well, once there is room."""
    async with served() as made:
        held = [await made.connect() for _ in range(CONNECTIONS_MAX)]
        assert await made.ask(b"") == b""
        for reader, writer in held:
            writer.write(GOOD)
            async with asyncio.timeout(DEADLINE_S):
                assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
            writer.close()
        assert await made.works()


async def test_a_client_that_is_gone_before_the_answer_harms_nobody() -> None:
    """Reset in the middle."""
    async with served() as made:
        for _ in range(5):
            _, writer = await made.connect()
            opened = writer.get_extra_info("socket")
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            writer.write(GOOD)
            writer.transport.abort()
        assert await made.works()


async def test_metrics_that_cannot_be_made_are_an_answer_and_a_line_in_the_log() -> None:
    """The reason is for the log, not for whoever asks."""

    def broken() -> str:
        raise ArithmeticError("a figure of the account")

    made = Served()
    made.endpoint = MetricsEndpoint(HERE, broken)
    assert await made.endpoint.start()
    with capture_logs() as logs:
        answer = await made.ask(GOOD)
    await made.endpoint.close()
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"figure" not in answer
    assert [line["event"] for line in logs] == ["metrics.failed"]


async def test_a_port_that_is_taken_is_told_and_holds_up_nothing() -> None:
    """By its address."""
    async with served() as made:
        again = MetricsEndpoint(Listen(None, "127.0.0.1", made.endpoint.port), made.text)
        with capture_logs() as logs:
            assert not await again.start()
        await again.close()
        assert [line["event"] for line in logs] == ["metrics.not_served"]
        assert logs[0]["where"] == f"127.0.0.1:{made.endpoint.port}"
        assert await made.works()


async def test_the_other_family_is_served_where_the_machine_has_it() -> None:
    """Where it has not, that is told as any address that is not there."""
    with capture_logs() as logs:
        endpoint = MetricsEndpoint(Listen(None, "::1", 0), lambda: "# EOF\n")
        started = await endpoint.start()
    await endpoint.close()
    assert started is not bool(logs)


async def test_a_socket_is_its_owners_alone_and_is_gone_in_the_end(tmp_path: Path) -> None:
    """Any name may be asked for there: no browser reaches it."""
    path = tmp_path / "m.sock"
    async with served(Listen(path)) as made:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert await made.works()
        answer = await made.ask(b"GET /metrics HTTP/1.1\r\nHost: anything\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert made.endpoint.port == 0
    assert not path.exists()


async def test_what_a_dead_run_left_is_replaced_and_what_is_in_use_is_not(tmp_path: Path) -> None:
    """Nor what is no socket, nor what others put in the way."""
    path = tmp_path / "m.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
    async with served(Listen(path)) as made:
        with capture_logs() as logs:
            assert not await Served(Listen(path)).endpoint.start()
        assert [line["event"] for line in logs] == ["metrics.not_served"]
        assert await made.works()

    for taken in (tmp_path / "file", tmp_path / "link", tmp_path / "no" / "folder"):
        if taken.name == "file":
            taken.write_text("kept")
        elif taken.name == "link":
            taken.symlink_to(path)
        with capture_logs() as logs:
            assert not await Served(Listen(taken)).endpoint.start()
        assert [line["event"] for line in logs] == ["metrics.not_served"]
    assert (tmp_path / "file").read_text() == "kept"
    assert (tmp_path / "link").is_symlink()


async def test_a_socket_whose_folder_is_gone_does_not_keep_a_run_from_ending(tmp_path: Path) -> None:
    """There is nothing to remove any more, or no right to."""
    folder = tmp_path / "sub"
    folder.mkdir()
    async with served(Listen(folder / "m.sock")):
        os.unlink(folder / "m.sock")
        folder.rmdir()
        folder.write_text("in its place")
