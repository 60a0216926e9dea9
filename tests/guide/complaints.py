"""What users of other shops' software complain about, what naive code gets wrong, and the test that shows each here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Named = tuple[str, ...]
"""A file under tests/, and the tests in it."""


@dataclass(frozen=True)
class Complaint:
    """What goes wrong elsewhere, where it was seen, and which tests show that it does not here."""

    says: str
    tests: tuple[Named, ...]
    seen: str = ""


COMPLAINTS = (
    Complaint(
        "A pending or failed refund is shown as done, and the customer is told so",
        (
            (
                "workflows/test_complaints.py",
                "test_a_pending_refund_is_nowhere_shown_as_done_whatever_it_waits_for",
                "test_a_refund_that_failed_or_was_canceled_is_nowhere_shown_as_done",
            ),
            ("templates/test_emails.py", "test_only_a_confirmed_refund_is_called_refunded"),
        ),
        "woocommerce-gateway-stripe #4405, #1523; woocommerce-payments #1195",
    ),
    Complaint(
        "A refund that was paid is shown as open or failed",
        (
            (
                "activities/test_processor_events.py",
                "test_a_pending_refund_is_asked_after_even_where_no_event_comes",
            ),
            (
                "activities/test_refund_protocol.py",
                "test_an_answer_that_comes_after_we_stopped_waiting_is_not_paid_again",
            ),
        ),
        "craftcms/commerce-stripe #134",
    ),
    Complaint(
        "A webhook or a second click pays twice",
        (
            (
                "activities/test_processor_events.py",
                "test_events_that_come_twice_and_in_any_order_count_once",
                "test_hints_that_wait_together_are_answered_by_one_look",
            ),
            ("workflows/test_concurrency.py", "test_twenty_clicks_on_decide_pay_once"),
            ("activities/test_refund_protocol.py", "test_trouble_at_stripe_never_pays_twice"),
        ),
        "woocommerce-gateway-stripe #838, #2724",
    ),
    Complaint(
        "Money moved, and the database was rolled back",
        (
            (
                "faults/test_every_point.py",
                "test_a_worker_killed_at_every_point_pays_once_and_forgets_nothing",
                "test_an_api_killed_at_every_point_pays_once_and_forgets_nothing",
            ),
            (
                "faults/test_database_trouble.py",
                "test_a_database_locked_for_seconds_delays_a_return_and_loses_nothing",
            ),
        ),
        "vendure #3680",
    ),
    Complaint(
        "The refund exceeds the payment by a cent",
        (
            (
                "workflows/test_amounts.py",
                "test_three_partial_returns_add_up_to_the_payment_with_the_shipping_on_the_last",
            ),
            (
                "domain/test_settlement.py",
                "test_what_does_not_divide_is_given_back_to_the_penny_over_three_returns",
                "test_however_an_order_comes_back_exactly_what_was_paid_goes_back",
            ),
        ),
        "woocommerce #26734, #41919, #64668; medusa #13091",
    ),
    Complaint(
        "A partial return ignores the discount",
        (
            (
                "workflows/test_amounts.py",
                "test_a_discount_comes_off_each_unit_and_the_last_unit_takes_what_is_left",
            ),
            ("domain/test_settlement.py", "test_a_discount_goes_back_with_the_units_that_had_it"),
        ),
        "solidus #512; erpnext #50944, #54628; vendure #2762; Sylius RefundPlugin #252",
    ),
    Complaint(
        "A refund that failed blocks the next one, or corrupts the totals",
        (
            (
                "workflows/test_failed_refunds.py",
                "test_a_bank_rejection_ten_days_on_is_asked_for_again_and_paid",
                "test_a_refund_that_fails_again_can_be_asked_for_a_third_time",
                "test_two_people_who_ask_again_at_once_pay_once",
                "test_money_paid_by_hand_settles_the_return_and_the_customer_is_told_how",
            ),
        ),
        "vendure #3152, #873, #3670; solidus #3831",
    ),
    Complaint(
        "A legitimate refund is refused",
        (
            (
                "workflows/test_eligibility.py",
                "test_a_fault_in_a_final_sale_waits_for_a_person_instead_of_being_refused",
                "test_the_rules_are_enforced_and_only_advise_a_rep_who_says_why",
            ),
            ("domain/test_eligibility.py", "test_a_fault_is_never_refused_unseen"),
        ),
        "medusa #9261, #10842",
    ),
    Complaint(
        "An order that was paid twice cannot be refunded",
        (
            (
                "workflows/test_complaints.py",
                "test_an_order_that_was_paid_twice_gives_the_goods_back_once",
            ),
            (
                "workflows/test_amounts.py",
                "test_two_payments_give_back_with_the_fewest_refunds_and_never_more_than_they_took",
            ),
        ),
        "saleor-dashboard #4349",
    ),
    Complaint(
        "More can be refunded, or returned, than was bought",
        (
            ("store/test_orders.py", "test_a_payment_gives_back_what_it_captured_and_no_more"),
            ("workflows/test_concurrency.py", "test_more_requests_than_units_get_exactly_the_units"),
        ),
        "medusa #4052",
    ),
    Complaint(
        "There is no real return with a number of its own",
        (
            (
                "workflows/test_plain_way.py",
                "test_five_commands_lead_from_the_request_to_the_money",
            ),
            ("domain/test_rma.py", "test_every_single_wrong_character_is_found"),
        ),
        "vendure #3576; solidus #1093; OCA/rma #473",
    ),
    Complaint(
        "Requested three, received two, refunded three",
        (
            (
                "workflows/test_complaints.py",
                "test_requested_three_received_two_refunded_two",
            ),
            (
                "workflows/test_odd_parcels.py",
                "test_more_than_was_requested_is_not_refunded_without_a_person",
            ),
        ),
        "spree #14678",
    ),
    Complaint(
        "Quantities and stock are wrong after a partial or late parcel",
        (
            ("workflows/test_complaints.py", "test_requested_three_received_two_refunded_two"),
            (
                "workflows/test_odd_parcels.py",
                "test_the_missing_item_turns_up_after_the_end_and_is_paid_for_once",
            ),
            ("domain/test_lots.py", "units_are_conserved"),
        ),
        "OCA/rma #418, #268; saleor #16667",
    ),
    Complaint(
        "Who handles goods can also move money",
        (
            (
                "domain/test_people.py",
                "test_each_role_may_ask_for_what_the_design_says",
                "test_returndesk_itself_asks_for_nothing_and_finance_only_for_money_to_be_paid_or_its_own_tasks",
            ),
            (
                "api/test_surface.py",
                "test_every_route_keeps_out_who_is_nobody_and_whose_role_may_not",
            ),
            (
                "workflows/test_approval.py",
                "test_above_the_limit_nothing_is_paid_before_another_manager_approves",
            ),
        ),
        "PrestaShop #24521; craftcms/commerce #188",
    ),
    Complaint(
        "Customers are mailed at one step or none",
        (
            (
                "workflows/test_plain_way.py",
                "test_five_commands_lead_from_the_request_to_the_money",
            ),
            ("guide/test_pages.py", "test_the_page_of_returns_says_what_the_program_does"),
        ),
        "polar #8190; nopCommerce #1797; opencart #1570",
    ),
    Complaint(
        "Time on hold is taken out as time on the wall, and deadlines land outside of opening hours",
        (
            (
                "domain/test_clock_complaints.py",
                "test_a_pause_takes_out_only_the_business_time_it_overlapped",
                "test_a_pause_from_closing_to_opening_moves_no_deadline",
                "test_a_pause_over_the_weekend_moves_no_deadline",
                "test_a_pause_moves_the_deadline_once",
                "test_a_deadline_after_a_pause_lies_in_opening_hours",
                "test_a_pause_that_began_before_the_shop_opened_counts_from_when_it_opened",
                "test_what_is_over_shows_the_time_without_the_pause",
                "test_a_lunch_break_is_nobodys_time",
                "test_two_pauses_at_once_take_their_time_out_once",
                "test_a_late_clock_is_not_made_punctual_by_a_pause",
            ),
            (
                "workflows/test_questions.py",
                "test_a_question_stops_both_clocks_until_the_customer_says_something",
            ),
        ),
        "erpnext #47029, #47172, #47884, #49414, #51111, #52489",
    ),
    Complaint(
        "An edit of the policy changes orders that were made before",
        (
            (
                "workflows/test_clock_accounts.py",
                "test_an_open_return_keeps_its_instants_and_rules_when_the_policy_file_changes",
            ),
            (
                "workflows/test_recalculation.py",
                "test_a_new_closed_day_moves_an_open_return_only_when_a_manager_says_so",
            ),
        ),
        "bagisto #11100",
    ),
    Complaint(
        "The window runs from the dispatch, so what the carrier brought late is refused",
        (
            (
                "workflows/test_eligibility.py",
                "test_the_window_begins_at_the_door_and_where_nobody_knows_when_that_was_a_person_asks",
            ),
            ("domain/test_eligibility.py", "test_the_window_is_thirty_days_from_delivery"),
        ),
        "Loop",
    ),
)

MONEY = (
    Complaint(
        "Discounts and taxes are shared out in floating point, or with the rounding on the wrong line",
        (
            (
                "domain/test_money.py",
                "test_what_is_allocated_sums_to_what_there_was",
                "test_only_the_largest_remainders_get_the_odd_units",
                "test_units_returned_in_any_order_of_parcels_sum_to_the_line",
            ),
            ("architecture/test_imports.py", "test_no_float_comes_near_money"),
        ),
    ),
    Complaint(
        "Tax and price are computed anew, with today's rates",
        (
            (
                "workflows/test_amounts.py",
                "test_tax_on_top_comes_back_with_the_goods",
                "test_tax_that_prices_include_is_not_paid_twice",
            ),
            ("store/test_orders.py", "test_what_a_return_was_built_on_does_not_change"),
        ),
    ),
    Complaint(
        "Currencies without decimals, or with three, are a hundred times too much or too little, also when read",
        (
            ("workflows/test_amounts.py", "test_yen_have_no_decimals"),
            (
                "workflows/test_complaints.py",
                "test_dinars_have_three_decimals_in_the_refund_and_in_the_mail",
                "test_an_amount_that_stripe_cannot_pay_is_finances_task_and_no_dead_end",
            ),
            (
                "domain/test_money.py",
                "test_the_processor_is_sent_what_it_counts_in",
                "test_an_amount_is_read_in_the_currencys_own_decimals",
            ),
            ("templates/test_emails.py", "test_money_has_its_currencys_sign_and_decimals"),
        ),
        "woocommerce-gateway-stripe #435; gumroad #3749; stripe-sfcc-b2c-connector #31",
    ),
    Complaint(
        "What is in flight is not counted, and two at once refund more than was captured",
        (
            (
                "store/test_money_races.py",
                "test_eight_processes_reserve_exactly_what_a_payment_has",
                "test_two_processes_never_claim_one_unit_twice",
            ),
            (
                "store/test_orders.py",
                "test_a_payment_gives_back_what_it_captured_and_no_more",
                "test_money_gone_elsewhere_lowers_the_room_and_noting_it_never_fails",
            ),
        ),
    ),
    Complaint(
        "What did not come, or was not accepted, is paid for",
        (
            ("domain/test_settlement.py", "test_only_accepted_units_are_paid_for"),
            ("workflows/test_plain_way.py", "test_what_is_missing_or_used_is_not_paid_for"),
        ),
    ),
    Complaint(
        "A part comes back, and the rest is below the threshold of a coupon or of free delivery",
        (
            (
                "domain/test_settlement.py",
                "test_a_part_that_comes_back_takes_neither_the_coupon_nor_free_delivery_from_what_is_kept",
                "test_shipping_goes_back_where_the_policy_says_so_and_once",
            ),
        ),
    ),
)

STRIPE = (
    Complaint(
        "Only some of a refund's five statuses are known",
        (
            (
                "workflows/test_refunds_that_wait.py",
                "test_the_customer_is_asked_told_that_it_is_sent_and_told_that_it_is_paid",
                "test_it_is_neither_asked_for_again_nor_paid_by_hand_while_it_waits",
            ),
            (
                "workflows/test_complaints.py",
                "test_a_pending_refund_is_nowhere_shown_as_done_whatever_it_waits_for",
                "test_a_refund_that_failed_or_was_canceled_is_nowhere_shown_as_done",
            ),
            ("domain/test_stages.py", "test_a_refunds_status_is_to_send_taken_or_over"),
        ),
    ),
    Complaint(
        "A refund is asked for without an idempotency key, or under one that Stripe has forgotten",
        (
            (
                "activities/test_refund_protocol.py",
                "test_trouble_at_stripe_never_pays_twice",
                "test_a_key_that_stripe_may_have_forgotten_is_never_sent_again",
                "test_a_replayed_error_is_proven_absent_by_two_listings_before_another_key_is_used",
            ),
        ),
    ),
    Complaint(
        "Succeeded is taken for final, and nobody hears when the bank sends it back",
        (
            (
                "workflows/test_complaints.py",
                "test_a_refund_that_the_bank_sends_back_a_month_later_is_owed_again",
            ),
            (
                "activities/test_processor_events.py",
                "test_a_refund_that_fails_days_later_is_reversed_once_and_its_clock_runs_again",
            ),
        ),
    ),
    Complaint(
        "Nobody can say when a refund was decided, sent and credited, or give the bank its reference",
        (
            (
                "workflows/test_complaints.py",
                "test_finance_sees_when_a_refund_was_decided_submitted_and_credited",
            ),
            (
                "templates/test_emails.py",
                "test_the_refund_confirmation_names_the_reference_the_bank_can_trace",
            ),
        ),
    ),
    Complaint(
        "A refund to an expired card is tried again blindly",
        (("workflows/test_complaints.py", "test_an_expired_card_is_finances_task_and_no_blind_retry"),),
    ),
    Complaint(
        "Disputed and already refunded payments are tried again and again",
        (
            (
                "activities/test_refund_protocol.py",
                "test_stripes_no_is_an_outcome_with_a_task_and_no_customer_is_told_of_money",
            ),
            (
                "activities/test_disputes.py",
                "test_a_dispute_before_the_refund_is_an_outcome_with_a_task_and_once_won_the_refund_goes_out",
            ),
        ),
        "lago-api #6257",
    ),
    Complaint(
        "A chargeback after the refund pays twice",
        (
            (
                "activities/test_disputes.py",
                "test_a_chargeback_after_the_refund_brings_finance_the_evidence_and_the_return_ends_again",
            ),
        ),
        "gumroad #4372",
    ),
    Complaint(
        "A dispute that was won leaves the payment locked",
        (
            (
                "activities/test_disputes.py",
                "test_a_dispute_before_the_refund_is_an_outcome_with_a_task_and_once_won_the_refund_goes_out",
            ),
        ),
        "woocommerce-payments #4931",
    ),
    Complaint(
        "Refunds made in the dashboard are not seen",
        (
            (
                "workflows/test_failed_refunds.py",
                "test_a_refund_made_in_the_dashboard_between_reservation_and_call_is_not_paid_again",
            ),
            (
                "store/test_orders.py",
                "test_money_gone_elsewhere_lowers_the_room_and_noting_it_never_fails",
            ),
        ),
        "pretix #343",
    ),
    Complaint(
        "A refund that hangs is declared failed without asking Stripe",
        (
            (
                "activities/test_refund_protocol.py",
                "test_a_refund_that_cannot_be_proven_becomes_a_persons_task_and_is_paid_once_proven",
            ),
            (
                "workflows/test_failed_refunds.py",
                "test_a_refund_nobody_knows_the_fate_of_is_not_paid_another_way",
            ),
        ),
    ),
)

GOODS = (
    Complaint(
        "The parcel never arrives",
        (
            (
                "workflows/test_clocks.py",
                "test_goods_that_never_come_are_reminded_of_after_14_days_and_expire_after_28",
            ),
            (
                "workflows/test_shipments.py",
                "test_a_parcel_that_was_sent_is_not_reminded_of_and_is_looked_for_instead_of_expiring",
            ),
            (
                "workflows/test_odd_parcels.py",
                "test_a_lost_parcel_is_a_persons_to_decide_and_nothing_is_paid_twice_when_it_turns_up",
            ),
        ),
    ),
    Complaint(
        "It arrives unannounced, or before the yes",
        (
            (
                "workflows/test_odd_parcels.py",
                "test_what_comes_before_the_yes_is_recorded_and_a_person_decides",
                "test_more_than_was_requested_is_not_refunded_without_a_person",
                "test_units_of_another_return_are_not_given_back_twice",
            ),
        ),
    ),
    Complaint(
        "It arrives after expiry, cancellation, the shop's no, or the end",
        (
            (
                "workflows/test_odd_parcels.py",
                "test_a_parcel_for_an_ended_return_makes_it_run_again",
                "test_the_missing_item_turns_up_after_the_end_and_is_paid_for_once",
                "test_a_unit_that_another_return_took_meanwhile_is_not_paid_for_twice",
            ),
        ),
    ),
    Complaint(
        "Something else is in the box",
        (
            (
                "workflows/test_odd_parcels.py",
                "test_something_else_instead_is_sent_back_and_nothing_is_paid",
            ),
        ),
    ),
    Complaint(
        "The box is empty",
        (
            (
                "workflows/test_odd_parcels.py",
                "test_an_empty_box_is_decided_by_a_person_and_said_as_it_is",
            ),
        ),
    ),
    Complaint(
        "It comes in two parcels",
        (
            ("domain/test_lots.py", "test_the_rest_may_come_in_another_parcel"),
            (
                "workflows/test_odd_parcels.py",
                "test_a_parcel_that_comes_while_a_manager_has_to_approve_is_decided_after_that",
            ),
        ),
    ),
    Complaint(
        "Units of one line come in different conditions",
        (
            ("domain/test_lots.py", "test_mixed_grades_in_one_line_split_it"),
            ("workflows/test_grading.py", "test_facts_are_graded_by_the_policy_lot_by_lot"),
        ),
    ),
    Complaint(
        "What is put aside for processing stays there for ever",
        (
            (
                "workflows/test_dispositions.py",
                "test_goods_on_hold_are_restocked_after_the_return_has_closed",
            ),
        ),
    ),
    Complaint(
        "Rejected goods lie about, and nobody has to send them back",
        (
            (
                "workflows/test_goods_back.py",
                "test_goods_that_were_sent_back_are_off_the_list_and_the_customer_has_the_number",
                "test_goods_that_did_not_leave_in_time_are_a_managers_and_the_customer_has_a_new_date",
            ),
        ),
    ),
)

CLOCKS = (
    Complaint(
        "The policy and the deadline of an open case follow today's file",
        (
            (
                "workflows/test_clock_accounts.py",
                "test_an_open_return_keeps_its_instants_and_rules_when_the_policy_file_changes",
            ),
        ),
    ),
    Complaint(
        "Nobody knows when it was delivered",
        (
            (
                "domain/test_eligibility.py",
                "test_without_a_delivery_it_counts_from_the_orders_date_and_five_days",
                "test_where_no_delivery_is_recorded_a_person_asks_when_it_came_before_anything_is_refused",
            ),
        ),
    ),
    Complaint(
        "More than the business time that a pause overlapped is taken out",
        (
            (
                "domain/test_clock_complaints.py",
                "test_a_pause_takes_out_only_the_business_time_it_overlapped",
            ),
            ("workflows/test_clock_accounts.py", "test_nobody_can_hide_behind_goods_in_transit"),
        ),
    ),
    Complaint(
        "A holiday is added while cases are open",
        (
            (
                "domain/test_clock_complaints.py",
                "test_a_holiday_added_in_mid_case_moves_nothing_until_somebody_counts_with_it",
            ),
        ),
    ),
    Complaint(
        "The clocks change",
        (
            (
                "domain/test_clock_complaints.py",
                "test_five_days_are_five_days_in_the_week_in_which_the_clocks_change",
                "test_a_night_shift_on_the_night_with_an_hour_more_is_one_day",
                "test_a_day_whose_only_hour_the_clocks_left_out_is_no_holiday",
            ),
        ),
    ),
    Complaint(
        "A case is opened again",
        (
            (
                "domain/test_clock_complaints.py",
                "test_a_return_that_is_opened_again_goes_on_where_its_clock_stood",
            ),
            ("workflows/test_clocks.py", "test_after_a_failed_refund_its_clock_goes_on_where_it_stood"),
        ),
    ),
    Complaint(
        "The customer writes out of hours",
        (
            (
                "domain/test_clock_complaints.py",
                "test_a_contact_out_of_hours_starts_its_clock_and_uses_nothing_until_the_shop_opens",
            ),
            (
                "workflows/test_clock_accounts.py",
                "test_a_contact_out_of_hours_before_a_bank_holiday_is_told_why_nothing_counted",
            ),
        ),
    ),
    Complaint(
        "Nobody knows which event starts which clock",
        (
            (
                "workflows/test_questions.py",
                "test_the_clocks_run_from_when_the_customer_spoke_not_from_when_it_was_recorded",
            ),
            (
                "workflows/test_clock_accounts.py",
                "test_a_contact_out_of_hours_before_a_bank_holiday_is_told_why_nothing_counted",
            ),
        ),
    ),
    Complaint(
        "A deadline that was missed is forgotten once the case is over, or stays somebody's task",
        (
            (
                "workflows/test_clock_accounts.py",
                "test_a_breach_stays_a_breach_after_the_return_is_over",
            ),
            ("workflows/test_clocks.py", "test_what_was_late_is_nobodys_task_any_more_once_it_is_done"),
        ),
    ),
)

SECTIONS: dict[str, tuple[Complaint, ...]] = {
    "What users complain about": COMPLAINTS,
    "What naive code gets wrong: money": MONEY,
    "What naive code gets wrong: Stripe": STRIPE,
    "What naive code gets wrong: goods": GOODS,
    "What naive code gets wrong: clocks": CLOCKS,
}

NOT_BUILT = (
    "Exchange, with its difference and a replacement that may be out of stock; the customer who keeps the first one "
    "and sends the exchange back.",
    "Store credit.",
    "Fees and deductions, and that they never push a refund below zero.",
    "A payment that was captured in several parts, each with a balance of its own.",
    "A payment in another currency than the order's: both amounts.",
    "Watching Stripe for refunds that came back where no event arrives: the daily reconciliation.",
    "Why a pending refund waits (Stripe's `pending_reason`): finance sees that it does.",
    "Clocks that start at another event than the contact.",
)
"""What belongs to a later part of the product."""


def page() -> str:
    """docs/complaints.md."""
    parts = [
        """# Complaints, and the tests that answer them

What users of other software for shops complain about, and what code that was written too quickly gets wrong, as far as it touches
returns, refunds and clocks. Beside each stands the test that shows how it is here. The list is `tests/guide/complaints.py`; a test fails
where one of these does not exist. What happens in each case is in [returns](returns.md).
"""
    ]
    for title, complaints in SECTIONS.items():
        parts += [f"## {title}\n", *(_entry(complaint) for complaint in complaints), ""]
    parts += ["## Not built yet\n", *(f"- {what}" for what in NOT_BUILT), ""]
    return "\n".join(parts)


def _entry(complaint: Complaint) -> str:
    seen = f" ({complaint.seen})" if complaint.seen else ""
    return "\n".join([f"- **{complaint.says}**{seen}", *_links(complaint.tests)])


def _links(tests: Sequence[Named]) -> Iterator[str]:
    for file, *names in tests:
        yield from (f"  - [`{name}`](../tests/{file})" for name in names)
