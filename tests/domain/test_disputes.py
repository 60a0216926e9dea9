"""What a dispute holds of a payment, at each of the processor's statuses."""

import pytest

from returndesk.domain.disputes import Dispute


@pytest.mark.parametrize(
    ("status", "is_refundable", "held_minor", "is_over"),
    [
        ("needs_response", False, 500, False),
        ("under_review", False, 500, False),
        ("appeal_under_review", False, 500, False),
        ("a status of next year", False, 500, False),
        ("warning_needs_response", True, 0, False),
        ("warning_under_review", True, 0, False),
        ("won", False, 0, True),
        ("warning_closed", False, 0, True),
        ("prevented", False, 0, True),
        ("lost", False, 500, True),
        ("lost", True, 500, True),
    ],
)
def test_a_dispute_holds_its_money_until_the_bank_lets_it_go(
    status: str, is_refundable: bool, held_minor: int, is_over: bool
) -> None:
    dispute = Dispute("du_1", status, 500, is_refundable)
    assert (dispute.held_minor, dispute.is_over) == (held_minor, is_over)
