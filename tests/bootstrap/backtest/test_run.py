"""Backtests from their jobs: the same decisions as the run that was recorded, the same result each time."""

import json
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mm.bootstrap import run as run_bot
from mm.bootstrap.backtest.run import BacktestJob, BacktestResult, prepared, run_job
from mm.bootstrap.backtest.runs import read_result, run_digest
from mm.domain.units import NS_PER_S
from mm.errors import ConfigError, RecordingUnusable, StateCorrupt, UsageError
from mm.settings.options import RunOptions
from mm.store.journal.layout import runs
from tests.builders.backtests import config, lived
from tests.builders.configs import loaded
from tests.builders.engine_rig import START_NS
from tests.builders.exchange_thread import hosted_replay
from tests.builders.recorded_configs import RECORDED

SPOT = "binance_raw_2024-08-08/spot_btcusdt_20240808.gz"


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A config, and the directory of a run of two minutes that it lived on a generated market."""
    folder = tmp_path_factory.mktemp("life")
    path = config(folder)
    return path, lived(folder / "data", path, seconds=120)


def same_but_time(result: BacktestResult) -> BacktestResult:
    """Return what does not depend on the machine or the place."""
    return replace(result, wall_s=0.0, events_per_s=0.0, run_dir="", kernel="")


@pytest.mark.parametrize("strategy", ["pure_market_making", "micro_price"])
def test_a_paper_run_on_a_generated_market_is_decided_again_to_the_byte(
    tmp_path: Path, strategy: str
) -> None:
    """Same commands at the same times, same fills: the digest of the run's journal is the backtest's."""
    path = config(tmp_path, strategy)
    run = lived(tmp_path / "data", path, seconds=120, seed=3)
    result = run_job(BacktestJob(config=path, data=(run,), out_dir=tmp_path / "out"))
    assert result.fills > 30
    assert (result.same_as, result.partial, result.notes) == (run.name, "", ())
    assert result.digest == run_digest(run) == run_digest(Path(result.run_dir))


@pytest.mark.proof
@pytest.mark.parametrize("strategy", ["pure_market_making", "micro_price"])
def test_a_generated_hour_is_decided_again_to_the_byte(tmp_path: Path, strategy: str) -> None:
    """An hour of virtual time."""
    path = config(tmp_path, strategy)
    run = lived(tmp_path / "data", path, seconds=3_600, seed=5)
    for reference in (False, True):
        result = run_job(BacktestJob(config=path, data=(run,), reference=reference))
        assert result.digest == run_digest(run)


def test_a_paper_run_on_a_recording_is_decided_again_to_the_byte(shared_data: Path, tmp_path: Path) -> None:
    """Real processes' code on the recorded market of the local exchange: 90 s of it, ten times as fast."""
    with hosted_replay(shared_data / SPOT, speed=25.0) as hosted:
        overrides = [f"venue.main.url={hosted.url}", f"data_dir={tmp_path / 'data'}"]
        run_bot(RunOptions(settings=loaded(tmp_path, RECORDED, overrides), duration_ns=90 * NS_PER_S))
    (place,) = runs(tmp_path / "data")
    result = run_job(BacktestJob(config=tmp_path / "mm.toml", data=(place.directory,)))
    assert result.fills >= 5
    assert result.same_as == place.run_id
    assert result.digest == run_digest(place.directory)


