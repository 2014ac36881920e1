"""What a recording holds of an account: its texts by kind, its holes; a market knows nothing of it."""

from pathlib import Path

import pytest

from mm.errors import RecordingDamaged
from mm.store.recordings.facts import Facts
from mm.store.recordings.findings import Fault
from mm.store.recordings.framed.form import FramedKind
from mm.store.recordings.framed.own import OwnFacts, kind_words, own_facts, own_kind
from mm.store.recordings.framed.reader import FramedRecording
from mm.store.recordings.framed.source import ACCOUNT, FramedSource
from mm.store.recordings.verify import verify
from tests.builders.framed import BEGAN_NS, FramedTape, a_header
from tests.builders.recordings import ordinary

S = 1_000_000_000
REPORT = b'{"subscriptionId":0,"event":{"e":"executionReport","x":"NEW"}}'
BALANCE = b'{"e":"outboundAccountPosition","B":[]}'
SUBSCRIBED = b'{"id":"1","status":200,"result":{"subscriptionId":0}}'
LISTING = "/api/v3/openOrders?symbol=BTCUSDT"


def a_tape(**changes: object) -> FramedTape:
    """A segment of a recording with an account."""
    return FramedTape(a_header(has_account=True, **changes))


def up(tape: FramedTape, at_s: float, connection: int = 1) -> FramedTape:
    """The account's stream stands."""
    return tape.add(FramedKind.OWN_UP, b"", connection=connection, ts_ns=BEGAN_NS + int(at_s * S))


def down(tape: FramedTape, at_s: float, reason: bytes = b"closed") -> FramedTape:
    """The account's stream ended, or did not come."""
    return tape.add(FramedKind.OWN_DOWN, reason, connection=1, ts_ns=BEGAN_NS + int(at_s * S))


def own(tape: FramedTape, text: bytes, at_s: float) -> FramedTape:
    """A text of it."""
    return tape.add(FramedKind.OWN, text, connection=1, ts_ns=BEGAN_NS + int(at_s * S))


def facts(*paths: Path) -> OwnFacts:
    """What is there of an account."""
    found = own_facts(paths)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (REPORT, "executionReport"),
        (BALANCE, "outboundAccountPosition"),
        (b'{"data":{"e":"balanceUpdate"}}', "balanceUpdate"),
        (SUBSCRIBED, "answer"),
        (b'{"event":{}}', "answer"),
        (b"cut {", "unreadable"),
        (b'{"e":"\xff"}', "unreadable"),
        (b"[1]", "unreadable"),
    ],
)
def test_texts_are_told_apart_by_their_event(text: bytes, kind: str) -> None:
    """Wrapped with their subscription, or bare; what cannot be read has a name too."""
    assert own_kind(text) == kind


def test_texts_and_listings_are_counted(tmp_path: Path) -> None:
    """By kind; a stream that stood from its first connection to the end has no hole."""
    tape = up(a_tape(), 1)
    for number, text in enumerate((SUBSCRIBED, REPORT, REPORT, BALANCE, b"cut {")):
        own(tape, text, 2 + number)
    tape.answer(b"[]", LISTING).answer(b"{}", "/api/v3/account").answer(b"{}").add(
        FramedKind.ANSWER, b"x"
    ).end()
    found = facts(tape.save(tmp_path))
    assert found.kinds == {"answer": 1, "executionReport": 2, "outboundAccountPosition": 1, "unreadable": 1}
    assert (found.texts, found.listings, found.connections, found.holes) == (5, 2, 1, [])
    assert found.words == "2 order reports, 1 balance changes, 1 of unreadable; 2 listings; no hole"
    assert found.as_dict()["texts"] == 5
    assert kind_words({}) == "0 order reports, 0 balance changes"


def test_a_stream_that_ended_is_a_hole_until_it_stands_again(tmp_path: Path) -> None:
    """With its place, its times and its reason; attempts in between that fail belong to it."""
    tape = a_tape().tape(ordinary())
    before, now_s = len(tape.offsets), (tape.ts_ns - BEGAN_NS) // S + 1
    down(down(up(tape, now_s), now_s + 10), now_s + 11, b"no answer in time")
    path = down(up(tape, now_s + 14.5, 3), now_s + 20, b"gone for good").clock(1).end().save(tmp_path)
    first, last = facts(path).holes
    assert first.row == before + 2
    assert first.from_ns == BEGAN_NS + (now_s + 10) * S
    assert first.words == "the account's stream was gone for 4.500 s: closed"
    assert (last.row, last.from_ns, last.to_ns) == (before + 5, BEGAN_NS + (now_s + 20) * S, tape.ts_ns)
    assert facts(path).words.endswith("2 holes")
    found = verify([path], Facts())
    assert found.counts == {Fault.ACCOUNT_HOLE: 2}
    assert (found.findings[0].row, found.findings[0].detail) == (first.row, first.words)


