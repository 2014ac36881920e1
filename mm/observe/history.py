"""What happened lately, for people: fills, reports, counts. Fed by the runtime, read by everyone else.

Bounded; it never influences a decision. Invariant: every event and command of the run passed through here.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

import msgspec

from mm.domain.commands import AnyCommand, Cancel, Place, Report
from mm.domain.events import AnyEvent, OrderFilled
from mm.domain.sides import Side

FILLS_MAX: Final = 1_000
REPORTS_MAX: Final = 500


class FillRow(msgspec.Struct, frozen=True):
    """One own fill as it became known. Fields: as in `OrderFilled`, plus the session's name."""

    ts_ns: int
    session: str
    symbol: str
    side: Side
    price_ticks: int
    size_lots: int
    fee_atoms: int
    fee_asset: str
    maker: bool
    trade_id: int
    cid: str


class History:
    """Recent facts and counts since the start.

    Fields: fills, reports: newest last. placed, cancels: sent; canceled: confirmed by the venue; fills_total:
    applied. first_fill_ns: 0 before it.
    """

    def __init__(self) -> None:
        """Start empty."""
        self.fills: deque[FillRow] = deque(maxlen=FILLS_MAX)
        self.reports: deque[Report] = deque(maxlen=REPORTS_MAX)
        self.placed = 0
        self.cancels = 0
        self.canceled = 0
        self.fills_total = 0
        self.first_fill_ns = 0

    def on_commands(self, commands: Sequence[AnyCommand]) -> None:
        """Take in the commands of one step."""
        for command in commands:
            if isinstance(command, Report):
                self.reports.append(command)
            elif isinstance(command, Place):
                self.placed += 1
            elif isinstance(command, Cancel):
                self.cancels += 1

    def on_fill(self, event: AnyEvent, session: str) -> None:
        """Take in a fill that the engine applied."""
        assert isinstance(event, OrderFilled)
        self.fills_total += 1
        self.first_fill_ns = self.first_fill_ns or event.ts_ns
        self.fills.append(
            FillRow(
                ts_ns=event.ts_ns,
                session=session,
                symbol=event.symbol,
                side=event.side,
                price_ticks=event.price_ticks,
                size_lots=event.size_lots,
                fee_atoms=event.fee_atoms,
                fee_asset=event.fee_asset,
                maker=event.maker,
                trade_id=event.trade_id,
                cid=event.cid,
            )
        )
