"""Own orders that `mm record --account` heard beside the queue models: the one that filled them is found."""

import json
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from mm.bootstrap.calibrate.fills import Origin, calibrate_fills, told_of
from mm.bootstrap.calibrate.recorded import calibrate_recording, recorded_bytes
from mm.cli.main import carry_out
from mm.domain.sides import Side
from mm.errors import EXIT_OK, EXIT_USAGE, NotRunning
from mm.observe.fill_model_ghosts import Candidate, OwnOrder
from mm.sim.queue import QueueModel
from mm.store.fill_model import fill_model_words
from mm.store.recordings.framed.form import FramedKind
from mm.store.recordings.framed.own_orders import OwnEnd, OwnLost, OwnReport, own_orders
from mm.store.recordings.framed.reader import FramedRecording
from tests.builders.configs import SMALL
from tests.builders.framed import FramedTape, a_header
from tests.builders.instruments import INSTRUMENT
from tests.builders.own_recordings import LATE_MS, OwnRecording, recorded
from tests.builders.queue_market import MS, Traded
from tests.builders.recorded_runs import BEGAN_NS

EVENTS = 5_000
S = 1_000 * MS
FEW = (Candidate(QueueModel.RISK_AVERSE), Candidate(QueueModel.POWER3, 3.0))


def heard(_done: int) -> None:
    """Nobody wants to know how far it is."""


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of an account whose orders were filled by power 3 with the exponent 3."""
    traded = Traded(QueueModel.POWER3, 3.0, displayed=True).live(EVENTS)
    return recorded(traded, tmp_path_factory.mktemp("lived"))


@pytest.mark.parametrize(
    ("queue", "power", "offset_ms"),
    [(QueueModel.RISK_AVERSE, None, 0), (QueueModel.POWER, 2.0, 0), (QueueModel.POWER3, 3.0, -7_777)],
)
def test_the_model_that_made_the_fills_is_found_as_in_a_run(
    tmp_path: Path, queue: QueueModel, power: float | None, offset_ms: int
) -> None:
    """With its exponent; the same orders and fills as of the journal of their run, whatever the clock."""
    traded = Traded(queue, power, displayed=True).live(EVENTS)
    found = calibrate_recording(recorded(traded, tmp_path / "rec", offset_ns=offset_ms * MS), heard)
    assert found.fit.doubt == ""
    assert (found.fit.best.candidate.queue, found.fit.best.candidate.power) == (queue, power)
    run = calibrate_fills(traded.write(tmp_path / "data"), heard, FEW)
    assert (found.fit.orders, found.fit.fills) == (run.fit.orders, run.fit.fills)
    assert found.model is not None
    assert (found.mode, found.model.mode, found.made_by, found.symbols) == ("live", "live", "", run.symbols)
    assert found.model.n > 30


def test_the_same_recording_gives_the_same_answer(lived: Path) -> None:
    """With the digest of the recording; it is told how far it is."""
    told: list[int] = []
    first, second = (
        calibrate_recording(lived, told.append, FEW),
        calibrate_recording(lived.parent, heard, FEW),
    )
    assert (first.fit, first.model, first.run_id) == (second.fit, second.model, second.run_id)
    assert first.model is not None
    assert len(first.model.data_digest) == 64
    assert told == sorted(told)
    assert 0 < told[-1] <= recorded_bytes(lived)


def test_of_a_symbol_without_a_fill_nothing_was_learnt(lived: Path) -> None:
    """A backtest of it is not one that is calibrated on the fills of another."""
    fit = calibrate_recording(lived, heard, FEW).fit
    filled = OwnOrder(
        cid="1",
        symbol="AAA/BBB",
        side=Side.BUY,
        price_ticks=9,
        size_lots=1,
        sent_ns=1,
        live_ns=2,
        ends_ns=3,
        ended_ns=4,
        fills=((3, 1),),
    )
    never = replace(filled, cid="2", symbol="CCC/BBB", fills=())
    origin = Origin(directory=lived, name="r", mode="live", made_by="")
    found = told_of(origin, fit, ([filled, never], 2, "d"))
    assert found.model is not None
    assert found.model.symbols == ("AAA/BBB",)


def test_an_order_that_was_not_wholly_heard_is_not_tried(tmp_path: Path) -> None:
    """Its stream was down while it stood; of those that ended before or began after all is known."""
    tape = OwnRecording()
    for number, at_s in enumerate((1, 2), start=1):
        tape.report(BEGAN_NS + at_s * S, i=number)
    tape.report(BEGAN_NS + 3 * S, i=1, x="CANCELED", X="CANCELED")
    tape.own_down(BEGAN_NS + 4 * S)
    tape.own_up(BEGAN_NS + 5 * S)
    tape.report(BEGAN_NS + 6 * S, i=2, x="TRADE", X="FILLED", l="3", t=1, m=True)
    tape.report(BEGAN_NS + 7 * S, i=3)
    # It stands to the end.
    found = calibrate_recording(_with_market(tape, tmp_path), heard, FEW)
    assert (found.fit.orders, found.fit.fills) == (2, 0)
    assert found.notes[0] == "1 orders were not tried: the account's stream was down while they stood"


def test_an_order_whose_book_is_not_known_cannot_be_tried(tmp_path: Path) -> None:
    """The market's stream ended before it came; one that came before is tried."""
    tape = OwnRecording()
    tape.report(BEGAN_NS + S, i=1)
    tape.add(FramedKind.DOWN, b"closed", connection=1, ts_ns=BEGAN_NS + 2 * S)
    tape.report(BEGAN_NS + 3 * S, i=2)
    found = calibrate_recording(_with_market(tape, tmp_path), heard, FEW)
    assert (found.fit.orders, found.left_out, found.notes) == (1, 0, ())


