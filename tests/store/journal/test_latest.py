"""The newest checkpoint and what lies behind it: found from the end, exact; no damage is passed over."""

import shutil
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.errors import JournalCorrupt, JournalForeign, StateCorrupt
from mm.store.journal.entries import CHECKPOINT, COMMAND, EVENT, Entry, Family, Kind, Record
from mm.store.journal.frames import parse
from mm.store.journal.journal import Journal
from mm.store.journal.latest import latest
from mm.store.journal.layout import segment_path, segments
from mm.store.journal.reader import read
from tests.builders.journals import (
    RUN,
    SMALL,
    Hasty,
    cancel,
    estate,
    last_segment,
    moment,
    top,
    write,
)


def naive(directory: Path) -> tuple[Record | None, list[Record]]:
    """The same by reading everything."""
    own = list(read(directory, own_only=True))
    places = [place for place, record in enumerate(own) if record.kind is CHECKPOINT]
    if not places:
        return None, []
    return own[places[-1]], own[places[-1] + 1 :]


def entries(*, checkpoints: tuple[int, ...], count: int) -> list[tuple[Kind, Entry]]:
    """`count` records of both families with a checkpoint at each of the numbers."""
    made: list[tuple[Kind, Entry]] = []
    for number in range(1, count + 1):
        if number in checkpoints:
            made.append((CHECKPOINT, estate(number)))
        elif number % 3 == 0:
            made.append((EVENT, top(number)))
        else:
            made.append((COMMAND, cancel(number)) if number % 2 else (EVENT, moment(number)))
    return made


@given(
    checkpoints=st.sets(st.integers(1, 60), max_size=4),
    count=st.integers(0, 60),
    close=st.booleans(),
    sync_every=st.integers(1, 9),
)
def test_it_is_what_reading_everything_finds(
    tmp_path_factory: pytest.TempPathFactory,
    checkpoints: set[int],
    count: int,
    close: bool,
    sync_every: int,
) -> None:
    """Wherever the checkpoint lies among the segments, closed in good order or not."""
    directory = tmp_path_factory.mktemp("journal") / "j"
    write(directory, entries(checkpoints=tuple(checkpoints), count=count), close=close, sync_every=sync_every)

    found = latest(directory)

    assert (found.checkpoint, list(found.records())) == naive(directory)
    assert found.behind == len(list(found.records()))
    assert (found.run, found.closed, found.torn_bytes) == (RUN, close, 0)
    assert found.looked_at >= found.behind


def test_only_the_newest_segments_are_read(tmp_path: Path) -> None:
    """Segments before the checkpoint are not looked into: only that they are there and joined."""
    write(tmp_path / "j", entries(checkpoints=(1, 150), count=160))
    assert len(segments(tmp_path / "j", Family.OWN)) > 4

    found = latest(tmp_path / "j")

    assert found.checkpoint is not None
    assert found.checkpoint.seq == 150
    assert found.looked_at < 40


@pytest.mark.parametrize("close", [True, False])
def test_cut_at_any_byte_it_is_an_exact_prefix(tmp_path: Path, *, close: bool) -> None:
    """A crash tears the end off: what is whole is there, the rest is counted."""
    write(tmp_path / "j", entries(checkpoints=(1, 70), count=90), close=close)
    path = last_segment(tmp_path / "j", Family.OWN)
    content = path.read_bytes()
    for size in range(0, len(content), 7):
        path.write_bytes(content[:size])
        found = latest(tmp_path / "j")
        assert (found.checkpoint, list(found.records())) == naive(tmp_path / "j")
        assert not found.closed
        assert found.torn_bytes == sum(1 for _ in content[:size]) - whole_bytes(path)


def whole_bytes(path: Path) -> int:
    """How many bytes of a segment are whole frames; none without its header."""
    content, at = path.read_bytes(), 8
    while at < len(content) and not isinstance(found := parse(content, at), int):
        at += found.size
    return at if at > 8 else 0


