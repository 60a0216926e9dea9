"""Decision: accept or reject each lot that is there to be decided, and what is paid back for it (policy 5).

What comes after a decision is decided by another one: each settles only its own lots.
"""

from dataclasses import replace
from datetime import datetime
from typing import TypedDict

from activities.transitions.facts import common, decided_items, not_on_hold, promised_by
from activities.transitions.granting import grant, take_back
from activities.transitions.refund_answers import tend_clock
from activities.transitions.talk import goes_on
from returndesk.domain.clock import PROCESSING, REFUND
from returndesk.domain.deciding import to_decide, verdicts
from returndesk.domain.eligibility import judge
from returndesk.domain.errors import Refused
from returndesk.domain.inputs import ApprovalInput, DecisionInput, RefusalInput
from returndesk.domain.lots import CLAIMED_ELSEWHERE, Acceptance, Disposition, Lot, Reception
from returndesk.domain.notices import Accepted, PartlyAccepted, Rejected
from returndesk.domain.people import RULES, Role
from returndesk.domain.policy import DecideWhen
from returndesk.domain.stages import Stage
from returndesk.store.cases import Case
from returndesk.store.decisions import Decided
from returndesk.store.payments import label_of
from returndesk.store.units import claim_units, release_units

GOODS_BACK_DAYS = 5
"""Business days the warehouse has to send rejected goods back."""


def decision(case: Case, asked: DecisionInput) -> None:
    """A person decides; lots they do not name follow the rules, which must be clear on them."""
    not_on_hold(case)
    said = verdicts(case.rules.policy, case.lots, asked.items)
    for lot in said.lots:
        _put(case, lot)
    if said.overruled:
        lots = [[x.lot, x.said, x.verdict] for x in said.overruled]
        case.record("overruled", lots=lots, note=asked.note)
    _decide(case, case.actor.id)


def decide_if_clear(case: Case, *, wanted: bool | None) -> None:
    """The rules decide where the policy lets them, nobody wants to do it by hand, and they are clear on every lot."""
    if case.rules.policy.decision.decide is not DecideWhen.WHEN_CLEAR or wanted is False:
        return
    if case.stage is not Stage.INSPECTED or case.row.on_hold_since is not None:
        return
    if all(judge(case.rules.policy, lot)[0] is not Acceptance.MANUAL_REVIEW for lot in to_decide(case.lots)):
        _decide(case, RULES.id)


def approval(case: Case, asked: ApprovalInput) -> None:
    """A manager, and not the one who decided, lets the refund go."""
    not_on_hold(case)
    decided = _others_decision(case)
    case.row.awaiting_approval = False
    case.record("approved", decision=decided.number, note=asked.note)
    case.decide(replace(decided, approved_by=case.actor.id))
    _announce(case, decided)


def refusal(case: Case, asked: RefusalInput) -> None:
    """A manager does not let it go: nothing is paid, and what was decided is to be decided again."""
    decided = _others_decision(case)
    case.row.awaiting_approval = False
    take_back(case, decided)
    for lot in case.lots:
        if lot.decision == decided.number:
            if lot.reception is Reception.LOST and lot.acceptance is Acceptance.ACCEPTED:
                _release(case, lot)
            goods = None if lot.disposition is Disposition.RETURN_TO_CUSTOMER else lot.disposition
            again = replace(lot, acceptance=Acceptance.PENDING, decision=None, disposition=goods)
            _put(case, again if lot.reception is Reception.WRONG_ITEM else replace(again, reasons=()))
    case.record("refused", decision=decided.number, total_minor=decided.amounts.total_minor, note=asked.note)
    case.decide(replace(decided, refused_by=case.actor.id))
    case.restart_clock(PROCESSING, "refused")


def _others_decision(case: Case) -> Decided:
    decided = case.newest_decision()
    if case.actor.id == decided.decided_by:
        raise Refused(
            "own_decision",
            "Nobody approves or refuses their own decision. Another manager has to.",
            ["own_decision"],
        )
    return decided


def _put(case: Case, lot: Lot) -> None:
    case.lots = [lot if x.number == lot.number else x for x in case.lots]


def _decide(case: Case, decided_by: str) -> None:
    """Carry out the verdicts the lots have, and the rules' on those that have none."""
    goes_on(case)
    number = case.row.decisions + 1
    settled = [_settled(case, lot, number) for lot in to_decide(case.lots)]
    for lot in settled:
        _put(case, lot)
        if lot.reception is Reception.LOST and lot.acceptance is Acceptance.ACCEPTED:
            _claim_again(case, lot)
    case.row.decided_at = case.now
    case.stop_clock(PROCESSING, "decided")
    decided = grant(case, settled, decided_by)
    case.decide(decided)
    case.record(
        "decided",
        by=decided_by,
        decision=number,
        lots=[[lot.number, lot.line, lot.quantity, lot.acceptance, list(lot.reasons)] for lot in settled],
        total_minor=decided.amounts.total_minor,
        currency=case.row.currency,
    )
    limit = case.rules.policy.decision.approval_above_minor
    if limit and decided.amounts.total_minor > limit:
        case.row.awaiting_approval = True
        case.record("approval_asked", above_minor=limit)
        return
    _announce(case, decided)


