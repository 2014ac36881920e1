"""What every signal has to be. Finds its subjects by itself: each file in `mm/signals/` but `base.py`."""

import importlib
import pkgutil

import pytest

import mm.signals
from mm.domain.sides import Side
from mm.signals.base import Signal, SignalSpec

FILES = pkgutil.iter_modules(mm.signals.__path__)
NAMES = sorted(member.name for member in FILES if member.name != "base")
START_NS = 1_800_000_000_000_000_000


def spec_of(name: str) -> SignalSpec:
    """The one spec class in the file of this name, with its default parameters."""
    module = importlib.import_module(f"mm.signals.{name}")
    found = [
        member
        for member in vars(module).values()
        if isinstance(member, type) and member.__module__ == module.__name__ and hasattr(member, "start")
    ]
    assert len(found) == 1, f"{name} holds {len(found)} specs, expected one"
    spec = found[0]()
    assert isinstance(spec, SignalSpec)
    return spec


def feed(signal: Signal, count: int) -> None:
    """A market that moves and trades, `count` events of each kind."""
    for step in range(count):
        ts_ns = START_NS + step * 700_000_000
        signal.on_mid(ts_ns, 1_000 + step * step % 7)
        signal.on_trade(ts_ns, 500 + step % 3, 10, Side.BUY if step % 2 else Side.SELL)


def test_there_is_something_to_check() -> None:
    """The listing finds the signal that a strategy needs."""
    assert "volatility" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_spec_is_frozen_and_equal_by_value(name: str) -> None:
    """Equal specs share one signal, so that they have to be comparable and hashable."""
    spec, twin = spec_of(name), spec_of(name)

    assert getattr(getattr(spec, "__dataclass_params__", None), "frozen", False)
    assert spec == twin
    assert {spec: 1}[twin] == 1


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

    feed(signal, 100)
    for step in range(100):
        signal.reading(START_NS + step * 1_000_000_000)
    feed(twin, 100)

    now_ns = START_NS + 100 * 1_000_000_000
    assert signal.state() == twin.state()
    assert signal.reading(now_ns) == twin.reading(now_ns)
    assert all(isinstance(number, int | float) for number in signal.state())


@pytest.mark.parametrize("name", NAMES)
def test_a_signal_becomes_ready(name: str) -> None:
    """A few minutes of a moving market are enough; then it waits for nothing."""
    signal = spec_of(name).start()

    feed(signal, 400)
    reading = signal.reading(START_NS + 280_000_000_000)

    assert reading.ready
    assert reading.waits_for == ""
