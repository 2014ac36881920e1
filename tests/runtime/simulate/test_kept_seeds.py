"""Seeds that once broke an invariant, kept with what it was; each bug has a test of its own beside.

What a seed draws changes with the faults there are: a kept seed is a run that was bad once, no proof.
"""

import pytest

from mm.runtime.simulate.plan import plan_of
from mm.runtime.simulate.world import simulate


@pytest.mark.parametrize(
    ("seed", "steps"),
    [
        pytest.param(8, 5_000, id="fills_of_a_process_elsewhere_are_no_inventory_of_ours"),
        pytest.param(27, 5_000, id="a_wrong_top_as_the_second_price_became_the_reference"),
        pytest.param(41, 5_000, id="a_position_was_left_before_its_recovery_was_through"),
        pytest.param(55, 3_000, id="a_fill_that_a_listing_passed_over_and_the_proof_did_not_look_for"),
        pytest.param(93, 3_000, id="depth_that_had_waited_in_the_socket_looked_new_after_a_suspend"),
        pytest.param(184, 3_000, id="an_order_whose_record_went_with_the_power_is_found_at_the_venue"),
        pytest.param(195, 3_000, id="a_difference_of_balances_that_a_fill_explained"),
        pytest.param(216, 3_000, id="a_position_was_left_by_a_process_that_was_fenced"),
        pytest.param(235, 4_000, id="fills_passed_over_by_a_listing"),
        pytest.param(276, 3_000, id="a_config_that_became_tighter_while_nothing_ran"),
        pytest.param(289, 3_000, id="a_fill_that_was_hidden_for_longer_than_a_proof_takes"),
        pytest.param(348, 3_000, id="what_was_written_down_and_never_sent_is_taken_over_too"),
        pytest.param(442, 3_000, id="many_starts_within_a_minute_used_up_the_budget"),
        pytest.param(2019, 3_000, id="an_order_whose_record_was_torn_by_the_power_is_found_at_the_venue"),
        pytest.param(30_026, 5_000, id="a_start_without_budget_did_not_say_what_it_waits_for"),
        pytest.param(30_056, 3_500, id="the_way_out_listed_orders_while_the_venue_had_banned_us"),
        pytest.param(30_101, 5_000, id="an_order_that_is_rejected_and_filled_at_once_was_given_up"),
        pytest.param(30_176, 5_000, id="orders_on_their_way_after_a_spent_budget_are_no_silence"),
        pytest.param(30_266, 5_000, id="an_operator_called_before_the_end_lifted_a_halt_after_the_stop"),
        pytest.param(31_004, 5_000, id="a_deposit_leaned_the_ladder_beyond_every_collar"),
        pytest.param(31_168, 3_000, id="a_lie_outlived_a_looser_band"),
        pytest.param(50_173, 5_000, id="a_fill_that_was_listed_after_the_holdings_were_counted"),
        pytest.param(50_233, 5_000, id="an_overfill_that_the_engine_had_not_heard_of_yet"),
        pytest.param(50_543, 3_000, id="fifteen_starts_within_a_minute_and_the_venues_count_of_them"),
        pytest.param(51_061, 3_000, id="a_halted_start_that_could_not_know_of_an_order"),
        pytest.param(70_194, 5_000, id="a_cap_on_orders_made_so_small_that_one_session_fills_it"),
        pytest.param(
            70_489, 5_000, id="an_overfill_of_an_earlier_life_that_was_told_after_the_holdings_were_counted"
        ),
        pytest.param(70_865, 5_000, id="orders_wait_for_their_proof_while_the_budget_is_spent"),
        pytest.param(90_249, 5_000, id="an_exit_that_was_filled_in_silence_and_refused_by_word"),
        pytest.param(110_674, 5_000, id="an_overfill_of_an_earlier_life_on_a_symbol_of_two_sessions"),
    ],
)
def test_a_seed_that_broke_once_breaks_no_more(seed: int, steps: int) -> None:
    """Run as it was found: every invariant, at every step."""
    outcome = simulate(plan_of(seed, steps=steps))
    assert outcome.steps >= steps
