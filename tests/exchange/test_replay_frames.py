"""Recorded frames as they are sent."""

from pathlib import Path

import msgspec

from mm.exchange.replay import Replay, ReplayOptions, prepared
from mm.exchange.replay_frames import frame_text
from mm.store.recordings.raw.reader import records
from mm.store.recordings.raw.records import BookTicker, DepthDiff, TradePrint
from tests.builders.recordings import Tape, ordinary


def texts(tape: Tape, folder: Path) -> tuple[Replay, list[str]]:
    """Every frame as a spot stream carries it."""
    path = tape.save(folder / "tape")
    replay = prepared(ReplayOptions(files=[path]))
    found = [entry.record for entry in records([path])]
    return replay, [
        frame_text(record, replay.instrument, replay.info.market)
        for record in found
        if isinstance(record, DepthDiff | TradePrint | BookTicker)
    ]


def test_spot_frames_are_passed_on_byte_for_byte(tmp_path: Path) -> None:
    """What the venue wrote is what is sent."""
    tape = ordinary(rounds=3)
    _, sent = texts(tape, tmp_path)
    assert sent
    for text in sent:
        assert any(line.endswith(f',"data":{text}}}'.encode()) for line in tape.lines)


def test_frames_of_a_contract_have_exactly_the_keys_of_spot(tmp_path: Path) -> None:
    """And say the same, with all decimals."""
    spot, linear = ordinary(rounds=2), ordinary(rounds=2, linear=True)
    for tape in (spot, linear):
        tape.ticker(("60999.5", "1.25"), ("61000", "3"))
    _, as_spot = texts(spot, tmp_path)
    _, as_linear = texts(linear, tmp_path)
    assert [list(msgspec.json.decode(text)) for text in as_linear] == [
        list(msgspec.json.decode(text)) for text in as_spot
    ]
    assert as_linear[:-1] == as_spot[:-1]
    assert msgspec.json.decode(as_linear[-1]) == {
        "u": linear.last,
        "s": "BTCUSDT",
        "b": "60999.50000000",
        "B": "1.25000000",
        "a": "61000.00000000",
        "A": "3.00000000",
    }


def test_changes_of_a_contract_are_numbered_without_a_hole(tmp_path: Path) -> None:
    """U is the previous u + 1, whatever the venue's own U is."""
    tape = (
        Tape(linear=True).diff((("1.5", "1"),)).diff((("1.5", "2"),)).trade("1.5", "1", buyer_is_maker=True)
    )
    _, sent = texts(tape, tmp_path)
    first, second = [msgspec.json.decode(text) for text in sent[:2]]
    assert second["U"] == first["u"] + 1
