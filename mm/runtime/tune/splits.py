"""Windows of a recording: what parameters are chosen on, and what comes after it, which they are judged on.

The time is cut into equal splits; each is a training window, a gap, and a test window. A gap lies behind each
test window as well. Invariants: windows are in the order of time and never overlap; between two of them
lies the gap at least, so that no quote and no markout of one reaches into the next.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mm.domain.units import NS_PER_MS, NS_PER_S
from mm.errors import ConfigError

WINDOW_NS_MIN: Final = 120 * NS_PER_S
"""Shortest window: two intervals of P&L, one of which a session may need to learn what it quotes by."""

SPLITS: Final = 4
"""Splits where nobody says how many, as far as they fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A piece of a recording. Fields: from_ns, to_ns: local time of receipt; test: it is judged on, never
    chosen by; split: its number, from 0.
    """

    from_ns: int
    to_ns: int
    test: bool
    split: int

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.to_ns - self.from_ns) / NS_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """How a recording is cut. Fields: splits: 0: `SPLITS`, or as many as fit; test_ratio: of a split that is
    tested on, above 0 and below 1; embargo_ns: the gap.
    """

    splits: int = 0
    test_ratio: float = 0.3
    embargo_ns: int = 60 * NS_PER_S


def windows(first_ns: int, last_ns: int, cut: Cut) -> tuple[Window, ...]:
    """Return the windows of a recording, in the order of time, whole milliseconds each.

    Raises: ConfigError if they would be too short to mean anything.
    """
    shortest_ns = WINDOW_NS_MIN / min(cut.test_ratio, 1 - cut.test_ratio) + 2 * cut.embargo_ns
    fitting = max(0, int((last_ns - first_ns) / shortest_ns))
    splits = cut.splits or max(1, min(SPLITS, fitting))
    span_ns = (last_ns - first_ns) // splits
    room_ns = span_ns - 2 * cut.embargo_ns
    test_ns = int(room_ns * cut.test_ratio) // NS_PER_MS * NS_PER_MS
    train_ns = (room_ns - test_ns) // NS_PER_MS * NS_PER_MS
    if splits > fitting:
        raise ConfigError(
            f"{(last_ns - first_ns) / NS_PER_S:.0f} s of data are too little: the shortest window of"
            f" {splits} splits would last {max(0, min(test_ns, train_ns)) / NS_PER_S:.0f} s, expected at"
            f" least {WINDOW_NS_MIN // NS_PER_S} s",
            hint=f"{_fitting(fitting)}; a shorter gap (--embargo), or more data",
        )
    found = []
    for split in range(splits):
        from_ns = first_ns + split * span_ns
        middle_ns = from_ns + train_ns + cut.embargo_ns
        found.append(Window(from_ns=from_ns, to_ns=from_ns + train_ns, test=False, split=split))
        found.append(Window(from_ns=middle_ns, to_ns=middle_ns + test_ns, test=True, split=split))
    return tuple(found)


def _fitting(count: int) -> str:
    if not count:
        return "not even one split fits"
    return f"at most {count} split{'' if count == 1 else 's'} fit{'s' if count == 1 else ''} (--splits)"


def places(found: Sequence[Window], *, test: bool) -> tuple[int, ...]:
    """Return the numbers of the training or of the test windows."""
    return tuple(at for at, window in enumerate(found) if window.test is test)
