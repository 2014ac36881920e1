"""What every signal has to be. Finds its subjects itself: each file in `mm/signals/` but what they share."""

import importlib
import pkgutil
from functools import cache
from math import isfinite

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mm.signals
from mm.domain.sides import Side
from mm.signals.base import Signal, SignalSpec, spec_text
from tests.builders.signal_market import MID, SECOND_NS, START_NS, Call, SignalMarket, quote, tell
from tests.builders.signal_sheet import NO_SIGNALS

FILES = pkgutil.iter_modules(mm.signals.__path__)
NAMES = sorted(member.name for member in FILES if member.name not in NO_SIGNALS)


def spec_of(name: str) -> SignalSpec:
    """The one spec class in the file of this name, with its default parameters."""
    module = importlib.import_module(f"mm.signals.{name}")
    found = [
        member
        for member in vars(module).values()
        if isinstance(member, type)
        and member.__module__ == module.__name__
        and hasattr(member, "start")
        and not issubclass(member, Signal)
    ]
    assert len(found) == 1, f"{name} holds {len(found)} specs, expected one"
    spec = found[0]()
    assert isinstance(spec, SignalSpec)
    return spec


@cache
def calls() -> tuple[Call, ...]:
    """Half an hour of a market that moves and trades."""
    return tuple(SignalMarket().run(1_600))


END_NS = START_NS + 1_601 * SECOND_NS
OF_THE_MOMENT = ("imbalance", "weighted_mid", "micro_price", "order_flow", "trade_impulse")
"""Signals whose value is of the top as it is."""


def test_there_is_something_to_check() -> None:
    """The listing finds the signals that strategies need."""
    assert len(NAMES) >= 12
    assert "volatility" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_spec_is_frozen_and_equal_by_value(name: str) -> None:
    """Equal specs share one signal, so that they have to be comparable and hashable; so are their texts."""
    spec, twin = spec_of(name), spec_of(name)

    assert getattr(getattr(spec, "__dataclass_params__", None), "frozen", False)
    assert spec == twin
    assert {spec: 1}[twin] == 1
    assert spec_text(spec) == spec_text(twin)
    assert spec_text(spec).startswith(f"mm.signals.{name}.")


@pytest.mark.parametrize("name", NAMES)
def test_a_signal_is_not_ready_at_first_and_says_why(name: str) -> None:
    """Before any event there is nothing to rely on."""
    signal = spec_of(name).start()

    reading = signal.reading(START_NS)

    assert isinstance(signal, Signal)
    assert not reading.ready
    assert reading.waits_for


@pytest.mark.parametrize("name", NAMES)
def test_equal_events_give_equal_states_and_reading_changes_nothing(name: str) -> None:
    """A signal is a function of its events: the state is the same with and without readings in between."""
    signal, twin = spec_of(name).start(), spec_of(name).start()

    for call in calls():
        tell(signal, [call])
        signal.reading(call[1][0])
    tell(twin, calls())

    assert signal.state() == twin.state()
    assert signal.reading(END_NS) == twin.reading(END_NS)
    assert all(isinstance(number, int | float) for number in signal.state())


