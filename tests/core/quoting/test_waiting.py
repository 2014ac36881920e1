"""What is said while a strategy waits: all of it, once, and short."""

from hypothesis import given
from hypothesis import strategies as st

from mm.domain.view import Reading
from mm.quoting.waiting import SAID_MAX, together, waits_for

READY = Reading(1.0, True)


def test_everything_that_is_missing_is_in_one_sentence() -> None:
    """What is ready is not, and what two readings wait for is said once."""
    blind, dumb = Reading(0.0, False, "own fills (2 of 30)"), Reading(0.0, False, "a mid")

    assert waits_for([blind, READY, dumb, blind]) == "waits for own fills (2 of 30), a mid"
    assert waits_for([READY]) == waits_for([]) == ""


def test_texts_are_put_together_and_numbers_wait_for_nothing() -> None:
    """As readers return either."""
    assert together("waits for a mid", 0.3) == "waits for a mid"
    assert together("waits for a mid", "waits for own fills (2 of 30)") == (
        "waits for a mid, own fills (2 of 30)"
    )
    assert together(0.3, READY) == ""


def test_what_is_too_long_is_cut_at_its_end() -> None:
    """Whoever looks sees that there is more."""
    fits, long = "x" * (SAID_MAX - len("waits for ")), "x" * SAID_MAX

    assert together("waits for " + fits) == "waits for " + fits
    assert together("waits for " + long) == "waits for " + long[: SAID_MAX - 14] + " ..."


@given(st.lists(st.text(min_size=1, max_size=100).map(lambda text: Reading(0.0, False, text))))
def test_whatever_is_missing_it_is_short(readings: list[Reading]) -> None:
    """The same for the same readings."""
    said = waits_for(readings)

    assert len(said) <= SAID_MAX
    assert said.startswith("waits for ") or not readings
    assert said == waits_for(list(readings))
