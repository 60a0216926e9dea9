"""Refund again and paid by hand: a refund that failed, or that no payment could take, is no dead end.

Only what certainly was not paid is paid another way: a refund that failed or was canceled, never one whose answer
is unknown; and not by hand while a dispute may bring the customer the same money.
"""

from dataclasses import dataclass
from datetime import datetime

from activities.transitions.disputes import note_disputes
from activities.transitions.facts import accepted_items, common
from activities.transitions.refund_answers import FAILED, outstanding_minor, tend_clock
from returndesk.domain.clock import REFUND
from returndesk.domain.disputes import LOST
from returndesk.domain.errors import InvalidInput, Refused
from returndesk.domain.inputs import PaidByHandInput, PaidHow, RefundAgainInput
from returndesk.domain.lots import Acceptance
from returndesk.domain.people import Role
from returndesk.domain.refund_notices import PaidByHand
from returndesk.domain.settlement import PaymentRoom, share_out
from returndesk.domain.stages import RefundStatus
from returndesk.store import decisions, ledger, rests
from returndesk.store.cases import Case
from returndesk.store.disputes import disputes_of
from returndesk.store.payments import Refundable, refundable, reserve
from returndesk.store.refunds import parameters_hash
from returndesk.store.return_rows import RefundRow


def refund_again(case: Case, asked: RefundAgainInput) -> None:
    """Reserve anew what a failed refund, or no refund, was to pay; the run sends it."""
    failed = _failed(case, asked.refund)
    amount_minor = _owed(case, failed)
    debt = _debt_of(case, failed)
    new = _reserve(case, amount_minor, debt, _candidates(case, failed, amount_minor, asked.payment))
    if failed is None:
        rests.settle(case.connection, case.row.rma, case.now, amount_minor, new[0].id)
        case.row.owed_without_refund_minor = 0
    else:
        failed.replaced_by = new[0].id
    _end_tasks(case, failed)
    note_disputes(case)
    case.record(
        "asked_again",
        refund=asked.refund,
        refunds=[refund.id for refund in new],
        amount_minor=amount_minor,
        currency=case.row.currency,
        note=asked.note,
    )


def paid_by_hand(case: Case, asked: PaidByHandInput) -> None:
    """The customer has it another way: book it, say so, and stop the clock where nothing is left."""
    _check_second_person(case)
    _check_disputes(case, asked)
    failed = _failed(case, asked.refund)
    owed_minor = _owed(case, failed)
    paid_minor = asked.amount_minor or owed_minor
    if paid_minor > owed_minor:
        raise Refused("over_amount", "This is more than is owed for it. Nothing was recorded.")
    connection, row = case.connection, case.row
    if failed is None:
        rests.settle(connection, row.rma, case.now, paid_minor, case.key)
        row.owed_without_refund_minor -= paid_minor
    else:
        failed.replaced_by = case.key
        rest_minor = owed_minor - paid_minor
        if rest_minor:
            rests.owe(connection, row.rma, row.currency, case.now, rest_minor, failed.decision, failed.id)
        row.owed_without_refund_minor += rest_minor
    _end_tasks(case, failed)
    if failed is not None and paid_minor < owed_minor:
        case.task("refunds", f"pay_rest_{failed.id}", Role.FINANCE, case.due_at(REFUND),
                  amount_minor=owed_minor - paid_minor)  # fmt: skip
    ledger.paid(connection, case.key, row.rma, row.currency, case.now, paid_minor, asked.how)
    case.record(
        "paid_by_hand",
        refund=asked.refund,
        how=asked.how,
        amount_minor=paid_minor,
        currency=case.row.currency,
        reference=asked.reference,
        despite_dispute=asked.despite_dispute or None,
        note=asked.note,
    )
    is_late = case.clocks[REFUND].breached
    tend_clock(case, "paid_by_hand")
    case.notice(
        PaidByHand(
            **common(case, accepted_items(case, _decision_of(case, failed))), paid_at=case.now, paid_minor=paid_minor, how=asked.how,
            text_id=asked.reference, outstanding_minor=outstanding_minor(case), is_late=is_late,
        )
    )  # fmt: skip


# What is owed ------------------------------------------------------------------------------------


def _failed(case: Case, refund_id: str | None) -> RefundRow | None:
    """The refund that is to be replaced; None where none was named."""
    if refund_id is None:
        return None
    found = next((refund for refund in case.refunds if refund.id == refund_id), None)
    if found is None:
        raise InvalidInput("unknown_refund", "This return has no such refund. Look at its refunds.", "refund")
    if found.replaced_by is not None:
        raise Refused("already_replaced", "This refund was replaced before. Look at what replaced it.")
    if found.status not in FAILED:
        raise Refused(
            "refund_not_failed",
            f"This refund is {found.status}: only one that failed or was canceled is certainly not paid. "
            "Nothing was changed. Wait for the processor's word, or look it up there.",
        )
    return found


