"""What the API shows of returns, refunds and tasks. Ids, codes, amounts and instants: no names, no free text."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlmodel import Session, col, or_, select, tuple_

from returndesk.domain.clock import ClockState
from returndesk.domain.errors import InvalidInput, NotFound
from returndesk.domain.refund_books import OPEN, Instants, Standing
from returndesk.domain.rma import parse
from returndesk.domain.stages import RefundStatus, Stage
from returndesk.domain.tasks import BY_HAND, ends_with
from returndesk.store import rests, tables
from returndesk.store.case_rows import load_clocks
from returndesk.store.lot_views import LotView, lot_views
from returndesk.store.paging import from_cursor, to_cursor


class ClockView(BaseModel):
    """A deadline. `due_at` is null while it waits for the customer or has stopped."""

    kind: str
    state: ClockState
    due_at: datetime | None
    breached_at: datetime | None


class RefundView(BaseModel):
    """One refund with the three instants finance asks for. `standing`: where it stands in the books.

    `owed_minor`: what the customer does not have of it yet: less than the amount where a part was paid by hand, 0 once it
    is credited or another refund stands for it. `decided_at`: when the shop decided that it owes this; `asked_at`: when
    this refund was asked for, of one that stands for an earlier one or for money that no refund carried.
    `late_at`: when the refund clock of its return ran out while this was still to be paid; `replaced_at`: since when
    nothing of it is owed, as it was paid another way, asked for again, or not approved.
    `needs_action_since`: when the processor last asked the customer for something, such as bank details;
    `action_expires_at`: until when they can give it.
    """

    id: str
    rma: str
    status: RefundStatus
    standing: Standing
    amount_minor: int
    owed_minor: int
    currency: str
    decided_at: datetime
    asked_at: datetime | None
    needs_action_since: datetime | None
    action_expires_at: datetime | None
    submitted_at: datetime | None
    credited_at: datetime | None
    failed_at: datetime | None
    replaced_at: datetime | None
    late_at: datetime | None
    failure_reason: str | None
    processor_reference: str | None
    bank_reference: str | None
    replaced_by: str | None


class ReturnSummary(BaseModel):
    """A return as a list shows it."""

    rma: str
    order_reference: str
    stage: Stage
    channel: str
    contacted_at: datetime
    next_due_at: datetime | None
    processing_due_at: datetime | None
    refund_due_at: datetime | None


class ReturnView(ReturnSummary):
    """A return with everything about it. Amounts are minor units of `currency`.

    `needs_person`: why the rules leave the request to a person; empty once somebody has authorized it.
    """

    currency: str
    policy_version: str
    needs_person: list[str]
    authorized_at: datetime | None
    expires_at: datetime | None
    received_at: datetime | None
    decided_at: datetime | None
    awaiting_approval: bool
    awaiting_answer_since: datetime | None
    goods_minor: int
    goods_tax_minor: int
    shipping_minor: int
    shipping_tax_minor: int
    owed_without_refund_minor: int
    lots: list[LotView]
    clocks: list[ClockView]
    refunds: list[RefundView]
    status_url: str | None = None


class ReturnList(BaseModel):
    """A page of returns; `next_cursor` leads to the next one."""

    items: list[ReturnSummary]
    next_cursor: str | None


class TimelineItem(BaseModel):
    """Something that happened. `details` holds ids, codes, counts and amounts."""

    at: datetime
    what: str
    actor_id: str
    role: str
    policy_version: str
    details: dict[str, Any]


class Timeline(BaseModel):
    """Everything that happened to a return, in order."""

    rma: str
    items: list[TimelineItem]


class RefundList(BaseModel):
    """A page of refunds, newest decision first."""

    items: list[RefundView]
    next_cursor: str | None


class TaskView(BaseModel):
    """Work that waits for a person.

    `can_be_done`: a person ends it by saying that it is done; all others end when what they are about has changed.
    `taken_by`: who has it, since `taken_at`.
    """

    id: str
    rma: str | None
    queue: str
    kind: str
    owner_role: str
    created_at: datetime
    due_at: datetime
    details: dict[str, Any]
    can_be_done: bool
    taken_by: str | None
    taken_at: datetime | None
    done_by: str | None
    done_at: datetime | None


class TaskList(BaseModel):
    """A page of open tasks, most urgent first."""

    items: list[TaskView]
    next_cursor: str | None


def _row(session: Session, rma: str) -> tables.Return:
    row = session.get(tables.Return, rma)
    if row is None:
        raise NotFound("return_not_found", "There is no return with this RMA number. Check it on the slip.")
    return row


def return_view(session: Session, rma: str) -> ReturnView:
    """One return. Raises `NotFound`."""
    row = _row(session, rma)
    refunds = session.exec(
        select(tables.Refund).where(tables.Refund.rma == rma).order_by(tables.Refund.id)
    ).all()
    return ReturnView(
        **_summary(row).model_dump(),
        currency=row.currency,
        policy_version=row.policy_version,
        needs_person=list(row.needs_person),
        authorized_at=row.authorized_at,
        expires_at=row.expires_at,
        received_at=row.received_at,
        decided_at=row.decided_at,
        awaiting_approval=row.awaiting_approval,
        awaiting_answer_since=row.awaiting_answer_since,
        goods_minor=row.goods_minor,
        goods_tax_minor=row.goods_tax_minor,
        shipping_minor=row.shipping_minor,
        shipping_tax_minor=row.shipping_tax_minor,
        owed_without_refund_minor=row.owed_without_refund_minor,
        lots=lot_views(session, rma, row.order_reference),
        clocks=_clocks(session, rma),
        refunds=_refunds(session, refunds),
    )


def _summary(row: tables.Return) -> ReturnSummary:
    return ReturnSummary(
        rma=row.rma,
        order_reference=row.order_reference,
        stage=Stage(row.stage),
        channel=row.channel,
        contacted_at=row.contacted_at,
        next_due_at=row.next_due_at if row.ended_at is None else None,
        processing_due_at=row.processing_due_at,
        refund_due_at=row.refund_due_at,
    )


def _clocks(session: Session, rma: str) -> list[ClockView]:
    return [
        ClockView(
            kind=kind,
            state=standing.clock.state,
            due_at=standing.due_at,
            breached_at=standing.breached_at,
        )
        for kind, standing in load_clocks(session.connection(), rma).items()
    ]


def _refunds(session: Session, rows: Sequence[tables.Refund]) -> list[RefundView]:
    in_part = [row.id for row in rows if row.replaced_by is not None and row.replaced_at is None]
    left = rests.of_refunds(session.connection(), in_part)
    return [_refund(row, rests.owed_minor(left.get(row.id, ()), None, row.amount_minor)) for row in rows]


def _refund(row: tables.Refund, owed_minor: int) -> RefundView:
    standing = Instants(
        row.decided_at, row.submitted_at, row.credited_at, row.failed_at, row.replaced_at
    ).standing
    return RefundView(
        id=row.id,
        rma=row.rma,
        status=RefundStatus(row.status),
        standing=standing,
        amount_minor=row.amount_minor,
        owed_minor=owed_minor if standing in OPEN else 0,
        currency=row.currency,
        decided_at=row.decided_at,
        asked_at=row.asked_at,
        needs_action_since=row.needs_action_since,
        action_expires_at=row.action_expires_at,
        submitted_at=row.submitted_at,
        credited_at=row.credited_at,
        failed_at=row.failed_at,
        replaced_at=row.replaced_at,
        late_at=row.late_at,
        failure_reason=row.failure_reason,
        processor_reference=row.processor_reference,
        bank_reference=row.bank_reference,
        replaced_by=row.replaced_by,
    )


def list_returns(
    session: Session,
    *,
    stage: Stage | None,
    due_before: datetime | None,
    q: str | None,
    cursor: str | None,
    limit: int,
) -> ReturnList:
    """Returns, newest first. `q` is an RMA, an order reference or a customer's email, exactly."""
    row = tables.Return
    query = select(row).order_by(col(row.recorded_at).desc(), col(row.rma).desc()).limit(limit + 1)
    if stage is not None:
        query = query.where(row.stage == stage)
    if due_before is not None:
        query = query.where(col(row.ended_at).is_(None), col(row.next_due_at) < due_before)
    if q is not None:
        rma, orders = _typed_rma(q), col(row.order_reference).in_(_orders(session, q))
        query = query.where(orders if rma is None else or_(row.rma == rma, orders))
    if cursor is not None:
        query = query.where(tuple_(col(row.recorded_at), col(row.rma)) < from_cursor(cursor))
    rows = session.exec(query).all()
    more = len(rows) > limit
    rows = rows[:limit]
    return ReturnList(
        items=[_summary(r) for r in rows],
        next_cursor=to_cursor(rows[-1].recorded_at, rows[-1].rma) if more else None,
    )


