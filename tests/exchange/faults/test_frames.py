"""What faults do to the frames of one socket, without a socket: lost, doubled, late, reversed, spoilt."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from mm.domain.units import NS_PER_MS
from mm.exchange.faults.armed import Armed
from mm.exchange.faults.frames import FaultyLine, Frame
from mm.exchange.faults.kinds import MARKET, USER
from mm.exchange.faults.plan import fault_of


class Line:
    """A line with faults, its clock, and what has left. Fields: sent: decoded, or else as text."""

    def __init__(self, *faults: dict[str, Any], surface: str = MARKET) -> None:
        self.now_ns = 0
        self.sent: list[Any] = []
        self.faults = [
            Armed(fault_of(fault), number=number, seed=1, now_ns=0) for number, fault in enumerate(faults)
        ]
        self.line = FaultyLine(surface, self._take, lambda: self.now_ns)

    def _take(self, text: str) -> None:
        try:
            self.sent.append(msgspec.json.decode(text))
        except msgspec.DecodeError:
            self.sent.append(text)

    def push(self, *frames: dict[str, Any]) -> None:
        """Send frames."""
        for frame in frames:
            self.line.push(msgspec.json.encode(frame).decode(), self.faults)

    def wait(self, ms: int) -> None:
        """Let time pass, as the pump does."""
        self.now_ns += ms * NS_PER_MS
        self.line.release(self.now_ns)


def depth(number: int) -> dict[str, Any]:
    """A change of the book."""
    return {"e": "depthUpdate", "E": 1_000 + number, "s": "BTCUSDT", "U": number, "u": number, "b": []}


def report(execution: str, number: int = 0) -> dict[str, Any]:
    """A report of an order."""
    return {"subscriptionId": 0, "event": {"e": "executionReport", "x": execution, "E": number, "T": number}}


def numbers(sent: Sequence[Any]) -> list[int]:
    """Return the numbers of changes."""
    return [frame["u"] for frame in sent]


@pytest.mark.parametrize(
    ("surface", "frame", "event"),
    [
        (MARKET, depth(1), "depth"),
        (MARKET, {"stream": "btcusdt@depth@100ms", "data": depth(1)}, "depth"),
        (MARKET, {"lastUpdateId": 1, "bids": [], "asks": []}, "depth"),
        (MARKET, {"u": 1, "s": "BTCUSDT", "b": "1", "B": "1", "a": "1", "A": "1"}, "bookTicker"),
        (MARKET, {"e": "trade", "t": 1}, "trade"),
        (MARKET, {"result": None, "id": 1}, ""),
        (MARKET, {"error": {"code": 1}, "id": None}, ""),
        (USER, report("NEW"), "executionReport"),
        (USER, {"id": "1", "status": 200, "result": {"e": "x"}}, ""),
        (USER, {"id": "1", "status": 200, "result": []}, ""),
    ],
)
def test_a_frame_is_known_by_its_event(surface: str, frame: dict[str, Any], event: str) -> None:
    """Wrapped or bare; answers are no events, and no fault of frames touches them."""
    assert Frame(msgspec.json.encode(frame).decode(), surface).event == event
    line = Line({"kind": "lost", "duration_s": 9}, surface=surface)
    line.push(frame)
    assert line.sent == ([] if event else [frame])


def test_lost_and_doubled_frames() -> None:
    """Those of the target alone, as often as the plan says."""
    line = Line(
        {"kind": "lost", "target": "depth", "nth": 2}, {"kind": "duplicate", "target": "trade", "count": 2}
    )
    line.push(depth(1), depth(2), depth(3))
    assert numbers(line.sent) == [1, 3]
    line.sent.clear()
    trade = {"e": "trade", "t": 1}
    line.push(trade, trade, trade)
    assert len(line.sent) == 5


def test_only_reports_of_the_wanted_kind() -> None:
    """A fault of fills leaves all other reports alone."""
    line = Line({"kind": "lost", "execution": "TRADE", "duration_s": 9}, surface=USER)
    line.push(report("NEW"), report("TRADE"), report("CANCELED"))
    assert [frame["event"]["x"] for frame in line.sent] == ["NEW", "CANCELED"]


def test_late_frames_are_overtaken_and_keep_their_own_order() -> None:
    """A fill comes after the cancellation that was reported later."""
    line = Line(
        {"kind": "late", "execution": "TRADE", "delay_ms": 500, "duration_s": 9, "target": USER},
        surface=USER,
    )
    line.push(report("TRADE", 1), report("TRADE", 2), report("CANCELED", 3))
    assert [frame["event"]["E"] for frame in line.sent] == [3]
    assert line.line.is_holding
    line.wait(499)
    assert len(line.sent) == 1
    line.wait(1)
    assert [frame["event"]["E"] for frame in line.sent] == [3, 1, 2]
    assert not line.line.is_holding


def test_frames_in_reverse() -> None:
    """So many in a row, once; a row that does not become full is sent after a second."""
    line = Line({"kind": "reorder", "frames": 3})
    line.push(*(depth(number) for number in range(1, 6)))
    assert numbers(line.sent) == [3, 2, 1, 4, 5]
    short = Line({"kind": "reorder", "frames": 3, "nth": 2})
    short.push(depth(1), depth(2), depth(3))
    assert numbers(short.sent) == [1]
    short.wait(1_000)
    assert numbers(short.sent) == [1, 3, 2]


@pytest.mark.parametrize("form", ["cut", "text", "shape"])
def test_malformed_frames(form: str) -> None:
    """Broken JSON, no JSON at all, JSON of another shape; the next one is whole."""
    line = Line({"kind": "malformed", "form": form})
    line.push(depth(1), depth(2))
    broken, whole = line.sent
    assert whole == depth(2)
    if form == "shape":
        assert (broken["e"], broken["u"]) == ("depthUpdate", [])
    else:
        assert isinstance(broken, str)


def test_numbers_out_of_sequence() -> None:
    """Of changes alone: a partial book has none."""
    line = Line({"kind": "out_of_sequence", "shift": -5, "count": 2})
    partial = {"lastUpdateId": 1, "bids": [], "asks": []}
    line.push(depth(10), partial, depth(11), {"e": "trade", "t": 1})
    assert numbers([line.sent[0], line.sent[2]]) == [5, 11]
    assert line.sent[1] == partial


def test_a_clock_that_stands_still() -> None:
    """Each event keeps the time of its first; wrapped ones too."""
    line = Line({"kind": "frozen_time", "duration_s": 9})
    line.push(depth(1), {"stream": "s", "data": depth(2)}, {"e": "trade", "E": 7, "T": 7})
    assert [line.sent[0]["E"], line.sent[1]["data"]["E"], line.sent[2]["E"]] == [1_001, 1_001, 7]
    assert line.sent[1]["data"]["u"] == 2


def test_streams_clog_one_by_one_and_lose_nothing() -> None:
    """Each stalls and heals at its own moment; what was held comes in order, before what follows."""
    line = Line({"kind": "clog", "duration_s": 10})
    silent: dict[str, list[int]] = {"depth": [], "trade": []}
    for second in range(14):
        before = len(line.sent)
        line.push(depth(second), {"e": "trade", "u": second})
        seen = {frame["e"] for frame in line.sent[before:]}
        silent["depth"] += [second] if "depthUpdate" not in seen else []
        silent["trade"] += [second] if "trade" not in seen else []
        line.wait(1_000)
    assert silent["depth"] != silent["trade"]
    assert all(stalled and stalled[-1] < 10 for stalled in silent.values())
    for event in ("depthUpdate", "trade"):
        assert [frame["u"] for frame in line.sent if frame["e"] == event] == list(range(14))


def test_everything_held_back_can_be_let_go() -> None:
    """When faults are cleared."""
    line = Line({"kind": "late", "delay_ms": 60_000, "nth": 1}, {"kind": "reorder", "nth": 1, "frames": 5})
    line.push(depth(1), depth(2), depth(3), depth(4))
    assert line.sent == []
    line.line.release_all()
    assert sorted(numbers(line.sent)) == [1, 2, 3, 4]
