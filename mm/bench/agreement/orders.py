"""A scenario's orders on the paper venue, as a backtest has it: what becomes of each.

Must never place an order that the scenario does not have. Invariant: the same scenario ends in the same way.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

from mm.bench.agreement.order_scenarios import ADD, CANCEL, FILL
from mm.bench.agreement.scenarios import LATENCY_NS, OwnOrder, Row, Scenario
from mm.bench.replay_rig import HOLDING, bench_instrument
from mm.domain.book import Level
from mm.domain.commands import Cancel, Connect, Place, TimeInForce
from mm.domain.events import (
    AnyEvent,
    BookDelta,
    BookSnapshot,
    OrderCanceled,
    OrderFilled,
    OrderRejected,
    PublicTrade,
    Stream,
)
from mm.domain.instrument import Instrument
from mm.domain.sides import BUY, SELL
from mm.domain.tape import SNAPSHOT, TRADE, Chunk, OrderRow, TapeWriter, messages
from mm.sim.latency import ConstantLatency
from mm.venues.paper import PaperVenue, PaperVenueSettings
from mm.venues.recorded import Recorded

_Act: TypeAlias = Place | Cancel | BookSnapshot | BookDelta | PublicTrade | Chunk | None

FILLED, CANCELED, REJECTED, OPEN = "filled", "canceled", "rejected", "open"


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of an order. Fields: state; filled_ns: when its last fill came, 0: none; lots: filled."""

    state: str
    filled_ns: int
    lots: int


@dataclass(frozen=True, slots=True)
class Played:
    """A scenario on the paper venue. Fields: orders: what became of each; causes: of the fills, how many."""

    orders: tuple[Ended, ...]
    causes: Counter[str]


def ours(scenario: Scenario) -> Played:
    """Return what becomes of a scenario's orders on the paper venue."""
    return asyncio.run(_played(scenario))


async def _played(scenario: Scenario) -> Played:
    instrument = bench_instrument()
    venue = PaperVenue(Recorded((instrument,)), _settings(scenario, instrument))
    await venue.instruments((instrument.symbol,))
    told: list[AnyEvent] = []
    await venue.start(told.append)
    venue.advance(scenario.rows[0].ts_ns - 10 * LATENCY_NS)
    venue.submit(Connect(stream=Stream.USER))
    for ts_ns, act in _acts(scenario, instrument):
        told += venue.advance(ts_ns)
        if isinstance(act, Place | Cancel):
            venue.submit(act)
        elif isinstance(act, Chunk):
            (market,) = venue.order_markets().values()
            for message in messages(act):
                market.on_orders(message)
        elif act is not None:
            told += venue.witness(act)
    counted = venue.fills_by_cause()[instrument.symbol]
    return Played(
        tuple(_ended(str(number), told) for number in range(len(scenario.orders))),
        Counter({cause.value: count.fills for cause, count in counted.items() if count.fills}),
    )


def _settings(scenario: Scenario, instrument: Instrument) -> PaperVenueSettings:
    return PaperVenueSettings(
        balances={instrument.base: HOLDING, instrument.quote: HOLDING * 10_000},
        queue=scenario.queue,
        maker_fee_ppm=0,
        taker_fee_ppm=0,
        compares=False,
        delays=lambda: ConstantLatency(entry_ns=LATENCY_NS, answer_ns=LATENCY_NS),
    )


def _acts(scenario: Scenario, instrument: Instrument) -> list[tuple[int, _Act]]:
    # What happens by time; None where only time passes.
    acts: list[tuple[int, _Act]] = []
    if scenario.queue == "l3":
        acts += order_acts(scenario.rows, instrument)
    else:
        told = groupby(scenario.rows, key=lambda row: (row.ts_ns, row.kind, row.kind == TRADE and row))
        for number, (_, rows) in enumerate(told, 1):
            event = _event(list(rows), number, instrument)
            acts.append((event.ts_ns, event))
    for number, order in enumerate(scenario.orders):
        acts.append((order.sent_ns, _place(order, str(number), instrument)))
        if order.cancel_ns:
            acts.append((order.cancel_ns, Cancel(cid=str(number), symbol=instrument.symbol)))
    return [*sorted(acts, key=lambda act: act[0]), (scenario.end_ns, None)]


