"""The analyst beside the engine: all is explained, nothing influenced, and a repetition gives the same."""

from collections.abc import Sequence

from mm.domain.commands import AnyCommand, Place, Report
from mm.domain.events import AnyEvent, Operation, Stream, StreamDown
from mm.domain.units import NS_PER_S
from mm.engine.engine import Engine
from mm.observe.analyst import Analyst
from mm.observe.report_figures import FILLS_MIN, Figures
from mm.runtime.rerun import Rerun
from mm.runtime.simulate.ladder import Ladder
from tests.builders.engine_rig import make_session
from tests.builders.little_venue import Story
from tests.builders.live_runs import LiveRun
from tests.builders.paper_rig import SECOND_NS, PaperRun, paper_parts


async def watched(seed: int) -> tuple[PaperRun, Analyst, list[Report]]:
    """Return a paper run that is watched from its first step on, the analyst and what it has to tell."""
    market, venue, engine = await paper_parts(seed=seed)
    analyst, told, step = Analyst(engine.state), list[Report](), engine.step

    def stepped(event: AnyEvent) -> Sequence[AnyCommand]:
        commands = step(event)
        told.extend(analyst.on_step(event, commands))
        return commands

    engine.step = stepped  # type: ignore[method-assign] # a look from outside
    return PaperRun(market, venue, engine), analyst, told


def part(told: Figures | None, name: str) -> Figures:
    """Return a part of the figures."""
    assert told is not None
    found = told[name]
    assert isinstance(found, dict)
    return found


async def test_a_run_on_paper_is_explained_to_the_unit_at_every_horizon() -> None:
    """Against the engine's own books and its ledger: no residue, every fill measured."""
    run, analyst, told = await watched(5)
    run.run(60 * SECOND_NS)
    position = run.engine.state.sessions[0].position
    figures = analyst.figures("main")
    pnl = part(figures, "pnl")
    assert (analyst.failure, told, analyst.residue_atoms()) == ("", [], {})
    assert pnl["residue_is_zero"] is True
    assert pnl["fills"] == position.fills > FILLS_MIN
    analytics = analyst.analytics("main")
    assert analytics is not None
    quote = run.engine.state.sessions[0].setup.instrument.quote_scale
    whole = round(float(str(pnl["net_quote"])) * 10**quote)
    assert abs(whole - position.net_quote_atoms) <= 2
    kinds = part(figures, "markouts")
    assert "empty level" in part(kinds, "by_queue")
    assert set(part(kinds, "by_level")) == {"0", "1"}
    assert part(figures, "messages")["places"] == len(run.places())


async def test_a_repetition_measures_the_same() -> None:
    """Every figure, from the record alone."""
    run, analyst, _ = await watched(3)
    run.run(20 * SECOND_NS)
    _, venue, engine = await paper_parts(seed=3)
    again = Analyst(engine.state)
    rerun = Rerun(engine, venue, lambda *_: None)
    rerun.heard = again.on_step
    rerun.run(run.records, closed=False)
    for one in (analyst, again):
        one.sessions["main"].analytics.settle(run.now_ns)
    assert analyst.figures("main") == again.figures("main")
    assert part(analyst.figures("main"), "pnl")["fills"] != 0


def test_lives_in_trouble_are_explained_too() -> None:
    """Lost answers, late fills, deaths and takeovers: of each life its own fills, what was left apart."""
    for seed in range(3):
        story = Story(seed, trouble=0.2)
        fills = 0
        for _ in range(3):
            analyst = Analyst(story.engine.state)
            step = story.engine.step

            def stepped(event, step=step, analyst=analyst):  # type: ignore[no-untyped-def] # the engine's
                commands = step(event)
                assert list(analyst.on_step(event, commands)) == []
                return commands

            story.engine.step = stepped  # type: ignore[method-assign] # a look from outside
            story.run(20 * SECOND_NS)
            assert (analyst.failure, analyst.residue_atoms()) == ("", {})
            for name, one in analyst.sessions.items():
                assert one.residues() == {}, name
                fills += one.analytics.identity.fills
            story.again(story.die())
        assert fills > 10


def test_what_does_not_add_up_is_told_once() -> None:
    """As a report to every observer and to whoever asks for the last ones; trading goes on."""
    run = LiveRun()
    run.at(2, lambda: run.venue.fill(next(iter(run.venue.open)), 4))

    def spoil() -> None:
        run.engine.state.sessions[0].position.turnover_half += 1

    run.at(2.5, spoil)
    run.at(3, lambda: run.venue.fill(list(run.venue.open)[-1], 4))
    run.at(4, lambda: run.venue.fill(list(run.venue.open)[-1], 1))
    told: list[Figures | None] = []
    run.at(5, lambda: told.append(run.runtime.analyst.brief("main")))
    outcome = run.go(duration_s=6)
    assert run.codes().count("pnl.residue") == 1
    (report,) = [one for one in run.runtime.history.reports if one.code == "pnl.residue"]
    assert (report.session, report.facts) == ("main", (("turnover_half", "1"),))
    assert told[0] is not None
    assert told[0]["unexplained"] == 1
    assert outcome.clean


