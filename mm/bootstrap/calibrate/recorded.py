"""`mm calibrate --fills DIR` of what `mm record --account` left: an account's orders, the market beside them.

Any program may have placed them: what they did is the venue's word. Must never take an order for one that is
wholly known if its stream was down while it stood. Invariant: the same recording gives the same answer.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mm.bootstrap.calibrate.fills import (
    GRACE_NS,
    ORDERS_MAX,
    FillCalibration,
    Origin,
    Progress,
    told_of,
)
from mm.domain.events import BookDelta, BookLost, BookSnapshot, PublicTrade, TopOfBook
from mm.domain.instrument import Instrument
from mm.domain.sides import Side
from mm.domain.tape import ENDS, events
from mm.errors import NotRunning
from mm.observe.fill_model import CANDIDATES, fill_fit
from mm.observe.fill_model_ghosts import Bounds, Candidate, Ghosts, OwnOrder, Trial
from mm.store.recordings.framed.own_orders import OwnEnd, OwnLost, OwnReport, OwnStep, own_orders
from mm.store.recordings.framed.reader import FramedRecording
from mm.store.recordings.framed.source import FramedSource

_SIDES: Final = {"BUY": Side.BUY, "SELL": Side.SELL}
_OVER: Final = frozenset({"CANCELED", "EXPIRED", "EXPIRED_IN_MATCH"})
# States after which an order is no more; of one that is filled its fills say so.

_ODD: Final = frozenset({"REJECTED", "REPLACED", "TRADE_PREVENTION"})
# What makes an order another one than it was, or none.

_MARKET: Final = (BookSnapshot, BookDelta, TopOfBook, PublicTrade)


def recorded_bytes(path: Path) -> int:
    """Return how many bytes of a recording are read for its calibration."""
    return 2 * sum(one.stat().st_size for one in FramedRecording([path]).segments)


def calibrate_recording(
    path: Path, progress: Progress, candidates: tuple[Candidate, ...] = CANDIDATES
) -> FillCalibration:
    """Try the resting orders of a recorded account under every candidate; nothing is written.

    Args: path: a segment or the directory of a recording; progress: is told how many bytes were read.
    Raises: RecordingUnusable, RecordingDamaged; NotRunning if no order in it can be followed.
    """
    recording = FramedRecording([path])
    instruments = {one.venue_symbol: one for one in recording.headers[0].instruments}
    lives = _Lives(instruments)
    lives.follow(own_orders(recording))
    tried = lives.orders[-ORDERS_MAX:]
    if not tried:
        raise NotRunning(
            f"{path}: no resting order of an account can be followed in it: there is nothing to compare",
            hint="record with --account CONFIG while its bot quotes",
        )
    half = recorded_bytes(path) // 2
    progress(half)
    source = FramedSource(recording)
    by_symbol: dict[str, list[OwnOrder]] = {}
    for order in tried:
        by_symbol.setdefault(order.symbol, []).append(order)
    known = {one.symbol: one for one in instruments.values()}
    ghosts = {
        symbol: Ghosts(known[symbol], orders, candidates, displayed=True, bounds=Bounds(GRACE_NS))
        for symbol, orders in by_symbol.items()
    }
    whole_ns = max(1, source.last_ns - source.first_ns)
    _play(source, ghosts, lambda ts_ns: progress(half + half * (ts_ns - source.first_ns) // whole_ns))
    trials: dict[str, tuple[tuple[Trial, ...], ...]] = {}
    for one in ghosts.values():
        trials.update(one.finish())
    origin = Origin(directory=path, name=recording.headers[0].recording, mode="live", made_by="")
    fit = fill_fit(tried, trials, candidates)
    notes = (f"{lives.unknown} orders were not tried: the account's stream was down while they stood",)
    return told_of(
        origin, fit, (tried, len(lives.orders), source.digest), notes=notes if lives.unknown else ()
    )


def _play(source: FramedSource, ghosts: Mapping[str, Ghosts], tell: Callable[[int], object]) -> None:
    for chunk in source.chunks():
        for event in events(chunk):
            if isinstance(event, BookLost):
                if event.symbol in ghosts:
                    # Another recording may be of a venue that numbers its prints anew.
                    ghosts[event.symbol].lost(event.ts_ns, anew=event.reason == ENDS)
            elif isinstance(event, _MARKET) and event.symbol in ghosts:
                ghosts[event.symbol].take(event)
            tell(event.ts_ns)


# ---- the orders of an account


@dataclass(slots=True, kw_only=True)
class _Life:
    cid: str
    symbol: str
    side: Side
    price_ticks: int
    size_lots: int
    sent_ns: int
    live_ns: int
    took: bool = False
    fills: list[tuple[int, int]] = field(default_factory=list)
    trades: set[int] = field(default_factory=set)

    def order(self, ends_ns: int, ended_ns: int) -> OwnOrder:
        if sum(lots for _, lots in self.fills) >= self.size_lots:
            ends_ns = ended_ns = self.fills[-1][0]
        live_ns = min(self.live_ns, self.fills[0][0]) if self.fills else self.live_ns
        return OwnOrder(
            cid=self.cid,
            symbol=self.symbol,
            side=self.side,
            price_ticks=self.price_ticks,
            size_lots=self.size_lots,
            sent_ns=min(self.sent_ns, live_ns),
            live_ns=live_ns,
            ends_ns=max(live_ns, min(ends_ns, ended_ns)),
            ended_ns=max(live_ns, ended_ns),
            fills=tuple(self.fills),
        )


class _Lives:
    # Resting orders from their first report to their last. Fields: orders: that are wholly known, by the time
    # of their first report; unknown: how many are not.
    def __init__(self, instruments: Mapping[str, Instrument]) -> None:
        self.orders: list[OwnOrder] = []
        self.unknown = 0
        self._instruments = instruments
        self._lives: dict[tuple[str, int], _Life] = {}
        self._count = 0

    def follow(self, steps: Iterable[OwnStep]) -> None:
        for step in steps:
            match step:
                case OwnLost():
                    self.unknown += len(self._lives)
                    self._lives.clear()
                case OwnEnd():
                    for key in list(self._lives):
                        self._end(key, step.ts_ns, step.ts_ns)
                case OwnReport():
                    try:
                        self._take(step)
                    except ValueError:
                        # An order that a person placed may be off our grid.
                        self._lives.pop((step.symbol, step.order_id), None)
        self.orders.sort(key=lambda order: (order.sent_ns, order.cid))

    def _take(self, report: OwnReport) -> None:
        instrument, key = self._instruments.get(report.symbol), (report.symbol, report.order_id)
        if instrument is None:
            return
        if report.execution == "NEW" and _rests(report):
            self._begin(key, instrument, report)
        life = self._lives.get(key)
        if life is None:
            return
        if report.execution in _ODD:
            del self._lives[key]
        elif report.execution == "TRADE" and report.trade_id not in life.trades:
            life.trades.add(report.trade_id)
            life.fills.append((report.ts_ns, instrument.size_lots(report.last_size)))
            life.took |= not report.is_maker
        if report.status in _OVER or report.status == "FILLED":
            self._end(key, report.happened_ns, report.ts_ns)

    def _begin(self, key: tuple[str, int], instrument: Instrument, report: OwnReport) -> None:
        self._count += 1
        self._lives[key] = _Life(
            cid=f"{report.symbol} {report.order_id} {self._count}",
            symbol=instrument.symbol,
            side=_SIDES[report.side],
            price_ticks=instrument.price_ticks(report.price),
            size_lots=instrument.size_lots(report.size),
            sent_ns=report.happened_ns,
            live_ns=report.ts_ns,
        )

    def _end(self, key: tuple[str, int], ends_ns: int, ended_ns: int) -> None:
        life = self._lives.pop(key, None)
        if life is not None and not life.took:
            self.orders.append(life.order(ends_ns, ended_ns))


def _rests(report: OwnReport) -> bool:
    is_limit = report.order_type == "LIMIT" and report.time_in_force == "GTC"
    return report.side in _SIDES and (is_limit or report.order_type == "LIMIT_MAKER")
