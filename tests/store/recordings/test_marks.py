"""Mark prices of recordings: read, kept through every form, and the funding times that they tell."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.errors import RecordingDamaged
from mm.store.recordings.facts import Facts
from mm.store.recordings.framed.form import FramedKind
from mm.store.recordings.marks import STALE_MS, FundingClock, Marked, Marks, lag_ns, marks_of, venue_of
from mm.store.recordings.merged import merged
from mm.store.recordings.opening import open_source
from mm.store.recordings.parquet.normalised_writer import write_normalised
from mm.store.recordings.raw_source import RawSource
from mm.store.recordings.renamed import RenamedSource
from mm.store.recordings.source import Source
from tests.builders.framed import FramedTape
from tests.builders.funded_tapes import NEXT_MS, local_ns, perpetual
from tests.builders.recordings import START_MS, Tape, ordinary
from tests.builders.stored import put, rows_of, told

HOUR_MS = 3_600_000
DUE = 10 * HOUR_MS


def mark(event_ms: int, next_ms: int, *, lag_ms: int = 7, price: int = 5) -> Marked:
    """A mark that was received `lag_ms` late."""
    return Marked((event_ms + lag_ms) * 10**6, event_ms, price, 3, next_ms)


def passed(*marks: Marked, last_ms: int = 0) -> list[tuple[int, int]]:
    """Return the funding times of some marks, each with the time of its mark."""
    found = Marks(marks).funding_times((last_ms or marks[-1].event_ms) * 10**6)
    return [(one.venue_ms, one.mark.event_ms) for one in found]


def raw(tape: Tape, folder: Path, name: str = "tape.gz") -> RawSource:
    """A tape as a source."""
    return RawSource([tape.save(folder / name)], Facts())


def test_a_mark_is_kept_in_its_place_and_is_no_row_of_the_tape(tmp_path: Path) -> None:
    """Price, rate, both times; below zero too. The tape is as without it."""
    tape, plain = (ordinary(linear=True, rounds=2) for _ in range(2))
    at_ms = tape.now_ms
    tape.mark("61000.5", "-0.00001250", NEXT_MS)
    source, without = raw(tape, tmp_path), raw(plain, tmp_path, "plain.gz")
    assert list(marks_of(source)["BTC/USDT"]) == [
        Marked(local_ns(at_ms), at_ms, 6_100_050_000_000, -1_250, NEXT_MS)
    ]
    assert rows_of(source) == rows_of(without)
    assert marks_of(without) == {}
    list(source.detailed())
    assert source.others == {}


def test_a_contract_that_expires_has_a_mark_and_no_funding(tmp_path: Path) -> None:
    """Its rate is empty, its time 0."""
    source = raw(ordinary(linear=True).mark("61000", "", 0), tmp_path)
    (found,) = marks_of(source)["BTC/USDT"]
    assert (found.rate, found.next_ms) == (0, 0)
    assert marks_of(source)["BTC/USDT"].funding_times(2**62) == []


@pytest.mark.parametrize(
    ("price", "rate", "reason"),
    [
        ("", "0.0001", "names no price"),
        ("abc", "0.0001", "not a plain number"),
        ("-1", "0.0001", "not a plain number"),
        ("61000", "1e-4", "not a plain number"),
        ("61000", "0.000000001", "more than 8 decimals"),
        ("61000.000000001", "0", "more than 8 decimals"),
    ],
)
def test_a_mark_that_cannot_be_read_is_damage_with_its_line(
    tmp_path: Path, price: str, rate: str, reason: str
) -> None:
    """Nothing is guessed."""
    tape = ordinary(linear=True, rounds=1).mark(price, rate, NEXT_MS)
    with pytest.raises(RecordingDamaged, match=reason) as found:
        raw(tape, tmp_path)
    assert found.value.line == len(tape.lines)


def test_marks_survive_every_form(tmp_path: Path) -> None:
    """Raw, stored, normalised, and stored again: the same marks, and the same funding times."""
    source = raw(perpetual(), tmp_path)
    expected = list(marks_of(source)["BTC/USDT"])
    assert len(expected) == 60
    put(source, tmp_path / "store")
    stored = open_source([tmp_path / "store"])
    write_normalised(stored, tmp_path / "n.parquet", told)
    normalised = open_source([tmp_path / "n.parquet"])
    put(normalised, tmp_path / "again")
    for one in (stored, normalised, open_source([tmp_path / "again"])):
        (found,) = marks_of(one).values()
        assert list(found) == expected
        (due,) = found.funding_times(one.last_ns)
        assert (due.venue_ms, due.ts_ns, due.is_stale) == (NEXT_MS, local_ns(NEXT_MS), False)


def test_sources_without_marks_hold_none_in_every_form(tmp_path: Path) -> None:
    """And a form that cannot hold any says so by having none."""
    source = raw(ordinary(linear=True), tmp_path)
    put(source, tmp_path / "store")
    write_normalised(source, tmp_path / "n.parquet", told)
    for path in (tmp_path / "store", tmp_path / "n.parquet"):
        assert marks_of(open_source([path])) == {}


def test_several_markets_keep_their_own_marks_and_venues(tmp_path: Path) -> None:
    """Merged, one of them under another name; a symbol that was not chosen has none."""
    perp, spot = raw(perpetual(seconds=5), tmp_path), raw(ordinary(), tmp_path, "spot.gz")
    source: Source = merged([spot, RenamedSource(perp, "perp")], ("BTC/USDT", "perp:BTC/USDT"))
    assert {name: len(found) for name, found in marks_of(source).items()} == {"perp:BTC/USDT": 5}
    venues = [venue_of(source, symbol) for symbol in source.symbols]
    assert venues == ["binance", "binanceusdm"]
    assert marks_of(merged([spot, RenamedSource(perp, "perp")], ("BTC/USDT",))) == {}


def test_how_late_messages_are_is_seen_at_the_fastest(tmp_path: Path) -> None:
    """The receiver's clock is behind: before they were sent. Of another market nothing is told."""
    source = raw(ordinary(linear=True), tmp_path)
    assert lag_ns(source, "BTC/USDT") == local_ns(START_MS) - START_MS * 10**6 < 0
    tops = Tape(linear=True).snapshot().ticker(("61000", "1"), ("61001", "1"))
    untold = RawSource([tops.save(tmp_path / "tops")], Facts(lot_size=Decimal("0.01")))
    assert lag_ns(untold, "BTC/USDT") == 0


