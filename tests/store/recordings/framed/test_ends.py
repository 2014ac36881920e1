"""A recording that was cut off says so, wherever it was cut; one that was ended does not."""

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mm.store.recordings.facts import Facts
from mm.store.recordings.findings import Fault
from mm.store.recordings.framed.ends import torn_ends
from mm.store.recordings.framed.reader import FramedRecording
from mm.store.recordings.verify import verify
from tests.builders.framed import FramedTape, a_header
from tests.builders.market_tapes import long_recording


def a_recording(folder: Path, *, segments: int = 1) -> list[Path]:
    """Write a recording that was ended in good order, each of its segments some frames."""
    paths = []
    for number in range(1, segments + 1):
        tape = FramedTape(a_header(segment=number, opened_ns=a_header().opened_ns + number * 10**9))
        for frame in range(3):
            tape.frame(b'{"n":%d}' % frame)
        paths.append(tape.end(is_last=number == segments).save(folder))
    return paths


def test_a_recording_that_was_ended_has_nothing_to_tell(tmp_path: Path) -> None:
    """Of one segment or of several."""
    for segments in (1, 3):
        folder = tmp_path / str(segments)
        folder.mkdir()
        assert torn_ends(FramedRecording(a_recording(folder, segments=segments))) == []


@given(st.data())
def test_wherever_a_file_is_cut_off_that_is_told(data: st.DataObject) -> None:
    """With the byte up to which it is whole."""
    tape = FramedTape()
    for frame in range(4):
        tape.frame(b'{"n":%d}' % frame)
    tape.end()
    cut = data.draw(st.integers(tape.offsets[0], len(tape.content) - 1))
    whole = max(offset for offset in tape.offsets if offset <= cut)
    tape.content = tape.content[:cut]
    with tempfile.TemporaryDirectory() as name:
        (torn,) = torn_ends(FramedRecording([tape.save(Path(name))]))
    assert f"its records end at byte {whole}" in torn.words
    assert (f"{cut - whole} bytes of one that is not whole" in torn.words) == (cut > whole)
    assert torn.records == tape.offsets.index(whole)


def test_a_segment_before_another_may_not_be_cut_off(tmp_path: Path) -> None:
    """Nothing that mm record does leaves that."""
    first, _, last = a_recording(tmp_path, segments=3)
    first.write_bytes(first.read_bytes()[:-5])
    (torn,) = torn_ends(FramedRecording([tmp_path]))
    assert torn.file == str(first)
    assert "although another segment follows" in torn.words
    last.unlink()
    assert "says that another segment follows" in torn_ends(FramedRecording([tmp_path]))[1].words


def test_a_check_finds_what_was_cut_off(tmp_path: Path) -> None:
    """A whole recording is clean; half of it is not."""
    tape = FramedTape().tape(long_recording(seconds=2)).end()
    path = tape.save(tmp_path)
    assert verify([tmp_path], Facts()).counts == {}
    path.write_bytes(tape.content[: len(tape.content) // 2])
    found = verify([tmp_path], Facts())
    assert found.counts == {Fault.TORN: 1}
    assert found.findings[0].file == str(path)
