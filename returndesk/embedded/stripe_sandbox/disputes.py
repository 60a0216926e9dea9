"""Disputes: the customer's bank takes a charge's money back, and decides later whose it is."""

from typing import Any

from returndesk.embedded.stripe_sandbox.errors import Refusal
from returndesk.embedded.stripe_sandbox.payments import balance_transaction
from returndesk.embedded.stripe_sandbox.records import Document
from returndesk.embedded.stripe_sandbox.refunds import fail
from returndesk.embedded.stripe_sandbox.work import Work, new_id

EVIDENCE_DUE_AFTER = 9 * 86_400
OPEN = "needs_response"


def open_dispute(work: Work, charge: Document, amount_minor: int, reason: str) -> Document:
    """The bank takes the money back: pending refunds fail, and new ones are refused unless it is won."""
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
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "status": OPEN,
    }
    work.records.add(dispute)
    _book_dispute(work, dispute, -amount_minor)
    work.change(charge, disputed=True)
    work.emit("charge.dispute.created", dispute)
    for refund in work.records.every("refund", charge=charge["id"]):
        if refund["status"] == "pending":
            fail(work, refund, "charge_for_pending_refund_disputed")
    return dispute


def close_dispute(work: Work, dispute: Document, *, won: bool) -> Document:
    """The bank decides; a won dispute gives the money back to the shop."""
    if dispute["status"] != OPEN:
        raise Refusal(400, f"This dispute is already closed: {dispute['status']}")
    before = work.change(dispute, status="won" if won else "lost", is_charge_refundable=won)
    if won:
        _book_dispute(work, dispute, dispute["amount"])
    work.emit("charge.dispute.closed", dispute, before)
    return dispute


def _book_dispute(work: Work, dispute: Document, amount_minor: int) -> None:
    id = balance_transaction(work, "adjustment", dispute, amount_minor)
    booked = work.records.find("balance_transaction", id)
    work.change(dispute, balance_transactions=[*dispute["balance_transactions"], booked])
