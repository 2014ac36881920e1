"""What each kind of fault does to a request that it hits, as a change of its treatment.

One function per kind, in a table that a test compares with the catalogue. What a fault changes about the
exchange itself (a tick, a price, what a cancel-all leaves) is done by handing the table another handler: the
request is judged by the same limits, key and parameters as any other.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from mm.domain.units import NS_PER_MS, NS_PER_S, ceil_div
from mm.exchange.command import Answer, Command
from mm.exchange.errors import (
    BAD_SIGNATURE,
    BANNED,
    DISCONNECTED,
    HTTP_BAD_REQUEST,
    HTTP_BANNED,
    HTTP_TOO_MANY,
    NO_SUCH_ORDER,
    TOO_MUCH_WEIGHT,
    UNKNOWN_ORDER,
    refused,
    refused_by,
)
from mm.exchange.faults.armed import Armed
from mm.exchange.faults.treatment import Ending, Scripted, Treatment
from mm.exchange.floor import Floor
from mm.exchange.market_commands import check_symbol
from mm.exchange.order_commands import cancelled
from mm.exchange.payloads import ms, price
from mm.sim.orders import Refusal

_MAINTENANCE: Final = 503
_INFO, _TRADES = "exchangeInfo", "myTrades"


class Hit:
    """A request that a fault hits. Fields: armed: the fault; command: its name; now_ns; floor; treatment."""

    def __init__(self, armed: Armed, *, command: str, now_ns: int, floor: Floor, into: Treatment) -> None:
        """Keep what the effects need."""
        self.armed = armed
        self.fault = armed.fault
        self.command = command
        self.now_ns = now_ns
        self.floor = floor
        self.treatment = into

    def script(self, status: int, code: int, text: str, **more: Any) -> None:
        """Decide the answer, unless it is decided."""
        body = {"code": code, "msg": text} if code else text
        headers = {"Retry-After": str(more["retry_after_s"])} if "retry_after_s" in more else {}
        answer = Answer(status=status, body=body, code=code, headers=headers)
        scripted = Scripted(answer=answer, processed=more.get("processed", False))
        self.treatment.scripted = self.treatment.scripted or scripted

    def end(self, ending: Ending, *, lost: bool = False) -> None:
        """Decide how it ends, unless that is decided."""
        if self.treatment.ending is Ending.ANSWER:
            self.treatment.ending = ending
            self.treatment.is_lost = lost


def concerns(armed: Armed, command: str) -> bool:
    """Return whether a fault is aimed at a command; a change of the tick also shows in the filters."""
    targets = armed.fault.kind.targets
    if armed.kind == "tick_change" and command == _INFO:
        return True
    if armed.kind == "not_found" and command == _TRADES:
        return armed.fault.target == _TRADES
    return (not targets or command in targets) and armed.is_aimed_at(command)


def _slow(hit: Hit) -> None:
    hit.treatment.before_ns += hit.fault.number("delay_ms") * NS_PER_MS


def _slow_ack(hit: Hit) -> None:
    hit.treatment.after_ns += hit.fault.number("delay_ms") * NS_PER_MS


def _garbled(hit: Hit) -> None:
    hit.treatment.form = hit.fault.text("form")


def _drip(hit: Hit) -> None:
    hit.treatment.bytes_per_s = hit.fault.number("bytes_per_s")


def _error(hit: Hit) -> None:
    fault = hit.fault
    processed = bool(fault.values["processed"])
    hit.script(fault.number("status"), fault.number("code"), fault.text("text"), processed=processed)


def _too_many(hit: Hit) -> None:
    text = TOO_MUCH_WEIGHT.text.format(hit.floor.limits.weight.limit)
    patience_s = hit.fault.number("retry_after_s")
    hit.script(HTTP_TOO_MANY, TOO_MUCH_WEIGHT.code, text, retry_after_s=patience_s)


def _banned(hit: Hit) -> None:
    ends_ns = hit.armed.ends_ns
    left_s = ceil_div(max(1, ends_ns - hit.now_ns), NS_PER_S)
    hit.script(HTTP_BANNED, BANNED.code, BANNED.text.format(ms(ends_ns)), retry_after_s=left_s)


def _maintenance(hit: Hit) -> None:
    hit.script(_MAINTENANCE, DISCONNECTED.code, DISCONNECTED.text)
    hit.treatment.form = "html"


def _bad_signature(hit: Hit) -> None:
    hit.script(HTTP_BAD_REQUEST, BAD_SIGNATURE.code, BAD_SIGNATURE.text)


def _not_found(hit: Hit) -> None:
    since_ms = ms(hit.now_ns - hit.fault.seconds_ns("lag_s"))

    def hide(answer: Answer) -> Answer:
        if answer.code:
            return answer
        if isinstance(answer.body, list):
            return replace(answer, body=[row for row in answer.body if row["time"] < since_ms])
        if answer.body["time"] < since_ms:
            return answer
        body = {"code": NO_SUCH_ORDER.code, "msg": NO_SUCH_ORDER.text}
        return replace(answer, status=HTTP_BAD_REQUEST, body=body, code=NO_SUCH_ORDER.code)

    hit.treatment.reshapes.append(hide)


def _leaves_orders(hit: Hit) -> None:
    def cancel_some(floor: Floor, values: dict[str, str]) -> Any:
        check_symbol(floor, values)
        records = list(floor.records.open())
        if not records:
            raise refused(UNKNOWN_ORDER)
        return [cancelled(floor, record, cancel_id=None) for record in records[: -hit.fault.number("orders")]]

    hit.treatment.alters.append(lambda command: replace(command, handler=cancel_some))


def _repriced(hit: Hit) -> None:
    def alter(command: Command) -> Command:
        def place_elsewhere(floor: Floor, values: dict[str, str]) -> Any:
            if "price" not in values:
                return command.handler(floor, values)
            ticks = hit.fault.number("ticks") * (-1 if values["side"] == "BUY" else 1)
            moved = price(floor.instrument, _ticks(floor, values["price"]) + ticks)
            return command.handler(floor, values | {"price": moved})

        return replace(command, handler=place_elsewhere)

    hit.treatment.alters.append(alter)


def _tick_change(hit: Hit) -> None:
    times = hit.fault.number("times")
    if hit.command == _INFO:
        hit.treatment.reshapes.append(lambda answer: _with_tick(hit.floor, answer, times))
        return

    def alter(command: Command) -> Command:
        def place_on_grid(floor: Floor, values: dict[str, str]) -> Any:
            if "price" in values and _ticks(floor, values["price"]) % times:
                raise refused_by(Refusal.PRICE_FILTER)
            return command.handler(floor, values)

        return replace(command, handler=place_on_grid)

    hit.treatment.alters.append(alter)


def _with_tick(floor: Floor, answer: Answer, times: int) -> Answer:
    if answer.code:
        return answer
    rows = [
        {
            **row,
            "filters": [
                {**rule, "tickSize": price(floor.instrument, times)} if "tickSize" in rule else rule
                for rule in row["filters"]
            ],
        }
        for row in answer.body["symbols"]
    ]
    return replace(answer, body={**answer.body, "symbols": rows})


# A price that is off the grid already is the handler's to refuse.
def _ticks(floor: Floor, text: str) -> int:
    try:
        return floor.instrument.price_ticks(text)
    except ValueError:
        raise refused_by(Refusal.PRICE_FILTER) from None


EFFECTS: Final[dict[str, Callable[[Hit], None]]] = {
    "lost_ack": lambda hit: hit.end(Ending.CLOSE),
    "slow": _slow,
    "slow_ack": _slow_ack,
    "missing_ack": lambda hit: hit.end(Ending.SILENCE),
    "no_answer": lambda hit: hit.end(Ending.SILENCE, lost=True),
    "drop_before": lambda hit: hit.end(Ending.BREAK, lost=True),
    "drop_after": lambda hit: hit.end(Ending.BREAK),
    "garbled": _garbled,
    "drip": _drip,
    "error": _error,
    "too_many": _too_many,
    "banned": _banned,
    "maintenance": _maintenance,
    "bad_signature": _bad_signature,
    "not_found": _not_found,
    "leaves_orders": _leaves_orders,
    "repriced": _repriced,
    "tick_change": _tick_change,
}
"""What each kind does to the treatment of a request."""
