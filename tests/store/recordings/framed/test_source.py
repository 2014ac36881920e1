"""A recording of `mm record` as a source: the same rows as a raw file of the same frames, and honest gaps."""

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from mm.domain.events import AnyEvent, BookDelta, BookLost, BookSnapshot, PublicTrade, TopOfBook
from mm.domain.tape import KEYFRAME, SNAPSHOT, Row, events, messages
from mm.errors import ConfigError, RecordingDamaged, RecordingUnusable
from mm.store.recordings.facts import Facts
from mm.store.recordings.framed.decode import UNREADABLE
from mm.store.recordings.framed.form import FramedKind
from mm.store.recordings.framed.reader import FramedRecording, FramedSegment
from mm.store.recordings.framed.source import FramedSource, framed_sources
from mm.store.recordings.opening import open_source
from mm.store.recordings.raw_source import RawSource
from mm.store.recordings.source import Source
from tests.builders.framed import BEGAN_NS, BTC_USDT, FramedTape, a_header
from tests.builders.instruments import make_test_instrument
from tests.builders.recordings import Tape, ordinary

S = 1_000_000_000
ETH_USDT = make_test_instrument(symbol="ETH/USDT", venue_symbol="ETHUSDT", base="ETH", quote="USDT")


def rows(source: Source, from_ns: int = 0, to_ns: int = 0) -> list[list[Row]]:
    """All messages of a source; what is no row by its place alone."""
    return [message for chunk in source.chunks(from_ns, to_ns) for message in messages(chunk)]


def heard(source: Source) -> list[AnyEvent]:
    """All events of a source."""
    return [event for chunk in source.chunks() for event in events(chunk)]


def source_of(tape: FramedTape, folder: Path) -> FramedSource:
    """A segment as a source."""
    return FramedSource(FramedRecording([tape.save(folder)]))


@pytest.mark.parametrize("wrapped", [True, False])
def test_the_rows_are_those_of_a_raw_file_of_the_same_frames(tmp_path: Path, *, wrapped: bool) -> None:
    """Frames with the names of their streams, as a local exchange sends them, and bare, as the venue does."""
    tape = ordinary(rounds=30, step_ms=5_000)
    raw = RawSource([tape.save(tmp_path / "raw")], Facts())
    framed = source_of(FramedTape().tape(tape, wrapped=wrapped).end(), tmp_path)
    assert rows(framed) == rows(raw)
    assert (framed.symbols, framed.venue, framed.controls, framed.rows) == (
        ("BTC/USDT",),
        "binance",
        False,
        0,
    )
    assert (framed.first_ns, framed.last_ns) == (raw.first_ns, raw.last_ns)
    assert sum(1 for message in rows(framed) if message[0][1] == KEYFRAME) == 7
    assert framed.gaps == ()


def test_a_span_begins_with_the_book(tmp_path: Path) -> None:
    """At the last minute before it; the rest is what a whole reading gives."""
    tape = ordinary(rounds=40, step_ms=5_000)
    framed = source_of(FramedTape().tape(tape).end(), tmp_path)
    whole = rows(framed)
    from_ns, to_ns = framed.first_ns + 200 * S, framed.first_ns + 400 * S
    part = rows(framed, from_ns, to_ns)
    assert part[0][0][1] == KEYFRAME
    assert from_ns - 60 * S < part[0][0][0] <= from_ns
    assert part[-1][0][0] < to_ns
    assert part == [message for message in whole if part[0][0][0] <= message[0][0] < to_ns]
    with pytest.raises(RecordingUnusable, match="holds nothing from"):
        rows(framed, framed.last_ns + 1)


def test_a_span_reads_no_segment_that_it_does_not_need(tmp_path: Path) -> None:
    """From the one before that in which it begins: there the book is joined."""
    first, second, third = (ordinary(rounds=20, step_ms=5_000) for _ in range(3))
    for number, tape in enumerate((first, second, third), start=1):
        shift_ns = (number - 1) * 1_000 * S
        tape.lines = [_shifted(line, shift_ns) for line in tape.lines]
        opened_ns = int(tape.lines[0].partition(b" ")[0])
        header = a_header(segment=number, opened_ns=opened_ns)
        FramedTape(header).tape(tape, connection=number).end(is_last=number == 3).save(tmp_path)
    source = open_source([tmp_path])
    part = rows(source, source.last_ns - 10 * S)
    assert part[0][0][1] == KEYFRAME
    (tmp_path / f"{a_header().recording}-00001.mmr").write_bytes(b"x")
    with pytest.raises(RecordingUnusable):
        open_source([tmp_path])


