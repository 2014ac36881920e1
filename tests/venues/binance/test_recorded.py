"""A real recording through the adapter's own way: frames in, events out, the book rebuilt and compared."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mm.domain.book import Book, BookStatus
from mm.domain.events import AnyEvent, BookDelta, BookLost, BookSnapshot, PublicTrade, TopOfBook
from mm.domain.sides import Side
from mm.venues.edge.booksync import BookSync
from mm.venues.edge.frames import FrameDecoder
from tests.builders.venue_setup import btc_usdt

FILES = ("spot_btcusdt_20240808.gz", "spot_btcusdt_20240809.gz")


def recorded(folder: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (local time, frame) of the recording; the snapshot stands where it was received."""
    orjson = pytest.importorskip("orjson")
    for name in FILES:
        with gzip.open(folder / "binance_raw_2024-08-08" / name) as file:
            for line in file:
                ts_ns, _, frame = line.partition(b" ")
                yield int(ts_ns), orjson.loads(frame)
"""
"""
