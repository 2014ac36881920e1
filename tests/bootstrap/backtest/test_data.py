"""The data of a backtest: recordings of several venues and symbols, and what they are counted in."""

from pathlib import Path

import msgspec
import pytest

from mm.bootstrap.backtest.data import grouped, in_common_units, unnamed
from mm.bootstrap.backtest.run import BacktestJob, BacktestResult, run_job
from mm.domain.units import NS_PER_S
from mm.errors import ConfigError, RecordingUnusable, UsageError
from tests.builders.configs import loaded
from tests.builders.instruments import INSTRUMENT
from tests.builders.market_tapes import long_recording
from tests.builders.recorded_configs import RECORDED

RAW = "binance_raw_2024-08-08"
SPOT, PERP, COIN = (
    f"{RAW}/{name}"
    for name in ("spot_btcusdt_20240808.gz", "usdm_btcusdt_20240808.gz", "cm_btcusd_perp_20240808.gz")
)

CROSS = """\
mode = "paper"

[venue.main]
id = "binance"

[venue.perp]
id = "binance"
url = "http://127.0.0.1:1"

[pair.btc]
symbol = "BTC/USDT"
venue = "main"
strategy = "cross_reference"

[pair.btc.params]
sources = ["perp:BTC/USDT"]
spread_bps = 2
order_amount_base = 0.002
"""


def run(folder: Path, text: str, *data: str | Path, seconds: int = 20) -> BacktestResult:
    """Return the result of a config on the begin of some data."""
    path = folder / "mm.toml"
    path.write_text(text, encoding="utf-8")
    paths = tuple(Path(one) for one in data)
    return run_job(BacktestJob(config=path, data=paths, to_ns=seconds * NS_PER_S))


def test_a_market_of_another_venue_is_watched_by_its_name(shared_data: Path, tmp_path: Path) -> None:
    """Spot quoted around the perpetual contract; without its recording the error says how to name it."""
    spot, perp = shared_data / SPOT, shared_data / PERP
    result = run(tmp_path, CROSS, spot, f"perp={perp}")
    assert result.decisions > 50
    assert result.notes == ()
    assert result.session("btc")["presence"]["both_ratio"] > 0.3  # type: ignore[index]  # a table of it
    with pytest.raises(ConfigError, match="perp:BTC/USDT is not in the recording") as told:
        run(tmp_path, CROSS, spot)
    assert told.value.hint == "say which recording is of [venue.perp]: --data perp=FILE"


def test_sessions_on_several_symbols_share_the_account(shared_data: Path, tmp_path: Path) -> None:
    """Files of two markets in any order of names; a symbol that nobody trades changes nothing."""
    spot, coin = shared_data / SPOT, shared_data / COIN
    alone = run(tmp_path, RECORDED, spot)
    beside = run(tmp_path, RECORDED, coin, spot)
    assert (alone.digest, alone.fills, alone.rows) == (beside.digest, beside.fills, beside.rows)
    second = RECORDED[RECORDED.index("[pair.btc]") : RECORDED.index("[risk]")].replace("btc", "usd")
    for old, new in (("BTC/USDT", "BTC/USD"), ("0.002", "1"), ("0.05", "100")):
        second = second.replace(old, new)
    result = run(tmp_path, RECORDED.replace("[risk]", f"{second}[risk]"), coin, spot)
    assert [session["symbol"] for session in result.sessions] == ["BTC/USDT", "BTC/USD"]
    assert list(result.participation) == ["BTC/USDT", "BTC/USD"]
    assert result.rows > alone.rows
    assert result.notes[0].endswith("as if they were spot: the P&L is not theirs")


def test_a_raw_recording_and_its_parquet_form_give_the_same_digest(shared_data: Path, tmp_path: Path) -> None:
    """The same messages, read from two forms."""
    parquet = shared_data / "normalised" / "binance_usdm_BTCUSDT_2024-08-08.parquet"
    results = [run(tmp_path, RECORDED, data, seconds=30) for data in (shared_data / PERP, parquet)]
    assert results[0].digest == results[1].digest
    assert results[0].fills == results[1].fills > 0


