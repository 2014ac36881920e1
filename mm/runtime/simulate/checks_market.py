"""I8, I9, A3, A17: what a placement is based on, how much is sent, and which books are believed."""

from collections import deque
from typing import Final

from mm.domain.book import BookStatus
from mm.domain.commands import Cancel, Connect, Place, VenueCommand
from mm.domain.events import (
    AnyEvent,
    BalancesListed,
    BookDelta,
    BookLost,
    BookSnapshot,
    FillsListed,
    OrdersListed,
    Stream,
    StreamDown,
    TopOfBook,
)
from mm.runtime.simulate.checks_scene import MINUTE_NS, SECOND_NS, Checker, Scene

CROSSED_SWEEPS: Final = 8
"""A book that shows bid >= ask for so many sweeps longer than the deadline is not right."""

SWEEP_NS: Final = SECOND_NS // 5
"""What time alone makes due is done within this."""

ORDER_WINDOW_NS: Final = 10 * SECOND_NS


class Freshness(Checker):
    """I8. Every placement: the symbol's book was handed out and not taken back, and the last that was heard
    of it, of its depth too, is no older than the limit; changes whose time stands still are no news.
    """

    invariant = "I8"

    def __init__(self, scene: Scene) -> None:
        """Start without a book."""
        super().__init__(scene)
        self._book_ns: dict[str, int] = {}
        self._depth_ns: dict[str, int] = {}
        self._venue_ms: dict[str, int] = {}

    def begin_life(self) -> None:
        """A new process has no book, and has heard of no time."""
        self._book_ns.clear()
        self._venue_ms.clear()

    def on_event(self, event: AnyEvent) -> None:
        """Note how fresh the books are as far as the engine can know."""
        match event:
            case BookSnapshot():
                self._book_ns[event.symbol] = self._depth_ns[event.symbol] = event.ts_ns
                # What the venue's clock said on an earlier connection is not compared with.
                self._venue_ms.pop(event.symbol, None)
            case BookDelta():
                if event.symbol in self._book_ns and event.venue_ms != self._venue_ms.get(event.symbol):
                    self._book_ns[event.symbol] = self._depth_ns[event.symbol] = event.ts_ns
                self._venue_ms[event.symbol] = event.venue_ms
            case TopOfBook():
                if event.symbol in self._book_ns:
                    self._book_ns[event.symbol] = event.ts_ns
            case BookLost():
                self._book_ns.pop(event.symbol, None)
            case StreamDown() if event.stream is Stream.MARKET:
                self._book_ns.clear()
            case _:
                pass

    def on_command(self, command: VenueCommand) -> None:
        """Compare a placement with the book that it was made on."""
        if not isinstance(command, Place):
            return
        now_ns, stale_ns = self.scene.now_ns, self.scene.setup.deadlines.stale
        book_ns = self._book_ns.get(command.symbol)
        if book_ns is None:
            raise self.broken("a placement on a book that is not in sync")
        if max(command.market_age_ns, now_ns - book_ns) > stale_ns:
            raise self.broken(f"a placement on a book that is {(now_ns - book_ns) // 10**6} ms old")
        if now_ns - self._depth_ns[command.symbol] > stale_ns + SWEEP_NS:
            raise self.broken("a placement on a book whose depth is old behind its top")


class Stalls(Checker):
    """A17. After a time in which the process stood still: no placement before the orders and fills of its
    symbol and the balances were asked for anew and listed; and none on a book whose last change had waited
    for the process for longer than the limit, however fresh it looks to it.
    """

    invariant = "A17"

    def __init__(self, scene: Scene) -> None:
        """Start awake."""
        super().__init__(scene)
        self._last_ns = 0
        self._woke_ns = 0
        self._listed: set[tuple[str, str]] = set()
        self._told_ns: dict[str, int] = {}

    def begin_life(self) -> None:
        """A new process has heard nothing."""
        self._last_ns = self._woke_ns = 0
        self._listed.clear()
        self._told_ns.clear()

    def on_event(self, event: AnyEvent) -> None:
        """Note when the process stood still, and what it has listed since."""
        if self._last_ns and event.ts_ns - self._last_ns > self.scene.setup.deadlines.stall:
            self._woke_ns = event.ts_ns
            self._listed.clear()
        self._last_ns = event.ts_ns
        if isinstance(event, BookDelta | BookSnapshot):
            self._told_ns[event.symbol] = self.scene.reached_ns or event.ts_ns
        elif isinstance(event, OrdersListed | FillsListed | BalancesListed) and self._woke_ns:
            self._on_listing(event)

    def _on_listing(self, event: OrdersListed | FillsListed | BalancesListed) -> None:
        whole = not isinstance(event, FillsListed) or event.complete
        if whole and event.asked_ns >= self._woke_ns:
            symbol = "" if isinstance(event, BalancesListed) else event.symbol
            self._listed.add((type(event).__name__, symbol))

    def on_command(self, command: VenueCommand) -> None:
        """Judge a placement."""
        if not isinstance(command, Place):
            return
        waited_ns = self.scene.now_ns - self._told_ns.get(command.symbol, self.scene.now_ns)
        if waited_ns > self.scene.setup.deadlines.stale + SWEEP_NS:
            raise self.broken(f"a placement on a book that had waited for {waited_ns // 10**6} ms")
        if not self._woke_ns:
            return
        needed = (("OrdersListed", command.symbol), ("FillsListed", command.symbol), ("BalancesListed", ""))
        for name, symbol in needed:
            if (name, symbol) not in self._listed:
                gap_ms = (self.scene.now_ns - self._woke_ns) // 10**6
                raise self.broken(f"a placement {gap_ms} ms after a standstill and before {name}")


