"""`mm calibrate --fills RUN`: the run's own orders in the simulated queue, beside what became of them.

The run's journal is read twice: for its orders, then for the market that they stood in. Nothing of it is
changed. Must never write a model of which nothing can be said. Invariant: the same journal gives the same
answer, and its digest stands beside it.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Final

from mm.bootstrap.backtest.engine import refuse_backtest
from mm.bootstrap.recipe import Recipe, read_recipe, settings_from
from mm.bootstrap.records.run_facts import family_bytes
from mm.bootstrap.run_paper import paper_settings
from mm.domain.commands import Cancel, Place, TimeInForce
from mm.domain.events import (
    BookDelta,
    BookLost,
    BookSnapshot,
    OrderAcked,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    PublicTrade,
    Stream,
    StreamDown,
    TopOfBook,
)
from mm.domain.instrument import Instrument
from mm.domain.units import PPM
from mm.errors import ConfigError, JournalForeign, NotRunning
from mm.observe.fill_model import CANDIDATES, SAME_TIME_NS, FillFit, fill_fit
from mm.observe.fill_model_ghosts import Bounds, Candidate, Ghosts, OwnOrder, Trial
from mm.settings.models import Settings
from mm.store.fill_model import FillModel, queue_text, write_fill_model
from mm.store.journal.entries import Cause, Family, RunHeader
from mm.store.journal.layout import JOURNAL_NAME, RUNS_NAME, no_run
from mm.store.journal.reader import Reading, read

GRACE_NS: Final = SAME_TIME_NS
"""An order that filled is watched so long beyond that: fills and prints come on two streams."""

TOLD_S: Final = 0.2
ORDERS_MAX: Final = 20_000
"""Orders that are tried; of more the newest, and the answer says so."""

Progress = Callable[[int], object]

_OWN: Final = (
    Place,
    Cancel,
    OrderAcked,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
)
_MARKET: Final = (BookSnapshot, BookDelta, TopOfBook, PublicTrade, BookLost, StreamDown)


@dataclass(frozen=True, slots=True, kw_only=True)
class FillCalibration:
    """What a run's own orders say. Fields: directory: of the run; mode; made_by: the queue model of a run on
    paper, "" elsewhere; fit; left_out: resting orders that were not tried, beyond the newest; model: what
    would be written, None where nothing can be said; notes.
    """

    directory: Path
    run_id: str
    mode: str
    made_by: str
    symbols: tuple[str, ...]
    fit: FillFit
    left_out: int
    model: FillModel | None
    notes: tuple[str, ...]


def fills_bytes(directory: Path) -> int:
    """Return how many bytes of a run are read for its calibration."""
    journal = directory / JOURNAL_NAME
    return 2 * family_bytes(journal, Family.OWN) + family_bytes(journal, Family.MARKET)


def calibrate_fills(
    directory: Path, progress: Progress, candidates: tuple[Candidate, ...] = CANDIDATES
) -> FillCalibration:
    """Try a run's own orders under every candidate; nothing is written.

    Args: progress: is told how many bytes were read. Raises: StateCorrupt, JournalCorrupt, JournalForeign if
    its journal cannot be read or its market data are gone; RecordingUnusable if it is a backtest's;
    NotRunning if no order of it rested.
    """
    refuse_backtest(directory)
    digest = hashlib.sha256()
    header, orders = _orders(directory, digest.update)
    recipe = read_recipe(header.config_text)
    settings = settings_from(recipe)
    tried = orders[-ORDERS_MAX:]
    if not tried:
        raise NotRunning(
            f"{header.run_id}: no order of it came to rest: there is nothing to compare",
            hint="name a run, live or on paper, that quoted",
        )
    ghosts = _ghosts(recipe, settings, tried, candidates)
    _play(directory, ghosts, (progress, digest.update))
    trials: dict[str, tuple[tuple[Trial, ...], ...]] = {}
    for one in ghosts.values():
        trials.update(one.finish())
    fit = fill_fit(tried, trials, candidates)
    origin = Origin(
        directory=directory,
        name=header.run_id,
        mode=settings.mode,
        made_by=queue_text(settings.paper.queue, None) if settings.mode == "paper" else "",
    )
    return told_of(origin, fit, (tried, len(orders), digest.hexdigest()))


def write_model(found: FillCalibration, data_dir: Path | None = None) -> Path:
    """Write the model into a data directory, that of its run if None, and return where.

    Raises: ConfigError if nothing can be said, or the run lies in none; StateCorrupt if it cannot be written.
    """
    if found.model is None:
        raise ConfigError(f"nothing is written: {found.fit.doubt}")
    if data_dir is not None:
        return write_fill_model(data_dir, found.model)
    folder = found.directory.resolve().parent
    if folder.name != RUNS_NAME:
        raise ConfigError(
            f"{found.directory}: lies in no data directory: nobody would read what is written",
            hint="name a run as DATA_DIR/runs/RUN_ID",
        )
    return write_fill_model(folder.parent, found.model)


# ---- the orders of a run


@dataclass(slots=True)
class _Life:
    place: Place
    sent_ns: int
    acked_ns: int = 0
    cancel_ns: int = 0
    ended_ns: int = 0
    is_refused: bool = False
    took: bool = False
    fills: list[tuple[int, int]] = field(default_factory=list)
    trades: set[int] = field(default_factory=set)


def _orders(directory: Path, note: Callable[[bytes], object]) -> tuple[RunHeader, list[OwnOrder]]:
    lives: dict[str, _Life] = {}
    reading = read(directory / JOURNAL_NAME, types=_OWN, own_only=True)
    for record in reading:
        note(record.payload)
        entry = record.entry
        if isinstance(entry, Place):
            if entry.time_in_force is TimeInForce.GTC and entry.post_only:
                lives[entry.cid] = _Life(entry, record.ts_ns)
        elif (life := lives.get(getattr(entry, "cid", ""))) is not None:
            _follow(life, entry, record.ts_ns)
    if reading.run is None:
        raise no_run(directory)
    orders = [_own_order(life, reading.last_ts_ns) for life in lives.values() if _rested(life)]
    return reading.run, sorted(orders, key=lambda order: (order.sent_ns, order.cid))


def _follow(life: _Life, entry: object, ts_ns: int) -> None:
    match entry:
        case Cancel():
            life.cancel_ns = life.cancel_ns or ts_ns
        case OrderAcked():
            life.acked_ns = life.acked_ns or ts_ns
        case OrderFilled():
            if entry.trade_id not in life.trades:
                life.trades.add(entry.trade_id)
                life.fills.append((ts_ns, entry.size_lots))
                life.took |= not entry.maker
        case OrderCanceled() | OrderExpired():
            life.ended_ns = life.ended_ns or ts_ns
        case OrderRejected():
            life.is_refused = True
        case _:
            return


def _rested(life: _Life) -> bool:
    return not life.is_refused and not life.took and bool(life.acked_ns or life.fills)


def _own_order(life: _Life, last_ns: int) -> OwnOrder:
    place, fills = life.place, tuple(life.fills)
    heard = [ts_ns for ts_ns in (life.acked_ns, fills[0][0] if fills else 0) if ts_ns]
    live_ns = max(life.sent_ns, min(heard))
    whole = sum(lots for _, lots in fills) >= place.size_lots
    ended_ns = fills[-1][0] if whole else life.ended_ns or last_ns
    ends_ns = life.cancel_ns if life.cancel_ns and life.ended_ns and not whole else ended_ns
    return OwnOrder(
        cid=place.cid,
        symbol=place.symbol,
        side=place.side,
        price_ticks=place.price_ticks,
        size_lots=place.size_lots,
        sent_ns=life.sent_ns,
        live_ns=live_ns,
        ends_ns=max(live_ns, min(ends_ns, ended_ns)),
        ended_ns=max(live_ns, ended_ns),
        fills=fills,
    )


# ---- the market that they stood in


def _ghosts(
    recipe: Recipe, settings: Settings, orders: list[OwnOrder], candidates: tuple[Candidate, ...]
) -> Mapping[str, Ghosts]:
    # On paper own fills of a print were bounded; a venue knows no such bound.
    participation_ppm = paper_settings(settings).participation_ppm if settings.mode == "paper" else PPM
    by_symbol: dict[str, list[OwnOrder]] = {}
    for order in orders:
        by_symbol.setdefault(order.symbol, []).append(order)
    instruments: dict[str, Instrument] = {one.symbol: one for one in recipe.instruments}
    return {
        symbol: Ghosts(
            instruments[symbol],
            of_symbol,
            candidates,
            displayed=recipe.caps.own_orders_in_book,
            bounds=Bounds(GRACE_NS, participation_ppm),
        )
        for symbol, of_symbol in by_symbol.items()
    }


def _play(
    directory: Path,
    ghosts: Mapping[str, Ghosts],
    tell: tuple[Progress, Callable[[bytes], object]],
) -> None:
    progress, note = tell
    journal = directory / JOURNAL_NAME
    before = family_bytes(journal, Family.OWN)
    reading = read(journal, types=_MARKET)
    seen = 0
    for entry, payload in _heard(reading, lambda done: progress(before + done)):
        if isinstance(entry, StreamDown):
            if entry.stream is Stream.MARKET and not entry.venue:
                for one in ghosts.values():
                    one.lost(entry.ts_ns, anew=True)
        elif (one_of := ghosts.get(entry.symbol)) is not None:
            note(payload)
            if isinstance(entry, BookLost):
                one_of.lost(entry.ts_ns)
            else:
                one_of.take(entry)
                seen += 1
    dropped = [missing for missing in reading.missing if missing.cause is Cause.DROPPED]
    if dropped or not seen:
        raise JournalForeign(
            f"{directory}: its market data are gone: nothing says what its orders stood in",
            hint="keep more with journal.market_days",
        )


Heard = BookSnapshot | BookDelta | TopOfBook | PublicTrade | BookLost | StreamDown


def _heard(reading: Reading, progress: Progress) -> Iterator[tuple[Heard, bytes]]:
    told_s = monotonic()
    for number, record in enumerate(reading):
        if number % 1_000 == 0 and monotonic() - told_s > TOLD_S:
            told_s = monotonic()
            progress(sum(part.bytes for part in reading.tallies))
        if isinstance(record.entry, _MARKET):
            yield record.entry, record.payload


# ---- the answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Whose orders were tried. Fields: directory, name: of the run or recording; mode; made_by: as of
    `FillCalibration`.
    """

    directory: Path
    name: str
    mode: str
    made_by: str


