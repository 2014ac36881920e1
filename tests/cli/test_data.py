"""`mm data` as a person and as a program use it."""

import json
from pathlib import Path

import pytest

from mm.cli.main import carry_out
from mm.errors import EXIT_CHECK_FAILED, EXIT_CONFIG, EXIT_OK, EXIT_USAGE
from mm.store.recordings.framed.form import FramedKind
from mm.store.recordings.opening import open_source
from tests.builders.framed import FramedTape, a_header
from tests.builders.funded_tapes import NEXT_MS, perpetual
from tests.builders.recordings import Tape, ordinary
from tests.builders.stored import rows_of


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A small market."""
    return ordinary(rounds=700).save(tmp_path / "tape.gz")


def answer(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    """The one object on standard output."""
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    made: dict[str, object] = json.loads(out)
    return made


def only_market(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    """The one market of an answer."""
    markets = answer(capsys)["markets"]
    assert isinstance(markets, list)
    (market,) = markets
    assert isinstance(market, dict)
    return market


def test_a_recording_is_imported_once(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its partitions are named; the second time it is there already."""
    order = ["data", "import", str(recording), "--into", str(tmp_path / "store")]
    assert carry_out(order) == EXIT_OK
    said = capsys.readouterr().out
    assert said.startswith("binance BTC/USDT: ")
    assert "symbol=BTC-USDT/day=2024-08-08" in said
    assert carry_out(["--json", *order]) == EXIT_OK
    market = only_market(capsys)
    assert market["rows"] == 0
    assert market["partitions"] == market["already_there"]
    assert carry_out(order) == EXIT_OK
    assert "is there already, nothing was written" in capsys.readouterr().out
    assert rows_of(open_source([tmp_path / "store"])) == rows_of(open_source([recording]))


