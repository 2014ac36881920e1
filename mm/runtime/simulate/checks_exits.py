"""I19, the way out: a breach that asks for it is followed by exits, and none reaches beyond its bound."""

from typing import Final

from mm.domain.commands import Place, Report, VenueCommand
from mm.domain.events import (
    AccessDenied,
    AnyEvent,
    BalancesListed,
    BookDelta,
    BookLost,
    BookSnapshot,
    ClockDoubted,
    FillsListed,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderSeen,
    OrdersListed,
    RequestFailed,
    Stream,
    StreamDown,
    StreamUp,
    Throttled,
)
from mm.domain.sides import BUY, SELL, Side
from mm.domain.units import PPM
from mm.engine.session import SessionState
from mm.engine.setup import SessionSetup
from mm.risk.base import AlarmAction
from mm.risk.slippage import Slippage
from mm.risk.stop_loss import StopLoss
from mm.runtime.simulate.checks_orders import OLDER_NS
from mm.runtime.simulate.checks_scene import SECOND_NS, Checker, Extremes, Scene

PATIENCE_NS: Final = 4 * SECOND_NS
"""Where nothing stands in its way, an exit leaves within this after the halt was confirmed."""

LATE_PPM: Final = 5_000
"""By so much more than the venue's prices had it may a book be off that the engine had no reason to doubt."""

SLACK_HALF_TICKS: Final = 4

LOSS: Final = "stop_loss"
"""How the reasons of halts begin that may ask for the way out."""

SPENT: Final = ("budget", "message_rate", "funds", "open_orders")
"""Refusals that only time, or a person, can end."""

EXIT_LEVEL: Final = "-1"
"""The level that a refused exit is reported with."""

DOUBTS: Final = (AccessDenied, ClockDoubted, RequestFailed, OrderRejected)
"""What is told where the venue does not take what is sent to it."""


def _flattens(setup: SessionSetup) -> bool:
    rules = [rule for rule in setup.rules if isinstance(rule, StopLoss)]
    return any(vars(rule)["_on_breach"] is AlarmAction.FLATTEN for rule in rules)


class ExitPrices(Checker):
    """I19. Every exit: its price is no worse than the bound on slippage, as configured, from some true mid of
    the time that the reference is made of.
    """

    invariant = "slippage"

    def __init__(self, scene: Scene) -> None:
        """Start without prices."""
        super().__init__(scene)
        span_ns = scene.setup.reference_window_ns + OLDER_NS
        self._mids = {symbol: Extremes(span_ns) for symbol in scene.truth.markets}
        # Most runs have no way out.
        self._wanted = any(_flattens(setup) for setup in scene.setup.sessions)

    def on_truth(self) -> None:
        """Note the true mids."""
        if self._wanted:
            for symbol, seen in self._mids.items():
                seen.see(self.scene.now_ns, self.scene.mid_half_ticks(symbol))

    def on_command(self, command: VenueCommand) -> None:
        """Judge an exit."""
        if not isinstance(command, Place) or not command.reduces:
            return
        mids = self._mids[command.symbol]
        if not mids.high:
            return
        setup = self.scene.session_setup(command.cid)
        stated = [vars(rule)["_slippage_ppm_max"] for rule in setup.rules if isinstance(rule, Slippage)]
        ppm = min([setup.slippage_ppm, *stated]) + LATE_PPM
        if command.side is SELL:
            worst = mids.low * (PPM - ppm) // PPM - SLACK_HALF_TICKS
            beyond = 2 * command.price_ticks < worst
        else:
            worst = mids.high * (PPM + ppm) // PPM + SLACK_HALF_TICKS
            beyond = 2 * command.price_ticks > worst
        if beyond:
            raise self.broken(f"an exit to {command.side} at {command.price_ticks}, at worst {worst // 2}")


