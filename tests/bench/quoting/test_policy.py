"""What is read off a production strategy beside its distances."""

import pytest

from mm.bench.quoting.contenders import CONTENDERS, Contender, Scene
from mm.bench.quoting.policy import tolerance_of
from mm.domain.instrument import Instrument
from mm.domain.quotes import Quote, Quotes
from mm.domain.view import View
from mm.signals.base import SignalSpec
from mm.strategies.base import Strategy, Wake
from tests.builders.quoting_scenes import scene


class Torn:
    """Wants its bid nearer than its ask."""

    needs: tuple[SignalSpec, ...] = ()
    wake = Wake()

    def initial_memory(self) -> object:
        """Nothing is remembered."""
        return None

    def quotes(self, view: View[object]) -> Quotes[object]:
        """A quote a side."""
        mid = view.mid_half_ticks // 2
        bid, ask = Quote(mid - 500, 1, tolerance_ticks=3), Quote(mid + 500, 1, tolerance_ticks=7)
        return Quotes((bid,), (ask,), "quoting", None)


def torn(_: Scene, __: Instrument) -> Strategy[object]:
    """Make it."""
    return Torn()


@pytest.mark.parametrize(
    ("name", "ticks"),
    [
        ("glft_production", 199),
        ("glft_asymptotic", 0),
        ("cartea_jaimungal_production", 199),
        ("ladder_production", 201),
        ("ladder", 0),
        ("pure_market_making_production", 220),
        ("pure_market_making", 0),
        ("symmetric", 0),
    ],
)
def test_the_tolerance_is_what_the_quotes_say_and_half_a_tick(name: str, ticks: int) -> None:
    """0.3 / 1.5 of a thousand ticks, rounded down, for production with a model of fills; without one 0.3 of
    half the width, 0.67 and 0.75; none for a model by itself.
    """
    assert tolerance_of(CONTENDERS[name], scene()) == pytest.approx((ticks + 0.5) * 0.001, abs=1e-12)


def test_sides_with_different_tolerances_are_refused() -> None:
    """They have no one tolerance."""
    with pytest.raises(ValueError, match=r"were \[3, 7\] ticks, expected one for all"):
        tolerance_of(Contender(torn), scene())
