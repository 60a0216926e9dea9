"""The webhook inbox: an event is stored once, judged later, stamped after it was acted upon.

What an event says is only a reason to look: the refund itself is fetched again.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select, update

from returndesk.domain.stages import RefundStatus
from returndesk.store import tables
from returndesk.store.database import Database


@dataclass(frozen=True)
class Waiting:
    """An event with what the books have beside it. `payment_id` None: not a payment of ours."""

    id: str
    type: str
    is_refund: bool
    object_reference: str
    status: str | None
    amount_minor: int | None
    received_at: datetime
    payment_id: str | None
    payment_reference: str
    refund_id: str
    rma: str
    refund_status: RefundStatus | None
    policy_version: str
    tells_bank_reference: bool


def keep(database: Database, event: tables.ProcessorEvent) -> bool:
    """Store an event; False where it is here already."""
    try:
        with database.write() as session:
            session.add(event)
    except IntegrityError:
        return False
    return True


def waiting(session: Session, limit: int) -> list[Waiting]:
    """Events nobody has acted upon, oldest first."""
    rows = session.exec(
        select(tables.ProcessorEvent, tables.Payment, tables.Refund, tables.Return.policy_version)
        .outerjoin(
            tables.Payment, col(tables.Payment.reference) == col(tables.ProcessorEvent.payment_reference)
        )
        .outerjoin(tables.Refund, col(tables.Refund.id) == col(tables.ProcessorEvent.refund_id))
        .outerjoin(tables.Return, col(tables.Return.rma) == col(tables.Refund.rma))
        .where(col(tables.ProcessorEvent.handled_at).is_(None))
        .order_by(col(tables.ProcessorEvent.received_at))
        .limit(limit)
    ).all()
    return [_waiting(event, payment, refund, version) for event, payment, refund, version in rows]


def _waiting(
    event: tables.ProcessorEvent,
    payment: tables.Payment | None,
    refund: tables.Refund | None,
    policy_version: str | None,
) -> Waiting:
    return Waiting(
        id=event.id,
        type=event.type,
        is_refund=event.type.startswith("refund."),
        object_reference=event.object_reference,
        status=event.status,
        amount_minor=event.amount_minor,
        received_at=event.received_at,
        payment_id=None if payment is None else payment.id,
        payment_reference=event.payment_reference or "",
        refund_id="" if refund is None else refund.id,
        rma="" if refund is None else refund.rma,
        refund_status=None if refund is None else RefundStatus(refund.status),
        policy_version=policy_version or "",
        tells_bank_reference=event.bank_reference is not None
        and refund is not None
        and refund.bank_reference is None,
    )


def handled(database: Database, event_id: str, result: str, now: datetime) -> None:
    """Stamp an event."""
    with database.write() as session:
        session.exec(
            update(tables.ProcessorEvent)
            .where(col(tables.ProcessorEvent.id) == event_id, col(tables.ProcessorEvent.handled_at).is_(None))
            .values(handled_at=now, result=result)
        )
