"""Two runs beside each other: what both decided, were filled with and earned, read from what they left.

What a run did is in its journal; what it earned is measured again, by repeating a run from its journal, and
a backtest by its job where pictures are wanted (its figures it left itself). Nothing is written. Invariant:
decisions and fills are compared as they were recorded, never as a repetition would have them.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Final

from mm.bootstrap.backtest.engine import head_of
from mm.bootstrap.backtest.runs import read_result
from mm.bootstrap.recipe import Recipe
from mm.bootstrap.records.report import journal_bytes, story_of
from mm.bootstrap.records.report_backtest import Repetition, is_backtest
from mm.domain.commands import Cancel, Place
from mm.domain.events import OrderFilled
from mm.domain.ids import OrderIds
from mm.domain.instrument import Instrument
from mm.domain.sides import Side
from mm.errors import JournalForeign, NotRunning
from mm.observe.compare_acts import CANCEL, FILL, PLACE, Act, pairings, renamed, shift_of
from mm.observe.compare_figures import figure_rows
from mm.observe.compare_page import Drawable
from mm.observe.compare_words import Comparison, RunNamed, SessionPair
from mm.observe.fill_causes import cause_words
from mm.observe.report_figures import Figures
from mm.observe.report_story import SessionStory, Story, made_text, warnings, worst_text
from mm.store.journal.entries import RunHeader
from mm.store.journal.layout import JOURNAL_NAME
from mm.store.journal.reader import read

WITHIN_NS: Final = 1_000_000_000
"""The same act this much earlier or later is still the same one, moved in time."""

Progress = Callable[[int, int], object]
"""Takes how much of how much is done of what is read now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareOptions:
    """How two runs are compared. Fields: within_ns: so far an act may have moved; with_pictures: also over
    time, for which backtests are run again.
    """

    within_ns: int = WITHIN_NS
    with_pictures: bool = False


@dataclass(slots=True, kw_only=True)
class _Side:
    # One of both runs as far as it was read. Fields: symbols: by session, in order.
    named: RunNamed
    acts: list[Act]
    symbols: dict[str, str]
    figures: dict[str, Figures] = field(default_factory=dict)
    stories: dict[str, SessionStory] = field(default_factory=dict)
    worst: dict[str, tuple[str, ...]] = field(default_factory=dict)


def compared(
    first: Path, second: Path, options: CompareOptions, progress: Progress
) -> tuple[Comparison, tuple[Drawable, ...]]:
    """Return how the runs in two directories compare, and what can be drawn of them.

    Where a run's market data are gone its decisions and fills are compared all the same, its figures not.
    Raises: StateCorrupt, JournalCorrupt, JournalForeign if a journal cannot be read; ConfigError if a config
    is none for this version of mm; for a backtest what its job raises.
    """
    left, right = _read(first, options, progress), _read(second, options, progress)
    pairs, alone = _paired(left.symbols, right.symbols)
    acts = renamed(right.acts, {other: name for name, other in pairs.items()})
    shift_ns = shift_of(left.acts, acts)
    sessions = tuple(
        SessionPair(
            name=name,
            other_name=other,
            symbol=left.symbols[name],
            rows=figure_rows(left.figures.get(name), right.figures.get(other)),
        )
        for name, other in pairs.items()
    )
    made = Comparison(
        first=left.named,
        second=right.named,
        shift_ns=shift_ns,
        within_ns=options.within_ns,
        pairings=pairings(left.acts, acts, shift_ns=shift_ns, within_ns=options.within_ns),
        sessions=sessions,
        alone=tuple(alone),
    )
    drawn = (
        Drawable(
            pair=one,
            first=left.stories.get(one.name),
            second=right.stories.get(one.other_name),
            worst=(left.worst.get(one.name, ()), right.worst.get(one.other_name, ())),
        )
        for one in sessions
    )
    return made, tuple(drawn)