def _decision_of(case: Case, failed: RefundRow | None) -> int:
    """The decision that granted it; what no payment could take is put down to the newest that granted anything."""
    if failed is not None:
        return failed.decision
    accepted = (lot for lot in case.lots if lot.acceptance is Acceptance.ACCEPTED)
    return max(lot.decision for lot in accepted if lot.decision is not None)


@dataclass(frozen=True)
class _Debt:
    """The decision that granted what is owed, and when: a refund that is asked for again is as old as the first."""

    decision: int
    decided_at: datetime


def _debt_of(case: Case, failed: RefundRow | None) -> _Debt:
    if failed is not None:
        return _Debt(failed.decision, failed.decided_at)
    owed = rests.unsettled(case.connection, case.row.rma)
    number = owed[0].decision if owed else _decision_of(case, None)
    return _Debt(number, decisions.load(case.connection, case.row.rma, number).decided_at)


def _owed(case: Case, failed: RefundRow | None) -> int:
    owed_minor = case.row.owed_without_refund_minor if failed is None else failed.amount_minor
    if not owed_minor:
        raise Refused("nothing_owed", "Everything owed here has its refund. Name the failed refund.")
    return owed_minor


def _end_tasks(case: Case, failed: RefundRow | None) -> None:
    if failed is not None:
        case.end_task(f"failed_{failed.id}")
    if not case.row.owed_without_refund_minor:
        case.end_task("pay_by_hand")
        for refund in case.refunds:
            case.end_task(f"pay_rest_{refund.id}")


# Where it is paid from ---------------------------------------------------------------------------


def _candidates(
    case: Case, failed: RefundRow | None, amount_minor: int, reference: str | None
) -> list[Refundable]:
    """The payment that was named; else the same one again where it has the room; else all of the order's."""
    payments = refundable(case.connection, case.row.order_reference, case.row.currency)
    if reference is not None:
        named = [payment for payment in payments if payment.reference == reference]
        if not named:
            raise InvalidInput(
                "unknown_payment", "This order has no such payment in its currency.", "payment"
            )
        return named
    same = [x for x in payments if failed and x.id == failed.payment_id and x.room_minor >= amount_minor]
    return same or payments


def _reserve(case: Case, amount_minor: int, debt: _Debt, payments: list[Refundable]) -> list[RefundRow]:
    """The new refunds, their money set aside. Raises `Refused` where there is not enough left of the payments."""
    shares, left = share_out(amount_minor, [PaymentRoom(p.id, p.room_minor) for p in payments])
    if left or not all(reserve(case.connection, x.payment_id, x.amount_minor) for x in shares):
        disputed = any(x.held_minor for _, x in disputes_of(case.connection, case.row.order_reference))
        raise Refused(
            "no_room",
            "Less than this is left of the payment. Nothing was changed. Name another payment, pay it by hand, "
            "or wait until a dispute is won.",
            ["payment_disputed"] if disputed else [],
        )
    references = {payment.id: payment.reference for payment in payments}
    first = len(case.refunds) + 1
    new = [
        RefundRow(
            id=f"{case.row.rma}-{number}",
            rma=case.row.rma,
            payment_id=share.payment_id,
            amount_minor=share.amount_minor,
            currency=case.row.currency,
            status=RefundStatus.REQUESTED,
            parameters_hash=parameters_hash(
                references[share.payment_id], share.amount_minor, case.row.currency
            ),
            decided_at=debt.decided_at,
            asked_at=case.now,
            decision=debt.decision,
        )
        for number, share in enumerate(shares, start=first)
    ]
    case.refunds += new
    return new


# Who may, and when -------------------------------------------------------------------------------


def _check_second_person(case: Case) -> None:
    """Of a settlement above the approval limit no part leaves by one person's word: parts could add up to it."""
    row = case.row
    limit = case.rules.policy.decision.approval_above_minor
    total = row.goods_minor + row.goods_tax_minor + row.shipping_minor + row.shipping_tax_minor
    if not limit or total <= limit:
        return
    if case.actor.role not in (Role.MANAGER, Role.ADMIN):
        raise Refused("needs_manager", "Above the approval limit a manager records it. Nothing was recorded.")
    if case.actor.id in decisions.deciders(case.connection, row.rma):
        raise Refused("own_decision", "Who decided this return does not pay it. Another manager has to.")


def _check_disputes(case: Case, asked: PaidByHandInput) -> None:
    """What the bank holds the customer may get, or has got, from the bank."""
    disputes = [x for _, x in disputes_of(case.connection, case.row.order_reference)]
    if asked.how is PaidHow.CHARGEBACK:
        if all(dispute.status != LOST for dispute in disputes):
            raise Refused("no_dispute_lost", "No dispute of this order was lost: the bank gave nothing back.")
    elif any(dispute.held_minor for dispute in disputes) and not asked.despite_dispute:
        raise Refused(
            "payment_disputed",
            "A payment of this order is disputed: the customer may get this money from their bank. Nothing was "
            "recorded. Wait for the bank, record a lost dispute as chargeback, or say despite_dispute.",
            ["payment_disputed"],
        )
