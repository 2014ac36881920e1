"""A store: what is put in comes out, once; nothing is written over; damage and another grid are told."""

import os
import shutil
import sys
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np
import pytest

from mm.domain.events import BookLost
from mm.domain.tape import KEYFRAME, OTHER, events
from mm.errors import AlreadyRunning, ConfigError, RecordingDamaged, RecordingUnusable
from mm.store.recordings.blocks import block_of
from mm.store.recordings.facts import Facts
from mm.store.recordings.opening import open_source
from mm.store.recordings.parquet.layout import MANIFEST_NAME, Manifest, partitions, read_manifest
from mm.store.recordings.parquet.source import StoreSource
from mm.store.recordings.parquet.writer import store
from mm.store.recordings.raw_source import RawSource
from mm.store.recordings.source import Source
from tests.builders.recordings import Tape, ordinary
from tests.builders.stored import EventSource, market_events, put, rows_of


def raw(tape: Tape, folder: Path, name: str = "tape.gz", facts: Facts | None = None) -> RawSource:
    """A tape as a source."""
    return RawSource([tape.save(folder / name)], facts or Facts())


def over_midnight() -> Tape:
    """A market over the end of a day of local time."""
    tape = Tape()
    tape.now_ms = 1_723_161_600_000 - 60_000
    tape.diff().snapshot()
    for number in range(1_500):
        tape.trade("61000.00000000", "0.01000000", buyer_is_maker=bool(number % 2)).diff(
            (("61000.00000000", f"{number + 1}.00000000"),)
        )
    return tape


def manifest_in(directory: Path) -> Manifest:
    """What a partition says of itself."""
    found = read_manifest(directory)
    assert found is not None
    return found


def test_what_is_put_in_comes_out(tmp_path: Path) -> None:
    """Rows, events that are none, kept messages; by day; the same from the middle."""
    source = raw(over_midnight(), tmp_path)
    stored = put(source, tmp_path / "store", *source.paths)
    assert [path.name for path in stored.directories] == ["day=2024-08-08", "day=2024-08-09"]
    assert stored.directories[0].parent == tmp_path / "store" / "venue=binance" / "symbol=BTC-USDT"
    read = open_source([tmp_path / "store"])
    assert rows_of(read) == rows_of(source)
    assert (read.symbols, read.instruments, read.venue) == (source.symbols, source.instruments, source.venue)
    assert (read.first_ns, read.last_ns, read.rows) == (source.first_ns, source.last_ns, stored.rows)
    middle = source.first_ns + 100 * 10**9
    assert rows_of(read, middle, middle + 10**9) == rows_of(source, middle, middle + 10**9)
    assert isinstance(read, StoreSource)
    ours = np.concatenate([block_of(one) for one in source.detailed()], axis=1)
    theirs = np.concatenate([block_of(one) for one in read.detailed()], axis=1)
    assert (ours == theirs).all()


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (Facts(tick_size=Decimal("0.1")), "was recorded on a grid of 0.01, not of 0.1"),
        (Facts(lot_size=Decimal(1)), "not of 1"),
        (Facts(base="ETH"), "was recorded as BTC/USDT, not with ETH"),
        (Facts(quote="usd"), "was recorded as BTC/USDT, not with usd"),
        (
            Facts(exchange_info=Path("info.json")),
            "says the venue.s filters itself: info.json",
        ),
    ],
)
def test_what_a_person_says_otherwise_of_a_store_is_refused(tmp_path: Path, facts: Facts, words: str) -> None:
    """It says its pair, grid and filters itself; the same ones may be said again."""
    source = raw(ordinary(rounds=3), tmp_path)
    put(source, tmp_path / "store", *source.paths)
    with pytest.raises(ConfigError, match=words):
        open_source([tmp_path / "store"], facts=facts)
    same = Facts(tick_size=Decimal("0.01"), base="btc", quote="USDT")
    assert open_source([tmp_path / "store"], facts=same).symbols == ("BTC/USDT",)


