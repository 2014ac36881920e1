"""The random numbers of the simulated world: the same for the same seed and name, in their ranges."""

from mm.sim.prng import Prng


def _draws(prng: Prng) -> list[float]:
    return [
        prng.between(2.0, 3.0),
        prng.integer(1, 6),
        prng.chance(0.5),
        prng.gauss(),
        prng.exponential(2.0),
        prng.pick((1, 2, 3)),
    ]


def test_the_same_seed_and_name_give_the_same_numbers() -> None:
    """A stream is a function of seed and name."""
    assert _draws(Prng(1, "a")) == _draws(Prng(1, "a"))


def test_another_seed_or_another_name_gives_other_numbers() -> None:
    """Streams of different subsystems are independent."""
    first = _draws(Prng(1, "a"))
    assert first != _draws(Prng(1, "b"))
    assert first != _draws(Prng(2, "a"))


def test_numbers_stay_in_their_ranges() -> None:
    """Each kind of draw keeps its bounds."""
    prng = Prng(3, "ranges")
    for _ in range(200):
        assert 2.0 <= prng.between(2.0, 3.0) < 3.0
        assert 1 <= prng.integer(1, 6) <= 6
        assert prng.exponential(2.0) >= 0.0
        assert prng.pick("xyz") in "xyz"
    assert not prng.chance(0.0)
    assert prng.chance(1.0)


def test_the_first_number_of_a_seed_never_changes() -> None:
    """Recorded seeds keep their meaning: a changed generator would silently change every simulation."""
    assert round(Prng(7, "price").between(0.0, 1.0), 12) == 0.089089332252
