"""Joining in bulk comes to the rows that joining frame by frame comes to, whatever the stream does."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm.domain.book import LEVELS_MAX
from mm.domain.tape import DELTA, KEYFRAME, SNAPSHOT
from mm.store.recordings.block_weave import BlockWeaver
from mm.store.recordings.blocks import (
    FIRST,
    FRAME,
    KIND,
    LAST,
    PRICE,
    SEQ,
    SIDE,
    SIZE,
    TS_NS,
    BlockDepth,
    block_of,
    new_block,
)
from mm.store.recordings.depth import Depth
from mm.store.recordings.facts import Facts
from mm.store.recordings.parquet.normalised_source import NormalisedSource
from mm.store.recordings.parquet.normalised_writer import write_normalised
from mm.store.recordings.raw_source import RawSource
from tests.builders.recordings import Tape, ordinary
from tests.builders.stored import rows_of, told

ACTS = st.lists(
    st.tuples(
        st.sampled_from(["diff", "empty", "skip", "twice", "snapshot", "old", "trade", "top", "pause"]),
        st.integers(0, 6),
    ),
    max_size=40,
)


def played(acts: list[tuple[str, int]], *, linear: bool) -> Tape:
    """A market that does these things."""
    tape = Tape(linear=linear).trade("61000.00000000", "0.01000000", buyer_is_maker=True)
    tape.ticker(("61000.00000000", "1.00000000"), ("61000.01000000", "1.00000000"))
    for act, number in acts:
        level = ((f"{60_990 + number}.00000000", f"{number}.50000000"), ("60980.00000000", "0.00000000"))
        match act:
            case "diff":
                tape.diff(level, level[:1], changes=1 + number)
            case "empty":
                tape.diff()
            case "skip":
                tape.diff(level, skip=1 + number)
            case "twice":
                tape.lines.append(tape.lines[-1])
            case "snapshot":
                tape.snapshot(last=tape.last - number)
            case "old":
                tape.snapshot(last=max(1, tape.last - 40 * number))
            case "trade":
                tape.trade("61000.00000000", f"0.0{number}000000", buyer_is_maker=bool(number % 2))
            case "top":
                tape.ticker(("61000.00000000", f"{number}.00000000"), ("61000.01000000", "1.00000000"))
            case _:
                tape.now_ms += 20_000 * number
    return tape


@given(acts=ACTS, linear=st.booleans(), share=st.floats(0, 1))
@settings(max_examples=25)
def test_bulk_and_frame_by_frame_agree(acts: list[tuple[str, int]], *, linear: bool, share: float) -> None:
    """With gaps, repeats, late and old snapshots, pauses; whole and from a time on."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        raw = RawSource([played(acts, linear=linear).save(folder / "a")], Facts())
        write_normalised(raw, folder / "a.parquet", told)
        bulk = NormalisedSource([folder / "a.parquet"], Facts())
        ours = np.concatenate([block_of(one) for one in raw.detailed()], axis=1)
        is_sent = np.isin(ours[FRAME], bulk_frames(bulk)) | (ours[FRAME] < 0)
        theirs = np.concatenate([block_of(one) for one in bulk.detailed()], axis=1)
        assert (ours[:, is_sent] == theirs).all()
        middle = raw.first_ns + int(share * (raw.last_ns - raw.first_ns))
        assert rows_of(raw, middle) == rows_of(bulk, middle)


def bulk_frames(source: NormalisedSource) -> list[int]:
    """The frames that a normalised file holds: prints of nothing are left out of it."""
    return sorted({frame for one in source.detailed() for frame in one.details.frame.tolist()})


@given(
    changes=st.lists(
        st.tuples(st.sampled_from([1, -1]), st.integers(1, 12), st.integers(0, 2), st.booleans()), max_size=80
    )
)
def test_a_depth_in_arrays_is_the_depth_in_dicts(changes: list[tuple[int, int, int, bool]]) -> None:
    """Asked for at any moment, emptied, replaced."""
    bulk, plain = BlockDepth(), Depth()
    for number, (side, price, size, is_asked) in enumerate(changes):
        row = new_block(1)
        kind = SNAPSHOT if number % 17 == 0 else DELTA
        row[KIND], row[SIDE], row[PRICE], row[SIZE], row[SEQ], row[LAST] = kind, side, price, size, number, 1
        levels = ([(price, size)], []) if side > 0 else ([], [(price, size)])
        if kind == SNAPSHOT:
            bulk.replace(row)
            plain.replace(number, *levels)
        else:
            bulk.take(row)
            plain.change(number, *levels)
        if is_asked:
            bids, asks = plain.levels()
            keyframe = bulk.keyframe(5)
            assert keyframe is not None
            assert set(keyframe[KIND].tolist()) == {KEYFRAME}
            told_levels = [*((1, *level) for level in bids), *((-1, *level) for level in asks)]
            assert list(zip(*keyframe[[SIDE, PRICE, SIZE]].tolist(), strict=True)) == (
                told_levels or [(0, 0, 0)]
            )


def test_a_depth_does_not_grow_without_bound() -> None:
    """Beyond twice the most levels the farthest go, in both."""
    bulk, plain = BlockDepth(), Depth()
    first = new_block(1)
    first[KIND], first[LAST] = SNAPSHOT, 1
    bulk.replace(first)
    plain.replace(0, [], [])
    count = 2 * LEVELS_MAX + 1
    rows = new_block(count)
    rows[KIND], rows[SIDE], rows[SIZE], rows[SEQ] = DELTA, 1, 7, 1
    rows[PRICE] = np.arange(1, count + 1)
    bulk.take(rows)
    plain.change(1, [(price, 7) for price in range(1, count + 1)], [])
    keyframe = bulk.keyframe(5)
    assert keyframe is not None
    assert len(plain.bids) == LEVELS_MAX == keyframe.shape[1]
    assert keyframe[PRICE].tolist() == sorted(plain.bids, reverse=True)


def test_a_chunk_is_cut_where_a_minute_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If it is full by then; and between messages where no minute comes."""
    for module in ("block_weave", "weave"):
        monkeypatch.setattr(f"mm.store.recordings.{module}.CHUNK_ROWS", 100)
    tape = ordinary(rounds=600)
    raw = RawSource([tape.save(tmp_path / "a.gz")], Facts())
    write_normalised(raw, tmp_path / "a.parquet", told)
    ours = [chunk.rows for chunk in raw.chunks()]
    assert len(ours) > 5
    weaver = BlockWeaver("BTC/USDT", details=False)
    row = new_block(300)
    row[KIND], row[LAST], row[TS_NS], row[FIRST] = 4, 1, 10**18, -1
    assert [one.chunk.rows for one in weaver.take(row)] == [300]
    assert not list(weaver.end())
