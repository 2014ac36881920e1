"""The fast loop with the plain kernel leaves what the plain loop leaves, whatever happens on the tape."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm.domain.events import AnyEvent, BookLost, Stream, StreamDown
from mm.domain.quotes import Quote
from mm.domain.tape import Chunk, TapeWriter, events
from mm.kernel.plain import PlainKernel
from mm.runtime.fast_forward import LOOK_EVERY, FastForward
from mm.strategies.base import Strategy, watches_of
from mm.strategies.pure_market_making import PureMarketMaking
from tests.builders.any_params import NAMES, started
from tests.builders.engine_ladder import Scripted, TallySpec
from tests.builders.engine_rig import START_NS
from tests.builders.generated_tape import generated_chunks
from tests.builders.glide_rig import Make, play, same, steps_of
from tests.builders.instruments import INSTRUMENT, OTHER, make_test_instrument
from tests.builders.paper_rig import CLOSE

SECONDS = 12.0
BIDS = (Quote(9_990, 10),)
"""What a script wants: one bid a little below."""


def close() -> Strategy[Any]:
    """Return a strategy that is traded with."""
    return PureMarketMaking(CLOSE, INSTRUMENT)


def tape(seed: int, *instruments: Any, **changes: Any) -> list[Chunk]:
    """Return a generated tape."""
    fields = {"seconds": SECONDS, "start_ns": START_NS} | changes
    return generated_chunks(*(instruments or (INSTRUMENT,)), seed=seed, **fields)


def make_of(strategy: Strategy[Any]) -> tuple[Make, list[Any]]:
    """Return what makes a run of a strategy, and the instruments that its tape needs."""
    watched = [
        make_test_instrument(symbol=watch.symbol, venue_symbol="X", base="CCC")
        for watch in watches_of(strategy)
    ]
    return steps_of([strategy], [INSTRUMENT], watched=watched), [INSTRUMENT, *watched]


@pytest.mark.parametrize("name", NAMES)
def test_every_strategy_does_the_same_in_both_loops(name: str) -> None:
    """Commands and their times, fills, figures, the engine's state at each decision, signals among it."""
    make, instruments = make_of(started(name, INSTRUMENT))
    left = same(make, tape(3, *instruments), PlainKernel)
    assert left.steps.decisions


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    latency=st.sampled_from(((0, 0), (3, 3), (20, 60), (80, 250))),
    queue=st.sampled_from(("risk_averse", "power", "log2")),
    mischief=st.sampled_from((0.0, 0.01, 0.1)),
)
def test_no_tape_and_no_latency_tells_the_loops_apart(
    seed: int, latency: tuple[int, int], queue: str, mischief: float
) -> None:
    """Books lost, late, doubled, crossed and silent; orders close to the market, in any kind of queue."""
    mean, p99 = latency
    make = steps_of([close()], [INSTRUMENT], latency_mean_ms=mean, latency_p99_ms=p99, queue=queue, seed=seed)
    same(make, tape(seed, mischief=mischief, seconds=5.0), PlainKernel)


def test_several_sessions_on_several_markets_do_the_same() -> None:
    """Two on one symbol, one on another, whose messages stand between each other."""
    strategies = [close(), started("ladder", INSTRUMENT), PureMarketMaking(CLOSE, OTHER)]
    make = steps_of(strategies, [INSTRUMENT, INSTRUMENT, OTHER])
    left = same(make, tape(5, INSTRUMENT, OTHER), PlainKernel)
    assert left.steps.fills


def test_most_messages_are_never_made_into_events() -> None:
    """What the objects are asked for is the least: else the loop would be slow and the test above empty."""
    steps, venue = steps_of([close()], [INSTRUMENT])()
    loop = FastForward(steps, venue, PlainKernel, name="interpreted")
    seen: list[AnyEvent] = []
    on_event = steps.on_event

    def heard(event: AnyEvent) -> None:
        seen.append(event)
        on_event(event)

    steps.on_event = heard  # type: ignore[method-assign]  # listens in, and passes it on
    for chunk in tape(2, mischief=0.0, seconds=30.0):
        assert loop.take(chunk, lambda _, __: True)
    assert steps.fills
    assert loop.name == "interpreted"
    assert len(seen) < loop.messages // 10


