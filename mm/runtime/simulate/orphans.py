"""What an earlier life had left at the venue before the run began: orders of ours, and one of a stranger."""

from mm.domain.ids import OrderId
from mm.domain.instrument import Instrument
from mm.domain.sides import Side
from mm.runtime.simulate.instruments import EPOCH, IDS
from mm.runtime.simulate.people import ByHand
from mm.runtime.simulate.plan import SECOND_NS, START_NS, Plan
from mm.runtime.simulate.strangers import HOME_TICKS
from mm.runtime.simulate.truth import Truth


def leave_orphans(plan: Plan, truth: Truth, instrument: Instrument) -> None:
    """Place what the plan says was left, a minute before the start; the stranger's may not be touched."""
    for number in range(plan.orphans + 1):
        cid = f"manual-{number}" if not number else IDS.encode(OrderId(IDS.tag, 0, EPOCH - 1, number))
        side = Side.BUY if number % 2 else Side.SELL
        price = 9_998 - 3 * number if number % 2 else 10_020 if number else 10_900
        subject, lots = plan.subject, 7
        if subject is not None:
            price = price * subject.home_ticks[instrument.symbol] // HOME_TICKS
            lots = max(lots, instrument.size_min_lots_at(price))
        order = ByHand(
            cid=cid, symbol=instrument.symbol, side=side, price_ticks=price, size_lots=lots, rests=True
        )
        truth.place(START_NS - 60 * SECOND_NS, order.place())
    truth.take_news()
