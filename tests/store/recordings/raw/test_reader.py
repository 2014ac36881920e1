"""Records out of recorded lines, and what is refused as a recording."""

from pathlib import Path

import pytest

from mm.errors import RecordingDamaged, RecordingUnusable
from mm.store.recordings.raw.reader import Entry, records
from mm.store.recordings.raw.records import (
    BookTicker,
    DepthDiff,
    Market,
    Other,
    Snapshot,
    TradePrint,
)
from tests.builders.recordings import BIDS, LATE_NS, START_MS, Tape, ordinary

BID, ASK = ("61000.00", "1.5"), ("61000.01", "0.7")


def read(*tapes: Tape, folder: Path) -> list[Entry]:
    """What the tapes hold as files."""
    paths = [tape.save(folder / f"{number}.gz") for number, tape in enumerate(tapes)]
    return list(records(paths))


def refused(*tapes: Tape, folder: Path) -> str:
    """Why the tapes are no recording."""
    with pytest.raises(RecordingUnusable) as caught:
        read(*tapes, folder=folder)
    assert caught.value.hint
    return str(caught.value)


def test_every_kind_of_frame_becomes_its_record(tmp_path: Path) -> None:
    """With the venue's bytes, its time, and where it stands."""
    tape = (
        Tape().diff([BID], [ASK]).trade("61000.00", "0.25", buyer_is_maker=True).ticker(BID, ASK).snapshot()
    )
    diff, trade, ticker, snapshot = [entry.record for entry in read(tape, folder=tmp_path)]

    assert isinstance(diff, DepthDiff)
    assert (diff.first, diff.last, diff.bids, diff.asks) == (1_001, 1_003, [BID], [ASK])
    assert (diff.local_ns, diff.venue_ms) == (START_MS * 1_000_000 - LATE_NS + 2_000_000, START_MS)
    assert diff.data in tape.lines[0]
    assert diff.data.startswith(b'{"e":"depthUpdate"')
    assert isinstance(trade, TradePrint)
    assert (trade.trade_id, trade.price, trade.size, trade.buyer_is_maker) == (501, "61000.00", "0.25", True)
    assert (trade.venue_ms, trade.trade_ms) == (START_MS + 50, START_MS + 49)
    assert isinstance(ticker, BookTicker)
    assert (ticker.last, ticker.bid, ticker.ask, ticker.venue_ms) == (1_003, BID, ASK, -1)
    assert isinstance(snapshot, Snapshot)
    assert (snapshot.last, snapshot.bids) == (1_003, list(BIDS))
    assert {record.market for record in (diff, trade, ticker, snapshot)} == {Market.SPOT}
    assert [(record.line, record.offset) for record in (diff, trade)] == [(1, 0), (2, len(tape.lines[0]) + 1)]


def test_changes_of_a_contract_are_numbered_as_on_spot(tmp_path: Path) -> None:
    """Each begins where the one before ended, whatever holes the venue leaves."""
    tape = Tape(linear=True).diff([BID]).diff([BID]).ticker(BID, ASK).trade("1", "1", buyer_is_maker=False)
    found = [entry.record for entry in read(tape, folder=tmp_path)]
    assert [(diff.first, diff.last) for diff in found if isinstance(diff, DepthDiff)] == [
        (1_001, 1_003),
        (1_004, 1_006),
    ]
    assert {record.market for record in found} == {Market.LINEAR}


@pytest.mark.parametrize(
    ("number", "unit_ns"), [(10**18 + 5, 1), (10**15 + 5, 1_000), (10**12 + 5, 1_000_000)]
)
def test_the_unit_of_local_time_is_told_by_its_magnitude(tmp_path: Path, number: int, unit_ns: int) -> None:
    """Nano-, micro- and milliseconds since 1970."""
    tape = Tape().ticker(BID, ASK)
    tape.lines[0] = str(number).encode() + b" " + tape.lines[0].partition(b" ")[2]
    (entry,) = read(tape, folder=tmp_path)
    assert entry.record.local_ns == number * unit_ns


def test_frames_that_the_book_is_not_made_of_are_kept_as_they_are(tmp_path: Path) -> None:
    """Other streams, and a second depth stream of the same book."""
    tape = Tape().diff([BID])
    tape.line(
        b'%d {"stream":"btcusdt@depth20@100ms","data":{"lastUpdateId":1,"bids":[],"asks":[]}}' % tape.local_ns
    )
    tape.line(b'%d {"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","s":"BTCUSDT"}}' % tape.local_ns)
    tape.line(
        b'%d {"stream":"btcusdt@depth","data":{"e":"depthUpdate","E":1,"U":1,"u":9,"b":[],"a":[]}}'
        % tape.local_ns
    )
    _, *others = [entry.record for entry in read(tape, folder=tmp_path)]
    assert [record.stream for record in others if isinstance(record, Other)] == [
        "btcusdt@depth20@100ms",
        "btcusdt@aggTrade",
        "btcusdt@depth",
    ]


def test_files_of_one_symbol_follow_each_other(tmp_path: Path) -> None:
    """The second begins where the first ended."""
    whole = ordinary()
    first, second = Tape(), Tape()
    first.lines, second.lines = whole.lines[:17], whole.lines[17:]
    entries = read(first, second, folder=tmp_path)
    assert len(entries) == len(whole.lines)
    assert entries[17].record.line == 1
    assert entries[17].place == f"{tmp_path / '1.gz'}: line 1, byte 0"


