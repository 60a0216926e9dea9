"""Refunds written straight into the books, each with the instants a test wants."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from in_process import POLICY
from sqlmodel import Session

from returndesk.domain.stages import RefundStatus
from returndesk.store import tables
from returndesk.store.database import Database


def at(text: str) -> datetime:
    """An instant of March 2026, UTC: "4 12:00", or written out in ISO 8601."""
    if "T" in text:
        return datetime.fromisoformat(text)
    day, time = text.split()
    return datetime.fromisoformat(f"2026-03-{int(day):02}T{time}+00:00")


@dataclass
class Written:
    """One refund and what its return's clocks say: `[event, at, reason, owner]`, as the books keep them."""

    number: int
    decided: str
    submitted: str | None = None
    credited: str | None = None
    failed: str | None = None
    replaced: str | None = None
    replaced_by: str | None = None
    late: str | None = None
    status: RefundStatus = RefundStatus.SUCCEEDED
    amount_minor: int = 1_000
    currency: str = "GBP"
    reason: str | None = None
    contacted: str = "1 09:00"
    refund_events: Sequence[Sequence[str | None]] = ()
    processing_late: str | None = None
    due: str | None = None
    audit: Sequence[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    order: str | None = None

    @property
    def rma(self) -> str:
        """A return for each."""
        return f"RMA-TEST-{self.number:04}"

    @property
    def id(self) -> str:
        """The first refund of its return."""
        return f"{self.rma}-1"


def _maybe(text: str | None) -> datetime | None:
    return None if text is None else at(text)


def write(database: Database, *refunds: Written) -> None:
    """Put the refunds and all they refer to into the books."""
    with database.write() as session:
        if session.get(tables.Customer, "cus_1") is None:
            session.add(tables.Customer(id="cus_1", name="Maud Ellery", email="maud.ellery@shop.example"))
            if session.get(tables.Policy, POLICY.version) is None:
                session.add(
                    tables.Policy(version=POLICY.version, body=POLICY.text, recorded_at=at("1 09:00"))
                )
            session.flush()
        for refund in refunds:
            _write(session, refund)


def _write(session: Session, w: Written) -> None:
    order, contacted = w.order or f"DA-{w.number}", at(w.contacted)
    session.add(tables.Order(reference=order, customer_id="cus_1", currency=w.currency, ordered_at=contacted,
                             input_hash="x", recorded_at=contacted))  # fmt: skip
    session.add(tables.Contact(id=f"con_{w.number}", channel="email", contacted_at=contacted, recorded_at=contacted,
                               actor_id="rep-1"))  # fmt: skip
    session.flush()
    session.add(tables.Payment(id=f"pay_{w.number}", order_reference=order, processor="stripe", reference=f"pi_{w.number}",
                               label="Visa ending 4242", currency=w.currency, captured_minor=w.amount_minor))  # fmt: skip
    session.add(tables.Return(
        rma=w.rma, order_reference=order, contact_id=f"con_{w.number}", policy_version=POLICY.version, stage="closed",
        channel="email", resolution="refund", currency=w.currency, contacted_at=contacted, recorded_at=contacted,
        decided_at=at(w.decided), last_at=contacted, decisions=1, audit_count=len(w.audit),
    ))  # fmt: skip
    session.flush()
    session.add(tables.Decision(rma=w.rma, number=1, decided_at=at(w.decided), decided_by="rules"))
    events = [["started", contacted.isoformat(), None, None]]
    session.add(tables.Clock(rma=w.rma, kind="processing", unit="business_days", allotment=5, events=events,
                             breached_at=_maybe(w.processing_late)))  # fmt: skip
    more = [[kind, at(str(when)).isoformat(), *rest] for kind, when, *rest in w.refund_events]
    session.add(tables.Clock(rma=w.rma, kind="refund", unit="business_days", allotment=7, events=[*events, *more],
                             breached_at=_maybe(w.late), due_at=_maybe(w.due)))  # fmt: skip
    session.add(tables.Refund(
        id=w.id, rma=w.rma, payment_id=f"pay_{w.number}", amount_minor=w.amount_minor, currency=w.currency,
        status=w.status, failure_reason=w.reason, parameters_hash="x", processor_reference=f"re_{w.number}",
        bank_reference=f"ARN{w.number}", decided_at=at(w.decided), submitted_at=_maybe(w.submitted),
        credited_at=_maybe(w.credited), failed_at=_maybe(w.failed), replaced_at=_maybe(w.replaced),
        replaced_by=w.replaced_by, late_at=_maybe(w.late),
    ))  # fmt: skip
    for seq, (what, when, details) in enumerate(w.audit, start=1):
        session.add(tables.AuditRecord(rma=w.rma, seq=seq, at=at(when), actor_id="processor", role="system", what=what,
                                       key="k", policy_version=POLICY.version, details=details, hash="x"))  # fmt: skip
