"""Reads the books into what the pages show (`pages`)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlmodel import Session, col, select

from returndesk.domain.clock import PROCESSING, REFUND, Clock, ClockEventKind, ClockState
from returndesk.domain.disputes import REFUSED_FOR_DISPUTE
from returndesk.domain.errors import NotFound
from returndesk.domain.lots import CLAIMED_ELSEWHERE, Acceptance, Lot, Reception
from returndesk.domain.notice_facts import NoticeKind
from returndesk.domain.people import CLOCK, MAY, Role
from returndesk.domain.reasons import REASON_SENTENCES, UNKNOWN_GOODS
from returndesk.domain.stages import SUBMITTED, CommandKind, RefundStatus, Stage, allows
from returndesk.store import page_timeline, tables
from returndesk.store.cases import Case, load_case
from returndesk.store.page_timeline import new_date_of, notices_of, promised_by, records_of
from returndesk.store.pages import (
    ClockView,
    GrantLine,
    GrantView,
    ItemView,
    MoneyView,
    RefundView,
    ReturnPage,
    SlipItem,
    SlipPage,
)
from returndesk.store.payments import label_of
from returndesk.store.policies import PolicyBook, PolicyInForce
from returndesk.store.return_rows import RefundRow
from returndesk.store.units import order_terms


def return_page(session: Session, policies: PolicyBook, rma: str, now: datetime, here: str) -> ReturnPage:
    """The page of a return at `now`, whose address is `here`. Raises `NotFound`."""
    case = _case(session, policies, rma, now)
    row = case.row
    stage = Stage(row.stage)
    records, notices = records_of(session, rma), notices_of(session, rma)
    decisions = _decisions(session, rma)
    untold = _untold(case, decisions)
    refunds = [refund for refund in case.refunds if refund.decision not in untold]
    due_at, new_date = _promise(case, stage, notices)
    titles = _titles(session, row.order_reference)
    return ReturnPage(
        rma=rma,
        order_reference=row.order_reference,
        stage=stage,
        currency=row.currency,
        contacted_at=row.contacted_at,
        policy_version=row.policy_version,
        items=_items(case, untold, titles),
        clocks=[_clock(clock, case.rules, case.now) for clock in case.clocks.values()],
        refunds=[_refund(session, refund) for refund in refunds],
        timeline=page_timeline.timeline(records, notices, untold),
        money=_money(session, case, decisions, untold, refunds, records, titles),
        due_at=due_at,
        new_date=new_date,
        slip_url=f"{here}/slip" if row.authorized_at is not None and _at(case, Reception.AWAITING) else None,
        awaits_answer=row.awaiting_answer_since is not None,
        is_looked_for=row.looked_for_at is not None,
        owed_without_refund_minor=row.owed_without_refund_minor,
        goods_back_by=_goods_back_by(case, notices),
        goods_back_late=row.goods_back_late_at is not None,
        here=here,
        may=_may(case, stage),
        questions=_questions(session, row.awaiting_answer_since, records),
    )


def _may(case: Case, stage: Stage) -> frozenset[CommandKind]:
    """What the stage takes of what a customer may ask for; a parcel can be on its way while goods are still awaited."""
    takes = {kind for kind, roles in MAY.items() if Role.CUSTOMER in roles and allows(stage, kind)}
    if not _at(case, Reception.AWAITING):
        takes.discard(CommandKind.SHIPMENT)
    return frozenset(takes)


def _questions(session: Session, since: datetime | None, records: Sequence[tables.AuditRecord]) -> list[str]:
    """What was asked since the shop waits for an answer, oldest first."""
    if since is None:
        return []
    asked = [r.details["note"] for r in records if r.what == "asked" and r.at >= since]
    text = tables.Text
    bodies = dict(session.exec(select(text.id, text.body).where(col(text.id).in_(asked))).all())
    return [bodies[text_id] for text_id in asked]


def slip_page(session: Session, policies: PolicyBook, rma: str, now: datetime) -> SlipPage:
    """The packing slip: what is still to be sent, or is on its way. Raises `NotFound` where that is nothing."""
    case = _case(session, policies, rma, now)
    lots = _at(case, Reception.AWAITING) or _at(case, Reception.IN_TRANSIT)
    if not lots or case.row.expires_at is None:
        raise NotFound(
            "no_slip",
            "There is no packing slip: nothing of this return waits to be sent. "
            "The page of your return says where it stands.",
        )
    titles = _titles(session, case.row.order_reference)
    wanted: dict[int, int] = {}
    for lot in lots:
        assert lot.line is not None, "only goods of an order line are sent"
        wanted[lot.line] = wanted.get(lot.line, 0) + lot.quantity
    return SlipPage(
        rma=rma,
        order_reference=case.row.order_reference,
        send_by=case.row.expires_at,
        items=[SlipItem(titles[line], quantity) for line, quantity in wanted.items()],
    )


def _at(case: Case, reception: Reception) -> list[Lot]:
    return [lot for lot in case.lots if lot.reception is reception]


def _case(session: Session, policies: PolicyBook, rma: str, now: datetime) -> Case:
    case = load_case(session.connection(), rma, policies.of, actor=CLOCK, now=now, key="page", to_read=True)
    if case is None:
        raise NotFound("return_not_found", "There is no return with this RMA number.")
    return case


def _titles(session: Session, order_reference: str) -> dict[int, str]:
    rows = session.exec(
        select(tables.OrderLine.line, tables.OrderLine.title).where(
            tables.OrderLine.order_reference == order_reference
        )
    ).all()
    return dict(rows)


def _decisions(session: Session, rma: str) -> Sequence[tables.Decision]:
    decision = tables.Decision
    return session.exec(select(decision).where(decision.rma == rma).order_by(col(decision.number))).all()


def _untold(case: Case, decisions: Sequence[tables.Decision]) -> set[int]:
    """The decisions that no customer hears of: a manager did not let them go, or has not yet."""
    untold = {decision.number for decision in decisions if decision.refused_by is not None}
    return untold | {case.row.decisions} if case.row.awaiting_approval else untold


def _items(case: Case, untold: Collection[int], titles: Mapping[int, str]) -> list[ItemView]:
    """The lots as a customer tells them apart: those that share one fate are one item."""
    together: dict[ItemView, int] = {}
    for lot in case.lots:
        if lot.reception is Reception.CANCELLED and lot.reason is None:
            continue  # nobody asked to return it, and it was not here after all
        declined = lot.reception is Reception.CANCELLED and case.row.declined_at is not None
        told = declined if lot.decision is None else lot.decision not in untold
        item = _item(lot, titles, told=told)
        together[item] = together.get(item, 0) + lot.quantity
    return [replace(item, quantity=quantity) for item, quantity in together.items()]


def _item(lot: Lot, titles: Mapping[int, str], *, told: bool) -> ItemView:
    """A lot without its quantity. What is not decided, or not told, has no verdict; what is no goods of ours says so."""
    review = lot.acceptance is Acceptance.MANUAL_REVIEW
    says_why = told or lot.reception is Reception.WRONG_ITEM
    return ItemView(
        title=titles.get(lot.line or 0, UNKNOWN_GOODS),
        quantity=0,
        reception=lot.reception,
        acceptance=lot.acceptance if told or review else Acceptance.PENDING,
        condition=lot.condition,
        packaging=lot.packaging,
        reasons=tuple(REASON_SENTENCES[x] for x in lot.reasons if x in REASON_SENTENCES) if says_why else (),
        disposition=lot.disposition if told else None,
        left=lot.left,
        decided=told,
        is_elsewhere=CLAIMED_ELSEWHERE in lot.reasons,
    )


def _clock(clock: Clock, rules: PolicyInForce, now: datetime) -> ClockView:
    return ClockView(
        kind=clock.kind,
        state=clock.state,
        breached=clock.breached,
        unit=clock.unit,
        allotment=clock.allotment,
        used=clock.used(rules.calendar, now),
        due_at=clock.due_at(rules.calendar),
        spans=clock.explain(rules.calendar, now),
        pauses=clock.pauses,
        stopped_because=_stopped_because(clock),
    )


def _stopped_because(clock: Clock) -> str | None:
    if clock.state is not ClockState.STOPPED:
        return None
    return next(x.reason for x in reversed(clock.events) if x.kind is ClockEventKind.STOPPED)


def _refund(session: Session, refund: RefundRow) -> RefundView:
    return RefundView(
        amount_minor=refund.amount_minor,
        status=refund.status,
        decided_at=refund.decided_at,
        payment_label=label_of(session.connection(), refund.payment_id),
        submitted_at=refund.submitted_at,
        credited_at=refund.credited_at,
        failed_at=refund.failed_at,
        reference=refund.bank_reference,
        is_replaced=refund.replaced_by is not None,
        is_disputed=refund.failure_reason in REFUSED_FOR_DISPUTE,
        failure_reason=refund.failure_reason,
        act_by=refund.action_expires_at,
    )


def _money(
    session: Session,
    case: Case,
    decisions: Sequence[tables.Decision],
    untold: Collection[int],
    refunds: Sequence[RefundRow],
    records: Sequence[tables.AuditRecord],
    titles: Mapping[int, str],
) -> MoneyView:
    """What the decisions that were told grant, and where each part of it is."""
    told_at = page_timeline.told_at(records)
    live = [refund for refund in refunds if refund.replaced_by is None]
    refunded = [x.amount_minor for x in live if x.status is RefundStatus.SUCCEEDED]
    on_its_way = [x.amount_minor for x in live if x.status in SUBMITTED - {RefundStatus.SUCCEEDED}]
    unsent = [x.amount_minor for x in live if x.status not in SUBMITTED]
    owed_minor = case.row.owed_without_refund_minor
    if case.row.awaiting_approval:
        owed_minor -= decisions[-1].owed_without_refund_minor
    grants = [
        GrantView(
            told_at[x.number],
            x.goods_minor,
            x.goods_tax_minor + x.shipping_tax_minor,
            x.shipping_minor,
            _grant_lines(case, x, titles),
        )
        for x in decisions
        if x.number not in untold
    ]
    order = order_terms(session.connection(), case.row.order_reference)
    assert order is not None, "a return keeps its order"
    kept_minor = 0 if order.shipping_granted else order.shipping_minor + order.shipping_tax_minor
    return MoneyView(
        grants=[grant for grant in grants if grant.total_minor],
        refunded_minor=sum(refunded),
        on_its_way_minor=sum(on_its_way),
        paid=page_timeline.paid_by_hand(records),
        to_come_minor=sum(unsent) + owed_minor,
        shipping_kept_minor=kept_minor,
        shipping_back_when=case.rules.policy.decision.refund_shipping,
    )


def _grant_lines(case: Case, decision: tables.Decision, titles: Mapping[int, str]) -> list[GrantLine]:
    """What the decision gives back for each line, and what it gives nothing for."""
    granted = [
        GrantLine(titles[line], units, goods_minor, accepted=True)
        for line, units, goods_minor, _tax_minor in decision.lines
    ]
    refused = [
        GrantLine(titles[lot.line], lot.quantity, 0, accepted=False)
        for lot in case.lots
        if lot.decision == decision.number and lot.acceptance is Acceptance.REJECTED and lot.line is not None
    ]
    return granted + refused


# What is promised --------------------------------------------------------------------------------


def _promise(
    case: Case, stage: Stage, notices: Sequence[tables.Notice]
) -> tuple[datetime | None, datetime | None]:
    """What the customer is promised next, and what they were told last where that was not kept.

    Of a refund that was submitted the bank decides when it arrives.
    """
    row = case.row
    if stage is Stage.AUTHORIZED:
        return row.expires_at, new_date_of(notices, NoticeKind.NOT_ARRIVED)
    if stage in (Stage.REQUESTED, Stage.RECEIVED, Stage.INSPECTED):
        return row.processing_due_at, promised_by(notices, PROCESSING)
    if stage in (Stage.DECIDED, Stage.SETTLING) and case.clocks[REFUND].state is not ClockState.STOPPED:
        return row.refund_due_at, promised_by(notices, REFUND)
    return None, None


def _goods_back_by(case: Case, notices: Sequence[tables.Notice]) -> datetime | None:
    """By when rejected goods leave, as the customer was told last."""
    row = case.row
    if row.goods_back_by is None or row.goods_back_late_at is None:
        return row.goods_back_by
    return new_date_of(notices, NoticeKind.GOODS_BACK_LATE)
