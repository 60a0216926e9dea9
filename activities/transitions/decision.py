"""Decision: accept or reject each lot, and what is paid back for it (policy 5).

The settlement is reserved on the payments in the same transaction, so what was granted can be paid.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TypedDict

from activities.transitions.disputes import note_disputes
from activities.transitions.facts import common, decided_items
from activities.transitions.talk import goes_on
from returndesk.domain.clock import PROCESSING, REFUND
from returndesk.domain.eligibility import judge
from returndesk.domain.errors import InvalidInput, Refused
from returndesk.domain.inputs import ApprovalInput, DecidedItem, DecisionInput
from returndesk.domain.lots import Acceptance, Disposition, Lot, Reception
from returndesk.domain.notices import Accepted, PartlyAccepted, Rejected
from returndesk.domain.people import Role
from returndesk.domain.settlement import (
    Amounts,
    LineWorth,
    PaymentRoom,
    ShippingWorth,
    accepted_units,
    settle,
    share_out,
)
from returndesk.domain.stages import RefundStatus
from returndesk.store import ledger
from returndesk.store.cases import Case
from returndesk.store.payments import label_of, refundable, reserve
from returndesk.store.refunds import parameters_hash
from returndesk.store.return_rows import RefundRow
from returndesk.store.units import grant_shipping, grant_units, order_terms, release_units

GOODS_BACK_DAYS = 5
"""Business days the warehouse has to send rejected goods back."""


def decision(case: Case, asked: DecisionInput) -> None:
    """A person decides; lots they do not name follow the rules, which must be clear on them."""
    named = _named_lots(case, asked.items)
    overruled: list[list[object]] = []
    for at, lot in enumerate(case.lots):
        said, reasons = judge(case.rules.policy, lot)
        verdict = named.get(lot.number, said)
        if verdict is Acceptance.MANUAL_REVIEW:
            raise Refused(
                "needs_person",
                f"The rules leave line {lot.line} to a person. Say accepted or rejected for it.",
                [f"{code}:line {lot.line}" for code in reasons],
            )
        if verdict is not said:
            overruled.append([lot.number, said, verdict])
        case.lots[at] = replace(
            lot, acceptance=verdict, reasons=() if verdict is Acceptance.ACCEPTED else _reasons(lot, reasons)
        )
    if overruled:
        case.record("overruled", lots=overruled, note=asked.note)
    decide_by_rules(case, case.actor.id)


def decide_by_rules(case: Case, decided_by: str) -> None:
    """Carry out the verdicts the lots have."""
    goes_on(case)
    case.lots = [_with_disposition(_final(case, lot)) for lot in case.lots]
    case.row.decided_at = case.now
    case.row.decided_by = decided_by
    case.stop_clock(PROCESSING, "decided")
    amounts = _grant(case)
    case.record(
        "decided",
        by=decided_by,
        lots=[[lot.number, lot.line, lot.quantity, lot.acceptance, list(lot.reasons)] for lot in case.lots],
        total_minor=amounts.total_minor,
        currency=case.row.currency,
    )
    limit = case.rules.policy.decision.approval_above_minor
    if limit and amounts.total_minor > limit:
        case.row.awaiting_approval = True
        case.record("approval_asked", above_minor=limit)
        return
    _announce(case, amounts)


def approval(case: Case, asked: ApprovalInput) -> None:
    """A manager, and not the one who decided, lets the refund go."""
    if case.actor.id == case.row.decided_by:
        raise Refused(
            "own_decision",
            "Nobody approves their own decision. Another manager has to.",
            ["own_decision"],
        )
    case.row.awaiting_approval = False
    case.row.approved_by = case.actor.id
    case.record("approved", note=asked.note)
    row = case.row
    _announce(case, Amounts(row.goods_minor, row.goods_tax_minor, row.shipping_minor, row.shipping_tax_minor))


def _named_lots(case: Case, items: tuple[DecidedItem, ...]) -> Mapping[int, Acceptance]:
    named: dict[int, Acceptance] = {}
    for item in items:
        numbers = [
            lot.number
            for lot in case.lots
            if lot.line == item.line
            and lot.reception is Reception.RECEIVED
            and item.lot in (None, lot.number)
        ]
        if not numbers:
            raise InvalidInput(
                "nothing_to_decide", f"Nothing of line {item.line} is here to be decided.", field="items"
            )
        named.update(dict.fromkeys(numbers, item.acceptance))
    return named


def _reasons(lot: Lot, by_rules: tuple[str, ...]) -> tuple[str, ...]:
    """Why a lot is rejected: the rules' reasons, or what was seen where the rules would have taken it."""
    return by_rules or (f"condition_{lot.condition}", f"packaging_{lot.packaging}")


def _final(case: Case, lot: Lot) -> Lot:
    if lot.acceptance is not Acceptance.PENDING:
        return lot
    acceptance, reasons = judge(case.rules.policy, lot)
    return replace(lot, acceptance=acceptance, reasons=reasons)