class Flattens(Checker):
    """I19. After a loss whose limit asks for it and a halt that the venue confirmed, every session that holds
    something sends an exit within seconds in which nothing stands in its way: the user stream is up, all was
    listed since, its depth is fresh, nothing was refused, and no other session's way out may stand on the
    other side. And none says that it is out while the venue's executions, all of them told, say otherwise.
    """

    invariant = "flatten"
    hears = (
        *DOUBTS,
        BalancesListed,
        BookDelta,
        BookLost,
        BookSnapshot,
        FillsListed,
        OrderCanceled,
        OrderExpired,
        OrderFilled,
        OrderSeen,
        OrdersListed,
        StreamDown,
        StreamUp,
        Throttled,
    )

    def __init__(self, scene: Scene) -> None:
        """Start with nothing to leave."""
        super().__init__(scene)
        self._net_lots: dict[int, int] = {}
        self._told: set[tuple[str, int, Side]] = set()
        self._owed: dict[int, int] = {}
        self._confirmed_ns = 0
        self._forget()

    def begin_life(self) -> None:
        """A new process is halted yet, and has nothing to leave; what it holds it may have inherited."""
        if not self.scene.inherits:
            self._net_lots.clear()
        self._owed.clear()
        self._confirmed_ns = 0
        self._forget()

    def _forget(self) -> None:
        self._wanted = any(_flattens(setup) for setup in self.scene.setup.sessions)
        self._recovered = not self.scene.inherits
        self._up_ns = 0
        self._listed: set[tuple[str, str]] = set()
        self._depth: dict[str, tuple[int, int]] = {}
        self._doubt_ns = 0
        self._last_ns = 0
        self._spent: set[int] = set()
        # Exits of whose end nothing was told, with the lots that may still trade.
        self._exits: dict[str, tuple[Place, int]] = {}

    # ---- what the process is told

    def on_event(self, event: AnyEvent) -> None:
        """Follow what is held, and what stands in the way."""
        if not self._wanted:
            return
        now_ns = event.ts_ns
        if now_ns - self._last_ns > self.scene.setup.deadlines.stall:
            self._depth.clear()
            self._up_ns = self._up_ns and now_ns
            self._listed.clear()
        self._last_ns = now_ns
        match event:
            case BookDelta():
                depth = self._depth.get(event.symbol)
                if depth is not None and event.venue_ms != depth[1]:
                    self._depth[event.symbol] = now_ns, event.venue_ms
            case BookSnapshot():
                self._depth[event.symbol] = now_ns, 0
            case BookLost():
                self._depth.pop(event.symbol, None)
            case OrderFilled():
                self._on_filled(event)
            case OrdersListed() | FillsListed() | BalancesListed():
                self._on_listed(event)
            case StreamUp() | StreamDown():
                self._on_stream(event.stream, up_ns=now_ns if isinstance(event, StreamUp) else 0)
            case OrderCanceled() | OrderExpired() | OrderSeen(open=False):
                self._exits.pop(event.cid, None)
            case OrderSeen():
                pass
            case _:
                if isinstance(event, OrderRejected):
                    self._exits.pop(event.cid, None)
                self._doubt_ns = max(now_ns, event.until_ns if isinstance(event, Throttled) else 0)

    def _on_filled(self, event: OrderFilled) -> None:
        key = (event.symbol, event.trade_id, event.side)
        if event.cid in self.scene.placed and key not in self._told:
            self._told.add(key)
            session = self.scene.session_of[event.cid]
            net_lots = self._net_lots.get(session, 0)
            self._net_lots[session] = net_lots + event.side.sign * event.size_lots
            if event.cid in self._exits:
                place, lots = self._exits.pop(event.cid)
                if lots > event.size_lots:
                    self._exits[event.cid] = place, lots - event.size_lots

    def _on_listed(self, event: OrdersListed | FillsListed | BalancesListed) -> None:
        whole = not isinstance(event, FillsListed) or event.complete
        if whole and self._up_ns and event.asked_ns >= self._up_ns:
            symbol = "" if isinstance(event, BalancesListed) else event.symbol
            self._listed.add((type(event).__name__, symbol))

    def _on_stream(self, stream: Stream, *, up_ns: int) -> None:
        if stream is Stream.MARKET:
            self._depth.clear()
        else:
            self._up_ns = up_ns
            self._listed.clear()

    # ---- what it says and does

    def on_report(self, report: Report) -> None:
        """Follow halts, and what becomes of the way out."""
        code, facts = report.code, dict(report.facts)
        if code == "halt":
            self._confirmed_ns = 0
            self._owed.clear()
            if facts.get("reason", "").startswith(LOSS):
                sessions = self.scene.setup.sessions
                self._owed = {index: 0 for index, setup in enumerate(sessions) if _flattens(setup)}
        elif code == "halt.confirmed":
            self._confirmed_ns = self.scene.now_ns
            self._exits.clear()
        elif code == "order.dead":
            self._exits.pop(facts["cid"], None)
        elif code == "halt.reopened":
            self._confirmed_ns = 0
        elif code == "unhalt":
            self._owed.clear()
        elif code == "recovered":
            self._recovered = True
        elif code == "book.lost":
            self._depth.pop(facts["symbol"], None)
        elif code in ("stream.suspect", "stream.down") and not facts.get("venue"):
            self._on_stream(Stream(facts["stream"]), up_ns=0)
        elif report.session:
            self._on_session(report, facts)

    def _on_session(self, report: Report, facts: dict[str, str]) -> None:
        sessions = self.scene.setup.sessions
        index = next(index for index, setup in enumerate(sessions) if setup.name == report.session)
        if report.code == "order.denied" and facts["level"] == EXIT_LEVEL:
            # It is said once, not with every halt: as long as nothing else is, and no exit leaves, it stands.
            self._spent.discard(index)
            if facts["rule"].startswith(SPENT):
                self._spent.add(index)
        elif report.code in ("exit.done", "exit.incomplete", "exit.failed"):
            self._owed.pop(index, None)
            if report.code == "exit.done" and self._leaves(index) and self._all_told(index):
                raise self.broken(f"{report.session} says that it is out and holds {self._net_lots[index]}")

    def on_command(self, command: VenueCommand) -> None:
        """An exit that left is what was owed."""
        if isinstance(command, Place) and command.reduces:
            session = self.scene.session(command.cid)
            self._owed.pop(session, None)
            self._spent.discard(session)
            self._exits[command.cid] = command, command.size_lots

    # ---- the verdict

    def on_step(self) -> None:
        """Look for sessions that stay where they are."""
        if not self._owed or not self._confirmed_ns:
            return
        now_ns = self.scene.now_ns
        for index, since_ns in list(self._owed.items()):
            if not self._is_free(index) or not self._leaves(index):
                self._owed[index] = now_ns
            elif now_ns - max(since_ns, self._confirmed_ns) > PATIENCE_NS:
                name = self.scene.setup.sessions[index].name
                raise self.broken(f"{name} was to leave {self._net_lots[index]} lots and sends no exit")

    def _is_free(self, index: int) -> bool:
        scene = self.scene
        now_ns, stale_ns = scene.now_ns, scene.setup.deadlines.stale
        symbols = {setup.instrument.symbol for setup in scene.setup.sessions}
        needed = {(what, symbol) for what in ("OrdersListed", "FillsListed") for symbol in symbols}
        session = scene.engine.state.sessions[index]
        depth = self._depth.get(session.setup.instrument.symbol)
        return (
            session.state is SessionState.HALTED
            and self._recovered
            and index not in self._spent
            and self._up_ns > 0
            and needed | {("BalancesListed", "")} <= self._listed
            and depth is not None
            and now_ns - depth[0] <= stale_ns
            and now_ns > max(self._doubt_ns, scene.wire.banned_until_ns)
            # Without a reference nobody can say what an exit may cost.
            and session.market.reference.half_ticks > 0
            and not self._meets_own(index)
        )

    # Whether an exit would meet one of another session, of whose end nothing is known.
    def _meets_own(self, index: int) -> bool:
        symbol = self.scene.setup.sessions[index].instrument.symbol
        side = SELL if self._net_lots.get(index, 0) > 0 else BUY
        return any(one.symbol == symbol and one.side is not side for one, _ in self._exits.values())

    # Whether there is something to leave, by far more than the least that an order may be of: what fills
    # moved and what stands off the target, whichever is less.
    def _leaves(self, index: int) -> bool:
        net_lots, held_lots = self._net_lots.get(index, 0), self.scene.inventory.held(index)
        if net_lots * held_lots <= 0:
            return False
        instrument = self.scene.setup.sessions[index].instrument
        mid = self.scene.mid_half_ticks(instrument.symbol)
        return mid > 0 and min(abs(net_lots), abs(held_lots)) >= 2 * instrument.size_min_lots_at(
            max(1, mid * 4 // 10)
        )

    def _all_told(self, index: int) -> bool:
        scene = self.scene
        mine, beyond = scene.fills_of(index)
        if beyond or scene.inventory.is_recounted(index):
            return False
        return all((fill.symbol, fill.trade_id, fill.side) in self._told for fill in mine)
