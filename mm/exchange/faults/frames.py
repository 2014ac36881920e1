"""What faults do to the frames that leave on one socket: lost, doubled, held back, spoilt, out of order.

Invariant: a frame that no fault hits leaves at once and as it is; one that is held back leaves in the end, in
the order in which it was due, unless its socket ends first.
"""

from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from typing import Any, Final

import msgspec

from mm.domain.units import NS_PER_MS
from mm.exchange.faults.armed import Armed
from mm.exchange.faults.kinds import USER

_GATHER_NS: Final = 1_000 * NS_PER_MS
_TIMES: Final = ("E", "T")
_STALL_MAX, _HEAL_MIN = 0.4, 0.6
"""In which part of a clog a stream stalls at the latest, and heals at the earliest."""


class Frame:
    """A frame on its way out. Fields: text, surface; event: its name, "" for an answer; body: the event."""

    def __init__(self, text: str, surface: str) -> None:
        """Look into a frame."""
        self.text = text
        self.surface = surface
        self.whole: Any = msgspec.json.decode(text)
        self.body: dict[str, Any] = {}
        self.event = ""
        if isinstance(self.whole, dict):
            key = "event" if surface == USER else "data"
            inner = self.whole.get(key, self.whole)
            if isinstance(inner, dict) and "id" not in self.whole:
                self.body = inner
                self.event = _event(inner)

    def changed(self, **values: Any) -> str:
        """Return its text with values of the event changed."""
        body = {**self.body, **values}
        key = "event" if self.surface == USER else "data"
        whole = {**self.whole, key: body} if self.body is not self.whole else body
        return msgspec.json.encode(whole).decode()


class FaultyLine:
    """The frames of one socket. Fields: surface: which one it is."""

    def __init__(self, surface: str, send: Callable[[str], None], now_ns: Callable[[], int]) -> None:
        """Hand frames to `send`, in time."""
        self.surface = surface
        self._send = send
        self._now_ns = now_ns
        self._held: list[tuple[int, int, str]] = []
        self._number = 0
        self._frozen: dict[tuple[int, str], int] = {}
        self._gathered: dict[int, tuple[int, list[str]]] = {}
        self._clogs: dict[tuple[int, str], tuple[int, int]] = {}

    @property
    def is_holding(self) -> bool:
        """Whether anything is held back."""
        return bool(self._held or self._gathered)

    def push(self, text: str, faults: Sequence[Armed]) -> None:
        """Send a frame as the faults have it."""
        now_ns = self._now_ns()
        self.release(now_ns)
        frame = Frame(text, self.surface)
        aimed = [armed for armed in faults if frame.event and _concerns(armed, frame)]
        for armed in aimed:
            if self._gathers(armed, frame):
                return
        for armed in aimed:
            if armed.takes(now_ns) and not self._pass(armed, frame, now_ns):
                return
        self._send(frame.text)

    def release(self, now_ns: int) -> None:
        """Send what was held back and is due."""
        while self._held and self._held[0][0] <= now_ns:
            self._send(heappop(self._held)[2])
        for number, (due_ns, texts) in list(self._gathered.items()):
            if due_ns <= now_ns:
                self._reverse(number, texts)

    def release_all(self) -> None:
        """Send all that was held back."""
        self.release(2**63)

    # Returns whether the frame goes on.
    def _pass(self, armed: Armed, frame: Frame, now_ns: int) -> bool:
        fault = armed.fault
        match armed.kind:
            case "lost":
                return False
            case "duplicate":
                self._send(frame.text)
            case "late":
                self._hold(frame.text, now_ns + fault.number("delay_ms") * NS_PER_MS)
                return False
            case "reorder":
                self._gathered[armed.number] = (now_ns + _GATHER_NS, [frame.text])
                return False
            case "malformed":
                self._send(_spoilt(frame, fault.text("form")))
                return False
            case "out_of_sequence" if "U" in frame.body:
                shift = fault.number("shift")
                frame.text = frame.changed(U=frame.body["U"] + shift, u=frame.body["u"] + shift)
            case "frozen_time":
                since = self._frozen.setdefault((armed.number, frame.event), frame.body.get("E", 0))
                frame.text = frame.changed(**{name: since for name in _TIMES if name in frame.body})
            case "clog":
                return not self._clogs_up(armed, frame, now_ns)
            case _:
                pass
        return True

    def _gathers(self, armed: Armed, frame: Frame) -> bool:
        if armed.number not in self._gathered:
            return False
        texts = self._gathered[armed.number][1]
        texts.append(frame.text)
        if len(texts) >= armed.fault.number("frames"):
            self._reverse(armed.number, texts)
        return True

    def _reverse(self, number: int, texts: list[str]) -> None:
        del self._gathered[number]
        for text in reversed(texts):
            self._send(text)

    def _clogs_up(self, armed: Armed, frame: Frame, now_ns: int) -> bool:
        key = (armed.number, frame.event)
        if key not in self._clogs:
            length, draw = armed.fault.duration_ns, armed.random.between
            stall, heal = draw(0.0, _STALL_MAX), draw(_HEAL_MIN, 1.0)
            self._clogs[key] = (
                armed.begins_ns + round(stall * length),
                armed.begins_ns + round(heal * length),
            )
        stall_ns, heal_ns = self._clogs[key]
        if not stall_ns <= now_ns < heal_ns:
            return False
        self._hold(frame.text, heal_ns)
        return True

    def _hold(self, text: str, due_ns: int) -> None:
        self._number += 1
        heappush(self._held, (due_ns, self._number, text))


def _concerns(armed: Armed, frame: Frame) -> bool:
    fault = armed.fault
    if fault.kind.targets and frame.event not in fault.kind.targets:
        return False
    if not armed.is_aimed_at(frame.surface, frame.event):
        return False
    wanted = fault.values.get("execution", "")
    return not wanted or frame.body.get("x") == wanted


def _event(body: dict[str, Any]) -> str:
    name = str(body.get("e", ""))
    if name:
        return "depth" if name == "depthUpdate" else name
    if "lastUpdateId" in body:
        return "depth"
    return "bookTicker" if "u" in body and "B" in body else ""


def _spoilt(frame: Frame, form: str) -> str:
    if form == "text":
        return "upstream connect error"
    if form == "shape":
        return frame.changed(**{key: [] for key in frame.body} | {"e": frame.body.get("e")})
    return frame.text[: len(frame.text) // 2]