class Rate(Checker):
    """I9. Every command: what the venue counts within its minute and its ten seconds against its limits, and
    that nothing is sent while banned.
    """

    invariant = "I9"

    def __init__(self, scene: Scene) -> None:
        """Start with nothing spent."""
        super().__init__(scene)
        self._weights: deque[tuple[int, int]] = deque()
        self._weight = 0
        self._orders: deque[int] = deque()
        caps = scene.setup.caps
        self._weight_of = {
            "Place": caps.weight_place,
            "Cancel": caps.weight_cancel,
            "Query": caps.weight_query,
            "ListOrders": caps.weight_orders,
            "ListFills": caps.weight_fills,
            "ListBalances": caps.weight_balances,
            "SyncBook": caps.weight_book,
        }

    def begin_life(self) -> None:
        """A venue tells a new process of the orders of the one before with its first answer to one."""
        self._orders.clear()

    def on_command(self, command: VenueCommand) -> None:
        """Count it."""
        now_ns, caps = self.scene.now_ns, self.scene.setup.caps
        name = type(command).__name__
        if now_ns < self.scene.wire.banned_until_ns:
            raise self.broken(f"{name} was sent while banned")
        if isinstance(command, Connect):
            return
        weight = self._weight_of.get(name, 1)
        self._weights.append((now_ns, weight))
        self._weight += weight
        if self.used(now_ns) > caps.weight_per_minute:
            raise self.broken(f"{self._weight} of weight within a minute")
        if isinstance(command, Place):
            orders = self._orders
            orders.append(now_ns)
            while orders[0] <= now_ns - ORDER_WINDOW_NS:
                orders.popleft()
            if len(orders) > caps.orders_per_10s:
                raise self.broken(f"{len(orders)} placements within ten seconds")

    def used(self, now_ns: int) -> int:
        """Return what the venue counted within the last minute, whoever of us sent it."""
        while self._weights and self._weights[0][0] <= now_ns - MINUTE_NS:
            self._weight -= self._weights.popleft()[1]
        return self._weight


class OwnCancels(Checker):
    """B24. Only what bears our mark is cancelled, and nothing that a later process placed."""

    invariant = "B24"

    def on_command(self, command: VenueCommand) -> None:
        """Look at the id of a cancel."""
        if isinstance(command, Cancel) and not self.scene.is_ours(command.cid):
            raise self.broken("an order that is not ours was cancelled")


class CrossedBooks(Checker):
    """A3. After every step: no book that the engine believes shows bid >= ask for longer than a second, by
    its prices and a clock of our own.
    """

    invariant = "A3"

    def __init__(self, scene: Scene) -> None:
        """Start without a crossed book."""
        super().__init__(scene)
        self._since_ns: dict[str, int] = {}

    def begin_life(self) -> None:
        """A new process has no book."""
        self._since_ns.clear()

    def on_step(self) -> None:
        """Look since when a book is crossed."""
        now_ns, deadlines, since_ns = self.scene.now_ns, self.scene.setup.deadlines, self._since_ns
        for symbol, market in self.scene.engine.state.markets.items():
            book = market.book
            bid, ask = book.bid_ticks, book.ask_ticks
            if not 0 < ask <= bid or book.status is not BookStatus.IN_SYNC:
                since_ns.pop(symbol, None)
                continue
            crossed_ns = now_ns - since_ns.setdefault(symbol, now_ns)
            if crossed_ns > deadlines.crossed + CROSSED_SWEEPS * deadlines.sweep:
                raise self.broken("a book that is crossed was believed for more than a second")
