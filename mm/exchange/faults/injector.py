"""The faults that are in force, and the few questions that the surfaces ask of them.

Invariant: with nothing in force, each question is answered by one look at an empty list, and frames do not
pass through here at all. Time comes in by `on_time`; the order of requests and frames does the rest.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from aiohttp import WSCloseCode

from mm.domain.sides import Side
from mm.domain.units import NS_PER_MS
from mm.errors import ConfigError
from mm.exchange.connection import Connection
from mm.exchange.faults.armed import Armed
from mm.exchange.faults.frames import FaultyLine
from mm.exchange.faults.kinds import USER, Group
from mm.exchange.faults.plan import FAULTS_MAX, Fault, Plan
from mm.exchange.faults.requests import EFFECTS, Hit, concerns
from mm.exchange.faults.treatment import Treatment
from mm.exchange.floor import Floor
from mm.exchange.userstream import UserStream
from mm.sim.orders import NewOrder, OrderType
from mm.sim.world import CLIENT

NOTHING: Final = Plan()
"""A plan without faults."""

_HOLE, _DOWN = "black_hole", "server_down"


class Faults:
    """What goes wrong at an exchange, and when. Fields: is_closing: nothing is held up any more."""

    def __init__(self, floor: Floor, users: UserStream, plan: Plan = NOTHING) -> None:
        """Put the faults of a plan in force from now on."""
        self._floor = floor
        self._users = users
        self._seed = plan.seed
        self._armed: list[Armed] = []
        self._requests: list[Armed] = []
        self._frames: list[Armed] = []
        self._timed: list[Armed] = []
        self._made = 0
        self._past: Counter[str] = Counter()
        self.is_closing = False
        self._lines: dict[Connection, FaultyLine] = {}
        self._events: dict[str, Callable[[Armed], None]] = {
            _HOLE: lambda armed: self._each(armed, Connection.go_deaf),
            "close": lambda armed: self._each(armed, _close),
            "abort": lambda armed: self._each(armed, Connection.cut),
            "terminate": self._terminate,
            "foreign_order": self._place_foreign,
        }
        for fault in plan.faults:
            self.add(fault)

    # ---- the door

    def add(self, fault: Fault) -> dict[str, Any]:
        """Put a fault in force from now on; return its row. Raises ConfigError if there are too many."""
        if len(self._armed) >= FAULTS_MAX:
            raise ConfigError(f"{FAULTS_MAX} faults are known already", hint="DELETE clears them")
        armed = Armed(fault, number=self._made, seed=self._seed, now_ns=self._now_ns())
        self._made += 1
        self._armed.append(armed)
        {Group.REQUEST: self._requests, Group.FRAME: self._frames}.get(fault.kind.group, self._timed).append(
            armed
        )
        self.on_time()
        return self._row(armed)

    def clear(self) -> None:
        """End and forget every fault; what was held back is sent, and sockets that were made deaf are cut."""
        self._past += self._hits()
        for known in (self._armed, self._requests, self._frames, self._timed):
            known.clear()
        self._floor.skew_ns = 0
        for connection, line in self._lines.items():
            line.release_all()
            self._route(connection)
            if connection.is_deaf:
                connection.cut()

    def close(self) -> None:
        """Let go of every request that is held up."""
        self.is_closing = True

    def rows(self) -> dict[str, Any]:
        """Return all that is in force or was, and how often each kind has hit since the start."""
        rows = [self._row(armed) for armed in self._armed]
        return {
            "seed": self._seed,
            "active": [row for row in rows if row["state"] != "done"],
            "done": [row for row in rows if row["state"] == "done"],
            "hits": self.hits(),
        }

    def hits(self) -> dict[str, int]:
        """Return how often each kind has hit anything since the start."""
        return dict(self._past + self._hits())

    # ---- requests

    def on_request(self, command: str) -> Treatment | None:
        """Return what is done to a request, None for nothing."""
        if not self._requests:
            return None
        now_ns, treatment = self._now_ns(), Treatment()
        hits = [armed for armed in self._requests if concerns(armed, command) and armed.takes(now_ns)]
        for armed in hits:
            hit = Hit(armed, command=command, now_ns=now_ns, floor=self._floor, into=treatment)
            EFFECTS[armed.kind](hit)
        return treatment if hits else None

    # ---- sockets

    @property
    def refuses_connections(self) -> bool:
        """Whether whoever connects now is reset."""
        return bool(self._timed and self._holding(_DOWN))

    def opened(self, connection: Connection, surface: str) -> None:
        """Follow a socket that has opened."""
        self._lines[connection] = FaultyLine(surface, connection.send, self._now_ns)
        self._route(connection)
        for armed in self._timed:
            lasts = armed.ends_ns and armed.hits and armed.holds(self._now_ns())
            if armed.kind == _HOLE and lasts and armed.is_aimed_at(surface):
                connection.go_deaf()

    def closed(self, connection: Connection) -> None:
        """Forget a socket that has ended."""
        self._lines.pop(connection, None)

    # ---- time

    def on_time(self) -> None:
        """Do what is due, send what was held back, and forget what is over."""
        if not self._armed:
            return
        now_ns = self._now_ns()
        for armed in self._timed:
            event = self._events.get(armed.kind)
            if event is not None and armed.happens(now_ns):
                event(armed)
        if self._holding(_DOWN):
            self._each(None, Connection.cut)
        skews = self._holding("skew")
        self._floor.skew_ns = sum(armed.fault.number("skew_ms") for armed in skews) * NS_PER_MS
        for known in (self._requests, self._frames, self._timed):
            known[:] = [armed for armed in known if not armed.is_over(now_ns)]
        for connection, line in self._lines.items():
            line.release(now_ns)
            self._route(connection)

    # Those of a kind that lasts; one that holds has hit.
    def _holding(self, kind: str) -> list[Armed]:
        now_ns = self._now_ns()
        found = [armed for armed in self._timed if armed.kind == kind and armed.holds(now_ns)]
        for armed in found:
            armed.hits = armed.hits or 1
        return found

    def _hits(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for armed in self._armed:
            if armed.hits:
                found[armed.kind] += armed.hits
        return found

    def _now_ns(self) -> int:
        return self._floor.clock.now_ns()

    def _route(self, connection: Connection) -> None:
        line = self._lines[connection]
        if self._frames or line.is_holding:
            connection.through = lambda text: line.push(text, self._frames)
        else:
            connection.through = None

    def _each(self, armed: Armed | None, act: Callable[[Connection], None]) -> None:
        for connection, line in list(self._lines.items()):
            if armed is None or armed.is_aimed_at(line.surface):
                act(connection)

    def _terminate(self, _armed: Armed) -> None:
        for connection, line in list(self._lines.items()):
            if line.surface == USER:
                self._users.end(connection, None)

    def _place_foreign(self, armed: Armed) -> None:
        fault, world = armed.fault, self._floor.world
        side = Side.BUY if fault.text("side") == "buy" else Side.SELL
        best, distance = world.best_ticks(side), fault.number("distance_ticks")
        if best is None:
            return
        self._floor.place(
            NewOrder(
                owner=CLIENT,
                side=side,
                order_type=OrderType.LIMIT,
                price_ticks=best - distance if side is Side.BUY else best + distance,
                size_lots=fault.number("size_lots"),
                client_id=fault.text("client_id"),
            )
        )

    def _row(self, armed: Armed) -> dict[str, Any]:
        fault, now_ns = armed.fault, self._now_ns()
        return {
            "number": armed.number,
            "kind": armed.kind,
            "target": fault.target,
            "state": armed.state(now_ns),
            "matched": armed.matched,
            "hits": armed.hits,
            "begins_ns": armed.begins_ns,
            "ends_ns": armed.ends_ns or None,
            **fault.values,
        }


def _close(connection: Connection) -> None:
    connection.end(WSCloseCode.GOING_AWAY, b"")