def test_a_recording_without_a_whole_book_is_never_quoted_on(shared_data: Path, tmp_path: Path) -> None:
    """And the result says why nothing was done."""
    result = run(tmp_path, RECORDED, shared_data / "binance_raw_2023-04-04/spot_btcusdt_20230405.dat.gz")
    assert (result.fills, result.decisions) == (0, 0)
    assert result.notes[-1] == (
        "btc never quoted: the data hold no whole book of BTC/USDT to begin with (waits for connections and a"
        " book)"
    )


def test_a_print_that_cannot_be_fills_nothing_and_is_told(tmp_path: Path) -> None:
    """A broken feed is no market: each bid would be filled by it."""
    tape = long_recording(seconds=20)
    text = RECORDED.replace("0.002", "0.01").replace("quote = 500\nsession", "quote = 5_000\nsession")
    clean = run(tmp_path, text, tape.save(tmp_path / "clean.gz"), seconds=60)
    for _ in range(2):
        tape.trade("2500.00000000", "9.00000000", buyer_is_maker=True)
    result = run(tmp_path, text, tape.save(tmp_path / "broken.gz"), seconds=60)
    assert clean.fills > 0
    assert result.fills == clean.fills
    assert result.session("btc")["inventory"] == clean.session("btc")["inventory"]
    (note,) = result.notes
    assert note.startswith("2 messages left out whose price cannot be, the first of BTC/USDT at 2024-")
    assert ": 2500 after 6" in note


def test_recordings_are_grouped_by_the_venue_before_the_sign(tmp_path: Path) -> None:
    """A file whose own name has the sign in it is that file."""
    settings = loaded(tmp_path, CROSS)
    odd = tmp_path / "perp=x"
    odd.write_text("", encoding="utf-8")
    data = [Path("a"), Path("perp=b"), Path("x/perp=c"), odd, Path("perp=d"), Path("main=e")]
    assert grouped(data, settings) == {
        "": [Path("a"), Path("x/perp=c"), odd, Path("e")],
        "perp": [Path("b"), Path("d")],
    }
    assert unnamed(data, settings) == (*data[:5], Path("e"))


def test_a_name_that_is_no_venue_of_the_config_is_refused(tmp_path: Path) -> None:
    """With those that are; and so is a name without a file."""
    settings = loaded(tmp_path, CROSS)
    with pytest.raises(UsageError, match=r"--data foo=c: there is no \[venue\.foo\]") as told:
        grouped([Path("foo=c")], settings)
    assert told.value.hint == "the config has [venue.main], [venue.perp]"
    with pytest.raises(UsageError, match="--data perp=: names no file"):
        grouped([Path("perp=")], settings)


def test_the_venue_that_is_traded_on_may_be_named(shared_data: Path, tmp_path: Path) -> None:
    """Its recording is then what it is without the name."""
    plain, named = (
        run(tmp_path, RECORDED, data) for data in (shared_data / SPOT, f"main={shared_data / SPOT}")
    )
    assert (plain.digest, plain.data_digest, plain.rows) == (named.digest, named.data_digest, named.rows)
    assert plain.fills > 0


def test_money_is_counted_in_the_finest_decimals_that_any_market_needs() -> None:
    """Ticks, lots and filters keep their value; what is right already is left alone."""
    fine = msgspec.structs.replace(
        INSTRUMENT, symbol="CCC/BBB", base="CCC", quote_scale=INSTRUMENT.quote_scale + 2
    )
    coarse, same = in_common_units((INSTRUMENT, fine))
    assert same is fine
    assert coarse.quote_scale == fine.quote_scale
    assert coarse.notional_atoms(7, 3) == 100 * INSTRUMENT.notional_atoms(7, 3)
    assert coarse.notional_min_atoms == 100 * INSTRUMENT.notional_min_atoms
    assert coarse.price_text(7) == INSTRUMENT.price_text(7)


def test_a_base_that_is_finer_money_elsewhere_is_refused() -> None:
    """Its sizes are recorded in decimals of their own."""
    other = msgspec.structs.replace(
        INSTRUMENT, symbol="CCC/AAA", base="CCC", quote="AAA", quote_scale=INSTRUMENT.base_scale + 1
    )
    with pytest.raises(RecordingUnusable, match="AAA/BBB: AAA is recorded in 8 decimals, and in 9"):
        in_common_units((INSTRUMENT, other))
