"""Takes what is ours off an account from the command line, when neither daemon nor watchdog does it.

It lists and cancels with the config's key until the venue shows nothing of ours twice in a row. It can place
nothing and needs no lock: to cancel beside somebody who cancels too harms nobody.
"""

import asyncio

from mm.bootstrap.clearing import cleared
from mm.bootstrap.run_config import cancel_access, live_venue_settings, only_venue
from mm.domain.ids import EPOCH_BITS, OrderIds
from mm.errors import ConfigError, OrdersMayRemain
from mm.runtime.clock import AnchoredClock
from mm.settings.models import Settings
from mm.store.runstate import RunState
from mm.venues.binance.cancel_only import CancelOnly
from mm.venues.edge.sweep import Sweep


def cancel_pass(settings: Settings, *, patience_s: float) -> int:
    """Cancel every order that bears the mark of the config's data directory; return how many cancels left.

    Raises: ConfigError if the mode has no account that outlives its process, or a key cannot be read;
    OrdersMayRemain if the venue did not show in time that nothing is left.
    """
    if settings.mode != "live":
        raise ConfigError(
            f"mode {settings.mode} has no account that outlives its process: there is nothing to cancel"
        )
    venue = only_venue(settings)
    client = CancelOnly(cancel_access(live_venue_settings(settings, venue, AnchoredClock())))
    kept = RunState.open(settings.data_dir)
    # How Binance names a spot pair; a config knows no instruments.
    symbols = tuple(dict.fromkeys(pair.symbol.replace("/", "") for pair in settings.pair.values()))
    ids = OrderIds(tag=kept.tag, key=kept.id_key)
    sweep = Sweep(client, ids, symbols=symbols, epoch=(1 << EPOCH_BITS) - 1)
    try:
        why = asyncio.run(cleared(client, sweep, waits_s=0, patience_s=patience_s))
    finally:
        sweep.close()
        client.close()
    if why:
        raise OrdersMayRemain(
            f"the venue did not show that nothing of ours is left: {why}", hint="look at the venue"
        )
    return client.cancels