def _paired(first: Mapping[str, str], second: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    # By name; what is left over by its symbol, where that is told apart.
    pairs = {name: name for name, symbol in first.items() if second.get(name) == symbol}
    for name, symbol in first.items():
        left = [other for other, traded in second.items() if traded == symbol and other not in pairs.values()]
        if name not in pairs and len(left) == 1:
            pairs[name] = left[0]
    alone = [f"Session {name} is in the first alone." for name in first if name not in pairs]
    alone += [f"Session {name} is in the second alone." for name in second if name not in pairs.values()]
    return {name: pairs[name] for name in first if name in pairs}, alone


# ---- one run


def _read(directory: Path, options: CompareOptions, progress: Progress) -> _Side:
    header, recipe = head_of(directory)
    acts, last_ns = _acts(directory, recipe)
    named = zip(recipe.targets, recipe.instruments, strict=True)
    side = _Side(
        named=_named(directory, header, last_ns),
        acts=acts,
        symbols={name: instrument.symbol for name, instrument in named},
    )
    if is_backtest(directory):
        _measure_backtest(side, directory, options, progress)
    else:
        _measure_run(side, directory, progress)
    return side


def _named(directory: Path, header: RunHeader, last_ns: int) -> RunNamed:
    return RunNamed(
        run_id=header.run_id,
        mode="",
        directory=str(directory),
        began_ns=header.began_ns,
        ended_ns=max(last_ns, header.began_ns),
        made="",
    )


def _measure_run(side: _Side, directory: Path, progress: Progress) -> None:
    total = journal_bytes(directory)
    try:
        story = asyncio.run(story_of(directory, lambda done: progress(done, total)))
    except (NotRunning, JournalForeign) as error:
        # What it did is there, and can be compared; what it earned cannot be measured any more.
        side.named = replace(side.named, mode="run", notes=(f"nothing was measured: {error}",))
        return
    _take(side, story)


def _measure_backtest(side: _Side, directory: Path, options: CompareOptions, progress: Progress) -> None:
    if options.with_pictures:
        again = Repetition(directory)
        begins_ns, span_ns = again.ready.begins_ns, again.span_s * 1_000_000_000
        _take(side, again.story(lambda ts_ns, _, __: progress(ts_ns - begins_ns, span_ns)))
        return
    _, result = read_result(directory)
    side.figures = {str(figures["session"]): dict(figures) for figures in result.sessions}
    partial = (f"broken off: {result.partial}",) if result.partial else ()
    side.named = replace(
        side.named,
        mode="backtest",
        began_ns=result.began_ns,
        ended_ns=result.ended_ns,
        made="; ".join(
            (
                f"fills by {result.fill_model}, {result.calibration}",
                *cause_words(result.fills_by_cause),
            )
        ),
        notes=(*partial, *result.notes),
    )


def _take(side: _Side, story: Story) -> None:
    side.stories = {session.name: session for session in story.sessions}
    side.figures = {name: session.figures for name, session in side.stories.items()}
    side.worst = {name: tuple(worst_text(story, figures)) for name, figures in side.figures.items()}
    side.named = replace(
        side.named,
        mode=story.mode,
        began_ns=story.began_ns,
        ended_ns=story.ended_ns,
        made=made_text(story.made),
        notes=(*warnings(story), *story.notes),
    )


# ---- what it did


def _acts(directory: Path, recipe: Recipe) -> tuple[list[Act], int]:
    reader = _Acts(recipe)
    reading = read(directory / JOURNAL_NAME, types=(Place, Cancel, OrderFilled), own_only=True)
    acts = [act for record in reading for act in reader.of(record.entry, record.ts_ns)]
    # A fill that was listed late bears its time of hearing: the order is that of the record.
    return sorted(acts, key=lambda act: act.ts_ns), reading.last_ts_ns


class _Acts:
    # Makes acts of a journal's entries. What it does not know the session of is of an earlier life.

    def __init__(self, recipe: Recipe) -> None:
        self._epoch = recipe.epoch
        self._ids = OrderIds(tag=recipe.tag, key=bytes.fromhex(recipe.key))
        self._sessions: Sequence[str] = tuple(recipe.targets)
        self._instruments: Mapping[str, Instrument] = {one.symbol: one for one in recipe.instruments}
        self._placed: dict[str, Act] = {}
        self._trades: set[tuple[str, int]] = set()

    def of(self, entry: object, ts_ns: int) -> Iterator[Act]:
        match entry:
            case Place():
                act = self._act(entry, ts_ns, PLACE)
                self._placed[entry.cid] = act
                yield act
            case Cancel():
                placed = self._placed.get(entry.cid)
                if placed is not None:
                    yield placed._replace(kind=CANCEL, ts_ns=ts_ns)
            case OrderFilled():
                known = (entry.symbol, entry.trade_id)
                if known not in self._trades and entry.symbol in self._instruments:
                    self._trades.add(known)
                    yield self._act(entry, ts_ns, FILL)
            case _:
                return

    def _act(self, entry: Place | OrderFilled, ts_ns: int, kind: str) -> Act:
        instrument = self._instruments[entry.symbol]
        return Act(
            ts_ns=ts_ns,
            kind=kind,
            session=self._session(entry.cid),
            symbol=entry.symbol,
            side="buy" if entry.side is Side.BUY else "sell",
            price=Decimal(instrument.price_text(entry.price_ticks)),
            size=Decimal(instrument.size_text(entry.size_lots)),
            maker=entry.maker if isinstance(entry, OrderFilled) else True,
            cid=entry.cid,
        )

    def _session(self, cid: str) -> str:
        owner = self._ids.decode(cid)
        if owner is None or owner.epoch != self._epoch or owner.session >= len(self._sessions):
            return ""
        return self._sessions[owner.session]
