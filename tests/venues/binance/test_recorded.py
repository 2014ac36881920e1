"""A real recording through the adapter's own way: frames in, events out, the book rebuilt and compared."""

import asyncio
import gzip
from bisect import bisect_right
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mm.domain.book import Book, Level
from mm.domain.commands import SyncBook
from mm.domain.events import AnyEvent, BookDelta, BookSnapshot, PublicTrade, TopOfBook
from mm.venues.binance.link import Link
from mm.venues.binance.settings import BinanceSettings
from mm.venues.binance.streams import MarketStream
from mm.venues.edge.errors import RequestFailure
from tests.builders.venue_setup import TickingClock, btc_usdt

FILES = ("spot_btcusdt_20240808.gz", "spot_btcusdt_20240809.gz")
CLIENT = object()


def recorded(folder: Path) -> Iterator[str]:
    """Yield the frames of the recording; the snapshot stands where it was received."""
    for name in FILES:
        with gzip.open(folder / "binance_raw_2024-08-08" / name, "rt") as file:
            for line in file:
                yield line.partition(" ")[2]


class Recorded:
    """Stands in for the REST side: answers the one snapshot of the recording."""

    def __init__(self) -> None:
        self.snapshot: Any = None

    async def ask_object(self, endpoint: str, params: dict[str, Any]) -> Any:
        """Return the snapshot."""
        assert (endpoint, params) == ("publicGetDepth", {"symbol": "BTCUSDT", "limit": 1_000})
        return self.snapshot


def streams(sink: Any) -> tuple[MarketStream, Recorded]:
    """Return streams of BTC/USDT whose market socket is up."""
    link, rest = Link(BinanceSettings(clock=TickingClock())), Recorded()
    link.know((btc_usdt(),))
    link.open(sink)
    made = MarketStream(link, rest, None, background=_nothing)  # type: ignore[arg-type] # a stand-in
    made._symbol(btc_usdt())
    made._line.client, made._line.up = CLIENT, True
    return made, rest


def _nothing(_: Coroutine[Any, Any, None]) -> None:
    raise AssertionError("nothing is closed in this test")


@dataclass
class Replayed:
    """What came of it. Fields: tops: number -> top as stated; rebuilt: number -> top of the book."""

    counts: dict[str, int] = field(default_factory=dict)
    tops: dict[int, tuple[Level, Level]] = field(default_factory=dict)
    rebuilt: dict[int, tuple[Level, Level]] = field(default_factory=dict)
    trade_ids: list[int] = field(default_factory=list)
    with_tops: Book = field(default_factory=Book)
    crossed: int = 0
    _deltas: Book = field(default_factory=Book)

    def __call__(self, event: AnyEvent) -> None:
        """Take an event."""
        name = type(event).__name__
        self.counts[name] = self.counts.get(name, 0) + 1
        if isinstance(event, BookSnapshot):
            for book in (self._deltas, self.with_tops):
                book.apply_snapshot(event.ts_ns, event.seq, event.bids, event.asks)
        elif isinstance(event, BookDelta):
            for book in (self._deltas, self.with_tops):
                book.apply_delta(event.ts_ns, event.seq, event.bids, event.asks)
            self.rebuilt[event.seq] = (self._deltas.bids(1, {})[0], self._deltas.asks(1, {})[0])
        elif isinstance(event, TopOfBook):
            self.with_tops.apply_top(event.ts_ns, event.seq, event.bid, event.ask)
            self.tops[event.seq] = (event.bid, event.ask)
        elif isinstance(event, PublicTrade):
            self.trade_ids.append(event.trade_id)
        self.crossed += self.with_tops.is_crossed


class Slow:
    """Stands in for the REST side: answers when it is told to. Fields: asked: not answered yet."""

    def __init__(self) -> None:
        self.asked: list[asyncio.Future[Any]] = []

    async def ask_object(self, endpoint: str, params: dict[str, Any]) -> Any:
        """Wait for the answer."""
        assert (endpoint, params["symbol"]) == ("publicGetDepth", "BTCUSDT")
        self.asked.append(asyncio.get_running_loop().create_future())
        return await self.asked[-1]


@pytest.mark.parametrize("first", ["answered", "failed"])
async def test_of_two_requests_for_a_book_the_one_that_was_made_last_is_told_of(first: str) -> None:
    """What answers the other may have waited for a process that stood still; nor is its failure told."""
    told: list[AnyEvent] = []
    made, _ = streams(told.append)
    made._rest = rest = Slow()  # type: ignore[assignment]  # a stand-in
    command = SyncBook(symbol="BTC/USDT")
    both = [asyncio.ensure_future(made.sync_book(command)) for _ in range(2)]
    for _ in range(10):
        await asyncio.sleep(0)
    if first == "answered":
        rest.asked[0].set_result(_book(7))
    else:
        rest.asked[0].set_exception(RequestFailure("no answer"))
    await both[0]
    assert told == []
    rest.asked[1].set_result(_book(9))
    await both[1]
    assert [(type(event), getattr(event, "seq", 0)) for event in told] == [(BookSnapshot, 9)]


def _book(number: int) -> dict[str, object]:
    return {"lastUpdateId": number, "bids": [["60000.00", "1.0"]], "asks": [["60001.00", "1.0"]]}


@pytest.fixture(scope="module")
def replayed(shared_data: Path) -> Replayed:
    """The whole recording, fed once."""
    told = Replayed()
    asyncio.run(_feed(shared_data, told))
    return told


async def _feed(folder: Path, told: Replayed) -> None:
    made, rest = streams(told)
    for frame in recorded(folder):
        if frame.startswith('{"lastUpdateId"'):
            rest.snapshot = msgspec.json.decode(frame)
            await made.sync_book(SyncBook(symbol="BTC/USDT"))
        else:
            assert made.on_text(CLIENT, frame)


def test_every_frame_of_a_recording_is_read_without_a_gap(replayed: Replayed) -> None:
    """Diffs before the snapshot are joined, none after it is lost; every trade and top comes through."""
    assert replayed.counts["BookSnapshot"] == 1
    assert "BookLost" not in replayed.counts
    assert replayed.counts["PublicTrade"] == 19_904
    assert replayed.counts["TopOfBook"] == 73_174
    assert replayed.trade_ids == list(range(replayed.trade_ids[0], replayed.trade_ids[0] + 19_904))


def test_the_rebuilt_book_has_the_recorded_top(replayed: Replayed) -> None:
    """At each diff price and size of the top are the venue's, but for the two known exceptions."""
    numbers = sorted(replayed.tops)
    compared, equal = 0, 0
    for seq, (bid, ask) in replayed.rebuilt.items():
        index = bisect_right(numbers, seq) - 1
        if index < 0:
            continue
        compared += 1
        equal += (bid, ask) == replayed.tops[numbers[index]]
    assert (compared, equal) == (6_493, 6_491)


def test_the_book_kept_with_tops_is_never_crossed(replayed: Replayed) -> None:
    """Tops come ahead of the diffs; the book holds both together."""
    assert replayed.crossed == 0
