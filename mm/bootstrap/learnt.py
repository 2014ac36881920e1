"""What signals knew before a start: from the record of the last run, and from files made of past data.

Of the last run only if it was on the same venue; a demo's market begins anew with each run. Whatever cannot
be read costs that past and nothing else: it is logged, and the signals learn anew. Changes nothing.
"""

import structlog

from mm.bootstrap.recipe import read_recipe, settings_from
from mm.domain.estate import Estate, SignalEstate
from mm.engine.learnt import newest
from mm.errors import ConfigError, StateCorrupt
from mm.settings.models import Settings
from mm.store.journal.latest import latest
from mm.store.journal.layout import runs
from mm.store.signal_state import read_signal_state, signal_files

log = structlog.get_logger("mm")


def signals_before(settings: Settings) -> tuple[SignalEstate, ...]:
    """Return what is known of signals, each as it was last."""
    if settings.mode == "demo" or not settings.signals.max_age_s:
        return ()
    return newest((*_of_last_run(settings), *_of_files(settings)))


def _of_last_run(settings: Settings) -> tuple[SignalEstate, ...]:
    try:
        newest_run = next(iter(runs(settings.data_dir)), None)
        if newest_run is None:
            return ()
        found = latest(newest_run.journal)
        if found.checkpoint is None or found.run is None:
            return ()
        before = settings_from(read_recipe(found.run.config_text))
    except (StateCorrupt, ConfigError) as error:
        log.warning("signals.not_read", error=str(error))
        return ()
    if _market_of(before) != _market_of(settings):
        return ()
    left = found.checkpoint.entry
    assert isinstance(left, Estate)  # the codec has one type for the kind
    return left.signals


def _of_files(settings: Settings) -> tuple[SignalEstate, ...]:
    left: list[SignalEstate] = []
    try:
        paths = signal_files(settings.data_dir)
    except StateCorrupt as error:
        log.warning("signals.not_read", error=str(error))
        return ()
    for path in paths:
        try:
            left.extend(read_signal_state(path).signals)
        except StateCorrupt as error:
            log.warning("signals.not_read", error=str(error), hint=error.hint)
    return tuple(left)


def _market_of(settings: Settings) -> list[tuple[str, str, str, str | None]]:
    # Prices of a test venue say nothing of those of the real one. A demo's exchange is none of both.
    is_demo = "demo" if settings.mode == "demo" else ""
    return [(is_demo, one.id, one.market, one.url) for one in settings.venue.values()]
