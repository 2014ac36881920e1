"""What a source has to say reaches whoever opens it, whatever stands between them."""

import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from mm.domain.events import BookLost
from mm.domain.tape import events
from mm.errors import ConfigError, UsageError
from mm.store.recordings.facts import Facts
from mm.store.recordings.findings import Fault
from mm.store.recordings.merged import merged
from mm.store.recordings.opening import open_source
from mm.store.recordings.parquet.layout import DAY_NS, MANIFEST_NAME, partitions, unlisted
from mm.store.recordings.raw_source import RawSource
from mm.store.recordings.remarks import remarks_of
from mm.store.recordings.renamed import RenamedSource
from mm.store.recordings.source import DAYS_GONE
from mm.store.recordings.verify import verify
from tests.builders.recordings import Tape, ordinary
from tests.builders.stored import put


def off_tick(folder: Path) -> tuple[Path, int]:
    """A file with one price that no other number needs, and its line."""
    tape = ordinary(rounds=700)
    tape.ticker(("61000.00500000", "1.00000000"), ("61000.01000000", "1.00000000"))
    return tape.save(folder / "offtick.txt"), len(tape.lines)


def three_days(folder: Path) -> Path:
    """A store of one import with a day between two others."""
    tape = Tape()
    tape.diff().snapshot()
    for _ in range(3):
        for _ in range(20):
            tape.diff()
        tape.now_ms += DAY_NS // 10**6
    put(RawSource([tape.save(folder / "a.gz")], Facts(lot_size=Decimal("0.01"))), folder / "store")
    assert len(partitions(folder / "store")) == 3
    return folder / "store"


def test_a_price_that_makes_the_tick_is_said_to_whoever_trades(tmp_path: Path) -> None:
    """Alone, merged and under the name of another venue; not where the tick was named."""
    path, row = off_tick(tmp_path)
    source = RawSource([path], Facts())
    (words,) = remarks_of(source)
    assert words.startswith(f"{path}: row {row}: 61000.005 makes the tick 0.005: 1 of ")
    other = RawSource([ordinary(linear=True).save(tmp_path / "b.gz")], Facts())
    renamed = RenamedSource(source, "perp")
    assert remarks_of(renamed) == (words,)
    assert remarks_of(merged([renamed, other], ("perp:BTC/USDT", "BTC/USDT"))) == (words,)
    assert remarks_of(merged([renamed, other], ("BTC/USDT",))) == ()
    assert remarks_of(RawSource([path], Facts(tick_size=Decimal("0.005")))) == ()


def test_a_tick_that_a_price_is_off_names_the_first_one(tmp_path: Path) -> None:
    """With file and row, and the value as it stands there; of a lot alike."""
    path, row = off_tick(tmp_path)
    with pytest.raises(ConfigError) as refused:
        RawSource([path], Facts(tick_size=Decimal("0.01")))
    assert f"{path}: row {row}: price 61000.005 is the first that lies off it" in str(refused.value)
    with pytest.raises(ConfigError, match=r"offtick\.txt: row \d+: size \S+ is the first that lies off it"):
        RawSource([path], Facts(lot_size=Decimal(1000)))


def test_a_day_without_its_manifest_is_told(tmp_path: Path) -> None:
    """By the source, by a check with exit code 9, and in the rows: what follows joins nothing before it."""
    store = three_days(tmp_path)
    assert remarks_of(open_source([store])) == ()
    day = partitions(store)[1]
    (day / MANIFEST_NAME).unlink()
    assert unlisted(store) == [day]
    source = open_source([store])
    (words,) = remarks_of(source)
    assert words.startswith(f"{day}: 1 Parquet file and no {MANIFEST_NAME}, so nothing of this day is read")
    found = verify([store], Facts())
    assert found.counts[Fault.MANIFEST] == 1
    assert str(day) in [one.file for one in found.findings]


def test_days_that_are_gone_between_two_lose_the_book(tmp_path: Path) -> None:
    """Nobody knows what changed, although it was one import."""
    store = three_days(tmp_path)
    before = open_source([store])
    shutil.rmtree(partitions(store)[1])
    source = open_source([store])
    lost = [event for chunk in source.chunks() for event in events(chunk) if isinstance(event, BookLost)]
    assert [event.reason for event in lost] == [DAYS_GONE]
    assert [gap.reason for gap in source.gaps] == [DAYS_GONE]
    assert before.gaps == ()
    assert verify([store], Facts()).counts == {Fault.GAP: 1}


def test_a_path_that_is_named_twice_is_refused(tmp_path: Path) -> None:
    """Whatever it is called; nothing is read twice."""
    path = ordinary(rounds=3).save(tmp_path / "a.gz")
    (tmp_path / "link").symlink_to(path)
    for other in (path, tmp_path / "link"):
        with pytest.raises(UsageError, match="is named twice"):
            open_source([path, other])
        with pytest.raises(UsageError, match="is named twice"):
            verify([path, other], Facts())
