"""A recording served over sockets: frames at their time, a book that joins, nothing where there is none."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from tests.builders.exchange import DEADLINE_S, Frames, RawClient, frames, raw_client
from tests.builders.recordings import START_MS, Tape, ordinary
from tests.builders.replays import Played, played

NAMES = ["btcusdt@depth@100ms", "btcusdt@trade", "btcusdt@bookTicker"]
DEPTH = "/api/v3/depth"
BUSY = {
    "code": -1008,
    "msg": "Server is currently overloaded with other requests. Please try again in a few minutes.",
}


async def subscribed(ws: Frames, *names: str) -> None:
    """Subscribe, which starts the clock."""
    answer = await ws.ask({"method": "SUBSCRIBE", "params": list(names or NAMES), "id": 1})
    assert answer == {"result": None, "id": 1}


def recorded(tape: Tape) -> list[str]:
    """The frames of a tape as the venue sent them, snapshots left out."""
    lines = [line.partition(b" ")[2].decode() for line in tape.lines]
    return [line for line in lines if line.startswith('{"stream"')]


async def texts(ws: Frames, count: int) -> list[str]:
    """The next frames as they came."""
    return [await ws.socket.receive_str(timeout=DEADLINE_S) for _ in range(count)]


async def depth_of(client: RawClient) -> Any:
    """What REST answers about the book."""
    return await client.send("GET", DEPTH, "symbol=BTCUSDT")


async def test_frames_come_byte_for_byte_on_both_kinds_of_sockets(tmp_path: Path) -> None:
    """Bare, and wrapped with the name of their stream."""
    tape = ordinary(rounds=5)
    async with played(tape.save(tmp_path / "tape")) as replay, raw_client(replay.exchange) as client:
        path = "/stream?streams=" + "/".join(NAMES)
        async with frames(client, "/ws") as bare, frames(client, path) as wrapped:
            await subscribed(bare)
            replay.play(10_000)
            expected = recorded(tape)
            assert await texts(wrapped, len(expected)) == expected
            inner = [text.partition(',"data":')[2][:-1] for text in expected]
            assert await texts(bare, len(expected)) == inner


async def test_time_stands_still_until_somebody_listens(tmp_path: Path) -> None:
    """Then frames come when they came: the venue's time plus what the fastest of them took."""
    tape = ordinary(rounds=5)
    async with (
        played(tape.save(tmp_path / "tape"), speed=2.0) as replay,
        raw_client(replay.exchange) as client,
    ):
        replay.play(60_000)
        assert (await client.send("GET", "/api/v3/time"))["serverTime"] == START_MS
        assert replay.recording()["frames_served"] == 0
        async with frames(client, "/ws") as ws:
            await subscribed(ws)
            replay.play(0)
            assert replay.recording()["frames_served"] == 1
            replay.play(24)
            assert replay.recording()["frames_served"] == 1
            replay.play(1)
            assert replay.recording()["frames_served"] == 2
            assert (await client.send("GET", "/api/v3/time"))["serverTime"] == START_MS + 50


async def test_a_client_joins_the_book_by_the_venues_rule_at_any_moment(tmp_path: Path) -> None:
    """The snapshot's number is that of a change that was sent; the next one follows it."""
    tape = ordinary(rounds=12)
    async with (
        played(tape.save(tmp_path / "tape")) as replay,
        raw_client(replay.exchange) as client,
        frames(client, "/ws") as ws,
    ):
        await subscribed(ws, NAMES[0])
        numbers: list[tuple[int, int]] = []
        books: dict[int, Any] = {}
        for _ in range(len(tape.lines)):
            replay.play(tape.step_ms)
            answer = await depth_of(client)
            if client.status == 200:
                books[answer["lastUpdateId"]] = answer
        for _ in range(15):
            event = await ws.next()
            numbers.append((event["U"], event["u"]))
        assert all(later[0] == earlier[1] + 1 for earlier, later in pairwise(numbers))
        sent = [last for _, last in numbers]
        assert len(books) > 10
        assert set(books) <= set(sent)
        assert books[sent[-1]]["bids"][0] == ["61000.00000000", "1.38000000"]