def test_a_change_of_the_config_under_way_is_taken_as_it_was(tmp_path: Path) -> None:
    """Its text comes from the run's journal; without that text nothing can be decided again."""
    path = config(tmp_path)
    change = ("bid_spread_bps = 2", "bid_spread_bps = 5")
    run = lived(tmp_path / "data", path, seconds=60, change=change)
    result = run_job(BacktestJob(config=path, data=(run,)))
    assert result.digest == run_digest(run)
    assert result.digest != run_digest(lived(tmp_path / "other", path, seconds=60))
    changed = path.with_name("changed.toml")
    changed.write_text(path.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    assert run_job(BacktestJob(config=changed, data=(run,))).same_as == ""


def test_a_record_that_ends_too_early_is_told(tmp_path: Path) -> None:
    """Its last records are gone: what is decided again is more than the record says."""
    path = config(tmp_path)
    run = lived(tmp_path / "data", path, seconds=30, lost=400)
    result = run_job(BacktestJob(config=path, data=(run,)))
    assert result.notes == (
        f"not what the record of {run.name} says: it was cut off, or its market data are gone",
    )


def test_two_backtests_of_a_job_differ_in_nothing_but_time(life: tuple[Path, Path], tmp_path: Path) -> None:
    """Digest and figures; with a journal and without; and so does one in a process that hashes otherwise."""
    path, run = life
    job = BacktestJob(config=path, data=(run,), overrides=("pair.main.params.bid_spread_bps=3",))
    first, second = run_job(job), run_job(replace(job, out_dir=tmp_path))
    assert first.fills > 10
    assert same_but_time(first) == same_but_time(second)
    code = (
        "import pickle, sys; from mm.bootstrap.backtest.run import run_job;"
        "print(run_job(pickle.loads(bytes.fromhex(sys.argv[1]))).digest)"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, pickle.dumps(job).hex()],
        env={**os.environ, "PYTHONHASHSEED": "77"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert told.stdout.strip() == first.digest


def test_another_config_is_judged_on_what_the_run_heard(life: tuple[Path, Path]) -> None:
    """No operator of then stops it, no order id of then is used; its own seed, queue and latency count."""
    path, run = life
    job = BacktestJob(config=path, data=(run,))
    same = run_job(job)
    others = [
        replace(job, overrides=("pair.main.params.ask_spread_bps=4",)),
        replace(job, seed=9),
        replace(job, queue="power:1.5"),
        replace(job, latency="constant:5,5"),
        replace(job, overrides=("paper.max_participation_ratio=0.05",)),
    ]
    results = [run_job(other) for other in others]
    assert [result.same_as for result in results] == [""] * len(others)
    assert len({same.digest, *(result.digest for result in results)}) == 1 + len(others)
    words = [result.fill_model for result in results]
    assert words[1:] == [
        "risk_averse queue, latency sampled 20/60 ms",
        "power queue (1.5), latency sampled 20/60 ms",
        "risk_averse queue, latency constant 5/5 ms",
        "risk_averse queue, latency sampled 20/60 ms, at most 0.05 of each trade or displayed level",
    ]
    shares = [result.participation["AAA/BBB"] for result in results]
    assert all(share is not None and 0 < share < 1 for share in shares)
    assert (shares[4] or 1) < 0.05
    for result in results:
        assert (result.calibration, result.partial, result.halted) == ("uncalibrated", "", "")


def test_a_result_says_what_made_its_fills(life: tuple[Path, Path]) -> None:
    """Every fill has a cause, by the kernel as by the reference; the digest does not know of them."""
    path, run = life
    results = [run_job(BacktestJob(config=path, data=(run,), reference=one)) for one in (True, False)]
    causes = results[0].fills_by_cause["AAA/BBB"]
    assert sum(one["fills"] for one in causes.values()) == results[0].fills
    assert {cause for cause, one in causes.items() if one["fills"]} >= {"print_through", "displayed_cross"}
    assert causes == results[1].fills_by_cause["AAA/BBB"]
    assert results[0].digest == results[1].digest == run_digest(run)
    old = {name: value for name, value in results[0].as_dict().items() if name != "fills_by_cause"}
    assert BacktestResult.from_dict(old).fills_by_cause == {}


def test_a_named_run_of_the_venue_that_is_traded_on_is_decided_again(life: tuple[Path, Path]) -> None:
    """main=RUN is RUN: the very same decisions."""
    path, run = life
    result = run_job(BacktestJob(config=path, data=(Path(f"main={run}"),)))
    assert (result.same_as, result.notes, result.digest) == (run.name, (), run_digest(run))


def test_what_begins_later_than_it_was_asked_to_says_so(life: tuple[Path, Path]) -> None:
    """A time before the data; not one within a second of their begin."""
    path, run = life
    job = BacktestJob(config=path, data=(run,), from_ns=START_NS - 3_600 * NS_PER_S)
    assert run_job(job).notes == (
        "asked for from 2027-01-15T07:00:00.000000Z on: the data begin at 2027-01-15T08:00:00.000000Z",
    )
    assert run_job(replace(job, from_ns=START_NS - NS_PER_S // 2)).notes == ()


def test_a_session_without_an_order_says_why(life: tuple[Path, Path]) -> None:
    """It decided, and nothing came of it: with what the account had."""
    path, run = life
    nothing = ("paper.start_base=0", "paper.start_quote=0")
    result = run_job(BacktestJob(config=path, data=(run,), overrides=nothing))
    assert result.decisions > 0
    assert result.commands > 0
    (note,) = result.notes
    assert note.startswith("main never quoted: inventory_band.")
    assert note.endswith("; the account began with 0 AAA and 0 BBB")


def test_a_part_is_played_by_times_or_by_offsets(life: tuple[Path, Path]) -> None:
    """From and to, of the clock or from the begin; what lies outside of the data is an error that says so."""
    path, run = life
    job = BacktestJob(config=path, data=(run,), from_ns=30 * NS_PER_S, to_ns=90 * NS_PER_S)
    offsets = run_job(job)
    first_ns = prepared(job).backtest.source.first_ns
    times = run_job(replace(job, from_ns=first_ns + 30 * NS_PER_S, to_ns=first_ns + 90 * NS_PER_S))
    assert same_but_time(offsets) == same_but_time(times)
    assert offsets.began_ns == first_ns + 30 * NS_PER_S
    assert first_ns + 89 * NS_PER_S < offsets.ended_ns < first_ns + 90 * NS_PER_S
    with pytest.raises(RecordingUnusable, match="nothing between 2027-01-15T08:"):
        run_job(replace(job, from_ns=10 * 60 * NS_PER_S, to_ns=0))
    with pytest.raises(UsageError, match=r"--from 2027-01-15T08:.* does not come before --to 2027-01-15T08:"):
        run_job(replace(job, to_ns=20 * NS_PER_S))


def test_it_leaves_a_directory_with_which_it_can_be_repeated(life: tuple[Path, Path], tmp_path: Path) -> None:
    """Journal, job and result; the next one gets the next number; nothing is written over."""
    path, run = life
    job = BacktestJob(config=path, data=(run,), to_ns=60 * NS_PER_S, out_dir=tmp_path / "out", seed=4)
    results = [run_job(job) for _ in range(2)]
    places = [Path(result.run_dir) for result in results]
    assert [place.name.rpartition("-")[2] for place in places] == ["000001", "000002"]
    again, result = read_result(places[0])
    assert again == job
    assert result.as_dict() == json.loads(json.dumps(results[0].as_dict()))
    assert run_digest(places[1]) == results[0].digest == run_job(replace(again, out_dir=None)).digest
    with pytest.raises(StateCorrupt, match="cannot be read"):
        read_result(tmp_path)
    with pytest.raises(RecordingUnusable, match="a backtest's own directory holds no market data"):
        run_job(replace(job, data=(places[0],)))


def test_whoever_stops_it_gets_a_partial_result_that_is_kept(life: tuple[Path, Path], tmp_path: Path) -> None:
    """Marked so, with a journal that is whole."""
    path, run = life
    told: list[int] = []
    result = run_job(
        BacktestJob(config=path, data=(run,), out_dir=tmp_path, reference=True),
        progress=lambda ts_ns, end_ns, rows: told.append(end_ns - ts_ns),
        should_stop=lambda: len(told) > 1,
    )
    assert result.partial == "interrupted"
    assert told[0] > told[1] > 0
    assert read_result(Path(result.run_dir))[1].partial == "interrupted"
    assert run_digest(Path(result.run_dir)) == result.digest


def test_a_config_of_any_mode_is_never_traded_with(life: tuple[Path, Path], tmp_path: Path) -> None:
    """Live without a key in sight, and a text in place of the file's."""
    path, run = life
    text = path.read_text(encoding="utf-8").replace('"paper"', '"live"', 1)
    text += (
        '\n[venue.main]\nid = "binance"\nkey = "env:MM_TEST_NO_SUCH_KEY"\nsecret = "env:MM_TEST_NO_SUCH"\n'
    )
    result = run_job(BacktestJob(config=tmp_path / "none.toml", data=(run,), text=text))
    assert (result.same_as, result.fills > 10) == ("", True)


def test_a_symbol_that_is_not_recorded_is_refused_with_its_place(life: tuple[Path, Path]) -> None:
    """File and line of the config, and which symbols there are."""
    path, run = life
    path = path.with_name("other.toml")
    path.write_text(life[0].read_text().replace("AAA/BBB", "ETH/USDT"), encoding="utf-8")
    with pytest.raises(
        ConfigError, match=r"other\.toml:4: pair\.main\.symbol: ETH/USDT is not in the rec"
    ) as told:
        run_job(BacktestJob(config=path, data=(run,)))
    assert "which holds AAA/BBB" in str(told.value)


def test_a_journal_whose_head_is_foreign_is_refused(life: tuple[Path, Path], tmp_path: Path) -> None:
    """A directory with an empty journal is no run."""
    (tmp_path / "journal").mkdir()
    with pytest.raises(StateCorrupt, match="no run is recorded there"):
        run_job(BacktestJob(config=life[0], data=(tmp_path,)))


@pytest.mark.parametrize(
    "wrong",
    [{"data": ()}, {"from_ns": -1}, {"to_ns": -5}, {"aversion": -1.0}],
)
def test_a_job_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    """Before any file is looked at."""
    fields: dict[str, object] = {"config": Path("x"), "data": (Path("y"),)}
    with pytest.raises(ConfigError):
        BacktestJob(**(fields | wrong))  # type: ignore[arg-type]  # wrong on purpose


def test_jobs_and_results_survive_json() -> None:
    """And what is none is refused."""
    job = BacktestJob(config=Path("x"), data=(Path("y"), Path("z")), overrides=("a=b",), out_dir=Path("o"))
    assert BacktestJob.from_dict(json.loads(json.dumps(job.as_dict()))) == job
    for wrong in ({}, {**job.as_dict(), "data": "y"}, {**job.as_dict(), "more": 1}):
        with pytest.raises(ConfigError, match="no job of a backtest"):
            BacktestJob.from_dict(wrong)
    with pytest.raises(ConfigError, match="no result of a backtest"):
        BacktestResult.from_dict({"sessions": [], "rows": 1})
    with pytest.raises(ConfigError, match="no result of a backtest"):
        BacktestResult.from_dict({"sessions": 5})


def test_began_is_the_runs(life: tuple[Path, Path]) -> None:
    """A result tells the span of the data and finds its sessions by name."""
    result = run_job(BacktestJob(config=life[0], data=(life[1],)))
    assert result.began_ns == START_NS
    assert 120 <= result.span_s < 140
    assert result.session("main")["symbol"] == "AAA/BBB"
    with pytest.raises(KeyError):
        result.session("other")
