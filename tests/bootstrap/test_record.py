"""`mm record` on a local exchange: byte for byte what it sent, through the adapter that trades."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mm.bootstrap.data_sheet import sheet_of
from mm.bootstrap.record import LOCK_NAME, RecordAsked, RecordReport, RecordState, record_market
from mm.domain.events import AnyEvent, BookLost, BookSnapshot, PublicTrade
from mm.domain.tape import events
from mm.errors import AlreadyRunning, ConfigError, RecordingFailed, VenueUnreachable
from mm.exchange.connection import Connection
from mm.store.lock import FileLock
from mm.store.recordings.facts import Facts
from mm.store.recordings.framed.form import FramedKind, answer_of
from mm.store.recordings.framed.reader import FramedRecording, FramedSegment
from mm.store.recordings.framed.writer import FramedLimits
from mm.store.recordings.opening import open_source
from mm.store.recordings.raw_source import RawSource
from tests.builders.exchange_thread import Hosted, hosted, hosted_replay
from tests.builders.market_tapes import long_recording
from tests.builders.processes import until
from tests.builders.recordings import ordinary

S = 1_000_000_000
LIMITS = FramedLimits(free_bytes_min=0)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every text that the exchange put on a socket, in order."""
    texts: list[str] = []
    add = Connection._add

    def _add(self: Connection, frame: str | bytes) -> None:
        if isinstance(frame, str):
            texts.append(frame)
        add(self, frame)

    monkeypatch.setattr(Connection, "_add", _add)
    return texts


def recorded(exchange: Hosted, into: Path, *, for_ns: int, limits: FramedLimits = LIMITS) -> RecordReport:
    """Record the exchange."""
    asked = RecordAsked(
        venue="binance", symbols=("BTC/USDT",), into=into, for_ns=for_ns, url=exchange.url, limits=limits
    )
    return record_market(asked, lambda state: None)


def frames(folder: Path) -> list[bytes]:
    """The texts that were recorded."""
    return [
        found.payload
        for path in FramedRecording([folder]).segments
        for found in FramedSegment(path)
        if found.kind == FramedKind.FRAME
    ]


def test_what_was_recorded_is_what_was_sent_byte_for_byte(tmp_path: Path, sent: list[str]) -> None:
    """Every text of the socket from the first on, the answer to the subscription among them."""
    told: list[RecordState] = []
    with hosted() as exchange:
        asked = RecordAsked(
            venue="binance",
            symbols=("BTC/USDT",),
            into=tmp_path,
            for_ns=2 * S,
            url=exchange.url,
            limits=LIMITS,
        )
        report = record_market(asked, told.append)
        on_the_wire = [text.encode() for text in sent]
    kept = frames(tmp_path)
    assert kept == on_the_wire[: len(kept)]
    assert len(on_the_wire) - len(kept) <= 20  # what was on its way when the time was over
    assert b'"result"' in kept[0]
    assert len(kept) == report.counts.frames > 30
    assert sum(map(len, kept)) == report.counts.frame_bytes
    assert (report.ended, report.counts.gaps, report.counts.connections) == ("done", 0, 1)
    assert report.counts.snapshots >= 1
    assert abs(report.counts.offset_ns or S) < S
    assert told[-1].counts.frames == len(kept)
    assert report.as_dict()["frames"] == len(kept)


def test_answers_are_recorded_and_the_rows_are_a_market(tmp_path: Path) -> None:
    """What was asked, from the list of symbols on; the book joins, trades follow each other."""
    with hosted() as exchange:
        recorded(exchange, tmp_path, for_ns=2 * S)
    source = open_source([tmp_path])
    (path,) = tmp_path.glob("*.mmr")
    asked = [answer_of(found.payload)[0] for found in FramedSegment(path) if found.kind == FramedKind.ANSWER]
    assert {request.partition("?")[0] for request in asked} == {
        "/api/v3/exchangeInfo",
        "/api/v3/time",
        "/api/v3/depth",
    }
    told = [event for chunk in source.chunks() for event in events(chunk)]
    assert any(isinstance(event, BookSnapshot) for event in told)
    assert not any(isinstance(event, BookLost) for event in told)
    numbers = [event.trade_id for event in told if isinstance(event, PublicTrade)]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    (instrument,) = source.instruments
    assert (instrument.maker_fee_ppm, instrument.taker_fee_ppm) == (0, 0)
    assert (instrument.symbol, instrument.venue_symbol) == ("BTC/USDT", "BTCUSDT")