def _typed_rma(q: str) -> str | None:
    try:
        return parse(q)
    except InvalidInput:
        return None


def _orders(session: Session, q: str) -> list[str]:
    """The orders `q` may mean. Looked up first: one query with an OR over both tables would read every return."""
    of_customer = session.exec(
        select(tables.Order.reference)
        .join(tables.Customer, col(tables.Customer.id) == col(tables.Order.customer_id))
        .where(col(tables.Customer.email) == q.strip())
    ).all()
    return [q.strip(), *of_customer]


def timeline(session: Session, rma: str) -> Timeline:
    """The audit chain of a return with the mails that left. Raises `NotFound`."""
    row = _row(session, rma)
    items = [
        TimelineItem(
            at=r.at, what=r.what, actor_id=r.actor_id, role=r.role, policy_version=r.policy_version,
            details={name: value for name, value in r.details.items() if value is not None},
        )
        for r in session.exec(
            select(tables.AuditRecord).where(tables.AuditRecord.rma == rma).order_by(col(tables.AuditRecord.seq))
        )
    ]  # fmt: skip
    items += [
        TimelineItem(
            at=n.settled_at or n.written_at, what="mailed", actor_id="notices", role="system",
            policy_version=row.policy_version,
            details={"notice": n.kind, "result": n.result, "attempts": n.attempts},
        )
        for n in session.exec(select(tables.Notice).where(tables.Notice.rma == rma).order_by(col(tables.Notice.number)))
        if n.settled_at is not None
    ]  # fmt: skip
    return Timeline(rma=rma, items=sorted(items, key=lambda item: item.at))


