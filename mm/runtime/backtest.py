"""A backtest: the production engine over a recording, from its first row to an orderly stop.

There is one time line, the local time of receipt: what the engine hears, when its timers fire, when requests
take effect at the paper venue. It differs from a run on paper in nothing but where the market's news come
from. Never holds more than a chunk of the recording. A clock is read for how long it takes, never for what
happens.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Final

from mm.domain.book import LEVELS_MAX, Book, BookStatus
from mm.domain.events import Advanced, AnyEvent, BookDelta, BookLost, BookSnapshot, TopOfBook
from mm.domain.tape import (
    KEYFRAME,
    ORDER,
    ORDERS,
    Chunk,
    Columns,
    Row,
    TapeWriter,
    event_of,
    messages,
)
from mm.errors import RecordingEmpty
from mm.runtime.backtest_loop import Loop, PlainLoop
from mm.runtime.backtest_steps import Steps
from mm.store.recordings.orders import OrderQueue
from mm.store.recordings.source import Source

STOPPED: Final = "interrupted"
"""Why a backtest is partial that somebody broke off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Which part of a recording is played: local time, [from_ns, to_ns); 0: from its begin, to its end."""

    from_ns: int = 0
    to_ns: int = 0


WHOLE: Final = Span()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a backtest went. Fields: as in `BacktestResult`."""

    rows: int
    messages: int
    wall_s: float
    began_ns: int
    ended_ns: int
    partial: str


class Backtest:
    """One backtest.

    Fields: steps: what happens; source; loop: what takes the one to the other. The plain one is the
    reference, others are faster and leave the same steps.
    """

    def __init__(self, steps: Steps, source: Source, loop: Loop | None = None) -> None:
        """Keep the parts; nothing happens before `run`."""
        self.steps = steps
        self.source = source
        self.loop = loop or PlainLoop(steps)

    def run(
        self,
        span: Span = WHOLE,
        *,
        progress: Callable[[int, int], object] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Ran:
        """Play a span of the recording, then stop in order: cancels sent and confirmed.

        Args: progress: is told the time reached and the rows so far; should_stop: asked as often; True ends
        it at the next message, as in order as the end of the data does.
        Raises: RecordingEmpty if nothing lies in the span; RecordingDamaged where it cannot be read on.
        """
        began_s = perf_counter()
        steps, loop = self.steps, self.loop
        reached = [0, 0]

        def goes_on(ts_ns: int, rows: int) -> bool:
            reached[0] = ts_ns
            if progress is not None:
                progress(ts_ns, rows)
            return should_stop is None or not should_stop()

        partial = ""
        for chunk in begun_at(self.source.chunks(span.from_ns, span.to_ns), span.from_ns):
            first_ns, last_ns = _times(chunk)
            if reached[1] and not goes_on(reached[0], loop.rows):
                partial = STOPPED
                break
            if not reached[1]:
                reached[1] = first_ns
                if steps.recorded.answers:
                    steps.on_event(Advanced(ts_ns=first_ns))
            if not loop.take(chunk, goes_on):
                partial = STOPPED
                break
            reached[0] = last_ns
        if not reached[1]:
            raise RecordingEmpty(
                f"{self.source.name}: no row between {span.from_ns} and {span.to_ns or 'its end'}",
                hint="times are local times of receipt; mm data info says which there are",
            )
        steps.stop(partial or "end of data", reached[0])
        return Ran(
            rows=loop.rows,
            messages=loop.messages,
            wall_s=perf_counter() - began_s,
            began_ns=reached[1],
            ended_ns=reached[0],
            partial=partial,
        )


def begun_at(chunks: Iterator[Chunk], from_ns: int) -> Iterator[Chunk]:
    """Yield chunks from the first message at or after `from_ns` on, the books of then before it as keyframes.

    What comes earlier, from the last whole book on, only brings those books up to date, and the single orders
    in them, where they are told. Args: from_ns: 0: all as it is.
    """
    books = _Books()
    is_begun = not from_ns
    for chunk in chunks:
        if not chunk.rows:
            continue
        if is_begun:
            yield chunk
            continue
        row = books.bring_up(chunk, from_ns)
        if row == chunk.rows:
            continue
        is_begun = True
        keyframes = books.keyframes(chunk.symbols, from_ns)
        if keyframes.rows:
            yield keyframes
        yield chunk if not row else Chunk(chunk.symbols, _cut(chunk.columns, row), chunk.others)


class _Books:
    # What is there of each market, by symbol.

    def __init__(self) -> None:
        self._books: dict[str, Book] = {}
        self._orders: dict[str, OrderQueue] = {}

    # Returns the first row that is not before `from_ns`.
    def bring_up(self, chunk: Chunk, from_ns: int) -> int:
        row = 0
        for message in messages(chunk):
            ts_ns, kind, market = message[0][:3]
            if ts_ns >= from_ns:
                break
            row += len(message)
            if kind in (ORDER, ORDERS):
                self._see_orders(chunk.symbols[market], message)
            else:
                self._see(event_of(chunk, message), kind)
        return row

    def _see_orders(self, symbol: str, message: Sequence[Row]) -> None:
        queue = self._orders.setdefault(symbol, OrderQueue())
        queue.take([(*row[3:6], row[6]) for row in message if row[3]], is_whole=not message[0][3])

    def _see(self, event: AnyEvent, kind: int) -> None:
        if not isinstance(event, BookSnapshot | BookDelta | TopOfBook | BookLost):
            return
        book = self._books.setdefault(event.symbol, Book())
        match event:
            case BookSnapshot():
                if kind != KEYFRAME or book.status is not BookStatus.IN_SYNC:
                    book.apply_snapshot(event.ts_ns, event.seq, event.bids, event.asks)
            case BookDelta():
                book.apply_delta(event.ts_ns, event.seq, event.bids, event.asks)
            case TopOfBook():
                book.apply_top(event.ts_ns, event.seq, event.bid, event.ask)
            case BookLost():
                book.lose()

    def keyframes(self, symbols: tuple[str, ...], from_ns: int) -> Chunk:
        writer = TapeWriter(symbols)
        for symbol, book in self._books.items():
            if book.status is BookStatus.IN_SYNC:
                bids, asks = book.bids(LEVELS_MAX, {}), book.asks(LEVELS_MAX, {})
                writer.add_keyframe(
                    BookSnapshot(ts_ns=from_ns, symbol=symbol, seq=book.seq, bids=bids, asks=asks)
                )
            if symbol in self._orders:
                writer.add_orders(from_ns, symbol, [*self._orders[symbol]], whole=True, kind=ORDERS)
        return writer.take()


def _cut(columns: Columns, row: int) -> Columns:
    end = len(columns.ts_ns)
    return Columns(*(column[row:end] for column in columns))


def _times(chunk: Chunk) -> tuple[int, int]:
    times, end = chunk.columns.ts_ns, chunk.rows
    return times[0:1].tolist()[0], times[end - 1 : end].tolist()[0]
