"""The economy of messages: what was asked of the venue for what was traded.

Order-to-trade ratios after RTS 9 (EU 2017/566, article 3): orders / transactions - 1, by number and by
volume, where every new order, change and cancel is an order, except cancels after a disconnect or a halt. A
new order counts with its size, a cancel with what could still fill of it.
"""

from mm.domain.units import NS_PER_S


class Turnover:
    """Counts of a session.

    Fields: places, cancels: sent; excused: cancels after a disconnect or a halt, not in `cancels`;
    placed_lots, cancelled_lots: their sizes, without the excused; fills, filled_lots; maker_fills,
    maker_lots: of these. market_atoms: traded by everybody while it was watched, base atoms.
    """

    def __init__(self) -> None:
        """Start with nothing sent."""
        self.places = self.cancels = self.excused = 0
        self.placed_lots = self.cancelled_lots = 0
        self.fills = self.filled_lots = 0
        self.maker_fills = self.maker_lots = 0
        self.market_atoms = 0

    def place(self, size_lots: int) -> None:
        """Count a new order."""
        self.places += 1
        self.placed_lots += size_lots

    def cancel(self, left_lots: int, *, excused: bool) -> None:
        """Count a cancel. Args: left_lots: what could still fill; excused: sent for a disconnect or a
        halt.
        """
        if excused:
            self.excused += 1
        else:
            self.cancels += 1
            self.cancelled_lots += left_lots

    def fill(self, size_lots: int, *, maker: bool) -> None:
        """Count a fill."""
        self.fills += 1
        self.filled_lots += size_lots
        if maker:
            self.maker_fills += 1
            self.maker_lots += size_lots

    @property
    def fill_ratio(self) -> float | None:
        """Filled over submitted size; None if nothing was submitted."""
        return self.filled_lots / self.placed_lots if self.placed_lots else None

    @property
    def order_to_trade(self) -> float | None:
        """By number; None without a trade: then any limit is broken as soon as more than it was sent."""
        return (self.places + self.cancels) / self.fills - 1 if self.fills else None

    @property
    def volume_order_to_trade(self) -> float | None:
        """By volume; None without a trade."""
        ordered = self.placed_lots + self.cancelled_lots
        return ordered / self.filled_lots - 1 if self.fills else None

    @property
    def messages_per_fill(self) -> float | None:
        """All messages sent per fill, excused ones too; None without a fill."""
        sent = self.places + self.cancels + self.excused
        return sent / self.fills if self.fills else None

    def fills_per_quote_second(self, quote_ns: int) -> float | None:
        """Return fills per second that one quote stood. Args: quote_ns: sum over quotes of their time."""
        return self.fills * NS_PER_S / quote_ns if quote_ns else None

    def market_share(self, lot_atoms: int) -> float | None:
        """Return what own maker fills were of the market's volume; None if nothing was traded."""
        return self.maker_lots * lot_atoms / self.market_atoms if self.market_atoms else None
