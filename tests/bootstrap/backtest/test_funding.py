"""Funding in backtests: paid on what is held, at its time, once; both loops alike, all of it explained."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mm.bootstrap.backtest.run import BacktestJob, BacktestResult, run_job
from mm.bootstrap.backtest.runs import read_result, run_digest
from mm.domain.events import BalanceChanged, OrderFilled
from mm.errors import UsageError
from mm.sim.funding import funded_at_mark
from mm.store.journal.entries import Kind
from mm.store.journal.layout import JOURNAL_NAME
from mm.store.journal.reader import read
from mm.store.recordings.marks import lag_ns
from mm.store.recordings.opening import open_source
from mm.store.recordings.parquet.normalised_writer import write_normalised
from tests.builders.funded_tapes import MARK, NEXT_MS, PERPETUAL, RATE, local_ns, perpetual
from tests.builders.recorded_configs import COIN
from tests.builders.recordings import LATE_NS, START_MS, Tape
from tests.builders.stored import told

RAW = "binance_raw_2024-08-08"
PARQUET = "binance_usdm_BTCUSDT_2024-08-08.parquet"
MARK_E8, RATE_E16 = int(MARK.replace(".", "")), int(RATE.replace(".", "")) * 10**8


def job_of(folder: Path, tape: Tape | Path, text: str = PERPETUAL) -> BacktestJob:
    """Return a job on a tape, that leaves its journal."""
    path = folder / "mm.toml"
    path.write_text(text, encoding="utf-8")
    data = tape if isinstance(tape, Path) else tape.save(folder / "tape.gz")
    return BacktestJob(config=path, data=(data,), out_dir=folder / "out")


def bare() -> Tape:
    """Return the same market without a mark."""
    tape = Tape(linear=True, step_ms=20)
    for line in perpetual().lines:
        if b"markPrice" not in line:
            tape.line(line)
    return tape


def rates(folder: Path, *rows: str, head: str = "ts_ms,rate") -> Path:
    """Write a file of rates."""
    path = folder / "rates.csv"
    path.write_text("\n".join((head, *rows)) + "\n", encoding="utf-8")
    return path


def both(job: BacktestJob) -> BacktestResult:
    """Return the result, after it was held against the reference loop's, and against its own journal."""
    fast, plain = run_job(job), run_job(replace(job, reference=True))
    assert fast.digest == plain.digest == run_digest(Path(fast.run_dir))
    assert (fast.sessions, fast.funding, fast.notes) == (plain.sessions, plain.funding, plain.notes)
    for session in fast.sessions:
        pnl = session["pnl"]
        assert isinstance(pnl, dict)
        assert (pnl["residue_is_zero"], pnl["residues"]) == (True, {})
    return fast


def outcomes(result: BacktestResult) -> Iterator[BalanceChanged | OrderFilled]:
    """Yield what was funded and filled, in order; each fill once."""
    seen = set()
    for record in read(Path(result.run_dir) / JOURNAL_NAME, kinds=(Kind.OUTCOME,), own_only=True):
        event = record.entry
        if isinstance(event, BalanceChanged) and event.funding_atoms:
            yield event
        elif isinstance(event, OrderFilled) and event.trade_id not in seen:
            seen.add(event.trade_id)
            yield event


def paid(result: BacktestResult) -> list[tuple[int, int]]:
    """Return times and amounts of what was funded."""
    return [(one.ts_ns, one.funding_atoms) for one in outcomes(result) if isinstance(one, BalanceChanged)]


def naive(
    result: BacktestResult, tape: Path, times_ns: list[int], rate: int = RATE_E16
) -> list[tuple[int, int]]:
    """Return what has to be paid: by all that was filled before each time, at the one mark there is."""
    (instrument,) = open_source([tape]).instruments
    fills = [one for one in outcomes(result) if isinstance(one, OrderFilled)]
    expected = []
    for ts_ns in times_ns:
        lots = sum(one.side.sign * one.size_lots for one in fills if one.ts_ns < ts_ns)
        if lots:
            expected.append((ts_ns, funded_at_mark(instrument, lots, MARK_E8, rate)))
    return expected


def funding_quote(result: BacktestResult, session: str = "btc") -> str:
    """Return what a report says of it."""
    pnl = result.session(session)["pnl"]
    assert isinstance(pnl, dict)
    return str(pnl["funding_quote"])


