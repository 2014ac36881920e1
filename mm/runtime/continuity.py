"""Whether what a record holds behind its checkpoint can have been written by one process, in that order.

A start folds its own records without the market's: it cannot compute the commands anew, as `mm replay` does.
What it can know is checked. Every placement bears an id that this life gave out, of a session and symbol that
it had, numbered above all before it; what only an answer to one of our own requests can say names an order
that the record has a request about. A record that breaks this lost an intent, or was put together from two.
Invariant: nothing that a venue can say breaks it: what comes without being asked may name any id.
"""

from mm.domain.commands import Cancel, Place, Query
from mm.domain.estate import Estate
from mm.domain.events import CancelRejected, CancelUnknown, OrderNotFound, PlaceUnknown
from mm.domain.ids import OrderId
from mm.engine.setup import EngineSetup
from mm.store.journal.entries import Record

_ANSWERS = PlaceUnknown | CancelUnknown | CancelRejected | OrderNotFound
# Told by our own adapter alone, of a request that it was handed.


class Continuity:
    """The records of one life from a checkpoint on; ask `breach` for each, in order."""

    def __init__(self, setup: EngineSetup, checkpoint: Estate) -> None:
        """Begin at `checkpoint`. Args: setup: of the run whose record it is."""
        self._ids = setup.ids
        self._epoch = setup.epoch
        self._symbols = [one.instrument.symbol for one in setup.sessions]
        self._before = self._newest = checkpoint.sequence
        self._asked: set[str] = set()
        self._checkpoint_epoch = checkpoint.epoch

    def breach(self, record: Record) -> str:
        """Return what cannot be in words, "" if the record fits what came before it."""
        entry = record.entry
        if self._checkpoint_epoch != self._epoch:
            return f"the checkpoint is of life {self._checkpoint_epoch}, the record of {self._epoch}"
        if isinstance(entry, Place):
            return self._on_place(entry)
        if isinstance(entry, Cancel | Query):
            self._asked.add(entry.cid)
        if isinstance(entry, _ANSWERS):
            return self._on_answer(entry.cid)
        return ""

    def _on_place(self, place: Place) -> str:
        said = self._ids.decode(place.cid)
        if said is None:
            return f"an order was placed with the id {place.cid}, which is none of ours"
        found = self._foreign(said, place.symbol)
        if found:
            return found
        if said.sequence <= self._newest:
            return f"order number {said.sequence} was placed after number {self._newest}"
        self._newest = said.sequence
        self._asked.add(place.cid)
        return ""

    def _foreign(self, said: OrderId, symbol: str) -> str:
        if said.epoch != self._epoch:
            return f"an order of life {said.epoch} was placed in life {self._epoch}"
        if said.session >= len(self._symbols) or self._symbols[said.session] != symbol:
            return f"an order on {symbol} was placed for session {said.session}, which does not trade it"
        return ""

    def _on_answer(self, cid: str) -> str:
        said = self._ids.decode(cid)
        if said is None or said.epoch != self._epoch or said.sequence <= self._before:
            return ""
        return "" if cid in self._asked else f"an answer about order {cid}, and no request that is recorded"
