"""The return's own row and those of its refunds, as plain values: read, changed, and the changes written back."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Update, bindparam, select
from sqlmodel import SQLModel

from returndesk.domain.refund_books import Instants
from returndesk.domain.stages import RefundStatus, Stage
from returndesk.store import tables
from returndesk.store.statements import append, table_of, updating


@dataclass(slots=True)
class ReturnRow:
    """A row of `tables.Return`; the columns are described there."""

    rma: str
    order_reference: str
    contact_id: str
    policy_version: str
    stage: Stage
    channel: str
    resolution: str
    currency: str
    contacted_at: datetime
    recorded_at: datetime
    last_at: datetime
    needs_person: list[str] = field(default_factory=list)
    authorized_at: datetime | None = None
    reminder_at: datetime | None = None
    expires_at: datetime | None = None
    awaiting_answer_since: datetime | None = None
    on_hold_since: datetime | None = None
    sent_at: datetime | None = None
    looked_for_at: datetime | None = None
    declined_at: datetime | None = None
    cancelled_at: datetime | None = None
    expired_at: datetime | None = None
    received_at: datetime | None = None
    inspected_at: datetime | None = None
    decided_at: datetime | None = None
    decisions: int = 0
    awaiting_approval: bool = False
    goods_back_by: datetime | None = None
    goods_back_late_at: datetime | None = None
    goods_minor: int = 0
    goods_tax_minor: int = 0
    shipping_minor: int = 0
    shipping_tax_minor: int = 0
    owed_without_refund_minor: int = 0
    processing_due_at: datetime | None = None
    refund_due_at: datetime | None = None
    next_due_at: datetime | None = None
    ended_at: datetime | None = None
    notice_count: int = 0
    audit_count: int = 0
    audit_head: str = ""


@dataclass(slots=True)
class RefundRow:
    """A row of `tables.Refund`, without what belongs to the sender (`store/refunds.py`)."""

    id: str
    rma: str
    payment_id: str
    amount_minor: int
    currency: str
    status: RefundStatus
    parameters_hash: str
    decided_at: datetime
    decision: int = 1
    replaced_by: str | None = None
    failure_reason: str | None = None
    look_again_at: datetime | None = None
    processor_reference: str | None = None
    bank_reference: str | None = None
    needs_action_since: datetime | None = None
    action_expires_at: datetime | None = None
    asked_at: datetime | None = None
    submitted_at: datetime | None = None
    credited_at: datetime | None = None
    failed_at: datetime | None = None
    replaced_at: datetime | None = None
    late_at: datetime | None = None

    @property
    def instants(self) -> Instants:
        """What happened to it, and when."""
        return Instants(
            self.decided_at,
            self.submitted_at,
            self.credited_at,
            self.failed_at,
            self.replaced_at,
            self.late_at,
        )

    @property
    def needs_details(self) -> bool:
        """Whether the processor waits for something of the customer."""
        return self.status is RefundStatus.REQUIRES_ACTION


_RETURN_COLUMNS = tuple(field.name for field in fields(ReturnRow))
_REFUND_COLUMNS = tuple(field.name for field in fields(RefundRow))
_returns = table_of(tables.Return)
_refunds = table_of(tables.Refund)
_RETURN = select(*(_returns.c[name] for name in _RETURN_COLUMNS)).where(_returns.c.rma == bindparam("rma"))
_RETURN_LOCKED = _RETURN.with_for_update()
_REFUNDS = (
    select(*(_refunds.c[name] for name in _REFUND_COLUMNS))
    .where(_refunds.c.rma == bindparam("rma"))
    .order_by(_refunds.c.id)
)


def load_return(connection: Connection, rma: str, *, locked: bool) -> ReturnRow | None:
    """The return's row, locked against other writers where asked; None where there is none."""
    found = connection.execute(_RETURN_LOCKED if locked else _RETURN, {"rma": rma}).first()
    if found is None:
        return None
    row = ReturnRow(*found)
    row.stage = Stage(row.stage)
    return row


def load_refunds(connection: Connection, rma: str) -> list[RefundRow]:
    """The refunds of a return, by id."""
    refunds = [RefundRow(*found) for found in connection.execute(_REFUNDS, {"rma": rma})]
    for refund in refunds:
        refund.status = RefundStatus(refund.status)
    return refunds


def copies(refunds: Sequence[RefundRow]) -> list[RefundRow]:
    """The same values, to compare with later."""
    return [replace(refund) for refund in refunds]


def save_return(connection: Connection, before: ReturnRow | None, row: ReturnRow) -> None:
    """Write a new return, or what changed of one."""
    if before is None:
        append(connection, tables.Return, [_values(row, _RETURN_COLUMNS)])
    else:
        _update(connection, tables.Return, "rma", before, row, _RETURN_COLUMNS)


def save_refunds(connection: Connection, before: Sequence[RefundRow], after: Sequence[RefundRow]) -> None:
    """Write the refunds that are new, and what changed of the others."""
    known = {refund.id: refund for refund in before}
    append(
        connection, tables.Refund, [_values(x, _REFUND_COLUMNS) | _UNSENT for x in after if x.id not in known]
    )
    for refund in after:
        if refund.id in known:
            _update(connection, tables.Refund, "id", known[refund.id], refund, _REFUND_COLUMNS)


_UNSENT = {"key_number": 1, "looks": 0}


def _values(row: ReturnRow | RefundRow, columns: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in columns}


def _update(
    connection: Connection, model: type[SQLModel], key: str, before: Any, after: Any, columns: Sequence[str]
) -> None:
    changed = tuple(name for name in columns if getattr(before, name) != getattr(after, name))
    if changed:
        values = {name: getattr(after, name) for name in changed}
        connection.execute(_updating(model, key, changed), {f"key_{key}": getattr(after, key), **values})


@cache
def _updating(model: type[SQLModel], key: str, changed: tuple[str, ...]) -> Update:
    """One statement for each set of columns that change together; a transition kind has a handful."""
    return updating(model, [key], changed)
