"""Several recordings as one, in the order of local time."""

from pathlib import Path

import pytest

from mm.domain.events import PublicTrade
from mm.domain.tape import events
from mm.errors import ConfigError, RecordingUnusable
from mm.store.recordings.merged import merged
from mm.store.recordings.opening import open_source, opened_each
from mm.store.recordings.source import Opening
from tests.builders.instruments import INSTRUMENT
from tests.builders.recordings import Tape, ordinary
from tests.builders.stored import EventSource, market_events, rows_of


def two(folder: Path) -> list[Path]:
    """Recordings of two markets at the same times."""
    other = Tape("ETHUSDT")
    other.lines = [
        line.replace(b"BTCUSDT", b"ETHUSDT").replace(b"btcusdt", b"ethusdt") for line in ordinary().lines
    ]
    other.lines = [line.replace(b"61000.", b"3000.") for line in other.lines]
    return [ordinary().save(folder / "btc.gz"), other.save(folder / "eth.gz")]


def test_messages_of_two_markets_stand_in_order_of_time(tmp_path: Path) -> None:
    """Whole, and each market's own in its order; the first named comes first at one time."""
    paths = two(tmp_path)
    both = open_source(paths)
    assert both.symbols == ("BTC/USDT", "ETH/USDT")
    found = rows_of(both)
    assert [row[0] for row in found] == sorted(row[0] for row in found)
    for market, path in enumerate(paths):
        alone = [(*row[:2], market, *row[3:]) for row in rows_of(open_source([path]))]
        assert [row for row in found if row[2] == market] == alone
    trades = [event for chunk in both.chunks() for event in events(chunk) if isinstance(event, PublicTrade)]
    assert [event.symbol for event in trades[:2]] == ["BTC/USDT", "ETH/USDT"]
    assert both.first_ns == open_source(paths[:1]).first_ns
    assert both.digest != open_source(paths[:1]).digest


def test_symbols_are_chosen_and_put_in_order(tmp_path: Path) -> None:
    """As they were asked for."""
    paths = two(tmp_path)
    turned = open_source(paths, symbol=("ETH/USDT", "BTC/USDT"))
    assert [one.symbol for one in turned.instruments] == ["ETH/USDT", "BTC/USDT"]
    assert {row[2] for row in rows_of(turned)} == {0, 1}
    one = open_source(paths, symbol="ETH/USDT")
    assert (one.symbols, rows_of(one)) == (("ETH/USDT",), rows_of(open_source(paths[1:])))
    with pytest.raises(ConfigError, match="no XRP/USDT there, but BTC/USDT, ETH/USDT"):
        open_source(paths, symbol="XRP/USDT")


def test_two_markets_of_one_symbol_cannot_be_one_source(tmp_path: Path) -> None:
    """Spot and contracts have symbols of one name; each can be opened."""
    spot = ordinary().save(tmp_path / "spot.gz")
    linear = ordinary(linear=True).save(tmp_path / "linear.gz")
    with pytest.raises(RecordingUnusable, match="BTC/USDT is there twice"):
        open_source([spot, linear])
    each = opened_each(Opening(paths=(spot, linear)))
    assert [source.venue for source in each] == ["binance", "binanceusdm"]


def test_events_that_are_no_rows_stay_in_their_places(tmp_path: Path) -> None:
    """Those of a symbol that was not chosen are left out with it."""
    one, other = EventSource(market_events(25)), open_source(two(tmp_path)[:1])
    both = merged([one, other], (INSTRUMENT.symbol, "BTC/USDT"))
    told = [event for chunk in both.chunks() for event in events(chunk)]
    assert [event for event in told if event in one.groups[0]] == list(one.groups[0])
    assert both.rows == 0


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    """No file, nothing in a directory, no name at all."""
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(RecordingUnusable):
            open_source([path])
    with pytest.raises(RecordingUnusable, match="no recording was named"):
        open_source([])
