"""`mm bench replay` as small as it goes: every figure is there, and the rows are those of a busy market."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mm.bench.replay import GENERATED, ReplayOptions, measured, tapes
from mm.bench.replay_clock import OTHER, PARTS
from mm.bench.replay_floor import strategy_alone
from mm.bench.replay_maker import ReplayMaker
from mm.bench.replay_market import START_NS, ReplayMarket
from mm.bench.replay_peers import PEERS, environment
from mm.bench.replay_rig import maker_of
from mm.cli.main import app
from mm.domain.tape import DELTA, SNAPSHOT, TOP, TRADE, Chunk, messages
from mm.errors import EXIT_USAGE
from mm.kernel.plain import PlainKernel
from tests.builders.views import a_view

ROWS = 12_000


def generated(rows: int, seed: int = 1) -> list[Chunk]:
    """Return generated rows."""
    return list(ReplayMarket("BTC/USDT", seed=seed).chunks(rows))


def test_the_same_seed_gives_the_same_rows() -> None:
    """And another one others."""
    assert generated(ROWS) == generated(ROWS)
    assert generated(ROWS) != generated(ROWS, seed=2)


def test_rows_are_whole_messages_of_a_market_that_is_never_crossed() -> None:
    """Times never fall, prints are at the touch, tops have a bid below the ask."""
    (chunk,) = generated(ROWS)
    last_ns, best = START_NS, (0, 0)
    kinds = dict.fromkeys((SNAPSHOT, DELTA, TOP, TRADE), 0)
    for message in messages(chunk):
        ts_ns, kind = message[0][:2]
        kinds[kind] += len(message)
        assert last_ns <= ts_ns
        assert min(row[4] for row in message) > 0
        last_ns = ts_ns
        if kind == TOP:
            best = (message[0][4], message[1][4])
            assert best[0] < best[1]
        elif kind == TRADE and best[0]:
            assert message[0][4] in best
    assert sum(kinds.values()) == chunk.rows >= ROWS
    assert kinds[DELTA] > 5 * kinds[TOP] / 2 > kinds[TRADE] > 0


def test_the_rate_and_its_bursts_are_those_of_the_recordings() -> None:
    """About 1 700 rows a second; the busiest hundredth of 100 ms has at least eight times the median."""
    counts: dict[int, int] = {}
    for chunk in generated(300_000):
        for ts_ns in chunk.columns.ts_ns.tolist():
            window = (ts_ns - START_NS) // 100_000_000
            counts[window] = counts.get(window, 0) + 1
    seconds = (max(counts) + 1) / 10
    assert 1_400 < sum(counts.values()) / seconds < 2_000
    ordered = sorted(counts.values())
    assert ordered[len(ordered) * 99 // 100] > 8 * ordered[len(ordered) // 2]


def test_the_maker_quotes_around_the_mid_and_leaves_a_side_out_at_its_limit() -> None:
    """Rounded away from the mid on both sides."""
    maker = ReplayMaker(away_ticks=5, tolerance_ticks=3, size_lots=10, lots_max=15)
    view = a_view(inventory_lots=10)
    quotes = maker.quotes(view)
    assert quotes.bids == ()
    (ask,) = quotes.asks
    assert ask.price_ticks == -(-view.mid_half_ticks // 2) + 5
    assert maker.quotes(a_view(inventory_lots=-10)).asks == ()


def test_every_figure_is_measured_in_one_run() -> None:
    """Of each tape; those of the generated one are at the top."""
    said: list[str] = []
    options = ReplayOptions(rows=ROWS, turns=1)
    figures = measured(options, said.append)
    names = ("rows", "messages", "decisions", "orders", "events_per_s", "events_per_s_fixed")
    speeds = ("events_per_cpu_s", "kernel_events_per_s", "floor_events_per_s")
    for name in (*names, *speeds, "decision_us_p50", "decision_us_p99"):
        value = figures[name]
        assert isinstance(value, int | float), name
        assert value > 0, name
    profile = figures["profile"]
    assert isinstance(profile, dict)
    assert set(profile) == {*PARTS, OTHER}
    assert sum(profile.values()) == pytest.approx(1.0, abs=0.01)
    assert figures["tapes"] == {GENERATED: {key: figures[key] for key in figures if key != "tapes"}}
    (tape,) = tapes(options, said.append)
    assert maker_of(tape, on_moves=False).wake.move_half_ticks == 0
    assert any("turn 1 of 1" in line for line in said)


@pytest.mark.proof  # a whole recording, five times
def test_the_verb_measures_a_recording_beside_the_generated_rows(shared_data: Path) -> None:
    """One JSON object ends standard output."""
    file = shared_data / "normalised" / "binance_spot_BTCUSDT_2024-08-08.parquet"
    words = [
        "bench",
        "replay",
        "--rows",
        "10000",
        "--turns",
        "1",
        "--no-peers",
        "--data",
        str(file),
        "--json",
    ]
    told = CliRunner().invoke(app, words)
    assert told.exit_code == 0, told.output
    tapes_told = json.loads(told.stdout.splitlines()[-1])["tapes"]
    assert list(tapes_told) == [GENERATED, file.stem]
    assert tapes_told[file.stem]["rows"] > 466_000


@pytest.mark.proof  # the whole bench
def test_the_verb_prints_a_table_and_refuses_what_is_no_number_of_rows() -> None:
    """For people."""
    told = CliRunner().invoke(app, ["bench", "replay", "--rows", "10000", "--turns", "1", "--no-peers"])
    assert told.exit_code == 0, told.output
    assert "rows/s" in told.stdout
    assert "under a profiler" in told.stdout
    assert CliRunner().invoke(app, ["bench", "replay", "--rows", "5"]).exit_code == EXIT_USAGE


@pytest.mark.proof  # processes of other backtesters
def test_other_backtesters_are_printed_beside_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line for each way in which they play, and whether fills agree; here they are shells that tell what
    they were given to tell.
    """
    kept = Path(__file__).parent / "agreement" / "hftbacktest_answers.json"
    orders, ways = tmp_path / "orders.json", tmp_path / "ways.json"
    orders.write_text(json.dumps({"answers": json.loads(kept.read_text("utf-8"))}), encoding="utf-8")
    way = {"events_per_s": 1_000, "requests": 70, "fills": 5}
    names = ("python_on_moves", "njit_on_moves", "batched_on_moves")
    ways.write_text(json.dumps(dict.fromkeys(names, way)), encoding="utf-8")
    for peer in PEERS:
        python = environment(peer, tmp_path / "mm" / "bench") / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(f'#!/bin/sh\ncase "$1" in *_orders.py) cat {orders} ;; *) cat {ways} ;; esac\n')
        python.chmod(0o755)
        (environment(peer, tmp_path / "mm" / "bench") / "ready").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    told = CliRunner().invoke(app, ["bench", "replay", "--rows", "10000", "--turns", "1"])
    assert told.exit_code == 0, told.output
    (single,) = [
        line for line in told.stdout.splitlines() if line.startswith("NautilusTrader, single deltas")
    ]
    assert single.split()[-6::5] == ["1000", "5"]
    assert "the deltas of each message in one batch" in told.stdout
    assert "400 of 400 orders ended the same way" in told.stdout
    assert "two orders share a print: right 1000 lots, ours 1000, there 2000" in told.stdout


def test_alone_the_strategy_is_asked_as_often_as_moves_and_time_ask_it() -> None:
    """By the kernel as it stands: at least every 100 ms, and at every move of the mid besides."""
    (tape,) = tapes(ReplayOptions(rows=ROWS), list[str]().append)
    on_moves = strategy_alone(tape, PlainKernel, maker_of(tape))
    fixed = strategy_alone(tape, PlainKernel, maker_of(tape, on_moves=False))
    assert fixed.asked == pytest.approx(10 * tape.seconds, abs=2)
    assert on_moves.asked > fixed.asked
    assert min(on_moves.ns, fixed.ns) > 0
