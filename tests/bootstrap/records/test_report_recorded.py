"""P&L and markouts of runs on a real recording: all is explained, and they are what its raw frames say."""

import asyncio
import gzip
import json
from bisect import bisect_left, bisect_right
from pathlib import Path

import pytest

from mm.bootstrap import run as run_bot
from mm.bootstrap.records.report import story_of
from mm.domain.events import BookDelta, BookSnapshot, TopOfBook
from mm.observe.report_story import SessionStory
from mm.settings.options import RunOptions
from mm.store.journal.layout import runs
from mm.store.journal.reader import read
from tests.builders.configs import loaded
from tests.builders.exchange_thread import hosted_replay

FILE = "binance_raw_2024-08-08/spot_btcusdt_20240808.gz"
SPEED = 25.0
SECONDS = 150

TEXT = """\
mode = "paper"

[venue.main]
url = "{url}"

[pair.btc]
symbol = "BTC/USDT"
strategy = "{strategy}"

[pair.btc.params]
{params}

[pair.btc.inventory]
max_base = 0.05

[risk]
max_notional_quote = 6_000
max_order_notional_quote = 500
session_loss_quote = 500
open_loss_quote = 300
max_drawdown_ratio = 0.5

[paper]
maker_fee_bps = 0
latency_mean_ms = 20
latency_p99_ms = 60
"""

PARAMS = {
    "pure_market_making": """\
bid_spread_bps = 0.3
ask_spread_bps = 0.3
order_amount_base = 0.002
order_levels = 2
order_level_spread_bps = 0.4
order_refresh_time_ms = 1_000
order_refresh_tolerance_bps = 0.1
""",
    "glft": """\
order_amount_base = 0.002
arrival_rate_per_s = 2.0
fill_decay_per_bps = 8.0
volatility_bps_per_sqrt_s = 1.3
risk_factor = 0.1
order_refresh_time_ms = 3_000
""",
}


def raw_mids(path: Path) -> tuple[list[int], list[float]]:
    """Return the mid at each number of a best price, from the frames as they were received."""
    numbers, mids = [], []
    with gzip.open(path, "rt") as file:
        for line in file:
            data = json.loads(line.split(" ", 1)[1]).get("data", {})
            if "u" in data and "b" in data and isinstance(data["b"], str):
                numbers.append(data["u"])
                mids.append((float(data["b"]) + float(data["a"])) / 2)
    return numbers, mids


def heard_numbers(journal: Path) -> tuple[list[int], list[int]]:
    """Return when the run heard of which number of a change: times, and numbers."""
    times: list[int] = []
    numbers: list[int] = []
    for record in read(journal):
        if isinstance(record.entry, TopOfBook | BookDelta | BookSnapshot):
            times.append(max(record.ts_ns, times[-1] if times else 0))
            numbers.append(max(record.entry.seq, numbers[-1] if numbers else 0))
    return times, numbers


@pytest.mark.proof  # the gate has every strategy on the same recording: test_recorded_strategies.py
@pytest.mark.parametrize("strategy", list(PARAMS))
def test_a_run_on_a_recording_is_explained_and_measured_as_its_raw_frames_say(
    shared_data: Path, tmp_path: Path, strategy: str
) -> None:
    """Residue 0 at every horizon; each mean markout within 0.1 bp of one that knows nothing of our books."""
    with hosted_replay(shared_data / FILE, speed=SPEED) as hosted:
        text = TEXT.format(url=hosted.url, strategy=strategy, params=PARAMS[strategy])
        settings = loaded(tmp_path, text, [f"data_dir={tmp_path / 'data'}"])
        run_bot(RunOptions(settings=settings, duration_ns=SECONDS * 10**9))
    (place,) = runs(tmp_path / "data")
    story = asyncio.run(story_of(place.directory, lambda _: None))
    (session,) = story.sessions
    assert (story.unexplained, story.difference, story.broke) == (0, "", "")
    assert session.analytics.identity.fills >= 8
    numbers, mids = raw_mids(shared_data / FILE)
    times, heard = heard_numbers(place.journal)

    def mid_at(ts_ns: int, horizon_ns: int) -> float:
        # On paper a fill is heard before the news that caused it, which bear the same time.
        at = bisect_right(times, ts_ns + horizon_ns) if horizon_ns else bisect_left(times, ts_ns)
        number = heard[at - 1]
        return mids[bisect_right(numbers, number) - 1]

    places = range(len(session.analytics.waiting.horizons_ns) + 1)
    both = [means(session, place, mid_at) for place in places]
    assert [told for told, _ in both] == pytest.approx([known for _, known in both], abs=0.1)


def means(session: SessionStory, place: int, mid_at) -> tuple[float, float]:  # type: ignore[no-untyped-def] # a function
    """Return the mean markout at a place of the curve: ours, and from the raw mids."""
    analytics = session.analytics
    horizon_ns = analytics.waiting.horizons_ns[place - 1] if place else 0
    seen = [fill for fill in session.fills if place == 0 or len(fill.later_half_ticks) >= place]
    seen = [fill for fill in seen if place == 0 or fill.later_half_ticks[place - 1]]
    tick = analytics.instrument.tick_atoms / 10**analytics.instrument.quote_scale
    values = []
    for fill in seen:
        price = fill.price_ticks * tick
        values.append(1e4 * fill.side.sign * (mid_at(fill.ts_ns, horizon_ns) - price) / price)
    mean = analytics.markouts.every.of_fills[place]
    assert mean.count == len(values)
    return mean.mean or 0.0, sum(values) / max(1, len(values))
