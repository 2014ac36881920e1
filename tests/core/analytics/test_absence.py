"""What was said while a side was missing, against a list of moments."""

from collections import Counter
from random import Random

import pytest

from mm.analytics.absence import OTHERS, REASONS_MAX, Absence
from mm.analytics.session import Analytics
from tests.builders.instruments import INSTRUMENT

SECOND = 10**9


@pytest.mark.parametrize("seed", range(5))
def test_the_times_are_those_of_a_list_of_moments(seed: int) -> None:
    """Each moment without both sides counts for what was said then; all of them add up."""
    dice, told = Random(seed), Absence()
    naive: Counter[str] = Counter()
    absent, reason = 0, ""
    for _ in range(500):
        if dice.random() < 0.3:
            reason = dice.choice(["quoting", "waits for a book", "halted"])
            told.say(reason, absent)
        missing = dice.random() < 0.5
        absent += missing
        if reason:
            naive[reason] += missing
    told.pass_to(absent)
    assert {said.text: said.absent_ns for said in told.told()} == {k: v for k, v in naive.items() if v}
    times = [said.absent_ns for said in told.told()]
    assert times == sorted(times, reverse=True)


def test_a_reason_that_counts_is_one_and_is_told_as_it_was_last_said() -> None:
    """Numbers do not make another one, nor another beginning."""
    told = Absence()
    for left in range(5):
        told.say(f"waits: {left} of 4 samples", left)
    told.say("quoting", 5)
    told.say("waits: 9 of 4 samples", 5)
    told.pass_to(6)
    (said,) = told.told()
    assert (said.text, said.times, said.absent_ns) == ("waits: 9 of 4 samples", 2, 6)


def test_no_more_reasons_are_kept_than_stated() -> None:
    """A strategy of the user's may say whatever it likes."""
    told = Absence()
    for number in range(3 * REASONS_MAX):
        told.say("x" * (number + 1), number)
    told.pass_to(3 * REASONS_MAX)
    found = told.told()
    assert len(found) == REASONS_MAX + 1
    assert (found[0].text, found[0].absent_ns) == (OTHERS, 2 * REASONS_MAX)


def test_of_a_session_the_times_are_those_without_both_sides() -> None:
    """One side is not enough; what was said before nothing was missing is not told."""
    told = Analytics(INSTRUMENT, 0)
    told.on_reason(0, "starting")
    told.on_reason(2 * SECOND, "quoting")
    told.on_quotes(3 * SECOND, [(100, 1)], [(102, 1)])
    told.on_reason(5 * SECOND, "sells only")
    told.on_quotes(6 * SECOND, [], [(102, 1)])
    told.settle(10 * SECOND)
    rows = [(said.text, said.absent_ns // SECOND) for said in told.absence.told()]
    assert rows == [("sells only", 4), ("starting", 2), ("quoting", 1)]
    assert sum(seconds for _, seconds in rows) * SECOND == told.presence.absent_ns
