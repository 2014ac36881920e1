"""Findings in what `mm record` left name the segment, the record and its byte."""

from pathlib import Path

from mm.store.recordings.facts import Facts
from mm.store.recordings.findings import Fault, Finding
from mm.store.recordings.framed.reader import FramedSegment
from mm.store.recordings.located import located
from mm.store.recordings.opening import opened_each
from mm.store.recordings.source import Opening
from mm.store.recordings.verify import verify
from tests.builders.framed import BTC_USDT, FramedTape, a_header
from tests.builders.instruments import make_test_instrument
from tests.builders.recordings import Tape, ordinary

ETH_USDT = make_test_instrument(
    symbol="ETH/USDT", venue_symbol="ETHUSDT", base="ETH", quote="USDT", tick_size="0.01", lot_size="0.0001"
)


def two_segments(folder: Path) -> tuple[Path, Path, int, Tape]:
    """A recording of two markets in two segments; in the second one a change of the first is missing.

    Returns both files, the number of the record with which that is seen, and the tape of the second.
    """
    whole = ordinary(rounds=5)
    first, second = Tape(), Tape()
    first.lines = list(whole.lines)
    whole.diff().diff(skip=7)
    second.lines = whole.lines[len(first.lines) :]
    whole.snapshot()
    instruments = (BTC_USDT, ETH_USDT)
    opened_ns = int(second.lines[0].partition(b" ")[0]) - 10**6
    one = FramedTape(a_header(instruments=instruments)).tape(first).end(is_last=False)
    two = FramedTape(a_header(instruments=instruments, segment=2, opened_ns=opened_ns))
    for line in second.lines:
        time, _, text = line.partition(b" ")
        two.frame(text, ts_ns=int(time))
    record = len(two.offsets)
    ether = Tape("ETHUSDT")
    ether.now_ms = whole.now_ms
    ether.ticker(("3000.00000000", "2.00000000"), ("3001.00000000", "1.00000000"))
    for line in ether.lines:
        time, _, text = line.partition(b" ")
        two.frame(text, ts_ns=int(time))
    return one.save(folder), two.end().save(folder), record, second


def test_a_finding_names_segment_record_and_byte(tmp_path: Path) -> None:
    """Of one market among several too."""
    _, path, record, second = two_segments(tmp_path)
    found = verify([tmp_path], Facts())
    (finding,) = [one for one in found.findings if one.fault is Fault.GAP]
    assert isinstance(finding, Finding)
    assert (finding.file, finding.row) == (str(path), record)
    told = list(FramedSegment(path))[record - 1]
    assert (told.offset, told.ts_ns) == (finding.byte, finding.ts_ns)
    assert told.payload == second.lines[-1].partition(b" ")[2]


def test_each_message_of_a_recording_has_the_record_that_it_came_in(tmp_path: Path) -> None:
    """In both segments, for each of its markets, whatever stands between them."""
    paths = {str(path): list(FramedSegment(path)) for path in two_segments(tmp_path)[:2]}
    places = set()
    for source in opened_each(Opening(paths=(tmp_path,))):
        for told in located(source):
            file, row = told.place
            if told.frame >= 0:
                assert paths[file][row - 1].ts_ns == told.rows[0][0]
                places.add((source.symbols[0], file))
    assert len(places) == 3