def test_a_recording_of_mm_record_tells_marks_of_plain_and_wrapped_frames(tmp_path: Path) -> None:
    """Those of other markets, and late ones of a connection that was given up, are left out."""
    tape = FramedTape()
    frames = [
        (1, START_MS, "BTCUSDT", False),
        (1, START_MS + 1_000, "BTCUSDT", True),
        (2, START_MS + 3_000, "BTCUSDT", False),
        (1, START_MS + 2_000, "BTCUSDT", False),
        (2, START_MS + 4_000, "ETHUSDT", False),
    ]
    for connection, event_ms, symbol, is_wrapped in frames:
        data = {"e": "markPriceUpdate", "E": event_ms, "s": symbol, "p": "61000", "r": "0.0001", "T": NEXT_MS}
        wrapped = {"stream": f"{symbol.lower()}@markPrice", "data": data}
        payload = json.dumps(wrapped if is_wrapped else data, separators=(",", ":")).encode()
        tape.add(FramedKind.FRAME, payload, connection=connection)
    tape.add(FramedKind.FRAME, b'{"e":"markPriceUpdate"', connection=2)
    (tmp_path / "a.frames").write_bytes(tape.content)
    source = open_source([tmp_path / "a.frames"])
    assert [one.event_ms - START_MS for one in marks_of(source)["BTC/USDT"]] == [0, 1_000, 3_000]
    assert list(marks_of(source)) == ["BTC/USDT"]


