"""I19: a loss on the open position, and a fall from the peak, end trading. By the venue's executions.

Kept apart from the engine's book-keeping. Everything that nobody can know to the unit (the mid that the
engine looks at, what it took the account to be worth at the start) is taken at its best for us. Invariant:
what is found is a breach at any of them.
"""

from typing import Final

from mm.domain.commands import Place, Report, VenueCommand
from mm.domain.events import AnyEvent, OrderFilled, TopOfBook
from mm.domain.instrument import Instrument
from mm.domain.sides import Side
from mm.domain.units import PPM
from mm.domain.worth import base_value_atoms
from mm.runtime.simulate.checks_scene import Checker, Extremes, Scene

SLACK_HALF_TICKS: Final = 4
"""How far the engine's mid, without own orders, may lie from the outside one."""

FAR_PERCENT: Final = 5
"""A top so far from the truth is none to value an account by."""

EQUITY_SLACK_PERCENT: Final = 1
"""What the engine took the account to be worth at the start may be so much more than what it was."""


class _Book:
    # One session by the executions that were told: cash and fees in atoms, lots, and what the open ones cost
    # in half ticks x lots. is_sure: that cost is; has_placed: in this life; peak_atoms: it was at least that.
    __slots__ = (
        "cash_atoms",
        "cost_half",
        "fee_base_atoms",
        "has_placed",
        "is_sure",
        "net_lots",
        "peak_atoms",
    )

    def __init__(self) -> None:
        self.cash_atoms = self.cost_half = self.fee_base_atoms = self.net_lots = 0
        self.is_sure, self.has_placed = True, False
        self.peak_atoms: int | None = 0

    def fill(self, signed_lots: int, price_half: int) -> None:
        # Average cost: what closes takes its share along.
        held, after = self.net_lots, self.net_lots + signed_lots
        self.net_lots = after
        if held * signed_lots >= 0:
            self.cost_half += signed_lots * price_half
        elif held * after > 0:
            self.cost_half -= self.cost_half * abs(signed_lots) // abs(held)
        else:
            # Flat or turned around: what was paid before does not matter any more.
            self.cost_half = after * price_half
            self.is_sure = self.is_sure or self.has_placed

    def begin_life(self) -> None:
        # In which order the next process counts what was told just before is not known, nor how much of its
        # peak was written down.
        self.is_sure = self.has_placed = False
        self.peak_atoms = None

    def worth_atoms(self, instrument: Instrument, mid_half: int) -> int:
        return self.cash_atoms + self.net_lots * mid_half * instrument.tick_lot_atoms // 2

    def base_fees_atoms(self, instrument: Instrument, mid_half: int) -> int:
        return max(0, -base_value_atoms(instrument, -self.fee_base_atoms, mid_half))

    def note_peak(self, atoms: int) -> None:
        self.peak_atoms = atoms if self.peak_atoms is None else max(self.peak_atoms, atoms)