def test_a_file_is_no_place_for_a_recording(tmp_path: Path) -> None:
    """That is told before anybody is asked anything: nobody listens at the address."""
    path = tmp_path / "p.toml"
    path.write_text("mine\n", encoding="utf-8")
    asked = RecordAsked(venue="binance", symbols=("BTC/USDT",), into=path, url="http://127.0.0.1:1")
    with pytest.raises(RecordingFailed, match=r"p\.toml: is no directory"):
        record_market(asked, lambda state: None)
    assert path.read_text(encoding="utf-8") == "mine\n"


def test_a_second_recording_into_one_directory_is_refused(tmp_path: Path) -> None:
    """By the lock of the first, whose process it names; nothing is written."""
    into = tmp_path / "into"
    during: list[str] = []

    def look(state: RecordState) -> None:
        if not during:
            with pytest.raises(AlreadyRunning) as caught:
                FileLock(into / LOCK_NAME, refusal="held", hint="")
            during.append(str(caught.value))

    with hosted() as exchange:
        asked = RecordAsked(
            venue="binance", symbols=("BTC/USDT",), into=into, for_ns=S, url=exchange.url, limits=LIMITS
        )
        record_market(asked, look)
        assert during == [f"held, pid {os.getpid()}"]
        before = sorted(into.iterdir())
        with (
            FileLock(into / LOCK_NAME, refusal="held", hint=""),
            pytest.raises(AlreadyRunning, match=f"another mm record writes there, pid {os.getpid()}"),
        ):
            recorded(exchange, into, for_ns=S)
        assert sorted(into.iterdir()) == before


def test_a_replayed_market_is_recorded_in_its_own_time(tmp_path: Path) -> None:
    """A recording of a recording: the same trades at the same times of the venue."""
    tape = long_recording(seconds=120).save(tmp_path / "tape")
    into = tmp_path / "into"
    with hosted_replay(tape, speed=40.0) as exchange:
        report = recorded(exchange, into, for_ns=60 * S)
    assert 59 < (report.ended_ns - report.began_ns) / S < 65
    # Its clock stood still before anybody listened: what was measured then was another one.
    counts = report.counts
    fastest_ns = sheet_of(open_source([into]), lambda ts_ns: None).lag_fastest_ns
    assert counts.measures >= 2
    assert counts.offset_ns is not None
    assert fastest_ns is not None
    assert abs(fastest_ns + counts.offset_ns) < S

    def trades(source_path: Path) -> list[PublicTrade]:
        source = open_source([source_path], facts=Facts())
        told = (event for chunk in source.chunks() for event in events(chunk))
        return [event for event in told if isinstance(event, PublicTrade)]

    again = trades(into)
    first = {trade.trade_id: trade for trade in trades(tape)}
    assert len(again) > 200
    for trade in again:
        known = first[trade.trade_id]
        assert (trade.price_ticks, trade.size_atoms, trade.aggressor, trade.venue_ms) == (
            known.price_ticks,
            known.size_atoms,
            known.aggressor,
            known.venue_ms,
        )
    assert (
        RawSource([tape], Facts()).instruments[0].tick_atoms == open_source([into]).instruments[0].tick_atoms
    )


def test_a_gap_is_noticed_and_the_book_comes_back(tmp_path: Path) -> None:
    """The adapter's own check finds it; a snapshot is asked for anew."""
    tape = ordinary(rounds=60, step_ms=50)
    tape.diff(skip=3)
    for number in range(60):
        tape.diff((("60990.00000000", f"{number + 1}.00000000"),))
        if number == 5:
            tape.snapshot()
    file = tape.save(tmp_path / "tape")
    into = tmp_path / "into"
    with hosted_replay(file, speed=8.0) as exchange:
        report = recorded(exchange, into, for_ns=13 * S)
    assert report.counts.gaps == 1
    told = [type(event) for chunk in open_source([into]).chunks() for event in events(chunk)]
    assert BookLost in told
    assert BookSnapshot in told[told.index(BookLost) :]


