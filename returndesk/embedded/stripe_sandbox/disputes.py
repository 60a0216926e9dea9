"""Disputes: the customer's bank takes a charge's money back, and decides later whose it is."""

from typing import Any

from returndesk.embedded.stripe_sandbox.errors import Refusal
from returndesk.embedded.stripe_sandbox.payments import balance_transaction
from returndesk.embedded.stripe_sandbox.records import Document
from returndesk.embedded.stripe_sandbox.refunds import fail
from returndesk.embedded.stripe_sandbox.work import Work, new_id

EVIDENCE_DUE_AFTER = 9 * 86_400
OPEN = "needs_response"
INQUIRY = "warning_needs_response"
RESULTS = {"won": OPEN, "lost": OPEN, "warning_closed": INQUIRY}
"""How a dispute may end, and how it stands before."""


def open_dispute(
    work: Work, charge: Document, amount_minor: int, reason: str, *, inquiry: bool = False
) -> Document:
    """The bank takes the money back: pending refunds fail, and new ones are refused unless it is won.

    An inquiry takes nothing: the bank only asks.
    """
    dispute: dict[str, Any] = {
        "id": new_id("du_"),
        "object": "dispute",
        "amount": amount_minor,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": work.at,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": work.at + EVIDENCE_DUE_AFTER,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": inquiry,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "status": INQUIRY if inquiry else OPEN,
    }
    work.records.add(dispute)
    work.change(charge, disputed=True)
    work.emit("charge.dispute.created", dispute)
    if inquiry:
        return dispute
    _book_dispute(work, dispute, -amount_minor)
    work.emit("charge.dispute.funds_withdrawn", dispute)
    for refund in work.records.every("refund", charge=charge["id"]):
        if refund["status"] == "pending":
            fail(work, refund, "charge_for_pending_refund_disputed")
    return dispute


def close_dispute(work: Work, dispute: Document, result: str) -> Document:
    """The bank decides; a won dispute gives the money back to the shop."""
    if dispute["status"] != RESULTS[result]:
        raise Refusal(400, f"This dispute is {dispute['status']}; it cannot be {result}.")
    before = work.change(dispute, status=result, is_charge_refundable=result != "lost")
    if result == "won":
        _book_dispute(work, dispute, dispute["amount"])
        work.emit("charge.dispute.funds_reinstated", dispute)
    work.emit("charge.dispute.closed", dispute, before)
    return dispute


def _book_dispute(work: Work, dispute: Document, amount_minor: int) -> None:
    id = balance_transaction(work, "adjustment", dispute, amount_minor)
    booked = work.records.find("balance_transaction", id)
    work.change(dispute, balance_transactions=[*dispute["balance_transactions"], booked])
