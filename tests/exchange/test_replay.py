"""What a replay is started with: the pair, the grid, and what is refused before anything listens."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mm.errors import ConfigError, RecordingDamaged
from mm.exchange.replay import Replay, ReplayOptions, prepared
from tests.builders.recordings import Tape, ordinary


def made(tape: Tape, folder: Path, **options: Any) -> Replay:
    """A replay of a tape."""
    return prepared(ReplayOptions(files=[tape.save(folder / "tape")], **options))


def refused(tape: Tape, folder: Path, **options: Any) -> str:
    """Why there is no replay of it."""
    with pytest.raises(ConfigError) as caught:
        made(tape, folder, **options)
    return str(caught.value)


def of(symbol: str) -> Tape:
    """A tape of some symbol with one price and one trade."""
    return (
        Tape(symbol)
        .ticker(("0.00002000", "5.00000000"), ("0.00002001", "5.00000000"))
        .trade("0.00002001", "100.00000000", buyer_is_maker=False)
    )


def test_pair_grid_and_fees_follow_from_the_recording(tmp_path: Path) -> None:
    """A usual account's fees, and the least value of orders that goes with the quote asset."""
    instrument = made(ordinary(), tmp_path).instrument
    assert (instrument.symbol, instrument.venue_symbol) == ("BTC/USDT", "BTCUSDT")
    assert (instrument.price_text(1), instrument.size_text(1)) == ("0.01", "0.01")
    assert (instrument.maker_fee_ppm, instrument.taker_fee_ppm) == (1_000, 1_000)
    assert instrument.quote_text(instrument.notional_min_atoms) == "5.00000000"
    assert instrument.price_max_ticks == 61_010_00 * 10


@pytest.mark.parametrize(
    ("symbol", "pair"),
    [
        ("ETHBTC", "ETH/BTC"),
        ("BTCFDUSD", "BTC/FDUSD"),
        ("USDCUSDT", "USDC/USDT"),
        ("SHIBUSDT", "SHIB/USDT"),
        ("BTCUSDT_240927", "BTC/USDT"),
    ],
)
def test_the_quote_asset_is_known_by_the_symbols_end(tmp_path: Path, symbol: str, pair: str) -> None:
    """The longest that fits is not needed: no known one ends with another."""
    assert made(of(symbol), tmp_path).instrument.symbol == pair


def test_what_the_symbol_does_not_tell_is_told_by_options(tmp_path: Path) -> None:
    """One half suffices."""
    assert made(of("ABCXYZ"), tmp_path, base="ABC").instrument.symbol == "ABC/XYZ"
    assert made(of("ABCXYZ"), tmp_path, quote="XYZ").instrument.symbol == "ABC/XYZ"
    assert made(of("ABCXYZ"), tmp_path, quote="XYZ").instrument.notional_min_atoms == 0
    assert "ends with no quote asset" in refused(of("ABCXYZ"), tmp_path)
    assert "do not make ABCXYZ" in refused(of("ABCXYZ"), tmp_path, base="XYZ")
    assert "do not make BTCUSDT" in refused(ordinary(), tmp_path, base="ETH", quote="USDT")


def test_grid_and_fees_can_be_given(tmp_path: Path) -> None:
    """A finer grid than the recording shows; a rebate."""
    instrument = made(
        ordinary(),
        tmp_path,
        tick_size=Decimal("0.005"),
        lot_size=Decimal("0.00001"),
        maker_fee_bps=Decimal("-0.5"),
        taker_fee_bps=Decimal("7.5"),
    ).instrument
    assert (instrument.price_text(1), instrument.size_text(1)) == ("0.005", "0.00001")
    assert (instrument.maker_fee_ppm, instrument.taker_fee_ppm) == (-50, 750)


def test_a_grid_that_the_recording_does_not_lie_on_is_refused(tmp_path: Path) -> None:
    """Coarser, or between."""
    assert "lies on a grid of 0.01" in refused(ordinary(), tmp_path, tick_size=Decimal("0.1"))
    assert "lies on a grid of 0.01" in refused(ordinary(), tmp_path, lot_size=Decimal("0.003"))
    assert "above zero" in refused(ordinary(), tmp_path, tick_size=Decimal(0))


def test_a_grid_that_cannot_be_seen_has_to_be_given(tmp_path: Path) -> None:
    """A recording without trades shows no lot."""
    tape = Tape().ticker(("1.5", "1"), ("2.0", "1"))
    assert "no trade to tell the lot by" in refused(tape, tmp_path)
    assert made(tape, tmp_path, lot_size=Decimal("0.1")).instrument.size_text(1) == "0.1"
    bare = Tape().line(b'%d {"stream":"btcusdt@aggTrade","data":{"e":"aggTrade"}}' % Tape().local_ns)
    assert "names no symbol" in refused(bare, tmp_path)
    assert "no price to tell the tick by" in refused(Tape().diff(), tmp_path)


@pytest.mark.parametrize("speed", [0.0, 0.09, 1_001.0, -1.0, float("nan")])
def test_a_speed_out_of_range_is_refused(tmp_path: Path, speed: float) -> None:
    """0.1 to 1000."""
    assert "expected 0.1 to 1000" in refused(ordinary(), tmp_path, speed=speed)


def test_a_damaged_recording_is_never_served(tmp_path: Path) -> None:
    """It is read to its end first: the place of the damage is named."""
    tape = ordinary()
    tape.lines[30] = tape.lines[30][:40]
    with pytest.raises(RecordingDamaged) as caught:
        made(tape, tmp_path)
    assert caught.value.line == 31
    assert caught.value.offset == sum(len(line) + 1 for line in tape.lines[:30])
    with pytest.raises(ConfigError, match="no file"):
        prepared(ReplayOptions(files=[]))


def test_the_largest_order_keeps_within_what_integers_hold(tmp_path: Path) -> None:
    """For a coin of a hundred thousandth of a dollar as for one of sixty thousand."""
    for tape in (ordinary(), of("SHIBUSDT")):
        instrument = made(tape, tmp_path).instrument
        assert instrument.notional_atoms(instrument.price_max_ticks, instrument.size_max_lots) > 0
