"""Runs that look at another market, as a user starts them: on two exchanges, recorded, told why, repeated."""

import asyncio
import threading
from pathlib import Path

from mm.bootstrap import run
from mm.bootstrap.records.replay_run import repeat
from mm.bootstrap.records.why import Question, why_then
from mm.domain.commands import Connect, Place, Report, SyncBook
from mm.domain.events import BookSnapshot, StreamUp
from mm.settings.models import Settings
from mm.settings.options import RunOptions
from mm.store.journal.layout import runs
from mm.store.journal.reader import read
from tests.builders.configs import loaded
from tests.builders.exchange_thread import Hosted, hosted

TEXT = """\
mode = "{mode}"

[venue.other]
url = "{other}"

[venue.main]
{main}

[pair.btc]
symbol = "BTC/USDT"
strategy = "cross_reference"

[pair.btc.params]
sources = ["other:BTC/USDT"]
spread_bps = 3
order_amount_base = 0.002
max_own_deviation_bps = 500

[pair.btc.inventory]
max_base = 0.1

[risk]
max_notional_quote = 10_000

[paper]
latency_mean_ms = 20
latency_p99_ms = 40
"""


def settings_at(folder: Path, mode: str, other: str, main: str = "") -> Settings:
    """Return the settings of a run that quotes around what `other` shows."""
    text = TEXT.format(mode=mode, other=other, main=f'url = "{main}"' if main else "")
    return loaded(folder, text, [f"data_dir={folder / 'data'}"])


def record_of(folder: Path) -> list[object]:
    """Return everything that the one run wrote down."""
    (place,) = runs(folder / "data")
    return [record.entry for record in read(place.journal)]


def cut_off(exchange: Hosted, after_s: float) -> threading.Timer:
    """Let an exchange vanish for good, a while from now."""
    timer = threading.Timer(after_s, exchange.vanish)
    timer.start()
    return timer


def test_on_paper_it_quotes_around_another_exchange_says_so_and_is_repeated_to_the_byte(
    tmp_path: Path,
) -> None:
    """Both books are recorded, and why tells which was followed; only books are asked of the other one."""
    with hosted(seed=7) as main, hosted(seed=7) as other:
        settings = settings_at(tmp_path, "paper", other.url, main.url)
        report = run(RunOptions(settings=settings, duration_ns=3 * 10**9))
        asked = {row["path"] for row in other.truth()["requests"]}

    assert (report.exit_code, report.pnl_residual, report.limit_breaches) == (0, 0, 0)
    assert report.orders_placed > 0
    assert all("order" not in path.lower() and "account" not in path for path in asked)
    entries = record_of(tmp_path)
    assert {one.symbol for one in entries if isinstance(one, BookSnapshot)} == {"BTC/USDT", "other:BTC/USDT"}
    assert {one.symbol for one in entries if isinstance(one, SyncBook)} == {"BTC/USDT", "other:BTC/USDT"}
    assert {one.venue for one in entries if isinstance(one, Connect | StreamUp)} == {"", "other"}
    assert {one.symbol for one in entries if isinstance(one, Place)} == {"BTC/USDT"}

    (place,) = runs(tmp_path / "data")
    _, result = asyncio.run(repeat(place.directory))
    assert result.difference is None
    assert result.commands > 10

    placed = [record.ts_ns for record in read(place.journal) if isinstance(record.entry, Place)]
    told = str(asyncio.run(why_then(place.directory, Question(at_ns=placed[-1]), lambda *_: None)))
    assert "'vote other:BTC/USDT': 'counts 1: " in told
    assert "; other:BTC/USDT: bid " in told
    assert "bps from the own mid, by 1 of 1" in told
    assert "or that of other:BTC/USDT by as large a share" in told


def test_in_a_demo_another_exchange_that_vanishes_pulls_the_quotes(tmp_path: Path) -> None:
    """Trading goes on being looked after: the run ends in order, with nothing left open."""
    with hosted(seed=7) as other:
        settings = settings_at(tmp_path, "demo", other.url)
        timer = cut_off(other, 4.0)
        report = run(RunOptions(settings=settings, duration_ns=5 * 10**9))
        timer.join()

    assert (report.exit_code, report.open_orders_at_exit, report.pnl_residual) == (0, 0, 0)
    assert report.orders_placed > 0
    entries = record_of(tmp_path)
    reasons = [
        dict(one.facts)["reason"]
        for one in entries
        if isinstance(one, Report) and one.code == "session.reason"
    ]
    assert "quoting" in reasons
    assert reasons[-1] == "waits for a quorum: 0 of 1 sources; other:BTC/USDT no price"
    falls = [dict(one.facts) for one in entries if isinstance(one, Report) and one.code == "stream.down"]
    assert {fall.get("venue", "") for fall in falls} == {"other"}
