"""A session in live mode beside its backtest: the same decisions, apart by what requests and answers take.

A venue answers when it answers: when an order took effect is in nobody's hands, and a fill is heard of later
than a simulated one. So nothing is asked to be equal to the nanosecond, but that the acts are the same,
milliseconds apart, and that `mm compare` tells so. Where a sweep hits several quotes within milliseconds, the
next quote is priced by whatever the mid is then: there the two part, and come together again.
"""

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mm.bootstrap import run as run_bot
from mm.bootstrap.backtest.run import BacktestJob, run_job
from mm.domain.events import Operation, OperatorAsked
from mm.errors import EXIT_CHECK_FAILED
from mm.settings.options import RunOptions
from mm.store.journal.entries import EVENT
from mm.store.journal.layout import JOURNAL_NAME, runs
from mm.store.journal.reader import read
from tests.builders.carried_out import carried_out
from tests.builders.configs import loaded
from tests.builders.exchange_thread import hosted_replay
from tests.builders.paper_sessions import busy_market

pytestmark = pytest.mark.proof

TEXT = """\
mode = "live"
data_dir = "{data_dir}"

[venue.main]
url = "{url}"
key = "env:MM_TEST_KEY"
secret = "env:MM_TEST_SECRET"

[pair.btc]
symbol = "BTC/USDT"

[pair.btc.params]
bid_spread_bps = {spread}
ask_spread_bps = {spread}
order_amount_base = 0.002
order_refresh_time_ms = 1_000

[risk]
max_notional_quote = 5_000
max_order_notional_quote = 500
session_loss_quote = 500
"""


class Lived(NamedTuple):
    """What a live run left. Fields: run: its directory; stopped_ns: when it was asked to stop."""

    run: Path
    stopped_ns: int


def live_session(
    folder: Path, recording: Path, patch: pytest.MonkeyPatch, *, seconds: int, spread: str
) -> Lived:
    """Trade in live mode on a local exchange that replays a recording at its own pace."""
    patch.setenv("MM_LEASE_DIR", str(folder / "leases"))
    with hosted_replay(recording, speed=1.0) as hosted:
        patch.setenv("MM_TEST_KEY", hosted.key)
        patch.setenv("MM_TEST_SECRET", hosted.secret)
        text = TEXT.format(url=hosted.url, data_dir=folder / "data", spread=spread)
        settings = loaded(folder, text)
        run_bot(RunOptions(settings=settings, duration_ns=seconds * 10**9, live_confirmed=True))
        assert hosted.truth()["open_orders"] == []
    run = runs(folder / "data")[0].directory
    return Lived(run, stopped_of(run))


def stopped_of(run: Path) -> int:
    """Return when a run was asked to stop."""
    entries = [record.entry for record in read(run / JOURNAL_NAME, kinds=(EVENT,))]
    (stop,) = [one for one in entries if isinstance(one, OperatorAsked) and one.operation is Operation.STOP]
    return stop.ts_ns


def beside(lived: Lived, config: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return what `mm compare` tells of a live run and its backtest with the latencies of that run."""
    job = BacktestJob(
        config=config,
        data=(lived.run,),
        to_ns=lived.stopped_ns,
        latency=f"measured:{lived.run}",
        out_dir=config.parent / "out",
    )
    ran = carried_out(capsys, "compare", lived.run, run_job(job).run_dir, "--json")
    assert ran.code == EXIT_CHECK_FAILED
    return ran.result


def share_found(acts: dict[str, Any]) -> float:
    """Return which share of the acts of either run has its like in the other, at its time or near it."""
    both = acts["same"] + acts["moved"]
    return float(both / (both + acts["missing"] + acts["added"]))


def test_a_live_session_and_its_backtest_differ_by_what_requests_take(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Orders and fills of twenty seconds are in it, milliseconds apart; where the two part is told."""
    tape = busy_market(60).save(tmp_path / "tape.gz")
    lived = live_session(tmp_path, tape, monkeypatch, seconds=20, spread="0.05")
    told = beside(lived, tmp_path / "mm.toml", capsys)
    assert (told["first"]["mode"], told["second"]["mode"]) == ("live", "backtest")
    assert " moved in time " in told["words"][0]
    assert told["words"][-1].startswith("They first part at ")
    for kind in ("place", "fill"):
        acts = told["acts"][kind]
        assert acts["same"] + acts["moved"] > 100
        assert share_found(acts) > 0.9
        assert abs(acts["median_late_ms"]) < 50


def test_a_minute_of_a_recorded_market_traded_live_is_decided_alike_in_its_backtest(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bitcoin at its own pace: but for orders that are priced by another tick of a moving mid."""
    recording = shared_data / "binance_raw_2024-08-08/spot_btcusdt_20240808.gz"
    lived = live_session(tmp_path, recording, monkeypatch, seconds=60, spread="3")
    told = beside(lived, tmp_path / "mm.toml", capsys)
    acts = told["acts"]["place"]
    assert acts["same"] + acts["moved"] > 20
    assert share_found(acts) > 0.75
    assert abs(acts["median_late_ms"]) < 50
