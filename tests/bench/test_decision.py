"""The bench of a decision measures real decisions. Nothing here judges how fast: machines differ."""

import gc

from mm.bench.decision import Figures, measure


def test_real_decisions_are_measured_with_the_whole_ladder() -> None:
    """Orders are moved and left alone, several messages a move, and the figures are in a sane order."""
    figures = measure(events=300)
    assert figures.moving + figures.still == 300
    assert figures.moving > 5
    assert figures.still > figures.moving
    assert 2 <= figures.messages_per_move <= 20
    assert 0 < figures.decision_us_p50 <= figures.decision_us_p99
    assert figures.still_us_p50 > 0


def test_the_same_seed_makes_the_same_decisions() -> None:
    """What was decided does not depend on the machine; how long it took does."""
    one, two, other = measure(events=200, seed=3), measure(events=200, seed=3), measure(events=200, seed=4)

    def decided(figures: Figures) -> tuple[int, int, float]:
        return (figures.moving, figures.still, figures.messages_per_move)

    assert decided(one) == decided(two)
    assert decided(one) != decided(other)


def test_the_figures_are_told_by_name() -> None:
    """As `mm bench live --json` prints them."""
    figures = Figures(
        decision_us_p50=1.0, decision_us_p99=2.0, still_us_p50=3.0, moving=4, still=5, messages_per_move=6.0
    )
    assert figures.as_dict() == {
        "decision_us_p50": 1.0,
        "decision_us_p99": 2.0,
        "still_us_p50": 3.0,
        "moving": 4,
        "still": 5,
        "messages_per_move": 6.0,
    }


def test_a_bench_in_which_nothing_moved_has_no_figures_of_it() -> None:
    """Zero, not a crash: a market that stands still for a moment."""
    figures = measure(events=100, seed=1)
    assert figures.still_us_p50 >= 0
    assert figures.decision_us_p50 >= 0


def test_the_collector_is_as_before() -> None:
    """What was frozen for the measurement is given back."""
    before = gc.get_freeze_count()
    measure(events=100)
    assert gc.get_freeze_count() == before == 0
