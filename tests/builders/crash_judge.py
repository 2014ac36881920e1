"""What is wrong after a deployment crashed and went on: by the venue's truth and by what was written down.

Invariant: what the bot believes is never taken for what is so; its belief is compared with the truth.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from mm.bootstrap.assemble import limits
from mm.bootstrap.records.replay_run import repeat
from mm.domain.units import NS_PER_MS
from mm.errors import MMError, StateCorrupt
from mm.observe import judge
from mm.store.journal.layout import runs
from mm.store.journal.verify import verify
from tests.builders.crash_room import SESSION, Room
from tests.builders.crash_rules import CLOCKS_NS, INSTRUMENT, Bounds, Watched, broken
from tests.builders.crash_truth import Gathered, Written


@dataclass(kw_only=True)
class Books:
    """What the bot said of itself when nothing could move any more.

    Fields: row: its P&L; inventory_base: of its status; since: trades that were already in an earlier,
    cleanly ended account of things, and so are not in `row`.
    """

    row: dict[str, Any]
    inventory_base: Decimal
    since: frozenset[int]


@dataclass(kw_only=True)
class Verdict:
    """What was found. Fields: faults: in words, none if all is well; facts: what was looked at."""

    faults: list[str] = field(default_factory=list)
    facts: dict[str, int] = field(default_factory=dict)


def judged(room: Room, books: Books | None = None, *, repeated: bool = True) -> Verdict:
    """Judge a deployment of which no process runs any more. Args: repeated: replay every run as well."""
    room.gathered.look()
    found = Verdict(faults=faults_of(room, Written(room.data_dir), books))
    found.facts = {
        "orders": len(room.gathered.orders),
        "fills": len(room.gathered.trades),
        "lives": len(runs(room.data_dir)),
        "requests": len(room.gathered.requests),
    }
    found.faults += _journals(room, repeated=repeated)
    return found


def faults_of(room: Room, written: Written, books: Books | None) -> list[str]:
    """Return what is wrong between what the venue told so far, what was written, and what was said."""
    gathered = room.gathered
    found = [
        *_fills(gathered, written),
        *(f"forgotten fill: trade {number} is in no life's account" for number in sorted(room.forgotten)),
        *_orders(gathered, room.style.levels),
        *_intents(gathered, written),
        *_limits(room),
        *_lives(written),
        *broken(watched(room, written)),
    ]
    return found + list(_books(gathered, books)) if books is not None else found


def _fills(gathered: Gathered, written: Written) -> Iterator[str]:
    happened = set(gathered.trades)
    for number in sorted(happened - set(written.fills)):
        yield f"lost fill: trade {number} of the venue is in no journal"
    for number in sorted(set(written.fills) - happened):
        yield f"invented fill: trade {number} is in a journal and not on the tape"


def _orders(gathered: Gathered, levels: int) -> Iterator[str]:
    left = [order["client_id"] for order in gathered.last["open_orders"]]
    if left:
        yield f"orphans: open after the stop: {left}"
    ids = Counter(order["client_id"] for order in gathered.orders.values())
    yield from (f"double order: {cid} was accepted {n} times" for cid, n in ids.items() if n > 1)
    sent = Counter(
        request["params"].get("newClientOrderId")
        for request in gathered.placements()
        if request["status"] == 200
    )
    yield from (f"double order: {cid} was accepted {n} times" for cid, n in sent.items() if n > 1)
    for side, most in _most_open(gathered).items():
        if most > levels:
            yield f"double order: {most} {side} orders open at once, with {levels} levels"


def _most_open(gathered: Gathered) -> dict[str, int]:
    # By the venue's time; what ends at a moment ends before what begins at it.
    most, now = {"buy": 0, "sell": 0}, {"buy": 0, "sell": 0}
    steps = []
    for order in gathered.orders.values():
        is_open = False
        for step in order["history"]:
            opens = step["status"] in judge.OPEN
            if opens != is_open:
                steps.append((step["ts_ns"], opens, order["side"]))
            is_open = opens
    for _, opens, side in sorted(steps):
        now[side] += 1 if opens else -1
        most[side] = max(most[side], now[side])
    return most


def _intents(gathered: Gathered, written: Written) -> Iterator[str]:
    for request in gathered.placements():
        cid = request["params"].get("newClientOrderId", "")
        noted_ns = written.intents.get(cid)
        if noted_ns is None:
            yield f"no intent: the venue was asked for {cid}, which is in no journal"
        elif noted_ns > request["ts_ns"] + CLOCKS_NS:
            yield f"late intent: {cid} was written down {(noted_ns - request['ts_ns']) / 1e6:.3f} ms after it"
    yield from (f"double intent: {cid} was written down twice" for cid in written.twice)
    for order in gathered.orders.values():
        if written.ids is not None and written.ids.decode(order["client_id"]) is None:
            yield f"foreign id: {order['client_id']} is not of this deployment"


def _lives(written: Written) -> Iterator[str]:
    for epoch, count in Counter(written.epochs).items():
        if count > 1:
            yield f"I18: {count} lives had the number {epoch}"


def watched(room: Room, written: Written) -> Watched:
    """Return what the rules of behaviour are judged by."""
    risk = room.settings().risk_of(SESSION)
    latched = [
        (change["ts_ns"], change["code"]) for change in room.state().get("history", ()) if change["set"]
    ]
    return Watched(
        gathered=room.gathered,
        written=written,
        bounds=Bounds(
            stale_ns=risk.stale_book_ms * NS_PER_MS,
            collar_bps=int(risk.price_collar_bps),
            slippage_bps=int(risk.max_slippage_bps),
            orders_per_minute=risk.max_orders_per_minute,
        ),
        halts=[*written.halts, *latched],
        lifts=room.lifts,
    )


def _limits(room: Room) -> Iterator[str]:
    gathered, settings = room.gathered, room.settings()
    truth = gathered.as_truth()
    if count := judge.self_trades(truth):
        yield f"self-trades: {count}"
    if gathered.prevented:
        yield f"the venue had to prevent {len(gathered.prevented)} matches"
    bought, sold = gathered.moved_lots(gathered.trades)
    held = limits(settings, SESSION, INSTRUMENT)
    band = settings.pair[SESSION].inventory.max_base
    assert band is not None
    most = judge.Limits(
        band_lots=int(band * 10**INSTRUMENT.base_scale) // INSTRUMENT.lot_atoms,
        order_lots=held.order_lots_max,
        order_atoms=held.order_atoms_max,
        exposure_atoms=held.exposure_atoms_max,
        open_orders=held.open_orders_max,
        tick_lot_atoms=INSTRUMENT.tick_lot_atoms,
    )
    if count := judge.limit_breaches(truth, most, inventory_lots=bought - sold):
        yield f"limits did not hold after {count} events of the venue"


def _books(gathered: Gathered, books: Books) -> Iterator[str]:
    bought, sold = gathered.moved_lots(gathered.trades)
    moved = Decimal(INSTRUMENT.size_text(abs(bought - sold))) * (1 if bought >= sold else -1)
    # A life that follows a clean end begins with what is held: fees in the base asset are gone from it.
    lost = _base_fees(gathered) if books.since else Decimal(0)
    if not moved - lost <= books.inventory_base <= moved:
        yield f"position: the bot says {books.inventory_base}, the tape moved {moved}"
    counted = [number for number in gathered.trades if number not in books.since]
    bought, sold = gathered.moved_lots(counted)
    told = {"bought_base": INSTRUMENT.size_text(bought), "sold_base": INSTRUMENT.size_text(sold)}
    for name, amount in told.items():
        if Decimal(books.row[name]) != Decimal(amount):
            yield f"{name}: the bot says {books.row[name]}, the tape {amount}"
    if books.row["fills"] != len(counted):
        yield f"fills: the bot says {books.row['fills']}, the tape {len(counted)}"
    if books.row["residual"]:
        yield f"P&L residual: {books.row['residual']}"


def _base_fees(gathered: Gathered) -> Decimal:
    fees_atoms = sum(
        step["fee_atoms"] or 0
        for order in gathered.orders.values()
        for step in order["history"]
        if step["fee_asset"] == INSTRUMENT.base
    )
    return Decimal(INSTRUMENT.size_text(-(-fees_atoms // INSTRUMENT.lot_atoms)))


def _journals(room: Room, *, repeated: bool) -> Iterator[str]:
    for place in runs(room.data_dir):
        report = verify(place.journal)
        if not report.is_sound:
            yield f"journal {place.run_id}: {report.problem}"
        elif repeated and report.run is not None and report.records:
            try:
                _, result = asyncio.run(repeat(place.directory))
            except (MMError, StateCorrupt, AssertionError) as error:
                yield f"replay {place.run_id}: {type(error).__name__}: {error}"
                continue
            if result.difference is not None:
                yield f"replay {place.run_id}: {result.difference}"