def test_a_position_pays_at_the_recorded_funding_time(tmp_path: Path) -> None:
    """Once, in the P&L and its identity, in the result, in the note; and no flow from outside."""
    job = job_of(tmp_path, perpetual())
    result = both(job)
    assert result.fills > 20
    ((ts_ns, atoms),) = paid(result)
    assert [(ts_ns, atoms)] == naive(result, job.data[0], [local_ns(NEXT_MS)])
    text = f"{atoms / 10**8:.8f}"
    assert funding_quote(result) == text
    assert result.funding == {
        "BTC/USDT": {
            "applied": True,
            "by": "marks",
            "times": 1,
            "payments": 1,
            "at_mid": 0,
            "quote": text,
        }
    }
    assert result.notes == (
        "BTC/USDT is a contract traded as spot: no margin, no liquidation; funding applied: yes, by the"
        " recorded marks, 1 time in the data; it is in the P&L, and moves neither balances nor limits",
    )
    _, left = read_result(Path(result.run_dir))
    assert (left.funding, left.notes) == (result.funding, result.notes)
    assert not [name for name in codes(result) if name in ("balance.external", "pnl.residue")]


def codes(result: BacktestResult) -> list[str]:
    """Return what the engine reported."""
    commands = read(Path(result.run_dir) / JOURNAL_NAME, kinds=(Kind.COMMAND,), own_only=True)
    return [str(getattr(record.entry, "code", "")) for record in commands]


def test_the_parts_of_the_pnl_add_up_with_it(tmp_path: Path) -> None:
    """And what was done is what is done without it, but for that."""
    funded = both(job_of(tmp_path, perpetual()))
    (tmp_path / "plain").mkdir()
    plain = both(job_of(tmp_path / "plain", perpetual(next_ms=START_MS + 10**9)))
    assert (plain.fills, plain.commands, plain.funding["BTC/USDT"]["times"]) == (
        funded.fills,
        funded.commands,
        0,
    )
    assert plain.digest != funded.digest
    net = [float(one.session("btc")["pnl"]["net_quote"]) for one in (funded, plain)]  # type: ignore[index]  # a table of it
    assert net[0] - net[1] == pytest.approx(float(funding_quote(funded)), abs=1e-9)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=st.integers(0, 9_000),
    interval=st.integers(1_500, 12_000),
    seed=st.integers(0, 9),
    spread=st.sampled_from(("0.1", "0.3", "2")),
)
def test_the_funding_of_any_path_of_positions_is_the_naive_sum(
    tmp_path: Path, first: int, interval: int, seed: int, spread: str
) -> None:
    """Many funding times in a minute, against the fills of the journal."""
    first_ms = START_MS + 1_500 + first
    job = job_of(tmp_path, perpetual(seconds=40, next_ms=first_ms, interval_ms=interval))
    changes = (f"pair.btc.params.bid_spread_bps={spread}", f"pair.btc.params.ask_spread_bps={spread}")
    result = both(replace(job, seed=seed, overrides=changes))
    source = open_source(job.data)
    times = [local_ns(first_ms + at * interval) for at in range(60)]
    inside = [ts_ns for ts_ns in times if ts_ns <= source.last_ns]
    assert result.funding["BTC/USDT"]["times"] == len(inside)
    assert paid(result) == naive(result, job.data[0], inside)


def test_a_funding_time_at_the_very_time_of_a_fill_comes_before_it(tmp_path: Path) -> None:
    """The position is what it was before."""
    plain = run_job(job_of(tmp_path, perpetual(next_ms=START_MS + 10**9)))
    fills = [one for one in outcomes(plain) if isinstance(one, OrderFilled)]
    at_ns = next(one.ts_ns for one in fills[20:] if (one.ts_ns + LATE_NS) % 10**6 == 0)
    due_ms = (at_ns + LATE_NS - 2_000_000) // 10**6
    assert local_ns(due_ms) == at_ns
    job = job_of(tmp_path, perpetual(next_ms=due_ms))
    result = both(job)
    assert paid(result) == naive(result, job.data[0], [at_ns])
    order = [type(one) for one in outcomes(result) if one.ts_ns == at_ns]
    assert order[0] is BalanceChanged
    assert OrderFilled in order


