"""What happens at a market tick beside the market: to the connections, the market, the machine, by people.

One number is drawn per tick; it says whether any of these faults happens, and which. What has an end ends by
itself after a drawn time. A fault that finds nothing to act on is not counted.
"""

from collections.abc import Callable
from typing import Final, Protocol

from mm.domain.events import Operation, Stream
from mm.domain.sides import BUY, SELL, Side
from mm.runtime.simulate.disk import SimDisk
from mm.runtime.simulate.faults import Faults, Luck
from mm.runtime.simulate.lives import Fuse
from mm.runtime.simulate.machine import Machine
from mm.runtime.simulate.people import People
from mm.runtime.simulate.strangers import Strangers
from mm.runtime.simulate.wire import Wire

DEATH_POINTS: Final = 12
"""A process that is to die does so within so many of the points at which it can."""

RECENT_NS: Final = 10_000_000_000
JUMP_TICKS: Final = 200
BURST: Final = 20
LONG_MS: Final = 2_400_000
"""Forty minutes, for a machine that was put to sleep."""

OPERATIONS: Final = (
    Operation.PAUSE,
    Operation.RESUME,
    Operation.RESUME,
    Operation.HALT,
    Operation.UNHALT,
)
"""What people ask for, as often as it is in here."""


class Stage(Protocol):
    """What mischief is done to."""

    now_ns: int
    fuse: Fuse
    wire: Wire
    luck: Luck
    people: People
    machine: Machine
    strangers: dict[str, Strangers]

    @property
    def disk(self) -> SimDisk:
        """The machine's disk."""

    def after(self, delay_ns: int, act: Callable[[], None]) -> None:
        """Do something later."""

    def truth_changed(self) -> None:
        """Look at what changed at the venue."""

    def suspend(self, for_ns: int) -> bool:
        """Let the process stand still; return whether there is one."""

    def slow_disk(self, for_ns: int) -> bool:
        """Let the next sync take so long; return whether anybody syncs."""


