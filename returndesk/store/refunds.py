"""What is written down of a refund before and between calls to the processor (DESIGN 5).

These columns belong to the sending activity; the status belongs to the transition that records the answer.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, update

from returndesk.domain.stages import RefundStatus
from returndesk.store import tables


def parameters_hash(payment_reference: str, amount_minor: int, currency: str) -> str:
    """What a refund's key stands for: the same key is never sent with other parameters."""
    return hashlib.sha256(f"{payment_reference}|{amount_minor}|{currency}".encode()).hexdigest()


@dataclass(frozen=True)
class Sending:
    """A refund as the sender sees it."""

    id: str
    rma: str
    payment_reference: str
    amount_minor: int
    currency: str
    status: RefundStatus
    processor_reference: str | None
    key_number: int
    first_sent_at: datetime | None
    last_sent_at: datetime | None
    absent_at: datetime | None
    looks: int

    @property
    def key(self) -> str:
        """The idempotency key of this and every later POST, until it is proven that none got through."""
        return f"refund:{self.id}" if self.key_number == 1 else f"refund:{self.id}:{self.key_number}"


def sending(session: Session, refund_id: str) -> Sending:
    """A refund with what was sent of it. Raises where its parameters are not those it was granted with."""
    row = session.get_one(tables.Refund, refund_id)
    payment = session.get_one(tables.Payment, row.payment_id)
    if parameters_hash(payment.reference, row.amount_minor, row.currency) != row.parameters_hash:
        raise AssertionError(f"refund {refund_id} is not what was granted")
    return Sending(
        row.id, row.rma, payment.reference, row.amount_minor, row.currency, RefundStatus(row.status),
        row.processor_reference, row.key_number, row.first_sent_at, row.last_sent_at, row.absent_at, row.looks,
    )  # fmt: skip


def about_to_send(session: Session, refund: Sending, now: datetime) -> None:
    """Committed before every POST: since when this key may be known to the processor."""
    session.exec(
        update(tables.Refund)
        .where(col(tables.Refund.id) == refund.id)
        .values(first_sent_at=refund.first_sent_at or now, last_sent_at=now, absent_at=None)
    )


def seen_absent(session: Session, refund_id: str, now: datetime) -> None:
    """A complete listing did not have it."""
    session.exec(
        update(tables.Refund)
        .where(col(tables.Refund.id) == refund_id)
        .values(absent_at=now, looks=col(tables.Refund.looks) + 1)
    )


def looked(session: Session, refund_id: str) -> None:
    """One more round without an answer."""
    session.exec(
        update(tables.Refund)
        .where(col(tables.Refund.id) == refund_id)
        .values(looks=col(tables.Refund.looks) + 1)
    )


def proven_absent(session: Session, refund: Sending) -> None:
    """No POST under the old key got through: a new key may be used."""
    session.exec(
        update(tables.Refund)
        .where(col(tables.Refund.id) == refund.id, col(tables.Refund.key_number) == refund.key_number)
        .values(
            key_number=refund.key_number + 1, first_sent_at=None, last_sent_at=None, absent_at=None, looks=0
        )
    )
