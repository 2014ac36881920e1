"""What filled own orders, in words."""

from mm.observe.fill_causes import cause_words, fills_by_cause
from mm.sim.causes import CauseCount, FillCause

CROSSED = {
    FillCause.PRINT_THROUGH: CauseCount(2, 7),
    FillCause.PRINT_AT_PRICE: CauseCount(),
    FillCause.DISPLAYED_CROSS: CauseCount(34, 99),
    FillCause.TAKEN_AT_ONCE: CauseCount(),
}


def test_the_most_frequent_cause_comes_first_and_the_queue_model_claims_nothing_of_others() -> None:
    """Causes without a fill are not named."""
    found = fills_by_cause({"AAA/BBB": CROSSED})
    assert found["AAA/BBB"]["displayed_cross"] == {"fills": 34, "lots": 99}
    assert cause_words(found) == (
        "34 of 36 fills because the displayed market crossed their price, 2 because a trade went through"
        " their price; the queue model decided none of them",
    )


def test_fills_that_a_queue_decided_are_counted() -> None:
    """Some of them, or all."""
    at = {"print_at_price": {"fills": 3, "lots": 3}}
    assert cause_words({"A/B": at})[0].endswith("; the queue model decided all of them")
    (words,) = cause_words({"A/B": at | {"taken_at_once": {"fills": 1, "lots": 9}}})
    assert words == (
        "3 of 4 fills because a trade at their price was larger than the queue before them, 1 because they"
        " took what was displayed; the queue model decided 3 of them"
    )


def test_symbols_are_named_where_there_are_several_and_no_fill_is_no_word() -> None:
    """The second one had none."""
    found = fills_by_cause({"A/B": CROSSED, "C/B": dict.fromkeys(FillCause, CauseCount())})
    (words,) = cause_words(found)
    assert words.startswith("A/B: 34 of 36 fills")
    assert cause_words({}) == ()
