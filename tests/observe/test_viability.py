"""The verdict: what recommends, what refuses, what is left open, and in which words."""

import json
from dataclasses import replace
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm.analytics.fit_flow import next_moves, order_flow
from mm.analytics.fit_mean import NOTHING, Mean, mean_of
from mm.analytics.markets import Mids
from mm.observe.viability import Answer, Row, Sheet, Terms, sheet, unknowns, words
from mm.observe.viability_fields import flow_fields, sheet_fields
from tests.builders.tapes import Hit, S, Top, random_tape, tape_of

TAPE = random_tape(1, seconds=60)
BASE = sheet(TAPE, Terms(maker_fee_ppm=200, horizon_ns=S, distances_bps=(1.0, 3.0)))


def row(distance: float, fills: int, edge: float, half: float) -> Row:
    """One distance with a fee of 2 bps and an interval of +/- half."""
    earned = Mean(fills, edge + 2, half / 2, half / 2, fills) if fills else NOTHING
    return Row(
        distance_bps=distance,
        fills=fills,
        rate_per_s=fills / 100,
        earned=earned,
        impact_bps=distance - edge - 2,
        edge_bps=edge,
        low_bps=edge - half,
        high_bps=edge + half,
    )


def told(*rows: Row) -> Sheet:
    """A sheet of these rows."""
    return replace(BASE, rows=rows)


@pytest.mark.parametrize(
    ("one", "answer"),
    [
        (row(1, 100, -1.0, 0.5), Answer.NO),
        (row(1, 100, -0.5, 0.5), Answer.NOT_KNOWN),
        (row(1, 100, 0.4, 0.5), Answer.NOT_KNOWN),
        (row(1, 100, 0.6, 0.5), Answer.YES),
        (row(1, 29, 9.0, 0.5), Answer.NOT_KNOWN),
        (row(1, 30, 9.0, 0.5), Answer.YES),
        (row(1, 5, -9.0, 0.5), Answer.NO),
        (row(1, 0, -2.0, inf), Answer.NOT_KNOWN),
    ],
)
def test_recommending_takes_more_than_refusing(one: Row, answer: Answer) -> None:
    """Thirty fills and an interval above 0; below 0 fewer refuse; with 0 in it nothing follows."""
    assert one.answer is answer


def test_a_market_that_loses_everywhere_is_a_no_with_what_it_would_take() -> None:
    """The distance beyond which it might be, and the rebate with which it would."""
    found = told(row(1, 100, -3.0, 0.5), row(2, 50, -2.5, 0.5), row(4, 5, -1.0, 3.0))
    assert found.verdict is Answer.NO
    assert found.yes_from_bps is None
    said = " ".join(words(found))
    assert said.startswith("No: with a maker fee of 2 bps every distance up to 2 bps loses with each fill.")
    assert "a fill at 2 bps cost 4.5 bps, so it would be beyond that" in said
    assert "yes at 2 bps with a rebate above" in said
    assert "From 4 bps on there are fewer than 30 fills" in said


def test_a_mean_above_zero_that_proves_nothing_is_told_as_such() -> None:
    """The nearest one, with its interval, or that it has none."""
    found = told(row(1, 100, -3.0, 0.5), row(4, 7, 0.9, 2.9))
    assert found.verdict is Answer.NO
    assert "4 bps (7 fills, 95 % between -2.00 and +3.80), which shows nothing yet" in " ".join(words(found))
    lone = told(row(1, 100, -3.0, 0.5), row(4, 1, 0.9, inf))
    assert "4 bps (1 fills, no interval)" in " ".join(words(lone))


def test_what_is_open_is_not_recommended() -> None:
    """An interval with 0 in it, or too few fills anywhere."""
    opened = told(row(1, 100, -3.0, 0.5), row(2, 40, 0.1, 0.5))
    assert opened.verdict is Answer.NOT_KNOWN
    assert words(opened)[0].startswith("Not recommended")
    few = told(row(1, 10, 5.0, 0.5))
    assert few.verdict is Answer.NOT_KNOWN
    assert few.bearable is None
    assert "none of these distances; the nearest with a mean above 0 is 1 bps" in " ".join(words(few))
    empty = told(row(1, 0, -2.0, inf))
    assert words(empty)[1] == "It would be yes at none of these distances."


def test_a_market_that_earns_is_a_yes_from_the_nearest_distance_on() -> None:
    """With fills, edge and interval; the fee that it bears is of the best distance."""
    found = told(row(1, 100, -3.0, 0.5), row(2, 50, 0.8, 0.5), row(4, 40, 1.5, 0.5))
    assert found.verdict is Answer.YES
    assert found.yes_from_bps == 2
    assert words(found) == (
        "Yes, from 2 bps: with a maker fee of 2 bps, 50 fills left +0.80 bps each"
        " (95 % between +0.30 and +1.30).",
    )
    assert found.bearable is not None
    assert found.bearable[1] == 4
    assert any(sentence.startswith("luck: each of 3 intervals") for sentence in unknowns(found, TAPE))
    paid = replace(found, terms=replace(found.terms, maker_fee_ppm=-50))
    assert "with a rebate of 0.5 bps, 50 fills left" in words(paid)[0]


def test_a_fee_that_would_be_borne_is_said_as_a_fee() -> None:
    """Not as a rebate below 0."""
    found = told(row(1, 100, -1.0, 0.5))
    assert "with a fee below 0." in " ".join(words(found))


