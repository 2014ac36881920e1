"""Repeats a recorded run from its journal and says whether every command came out the same."""

from collections.abc import Callable
from pathlib import Path

from mm.bootstrap.backtest.engine import is_of_backtest
from mm.bootstrap.recipe import Recipe, engine_from, read_recipe, settings_from
from mm.bootstrap.reconfigure import preparation
from mm.bootstrap.run_paper import paper_settings
from mm.domain.capabilities import Capabilities
from mm.domain.commands import VenueCommand
from mm.domain.events import AnyEvent, ConfigApplied
from mm.domain.instrument import Instrument
from mm.engine.engine import Engine
from mm.errors import JournalCorrupt, JournalForeign, RecordingUnusable
from mm.ports import Venue
from mm.runtime.rerun import Rerun, RerunResult
from mm.settings.change import changes, in_force
from mm.settings.models import Settings
from mm.store.journal.entries import Cause, ConfigVersion, RunHeader
from mm.store.journal.layout import JOURNAL_NAME, no_run
from mm.store.journal.reader import read
from mm.store.journal.verify import Report, verify
from mm.venues.paper import PaperVenue


async def repeat(directory: Path) -> tuple[Report, RerunResult]:
    """Repeat the run whose directory is given; return what its journal holds and how the repetition went.

    A run that was killed, or whose disk took nothing more, is repeated as far as its record goes.
    Raises: JournalCorrupt, JournalForeign if its journal cannot be read; StateCorrupt if there is none;
    ConfigError if its config is none for this version of mm; RecordingUnusable if it is a backtest's.
    """
    refuse_without_market(directory)
    journal = directory / JOURNAL_NAME
    report = verify(journal)
    if report.path:
        raise JournalCorrupt(report.problem, path=report.path, offset=report.offset, hint=report.hint)
    if not report.is_sound and journal.is_dir():
        raise JournalCorrupt(report.problem, hint=report.hint)
    if report.run is None:
        raise no_run(directory)
    dropped = [missing for missing in report.missing if missing.cause is Cause.DROPPED]
    if dropped:
        raise JournalForeign(
            f"{directory}: records from {dropped[0].first_seq} on are not all there",
            hint="a run can be repeated while its market data are kept: journal.market_days",
        )
    _, rerun = await repetition(report.run)
    return report, rerun.run(read(journal), closed=report.closed)


def refuse_without_market(directory: Path) -> None:
    """Raise RecordingUnusable if a directory is a backtest's: its journal cannot be computed again alone."""
    if is_of_backtest(directory):
        raise RecordingUnusable(
            f"{directory}: a backtest keeps no market data: its journal alone cannot be computed again",
            hint=f"mm report {directory} runs it again on its data and compares;"
            f" mm why {directory} --order CID tells what became of an order",
        )


async def repetition(run: RunHeader) -> tuple[Engine, Rerun]:
    """Return what repeats a run, and its engine, which has not begun. Raises: JournalForeign; ConfigError."""
    recipe = read_recipe(run.config_text)
    settings = settings_from(recipe)
    venue = _venue(recipe, settings)
    await venue.instruments(tuple(pair.symbol for pair in settings.pair.values()))
    await venue.start(_nothing_comes)
    engine = engine_from(recipe, settings)
    return engine, Rerun(engine, venue, _preparing(engine, recipe, settings))


def _venue(recipe: Recipe, settings: Settings) -> Venue:
    silent = _Silent(recipe)
    return PaperVenue(silent, paper_settings(settings)) if settings.mode == "paper" else silent


def _nothing_comes(event: AnyEvent) -> None:
    raise AssertionError(f"a silent venue told {event!r}")


def _preparing(
    engine: Engine, recipe: Recipe, settings: Settings
) -> Callable[[ConfigApplied, ConfigVersion], None]:
    # As when it ran: what waits for a restart is left as it was.
    running = [settings]
    prepare = preparation(engine)

    def ready(event: ConfigApplied, version: ConfigVersion) -> None:
        new = settings_from(recipe, version.text)
        running[0] = in_force(running[0], new, changes(running[0], new))
        engine.prepare(event.revision, prepare(running[0]))

    return ready


class _Silent:
    # Stands where the outside was: whatever it told is in the record.

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe

    @property
    def caps(self) -> Capabilities:
        return self._recipe.caps

    async def instruments(self, symbols: tuple[str, ...]) -> tuple[Instrument, ...]:
        known = {instrument.symbol: instrument for instrument in self._recipe.instruments}
        return tuple(known[symbol] for symbol in symbols)

    async def start(self, sink: Callable[[AnyEvent], None]) -> None:
        assert sink is not None

    def submit(self, command: VenueCommand) -> None:
        assert command is not None

    async def close(self) -> None:
        return