def _shifted(line: bytes, shift_ns: int) -> bytes:
    time, _, text = line.partition(b" ")
    return b"%d %b" % (int(time) + shift_ns, text)


def test_a_connection_that_ends_takes_the_book_with_it(tmp_path: Path) -> None:
    """Nothing of the book follows before a snapshot joins what the new connection brings."""
    tape = ordinary(rounds=3)
    framed = FramedTape().tape(tape)
    framed.add(FramedKind.DOWN, b"closed by the venue", connection=1)
    down_ns = framed.ts_ns
    tape.lines.clear()
    tape.now_ms += 5_000
    tape.diff((("60990.00000000", "6.00000000"),)).trade("61000.00000000", "0.01", buyer_is_maker=True)
    tape.diff((("60990.00000000", "7.00000000"),)).snapshot().diff((("60990.00000000", "8.00000000"),))
    told = heard(source_of(framed.tape(tape, connection=2).end(), tmp_path))
    lost = [event for event in told if isinstance(event, BookLost)]
    assert [(event.ts_ns, event.reason) for event in lost] == [(down_ns, "closed by the venue")]
    after = told[told.index(lost[0]) + 1 :]
    assert [type(event) for event in after] == [PublicTrade, BookSnapshot, BookDelta]


def test_a_newer_connection_silences_the_older_one(tmp_path: Path) -> None:
    """What still comes of one that was given up tells nothing."""
    tape = ordinary(rounds=1)
    framed = FramedTape().tape(tape)
    tape.lines.clear()
    tape.diff((("60990.00000000", "6.00000000"),))
    late = tape.lines[0].partition(b" ")[2]
    framed.frame(b'{"result":null,"id":1}', connection=2).frame(late, connection=1)
    source = source_of(framed.end(), tmp_path)
    told = heard(source)
    assert isinstance(told[-1], BookLost)
    assert told[-1].reason == "connection 2 takes its place"
    assert source.others == {"answers": 1}


def test_a_change_that_is_missing_loses_the_book(tmp_path: Path) -> None:
    """With its numbers, and the next snapshot brings it back."""
    tape = ordinary(rounds=2).diff(skip=4).diff().snapshot().diff()
    told = heard(source_of(FramedTape().tape(tape).end(), tmp_path))
    lost = next(event for event in told if isinstance(event, BookLost))
    assert lost.reason.startswith("gap: expected change ")
    assert [type(event) for event in told[told.index(lost) + 1 :]] == [BookSnapshot, BookDelta]


def test_two_recordings_follow_each_other_with_a_gap_between_them(tmp_path: Path) -> None:
    """Their connections are counted anew; the book of the first is given up."""
    FramedTape().tape(ordinary(rounds=2)).save(tmp_path)
    tape = ordinary(rounds=2)
    tape.lines = [_shifted(line, 3_600 * S) for line in tape.lines]
    began_ns = BEGAN_NS + 3_600 * S
    later = a_header(recording="binance-later", began_ns=began_ns, opened_ns=began_ns)
    FramedTape(later).tape(tape).end().save(tmp_path)
    source = FramedSource(FramedRecording([tmp_path]))
    told = heard(source)
    lost = [event for event in told if isinstance(event, BookLost)]
    assert [(event.ts_ns, event.reason) for event in lost] == [(began_ns, "the recording before it ends")]
    assert sum(isinstance(event, BookSnapshot) for event in told) == 2
    assert sum(isinstance(event, PublicTrade) for event in told) == 4
    (gap,) = source.gaps
    first = next(path for path in source.recording.segments if "later" not in path.name)
    newest = [found.ts_ns for found in FramedSegment(first)][-1]
    assert gap.from_ns == newest > BEGAN_NS
    assert (gap.symbol, gap.to_ns, gap.reason) == (
        "BTC/USDT",
        began_ns,
        "another recording begins: binance-later",
    )
    assert source.name == f"{a_header().recording} and 1 more segments"


