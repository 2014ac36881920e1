"""What a recorded run earned and why: the run is computed again and measured on the way, as it was live.

Nothing is written here and nothing of the journal is changed. Invariant: the same record gives the same
figures as the run itself showed, because the same code measures the same steps.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import join
from time import monotonic
from typing import Final

from mm.analytics.horizons import Fill
from mm.analytics.session import AVERSION, Analytics
from mm.bootstrap.recipe import read_recipe, settings_from
from mm.bootstrap.records.replay_run import repetition
from mm.bootstrap.records.run_facts import family_bytes
from mm.domain.commands import AnyCommand
from mm.domain.commands import Report as Said
from mm.domain.events import AnyEvent
from mm.errors import JournalCorrupt, JournalForeign, NotRunning
from mm.observe.analyst import Analyst
from mm.observe.fill_causes import cause_words, fills_by_cause
from mm.observe.report_story import FILLS_MAX, Made, SessionStory, Story
from mm.runtime.rerun import RerunResult
from mm.settings.models import Settings
from mm.settings.values import host_is_loopback
from mm.store.fill_model import fill_model_words, said_of
from mm.store.journal.entries import Cause, Family, Record, RunHeader
from mm.store.journal.layout import JOURNAL_NAME, no_run
from mm.store.journal.reader import Reading, read
from mm.store.journal.verify import Report, verify
from mm.venues.paper import PaperVenue

PROGRESS_S: Final = 0.2
LOOK_EVERY: Final = 500
"""Records between two looks at the clock, and how often it is told how far it is."""

Progress = Callable[[int], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOptions:
    """How a report is made. Fields: aversion: of the certainty equivalent, per unit of the quote asset, >
    0.
    """

    aversion: float = AVERSION


def journal_bytes(directory: Path) -> int:
    """Return how many bytes of the run in a directory are read for a report: all, checked, then repeated."""
    return 2 * _bytes(directory / JOURNAL_NAME)


def _bytes(journal: Path) -> int:
    return sum(family_bytes(journal, family) for family in Family)


async def story_of(directory: Path, progress: Progress, options: ReportOptions | None = None) -> Story:
    """Return what there is to tell of the run in a directory; it takes as long as repeating it.

    Args: progress: is told how many bytes were read. Raises: JournalCorrupt, JournalForeign if its journal
    is damaged or its market data are gone; StateCorrupt if there is none; NotRunning if nothing happened;
    ConfigError if its config is none for this version of mm.
    """
    options = options or ReportOptions()
    checked = _checked(directory, progress)
    header = checked.run
    assert header is not None  # a journal without a header is refused above
    engine, rerun = await repetition(header)
    analyst = Analyst(engine.state, aversion=options.aversion)
    fills = FillsHeard(analyst)
    rerun.heard = fills.hear
    reading = read(directory / JOURNAL_NAME)
    before = _bytes(directory / JOURNAL_NAME)
    result = rerun.run(_told(reading, lambda done: progress(before + done)), closed=checked.closed)
    if not analyst.sessions:
        raise NotRunning(
            f"{header.run_id}: it ended before anything happened: there is nothing to report",
            hint="another run: mm report DATA_DIR/runs/RUN_ID",
        )
    settings = settings_from(read_recipe(header.config_text))
    again = join(("mm", "backtest", str(settings.path), "--data", str(directory)))
    told = _story(settings, (header, again), (checked, result), (analyst, fills))
    why = join(("mm", "why", str(directory)))
    story = replace(told, why=why, notes=edited_notes(settings))
    if not isinstance(rerun.venue, PaperVenue):
        return story
    causes = cause_words(fills_by_cause(rerun.venue.fills_by_cause()))
    return replace(story, made=replace(story.made, causes=causes))


def _checked(directory: Path, progress: Progress) -> Report:
    # As before a repetition: damage is told with its place, not met half way.
    journal = directory / JOURNAL_NAME
    checked = verify(journal, progress=progress)
    if checked.path:
        raise JournalCorrupt(checked.problem, path=checked.path, offset=checked.offset, hint=checked.hint)
    if not checked.is_sound and journal.is_dir():
        raise JournalCorrupt(checked.problem, hint=checked.hint)
    if checked.run is None:
        raise no_run(directory)
    dropped = [missing for missing in checked.missing if missing.cause is Cause.DROPPED]
    if dropped:
        raise JournalForeign(
            f"{directory}: market data from record {dropped[0].first_seq} on are gone: without the mids of"
            " then nothing can be measured",
            hint="own fills are still there: mm export fills; keep more with journal.market_days",
        )
    return checked


def _told(reading: Reading, progress: Progress) -> Iterator[Record]:
    told_s = monotonic()
    for number, record in enumerate(reading):
        if number % LOOK_EVERY == 0 and monotonic() - told_s > PROGRESS_S:
            told_s = monotonic()
            progress(sum(part.bytes for part in reading.tallies))
        yield record


class FillsHeard:
    """Every fill with its markouts, up to a bound, in the order in which they came."""

    def __init__(self, analyst: Analyst) -> None:
        """Hear nothing yet."""
        self._analyst = analyst
        self._by: dict[str, list[Fill]] = {}
        self._left_out: dict[str, int] = {}

    def hear(self, event: AnyEvent, commands: Sequence[AnyCommand]) -> Sequence[Said]:
        """Let the analyst take a step in, and hear of what settles from then on."""
        told = self._analyst.on_step(event, commands)
        if not self._by:
            # Sessions are there from the first step on.
            for name, watched in self._analyst.sessions.items():
                self._by[name] = []
                watched.analytics.on_settled = self._keeper(name)
        return told

    def _keeper(self, name: str) -> Callable[[Fill], None]:
        kept = self._by[name]

        def keep(fill: Fill) -> None:
            if len(kept) < FILLS_MAX:
                kept.append(fill)
            else:
                self._left_out[name] = self._left_out.get(name, 0) + 1

        return keep

    def of(self, name: str, analytics: Analytics) -> tuple[tuple[Fill, ...], int]:
        """Return the fills of a session, and how many are beyond the bound."""
        kept = [*self._by[name], *analytics.waiting.left()]
        return tuple(kept[:FILLS_MAX]), self._left_out.get(name, 0) + max(0, len(kept) - FILLS_MAX)


def edited_notes(settings: Settings) -> tuple[str, ...]:
    """Return a note if the file of a run's config is not what it was: the command that plays its market again
    plays the file. Args: settings: of then.
    """
    try:
        is_same = settings.path.read_text(encoding="utf-8") == settings.text
    except (OSError, UnicodeDecodeError):
        is_same = False
    if is_same:
        return ()
    return (f"{settings.path} is not what it was then: `mm backtest` plays the file as it is now",)


def session_stories(settings: Settings, analyst: Analyst, fills: FillsHeard) -> tuple[SessionStory, ...]:
    """Return what there is to tell of each session that an analyst has watched."""
    sessions = []
    for name, watched in analyst.sessions.items():
        analytics = analyst.analytics(name)
        assert analytics is not None  # every session there is was measured
        listed, left_out = fills.of(name, analytics)
        sessions.append(
            SessionStory(
                name=name,
                strategy=settings.pair[name].strategy,
                analytics=analytics,
                residues=watched.residues(),
                fills=listed,
                fills_left_out=left_out,
            )
        )
    return tuple(sessions)


def _story(
    settings: Settings,
    run: tuple[RunHeader, str],
    went: tuple[Report, RerunResult],
    measured: tuple[Analyst, FillsHeard],
) -> Story:
    (header, again), (checked, result), (analyst, fills) = run, went, measured
    difference = result.difference
    return Story(
        run_id=header.run_id,
        mode=settings.mode,
        made=_made(settings),
        code_version=header.code_version,
        config_digest=header.config_digest,
        began_ns=header.began_ns,
        ended_ns=result.last_ts_ns,
        closed=checked.closed,
        broke=result.broke or analyst.failure,
        difference="" if difference is None else f"record {difference.seq}: {difference.recorded}",
        sessions=session_stories(settings, analyst, fills),
        account=analyst.flows,
        account_residue=analyst.residue_atoms(),
        again=again,
    )


def _made(settings: Settings) -> Made:
    # How fills came about, as far as the config says it.
    if settings.mode == "demo":
        return Made(kind="demo", detail=f"preset {settings.demo.preset}, seed {settings.demo.seed}")
    local = all(venue.url is not None and host_is_loopback(venue.url) for venue in settings.venue.values())
    if settings.mode == "paper":
        paper = settings.paper
        detail = f"queue model {paper.queue}, latency {paper.latency_mean_ms} ms on average"
        symbols = [pair.symbol for pair in settings.pair.values()]
        known = said_of(fill_model_words(settings.data_dir), paper.queue, None, symbols)
        return Made(kind="paper", detail=detail, local=local, calibration=known)
    return Made(kind="live", detail=", ".join(venue.id for venue in settings.venue.values()), local=local)
