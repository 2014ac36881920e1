"""What the venue demands of an open WebSocket: pongs in time, few messages, a new connection every day.

Pure bookkeeping in the time that it is given: no timer, no socket. Whoever pumps asks what is due.
"""

from collections import deque
from enum import Enum
from typing import Final

import msgspec

from mm.domain.units import NS_PER_S

_GRACE_NS: Final = 10 * NS_PER_S


class SocketRules(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of one connection.

    Fields: life_ns: after which it is closed; messages_per_s: that may come in, pings and pongs included;
    streams_max: subscriptions at one time.
    """

    ping_every_ns: int = 20 * NS_PER_S
    pong_within_ns: int = 60 * NS_PER_S
    life_ns: int = 86_400 * NS_PER_S
    messages_per_s: int = 5
    streams_max: int = 1_024


class Duty(Enum):
    """What has to be done with a connection now."""

    NOTHING = "nothing"
    PING = "ping"
    GIVE_UP = "give up"
    CUT = "cut"
    SHUT_DOWN = "shut down"


class Presence:
    """How one connection stands to the rules."""

    def __init__(self, rules: SocketRules, now_ns: int) -> None:
        """Begin when it opens."""
        self._rules = rules
        self._opened_ns = now_ns
        self._ping_ns = now_ns + rules.ping_every_ns
        self._unanswered: deque[tuple[int, bytes]] = deque()
        self._messages: deque[int] = deque()

    def due(self, now_ns: int) -> Duty:
        """Return what has to be done; a ping is due once per interval.

        Who does not answer is given up, in order; who does not even take that is cut off.
        """
        late_ns = now_ns - self._unanswered[0][0] - self._rules.pong_within_ns if self._unanswered else -1
        if late_ns >= 0:
            return Duty.CUT if late_ns >= _GRACE_NS else Duty.GIVE_UP
        if now_ns - self._opened_ns >= self._rules.life_ns:
            return Duty.SHUT_DOWN
        if now_ns < self._ping_ns:
            return Duty.NOTHING
        self._ping_ns = now_ns + self._rules.ping_every_ns
        return Duty.PING

    def pinged(self, payload: bytes, now_ns: int) -> None:
        """Remember a ping that has been sent."""
        self._unanswered.append((now_ns, payload))

    def on_pong(self, payload: bytes) -> None:
        """Count a pong; only one with a ping's payload answers it, and every ping before."""
        if any(sent == payload for _, sent in self._unanswered):
            while self._unanswered.popleft()[1] != payload:
                pass

    def on_message(self, now_ns: int) -> bool:
        """Count a message that came in; return whether it is still within the limit."""
        while self._messages and self._messages[0] <= now_ns - NS_PER_S:
            self._messages.popleft()
        self._messages.append(now_ns)
        return len(self._messages) <= self._rules.messages_per_s


RULES: Final = SocketRules()
"""The rules of the venue."""
