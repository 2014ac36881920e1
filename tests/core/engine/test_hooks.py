"""Signals are told what they want to hear and nothing else: tops, losses, own quotes and fills."""

from collections.abc import Sequence
from copy import deepcopy

import pytest

from mm.domain.book import Level
from mm.domain.events import Source
from mm.domain.quotes import Quote
from mm.domain.sides import Side
from mm.domain.view import Reading
from mm.engine.hooks import Hooks
from mm.signals.base import Signal, SignalSpec
from mm.signals.volatility import VolatilitySpec
from tests.builders.engine_ladder import Scripted, Tally, TallySpec
from tests.builders.engine_rig import MID, Rig, make_session
from tests.builders.instruments import INSTRUMENT

LOT = INSTRUMENT.lot_atoms


def tallied(*quotes: Quote, broken: str = "") -> tuple[Rig, Tally]:
    """Return a bench whose strategy wants these bids, and the signal that counts what it is told."""
    rig = Rig(make_session(Scripted(bids=quotes, needs=(TallySpec(broken=broken),))))
    rig.activate()
    tally = rig.session().readers[0]
    assert isinstance(tally, Tally)
    return rig, tally


def test_only_hooks_that_a_class_overrides_are_called() -> None:
    """The volatility wants mids; a market without signals tells nobody anything."""
    volatility = VolatilitySpec().start()
    hooks = Hooks((volatility,))

    assert hooks.on_mid == (volatility.on_mid,)
    for nobody in (hooks.on_lost, hooks.on_top, hooks.on_trade, hooks.on_own_fill, hooks.on_own_quotes):
        assert nobody == ()
    assert Hooks(()).on_mid == ()


def test_tops_are_told_when_they_change_without_own_size() -> None:
    """A size as well as a price; not when nothing changed, and again after a loss."""
    rig, tally = tallied()
    first = tally.tops[-1]
    assert (first[0], first[2]) == (MID - 10, MID + 10)
    rig.touch_book()
    told = len(tally.tops)
    rig.touch_book()
    market = rig.session().market
    market.book.apply_delta(rig.engine.state.now_ns, rig.seq + 1, [Level(MID - 10, 77)], [])
    rig.seq += 1
    rig.touch_book()
    assert len(tally.tops) == told + 1
    assert tally.tops[-1][1] == 77
    market.book.lose()
    rig.touch_book()
    assert len(tally.lost) == 1
    rig.snapshot()
    assert tally.tops[-1][:1] == (MID - 10,)
    assert len(tally.tops) > told + 1


def test_own_quotes_are_told_whenever_what_could_still_fill_changes() -> None:
    """Placed, filled in part, gone."""
    rig, tally = tallied(Quote(MID - 20, 10))
    rig.keep_alive(10**9)
    (place,) = rig.places()
    assert [(one.side, one.price_ticks, one.size_lots) for one in tally.quotes[-1]] == [
        (Side.BUY, MID - 20, 10)
    ]
    rig.ack(place)
    rig.fill(place, 4, 1)
    assert tally.quotes[-1][0].size_lots == 6
    rig.script().bids = ()
    rig.fill(place, 6, 2)
    assert tally.quotes[-1] == ()


def test_fills_are_told_as_they_happen_not_as_they_are_found_later() -> None:
    """What a listing shows may be long ago."""
    rig, tally = tallied(Quote(MID - 20, 10))
    rig.keep_alive(10**9)
    (place,) = rig.places()
    rig.ack(place)
    rig.fill(place, 2, 1)
    rig.fill(place, 2, 2, source=Source.ANSWER)
    rig.fill(place, 2, 3, source=Source.QUERY)

    assert tally.fills == 2


def test_a_signal_that_breaks_on_a_fill_halts_trading() -> None:
    """The fill is booked all the same."""
    rig, _ = tallied(Quote(MID - 20, 10), broken="fill")
    rig.keep_alive(10**9)
    (place,) = rig.places()
    rig.ack(place)
    rig.fill(place, 2, 1)

    assert [one["reason"] for one in rig.reports("halt")] == ["signal.failed"]
    assert rig.session().position.bought_lots == 2


def test_a_copy_of_the_engine_tells_its_own_signals() -> None:
    """What a change of the config would do is found out on a copy: the real signals hear nothing of it."""
    rig, tally = tallied()
    twin = deepcopy(rig.engine)
    (market,) = twin.state.markets.values()
    copied = market.signals[0][1]
    assert isinstance(copied, Tally)
    for on_mid in market.hooks.on_mid:
        on_mid(1, 2)

    assert copied.mids == tally.mids + 1


class Lean(Signal):
    """A signal with nothing but what it must have."""

    def reading(self, ts_ns: int) -> Reading:
        """Return nothing."""
        return Reading(0.0, False, "nothing")

    def state(self) -> Sequence[float]:  # type: ignore[override]  # a list is a state as well
        """Return nothing."""
        return ()


class LeanSpec:
    """Asks for a `Lean`."""

    def start(self) -> Signal:
        """Return a new one."""
        return Lean()


@pytest.mark.parametrize("spec", [LeanSpec()])
def test_a_signal_that_wants_to_hear_nothing_is_told_nothing(spec: SignalSpec) -> None:
    """And is asked for its reading."""
    rig = Rig(make_session(Scripted(needs=(spec,))))
    rig.activate()
    rig.move(MID - 10, MID + 12)

    assert [view.readings[0].waits_for for view in rig.script().views[-1:]] == ["nothing"]
