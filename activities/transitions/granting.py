"""Granting: what a decision is worth, taken off the order's lines and reserved on its payments.

All of it in the transaction of the decision, so what was granted can be paid; a refusal takes all of it back.
"""

from dataclasses import replace

from activities.transitions.disputes import note_disputes
from returndesk.domain.clock import REFUND
from returndesk.domain.lots import Lot
from returndesk.domain.people import Role
from returndesk.domain.settlement import Amounts, PaymentRoom, settle, share_out
from returndesk.domain.stages import RefundStatus
from returndesk.store import ledger, rests
from returndesk.store.cases import Case
from returndesk.store.decisions import Decided
from returndesk.store.payments import refundable, release, reserve
from returndesk.store.refunds import parameters_hash
from returndesk.store.return_rows import RefundRow
from returndesk.store.units import (
    grant_shipping,
    grant_units,
    order_terms,
    sold_lines,
    take_back_grant,
    take_back_shipping,
)

PAY_BY_HAND = "pay_by_hand"
NOT_APPROVED = "not_approved"


def grant(case: Case, lots: list[Lot], decided_by: str) -> Decided:
    """Write down what these lots are worth, take it off the order, and reserve it on the payments."""
    connection, row = case.connection, case.row
    order = order_terms(connection, row.order_reference, locked=True)
    assert order is not None, "a return keeps its order"
    lines = sold_lines(connection, row.order_reference)  # read anew: the order is locked only now
    amounts = settle(case.rules.policy, lots, [line.worth for line in lines], order.shipping_worth)
    for share in amounts.lines:
        grant_units(connection, row.order_reference, share)
    if amounts.shipping_granted:
        grant_shipping(connection, row.order_reference)
    row.decisions += 1
    decided = Decided(row.decisions, case.now, decided_by, amounts)
    _add(case, amounts, 1)
    if amounts.total_minor:
        ledger.granted(connection, row.rma, decided.number, row.currency, case.now, amounts)
        left = _reserve(case, decided)
        if left:
            rests.owe(connection, row.rma, row.currency, case.now, left, decided.number)
        row.owed_without_refund_minor += left
        decided = replace(decided, owed_without_refund_minor=left)
    return decided


def take_back(case: Case, decided: Decided) -> None:
    """Undo what a decision granted. Nothing of it was sent: it waited for a manager."""
    connection, row, amounts = case.connection, case.row, decided.amounts
    for share in amounts.lines:
        take_back_grant(connection, row.order_reference, share)
    if amounts.shipping_granted:
        take_back_shipping(connection, row.order_reference)
    for refund in case.live_refunds:
        if refund.decision == decided.number:
            assert refund.status is RefundStatus.REQUESTED, "what waits for a manager was not sent"
            release(connection, refund.payment_id, refund.amount_minor)
            refund.status, refund.replaced_by = RefundStatus.CANCELED, NOT_APPROVED
    if amounts.total_minor:
        ledger.withdrawn(connection, row.rma, decided.number, row.currency, case.now, amounts)
    owed_minor = decided.owed_without_refund_minor
    rests.settle(connection, row.rma, case.now, owed_minor, NOT_APPROVED, decision=decided.number)
    row.owed_without_refund_minor -= owed_minor
    if owed_minor and not row.owed_without_refund_minor:
        case.end_task(PAY_BY_HAND)
    _add(case, amounts, -1)


def _add(case: Case, amounts: Amounts, sign: int) -> None:
    """The return's row has the sums of all its decisions."""
    row = case.row
    row.goods_minor += sign * amounts.goods_minor
    row.goods_tax_minor += sign * amounts.goods_tax_minor
    row.shipping_minor += sign * amounts.shipping_minor
    row.shipping_tax_minor += sign * amounts.shipping_tax_minor


def _reserve(case: Case, decided: Decided) -> int:
    """Refunds for the whole amount, as few as can be; what no payment has room for."""
    connection, row = case.connection, case.row
    payments = {payment.id: payment for payment in refundable(connection, row.order_reference, row.currency)}
    rooms = [PaymentRoom(p.id, p.room_minor) for p in payments.values()]
    shares, left = share_out(decided.amounts.total_minor, rooms)
    for share in shares:
        if not reserve(connection, share.payment_id, share.amount_minor):
            left += share.amount_minor
            continue
        reference = payments[share.payment_id].reference
        refund = RefundRow(
            id=f"{row.rma}-{len(case.refunds) + 1}",
            rma=row.rma,
            payment_id=share.payment_id,
            amount_minor=share.amount_minor,
            currency=row.currency,
            status=RefundStatus.REQUESTED,
            parameters_hash=parameters_hash(reference, share.amount_minor, row.currency),
            decided_at=case.now,
            decision=decided.number,
        )
        case.refunds.append(refund)
    note_disputes(case)
    if left:
        case.record("no_payment_for", amount_minor=left, currency=row.currency)
        case.task("refunds", PAY_BY_HAND, Role.FINANCE, case.due_at(REFUND), amount_minor=left)
    return left
