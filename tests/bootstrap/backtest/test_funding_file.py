"""Files of funding rates: what is read, and what is refused with its row."""

from pathlib import Path

import pytest

from mm.bootstrap.backtest.funding_file import FundingRow, read_funding
from mm.errors import RecordingUnusable, UsageError

HOUR = 3_600_000
AT = 1_723_161_600_000
ONE = {"BTC/USDT": "BTCUSDT"}


def file(folder: Path, *lines: str) -> Path:
    """Write a file."""
    path = folder / "rates.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "head",
    ["ts_ms,rate", "funding_time_ms,funding_rate", "calc_time,last_funding_rate", "fundingTime,fundingRate"],
)
def test_the_names_that_venues_give_their_columns_are_known(tmp_path: Path, head: str) -> None:
    """Rates are exact, below zero too."""
    path = file(tmp_path, head, f"{AT},0.00010000", f"{AT + HOUR},-0.0000792386885340")
    assert read_funding(path, ONE) == {
        "BTC/USDT": [FundingRow(AT, 10**12, 0), FundingRow(AT + HOUR, -792_386_885_340, 0)]
    }


def test_mark_prices_are_read_where_they_are_told(tmp_path: Path) -> None:
    """An empty one is none."""
    path = file(tmp_path, "ts_ms,rate,mark_price", f"{AT},0,61000.5", f"{AT + HOUR},0,")
    assert [row.mark for row in read_funding(path, ONE)["BTC/USDT"]] == [6_100_050_000_000, 0]


def test_rows_of_other_symbols_and_markets_are_passed_over(shared_data: Path) -> None:
    """A history of several markets, in which contracts settled in coins have symbols of their own."""
    path = shared_data / "klines" / "funding_binance.csv"
    found = read_funding(path, {"BTC/USDT": "BTCUSDT", "LTC/USDT": "LTCUSDT"})
    assert {symbol: len(rows) for symbol, rows in found.items()} == {"BTC/USDT": 107, "LTC/USDT": 3}
    with pytest.raises(RecordingUnusable, match="no row of funding of BTCUSD_PERP"):
        read_funding(path, {"BTC/USD": "BTCUSD_PERP"})


def test_a_time_that_is_there_twice_counts_once(tmp_path: Path) -> None:
    """Venues tell it a few milliseconds late; with another rate nobody knows which."""
    lines = ["ts_ms,rate", f"{AT},0.0001", f"{AT},0.0001", f"{AT + 5},0.0001", f"{AT + HOUR},0.0002"]
    assert [row.venue_ms for row in read_funding(file(tmp_path, *lines), ONE)["BTC/USDT"]] == [AT, AT + HOUR]
    with pytest.raises(RecordingUnusable, match=r"line 3: the funding time .* is there twice, with another"):
        read_funding(file(tmp_path, "ts_ms,rate", f"{AT},0.0001", f"{AT + 5},0.0002"), ONE)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["rate", "0.1"], "no column ts_ms"),
        (["ts_ms", f"{AT}"], "no column rate"),
        (["ts_ms,rate"], "no row of funding"),
        ([""], "no column"),
        (["ts_ms,rate", f"{AT},abc"], "line 2: value was 'abc'"),
        (["ts_ms,rate", f"{AT},nan"], "line 2"),
        (["ts_ms,rate", f"{AT},"], "line 2"),
        (["ts_ms,rate", f"{AT}"], "line 2"),
        (["ts_ms,rate", f"{AT},1.1"], "line 2: expected a rate of at most 1"),
        (["ts_ms,rate", f"{AT},0.00000000000000001"], "line 2: value was .* at most 16 decimals"),
        (["ts_ms,rate", f"{AT // 1000},0.1"], "line 2: the time was .*, expected milliseconds"),
        (["ts_ms,rate", f"{AT}.5,0.1"], "line 2: the time was"),
        (["ts_ms,rate,mark_price", f"{AT},0.1,-5"], "line 2: .* mark price of at least 0"),
        (["ts_ms,rate", f"{AT},0.1", f"{AT - HOUR},0.1"], "line 3: .* after"),
    ],
)
def test_what_is_no_file_of_rates_is_told_with_its_row(tmp_path: Path, lines: list[str], reason: str) -> None:
    """Nothing is passed over."""
    with pytest.raises(RecordingUnusable, match=reason):
        read_funding(file(tmp_path, *lines), ONE)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """It is not there, or no text."""
    with pytest.raises(RecordingUnusable, match="cannot be read: No such file"):
        read_funding(tmp_path / "none.csv", ONE)
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecordingUnusable, match="cannot be read"):
        read_funding(tmp_path / "bytes.csv", ONE)


def test_a_file_without_symbols_is_of_the_one_that_is_traded(tmp_path: Path) -> None:
    """Of several nobody knows which."""
    path = file(tmp_path, "ts_ms,rate", f"{AT},0.0001")
    with pytest.raises(UsageError, match="does not say which symbol it is of: BTC/USDT, ETH/USDT are traded"):
        read_funding(path, {**ONE, "ETH/USDT": "ETHUSDT"})
