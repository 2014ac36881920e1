"""The part of a recorder that hears an account: keeps its stream connected, hands each text to the writer.

Must never trade, cancel, hold a text back or drop one. Invariant: after each connection, and with each
segment, the open orders and the balances are asked for, so that what happens to them has a beginning.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from mm.domain.commands import ListBalances, ListOrders
from mm.domain.events import (
    AnyEvent,
    BalancesListed,
    OrdersListed,
    RequestFailed,
    Stream,
    StreamDown,
    StreamUp,
    Throttled,
)
from mm.runtime.record_stream import Due, RecordClock, RecordedStream, RecordedVenue
from mm.store.recordings.framed.form import FramedKind, answer_payload
from mm.store.recordings.framed.own import own_kind
from mm.store.recordings.framed.writer import FramedWriter

log = structlog.get_logger("mm")

_BALANCES: Final = ""
# In place of a symbol.


@dataclass(slots=True)
class OwnCounts:
    """What was heard of an account so far.

    Fields: kinds: texts by kind of event; text_bytes: of them; listings: answers with open orders or
    balances; connections: that stood; lost: of those, how many ended; refused: attempts and listings that
    failed.
    """

    kinds: dict[str, int] = field(default_factory=dict)
    text_bytes: int = 0
    listings: int = 0
    connections: int = 0
    lost: int = 0
    refused: int = 0

    @property
    def texts(self) -> int:
        """All of them."""
        return sum(self.kinds.values())

    def as_dict(self) -> dict[str, object]:
        """Return it for JSON."""
        return {
            "texts": self.texts,
            "text_bytes": self.text_bytes,
            "kinds": dict(self.kinds),
            "listings": self.listings,
            "connections": self.connections,
            "lost": self.lost,
            "refused": self.refused,
        }


class AccountRecorder(RecordedStream):
    """Hears an account and keeps its stream going. Is the ear and the sink of what listens to it.

    Fields: counts; is_up: the stream is connected.
    """

    def __init__(self, symbols: Sequence[str], writer: FramedWriter, clock: RecordClock) -> None:
        """Begin unconnected. Args: symbols: unified names, whose open orders are listed."""
        super().__init__(Stream.USER, writer, clock)
        self.counts = OwnCounts()
        self._symbols = tuple(symbols)
        self._listings: dict[str, Due] = {}

    # ---- the ear

    def on_own(self, connection: int, text: str) -> None:
        """A text of the account's stream came."""
        payload = text.encode()
        if self._writer.append(FramedKind.OWN, connection, self._clock.now_ns(), payload):
            kind, kinds = own_kind(payload), self.counts.kinds
            kinds[kind] = kinds.get(kind, 0) + 1
            self.counts.text_bytes += len(payload)

    def on_body(self, request: str, body: str) -> None:
        """A listing came."""
        # Of no connection: those of a record are the market's, and this one came over neither.
        payload = answer_payload(request[:2_000], body.encode())
        if self._writer.append(FramedKind.ANSWER, 0, self._clock.now_ns(), payload):
            self.counts.listings += 1

    # ---- the sink

    def __call__(self, event: AnyEvent) -> None:
        """Take an event of what listens."""
        now_ns = self._clock.now_ns()
        match event:
            case StreamUp():
                self._stands(FramedKind.OWN_UP, now_ns)
                self.counts.connections += 1
                self._list_all(now_ns)
            case StreamDown():
                self._on_down(now_ns, event.reason)
            case OrdersListed():
                self._listings.pop(event.symbol, None)
            case BalancesListed():
                self._listings.pop(_BALANCES, None)
            case RequestFailed():
                self._on_failed(now_ns, event)
            case Throttled():
                self._on_throttled(event)
            case _:
                return

    def ask(self, venue: RecordedVenue) -> None:
        """Ask the venue for what is due."""
        now_ns = self._clock.now_ns()
        if not self._may_ask(venue, now_ns):
            return
        if self._is_new_segment():
            self._list_all(now_ns)
        if self.is_up:
            for symbol, due in self._listings.items():
                if now_ns >= due.at_ns:
                    due.asked(now_ns)
                    venue.submit(ListBalances() if symbol == _BALANCES else ListOrders(symbol=symbol))

    def _list_all(self, now_ns: int) -> None:
        for symbol in (_BALANCES, *self._symbols):
            due = self._listings.setdefault(symbol, Due(now_ns))
            due.at_ns = min(due.at_ns, now_ns)

    def _on_down(self, now_ns: int, reason: str) -> None:
        log.warning("record.account_not_heard", reason=reason)
        if self.is_up:
            self.counts.lost += 1
        else:
            self.counts.refused += 1
        self._ended(FramedKind.OWN_DOWN, now_ns, reason)

    def _on_failed(self, now_ns: int, event: RequestFailed) -> None:
        self._note_failed(0, now_ns, event)
        if event.subject in self._listings and event.what in ("ListOrders", "ListBalances"):
            self.counts.refused += 1
            self._listings[event.subject].failed(now_ns)
