"""The venue's desk: carries requests out at the time they take effect, and says what is to be told of them.

Must never look at a clock or at when it is called. Invariant: each request has exactly one outcome in its
answer (a listing of fills several), whatever the limits say.
"""

from decimal import Decimal
from itertools import islice, takewhile
from typing import Final, NamedTuple, assert_never

from mm.domain.capabilities import Capabilities
from mm.domain.commands import Cancel, ListBalances, ListFills, ListOrders, Place, Query, TimeInForce
from mm.domain.events import (
    AnyEvent,
    BalancesListed,
    CancelRejected,
    FillsListed,
    OrderCanceled,
    OrderNotFound,
    OrdersListed,
    RateUsed,
    Source,
    Throttled,
)
from mm.domain.instrument import Instrument
from mm.domain.tuples import named
from mm.domain.units import floor_atoms
from mm.sim.accounts import Accounts
from mm.sim.orders import NewOrder, OrderType, Refusal
from mm.sim.orders import TimeInForce as SimTimeInForce
from mm.sim.reports import OrderReport
from mm.sim.world import CLIENT
from mm.venues.paper.limits import Limits
from mm.venues.paper.market import PaperMarket
from mm.venues.paper.outcomes import (
    CANCEL_REFUSED,
    Request,
    limited,
    listed,
    listed_fill,
    placed,
    rejected,
    seen,
)
from mm.venues.paper.post import Sent
from mm.venues.paper.settings import PaperVenueSettings
from mm.venues.paper.truth import PaperBalance

PAGE_MAX: Final = 1_000
"""Fills per page of a listing: the venue's most."""


class Outcome(NamedTuple):
    """What is to be told. Fields: stream: by the user stream; answer: to the request."""

    stream: list[AnyEvent]
    answer: list[AnyEvent]