def _settled(case: Case, lot: Lot, number: int) -> Lot:
    if lot.acceptance in (Acceptance.PENDING, Acceptance.MANUAL_REVIEW):
        acceptance, reasons = judge(case.rules.policy, lot)
        lot = replace(lot, acceptance=acceptance, reasons=reasons)
    return replace(lot, decision=number, disposition=_disposition(lot))


def _disposition(lot: Lot) -> Disposition | None:
    if lot.reasons == (CLAIMED_ELSEWHERE,):
        return Disposition.HOLD
    if lot.reception is Reception.WRONG_ITEM:
        return Disposition.RETURN_TO_CUSTOMER
    if lot.reception is not Reception.RECEIVED:
        return None
    if lot.acceptance is Acceptance.REJECTED:
        return Disposition.RETURN_TO_CUSTOMER
    return lot.disposition or Disposition.RESTOCK


def _claim_again(case: Case, lot: Lot) -> None:
    """Units of a lost parcel were free again; to be paid for they must be this return's."""
    assert lot.line is not None, "only goods of an order line are lost"
    if not claim_units(case.connection, case.row.order_reference, lot.line, lot.quantity):
        raise Refused(
            "already_returned",
            f"Line {lot.line} is part of another return by now. Nothing was changed.",
            [f"already_returned:line {lot.line}"],
        )


def _release(case: Case, lot: Lot) -> None:
    assert lot.line is not None, "only wrong items have no order line"
    release_units(case.connection, case.row.order_reference, lot.line, lot.quantity)


def _announce(case: Case, decided: Decided) -> None:
    """It holds: mail the verdict, free the units of rejected goods, and set those on their way back."""
    lots = [x for x in case.lots if x.decision == decided.number]
    for lot in lots:
        if lot.acceptance is Acceptance.REJECTED and lot.reception is Reception.RECEIVED:
            _release(case, lot)
    items = decided_items(case, decided.number)
    verdicts = {item.verdict for item in items}
    is_late = case.clocks[PROCESSING].breached
    goods_back_by = _goods_back_by(case, lots)
    tend_clock(case, "nothing_due")
    if Acceptance.ACCEPTED not in verdicts:
        case.notice(
            Rejected(
                **common(case, items),
                decided_at=case.now,
                is_late=is_late,
                goods_arrived=True,
                goods_back_by=goods_back_by,
                others_accepted=_grants_anything(case),
            )
        )
        return
    promise = _promise(case, decided)
    if Acceptance.REJECTED in verdicts:
        case.notice(PartlyAccepted(**common(case, items), **promise, goods_back_by=goods_back_by))
    else:
        case.notice(Accepted(**common(case, items), **promise))


def _goods_back_by(case: Case, lots: list[Lot]) -> datetime | None:
    """By when rejected goods leave; the warehouse's task and the return's deadline."""
    if not any(lot.goes_back for lot in lots):
        return None
    by = case.rules.calendar.add(case.now, GOODS_BACK_DAYS)
    case.row.goods_back_by, case.row.goods_back_late_at = by, None
    case.task("goods_back", f"goods_back_{case.row.decisions}", Role.WAREHOUSE, by)
    return by


def _grants_anything(case: Case) -> bool:
    row = case.row
    return row.goods_minor + row.goods_tax_minor + row.shipping_minor + row.shipping_tax_minor > 0


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


def _promise(case: Case, decided: Decided) -> _Promise:
    """What the customer is told of the money, and by when."""
    amounts = decided.amounts
    return _Promise(
        decided_at=case.now,
        is_late=case.clocks[PROCESSING].breached,
        goods_minor=amounts.goods_minor,
        tax_minor=amounts.goods_tax_minor + amounts.shipping_tax_minor,
        shipping_minor=amounts.shipping_minor,
        total_minor=amounts.total_minor,
        owed_without_refund_minor=decided.owed_without_refund_minor,
        refund_due_at=promised_by(case, REFUND) if amounts.total_minor else None,
        payment_label=_payment_label(case, decided),
    )


def _payment_label(case: Case, decided: Decided) -> str | None:
    refunds = [x for x in case.refunds if x.decision == decided.number]
    return label_of(case.connection, refunds[0].payment_id) if len(refunds) == 1 else None