def told_of(
    origin: Origin, fit: FillFit, tried: tuple[list[OwnOrder], int, str], notes: tuple[str, ...] = ()
) -> FillCalibration:
    """Return the answer.

    Args: tried: the orders, how many there were, and the digest of the data; notes: that go before others.
    """
    orders, count, digest = tried
    # Of a symbol without a fill nothing was learnt about fills.
    symbols = tuple(dict.fromkeys(order.symbol for order in orders if order.fills))
    best = fit.best
    interval: tuple[float | None, float | None] = fit.power_interval or (None, None)
    model = FillModel(
        queue=best.candidate.name,
        power=best.candidate.power,
        power_interval=interval,
        n=fit.fills,
        orders=fit.orders,
        symbols=symbols,
        fill_ratio=fit.fills / max(1, fit.orders),
        fill_interval=fit.fill_interval,
        predicted_ratio=best.predicted_ratio,
        began_ns=orders[0].sent_ns,
        ended_ns=max(order.ended_ns for order in orders),
        data_digest=digest,
        run=origin.name,
        mode=origin.mode,
    )
    return FillCalibration(
        directory=origin.directory,
        run_id=origin.name,
        mode=origin.mode,
        made_by=origin.made_by,
        symbols=symbols,
        fit=fit,
        left_out=count - len(orders),
        model=None if fit.doubt else model,
        notes=(*notes, *_notes(origin.mode, fit, count - len(orders))),
    )


def _notes(mode: str, fit: FillFit, left_out: int) -> Iterator[str]:
    if mode == "paper":
        yield "these fills were made on paper, by a model: it is found again, nothing is said of a venue"
    if mode == "demo":
        yield "these fills were made by simulated traders: nothing is said of a venue"
    if left_out:
        yield f"only the newest {ORDERS_MAX} orders were tried, {left_out} were left out"
    low, high = fit.fill_interval
    if not fit.doubt and not low <= fit.best.predicted_ratio <= high:
        yield (
            f"even the best model is off: it fills {fit.best.predicted_ratio:.1%} of the orders,"
            f" {low:.1%} to {high:.1%} did"
        )
    if fit.as_good and not fit.doubt:
        yield f"these orders do not tell it from {', '.join(fit.as_good)}"
