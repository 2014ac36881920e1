"""The journal of a run: begun when the engine is there, before anything is sent; old market data dropped."""

import os
import time
from collections.abc import Collection
from typing import Final

import structlog

import mm
from mm.bootstrap.recipe import recipe_of, recipe_text
from mm.bootstrap.recovery import Start
from mm.engine.engine import Engine
from mm.engine.estate import estate_of
from mm.errors import JournalFailed, StateCorrupt
from mm.runtime.recorder import JournalRecorder
from mm.settings.models import Settings
from mm.store.config_history import text_digest
from mm.store.journal.entries import NOTE, OperatorNote, RunHeader
from mm.store.journal.journal import Journal
from mm.store.journal.layout import journal_directory, run_id, runs
from mm.store.journal.retention import drop_market
from mm.store.journal.syncing import JournalSettings, SyncPolicy

log = structlog.get_logger("mm")

LIFE_BEGINS: Final = "life begins"
"""The note at the head of a journal that says who started the run."""

DAY_NS: Final = 86_400 * 1_000_000_000


def begin_recording(settings: Settings, engine: Engine, start: Start, began_ns: int) -> JournalRecorder:
    """Return what takes this run down, in a directory of its own; market data that are too old are dropped.

    From here on this journal, not the last one, holds what a later life takes over.
    Args: began_ns: the core's time. Raises: StateCorrupt, JournalFailed if it cannot be written.
    """
    now_ns = time.time_ns()
    market_ns = settings.journal.market_days * DAY_NS
    setup = engine.state.setup
    name = run_id(now_ns, setup.epoch)
    header = RunHeader(
        run_id=name,
        epoch=setup.epoch,
        code_version=mm.__version__,
        began_ns=began_ns,
        config_digest=text_digest(settings.text),
        config_text=recipe_text(recipe_of(settings, setup, id_key=start.kept.id_key)),
    )
    policy = JournalSettings(policy=SyncPolicy(settings.journal.sync))
    journal = Journal.open(journal_directory(settings.data_dir, name), header, settings=policy)
    recorder = JournalRecorder(journal, market_ns=market_ns, estate=lambda: estate_of(engine.state))
    # From its first record on, a journal says all that a later life has to know.
    recorder.checkpoint(began_ns)
    who = f"uid {os.getuid()} pid {os.getpid()} (start)"
    journal.append(NOTE, began_ns, OperatorNote(who=who, text=LIFE_BEGINS))
    if start.given_up:
        journal.append(NOTE, began_ns, OperatorNote(who="operator", text=start.given_up))
    if start.settled:
        journal.append(NOTE, began_ns, OperatorNote(who="mm", text=start.settled))
    journal.sync()
    start.leave(name)
    log.info("journal.open", run=name)
    # Only now: until this journal holds what a later life takes over, that of the life before is needed.
    _drop_old(settings, (name, start.kept.estate_run), before_ns=now_ns - market_ns)
    return recorder


# Args: kept: runs of which nothing is touched: this one, and one that is quarantined.
def _drop_old(settings: Settings, kept: Collection[str], *, before_ns: int) -> None:
    for place in runs(settings.data_dir):
        if place.run_id in kept:
            continue
        try:
            drop_market(place.journal, before_ns=before_ns)
        except (StateCorrupt, JournalFailed) as error:
            # An old record that is damaged is no reason not to trade; it is left as it is.
            log.warning("journal.old_not_dropped", run=place.run_id, error=str(error))
