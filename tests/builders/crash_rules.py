"""How a deployment that crashed behaved: I7, I8, I9 and I19, by the venue's log of requests and its tape.

What the bot wrote down serves for two things alone: when trading was latched off, and which market news had
reached it. Invariant: a halt ends when the test lifted it, whatever a state file says.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mm.domain.instrument import Instrument
from mm.domain.units import NS_PER_MS, NS_PER_S
from mm.exchange.errors import HTTP_BANNED, HTTP_TOO_MANY, TOO_MANY_ORDERS
from mm.exchange.settings import ExchangeSettings
from tests.builders.crash_truth import Gathered, Written, is_placement

CLOCKS_NS: Final = 2_000_000
"""How far two processes' readings of one clock may lie apart: a reading is anchored once per process."""

FLIGHT_NS: Final = NS_PER_S
"""After a halt, or a venue's refusal, what was decided before may still be on its way out for so long."""

GATES_NS: Final = 100 * NS_PER_MS
"""A book goes stale between two looks at it; it is noticed within so long."""

BAN_NS: Final = 120 * NS_PER_S
"""So long a ban of the local exchange lasts."""

MINUTE_NS: Final = 60 * NS_PER_S
ORDERS_NS: Final = 10 * NS_PER_S

FOREVER_NS: Final = 1 << 63

REFERENCE_NS: Final = 30 * NS_PER_S
"""A last trade that is older says nothing of where the market is."""

MARGIN_BPS: Final = 25
"""How far the last trade may lie from what the engine takes for the middle of the market."""

INSTRUMENT: Final[Instrument] = ExchangeSettings(seed=0, api_key="-", api_secret="-").instrument()
ORDERS_10S_MAX: Final = ExchangeSettings(seed=0, api_key="-", api_secret="-").orders_per_10s


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What the config allows. Fields: stale_ns: age of a book; collar_bps, slippage_bps: of quotes and exits
    around the market; orders_per_minute: placements.
    """

    stale_ns: int
    collar_bps: int
    slippage_bps: int
    orders_per_minute: int


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What is judged. Fields: halts: when and why trading was latched off, in any order; lifts: when the test
    began to lift what held, and when that was done.
    """

    gathered: Gathered
    written: Written
    bounds: Bounds
    halts: Sequence[tuple[int, str]]
    lifts: Sequence[tuple[int, int]]


def broken(seen: Watched) -> Iterator[str]:
    """Return what was done against the rules, in words."""
    yield from _halts(seen)
    yield from _books(seen)
    yield from _rates(seen)
    yield from _refusals(seen)
    yield from _prices(seen)


def _halts(seen: Watched) -> Iterator[str]:
    decided = {one.cid: one for one in seen.written.decided}
    halts = sorted(seen.halts)
    for request in seen.gathered.placements():
        cid, left_ns = request["params"].get("newClientOrderId", ""), stamp_ns(request)
        known = decided.get(cid)
        if known.exits if known is not None else request["params"].get("timeInForce") == "IOC":
            continue
        noted_ns = known.ts_ns if known is not None else left_ns
        for ts_ns, reason in halts:
            end_ns = min((begun for begun, done in seen.lifts if done >= ts_ns), default=FOREVER_NS)
            if ts_ns + CLOCKS_NS < noted_ns < end_ns:
                yield f"I7: {cid} was decided {_ms(noted_ns - ts_ns)} after the halt: {reason}"
                break
            if ts_ns + FLIGHT_NS < left_ns < end_ns:
                yield f"I7: {cid} left {_ms(left_ns - ts_ns)} after the halt: {reason}"
                break


def _books(seen: Watched) -> Iterator[str]:
    stale_ns = seen.bounds.stale_ns
    for one in seen.written.decided:
        if one.exits:
            continue
        if one.stated_age_ns > stale_ns:
            yield f"I8: {one.cid} says that its book was {_ms(one.stated_age_ns)} old"
        if one.silent_ns > stale_ns + GATES_NS:
            yield f"I8: {one.cid} was decided {_ms(one.silent_ns)} after the last news of the market"
        if one.lost:
            yield f"I8: {one.cid} was decided without a book"
        if one.seqs is not None and not one.seqs[0] <= one.stated_seq <= one.seqs[1]:
            yield f"I8: {one.cid} says book {one.stated_seq}, there were {one.seqs[0]} to {one.seqs[1]}"