@pytest.mark.parametrize(
    "steps",
    [
        [{"o": "MARKET"}],
        [{"o": "LIMIT", "f": "IOC"}],
        [{"s": "OTHER"}],
        [{"S": "BOTH"}],
        [{"q": "0.000001"}],
        [{}, {"x": "REPLACED"}],
        [{}, {"x": "TRADE", "X": "FILLED", "l": "3", "t": 1, "m": False}],
        [{"x": "CANCELED", "X": "CANCELED"}],
        [{}, {"T": "soon"}],
    ],
)
def test_an_order_that_did_not_come_to_rest_is_not_tried(
    tmp_path: Path, steps: list[dict[str, object]]
) -> None:
    """Or is off our grid, of another market, became another one, or was there before."""
    tape = OwnRecording()
    for number, step in enumerate(steps, start=1):
        tape.report(BEGAN_NS + number * S, "a", **step)
    with pytest.raises(NotRunning, match="no resting order of an account"):
        calibrate_recording(_with_market(tape, tmp_path), heard, FEW)


def test_each_step_has_the_time_before_which_it_did_not_happen(tmp_path: Path) -> None:
    """The venue's millisecond by our clock, less what the measure of the clock can be wrong by."""
    tape = OwnRecording(offset_ns=5 * S)
    tape.report(BEGAN_NS + S)
    tape.report(BEGAN_NS + 2 * S, T=(BEGAN_NS + 9 * S) // MS)
    tape.add(FramedKind.OWN, b'{"e":"outboundAccountPosition"}', ts_ns=BEGAN_NS + 3 * S)
    tape.add(FramedKind.OWN, b"cut {", ts_ns=BEGAN_NS + 4 * S)
    tape.clock(1)
    path = tape.end().save(tmp_path)
    first, late, lost, end = own_orders(FramedRecording([path]))
    assert isinstance(first, OwnReport)
    assert isinstance(late, OwnReport)
    assert first.ts_ns == BEGAN_NS + S
    expected_ns = (BEGAN_NS + 6 * S) // MS * MS - LATE_MS * MS - 5 * S - MS // 2
    assert first.happened_ns == expected_ns
    assert (late.ts_ns, late.happened_ns) == (BEGAN_NS + 2 * S, BEGAN_NS + 2 * S)
    assert lost == OwnLost(BEGAN_NS + 4 * S)
    assert end == OwnEnd(tape.ts_ns)


def test_without_a_measured_clock_a_step_happened_when_it_was_heard(tmp_path: Path) -> None:
    """Bare or wrapped; another recording ends the one before it."""
    whole = OwnRecording()
    whole.report(BEGAN_NS + S)
    wrapped = whole.content[whole.offsets[-1] :]
    text = wrapped[wrapped.index(b'{"e"') : wrapped.rindex(b"}}") + 1]
    first = FramedTape(a_header(has_account=True))
    start_ns = first.ts_ns
    first.add(FramedKind.OWN, text, ts_ns=start_ns + 5).end().save(tmp_path)
    again = a_header(recording="binance-b", began_ns=start_ns + S, opened_ns=start_ns + S, has_account=True)
    FramedTape(again).end().save(tmp_path)
    report, *ends = own_orders(FramedRecording([tmp_path]))
    assert isinstance(report, OwnReport)
    assert (report.ts_ns, report.happened_ns) == (start_ns + 5, start_ns + 5)
    assert ends == [OwnEnd(start_ns + 5), OwnEnd(start_ns + S)]


def test_the_verb_takes_a_recording(
    lived: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Told; written where a config says, as a recording lies in no data directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bot.toml").write_text(f'data_dir = "{tmp_path}/data"\n{SMALL}')
    assert carry_out(["calibrate", "--fills", str(lived)]) == EXIT_OK
    said = capsys.readouterr().out
    assert "power3:3" in said
    assert "nothing is written without --write" in said
    assert carry_out(["calibrate", "--fills", str(lived), "--write"]) == EXIT_USAGE
    assert "lies in no data directory" in capsys.readouterr().err.replace("\n", " ").replace("│", "")
    assert carry_out(["calibrate", "bot.toml", "--fills", str(lived), "--write", "--json"]) == EXIT_OK
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["written"] == f"{tmp_path}/data/fill_model.json"
    assert told["calibration"] == f"calibrated on {told['fills']} fills"
    assert fill_model_words(tmp_path / "data") is not None
    assert carry_out(["calibrate", "bot.toml", "--fills", str(tmp_path / "data")]) == EXIT_USAGE


def _with_market(tape: OwnRecording, folder: Path) -> Path:
    # A book that stands still: nothing in it fills anybody. Frames are in order of time, so it is put before.
    made = OwnRecording()
    bids, asks = ([[INSTRUMENT.price_text(price_ticks), "10"]] for price_ticks in (9_999, 10_001))
    book = {"lastUpdateId": 1, "bids": bids, "asks": asks}
    symbol = INSTRUMENT.venue_symbol
    made.answer(msgspec.json.encode(book), f"/api/v3/depth?symbol={symbol}", ts_ns=BEGAN_NS + 1)
    change = {"e": "depthUpdate", "E": 1, "s": symbol, "U": 2, "u": 2, "b": bids, "a": []}
    made.frame(msgspec.json.encode(change), ts_ns=BEGAN_NS + 2)
    made.content += tape.content[tape.offsets[3] :]
    made.ts_ns = tape.ts_ns
    made.frame(msgspec.json.encode({**change, "U": 3, "u": 3}), ts_ns=tape.ts_ns + S)
    return made.end().save(folder)
