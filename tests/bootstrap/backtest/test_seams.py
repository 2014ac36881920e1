"""A backtest over a store whose second import was not recorded together with the first: nothing is quoted on
a book that may have changed unseen, and the result says for how long.
"""

from decimal import Decimal
from pathlib import Path

import pytest

from mm.bootstrap.backtest.run import BacktestJob, BacktestResult, run_job
from mm.domain.commands import Place
from mm.domain.units import NS_PER_MS, NS_PER_S
from mm.store.journal.entries import Kind
from mm.store.journal.layout import JOURNAL_NAME
from mm.store.journal.reader import read
from mm.store.recordings.facts import Facts
from mm.store.recordings.raw_source import RawSource
from tests.builders.recorded_configs import RECORDED
from tests.builders.recordings import Tape
from tests.builders.stored import put

pytestmark = pytest.mark.parametrize("reference", [True, False], ids=["reference", "kernel"])

FACTS = Facts(tick_size=Decimal("0.01"), lot_size=Decimal("0.00001"))
APART_S = 600
FIRST_S = 40


def lively(tape: Tape, seconds: int) -> Tape:
    """Let a market go on: its touch goes up and down by six dollars, a print every 100 ms."""
    for number in range(10 * seconds):
        cents, size = 6_100_000 + number // 20 % 2 * 600, f"0.5{number % 50:07}"
        gone = [(_price(old), "0.00000000") for old in (6_100_000, 6_100_001, 6_100_600, 6_100_601)]
        bid, ask = (_price(cents), size), (_price(cents + 1), size)
        tape.diff((*gone, bid), (*gone, ("61000.50000000", "0.00000000"), ask))
        tape.trade(_price(cents + number % 2), "0.01000000", buyer_is_maker=not number % 2)
    return tape


def _price(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}000000"


def seamed(folder: Path, *, snapshot_after_s: int, second_s: int = 60) -> Path:
    """Return a store of two imports, ten minutes apart; the second's whole book comes so late, 0: never."""
    first = Tape().diff()
    lively(first.snapshot(), FIRST_S)
    second = Tape()
    second.now_ms, second.last, second.trade_id = first.now_ms + APART_S * 1_000, first.last, first.trade_id
    lively(second, snapshot_after_s or second_s)
    if snapshot_after_s:
        lively(second.diff().snapshot(), second_s)
    for name, tape in (("one.gz", first), ("two.gz", second)):
        put(RawSource([tape.save(folder / name)], FACTS), folder / "store")
    return folder / "store"


def played(folder: Path, store: Path, *, reference: bool, to_ns: int = 0) -> BacktestResult:
    """Return the result of a backtest over the store."""
    path = folder / "mm.toml"
    path.write_text(RECORDED, encoding="utf-8")
    return run_job(
        BacktestJob(config=path, data=(store,), out_dir=folder / "out", reference=reference, to_ns=to_ns)
    )


def placed_ns(result: BacktestResult) -> list[int]:
    """Return when orders were placed, by the journal that it left."""
    records = read(Path(result.run_dir) / JOURNAL_NAME, kinds=(Kind.COMMAND,))
    return [record.ts_ns for record in records if isinstance(record.entry, Place)]


def test_nothing_is_quoted_from_a_seam_to_the_next_whole_book(tmp_path: Path, reference: bool) -> None:
    """Ten minutes between the files and half a minute without a whole book: one gap, with its length."""
    result = played(tmp_path, seamed(tmp_path, snapshot_after_s=30), reference=reference)
    assert result.partial == ""
    (note,) = [one for one in result.notes if "gap" in one]
    lost_s = float(note.split(", ")[1].split()[0])
    assert note.endswith(" s: nothing is quoted until the next whole book")
    assert APART_S + 28 < lost_s < APART_S + 45
    times = placed_ns(result)
    before = [ts_ns for ts_ns in times if ts_ns < times[0] + FIRST_S * NS_PER_S]
    after = times[len(before) :]
    assert min(len(before), len(after)) > 5
    assert after[0] - before[-1] >= (APART_S + 28) * NS_PER_S


def test_a_second_part_without_a_whole_book_is_never_quoted_on(tmp_path: Path, reference: bool) -> None:
    """The gap is told to the end of the data."""
    result = played(tmp_path, seamed(tmp_path, snapshot_after_s=0), reference=reference)
    (note,) = [one for one in result.notes if "gap" in one]
    assert float(note.split(", ")[1].split()[0]) > APART_S + 58
    times = placed_ns(result)
    assert times[-1] - times[0] < FIRST_S * NS_PER_S


def test_a_part_that_ends_before_the_seam_knows_of_none(tmp_path: Path, reference: bool) -> None:
    """No note, and the same orders as there are before it."""
    store = seamed(tmp_path, snapshot_after_s=30)
    whole = placed_ns(played(tmp_path, store, reference=reference))
    part = played(tmp_path, store, reference=reference, to_ns=(FIRST_S - 1) * NS_PER_S)
    assert not [one for one in part.notes if "gap" in one]
    assert placed_ns(part) == whole[: len(placed_ns(part))]
    assert len(placed_ns(part)) > 5
    assert placed_ns(part)[-1] < whole[0] + FIRST_S * NS_PER_S + NS_PER_MS
