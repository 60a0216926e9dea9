"""Disputes: the bank took money of the order's back, and the customer may have it twice, or soon has it from there.

Finance answers the bank in time with what was refunded, or knows why a refund cannot be sent. A return that has
ended runs again for it, and ends again.
"""

from datetime import timedelta

from returndesk.domain.disputes import Dispute
from returndesk.domain.people import Role
from returndesk.domain.stages import SUBMITTED
from returndesk.store.cases import Case
from returndesk.store.disputes import disputes_of, heard

BEFORE_EVIDENCE_IS_DUE = timedelta(days=1)
ANSWER_DAYS = 2
"""Business days finance has where the processor names no day."""


def dispute_heard(case: Case, dispute_id: str) -> None:
    """The processor said something of a dispute: note what the books now have of it."""
    for payment_id, dispute in disputes_of(case.connection, case.row.order_reference):
        if dispute.id == dispute_id:
            _note(case, payment_id, dispute)


def note_disputes(case: Case) -> None:
    """Money is about to be granted: whoever pays it knows which of the order's payments are disputed."""
    for payment_id, dispute in disputes_of(case.connection, case.row.order_reference):
        _note(case, payment_id, dispute)


def _note(case: Case, payment_id: str, dispute: Dispute) -> None:
    """Once when it is opened, and once when it is over: events come twice and in any order."""
    on_record = heard(case.connection, case.row.rma)
    facts = {
        "dispute": dispute.id, "payment": payment_id, "amount_minor": dispute.amount_minor,
        "currency": case.row.currency, "status": dispute.status,
    }  # fmt: skip
    if not any(what == "disputed" and of == dispute.id for what, of, _ in on_record):
        case.record("disputed", **facts)
        if not dispute.is_over:
            _ask_finance(case, dispute, facts)
    if dispute.is_over and ("dispute_closed", dispute.id, dispute.status) not in on_record:
        case.record("dispute_closed", **facts)
        case.end_task(f"dispute_{dispute.id}")


def _ask_finance(case: Case, dispute: Dispute, facts: dict[str, object]) -> None:
    refunded = [
        {"refund": x.id, "amount_minor": x.amount_minor, "processor_reference": x.processor_reference}
        for x in case.refunds
        if x.status in SUBMITTED
    ]
    not_sent = [
        {"refund": x.id, "amount_minor": x.amount_minor, "status": x.status}
        for x in case.live_refunds
        if x.status not in SUBMITTED
    ]
    due_at = case.rules.calendar.add(case.now, ANSWER_DAYS)
    if dispute.evidence_due_at is not None:
        due_at = max(case.now, dispute.evidence_due_at - BEFORE_EVIDENCE_IS_DUE)
    advice = "already_refunded_send_as_evidence" if refunded else "refund_not_sent_yet"
    case.task(
        "disputes", f"dispute_{dispute.id}", Role.FINANCE, due_at, **facts, advice=advice,
        already_refunded=refunded, not_refunded=not_sent,
    )  # fmt: skip
