"""What the processor's answer to a refund does: books, clocks, mails and, where a person is needed, a task.

"Refunded" is said on confirmed state only. A refund that fails after it succeeded is reversed once, the
customer is told, and its clock runs again where it stood (DESIGN 4 and 5). One for which the processor needs
something of the customer, such as bank details, waits for them: decision 0012.
"""

from activities.transitions.facts import accepted_items, common
from returndesk.domain.clock import REFUND
from returndesk.domain.disputes import REFUSED_FOR_DISPUTE
from returndesk.domain.people import Role
from returndesk.domain.refund_notices import Refunded, RefundFailed, RefundNeedsYou, RefundOnItsWay
from returndesk.domain.stages import TAKEN, RefundStatus, Stage
from returndesk.messages import RefundAnswer
from returndesk.store import ledger
from returndesk.store.case_rows import is_filed
from returndesk.store.cases import Case
from returndesk.store.payments import capture_refund, label_of, release, reverse_refund
from returndesk.store.return_rows import RefundRow

FAILED = frozenset({RefundStatus.FAILED, RefundStatus.CANCELED})
"""Refunds that certainly were not paid: they may be asked for again, or paid by hand."""


def refund_answered(case: Case, answer: RefundAnswer) -> None:
    """Apply an answer once; one that tells nothing new changes nothing but when to look again."""
    refund = next(x for x in case.refunds if x.id == answer.refund_id)
    before = refund.status
    refund.look_again_at = answer.look_again_at
    refund.processor_reference = answer.processor_reference or refund.processor_reference
    refund.bank_reference = answer.bank_reference or refund.bank_reference
    refund.action_expires_at = answer.action_expires_at or refund.action_expires_at
    if answer.needs_person:
        case.task("refunds", f"look_into_{refund.id}", Role.FINANCE, case.due_at(REFUND), refund=refund.id)
    if before in FAILED and answer.status in TAKEN:
        _contradicted(case, refund, answer)
    if answer.status is before or before in FAILED or _is_step_back(before, answer.status):
        if refund.needs_details:
            _still_needs_details(case, refund)
        return
    refund.status = answer.status
    refund.failure_reason = answer.failure_reason or answer.refused_code
    case.record(
        f"refund_{answer.status}",
        refund=refund.id,
        amount_minor=refund.amount_minor,
        currency=refund.currency,
        processor_reference=refund.processor_reference,
        reason=refund.failure_reason,
    )
    if answer.status in TAKEN:
        _taken(case, refund)
    elif answer.status in FAILED:
        _failed(case, refund, before)


def _contradicted(case: Case, refund: RefundRow, answer: RefundAnswer) -> None:
    """The processor took back its no: it may be paid twice, or have been paid after all. A person finds out."""
    kind = f"contradicted_{refund.id}"
    if is_filed(case.connection, f"{refund.rma}/{kind}"):
        return
    case.record("contradicted", refund=refund.id, status=answer.status, replaced_by=refund.replaced_by)
    case.task("refunds", kind, Role.FINANCE, case.rules.calendar.add(case.now, 1), refund=refund.id,
              status=answer.status, replaced_by=refund.replaced_by)  # fmt: skip


def tend_clock(case: Case, reason: str) -> None:
    """Nothing is owed that the processor has not taken, and nothing is to be decided: the shop has done its part.

    Its clock stops, or waits where the customer has a part to do first.
    """
    is_taken = all(x.status in TAKEN for x in case.live_refunds)
    if not is_taken or case.row.owed_without_refund_minor or case.stage not in (Stage.SETTLING, Stage.CLOSED):
        return
    if any(x.needs_details for x in case.live_refunds):
        case.await_details()
    else:
        case.stop_clock(REFUND, reason)


def outstanding_minor(case: Case) -> int:
    """What the customer was promised and does not have yet; what waits for a manager is no promise."""
    owed_minor = case.row.owed_without_refund_minor
    if case.awaiting_decision is not None:
        owed_minor -= case.newest_decision().owed_without_refund_minor
    promised = (x for x in case.live_refunds if x.decision != case.awaiting_decision)
    return owed_minor + sum(x.amount_minor for x in promised if x.status is not RefundStatus.SUCCEEDED)


