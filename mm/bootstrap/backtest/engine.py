"""The engine of a backtest: as the config makes it, or the very one of the recorded run that is the data.

No state of a data directory is read or written: a backtest begins without a past. Invariant: the same config
on the same data makes an engine that says the same to the byte, order ids included.
"""

import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Final, TypeVar

from mm.bootstrap.assemble import configured_target, session_setup, started
from mm.bootstrap.backtest.runs import BACKTESTS_NAME, RESULT_NAME
from mm.bootstrap.other_markets import watched_instruments
from mm.bootstrap.recipe import Recipe, read_recipe, settings_from
from mm.bootstrap.reconfigure import preparation
from mm.domain.capabilities import Capabilities
from mm.domain.events import ConfigApplied
from mm.domain.instrument import Instrument
from mm.engine.engine import Engine
from mm.engine.setup import OnExternal, SessionSetup
from mm.errors import ConfigError, JournalForeign, RecordingUnusable
from mm.settings.change import changes, in_force
from mm.settings.models import Settings
from mm.settings.overlay import PREFIX
from mm.settings.strategies import strategy_class
from mm.store.config_history import text_digest
from mm.store.journal.entries import ConfigVersion, Family, Kind, RunHeader
from mm.store.journal.layout import JOURNAL_NAME, no_run, segment_path, segments
from mm.store.journal.reader import read
from mm.store.journal.segment import SegmentReader
from mm.venues.paper import PaperVenue
from mm.venues.recorded import CAPS

TAG: Final = 0xBAC
KEY: Final = b"backtest"
"""What the order ids of backtests are made with; they reach no venue."""

IMMATERIAL: Final = ("data_dir", "log", "journal", "watchdog", "recovery", "venue", "demo")
"""Tables of a config that change nothing of what a paper run decides on the same events."""

T = TypeVar("T")


def at_once(work: Coroutine[object, object, T]) -> T:
    """Return what comes of something that never waits, in whatever loop or thread the caller is."""
    try:
        work.send(None)
    except StopIteration as ended:
        value: T = ended.value
        return value
    raise AssertionError("a recorded venue waits for nothing")


def own_run(path: Path) -> tuple[RunHeader, Recipe] | None:
    """Return what the run in a directory was made of; None if no run lies there.

    Raises: JournalCorrupt, JournalForeign, StateCorrupt if its journal's head cannot be read;
    RecordingUnusable if it is that of a backtest, which holds no market.
    """
    journal = path / JOURNAL_NAME
    if not journal.is_dir():
        return None
    refuse_backtest(path)
    return head_of(path)


def is_of_backtest(path: Path) -> bool:
    """Return whether a directory is that of a backtest, also of one that did not come to its end."""
    # One that was killed left no result.
    is_killed = path.resolve().parent.name == BACKTESTS_NAME and (path / JOURNAL_NAME).is_dir()
    return is_killed or (path / RESULT_NAME).exists()


def refuse_backtest(path: Path) -> None:
    """Raise RecordingUnusable if a directory is that of a backtest: its journal is without the market."""
    if is_of_backtest(path):
        raise RecordingUnusable(
            f"{path}: a backtest's own directory holds no market data",
            hint=f"its {RESULT_NAME} names the data that it was run on",
        )


def head_of(path: Path) -> tuple[RunHeader, Recipe]:
    """Return what the run or backtest in a directory was made of.

    Raises: JournalCorrupt, JournalForeign, StateCorrupt if its journal's head cannot be read, or none is
    there.
    """
    journal = path / JOURNAL_NAME
    numbers = segments(journal, Family.OWN)
    if not numbers:
        raise no_run(path)
    segment = SegmentReader(segment_path(journal, Family.OWN, numbers[0]), Family.OWN, numbers[0])
    try:
        segment.read_header()
        if segment.header is None:
            raise no_run(path)
        header = segment.header.run
    finally:
        segment.close()
    return header, read_recipe(header.config_text)


def repeats(recipe: Recipe, settings: Settings) -> bool:
    """Return whether `settings` are those of a run on paper, so that its decisions can be asked for again."""
    try:
        recorded = settings_from(recipe)
    except ConfigError:
        return False
    if recorded.mode != "paper" or list(recorded.pair) != list(settings.pair):
        return False
    other = [change for change in changes(recorded, settings) if change.key.split(".")[0] not in IMMATERIAL]
    return not other


def fresh_recipe(settings: Settings, venue: PaperVenue) -> Recipe:
    """Return what a life without a past is made of, on a venue whose instruments were not asked for yet.

    Raises: ConfigError with the place in the config if a symbol is not there or parameters do not fit.
    """
    traded = _traded(settings, venue)
    sessions = tuple(_session(settings, name, instrument) for name, instrument in traded.items())
    watched = at_once(watched_instruments(settings, venue, sessions))
    return Recipe(
        path=str(settings.path.absolute()),
        text=settings.text,
        overrides=settings.overrides,
        variables={name: value for name, value in sorted(os.environ.items()) if name.startswith(PREFIX)},
        instruments=tuple(traded.values()),
        caps=venue.caps,
        tag=TAG,
        key=KEY.hex(),
        epoch=1,
        latched="",
        inherits=False,
        revision=0,
        targets={session.name: session.target_lots for session in sessions},
        on_external=OnExternal(settings.account.on_external),
        watched=watched,
    )


def caps_of(recipe: Recipe | None) -> Capabilities:
    """Return what the recorded venue allows: as a run found it, else as usual."""
    return CAPS if recipe is None else recipe.caps


def preparing(engine: Engine, recipe: Recipe, path: Path) -> Callable[[ConfigApplied], None]:
    """Return what makes the engine ready for the changes of the config that the run in `path` took.

    It raises JournalForeign if the run's journal does not have the text.
    """
    running = [settings_from(recipe)]
    prepare = preparation(engine)
    texts: dict[str, str] = {}

    def ready(event: ConfigApplied) -> None:
        if not texts:
            for record in read(path / JOURNAL_NAME, kinds=(Kind.CONFIG,), own_only=True):
                if isinstance(record.entry, ConfigVersion):
                    texts[record.entry.digest] = record.entry.text
        if event.digest not in texts:
            raise JournalForeign(
                f"{path}: the text of config revision {event.revision} is not in its journal"
            )
        new = settings_from(recipe, texts[event.digest])
        running[0] = in_force(running[0], new, changes(running[0], new))
        engine.prepare(event.revision, prepare(running[0]))

    return ready


def config_digest(recipe: Recipe) -> str:
    """Return the digest of a config with all that was laid over it."""
    laid = [*recipe.overrides, *(f"{name}={value}" for name, value in recipe.variables.items())]
    return text_digest("\n".join([recipe.text, *laid]))


def _traded(settings: Settings, venue: PaperVenue) -> dict[str, Instrument]:
    found: dict[str, Instrument] = {}
    for name, pair in settings.pair.items():
        try:
            (found[name],) = at_once(venue.instruments((pair.symbol,)))
        except ConfigError as error:
            place = settings.sources.get(f"pair.{name}.symbol", "")
            raise ConfigError(f"{place}: pair.{name}.symbol: {error}", hint=error.hint) from None
    return found


def _session(settings: Settings, name: str, instrument: Instrument) -> SessionSetup:
    found = strategy_class(settings.pair[name].strategy, settings.path.parent)
    strategy = started(settings, name, instrument, found)
    target_lots = configured_target(settings, name, instrument)
    return session_setup(settings, name, instrument, strategy, target_lots=target_lots)
