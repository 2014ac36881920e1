"""What is known of own fills, as a file: whole or an error, never claimed beyond what it was measured on."""

from pathlib import Path

import msgspec
import pytest

from mm.errors import StateCorrupt
from mm.store.fill_model import (
    FILE_BYTES_MAX,
    FILE_NAME,
    UNCALIBRATED,
    FillModel,
    fill_model_words,
    said_of,
    write_fill_model,
)

MODEL = FillModel(
    queue="power",
    power=3.0,
    power_interval=(2.0, 4.0),
    n=412,
    orders=900,
    symbols=("BTC/USDT",),
    fill_ratio=0.46,
    fill_interval=(0.42, 0.49),
    predicted_ratio=0.45,
    began_ns=1,
    ended_ns=2,
    data_digest="abc",
    run="20260102T030405Z-000001",
    mode="live",
)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Return a directory that is not there yet."""
    return tmp_path / "data"


def test_what_is_written_is_read_again(data_dir: Path) -> None:
    """Every field, and the words that results bear."""
    path = write_fill_model(data_dir, MODEL)
    assert path == data_dir / FILE_NAME
    assert fill_model_words(data_dir) == MODEL
    assert MODEL.words == "calibrated on 412 fills"
    assert MODEL.queue_text == "power:3"
    assert msgspec.structs.replace(MODEL, mode="paper").words == "calibrated on 412 fills on paper"


def test_without_a_file_nothing_is_known(data_dir: Path) -> None:
    """And a result says so."""
    assert fill_model_words(data_dir) is None
    assert said_of(None, "power", None, ["BTC/USDT"]) == UNCALIBRATED


def test_a_later_model_replaces_the_one_before(data_dir: Path) -> None:
    """The newest measurement is what is known."""
    write_fill_model(data_dir, MODEL)
    write_fill_model(data_dir, msgspec.structs.replace(MODEL, n=500))
    found = fill_model_words(data_dir)
    assert found is not None
    assert found.n == 500


@pytest.mark.parametrize(
    ("queue", "power", "symbols", "said"),
    [
        ("power", 3.0, ("BTC/USDT",), "calibrated on 412 fills"),
        ("POWER", None, ("BTC/USDT",), "calibrated on 412 fills"),
        ("power", 2.0, ("BTC/USDT",), "calibrated on 412 fills"),
        ("power", 6.0, ("BTC/USDT",), "uncalibrated: own fills fit power:3, by which it was not made"),
        ("risk_averse", None, ("BTC/USDT",), "uncalibrated: own fills fit power:3, by which it was not made"),
        ("power", 3.0, ("ETH/USDT",), "uncalibrated: own fills are known of BTC/USDT, not of ETH/USDT"),
    ],
)
def test_a_result_claims_only_what_was_measured(
    queue: str, power: float | None, symbols: tuple[str, ...], said: str
) -> None:
    """By that model, within its interval, of those symbols; the customary exponent of power is 2."""
    assert said_of(MODEL, queue, power, symbols) == said


def test_a_model_without_an_exponent_is_told_apart_by_its_name() -> None:
    """Nothing to compare but that."""
    plain = msgspec.structs.replace(MODEL, queue="log", power=None, power_interval=(None, None))
    assert said_of(plain, "log", None, []) == plain.words
    assert said_of(plain, "log2", None, []).startswith(UNCALIBRATED)
    assert plain.queue_text == "log"


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b"\xff", b'{"model": {"version": 1}, "digest": "x"}', b'{"model": 3, "digest": "x"}'],
)
def test_what_is_no_model_is_an_error_with_its_place(data_dir: Path, content: bytes) -> None:
    """Never a guess, never "nothing known"."""
    write_fill_model(data_dir, MODEL).write_bytes(content)
    with pytest.raises(StateCorrupt, match=FILE_NAME):
        fill_model_words(data_dir)


def test_an_edited_file_is_told_from_one_that_was_written_here(data_dir: Path) -> None:
    """Its digest does not fit any more."""
    path = write_fill_model(data_dir, MODEL)
    path.write_bytes(path.read_bytes().replace(b"412", b"999"))
    with pytest.raises(StateCorrupt, match="edited"):
        fill_model_words(data_dir)


def test_a_file_of_a_newer_version_is_not_read(data_dir: Path) -> None:
    """It may mean something else."""
    write_fill_model(data_dir, msgspec.structs.replace(MODEL, version=99))
    with pytest.raises(StateCorrupt, match="newer"):
        fill_model_words(data_dir)


def test_a_file_that_is_too_large_or_no_file_is_refused(data_dir: Path) -> None:
    """Nothing reads without bound."""
    path = write_fill_model(data_dir, MODEL)
    path.write_bytes(b" " * (FILE_BYTES_MAX + 1))
    with pytest.raises(StateCorrupt, match="larger"):
        fill_model_words(data_dir)
    path.unlink()
    path.mkdir()
    with pytest.raises(StateCorrupt, match="cannot be read"):
        fill_model_words(data_dir)


def test_numbers_that_are_none_are_not_written(data_dir: Path) -> None:
    """A file says what was measured or is not there."""
    with pytest.raises(StateCorrupt, match="number"):
        write_fill_model(data_dir, msgspec.structs.replace(MODEL, fill_ratio=float("nan")))
    assert fill_model_words(data_dir) is None


def test_a_place_that_cannot_be_written_is_an_error(data_dir: Path) -> None:
    """A folder stands where the file would be."""
    write_fill_model(data_dir, MODEL).unlink()
    (data_dir / FILE_NAME).mkdir()
    with pytest.raises(StateCorrupt, match="cannot be written"):
        write_fill_model(data_dir, MODEL)