def test_all_verbs_count_alike(recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Frames are what was received; messages those of the tape; keyframes are told apart."""
    store, frames = tmp_path / "store", len(ordinary(rounds=700).lines)
    assert carry_out(["data", "import", str(recording), "--into", str(store), "--json"]) == EXIT_OK
    totals = only_market(capsys)["totals"]
    assert isinstance(totals, dict)
    assert totals["frames"] == totals["messages"] - totals["repeated"] + totals["beside"] == frames
    for path in (recording, store):
        assert carry_out(["data", "verify", str(path), "--json"]) == EXIT_OK
        assert answer(capsys)["totals"] == totals
        assert carry_out(["data", "info", str(path), "--json"]) == EXIT_OK
        assert only_market(capsys)["totals"] == totals
        out = tmp_path / f"{path.name}.parquet"
        assert (
            carry_out(["data", "convert", str(path), "--to", "normalised", "-o", str(out), "--json"])
            == EXIT_OK
        )
        made = answer(capsys)
        assert (made["frames"], made["messages"]) == (frames, totals["messages"])
        out = tmp_path / f"{path.name}.npz"
        assert (
            carry_out(["data", "convert", str(path), "--to", "hftbacktest", "-o", str(out), "--json"])
            == EXIT_OK
        )
        assert answer(capsys)["messages"] == totals["messages"]
    assert carry_out(["data", "verify", str(store)]) == EXIT_OK
    said = capsys.readouterr().out
    assert f"{frames} frames: {totals['messages']} messages of the tape" in said
    assert f"and {totals['keyframes']} keyframes" in said


def test_one_price_that_makes_the_tick_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By an import and in the sheet, with its row; not where the tick was named."""
    numpy = pytest.importorskip("numpy")
    tape = ordinary(rounds=700)
    path = tmp_path / "theirs.npz"
    source = tape.save(tmp_path / "tape.gz")
    assert (
        carry_out(["data", "convert", str(source), "--to", "hftbacktest", "-o", str(path), "-q"]) == EXIT_OK
    )
    rows = numpy.load(path)["data"].copy()
    row = int(numpy.flatnonzero(rows["ev"] & 0xFF == 2)[500])
    rows["px"][row] = 61000.001
    numpy.savez(path, data=rows)
    capsys.readouterr()
    facts = ["--base", "BTC", "--quote", "USDT"]
    words = f"{path}: row {row + 1}: 61000.001 makes the tick 0.001: 1 of "
    assert carry_out(["data", "info", str(path), *facts]) == EXIT_OK
    assert words in capsys.readouterr().out
    assert carry_out(["data", "import", str(path), "--into", str(tmp_path / "store"), *facts]) == EXIT_OK
    assert words in capsys.readouterr().out
    assert carry_out(["data", "verify", str(path), *facts, "--json"]) == EXIT_CHECK_FAILED
    counts = answer(capsys)["counts"]
    assert isinstance(counts, dict)
    assert counts["grid"] == 1
    assert carry_out(["data", "verify", str(path), *facts, "--tick", "0.01"]) == EXIT_CONFIG


def test_mark_prices_are_told_with_the_funding_times_in_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And what is wrong with them; of contracts without any, that nobody knows what was paid."""
    path = str(perpetual(hole_ms=(NEXT_MS - 12_000, NEXT_MS + 1)).save(tmp_path / "tape.gz"))
    assert carry_out(["data", "info", path]) == EXIT_OK
    told = capsys.readouterr().out.splitlines()
    at = next(number for number, line in enumerate(told) if line.startswith("marks"))
    assert told[at : at + 2] == [
        "marks     47 mark prices, up to 14.0 s without one; 1 funding time",
        "  2024-08-08T23:54:45.000Z by the venue's clock: rate 0.0003, mark 61000.12345678",
    ]
    assert told[at + 2].endswith("passed without a mark: the last one was 13.000 s old")
    assert "beside    1 messages are no part" in told[at + 3]
    assert carry_out(["data", "verify", path]) == EXIT_CHECK_FAILED
    assert capsys.readouterr().out.startswith("funding: ")
    out = str(tmp_path / "tape.npz")
    assert carry_out(["data", "convert", path, "--to", "hftbacktest", "-o", out]) == EXIT_OK
    assert "left out: 47 of mark prices, which hftbacktest cannot hold" in capsys.readouterr().err
    bare = str(ordinary(linear=True).save(tmp_path / "bare.gz"))
    assert carry_out(["data", "info", bare]) == EXIT_OK
    assert "marks     none: what funding was paid is not known" in capsys.readouterr().out


def test_frames_that_are_no_rows_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """How many, of which stream."""
    tape = ordinary(rounds=2)
    tape.line(f'{tape.local_ns} {{"stream":"btcusdt@kline_1m","data":{{"e":"kline"}}}}'.encode())
    path = tape.save(tmp_path / "tape.gz")
    assert carry_out(["data", "import", str(path), "--into", str(tmp_path / "store")]) == EXIT_OK
    assert "1 frames of btcusdt@kline_1m are no rows" in capsys.readouterr().out


def test_an_end_that_was_cut_off_is_told_by_every_verb(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With file and byte; a check ends with 9, the others say it beside what they read."""
    tape = FramedTape().tape(ordinary(rounds=3)).end()
    path = tape.save(tmp_path)
    path.write_bytes(tape.content[:-5])
    words = f"{path}: its records end at byte {tape.offsets[-1]}, behind them "
    store = str(tmp_path / "store")
    assert carry_out(["data", "verify", str(path)]) == EXIT_CHECK_FAILED
    said = capsys.readouterr().out
    place = f"{path}: record {len(tape.offsets) - 1}, byte {tape.offsets[-2]}"
    assert said.startswith(f"torn: {place} ")
    assert f"its records end at byte {tape.offsets[-1]}" in said
    assert carry_out(["data", "info", str(path)]) == EXIT_OK
    assert f"torn      {words}" in capsys.readouterr().out
    assert carry_out(["data", "import", str(path), "--into", store]) == EXIT_OK
    assert words in capsys.readouterr().err
    assert carry_out(["data", "info", str(path), "--json"]) == EXIT_OK
    torn = answer(capsys)["torn"]
    assert isinstance(torn, list)
    assert [one["file"] for one in torn] == [str(path)]
    assert carry_out(["data", "info", store, "--json"]) == EXIT_OK
    assert answer(capsys)["torn"] == []


def test_candles_alone_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """There are no frames to count."""
    path = tmp_path / "klines.csv"
    rows = "".join(f"{at},1,1,1,1,0\n" for at in (60, 120, 180))
    path.write_text(f"open_time_s,open,high,low,close,volume\n{rows}", encoding="utf-8")
    assert carry_out(["data", "verify", str(path)]) == EXIT_OK
    assert capsys.readouterr().out == f"{path}: clean, 3 candles one after the other\n"
    assert carry_out(["data", "verify", str(path), "--json"]) == EXIT_OK
    assert answer(capsys)["candles_read"] == 3


def test_a_day_without_its_manifest_is_told_by_a_sheet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And is a finding of a check."""
    store = tmp_path / "store"
    tape = Tape().diff().snapshot()
    tape.now_ms += 86_400_000
    path = tape.diff().diff().save(tmp_path / "tape.gz")
    assert carry_out(["data", "import", str(path), "--into", str(store), "--lot", "0.01"]) == EXIT_OK
    first, second = sorted(store.rglob("manifest.json"))
    second.unlink()
    capsys.readouterr()
    assert carry_out(["data", "info", str(store)]) == EXIT_OK
    assert f"note      {second.parent}: 1 Parquet file and no manifest.json" in capsys.readouterr().out
    assert carry_out(["data", "verify", str(store)]) == EXIT_CHECK_FAILED
    assert f"manifest: {second.parent}: 1 Parquet file and no manifest.json" in capsys.readouterr().out
    first.unlink()
    assert carry_out(["data", "verify", str(store)]) == EXIT_CHECK_FAILED


def test_an_account_that_was_recorded_too_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its texts by kind and its hole, for people and programs; a market's rows know nothing of it."""
    tape = FramedTape(a_header(has_account=True)).tape(ordinary(rounds=3))
    for kind, text in (
        (FramedKind.OWN_UP, b""),
        (FramedKind.OWN, b'{"event":{"e":"executionReport"}}'),
        (FramedKind.OWN_DOWN, b"closed by the venue"),
        (FramedKind.OWN_UP, b""),
    ):
        tape.add(kind, text, connection=1)
    path = str(tape.end().save(tmp_path))
    counted = "1 order reports, 0 balance changes; 0 listings; 1 hole"
    gone = "the account's stream was gone for 0.001 s: closed by the venue"
    assert carry_out(["data", "info", path]) == EXIT_OK
    said = capsys.readouterr().out
    assert f"\n\naccount   {counted}\n  {path}: row " in said
    assert gone in said
    assert carry_out(["data", "info", path, "--json"]) == EXIT_OK
    account = answer(capsys)["account"]
    assert isinstance(account, dict)
    assert (account["texts"], account["holes"][0]["reason"]) == (1, "closed by the venue")
    assert carry_out(["data", "verify", path]) == EXIT_CHECK_FAILED
    said = capsys.readouterr().out
    assert said.startswith("account_hole: ")
    assert f": {gone}\naccount: {counted}\n" in said
    assert carry_out(["data", "verify", path, "--json"]) == EXIT_CHECK_FAILED
    told = answer(capsys)
    assert (told["counts"], told["account"]) == ({"account_hole": 1}, account)
    assert carry_out(["data", "import", path, "--into", str(tmp_path / "store")]) == EXIT_OK
    assert "1 frames of the account's stream are no rows" in capsys.readouterr().out
    assert rows_of(open_source([tmp_path / "store"])) == rows_of(open_source([Path(path)]))
    market = str(ordinary(rounds=3).save(tmp_path / "clean.gz"))
    for verb in ("info", "verify"):
        assert carry_out(["data", verb, market, "--json"]) == EXIT_OK
        assert answer(capsys)["account"] is None


def test_other_content_is_refused_with_a_config_error(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what is there and what overlaps it."""
    store = ["--into", str(tmp_path / "store")]
    assert carry_out(["data", "import", str(recording), *store]) == EXIT_OK
    other = ordinary(rounds=3).save(tmp_path / "other.gz")
    assert carry_out(["data", "import", str(other), *store]) == EXIT_CONFIG
    said = capsys.readouterr().err
    assert "other content is there" in said
    assert "tape.gz" in said


def test_a_check_ends_with_nine_where_something_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """File, row, time and what it is, for people and programs."""
    tape = ordinary(rounds=3).diff(skip=3)
    path = tape.save(tmp_path / "gap.gz")
    assert carry_out(["data", "verify", str(path)]) == EXIT_CHECK_FAILED
    said = capsys.readouterr().out
    assert said.startswith(f"gap: {path}: row {len(tape.lines)} 2024-08-08T23:54:")
    assert carry_out(["data", "verify", str(path), "--json"]) == EXIT_CHECK_FAILED
    told = answer(capsys)
    assert told["ok"] is False
    assert told["counts"] == {"gap": 1}
    clean = ordinary(rounds=3).save(tmp_path / "clean.gz")
    assert carry_out(["data", "verify", str(clean)]) == EXIT_OK
    assert "clean" in capsys.readouterr().out


def test_a_recording_is_described(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For people a sheet, for programs its figures."""
    assert carry_out(["data", "info", str(recording)]) == EXIT_OK
    said = capsys.readouterr().out
    for part in (
        "span ",
        "grid      tick 0.01, lot 0.01",
        "bursts ",
        "spread    median 1 ticks",
        "gaps      none",
    ):
        assert part in said
    assert "a clock is wrong" in said
    assert carry_out(["data", "info", str(recording), "--json"]) == EXIT_OK
    market = only_market(capsys)
    assert market["counts"] == {"snapshots": 1, "changes": 702, "trades": 700, "best prices": 700}
    assert market["duration_s"] == pytest.approx(2_103 * 0.05)
    assert market["trades_per_min"] == pytest.approx(60 * 700 / (2_103 * 0.05))
    assert market["burst"] == 4  # a print, and the snapshot with what had waited for it
    assert market["lag_fastest_ns"] == -1_268_000_000


def test_a_recording_without_best_prices_has_the_spread_of_its_book(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rebuilt; gaps are listed with their places."""
    tape = Tape().diff().snapshot()
    for _ in range(10):
        tape.diff((("60999.50000000", "2.00000000"),))
    tape.trade("61000.00000000", "0.01000000", buyer_is_maker=True).diff(skip=1)
    path = tape.save(tmp_path / "tape.gz")
    assert carry_out(["data", "info", str(path)]) == EXIT_OK
    said = capsys.readouterr().out
    assert "spread    median 1 ticks" in said
    assert "gaps      1" in said
    assert f"{path}: row {len(tape.lines)}" in said


def test_a_recording_is_converted_and_read_again(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same rows; a file that is there is left alone."""
    out = tmp_path / "out.parquet"
    order = ["data", "convert", str(recording), "--to", "normalised", "-o", str(out)]
    assert carry_out([*order, "--json"]) == EXIT_OK
    assert answer(capsys)["left_out"] == {}
    assert rows_of(open_source([out])) == rows_of(open_source([recording]))
    content = out.read_bytes()
    assert carry_out(order) == EXIT_CONFIG
    assert "is there already" in capsys.readouterr().err
    assert out.read_bytes() == content


def test_wrong_command_lines_are_usage_errors(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A number that is none, a file that is not there, several markets for one file."""
    assert carry_out(["data", "info", str(recording), "--tick", "none"]) == EXIT_USAGE
    assert carry_out(["data", "info", str(tmp_path / "absent")]) == EXIT_USAGE
    linear = ordinary(linear=True).save(tmp_path / "linear.gz")
    order = ["data", "convert", str(recording), str(linear), "--to", "normalised", "-o", str(tmp_path / "o")]
    assert carry_out(order) == EXIT_CONFIG
    assert "2 markets are there: binance BTC/USDT, binanceusdm BTC/USDT" in capsys.readouterr().err


def test_a_grid_can_be_named_or_taken_from_the_venue(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that the prices do not lie on is refused; so are both at once."""
    told = {
        "symbols": [
            {
                "symbol": "BTCUSDT",
                "baseAsset": "BTC",
                "quoteAsset": "USDT",
                "filters": [
                    {"filterType": "PRICE_FILTER", "tickSize": "0.01000000", "minPrice": "0.01"},
                    {"filterType": "LOT_SIZE", "stepSize": "0.00001000", "minQty": "0.00001"},
                    {"filterType": "NOTIONAL", "minNotional": "5.00000000"},
                ],
            }
        ]
    }
    info = tmp_path / "info.json"
    info.write_text(json.dumps(told))
    assert carry_out(["data", "info", str(recording), "--info", str(info)]) == EXIT_OK
    assert "lot 0.00001" in capsys.readouterr().out
    assert carry_out(["data", "info", str(recording), "--info", str(info), "--lot", "0.01"]) == EXIT_CONFIG
    info.write_text(json.dumps(told).replace("0.01000000", "0.50000000"))
    assert carry_out(["data", "info", str(recording), "--info", str(info)]) == EXIT_CONFIG
    assert "the tick of BTCUSDT is 0.5" in capsys.readouterr().err
    assert carry_out(["data", "info", str(recording), "--tick", "0.03"]) == EXIT_CONFIG
