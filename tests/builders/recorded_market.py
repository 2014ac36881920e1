"""A raw recording of a spot market as the inputs of an observed book, in integers."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from mm.domain.book import Level
from mm.domain.instrument import Instrument
from mm.domain.sides import Side
from mm.sim.observed import ObservedBook


class Frame(NamedTuple):
    """One message. Fields: kind: snapshot, depth, top, trade; args: as the book takes them, without time."""

    kind: str
    ts_ns: int
    seq: int
    args: tuple[Any, ...]


def recorded_frames(path: Path, instrument: Instrument) -> Iterator[Frame]:
    """Yield the messages of a raw capture in the order in which they were received, from the snapshot on."""
    decode = msgspec.json.Decoder().decode
    with gzip.open(path, "rb") as file:
        lines = (line.partition(b" ") for line in file)
        frames = (_frame(int(at), decode(text), instrument) for at, _, text in lines)
        waiting = True
        for frame in frames:
            waiting = waiting and frame.kind != "snapshot"
            if not waiting:
                yield frame


def feed(book: ObservedBook, frame: Frame) -> None:
    """Show a message to a book."""
    if frame.kind == "trade":
        price, size, aggressor = frame.args
        book.on_trade(price, size, aggressor, frame.ts_ns)
    else:
        getattr(book, f"on_{frame.kind}")(*frame.args, ts_ns=frame.ts_ns, seq=frame.seq)


def _frame(ts_ns: int, frame: dict[str, Any], instrument: Instrument) -> Frame:
    def level(price: str, size: str) -> Level:
        return Level(instrument.price_ticks(price), instrument.size_atoms(size))

    if "lastUpdateId" in frame:
        sides = tuple([level(*row) for row in frame[side]] for side in ("bids", "asks"))
        return Frame("snapshot", ts_ns, frame["lastUpdateId"], sides)
    data = frame["data"]
    if frame["stream"].endswith("@trade"):
        aggressor = Side.SELL if data["m"] else Side.BUY
        return Frame("trade", ts_ns, 0, (*level(data["p"], data["q"]), aggressor))
    if frame["stream"].endswith("@bookTicker"):
        return Frame("top", ts_ns, data["u"], (level(data["b"], data["B"]), level(data["a"], data["A"])))
    sides = tuple([level(*row) for row in data[side]] for side in ("b", "a"))
    return Frame("depth", ts_ns, data["u"], sides)