def test_the_second_day_begins_with_the_whole_book(tmp_path: Path) -> None:
    """So that it can be read alone."""
    source = raw(over_midnight(), tmp_path)
    second = put(source, tmp_path / "store").directories[1]
    assert rows_of(open_source([second]))[0][1] == KEYFRAME


def test_a_manifest_says_what_a_partition_holds(tmp_path: Path) -> None:
    """Counts, times of both clocks, sources and files with their checksums, the grid."""
    source = raw(ordinary(rounds=20), tmp_path)
    (directory,) = put(source, tmp_path / "store", *source.paths).directories
    found = manifest_in(directory)
    counts = {"snapshot": 1, "delta": 22, "top": 20, "trade": 20, "kept_delta": 3}
    assert {name: found.counts[name] for name in counts} == counts
    assert (found.tick_size, found.lot_size, found.gap_count) == ("0.01", "0.01", 0)
    assert (found.first_ns, found.last_ns) == (source.first_ns, source.last_ns)
    assert (found.first_venue_ms, found.last_venue_ms) == (
        source.info.first_venue_ms,
        source.info.last_venue_ms,
    )
    (span,) = found.spans
    assert [one.name for one in span.sources] == ["tape.gz"]
    assert len(span.sources[0].sha256) == 64
    assert sum(part.rows for part in span.parts) == found.rows


def test_the_same_again_changes_nothing(tmp_path: Path) -> None:
    """It is there, whatever its files are called by now."""
    source = raw(over_midnight(), tmp_path)
    first = put(source, tmp_path / "store")
    before = {path: path.stat().st_mtime_ns for path in sorted((tmp_path / "store").rglob("[!.]*.*"))}
    again = put(raw(over_midnight(), tmp_path, "other.gz"), tmp_path / "store")
    assert again.known == first.directories
    assert again.rows == 0
    assert before == {path: path.stat().st_mtime_ns for path in sorted((tmp_path / "store").rglob("[!.]*.*"))}


def test_an_import_that_ended_early_is_gone_on_with(tmp_path: Path) -> None:
    """Days that were whole stay as they are, to the file; files that no manifest names mean nothing."""
    source = raw(over_midnight(), tmp_path)
    first, second = put(source, tmp_path / "store").directories
    whole = rows_of(open_source([tmp_path / "store"]))
    written = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in first.iterdir()}
    (second / MANIFEST_NAME).unlink()
    assert rows_of(open_source([tmp_path / "store"])) != whole
    again = put(source, tmp_path / "store")
    assert (again.directories, again.known) == ((second, first), (first,))
    assert rows_of(open_source([tmp_path / "store"])) == whole
    assert {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in first.iterdir()} == written
    assert again.rows == manifest_in(second).rows


def test_other_content_for_the_same_time_is_refused(tmp_path: Path) -> None:
    """With both named; nothing is changed."""
    put(raw(ordinary(rounds=20), tmp_path), tmp_path / "store")
    (directory,) = partitions(tmp_path / "store")
    before = (directory / MANIFEST_NAME).read_bytes()
    with pytest.raises(RecordingUnusable, match="other content is there"):
        put(raw(ordinary(rounds=21), tmp_path, "b.gz"), tmp_path / "store")
    assert (directory / MANIFEST_NAME).read_bytes() == before
    assert len(rows_of(open_source([tmp_path / "store"]))) == manifest_in(directory).rows


def test_a_later_recording_of_the_day_is_added_and_not_joined(tmp_path: Path) -> None:
    """Between the two the book is lost: nobody knows what changed."""
    put(EventSource(market_events(5)), tmp_path / "store")
    later = market_events(5, begins_ns=10**18 + 3_600 * 10**9)
    put(EventSource(later), tmp_path / "store")
    (directory,) = partitions(tmp_path / "store")
    assert len(manifest_in(directory).spans) == 2
    source = open_source([tmp_path / "store"])
    lost = [event for chunk in source.chunks() for event in events(chunk) if isinstance(event, BookLost)]
    assert [event.ts_ns for event in lost] == [later[0].ts_ns]