def test_several_markets_are_one_tape_and_each_can_be_had_by_itself(tmp_path: Path) -> None:
    """Every frame goes to the market whose it is; frames of none are named."""
    bitcoin, ether = ordinary(rounds=2), Tape("ETHUSDT")
    ether.now_ms = bitcoin.now_ms
    ether.diff().snapshot([("3000.00000000", "1.00000000")], [("3001.00000000", "1.00000000")])
    ether.ticker(("3000.00000000", "2.00000000"), ("3001.00000000", "1.00000000"))
    framed = FramedTape(a_header(instruments=(BTC_USDT, ETH_USDT))).tape(bitcoin)
    for line in ether.lines:
        time, _, text = line.partition(b" ")
        if text.startswith(b'{"lastUpdateId"'):
            framed.answer(text, "/api/v3/depth?symbol=ETHUSDT&limit=1000", ts_ns=int(time))
        else:
            framed.frame(text, ts_ns=int(time))
    framed.answer(b'{"serverTime":1}', "/api/v3/time").answer(b'{"code":-1003}').clock(5)
    path = framed.end().save(tmp_path)
    both = open_source([path])
    assert both.symbols == ("BTC/USDT", "ETH/USDT")
    tops = [event for event in heard(both) if isinstance(event, TopOfBook)]
    assert [top.symbol for top in tops] == ["BTC/USDT", "BTC/USDT", "ETH/USDT"]
    alone = FramedSource(FramedRecording([path]), ("ETH/USDT",))
    assert {event.symbol for event in heard(alone) if isinstance(event, TopOfBook | BookSnapshot)} == {
        "ETH/USDT"
    }
    assert alone.others == {}
    chosen = open_source([path], symbol="ETH/USDT")
    assert heard(chosen) == heard(alone)
    assert chosen.instruments == (ETH_USDT,)
    with pytest.raises(ConfigError, match="SOL/USDT is not in"):
        FramedSource(FramedRecording([path]), ("SOL/USDT",))


def test_what_cannot_be_read_is_counted_and_the_torn_end_is_left_out(tmp_path: Path) -> None:
    """The adapter gave such a connection up: what follows says so by itself."""
    framed = FramedTape().tape(ordinary(rounds=1)).frame(b"not json").frame(b'{"e":"trade","s":"BTCUSDT"}')
    framed.frame(b'{"e":"kline","s":"BTCUSDT"}').frame(b'{"s":"BTCUSDT","x":1}')
    whole = rows(source_of(framed, tmp_path))
    framed.content += b"\xd5\xb3\x02"
    source = source_of(framed, tmp_path)
    assert rows(source) == whole
    assert source.others == {UNREADABLE: 2, "kline": 1, "answers": 1}


def test_prices_off_the_grid_of_the_header_are_damage(tmp_path: Path) -> None:
    """With the record and its byte."""
    framed = FramedTape().tape(ordinary(rounds=1))
    offset = len(framed.content)
    tape = Tape().trade("61000.005", "0.1", buyer_is_maker=True)
    framed.frame(tape.lines[0].partition(b" ")[2])
    with pytest.raises(RecordingDamaged, match=r"price was 61000\.005") as raised:
        rows(source_of(framed, tmp_path))
    assert raised.value.offset == offset


def test_what_holds_no_frame_has_no_times(tmp_path: Path) -> None:
    """It was begun, and nothing came."""
    source = source_of(FramedTape().clock(1).end(), tmp_path)
    for name in ("first_ns", "last_ns"):
        with pytest.raises(RecordingUnusable, match="holds no frame"):
            getattr(source, name)


def test_the_digest_is_of_the_content_and_the_grid(tmp_path: Path) -> None:
    """Another byte, another digest; the same files, the same."""
    tape = FramedTape().tape(ordinary(rounds=1))
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, same = source_of(tape, tmp_path / "a"), source_of(tape, tmp_path / "b")
    assert one.digest == same.digest
    assert source_of(tape.end(), tmp_path / "b").digest != one.digest


def test_another_grid_than_the_recorded_one_is_refused(tmp_path: Path) -> None:
    """The recording says it; the same one may be said again."""
    path = FramedTape().tape(ordinary(rounds=1)).save(tmp_path)
    (source,) = framed_sources([path], Facts(tick_size=Decimal("0.01")))
    assert source.symbols == ("BTC/USDT",)
    for facts in (Facts(tick_size=Decimal("0.02")), Facts(lot_size=Decimal("0.1"))):
        with pytest.raises(ConfigError, match="was recorded on a grid of"):
            framed_sources([path], facts)


def test_everything_of_a_recording_can_be_had_with_its_details(tmp_path: Path) -> None:
    """Changes before the first snapshot too, which are no rows of a tape."""
    tape = ordinary(rounds=2)
    source = source_of(FramedTape().tape(tape).end(), tmp_path)
    (detailed,) = source.detailed()
    assert max(detailed.details.frame.tolist()) == len(tape.lines) - 1
    plain = sum(chunk.rows for chunk in source.chunks())
    assert detailed.chunk.rows > plain
    assert detailed.chunk.columns.kind.tolist().count(SNAPSHOT) == 6
    assert msgspec.structs.asdict(source.recording.headers[0])["venue"] == "binance"