async def test_before_the_snapshot_the_venue_is_busy_and_frames_flow(tmp_path: Path) -> None:
    """A client asks again; partial books are not sent; best prices are known by themselves."""
    tape = (
        Tape().ticker(("61000.00", "1.0"), ("61000.01", "2.0")).trade("61000.00", "0.5", buyer_is_maker=True)
    )
    tape.diff((("60000.00", "1.0"),)).snapshot().diff((("60000.00", "2.0"),))
    async with (
        played(tape.save(tmp_path / "tape")) as replay,
        raw_client(replay.exchange) as client,
        frames(client, "/ws") as ws,
    ):
        await subscribed(ws, *NAMES, "btcusdt@depth5@100ms")
        replay.play(100)
        assert await depth_of(client) == BUSY
        assert client.status == 503
        best = await client.send("GET", "/api/v3/ticker/bookTicker", "symbol=BTCUSDT")
        assert (best["bidPrice"], best["askQty"]) == ("61000.00000000", "2.00000000")
        placed = await client.place(quantity="0.5", price="60999")
        assert placed["code"] < 0
        assert [(await ws.next()).get("e", "bookTicker") for _ in range(3)] == [
            "bookTicker",
            "trade",
            "depthUpdate",
        ]
        replay.play(400)
        book = await depth_of(client)
        assert (client.status, book["lastUpdateId"]) == (200, tape.last)
        partial = await ws.next()
        assert (len(partial["bids"]), partial["lastUpdateId"]) == (3, tape.last - 3)
        assert (await ws.next())["e"] == "depthUpdate"


async def test_a_recording_without_a_snapshot_never_shows_a_book(tmp_path: Path) -> None:
    """To its end, and after it; orders are refused all the time."""
    tape = ordinary(rounds=5)
    tape.lines = [line for line in tape.lines if b"lastUpdateId" not in line]
    async with (
        played(tape.save(tmp_path / "tape")) as replay,
        raw_client(replay.exchange) as client,
        frames(client, "/ws") as ws,
    ):
        await subscribed(ws)
        for _ in range(25):
            replay.play(50)
            assert await depth_of(client) == BUSY
        assert len(await texts(ws, len(tape.lines))) == len(tape.lines)
        told = replay.recording()
        assert (told["ended"], told["has_snapshot"], told["has_book"]) == (True, False, False)
        assert (await client.place(quantity="0.5", price="60999"))["code"] < 0


async def test_after_the_end_streams_stay_open_and_silent(tmp_path: Path) -> None:
    """The clock goes on; so does trading on what is displayed last."""
    tape = ordinary(rounds=2)
    async with (
        played(tape.save(tmp_path / "tape")) as replay,
        raw_client(replay.exchange) as client,
        frames(client, "/ws") as ws,
    ):
        await subscribed(ws)
        replay.play(60_000)
        await texts(ws, len(recorded(tape)))
        replay.play(60_000)
        told = replay.recording()
        assert told["ended"]
        assert told["position_ns"] == told["last_ns"]
        assert (told["frames_served"], told["behind_ns"]) == (len(tape.lines), 0)
        with pytest.raises(TimeoutError):
            await ws.socket.receive(timeout=0.05)
        assert not ws.socket.closed
        assert (await client.send("GET", "/api/v3/time"))["serverTime"] == START_MS + 120_000


async def test_where_changes_are_missing_the_book_is_gone_until_the_next_snapshot(tmp_path: Path) -> None:
    """The client sees the hole in the numbers, and gets a book only where there is one."""
    tape = ordinary(rounds=2).diff((("60990.00", "9.0"),), skip=5).diff()
    tape.snapshot().diff()
    async with (
        played(tape.save(tmp_path / "tape")) as replay,
        raw_client(replay.exchange) as client,
        frames(client, "/ws") as ws,
    ):
        await subscribed(ws, NAMES[0], "btcusdt@depth")
        states = []
        for _ in range(len(tape.lines)):
            replay.play(50)
            await depth_of(client)
            states.append(client.status)
        assert states[-6:] == [200, 503, 503, 200, 200, 200]
        replay.play(1_000)
        events = [await ws.next() for _ in range(9)]
        assert replay.recording()["gaps"] == 1
        *fast, slow = events
        fast_numbers = [(event["U"], event["u"]) for event in fast]
        holes = [later[0] - earlier[1] - 1 for earlier, later in pairwise(fast_numbers)]
        assert sorted(holes)[-2:] == [0, 5]
        assert (slow["U"], slow["u"]) == (fast[-3]["U"], tape.last)
        assert holes[-3] == 5


