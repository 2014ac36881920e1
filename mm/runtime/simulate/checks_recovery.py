"""The taking over of what an earlier life left is over only when it was looked for, twice, and nothing quotes
before that.
"""

from mm.domain.commands import Place, Report, VenueCommand
from mm.domain.events import AnyEvent, BalancesListed, FillsListed, OrdersListed, Stream, StreamDown, StreamUp
from mm.runtime.simulate.checks_scene import Checker, Scene

Shown = frozenset[tuple[str, int]]


class _Looked:
    # What the process was shown of one symbol. Fields: shown, heard_ns: of the last listing of orders;
    # agreed_ns: when the last one had been asked that showed the same as the one before; fills_ns: when the
    # last page of a listing of executions had been asked.
    __slots__ = ("agreed_ns", "fills_ns", "heard_ns", "shown")

    def __init__(self) -> None:
        self.shown: Shown | None = None
        self.heard_ns = 0
        self.agreed_ns = 0
        self.fills_ns = 0


class RecoveryLooks(Checker):
    """Recovery (steps 10 to 16). A life that takes something over says that this is done after the venue,
    with the user stream up, listed the orders of each symbol twice in agreement, the second time asked for
    after the first was heard, then all executions, then the balances; nothing is placed before it says so.
    """

    invariant = "recovery"
    hears = (OrdersListed, FillsListed, BalancesListed, StreamUp, StreamDown)

    def __init__(self, scene: Scene) -> None:
        """Start with a life that takes over what the scene says."""
        super().__init__(scene)
        self._waits = scene.inherits
        self._looked: dict[str, _Looked] = {}
        self._balances_ns = 0
        self._up_ns = 0

    def begin_life(self) -> None:
        """A new process has seen nothing."""
        self._waits = self.scene.inherits
        self._looked.clear()
        self._balances_ns = self._up_ns = 0

    def on_event(self, event: AnyEvent) -> None:
        """Note what is shown."""
        if not self._waits:
            return
        match event:
            case OrdersListed():
                self._on_orders(event)
            case FillsListed() if event.complete:
                looked = self._of(event.symbol)
                looked.fills_ns = max(looked.fills_ns, event.asked_ns)
            case BalancesListed():
                self._balances_ns = max(self._balances_ns, event.asked_ns)
            case StreamUp() | StreamDown() if event.stream is Stream.USER and not event.venue:
                self._up_ns = event.ts_ns if isinstance(event, StreamUp) else 0
            case _:
                pass

    def _on_orders(self, event: OrdersListed) -> None:
        looked, is_ours = self._of(event.symbol), self.scene.is_ours
        shown = frozenset((entry.cid, entry.cum_lots) for entry in event.orders if is_ours(entry.cid))
        if shown == looked.shown and event.asked_ns >= looked.heard_ns:
            looked.agreed_ns = max(looked.agreed_ns, event.asked_ns)
        looked.shown, looked.heard_ns = shown, event.ts_ns

    def on_report(self, report: Report) -> None:
        """Judge the end of the recovery."""
        if report.code == "recovered" and self._waits:
            self._waits = False
            self._judge()

    def on_command(self, command: VenueCommand) -> None:
        """Judge a placement."""
        if self._waits and isinstance(command, Place):
            raise self.broken("a placement before what an earlier life left was looked for")

    def _judge(self) -> None:
        if not self._up_ns:
            raise self.broken("it was over without a user stream")
        for setup in self.scene.setup.sessions:
            symbol = setup.instrument.symbol
            looked = self._of(symbol)
            if not looked.agreed_ns or looked.agreed_ns < self._up_ns:
                raise self.broken(f"it was over before two listings of the orders on {symbol} agreed")
            if looked.fills_ns < looked.agreed_ns:
                raise self.broken(f"it was over before the executions on {symbol} were listed after that")
            if self._balances_ns < looked.agreed_ns:
                raise self.broken("it was over before the balances were listed after the orders")

    def _of(self, symbol: str) -> _Looked:
        return self._looked.setdefault(symbol, _Looked())
