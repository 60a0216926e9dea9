"""Reads the books into what the pages show (`pages`)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, func, select

from returndesk.domain.clock import REFUND, Clock, ClockState
from returndesk.domain.errors import NotFound
from returndesk.domain.lots import Lot
from returndesk.domain.money import format_plain
from returndesk.domain.people import CLOCK, Role
from returndesk.domain.reasons import REASON_SENTENCES
from returndesk.domain.stages import Stage
from returndesk.store import tables
from returndesk.store.cases import Case, load_case
from returndesk.store.pages import (
    ClockView,
    ItemView,
    LedgerView,
    RefundView,
    ReturnPage,
    SlipItem,
    SlipPage,
    TimelineView,
)
from returndesk.store.payments import label_of
from returndesk.store.policies import PolicyBook, PolicyInForce
from returndesk.store.return_rows import RefundRow


def return_page(session: Session, policies: PolicyBook, rma: str, now: datetime, slip_url: str) -> ReturnPage:
    """The page of a return at `now`. Raises `NotFound`."""
    case = _case(session, policies, rma, now)
    row = case.row
    stage = Stage(row.stage)
    titles = _titles(session, row.order_reference)
    return ReturnPage(
        rma=rma,
        order_reference=row.order_reference,
        stage=stage,
        currency=row.currency,
        contacted_at=row.contacted_at,
        policy_version=row.policy_version,
        items=[_item(lot, titles) for lot in case.lots],
        clocks=[_clock(clock, case.rules, case.now) for clock in case.clocks.values()],
        refunds=[_refund(session, refund) for refund in case.refunds],
        ledger=_ledger(session, rma),
        timeline=_timeline(session, rma, row.currency),
        next_due_at=_next_due(case, stage),
        slip_url=slip_url if stage is Stage.AUTHORIZED else None,
        awaits_answer=row.awaiting_answer_since is not None,
    )


def slip_page(session: Session, policies: PolicyBook, rma: str, now: datetime) -> SlipPage:
    """The packing slip. Raises `NotFound` where nothing is to be sent."""
    case = _case(session, policies, rma, now)
    if case.row.stage is not Stage.AUTHORIZED or case.row.expires_at is None:
        raise NotFound("no_slip", "There is no packing slip: this return is not authorized.")
    titles = _titles(session, case.row.order_reference)
    wanted: dict[int, int] = {}
    for lot in case.lots:
        if lot.line is not None:
            wanted[lot.line] = wanted.get(lot.line, 0) + lot.quantity
    return SlipPage(
        rma=rma,
        order_reference=case.row.order_reference,
        send_by=case.row.expires_at,
        items=[SlipItem(titles[line], quantity) for line, quantity in wanted.items()],
    )


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


def _item(lot: Lot, titles: Mapping[int, str]) -> ItemView:
    return ItemView(
        title=titles.get(lot.line or 0, "Not part of this order"),
        quantity=lot.quantity,
        reception=lot.reception,
        acceptance=lot.acceptance,
        condition=lot.condition,
        packaging=lot.packaging,
        reasons=[REASON_SENTENCES[code] for code in lot.reasons if code in REASON_SENTENCES],
        disposition=lot.disposition,
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
    )


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
    )


def _ledger(session: Session, rma: str) -> list[LedgerView]:
    rows = session.exec(
        select(tables.Posting.account, func.sum(tables.Posting.amount_minor))
        .where(tables.Posting.rma == rma)
        .group_by(tables.Posting.account)
        .order_by(tables.Posting.account)
    ).all()
    return [LedgerView(account, int(total)) for account, total in rows]


def _timeline(session: Session, rma: str, currency: str) -> list[TimelineView]:
    records = session.exec(
        select(tables.AuditRecord).where(tables.AuditRecord.rma == rma).order_by(col(tables.AuditRecord.seq))
    ).all()
    notices = session.exec(
        select(tables.Notice).where(tables.Notice.rma == rma, tables.Notice.result == "accepted")
    ).all()
    items = [
        TimelineView(r.at, r.what, Role(r.role), r.actor_id, _details(r.details, currency)) for r in records
    ]
    items += [
        TimelineView(n.settled_at or n.written_at, "mailed", Role.SYSTEM, "notices", n.kind.replace("_", " "))
        for n in notices
    ]
    return sorted(items, key=lambda item: item.at)


def _details(details: Mapping[str, Any], currency: str) -> str:
    """The details of an audit record that mean something to a reader."""
    words = []
    for name in ("clock", "reason", "reasons", "by"):
        value = details.get(name)
        if value:
            words.append(", ".join(map(str, value)) if isinstance(value, list) else str(value))
    amounts = [details[name] for name in ("total_minor", "amount_minor") if details.get(name)]
    words += [f"{format_plain(amount, currency)} {currency}" for amount in amounts]
    return "; ".join(words).replace("_", " ")


def _next_due(case: Case, stage: Stage) -> datetime | None:
    """What the customer is promised next; of a refund that was submitted the bank decides when it arrives."""
    row = case.row
    if stage is Stage.AUTHORIZED:
        return row.expires_at
    if stage in (Stage.REQUESTED, Stage.RECEIVED, Stage.INSPECTED):
        return row.processing_due_at
    if stage in (Stage.DECIDED, Stage.SETTLING) and case.clocks[REFUND].state is not ClockState.STOPPED:
        return row.refund_due_at
    return None