def test_holdings_that_moved_without_a_reason_are_told() -> None:
    """The ledger says one thing, the fills another."""
    run = LiveRun()

    def spoil() -> None:
        ledger = run.engine.state.ledger
        assert ledger.is_open
        ledger.holdings["AAA"] += 7

    run.at(3, spoil)
    run.at(4, lambda: run.venue.fill(next(iter(run.venue.open)), 4))
    run.go(duration_s=5)
    (report,) = [one for one in run.reports if one.code == "pnl.residue"]
    assert (report.session, report.facts) == ("", (("AAA", "7"),))


def test_what_others_moved_is_no_residue() -> None:
    """It is a flow of its own, by asset."""
    run = LiveRun()

    def give() -> None:
        base_atoms, quote_atoms = run.venue.held
        run.venue.held = (base_atoms, quote_atoms + 5_000)

    run.at(3, give)
    run.go(duration_s=400)
    assert "balance.external" in run.codes()
    analyst = run.runtime.analyst
    assert (analyst.flows.external, analyst.residue_atoms()) == ({"BBB": 5_000}, {})
    assert "pnl.residue" not in run.codes()


def test_what_breaks_in_measuring_ends_the_measuring_alone() -> None:
    """It is told once, and trading goes on."""
    run = LiveRun()

    def spoil() -> None:
        for one in run.runtime.analyst.sessions.values():
            one.market = None  # type: ignore[assignment] # the defect

    run.at(2, spoil)
    run.at(4, lambda: run.venue.fill(next(iter(run.venue.open)), 4))
    outcome = run.go(duration_s=5)
    assert run.runtime.analyst.failure.startswith("AttributeError")
    assert (outcome.clean, outcome.halted) == (True, False)
    assert run.engine.state.sessions[0].position.fills == 1


def test_cancels_for_a_halt_or_a_disconnect_are_excused() -> None:
    """The rule on order-to-trade ratios leaves them out."""
    run = LiveRun()
    run.at(3, lambda: run.runtime.operate(Operation.HALT, reason="drill"))
    run.go(duration_s=8)
    analytics = run.runtime.analyst.analytics("main")
    assert analytics is not None
    assert (analytics.turnover.places, analytics.turnover.cancels) == (4, 0)
    assert analytics.turnover.excused == 4

    other = LiveRun()

    def part_and_pause() -> None:
        other.venue.tell(StreamDown(ts_ns=other.clock.now_ns(), stream=Stream.USER, reason="test"))
        other.runtime.operate(Operation.PAUSE, reason="lunch")

    other.at(3, part_and_pause)
    other.go(duration_s=4)
    told = other.runtime.analyst.analytics("main")
    assert told is not None
    assert told.turnover.excused > 0


def test_quotes_stand_from_their_acknowledgement_to_their_end() -> None:
    """Presence is measured by what the venue said, not by what was asked for."""
    run = LiveRun(make_session(Ladder(levels=1)))
    run.at(5, lambda: run.runtime.operate(Operation.PAUSE, reason="lunch"))
    run.go(duration_s=10)
    analytics = run.runtime.analyst.analytics("main")
    assert analytics is not None
    placed = len(run.venue.commands(Place))
    assert placed == 2
    assert 4 * NS_PER_S < analytics.presence.both_ns <= 5 * NS_PER_S
    assert analytics.presence.quote_ns == 2 * analytics.presence.both_ns


def test_before_the_first_step_nothing_is_known() -> None:
    """No figures, rather than zeros."""
    run = LiveRun()
    assert run.runtime.analyst.brief("main") is None
    assert run.runtime.analyst.figures("main") is None
    run.go(duration_s=1)
    assert run.runtime.analyst.brief("other") is None


def test_it_reads_the_engine_and_changes_nothing() -> None:
    """The same events give the same digest, watched or not."""
    digests = []
    for is_watched in (True, False):
        story = Story(4, trouble=0.1)
        assert isinstance(story.engine, Engine)
        analyst, step = Analyst(story.engine.state), story.engine.step

        def stepped(event, step=step, analyst=analyst):  # type: ignore[no-untyped-def] # the engine's
            commands = step(event)
            analyst.on_step(event, commands)
            return commands

        if is_watched:
            story.engine.step = stepped  # type: ignore[method-assign] # a look from outside
        story.run(20 * SECOND_NS)
        digests.append(story.engine.digest())
    assert digests[0] == digests[1]
