"""What the key that we use may do, and how much of the account's limits is used. Read only.

Reads for a check of fitness, not for trading: nothing of it goes to the core. Must never change anything at
the venue, and never take silence for a permission: a right that the venue does not name counts as given where
it is dangerous, and as missing where it is needed.
"""

from typing import Any, Final, NamedTuple

from mm.venues.binance.answers import Garbled
from mm.venues.edge.errors import RequestFailure
from mm.venues.edge.rest import Rest

_NOT_SERVED: Final = 404

_NEEDLESS: Final = {
    "enableInternalTransfer": "internal transfer",
    "permitsUniversalTransfer": "universal transfer",
    "enableMargin": "margin",
    "enableFutures": "futures",
    "enableVanillaOptions": "options",
}
"""Rights that a market maker on spot does not use, by the venue's names."""


class Rights(NamedTuple):
    """What a key may do.

    Fields: reads, trades, withdraws; bound: it works from listed addresses alone; needless: names of rights
    that mm has no use for.
    """

    reads: bool
    trades: bool
    withdraws: bool
    bound: bool
    needless: tuple[str, ...]


class Standing(NamedTuple):
    """What the account itself may do. Fields: trades: it may trade; kind: as the venue calls it."""

    trades: bool
    kind: str


class Usage(NamedTuple):
    """A limit of new orders. Fields: window: as "10 SECOND"; used, limit: orders."""

    window: str
    used: int
    limit: int


class AccountFacts:
    """Signed reads of one account."""

    def __init__(self, rest: Rest, exchange: Any, *, address: str) -> None:
        """Ask through `rest`. Args: address: of the part of the API that knows about keys."""
        self._rest = rest
        exchange.urls["api"]["sapi"] = address

    async def system_status(self) -> str:
        """Return what the venue says of itself, "" where it does not tell; raises RequestFailure."""
        try:
            told = await self._rest.ask_object("sapiGetSystemStatus", {})
        except RequestFailure as failure:
            if failure.status == _NOT_SERVED:
                return ""
            raise
        return str(told.get("msg") or told.get("status") or "")

    async def rights(self) -> Rights:
        """Return what the key may do; raises RequestFailure."""
        told = await self._rest.ask_object("sapiGetAccountApiRestrictions", {})
        return Rights(
            reads=told.get("enableReading") is True,
            trades=told.get("enableSpotAndMarginTrading") is True,
            withdraws=told.get("enableWithdrawals") is not False,
            bound=told.get("ipRestrict") is True,
            needless=tuple(name for key, name in _NEEDLESS.items() if told.get(key) is True),
        )

    async def standing(self) -> Standing:
        """Return what the account may do; raises RequestFailure."""
        told = await self._rest.ask_object("privateGetAccount", {"omitZeroBalances": "true"})
        return Standing(trades=told.get("canTrade") is True, kind=str(told.get("accountType", "")))

    async def order_usage(self) -> tuple[Usage, ...]:
        """Return the limits of new orders with what is used of them; raises RequestFailure, Garbled."""
        rows = await self._rest.ask_list("privateGetRateLimitOrder", {})
        return tuple(_usage(row) for row in rows)


def _usage(row: Any) -> Usage:
    try:
        window = f"{int(row['intervalNum'])} {row['interval']}"
        return Usage(window=window, used=int(row["count"]), limit=int(row["limit"]))
    except (KeyError, TypeError, ValueError):
        raise Garbled("a row of the limits cannot be read") from None
