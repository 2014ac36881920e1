"""The lines of a recorded file: plain and compressed, whole and damaged."""

import gzip
from pathlib import Path

import pytest

from mm.errors import RecordingDamaged, RecordingUnusable
from mm.store.recordings.raw import lines as module
from mm.store.recordings.raw.lines import Line, lines

CONTENT = b"one\ntwo\n\nlast"
MANY = b"".join(
    b"%d line with something that does not compress to nothing %d\n" % (i, i * 7919) for i in range(9_000)
)


def read(path: Path) -> list[Line]:
    """Every line."""
    return list(lines(path))


def until_damage(path: Path) -> tuple[list[Line], RecordingDamaged]:
    """What is read, and the damage that ends it."""
    seen: list[Line] = []
    with pytest.raises(RecordingDamaged) as caught:
        seen.extend(lines(path))
    return seen, caught.value


def test_lines_know_their_number_and_where_they_begin(tmp_path: Path) -> None:
    """Empty lines count and are left out; the last needs no end."""
    path = tmp_path / "plain"
    path.write_bytes(CONTENT)
    assert read(path) == [Line(1, 0, b"one"), Line(2, 4, b"two"), Line(4, 9, b"last")]


@pytest.mark.parametrize("parts", [(CONTENT,), (b"one\ntw", b"o\n\nlast"), (CONTENT, b"")])
def test_a_compressed_file_reads_the_same(tmp_path: Path, parts: tuple[bytes, ...]) -> None:
    """Also one that was put together of several, and one that is padded with zeros."""
    path = tmp_path / "named-as-you-like"
    path.write_bytes(b"".join(map(gzip.compress, parts)) + b"\0" * 100)
    assert [line.text for line in lines(path)] == [b"one", b"two", b"last"]


def test_a_long_file_is_read_in_pieces(tmp_path: Path) -> None:
    """Nothing is lost where pieces meet."""
    for name, content in (("plain", MANY), ("zipped", gzip.compress(MANY))):
        path = tmp_path / name
        path.write_bytes(content)
        assert b"".join(line.text + b"\n" for line in lines(path)) == MANY


def test_a_truncated_file_is_read_to_its_last_byte_and_then_named(tmp_path: Path) -> None:
    """Line and byte of the decompressed content are where it stops."""
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(MANY)[:-2_000])
    seen, damage = until_damage(path)
    whole = b"".join(line.text + b"\n" for line in seen)
    assert MANY.startswith(whole)
    assert len(whole) <= damage.offset < len(MANY)
    assert damage.line == len(seen) + 1
    assert str(damage) == (
        f"{path}: damaged at line {damage.line}, byte {damage.offset}: "
        "the compressed data ends too early: the file is truncated"
    )
    assert damage.hint


def test_damage_inside_is_found_and_what_is_before_it_is_delivered(tmp_path: Path) -> None:
    """Whether the decompressor stumbles at once or by the checksum at the end."""
    packed = bytearray(gzip.compress(MANY))
    for position in (len(packed) // 2, len(packed) - 6):
        broken = bytearray(packed)
        broken[position : position + 4] = bytes(byte ^ 0xFF for byte in broken[position : position + 4])
        path = tmp_path / "broken.gz"
        path.write_bytes(broken)
        seen, damage = until_damage(path)
        assert "damaged" in str(damage)
        assert seen
        assert damage.line == len(seen) + 1


def test_a_sum_that_does_not_match_is_no_reason_to_trust_what_is_before_it(tmp_path: Path) -> None:
    """Something before its place is wrong: cutting the file off there would keep it."""
    packed = bytearray(gzip.compress(MANY))
    packed[-6] ^= 1
    path = tmp_path / "sum.gz"
    path.write_bytes(packed)
    _, damage = until_damage(path)
    assert "damaged here or before" in str(damage)
    assert "cut it off" not in damage.hint
    path.write_bytes(packed[:-2_000])
    _, damage = until_damage(path)
    assert "cut it off before that line" in damage.hint


def test_what_follows_the_end_of_the_compressed_data_is_damage(tmp_path: Path) -> None:
    """It would be left out without a word."""
    path = tmp_path / "tail.gz"
    path.write_bytes(gzip.compress(CONTENT + b"\n") + b"something else")
    seen, damage = until_damage(path)
    assert len(seen) == 3
    assert (damage.line, damage.offset) == (5, 14)


def test_a_line_without_an_end_is_not_kept_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory stays bounded whatever the file is."""
    monkeypatch.setattr(module, "LINE_BYTES_MAX", 100_000)
    path = tmp_path / "endless"
    path.write_bytes(b"fine\n" + b"x" * 300_000)
    seen, damage = until_damage(path)
    assert (len(seen), damage.line, damage.offset) == (1, 2, 5)


@pytest.mark.parametrize("name", ["nothing", ""])
def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path, name: str) -> None:
    """One that is not there; a folder."""
    with pytest.raises(RecordingUnusable, match="cannot be read"):
        read(tmp_path / name)
