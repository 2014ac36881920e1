"""Recordings of `mm record --account`: a market, and orders in it that a known queue model filled."""

from pathlib import Path

import msgspec

from mm.domain.book import Level
from mm.domain.commands import Place
from mm.domain.events import (
    AnyEvent,
    BookDelta,
    BookSnapshot,
    OrderAcked,
    OrderCanceled,
    OrderFilled,
    PublicTrade,
)
from mm.domain.sides import Side
from mm.store.recordings.framed.form import ClockNote, FramedKind
from tests.builders.framed import FramedTape, a_header
from tests.builders.instruments import INSTRUMENT
from tests.builders.queue_market import MS, Traded
from tests.builders.recorded_runs import BEGAN_NS

VENUE_SYMBOL = INSTRUMENT.venue_symbol
LATE_MS = 20
"""So long after it happened a step of an order is heard."""


class OwnRecording(FramedTape):
    """A recording of an account. Fields: offset_ns: how far the venue's clock is ahead."""

    def __init__(self, offset_ns: int = 0) -> None:
        """Begin with a clock that was measured, and a stream that stands."""
        super().__init__(
            a_header(instruments=(INSTRUMENT,), has_account=True, began_ns=BEGAN_NS, opened_ns=BEGAN_NS)
        )
        self.offset_ns = offset_ns
        self._places: dict[str, Place] = {}
        self._numbers: dict[str, int] = {}
        self._filled: dict[str, int] = {}
        note = ClockNote(offset_ns=offset_ns, round_trip_ns=MS)
        self.add(FramedKind.CLOCK, msgspec.msgpack.encode(note), ts_ns=BEGAN_NS)
        self.add(FramedKind.UP, b"", connection=1, ts_ns=BEGAN_NS)
        self.own_up(BEGAN_NS)

    def own_up(self, ts_ns: int) -> None:
        """The account's stream stands."""
        self.add(FramedKind.OWN_UP, b"", connection=1, ts_ns=ts_ns)

    def own_down(self, ts_ns: int) -> None:
        """It ended."""
        self.add(FramedKind.OWN_DOWN, b"closed", connection=1, ts_ns=ts_ns)

    def lived(self, traded: Traded) -> "OwnRecording":
        """Tell what a run lived through, as its venue does."""
        for _, ts_ns, entry in traded.entries:
            if isinstance(entry, Place):
                self._places[entry.cid] = entry
                self._numbers[entry.cid] = len(self._numbers) + 1
            elif isinstance(entry, OrderAcked | OrderCanceled | OrderFilled):
                self._order(ts_ns, entry)
            elif isinstance(entry, BookSnapshot | BookDelta | PublicTrade):
                self._market(entry)
        return self

    def report(self, ts_ns: int, cid: str = "a", **changes: object) -> None:
        """Tell a step of an order that came to rest, `changes` applied by the venue's names."""
        place = self._places.get(cid)
        fields: dict[str, object] = {
            "e": "executionReport",
            "s": VENUE_SYMBOL,
            "i": self._numbers.get(cid, 1),
            "c": cid,
            "C": "",
            "x": "NEW",
            "X": "NEW",
            "o": "LIMIT_MAKER",
            "f": "GTC",
            "S": "BUY" if place is None else place.side.name,
            "p": INSTRUMENT.price_text(9_999 if place is None else place.price_ticks),
            "q": INSTRUMENT.size_text(3 if place is None else place.size_lots),
            "l": "0",
            "t": -1,
            "m": False,
            "T": (ts_ns + self.offset_ns) // MS - LATE_MS,
        }
        text = msgspec.json.encode({"subscriptionId": 0, "event": fields | changes})
        self.add(FramedKind.OWN, text, connection=1, ts_ns=ts_ns)

    def _order(self, ts_ns: int, event: OrderAcked | OrderCanceled | OrderFilled) -> None:
        cid = event.cid
        match event:
            case OrderAcked():
                self.report(ts_ns, cid)
            case OrderCanceled():
                self.report(ts_ns, cid, x="CANCELED", X="CANCELED")
            case OrderFilled():
                filled = self._filled[cid] = self._filled.get(cid, 0) + event.size_lots
                status = "FILLED" if filled == self._places[cid].size_lots else "PARTIALLY_FILLED"
                size = INSTRUMENT.size_text(event.size_lots)
                self.report(ts_ns, cid, x="TRADE", X=status, l=size, t=event.trade_id, m=event.maker)

    def _market(self, event: AnyEvent) -> None:
        match event:
            case BookSnapshot():
                book = {"lastUpdateId": event.seq, "bids": _texts(event.bids), "asks": _texts(event.asks)}
                self.answer(
                    msgspec.json.encode(book),
                    f"/api/v3/depth?symbol={VENUE_SYMBOL}&limit=1000",
                    ts_ns=event.ts_ns,
                )
            case BookDelta():
                change = {
                    "e": "depthUpdate",
                    "E": event.ts_ns // MS,
                    "s": VENUE_SYMBOL,
                    "U": event.seq,
                    "u": event.seq,
                    "b": _texts(event.bids),
                    "a": _texts(event.asks),
                }
                self.frame(msgspec.json.encode(change), ts_ns=event.ts_ns)
            case PublicTrade():
                trade = {
                    "e": "trade",
                    "E": event.ts_ns // MS,
                    "s": VENUE_SYMBOL,
                    "t": event.trade_id,
                    "p": INSTRUMENT.price_text(event.price_ticks),
                    "q": INSTRUMENT.base_text(event.size_atoms),
                    "T": event.ts_ns // MS,
                    "m": event.aggressor is Side.SELL,
                }
                self.frame(msgspec.json.encode(trade), ts_ns=event.ts_ns)
            case _:
                raise AssertionError(event)


def recorded(traded: Traded, folder: Path, *, offset_ns: int = 0) -> Path:
    """Write what a run lived through as a recording of its account; return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    return OwnRecording(offset_ns).lived(traded).end().save(folder)


def _texts(levels: tuple[Level, ...]) -> list[list[str]]:
    return [
        [INSTRUMENT.price_text(level.price_ticks), INSTRUMENT.base_text(level.size_atoms)] for level in levels
    ]