class Mischief:
    """Draws and does it."""

    def __init__(self, stage: Stage) -> None:
        """Begin without anything to do."""
        self._stage = stage
        self._odds: list[tuple[float, str]] = []
        self._acts = self._make_acts()

    def follow(self, faults: Faults) -> None:
        """Draw from these from now on."""
        total, odds = 0.0, []
        for kind in self._acts:
            chance: float = getattr(faults, kind)
            if chance > 0:
                total += chance
                odds.append((total, kind))
        self._odds = odds

    def tick(self, symbol: str) -> None:
        """Let happen what happens on a market tick of a symbol."""
        odds = self._odds
        if not odds:
            return
        drawn = self._stage.luck.random.random()
        if drawn >= odds[-1][0]:
            return
        kind = next(kind for below, kind in odds if drawn < below)
        if self._acts[kind](symbol):
            self._stage.luck.count(kind)

    def _make_acts(self) -> dict[str, Callable[[str], bool]]:
        wire, people = self._stage.wire, self._stage.people
        return {
            "user_down": lambda _: wire.drop(Stream.USER, silent=False),
            "user_silent": lambda _: wire.drop(Stream.USER, silent=True),
            "market_down": lambda _: wire.drop(Stream.MARKET, silent=False),
            "market_silent": lambda _: wire.drop(Stream.MARKET, silent=True),
            "slow_all": self._slow_all,
            "one_sided": self._one_sided,
            "emptied": self._emptied,
            "jump": self._jump,
            "burst": self._burst,
            "overfill": self._overfill,
            "fill_again": self._fill_again,
            "expired": self._expired,
            "clock_doubted": self._clock_doubted,
            "access_denied": self._access_denied,
            "maintenance": self._maintenance,
            "crash": lambda _: self._light(machine=False),
            "power_loss": lambda _: self._light(machine=True),
            "suspend": self._suspend,
            "disk_full": self._disk_full,
            "disk_write_error": self._disk_write_error,
            "disk_sync_error": self._disk_sync_error,
            "disk_slow": lambda _: self._stage.slow_disk(self._stage.luck.between(1_000, 15_000)),
            "operator": lambda _: people.operate(self._pick(OPERATIONS)),
            "pause": lambda _: people.operate(Operation.PAUSE),
            "resume": lambda _: people.operate(Operation.RESUME),
            "halt": lambda _: people.operate(Operation.HALT),
            "unhalt": lambda _: people.operate(Operation.UNHALT),
            "stop": lambda _: people.operate(Operation.STOP),
            "kill": lambda _: people.kill(),
            "reload_tighter": lambda _: people.reload(tighter=True),
            "reload_looser": lambda _: people.reload(tighter=False),
            "deposit": lambda _: people.deposit(),
            "withdrawal": lambda _: people.withdraw(),
            "manual_order": people.place_far,
            "manual_cross": people.cross,
            "manual_trade": people.trade,
            "intruder": people.intrude,
            "clock_jumps": lambda _: self._stage.machine.set_clock(self._stage.luck),
        }

    def _pick(self, choices: tuple[Operation, ...]) -> Operation:
        return choices[int(self._stage.luck.random.random() * len(choices))]

    def _for(self, low_ms: int, high_ms: int, end: Callable[[], None]) -> None:
        self._stage.after(self._stage.luck.between(low_ms, high_ms), end)

    # ---- the market

    def _slow_all(self, symbol: str) -> bool:
        assert symbol
        luck = self._stage.luck
        luck.slow_until_ns = self._stage.now_ns + luck.between(1_000, 6_000)
        return True

    def _one_sided(self, symbol: str) -> bool:
        side = BUY if self._stage.luck.random.random() < 0.5 else SELL
        return self._blank(symbol, (side,))

    def _emptied(self, symbol: str) -> bool:
        return self._blank(symbol, (BUY, SELL))

    def _blank(self, symbol: str, sides: tuple[Side, ...]) -> bool:
        strangers = self._stage.strangers[symbol]
        if strangers.blank:
            return False
        strangers.blank = sides
        self._for(500, 6_000, strangers.come_back)
        return True

    def _jump(self, symbol: str) -> bool:
        ticks = JUMP_TICKS if self._stage.luck.random.random() < 0.5 else -JUMP_TICKS
        self._stage.strangers[symbol].jump(self._stage.now_ns, ticks)
        self._tell()
        return True

    def _burst(self, symbol: str) -> bool:
        stage = self._stage
        for _ in range(BURST):
            stage.strangers[symbol].step(stage.now_ns)
            self._tell()
            stage.wire.streams.publish(symbol)
        return True

    def _tell(self) -> None:
        self._stage.truth_changed()
        self._stage.wire.news.tell()

    # ---- the venue

    def _overfill(self, symbol: str) -> bool:
        stage = self._stage
        truth = stage.wire.truth
        ended = [
            order
            for order in truth.markets[symbol].orders[-20:]
            if order.closed_ns > stage.now_ns - RECENT_NS and order.left_lots == 0
        ]
        ours = [order for order in ended if stage.people.is_bots(order.cid)]
        if not ours or not truth.overfill(
            stage.now_ns, ours[-1].cid, 1 + int(stage.luck.random.random() * 5)
        ):
            return False
        self._tell()
        return True

    def _fill_again(self, symbol: str) -> bool:
        stage = self._stage
        fills = stage.wire.truth.markets[symbol].fills
        if not fills:
            return False
        stage.wire.news.tell_again(fills[int(stage.luck.random.random() * len(fills))])
        return True

    def _expired(self, symbol: str) -> bool:
        stage = self._stage
        ours = [order for order in stage.wire.truth.open_orders(symbol) if stage.people.is_bots(order.cid)]
        if not ours:
            return False
        cid = ours[int(stage.luck.random.random() * len(ours))].cid
        stage.wire.news.expiring[cid] = None
        stage.wire.truth.cancel(stage.now_ns, cid)
        self._tell()
        return True

    def _clock_doubted(self, symbol: str) -> bool:
        assert symbol
        self._stage.wire.clock_wrong = True
        return True

    def _access_denied(self, symbol: str) -> bool:
        assert symbol
        self._stage.wire.denied_until_ns = self._stage.now_ns + self._stage.luck.between(500, 5_000)
        return True

    def _maintenance(self, symbol: str) -> bool:
        assert symbol
        self._stage.wire.go_away(self._stage.luck.between(1_000, 10_000))
        return True

    # ---- the machine

    def _light(self, *, machine: bool) -> bool:
        stage = self._stage
        # It is counted when it dies.
        stage.fuse.light(int(stage.luck.random.random() * DEATH_POINTS), machine=machine)
        return False

    def _suspend(self, symbol: str) -> bool:
        assert symbol
        luck = self._stage.luck
        # Half of them too short for anything to be given up by: what comes then looks like news.
        for_ns = luck.between(1_100, 4_000 if luck.random.random() < 0.5 else 35_000)
        if luck.random.random() < 0.05:
            for_ns = luck.between(LONG_MS, LONG_MS + 1_000)
        return self._stage.suspend(for_ns)

    def _disk_full(self, symbol: str) -> bool:
        assert symbol
        disk = self._stage.disk
        disk.full = True
        self._for(1_000, 15_000, disk.make_room)
        return True

    def _disk_write_error(self, symbol: str) -> bool:
        assert symbol
        self._stage.disk.write_error = True
        return True

    def _disk_sync_error(self, symbol: str) -> bool:
        assert symbol
        self._stage.disk.sync_error = True
        return True
