"""The truth door of a local exchange, as the composition root asks it: what pace its time has, what happened.

Only ever asked on loopback; a venue that has no such door is an ordinary one.
"""

import contextlib
import urllib.request
from typing import Final

import msgspec

from mm.runtime.clock import Pace
from mm.settings.values import host_is_loopback

TIMEOUT_S: Final = 10.0
PACE_TIMEOUT_S: Final = 3.0


class _Clock(msgspec.Struct, frozen=True):
    now_ns: int
    time_scale: float = 1.0
    recording: dict[str, object] | None = None


def fetch_truth(url: str, *, only: str = "", timeout_s: float = TIMEOUT_S) -> bytes:
    """Return what the door at `url` answers, b"" if it does not. Args: only: the part that is wanted."""
    # A proxy of this machine's user has no business on loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    asked = f"{url}/_mm/truth" + (f"?only={only}" if only else "")
    with contextlib.suppress(OSError, ValueError), opener.open(asked, timeout=timeout_s) as answer:
        content: bytes = answer.read()
        return content
    return b""


def pace_of(url: str | None) -> Pace | None:
    """Return the pace of the local exchange at `url`, None where time is the wall's.

    A recording is replayed in its own time, and perhaps faster than it happened; everything else runs by the
    wall clock.
    """
    if url is None or not host_is_loopback(url):
        return None
    try:
        told = msgspec.json.decode(fetch_truth(url, only="clock", timeout_s=PACE_TIMEOUT_S), type=_Clock)
    except msgspec.DecodeError:
        return None
    if told.time_scale <= 0 or (told.time_scale == 1.0 and told.recording is None):
        return None
    return Pace(now_ns=told.now_ns, scale=told.time_scale)