async def test_slow_changes_are_the_fast_ones_merged(tmp_path: Path) -> None:
    """With their texts; the last of a price wins; numbers go on."""
    tape = ordinary(rounds=40)
    async with (
        played(tape.save(tmp_path / "tape")) as replay,
        raw_client(replay.exchange) as client,
        frames(client, "/ws") as fast,
        frames(client, "/ws") as slow,
    ):
        await subscribed(slow, "btcusdt@depth@1000ms")
        await subscribed(fast, NAMES[0])
        replay.play(20_000)
        changes = [await fast.next() for _ in range(43)]
        merged = [await slow.next() for _ in range(7)]
    assert merged[0]["U"] == changes[0]["U"]
    assert all(later["U"] == earlier["u"] + 1 for earlier, later in pairwise(merged))
    for event in merged:
        parts = [change for change in changes if event["U"] <= change["U"] <= event["u"]]
        for side in "ba":
            expected = {price: size for part in parts for price, size in part[side]}
            assert dict(event[side]) == expected


async def test_streams_that_are_derived_follow_the_recorded_time(tmp_path: Path) -> None:
    """However fast it is played: candles, aggregated trades, statistics."""
    tape = ordinary(rounds=60)
    async with (
        played(tape.save(tmp_path / "tape"), speed=1_000.0) as replay,
        raw_client(replay.exchange) as client,
    ):
        async with frames(client, "/ws") as ws:
            names = ("btcusdt@aggTrade", "btcusdt@kline_1s", "btcusdt@miniTicker")
            await subscribed(ws, *names)
            replay.play(10)
            kinds: dict[str, list[Any]] = {}
            for _ in range(60 + 9 + 9):
                event = await ws.next()
                kinds.setdefault(event["e"], []).append(event)
        assert len(kinds["aggTrade"]) == 60
        times = [event["E"] for event in kinds["kline"]]
        assert times == sorted(times)
        assert len(dict.fromkeys(times)) > 5
        trades = await client.send("GET", "/api/v3/trades", "symbol=BTCUSDT&limit=1000")
        assert [row["id"] for row in trades] == list(range(501, 561))


def test_many_frames_are_served_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others get their turn; what is behind is told."""
    monkeypatch.setattr("mm.exchange.replay_market.FRAMES_MAX", 10)
    replay = Played([ordinary(rounds=20).save(tmp_path / "tape")])
    replay.clock.start()
    replay.play(5_000)
    told = replay.recording()
    assert (told["frames_served"], told["ended"]) == (10, False)
    assert told["behind_ns"] > 0
    assert replay.exchange.floor.now_ns == told["position_ns"]
    for _ in range(6):
        replay.play(0)
    assert replay.recording()["ended"]


async def test_a_file_that_is_damaged_while_it_is_served_ends_the_streams(tmp_path: Path) -> None:
    """What is before the damage comes; then sockets close, no book is shown, and the place is told."""
    tape = ordinary(rounds=3_000)
    path = tape.save(tmp_path / "tape")
    async with played(path) as replay, raw_client(replay.exchange) as client:
        content = path.read_bytes()
        # Far enough in that it has not been read ahead.
        position = len(content) * 3 // 4
        with path.open("r+b") as file:
            file.seek(position)
            file.write(b"\xff" * 100)
        async with frames(client, "/ws") as ws:
            await subscribed(ws)
            for _ in range(10):
                replay.play(60_000)
            told = replay.recording()
            line = content[:position].count(b"\n") + 1
            assert f"{path}: damaged at line {line}, byte " in told["damage"]
            assert (told["has_book"], told["ended"], told["frames_served"]) == (False, False, line - 1)
            assert await depth_of(client) == BUSY
            last: Any = None
            while last is None or last.type is aiohttp.WSMsgType.TEXT:
                last = await ws.socket.receive(timeout=DEADLINE_S)
            assert ws.socket.close_code == 1011
        async with frames(client, "/ws") as ws:
            await ws.socket.send_str(
                msgspec.json.encode({"method": "SUBSCRIBE", "params": NAMES, "id": 2}).decode()
            )
            while (await ws.socket.receive(timeout=DEADLINE_S)).type is aiohttp.WSMsgType.TEXT:
                pass
            assert ws.socket.close_code == 1011
        assert (await client.place(quantity="0.5", price="60999"))["code"] < 0