def test_the_sheet_is_the_curve_less_the_fee() -> None:
    """Row by row; the touch at the horizon of the terms."""
    free = sheet(TAPE, replace(BASE.terms, maker_fee_ppm=0))
    for paid, unpaid in zip(BASE.rows, free.rows, strict=True):
        assert paid.edge_bps == pytest.approx(unpaid.edge_bps - 2)
        assert paid.high_bps - paid.low_bps == pytest.approx(unpaid.high_bps - unpaid.low_bps)
        assert paid.impact_bps == unpaid.impact_bps == pytest.approx(paid.distance_bps - paid.earned.mean)
    assert BASE.judged is not None
    wide = BASE.judged.impact.half_width
    assert BASE.break_even is not None
    assert BASE.break_even == pytest.approx(
        [2 + BASE.judged.impact.mean + by for by in (0, -wide, wide)], abs=1e-9
    )
    assert BASE.touch_fee is not None
    assert BASE.touch_fee.bps == pytest.approx(BASE.judged.markout.mean)
    assert BASE.touch_fee.low_bps < BASE.touch_fee.bps < BASE.touch_fee.high_bps


def test_a_horizon_beyond_the_tape_leaves_the_touch_open() -> None:
    """Nothing is made up."""
    found = sheet(TAPE, replace(BASE.terms, horizon_ns=100 * S))
    assert (found.judged, found.break_even, found.touch_fee) == (None, None, None)
    fields = sheet_fields(found)
    for name in ("break_even_half_spread", "break_even_maker_fee", "required_rebate"):
        assert [fields[f"{name}{end}_bps"] for end in ("", "_low", "_high")] == [None] * 3
    assert found.verdict is Answer.NOT_KNOWN


def test_what_cannot_be_told_is_told() -> None:
    """How little data, queue, own effect; an assumed fee and what was left out where it applies."""
    losing = told(row(1, 100, -3.0, 0.5))
    assert len(unknowns(losing, TAPE)) == 3
    assumed = replace(losing, terms=replace(BASE.terms, fee_is_assumed=True))
    assumed = replace(assumed, facts=replace(assumed.facts, silence_s=61.2))
    said = " ".join(unknowns(assumed, replace(TAPE, skipped=3)))
    assert "for up to 61 s no best prices came" in said
    assert "1.0 min of one market" in said
    assert "--maker-fee-bps" in said
    assert "3 best prices were crossed" in said


@settings(max_examples=10)
@given(
    seed=st.integers(0, 10**6),
    fee_ppm=st.integers(-1000, 1000),
    distances=st.lists(st.floats(0, 500), min_size=1, max_size=4),
)
def test_every_sheet_is_json_without_what_is_not_finite(
    seed: int, fee_ppm: int, distances: list[float]
) -> None:
    """Whatever the market and the terms; the verdict follows from the rows."""
    tape = random_tape(seed, seconds=35)
    found = sheet(tape, Terms(maker_fee_ppm=fee_ppm, horizon_ns=S, distances_bps=tuple(sorted(distances))))
    text = json.dumps(
        {**sheet_fields(found), **flow_fields(order_flow(tape, Mids(tape)), next_moves(tape))},
        allow_nan=False,
    )
    assert json.loads(text)["verdict"] == found.verdict.value
    assert words(found)
    if found.verdict is Answer.YES:
        assert all(one.low_bps > 0 for one in found.rows if one.distance_bps == found.yes_from_bps)


def test_break_even_is_an_interval_and_a_rebate_is_a_fee_below_zero() -> None:
    """In JSON with both ends; a single order has no interval."""
    fields = sheet_fields(BASE)
    assert BASE.touch_fee is not None
    assert fields["break_even_maker_fee_bps"] == BASE.touch_fee.bps
    assert fields["required_rebate_low_bps"] == -BASE.touch_fee.high_bps
    assert fields["required_rebate_high_bps"] == -BASE.touch_fee.low_bps
    assert fields["mids_before"] == {
        "known": BASE.orders_known,
        "orders": BASE.facts.orders,
        "clock": "arrival",
    }
    assert BASE.judged is not None
    alone = replace(BASE.judged, markout=mean_of([-1.0], [1]), impact=mean_of([1.5], [1]))
    fields = sheet_fields(replace(BASE, judged=alone))
    assert (fields["break_even_half_spread_bps"], fields["required_rebate_bps"]) == (3.5, 1.0)
    assert fields["break_even_half_spread_low_bps"] is fields["required_rebate_high_bps"] is None


def test_a_touch_whose_book_came_first_has_the_half_spread_that_was_quoted() -> None:
    """Against the mid on arrival it would be below 0, and break-even below the fee."""
    tops = [Top(0, 100_000, 100_010)]
    hits = []
    for number in range(1, 60):
        bid = 100_000 + 10 * number
        tops.append(Top(number, bid, bid + 10))
        hits.append(Hit(number + 0.01, bid, 1))  # the ask that was there before, now the bid
        hits.append(Hit(number + 0.5, bid, -1))
    found = sheet(tape_of(tops, hits), replace(BASE.terms, horizon_ns=S))
    assert found.judged is not None
    assert found.judged.half_spread.mean == pytest.approx(0.5, rel=0.01)
    assert found.break_even is not None
    assert found.break_even.bps >= found.terms.maker_fee_bps


def test_a_mean_without_values_is_null_in_json() -> None:
    """Not 0."""
    fields = sheet_fields(told(replace(row(1, 0, -2.0, inf), earned=mean_of([], []))))
    (distance,) = json.loads(json.dumps(fields, allow_nan=False))["distances"]
    assert distance["edge_bps"] is distance["impact_bps"] is distance["low_bps"] is None
    assert distance["earned"]["mean_bps"] is None
    assert fields["bearable_fee_bps"] is None
