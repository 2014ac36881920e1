"""What a session's own fills did: inventory, ledger per asset, and a P&L that explains itself.

Only fills move inventory. The ledger holds each asset's change in atoms, fees in whatever asset they were
taken; nothing is converted in it. The P&L identity is kept in half ticks x lots:

    cash + inventory x mid  =  spread captured at each fill  +  inventory x each move of the mid

Both sides are summed independently as events arrive; their difference (`residual`) is 0 to the unit or the
book-keeping is wrong. (Half tick: mids are sums of bid and ask, so half a tick is the natural unit.)
"""

from mm.domain.estate import PositionEstate
from mm.domain.instrument import Instrument
from mm.domain.sides import BUY, Side
from mm.domain.worth import base_value_atoms


class Position:
    """Position of one session on one instrument.

    Fields:
        start_lots: inventory at the start of the session (holding minus target), signed.
        net_lots: what own fills moved since, signed.
        bought_lots, sold_lots: turnover per side. fills: number of executions.
        mid_half_ticks: the mid that the position is marked at, 0 before the first.
        spread_half: captured at fills against the mid of that moment, half ticks x lots.
        revaluation_half: inventory carried through moves of the mid, half ticks x lots.
        fees_atoms: fees paid per asset, atoms (negative: rebates).
        cash_half: paid (negative) and received, half ticks x lots. turnover_half: the same without signs.
        cost_half: what the open part of net_lots cost, half ticks x lots, same sign as net_lots.
        other_fees_quote_atoms: what fees in third assets were taken to be worth when they were paid.
    """

    __slots__ = (
        "bought_lots",
        "cash_half",
        "cost_half",
        "fees_atoms",
        "fills",
        "instrument",
        "mid_half_ticks",
        "net_lots",
        "other_fees_quote_atoms",
        "revaluation_half",
        "sold_lots",
        "spread_half",
        "start_lots",
        "turnover_half",
    )

    def __init__(self, instrument: Instrument, start_lots: int = 0) -> None:
        """Start flat apart from `start_lots`."""
        self.instrument = instrument
        self.start_lots = start_lots
        self.net_lots = 0
        self.bought_lots = 0
        self.sold_lots = 0
        self.fills = 0
        self.mid_half_ticks = 0
        self.cash_half = 0
        self.turnover_half = 0
        self.spread_half = 0
        self.revaluation_half = 0
        self.fees_atoms: dict[str, int] = {}
        self.cost_half = 0
        self.other_fees_quote_atoms = 0

    def restore(self, left: PositionEstate) -> None:
        """Go on from what an earlier life left; `inventory_lots` and the identity go on with it."""
        self.start_lots = left.start_lots
        self.net_lots = left.net_lots
        self.bought_lots = left.bought_lots
        self.sold_lots = left.sold_lots
        self.fills = left.fills
        self.mid_half_ticks = left.mid_half_ticks
        self.cash_half = left.cash_half
        self.cost_half = left.cost_half
        self.turnover_half = left.turnover_half
        self.spread_half = left.spread_half
        self.revaluation_half = left.revaluation_half
        self.fees_atoms = dict(left.fees_atoms)
        self.other_fees_quote_atoms = left.other_fees_quote_atoms

    @property
    def inventory_lots(self) -> int:
        """Where we stand relative to the target, signed lots."""
        return self.start_lots + self.net_lots

    @property
    def entry_half_ticks(self) -> int:
        """Average entry price of the open fills in half ticks, rounded against us; 0 when flat."""
        if self.net_lots == 0:
            return 0
        if self.net_lots > 0:
            return -(-self.cost_half // self.net_lots)
        return self.cost_half // self.net_lots

    def mark(self, mid_half_ticks: int) -> None:
        """Move the mid that the position is marked at; > 0."""
        assert mid_half_ticks > 0
        if self.mid_half_ticks:
            self.revaluation_half += self.net_lots * (mid_half_ticks - self.mid_half_ticks)
        self.mid_half_ticks = mid_half_ticks

    def fill(self, side: Side, price_ticks: int, size_lots: int) -> None:
        """Book one execution; the position must have been marked once before or is marked at its price."""
        assert size_lots > 0
        price_half = 2 * price_ticks
        if not self.mid_half_ticks:
            self.mid_half_ticks = price_half
        signed = side.sign * size_lots
        self.cash_half -= signed * price_half
        self.turnover_half += size_lots * price_half
        self.spread_half += signed * (self.mid_half_ticks - price_half)
        self._move_cost(signed, price_half)
        self.net_lots += signed
        self.fills += 1
        if side is BUY:
            self.bought_lots += size_lots
        else:
            self.sold_lots += size_lots

    def pay_fee(self, asset: str, atoms: int, *, value_atoms: int = 0) -> None:
        """Book a fee (negative: rebate) in the asset it was taken in.

        Args: value_atoms: what it is taken to be worth in quote atoms, for an asset that is neither base nor
        quote: the ledger is exact in any case, the P&L must not leave it out.
        """
        self.fees_atoms[asset] = self.fees_atoms.get(asset, 0) + atoms
        if asset not in (self.instrument.base, self.instrument.quote):
            self.other_fees_quote_atoms += value_atoms

    @property
    def residual_half(self) -> int:
        """What the identity leaves unexplained, half ticks x lots; 0 or the book-keeping is wrong."""
        value = self.cash_half + self.net_lots * self.mid_half_ticks
        return value - self.spread_half - self.revaluation_half

    @property
    def gross_quote_atoms(self) -> int:
        """P&L at the mid before fees, quote atoms, rounded down (a half tick x lot may be half an atom)."""
        value = self.cash_half + self.net_lots * self.mid_half_ticks
        return value * self.instrument.tick_lot_atoms // 2

    @property
    def fees_quote_atoms(self) -> int:
        """Fees at the mid, quote atoms, rounded against us; third assets as they were valued when paid."""
        base = self.fees_atoms.get(self.instrument.base, 0)
        quote = self.fees_atoms.get(self.instrument.quote, 0)
        valued = quote + self.other_fees_quote_atoms
        return valued - base_value_atoms(self.instrument, -base, self.mid_half_ticks) if base else valued

    @property
    def net_quote_atoms(self) -> int:
        """P&L at the mid after fees, quote atoms."""
        return self.gross_quote_atoms - self.fees_quote_atoms

    @property
    def open_quote_atoms(self) -> int:
        """P&L of the open fills against what they cost, quote atoms, rounded down."""
        value = self.net_lots * self.mid_half_ticks - self.cost_half
        return value * self.instrument.tick_lot_atoms // 2

    def ledger_atoms(self) -> dict[str, int]:
        """Return the change of each asset by this session's fills and fees, in atoms, exact."""
        instrument = self.instrument
        ledger = {
            instrument.base: self.net_lots * instrument.lot_atoms,
            instrument.quote: self.cash_half * instrument.tick_lot_atoms // 2,
        }
        for asset, atoms in self.fees_atoms.items():
            ledger[asset] = ledger.get(asset, 0) - atoms
        return ledger

    def _move_cost(self, signed_lots: int, price_half: int) -> None:
        held = self.net_lots
        if held == 0 or (held > 0) == (signed_lots > 0):
            self.cost_half += signed_lots * price_half
            return
        closed = min(abs(held), abs(signed_lots))
        # Average cost: the closed share leaves with its part; rounding stays in what is left open.
        self.cost_half -= self.cost_half * closed // abs(held)
        opened = abs(signed_lots) - closed
        if opened:
            self.cost_half = (opened if signed_lots > 0 else -opened) * price_half