def test_events_that_are_no_rows_are_kept(tmp_path: Path) -> None:
    """Clocks and lost books come back at their times, in every chunk with its own."""
    told_events = market_events(45)
    source = EventSource(told_events[:60], told_events[60:])
    put(source, tmp_path / "store")
    read = open_source([tmp_path / "store"])
    assert [event for chunk in read.chunks() for event in events(chunk)] == told_events
    (directory,) = partitions(tmp_path / "store")
    assert manifest_in(directory).gap_count == 4
    assert [gap.reason for gap in read.gaps] == ["the connection ended"] * 4


def test_an_import_waits_for_nobody(tmp_path: Path) -> None:
    """Another one that writes into the same store is told."""

    def again(_ts_ns: int) -> None:
        put(EventSource(market_events(3)), tmp_path / "store")

    with pytest.raises(AlreadyRunning, match="another import"):
        store(EventSource(market_events(5)), tmp_path / "store", (), again)


def test_another_tick_size_on_the_same_day_is_refused(tmp_path: Path) -> None:
    """Ticks would mean something else in one file than in the next."""
    put(raw(ordinary(rounds=5), tmp_path), tmp_path / "store")
    later = ordinary(rounds=5)
    shifted = Tape()
    shifted.lines = [line.replace(b"17231612", b"17231613", 1) for line in later.lines]
    finer = raw(shifted, tmp_path, "b.gz", Facts(tick_size=Decimal("0.001")))
    with pytest.raises(RecordingUnusable, match=r"another grid: tick 0\.01"):
        put(finer, tmp_path / "store")


def test_days_of_different_ticks_are_not_read_as_one(tmp_path: Path) -> None:
    """Each alone can be read."""
    put(raw(ordinary(rounds=5), tmp_path), tmp_path / "store")
    later = Tape()
    later.lines = [line.replace(b"17231612", b"17233612", 1) for line in ordinary(rounds=5).lines]
    put(raw(later, tmp_path, "b.gz", Facts(tick_size=Decimal("0.001"))), tmp_path / "store")
    one, two = partitions(tmp_path / "store")
    assert rows_of(open_source([one]))
    assert rows_of(open_source([two]))
    with pytest.raises(RecordingUnusable, match=r"day=2024-08-11: tick 0\.001"):
        open_source([tmp_path / "store"])


def test_damage_is_told_before_anything_is_believed(tmp_path: Path) -> None:
    """A changed byte, a file that is gone, a manifest that is none or of another form."""
    source = EventSource(market_events(40))
    put(source, tmp_path / "store")
    (directory,) = partitions(tmp_path / "store")
    for path in sorted(directory.iterdir()):
        copy = tmp_path / "copy"
        shutil.copytree(tmp_path / "store", copy)
        target = copy / path.relative_to(tmp_path / "store")
        content = target.read_bytes()
        target.write_bytes(content[:20] + bytes([content[20] ^ 1]) + content[21:])
        with pytest.raises((RecordingDamaged, RecordingUnusable)) as caught:
            rows_of(open_source([copy]))
        assert path.name in str(caught.value)
        if path.name != MANIFEST_NAME:
            target.unlink()
            with pytest.raises(RecordingDamaged, match="cannot be read"):
                rows_of(open_source([copy]))
        shutil.rmtree(copy)


def test_a_store_of_another_form_is_refused(tmp_path: Path) -> None:
    """In words, and not as damage."""
    put(EventSource(market_events(4)), tmp_path / "store")
    (directory,) = partitions(tmp_path / "store")
    manifest = msgspec.json.decode((directory / MANIFEST_NAME).read_bytes())
    (directory / MANIFEST_NAME).write_bytes(msgspec.json.encode({**manifest, "form": 99}))
    with pytest.raises(RecordingUnusable, match="form 99"):
        open_source([tmp_path / "store"])