@pytest.mark.proof  # a backtest for each edge
def test_at_the_edges_of_the_data_what_lies_inside_counts(tmp_path: Path) -> None:
    """At the first row nothing is held; with the last row it is paid, a moment later it is not."""
    job = job_of(tmp_path, bare())
    source = open_source(job.data)
    late_ns = lag_ns(source, "BTC/USDT")
    first, last = ((ts_ns - late_ns) // 10**6 for ts_ns in (source.first_ns, source.last_ns))
    cases = ((first - 1, 0, 0), (first, 1, 0), (last, 1, 1), (last + 1, 0, 0))
    for venue_ms, times, payments in cases:
        result = both(replace(job, funding=rates(tmp_path, f"{venue_ms},0.0003")))
        told_of = result.funding["BTC/USDT"]
        assert (told_of["times"], told_of["payments"]) == (times, payments)
    assert paid(both(replace(job, funding=rates(tmp_path, f"{last},0.0003"))))[0][0] == source.last_ns


def test_only_the_span_that_is_played_is_funded(tmp_path: Path) -> None:
    """From its first moment on, up to its last, which is not in it."""
    job = job_of(tmp_path, perpetual())
    due_ns = local_ns(NEXT_MS)
    spans = ((0, due_ns, 0), (0, due_ns + 1, 1), (due_ns, 0, 1), (due_ns + 1, 0, 0))
    for from_ns, to_ns, times in spans:
        result = both(replace(job, from_ns=from_ns, to_ns=to_ns))
        assert result.funding["BTC/USDT"]["times"] == times


def test_a_time_that_is_told_twice_is_booked_once(tmp_path: Path) -> None:
    """Twice in a file, a few milliseconds later."""
    job = job_of(tmp_path, perpetual(next_ms=START_MS + 10**9))
    once = both(replace(job, funding=rates(tmp_path, f"{NEXT_MS},0.0003")))
    twice = both(replace(job, funding=rates(tmp_path, f"{NEXT_MS},0.0003", f"{NEXT_MS + 7},0.0003")))
    assert (len(paid(once)), once.digest) == (1, twice.digest)


def test_where_no_mark_is_known_the_mid_stands_in_and_that_is_said(tmp_path: Path) -> None:
    """None was recorded, or the last one is stale; a file may tell it."""
    job = job_of(tmp_path, bare())
    assert run_job(job).notes == (
        "BTC/USDT is a contract traded as spot: no margin, no liquidation; funding applied: no, the data hold"
        " no mark prices: --funding FILE tells the rates",
    )
    result = both(replace(job, funding=rates(tmp_path, f"{NEXT_MS},0.0003")))
    assert result.funding["BTC/USDT"]["at_mid"] == 1
    assert "by rates.csv, 1 time in the data, 1 paid at the mid for want of a mark;" in result.notes[0]
    known = both(
        replace(job, funding=rates(tmp_path, f"{NEXT_MS},0.0003,{MARK}", head="ts_ms,rate,mark_price"))
    )
    assert known.funding["BTC/USDT"]["at_mid"] == 0
    assert [atoms for _, atoms in paid(known)] == [
        atoms for _, atoms in naive(known, job.data[0], times(known))
    ]
    stale = both(job_of(tmp_path, perpetual(hole_ms=(NEXT_MS - 11_000, NEXT_MS + 2_000))))
    assert (stale.funding["BTC/USDT"]["by"], stale.funding["BTC/USDT"]["at_mid"]) == ("marks", 1)


def times(result: BacktestResult) -> list[int]:
    """Return when something was paid."""
    return [ts_ns for ts_ns, _ in paid(result)]


def test_a_file_of_rates_is_believed_before_the_marks_which_say_the_price(tmp_path: Path) -> None:
    """Its rate at the recorded price; a recorded funding time that it does not have is none. What it says as
    the marks do changes nothing.
    """
    job = job_of(tmp_path, perpetual())
    result = both(replace(job, funding=rates(tmp_path, f"{NEXT_MS + 20},-0.0006")))
    assert result.funding["BTC/USDT"]["at_mid"] == 0
    assert paid(result) == naive(result, job.data[0], [local_ns(NEXT_MS + 20)], -2 * RATE_E16) != []
    same = run_job(replace(job, funding=rates(tmp_path, f"{NEXT_MS},0.0003")))
    assert same.digest == run_job(job).digest
    none = both(replace(job, funding=rates(tmp_path, "1601424000005,0.0001")))
    assert none.notes[0].endswith("funding applied: yes, by rates.csv, but no times in the data")


def test_sessions_on_one_symbol_are_funded_each_for_itself(tmp_path: Path) -> None:
    """The sum of theirs is the symbol's."""
    second = PERPETUAL[PERPETUAL.index("[pair.btc]") : PERPETUAL.index("[risk]")].replace("btc", "two")
    second = second.replace("bid_spread_bps = 0.3", "bid_spread_bps = 0.9")
    result = both(job_of(tmp_path, perpetual(), PERPETUAL.replace("[risk]", f"{second}[risk]")))
    parts = [float(funding_quote(result, name)) for name in ("btc", "two")]
    assert result.funding["BTC/USDT"]["payments"] == 2
    assert sum(parts) == pytest.approx(float(str(result.funding["BTC/USDT"]["quote"])), abs=1e-9)


@pytest.mark.proof  # a backtest for each form
def test_every_form_of_a_recording_is_funded_alike(tmp_path: Path) -> None:
    """The raw frames and the Parquet of them."""
    job = job_of(tmp_path, perpetual())
    write_normalised(open_source(job.data), tmp_path / "n.parquet", told)
    parquet = run_job(replace(job, data=(tmp_path / "n.parquet",)))
    assert (parquet.digest, parquet.funding) == (run_job(job).digest, run_job(job).funding)


def test_a_result_of_an_earlier_version_has_no_funding(tmp_path: Path) -> None:
    """It is read all the same; and a job says where its file of rates is, from anywhere."""
    job = replace(job_of(tmp_path, perpetual(seconds=5)), funding=rates(tmp_path, f"{NEXT_MS},0.0003"))
    fields = run_job(job).as_dict()
    del fields["funding"]
    assert BacktestResult.from_dict(fields).funding == {}
    assert BacktestJob.from_dict(json.loads(json.dumps(job.as_dict()))) == job
    older = {name: value for name, value in job.as_dict().items() if name != "funding"}
    assert BacktestJob.from_dict(older) == replace(job, funding=None)
    assert replace(job, funding=Path("a.csv")).placed().funding == Path("a.csv").absolute()


@pytest.mark.proof  # recordings of two more markets
def test_contracts_settled_in_coins_and_spot_are_not_funded(shared_data: Path, tmp_path: Path) -> None:
    """A file of rates for them is refused; without one the note says so."""
    coin = shared_data / RAW / "cm_btcusd_perp_20240808.gz"
    job = replace(job_of(tmp_path, coin, COIN), to_ns=20 * 10**9)
    assert run_job(job).notes[0] == (
        "BTC/USD is a contract traded as spot: no margin, no liquidation; funding applied: no; contracts"
        " settled in coins are counted as if they were spot: the P&L is not theirs"
    )
    assert run_job(job).funding["BTC/USD"]["applied"] is False
    spot = job_of(tmp_path, shared_data / RAW / "spot_btcusdt_20240808.gz")
    for refused, reason in ((job, "a contract settled in its base asset"), (spot, "a spot market")):
        text = COIN if refused is job else PERPETUAL
        refused.config.write_text(text, encoding="utf-8")
        with pytest.raises(UsageError, match=f"{reason}, which is not funded here"):
            run_job(replace(refused, funding=rates(tmp_path, f"{NEXT_MS},0.0003")))


def test_a_recorded_perpetual_is_funded_by_a_file_alike_in_both_loops(
    shared_data: Path, tmp_path: Path
) -> None:
    """Of the venue itself, half a minute, whose clock and the receiver's differ by more than a second."""
    text = PERPETUAL.replace("order_amount_base = 0.01", "order_amount_base = 0.002")
    job = replace(job_of(tmp_path, shared_data / "normalised" / PARQUET, text), to_ns=30 * 10**9)
    source = open_source(job.data)
    late_ns = lag_ns(source, "BTC/USDT")
    assert -1_300 * 10**6 < late_ns < -1_200 * 10**6
    venue_ms = (source.first_ns - late_ns) // 10**6 + 20_000
    result = both(replace(job, funding=rates(tmp_path, f"{venue_ms},0.0003")))
    assert times(result) == [venue_ms * 10**6 + late_ns]
