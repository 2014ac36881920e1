"""What the account holds: open orders, fills, balances, and what it may do and pays.

Must never report a list that is not whole without saying so. A read that brings no answer is `RequestFailed`.
"""

from collections.abc import Mapping
from typing import Any, Final

from mm.domain.commands import ListFills, ListOrders
from mm.domain.events import BalancesListed, FillsListed, OrdersListed
from mm.domain.instrument import Instrument
from mm.errors import VenueRefused
from mm.venues.binance.answers import Garbled, failed_read, listed, text_of, traded
from mm.venues.binance.link import Link
from mm.venues.edge.errors import NO_SUCH_ORDER, RequestFailure
from mm.venues.edge.rest import Rest

PAGE_MAX: Final = 1_000
"""Fills per page: the venue's most."""

LOOKUPS_MAX: Final = 50
"""Orders looked up per page of fills, to learn whose they are; the rest of the page is asked for again."""


class Listings:
    """Reads of one account."""

    def __init__(self, link: Link, rest: Rest) -> None:
        """Ask through `rest`, report through `link`."""
        self._link = link
        self._rest = rest

    async def orders(self, command: ListOrders) -> None:
        """Hand out all open orders of the account on a symbol."""
        link, asked_ns = self._link, self._link.now_ns()
        instrument = link.instrument(command.symbol)
        try:
            rows = await self._rest.ask_list("privateGetOpenOrders", {"symbol": instrument.venue_symbol})
            orders = tuple(listed(link, instrument, row) for row in rows)
        except (RequestFailure, ValueError) as error:
            link.read_failed("ListOrders", command.symbol, failed_read(error))
            return
        link.emit(OrdersListed(ts_ns=link.now_ns(), symbol=command.symbol, asked_ns=asked_ns, orders=orders))

    async def fills(self, command: ListFills) -> None:
        """Hand out the account's fills from a trade id on, one event each, then how far that went.

        A negative id asks for the newest page. Fills of orders whose client id the venue does not tell any
        more have an empty cid.
        """
        link, asked_ns = self._link, self._link.now_ns()
        instrument = link.instrument(command.symbol)
        asked: dict[str, Any] = {"symbol": instrument.venue_symbol, "limit": PAGE_MAX}
        if command.from_trade_id >= 0:
            asked["fromId"] = command.from_trade_id
        next_trade_id, complete = max(0, command.from_trade_id), True
        try:
            rows = await self._rest.ask_list("privateGetMyTrades", asked)
            rows.sort(key=_trade_id)
            complete = len(rows) < PAGE_MAX
            lookups = 0
            for row in rows:
                venue_order_id = text_of(row, "orderId")
                cid = link.ids.cid(venue_order_id)
                if cid is None:
                    lookups += 1
                    if lookups > LOOKUPS_MAX:
                        complete = False
                        break
                    cid = await self._cid_of(instrument, venue_order_id)
                link.emit(traded(link, instrument, cid, row))
                next_trade_id = _trade_id(row) + 1
        except (RequestFailure, ValueError) as error:
            link.read_failed("ListFills", command.symbol, failed_read(error))
            return
        link.emit(
            FillsListed(
                ts_ns=link.now_ns(),
                symbol=command.symbol,
                asked_ns=asked_ns,
                next_trade_id=next_trade_id,
                complete=complete,
            )
        )

    async def _cid_of(self, instrument: Instrument, venue_order_id: str) -> str:
        # A row of the account's trades names its order by the venue's number alone.
        asked = {"symbol": instrument.venue_symbol, "orderId": venue_order_id}
        try:
            cid = text_of(await self._rest.ask_object("privateGetOrder", asked), "clientOrderId")
        except RequestFailure as failure:
            if failure.code != NO_SUCH_ORDER:
                raise
            cid = ""
        self._link.ids.learn(venue_order_id, cid)
        return cid

    async def balances(self) -> None:
        """Hand out every balance that is not zero, and those of our assets in any case."""
        link, asked_ns = self._link, self._link.now_ns()
        try:
            account = await self._rest.ask_object("privateGetAccount", {})
            rows = account.get("balances")
            if not isinstance(rows, list):
                raise Garbled("the answer holds no balances")
            held = tuple(
                (asset, free, locked)
                for asset, free, locked in (self._balance(row) for row in rows)
                if free or locked or link.matters(asset)
            )
        except (RequestFailure, ValueError) as error:
            link.read_failed("ListBalances", "", failed_read(error))
            return
        link.emit(BalancesListed(ts_ns=link.now_ns(), asked_ns=asked_ns, balances=held))

    def _balance(self, row: Any) -> tuple[str, int, int]:
        asset = text_of(row, "asset")
        free, locked = text_of(row, "free"), text_of(row, "locked")
        return asset, self._link.balance_atoms(asset, free), self._link.balance_atoms(asset, locked)

    async def account(self) -> Mapping[str, Any]:
        """Return the account's own answer; raises VenueRefused if the key may not trade, RequestFailure."""
        account = await self._rest.ask_object("privateGetAccount", {})
        if account.get("canTrade") is False:
            raise VenueRefused("the key may not trade", hint="allow spot trading for this key")
        return account


def _trade_id(row: Any) -> int:
    return int(text_of(row, "id"))
