"""A fault that is in force: when it holds, which of what it could hit it does hit, and how often it has.

Pure bookkeeping in the time that it is given. Invariant: the same requests and frames in the same order
at the same times are hit in every run: chance comes from the plan's seed and the fault's number.
"""

from mm.exchange.faults.kinds import ANY
from mm.exchange.faults.plan import Fault
from mm.sim.prng import Prng


class Armed:
    """One fault with its counters.

    Fields: number: its place among all that were ever in force. matched: requests or frames that it could
    have hit; hits: that it did, or times that it happened. begins_ns, ends_ns: 0 = never ends.
    """

    def __init__(self, fault: Fault, *, number: int, seed: int, now_ns: int) -> None:
        """Put a fault in force from `now_ns` on."""
        self.fault = fault
        self.kind = fault.kind.name
        self.number = number
        self.matched = 0
        self.hits = 0
        self.begins_ns = now_ns + fault.after_ns
        self.ends_ns = self.begins_ns + fault.duration_ns if fault.duration_ns else 0
        self.random = Prng(seed, f"fault/{number}")
        self._due_ns = self.begins_ns

    def holds(self, now_ns: int) -> bool:
        """Return whether it can hit anything at a moment."""
        return now_ns >= self.begins_ns and not self.is_over(now_ns)

    def is_over(self, now_ns: int) -> bool:
        """Return whether it can hit nothing any more."""
        if self.ends_ns and now_ns >= self.ends_ns:
            return True
        return self._is_used_up and not (self.fault.kind.stays and self.ends_ns)

    def state(self, now_ns: int) -> str:
        """Return where it stands, in a word."""
        return "done" if self.is_over(now_ns) else "active" if now_ns >= self.begins_ns else "waiting"

    def is_aimed_at(self, *names: str) -> bool:
        """Return whether something that goes by these names is its target."""
        return self.fault.target == ANY or self.fault.target in names

    def takes(self, now_ns: int) -> bool:
        """Count something that it is aimed at; return whether it hits it."""
        if not self.holds(now_ns):
            return False
        self.matched += 1
        fault = self.fault
        if fault.nth:
            hit = self.matched == fault.nth
        elif fault.every:
            hit = self.matched % fault.every == 0
        elif fault.probability:
            hit = self.random.chance(fault.probability)
        else:
            hit = True
        self.hits += hit
        return hit

    def happens(self, now_ns: int) -> bool:
        """Return whether it happens now by itself, and count it; for what nothing has to come by for."""
        if not self.holds(now_ns) or self._is_used_up or now_ns < self._due_ns:
            return False
        self.hits += 1
        self._due_ns = now_ns + max(1, self.fault.seconds_ns("every_s"))
        return True

    @property
    def _is_used_up(self) -> bool:
        return 0 < self.fault.count <= self.hits