def list_refunds(
    session: Session,
    *,
    status: RefundStatus | None,
    decided_from: datetime | None,
    decided_to: datetime | None,
    cursor: str | None,
    limit: int,
) -> RefundList:
    """Refunds by status and by when they were decided, newest first."""
    row = tables.Refund
    query = select(row).order_by(col(row.decided_at).desc(), col(row.id).desc()).limit(limit + 1)
    if status is not None:
        query = query.where(row.status == status)
    if decided_from is not None:
        query = query.where(row.decided_at >= decided_from)
    if decided_to is not None:
        query = query.where(row.decided_at < decided_to)
    if cursor is not None:
        query = query.where(tuple_(col(row.decided_at), col(row.id)) < from_cursor(cursor))
    rows = session.exec(query).all()
    more = len(rows) > limit
    rows = rows[:limit]
    return RefundList(
        items=_refunds(session, rows),
        next_cursor=to_cursor(rows[-1].decided_at, rows[-1].id) if more else None,
    )


def task_view(session: Session, task_id: str) -> TaskView:
    """One task, open or done. Raises `NotFound`."""
    row = session.get(tables.Task, task_id)
    if row is None:
        raise NotFound("task_not_found", "There is no such task. Look at the list of tasks for its id.")
    return _task(row)


def _task(row: tables.Task) -> TaskView:
    return TaskView(
        id=row.id, rma=row.rma, queue=row.queue, kind=row.kind, owner_role=row.owner_role, created_at=row.created_at,
        due_at=row.due_at, details=row.details, can_be_done=ends_with(row.id, row.kind) is BY_HAND,
        taken_by=row.taken_by, taken_at=row.taken_at, done_by=row.done_by, done_at=row.done_at,
    )  # fmt: skip


def list_tasks(session: Session, *, queue: str | None, cursor: str | None, limit: int) -> TaskList:
    """Open tasks, most urgent first."""
    row = tables.Task
    query = (
        select(row).where(col(row.done_at).is_(None)).order_by(col(row.due_at), col(row.id)).limit(limit + 1)
    )
    if queue is not None:
        query = query.where(row.queue == queue)
    if cursor is not None:
        query = query.where(tuple_(col(row.due_at), col(row.id)) > from_cursor(cursor))
    rows = session.exec(query).all()
    more = len(rows) > limit
    rows = rows[:limit]
    items = [_task(t) for t in rows]
    return TaskList(items=items, next_cursor=to_cursor(rows[-1].due_at, rows[-1].id) if more else None)