class Falls(Checker):
    """I19. Every placement that does not reduce: the loss on what the session's executions left open, and the
    fall of its P&L from its peak, lie below their limits, marked at whichever true mid of the last seconds is
    best for us. The peak is no lower than the P&L at any placement before, at the worst mid of its time; a
    halt that was lifted begins it anew. After a crash the cost of what is open is known once it was flat.
    """

    invariant = "I19"
    hears = (OrderFilled, TopOfBook)

    def __init__(self, scene: Scene) -> None:
        """Start with nothing filled."""
        super().__init__(scene)
        self._books: dict[int, _Book] = {}
        self._told: set[tuple[str, int, Side]] = set()
        # No price that the engine may quote on is older: the limit of staleness and the way.
        span_ns = 2 * scene.setup.deadlines.stale
        self._mids = {symbol: Extremes(span_ns) for symbol in scene.truth.markets}
        # What the account was worth at most until the first placement; whether that is over; whether somebody
        # told of prices by which it was worth something else.
        self._equity_atoms = 0
        self._valued = self._misled = False
        self._follow()

    def begin_life(self) -> None:
        """Go on where the new life inherits, else begin anew."""
        if not self.scene.inherits:
            self._books.clear()
            self._equity_atoms, self._misled = 0, False
        self._valued = False
        for book in self._books.values():
            book.begin_life()
        self._follow()

    def on_event(self, event: AnyEvent) -> None:
        """Count an execution once, if it is one by the venue's truth; look at the first prices."""
        if isinstance(event, OrderFilled):
            key = (event.symbol, event.trade_id, event.side)
            known = event.cid in self.scene.placed and event.cid not in self.scene.forgotten
            if known and key not in self._told:
                self._told.add(key)
                self._take(event)
        elif isinstance(event, TopOfBook) and not self._valued:
            true = self.scene.mid_half_ticks(event.symbol)
            told = event.bid.price_ticks + event.ask.price_ticks
            self._misled = self._misled or abs(told - true) * 100 > true * FAR_PERCENT

    def on_report(self, report: Report) -> None:
        """A halt that a person has lifted begins the peak anew."""
        if report.code == "unhalt":
            for book in self._books.values():
                book.peak_atoms = None

    def on_truth(self) -> None:
        """Note the true mids, and what the account is worth before anything is placed."""
        for symbol, seen in self._mids.items():
            seen.see(self.scene.now_ns, self.scene.mid_half_ticks(symbol))
        if not self._valued and self._quote:
            self._equity_atoms = max(self._equity_atoms, self.scene.equity_atoms(self._quote))

    def on_command(self, command: VenueCommand) -> None:
        """Compare with the limits."""
        if not isinstance(command, Place) or command.reduces:
            return
        scene = self.scene
        self._valued = True
        index = scene.session(command.cid)
        book = self._books.setdefault(index, _Book())
        book.has_placed = True
        book.is_sure = book.is_sure or not book.net_lots
        mids = self._mids[command.symbol]
        if not mids.high or not scene.mid_half_ticks(command.symbol):
            # Where a side is empty, the last mid was between what nobody else left.
            return
        high, low = mids.high + SLACK_HALF_TICKS, mids.low - SLACK_HALF_TICKS
        best, worst = (high, low) if book.net_lots > 0 else (low, high)
        instrument, limits = scene.instrument(command.symbol), scene.limits(index)
        opened = (book.net_lots * best - book.cost_half) * instrument.tick_lot_atoms // 2
        if book.is_sure and opened <= -limits.open_loss_atoms:
            raise self.broken(f"a placement after an open loss of {-opened}, limit {limits.open_loss_atoms}")
        self._judge_fall(book, book.worth_atoms(instrument, best), limits.drawdown_ppm_max)
        book.note_peak(book.worth_atoms(instrument, worst) - book.base_fees_atoms(instrument, high))

    def _judge_fall(self, book: _Book, best_atoms: int, ppm_max: int) -> None:
        if book.peak_atoms is None or self._misled or not self._equity_atoms:
            return
        fall = book.peak_atoms - best_atoms
        equity = self._equity_atoms * (100 + EQUITY_SLACK_PERCENT) // 100
        if fall * PPM >= equity * ppm_max:
            raise self.broken(
                f"a placement after a fall of {fall} from the peak, limit {ppm_max} ppm of {equity}"
            )

    def _take(self, event: OrderFilled) -> None:
        instrument = self.scene.instrument(event.symbol)
        book = self._books.setdefault(self.scene.session_of[event.cid], _Book())
        signed = event.side.sign * event.size_lots
        book.fill(signed, 2 * event.price_ticks)
        book.cash_atoms -= signed * event.price_ticks * instrument.tick_lot_atoms
        if event.fee_asset == instrument.quote:
            book.cash_atoms -= event.fee_atoms
        elif event.fee_asset == instrument.base:
            book.fee_base_atoms += event.fee_atoms
        else:
            # What it is taken to be worth is the engine's to say.
            self._misled = True

    def _follow(self) -> None:
        # Equity is in one asset: where sessions have several, which of them is meant depends on who is first.
        quotes = {one.instrument.quote for one in self.scene.setup.sessions}
        self._quote = next(iter(quotes)) if len(quotes) == 1 else ""