def _is_step_back(before: RefundStatus, after: RefundStatus) -> bool:
    """A stale answer never moves a refund back."""
    if before is RefundStatus.SUCCEEDED:
        return after not in FAILED
    return before in TAKEN and after not in TAKEN | FAILED


def _taken(case: Case, refund: RefundRow) -> None:
    """The processor has it: the customer is told what that means for them."""
    case.end_task(f"details_missing_{refund.id}")
    if refund.needs_details:
        _needs_details(case, refund)
        return
    refund.submitted_at = refund.submitted_at or case.now
    tend_clock(case, "refund_submitted")
    if refund.status is RefundStatus.SUCCEEDED:
        _confirmed(case, refund)
        return
    case.notice(
        RefundOnItsWay(
            **common(case, accepted_items(case, refund.decision)), submitted_at=case.now, total_minor=refund.amount_minor,
            payment_label=label_of(case.connection, refund.payment_id), is_late=case.clocks[REFUND].breached,
        )
    )  # fmt: skip


def _needs_details(case: Case, refund: RefundRow) -> None:
    """The processor has written to the customer itself. They hear from us that its email is no fraud."""
    refund.needs_action_since = case.now
    tend_clock(case, "refund_submitted")
    case.notice(
        RefundNeedsYou(
            **common(case, accepted_items(case, refund.decision)), asked_at=case.now, total_minor=refund.amount_minor,
            act_by=refund.action_expires_at, payment_label=label_of(case.connection, refund.payment_id),
            is_late=case.clocks[REFUND].breached,
        )
    )  # fmt: skip
    _still_needs_details(case, refund)


def _still_needs_details(case: Case, refund: RefundRow) -> None:
    """Who has not answered for days may not know that they are asked: then finance reaches them."""
    late_at = case.details_late_at(refund)
    if case.now < late_at:
        refund.look_again_at = min(refund.look_again_at or late_at, late_at)
        return
    expires_at = refund.action_expires_at
    case.task("refunds", f"details_missing_{refund.id}", Role.FINANCE, case.rules.calendar.add(case.now, 1),
              refund=refund.id, expires=expires_at and expires_at.isoformat())  # fmt: skip


def _confirmed(case: Case, refund: RefundRow) -> None:
    """The customer has the money: only now is that said."""
    refund.credited_at = case.now
    capture_refund(case.connection, refund.payment_id, refund.amount_minor)
    ledger.refunded(case.connection, refund, case.now)
    case.end_task(f"look_into_{refund.id}")
    case.notice(
        Refunded(
            **common(case, accepted_items(case, refund.decision)), refunded_at=case.now, refunded_minor=refund.amount_minor,
            outstanding_minor=outstanding_minor(case), payment_label=label_of(case.connection, refund.payment_id),
            refund_reference=refund.bank_reference, is_late=case.clocks[REFUND].breached,
        )
    )  # fmt: skip


def _failed(case: Case, refund: RefundRow, before: RefundStatus) -> None:
    """The money is with the shop again: it owes it still."""
    was_confirmed = before is RefundStatus.SUCCEEDED
    case.end_task(f"look_into_{refund.id}")
    case.end_task(f"details_missing_{refund.id}")
    refund.failed_at = case.now
    refund.look_again_at = None
    if was_confirmed:
        reverse_refund(case.connection, refund.payment_id, refund.amount_minor)
        ledger.reversed_(case.connection, refund, case.now)
    else:
        release(case.connection, refund.payment_id, refund.amount_minor)
    case.restart_clock(REFUND, "refund_failed")
    new_date = max(case.due_at(REFUND), case.rules.calendar.add(case.now, 1))
    case.task("refunds", f"failed_{refund.id}", Role.FINANCE, new_date, refund=refund.id,
              reason=refund.failure_reason)  # fmt: skip
    case.notice(
        RefundFailed(
            **common(case, accepted_items(case, refund.decision)), failed_at=case.now, total_minor=refund.amount_minor, new_date=new_date,
            payment_label=label_of(case.connection, refund.payment_id), was_confirmed=was_confirmed,
            is_disputed=refund.failure_reason in REFUSED_FOR_DISPUTE, awaited_details=before is RefundStatus.REQUIRES_ACTION,
        )
    )  # fmt: skip
