"""Orders of ours on symbols that the config no longer names: taken off before anything is traded.

The engine lists, cancels and counts on the symbols that it trades. What a life left on another one would rest
there, be in no limit, and its fills would never be fetched. Must never place anything, or go on without the
venue's word that nothing of ours is left there.
"""

import time
from typing import Final

import structlog
from msgspec import structs

from mm.bootstrap.clearing import cleared
from mm.bootstrap.recovery import Start
from mm.domain.estate import Estate
from mm.domain.ids import EPOCH_BITS, OrderIds
from mm.domain.units import NS_PER_S
from mm.errors import OrdersMayRemain
from mm.settings.models import Settings
from mm.venues.binance.cancel_only import CancelOnly, CancelSettings
from mm.venues.edge.sweep import Sweep

log = structlog.get_logger("mm")

PATIENCE_S: Final = 30.0
"""How long the venue may take to show that nothing is left, once no request of the old life can be alive."""


async def take_off_elsewhere(
    start: Start, settings: Settings, access: CancelSettings | None, *, proof_ns: int
) -> None:
    """Take off what the life before left on symbols that no pair names; it is not taken over then.

    Args: access: of the account, None where there is none to be had; proof_ns: for how long after it was sent
    a request may still arrive. Raises: OrdersMayRemain if the venue did not show that nothing is left: then
    nothing was started.
    """
    estate = start.heritage.estate
    named = {pair.symbol for pair in settings.pair.values()}
    left = [order for order in estate.orders if order.symbol not in named] if estate is not None else []
    if estate is None or not left:
        return
    symbols = tuple(sorted({order.symbol for order in left}))
    where = ", ".join(symbols)
    log.warning("orders.elsewhere", symbols=where, orders=len(left), hint="no pair of the config names them")
    if access is None:
        raise _may_remain(where, "there is no access to the account")
    ids = OrderIds(tag=start.kept.tag, key=start.kept.id_key)
    waits_s = max(0, min(proof_ns, estate.ts_ns + proof_ns - time.time_ns())) / NS_PER_S
    client = CancelOnly(access)
    # How Binance names a spot pair; nobody asks it about symbols that are not traded.
    names = tuple(symbol.replace("/", "") for symbol in symbols)
    sweep = Sweep(client, ids, symbols=names, epoch=(1 << EPOCH_BITS) - 1)
    try:
        why = await cleared(client, sweep, waits_s=waits_s, patience_s=PATIENCE_S)
    finally:
        sweep.close()
        client.close()
    if why:
        raise _may_remain(where, why)
    told = f"{len(left)} orders of life {estate.epoch} on {where}: none is listed, {client.cancels} cancelled"
    log.warning("orders.elsewhere_gone", symbols=where, cancels=client.cancels)
    start.settle(_without(estate, symbols), told)


def _without(estate: Estate, symbols: tuple[str, ...]) -> Estate:
    return structs.replace(
        estate, orders=tuple(order for order in estate.orders if order.symbol not in symbols)
    )


def _may_remain(where: str, why: str) -> OrdersMayRemain:
    return OrdersMayRemain(
        f"the life before left orders on {where}, which no pair of the config names, and the venue did not"
        f" show that they are gone: {why}; nothing was started",
        hint="name the symbol again for one start, or cancel them at the venue and start again",
    )
