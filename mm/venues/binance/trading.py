"""Place, cancel, query: each request becomes exactly one outcome, in doubt UNKNOWN.

Must never retry, and never call an order dead that might live. What a failure says beyond its order (wait,
key refused) is handed out before the outcome, so that nobody acts on the outcome without knowing it.
"""

from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, Final, TypeAlias

from mm.domain.commands import Cancel, Place, Query
from mm.domain.events import (
    CancelRejected,
    CancelUnknown,
    OrderEvent,
    OrderNotFound,
    OrderRejected,
    PlaceUnknown,
)
from mm.venues.binance.answers import Garbled, cancelled, placed, seen
from mm.venues.binance.hot import HotCalls, Method
from mm.venues.binance.link import Link
from mm.venues.edge.encoding import ENCODINGS, place_request
from mm.venues.edge.errors import CANCEL_REFUSED, NO_SUCH_ORDER, RequestFailure, place_verdict
from mm.venues.edge.rest import Rest

ENCODING: Final = ENCODINGS["binance"]


Work: TypeAlias = Callable[[], Coroutine[Any, Any, None]]
"""What is left to do once a request has left: await its answer and hand out the outcome."""

Answered: TypeAlias = Callable[[], Awaitable[dict[str, Any]]]


class Trading:
    """Orders of one account."""

    def __init__(self, link: Link, rest: Rest, hot: HotCalls) -> None:
        """Send orders through `hot`, questions through `rest`; report through `link`."""
        self._link = link
        self._rest = rest
        self._hot = hot

    def place(self, command: Place) -> Work:
        """Send an order now, if it can be; return what hands out its outcome. Raises nothing."""
        instrument = self._link.instrument(command.symbol)
        mode = self._link.settings.stp_mode
        asked = place_request(ENCODING, instrument, command, self_trade_mode=mode)
        return partial(self._placed, command, asked, self._sent("POST", asked))

    def cancel(self, command: Cancel) -> Work:
        """Send a cancellation now, if it can be; return what hands out its outcome. Raises nothing."""
        instrument = self._link.instrument(command.symbol)
        asked = {"symbol": instrument.venue_symbol, ENCODING.cancel_id: command.cid}
        return partial(self._cancelled, command, self._sent("DELETE", asked))

    def _sent(self, method: Method, asked: dict[str, str]) -> Answered:
        # Whatever goes wrong belongs to the outcome, which is handed out later.
        try:
            sending = self._hot.send(method, asked)
        except Exception as error:  # noqa: BLE001 - it is raised again where the outcome is made of it
            return partial(_raising, error)
        return partial(self._hot.answer, sending)

    async def _placed(self, command: Place, asked: dict[str, str], answered: Answered) -> None:
        events: list[OrderEvent]
        try:
            ack = await self._rest.within_deadline(answered())
            events = list(placed(self._link, ENCODING, command, asked, ack))
        except RequestFailure as failure:
            self._link.note(failure)
            events = [_place_failed(command.cid, self._link.now_ns(), failure)]
        except ValueError as error:
            events = [PlaceUnknown(ts_ns=self._link.now_ns(), cid=command.cid, cause=_garbled(error))]
        for event in events:
            self._link.emit(event)

    async def _cancelled(self, command: Cancel, answered: Answered) -> None:
        instrument = self._link.instrument(command.symbol)
        event: OrderEvent
        try:
            answer = await self._rest.within_deadline(answered())
            event = cancelled(instrument, command.cid, self._link.now_ns(), answer)
        except RequestFailure as failure:
            self._link.note(failure)
            event = _cancel_failed(command.cid, self._link.now_ns(), failure)
        except ValueError as error:
            event = CancelUnknown(ts_ns=self._link.now_ns(), cid=command.cid, cause=_garbled(error))
        self._link.emit(event)

    async def query(self, command: Query) -> None:
        """Ask for an order by our id; hands out where it stands, or that it is unknown or asking failed."""
        instrument = self._link.instrument(command.symbol)
        asked: dict[str, Any] = {"symbol": instrument.venue_symbol, ENCODING.cancel_id: command.cid}
        try:
            answer = await self._rest.ask_object("privateGetOrder", asked)
            self._link.emit(seen(self._link, instrument, command.cid, answer))
        except RequestFailure as failure:
            if failure.code == NO_SUCH_ORDER:
                self._link.emit(OrderNotFound(ts_ns=self._link.now_ns(), cid=command.cid))
            else:
                self._link.read_failed("Query", command.cid, failure)
        except ValueError as error:
            self._link.read_failed("Query", command.cid, RequestFailure(_garbled(error)))


async def _raising(error: Exception) -> dict[str, Any]:
    raise error


def _place_failed(cid: str, now_ns: int, failure: RequestFailure) -> OrderEvent:
    verdict = place_verdict(failure)
    if not verdict.refused:
        return PlaceUnknown(ts_ns=now_ns, cid=cid, cause=str(failure), duplicate=verdict.duplicate)
    return OrderRejected(
        ts_ns=now_ns,
        cid=cid,
        code=failure.number,
        reason=failure.reason,
        crossed=verdict.crossed,
        funds=verdict.funds,
    )


def _cancel_failed(cid: str, now_ns: int, failure: RequestFailure) -> OrderEvent:
    if failure.code == CANCEL_REFUSED:
        return CancelRejected(ts_ns=now_ns, cid=cid, code=failure.code)
    return CancelUnknown(ts_ns=now_ns, cid=cid, cause=str(failure), sent=failure.sent)


def _garbled(error: ValueError) -> str:
    return str(error) if isinstance(error, Garbled) else "the answer holds a value that cannot be read"
