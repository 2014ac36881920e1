"""Two loops over one tape, and what they left: for whoever shows that they are the same.

A run is the real engine over the paper venue with the analyst, by the plain loop or by a kernel. It keeps the
state of the engine after each step in which something was decided or heard from the venue.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mm.bootstrap.backtest.engine import fresh_recipe
from mm.bootstrap.recipe import engine_from
from mm.bootstrap.run_paper import paper_settings as settings_of_paper
from mm.domain.commands import AnyCommand, Report
from mm.domain.events import Advanced, AnyEvent, MarketEvent
from mm.domain.instrument import Instrument
from mm.domain.tape import Chunk
from mm.engine.engine import Engine
from mm.engine.setup import EngineSetup
from mm.risk.rules import make_rules
from mm.runtime.backtest_loop import Loop, PlainLoop
from mm.runtime.backtest_steps import Steps
from mm.runtime.fast_forward import FastForward, MakeKernel
from mm.runtime.simulate.plan import LIMITS
from mm.settings.models import Settings
from mm.strategies.base import Strategy
from mm.venues.paper import PaperVenue, PaperVenueSettings
from mm.venues.recorded import Recorded
from tests.builders.engine_rig import EPOCH, IDS, make_session
from tests.builders.paper_rig import paper_settings

Make = Callable[[], "tuple[Steps, PaperVenue]"]
"""Makes everything anew."""


@dataclass
class Left:
    """What a loop left behind.

    Fields: decided: time, commands and digest of the engine after each step that led to something or told of
    an outcome; figures: by session; means: of the prints that the venue's filters know; digest: of the engine
    in the end; rows, messages: taken in.
    """

    steps: Steps
    decided: list[tuple[int, str, str]] = field(default_factory=list)
    figures: list[object] = field(default_factory=list)
    means: list[object] = field(default_factory=list)
    digest: str = ""
    rows: int = 0
    messages: int = 0

    @property
    def facts(self) -> tuple[object, ...]:
        """All of it that has to be the same."""
        steps = self.steps
        ran = (steps.said.digest, steps.said.commands, steps.said.outcomes, steps.fills, steps.decisions)
        return (self.digest, ran, self.rows, self.messages, self.analyst_failure, self.figures, self.means)

    @property
    def analyst_failure(self) -> str:
        """What broke in the analyst; it should be nothing."""
        return self.steps.analyst.failure


def play(make: Make, chunks: Iterable[Chunk], kernel: MakeKernel | None = None, *, deep: bool = True) -> Left:
    """Play a tape from its first row to an orderly stop. Args: kernel: None: the plain loop; deep: take the
    state down at each decision.
    """
    steps, venue = make()
    loop: Loop = PlainLoop(steps) if kernel is None else FastForward(steps, venue, kernel, name="test")
    left = Left(steps)
    if deep:
        _listen(steps, left)
    is_begun = False
    for chunk in chunks:
        if not is_begun:
            steps.on_event(Advanced(ts_ns=chunk.columns.ts_ns[0:1].tolist()[0]))
            is_begun = True
        assert loop.take(chunk, lambda _, __: True)
    state = steps.engine.state
    left.digest = state.digest()
    steps.stop("end of data", state.now_ns)
    left.digest += state.digest()
    left.rows, left.messages = loop.rows, loop.messages
    traded = [market for symbol in state.markets if (market := venue.market(symbol)) is not None]
    left.means = [market._world.average.mean(state.now_ns) for market in traded]
    left.figures = [steps.analyst.figures(session.name) for session in state.sessions]
    return left


def _listen(steps: Steps, left: Left) -> None:
    hears, engine = steps.hears, steps.engine

    def heard(event: AnyEvent, commands: Sequence[AnyCommand]) -> Sequence[Report]:
        told = hears(event, commands)
        if commands or not isinstance(event, Advanced | MarketEvent):
            left.decided.append((engine.state.now_ns, repr(list(commands)), engine.digest()))
        return told

    steps.hears = heard


def same(make: Make, chunks: Sequence[Chunk], kernel: MakeKernel, *, deep: bool = True) -> Left:
    """Check that a kernel leaves what the plain loop leaves; return that."""
    expected, found = play(make, chunks, deep=deep), play(make, chunks, kernel, deep=deep)
    for at, (one, other) in enumerate(zip(expected.decided, found.decided, strict=False)):
        assert one == other, f"step {at}"
    assert len(expected.decided) == len(found.decided)
    assert expected.facts == found.facts
    assert expected.analyst_failure == ""
    return expected


def steps_of(
    strategies: Sequence[Strategy[Any]],
    instruments: Sequence[Instrument],
    *,
    watched: Sequence[Instrument] = (),
    **changes: Any,
) -> Make:
    """Return what makes a run of strategies, each on an instrument of its own place.

    Args: watched: instruments that are recorded and not traded; changes: of the paper settings.
    """

    async def made() -> tuple[Steps, PaperVenue]:
        recorded = Recorded((*instruments, *watched))
        settings: PaperVenueSettings = paper_settings(**({"compares": False} | changes))
        venue = PaperVenue(recorded, settings)
        traded = await venue.instruments(tuple(dict.fromkeys(one.symbol for one in instruments)))
        by_symbol = {instrument.symbol: instrument for instrument in traded}
        sessions = tuple(
            make_session(
                strategy,
                name=f"s{at}",
                rules=make_rules(LIMITS),
                instrument=by_symbol[instrument.symbol],
                band_lots_max=500,
                slippage_ppm=10_000,
            )
            for at, (strategy, instrument) in enumerate(zip(strategies, instruments, strict=True))
        )
        setup = EngineSetup(ids=IDS, epoch=EPOCH, caps=venue.caps, sessions=sessions, watched=tuple(watched))
        return await _steps(Engine(setup), venue, recorded)

    return lambda: asyncio.run(made())


def steps_of_config(settings: Settings, instruments: Sequence[Instrument]) -> Make:
    """Return what makes a run of a config on recorded instruments."""

    async def made() -> tuple[Steps, PaperVenue]:
        recorded = Recorded(instruments)
        venue = PaperVenue(recorded, replace(settings_of_paper(settings), compares=False))
        return await _steps(engine_from(fresh_recipe(settings, venue), settings), venue, recorded)

    return lambda: asyncio.run(made())


async def _steps(engine: Engine, venue: PaperVenue, recorded: Recorded) -> tuple[Steps, PaperVenue]:
    steps = Steps(engine, venue, recorded)
    await venue.start(steps.sink)
    return steps, venue