def _with_disposition(lot: Lot) -> Lot:
    if lot.reception is not Reception.RECEIVED:
        return lot
    if lot.acceptance is Acceptance.REJECTED:
        return replace(lot, disposition=Disposition.RETURN_TO_CUSTOMER)
    return replace(lot, disposition=lot.disposition or Disposition.RESTOCK)


def _grant(case: Case) -> Amounts:
    """Write down what is owed, take the units' worth, and reserve it on the payments."""
    connection, row = case.connection, case.row
    order = order_terms(connection, row.order_reference, locked=True)
    assert order is not None, "a return keeps its order"
    amounts = settle(
        case.rules.policy,
        case.lots,
        [
            LineWorth(x.line, x.quantity, x.price_minor, x.discount_minor, x.tax_minor, x.granted)
            for x in case.order_lines
        ],
        ShippingWorth(order.shipping_minor, order.shipping_tax_minor, order.shipping_granted),
    )
    for line, units in accepted_units(case.lots).items():
        grant_units(connection, row.order_reference, line, units)
    for lot in case.lots:
        if lot.acceptance is Acceptance.REJECTED and lot.reception is Reception.RECEIVED:
            assert lot.line is not None, "goods without an order line are not decided here"
            release_units(connection, row.order_reference, lot.line, lot.quantity)
    if amounts.shipping_granted:
        grant_shipping(connection, row.order_reference)
    row.goods_minor, row.goods_tax_minor = amounts.goods_minor, amounts.goods_tax_minor
    row.shipping_minor, row.shipping_tax_minor = amounts.shipping_minor, amounts.shipping_tax_minor
    if amounts.total_minor:
        ledger.granted(connection, row.rma, row.currency, case.now, amounts)
        _reserve(case, amounts.total_minor)
    return amounts


def _reserve(case: Case, total_minor: int) -> None:
    connection, row = case.connection, case.row
    payments = {payment.id: payment for payment in refundable(connection, row.order_reference, row.currency)}
    shares, left = share_out(total_minor, [PaymentRoom(p.id, p.room_minor) for p in payments.values()])
    for number, share in enumerate(shares, start=1):
        if not reserve(connection, share.payment_id, share.amount_minor):
            left += share.amount_minor
            continue
        reference = payments[share.payment_id].reference
        refund = RefundRow(
            id=f"{row.rma}-{number}",
            rma=row.rma,
            payment_id=share.payment_id,
            amount_minor=share.amount_minor,
            currency=row.currency,
            status=RefundStatus.REQUESTED,
            parameters_hash=parameters_hash(reference, share.amount_minor, row.currency),
            decided_at=case.now,
        )
        case.refunds.append(refund)
    row.owed_without_refund_minor = left
    note_disputes(case)
    if left:
        case.record("no_payment_for", amount_minor=left, currency=row.currency)
        case.task("refunds", "pay_by_hand", Role.FINANCE, case.due_at(REFUND), amount_minor=left)


def _announce(case: Case, amounts: Amounts) -> None:
    """Mail the verdict, and set the rejected goods on their way back."""
    items = decided_items(case)
    verdicts = {item.verdict for item in items}
    is_late = case.clocks[PROCESSING].breached
    goods_back_by = None
    if any(lot.disposition is Disposition.RETURN_TO_CUSTOMER for lot in case.lots):
        goods_back_by = case.rules.calendar.add(case.now, GOODS_BACK_DAYS)
        case.task("goods_back", "goods_back", Role.WAREHOUSE, goods_back_by)
    if not amounts.total_minor:
        case.stop_clock(REFUND, "nothing_due")
    if Acceptance.ACCEPTED not in verdicts:
        case.notice(
            Rejected(
                **common(case, items),
                decided_at=case.now,
                is_late=is_late,
                goods_arrived=any(lot.reception is Reception.RECEIVED for lot in case.lots),
                goods_back_by=goods_back_by,
            )
        )
        return
    promise = _promise(case, amounts)
    if Acceptance.REJECTED in verdicts:
        case.notice(PartlyAccepted(**common(case, items), **promise, goods_back_by=goods_back_by))
    else:
        case.notice(Accepted(**common(case, items), **promise))


class _Promise(TypedDict):
    decided_at: datetime
    is_late: bool
    goods_minor: int
    tax_minor: int
    shipping_minor: int
    total_minor: int
    owed_without_refund_minor: int
    refund_due_at: datetime | None
    payment_label: str | None


def _promise(case: Case, amounts: Amounts) -> _Promise:
    """What the customer is told of the money, and by when."""
    return _Promise(
        decided_at=case.now,
        is_late=case.clocks[PROCESSING].breached,
        goods_minor=amounts.goods_minor,
        tax_minor=amounts.goods_tax_minor + amounts.shipping_tax_minor,
        shipping_minor=amounts.shipping_minor,
        total_minor=amounts.total_minor,
        owed_without_refund_minor=case.row.owed_without_refund_minor,
        refund_due_at=case.due_at(REFUND) if amounts.total_minor else None,
        payment_label=_payment_label(case),
    )


def _payment_label(case: Case) -> str | None:
    if len(case.refunds) != 1:
        return None
    return label_of(case.connection, case.refunds[0].payment_id)