def _rates(seen: Watched) -> Iterator[str]:
    times = sorted(request["ts_ns"] for request in seen.gathered.placements())
    windows: dict[int, int] = {}
    for ts_ns in times:
        windows[ts_ns // ORDERS_NS] = windows.get(ts_ns // ORDERS_NS, 0) + 1
    if times and max(windows.values()) > ORDERS_10S_MAX:
        yield f"I9: {max(windows.values())} orders in ten seconds of the venue's, {ORDERS_10S_MAX} allowed"
    left = sorted(stamp_ns(request) for request in seen.gathered.placements())
    most = max((bisect_right(left, ts + MINUTE_NS) - number for number, ts in enumerate(left)), default=0)
    if most > seen.bounds.orders_per_minute:
        yield f"I9: {most} placements within a minute, {seen.bounds.orders_per_minute} allowed"


def _refusals(seen: Watched) -> Iterator[str]:
    # After the venue has asked for silence: nothing of the life that was told is sent, and a later life is
    # told by its own first request.
    begins = sorted(seen.written.lives)
    orders = [request for request in seen.gathered.requests if is_order(request)]
    banned_ns = 0
    for refused in seen.gathered.requests:
        ts_ns, status = refused["ts_ns"], refused["status"]
        if status not in (HTTP_BANNED, HTTP_TOO_MANY):
            continue
        is_ban = status == HTTP_BANNED
        if is_ban and ts_ns >= banned_ns:
            banned_ns = ts_ns + BAN_NS
        end_ns = banned_ns if is_ban else _window_end(refused)
        number = bisect_right(begins, ts_ns)
        end_ns = min([end_ns, *begins[number : number + 1]])
        for request in orders:
            left_ns = stamp_ns(request)
            if ts_ns + FLIGHT_NS < left_ns < end_ns and (is_ban or is_placement(request)):
                word = "the ban" if is_ban else "it was told to wait"
                yield f"I9: {request['method']} {request['path']} {_ms(left_ns - ts_ns)} after {word}"


def _window_end(refused: dict[str, Any]) -> int:
    span_ns = ORDERS_NS if refused["code"] == TOO_MANY_ORDERS.code else MINUTE_NS
    return int(refused["ts_ns"] // span_ns + 1) * span_ns


def _prices(seen: Watched) -> Iterator[str]:
    tape = sorted(seen.gathered.prices.values())
    times = [ts_ns for ts_ns, _ in tape]
    for request in seen.gathered.placements():
        params = request["params"]
        number = bisect_right(times, request["ts_ns"]) - 1
        if "price" not in params:
            yield f"I19: {params.get('newClientOrderId')} has no price of its own"
            continue
        if number < 0 or request["ts_ns"] - times[number] > REFERENCE_NS:
            continue
        price, last = INSTRUMENT.price_ticks(params["price"]), tape[number][1]
        is_exit = params.get("timeInForce") == "IOC"
        away = abs(price - last)
        if is_exit:
            away = price - last if params["side"] == "BUY" else last - price
        most = (seen.bounds.slippage_bps if is_exit else seen.bounds.collar_bps) + MARGIN_BPS
        if away * 10_000 > last * most:
            word = "exit" if is_exit else "order"
            yield f"I19: an {word} at {params['price']}, the last trade was at {INSTRUMENT.price_text(last)}"


def is_order(request: dict[str, Any]) -> bool:
    """Return whether a request places or cancels."""
    return is_placement(request) or request["method"] == "DELETE" or request["path"] == "order.cancel"


def stamp_ns(request: dict[str, Any]) -> int:
    """Return when a request left the bot, as it signed itself; when it arrived, if it does not say."""
    stamp = request["params"].get("timestamp", "")
    return int(stamp) * NS_PER_MS if stamp.isdecimal() else int(request["ts_ns"])


def _ms(span_ns: int) -> str:
    return f"{span_ns / NS_PER_MS:.0f} ms"
