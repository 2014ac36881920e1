"""What the user stream tells of own orders: the truth, and what contradicts it.

Every step in the life of an order of the account is reported once, in order; lies follow it. Invariant: no
report says that an order ended which is open, because no engine could hold its limits against that.
"""

from collections.abc import Mapping

from mm.domain.events import (
    AnyEvent,
    BalanceChanged,
    OrderAcked,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderSeen,
    Source,
)
from mm.runtime.simulate.faults import Luck
from mm.runtime.simulate.streams import Streams
from mm.runtime.simulate.truth import News, TrueFill, TrueOrder, Truth
from mm.sim.orders import Execution


class NewsDesk:
    """Tells the user stream.

    Fields: expiring: ids of orders that the venue ends by itself; hidden: orders that it does not show, with
    what it would have said of them.
    """

    def __init__(self, truth: Truth, luck: Luck, streams: Streams) -> None:
        """Tell what happens in `truth`."""
        self._truth = truth
        self._luck = luck
        self._streams = streams
        self.expiring: dict[str, None] = {}
        self.hidden: dict[str, list[AnyEvent]] = {}

    def tell(self, stated_lots: Mapping[str, int] | None = None) -> None:
        """Report what happened since the last time. Args: stated_lots: filled of an order, as it is told."""
        touched: dict[str, None] = {}
        for news in self._truth.take_news():
            stated = (stated_lots or {}).get(news.order.cid, news.cum_lots)
            event = self._event(news, stated)
            held_back = self.hidden.get(news.order.cid)
            if event is not None and held_back is not None:
                held_back.append(event)
            elif event is not None:
                self._streams.report(event)
            if news.fill is not None:
                touched[news.order.symbol] = None
            if not news.order.is_open:
                self._contradict(news.order, stated)
        for symbol in touched:
            instrument = self._truth.markets[symbol].instrument
            for asset in (instrument.base, instrument.quote):
                self.tell_balance(asset)

    def tell_balance(self, asset: str) -> None:
        """Report a balance as it is now."""
        locked = self._truth.locked(asset)
        free = self._truth.holdings[asset] - locked
        self._streams.report(BalanceChanged(ts_ns=0, asset=asset, free_atoms=free, locked_atoms=locked))

    def tell_again(self, fill: TrueFill) -> None:
        """Report an execution of long ago."""
        self._streams.report(filled(fill, Source.STREAM))

    def _event(self, news: News, stated_lots: int) -> AnyEvent | None:
        order, cid = news.order, news.order.cid
        if news.fill is not None:
            return filled(news.fill, Source.STREAM)
        if news.what is Execution.NEW:
            return acked(order, Source.STREAM)
        if order.is_open:
            return None
        if news.what is Execution.CANCELED and cid not in self.expiring:
            return OrderCanceled(ts_ns=0, cid=cid, cum_lots=stated_lots, source=Source.STREAM)
        self.expiring.pop(cid, None)
        return OrderExpired(
            ts_ns=0, cid=cid, cum_lots=stated_lots, prevented=order.prevented, source=Source.STREAM
        )

    def _contradict(self, order: TrueOrder, stated_lots: int) -> None:
        luck, report = self._luck, self._streams.report
        if luck.hits("ack_after_end"):
            report(acked(order, Source.STREAM), late_ns=luck.between(50, 1_500))
        if luck.hits("open_after_end"):
            seen = OrderSeen(
                ts_ns=0, cid=order.cid, venue_order_id=order.venue_order_id, open=True, cum_lots=stated_lots
            )
            report(seen, late_ns=luck.between(50, 1_500))
        if luck.hits("end_after_end"):
            ended: AnyEvent = OrderCanceled(
                ts_ns=0, cid=order.cid, cum_lots=stated_lots, source=Source.STREAM
            )
            if luck.random.random() < 0.5:
                ended = OrderExpired(
                    ts_ns=0, cid=order.cid, cum_lots=stated_lots, prevented=False, source=Source.STREAM
                )
            report(ended, late_ns=luck.between(50, 1_500))


def acked(order: TrueOrder, source: Source) -> OrderAcked:
    """Return the event of an acceptance."""
    return OrderAcked(
        ts_ns=0,
        cid=order.cid,
        venue_order_id=order.venue_order_id,
        price_ticks=order.price_ticks,
        size_lots=order.size_lots,
        source=source,
    )


def filled(fill: TrueFill, source: Source) -> OrderFilled:
    """Return the event of an execution."""
    return OrderFilled(
        ts_ns=0,
        symbol=fill.symbol,
        cid=fill.cid,
        trade_id=fill.trade_id,
        side=fill.side,
        price_ticks=fill.price_ticks,
        size_lots=fill.size_lots,
        fee_atoms=fill.fee_atoms,
        fee_asset=fill.fee_asset,
        maker=fill.maker,
        source=source,
    )