def test_a_signal_ends_it_in_good_order(tmp_path: Path) -> None:
    """All that was heard is there, the segment is closed, and the report says how it ended."""
    calls: list[RecordState] = []

    def interrupt(state: RecordState) -> None:
        calls.append(state)
        if state.counts.frames > 20 and len(calls) < 10_000:
            calls.extend([state] * 10_000)
            os.kill(os.getpid(), signal.SIGINT)

    with hosted() as exchange:
        asked = RecordAsked(
            venue="binance", symbols=("BTC/USDT",), into=tmp_path, url=exchange.url, limits=LIMITS
        )
        report = record_market(asked, interrupt)
    assert report.ended == "stopped"
    segment = FramedSegment(next(tmp_path.glob("*.mmr")))
    assert sum(found.kind == FramedKind.FRAME for found in segment) == report.counts.frames
    assert segment.end is not None
    assert (segment.end.reason, segment.end.is_last) == ("stopped", True)


def test_a_bound_ends_it_and_a_full_disk_is_an_error(tmp_path: Path) -> None:
    """The first was asked for; of the second what was written is said to be whole."""
    with hosted() as exchange:
        limits = FramedLimits(free_bytes_min=0, max_bytes=20_000)
        report = recorded(exchange, tmp_path / "a", for_ns=600 * S, limits=limits)
        assert report.ended == "max_bytes"
        assert report.totals.bytes <= 20_000
        with pytest.raises(RecordingFailed, match="are to be left"):
            recorded(exchange, tmp_path / "b", for_ns=S, limits=FramedLimits(free_bytes_min=2**60))


def test_a_venue_that_goes_is_dialled_until_the_time_is_over(tmp_path: Path) -> None:
    """What was heard before is there, the end of the connection too."""
    with hosted() as exchange:
        timer = threading.Timer(1.0, exchange.vanish)
        timer.start()
        report = recorded(exchange, tmp_path, for_ns=3 * S)
        timer.join()
    assert (report.ended, report.counts.connections) == ("done", 1)
    kinds = [found.kind for found in FramedSegment(next(tmp_path.glob("*.mmr")))]
    assert FramedKind.DOWN in kinds
    assert kinds.count(FramedKind.FRAME) == report.counts.frames > 5


def test_what_cannot_be_recorded_is_told_before_anything_is_written(tmp_path: Path) -> None:
    """No such venue, no such symbol, nobody there."""
    into = tmp_path / "into"
    with pytest.raises(ConfigError, match="venue was 'kraken', expected binance"):
        record_market(RecordAsked(venue="kraken", symbols=("BTC/USDT",), into=into), lambda state: None)
    with hosted() as exchange:
        url = exchange.url
        with pytest.raises(ConfigError, match="ETH/USDT"):
            record_market(
                RecordAsked(venue="binance", symbols=("ETH/USDT",), into=into, url=url), lambda state: None
            )
    with pytest.raises(VenueUnreachable):
        recorded(Hosted(url, exchange._exchange, exchange._loop), into, for_ns=S)
    assert not into.exists()


def test_a_recorder_that_is_killed_leaves_what_it_had_written(tmp_path: Path, sent: list[str]) -> None:
    """A process of its own, ended without a word: the torn end is passed over, the rest is what was sent."""
    with hosted() as exchange:
        command = [sys.executable, "-m", "mm", "record", "--symbol", "BTC/USDT", "--into", str(tmp_path)]
        child = subprocess.Popen([*command, "--url", exchange.url, "-q"])
        try:
            until(lambda: sum(path.stat().st_size for path in tmp_path.glob("*.mmr")) > 15_000)
        finally:
            child.kill()
            child.wait()
        on_the_wire = [text.encode() for text in sent]
    kept = frames(tmp_path)
    assert len(kept) > 20
    assert kept == on_the_wire[: len(kept)]
    segment = FramedSegment(next(tmp_path.glob("*.mmr")))
    list(segment)
    assert segment.end is None
    assert any(isinstance(event, PublicTrade) for event in _told(tmp_path))


def _told(folder: Path) -> list[AnyEvent]:
    return [event for chunk in open_source([folder]).chunks() for event in events(chunk)]