def test_a_byte_that_changed_is_an_error_with_its_place(tmp_path: Path) -> None:
    """In every record of the segment that holds the checkpoint but the very last frame, which may be torn."""
    write(tmp_path / "j", entries(checkpoints=(1, 20), count=21), close=False)
    path = last_segment(tmp_path / "j", Family.OWN)
    content = path.read_bytes()
    last = max(at for at in range(len(content)) if not isinstance(parse(content, at), int))
    for at in range(0, last, 11):
        path.write_bytes(content[:at] + bytes([content[at] ^ 0x40]) + content[at + 1 :])
        with pytest.raises((JournalCorrupt, JournalForeign)) as caught:
            latest(tmp_path / "j")
        assert str(path) in str(caught.value)
        assert "byte" in str(caught.value) or "format" in str(caught.value)


def test_a_segment_that_is_missing_foreign_or_cut_short_is_an_error(tmp_path: Path) -> None:
    """Also one that is older than the newest checkpoint."""
    write(tmp_path / "j", entries(checkpoints=(1, 150), count=160))
    own = tmp_path / "j" / "own"
    numbers = segments(tmp_path / "j", Family.OWN)
    for number in numbers[1:-1]:
        path = segment_path(tmp_path / "j", Family.OWN, number)
        content = path.read_bytes()
        for wrong in (None, content[:-20], content[:20], own.joinpath("000001.mmj").read_bytes()):
            path.unlink() if wrong is None else path.write_bytes(wrong)
            with pytest.raises(JournalCorrupt, match="segment"):
                latest(tmp_path / "j")
            path.write_bytes(content)
    assert latest(tmp_path / "j").checkpoint is not None


def test_segments_of_two_runs_are_an_error(tmp_path: Path) -> None:
    """Copied together by hand: whatever they say, it is not what one life left."""
    write(tmp_path / "j", entries(checkpoints=(1, 150), count=160))
    other = msgspec.structs.replace(RUN, run_id="20260102T030405Z-000008")
    journal = Journal.open(tmp_path / "k", other, settings=SMALL, disk=Hasty())
    for number in range(1, 160):
        journal.append(COMMAND, number, cancel(number))
        journal.sync()
    journal.close()
    for number in segments(tmp_path / "k", Family.OWN)[2:]:
        shutil.copy(
            segment_path(tmp_path / "k", Family.OWN, number), segment_path(tmp_path / "j", Family.OWN, number)
        )
    with pytest.raises(JournalCorrupt, match=r"does not fit|another run"):
        latest(tmp_path / "j")


def test_where_there_is_no_checkpoint_there_is_none(tmp_path: Path) -> None:
    """Nothing recorded at all, or a journal in which nobody wrote one."""
    with pytest.raises(StateCorrupt, match="holds no journal"):
        latest(tmp_path / "nothing")
    write(tmp_path / "j", [(EVENT, moment(number)) for number in range(1, 100)])
    found = latest(tmp_path / "j")
    assert found.checkpoint is None
    assert (found.behind, list(found.records())) == (0, [])


def test_a_header_that_was_torn_off_leaves_what_is_before_it(tmp_path: Path) -> None:
    """Of the newest segment: the one before was ended in good order. Of the only one: nothing is there."""
    write(tmp_path / "j", entries(checkpoints=(1, 40), count=60), close=False)
    newest = segments(tmp_path / "j", Family.OWN)[-1]
    segment_path(tmp_path / "j", Family.OWN, newest).write_bytes(b"mmj-0")
    assert latest(tmp_path / "j").checkpoint is not None
    for number in segments(tmp_path / "j", Family.OWN)[1:]:
        segment_path(tmp_path / "j", Family.OWN, number).unlink()
    segment_path(tmp_path / "j", Family.OWN, 1).write_bytes(b"")
    found = latest(tmp_path / "j")
    assert (found.run, found.checkpoint, found.looked_at) == (None, None, 0)
