"""The webhook inbox: an event is stored once, judged later, stamped after it was acted upon.

What an event says is only a reason to look: the refund itself is fetched again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.exc import IntegrityError

from returndesk.domain.stages import RefundStatus
from returndesk.store import tables
from returndesk.store.database import Database
from returndesk.store.statements import append, table_of

_events = table_of(tables.ProcessorEvent)
_payments = table_of(tables.Payment)
_refunds = table_of(tables.Refund)
_returns = table_of(tables.Return)
_WAITING = (
    select(
        _events.c.id,
        _events.c.type,
        _events.c.object_reference,
        _events.c.status,
        _events.c.amount_minor,
        _events.c.received_at,
        _events.c.payment_reference,
        _events.c.bank_reference,
        _payments.c.id.label("payment_id"),
        _refunds.c.id.label("refund_id"),
        _refunds.c.rma,
        _refunds.c.status.label("refund_status"),
        _refunds.c.bank_reference.label("known_bank_reference"),
        _returns.c.policy_version,
    )
    .outerjoin_from(_events, _payments, _payments.c.reference == _events.c.payment_reference)
    .outerjoin(_refunds, _refunds.c.id == _events.c.refund_id)
    .outerjoin(_returns, _returns.c.rma == _refunds.c.rma)
    .where(_events.c.handled_at.is_(None))
    .order_by(_events.c.received_at)
    .limit(bindparam("limit"))
)
_HANDLED = (
    update(_events)
    .where(_events.c.id == bindparam("key_id"), _events.c.handled_at.is_(None))
    .values(handled_at=bindparam("now"), result=bindparam("said"))
)


@dataclass(frozen=True)
class Event:
    """What is kept of an event: ids, a status and an amount."""

    id: str
    type: str
    object_reference: str
    received_at: datetime
    payment_reference: str | None = None
    refund_id: str | None = None
    status: str | None = None
    amount_minor: int | None = None
    bank_reference: str | None = None


@dataclass(frozen=True)
class Waiting:
    """An event with what the books have beside it. `payment_id` None: not a payment of ours."""

    id: str
    type: str
    is_refund: bool
    is_dispute: bool
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


def keep(database: Database, event: Event) -> bool:
    """Store an event; False where it is here already."""
    try:
        with database.transaction() as connection:
            append(connection, tables.ProcessorEvent, [vars(event)])
    except IntegrityError:
        return False
    return True


def waiting(connection: Connection, limit: int) -> list[Waiting]:
    """Events nobody has acted upon, oldest first."""
    return [_waiting(row) for row in connection.execute(_WAITING, {"limit": limit})]


def _waiting(row: Any) -> Waiting:
    return Waiting(
        id=row.id,
        type=row.type,
        is_refund=row.type.startswith("refund."),
        is_dispute=row.type.startswith("charge.dispute."),
        object_reference=row.object_reference,
        status=row.status,
        amount_minor=row.amount_minor,
        received_at=row.received_at,
        payment_id=row.payment_id,
        payment_reference=row.payment_reference or "",
        refund_id=row.refund_id or "",
        rma=row.rma or "",
        refund_status=None if row.refund_status is None else RefundStatus(row.refund_status),
        policy_version=row.policy_version or "",
        tells_bank_reference=row.bank_reference is not None
        and row.refund_id is not None
        and row.known_bank_reference is None,
    )


def handled(database: Database, results: Sequence[tuple[str, str]], now: datetime) -> None:
    """Stamp events, by their ids, with what came of them. A stamp is never changed."""
    rows = [{"key_id": event_id, "said": result, "now": now} for event_id, result in results]
    with database.transaction() as connection:
        connection.execute(_HANDLED, rows)
