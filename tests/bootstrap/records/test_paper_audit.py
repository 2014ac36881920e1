"""Paper fills on a real recording, audited by somebody who shares no code with what filled them."""

from pathlib import Path

import msgspec
import pytest

from mm.bootstrap import run
from mm.domain.commands import Place
from mm.domain.events import OrderFilled
from mm.settings.loader import load_settings
from mm.settings.options import RunOptions
from mm.store.journal.entries import Kind, Record
from mm.store.journal.layout import runs
from mm.store.journal.reader import read
from tests.builders.configs import loaded
from tests.builders.exchange_thread import hosted_replay
from tests.builders.fill_auditor import Auditor, Findings, Grid, Recording

FILE = Path("binance_raw_2024-08-08") / "spot_btcusdt_20240808.gz"
LATENCY_MS = 80
ENOUGH = 100
"""Records after which it has to be seen what is wrong with one."""
GRID = Grid(tick="0.01", lot="0.00001", latency_ns=LATENCY_MS * 10**6)
TEXT = f"""\
mode = "paper"

[pair.btc]
symbol = "BTC/USDT"

[pair.btc.params]
bid_spread_bps = 0.05
ask_spread_bps = 0.05
order_amount_base = 0.002
order_levels = 3
order_level_spread_bps = 0.5
order_refresh_time_ms = 500
order_refresh_tolerance_bps = 0.02

[pair.btc.inventory]
max_base = 0.2

[paper]
latency_mean_ms = {LATENCY_MS}
latency_p99_ms = {LATENCY_MS}
"""


@pytest.fixture(scope="module")
def recording(shared_data: Path) -> Recording:
    """The recording, as the auditor reads it."""
    return Recording([shared_data / FILE], GRID)


@pytest.fixture(scope="module")
def records(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Record, ...]:
    """What was recorded of a run of two minutes of the market on that recording."""
    folder = tmp_path_factory.mktemp("audited")
    with hosted_replay(shared_data / FILE, speed=12.0) as exchange:
        settings = loaded(
            folder, f'{TEXT}[venue.main]\nurl = "{exchange.url}"\n', [f"data_dir={folder / 'data'}"]
        )
        report = run(RunOptions(settings=settings, duration_ns=120 * 10**9))
    assert (report.self_trades, report.limit_breaches, report.pnl_residual) == (0, 0, 0)
    (place,) = runs(folder / "data")
    return tuple(read(place.journal))


def audited(recording: Recording, records: tuple[Record, ...], grid: Grid = GRID) -> Findings:
    """Let a new auditor go through the records."""
    return Auditor(recording, grid).audit(records)


def test_every_fill_has_a_cause_in_the_recording(recording: Recording, records: tuple[Record, ...]) -> None:
    """A print that came to its price behind its queue, or a book that crossed it; after latency, once."""
    found = audited(recording, records)

    assert found.told == []
    assert found.fills == found.by_print + found.by_cross
    assert found.by_print > 0
    assert found.by_cross > 0


def test_the_config_that_is_shipped_shows_fills_within_a_minute(
    shared_data: Path, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """A newcomer's first run: something happens, nothing is breached, every atom is explained."""
    with hosted_replay(shared_data / FILE, speed=12.0) as exchange:
        changes = [f"venue.main.url={exchange.url}", f"data_dir={tmp_path / 'data'}"]
        settings = load_settings(pytestconfig.rootpath / "config" / "paper.toml", changes, {})
        report = run(RunOptions(settings=settings, duration_ns=60 * 10**9))
    assert report.fills > 0
    assert (report.self_trades, report.limit_breaches, report.pnl_residual, report.exit_code) == (0, 0, 0, 0)


def fills_of(records: tuple[Record, ...]) -> list[int]:
    """Return where the fills are; one that a listing tells again is no other."""
    places: dict[int, int] = {}
    for at, record in enumerate(records):
        if record.kind is Kind.OUTCOME and isinstance(record.entry, OrderFilled):
            places.setdefault(record.entry.trade_id, at)
    return list(places.values())


def test_a_fill_that_is_told_twice_is_found(recording: Recording, records: tuple[Record, ...]) -> None:
    """With another trade id: what filled it is used up."""
    for at in fills_of(records)[:3]:
        entry = records[at].entry
        assert isinstance(entry, OrderFilled)
        again = msgspec.structs.replace(entry, trade_id=entry.trade_id + 10**6)
        twice = (*records[:at], msgspec.structs.replace(records[at], entry=again), *records[at:])
        assert audited(recording, twice[: at + ENOUGH]).told


def test_a_fill_at_a_better_price_or_before_its_cause_is_found(
    recording: Recording, records: tuple[Record, ...]
) -> None:
    """One tick, or one event earlier."""
    for at in fills_of(records)[:3]:
        entry = records[at].entry
        assert isinstance(entry, OrderFilled)
        better = msgspec.structs.replace(entry, price_ticks=entry.price_ticks - entry.side.sign)
        changed = (*records[:at], msgspec.structs.replace(records[at], entry=better), *records[at + 1 :])
        assert audited(recording, changed[: at + ENOUGH]).told
        events = [place for place in range(at) if records[place].kind is Kind.EVENT]
        early = (*records[: events[-1]], records[at], *records[events[-1] : at], *records[at + 1 :])
        assert audited(recording, early[: at + ENOUGH]).told


def test_fills_of_orders_that_were_sent_later_are_found(
    recording: Recording, records: tuple[Record, ...]
) -> None:
    """As if each order had taken a minute to arrive."""
    slow = Grid(tick=GRID.tick, lot=GRID.lot, latency_ns=60 * 10**9)
    found = audited(recording, records, slow)

    assert sum("before it took effect" in text for text in found.told) > found.fills // 2


def test_a_market_that_is_not_the_recorded_one_is_found(
    recording: Recording, records: tuple[Record, ...]
) -> None:
    """One print of another size, one order of another size."""
    places = [at for at, record in enumerate(records) if isinstance(record.entry, Place)]
    filled = {record.entry.cid for record in records if isinstance(record.entry, OrderFilled)}
    for at in places:
        entry = records[at].entry
        assert isinstance(entry, Place)
        if entry.cid in filled:
            smaller = msgspec.structs.replace(entry, size_lots=1)
            changed = (*records[:at], msgspec.structs.replace(records[at], entry=smaller), *records[at + 1 :])
            assert any("beyond its size" in text for text in audited(recording, changed).told)
            break
    told = dict(recording.trades)
    for number, (ticks, atoms, seller_takes) in told.items():
        recording.trades[number] = (ticks, atoms + 1, seller_takes)
    try:
        assert any("not the recorded one" in text for text in audited(recording, records).told)
    finally:
        recording.trades.update(told)
