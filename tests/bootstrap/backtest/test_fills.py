"""What may be said about queues and latencies of a backtest, and how everything else is refused."""

from pathlib import Path

import pytest

from mm.bootstrap.backtest.fills import fills_of, latency_of, queue_of
from mm.bootstrap.backtest.job import BacktestJob
from mm.bootstrap.backtest.latencies import measured_rows
from mm.errors import RecordingUnusable, StateCorrupt, UsageError
from mm.sim.latency import Delay, LatencyRow
from mm.store.journal.entries import COMMAND, EVENT, Entry, Kind
from tests.builders.configs import loaded
from tests.builders.recorded_runs import acked, at, place, write_run

MS = 1_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("risk_averse", ("risk_averse", None)),
        ("POWER", ("power", None)),
        ("power:3", ("power", 3.0)),
        (" power2:1.5 ", ("power2", 1.5)),
        ("power3", ("power3", None)),
        ("log", ("log", None)),
        ("log2", ("log2", None)),
    ],
)
def test_queues_are_named_as_in_the_config_with_their_exponent(
    text: str, expected: tuple[str, float | None]
) -> None:
    """Small or large letters; without an exponent the customary one."""
    assert queue_of(text) == expected


@pytest.mark.parametrize(
    "text", ["fifo", "", "power:", "power:0", "power:nan", "power:99", "log:2", "risk_averse:1"]
)
def test_a_queue_that_is_none_is_refused(text: str) -> None:
    """Unknown names, exponents where there is none or out of range."""
    with pytest.raises(UsageError, match="--queue was"):
        queue_of(text)


def test_latencies_are_constant_or_sampled_in_milliseconds() -> None:
    """With decimals, with or without the unit; a seed gives the same draws."""
    constant = latency_of("constant:0.5,80ms", 1)
    assert constant.words == "constant 0.5/80 ms"
    assert constant.make().draw(7) == Delay(MS // 2, 80 * MS)
    sampled = latency_of("sampled:80,250", 3)
    assert sampled.words == "sampled 80/250 ms"
    draws = [[made.draw(0) for _ in range(5)] for made in (sampled.make(), sampled.make())]
    assert draws[0] == draws[1] != [latency_of("sampled:80,250", 4).make().draw(0) for _ in range(5)]


@pytest.mark.parametrize(
    "text",
    [
        *("", "fast", "constant", "constant:5", "constant:5,6,7", "constant:a,b", "constant:-1,2"),
        *("constant:1,inf", "sampled:250,80", "sampled:1,900", "constant:1,99999999"),
    ],
)
def test_a_latency_that_is_none_is_refused(text: str) -> None:
    """Unknown kinds, one number, no number, out of range, a distribution that does not exist."""
    with pytest.raises(UsageError, match="--latency was"):
        latency_of(text, 1)


@pytest.mark.parametrize("text", ["sampled:80,10", "sampled:1,900"])
def test_a_latency_that_no_distribution_has_is_told_in_the_unit_of_the_option(text: str) -> None:
    """Milliseconds, as they were given."""
    with pytest.raises(UsageError, match="milliseconds") as told:
        latency_of(text, 1)
    assert "ns" not in str(told.value).replace("means", "")


def measured(folder: Path, text: str) -> Path:
    """Write a file of measured latencies."""
    path = folder / "latency.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_measured_latencies_are_read_by_the_names_of_their_columns(tmp_path: Path) -> None:
    """In any order, with others beside them; between two rows in proportion."""
    path = measured(tmp_path, "x,answered_ns,sent_ns,effect_ns\na,30,0,10\nb,160,100,130\n")
    latency = latency_of(f"measured:{path}", 1)
    assert latency.words == "measured, 2 rows of latency.csv"
    assert latency.make().draw(50) == Delay(20, 25)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sent_ns,effect_ns\n1,2\n", "no column answered_ns"),
        ("", "no column sent_ns"),
        ("sent_ns,effect_ns,answered_ns\n", "no row of measured latencies"),
        ("sent_ns,effect_ns,answered_ns\n1,2,3\n4,x,6\n", "line 3: expected three whole numbers"),
        ("sent_ns,effect_ns,answered_ns\n1,2\n", "line 2: expected three whole numbers"),
    ],
)
def test_a_file_that_holds_no_latencies_is_refused_with_its_place(
    tmp_path: Path, text: str, told: str
) -> None:
    """File and line."""
    path = measured(tmp_path, text)
    with pytest.raises(RecordingUnusable, match=told) as error:
        measured_rows(path)
    assert str(path) in str(error.value)


def test_measured_latencies_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    """Effect before it was sent; times that go back; a file that is not there."""
    for text in ("1,1,2", "1,2,3\n1,3,4"):
        path = measured(tmp_path, f"sent_ns,effect_ns,answered_ns\n{text}\n")
        with pytest.raises(RecordingUnusable, match="measured latency, row"):
            latency_of(f"measured:{path}", 1)
    with pytest.raises(RecordingUnusable, match="cannot be read"):
        latency_of(f"measured:{tmp_path / 'none.csv'}", 1)


def test_the_orders_of_a_run_are_measured_latencies(tmp_path: Path) -> None:
    """Until the first word that each rests, half of it each way; of two that overtook the slow one counts."""
    entries: list[tuple[Kind, Entry]] = [
        (COMMAND, place(1)),
        (COMMAND, place(2)),
        (COMMAND, place(3)),
        (EVENT, acked(1, 5)),
        (EVENT, acked(3, 7)),
        (EVENT, acked(2, 8)),
        (EVENT, acked(1, 9)),
    ]
    run = write_run(tmp_path, entries).parent
    assert measured_rows(run) == (LatencyRow(at(1), at(3), at(5)), LatencyRow(at(2), at(5), at(8)))
    assert latency_of(f"measured:{run}", 1).words == f"measured, 2 rows of {run.name}"


def test_a_run_that_measured_no_latency_is_refused_by_name(tmp_path: Path) -> None:
    """None of its orders was answered; a directory in which no run lies."""
    silent = write_run(tmp_path, [(COMMAND, place(1))]).parent
    with pytest.raises(RecordingUnusable, match="no order of it was answered"):
        measured_rows(silent)
    with pytest.raises(StateCorrupt, match="holds no journal"):
        measured_rows(tmp_path)


def test_what_the_config_says_holds_unless_something_else_is_asked_for(tmp_path: Path) -> None:
    """Words for each; the comparison with a wishful fill model is off."""
    settings = loaded(tmp_path, overrides=["paper.queue=log", "paper.max_participation_ratio=0.25"])
    job = BacktestJob(config=tmp_path, data=(tmp_path,))
    fills = fills_of(settings, job)
    assert (
        fills.words == "log queue, latency sampled 80/250 ms, at most 0.25 of each trade or displayed level"
    )
    assert (fills.settings.compares, fills.settings.participation_ppm) == (False, 250_000)
    other = fills_of(settings, BacktestJob(config=tmp_path, data=(tmp_path,), queue="power:2", seed=5))
    assert (other.settings.queue, other.settings.queue_power, other.settings.seed) == ("power", 2.0, 5)