def test_a_store_with_several_markets_is_opened_by_symbol(tmp_path: Path) -> None:
    """One that is not there is named with those that are."""
    put(EventSource(market_events(10)), tmp_path / "store")
    bitcoin = raw(ordinary(rounds=5), tmp_path)
    put(bitcoin, tmp_path / "store")
    one = open_source([tmp_path / "store"], symbol="BTC/USDT")
    assert rows_of(one) == rows_of(bitcoin)
    both = open_source([tmp_path / "store"])
    assert set(both.symbols) == {"BTC/USDT", EventSource(market_events(1)).symbols[0]}
    with pytest.raises(ConfigError, match="no ETH/USDT there"):
        open_source([tmp_path / "store"], symbol="ETH/USDT")


def test_several_markets_of_one_source_are_stored_one_at_a_time(tmp_path: Path) -> None:
    """A partition is of one symbol."""
    put(EventSource(market_events(10)), tmp_path / "store")
    put(raw(ordinary(rounds=5), tmp_path), tmp_path / "store")
    both: Source = open_source([tmp_path / "store"])
    with pytest.raises(RecordingUnusable, match="holds AAA/BBB, BTC/USDT"):
        put(both, tmp_path / "other")


def test_the_same_rows_make_the_same_bytes(tmp_path: Path) -> None:
    """Files of two stores are equal."""
    for name in ("a", "b"):
        put(raw(over_midnight(), tmp_path), tmp_path / name)
    left, right = (sorted((tmp_path / name).rglob("*.parquet")) for name in ("a", "b"))
    assert [path.read_bytes() for path in left] == [path.read_bytes() for path in right]
    assert OTHER not in {row[1] for row in rows_of(open_source([tmp_path / "a"]))}


def test_a_store_of_many_files_is_read_from_any_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the beginning of a file, within it, across days, up to any time."""
    monkeypatch.setattr("mm.store.recordings.weave.CHUNK_ROWS", 300)
    source = raw(over_midnight(), tmp_path)
    put(source, tmp_path / "store")
    read = open_source([tmp_path / "store"])
    assert len(list((tmp_path / "store").rglob("*.parquet"))) > 5
    for second in range(1, 150, 37):
        from_ns = source.first_ns + second * 10**9
        assert rows_of(read, from_ns) == rows_of(source, from_ns)
        to_ns = from_ns + 7 * 10**9
        assert rows_of(read, from_ns, to_ns) == rows_of(source, from_ns, to_ns)


def test_a_disk_that_fails_on_the_way_leaves_what_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it ends: what is there is whole, and the same import completes it."""
    source = raw(over_midnight(), tmp_path)
    put(source, tmp_path / "whole")
    whole = rows_of(open_source([tmp_path / "whole"]))
    real = os.replace
    for at in range(4):
        left = [at]

        def failing(one: Path, other: Path, *, left: list[int] = left) -> None:
            if not left[0]:
                raise OSError(28, "No space left on device")
            left[0] -= 1
            real(one, other)

        monkeypatch.setattr("os.replace", failing)
        into = tmp_path / f"store{at}"
        with pytest.raises(RecordingUnusable, match="No space left"):
            put(source, into)
        monkeypatch.setattr("os.replace", real)
        assert not list(into.rglob("*.tmp"))
        for directory in partitions(into):
            assert rows_of(open_source([directory])) == [
                row for row in whole if row[0] <= manifest_in(directory).last_ns
            ]
        put(source, into)
        assert rows_of(open_source([into])) == whole


def test_a_store_needs_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And says how it is installed; raw files need nothing."""
    source = raw(ordinary(rounds=5), tmp_path)
    put(source, tmp_path / "store")
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(ConfigError, match="duckdb") as caught:
        open_source([tmp_path / "store"])
    assert "--extra research" in caught.value.hint
    assert rows_of(open_source(source.paths))
