"""What signals know goes from life to life: as it was, not too old, and only where it fits."""

from math import inf
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from mm.domain.estate import Estate, SignalEstate
from mm.engine.estate import estate_of
from mm.engine.fold import Fold
from mm.engine.learnt import newest
from mm.signals.base import spec_text
from mm.signals.volatility import VolatilitySpec
from tests.builders.engine_ladder import Scripted, Tally, TallySpec
from tests.builders.engine_rig import MID, SECOND_NS, START_NS, Rig, make_session
from tests.builders.estates import left
from tests.builders.instruments import INSTRUMENT

SYMBOL = INSTRUMENT.symbol
SPEC = TallySpec("a")


def known(**changes: Any) -> SignalEstate:
    """Return what a tally of `SPEC` left a second ago."""
    fields: dict[str, Any] = {
        "symbol": SYMBOL,
        "spec": spec_text(SPEC),
        "ts_ns": START_NS - SECOND_NS,
        "numbers": (7, 8, 9),
    }
    return SignalEstate(**(fields | changes))


def heir(*signals: SignalEstate, estate: Estate | None = None, **changes: Any) -> Rig:
    """Return a bench whose strategy asks for `SPEC`, after its first step, and what was left before it."""
    rig = Rig(make_session(Scripted(needs=(SPEC,))), estate=estate, signals=signals, **changes)
    rig.advance(0)
    return rig


def tally(rig: Rig) -> Tally:
    """Return the signal of the bench."""
    found = rig.session().readers[0]
    assert isinstance(found, Tally)
    return found


def test_a_signal_goes_on_where_that_of_the_last_life_ended() -> None:
    """Told of the gap, and said with its age; whether it comes with an estate or alone."""
    for rig in (heir(known()), heir(estate=left(signals=(known(),)))):
        assert tally(rig).state() == (7, 8, 9)
        assert tally(rig).resumed_ns == rig.engine.state.started_ns
        (said,) = rig.reports("signal.restored")
        assert said == {"symbol": SYMBOL, "signal": spec_text(SPEC), "age_ms": "1000", "session": ""}


def test_of_two_the_newer_one_goes_on() -> None:
    """A file of past data that is newer than the estate, or the other way round."""
    older = known(ts_ns=START_NS - 9 * SECOND_NS, numbers=(1, 1, 1))
    assert tally(heir(older, estate=left(signals=(known(),)))).mids == 7
    assert tally(heir(known(), estate=left(signals=(older,)))).mids == 7
    assert newest((older, known(), known(numbers=()))) == (known(),)


@pytest.mark.parametrize("age_s", [901, -901])
def test_what_is_too_old_is_dropped(age_s: int) -> None:
    """Or of a clock that was another one."""
    rig = heir(known(ts_ns=START_NS - age_s * SECOND_NS))

    assert tally(rig).mids == 0
    assert [one["age_ms"] for one in rig.reports("signal.outdated")] == [str(age_s * 1_000)]
    assert estate_of(rig.engine.state).signals == ()


def test_the_config_says_how_old_it_may_be() -> None:
    """Here a minute."""
    assert tally(heir(known(), signals_age_ns_max=60 * SECOND_NS)).mids == 7
    assert tally(heir(known(ts_ns=START_NS - 61 * SECOND_NS), signals_age_ns_max=60 * SECOND_NS)).mids == 0


@pytest.mark.parametrize("numbers", [(), (1, 2), (1, 2, 3, 4), (1, 2, inf), (1, 2, "x")])
def test_what_does_not_fit_costs_the_signal_its_past_and_nothing_else(numbers: tuple[Any, ...]) -> None:
    """Too few, too many, or no numbers: it learns anew, and is not half of what it was told."""
    if "x" in numbers:
        numbers = (-1, 2, 3)
        text = spec_text(VolatilitySpec())
        rig = Rig(
            make_session(Scripted(needs=(VolatilitySpec(),))), signals=(known(numbers=numbers, spec=text),)
        )
        rig.advance(0)
    else:
        rig = heir(known(numbers=numbers))
        assert tally(rig).state() == (0, 0, 0)
    assert len(rig.reports("signal.unfit")) == 1
    assert not rig.reports("halt")


def test_what_nobody_asks_for_is_handed_on_until_it_is_too_old() -> None:
    """Of another spec, or another market: the strategy may come back."""
    other, elsewhere = known(spec="x"), known(symbol="NO/WHERE")
    rig = heir(other, elsewhere)

    assert estate_of(rig.engine.state).signals == (other, elsewhere)


def test_what_is_left_is_that_of_the_moment() -> None:
    """As of the last news of the book; before any it is what was taken over, however often that is said."""
    rig = heir(known())
    assert estate_of(rig.engine.state).signals == (known(),)
    rig.activate()
    rig.move(MID - 10, MID + 12)

    (said,) = estate_of(rig.engine.state).signals

    assert said.numbers == tally(rig).state() != (7, 8, 9)
    assert said.ts_ns == rig.session().market.heard_ns
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(said), type=SignalEstate) == said


def test_a_signal_that_heard_nothing_leaves_nothing() -> None:
    """There is nothing to take over."""
    rig = Rig(make_session(Scripted(needs=(SPEC,))))
    rig.advance(0)

    assert estate_of(rig.engine.state).signals == ()


def test_whoever_takes_over_says_the_same_again() -> None:
    """Before the first step, whatever the strategy asks for."""
    estate = left(signals=(known(), known(spec="x")))
    for needs in ((SPEC,), ()):
        rig = Rig(make_session(Scripted(needs=needs)), estate=estate)
        assert estate_of(rig.engine.state).signals == estate.signals


def test_the_record_of_a_life_hands_on_what_its_checkpoint_says() -> None:
    """Market events are not followed: what was learnt since the checkpoint is lost with the life."""
    rig = heir(known())
    rig.activate()
    checkpoint = estate_of(rig.engine.state)
    rig.move(MID - 10, MID + 12)

    fold = Fold(replace_signals(rig), checkpoint)

    assert fold.estate().signals == checkpoint.signals
    assert Fold(replace_signals(rig), None).estate().signals == (known(),)


def replace_signals(rig: Rig) -> Any:
    """Return the setup of the bench."""
    return rig.engine.state.setup


def test_an_estate_of_older_make_has_no_signals() -> None:
    """It is read all the same."""
    fields = msgspec.to_builtins(left())
    del fields["signals"]

    assert msgspec.convert(fields, type=Estate) == replace(left(), signals=())