def order_acts(rows: Sequence[Row], instrument: Instrument) -> list[tuple[int, _Act]]:
    """Return what a market of single orders tells, moment by moment: its trades, who changed, the levels."""
    acts: list[tuple[int, _Act]] = []
    orders: dict[int, OrderRow] = {}
    for number, (ts_ns, moment) in enumerate(groupby(rows, key=lambda row: row.ts_ns), 1):
        changed: list[OrderRow] = []
        for row in moment:
            if row.kind == TRADE:
                acts.append((ts_ns, _event((row,), len(acts), instrument)))
            elif row.kind != FILL:
                size = 0 if row.kind == CANCEL else row.size_lots * instrument.lot_atoms
                changed.append((row.side, row.price_ticks, size, row.order_id))
                assert row.kind != ADD or row.order_id not in orders
                orders[row.order_id] = changed[-1]
        if changed:
            writer = TapeWriter((instrument.symbol,))
            writer.add_orders(ts_ns, instrument.symbol, changed, whole=number == 1)
            acts.append((ts_ns, writer.take()))
            acts.append((ts_ns, _levels(ts_ns, number, changed, orders, instrument)))
    return acts


def _levels(
    ts_ns: int,
    number: int,
    changed: Sequence[OrderRow],
    orders: Mapping[int, OrderRow],
    instrument: Instrument,
) -> BookSnapshot | BookDelta:
    sizes = dict.fromkeys([(row[0], row[1]) for row in changed], 0)
    for side, price_ticks, size_atoms, _ in orders.values():
        if (side, price_ticks) in sizes:
            sizes[side, price_ticks] += size_atoms
    bids, asks = (
        tuple(Level(price, size) for (side, price), size in sizes.items() if side == wanted)
        for wanted in (1, -1)
    )
    if number == 1:
        return BookSnapshot(ts_ns=ts_ns, symbol=instrument.symbol, seq=number, bids=bids, asks=asks)
    return BookDelta(ts_ns=ts_ns, symbol=instrument.symbol, seq=number, venue_ms=0, bids=bids, asks=asks)


def _event(
    rows: Sequence[Row], number: int, instrument: Instrument
) -> BookSnapshot | BookDelta | PublicTrade:
    first, atoms = rows[0], instrument.lot_atoms
    if first.kind == TRADE:
        return PublicTrade(
            ts_ns=first.ts_ns,
            symbol=instrument.symbol,
            trade_id=number,
            price_ticks=first.price_ticks,
            size_atoms=first.size_lots * atoms,
            aggressor=BUY if first.side > 0 else SELL,
        )
    bids, asks = (
        tuple(Level(row.price_ticks, row.size_lots * atoms) for row in rows if row.side == side)
        for side in (1, -1)
    )
    if first.kind == SNAPSHOT:
        return BookSnapshot(ts_ns=first.ts_ns, symbol=instrument.symbol, seq=number, bids=bids, asks=asks)
    return BookDelta(
        ts_ns=first.ts_ns, symbol=instrument.symbol, seq=number, venue_ms=0, bids=bids, asks=asks
    )


def _place(order: OwnOrder, cid: str, instrument: Instrument) -> Place:
    return Place(
        cid=cid,
        symbol=instrument.symbol,
        side=BUY if order.side > 0 else SELL,
        price_ticks=order.price_ticks,
        size_lots=order.size_lots,
        post_only=True,
        time_in_force=TimeInForce.GTC,
        reduces=False,
        market_seq=0,
        market_age_ns=0,
    )


def _ended(cid: str, told: Sequence[AnyEvent]) -> Ended:
    fills = [one for one in told if isinstance(one, OrderFilled) and one.cid == cid]
    lots = sum(one.size_lots for one in fills)
    state = FILLED if fills else OPEN
    if any(isinstance(one, OrderCanceled) and one.cid == cid for one in told):
        state = CANCELED
    if any(isinstance(one, OrderRejected) and one.cid == cid for one in told):
        state = REJECTED
    return Ended(state, fills[-1].ts_ns if fills else 0, lots)