def test_a_stream_that_never_came_was_missing_from_the_beginning(tmp_path: Path) -> None:
    """Also where it came in the end; where the first segment is gone nobody knows."""
    (never,) = facts(down(a_tape(), 3).end().save(tmp_path)).holes
    assert (never.from_ns, never.to_ns) == (BEGAN_NS, BEGAN_NS + 3 * S)
    (late,) = facts(up(down(a_tape(), 3), 7).end().save(tmp_path)).holes
    assert (late.from_ns, late.to_ns) == (BEGAN_NS, BEGAN_NS + 7 * S)
    rest = down(a_tape(segment=4), 3).end().save(tmp_path / "", "rest.mmr")
    (known,) = facts(rest).holes
    assert known.from_ns == BEGAN_NS + 3 * S


def test_between_two_recordings_is_a_hole(tmp_path: Path) -> None:
    """From the last record to where the stream stands again; between two segments is none."""
    own(up(a_tape(), 1), REPORT, 2).end(is_last=False).save(tmp_path)
    own(a_tape(segment=2, opened_ns=BEGAN_NS + 3 * S), REPORT, 4).end().save(tmp_path)
    assert facts(tmp_path).holes == []
    again = a_tape(recording="binance-b", began_ns=BEGAN_NS + 9 * S, opened_ns=BEGAN_NS + 9 * S)
    up(again, 10).end().save(tmp_path)
    (seam,) = facts(tmp_path).holes
    assert (seam.from_ns, seam.to_ns) == (BEGAN_NS + 4 * S, BEGAN_NS + 10 * S)
    assert seam.reason == "another recording begins"
    other = a_header(recording="binance-c", began_ns=BEGAN_NS + 20 * S, opened_ns=BEGAN_NS + 20 * S)
    FramedTape(other).end().save(tmp_path)
    assert facts(tmp_path).holes == [seam]


def test_what_holds_no_account_has_nothing_to_tell(tmp_path: Path) -> None:
    """Other forms, and recordings of a market alone."""
    raw = ordinary().save(tmp_path / "raw")
    assert own_facts([raw]) is None
    market = FramedTape().tape(ordinary()).end().save(tmp_path)
    assert own_facts([market]) is None
    found = verify([market], Facts())
    assert (found.account, found.is_clean) == (None, True)


def test_a_market_is_the_same_with_an_account_beside_it(tmp_path: Path) -> None:
    """Row by row, by time, without a gap; whatever numbers the account's connections have."""
    tape = ordinary(rounds=30, step_ms=5_000)
    alone = FramedTape().tape(tape).end()
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = FramedSource(FramedRecording([alone.save(tmp_path / "a")]))
    beside = FramedTape(a_header(has_account=True)).tape(tape)
    records = len(beside.offsets)
    ts_ns = beside.ts_ns
    for kind in (FramedKind.OWN_UP, FramedKind.OWN, FramedKind.OWN_DOWN):
        beside.add(kind, REPORT, connection=9, ts_ns=ts_ns)
    beside.frame(b'{"e":"trade"}', ts_ns=ts_ns).end()
    assert len(beside.offsets) == records + 5
    path = beside.save(tmp_path / "b")
    second = FramedSource(FramedRecording([path]))
    assert [chunk.columns for chunk in second.chunks()] == [chunk.columns for chunk in first.chunks()]
    assert (second.first_ns, second.last_ns, second.gaps) == (first.first_ns, first.last_ns, ())
    assert second.others == {ACCOUNT: 1, "trade": 1}


def test_damage_is_told_once(tmp_path: Path) -> None:
    """By the check of the market; what reads the account alone refuses to read on."""
    tape = own(up(a_tape().tape(ordinary()), 1e6), REPORT, 1e6 + 1)
    tape.content += b"no record"
    path = tape.save(tmp_path)
    damage = len(tape.content) - len(b"no record")
    with pytest.raises(RecordingDamaged):
        own_facts([path])
    found = verify([path], Facts())
    assert found.account is None
    assert found.counts == {Fault.DAMAGED: 1}
    assert f"damaged at byte {damage}" in found.findings[0].detail
