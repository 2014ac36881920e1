"""Small recordings for tests: raw frames of a made-up market, as a receiver would have written them."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

START_MS = 1_723_161_255_000
LATE_NS = 1_270_000_000
"""How far the receiver's clock is behind the venue's, as in a real recording."""

Rows = Sequence[tuple[str, str]]

BIDS: Rows = (
    ("61000.00000000", "1.50000000"),
    ("60999.50000000", "2.00000000"),
    ("60990.00000000", "5.00000000"),
)
ASKS: Rows = (
    ("61000.01000000", "0.70000000"),
    ("61000.50000000", "3.00000000"),
    ("61010.00000000", "4.00000000"),
)


class Tape:
    """A recording that is written frame by frame.

    Fields: lines: whole, in order; last: number of the last change.
    Time goes on by `step_ms` with every frame; a frame is received `delay_ns` after it was sent.
    """

    def __init__(self, symbol: str = "BTCUSDT", *, linear: bool = False, step_ms: int = 50) -> None:
        """Begin empty."""
        self.symbol, self.linear, self.step_ms = symbol, linear, step_ms
        self.now_ms = START_MS
        self.delay_ns = 2_000_000
        self.last = 1_000
        self.trade_id = 500
        self.lines: list[bytes] = []

    @property
    def local_ns(self) -> int:
        """When a frame that is sent now is received, by the receiver's clock."""
        return self.now_ms * 1_000_000 - LATE_NS + self.delay_ns

    def diff(self, bids: Rows = (), asks: Rows = (), *, changes: int = 3, skip: int = 0) -> "Tape":
        """Add a change of the book; `skip` numbers are missing before it."""
        previous, first = self.last, self.last + 1 + skip
        self.last = first + changes - 1
        data: dict[str, Any] = {
            "e": "depthUpdate",
            "E": self.now_ms,
            "s": self.symbol,
            "U": first,
            "u": self.last,
        }
        if self.linear:
            # Contracts number their changes with holes; what comes before is told instead.
            data |= {"T": self.now_ms, "U": first + 1, "pu": previous + skip}
        return self._frame("depth@100ms", data | {"b": list(bids), "a": list(asks)})

    def trade(self, price: str, size: str, *, buyer_is_maker: bool) -> "Tape":
        """Add a print."""
        self.trade_id += 1
        data: dict[str, Any] = {"e": "trade", "E": self.now_ms, "s": self.symbol, "t": self.trade_id}
        data |= {"p": price, "q": size, "T": self.now_ms - 1, "m": buyer_is_maker}
        return self._frame("trade", data | ({"X": "MARKET"} if self.linear else {"M": True}))

    def ticker(self, bid: tuple[str, str], ask: tuple[str, str]) -> "Tape":
        """Add the best bid and ask, numbered as the last change."""
        data: dict[str, Any] = {"u": self.last, "s": self.symbol}
        data |= {"b": bid[0], "B": bid[1], "a": ask[0], "A": ask[1]}
        if self.linear:
            data = {"e": "bookTicker", **data, "T": self.now_ms, "E": self.now_ms}
        return self._frame("bookTicker", data)

    def mark(self, price: str, rate: str, next_ms: int) -> "Tape":
        """Add a mark price with the rate of the next funding and its time."""
        data: dict[str, Any] = {"e": "markPriceUpdate", "E": self.now_ms, "s": self.symbol, "p": price}
        return self._frame("markPrice@1s", data | {"i": price, "P": price, "r": rate, "T": next_ms})

    def snapshot(self, bids: Rows = BIDS, asks: Rows = ASKS, *, last: int | None = None) -> "Tape":
        """Add the whole book; `last` is the number of the last change in it."""
        content: dict[str, Any] = {"lastUpdateId": self.last if last is None else last}
        if self.linear:
            content |= {"E": self.now_ms, "T": self.now_ms}
        return self.line(
            f"{self.local_ns} {_json(content | {'bids': list(bids), 'asks': list(asks)})}".encode()
        )

    def line(self, text: bytes) -> "Tape":
        """Add a line as it is."""
        self.lines.append(text)
        self.now_ms += self.step_ms
        return self

    def _frame(self, channel: str, data: dict[str, Any]) -> "Tape":
        frame = {"stream": f"{self.symbol.lower()}@{channel}", "data": data}
        return self.line(f"{self.local_ns} {_json(frame)}".encode())

    @property
    def content(self) -> bytes:
        """The whole file."""
        return b"".join(line + b"\n" for line in self.lines)

    def save(self, path: Path) -> Path:
        """Write it, compressed if the name ends with `.gz`; return the path."""
        path.write_bytes(gzip.compress(self.content, mtime=0) if path.suffix == ".gz" else self.content)
        return path


def ordinary(*, linear: bool = False, rounds: int = 20, step_ms: int = 50) -> Tape:
    """Return a market that trades: three changes, the snapshot that joins them, then prints on both sides."""
    tape = Tape(linear=linear, step_ms=step_ms)
    tape.diff((("60980.00000000", "1.00000000"),))
    at = tape.diff((("60979.00000000", "1.00000000"),)).last - 1
    tape.diff((("60978.00000000", "0.50000000"),))
    tape.snapshot(last=at)
    for number in range(rounds):
        left = f"{1.5 - 0.01 * (number % 100 + 1):.8f}"
        tape.trade("61000.00000000", "0.01000000", buyer_is_maker=True)
        tape.ticker(("61000.00000000", left), ("61000.01000000", "0.70000000"))
        tape.diff((("61000.00000000", left),), (("61010.00000000", f"{4 + number % 100}.00000000"),))
    return tape


def busy_tape(seconds: int) -> Tape:
    """Return a market in which prints go through both sides of the book, again and again."""
    tape = Tape(step_ms=20)
    tape.diff((("60980.00000000", "1.00000000"),))
    tape.snapshot(
        (("61000.00000000", "0.05000000"), ("60990.00000000", "5.00000000")),
        (("61000.10000000", "0.05000000"), ("61010.00000000", "5.00000000")),
        last=tape.last,
    )
    tape.trade("61000.00000000", "0.00001000", buyer_is_maker=True)
    for number in range(seconds * 10):
        size = f"0.05{number % 50 + 1:06d}"
        tape.diff((("61000.00000000", size),), (("61000.10000000", size),))
        tape.trade("60999.00000000", "0.03000000", buyer_is_maker=True)
        tape.trade("61001.00000000", "0.03000000", buyer_is_maker=False)
        tape.ticker(("61000.00000000", size), ("61000.10000000", size))
        tape.now_ms += 20
    return tape


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
