"""Candles of trades: the same as a naive count, the same as a venue's, and honest about what is missing."""

from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.errors import RecordingDamaged, RecordingUnusable
from mm.store.recordings.candles.klines import MINUTE_MS, Candle, Candles, Print, candles_of, with_quiet
from mm.store.recordings.candles.klines_file import check_klines, compare, holes, read_klines
from mm.store.recordings.facts import Facts
from mm.store.recordings.raw_source import RawSource
from tests.builders.instruments import INSTRUMENT
from tests.builders.recordings import START_MS, Tape

MARKETS = (
    ("binance_spot_BTCUSDT", ("spot_btcusdt_20240808.gz", "spot_btcusdt_20240809.gz"), 10),
    ("binance_usdm_BTCUSDT", ("usdm_btcusdt_20240808.gz",), 4),
    ("binance_coinm_BTCUSD_PERP", ("cm_btcusd_perp_20240808.gz", "cm_btcusd_perp_20240809.gz"), 10),
)


def trade(ms: int, number: int, price: int = 100, size: int = 10, *, is_buyer: bool = True) -> Print:
    """A trade at a time after a full minute."""
    return Print(MINUTE_MS * 1_000 + ms, number, price, size, is_buyer)


@given(
    st.lists(
        st.tuples(st.integers(0, 20_000), st.integers(1, 50), st.integers(1, 9), st.booleans()),
        min_size=1,
        max_size=60,
    )
)
def test_candles_are_what_a_naive_count_says(steps: list[tuple[int, int, int, bool]]) -> None:
    """Open, high, low, close, sums and numbers, of every interval in which something traded."""
    now, trades = 0, []
    for number, (pause, price, size, is_buyer) in enumerate(steps):
        now += pause
        trades.append(trade(now, number, price, size, is_buyer=is_buyer))
    made = list(candles_of(trades))
    naive = [
        (minute, list(group)) for minute, group in groupby(trades, key=lambda one: one.venue_ms // MINUTE_MS)
    ]
    assert [candle.open_ms for candle in made] == [minute * MINUTE_MS for minute, _ in naive]
    for candle, (_, group) in zip(made, naive, strict=True):
        prices = [one.price_ticks for one in group]
        assert (candle.open_ticks, candle.high_ticks, candle.low_ticks, candle.close_ticks) == (
            prices[0],
            max(prices),
            min(prices),
            prices[-1],
        )
        assert candle.size_atoms == sum(one.size_atoms for one in group)
        assert candle.value == sum(one.size_atoms * one.price_ticks for one in group)
        assert candle.taken_size_atoms == sum(one.size_atoms for one in group if one.is_buyer)
        assert candle.taken_value == sum(one.size_atoms * one.price_ticks for one in group if one.is_buyer)
        assert (candle.trades, candle.first_id, candle.last_id) == (
            len(group),
            group[0].trade_id,
            group[-1].trade_id,
        )
    assert [candle.is_whole for candle in made] == [False] * bool(made) + [True] * (len(made) - 2) + [
        False
    ] * (len(made) > 1)


def test_a_missing_number_spoils_the_candles_that_it_may_be_in(tmp_path: Path) -> None:
    """Those of the trade before and of the one behind, and no other."""
    made = Candles()
    trades = [
        trade(0, 1),
        trade(60_000, 2),
        trade(120_000, 3),
        trade(180_000, 5),
        trade(240_000, 6),
        trade(300_000, 7),
    ]
    candles = [candle for one in trades for candle in made.add(one)] + list(made.close())
    assert [candle.is_whole for candle in candles] == [False, True, False, False, True, False]
    assert (made.missing, made.repeated, made.late) == (1, 0, 0)


def test_numbers_of_what_is_no_trade_are_not_missing() -> None:
    """A venue of contracts counts them among its trades; a hole is one all the same."""
    made = Candles(kept_out={2, 3})
    for one in (trade(0, 1), trade(1, 4), trade(2, 6)):
        list(made.add(one))
    assert made.missing == 1
    many = Candles(kept_out={2})
    list(many.add(trade(0, 1)))
    list(many.add(trade(0, 10)))
    assert many.missing == 8


def test_trades_that_come_twice_or_late_are_counted_once_or_where_they_happened() -> None:
    """Within two intervals; later than that they are told as late."""
    made = Candles()
    trades = [
        trade(59_000, 1),
        trade(61_000, 2),
        trade(59_500, 3, size=7),
        trade(61_000, 2),
        trade(300_000, 4),
    ]
    candles = [candle for one in trades for candle in made.add(one)]
    assert [(candle.trades, candle.size_atoms) for candle in candles] == [(2, 17), (1, 10)]
    assert list(made.add(trade(60_000, 5))) == []
    assert (made.repeated, made.late) == (1, 1)


def test_quiet_minutes_bear_the_close_before() -> None:
    """They are whole if their neighbours are."""
    candles = [
        Candle(open_ms=0, open_ticks=1, high_ticks=3, low_ticks=1, close_ticks=2),
        Candle(open_ms=3 * MINUTE_MS, open_ticks=5, high_ticks=5, low_ticks=5, close_ticks=5, is_whole=False),
    ]
    whole = list(with_quiet(candles))
    assert [candle.open_ms // MINUTE_MS for candle in whole] == [0, 1, 2, 3]
    assert (whole[1].open_ticks, whole[1].close_ticks, whole[1].trades, whole[1].first_id) == (2, 2, 0, -1)
    assert not whole[1].is_whole


def test_candles_of_a_recording_are_the_venues_to_the_last_digit(shared_data: Path) -> None:
    """Of its first file, as far as that goes; all of them are in the second tier."""
    source = RawSource([shared_data / "binance_raw_2024-08-08" / MARKETS[0][1][0]], Facts())
    klines = shared_data / "klines" / "derived_1m_BTC_2024-08-08.csv"
    told = check_klines(source, klines, market=MARKETS[0][0]).compared
    assert (told.mismatches, told.compared, told.not_whole) == ((), 5, 2)


@pytest.mark.proof
@pytest.mark.parametrize(("market", "files", "count"), MARKETS, ids=[name for name, _, _ in MARKETS])
def test_candles_of_the_recordings_are_the_venues_to_the_last_digit(
    shared_data: Path, market: str, files: tuple[str, ...], count: int
) -> None:
    """Prices, volumes, values, counts, what buyers took and the numbers of trades, in every whole minute."""
    source = RawSource([shared_data / "binance_raw_2024-08-08" / name for name in files], Facts())
    klines = shared_data / "klines" / "derived_1m_BTC_2024-08-08.csv"
    checked = check_klines(source, klines, market=market)
    assert (checked.interval_ms, checked.holes, checked.missing, checked.repeated) == (MINUTE_MS, (), 0, 0)
    assert checked.compared.mismatches == ()
    assert (checked.compared.compared, checked.compared.not_whole) == (count, 2)
    told = read_klines(klines, market=market)
    assert sum(kline.complete == "1" for kline in told) == count
    with pytest.raises(RecordingUnusable, match="expected one market"):
        read_klines(klines)


def test_the_venues_candles_of_other_days_have_no_hole(shared_data: Path) -> None:
    """No recorded trades meet them: their minutes alone can be checked."""
    for name, count in (
        ("bitstamp_BTCUSD_1m_2019-12-31.csv", 1_000),
        ("kraken_XBTUSDT_1m_2025-11-10.csv", 721),
    ):
        klines = read_klines(shared_data / "klines" / name)
        assert (len(klines), holes(klines)) == (count, [])


def minute(number: int, **changes: object) -> str:
    """A row of the venue's own files."""
    fields = {
        "t": 1_723_161_240_000 + number * MINUTE_MS,
        "o": "100.00",
        "h": "100.00",
        "l": "100.00",
        "c": "100.00",
        "v": "0.010",
    } | changes
    return (
        f"{fields['t']},{fields['o']},{fields['h']},{fields['l']},{fields['c']},{fields['v']},0,1.0,1,0,0,0"
    )


def test_files_without_names_and_in_microseconds_are_read(tmp_path: Path) -> None:
    """As the venue serves them, old and new."""
    path = tmp_path / "k.csv"
    path.write_text(minute(0) + "\n" + minute(1) + "\n")
    (first, second) = read_klines(path)
    assert (first.open_ms, first.close, first.trades, second.line) == (1_723_161_240_000, "100.00", "1", 2)
    path.write_text(minute(0, t=1_723_161_240_000_000) + "\n")
    assert read_klines(path)[0].open_ms == 1_723_161_240_000
    path.write_text(
        "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,"
        "taker_buy_quote_volume,ignore\n" + minute(0) + "\n"
    )
    assert read_klines(path)[0].trades == "1"


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("1,2,3\n", RecordingUnusable, "3 columns without names"),
        ("time,open\n1,2\n", RecordingUnusable, "its columns are time,open"),
        ("open_time,open,high,low,close,volume\n", RecordingUnusable, "holds no candle"),
        ("", RecordingUnusable, "holds no candle"),
        (minute(0) + "\n1,2\n", RecordingDamaged, "line 2.* a row has 2 cells"),
        (minute(0) + "\n" + minute(1, o="x") + "\n", RecordingDamaged, "line 2.* value was 'x'"),
        (minute(0) + "\n" + minute(1, t="-5") + "\n", RecordingDamaged, "open_time was '-5'"),
    ],
)
def test_a_wrong_file_of_candles_says_where(
    tmp_path: Path, text: str, error: type[Exception], said: str
) -> None:
    """By file, and by line where there is one."""
    path = tmp_path / "k.csv"
    path.write_text(text)
    with pytest.raises(error, match=said):
        read_klines(path)