def test_signals_that_hear_of_own_quotes_hear_of_them_with_the_message_that_they_would() -> None:
    """The one after the decision, with its time."""
    needs = (TallySpec(),)
    strategy = Scripted(needs=needs, bids=BIDS, asks=())
    make = steps_of([strategy], [INSTRUMENT])
    chunks = tape(4)
    told = [play(make, chunks, kernel).steps.engine.state.sessions[0] for kernel in (None, PlainKernel)]
    one, other = (session.readers[0] for session in told)
    assert one.quotes == other.quotes  # type: ignore[attr-defined]  # it is a Tally
    assert len(one.quotes) > 2  # type: ignore[attr-defined]  # it is a Tally
    assert one.tops == other.tops  # type: ignore[attr-defined]  # it is a Tally


def test_a_stream_that_goes_down_is_heard_and_symbols_nobody_knows_pass() -> None:
    """Its books are not believed until they come again; time goes on with the strangers' messages."""
    writer = TapeWriter((INSTRUMENT.symbol, OTHER.symbol))
    chunks = []
    for chunk in tape(6, INSTRUMENT, OTHER):
        for number, event in enumerate(events(chunk)):
            writer.add(event)
            if number == 300:
                writer.add(StreamDown(ts_ns=event.ts_ns, stream=Stream.MARKET, reason="cut"))
            if number == 500:
                writer.add(BookLost(ts_ns=event.ts_ns, symbol=INSTRUMENT.symbol, reason="gap"))
        chunks.append(writer.take())
    same(steps_of([close()], [INSTRUMENT]), chunks, PlainKernel)


def test_a_loop_that_is_told_to_stop_stops_and_is_up_to_date() -> None:
    """At the edge of a message, the engine knowing all that was taken in."""
    (chunk,) = tape(7, chunk_s=1_000.0, seconds=150.0)
    assert chunk.rows > LOOK_EVERY
    steps, venue = steps_of([close()], [INSTRUMENT])()
    loop = FastForward(steps, venue, PlainKernel, name="test")
    asked: list[tuple[int, int]] = []

    def goes_on(ts_ns: int, rows: int) -> bool:
        asked.append((ts_ns, rows))
        return False

    assert not loop.take(chunk, goes_on)
    ((ts_ns, rows),) = asked
    assert rows == loop.rows < chunk.rows
    assert steps.engine.state.now_ns == ts_ns <= chunk.columns.ts_ns[rows : rows + 1].tolist()[0]


def test_a_signal_that_breaks_ends_trading_in_the_fast_loop_too() -> None:
    """At the end of what was fast-forwarded: the halt is sent, and the orders go."""
    strategy = Scripted(needs=(TallySpec(broken="trade"),), bids=BIDS, asks=())
    left = play(steps_of([strategy], [INSTRUMENT]), tape(4), PlainKernel)
    assert left.steps.engine.state.halt_code == "signal.failed"


def test_an_analyst_that_breaks_ends_measuring_and_nothing_else() -> None:
    """In a glide as in a step."""
    steps, venue = steps_of([close()], [INSTRUMENT])()
    loop = FastForward(steps, venue, PlainKernel, name="test")
    chunks = tape(8, mischief=0.0, chunk_s=3.0)
    assert loop.take(chunks[0], lambda _, __: True)
    for watched in steps.analyst.sessions.values():
        watched.analytics.on_top = _broken  # type: ignore[assignment, method-assign]  # it has to break
    for chunk in chunks[1:]:
        assert loop.take(chunk, lambda _, __: True)
    assert steps.analyst.failure == "ArithmeticError: broken"


def _broken(*_: object) -> None:
    raise ArithmeticError("broken")