def test_files_out_of_order_or_overlapping_are_refused(tmp_path: Path) -> None:
    """A book that goes back in time is none."""
    whole = ordinary()
    first, second = Tape(), Tape()
    first.lines, second.lines = whole.lines[:20], whole.lines[10:]
    assert "overlap or are out of order" in refused(first, second, folder=tmp_path)


def test_local_time_that_goes_back_is_refused(tmp_path: Path) -> None:
    """With the place and by how much."""
    tape = ordinary()
    tape.lines[5], tape.lines[6] = tape.lines[6], tape.lines[5]
    message = refused(tape, folder=tmp_path)
    assert "line 7, byte " in message
    assert "local time goes back by 50000000 ns" in message


def test_two_symbols_are_refused(tmp_path: Path) -> None:
    """In one file, or in two."""
    other = Tape("ETHUSDT")
    other.now_ms += 10_000
    other.diff([BID])
    assert "ETHUSDT after BTCUSDT" in refused(ordinary(), other, folder=tmp_path)


def test_two_markets_are_refused(tmp_path: Path) -> None:
    """A pair and a contract on it bear the same name."""
    other = Tape(linear=True)
    other.now_ms += 10_000
    other.diff([BID])
    assert "a linear frame after spot ones" in refused(ordinary(), other, folder=tmp_path)


def test_a_contract_that_is_settled_in_its_base_is_refused_in_words(tmp_path: Path) -> None:
    """Told by the frame's pair, or by the symbol alone."""
    for text in (
        b'%d {"stream":"btcusd_perp@trade","data":{"e":"trade","E":5,"T":5,"s":"BTCUSD_PERP","t":1,"p":"1",'
        b'"q":"1","X":"MARKET","m":false}}',
        b'%d {"lastUpdateId":1,"E":5,"T":5,"symbol":"BTCUSD_PERP","pair":"BTCUSD","bids":[],"asks":[]}',
    ):
        tape = Tape()
        assert "a COIN-M contract is settled in its base asset" in refused(
            tape.line(text % tape.local_ns), folder=tmp_path
        )
        (entry,) = records([tape.save(tmp_path / "looked-at")], takes_inverse=True)
        assert entry.record.market is Market.INVERSE


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    """Also as the second of two."""
    assert refused(Tape(), folder=tmp_path).endswith("0.gz: empty")
    assert refused(ordinary(), Tape(), folder=tmp_path).endswith("1.gz: empty")


def test_something_else_is_not_a_recording(tmp_path: Path) -> None:
    """The first line tells."""
    assert "not a recording: it does not begin with a local time" in refused(
        Tape().line(b"# a readme"), folder=tmp_path
    )


GOOD_TIME = b"1723161255000000000 "


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"17231612550 {}", "does not begin with a local time"),
        (b"1723161255 000 {}", "does not begin with a local time"),
        (GOOD_TIME + b'{"stream":"btcusdt@trade","data":{"e":"tr', "the frame cannot be read"),
        (GOOD_TIME + b"\xff\xfe", "the frame cannot be read"),
        (GOOD_TIME + b"[]", "the frame cannot be read"),
        (GOOD_TIME + b"{}", "neither a combined frame nor a snapshot"),
        (GOOD_TIME + b'{"lastUpdateId":1,"bids":[["x","1"]],"asks":[]}', "not a plain number"),
        (GOOD_TIME + b'{"stream":"b@trade","data":{"e":"depthUpdate","b":1}}', "holds no levels"),
        (GOOD_TIME + b'{"stream":"b@depth","data":{"e":"depthUpdate","b":[],"a":[]}}', "is not numbered"),
        (
            GOOD_TIME + b'{"stream":"b@depth","data":{"e":"depthUpdate","E":1,"U":3,"u":2,"b":[],"a":[]}}',
            "is not numbered",
        ),
        (GOOD_TIME + b'{"stream":"b@trade","data":{"e":"trade","t":1}}', "a trade is not numbered"),
        (
            GOOD_TIME
            + b'{"stream":"b@trade","data":{"e":"trade","E":1,"T":1,"t":1,"p":"-1","q":"1","m":true}}',
            "not a plain number",
        ),
        (GOOD_TIME + b'{"stream":"b@bookTicker","data":{"u":1}}', "a book ticker is not numbered"),
        (GOOD_TIME + b'{"stream":"b@depth","data":{}}', "not what that stream carries"),
    ],
)
def test_a_line_that_cannot_be_read_is_damage_with_its_place(
    tmp_path: Path, text: bytes, reason: str
) -> None:
    """Nothing is skipped; what is before it is read."""
    tape = Tape().ticker(BID, ASK)
    path = tape.line(text).ticker(BID, ASK).save(tmp_path / "bad")
    seen: list[Entry] = []
    with pytest.raises(RecordingDamaged, match=reason) as caught:
        seen.extend(records([path]))
    assert len(seen) == 1
    assert (caught.value.path, caught.value.line, caught.value.offset) == (
        str(path),
        2,
        len(tape.lines[0]) + 1,
    )