def test_a_funding_time_is_passed_by_the_first_mark_behind_it() -> None:
    """It bears the last mark before it, in local time as late as that was."""
    marks = [mark(DUE - 2_000, DUE), mark(DUE - 1_000, DUE, lag_ms=9), mark(DUE + 1_000, DUE + HOUR_MS)]
    (found,) = Marks(marks).funding_times(0)
    assert (found.venue_ms, found.ts_ns, found.mark, found.is_stale) == (
        DUE,
        (DUE + 9) * 10**6,
        marks[1],
        False,
    )


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        pytest.param([(DUE - 1, DUE), (DUE, DUE), (DUE + 1, DUE)], [(DUE, DUE)], id="late to turn"),
        pytest.param([(DUE - 1_000, DUE), (DUE - 900, DUE + 9)], [(DUE, DUE - 1_000)], id="early to turn"),
        pytest.param(
            [(DUE - 1_000, DUE), (DUE - 900, DUE + HOUR_MS), (DUE - 800, DUE), (DUE + 1, DUE + HOUR_MS)],
            [(DUE, DUE - 1_000)],
            id="turns and back",
        ),
        pytest.param([(DUE - HOUR_MS, DUE), (DUE - HOUR_MS + 1, DUE + HOUR_MS)], [], id="put off"),
        pytest.param(
            [(DUE - HOUR_MS, DUE), (DUE - 9, DUE - 5), (DUE, DUE + 9)], [(DUE - 5, DUE - 9)], id="sooner"
        ),
        pytest.param([(DUE - 1, DUE), (DUE + 1, DUE), (DUE + 2, DUE)], [(DUE, DUE - 1)], id="told behind it"),
        pytest.param([(DUE + 1, DUE), (DUE + 2, DUE + 9)], [], id="told behind it alone"),
        pytest.param([(DUE - 1, 0), (DUE + 1, 0)], [], id="never"),
        pytest.param([(DUE - 1, DUE), (DUE, DUE + 9)], [(DUE, DUE - 1)], id="turns at it"),
    ],
)
def test_a_funding_time_counts_once_however_it_is_announced(
    marks: list[tuple[int, int]], expected: list[tuple[int, int]]
) -> None:
    """Late, early, twice, put off, or never."""
    assert passed(*(mark(event_ms, next_ms) for event_ms, next_ms in marks)) == expected


def test_a_funding_time_at_the_very_end_of_the_data_counts_and_one_behind_it_does_not() -> None:
    """By local time: the mark was 7 ms late."""
    told_last = mark(DUE - 1_000, DUE)
    assert passed(told_last, last_ms=DUE + 7) == [(DUE, DUE - 1_000)]
    assert passed(told_last, last_ms=DUE + 6) == []
    assert FundingClock().end(2**62) is None


def test_a_mark_is_stale_if_it_is_much_older_than_the_funding_time() -> None:
    """Ten seconds are not yet."""
    for age_ms, is_stale in ((STALE_MS, False), (STALE_MS + 1, True)):
        (found,) = Marks([mark(DUE - age_ms, DUE), mark(DUE + 1, DUE + 9)]).funding_times(0)
        assert (found.stale_ms, found.is_stale) == (age_ms, is_stale)


def test_the_last_mark_up_to_a_time_is_found() -> None:
    """That of the time itself too; before the first there is none."""
    first, second = mark(10, 99), mark(20, 99)
    marks = Marks([first, second])
    assert [marks.before(at) for at in (9, 10, 19, 20, 30)] == [None, first, first, second, second]


@given(
    steps=st.lists(st.integers(1, 2_000), min_size=1, max_size=60),
    interval=st.integers(500, 9_000),
    lags=st.integers(-50, 50),
)
def test_every_funding_time_between_the_first_mark_and_the_last_is_found_once(
    steps: list[int], interval: int, lags: int
) -> None:
    """Against the multiples of the interval, where each is announced by a mark before it."""
    at_ms, marks = 10**6, list[Marked]()
    for step in steps:
        at_ms += step
        marks.append(mark(at_ms, (at_ms // interval + 1) * interval, lag_ms=lags))
    announced = {one.next_ms for one in marks}
    expected = [due for due in sorted(announced) if due <= at_ms]
    assert [due for due, _ in passed(*marks, last_ms=at_ms + lags)] == expected