class Desk:
    """The account and its markets. Fields: markets: by symbol."""

    def __init__(self, settings: PaperVenueSettings, caps: Capabilities) -> None:
        """Begin without markets and without money."""
        self.markets: dict[str, PaperMarket] = {}
        self._settings = settings
        self._stp = settings.stp
        self._caps = caps
        self._limits = Limits(caps)
        self._accounts = Accounts()
        self._at_start: dict[str, PaperBalance] = {}

    def open(self, instrument: Instrument) -> None:
        """Begin to trade a symbol, with the money that the settings give its assets; once per symbol."""
        if instrument.symbol in self.markets:
            return
        self.markets[instrument.symbol] = PaperMarket(instrument, self._settings, self._accounts)
        scales = ((instrument.base, instrument.base_scale), (instrument.quote, instrument.quote_scale))
        for asset, scale in scales:
            if asset not in self._at_start:
                atoms = floor_atoms(self._settings.balances.get(asset, Decimal(0)), scale)
                self._accounts.deposit(CLIENT, asset, atoms)
                self._at_start[asset] = PaperBalance(atoms, 0)

    def carry_out(self, request: Request, sent: Sent) -> Outcome:
        """Carry a request out at the time of its effect; the events bear the time at which they are heard."""
        now_ns = sent.effect_ns
        is_order = isinstance(request, Place)
        code = self._limits.refusal(now_ns, weight=self._weight(request), is_order=is_order)
        orders = self._limits.orders_used if is_order else -1
        used = RateUsed(ts_ns=sent.heard_ns, weight=self._limits.weight_used, orders=orders)
        if code:
            if isinstance(request, Place):
                self.markets[request.symbol].place_dropped(request.cid)
            until_ns = sent.heard_ns + self._limits.wait_ns(now_ns, code)
            wait = Throttled(ts_ns=sent.heard_ns, until_ns=until_ns, banned=False)
            refused = limited(request, code, self._limits.text(code), ts_ns=sent.heard_ns)
            return Outcome([], [used, wait, refused])
        outcome = self._outcome(request, sent)
        return named(Outcome, (outcome.stream, [used, *outcome.answer]))

    def charge(self, now_ns: int, weight: int) -> None:
        """Count a request that is answered elsewhere, with the same address as ours."""
        self._limits.refusal(now_ns, weight=weight, is_order=False)

    def balances(self) -> dict[str, PaperBalance]:
        """Return what is held now, by asset."""
        held = ((asset, self._accounts.balance(CLIENT, asset)) for asset in self._at_start)
        return {asset: PaperBalance(balance.free, balance.locked) for asset, balance in held}

    def balances_at_start(self) -> dict[str, PaperBalance]:
        """Return what was held at the start, by asset."""
        return dict(self._at_start)

    # ---- requests

    def _weight(self, request: Request) -> int:
        caps = self._caps
        match request:
            case Place():
                return caps.weight_place
            case Cancel():
                return caps.weight_cancel
            case Query():
                return caps.weight_query
            case ListOrders():
                return caps.weight_orders
            case ListFills():
                return caps.weight_fills
            case ListBalances():
                return caps.weight_balances
            case _:
                assert_never(request)

    def _outcome(self, request: Request, sent: Sent) -> Outcome:
        heard_ns = sent.heard_ns
        match request:
            case Place():
                return self._place(request, sent)
            case Cancel():
                return self._cancel(request, sent)
            case Query():
                order = self.markets[request.symbol].records.find(request.cid)
                if order is None:
                    return Outcome([], [OrderNotFound(ts_ns=heard_ns, cid=request.cid)])
                return Outcome([], [seen(order, ts_ns=heard_ns)])
            case ListOrders():
                rows = tuple(listed(order) for order in self.markets[request.symbol].open_orders())
                return Outcome(
                    [],
                    [
                        OrdersListed(
                            ts_ns=heard_ns, symbol=request.symbol, asked_ns=sent.asked_ns, orders=rows
                        )
                    ],
                )
            case ListFills():
                return Outcome([], self._fills(request, sent))
            case ListBalances():
                rows_held = tuple(
                    (asset, held.free_atoms, held.locked_atoms) for asset, held in self.balances().items()
                )
                return Outcome(
                    [], [BalancesListed(ts_ns=heard_ns, asked_ns=sent.asked_ns, balances=rows_held)]
                )
            case _:
                assert_never(request)

    def _place(self, place: Place, sent: Sent) -> Outcome:
        new = NewOrder(
            owner=CLIENT,
            side=place.side,
            order_type=_LIMIT_MAKER if place.post_only else _LIMIT,
            size_lots=place.size_lots,
            price_ticks=place.price_ticks,
            time_in_force=_TIMES[place.time_in_force],
            stp_mode=self._stp,
            client_id=place.cid,
        )
        told = self.markets[place.symbol].place(new, sent.effect_ns, heard_ns=sent.heard_ns)
        if isinstance(told, Refusal):
            return Outcome([], [rejected(place.cid, told, ts_ns=sent.heard_ns)])
        answer = placed(place.symbol, told.reports, ts_ns=sent.heard_ns)
        return named(Outcome, (told.stream, answer))

    def _cancel(self, cancel: Cancel, sent: Sent) -> Outcome:
        told = self.markets[cancel.symbol].cancel(cancel.cid, sent.effect_ns, heard_ns=sent.heard_ns)
        if told is None:
            answer = CancelRejected(ts_ns=sent.heard_ns, cid=cancel.cid, code=CANCEL_REFUSED)
            return Outcome([], [answer])
        cum_lots = told.reports[-1].order.filled_lots
        confirmed = OrderCanceled(ts_ns=sent.heard_ns, cid=cancel.cid, cum_lots=cum_lots, source=_ANSWER)
        return named(Outcome, (told.stream, [confirmed]))

    def _fills(self, asked: ListFills, sent: Sent) -> list[AnyEvent]:
        rows = self._page(asked)
        next_trade_id = max(0, asked.from_trade_id)
        if rows:
            next_trade_id = _trade_id(rows[-1]) + 1
        fills: list[AnyEvent] = [listed_fill(asked.symbol, row, ts_ns=sent.heard_ns) for row in rows]
        end = FillsListed(
            ts_ns=sent.heard_ns,
            symbol=asked.symbol,
            asked_ns=sent.asked_ns,
            next_trade_id=next_trade_id,
            complete=len(rows) < PAGE_MAX,
        )
        return [*fills, end]

    def _page(self, asked: ListFills) -> list[OrderReport]:
        newest_first = reversed(self.markets[asked.symbol].records.fills)
        if asked.from_trade_id < 0:
            return list(islice(newest_first, PAGE_MAX))[::-1]
        rows = takewhile(lambda row: _trade_id(row) >= asked.from_trade_id, newest_first)
        return list(rows)[::-1][:PAGE_MAX]


_LIMIT: Final = OrderType.LIMIT
_LIMIT_MAKER: Final = OrderType.LIMIT_MAKER
_ANSWER: Final = Source.ANSWER
# As constants for the reason given in `sides.py`.

_TIMES: Final = {TimeInForce.GTC: SimTimeInForce.GTC, TimeInForce.IOC: SimTimeInForce.IOC}


def _trade_id(report: OrderReport) -> int:
    assert report.match is not None
    return report.match.trade_id
