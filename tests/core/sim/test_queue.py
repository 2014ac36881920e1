"""The queue models: the published vectors in atoms, the clamps, and what holds for every input."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.sim.queue import (
    CUSTOMARY_POWERS,
    ESTIMATES,
    QueueModel,
    filled_lots,
    front_after_decrease,
    front_after_print,
    part_behind,
)
from tests.builders.naive_queue import naive_front

UNIT = 10**8
MODELS = list(ESTIMATES)

VECTORS = {
    (5, 10, 7): (5, 3.6, 1.1111111111, 4.7407407407, 2.0063604147, 4.0540053326),
    (50, 50, 30): (50, 35, 27.5, 46.25, 35, 45.5583290948),
    (90, 10, 50): (50, 40.6097560976, 40.5, 50, 50, 50),
    (10, 90, 95): (5, 5, 0, 5, 0, 5),
    (3, 0, 1): (2, 2, 2, 2, 2, 2),
}
"""(front, back, decrease) -> front afterwards by model, in whole units; negative ones are clamped to 0."""

PRINTED_FIRST = (3, 2.8823529412, 2.28, 2.984, 2.2982997457, 2.8502198591)
"""Front 5, a print of 2, then the displayed size falls from 15 to 11."""


def shape(model: QueueModel) -> float:
    """Return the customary parameter: the exponent, or whole units for the logarithms."""
    return CUSTOMARY_POWERS.get(model, float(UNIT))


def decreased(model: QueueModel, front: int, before: int, fell: int) -> int:
    """Return the front after a decrease under the customary parameter."""
    return front_after_decrease(model, shape(model), front, before, fell)


@pytest.mark.parametrize("case", list(VECTORS))
@pytest.mark.parametrize("model", MODELS)
def test_published_vectors(case: tuple[int, int, int], model: QueueModel) -> None:
    """Front, back and decrease give the published front, rounded up to an atom and never below 0."""
    front, back, fell = (part * UNIT for part in case)
    after = decreased(model, front, front + back, fell)
    expected = VECTORS[case][model] * UNIT
    assert after == pytest.approx(expected, abs=1.01)
    assert isinstance(after, int)


@pytest.mark.parametrize("model", MODELS)
def test_a_print_and_its_decrease_count_once(model: QueueModel) -> None:
    """Front 5, a print of 2, depth from 15 to 11: of the four that went only two were cancelled."""
    front = front_after_print(5 * UNIT, 2 * UNIT)
    after = decreased(model, front, 15 * UNIT, 2 * UNIT)
    assert after == pytest.approx(PRINTED_FIRST[model] * UNIT, abs=1.01)


@pytest.mark.parametrize("model", MODELS)
def test_a_level_that_melts_without_trades_never_makes_the_front_negative(model: QueueModel) -> None:
    """10 in front, the level goes 10 -> 100 -> 5 with no print: 0 or more stand in front, at most 5."""
    after = decreased(model, 10 * UNIT, 100 * UNIT, 95 * UNIT)
    assert 0 <= after <= 5 * UNIT


def test_the_head_and_the_tail_of_a_queue_know_where_decreases_are() -> None:
    """With nothing in front all of a decrease is behind; with nothing behind none of it."""
    for model in MODELS:
        assert part_behind(model, shape(model), 0, 7) == 1.0
        if model is not QueueModel.RISK_AVERSE:
            assert part_behind(model, shape(model), 7, 0) == 0.0
    assert part_behind(QueueModel.RISK_AVERSE, 0.0, 7, 0) == 1.0


def test_a_print_takes_from_the_front_and_never_adds_to_it() -> None:
    """More than the front leaves 0; a print of which nothing reaches the queue leaves all."""
    assert front_after_print(5, 3) == 2
    assert front_after_print(5, 9) == 0
    assert front_after_print(5, -3) == 5


def test_only_whole_lots_behind_the_front_fill() -> None:
    """What is left of a print after the front, in whole lots, at most what the order has left."""
    assert filled_lots(1_499, 500, 5, 100) == 5
    assert filled_lots(899, 500, 5, 100) == 3
    assert filled_lots(599, 500, 5, 100) == 0
    assert filled_lots(400, 500, 5, 100) == 0


SIZES = st.integers(0, 10**13)


@given(model=st.sampled_from(MODELS), front=SIZES, back=SIZES, data=st.data())
def test_the_front_stays_between_zero_and_what_it_was(
    model: QueueModel, front: int, back: int, data: st.DataObject
) -> None:
    """For any queue and decrease: an integer, not negative, not above the old front nor the new size."""
    fell = data.draw(st.integers(0, front + back))
    after = decreased(model, front, front + back, fell)
    assert isinstance(after, int)
    assert 0 <= after <= min(front, front + back - fell)
    assert after >= front - fell


@given(model=st.sampled_from(MODELS), front=SIZES, back=SIZES, data=st.data())
def test_the_front_is_the_formulas_rounded_up(
    model: QueueModel, front: int, back: int, data: st.DataObject
) -> None:
    """Against the formulas written down once more: never less, and at most an atom more."""
    fell = data.draw(st.integers(0, front + back))
    expected = naive_front(model, front, front + back, fell, UNIT)
    slack = 1e-9 * (front + back) + 1e-6
    assert expected - slack <= decreased(model, front, front + back, fell) <= expected + 1 + slack


@given(front=SIZES, back=SIZES, data=st.data())
def test_the_models_are_ordered_by_caution(front: int, back: int, data: st.DataObject) -> None:
    """From one state: risk averse >= power3 (3) >= power (2) >= power2 (2), up to the last atom."""
    fell = data.draw(st.integers(0, front + back))
    order = (QueueModel.RISK_AVERSE, QueueModel.POWER3, QueueModel.POWER, QueueModel.POWER2)
    fronts = [decreased(model, front, front + back, fell) for model in order]
    slack = 1 + (front + back) // 10**12
    assert all(first >= second - slack for first, second in pairwise(fronts))


@given(model=st.sampled_from(MODELS), front=SIZES, back=SIZES)
def test_the_part_behind_is_a_part(model: QueueModel, front: int, back: int) -> None:
    """Between 0 and 1, and all of it when nothing is in front."""
    assert 0.0 <= part_behind(model, shape(model), front, back) <= 1.0
