"""Seeds that once broke an invariant, kept with what it was; each bug has a test of its own beside.

The gate runs the newest, `-m "proof or not proof"` all of them. What a seed draws changes with the faults
there are: a kept seed is a run that was bad once, no proof.
"""

from typing import Final

import pytest

from mm.runtime.simulate.plan import plan_of
from mm.runtime.simulate.world import simulate

KEPT: Final = (
    (8, 5_000, "fills_of_a_process_elsewhere_are_no_inventory_of_ours"),
    (27, 5_000, "a_wrong_top_as_the_second_price_became_the_reference"),
    (41, 5_000, "a_position_was_left_before_its_recovery_was_through"),
    (55, 3_000, "a_fill_that_a_listing_passed_over_and_the_proof_did_not_look_for"),
    (93, 3_000, "depth_that_had_waited_in_the_socket_looked_new_after_a_suspend"),
    (184, 3_000, "an_order_whose_record_went_with_the_power_is_found_at_the_venue"),
    (195, 3_000, "a_difference_of_balances_that_a_fill_explained"),
    (216, 3_000, "a_position_was_left_by_a_process_that_was_fenced"),
    (235, 4_000, "fills_passed_over_by_a_listing"),
    (276, 3_000, "a_config_that_became_tighter_while_nothing_ran"),
    (289, 3_000, "a_fill_that_was_hidden_for_longer_than_a_proof_takes"),
    (348, 3_000, "what_was_written_down_and_never_sent_is_taken_over_too"),
    (442, 3_000, "many_starts_within_a_minute_used_up_the_budget"),
    (2019, 3_000, "an_order_whose_record_was_torn_by_the_power_is_found_at_the_venue"),
    (30_026, 5_000, "a_start_without_budget_did_not_say_what_it_waits_for"),
    (30_056, 3_500, "the_way_out_listed_orders_while_the_venue_had_banned_us"),
    (30_101, 5_000, "an_order_that_is_rejected_and_filled_at_once_was_given_up"),
    (30_176, 5_000, "orders_on_their_way_after_a_spent_budget_are_no_silence"),
    (30_266, 5_000, "an_operator_called_before_the_end_lifted_a_halt_after_the_stop"),
    (31_004, 5_000, "a_deposit_leaned_the_ladder_beyond_every_collar"),
    (31_168, 3_000, "a_lie_outlived_a_looser_band"),
    (50_173, 5_000, "a_fill_that_was_listed_after_the_holdings_were_counted"),
    (50_233, 5_000, "an_overfill_that_the_engine_had_not_heard_of_yet"),
    (50_543, 3_000, "fifteen_starts_within_a_minute_and_the_venues_count_of_them"),
    (51_061, 3_000, "a_halted_start_that_could_not_know_of_an_order"),
    (70_194, 5_000, "a_cap_on_orders_made_so_small_that_one_session_fills_it"),
    (70_489, 5_000, "an_overfill_of_an_earlier_life_that_was_told_after_the_holdings_were_counted"),
    (70_865, 5_000, "orders_wait_for_their_proof_while_the_budget_is_spent"),
    (90_249, 5_000, "an_exit_that_was_filled_in_silence_and_refused_by_word"),
    (110_674, 5_000, "an_overfill_of_an_earlier_life_on_a_symbol_of_two_sessions"),
    (919, None, "a_loss_marked_at_a_mid_between_what_nobody_else_left"),
    (1_859, None, "a_fill_of_a_session_that_a_later_one_on_its_symbol_counted_as_held"),
    (2_396, None, "holdings_that_were_older_than_a_fill_that_was_taken_for_held"),
    (2_464, None, "a_count_of_the_holdings_that_went_with_the_power"),
    (130_356, 5_000, "fills_before_a_count_of_the_holdings_that_was_lost"),
    (2_764, None, "a_top_just_before_changes_whose_clock_stands"),
    (41, 1_000, "a_halt_that_a_person_lifted_at_the_moment_of_the_verdict"),
    (2_616, None, "a_session_that_counts_its_holdings_at_the_moment_of_the_verdict"),
    (200_208, 5_000, "placements_that_a_clock_set_forward_made_older_than_a_minute"),
    (200_417, 5_000, "placements_that_a_clock_set_forward_made_older_than_they_were"),
    (200_447, 5_000, "placements_of_two_lives_before_that_a_clock_set_forward_made_older"),
    (200_541, 5_000, "a_position_whose_market_had_no_price_since_the_start"),
    (200_369, 5_000, "a_session_crowded_out_by_orders_that_were_just_replaced"),
    (200_995, 5_000, "an_order_held_for_working_that_no_listing_was_asked_for_again"),
    (200_013, 5_000, "a_fill_of_long_ago_that_was_told_after_the_holdings_had_been_counted"),
    (200_776, 5_000, "a_fill_of_long_ago_that_was_told_before_the_session_was_counted_in"),
    (200_986, 5_000, "a_process_elsewhere_between_two_lives_that_were_both_over"),
    (300_017, 5_000, "a_recovery_whose_record_went_with_the_power_is_done_again"),
    (301_128, 5_000, "a_session_whose_first_orders_were_on_their_way_at_the_verdict"),
    (400_461, 5_000, "an_order_that_had_ended_while_a_listing_still_showed_it"),
    (400_656, 5_000, "holdings_counted_by_an_answer_of_long_ago"),
    (400_746, 5_000, "fills_of_orders_whose_record_went_with_the_power"),
    (401_087, 5_000, "an_id_that_another_process_of_the_same_epoch_had_used"),
    (500_067, 5_000, "a_deep_listing_of_fills_that_was_begun_again_before_it_ended"),
    (600_544, 5_000, "a_pause_for_money_that_moved_outlasts_a_halt_that_was_lifted"),
    (600_063, 5_000, "a_fill_of_an_order_that_had_ended_heard_of_after_an_orderly_end"),
    (700_336, 5_000, "a_whole_book_that_waited_for_a_process_that_stood_still"),
    (800_915, 5_000, "a_way_out_that_waits_for_that_of_another_session_on_the_other_side"),
    (800_917, 5_000, "a_band_made_tighter_while_the_venue_answered_nothing"),
    (901_161, 5_000, "fills_of_orders_whose_record_went_with_the_power_and_that_were_found"),
)
"""Seed, steps (None: as long as a minute of faults takes), what it was; the newest last."""

NEWEST: Final = 5
"""So many of them run in the gate."""


@pytest.mark.parametrize(
    ("seed", "steps"),
    [
        pytest.param(seed, steps, id=name, marks=() if place >= len(KEPT) - NEWEST else pytest.mark.proof)
        for place, (seed, steps, name) in enumerate(KEPT)
    ],
)
def test_a_seed_that_broke_once_breaks_no_more(seed: int, steps: int | None) -> None:
    """Run as it was found: every invariant, at every step."""
    outcome = simulate(plan_of(seed) if steps is None else plan_of(seed, steps=steps))
    assert outcome.steps >= (steps or 1_000)