def test_holes_repeats_and_steps_back_are_found(tmp_path: Path) -> None:
    """A venue tells quiet minutes too: one that is absent is a hole."""
    path = tmp_path / "k.csv"
    path.write_text("".join(minute(number) + "\n" for number in (0, 1, 4, 4, 2)))
    found = holes(read_klines(path))
    assert [(hole.line, hole.missing) for hole in found] == [(3, 2), (4, -1), (5, -3)]


def test_a_candle_that_says_something_else_is_told_number_by_number(tmp_path: Path) -> None:
    """Theirs and ours, exactly; a minute that only they have is counted; ours alone is none of theirs."""
    tape = Tape(step_ms=30_000)
    tape.now_ms = START_MS - START_MS % MINUTE_MS + 1_000
    for number in range(10):
        tape.trade(f"{100 + number}.00", "0.5", buyer_is_maker=number % 2 == 0)
    tape.now_ms += 3 * MINUTE_MS
    tape.trade("120.00", "0.5", buyer_is_maker=True)
    source = RawSource([tape.save(tmp_path / "t")], Facts())
    begin = START_MS - START_MS % MINUTE_MS
    rows = [
        "open_time_ms,open,high,low,close,volume,quote_volume,trades,taker_buy_volume,first_trade_id",
        f"{begin + MINUTE_MS},102.00,103.00,102.00,103.00,1.0,102.5,2,0.5,503",
        f"{begin + 2 * MINUTE_MS},104.00,105.00,104.00,105.01,1.00,104.5000000000001,2,0.50000000,504",
        f"{begin + 6 * MINUTE_MS},1,1,1,1,0,0,0,0,0",
        f"{begin + 90 * MINUTE_MS},1,1,1,1,0,0,0,0,0",
    ]
    path = tmp_path / "k.csv"
    path.write_text("\n".join(rows) + "\n")
    checked = check_klines(source, path)
    told = checked.compared
    assert (told.compared, told.not_whole, told.only_theirs) == (2, 0, 1)
    assert [(one.line, one.name, one.theirs, one.ours) for one in told.mismatches] == [
        (3, "close", "105.01", "105.00000000"),
        (3, "quote_volume", "104.5000000000001", "104.5000000000000000"),
        (3, "first_trade_id", "504", "505"),
    ]
    assert [hole.missing for hole in checked.holes] == [3, 83]
    assert compare([], read_klines(path), INSTRUMENT).compared == 0