@pytest.mark.parametrize("name", NAMES)
def test_a_signal_becomes_ready_and_stays_so_in_the_next_life(name: str) -> None:
    """Half an hour of a moving market is enough; after a restart a new mid and top are."""
    signal, heir = spec_of(name).start(), spec_of(name).start()

    tell(signal, calls())
    heir.restore(signal.state())
    heir.resume(END_NS)
    heir.on_mid(END_NS, MID)
    heir.on_top(END_NS, MID // 2 - 1, 10, MID // 2 + 1, 20)
    later_ns = END_NS + 2 * SECOND_NS

    for reading in (signal.reading(END_NS), heir.reading(later_ns)):
        assert reading.ready, reading
        assert reading.waits_for == ""


@pytest.mark.parametrize("name", [name for name in NAMES if name not in OF_THE_MOMENT])
def test_a_time_that_was_not_watched_changes_no_estimate(name: str) -> None:
    """An hour later, at another price, what was learnt is what it was: nothing of it moved or faded."""
    signal, heir = spec_of(name).start(), spec_of(name).start()
    tell(signal, calls())
    heir.restore(signal.state())
    before = heir.reading(calls()[-1][1][0])

    restart_ns = END_NS + 3_600 * SECOND_NS
    heir.resume(restart_ns)
    heir.on_mid(restart_ns, 2 * MID)

    after = heir.reading(restart_ns)
    is_per_bps = name in ("intensity", "own_intensity")
    scale = 2 * MID / signal_mid(calls()) if is_per_bps else 1.0
    assert after.value == pytest.approx(before.value * scale, rel=1e-3)
    assert after.ready == before.ready


def signal_mid(told: tuple[Call, ...]) -> int:
    """The last mid that was told."""
    mid: int = [call for call in told if call[0] == "on_mid"][-1][1][1]
    return mid


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_state_of_a_signal_is_refused(name: str) -> None:
    """A state of another length is of another version or another signal."""
    signal = spec_of(name).start()
    state = signal.state()

    for wrong in ((), state[:1]):
        with pytest.raises(ValueError, match="expected"):
            signal.restore(wrong)


def written(signal: Signal) -> bytes:
    """The state as a checkpoint holds it."""
    return msgspec.msgpack.encode(signal.state())


read = msgspec.msgpack.Decoder(tuple[int | float, ...]).decode
"""Returns a state as the next life gets it: whole numbers stay whole."""

prices = st.integers(1, 40)
sizes = st.sampled_from((0, 1, 7, 10**18, 2**62))
pauses = st.sampled_from((0, 1, 1_000_000, 99_000_000, SECOND_NS, 61 * SECOND_NS, 10**14, 10**17))
sides = st.sampled_from(Side)
happenings = st.one_of(
    st.tuples(st.just("on_mid"), st.tuples(st.integers(1, 80))),
    st.tuples(st.just("on_lost"), st.just(())),
    st.tuples(
        st.just("on_top"),
        st.tuples(prices, sizes, st.integers(1, 9), sizes).map(lambda t: (t[0], t[1], t[0] + t[2], t[3])),
    ),
    st.tuples(st.just("on_trade"), st.tuples(prices, sizes, sides, st.sampled_from((0, 1, 2, 2**62)))),
    st.tuples(
        st.just("on_own_fill"), st.tuples(sides, prices, st.integers(1, 9), st.sampled_from((0, 30, 31)))
    ),
    st.tuples(
        st.just("on_own_quotes"),
        st.lists(st.builds(quote, sides, prices), max_size=3).map(lambda own: (tuple(own),)),
    ),
    st.tuples(st.just("resume"), st.just(())),
)
stories = st.lists(st.tuples(pauses, happenings), max_size=40)


@pytest.mark.parametrize("name", NAMES)
@given(story=stories, at=st.integers(0, 40))
def test_whatever_happens_readings_are_numbers_and_a_restored_twin_says_the_same(
    name: str, story: list[tuple[int, Call]], at: int
) -> None:
    """Any hooks in any order, at any times going forward, sizes of nothing and beyond measure: a number or a
    reason, never an error; and one that took the state over at any place goes on exactly alike.
    """
    spec = spec_of(name)
    signal, twin, now_ns = spec.start(), spec.start(), START_NS

    for place, (pause_ns, (hook, told)) in enumerate(story):
        if place == at:
            twin = spec.start()
            twin.restore(read(written(signal)))
        now_ns += pause_ns
        call: Call = (hook, (now_ns, *told))
        tell(signal, [call])
        tell(twin, [call])
        reading = signal.reading(now_ns)
        assert twin.reading(now_ns) == reading
        assert isfinite(reading.value)
        assert all(isfinite(number) for number in reading.more)
        assert reading.ready is (reading.waits_for == "")
        # Integers of more than 64 bits could not be written down.
        for number in signal.state():
            assert isfinite(number)
            assert type(number) is float or abs(number) < 2**63
    assert written(twin) == written(signal)


rows = st.lists(
    st.tuples(pauses, prices, sizes, st.integers(1, 9), sizes).map(
        lambda t: (t[0], t[1], t[2], t[1] + t[3], t[4])
    ),
    max_size=30,
)


@pytest.mark.parametrize("name", NAMES)
@given(before=rows, together=rows, is_known=st.booleans())
def test_several_tops_at_once_are_the_same_as_one_after_the_other(
    name: str,
    before: list[tuple[int, int, int, int, int]],
    together: list[tuple[int, int, int, int, int]],
    is_known: bool,
) -> None:
    """Whatever a signal leaves out of a row of tops changes nothing of what it remembers."""
    one, other, now_ns = spec_of(name).start(), spec_of(name).start(), START_NS
    told = []
    for number, (pause_ns, bid, bid_atoms, ask, ask_atoms) in enumerate([*before, *together]):
        now_ns += pause_ns
        one.on_top(now_ns, bid, bid_atoms, ask, ask_atoms)
        if number < len(before):
            other.on_top(now_ns, bid, bid_atoms, ask, ask_atoms)
        else:
            told.append((number, now_ns, bid, bid_atoms, ask, ask_atoms, bid + ask))
        if number == len(before) - 1 and not is_known:
            one.on_lost(now_ns)
            other.on_lost(now_ns)
    if told:
        other.on_tops(told)
    assert written(one) == written(other)
    assert one.reading(now_ns) == other.reading(now_ns)


@pytest.mark.parametrize("name", NAMES)
def test_a_market_that_stands_still_and_does_not_trade_breaks_no_signal(name: str) -> None:
    """An hour of the same prices, without a print, a fill or a change: a number or what is waited for."""
    signal = spec_of(name).start()
    reading = signal.reading(START_NS)
    for second in range(0, 3_600, 5):
        now_ns = START_NS + second * SECOND_NS
        if not second:
            signal.on_mid(now_ns, MID)
        signal.on_top(now_ns, MID // 2 - 1, 10, MID // 2 + 1, 10)
        signal.on_own_quotes(now_ns, (quote(Side.BUY, MID // 2 - 5),))
        reading = signal.reading(now_ns)
        assert isfinite(reading.value)
        assert reading.ready is (reading.waits_for == "")
    # What needs trades or moves is not known without them.
    needs_more = ("intensity", "own_intensity", "markout", "toxicity", "touch_depth")
    assert not (reading.ready and name in needs_more)


@pytest.mark.parametrize("name", NAMES)
def test_a_book_that_loses_a_side_again_and_again_breaks_no_signal(name: str) -> None:
    """Half of the time there is none, and prints go on: a number or what is waited for, never an error."""
    signal = spec_of(name).start()
    for second in range(600):
        now_ns = START_NS + second * SECOND_NS
        if second % 2:
            signal.on_lost(now_ns)
        else:
            signal.on_mid(now_ns, MID + second % 7)
            signal.on_top(now_ns, MID // 2 - 1, 10, MID // 2 + 4, 1)
        signal.on_trade(now_ns + 1, MID // 2 + second % 11, 5, Side.BUY if second % 3 else Side.SELL)
        reading = signal.reading(now_ns + 1)
        assert isfinite(reading.value)
        assert reading.ready is (reading.waits_for == "")
